/* What the page keeps and how it places it in time: no picture, no browser.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock } from "../../daemon/web/page/clock.js";
import { SpikeColumns, ValueColumns } from "../../daemon/web/page/columns.js";
import { count, duration, niceStep, quantity, uptime } from "../../daemon/web/page/format.js";
import { FloatHistory, SpikeHistory } from "../../daemon/web/page/history.js";
import { Activity, Stream } from "../../daemon/web/page/stream.js";
import { thresholds } from "../../daemon/web/page/traces.js";
import { MINUTE_MS, SPAN_MIN_MS, View } from "../../daemon/web/page/view.js";

/* Numbers from 0 to 1 that are the same in every run. */
function generator(seed) {
	return () => {
		seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
		return seed / 2 ** 32;
	};
}

function spikesOf(history, from = history.first, to = history.count) {
	const found = [];
	history.each(from, to, (tick, words, first, last, mask) => {
		for (let i = first; i < last; i++)
			found.push([tick, words[i & mask]]);
	});
	return found;
}

test("a history holds exactly the ticks of its span, whatever the rings had to do for it", () => {
	const random = generator(1);
	const history = new SpikeHistory(5000);
	let kept = [];
	for (let tick = 0, n = 0; n < 20000; n++) {
		tick += random() < 0.01 ? Math.floor(1 + 50 * random()) : 1;
		const words = Uint32Array.from(
			{ length: Math.floor(9 * random()) },
			() => Math.floor(100 * random()) + (random() < 0.5 ? 2 ** 31 : 0),
		);
		assert.ok(history.push(tick, words));
		kept.push([tick, words]);
		if (n % 1999 === 0) {
			kept = kept.filter(([t]) => t > tick - 5000);
			assert.deepEqual(
				spikesOf(history),
				kept.flatMap(([t, list]) => [...list].map((word) => [t, word])),
			);
			assert.deepEqual([history.oldest, history.newest], [kept[0][0], tick]);
			const some = kept[Math.floor(kept.length * random())][0];
			assert.equal(history.tickAt(history.find(some)), some);
		}
	}
	assert.equal(history.full, false);
	assert.equal(history.push(history.newest, new Uint32Array(1)), false);
});

test("where there is no room for the span the oldest ticks go, and it is said", () => {
	const words = new SpikeHistory(1e6, { wordsMax: 4096 });
	const ticks = new SpikeHistory(1e6, { entriesMax: 2048 });
	for (let tick = 0; tick < 10000; tick++) {
		words.push(tick, Uint32Array.of(tick, tick, tick));
		ticks.push(tick, Uint32Array.of(tick));
	}
	assert.ok(words.full && ticks.full);
	assert.deepEqual([words.oldest, words.newest], [10000 - Math.floor(4096 / 3), 9999]);
	assert.deepEqual([ticks.oldest, ticks.newest], [10000 - 2048, 9999]);
	for (const [tick, word] of [...spikesOf(words), ...spikesOf(ticks)])
		assert.equal(tick, word);
});

test("floats: all lines, or the chosen ones", () => {
	const all = new FloatHistory(3000, 3),
		some = new FloatHistory(3000, 3, [2, 0]);
	for (let tick = 0; tick < 7000; tick++) {
		all.push(tick, [tick, tick + 0.5, -tick]);
		some.push(tick, [tick, tick + 0.5, -tick]);
	}
	assert.deepEqual([all.oldest, all.newest, some.oldest], [4000, 6999, 4000]);
	assert.deepEqual([...all.row(all.find(5000))], [5000, 5000.5, -5000]);
	assert.deepEqual([...some.row(some.find(5000))], [-5000, 5000]);
});

/* Cells of columns from..to - 1, in order of time. */
function cells(columns, from, to) {
	return Array.from({ length: to - from }, (_, i) => {
		const at = columns.slot(from + i) * columns.rows;
		return [
			...columns.positive.subarray(at, at + columns.rows),
			...columns.negative.subarray(at, at + columns.rows),
		];
	});
}

test("no spike is left out or counted twice, however the picture is moved", () => {
	const random = generator(7);
	const history = new SpikeHistory(1e6);
	const time = { origin: 1234.567, dt: 0.7 };
	const lines = { first: 10, count: 50 };
	const make = () => new SpikeColumns(64, 20, 5.3, lines, time);
	const moved = make();
	let tick = 0;
	for (let step = 0; step < 120; step++) {
		for (let end = tick + 40 * random(); tick < end; tick++)
			history.push(
				tick,
				Uint32Array.from({ length: 6 }, () => Math.floor(80 * random()) + (random() < 0.3 ? 2 ** 31 : 0)),
			);
		const newest = moved.columnOf(tick);
		const to = random() < 0.6 ? newest + 3 : newest - Math.floor(150 * random());
		const from = to - 1 - Math.floor(60 * random());
		moved.cover(from, to, history);
		const fresh = make();
		fresh.cover(from, to, history);
		assert.deepEqual(cells(moved, from, to), cells(fresh, from, to));
		const sum = cells(fresh, from, to)
			.flat()
			.reduce((a, b) => a + b, 0);
		const there = spikesOf(history).filter(([t, word]) => {
			const line = word & 0x7fffffff,
				column = fresh.columnOf(t);
			return line >= 10 && line < 60 && column >= from && column < to;
		});
		assert.equal(sum, there.length);
	}
});

