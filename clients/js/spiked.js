/* Client of spiked for Node, from clients/PROTOCOL.md alone: send rows, read frames, control.
 *
 * 64-bit numbers (tick, seq, times) are BigInt, the epoch is 16 hex digits. One loop, no threads:
 * do not call receive() or call() of one object twice at the same time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { readFileSync, statSync } from "node:fs";
import { Dealer, Push, Subscriber } from "zeromq";

export const INGEST = "tcp://127.0.0.1:7570";
export const PUBLISH = "tcp://127.0.0.1:7571";
export const CONTROL = "tcp://127.0.0.1:7572";

const HEADER_SIZE = 64;
const KINDS = [, "spikes", "state", "values"];
const FORMATS = [, "words", "bitmap", "f32", "graded"];
const FLAGS = ["late", "gap", "stale", "reset", "window", "restored"];
const ROW_TYPES = {
	f32: [4, (view, at, x) => view.setFloat32(at, x, true)],
	f64: [8, (view, at, x) => view.setFloat64(at, x, true)],
	i8: [1, (view, at, x) => view.setInt8(at, whole(x, -128, 127))],
	u8: [1, (view, at, x) => view.setUint8(at, whole(x, 0, 255))],
	i16: [2, (view, at, x) => view.setInt16(at, whole(x, -32768, 32767), true)],
	u16: [2, (view, at, x) => view.setUint16(at, whole(x, 0, 65535), true)],
	i32: [4, (view, at, x) => view.setInt32(at, whole(x, -2147483648, 2147483647), true)],
};

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

/* A message that does not follow the protocol. */
export class WireError extends Error {}

/* spiked refused a request; `path` names the parameter at fault. */
export class ControlError extends Error {
	constructor({ code, message, data }) {
		super(message);
		this.code = code;
		this.path = data?.path;
	}
}

function whole(x, lo, hi) {
	if (!Number.isInteger(x) || x < lo || x > hi)
		throw new RangeError(`${x} is not a whole number from ${lo} to ${hi}`);
	return x;
}

