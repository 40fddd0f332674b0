/* The bytes of spiked's messages, from clients/PROTOCOL.md alone; for browsers and Node alike.
 *
 * 64-bit numbers (tick, seq, times) are BigInt, the epoch is 16 hex digits. Bytes are Uint8Array; a Buffer is one.
 *
 * SPDX-License-Identifier: Apache-2.0 */

const HEADER_SIZE = 64;
const STAMP_SIZE = 16;
const KINDS = [, "spikes", "state", "values", "rows"];
const FORMATS = [, "words", "bitmap", "f32", "graded"];
const ROW_FORMATS = ["f32", "f64", "i8", "u8", "i16", "u16", "i32", "json", "pairs"]; /* from 16 on */
const FLAGS = ["late", "gap", "stale", "reset", "window", "restored"];
const MAGIC = 0x314b5053; /* "SPK1" */
const JSON_KINDS = ["json", "meta", "status"];
const LINE = 0x7fffffff;
const ROW_TYPES = { /* size, how it is written, how it is read */
	f32: [4, (view, at, x) => view.setFloat32(at, x, true), (view, at) => view.getFloat32(at, true)],
	f64: [8, (view, at, x) => view.setFloat64(at, x, true), (view, at) => view.getFloat64(at, true)],
	i8: [1, (view, at, x) => view.setInt8(at, whole(x, -128, 127)), (view, at) => view.getInt8(at)],
	u8: [1, (view, at, x) => view.setUint8(at, whole(x, 0, 255)), (view, at) => view.getUint8(at)],
	i16: [2, (view, at, x) => view.setInt16(at, whole(x, -32768, 32767), true), (view, at) => view.getInt16(at, true)],
	u16: [2, (view, at, x) => view.setUint16(at, whole(x, 0, 65535), true), (view, at) => view.getUint16(at, true)],
	i32: [4, (view, at, x) => view.setInt32(at, whole(x, -2147483648, 2147483647), true), (view, at) => view.getInt32(at, true)],
};
const textDecoder = new TextDecoder();
const textEncoder = new TextEncoder();

/* A message that does not follow the protocol. */
export class WireError extends Error {}

function whole(x, lo, hi) {
	if (!Number.isInteger(x) || x < lo || x > hi)
		throw new RangeError(`${x} is not a whole number from ${lo} to ${hi}`);
	return x;
}

