/* One stream: what the daemon says of it, and the last minute of what it sent.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { Clock } from "./clock.js";
import { FloatHistory, SpikeHistory } from "./history.js";
import { MINUTE_MS } from "./view.js";

const BIN_MS = 100;
const BINS = MINUTE_MS / BIN_MS;
const RATE_MIN_S = 0.5;
const LOSSES = /^(rejected_.*|seq_gaps|queue_dropped|skipped_ticks|spikes_cut)$/;
export const WHOLE_MAX = 4096; /* lines of which all floats are kept; of more only chosen ones */

/* Spikes of the last minute by tenths of a second. */
export class Activity {
	#bins = new Float64Array(BINS);
	#newest = -1;

	add(at, spikes) {
		const bin = Math.floor(at / BIN_MS);
		if (this.#newest < 0 || bin > this.#newest + BINS)
			this.clear(bin);
		while (this.#newest < bin)
			this.#bins[++this.#newest % BINS] = 0;
		if (bin > this.#newest - BINS)
			this.#bins[bin % BINS] += spikes;
	}

	clear(newest = -1) {
		this.#bins.fill(0);
		this.#newest = newest;
	}

	/* Spikes a second in each of `n` equal parts of the minute that ends at `end`. */
	rates(end, n) {
		const per = BINS / n,
			last = Math.floor(end / BIN_MS);
		return Float64Array.from({ length: n }, (_, i) => {
			let sum = 0;
			for (let bin = last - BINS + Math.floor(i * per); bin < last - BINS + Math.floor((i + 1) * per); bin++)
				if (bin >= 0 && bin <= this.#newest && bin > this.#newest - BINS)
					sum += this.#bins[bin % BINS];
			return (1000 * sum) / (per * BIN_MS);
		});
	}
}

export class Stream {
	liveness = "silent";
	counters = {};
	rates = {}; /* of each counter, a second */
	lateness = undefined; /* of its ticks: count, p50, p99 … in ns; as far as it is known */
	missed = 0; /* messages that did not come to this page */
	generation = 0; /* pictures of another one are worth nothing */
	activity = new Activity();
	clock = new Clock(false); /* its own, where streams tick one by one */
	#sample;
	#epoch;

	constructor(name, meta) {
		this.name = name;
		this.describe(meta);
		this.forget();
	}

	/* `meta`: as of `meta/`. */
	describe(meta) {
		const before = this.meta;
		this.meta = meta;
		this.dt = meta.dt_ns / 1e6;
		this.fan = Math.max(1, Math.floor(meta.lines / meta.channels));
		if (before && (before.lines !== meta.lines || before.dt_ns !== meta.dt_ns || before.output !== meta.output))
			this.forget();
	}

	get span() {
		return Math.ceil(MINUTE_MS / this.dt);
	}

	forget() {
		this.generation++;
		this.time = undefined;
		this.spikes = new SpikeHistory(this.span);
		for (const kind of ["state", "values"])
			if (this[kind])
				this[kind] = new FloatHistory(this.span, this[kind].width, this[kind].picked);
		this.activity.clear();
		this.clock.reset();
	}

	has(kind) {
		return this.meta.topics.includes(`${kind}/${this.name}/`);
	}

	/* Whether the floats kept are those of these lines; if not, begins to keep them. Few lines: all of them. */
	keep(kind, width, picked) {
		const wanted = width <= WHOLE_MAX ? undefined : picked;
		const kept = this[kind];
		if (!kept || String(kept.picked) !== String(wanted) || (!wanted && kept.width !== width))
			this[kind] = new FloatHistory(this.span, width, wanted);
	}

	/* A part of a message of ours. `at`: ms of its tick on the page's axis; `paused`: it is only counted. Gives
	 * the marks' reason if ticks are missing before it. */
	take(part, at, missed, paused) {
		const tick = Number(part.tick);
		this.missed += missed;
		if (part.epoch !== this.#epoch) {
			if (this.#epoch)
				this.forget();
			this.#epoch = part.epoch;
		}
		this.time ??= { dt: this.dt, origin: at - tick * this.dt };
		if (part.kind === "spikes")
			this.activity.add(at, part.count);
		const history = this[part.kind];
		if (!history || paused)
			return;
		const quiet = this.#quiet(history);
		const newest = history.newest;
		if (newest >= 0 && tick > newest + 1)
			history.mark(newest + 1, tick, missed ? "lost" : part.flags.includes("gap") ? "skipped" : quiet, missed);
		if (part.kind !== "spikes")
			history.push(tick, part.values);
		else
			history.push(tick, part.format === "graded" ? signed(part) : part.words);
	}

	/* Why ticks are missing that were neither lost nor skipped. Of a stream that sends no empty ones they were
	 * empty, unless we did not listen. */
	#quiet(history) {
		const why = history.away;
		history.away = undefined;
		return why ?? (this.meta.empty ? "unheard" : "empty");
	}

	/* From now on nothing is kept: what is missing then has this reason. */
	away(why) {
		for (const history of [this.spikes, this.state, this.values])
			if (history) history.away = why;
	}

	/* Counters of `status/`. */
	count(liveness, counters, time_ns) {
		this.liveness = liveness;
		this.counters = counters;
		const seconds = (time_ns - this.#sample?.time_ns) / 1e9;
		if (seconds < RATE_MIN_S)
			return;
		if (seconds > 0)
			for (const key of Object.keys(counters))
				this.rates[key] = Math.max(0, (counters[key] - (this.#sample.counters[key] ?? 0)) / seconds);
		this.#sample = { time_ns, counters };
	}

	/* Every counter of something lost that is not 0. */
	get losses() {
		return Object.entries(this.counters).filter(([key, n]) => LOSSES.test(key) && n > 0);
	}

	get lost() {
		return this.losses.reduce((sum, [, n]) => sum + n, 0);
	}

	/* Where a line is drawn, from the top, and which line is drawn there. Channels from the top down; but a channel's
	 * many lines upwards, as they stand for higher values or frequencies. */
	place(line) {
		return this.fan <= 2 ? line : line + this.fan - 1 - 2 * (line % this.fan);
	}

	channelName(channel) {
		return this.meta.names?.[channel] ?? String(channel);
	}

	lineName(line) {
		const channel = Math.floor(line / this.fan);
		return this.fan === 1 ? this.channelName(channel) : `${this.channelName(channel)}·${line % this.fan}`;
	}

	/* Lines as an image: { tiles, height, width }, or nothing. */
	get image() {
		const shape = this.meta.shape;
		if (!shape || shape.length < 2)
			return undefined;
		const [height, width] = shape.slice(-2);
		return { tiles: this.meta.channels / (height * width), height, width };
	}
}

/* Graded spikes carry their sign in the value. */
function signed({ words, values }) {
	return words.map((word, i) => (values[i] < 0 ? word | 0x80000000 : word));
}
