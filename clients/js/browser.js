/* Client of spiked for browsers, over the WebSocket of its web port: frames, rows and control in one connection
 * that mends itself. Needs nothing but a WebSocket; Node 22 has one too.
 *
 *   const spiked = new Spiked("ws://127.0.0.1:7573/ws");
 *   spiked.on("message", ({ topic, parts, json, missed, restarted }) => …);
 *   spiked.subscribe("spikes/imu/");
 *   console.log(await spiked.call("info"));
 *   spiked.send("imu", [0.1, 0, 9.8]);
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { Calls, Follower, Numbers, TimeoutError } from "./session.js";
import { decode, encodePayload, encodeStamp, pack, scatter, unpack, WireError } from "./wire.js";

export { ControlError, TimeoutError } from "./session.js";
export { WireError };

const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 3000;

/* The daemon that serves the page that this runs in. */
function ownAddress() {
	const { protocol, host } = globalThis.location;
	return `${protocol === "https:" ? "wss:" : "ws:"}//${host}/ws`;
}

/* Events:
 *   open     connected; subscriptions have been asked for again
 *   close    not connected any more; tries again by itself
 *   message  { topic, parts or json as of decode() in wire.js, missed, restarted }
 *   lost     { messages, total }: the daemon left out messages because this program reads too slowly
 *   refused  { message }: why rows that this program sent were not taken
 *   error    a WireError: a message that does not follow the protocol */
export class Spiked {
	#url;
	#WebSocket;
	#timeout;
	#silence;
	#gather;
	#socket;
	#handlers = new Map();
	#topics = new Set();
	#follower = new Follower();
	#numbers = new Numbers();
	#calls = new Calls();
	#waiting = new Set(); /* told when there is a connection, or none will be any more */
	#retryMs = RETRY_FIRST_MS;
	#retryTimer;
	#silenceTimer;
	#heard = 0; /* ms */
	#closed = false;

	/* token: of a daemon with `security`, outside a page that it serves. timeout: of calls, ms. silence: ms
	 * without any message after which the connection is made anew; subscribe to status/ to hear something every
	 * second. 0 = never. gather: ms that messages may wait for others at the daemon, which spares this program much
	 * where there are thousands a second. */
	constructor(url, { token, timeout = 5000, silence = 0, gather = 0, WebSocket = globalThis.WebSocket } = {}) {
		this.#url = new URL(url ?? ownAddress());
		if (token)
			this.#url.searchParams.set("token", token);
		this.#WebSocket = WebSocket;
		this.#timeout = timeout;
		this.#silence = silence;
		this.#gather = gather;
		this.#connect();
	}

	get connected() {
		return this.#socket?.readyState === 1;
	}

	/* Bytes that wait to be sent. */
	get buffered() {
		return this.#socket?.bufferedAmount ?? 0;
	}

