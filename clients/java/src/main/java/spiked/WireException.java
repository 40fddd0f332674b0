package spiked;

/**
 * A message that does not follow the protocol.
 *
 * <p>SPDX-License-Identifier: Apache-2.0
 */
public final class WireException extends SpikedException {
    private static final long serialVersionUID = 1L;

    WireException(String message) {
        super(message);
    }
}
