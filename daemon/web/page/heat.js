/* The analogue value of every line over time, as colour: a population's activities, membranes of many neurons.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { viridis } from "./colour.js";
import { ValueColumns } from "./columns.js";
import { element } from "./dom.js";
import { duration, figure } from "./format.js";
import { ColumnLane } from "./raster.js";

export class HeatLane extends ColumnLane {
	apart = false;
	#style = "";
	#low = 0;
	#high = 1;

	constructor() {
		super("heat", "Heat map");
		this.from = element("span");
		this.to = element("span");
		this.tools.append(element("span.scale", {}, this.from, element("i.viridis"), this.to));
	}

	draw(frame) {
		super.draw(frame, frame.stream.state, ValueColumns);
	}

	/* The ends move only when they are a good part off, or every picture would be coloured anew. */
	restyle({ low, high }, colours) {
		if (!(low <= high))
			return false;
		const span = Math.max(this.#high - this.#low, 1e-30);
		const near = Math.abs(low - this.#low) < 0.1 * span && Math.abs(high - this.#high) < 0.1 * span;
		if (near && this.#style === colours.theme)
			return false;
		this.#style = colours.theme;
		this.#low = low;
		this.#high = high > low ? high : low + 1;
		this.from.textContent = figure(Math.abs(this.#low) < 1e-6 * this.#high ? 0 : this.#low, 2);
		this.to.textContent = figure(this.#high, 2);
		return true;
	}

	colour(slot, put) {
		const { columns } = this;
		const scale = 255 / (this.#high - this.#low);
		if (columns.ticks[slot])
			for (let row = 0; row < columns.rows; row++) {
				const share = (columns.mean(slot, row) - this.#low) * scale;
				put(row, viridis[share > 0 ? Math.min(255, Math.floor(share)) : 0]);
			}
	}

	describe({ stream }, history) {
		const { ms, rows } = this.columns;
		const lines = this.shown.count / rows;
		const parts = [ms > stream.dt || lines > 1 ? "means of what shares a pixel" : "every value"];
		const kept = (history.newest - history.oldest) * stream.dt;
		if (history.full && kept < 59000)
			parts.push(`kept: the last ${duration(kept * 1e6)}`);
		this.say(parts.join(" · "));
	}
}
