package spiked;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Instant;
import java.util.concurrent.TimeUnit;

/**
 * When a message's first row was taken, and which message of the stream it is.
 *
 * <p>SPDX-License-Identifier: Apache-2.0
 *
 * @param timeNs nanoseconds since 1970; 0 = not known
 * @param seq one more with every message
 */
public record Stamp(long timeNs, long seq) {
    /** A time as the wire has it. */
    public static long nanos(Instant time) {
        return Math.addExact(TimeUnit.SECONDS.toNanos(time.getEpochSecond()), time.getNano());
    }

    byte[] bytes() {
        return ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putLong(timeNs).putLong(seq).array();
    }
}
