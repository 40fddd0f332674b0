package spiked;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Bytes to messages: clients/PROTOCOL.md in Java. No sockets here.
 *
 * <p>SPDX-License-Identifier: Apache-2.0
 */
public final class Wire {
    /** Where spiked takes rows unless configured otherwise. */
    public static final String INGEST = "tcp://127.0.0.1:7570";

    /** Where it publishes. */
    public static final String PUBLISH = "tcp://127.0.0.1:7571";

    /** Where it is steered. */
    public static final String CONTROL = "tcp://127.0.0.1:7572";

    private static final int HEADER_SIZE = 64;
    private static final int ROWS = 4;
    private static final int FIRST_ROW_FORMAT = 16;
    private static final byte[] MAGIC = "SPK1".getBytes(StandardCharsets.US_ASCII);

    private Wire() {}

    /** Reads a message, all its ZeroMQ frames, topic first. */
    public static Message decode(List<byte[]> frames) throws WireException {
        if (frames.isEmpty()) {
            throw new WireException("an empty message");
        }
        String topic = topic(frames.get(0));
        List<byte[]> rest = frames.subList(1, frames.size());
        String kind = topic.split("/", 2)[0];
        return switch (kind) {
            case "json", "meta", "status" ->
                    new Message(topic, List.of(), document(topic, rest), null, List.of(), 0, 0, false);
            case "spikes", "state", "values", "bundle" ->
                    new Message(topic, parts(topic, kind, rest), null, null, List.of(), 0, 0, false);
            case "rows" -> new Message(topic, List.of(), null, rows(topic, rest), List.of(), 0, 0, false);
            default -> new Message(topic, List.of(), null, null, List.copyOf(rest), 0, 0, false);
        };
    }