test("a tick that is wider than a pixel is a mark of several", () => {
	const history = new SpikeHistory(1000);
	history.push(3, Uint32Array.of(0, 1 + 2 ** 31));
	const columns = new SpikeColumns(100, 2, 1, { first: 0, count: 2 }, { origin: 0, dt: 10 });
	columns.cover(0, 60, history);
	const marked = cells(columns, 0, 60)
		.map((cell, c) => [c, ...cell])
		.filter(([, ...cell]) => cell.some(Boolean));
	assert.deepEqual(
		marked,
		Array.from({ length: 7 }, (_, i) => [30 + i, 1, 0, 0, 1]),
	);
});

test("values that share a pixel are averaged, over ticks and lines", () => {
	const history = new FloatHistory(1000, 4);
	for (let tick = 0; tick < 8; tick++)
		history.push(tick, [tick, tick, 10, 20]);
	const columns = new ValueColumns(16, 2, 4, { first: 0, count: 4 }, { origin: 0, dt: 1 });
	columns.cover(0, 3, history);
	assert.deepEqual([columns.mean(0, 0), columns.mean(1, 0), columns.mean(0, 1)], [1.5, 5.5, 15]);
	assert.ok(Number.isNaN(columns.mean(2, 0)));
	columns.settle();
	assert.deepEqual([columns.low, columns.high], [1.5, 15]);
});

test("the clock runs evenly behind messages that bunch, and never back", () => {
	const random = generator(3);
	const clock = new Clock(true);
	assert.equal(clock.now(0), undefined);
	let before;
	for (let here = 0; here < 20000; here += 16) {
		if (Math.floor(here / 48) % 2 === 0)
			/* 48 ms of nothing, then all of it at once, up to 20 ms on the way */
			for (let at = Math.max(0, here - 48); at < here; at += 4)
				clock.heard(1e6 + at, here + 20 * random());
		const now = clock.now(here);
		if (here < 5000)
			continue;
		assert.ok(!before || (now > before && now - before < 16 * 1.11), `${now - before} ms in one of 16`);
		assert.ok(1e6 + here - now > 30 && 1e6 + here - now < 250, `${1e6 + here - now} ms behind`);
		before = now;
	}
});

test("in other clocks time is that of the newest tick", () => {
	const clock = new Clock(false);
	clock.heard(500, 1);
	clock.heard(400, 2);
	assert.deepEqual([clock.now(3), clock.now(9000)], [500, 500]);
});

test("a view: live, paused, moved within the minute, zoomed about a point", () => {
	const view = new View();
	view.advance(100000);
	assert.deepEqual([view.live, view.start, view.end], [true, 95000, 100000]);
	view.zoom(0.5, 0.2);
	assert.deepEqual([view.live, view.span, view.end], [true, 2500, 100000]);
	view.pause();
	view.advance(105000);
	assert.deepEqual([view.live, view.end], [false, 100000]);
	view.zoom(2, 0.25);
	assert.deepEqual([view.span, view.start + 0.25 * view.span], [5000, 97500 + 0.25 * 2500]);
	view.pan(-1e9);
	assert.equal(view.start, 105000 - MINUTE_MS);
	view.pan(1e9);
	assert.equal(view.end, 105000);
	view.zoom(1e-9);
	assert.equal(view.span, SPAN_MIN_MS);
	view.zoom(1e9);
	assert.equal(view.span, MINUTE_MS);
	view.resume();
	assert.equal(view.live, true);
});

test("a channel's many lines are drawn upwards, and each is found where it is drawn", () => {
	const of = (lines) => new Stream("s", { ...meta, lines });
	assert.deepEqual([0, 1, 2, 3, 4, 5].map((line) => of(6).place(line)), [2, 1, 0, 5, 4, 3]);
	assert.deepEqual([0, 1, 2, 3].map((line) => of(4).place(line)), [0, 1, 2, 3]);
	for (let line = 0; line < 20; line++)
		assert.equal(of(20).place(of(20).place(line)), line);
	const history = new SpikeHistory(10);
	history.push(0, Uint32Array.of(0, 5));
	const stream = of(6);
	const lines = { first: 0, count: 6, total: 6, place: (line) => stream.place(line) };
	const columns = new SpikeColumns(4, 6, 1, lines, { origin: 0, dt: 1 });
	columns.cover(0, 2, history);
	assert.deepEqual([...columns.positive.subarray(0, 6)], [0, 0, 1, 1, 0, 0]);
});

