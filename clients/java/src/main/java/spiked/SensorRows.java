package spiked;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A message of {@code rows/}: what a sensor sent, and the first tick that could use it. Numbers of 64 bits are
 * unsigned on the wire.
 *
 * <p>SPDX-License-Identifier: Apache-2.0
 *
 * @param type of the stream's rows
 * @param epoch drawn when the daemon starts
 * @param tick the first that could use the first row
 * @param seq row messages that the stream took before
 * @param timeNs when spiked took it, nanoseconds since 1970
 * @param sourceNs of the first row, as the sensor said it; 0 = not known
 * @param dtNs one tick
 * @param channels of the stream
 * @param count rows
 * @param payload as it was sent
 * @param stamp if the sensor sent one beside the payload; else null
 */
public record SensorRows(
        Type type,
        long epoch,
        long tick,
        long seq,
        long timeNs,
        long sourceNs,
        long dtNs,
        long channels,
        long count,
        byte[] payload,
        Stamp stamp) {

    /** The type of a stream's rows; in the order of the wire, from 16. */
    public enum Type {
        F32(4),
        F64(8),
        I8(1),
        U8(1),
        I16(2),
        U16(2),
        I32(4),
        JSON(0),
        PAIRS(8);

        /** Bytes of a number, or of a pair. */
        final int size;

        Type(int size) {
            this.size = size;
        }
    }

    /**
     * The numbers, row after row; NaN = no sample, as for the channels that {@code pairs} do not name.
     *
     * @throws WireException the payload is no such rows
     */
    public double[] values() {
        return switch (type) {
            case JSON -> jsonValues();
            case PAIRS -> pairsRow();
            default -> {
                ByteBuffer in = little();
                double[] values = new double[payload.length / type.size];
                for (int i = 0; i < values.length; i++) {
                    values[i] = number(in);
                }
                yield values;
            }
        };
    }

    /** Of type {@code pairs}: value by channel, as they came; else none. */
    public Map<Integer, Float> pairs() {
        Map<Integer, Float> pairs = new LinkedHashMap<>();
        ByteBuffer in = little();
        while (type == Type.PAIRS && in.hasRemaining()) {
            pairs.put(in.getInt(), in.getFloat());
        }
        return pairs;
    }

    /** Whether the payload is as long as the header says. */
    boolean fits() {
        if (channels == 0 || count == 0) {
            return false;
        }
        return switch (type) {
            case JSON -> true;
            case PAIRS -> payload.length % type.size == 0;
            default -> payload.length % type.size == 0 && payload.length / type.size / channels == count
                    && payload.length / type.size % channels == 0;
        };
    }

    private ByteBuffer little() {
        return ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
    }

    private double number(ByteBuffer in) {
        return switch (type) {
            case F32 -> in.getFloat();
            case F64 -> in.getDouble();
            case I8 -> in.get();
            case U8 -> Byte.toUnsignedInt(in.get());
            case I16 -> in.getShort();
            case U16 -> Short.toUnsignedInt(in.getShort());
            case I32 -> in.getInt();
            case JSON, PAIRS -> throw new IllegalStateException(type + " are no numbers");
        };
    }

    private double[] pairsRow() {
        double[] row = new double[Math.toIntExact(channels)];
        Arrays.fill(row, Double.NaN);
        pairs().forEach((channel, value) -> {
            if (Integer.toUnsignedLong(channel) >= channels) {
                throw new WireException("a pair of channel " + Integer.toUnsignedString(channel) + " of " + channels);
            }
            row[channel] = value;
        });
        return row;
    }

    /** A row, a list of rows, or an object with either in "values". */
    private double[] jsonValues() {
        try {
            JsonElement document = Json.parse(payload);
            JsonElement rows = document.isJsonObject() ? document.getAsJsonObject().get("values") : document;
            List<JsonElement> flat = new ArrayList<>();
            for (JsonElement each : rows.getAsJsonArray()) {
                if (each instanceof JsonArray row) {
                    row.forEach(flat::add);
                } else {
                    flat.add(each);
                }
            }
            return flat.stream().mapToDouble(v -> v.isJsonNull() ? Double.NaN : v.getAsDouble()).toArray();
        } catch (IllegalArgumentException | IllegalStateException | NullPointerException e) {
            throw new WireException("JSON that is no rows: " + e.getMessage());
        }
    }
}
