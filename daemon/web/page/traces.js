/* Values of chosen lines or channels as curves, with the threshold where the encoder has one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { element } from "./dom.js";
import { figure, niceStep } from "./format.js";
import { GUTTER, Lane } from "./lane.js";

const CHOSEN_MAX = 8;
const LISTED_MAX = 1000; /* the others by a click on their line */
const DASHES = [[], [6, 3], [2, 2], [8, 2, 2, 2]]; /* beside colours, for those who do not tell these apart */
const WIDTH = 1.5; /* px, of a curve */
const SHRINK = 0.02; /* of the way that the scale goes back in a frame */

/* Parameters that the state is compared with, by stage; "-" = their negative too. */
const THRESHOLDS = { lif: "v_th", lif_latency: "v_th", if: "theta", lif_bipolar: "-theta", asdm: "-delta" };

/* The thresholds of a line: numbers; none where the state is not compared with any. */
export function thresholds({ meta, fan }, line) {
	const stage = meta.pipeline.findLast(({ stage }) => stage in THRESHOLDS);
	if (!stage)
		return [];
	const rule = THRESHOLDS[stage.stage];
	const param = stage.params[rule.replace("-", "")];
	const value = Array.isArray(param) ? param[Math.floor(line / fan)] : param;
	return !Number.isFinite(value) ? [] : rule.startsWith("-") ? [value, -value] : [value];
}

export class TraceLane extends Lane {
	chosen = [];
	#low;
	#high;
	#of;

	/* kind: state or values. onchange: the choice is another. */
	constructor(kind, title, onchange) {
		super(kind, title);
		this.onchange = onchange;
		this.picker = element("select", {
			title: `Add a curve to ${title.toLowerCase()}`,
			"aria-label": `add a curve to ${title.toLowerCase()}`,
			onchange: () => this.choose(Number(this.picker.value)),
		});
		this.chips = element("span.chips");
		this.tools.append(this.chips, this.picker);
	}

	/* A stream, or one that has been described anew. */
	open(stream, count, nameOf) {
		if (this.#of !== stream.name) {
			this.chosen = Array.from({ length: Math.min(this.kind === "state" ? 2 : 3, count) }, (_, i) => i);
			this.#low = this.#high = undefined;
		}
		this.#of = stream.name;
		this.count = count;
		this.nameOf = nameOf;
		this.chosen = this.chosen.filter((i) => i < count);
		this.#list();
	}

	choose(index) {
		if (this.chosen.includes(index))
			this.chosen = this.chosen.filter((i) => i !== index);
		else
			this.chosen = [...this.chosen, index].slice(-CHOSEN_MAX);
		this.#list();
		this.onchange();
	}