test("activity: spikes a second in parts of the last minute", () => {
	const activity = new Activity();
	for (let at = 0; at < 90000; at += 100)
		activity.add(at, at < 60000 ? 1 : 5);
	const rates = activity.rates(90000, 60);
	assert.deepEqual([rates[0], rates[29], rates[30], rates[59]], [10, 10, 50, 50]);
	activity.add(1e7, 3);
	assert.equal(
		activity.rates(1e7 + 100, 60).reduce((a, b) => a + b),
		3,
	);
});

const meta = {
	stream: "s",
	channels: 2,
	lines: 4,
	dt_ns: 1e6,
	output: "spikes",
	empty: true,
	topics: ["spikes/s/", "values/s/"],
	names: ["a", "b"],
	shape: null,
	pipeline: [],
};
const part = (tick, more) => ({
	kind: "spikes",
	format: "words",
	epoch: "1",
	flags: [],
	count: 1,
	tick: BigInt(tick),
	words: Uint32Array.of(0),
	...more,
});

test("what is missing has a reason", () => {
	const stream = new Stream("s", meta);
	stream.take(part(0), 0, 0, false);
	stream.take(part(4), 4, 3, false);
	stream.take(part(9, { flags: ["gap"] }), 9, 0, false);
	stream.away("paused");
	stream.take(part(10), 10, 0, true);
	stream.take(part(20), 20, 0, false);
	stream.take(part(30), 30, 0, false);
	assert.deepEqual(stream.spikes.marks, [
		{ from: 1, to: 4, why: "lost", lost: 3 },
		{ from: 5, to: 9, why: "skipped", lost: 0 },
		{ from: 10, to: 20, why: "paused", lost: 0 },
		{ from: 21, to: 30, why: "unheard", lost: 0 },
	]);
	assert.equal(stream.missed, 3);
	const sparse = new Stream("s", { ...meta, empty: false });
	sparse.take(part(0), 0, 0, false);
	sparse.take(part(5), 5, 0, false);
	assert.deepEqual(sparse.spikes.marks, [{ from: 1, to: 5, why: "empty", lost: 0 }]);
});

test("a restart forgets what was, and graded spikes carry their sign", () => {
	const stream = new Stream("s", meta);
	stream.keep("values", 2, [0]);
	stream.take(part(100), 100, 0, false);
	stream.take(
		part(1, { epoch: "2", format: "graded", words: Uint32Array.of(1, 3), values: Float32Array.of(-2, 2) }),
		1,
		0,
		false,
	);
	assert.deepEqual(spikesOf(stream.spikes), [
		[1, 1 + 2 ** 31],
		[1, 3],
	]);
	stream.take({ ...part(2, { epoch: "2" }), kind: "values", values: Float32Array.of(5, 6) }, 2, 0, false);
	assert.deepEqual([...stream.values.row(stream.values.find(2))], [5, 6]);
});

test("rates are of the time between two words of the daemon; losses are told by name", () => {
	const stream = new Stream("s", meta);
	stream.count("live", { rows: 100, rejected_json: 0, seq_gaps: 0 }, 1e9);
	stream.count("live", { rows: 110, rejected_json: 0, seq_gaps: 0 }, 1.1e9);
	stream.count("stale", { rows: 150, rejected_json: 2, seq_gaps: 1, late_ticks: 7 }, 2e9);
	assert.deepEqual([stream.liveness, stream.rates.rows, stream.lost], ["stale", 50, 3]);
	assert.deepEqual(stream.losses, [
		["rejected_json", 2],
		["seq_gaps", 1],
	]);
	assert.deepEqual([stream.lineName(3), stream.lineName(0)], ["b·1", "a·0"]);
});

test("thresholds: one a line, both ways where the encoder has two, none where it has none", () => {
	const of = (pipeline, line) => thresholds({ fan: 2, meta: { pipeline } }, line);
	assert.deepEqual(
		of(
			[
				{ stage: "range", params: {} },
				{ stage: "lif", params: { v_th: [1, 3] } },
			],
			3,
		),
		[3],
	);
	assert.deepEqual(of([{ stage: "lif_bipolar", params: { theta: 0.5 } }], 0), [0.5, -0.5]);
	assert.deepEqual(of([{ stage: "step_forward", params: { theta: 0.5 } }], 0), []);
});

test("figures for people", () => {
	assert.deepEqual(
		[
			duration(0),
			duration(1.5e6),
			duration(2e9),
			count(999),
			count(12345),
			quantity(0.02, "s"),
			quantity(3, "ticks"),
		],
		["0 s", "1.5 ms", "2 s", "999", "12.3 k", "20 ms", "3 ticks"],
	);
	assert.deepEqual([uptime(59), uptime(3720), uptime(93600)], ["59 s", "1 h 2 min", "1 d 2 h"]);
	assert.deepEqual([niceStep(5000, 8), niceStep(0.9, 10)], [1000, 0.1]);
});
