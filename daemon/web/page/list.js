/* Every stream: its liveness, rates and losses at a glance, and its last minute as a small curve.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { element, write } from "./dom.js";
import { count, duration } from "./format.js";
import { Surface } from "./lane.js";
import { palette } from "./colour.js";

const SIGNS = { live: "●", stale: "◐", silent: "○" }; /* beside colours */
const EACH_MS = 250;

export class StreamList {
	#rows = new Map();
	#drawn = 0;
	#seen = new Set(); /* canvases that are not scrolled away */
	#watch = new IntersectionObserver((changes) => {
		for (const { target, isIntersecting } of changes)
			this.#seen[isIntersecting ? "add" : "delete"](target);
	});

	constructor(model, node, choose) {
		Object.assign(this, { model, node, choose });
		node.onclick = ({ target }) => {
			const name = target.closest("li")?.dataset.stream;
			if (name)
				choose(name);
		};
		node.onkeydown = (event) => {
			const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
			if (!step)
				return;
			event.preventDefault();
			choose(this.neighbour(this.shown, step));
		};
	}

	neighbour(name, step) {
		const names = [...this.model.streams.keys()];
		return names[(names.indexOf(name) + step + names.length) % names.length];
	}

	show(name) {
		this.shown = name;
		for (const [each, { node }] of this.#rows)
			node.setAttribute("aria-selected", String(each === name));
		this.#rows.get(name)?.node.scrollIntoView({ block: "nearest", inline: "nearest" });
	}

	refresh() {
		const { streams } = this.model;
		const names = [...streams.keys()];
		if (names.join("/") !== [...this.#rows.keys()].join("/"))
			this.#rebuild(names);
		for (const [name, row] of this.#rows)
			this.#row(streams.get(name), row);
	}

	#rebuild(names) {
		for (const [name, { surface }] of this.#rows)
			if (!names.includes(name)) {
				this.#watch.unobserve(surface.canvas);
				this.#seen.delete(surface.canvas);
			}
		this.#rows = new Map(names.map((name) => [name, this.#rows.get(name) ?? this.#make(name)]));
		this.node.replaceChildren(...[...this.#rows.values()].map(({ node }) => node));
		this.show(this.shown);
	}

	#make(name) {
		const row = {
			sign: element("span.sign"),
			late: element("span.word", { title: "99 of 100 ticks were later by less" }),
			word: element("span.word"),
			spikes: element("b"),
			rows: element("span"),
			lost: element("span.lost"),
			surface: new Surface(`spikes of ${name} in the last minute`),
		};
		this.#watch.observe(row.surface.canvas);
		row.node = element(
			"li",
			{ role: "option", "data-stream": name, "aria-selected": "false" },
			element("div.line", {}, row.sign, element("span.label", {}, name), row.late, row.word),
			row.surface.canvas,
			element("div.line.figures", {}, row.spikes, row.rows, row.lost),
		);
		return row;
	}

	#row(stream, row) {
		const liveness = this.model.connected ? stream.liveness : "unknown";
		row.node.dataset.liveness = liveness;
		write(row.sign, SIGNS[liveness] ?? "◌");
		write(row.word, liveness);
		write(row.late, stream.lateness?.count ? `+${duration(stream.lateness.p99, 2)}` : "");
		write(row.spikes, `${count(stream.rates.spikes ?? 0)} spikes/s`);
		write(row.rows, `${count(stream.rates.rows ?? 0)} rows/s`);
		write(row.lost, stream.lost ? `${count(stream.lost)} lost` : "");
		row.node.title = stream.losses.map(([key, n]) => `${key.replaceAll("_", " ")}: ${n}`).join("\n");
	}

	draw(here) {
		if (here - this.#drawn < EACH_MS)
			return;
		this.#drawn = here;
		this.colours = palette(["panel", "spike", "faint"]);
		for (const [name, { surface }] of this.#rows)
			if (this.#seen.has(surface.canvas))
				this.#curve(this.model.streams.get(name), surface, here);
	}

	#curve(stream, surface, here) {
		const { css } = this.colours;
		if (!stream || !surface.begin(css.panel))
			return;
		const { pen, width, height } = surface;
		if (!stream.heard) {
			pen.fillStyle = css.faint;
			pen.fillText("kept while it is chosen", 0, height / 2);
			return;
		}
		const rates = stream.activity.rates(this.model.now(stream, here) ?? 0, 60);
		const top = rates.reduce((a, b) => Math.max(a, b), 1);
		pen.fillStyle = css.spike;
		pen.globalAlpha = 0.75;
		rates.forEach((rate, i) => {
			const tall = (rate / top) * height;
			pen.fillRect((i * width) / 60, height - tall, width / 60 - 0.5, tall);
		});
		pen.globalAlpha = 1;
	}
}
