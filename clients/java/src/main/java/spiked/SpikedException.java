package spiked;

/**
 * Any failure of this client, with a sentence that says what, where and why, as far as it is known.
 *
 * <p>SPDX-License-Identifier: Apache-2.0
 */
public class SpikedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    SpikedException(String message) {
        super(message);
    }

    SpikedException(String message, Throwable cause) {
        super(message, cause);
    }

    /** Nothing came within the receiver's timeout: no tick, no route, no spiked. That is no end. */
    public static final class Silence extends SpikedException {
        private static final long serialVersionUID = 1L;

        Silence(String message) {
            super(message);
        }
    }

    /** Rows were not taken within the timeout. Nothing was sent; the call may be repeated. */
    public static final class Blocked extends SpikedException {
        private static final long serialVersionUID = 1L;

        Blocked(String message) {
            super(message);
        }
    }

    /** There was no connection within the timeout: spiked did not get the request. */
    public static final class NotConnected extends SpikedException {
        private static final long serialVersionUID = 1L;

        NotConnected(String message) {
            super(message);
        }
    }

    /** No answer within the timeout. Whether the request was carried out is not known. */
    public static final class NoAnswer extends SpikedException {
        private static final long serialVersionUID = 1L;

        NoAnswer(String message) {
            super(message);
        }
    }

    /** The thread was interrupted while it waited; it is still marked so. */
    public static final class Interrupted extends SpikedException {
        private static final long serialVersionUID = 1L;

        Interrupted() {
            super("the thread was interrupted");
        }
    }
}
