package spiked;

import java.util.EnumSet;
import java.util.Set;

/**
 * One tick of one stream: of {@code spikes/}, {@code state/} or {@code values/}, or a part of a bundle.
 * Numbers of 64 bits are unsigned on the wire: {@link Long#compareUnsigned}, {@link Long#toUnsignedString}.
 *
 * <p>SPDX-License-Identifier: Apache-2.0
 *
 * @param kind what it tells of
 * @param format how the payload came
 * @param flagBits what was special about the tick, as sent; {@link #flags} names those known here
 * @param epoch drawn when the daemon starts: when it changes, every count began anew
 * @param tick in units of dt
 * @param seq counts the messages of the topic (in a bundle: of the bundle's)
 * @param timeNs of the tick, nanoseconds since 1970
 * @param sourceNs of the newest row that the tick used; 0 = not known
 * @param dtNs one tick
 * @param lineCount lines of the stream (channels, in {@code values/})
 * @param lines of each spike, ascending; a line with several spikes is there several times
 * @param signs +1 or -1 for each spike; graded spikes have their sign in {@code values}
 * @param values of each line ({@code state/}), channel ({@code values/}) or spike (graded); else empty
 */
public record Frame(
        Kind kind,
        Format format,
        int flagBits,
        long epoch,
        long tick,
        long seq,
        long timeNs,
        long sourceNs,
        long dtNs,
        long lineCount,
        int[] lines,
        byte[] signs,
        float[] values) {

    /** What a frame tells of; in the order of the wire, from 1. */
    public enum Kind {
        /** Spikes of the stream's lines. */
        SPIKES,
        /** The analogue value of each line, such as membrane voltages. */
        STATE,
        /** The value of each channel that the tick used. */
        VALUES
    }

    /** How a payload came; in the order of the wire, from 1. */
    public enum Format {
        /** A word for each spike. */
        WORDS,
        /** A bit for each line. */
        BITMAP,
        /** Floats. */
        F32,
        /** A word for each spike, then a float for each. */
        GRADED
    }

    /** What was special about a tick; in the order of the wire's bits. */
    public enum Flag {
        /** Ran a whole dt or more after its time. */
        LATE,
        /** Comes right after ticks that were skipped. */
        GAP,
        /** Had no fresh row for {@code stale_after}, or never had one. */
        STALE,
        /** Began with cleared state. */
        RESET,
        /** Is the first of a window. */
        WINDOW,
        /** Is the first after state came from a snapshot. */
        RESTORED
    }

    /** Whether the flag is set. */
    public boolean has(Flag flag) {
        return (flagBits >> flag.ordinal() & 1) == 1;
    }

    /** The flags that are set. */
    public Set<Flag> flags() {
        Set<Flag> flags = EnumSet.noneOf(Flag.class);
        for (Flag flag : Flag.values()) {
            if (has(flag)) {
                flags.add(flag);
            }
        }
        return flags;
    }

    /** One number a line: the sum of its spikes, graded or +1 and -1. Of state and values these. */
    public float[] dense() {
        if (format == Format.F32) {
            return values.clone();
        }
        float[] dense = new float[Math.toIntExact(lineCount)];
        for (int i = 0; i < lines.length; i++) {
            dense[lines[i]] += format == Format.GRADED ? values[i] : signs[i];
        }
        return dense;
    }
}
