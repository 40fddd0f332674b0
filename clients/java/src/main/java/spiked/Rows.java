package spiked;

import com.google.gson.JsonElement;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.function.IntConsumer;

/**
 * One row, or several that are dt apart, in the type that the stream declares. Several rows follow one
 * another, every one complete.
 *
 * <p>SPDX-License-Identifier: Apache-2.0
 */
public final class Rows {
    private final byte[] payload;

    private Rows(byte[] payload) {
        if (payload.length == 0) {
            throw new IllegalArgumentException("no rows");
        }
        this.payload = payload;
    }

    /** Of type f32; NaN = no sample. */
    public static Rows f32(float... values) {
        ByteBuffer out = little(4 * values.length);
        out.asFloatBuffer().put(values);
        return new Rows(out.array());
    }

    /** Of type f64; NaN = no sample. */
    public static Rows f64(double... values) {
        ByteBuffer out = little(8 * values.length);
        out.asDoubleBuffer().put(values);
        return new Rows(out.array());
    }

    /** Of type i8. */
    public static Rows i8(int... values) {
        return whole(1, Byte.MIN_VALUE, Byte.MAX_VALUE, values);
    }

    /** Of type u8. */
    public static Rows u8(int... values) {
        return whole(1, 0, 0xFF, values);
    }

    /** Of type i16. */
    public static Rows i16(int... values) {
        return whole(2, Short.MIN_VALUE, Short.MAX_VALUE, values);
    }

    /** Of type i16, such as samples of sound. */
    public static Rows i16(short[] values) {
        ByteBuffer out = little(2 * values.length);
        out.asShortBuffer().put(values);
        return new Rows(out.array());
    }

    /** Of type u16. */
    public static Rows u16(int... values) {
        return whole(2, 0, 0xFFFF, values);
    }

    /** Of type i32. */
    public static Rows i32(int... values) {
        return whole(4, Integer.MIN_VALUE, Integer.MAX_VALUE, values);
    }

    /** A partial row, of type pairs: value by channel, of those that have news. */
    public static Rows pairs(Map<Integer, Float> values) {
        ByteBuffer out = little(8 * values.size());
        values.forEach((channel, value) -> out.putInt(channel).putFloat(value));
        return new Rows(out.array());
    }

    /** Of type json: a row or a list of rows; null = no sample. */
    public static Rows json(JsonElement rows) {
        return new Rows(Json.bytes(rows));
    }

    /** Bytes as they go over the wire, of any type. */
    public static Rows bytes(byte[] payload) {
        return new Rows(payload.clone());
    }

    /** As it goes over the wire. */
    public byte[] payload() {
        return payload.clone();
    }

    private static ByteBuffer little(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static Rows whole(int size, int lo, int hi, int[] values) {
        ByteBuffer out = little(size * values.length);
        IntConsumer put =
                switch (size) {
                    case 1 -> value -> out.put((byte) value);
                    case 2 -> value -> out.putShort((short) value);
                    default -> out::putInt;
                };
        for (int value : values) {
            if (value < lo || value > hi) {
                throw new IllegalArgumentException(value + " is not a whole number from " + lo + " to " + hi);
            }
            put.accept(value);
        }
        return new Rows(out.array());
    }
}