	/* Gives a function that takes the handler back. */
	on(event, handler) {
		if (!this.#handlers.has(event))
			this.#handlers.set(event, new Set());
		this.#handlers.get(event).add(handler);
		return () => this.#handlers.get(event).delete(handler);
	}

	/* Topics are prefixes, as in ZeroMQ. */
	subscribe(...topics) {
		const news = topics.flat().filter((topic) => !this.#topics.has(topic));
		news.forEach((topic) => this.#topics.add(topic));
		if (news.length && this.connected)
			this.#notify("subscribe", news);
	}

	unsubscribe(...topics) {
		const gone = topics.flat().filter((topic) => this.#topics.delete(topic));
		gone.forEach((prefix) => this.#follower.forget(prefix));
		if (gone.length && this.connected)
			this.#notify("unsubscribe", gone);
	}

	/* The result of a control method, for which a connection is waited for. Rejects with a ControlError, with a
	 * TimeoutError (no connection, or no answer, in time), or when the connection ends before the answer. */
	call(method, params) {
		if (this.connected)
			return this.#ask(method, params, this.#timeout);
		const end = Date.now() + this.#timeout;
		return this.opened().then(() => this.#ask(method, params, Math.max(end - Date.now(), 1)));
	}

	/* Resolves when there is a connection; rejects with a TimeoutError after so many ms without. */
	opened(timeout = this.#timeout) {
		if (this.connected)
			return Promise.resolve();
		return new Promise((resolve, reject) => {
			const told = (opened) => {
				this.#waiting.delete(told);
				clearTimeout(timer);
				if (opened)
					resolve();
				else
					reject(new Error("closed"));
			};
			const timer = setTimeout(() => {
				this.#waiting.delete(told);
				reject(new TimeoutError(`not connected to ${this.#url.origin} within ${timeout} ms`));
			}, timeout);
			this.#waiting.add(told);
		});
	}

	/* rows: numbers, a list of lists, or a ready payload; type as in the configuration. Every message is
	 * numbered, so that spiked counts what got lost. False: not connected, the rows are gone. */
	send(stream, rows, { type = "f32", timeNs = 0n, seq } = {}) {
		const message = pack([stream, encodePayload(rows, type), encodeStamp(timeNs, this.#numbers.of(stream, seq))]);
		if (!this.connected)
			return false;
		this.#socket.send(message);
		this.#numbers.gone(stream, this.#numbers.of(stream, seq));
		return true;
	}

	close() {
		this.#closed = true;
		clearTimeout(this.#retryTimer);
		if (this.#socket)
			this.#drop("closed");
		this.#waiting.forEach((told) => told(false));
	}

	#ask(method, params, timeout) {
		if (!this.connected)
			return Promise.reject(new Error(`${method}: the connection ended`));
		return this.#calls.call(method, params, timeout, (text) => this.#socket.send(text));
	}

	#connect() {
		const socket = new this.#WebSocket(this.#url, "spiked");
		socket.binaryType = "arraybuffer";
		socket.onopen = () => this.#opened();
		socket.onmessage = ({ data }) => this.#received(data);
		socket.onclose = () => this.#lostConnection(socket);
		socket.onerror = () => {}; /* tells nothing, and is followed by close */
		this.#socket = socket;
		this.#heard = Date.now();
		if (this.#silence)
			this.#watch();
	}

	#opened() {
		this.#retryMs = RETRY_FIRST_MS;
		if (this.#topics.size)
			this.#notify("subscribe", [...this.#topics]);
		this.#waiting.forEach((told) => told(true));
		this.#emit("open");
	}

	/* Its answer is of no interest; a refusal shows as silence of the topic. */
	#notify(method, topics) {
		const params = method === "subscribe" && this.#gather ? { topics, gather_ms: this.#gather } : { topics };
		this.call(method, params).catch(() => {});
	}

	/* A network that swallows everything closes nothing. */
	#watch() {
		const left = this.#heard + this.#silence - Date.now();
		if (left > 0)
			this.#silenceTimer = setTimeout(() => this.#watch(), left);
		else
			this.#lostConnection(this.#socket);
	}

	#lostConnection(socket) {
		if (socket !== this.#socket || this.#closed)
			return;
		this.#drop("the connection ended");
		this.#retryTimer = setTimeout(() => this.#connect(), this.#retryMs);
		this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MAX_MS);
	}

	#drop(why) {
		const { readyState } = this.#socket;
		clearTimeout(this.#silenceTimer);
		this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
		if (readyState <= 1)
			this.#socket.close();
		this.#socket = undefined;
		this.#calls.fail(why);
		this.#emit("close");
	}

	#received(data) {
		this.#heard = Date.now();
		if (typeof data !== "string")
			this.#published(new Uint8Array(data));
		else
			for (const { method, params } of this.#calls.receive(data))
				if (method === "lost" || method === "refused")
					this.#emit(method, params);
	}

	#published(bytes) {
		try {
			for (const each of scatter(bytes))
				this.#told(decode(unpack(each)));
		} catch (error) {
			if (!(error instanceof WireError))
				throw error;
			this.#emit("error", error);
		}
	}

	#told(message) {
		this.#follower.follow(message);
		this.#emit("message", message);
	}

	#emit(event, detail) {
		this.#handlers.get(event)?.forEach((handler) => handler(detail));
	}
}
