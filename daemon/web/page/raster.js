/* Spikes over time, a row a line. Scrolls by drawing the new columns only; where ticks or lines share a pixel their
 * spikes add up to a brighter one, and the head says so.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { density, mix, pixel } from "./colour.js";
import { SpikeColumns } from "./columns.js";
import { count, duration } from "./format.js";
import { GUTTER, Lane } from "./lane.js";

const SPARE = 24; /* columns beyond the picture */
const SETTLE_MS = 2000;

/* What both pictures of columns share: a ring of pixels beside the ring of columns. */
export class ColumnLane extends Lane {
	#key = "";
	#ring = document.createElement("canvas");
	#pen = this.#ring.getContext("2d", { alpha: false });
	#settled = 0;
	shown = { first: 0, count: 0 }; /* lines */
	#of;

	/* Zooms or moves the lines shown. factor < 1 = closer; `at`: 0 top to 1 bottom. */
	zoomLines(stream, factor, at, move = 0) {
		const total = stream.meta.lines;
		const { first, count: before } = this.shown;
		const after = Math.max(
			1,
			Math.min(total, factor < 1 ? Math.floor(before * factor) : Math.ceil(before * factor)),
		);
		const top = Math.round(first + at * (before - after) + move * before);
		this.shown = { first: Math.max(0, Math.min(total - after, top)), count: after };
	}

	lineAt(y) {
		const { first, count } = this.shown;
		return this.#of.place(
			first + Math.max(0, Math.min(count - 1, Math.floor((y / this.surface.height) * count))),
		);
	}

	draw(frame, history, Columns) {
		const { stream, view, colours, here } = frame;
		if (!this.surface.begin(colours.css.ground))
			return;
		if (this.#of !== stream || this.shown.first + this.shown.count > stream.meta.lines) {
			this.#of = stream;
			this.shown = { first: 0, count: stream.meta.lines };
		}
		if (stream.time && history)
			this.#columns(frame, history, Columns);
		if (this.apart)
			this.grid(frame);
		this.labels(frame, this.shown);
		this.cross(frame);
		if (stream.time && history)
			this.describe(frame, history, this.gaps(frame, history));
		else
			this.say(stream.liveness === "silent" ? "no row has come yet" : "waiting");
		if (here - this.#settled > SETTLE_MS) {
			this.#settled = here;
			this.columns?.settle();
		}
	}

	#columns({ stream, view, colours }, history, Columns) {
		const width = Math.floor(this.plot.width),
			height = this.surface.canvas.height;
		const ms = view.span / width;
		const rows = Math.min(this.shown.count, height);
		const key = [
			stream.name,
			stream.generation,
			width,
			height,
			ms,
			this.shown.first,
			this.shown.count,
			stream.time.origin,
			colours.theme,
		].join();
		if (key !== this.#key || this.#history !== history) {
			this.#key = key;
			this.#history = history;
			const lines = { ...this.shown, total: stream.meta.lines, place: (line) => stream.place(line) };
			this.columns = new Columns(width + SPARE, rows, ms, lines, stream.time);
			this.#ring.width = width + SPARE;
			this.#ring.height = height;
			this.#edges(rows, height);
		}
		const from = Math.floor(view.start / ms),
			to = Math.ceil(view.end / ms) + 1;
		this.columns.cover(from, to, history);
		if (this.restyle(this.columns, colours))
			this.columns.dirty = [[this.columns.from, this.columns.to]];
		this.#paint(pixel(colours.ground));
		this.#compose(from, to, view, ms, height);
	}

	#history;

	/* Where each row begins and ends; rows that have room for it stand a little apart. */
	#edges(rows, height) {
		const each = height / rows;
		const gap = each >= 3 && this.apart ? Math.max(1, Math.floor(each * 0.22)) : 0;
		this.tops = Uint32Array.from({ length: rows }, (_, row) => Math.floor(row * each) + (gap >> 1));
		this.bottoms = Uint32Array.from(
			{ length: rows },
			(_, row) => Math.floor((row + 1) * each) - gap + (gap >> 1),
		);
	}

	#paint(ground) {
		const { columns } = this;
		if (!columns.dirty.length)
			return;
		let from = Math.max(columns.from, Math.min(...columns.dirty.map(([first]) => first)));
		const to = Math.min(columns.to, Math.max(...columns.dirty.map(([, last]) => last)));
		columns.dirty = [];
		while (from < to) {
			const slot = columns.slot(from);
			const n = Math.min(to - from, columns.width - slot);
			this.#strip(slot, n, ground);
			from += n;
		}
	}

	#strip(slot, n, ground) {
		const height = this.#ring.height;
		const image = new ImageData(n, height);
		const pixels = new Uint32Array(image.data.buffer).fill(ground);
		for (let x = 0; x < n; x++)
			this.colour(slot + x, (row, colour) => {
				for (let y = this.tops[row], end = this.bottoms[row]; y < end; y++)
					pixels[y * n + x] = colour;
			});
		this.#pen.putImageData(image, slot, 0);
	}

	#compose(from, to, view, ms, height) {
		const { pen, ratio, canvas } = this.surface;
		pen.save();
		pen.setTransform(1, 0, 0, 1, 0, 0);
		pen.imageSmoothingEnabled = false;
		for (let c = Math.max(from, this.columns.from); c < Math.min(to, this.columns.to);) {
			const slot = this.columns.slot(c);
			const n = Math.min(this.columns.to - c, this.columns.width - slot);
			const x = Math.round((GUTTER + (c * ms - view.start) / ms) * ratio);
			pen.drawImage(this.#ring, slot, 0, n, height, x, 0, Math.round(n * ratio), canvas.height);
			c += n;
		}
		pen.restore();
	}
}

