/* SPDX-License-Identifier: Apache-2.0 */
import type { SendOptions } from "./browser.js";
import type { Message, Pairs, Rows } from "./wire.js";
import { WireError } from "./wire.js";

export { Spiked } from "./browser.js";
export type { SendOptions, SpikedEvents, SpikedOptions } from "./browser.js";
export { ControlError, TimeoutError } from "./session.js";
export * from "./wire.js";

export const INGEST: string;
export const PUBLISH: string;
export const CONTROL: string;

/* The daemon's public key and a pair of one's own, 40 characters each. */
export interface Keys {
	server: string;
	public: string;
	secret: string;
}

/* From a file as `spikectl keygen` makes it; `server` is the daemon's public key. */
export function loadKeys(path: string, server: string): Keys;

export class Sender {
	/* timeout: ms after which a send that spiked does not take fails with a TimeoutError. */
	constructor(endpoint?: string, options?: { timeout?: number; keys?: Keys });
	/* One at a time. */
	send(stream: string, rows: Rows | Pairs | Uint8Array | object, options?: SendOptions): Promise<void>;
	close(): void;
}

export class Receiver implements AsyncIterable<Message> {
	/* Messages that broke the protocol and were passed over, and what was wrong with the last one. */
	readonly malformed: number;
	readonly fault?: WireError;
	/* timeout: ms without a message after which receive() fails with a TimeoutError; -1 = never. queue: messages that
	 * may wait in this program. */
	constructor(topics?: string | readonly string[], endpoint?: string, options?: { timeout?: number; queue?: number; keys?: Keys });
	/* Topics are prefixes: end a whole one with "/". */
	subscribe(...topics: string[]): void;
	unsubscribe(...topics: string[]): void;
	/* One at a time. */
	receive(options?: { timeout?: number }): Promise<Message>;
	[Symbol.asyncIterator](): AsyncIterator<Message>;
	close(): void;
}

export class Control {
	constructor(endpoint?: string, options?: { timeout?: number; keys?: Keys });
	/* Several may be under way. Rejects with a ControlError or a TimeoutError. */
	call(method: string, params?: object): Promise<any>;
	close(): void;
}
