package spiked;

import com.sun.jna.IntegerType;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Platform;
import com.sun.jna.Pointer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * As much of the system's libzmq as this client needs. Not JeroMQ, although that needs no library: it takes
 * messages for connections that have not shaken hands, does not tell when they have, and now and then loses
 * accepted ones when a socket is closed.
 *
 * <p>SPDX-License-Identifier: Apache-2.0
 */
final class Zmq {
    static final int PAIR = 0;
    static final int DEALER = 5;
    static final int ROUTER = 6;
    static final int PULL = 7;
    static final int PUSH = 8;
    static final int XPUB = 9;
    static final int SUB = 2;

    static final int SUBSCRIBE = 6;
    static final int UNSUBSCRIBE = 7;
    static final int LINGER = 17;
    static final int RECONNECT_IVL = 18;
    static final int RECONNECT_IVL_MAX = 21;
    static final int MAXMSGSIZE = 22;
    static final int SNDHWM = 23;
    static final int RCVHWM = 24;
    static final int LAST_ENDPOINT = 32;
    static final int IMMEDIATE = 39;
    static final int IPV6 = 42;
    static final int CURVE_SERVER = 47;
    static final int CURVE_PUBLICKEY = 48;
    static final int CURVE_SECRETKEY = 49;
    static final int CURVE_SERVERKEY = 50;
    static final int HANDSHAKE_IVL = 66;
    static final int HEARTBEAT_IVL = 75;
    static final int HEARTBEAT_TIMEOUT = 77;
    static final int CONNECT_TIMEOUT = 79;

    static final int EVENT_HANDSHAKE_FAILED_NO_DETAIL = 0x0800;
    static final int EVENT_HANDSHAKE_SUCCEEDED = 0x1000;
    static final int EVENT_HANDSHAKE_FAILED_PROTOCOL = 0x2000;
    static final int EVENT_HANDSHAKE_FAILED_AUTH = 0x4000;

    static final int POLLIN = 1;
    static final int POLLOUT = 2;

    private static final int DONTWAIT = 1;
    private static final int SNDMORE = 2;
    private static final int EINTR = 4;
    private static final int EAGAIN = Platform.isMac() ? 35 : 11;
    private static final int MSG_SIZE = 64;
    private static final int POLL_FD_SIZE = Platform.is64Bit() && Platform.isWindows() ? 8 : 4;
    private static final int KEY_TEXT = 41; // 40 characters and a NUL

    static {
        try {
            Native.register(Zmq.class, "zmq");
        } catch (UnsatisfiedLinkError e) {
            throw new SpikedException("there is no libzmq on this machine (Debian: libzmq5)", e);
        }
    }

    private Zmq() {}

    /** C's size_t. */
    public static final class Size extends IntegerType {
        private static final long serialVersionUID = 1L;

        /** Zero, for JNA. */
        public Size() {
            this(0);
        }

        Size(long value) {
            super(Native.SIZE_T_SIZE, value, true);
        }
    }

    private static native Pointer zmq_ctx_new();

    private static native int zmq_ctx_term(Pointer context);

    private static native Pointer zmq_socket(Pointer context, int type);

    private static native int zmq_close(Pointer socket);

    private static native int zmq_setsockopt(Pointer socket, int option, byte[] value, Size size);

    private static native int zmq_getsockopt(Pointer socket, int option, byte[] value, Pointer size);

    private static native int zmq_connect(Pointer socket, String endpoint);

    private static native int zmq_bind(Pointer socket, String endpoint);

    private static native int zmq_send(Pointer socket, byte[] frame, Size size, int flags);

    private static native int zmq_msg_init(Pointer message);

    private static native int zmq_msg_recv(Pointer message, Pointer socket, int flags);

    private static native Pointer zmq_msg_data(Pointer message);

    private static native Size zmq_msg_size(Pointer message);

    private static native int zmq_msg_more(Pointer message);

    private static native int zmq_msg_close(Pointer message);

    private static native int zmq_poll(Pointer items, int count, NativeLong timeout);

    private static native int zmq_socket_monitor(Pointer socket, String endpoint, int events);

    private static native int zmq_curve_keypair(byte[] publicKey, byte[] secretKey);

    private static native int zmq_curve_public(byte[] publicKey, byte[] secretKey);

    private static native String zmq_strerror(int errno);

    /** A new secret key, 40 characters. */
    static String curveSecret() {
        byte[] secret = new byte[KEY_TEXT];
        check(zmq_curve_keypair(new byte[KEY_TEXT], secret));
        return key(secret);
    }

