package spiked;

import com.google.gson.JsonObject;
import java.util.List;

/**
 * A message, and what a receiver noticed between the one before on the same topic and this one.
 *
 * <p>SPDX-License-Identifier: Apache-2.0
 *
 * @param topic such as "spikes/imu/"
 * @param frames one of {@code spikes/}, {@code state/} or {@code values/}; of {@code bundle/} one for each
 *     stream, in the order of {@code group_streams} in the meta; else none
 * @param json the object of {@code json/}, {@code meta/} or {@code status/}; else null
 * @param rows what a sensor sent, of {@code rows/}; else null
 * @param other the frames behind a topic that this client does not know; else none
 * @param missed messages of the topic that this receiver lost (from seq)
 * @param gap ticks without a message here: lost ones, ones that spiked skipped (then the flag is set) or did
 *     not send for want of spikes
 * @param restarted the daemon was started anew: seq, tick and time began again
 */
public record Message(
        String topic,
        List<Frame> frames,
        JsonObject json,
        SensorRows rows,
        List<byte[]> other,
        long missed,
        long gap,
        boolean restarted) {

    /** What the topic begins with: "spikes", "meta" … */
    public String kind() {
        return topic.split("/", 2)[0];
    }

    /** The stream, or a bundle's group; "" for {@code status/}. */
    public String stream() {
        String[] parts = topic.split("/", -1);
        return parts.length == 3 ? parts[1] : "";
    }

    Message noticed(long missed, long gap, boolean restarted) {
        return new Message(topic, frames, json, rows, other, missed, gap, restarted);
    }
}
