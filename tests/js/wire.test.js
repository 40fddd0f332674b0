/* The bytes of the protocol, without ZeroMQ, and the WebSocket client, against a socket that the test plays.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { ControlError, Spiked } from "../../clients/js/browser.js";
import { decode, encodePairs, encodeRows, encodeStamp, pack, scatter, unpack, WireError } from "../../clients/js/wire.js";

const folder = new URL("../../clients/vectors/", import.meta.url);
const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const vectors = readdirSync(folder).filter((name) => name.endsWith(".json")).map((name) => {
	const vector = JSON.parse(readFileSync(new URL(name, folder), "utf8"));
	return { ...vector, name, frames: vector.frames.map(bytes) };
});
const of = (wanted) => vectors.filter(({ way }) => way === wanted);
const sample = (wanted) => vectors.find(({ name }) => name === `${wanted}.json`);

/* A part in the words of the vectors' "decoded". */
function described(part) {
	const result = {
		kind: part.kind, format: part.format, flags: part.flags, epoch: part.epoch,
		tick: String(part.tick), seq: String(part.seq), time_ns: String(part.timeNs),
		source_ns: String(part.sourceNs), dt_ns: part.dtNs, lines: part.lines, count: part.count,
	};
	if (part.words)
		Object.assign(result, { line: part.line, sign: part.sign });
	if (part.values)
		result.values = [...part.values];
	return result;
}

test("every published sample is read, and the bad ones are refused", () => {
	assert.ok(of("out").length > 20);
	for (const { name, frames, decoded } of of("out")) {
		if (!decoded) {
			assert.throws(() => decode(frames), WireError, name);
			continue;
		}
		const message = decode(frames);
		assert.equal(message.topic, decoded.topic);
		if (decoded.json)
			assert.deepEqual(message.json, decoded.json, name);
		else
			assert.deepEqual(message.parts.map(described), decoded.parts, name);
	}
});

test("every sample of rows is written", () => {
	assert.ok(of("in").length > 10);
	for (const { name, frames, decoded: { type, rows, stamp } } of of("in")) {
		if (type !== "json")
			assert.deepEqual(type === "pairs" ? encodePairs(rows[0]) : encodeRows(rows, type), frames[1], name);
		if (frames[2])
			assert.deepEqual(encodeStamp(stamp.time_ns, stamp.seq), frames[2], name);
	}
});

test("numbers that the type cannot hold are refused", () => {
	for (const [rows, type] of [[[0.5], "i16"], [[256], "u8"], [[NaN], "i8"], [[], "f32"], [[1], "f16"]])
		assert.throws(() => encodeRows(rows, type), RangeError);
});

test("a WebSocket message holds the frames, at any alignment, and none that is cut short is read", () => {
	for (const { name, frames } of [...of("out"), ...of("in")]) {
		const message = pack(frames);
		assert.deepEqual(unpack(message), frames, name);
		const shifted = new Uint8Array(message.length + 3);
		shifted.set(message, 3);
		assert.deepEqual(unpack(shifted.subarray(3)), frames, name);
	}
	const message = pack(sample("spikes-words").frames);
	const whole = new Set([12, 12 + 4 + 64]); /* where a frame ends, the rest may be missing */
	for (let size = 0; size < message.length; size++)
		if (!whole.has(size))
			assert.throws(() => unpack(message.subarray(0, size)), WireError, `${size} bytes`);
	assert.deepEqual(pack(["s", Uint8Array.of(7, 8)]), Uint8Array.of(1, 115, 2, 0, 0, 0, 7, 8));
});

test("several messages in one are told apart, and none that is cut short is read", () => {
	const each = of("out").map(({ frames }) => pack(frames));
	const size = (n) => Uint8Array.of(n & 255, (n >> 8) & 255, (n >> 16) & 255, n >>> 24);
	const all = Uint8Array.from([0, ...each.flatMap((message) => [...size(message.length), ...message])]);
	assert.deepEqual(scatter(all), each);
	assert.deepEqual(scatter(each[0]), [each[0]]);
	for (const cut of [all.length - 1, 4, 6])
		assert.throws(() => scatter(all.subarray(0, cut)), WireError);
});

/* Plays the daemon's end. */
class Socket {
	static made = [];

	constructor(url, protocol) {
		Object.assign(this, { url: String(url), protocol, readyState: 0, sent: [] });
		Socket.made.push(this);
	}

	send(data) {
		this.sent.push(typeof data === "string" ? JSON.parse(data) : data);
	}

	close() {
		this.readyState = 3;
	}

	open() {
		this.readyState = 1;
		this.onopen();
	}

	end() {
		this.readyState = 3;
		this.onclose();
	}

	say(message) {
		this.onmessage({ data: message instanceof Uint8Array ? message.buffer : JSON.stringify(message) });
	}
}

/* Time that passes when the test says so: gives a function that lets so many ms pass. */
function handTime(t) {
	const { setTimeout, clearTimeout } = globalThis;
	const { now } = Date;
	let timers = [], time = 1000;
	globalThis.setTimeout = (run, ms) => {
		const timer = { run, at: time + ms };
		timers.push(timer);
		return timer;
	};
	globalThis.clearTimeout = (timer) => (timers = timers.filter((each) => each !== timer));
	Date.now = () => time;
	t.after(() => {
		Object.assign(globalThis, { setTimeout, clearTimeout });
		Date.now = now;
	});
	return (ms) => {
		for (const end = time + ms; time < end;) {
			time++;
			for (const timer of timers.filter(({ at }) => at <= time)) {
				globalThis.clearTimeout(timer);
				timer.run();
			}
		}
	};
}

