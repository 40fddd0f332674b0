package spiked;

import java.time.Duration;

/**
 * What senders, receivers and control clients share; {@code new Options().timeout(…).keys(…)}.
 *
 * <p>SPDX-License-Identifier: Apache-2.0
 */
public final class Options {
    int queue = 10_000;
    Duration timeout = Duration.ofSeconds(5);
    Duration linger = Duration.ofSeconds(1);
    Duration heartbeat = Duration.ofSeconds(1);
    Keys keys;

    /** How many messages may wait in this program; 10,000 unless given. */
    public Options queue(int messages) {
        queue = messages;
        return this;
    }

    /** How long a call may wait: for room, a message, an answer. 5 s unless given; null = for ever. */
    public Options timeout(Duration timeout) {
        this.timeout = timeout;
        return this;
    }

    /** How long closing a sender may wait for rows that were accepted; 1 s unless given. */
    public Options linger(Duration linger) {
        this.linger = linger;
        return this;
    }

    /** How often to check that the other side lives; every second unless given, zero = never. */
    public Options heartbeat(Duration heartbeat) {
        this.heartbeat = heartbeat;
        return this;
    }

    /** For a spiked with {@code security} in its configuration. */
    public Options keys(Keys keys) {
        this.keys = keys;
        return this;
    }
}