    /** The public key of a secret one; null if that is no key. */
    static String curvePublic(String secret) {
        byte[] publicKey = new byte[KEY_TEXT];
        return secret.length() == KEY_TEXT - 1 && zmq_curve_public(publicKey, text(secret)) == 0 ? key(publicKey) : null;
    }

    private static String key(byte[] text) {
        return new String(text, 0, KEY_TEXT - 1, StandardCharsets.US_ASCII);
    }

    private static byte[] text(String string) {
        return (string + "\0").getBytes(StandardCharsets.UTF_8);
    }

    private static void check(int rc) {
        if (rc < 0) {
            throw failed();
        }
    }

    private static SpikedException failed() {
        return new SpikedException("ZeroMQ: " + zmq_strerror(Native.getLastError()));
    }

    /** What sockets live in. */
    static final class Context implements AutoCloseable {
        private final Pointer pointer = zmq_ctx_new();

        Socket socket(int type) {
            Pointer socket = zmq_socket(pointer, type);
            if (socket == null) {
                throw failed();
            }
            return new Socket(socket);
        }

        /** Waits for sockets that linger; all have to be closed before. */
        @Override
        public void close() {
            while (zmq_ctx_term(pointer) < 0 && Native.getLastError() == EINTR) {}
        }
    }

    /** A socket that never waits: see {@link #poll}. */
    static final class Socket implements AutoCloseable {
        private Pointer pointer;
        private final Memory message = new Memory(MSG_SIZE);
        private final Memory item = new Memory(32);

        private Socket(Pointer pointer) {
            this.pointer = pointer;
        }

        void set(int option, int value) {
            set(option, new byte[] {(byte) value, (byte) (value >> 8), (byte) (value >> 16), (byte) (value >> 24)});
        }

        void set(int option, long value) {
            Memory memory = new Memory(8);
            memory.setLong(0, value);
            set(option, memory.getByteArray(0, 8));
        }

        void set(int option, byte[] value) {
            check(zmq_setsockopt(open(), option, value, new Size(value.length)));
        }

        void set(int option, String value) {
            byte[] text = text(value);
            check(zmq_setsockopt(open(), option, text, new Size(text.length)));
        }

        String lastEndpoint() {
            byte[] text = new byte[256];
            Memory size = new Memory(8);
            size.setLong(0, text.length);
            check(zmq_getsockopt(open(), LAST_ENDPOINT, text, size));
            return Native.toString(text);
        }

        void connect(String endpoint) {
            check(zmq_connect(open(), endpoint));
        }

        void bind(String endpoint) {
            check(zmq_bind(open(), endpoint));
        }

        /** Events to an endpoint; null ends it. */
        void monitor(String endpoint, int events) {
            check(zmq_socket_monitor(open(), endpoint, events));
        }

        /** Sends a message whole; false if there is no room for it. */
        boolean send(List<byte[]> frames) {
            int last = frames.size() - 1;
            for (int i = 0; i <= last; i++) {
                byte[] frame = frames.get(i);
                int flags = DONTWAIT | (i < last ? SNDMORE : 0);
                while (zmq_send(open(), frame, new Size(frame.length), flags) < 0) {
                    if (Native.getLastError() == EAGAIN && i == 0) {
                        return false;
                    }
                    if (Native.getLastError() != EINTR) {
                        throw failed();
                    }
                }
            }
            return true;
        }

        /** All frames of the next message; null if there is none. */
        List<byte[]> receive() {
            List<byte[]> frames = new ArrayList<>(3);
            zmq_msg_init(message);
            try {
                do {
                    while (zmq_msg_recv(message, open(), DONTWAIT) < 0) {
                        if (Native.getLastError() == EAGAIN && frames.isEmpty()) {
                            return null;
                        }
                        if (Native.getLastError() != EINTR) {
                            throw failed();
                        }
                    }
                    int size = zmq_msg_size(message).intValue();
                    frames.add(size == 0 ? new byte[0] : zmq_msg_data(message).getByteArray(0, size));
                } while (zmq_msg_more(message) != 0);
            } finally {
                zmq_msg_close(message);
            }
            return frames;
        }

        /** Waits until one of the events is there; false when the time was up. */
        boolean poll(int events, int timeoutMs) {
            item.clear();
            item.setPointer(0, open());
            item.setShort(Native.POINTER_SIZE + POLL_FD_SIZE, (short) events);
            int ready = zmq_poll(item, 1, new NativeLong(timeoutMs));
            if (ready < 0 && Native.getLastError() != EINTR) {
                throw failed();
            }
            return ready > 0;
        }

        @Override
        public void close() {
            if (pointer != null) {
                zmq_close(pointer);
                pointer = null;
            }
        }

        private Pointer open() {
            if (pointer == null) {
                throw new IllegalStateException("it is closed");
            }
            return pointer;
        }
    }
}
