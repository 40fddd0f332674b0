/* What is said in words and figures: the connection, the daemon, the stream, what got lost.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { element, find, write } from "./dom.js";
import { count, duration, uptime } from "./format.js";

const ALWAYS = ["rows", "ticks", "spikes", "late_ticks", "skipped_ticks", "stale_ticks"];
const TOLD_MS = 6000;

/* A list of terms and what they are, of which only what changed is written. */
function fill(node, entries) {
	if (node.childElementCount !== entries.length)
		node.replaceChildren(...entries.map(() => element("div", {}, element("dt"), element("dd"))));
	entries.forEach(([term, what, kind = ""], i) => {
		const [dt, dd] = node.children[i].children;
		write(dt, term);
		write(dd, what);
		dd.className = kind;
	});
}

export class Facts {
	#frames = [];
	#told;

	constructor(model) {
		this.model = model;
	}

	refresh(stream) {
		this.#link();
		this.#daemon();
		if (stream)
			this.#stream(stream);
	}

	#link() {
		const { connected, dropped, faults, refusal } = this.model;
		const node = find("link");
		node.dataset.state = connected ? "on" : "off";
		write(node, connected ? "connected" : refusal ? `refused: ${refusal}` : "not connected, trying again");
		const lost = [
			dropped && `The daemon left out ${count(dropped)} messages: this browser reads too slowly.`,
			faults && `${count(faults)} messages were not of the protocol.`,
			this.#told,
		]
			.filter(Boolean)
			.join(" ");
		find("lost").hidden = !lost;
		write(find("lost"), lost);
	}

	#daemon() {
		const { status, info, lateRate } = this.model;
		const late = status.lateness_ns ?? {};
		fill(
			find("facts"),
			status.epoch === undefined
				? []
				: [
						["clock", `${status.clock}, dt ${duration(info.dt_ns ?? NaN)}`],
						[
							"late p99",
							late.count ? duration(late.p99, 2) : "–",
							late.p99 > (info.dt_ns ?? Infinity) ? "warn" : "",
						],
						["up", uptime(status.uptime_s)],
						["frames", this.fps ?? "–"],
					],
		);
		fill(
			find("counters"),
			status.epoch === undefined
				? []
				: [
						["version", status.version],
						["lateness p50", duration(late.p50 ?? NaN, 2)],
						["lateness p99", duration(late.p99 ?? NaN, 2)],
						["lateness max", duration(late.max ?? NaN, 2)],
						["late ticks now", `${count(lateRate)} /s`, lateRate > 0 ? "warn" : ""],
						...Object.entries(status.counters)
							.filter(([key, n]) => n > 0 && key !== "connections")
							.map(([key, n]) => [key.replaceAll("_", " "), count(n)]),
					],
		);
	}

	#stream(stream) {
		const { meta, rates } = stream;
		const badge = find("liveness");
		const liveness = this.model.connected ? stream.liveness : "unknown";
		badge.dataset.liveness = liveness;
		write(badge, liveness);
		write(find("name"), stream.name);
		document.title = `${stream.name} · spiked`;
		fill(find("stream-facts"), [
			["channels", count(meta.channels)],
			["lines", count(meta.lines)],
			["gives", meta.output],
			["dt", duration(meta.dt_ns)],
			["rows/s", count(rates.rows ?? 0)],
			["spikes/s", count(rates.spikes ?? 0)],
			["late p99", stream.lateness?.count ? duration(stream.lateness.p99, 2) : "–", stream.lateness?.p99 > meta.dt_ns ? "warn" : ""],
			["late/s", count(rates.late_ticks ?? 0), rates.late_ticks > 0 ? "warn" : ""],
			["lost", count(stream.lost), stream.lost ? "warn" : ""],
			["missed here", count(stream.missed), stream.missed ? "warn" : ""],
		]);
		fill(
			find("stream-counters"),
			Object.entries(stream.counters)
				.filter(([key, n]) => n > 0 || ALWAYS.includes(key))
				.map(([key, n]) => [
					key.replaceAll("_", " "),
					count(n),
					stream.losses.some(([name]) => name === key) ? "warn" : "",
				]),
		);
	}

	/* A call whose failure is told. */
	async attempt(method, params) {
		try {
			await this.model.call(method, params);
		} catch (error) {
			this.tell(error.message);
		}
	}

	tell(text) {
		this.#told = text;
		this.#link();
		clearTimeout(this.timer);
		this.timer = setTimeout(() => {
			this.#told = undefined;
			this.#link();
		}, TOLD_MS);
	}

	/* Frames a second, over the last one. */
	frames(here) {
		this.#frames.push(here);
		while (this.#frames[0] < here - 1000)
			this.#frames.shift();
		this.fps = `${this.#frames.length - 1} /s`;
	}
}