    private static String topic(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw new WireException("the topic is not text");
        }
    }

    private static WireException fault(String topic, String format, Object... args) {
        return new WireException(topic + ": " + String.format(Locale.ROOT, format, args));
    }

    private static JsonObject document(String topic, List<byte[]> rest) {
        if (rest.size() != 1) {
            throw fault(topic, "%d frames behind the topic, not JSON alone", rest.size());
        }
        JsonElement element;
        try {
            element = Json.parse(rest.get(0));
        } catch (IllegalArgumentException e) {
            throw fault(topic, "not JSON: %s", e.getMessage());
        }
        if (!element.isJsonObject()) {
            throw fault(topic, "not a JSON object");
        }
        return element.getAsJsonObject();
    }

    private static List<Frame> parts(String topic, String kind, List<byte[]> rest) {
        int n = rest.size();
        boolean bundle = kind.equals("bundle");
        if (n < 2 || n % 2 != 0 || !bundle && n != 2) {
            throw fault(topic, "%d frames behind the topic", n);
        }
        List<Frame> parts = new ArrayList<>(n / 2);
        for (int i = 0; i < n; i += 2) {
            Frame frame = frame(topic, rest.get(i), rest.get(i + 1));
            if (!bundle && !frame.kind().name().equalsIgnoreCase(kind)) {
                throw fault(topic, "the header says %s", frame.kind());
            }
            parts.add(frame);
        }
        return List.copyOf(parts);
    }

    private static ByteBuffer header(String topic, byte[] header) {
        if (header.length != HEADER_SIZE) {
            throw fault(topic, "a header of %d bytes, not %d", header.length, HEADER_SIZE);
        }
        if (!Arrays.equals(header, 0, 4, MAGIC, 0, 4)) {
            throw fault(topic, "the magic is not SPK1: not version 1 of spiked's protocol");
        }
        return little(header);
    }

    private static SensorRows rows(String topic, List<byte[]> rest) {
        if (rest.size() != 2 && rest.size() != 3) {
            throw fault(topic, "%d frames behind the topic", rest.size());
        }
        ByteBuffer in = header(topic, rest.get(0));
        if (in.get(4) != ROWS) {
            throw fault(topic, "the header says kind %d", in.get(4));
        }
        SensorRows rows =
                new SensorRows(
                        named(topic, "format", SensorRows.Type.values(), in.get(5) - FIRST_ROW_FORMAT + 1),
                        in.getLong(8),
                        in.getLong(16),
                        in.getLong(24),
                        in.getLong(32),
                        in.getLong(40),
                        Integer.toUnsignedLong(in.getInt(48)),
                        Integer.toUnsignedLong(in.getInt(52)),
                        Integer.toUnsignedLong(in.getInt(56)),
                        rest.get(1),
                        rest.size() == 3 ? stamp(topic, rest.get(2)) : null);
        if (!rows.fits()) {
            throw fault(
                    topic,
                    "%d bytes are not %d rows of %d %s",
                    rest.get(1).length,
                    rows.count(),
                    rows.channels(),
                    rows.type());
        }
        return rows;
    }

    private static Stamp stamp(String topic, byte[] stamp) {
        if (stamp.length != 16) {
            throw fault(topic, "a stamp of %d bytes", stamp.length);
        }
        ByteBuffer in = little(stamp);
        return new Stamp(in.getLong(), in.getLong());
    }

    private static Frame frame(String topic, byte[] header, byte[] payload) {
        ByteBuffer in = header(topic, header);
        Frame.Kind kind = named(topic, "kind", Frame.Kind.values(), in.get(4));
        Frame.Format format = named(topic, "format", Frame.Format.values(), in.get(5));
        if ((kind == Frame.Kind.SPIKES) == (format == Frame.Format.F32)) {
            throw fault(topic, "%s do not come as %s", kind, format);
        }
        long lineCount = Integer.toUnsignedLong(in.getInt(52));
        long count = Integer.toUnsignedLong(in.getInt(56));
        Spikes spikes =
                switch (format) {
                    case BITMAP -> bitmap(topic, payload, lineCount, count);
                    case F32 -> new Spikes(new int[0], new byte[0], values(topic, payload, lineCount, count));
                    case WORDS, GRADED -> words(topic, payload, lineCount, count, format);
                };
        return new Frame(
                kind,
                format,
                Short.toUnsignedInt(in.getShort(6)),
                in.getLong(8),
                in.getLong(16),
                in.getLong(24),
                in.getLong(32),
                in.getLong(40),
                Integer.toUnsignedLong(in.getInt(48)),
                lineCount,
                spikes.lines,
                spikes.signs,
                spikes.values);
    }

    private record Spikes(int[] lines, byte[] signs, float[] values) {}

    private static <T> T named(String topic, String what, T[] names, int number) {
        if (number < 1 || number > names.length) {
            throw fault(topic, "%s %d is not known to this client", what, number);
        }
        return names[number - 1];
    }

    private static float[] values(String topic, byte[] payload, long lineCount, long count) {
        check(topic, payload, count, 4);
        if (count != lineCount) {
            throw fault(topic, "%d values for %d lines", count, lineCount);
        }
        return floats(payload, 0, (int) count);
    }

    private static Spikes words(String topic, byte[] payload, long lineCount, long count, Frame.Format format) {
        boolean graded = format == Frame.Format.GRADED;
        check(topic, payload, count, graded ? 8 : 4);
        ByteBuffer in = little(payload);
        int[] lines = new int[(int) count];
        byte[] signs = new byte[lines.length];
        for (int i = 0; i < lines.length; i++) {
            int word = in.getInt();
            lines[i] = word & Integer.MAX_VALUE;
            signs[i] = (byte) (word < 0 ? -1 : 1);
            if (lines[i] >= lineCount) {
                throw fault(topic, "a spike on line %d of %d", lines[i], lineCount);
            }
            if (i > 0 && lines[i] < lines[i - 1]) {
                throw fault(topic, "line %d comes after line %d", lines[i], lines[i - 1]);
            }
        }
        return new Spikes(lines, signs, graded ? floats(payload, 4 * lines.length, lines.length) : new float[0]);
    }

    private static Spikes bitmap(String topic, byte[] payload, long lineCount, long count) {
        int size = (int) ((lineCount + 7) / 8);
        if (payload.length != size && payload.length != 2 * size) {
            throw fault(topic, "%d bytes for bitmaps of %d lines", payload.length, lineCount);
        }
        int set = 0;
        for (byte each : payload) {
            set += Integer.bitCount(Byte.toUnsignedInt(each));
        }
        if (set != count) {
            throw fault(topic, "%d bits set, count %d", set, count);
        }
        int[] lines = new int[set];
        byte[] signs = new byte[set];
        for (int i = 0, n = 0; i < size; i++) {
            int minus = payload.length > size ? payload[size + i] : 0;
            if ((payload[i] & minus) != 0) {
                throw fault(topic, "a line is in both planes");
            }
            for (int left = Byte.toUnsignedInt((byte) (payload[i] | minus)); left != 0; left &= left - 1) {
                int bit = Integer.numberOfTrailingZeros(left);
                lines[n] = 8 * i + bit;
                if (lines[n] >= lineCount) {
                    throw fault(topic, "a bit past line %d", lineCount - 1);
                }
                signs[n++] = (byte) ((minus >> bit & 1) == 1 ? -1 : 1);
            }
        }
        return new Spikes(lines, signs, new float[0]);
    }

    private static void check(String topic, byte[] payload, long count, int each) {
        if (payload.length != count * each) {
            throw fault(topic, "%d bytes of payload, not %d for count %d", payload.length, count * each, count);
        }
    }

    private static float[] floats(byte[] payload, int at, int count) {
        float[] floats = new float[count];
        little(payload).position(at).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(floats);
        return floats;
    }

    private static ByteBuffer little(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
