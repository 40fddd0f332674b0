package spiked;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.fail;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * What clients/vectors says about bytes.
 *
 * <p>SPDX-License-Identifier: Apache-2.0
 */
class VectorsTest {
    private static JsonObject part(Frame frame) {
        boolean floats = frame.format() == Frame.Format.F32;
        JsonObject part = new JsonObject();
        part.addProperty("kind", frame.kind().name().toLowerCase(Locale.ROOT));
        part.addProperty("format", frame.format().name().toLowerCase(Locale.ROOT));
        JsonArray flags = new JsonArray();
        frame.flags().forEach(flag -> flags.add(flag.name().toLowerCase(Locale.ROOT)));
        part.add("flags", flags);
        part.addProperty("epoch", String.format(Locale.ROOT, "%016x", frame.epoch()));
        part.addProperty("tick", Long.toUnsignedString(frame.tick()));
        part.addProperty("seq", Long.toUnsignedString(frame.seq()));
        part.addProperty("time_ns", Long.toString(frame.timeNs()));
        part.addProperty("source_ns", Long.toString(frame.sourceNs()));
        part.addProperty("dt_ns", frame.dtNs());
        part.addProperty("lines", frame.lineCount());
        part.addProperty("count", floats ? frame.values().length : frame.lines().length);
        if (!floats) {
            JsonArray lines = new JsonArray();
            JsonArray signs = new JsonArray();
            Arrays.stream(frame.lines()).forEach(lines::add);
            for (byte sign : frame.signs()) {
                signs.add(sign);
            }
            part.add("line", lines);
            part.add("sign", signs);
        }
        if (floats || frame.format() == Frame.Format.GRADED) {
            JsonArray values = new JsonArray();
            for (float value : frame.values()) {
                values.add((double) value);
            }
            part.add("values", values);
        }
        return part;
    }

    private static JsonObject document(Message message) {
        JsonObject document = new JsonObject();
        document.addProperty("topic", message.topic());
        if (message.json() != null) {
            document.add("json", message.json());
        } else {
            JsonArray parts = new JsonArray();
            message.frames().forEach(frame -> parts.add(part(frame)));
            document.add("parts", parts);
        }
        return document;
    }

    @Test
    void messagesDecodeToWhatTheVectorsSay() {
        for (Vectors vector : Vectors.all("out")) {
            if (vector.decoded().isJsonNull()) {
                assertThrows(WireException.class, () -> Wire.decode(vector.frames()), vector.name());
            } else {
                JsonElement got = Vectors.plain(document(Wire.decode(vector.frames())));
                assertEquals(Vectors.plain(vector.decoded()), got, vector.name());
            }
        }
    }

    private static Rows rows(String type, List<JsonElement> values) {
        double[] doubles = values.stream().mapToDouble(v -> v.isJsonPrimitive() ? v.getAsDouble() : Double.NaN).toArray();
        int[] whole = Arrays.stream(doubles).mapToInt(value -> (int) value).toArray();
        float[] floats = new float[doubles.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) doubles[i];
        }
        return switch (type) {
            case "f32" -> Rows.f32(floats);
            case "f64" -> Rows.f64(doubles);
            case "i8" -> Rows.i8(whole);
            case "u8" -> Rows.u8(whole);
            case "i16" -> Rows.i16(whole);
            case "u16" -> Rows.u16(whole);
            case "i32" -> Rows.i32(whole);
            case "pairs" -> {
                Map<Integer, Float> pairs = new LinkedHashMap<>();
                values.stream()
                        .map(JsonElement::getAsJsonArray)
                        .forEach(pair -> pairs.put(pair.get(0).getAsInt(), pair.get(1).getAsFloat()));
                yield Rows.pairs(pairs);
            }
            default -> fail("type " + type);
        };
    }

    @Test
    void rowsAreTheBytesOfTheVectors() {
        for (Vectors vector : Vectors.all("in")) {
            JsonObject decoded = vector.decoded().getAsJsonObject();
            String type = decoded.get("type").getAsString();
            if (type.equals("json")) {
                continue;
            }
            List<JsonElement> values = new ArrayList<>();
            decoded.getAsJsonArray("rows").forEach(row -> row.getAsJsonArray().forEach(values::add));
            assertArrayEquals(vector.frames().get(1), rows(type, values).payload(), vector.name());
        }
        JsonElement json = Json.parse("[1,2.5,null]".getBytes());
        assertArrayEquals(Vectors.of("row-json").frames().get(1), Rows.json(json).payload());
    }

    @Test
    void rowsAreReadAsTheyWereSent() {
        List<byte[]> frames = Vectors.of("rows").frames();
        SensorRows rows = Wire.decode(frames).rows();
        assertArrayEquals(new double[] {1, 2, 3}, rows.values());
        assertEquals(List.of(7L, 41L, 5L), List.of(rows.tick(), rows.seq(), rows.stamp().seq()));
        assertNull(Wire.decode(frames.subList(0, 3)).rows().stamp());
        for (int i = 1; i < 4; i++) {
            List<byte[]> cut = new ArrayList<>(frames);
            cut.set(i, Arrays.copyOf(frames.get(i), frames.get(i).length - 1));
            assertThrows(WireException.class, () -> Wire.decode(cut), "frame " + i);
        }
    }

    @Test
    void whatATypeCannotHoldIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> Rows.u8(256));
        assertThrows(IllegalArgumentException.class, () -> Rows.i8(-129));
        assertThrows(IllegalArgumentException.class, () -> Rows.u16(-1));
        assertThrows(IllegalArgumentException.class, () -> Rows.i16(40_000));
        assertThrows(IllegalArgumentException.class, () -> Rows.f32());
        assertArrayEquals(Rows.i16(1, -2).payload(), Rows.i16(new short[] {1, -2}).payload());
    }

    @Test
    void aMessageCutShortAnywhereIsRefusedOrReadWithoutHarm() {
        for (Vectors vector : Vectors.all("out")) {
            for (int i = 0; i < vector.frames().size(); i++) {
                for (int length = 0; length < vector.frames().get(i).length; length++) {
                    List<byte[]> frames = new ArrayList<>(vector.frames());
                    frames.set(i, Arrays.copyOf(frames.get(i), length));
                    if (i > 0 && !vector.decoded().isJsonNull()) {
                        String cut = vector.name() + ": frame " + i + " cut to " + length + " bytes";
                        assertThrows(WireException.class, () -> Wire.decode(frames), cut);
                    } else {
                        try {
                            Wire.decode(frames);
                        } catch (WireException e) {
                            // as well
                        }
                    }
                }
            }
        }
    }

    @Test
    void aTopicOfLaterDaysIsGivenAsItCame() {
        Message message = Wire.decode(List.of("novel/imu/".getBytes(), "what".getBytes(), "ever".getBytes()));
        assertEquals("imu", message.stream());
        assertEquals(2, message.other().size());
    }

    @Test
    void spikesAddUpLineByLine() {
        Map<String, String> wanted =
                Map.of(
                        "spikes-words-repeated", "[0.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, -2.0, 0.0, 0.0]",
                        "spikes-graded", "[0.0, 0.5, 0.0, 0.0, -2.25, 0.0]",
                        "spikes-bitmap-signed", "[1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]",
                        "state", "[0.1, 0.0, -0.75]");
        wanted.forEach(
                (name, dense) -> {
                    Frame frame = Wire.decode(Vectors.of(name).frames()).frames().get(0);
                    assertEquals(dense, Arrays.toString(frame.dense()), name);
                });
    }
}