function connected(t, options) {
	Socket.made = [];
	const spiked = new Spiked("ws://127.0.0.1:7573/ws", { WebSocket: Socket, ...options });
	t.after(() => spiked.close());
	return spiked;
}

test("calls get their own answers, errors say where, and a lost connection ends them", async (t) => {
	const spiked = connected(t, { token: "abc", timeout: 200 });
	const [socket] = Socket.made;
	assert.deepEqual([socket.url, socket.protocol], ["ws://127.0.0.1:7573/ws?token=abc", "spiked"]);
	await assert.rejects(spiked.call("info"), /not connected/);
	socket.open();
	const calls = [spiked.call("info"), spiked.call("set", { value: 1 }), spiked.call("stats")];
	const [info, set] = socket.sent.map(({ id }) => id);
	socket.say([{ id: set, error: { code: -32602, message: "no", data: { path: "value" } } }, { id: info, result: 5 }]);
	assert.equal(await calls[0], 5);
	await assert.rejects(calls[1], (error) => error instanceof ControlError && error.path === "value" && error.code === -32602);
	socket.end();
	await assert.rejects(calls[2], /the connection ended/);
});

test("after a reconnect everything subscribed to is asked for again, and nothing else", async (t) => {
	const pass = handTime(t);
	const spiked = connected(t);
	const seen = [];
	for (const event of ["open", "close"])
		spiked.on(event, () => seen.push(event));
	spiked.subscribe("status/");
	Socket.made[0].open();
	spiked.subscribe("spikes/a/", "spikes/b/", "status/");
	spiked.unsubscribe("spikes/b/");
	assert.deepEqual(Socket.made[0].sent.map(({ method, params: { topics } }) => [method, ...topics]),
		[["subscribe", "status/"], ["subscribe", "spikes/a/", "spikes/b/"], ["unsubscribe", "spikes/b/"]]);
	Socket.made[0].end();
	for (let wait = 200; wait <= 6400; wait *= 2) { /* ms; nobody waits longer than 3 s */
		pass(Math.min(wait, 3000));
		Socket.made.at(-1).end();
	}
	assert.equal(Socket.made.length, 7);
	pass(3000);
	Socket.made.at(-1).open();
	assert.deepEqual(Socket.made.at(-1).sent.map(({ params }) => params.topics), [["status/", "spikes/a/"]]);
	assert.deepEqual([seen[0], seen[1], seen.at(-1)], ["open", "close", "open"]);
});

test("silence counts as a lost connection", (t) => {
	const pass = handTime(t);
	connected(t, { silence: 3000 });
	Socket.made[0].open();
	pass(2900);
	Socket.made[0].say({ method: "lost", params: { messages: 0, total: 0 } });
	pass(2900);
	assert.equal(Socket.made.length, 1);
	pass(200);
	pass(200);
	assert.equal(Socket.made.length, 2);
});

test("losses and restarts are told with the message behind them", (t) => {
	const spiked = connected(t);
	const seen = [], errors = [], lost = [];
	spiked.on("message", ({ missed, restarted }) => seen.push([missed, restarted]));
	spiked.on("error", (error) => errors.push(error));
	spiked.on("lost", (detail) => lost.push(detail));
	const [socket] = Socket.made;
	socket.open();
	const frames = sample("spikes-words").frames;
	const say = (seq, epoch) => {
		const header = frames[1].slice();
		new DataView(header.buffer).setBigUint64(8, epoch, true);
		new DataView(header.buffer).setBigUint64(24, seq, true);
		socket.say(pack([frames[0], header, frames[2]]));
	};
	say(4n, 1n);
	say(5n, 1n);
	say(9n, 1n);
	say(0n, 2n);
	assert.deepEqual(seen, [[0, false], [0, false], [3, false], [0, true]]);
	socket.say(pack(sample("bad-magic").frames));
	assert.ok(errors.length === 1 && errors[0] instanceof WireError);
	socket.say({ jsonrpc: "2.0", method: "lost", params: { messages: 3, total: 8 } });
	assert.deepEqual(lost, [{ messages: 3, total: 8 }]);
});

test("rows go out numbered, a stream by itself", (t) => {
	const spiked = connected(t);
	assert.equal(spiked.send("imu", [1]), false);
	const [socket] = Socket.made;
	socket.open();
	assert.ok(spiked.send("imu", [1, 2, 3], { timeNs: 1699999999998500000n }) && spiked.send("imu", [4, 5, 6]) && spiked.send("mic", [1]));
	const seqs = socket.sent.map((message) => new DataView(unpack(message)[2].slice().buffer).getBigUint64(8, true));
	assert.deepEqual(seqs, [0n, 1n, 0n]);
	assert.deepEqual(unpack(socket.sent[0]).slice(0, 2), sample("row-f32-stamp").frames.slice(0, 2));
});
