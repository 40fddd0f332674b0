package spiked;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Control: JSON-RPC 2.0 over a DEALER socket. Requests are never queued for a spiked that is not there, and an
 * answer that comes after its call was given up is thrown away. May be used by several threads; their calls
 * wait in line.
 *
 * <p>The methods are those of section 5 of PROTOCOL.md; so are their results. They throw
 * {@link ControlException} when spiked refuses, {@link SpikedException.NotConnected} when it could not be asked,
 * {@link SpikedException.NoAnswer} when nobody knows.
 *
 * <p>SPDX-License-Identifier: Apache-2.0
 */
public final class Control implements AutoCloseable {
    private final Link link;
    private final Options options;
    private long id;

    /** One call of a batch; params may be null. */
    public record Call(String method, JsonElement params) {}

    /** What became of one: the value, or else the refusal. */
    public record Result(JsonElement value, ControlException refusal) {
        /** The value; throws the refusal. */
        public JsonElement get() {
            if (refusal != null) {
                throw refusal;
            }
            return value;
        }
    }

    /** Starts to connect to an endpoint, such as {@link Wire#CONTROL}. */
    public Control(String endpoint) {
        this(endpoint, new Options());
    }

    /** The same with options. */
    public Control(String endpoint, Options options) {
        this.options = options;
        link = new Link(Zmq.DEALER, endpoint, options);
    }

    /** Calls a method without parameters. */
    public JsonElement call(String method) {
        return call(method, null);
    }

    /** Calls a method with an object or a list of parameters. */
    public synchronized JsonElement call(String method, JsonElement params) {
        JsonObject request = request(method, params);
        return exchange(request, id, 1).get(id).get();
    }

    /** Several calls in one message: their results in order. */
    public synchronized List<Result> batch(List<Call> calls) {
        if (calls.isEmpty()) {
            return List.of();
        }
        long first = id + 1;
        JsonArray requests = new JsonArray();
        calls.forEach(call -> requests.add(request(call.method, call.params)));
        Map<Long, Result> results = exchange(requests, first, calls.size());
        List<Result> inOrder = new ArrayList<>(calls.size());
        for (long each = first; each <= id; each++) {
            inOrder.add(results.get(each));
        }
        return inOrder;
    }

    /** Version, epoch, clock, what realtime was granted, endpoints. */
    public JsonObject info() {
        return call("info").getAsJsonObject();
    }

    /** Every encoder with its parameters. */
    public JsonElement encoders() {
        return call("encoders");
    }

    /** Meta, counters and liveness of every stream. */
    public JsonArray streams() {
        return call("streams").getAsJsonArray();
    }

    /** Meta, counters and liveness of one stream. */
    public JsonObject stream(String name) {
        return call("stream", object("name", name)).getAsJsonObject();
    }

    /** Adds a stream, described as in the configuration file. */
    public JsonObject add(JsonObject stream) {
        return call("add", object("stream", stream)).getAsJsonObject();
    }

    /** What {@link #add} would give, or its error; adds nothing. */
    public JsonObject check(JsonObject stream) {
        return call("check", object("stream", stream)).getAsJsonObject();
    }

    /** Ends a stream. */
    public void remove(String name) {
        call("remove", object("name", name));
    }

    /** Changes a parameter of a running stage, between two ticks. */
    public JsonElement set(String name, String stage, String param, Object value) {
        return call("set", object("name", name, "stage", stage, "param", param, "value", value));
    }

    /** The same, by the stage's index. */
    public JsonElement set(String name, int stage, String param, Object value) {
        return call("set", object("name", name, "stage", stage, "param", param, "value", value));
    }

    /** Clears a stream's state; the result says from which tick on. */
    public JsonObject reset(String name) {
        return call("reset", object("name", name)).getAsJsonObject();
    }

    /** Writes a snapshot of all streams. */
    public JsonObject save() {
        return call("save").getAsJsonObject();
    }

    /** Goes back to the last snapshot of all streams. */
    public JsonObject restore() {
        return call("restore").getAsJsonObject();
    }

    /** Runs ticks (clock {@code manual} only); returns when they have run. */
    public JsonObject step(long ticks) {
        return call("step", object("ticks", ticks)).getAsJsonObject();
    }

    /** Reads the configuration file again. */
    public JsonObject reload() {
        return call("reload").getAsJsonObject();
    }

    /** All counters and histograms. */
    public JsonObject stats() {
        return call("stats").getAsJsonObject();
    }

    @Override
    public synchronized void close() {
        link.close();
    }

    /** Keys and values by turns. */
    private static JsonObject object(Object... entries) {
        JsonObject object = new JsonObject();
        for (int i = 0; i < entries.length; i += 2) {
            object.add((String) entries[i], element(entries[i + 1]));
        }
        return object;
    }

    private static JsonElement element(Object value) {
        if (value instanceof JsonElement element) {
            return element;
        }
        if (value instanceof Number number) {
            return new JsonPrimitive(number);
        }
        if (value instanceof Boolean truth) {
            return new JsonPrimitive(truth);
        }
        return new JsonPrimitive((String) value);
    }

    private JsonObject request(String method, JsonElement params) {
        JsonObject request = object("jsonrpc", "2.0", "id", ++id, "method", method);
        if (params != null) {
            request.add("params", params);
        }
        return request;
    }

    private Map<Long, Result> exchange(JsonElement request, long first, int count) {
        Link.Deadline deadline = new Link.Deadline(options.timeout);
        if (!link.send(List.of(new byte[0], Json.bytes(request)), deadline)) {
            throw new SpikedException.NotConnected(
                    "no spiked could be reached at " + link.endpoint() + deadline.within() + link.why());
        }
        Map<Long, Result> results = new HashMap<>();
        while (results.size() < count) {
            for (JsonElement each : answers(deadline)) {
                JsonObject answer = each.getAsJsonObject();
                JsonElement theirs = answer.get("id");
                if ((theirs == null || theirs.isJsonNull()) && answer.has("error")) {
                    throw ControlException.of(answer.getAsJsonObject("error")); // spiked could not read it
                }
                if (theirs instanceof JsonPrimitive number && number.isNumber()) {
                    long answered = number.getAsLong();
                    if (answered >= first && answered < first + count) { // others are late: given up
                        results.put(answered, result(answer));
                    }
                }
            }
        }
        return results;
    }

    private JsonArray answers(Link.Deadline deadline) {
        List<byte[]> frames = link.receive(deadline);
        if (frames == null) {
            throw new SpikedException.NoAnswer("no answer from " + link.endpoint() + deadline.within() + link.why());
        }
        JsonElement answer;
        try {
            answer = Json.parse(frames.get(frames.size() - 1));
        } catch (IllegalArgumentException e) {
            throw new SpikedException("the answer is not JSON: " + e.getMessage(), e);
        }
        if (answer.isJsonArray()) {
            return answer.getAsJsonArray();
        }
        JsonArray one = new JsonArray();
        one.add(answer);
        return one;
    }

    private static Result result(JsonObject answer) {
        if (answer.has("error")) {
            return new Result(null, ControlException.of(answer.getAsJsonObject("error")));
        }
        if (!answer.has("result")) {
            throw new SpikedException("the answer has neither a result nor an error");
        }
        return new Result(answer.get("result"), null);
    }
}
