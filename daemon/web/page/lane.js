/* A picture over the common time axis: a head with its name and what it says of itself, and a canvas.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { element, write } from "./dom.js";
import { duration, niceStep } from "./format.js";

export const GUTTER = 76; /* px for labels at the left */
const LABEL_PX = 14;
const FONT = "11px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";

/* A canvas as sharp as the screen; x and y in its calls are CSS pixels. */
export class Surface {
	width = 0;
	height = 0;
	ratio = 1;
	changed = true;

	constructor(label) {
		this.canvas = element("canvas", { role: "img", "aria-label": label });
		this.pen = this.canvas.getContext("2d", { alpha: false });
		new ResizeObserver(() => (this.changed = true)).observe(this.canvas);
	}

	/* Before each picture. False: there is no room to draw. */
	begin(ground) {
		const ratio = Math.min(3, globalThis.devicePixelRatio || 1);
		if (this.changed || ratio !== this.ratio) {
			this.changed = false;
			this.width = this.canvas.clientWidth;
			this.height = this.canvas.clientHeight;
			this.ratio = ratio;
			this.canvas.width = Math.round(this.width * ratio);
			this.canvas.height = Math.round(this.height * ratio);
		}
		this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
		this.pen.fillStyle = ground;
		this.pen.fillRect(0, 0, this.width, this.height);
		this.pen.font = FONT;
		this.pen.textBaseline = "middle";
		return this.width > GUTTER && this.height > 0;
	}
}

export class Lane {
	#noted = "";

	constructor(kind, title) {
		this.kind = kind;
		this.surface = new Surface(title);
		this.note = element("span.note");
		this.tools = element("span.tools");
		this.section = element(
			"section.lane",
			{ "data-lane": kind },
			element("header", {}, element("h3", {}, title), this.tools, this.note),
			this.surface.canvas,
		);
	}

	get plot() {
		return { left: GUTTER, width: this.surface.width - GUTTER, height: this.surface.height };
	}

	say(text) {
		if (text !== this.#noted)
			write(this.note, (this.#noted = text));
	}

	/* x of a time in ms. */
	x(at, view) {
		return GUTTER + ((at - view.start) / view.span) * (this.surface.width - GUTTER);
	}

	/* Faint lines where the axis has figures. */
	grid(frame) {
		const { pen } = this.surface;
		pen.fillStyle = frame.colours.css.grid;
		for (const [x] of ticksOf(frame, this.plot.width))
			pen.fillRect(Math.round(x), 0, 1, this.surface.height);
	}

	/* Where the pointer is, in all lanes. */
	cross({ cursor, colours }) {
		if (!cursor || cursor.x < GUTTER)
			return;
		this.surface.pen.fillStyle = colours.css.faint;
		this.surface.pen.fillRect(Math.round(cursor.x), 0, 1, this.surface.height);
	}

	/* Spans of which nothing is known, hatched; gives how many messages were lost in those shown. */
	gaps({ stream, view, colours }, history) {
		const { pen } = this.surface;
		const { height } = this.plot;
		let lost = 0;
		for (const { from, to, why, lost: messages } of history.marks) {
			const left = this.x(stream.time.origin + from * stream.dt, view);
			const right = this.x(stream.time.origin + to * stream.dt, view);
			if (why === "empty" || right < GUTTER || left > this.surface.width)
				continue;
			lost += messages;
			this.#hatch(
				pen,
				Math.max(GUTTER, left),
				Math.max(right, left + 1),
				height,
				why === "lost" || why === "skipped" ? colours.css.loss : colours.css.faint,
			);
		}
		return lost;
	}

	#hatch(pen, left, right, height, colour) {
		pen.save();
		pen.beginPath();
		pen.rect(left, 0, right - left, height);
		pen.clip();
		pen.strokeStyle = colour;
		pen.globalAlpha = 0.6;
		pen.beginPath();
		for (let x = left - height; x < right; x += 7) {
			pen.moveTo(x, height);
			pen.lineTo(x + height, 0);
		}
		pen.stroke();
		pen.restore();
	}

	/* Names of lines at the left, as many as have room. lines: { first, count }. */
	labels({ stream, colours }, lines) {
		const { pen, height } = this.surface;
		const whole = stream.fan > 1 && lines.count * LABEL_PX > height; /* then one a channel */
		const step = whole ? stream.fan : 1;
		const each = (height / lines.count) * step;
		const crowd = LABEL_PX / each; /* how many share the room of one */
		const skip = crowd <= 1 ? 1 : Math.ceil(niceStep(crowd, 1));
		pen.fillStyle = colours.css.ground;
		pen.fillRect(0, 0, GUTTER, height);
		const first = Math.ceil(lines.first / step),
			last = Math.ceil((lines.first + lines.count) / step);
		for (let i = Math.ceil(first / skip) * skip; i < last; i += skip) {
			const top = ((i * step - lines.first) / lines.count) * height;
			if (whole && stream.fan > 1 && i > first) {
				pen.fillStyle = colours.css.grid;
				pen.fillRect(0, Math.round(top), this.surface.width, 1);
			}
			const middle = top + Math.min(each, skip * each) / 2;
			const y = Math.min(height - 6, Math.max(6, middle));
			if (Math.abs(y - middle) > 3 && i > first)
				continue; /* it would lie over the one before */
			pen.fillStyle = colours.css.muted;
			pen.textAlign = "right";
			const name = whole ? stream.channelName(i) : stream.lineName(stream.place(i));
			pen.fillText(fitted(pen, name, GUTTER - 10), GUTTER - 6, y);
		}
	}
}

function fitted(pen, text, width) {
	while (text.length > 3 && pen.measureText(text).width > width)
		text = `${text.slice(0, text.endsWith("…") ? -2 : -1)}…`;
	return text;
}

/* [x, ms ago] of the figures of the axis. They stand still while a live picture runs below them. */
function ticksOf({ view, now }, width) {
	const step = niceStep(view.span, Math.max(2, width / 110));
	const found = [];
	for (let ago = Math.ceil((now - view.end) / step) * step; ago <= now - view.start; ago += step)
		found.push([GUTTER + ((now - ago - view.start) / view.span) * width, ago]);
	return found;
}

/* The axis below all lanes. */
export class Axis {
	constructor() {
		this.surface = new Surface("time axis");
		this.surface.canvas.classList.add("axis");
	}

	draw(frame) {
		const { colours } = frame;
		if (!this.surface.begin(colours.css.ground))
			return;
		const { pen, width } = this.surface;
		pen.fillStyle = colours.css.muted;
		for (const [x, ago] of ticksOf(frame, width - GUTTER)) {
			pen.fillRect(Math.min(width - 1, Math.round(x)), 0, 1, 4);
			pen.textAlign = x > width - 24 ? "right" : "center";
			pen.fillText(
				ago === 0 ? "now" : `${ago > 0 ? "−" : "+"}${duration(Math.abs(ago) * 1e6)}`,
				Math.min(x, width),
				12,
			);
		}
	}
}
