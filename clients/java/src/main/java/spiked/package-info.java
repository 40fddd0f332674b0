/**
 * Client of spiked, the daemon that turns sensor values into spikes: rows in ({@link spiked.Sender}), frames out
 * ({@link spiked.Receiver}), control ({@link spiked.Control}). The wire is described in clients/PROTOCOL.md.
 *
 * <p>SPDX-License-Identifier: Apache-2.0
 */
package spiked;
