package spiked;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Frames out: subscribes to topics and gives their messages. Connects in the background, and anew when spiked
 * was away. Every message says what got lost before it: {@code missed} from seq, {@code gap} from tick,
 * {@code restarted} from epoch, for each topic by itself. Messages that break the protocol are counted and
 * passed over. For one thread at a time.
 *
 * <p>SPDX-License-Identifier: Apache-2.0
 */
public final class Receiver implements AutoCloseable {
    private final Link link;
    private final Options options;
    private final Map<String, Place> last = new HashMap<>();
    private long missed;
    private long malformed;
    private WireException fault;

    /** Of a topic without seq and tick, {@code counted} is false. */
    private record Place(long epoch, long seq, long tick, boolean counted) {}

    /**
     * Starts to connect to an endpoint, such as {@link Wire#PUBLISH}, and subscribes.
     *
     * @param topics prefixes; end a whole one with "/"
     */
    public Receiver(String endpoint, String... topics) {
        this(endpoint, new Options(), topics);
    }

    /** The same with options. */
    public Receiver(String endpoint, Options options, String... topics) {
        this.options = options;
        link = new Link(Zmq.SUB, endpoint, options);
        for (String topic : topics) {
            subscribe(topic);
        }
    }

    /** Subscribes to one more topic. */
    public void subscribe(String topic) {
        link.socket().set(Zmq.SUBSCRIBE, topic.getBytes(StandardCharsets.UTF_8));
    }

    /** Ends a subscription. The topics' counts are forgotten: a later one starts anew. */
    public void unsubscribe(String topic) {
        link.socket().set(Zmq.UNSUBSCRIBE, topic.getBytes(StandardCharsets.UTF_8));
        last.keySet().removeIf(known -> known.startsWith(topic));
    }

    /**
     * The next message.
     *
     * @throws SpikedException.Silence when none came within the timeout of the options, which is no end
     */
    public Message receive() {
        Link.Deadline deadline = new Link.Deadline(options.timeout);
        return next(deadline)
                .orElseThrow(
                        () ->
                                new SpikedException.Silence(
                                        "nothing from " + link.endpoint() + deadline.within() + link.why()));
    }

    /** The next message that comes within this time; zero = that is there already, null = ever. */
    public Optional<Message> poll(Duration timeout) {
        return next(new Link.Deadline(timeout));
    }

    /** Messages missed so far, on all topics. */
    public long missed() {
        return missed;
    }

    /** Messages so far that broke the protocol. */
    public long malformed() {
        return malformed;
    }

    /** What was wrong with the last one of them; null = there was none. */
    public WireException fault() {
        return fault;
    }

    @Override
    public void close() {
        link.close();
    }

    private Optional<Message> next(Link.Deadline deadline) {
        do {
            List<byte[]> frames = link.receive(deadline);
            if (frames == null) {
                return Optional.empty();
            }
            try {
                return Optional.of(account(Wire.decode(frames)));
            } catch (WireException e) {
                malformed++;
                fault = e;
            }
        } while (!deadline.over()); // a flood of malformed messages has an end too
        return Optional.empty();
    }

    private Message account(Message message) {
        Place now = place(message);
        if (now == null) {
            return message;
        }
        Place before = last.put(message.topic(), now);
        if (before == null) {
            return message;
        }
        if (before.epoch != now.epoch) {
            return message.noticed(0, 0, true);
        }
        if (!before.counted || !now.counted) {
            return message;
        }
        long lost = between(before.seq, now.seq);
        missed += lost;
        return message.noticed(lost, between(before.tick, now.tick), false);
    }

    private static long between(long before, long now) {
        return Long.compareUnsigned(now, before) <= 0 ? 0 : now - before - 1;
    }

    private static Place place(Message message) {
        if (!message.frames().isEmpty()) {
            Frame first = message.frames().get(0);
            return new Place(first.epoch(), first.seq(), first.tick(), true);
        }
        if (message.rows() != null) {
            // Several of its messages may be of one tick, and others of none: the gap says nothing here.
            return new Place(message.rows().epoch(), message.rows().seq(), 0, true);
        }
        JsonObject json = message.json();
        if (json == null) {
            return null;
        }
        try {
            long epoch = Long.parseUnsignedLong(text(json, "epoch"), 16);
            if (!json.has("seq") || !json.has("tick")) {
                return new Place(epoch, 0, 0, false);
            }
            long seq = Long.parseUnsignedLong(text(json, "seq"));
            return new Place(epoch, seq, Long.parseUnsignedLong(text(json, "tick")), true);
        } catch (NumberFormatException e) {
            return null;
        }
    }

    private static String text(JsonObject json, String key) {
        JsonElement element = json.get(key);
        return element != null && element.isJsonPrimitive() ? element.getAsString() : "";
    }
}
