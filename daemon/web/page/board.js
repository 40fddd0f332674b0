/* The pictures of the chosen stream, one above the other over the same time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { palette } from "./colour.js";
import { element, find, write } from "./dom.js";
import { duration } from "./format.js";
import { HeatLane } from "./heat.js";
import { ImagePanel } from "./image.js";
import { Axis, GUTTER } from "./lane.js";
import { Overview } from "./overview.js";
import { RasterLane } from "./raster.js";
import { WHOLE_MAX } from "./stream.js";
import { TraceLane } from "./traces.js";
import { View } from "./view.js";

const COLOURS = [
	"ground",
	"panel",
	"spike",
	"negative",
	"muted",
	"faint",
	"grid",
	"loss",
	...Array.from({ length: 8 }, (_, i) => `trace${i}`),
];
const STATE_AT_ONCE = 256; /* lines of which floats are asked for without being told to */

export class Board {
	view = new View();
	#shown = new Map(); /* stream: Set of lanes */
	#stream;
	#drag;
	#cursor; /* { lane, x, y } of the pointer */
	onmove = () => {};

	constructor(model) {
		this.model = model;
		const again = () => this.#listen();
		this.lanes = [
			new RasterLane(),
			new HeatLane(),
			new TraceLane("state", "State", again),
			new TraceLane("values", "Input values", again),
			new ImagePanel(),
		];
		this.axis = new Axis();
		this.overview = new Overview(this.view, () => this.onmove());
		find("lanes").append(
			...this.lanes.slice(0, 4).map(({ section }) => section),
			this.axis.surface.canvas,
			this.lanes[4].section,
		);
		find("time").append(this.overview.canvas);
		this.buttons = this.lanes.map((lane, i) =>
			element(
				"button",
				{ "aria-pressed": "false", title: `Show or hide (${i + 1})`, onclick: () => this.toggle(i) },
				lane.section.querySelector("h3").textContent,
			),
		);
		find("shows").append(...this.buttons);
		for (const lane of this.lanes.slice(0, 4))
			this.#mouse(lane);
		this.restyle();
	}

	restyle() {
		this.colours = { ...palette(COLOURS), theme: document.documentElement.dataset.theme };
	}

	/* A stream to show, or the same one described anew. */
	open(stream) {
		this.#stream = stream;
		if (!stream)
			return;
		if (!this.#shown.has(stream.name))
			this.#shown.set(stream.name, this.#usual(stream));
		this.lanes[2].open(stream, stream.meta.lines, (line) => stream.lineName(line));
		this.lanes[3].open(stream, stream.meta.channels, (channel) => stream.channelName(channel));
		this.#listen();
	}

	/* What the stream can show. */
	#possible(stream) {
		const state = stream.has("state");
		return [
			stream.has("spikes"),
			state && stream.meta.lines <= WHOLE_MAX,
			state,
			stream.has("values"),
			!!stream.image && stream.has("spikes"),
		];
	}

