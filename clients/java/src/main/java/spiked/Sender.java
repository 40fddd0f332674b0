package spiked;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Rows in: sends rows to spiked's ingest socket. Connects in the background, and anew when spiked was away;
 * rows are never queued for a spiked that is not there: they would be old when it comes. Every message is
 * numbered, so that spiked counts what got lost. May be used by several threads; their calls wait in line.
 *
 * <p>SPDX-License-Identifier: Apache-2.0
 */
public final class Sender implements AutoCloseable {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_.-]{1,64}");

    private final Link link;
    private final Options options;
    private final Map<String, Long> seq = new HashMap<>();

    /** Starts to connect to an endpoint, such as {@link Wire#INGEST}. */
    public Sender(String endpoint) {
        this(endpoint, new Options());
    }

    /** The same with options. */
    public Sender(String endpoint, Options options) {
        this.options = options;
        link = new Link(Zmq.PUSH, endpoint, options);
    }

    /**
     * Sends rows of which it is not known when they were taken.
     *
     * @return the sequence number used
     * @throws SpikedException.Blocked when spiked takes no rows
     */
    public synchronized long send(String stream, Rows rows) {
        return send(stream, rows, 0);
    }

    /** Sends rows of which the first was taken at that time. */
    public synchronized long send(String stream, Rows rows, Instant taken) {
        return send(stream, rows, Stamp.nanos(taken));
    }

    /** The same, in nanoseconds since 1970. */
    public synchronized long send(String stream, Rows rows, long timeNs) {
        long number = seq.getOrDefault(stream, 0L);
        sendStamped(stream, rows, new Stamp(timeNs, number));
        return number;
    }

    /** Sends rows with a stamp of the caller's, from which counting goes on, or with none (null). */
    public synchronized void sendStamped(String stream, Rows rows, Stamp stamp) {
        if (!NAME.matcher(stream).matches()) {
            throw new IllegalArgumentException(
                    "\"" + stream + "\" is no stream's name: those are 1 to 64 of A-Z a-z 0-9 _ . -");
        }
        List<byte[]> frames = new ArrayList<>(3);
        frames.add(stream.getBytes(StandardCharsets.US_ASCII));
        frames.add(rows.payload());
        if (stamp != null) {
            frames.add(stamp.bytes());
        }
        Link.Deadline deadline = new Link.Deadline(options.timeout);
        if (!link.send(frames, deadline)) {
            String why = link.why();
            throw new SpikedException.Blocked(
                    link.endpoint()
                            + " took no rows"
                            + deadline.within()
                            + (why.isEmpty()
                                    ? ": is spiked running, and does every subscriber of a lossless clock read?"
                                    : why));
        }
        if (stamp != null) {
            seq.put(stream, stamp.seq() + 1);
        }
    }

    /** Leaves out sequence numbers, so that spiked counts messages that had to be dropped as lost. */
    public synchronized void skip(String stream, long messages) {
        seq.merge(stream, messages, Long::sum);
    }

    /** Waits for rows that were accepted, as long as {@link Options#linger} says. */
    @Override
    public synchronized void close() {
        link.close();
    }
}
