/* SPDX-License-Identifier: Apache-2.0 */
import type { Message, Pairs, RowType, Rows } from "./wire.js";
import { WireError } from "./wire.js";

export { ControlError, TimeoutError } from "./session.js";
export { WireError };

export interface SpikedOptions {
	/* Of a daemon with `security`, outside a page that it serves. */
	token?: string;
	/* Of calls, ms; 5000 unless given. */
	timeout?: number;
	/* ms without any message after which the connection is made anew; 0 = never. */
	silence?: number;
	/* ms that messages may wait for others at the daemon and come as one; 0 = not. */
	gather?: number;
	/* Where there is none: `ws` of npm, in Node before 22. */
	WebSocket?: any;
}

export interface SendOptions {
	/* As in the stream's configuration; f32 unless given. */
	type?: RowType | "json" | "pairs";
	/* Source time of the first row, ns since 1970; 0 = unknown. */
	timeNs?: bigint | number;
	/* Instead of the number that is the stream's next one. */
	seq?: bigint | number;
}

export interface SpikedEvents {
	open: undefined;
	close: undefined;
	message: Message;
	lost: { messages: number; total: number };
	refused: { message: string };
	error: WireError;
}

/* A connection to the web port, which mends itself. */
export class Spiked {
	/* url: of the daemon that serves the page, unless given. */
	constructor(url?: string | URL, options?: SpikedOptions);
	readonly connected: boolean;
	/* Bytes that wait to be sent. */
	readonly buffered: number;
	/* Gives a function that takes the handler back. */
	on<E extends keyof SpikedEvents>(event: E, handler: (detail: SpikedEvents[E]) => void): () => void;
	/* Topics are prefixes: end a whole one with "/". */
	subscribe(...topics: (string | readonly string[])[]): void;
	unsubscribe(...topics: (string | readonly string[])[]): void;
	/* Resolves when there is a connection; rejects after so many ms without. */
	opened(timeout?: number): Promise<void>;
	/* Rejects with a ControlError or a TimeoutError, or when the connection ends. */
	call(method: string, params?: object): Promise<any>;
	/* False: not connected, the rows are gone. */
	send(stream: string, rows: Rows | Pairs | Uint8Array | object, options?: SendOptions): boolean;
	close(): void;
}