	#list() {
		this.chips.replaceChildren(
			...this.chosen.map((index, i) =>
				element(
					`button.chip.trace${i}`,
					{ title: "Remove this curve", onclick: () => this.choose(index) },
					this.nameOf(index),
				),
			),
		);
		const free = Array.from({ length: Math.min(this.count, LISTED_MAX) }, (_, i) => i).filter(
			(i) => !this.chosen.includes(i),
		);
		this.picker.replaceChildren(
			element("option", { value: "" }, "+"),
			...free.map((i) => element("option", { value: String(i) }, this.nameOf(i))),
		);
		this.picker.hidden = free.length === 0;
	}

	draw(frame) {
		const { stream, view, colours } = frame;
		if (!this.surface.begin(colours.css.ground))
			return;
		this.grid(frame);
		const history = stream[this.kind];
		const columns = this.chosen.map((index) => (history?.picked ? history.picked.indexOf(index) : index));
		if (stream.time && history && history.newest >= 0) {
			this.gaps(frame, history);
			this.#scale(stream, view, history, columns);
			this.#curves(frame, history, columns);
			this.say(
				this.kind === "values" && stream.meta.range
					? "after the range"
					: stream.meta.unit && this.kind === "values"
						? stream.meta.unit
						: "",
			);
		} else {
			this.say("waiting");
		}
		const { pen, height } = this.surface;
		pen.fillStyle = colours.css.ground;
		pen.fillRect(0, 0, GUTTER, height);
		this.#figures(colours);
		this.cross(frame);
	}

	/* What the curves are at an x, for people. */
	read(stream, view, x) {
		const history = stream[this.kind];
		if (!history || !stream.time)
			return "";
		const at = view.start + ((x - GUTTER) / this.plot.width) * view.span;
		const entry = history.find((at - stream.time.origin) / stream.dt);
		if (entry >= history.count)
			return "";
		return this.chosen
			.map((index) => [index, history.picked ? history.picked.indexOf(index) : index])
			.filter(([, column]) => column >= 0)
			.map(([index, column]) => `${this.nameOf(index)} ${figure(history.value(entry, column), 3)}`)
			.join(", ");
	}

	/* Opens at once for what is higher, and closes slowly. */
	#scale(stream, view, history, columns) {
		let low = Infinity,
			high = -Infinity;
		const [first, last] = this.#range(stream, view, history);
		const step = Math.max(1, Math.floor((last - first) / 20000));
		for (let entry = first; entry < last; entry += step)
			for (const column of columns) {
				const value = history.value(entry, column);
				if (value < low)
					low = value;
				if (value > high)
					high = value;
			}
		if (this.kind === "state")
			for (const line of this.chosen)
				for (const value of thresholds(stream, line)) {
					low = Math.min(low, value);
					high = Math.max(high, value);
				}
		if (!(low <= high))
			return;
		const margin = (high - low || Math.abs(high) || 1) * 0.08;
		low -= margin;
		high += margin;
		this.#low = this.#low === undefined ? low : low < this.#low ? low : this.#low + SHRINK * (low - this.#low);
		this.#high =
			this.#high === undefined ? high : high > this.#high ? high : this.#high + SHRINK * (high - this.#high);
	}

	#range(stream, view, history) {
		const tick = (at) => (at - stream.time.origin) / stream.dt;
		return [
			Math.max(history.first, history.find(tick(view.start)) - 1),
			Math.min(history.count, history.find(tick(view.end)) + 1),
		];
	}

	y(value) {
		return (1 - (value - this.#low) / (this.#high - this.#low)) * this.surface.height;
	}

	#curves({ stream, view, colours }, history, columns) {
		const { pen } = this.surface;
		const [first, last] = this.#range(stream, view, history);
		const crowded = stream.dt * this.plot.width < view.span;
		this.chosen.forEach((line, i) => {
			pen.strokeStyle = pen.fillStyle = colours.css[`trace${i}`];
			pen.globalAlpha = crowded ? 0.85 : 1;
			if (columns[i] >= 0 && crowded)
				this.#band(stream, view, history, columns[i], first, last);
			pen.globalAlpha = 1;
			pen.lineWidth = WIDTH;
			pen.setLineDash(DASHES[i % DASHES.length]);
			if (columns[i] >= 0 && !crowded)
				this.#curve(stream, view, history, columns[i], first, last);
			pen.setLineDash([]);
		});
		if (this.kind === "state")
			this.chosen.forEach((line, i) =>
				this.#thresholds(stream, line, colours.css[`trace${i}`], colours.css.ground),
			);
	}

	/* A point a tick: joined by lines, or held until the next one. */
	#curve(stream, view, history, column, first, last) {
		const { pen } = this.surface;
		const perMs = this.plot.width / view.span;
		pen.beginPath();
		for (let entry = first, before = -2, y = 0; entry < last; entry++) {
			const tick = history.tickAt(entry);
			const x = GUTTER + (stream.time.origin + tick * stream.dt - view.start) * perMs;
			if (tick !== before + 1)
				pen.moveTo(x, this.y(history.value(entry, column)));
			else if (this.kind === "values")
				pen.lineTo(x, y);
			y = this.y(history.value(entry, column));
			pen.lineTo(x, y);
			before = tick;
		}
		pen.stroke();
	}

	/* Several ticks a pixel: the range of their values, from where the one before ended. Bars, since a line that
	 * goes up and down in every pixel takes a hundred times as long to draw. */
	#band(stream, view, history, column, first, last) {
		const { pen } = this.surface;
		const perMs = this.plot.width / view.span;
		let pixel = -1,
			low = 0,
			high = 0,
			end = 0,
			before = -2;
		const bar = () => {
			const top = this.y(high),
				tall = this.y(low) - top;
			pen.fillRect(pixel, tall < WIDTH ? top - (WIDTH - tall) / 2 : top, 1, Math.max(WIDTH, tall));
		};
		for (let entry = first; entry < last; entry++) {
			const tick = history.tickAt(entry);
			const x = Math.floor(GUTTER + (stream.time.origin + tick * stream.dt - view.start) * perMs);
			const value = history.value(entry, column);
			if (x !== pixel) {
				if (pixel >= 0)
					bar();
				pixel = x;
				low = high = tick === before + 1 ? end : value;
			}
			low = Math.min(low, value);
			high = Math.max(high, value);
			end = value;
			before = tick;
		}
		if (pixel >= 0)
			bar();
	}

	#thresholds(stream, line, colour, ground) {
		const { pen, width } = this.surface;
		pen.strokeStyle = pen.fillStyle = colour;
		pen.setLineDash([3, 4]);
		pen.lineWidth = 1;
		pen.beginPath();
		for (const value of thresholds(stream, line)) {
			pen.moveTo(GUTTER, Math.round(this.y(value)) + 0.5);
			pen.lineTo(width, Math.round(this.y(value)) + 0.5);
		}
		pen.stroke();
		pen.setLineDash([]);
		pen.textAlign = "left";
		for (const value of line === this.chosen[0] ? thresholds(stream, line) : [])
			this.#tag(`threshold ${figure(value, 3)}`, this.y(value) + (this.y(value) < 16 ? 9 : -8), ground);
	}

	/* A text that can be read over curves. */
	#tag(text, y, ground) {
		const { pen } = this.surface;
		const colour = pen.fillStyle;
		pen.fillStyle = ground;
		pen.fillRect(GUTTER + 3, y - 7, pen.measureText(text).width + 6, 14);
		pen.fillStyle = colour;
		pen.fillText(text, GUTTER + 6, y);
	}

	#figures(colours) {
		const { pen, height } = this.surface;
		if (this.#low === undefined)
			return;
		pen.fillStyle = colours.css.muted;
		pen.textAlign = "right";
		const step = niceStep(this.#high - this.#low, Math.max(1.5, height / 36));
		for (let value = Math.ceil(this.#low / step) * step; value <= this.#high; value += step) {
			const y = this.y(value);
			if (y > 7 && y < height - 7)
				pen.fillText(figure(Math.abs(value) < step / 2 ? 0 : value, 3), GUTTER - 6, y);
		}
	}
}
