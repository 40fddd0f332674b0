/* The last minute at a glance: the stream's rate, and over it the part that the lanes show, to be dragged.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { element } from "./dom.js";
import { count } from "./format.js";
import { Surface } from "./lane.js";
import { MINUTE_MS } from "./view.js";

const EDGE_PX = 7;

export class Overview {
	#grip;

	/* The view is moved by this; onmove is called after. */
	constructor(view, onmove) {
		this.view = view;
		this.onmove = onmove;
		this.surface = new Surface("the last minute: drag to look back");
		this.canvas = this.surface.canvas;
		this.canvas.classList.add("overview");
		this.canvas.tabIndex = 0;
		this.canvas.setAttribute("role", "slider");
		this.canvas.setAttribute("aria-valuemin", String(-MINUTE_MS / 1000));
		this.canvas.setAttribute("aria-valuemax", "0");
		this.figure = element("span.note");
		this.canvas.onpointerdown = (event) => this.#down(event);
		this.canvas.onpointermove = (event) => this.#move(event);
		this.canvas.onpointerup = this.canvas.onpointercancel = () => (this.#grip = undefined);
	}

	draw({ stream, view, colours, now }) {
		this.now = now;
		if (!this.surface.begin(colours.css.panel))
			return;
		const { pen, width, height } = this.surface;
		const bars = Math.max(1, Math.min(300, Math.floor(width / 3)));
		const rates = stream.activity.rates(now, bars);
		const top = rates.reduce((a, b) => Math.max(a, b), 1);
		pen.fillStyle = colours.css.spike;
		pen.globalAlpha = 0.55;
		rates.forEach((rate, i) => {
			const tall = (rate / top) * (height - 6);
			pen.fillRect((i * width) / bars, height - tall, width / bars - 1, tall);
		});
		pen.globalAlpha = 1;
		const [left, right] = this.#window();
		pen.fillStyle = colours.css.panel;
		pen.globalAlpha = 0.55;
		pen.fillRect(0, 0, left, height);
		pen.fillRect(right, 0, width - right, height);
		pen.globalAlpha = 1;
		pen.strokeStyle = view.live ? colours.css.spike : colours.css.negative;
		pen.lineWidth = 1.5;
		pen.strokeRect(left + 0.75, 0.75, Math.max(3, right - left - 1.5), height - 1.5);
		this.figure.textContent = `peak ${count(top)} spikes/s`;
		const ago = Math.max(0, (now - view.end) / 1000);
		this.canvas.setAttribute("aria-valuetext", view.live ? "live" : `${ago.toFixed(1)} s ago`);
		this.canvas.setAttribute("aria-valuenow", (-ago).toFixed(1));
	}

	#x(at) {
		return (1 - (this.now - at) / MINUTE_MS) * this.surface.width;
	}

	#window() {
		return [Math.max(0, this.#x(this.view.start)), Math.min(this.surface.width, this.#x(this.view.end))];
	}

	#down(event) {
		const [left, right] = this.#window();
		const x = event.offsetX;
		this.canvas.setPointerCapture(event.pointerId);
		this.#grip = Math.abs(x - left) < EDGE_PX ? "left" : "whole";
		if (this.#grip === "whole" && (x < left || x > right))
			this.view.scrub(this.now - (1 - x / this.surface.width) * MINUTE_MS + this.view.span / 2, this.now);
		else if (this.#grip === "whole")
			this.view.pause();
		this.last = x;
		this.onmove();
	}

	#move(event) {
		const [left] = this.#window();
		this.canvas.classList.toggle("edge", Math.abs(event.offsetX - left) < EDGE_PX || this.#grip === "left");
		if (!this.#grip)
			return;
		const ms = ((event.offsetX - this.last) / this.surface.width) * MINUTE_MS;
		this.last = event.offsetX;
		if (this.#grip === "left")
			this.view.zoom(Math.max(0.1, (this.view.span - ms) / this.view.span), 1, this.now);
		else
			this.view.pan(ms, this.now);
		this.onmove();
	}
}