function viewOf(bytes) {
	return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function floats(bytes, at, count) {
	const view = viewOf(bytes);
	return Float32Array.from({ length: count }, (_, i) => view.getFloat32(at + 4 * i, true));
}

/* A received message (all its frames, as Buffers) as an object:
 *   { topic, json }            of json/, meta/, status/
 *   { topic, parts: [part…] }  of all others; one part, but for bundle/
 * where a part has kind, format, flags, epoch, tick, seq, timeNs, sourceNs, dtNs, lines, count, and
 * line and sign (arrays, one entry a spike) and/or values (Float32Array). */
export function decode(frames) {
	const topic = frames[0].toString();
	const kind = topic.split("/", 1)[0];
	if (["json", "meta", "status"].includes(kind)) {
		if (frames.length !== 2)
			throw new WireError(`${topic}: ${frames.length} frames, not topic and JSON`);
		return { topic, json: parse(frames[1], topic) };
	}
	if (frames.length < 3 || (kind === "bundle" ? frames.length % 2 === 0 : frames.length !== 3))
		throw new WireError(`${topic}: ${frames.length} frames`);
	const parts = [];
	for (let i = 1; i < frames.length; i += 2)
		parts.push(decodePart(topic, frames[i], frames[i + 1]));
	return { topic, parts };
}

function parse(bytes, topic) {
	try {
		return JSON.parse(bytes.toString());
	} catch (error) {
		throw new WireError(`${topic}: ${error.message}`);
	}
}

function decodePart(topic, header, payload) {
	if (header.length !== HEADER_SIZE)
		throw new WireError(`${topic}: a header of ${header.length} bytes`);
	if (header.toString("latin1", 0, 4) !== "SPK1")
		throw new WireError(`${topic}: not version 1 of spiked's protocol`);
	const flags = header.readUInt16LE(6);
	const part = {
		kind: KINDS[header[4]],
		format: FORMATS[header[5]],
		flags: FLAGS.filter((_, bit) => (flags >> bit) & 1),
		epoch: header.readBigUInt64LE(8).toString(16).padStart(16, "0"),
		tick: header.readBigUInt64LE(16),
		seq: header.readBigUInt64LE(24),
		timeNs: header.readBigInt64LE(32),
		sourceNs: header.readBigInt64LE(40),
		dtNs: header.readUInt32LE(48),
		lines: header.readUInt32LE(52),
		count: header.readUInt32LE(56),
	};
	if (!part.kind || !part.format)
		throw new WireError(`${topic}: kind ${header[4]}, format ${header[5]}`);
	if (part.format === "bitmap")
		readBitmap(topic, part, payload);
	else
		readNumbers(topic, part, payload);
	return part;
}

function readNumbers(topic, part, payload) {
	const { count, format, lines } = part;
	if (payload.length !== count * (format === "graded" ? 8 : 4))
		throw new WireError(`${topic}: ${payload.length} bytes for count ${count}`);
	if (format === "f32") {
		part.values = floats(payload, 0, count);
		return;
	}
	part.line = new Array(count);
	part.sign = new Array(count);
	for (let i = 0; i < count; i++) {
		const word = payload.readUInt32LE(4 * i);
		part.line[i] = word & 0x7fffffff;
		part.sign[i] = word >>> 31 ? -1 : 1;
		if (part.line[i] >= lines)
			throw new WireError(`${topic}: line ${part.line[i]} of ${lines}`);
	}
	if (format === "graded")
		part.values = floats(payload, 4 * count, count);
}

function readBitmap(topic, part, payload) {
	const size = Math.ceil(part.lines / 8);
	if (payload.length !== size && payload.length !== 2 * size)
		throw new WireError(`${topic}: ${payload.length} bytes for bitmaps of ${part.lines} lines`);
	const bit = (plane, i) => (payload[plane * size + (i >> 3)] >> (i & 7)) & 1;
	part.line = [];
	part.sign = [];
	for (let plane = 0; plane * size < payload.length; plane++)
		for (let i = part.lines; i < 8 * size; i++)
			if (bit(plane, i))
				throw new WireError(`${topic}: a bit past line ${part.lines - 1}`);
	for (let i = 0; i < part.lines; i++)
		for (let plane = 0; plane * size < payload.length; plane++)
			if (bit(plane, i)) {
				part.line.push(i);
				part.sign.push(plane ? -1 : 1);
			}
	if (part.line.length !== part.count)
		throw new WireError(`${topic}: ${part.line.length} bits set, count ${part.count}`);
}

/* One row or a list of rows as the payload of a stream of `type`. NaN or null = no sample. */
export function encodeRows(rows, type = "f32") {
	const [size, put] = ROW_TYPES[type] ?? [];
	const flat = Array.isArray(rows[0]) || ArrayBuffer.isView(rows[0]) ? rows.flatMap((r) => [...r]) : [...rows];
	if (!size || !flat.length)
		throw new RangeError(size ? "no values" : `${type} is not a type of rows`);
	const payload = Buffer.alloc(size * flat.length);
	const view = viewOf(payload);
	flat.forEach((x, i) => put(view, size * i, x === null ? NaN : x));
	return payload;
}

/* [[channel, value], …] as the payload of a `pairs` stream. */
export function encodePairs(pairs) {
	const payload = Buffer.alloc(8 * pairs.length);
	pairs.forEach(([channel, value], i) => {
		payload.writeUInt32LE(channel, 8 * i);
		payload.writeFloatLE(value, 8 * i + 4);
	});
	return payload;
}

export function encodeStamp(timeNs, seq) {
	const stamp = Buffer.alloc(16);
	stamp.writeBigInt64LE(BigInt(timeNs), 0);
	stamp.writeBigUInt64LE(BigInt(seq), 8);
	return stamp;
}

/* Sends rows. Every message is numbered, so that spiked counts what got lost. */
export class Sender {
	#socket;
	#seq = new Map();

	/* timeout: milliseconds after which a send that spiked does not take fails. */
	constructor(endpoint = INGEST, { timeout = 5000, keys } = {}) {
		this.#socket = new Push({ immediate: true, sendTimeout: timeout, linger: 1000, ...curve(keys) });
		this.#socket.connect(endpoint);
	}

	/* rows: numbers, a list of lists, or a ready payload (Buffer); type as in the configuration. */
	async send(stream, rows, { type = "f32", timeNs = 0n } = {}) {
		const payload = Buffer.isBuffer(rows) ? rows
			: type === "pairs" ? encodePairs(rows)
			: type === "json" ? JSON.stringify(rows)
			: encodeRows(rows, type);
		const seq = this.#seq.get(stream) ?? 0n;
		await this.#socket.send([stream, payload, encodeStamp(timeNs, seq)]);
		this.#seq.set(stream, seq + 1n);
	}

	close() {
		this.#socket.close();
	}
}

/* Subscribes to topics; iterate with `for await`. Each message carries `missed` (messages that this
 * subscriber lost just before it) and `restarted` (spiked began anew). Reconnects by itself. */
export class Receiver {
	#socket;
	#last = new Map();

	/* timeout: milliseconds without a message after which receive() fails with code EAGAIN. */
	constructor(topics, endpoint = PUBLISH, { timeout = -1, keys } = {}) {
		this.#socket = new Subscriber({ receiveTimeout: timeout, receiveHighWaterMark: 10000, linger: 0, ...curve(keys) });
		this.#socket.connect(endpoint);
		this.#socket.subscribe(...[topics].flat());
	}

	async receive() {
		const message = decode(await this.#socket.receive());
		message.missed = 0;
		message.restarted = false;
		if (message.parts) {
			const { epoch, seq } = message.parts[0];
			const last = this.#last.get(message.topic);
			message.restarted = last !== undefined && last.epoch !== epoch;
			if (last && !message.restarted && seq > last.seq)
				message.missed = Number(seq - last.seq - 1n);
			this.#last.set(message.topic, { epoch, seq });
		}
		return message;
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
	#calls = new Map();
	#id = 0;
	#timeout;

	constructor(endpoint = CONTROL, { timeout = 5000, keys } = {}) {
		this.#timeout = timeout;
		this.#socket = new Dealer({ linger: 0, ...curve(keys) });
		this.#socket.connect(endpoint);
		this.#listen();
	}

	async #listen() {
		for await (const frames of this.#socket) {
			const answers = [JSON.parse(frames.at(-1).toString())].flat();
			for (const { id, result, error } of answers) {
				const call = this.#calls.get(id);
				if (!call)
					continue; /* late: its call has timed out */
				this.#calls.delete(id);
				clearTimeout(call.timer);
				if (error)
					call.reject(new ControlError(error));
				else
					call.resolve(result);
			}
		}
	}

	call(method, params) {
		const id = ++this.#id;
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => {
				this.#calls.delete(id);
				reject(new Error(`${method}: no answer within ${this.#timeout} ms`));
			}, this.#timeout);
			this.#calls.set(id, { resolve, reject, timer });
			this.#socket.send(["", JSON.stringify({ jsonrpc: "2.0", id, method, params })]).catch(reject);
		});
	}

	close() {
		for (const { timer, reject } of this.#calls.values()) {
			clearTimeout(timer);
			reject(new Error("closed"));
		}
		this.#calls.clear();
		this.#socket.close();
	}
}