export class RasterLane extends ColumnLane {
	apart = true;
	#style = "";

	constructor() {
		super("raster", "Spikes");
	}

	draw(frame) {
		super.draw(frame, frame.stream.spikes, SpikeColumns);
	}

	restyle({ full: wanted }, colours) {
		const style = `${wanted} ${colours.theme}`;
		if (style === this.#style)
			return false;
		this.#style = style;
		const full = Math.min(255, wanted);
		this.up = density(colours.ground, colours.spike, full);
		this.down = density(colours.ground, colours.negative, full);
		this.both = density(colours.ground, mix(colours.spike, colours.negative, 0.5), full);
		return true;
	}

	colour(slot, put) {
		const { positive, negative, rows } = this.columns;
		const { up, down, both } = this;
		const full = up.length - 1;
		for (let row = 0, at = slot * rows; row < rows; row++, at++) {
			const p = positive[at],
				n = negative[at];
			if (p || n)
				put(
					row,
					n === 0 ? up[Math.min(p, full)] : p === 0 ? down[Math.min(n, full)] : both[Math.min(p + n, full)],
				);
		}
	}

	describe({ stream }, history, lost) {
		const { ms, rows, full } = this.columns;
		const lines = this.shown.count / rows;
		const shared = [
			ms > stream.dt && duration(ms * 1e6),
			lines > 1 && `${Number(lines.toFixed(1))} lines`,
		].filter(Boolean);
		const parts = [
			shared.length
				? `${shared.join(" × ")} share a pixel: brighter = more spikes, full at ${full} or more`
				: "every spike of every line",
		];
		if (this.shown.count < stream.meta.lines)
			parts.push(
				`lines ${this.shown.first}–${this.shown.first + this.shown.count - 1} of ${stream.meta.lines}`,
			);
		const kept = (history.newest - history.oldest) * stream.dt;
		if (history.full && kept < 59000)
			parts.push(`kept: the last ${duration(kept * 1e6)}`);
		if (lost)
			parts.push(`${count(lost)} messages lost on the way here (hatched)`);
		this.say(parts.join(" · "));
	}
}