	/* What of it is shown at first. */
	#usual(stream) {
		const population = stream.meta.pipeline.some(({ stage }) => stage === "population");
		const few = stream.meta.lines <= STATE_AT_ONCE;
		return new Set(
			[
				0,
				population && few && 1,
				!population && few && 2,
				stream.meta.channels <= STATE_AT_ONCE && 3,
				4,
			].filter((i) => i !== false),
		);
	}

	toggle(i) {
		const shown = this.#stream && this.#shown.get(this.#stream.name);
		if (!shown || !this.#possible(this.#stream)[i])
			return;
		if (!shown.delete(i))
			shown.add(i);
		this.#listen();
	}

	#listen() {
		const stream = this.#stream;
		const shown = this.#shown.get(stream.name),
			possible = this.#possible(stream);
		this.lanes.forEach((lane, i) => {
			lane.section.hidden = !(possible[i] && shown.has(i));
			this.buttons[i].hidden = !possible[i];
			this.buttons[i].setAttribute("aria-pressed", String(shown.has(i)));
		});
		const kinds = [];
		if (!this.lanes[1].section.hidden || !this.lanes[2].section.hidden) {
			kinds.push("state");
			stream.keep("state", stream.meta.lines, this.lanes[2].chosen);
		}
		if (!this.lanes[3].section.hidden) {
			kinds.push("values");
			stream.keep("values", stream.meta.channels, this.lanes[3].chosen);
		}
		this.model.look(stream.name, kinds);
	}

	live() {
		this.model.pause(false);
		this.view.resume();
		this.onmove();
	}

	zoom(factor, at = 1) {
		this.view.zoom(factor, at, this.now);
		this.onmove();
	}

	pan(share) {
		this.view.pan(share * this.view.span, this.now);
		this.onmove();
	}

	lines(factor, move, at = 0.5) {
		if (this.#stream)
			for (const lane of this.lanes.slice(0, 2)) lane.zoomLines(this.#stream, factor, at, move);
	}

	#mouse(lane) {
		const { canvas } = lane.surface;
		canvas.addEventListener(
			"wheel",
			(event) => {
				event.preventDefault();
				const turn = event.deltaY || event.deltaX;
				const factor = Math.exp(Math.max(-0.4, Math.min(0.4, turn / 400)));
				if (event.shiftKey)
					this.lines(factor, 0, event.offsetY / lane.surface.height);
				else
					this.zoom(factor, this.view.live ? 1 : (event.offsetX - GUTTER) / lane.plot.width);
			},
			{ passive: false },
		);
		canvas.onpointerdown = (event) => {
			canvas.setPointerCapture(event.pointerId);
			this.#drag = { x: event.offsetX, from: event.offsetX };
		};
		canvas.onpointermove = (event) => {
			this.#cursor = { lane, x: event.offsetX, y: event.offsetY };
			this.#dragged(lane, event);
		};
		canvas.onpointerleave = () => (this.#cursor = undefined);
		canvas.onpointerup = (event) => {
			if (this.#drag && Math.abs(event.offsetX - this.#drag.from) < 4)
				this.#clicked(lane, event);
			this.#drag = undefined;
		};
		canvas.onpointercancel = () => (this.#drag = undefined);
	}

	#dragged(lane, event) {
		const drag = this.#drag;
		if (!drag || (Math.abs(event.offsetX - drag.from) < 4 && !drag.moved))
			return;
		drag.moved = true;
		this.view.pan(((drag.x - event.offsetX) / lane.plot.width) * this.view.span, this.now);
		drag.x = event.offsetX;
		this.onmove();
	}

	/* A line's curves, below. */
	#clicked(lane, event) {
		if (!lane.lineAt || !this.#stream)
			return;
		const line = lane.lineAt(event.offsetY);
		const channel = Math.floor(line / this.#stream.fan);
		if (!this.lanes[2].section.hidden && !this.lanes[2].chosen.includes(line))
			this.lanes[2].choose(line);
		if (!this.lanes[3].section.hidden && !this.lanes[3].chosen.includes(channel))
			this.lanes[3].choose(channel);
	}

	draw(stream, here) {
		const now = stream && this.model.now(stream, here);
		if (!this.model.paused && this.model.connected)
			this.view.advance(now);
		this.now = this.view.newest;
		if (!stream)
			return;
		const frame = { stream, view: this.view, colours: this.colours, here, now: this.now, cursor: this.#cursor };
		for (const lane of this.lanes)
			if (!lane.section.hidden) lane.draw(frame);
		this.axis.draw(frame);
		this.overview.draw(frame);
		write(find("span"), this.#cursor && this.#cursor.x >= GUTTER ? this.#read(stream) : this.#said());
	}

	#said() {
		const ago = Math.max(0, this.now - this.view.end);
		return `${duration(this.view.span * 1e6)} shown${this.view.live ? "" : `, ending ${duration(ago * 1e6, 2)} ago`}`;
	}

	/* What is under the pointer. */
	#read(stream) {
		const { lane, x, y } = this.#cursor;
		const at = this.view.start + ((x - GUTTER) / lane.plot.width) * this.view.span;
		const line = lane.lineAt?.(y);
		const what =
			line === undefined
				? lane.read(stream, this.view, x)
				: stream.fan > 1 || stream.meta.names
					? `${stream.lineName(line)}, line ${line}`
					: `line ${line}`;
		return `−${duration(Math.max(0, this.now - at) * 1e6)}${what ? ` · ${what}` : ""}`;
	}
}
