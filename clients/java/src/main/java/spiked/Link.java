package spiked;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A socket with its options, and why its connection does not come about.
 *
 * <p>SPDX-License-Identifier: Apache-2.0
 */
final class Link implements AutoCloseable {
    private static final int HANDSHAKE_MS = 3000; // libzmq's own 30 s let a dead peer block a reconnect
    private static final int CONNECT_MS = 3000;
    private static final int RECONNECT_MS = 100;
    private static final int RECONNECT_MAX_MS = 2000;
    private static final int HEARTBEATS_MISSED = 3; // as many intervals without a sign make a peer dead
    private static final long MAX_FRAME = 64L << 20;
    private static final int SLICE_MS = 100; // between two looks at whether the thread was interrupted

    private static final String REFUSED =
            "spiked does not let this key in here: it is not listed in security.clients, or has no right to this "
                    + "socket; connect anew once it is";
    private static final String MISMATCH =
            "somebody is there, but they and this do not agree about keys: spiked uses keys and this does not (or "
                    + "the other way round), or the server key is another's";

    private static final AtomicLong COUNT = new AtomicLong();

    private final String endpoint;
    private final Zmq.Context context = new Zmq.Context();
    private final Zmq.Socket socket;
    private final Zmq.Socket monitor;
    private String why = "";
    private boolean wasUp;
    private boolean closed;

    Link(int type, String endpoint, Options options) {
        this.endpoint = endpoint;
        socket = context.socket(type);
        monitor = context.socket(Zmq.PAIR);
        try {
            prepare(type, options);
            watch();
            socket.connect(endpoint);
        } catch (SpikedException e) {
            close();
            throw new SpikedException(endpoint + ": " + e.getMessage(), e);
        }
    }

    private void prepare(int type, Options options) {
        boolean subscriber = type == Zmq.SUB;
        // A SUB sends subscriptions, and loses those beyond the mark.
        socket.set(Zmq.SNDHWM, subscriber ? 0 : options.queue);
        socket.set(Zmq.RCVHWM, options.queue);
        // Nothing waits for a peer that is not there: a row or a command that arrives minutes after it was
        // given up is worse than none.
        socket.set(Zmq.IMMEDIATE, subscriber ? 0 : 1);
        socket.set(Zmq.LINGER, type == Zmq.PUSH ? ms(options.linger) : 0);
        socket.set(Zmq.HANDSHAKE_IVL, HANDSHAKE_MS);
        socket.set(Zmq.CONNECT_TIMEOUT, CONNECT_MS);
        socket.set(Zmq.RECONNECT_IVL, RECONNECT_MS);
        socket.set(Zmq.RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
        socket.set(Zmq.MAXMSGSIZE, MAX_FRAME);
        socket.set(Zmq.IPV6, endpoint.contains("[") ? 1 : 0);
        if (!options.heartbeat.isZero()) {
            socket.set(Zmq.HEARTBEAT_IVL, ms(options.heartbeat));
            socket.set(Zmq.HEARTBEAT_TIMEOUT, ms(options.heartbeat.multipliedBy(HEARTBEATS_MISSED)));
        }
        if (options.keys != null) {
            options.keys.lock(socket);
        }
    }

    private static int ms(Duration duration) {
        return (int) Math.min(Integer.MAX_VALUE, duration.toMillis());
    }

    /** Follows the socket's handshakes, to be able to say why there is no connection. */
    private void watch() {
        String name = "inproc://spiked-watch-" + COUNT.incrementAndGet();
        socket.monitor(
                name,
                Zmq.EVENT_HANDSHAKE_SUCCEEDED
                        | Zmq.EVENT_HANDSHAKE_FAILED_AUTH
                        | Zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
                        | Zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL);
        monitor.set(Zmq.RCVHWM, 0); // a full queue would stop ZeroMQ's own thread
        monitor.set(Zmq.LINGER, 0);
        monitor.connect(name);
    }

    String endpoint() {
        return endpoint;
    }

    Zmq.Socket socket() {
        return socket;
    }

    /** Sends a message; false when there was no room, or no connection, in time. */
    boolean send(List<byte[]> frames, Deadline deadline) {
        while (!socket.send(frames)) {
            if (!poll(Zmq.POLLOUT, deadline)) {
                return false;
            }
        }
        return true;
    }

    /** All frames of the next message; null when none came in time. */
    List<byte[]> receive(Deadline deadline) {
        for (List<byte[]> frames; ; ) {
            if ((frames = socket.receive()) != null || !poll(Zmq.POLLIN, deadline)) {
                return frames;
            }
        }
    }

    private boolean poll(int events, Deadline deadline) {
        while (true) {
            if (Thread.currentThread().isInterrupted()) {
                throw new SpikedException.Interrupted();
            }
            if (socket.poll(events, Math.min(SLICE_MS, deadline.left()))) {
                return true;
            }
            if (deadline.over()) {
                return false;
            }
        }
    }

    /** Why there is no connection, as ": …", or "" where nothing is known. */
    String why() {
        for (List<byte[]> frames; (frames = monitor.receive()) != null; ) {
            int event = Byte.toUnsignedInt(frames.get(0)[0]) | Byte.toUnsignedInt(frames.get(0)[1]) << 8;
            if (event == Zmq.EVENT_HANDSHAKE_SUCCEEDED) {
                why = "";
                wasUp = true;
            } else if (event == Zmq.EVENT_HANDSHAKE_FAILED_AUTH) {
                why = REFUSED;
            } else if (!wasUp && !why.equals(REFUSED)) {
                why = MISMATCH;
            }
        }
        return why.isEmpty() ? "" : ": " + why;
    }

    /** Waits for rows on their way, as long as the options say. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        // Before the sockets are closed: else ZeroMQ's own thread waits for somebody to take its word.
        socket.monitor(null, 0);
        socket.close();
        monitor.close();
        context.close();
    }

    /** The end of one call's wait. */
    static final class Deadline {
        private final Duration timeout;
        private final long began = System.nanoTime();

        /** A null timeout never ends. */
        Deadline(Duration timeout) {
            this.timeout = timeout;
        }

        /** Milliseconds until then, rounded up. */
        int left() {
            if (timeout == null) {
                return Integer.MAX_VALUE;
            }
            // Rounded up, or the last millisecond would be spent polling.
            long left = timeout.toNanos() - (System.nanoTime() - began) + 999_999;
            return (int) Math.max(0, Math.min(Integer.MAX_VALUE, TimeUnit.NANOSECONDS.toMillis(left)));
        }

        boolean over() {
            return timeout != null && System.nanoTime() - began >= timeout.toNanos();
        }

        /** " within 5.0 s", for error texts. */
        String within() {
            return timeout == null ? "" : " within " + timeout.toMillis() / 1000.0 + " s";
        }
    }
}
