/* Client of spiked for Node, over ZeroMQ: send rows, read frames, control.
 *
 * 64-bit numbers (tick, seq, times) are BigInt, the epoch is 16 hex digits. One loop, no threads: do not call
 * send() of one Sender, or receive() of one Receiver, again before it is done; calls may overlap.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { readFileSync, statSync } from "node:fs";
import { Dealer, Push, Subscriber } from "zeromq";
import { Calls, Follower, Numbers, TimeoutError } from "./session.js";
import { decode, encodePayload, encodeStamp, WireError } from "./wire.js";

export { Spiked } from "./browser.js";
export { ControlError, TimeoutError } from "./session.js";
export * from "./wire.js";

export const INGEST = "tcp://127.0.0.1:7570";
export const PUBLISH = "tcp://127.0.0.1:7571";
export const CONTROL = "tcp://127.0.0.1:7572";

const REFUSED = "spiked does not let this key in here: it is not listed in security.clients, or has no right to this " +
	"socket; connect anew once it is";
const MISMATCH = "somebody is there, but they and this do not agree about keys: spiked uses keys and this does not (or " +
	"the other way round), or the server key is another's";

/* Options of a socket for a spiked with `security`. keys: { server, public, secret }, 40 characters each: the
 * daemon's public key and a pair of one's own. */
function curve(keys) {
	return keys ? { curveServerKey: keys.server, curvePublicKey: keys.public, curveSecretKey: keys.secret } : {};
}

/* The keys in a file as `spikectl keygen` makes it; `server` is the daemon's public key. */
export function loadKeys(path, server) {
	if (statSync(path).mode & 0o027)
		throw new Error(`${path} may be read or changed by others: chmod 600`);
	const found = Object.fromEntries([...readFileSync(path, "utf8").matchAll(/^(public|secret):\s*"([^"]{40})"/gm)]
		.map(([, name, key]) => [name, key]));
	if (!found.public || !found.secret)
		throw new Error(`${path} has no pair of keys`);
	return { server, ...found };
}

/* Follows a socket's connection. Gives a function that says why there is none: a text with ": " before it, or "". */
function watch(socket) {
	let why = "", wasUp = false;
	socket.events.on("handshake", () => {
		why = "";
		wasUp = true;
	});
	socket.events.on("handshake:error:auth", () => (why = REFUSED));
	for (const event of ["handshake:error:protocol", "handshake:error:other"])
		socket.events.on(event, () => (why ||= wasUp ? "" : MISMATCH));
	return () => why && `: ${why}`;
}

/* What a socket does not do in time. */
function late(error, text) {
	return error.code === "EAGAIN" ? new TimeoutError(text) : error;
}

/* Sends rows. Every message is numbered, so that spiked counts what got lost. */
export class Sender {
	#socket;
	#endpoint;
	#why;
	#numbers = new Numbers();

	/* timeout: milliseconds after which a send that spiked does not take fails with a TimeoutError. */
	constructor(endpoint = INGEST, { timeout = 5000, keys } = {}) {
		this.#endpoint = endpoint;
		this.#socket = new Push({ immediate: true, sendTimeout: timeout, linger: 1000, ...curve(keys) });
		this.#why = watch(this.#socket);
		this.#socket.connect(endpoint);
	}

	/* rows: numbers, a list of lists, or a ready payload (Uint8Array); type as in the configuration. */
	async send(stream, rows, { type = "f32", timeNs = 0n, seq } = {}) {
		const number = this.#numbers.of(stream, seq);
		try {
			await this.#socket.send([stream, encodePayload(rows, type), encodeStamp(timeNs, number)]);
		} catch (error) {
			throw late(error, `${this.#endpoint} takes no rows${this.#why()}`);
		}
		this.#numbers.gone(stream, number);
	}

	close() {
		this.#socket.close();
	}
}

/* Subscribes to topics; iterate with `for await`. Each message carries `missed` (messages that this subscriber lost
 * just before it) and `restarted` (spiked began anew). Reconnects by itself. */
export class Receiver {
	#socket;
	#endpoint;
	#timeout;
	#why;
	#follower = new Follower();

	malformed = 0; /* messages that broke the protocol and were passed over */
	fault; /* the WireError of the last one of them */

	/* timeout: milliseconds without a message after which receive() fails with a TimeoutError; -1 = never. */
	constructor(topics = [], endpoint = PUBLISH, { timeout = -1, queue = 10000, keys } = {}) {
		this.#endpoint = endpoint;
		this.#timeout = timeout;
		this.#socket = new Subscriber({ receiveHighWaterMark: queue, linger: 0, ...curve(keys) });
		this.#why = watch(this.#socket);
		this.#socket.connect(endpoint);
		this.subscribe(...[topics].flat());
	}

	/* Topics are prefixes: end a whole one with "/". */
	subscribe(...topics) {
		if (topics.length) /* or ZeroMQ's binding would subscribe to everything */
			this.#socket.subscribe(...topics);
	}

	unsubscribe(...topics) {
		if (topics.length)
			this.#socket.unsubscribe(...topics);
		topics.forEach((topic) => this.#follower.forget(topic));
	}

	async receive({ timeout = this.#timeout } = {}) {
		for (;;) {
			this.#socket.receiveTimeout = timeout;
			let frames;
			try {
				frames = await this.#socket.receive();
			} catch (error) {
				throw late(error, `nothing from ${this.#endpoint} for ${timeout} ms${this.#why()}`);
			}
			try {
				return this.#follower.follow(decode(frames));
			} catch (error) {
				if (!(error instanceof WireError))
					throw error;
				this.malformed++;
				this.fault = error;
			}
		}
	}

	async *[Symbol.asyncIterator]() {
		for (;;)
			yield await this.receive();
	}

	close() {
		this.#socket.close();
	}
}

/* Calls the control socket; several calls may be under way. */
export class Control {
	#socket;
	#timeout;
	#why;
	#calls = new Calls();
	#sending = Promise.resolve(); /* one at a time */

	/* timeout: milliseconds after which a call without an answer fails with a TimeoutError. Requests are never kept
	 * for a spiked that is not there. */
	constructor(endpoint = CONTROL, { timeout = 5000, keys } = {}) {
		this.#timeout = timeout;
		this.#socket = new Dealer({ immediate: true, sendTimeout: timeout, linger: 0, ...curve(keys) });
		this.#why = watch(this.#socket);
		this.#socket.connect(endpoint);
		this.#listen();
	}

	async #listen() {
		for await (const frames of this.#socket)
			this.#calls.receive(frames.at(-1).toString());
	}

	/* The result of a method; rejects with a ControlError, or with a TimeoutError. */
	call(method, params) {
		return this.#calls.call(method, params, this.#timeout, (text, wanted) => {
			this.#sending = this.#sending
				.then(() => wanted() && this.#socket.send(["", text]))
				.catch(() => {}); /* in time, the call says so */
		}, this.#why);
	}

	close() {
		this.#calls.fail("closed");
		this.#socket.close();
	}
}
