/* A 2-D stream's recent activity as an image: each line's spikes of the last moments, older ones weighing less. Two
 * leading dimensions, such as polarities, lie side by side.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { scale, viridis } from "./colour.js";
import { element } from "./dom.js";
import { duration, figure } from "./format.js";
import { Surface } from "./lane.js";

const MEMORIES_MS = [20, 50, 100, 300, 1000];
const REACH = 5; /* time constants after which a spike is forgotten */
const EACH_MS = 30; /* no quicker than this: it is the costly picture */

export class ImagePanel {
	#activity = new Float32Array(0);
	#drawn = 0;
	#image = document.createElement("canvas");
	#full = 1;

	constructor() {
		this.surface = new Surface("image of recent activity");
		this.memory = element(
			"select",
			{ title: "How long a spike is remembered", "aria-label": "memory of the image" },
			...MEMORIES_MS.map((ms) =>
				element("option", { value: String(ms), selected: ms === 100 }, duration(ms * 1e6)),
			),
		);
		this.note = element("span.note");
		this.section = element(
			"section.lane.image",
			{ "data-lane": "image" },
			element(
				"header",
				{},
				element("h3", {}, "Image"),
				element("label", {}, "memory ", this.memory),
				this.note,
			),
			this.surface.canvas,
		);
	}

	draw({ stream, view, colours, here }) {
		if (here - this.#drawn < EACH_MS && !this.surface.changed)
			return;
		this.#drawn = here;
		if (!this.surface.begin(colours.css.ground) || !stream.time)
			return;
		const { tiles, height, width } = stream.image;
		this.#sum(stream, view.end);
		this.#full = Math.max(
			this.#full * 0.97,
			this.#activity.reduce((top, x) => Math.max(top, Math.abs(x)), 1e-9),
		);
		this.#paint(stream, colours, tiles, height, width);
		const room = Math.min((this.surface.width - 8 * (tiles - 1)) / (tiles * width), this.surface.height / height);
		const each = room >= 1 ? Math.floor(room) : room;
		const { pen } = this.surface;
		pen.imageSmoothingEnabled = false;
		const left = Math.max(0, (this.surface.width - tiles * width * each - 8 * (tiles - 1)) / 2);
		for (let tile = 0; tile < tiles; tile++)
			pen.drawImage(
				this.#image,
				0,
				tile * height,
				width,
				height,
				left + tile * (width * each + 8),
				Math.max(0, (this.surface.height - height * each) / 2),
				width * each,
				height * each,
			);
		this.note.textContent = `${height} × ${width}, brightest ≈ ${figure((1000 * this.#full) / Number(this.memory.value), 2)} spikes/s`;
	}

	/* Spikes before `end`, each weighed by its age; per channel. */
	#sum(stream, end) {
		const { time, dt, fan, meta, spikes } = stream;
		const memory = Number(this.memory.value);
		if (this.#activity.length !== meta.channels)
			this.#activity = new Float32Array(meta.channels);
		const activity = this.#activity.fill(0);
		const last = (end - time.origin) / dt;
		spikes.each(spikes.find(last - (REACH * memory) / dt), spikes.find(last), (tick, words, from, to, mask) => {
			const weight = Math.exp(((tick - last) * dt) / memory);
			for (let i = from; i < to; i++) {
				const word = words[i & mask];
				const line = word & 0x7fffffff;
				activity[fan === 1 ? line : Math.floor(line / fan)] += word >>> 31 ? -weight : weight;
			}
		});
	}

	#paint(stream, colours, tiles, height, width) {
		this.#image.width = width;
		this.#image.height = tiles * height;
		const image = new ImageData(width, tiles * height);
		const pixels = new Uint32Array(image.data.buffer);
		const up = stream.meta.signed ? scale([colours.ground, colours.spike]) : viridis;
		const down = scale([colours.ground, colours.negative]);
		for (let i = 0; i < pixels.length; i++) {
			const share = this.#activity[i] / this.#full;
			pixels[i] =
				share < 0
					? down[Math.min(255, Math.floor(-255 * share))]
					: up[Math.min(255, Math.floor(255 * share))];
		}
		this.#image.getContext("2d").putImageData(image, 0, 0);
	}
}