function viewOf(bytes) {
	return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function uints(bytes, at, count) {
	const view = viewOf(bytes);
	const out = new Uint32Array(count);
	for (let i = 0; i < count; i++)
		out[i] = view.getUint32(at + 4 * i, true);
	return out;
}

function floats(bytes, at, count) {
	const view = viewOf(bytes);
	const out = new Float32Array(count);
	for (let i = 0; i < count; i++)
		out[i] = view.getFloat32(at + 4 * i, true);
	return out;
}

/* One tick of one stream: kind, format, flags, epoch, tick, seq, timeNs, sourceNs, dtNs, lines, count, and
 * `values` (Float32Array) if it has some. Spikes are in `words` (Uint32Array: the line, and bit 31 of a negative
 * spike), and as arrays with one entry a spike in `line` and `sign`.
 * Of rows/: what a sensor sent. `format` is the type, `lines` the channels, `count` how many rows there are in
 * `rows`, as encodeRows() or encodePairs() takes them, and `stamp` is { timeNs, seq } if the sensor gave one. */
class Part {
	get line() {
		return this.words && Array.from(this.words, (word) => word & LINE);
	}

	get sign() {
		return this.words && Array.from(this.words, (word) => (word >>> 31 ? -1 : 1));
	}
}

/* A received message, all its frames, as an object:
 *   { topic, json }            of json/, meta/, status/
 *   { topic, parts: [part…] }  of all others; one part, but for bundle/ */
export function decode(frames) {
	const topic = textDecoder.decode(frames[0]);
	const kind = topic.split("/", 1)[0];
	if (JSON_KINDS.includes(kind)) {
		if (frames.length !== 2)
			throw new WireError(`${topic}: ${frames.length} frames, not topic and JSON`);
		return { topic, json: parse(frames[1], topic) };
	}
	const stamp = kind === "rows" && frames.length === 4 ? frames[3] : undefined;
	if (frames.length < 3 || (kind === "bundle" ? frames.length % 2 === 0 : frames.length !== (stamp ? 4 : 3)))
		throw new WireError(`${topic}: ${frames.length} frames`);
	const parts = [];
	for (let i = 1; i + 1 < frames.length; i += 2)
		parts.push(decodePart(topic, frames[i], frames[i + 1]));
	if (stamp)
		parts[0].stamp = decodeStamp(topic, stamp);
	return { topic, parts };
}

function decodeStamp(topic, stamp) {
	if (stamp.length !== STAMP_SIZE)
		throw new WireError(`${topic}: a stamp of ${stamp.length} bytes`);
	const view = viewOf(stamp);
	return { timeNs: view.getBigInt64(0, true), seq: view.getBigUint64(8, true) };
}

function parse(bytes, topic) {
	try {
		return JSON.parse(textDecoder.decode(bytes));
	} catch (error) {
		throw new WireError(`${topic}: ${error.message}`);
	}
}

function decodePart(topic, header, payload) {
	if (header.length !== HEADER_SIZE)
		throw new WireError(`${topic}: a header of ${header.length} bytes`);
	const view = viewOf(header);
	if (view.getUint32(0, true) !== MAGIC)
		throw new WireError(`${topic}: not version 1 of spiked's protocol`);
	const flags = view.getUint16(6, true);
	const kind = KINDS[header[4]];
	const part = Object.assign(new Part(), {
		kind,
		format: kind === "rows" ? ROW_FORMATS[header[5] - 16] : FORMATS[header[5]],
		flags: flags ? FLAGS.filter((_, bit) => (flags >> bit) & 1) : [],
		epoch: view.getBigUint64(8, true).toString(16).padStart(16, "0"),
		tick: view.getBigUint64(16, true),
		seq: view.getBigUint64(24, true),
		timeNs: view.getBigInt64(32, true),
		sourceNs: view.getBigInt64(40, true),
		dtNs: view.getUint32(48, true),
		lines: view.getUint32(52, true),
		count: view.getUint32(56, true),
	});
	if (!part.kind || !part.format)
		throw new WireError(`${topic}: kind ${header[4]}, format ${header[5]}`);
	if (kind === "rows")
		part.rows = decodeRows(topic, part, payload);
	else if (part.format === "bitmap")
		readBitmap(topic, part, payload);
	else
		readNumbers(topic, part, payload);
	return part;
}

function decodeRows(topic, { format, lines, count }, payload) {
	const view = viewOf(payload);
	if (format === "json") {
		const document = parse(payload, topic);
		const values = Array.isArray(document) ? document : document?.values;
		if (!Array.isArray(values))
			throw new WireError(`${topic}: JSON that is no rows`);
		return Array.isArray(values[0]) ? values : [values];
	}
	if (format === "pairs") {
		if (!payload.length || payload.length % 8)
			throw new WireError(`${topic}: ${payload.length} bytes are no pairs`);
		return [Array.from({ length: payload.length / 8 },
			(_, i) => [view.getUint32(8 * i, true), view.getFloat32(8 * i + 4, true)])];
	}
	const [size, , get] = ROW_TYPES[format];
	if (!count || payload.length !== count * lines * size)
		throw new WireError(`${topic}: ${payload.length} bytes for ${count} rows of ${lines} ${format}`);
	return Array.from({ length: count }, (_, row) =>
		Array.from({ length: lines }, (_, i) => get(view, size * (row * lines + i))));
}

function readNumbers(topic, part, payload) {
	const { count, format, lines } = part;
	if (payload.length !== count * (format === "graded" ? 8 : 4))
		throw new WireError(`${topic}: ${payload.length} bytes for count ${count}`);
	if (format === "f32") {
		part.values = floats(payload, 0, count);
		return;
	}
	part.words = uints(payload, 0, count);
	for (const word of part.words)
		if ((word & LINE) >= lines)
			throw new WireError(`${topic}: line ${word & LINE} of ${lines}`);
	if (format === "graded")
		part.values = floats(payload, 4 * count, count);
}

function readBitmap(topic, part, payload) {
	const size = Math.ceil(part.lines / 8);
	if (payload.length !== size && payload.length !== 2 * size)
		throw new WireError(`${topic}: ${payload.length} bytes for bitmaps of ${part.lines} lines`);
	const words = [];
	for (let byte = 0; byte < size; byte++) {
		const positive = payload[byte];
		const negative = payload.length > size ? payload[size + byte] : 0;
		for (let bit = 0, both = positive | negative; both >> bit; bit++)
			if ((both >> bit) & 1)
				words.push((8 * byte + bit) + ((negative >> bit) & 1 ? 0x80000000 : 0));
	}
	if (words.length && (words.at(-1) & LINE) >= part.lines)
		throw new WireError(`${topic}: a bit past line ${part.lines - 1}`);
	if (words.length !== part.count)
		throw new WireError(`${topic}: ${words.length} bits set, count ${part.count}`);
	part.words = Uint32Array.from(words);
}

/* One row or a list of rows as the payload of a stream of `type`. NaN or null = no sample. */
export function encodeRows(rows, type = "f32") {
	const [size, put] = ROW_TYPES[type] ?? [];
	const flat = Array.isArray(rows[0]) || ArrayBuffer.isView(rows[0]) ? rows.flatMap((r) => [...r]) : [...rows];
	if (!size || !flat.length)
		throw new RangeError(size ? "no values" : `${type} is not a type of rows`);
	const payload = new Uint8Array(size * flat.length);
	const view = viewOf(payload);
	flat.forEach((x, i) => put(view, size * i, x === null ? NaN : x));
	return payload;
}

/* [[channel, value], …] as the payload of a `pairs` stream. */
export function encodePairs(pairs) {
	const payload = new Uint8Array(8 * pairs.length);
	const view = viewOf(payload);
	pairs.forEach(([channel, value], i) => {
		view.setUint32(8 * i, channel, true);
		view.setFloat32(8 * i + 4, value, true);
	});
	return payload;
}

export function encodeStamp(timeNs, seq) {
	const stamp = new Uint8Array(STAMP_SIZE);
	const view = viewOf(stamp);
	view.setBigInt64(0, BigInt(timeNs), true);
	view.setBigUint64(8, BigInt(seq), true);
	return stamp;
}

/* Rows of any type as a payload: numbers, a list of lists, or ready bytes. */
export function encodePayload(rows, type = "f32") {
	return rows instanceof Uint8Array ? rows
		: type === "pairs" ? encodePairs(rows)
		: type === "json" ? textEncoder.encode(JSON.stringify(rows))
		: encodeRows(rows, type);
}

function tooShort() {
	return new WireError("a WebSocket message that is cut short");
}

/* What begins at `at`, one after the other, each behind its u32 length. */
function lengthed(message, at) {
	const view = viewOf(message);
	const found = [];
	while (at < message.length) {
		const size = at + 4 <= message.length ? view.getUint32(at, true) : Infinity;
		if (at + 4 + size > message.length)
			throw tooShort();
		found.push(message.subarray(at + 4, at + 4 + size));
		at += 4 + size;
	}
	return found;
}

/* The published messages within a binary WebSocket message (Uint8Array): itself, or, behind a byte 0, several. */
export function scatter(message) {
	return message[0] === 0 ? lengthed(message, 1) : [message];
}

/* The frames of a message: u8 length of the first, the first, then for each further one its u32 length and itself. */
export function unpack(message) {
	if (!message.length || message.length < 1 + message[0])
		throw tooShort();
	return [message.subarray(1, 1 + message[0]), ...lengthed(message, 1 + message[0])];
}

/* Frames as one binary WebSocket message; the first may be a text. */
export function pack([first, ...rest]) {
	const name = typeof first === "string" ? textEncoder.encode(first) : first;
	if (name.length > 255)
		throw new RangeError("the first frame has more than 255 bytes");
	const message = new Uint8Array(rest.reduce((size, frame) => size + 4 + frame.length, 1 + name.length));
	const view = viewOf(message);
	message[0] = name.length;
	message.set(name, 1);
	let at = 1 + name.length;
	for (const frame of rest) {
		view.setUint32(at, frame.length, true);
		message.set(frame, at + 4);
		at += 4 + frame.length;
	}
	return message;
}
