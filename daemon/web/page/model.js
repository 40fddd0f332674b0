/* The daemon as the page knows it: its streams, what it says of itself, and which topics are listened to.
 *
 * Events: streams (some came or went), stream (one was described anew), status, link, epoch.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { Spiked } from "./client/browser.js";
import { Clock } from "./clock.js";
import { Stream } from "./stream.js";

const SILENCE_MS = 4000;
const LATENESS_MS = 2000;
const GATHER_MS = 12; /* less than a frame */
const HEARD_MESSAGES = 4000; /* a second, of streams that are not looked at */
const HEARD_SPIKES = 200000; /* likewise */

export class Model extends EventTarget {
	link = new Spiked(undefined, { silence: SILENCE_MS, gather: GATHER_MS });
	#clock = new Clock(true); /* of all streams, in clock `wall` */
	streams = new Map();
	encoders = [];
	info = {};
	status = {};
	connected = false;
	dropped = 0; /* messages that the daemon left out for this page */
	faults = 0; /* messages that are not of the protocol */
	paused = false;
	lateRate = 0;
	#base; /* ns; the page's 0 ms */
	#looked; /* the stream that is looked at, and the kinds of its messages beside spikes */
	#kinds = [];
	#sample;
	#asking = false;
	#asked = -LATENESS_MS;
	#topics = new Set();

	constructor() {
		super();
		this.link.on("open", () => this.#opened());
		this.link.on("close", () => this.#closed());
		this.link.on("message", (message) => this.#heard(message));
		this.link.on("lost", ({ total }) => (this.dropped = total));
		this.link.on("error", () => this.faults++);
		this.link.subscribe("status/");
	}

	call(method, params) {
		return this.link.call(method, params);
	}

	/* The time of a stream to show, ms; undefined = nothing heard yet. */
	now(stream, here) {
		return this.#clockOf(stream).now(here);
	}

	#clockOf(stream) {
		return this.info.clock === "wall" ? this.#clock : stream.clock;
	}

	/* The stream to show, and the kinds of floats (state, values) that are wanted of it. */
	look(name, kinds) {
		this.#looked = name;
		this.#kinds = kinds;
		this.#listen();
	}

	pause(paused) {
		if (paused && !this.paused)
			for (const stream of this.streams.values()) stream.away("paused");
		this.paused = paused;
	}

	async #opened() {
		this.dropped = 0;
		try {
			const [info, encoders] = await Promise.all([this.call("info"), this.call("encoders")]);
			this.info = info;
			this.encoders = encoders;
			await this.#reread();
			this.connected = true;
		} catch (error) {
			this.refusal = error.message;
		}
		this.#tell("link");
	}

	#closed() {
		const was = this.connected;
		this.connected = false;
		for (const stream of this.streams.values())
			stream.away("unheard");
		if (was)
			this.#tell("link");
	}

	async #reread() {
		const metas = await this.call("streams");
		const names = new Set(metas.map(({ stream }) => stream));
		for (const name of this.streams.keys())
			if (!names.has(name)) this.streams.delete(name);
		for (const meta of metas) {
			this.#describe(meta);
			this.streams.get(meta.stream).liveness = meta.liveness;
		}
		this.#listen();
		this.#tell("streams");
	}

	#describe(meta) {
		const stream = this.streams.get(meta.stream);
		if (stream)
			stream.describe(meta);
		else
			this.streams.set(meta.stream, new Stream(meta.stream, meta));
	}

	/* Spikes of all streams while they are few, so that the last minute of each is there when it is chosen. */
	#listen() {
		const wanted = new Set(["status/"]);
		let messages = 0,
			spikes = 0;
		for (const stream of this.streams.values()) {
			const looked = stream.name === this.#looked;
			const rate = 1000 / stream.dt;
			const slack = stream.heard ? 1.5 : 1; /* so that nothing flutters at the limit */
			const heard = stream.heard;
			stream.heard =
				looked ||
				(messages + rate <= slack * HEARD_MESSAGES &&
					spikes + (stream.rates.spikes ?? 0) <= slack * HEARD_SPIKES);
			if (heard && !stream.heard)
				stream.away("unheard");
			if (!looked && stream.heard) {
				messages += rate;
				spikes += stream.rates.spikes ?? 0;
			}
			if (stream.heard && stream.has("spikes"))
				wanted.add(`spikes/${stream.name}/`);
			if (!looked)
				continue;
			wanted.add(`meta/${stream.name}/`);
			for (const kind of this.#kinds)
				if (stream.has(kind)) wanted.add(`${kind}/${stream.name}/`);
		}
		this.link.unsubscribe([...this.#topics].filter((topic) => !wanted.has(topic)));
		this.link.subscribe([...wanted]);
		this.#topics = wanted;
	}

	#heard({ topic, json, parts, missed }) {
		if (topic === "status/")
			this.#counted(json);
		else if (json)
			this.#redescribed(json);
		else
			this.#took(this.streams.get(topic.slice(topic.indexOf("/") + 1, -1)), parts[0], missed);
	}

	#took(stream, part, missed) {
		if (!stream)
			return;
		this.#base ??= part.timeNs - 1000000000000n;
		const at = Number(part.timeNs - this.#base) / 1e6;
		this.#clockOf(stream).heard(at, performance.now());
		stream.take(part, at, missed, this.paused);
	}

	#redescribed(meta) {
		const before = this.streams.get(meta.stream)?.meta;
		if (!before)
			return;
		this.#describe(meta);
		if (JSON.stringify(before.pipeline) !== JSON.stringify(meta.pipeline) || before.lines !== meta.lines)
			this.#tell("stream", meta.stream);
	}

	#counted(status) {
		if (this.status.epoch !== status.epoch)
			this.#restarted();
		this.status = status;
		const names = status.streams.map(({ stream }) => stream);
		for (const { stream, liveness, counters } of status.streams)
			this.streams.get(stream)?.count(liveness, counters, status.time_ns);
		if (this.connected && (names.length !== this.streams.size || names.some((name) => !this.streams.has(name))))
			this.#reread().catch(() => {});
		const seconds = (status.time_ns - this.#sample?.time_ns) / 1e9;
		if (!(seconds < 0.5)) {
			this.lateRate = seconds > 0 ? (status.counters.late_ticks - this.#sample.late) / seconds : 0;
			this.#sample = { time_ns: status.time_ns, late: status.counters.late_ticks };
		}
		if (this.connected) {
			this.#listen();
			this.#askLateness();
		}
		this.#tell("status");
	}

	/* Each stream's histogram is only in `stats`. */
	async #askLateness() {
		if (this.#asking || performance.now() - this.#asked < LATENESS_MS)
			return;
		this.#asking = true;
		this.#asked = performance.now();
		try {
			const { streams } = await this.call("stats");
			for (const [name, { lateness_ns }] of Object.entries(streams))
				if (this.streams.has(name))
					this.streams.get(name).lateness = lateness_ns;
		} catch {
			/* not for this client, or the connection ended: it is not known then */
		}
		this.#asking = false;
	}

	#restarted() {
		this.#clock.reset();
		if (this.status.epoch === undefined)
			return; /* it is the first that we hear of */
		this.#base = undefined;
		this.#sample = undefined;
		for (const stream of this.streams.values())
			stream.forget();
		this.#tell("epoch");
	}

	#tell(type, detail) {
		this.dispatchEvent(new CustomEvent(type, { detail }));
	}
}
