/* The agent of the Java client: see ../README.md.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import spiked.Control;
import spiked.ControlException;
import spiked.Frame;
import spiked.Keys;
import spiked.Message;
import spiked.Options;
import spiked.Receiver;
import spiked.Rows;
import spiked.Sender;
import spiked.SensorRows;
import spiked.SpikedException;
import spiked.Stamp;

final class Agent {
    private static final Gson GSON = new GsonBuilder().serializeNulls().disableHtmlEscaping().create();

    private Sender sender;
    private Receiver receiver;
    private Control control;

    public static void main(String[] args) throws IOException {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Agent agent = new Agent();
        for (String line; (line = in.readLine()) != null; ) {
            JsonObject answer;
            try {
                answer = agent.run(JsonParser.parseString(line).getAsJsonObject());
            } catch (IOException | RuntimeException e) {
                answer = object("error", e.toString());
            }
            out.println(GSON.toJson(answer));
        }
        agent.close();
    }

    private static JsonObject object(Object... entries) {
        JsonObject object = new JsonObject();
        for (int i = 0; i < entries.length; i += 2) {
            object.add((String) entries[i], GSON.toJsonTree(entries[i + 1]));
        }
        return object;
    }

    private JsonObject run(JsonObject request) throws IOException {
        switch (request.get("do").getAsString()) {
            case "hello":
                return object("client", "java", "can", List.of("keys", "rows"));
            case "connect":
                connect(request);
                break;
            case "send":
                send(request);
                break;
            case "subscribe":
                request.getAsJsonArray("topics").forEach(topic -> receiver.subscribe(topic.getAsString()));
                break;
            case "unsubscribe":
                request.getAsJsonArray("topics").forEach(topic -> receiver.unsubscribe(topic.getAsString()));
                break;
            case "receive":
                return receive(request);
            case "call":
                return call(request);
            case "close":
                close();
                break;
            default:
                throw new IllegalArgumentException("this agent cannot " + request.get("do"));
        }
        return new JsonObject();
    }

    private void connect(JsonObject request) throws IOException {
        close();
        Options options = new Options().timeout(Duration.ofMillis(request.get("timeout_ms").getAsLong()));
        if (request.has("keys")) {
            JsonObject keys = request.getAsJsonObject("keys");
            options.keys(Keys.load(Path.of(keys.get("file").getAsString()), keys.get("server").getAsString()));
        }
        sender = new Sender(request.get("ingest").getAsString(), options);
        receiver = new Receiver(request.get("publish").getAsString(), options);
        control = new Control(request.get("control").getAsString(), options);
    }

    private void close() {
        if (sender != null) {
            sender.close();
        }
        if (receiver != null) {
            receiver.close();
        }
        if (control != null) {
            control.close();
        }
        sender = null;
        receiver = null;
        control = null;
    }

    private void send(JsonObject request) {
        Rows rows = rows(request.get("type").getAsString(), request.getAsJsonArray("rows"));
        String stream = request.get("stream").getAsString();
        if (request.has("stamp")) {
            JsonObject stamp = request.getAsJsonObject("stamp");
            long seq = Long.parseUnsignedLong(stamp.get("seq").getAsString());
            sender.sendStamped(stream, rows, new Stamp(Long.parseLong(stamp.get("time_ns").getAsString()), seq));
        } else {
            sender.send(stream, rows);
        }
    }

    private static Rows rows(String type, JsonArray rows) {
        if (type.equals("json")) {
            return Rows.json(rows);
        }
        List<JsonElement> flat = new ArrayList<>();
        rows.forEach(row -> row.getAsJsonArray().forEach(flat::add));
        switch (type) {
            case "f32":
                float[] floats = new float[flat.size()];
                for (int i = 0; i < floats.length; i++) {
                    floats[i] = flat.get(i).isJsonNull() ? Float.NaN : flat.get(i).getAsFloat();
                }
                return Rows.f32(floats);
            case "f64":
                return Rows.f64(flat.stream().mapToDouble(v -> v.isJsonNull() ? Double.NaN : v.getAsDouble()).toArray());
            case "pairs":
                Map<Integer, Float> pairs = new LinkedHashMap<>();
                for (JsonElement pair : flat) {
                    pairs.put(pair.getAsJsonArray().get(0).getAsInt(), pair.getAsJsonArray().get(1).getAsFloat());
                }
                return Rows.pairs(pairs);
            default:
                int[] whole = flat.stream().mapToInt(JsonElement::getAsInt).toArray();
                return switch (type) {
                    case "i8" -> Rows.i8(whole);
                    case "u8" -> Rows.u8(whole);
                    case "i16" -> Rows.i16(whole);
                    case "u16" -> Rows.u16(whole);
                    case "i32" -> Rows.i32(whole);
                    default -> throw new IllegalArgumentException("no type " + type);
                };
        }
    }

    private JsonObject receive(JsonObject request) {
        int count = request.get("count").getAsInt();
        long end = System.nanoTime() + request.get("timeout_ms").getAsLong() * 1_000_000;
        JsonArray messages = new JsonArray();
        while (messages.size() < count) {
            Optional<Message> message = receiver.poll(Duration.ofNanos(Math.max(0, end - System.nanoTime())));
            if (message.isEmpty()) {
                break;
            }
            messages.add(document(message.get()));
        }
        String fault = receiver.fault() == null ? "" : receiver.fault().getMessage();
        return object("messages", messages, "malformed", receiver.malformed(), "fault", fault);
    }

    private JsonObject call(JsonObject request) {
        try {
            return object("result", control.call(request.get("method").getAsString(), request.get("params")));
        } catch (ControlException e) {
            JsonObject answer = object("error", e.getMessage(), "code", e.code());
            if (!e.path().isEmpty()) {
                answer.addProperty("path", e.path());
            }
            return answer;
        } catch (SpikedException e) {
            return object("error", e.getMessage(), "code", 0);
        }
    }

    private static JsonObject document(Message message) {
        JsonObject document =
                object("topic", message.topic(), "missed", message.missed(), "restarted", message.restarted());
        if (message.json() != null) {
            document.add("json", message.json());
        } else if (message.rows() != null) {
            JsonArray parts = new JsonArray();
            parts.add(rowsPart(message.rows()));
            document.add("parts", parts);
        } else {
            JsonArray parts = new JsonArray();
            message.frames().forEach(frame -> parts.add(part(frame)));
            document.add("parts", parts);
        }
        return document;
    }

    private static JsonObject rowsPart(SensorRows got) {
        JsonArray rows = new JsonArray();
        if (got.type() == SensorRows.Type.PAIRS) {
            JsonArray row = new JsonArray();
            got.pairs().forEach((channel, value) -> row.add(GSON.toJsonTree(List.of(channel, value))));
            rows.add(row);
        } else {
            double[] values = got.values();
            JsonArray row = new JsonArray();
            for (double value : values) {
                row.add(Double.isNaN(value) ? JsonNull.INSTANCE : new JsonPrimitive(value));
                if (row.size() == got.channels()) {
                    rows.add(row);
                    row = new JsonArray();
                }
            }
        }
        return object(
                "kind", "rows",
                "format", got.type().name().toLowerCase(Locale.ROOT),
                "flags", List.of(),
                "epoch", String.format(Locale.ROOT, "%016x", got.epoch()),
                "tick", Long.toUnsignedString(got.tick()),
                "seq", Long.toUnsignedString(got.seq()),
                "time_ns", Long.toString(got.timeNs()),
                "source_ns", Long.toString(got.sourceNs()),
                "dt_ns", got.dtNs(),
                "lines", got.channels(),
                "count", got.count(),
                "rows", rows);
    }

    private static JsonObject part(Frame frame) {
        boolean floats = frame.format() == Frame.Format.F32;
        JsonObject part =
                object(
                        "kind", frame.kind().name().toLowerCase(Locale.ROOT),
                        "format", frame.format().name().toLowerCase(Locale.ROOT),
                        "flags", frame.flags().stream().map(flag -> flag.name().toLowerCase(Locale.ROOT)).toList(),
                        "epoch", String.format(Locale.ROOT, "%016x", frame.epoch()),
                        "tick", Long.toUnsignedString(frame.tick()),
                        "seq", Long.toUnsignedString(frame.seq()),
                        "time_ns", Long.toString(frame.timeNs()),
                        "source_ns", Long.toString(frame.sourceNs()),
                        "dt_ns", frame.dtNs(),
                        "lines", frame.lineCount(),
                        "count", floats ? frame.values().length : frame.lines().length);
        if (!floats) {
            part.add("line", GSON.toJsonTree(frame.lines()));
            part.add("sign", GSON.toJsonTree(frame.signs()));
        }
        if (floats || frame.format() == Frame.Format.GRADED) {
            JsonArray values = new JsonArray();
            for (float value : frame.values()) {
                values.add(Float.isFinite(value) ? new JsonPrimitive((double) value) : JsonNull.INSTANCE);
            }
            part.add("values", values);
        }
        return part;
    }
}
