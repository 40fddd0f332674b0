/* Every parameter of a stream's pipeline, made from its row: a slider with range and unit, a box to type in, back to
 * the default. What cannot change while the stream runs is shown and says so.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { element, write } from "./dom.js";
import { figure, quantity } from "./format.js";
import { barePipeline, positionOf, reach, typed, valueAt } from "./rows.js";

/* One value on its way at a time; of those that come meanwhile only the last is sent. */
class Setter {
	#busy = false;
	#next;

	constructor(send) {
		this.send = send;
	}

	async set(value) {
		this.#next = { value };
		if (this.#busy)
			return;
		this.#busy = true;
		try {
			while (this.#next) {
				const { value: now } = this.#next;
				this.#next = undefined;
				await this.send(now);
			}
		} finally {
			this.#busy = false;
		}
	}
}

class Param {
	#reach;
	#index = 0; /* of a list */

	constructor(row, value, preset, send) {
		Object.assign(this, { row, preset });
		this.setter = new Setter(async (next) => this.#said(await send(next)));
		this.name = element("span.name", {}, row.name);
		this.shown = element("output");
		this.reset = element(
			"button.reset",
			{
				type: "button",
				"aria-label": `${row.name} back to its default`,
				onclick: () => this.#set(this.preset),
			},
			"↺",
		);
		this.fault = element("p.fault", { role: "alert" });
		this.body = element("div.body");
		this.node = element(
			"div.param",
			{ "data-param": row.name },
			element("div.head", {}, this.name, this.shown, this.reset),
			this.body,
			this.fault,
			element("p.help", {}, row.help),
		);
		this.#controls();
		this.update(value, preset);
	}

	#controls() {
		const { row } = this;
		const label = { "aria-label": row.name };
		if (row.type === "bool")
			this.control = element("input", {
				...label,
				type: "checkbox",
				className: "switch",
				onchange: () => this.#set(this.control.checked),
			});
		else if (row.type === "choice")
			this.control = element(
				"select",
				{ ...label, onchange: () => this.#set(this.control.value) },
				...row.choices.map((choice) => element("option", { value: choice }, choice)),
			);
		else
			this.#numeric(label);
		if (row.type === "bool" || row.type === "choice")
			this.body.append(this.control);
		this.body.addEventListener("keydown", (event) => event.stopPropagation());
	}

	#numeric(label) {
		this.slider = element("input", {
			...label,
			type: "range",
			min: "0",
			max: "1000",
			step: "1",
			oninput: () => this.#slide(valueAt(this.#reach, Number(this.slider.value))),
		});
		this.box = element("input", {
			type: "text",
			className: "number",
			"aria-label": `${this.row.name}, typed`,
			spellcheck: false,
			onchange: () => this.#set(typed(this.box.value)),
		});
		this.which = element("select", {
			"aria-label": `channel of ${this.row.name}`,
			hidden: true,
			onchange: () => {
				this.#index = Number(this.which.value);
				this.#show();
			},
		});
		this.low = element("small");
		this.high = element("small");
		this.body.append(this.which, this.slider, this.box, element("div.ends", {}, this.low, this.high));
	}

	/* The daemon's word. While somebody drags, the slider is theirs. */
	update(value, preset) {
		this.value = value;
		this.preset = preset;
		this.#show();
	}

	#show() {
		const { row, value, preset } = this;
		const list = Array.isArray(value);
		const one = list ? value[Math.min(this.#index, value.length - 1)] : value;
		this.reset.disabled = preset === undefined || JSON.stringify(value) === JSON.stringify(preset);
		this.reset.title = preset === undefined ? "It has no default" : `Back to the default, ${text(preset, row)}`;
		write(this.shown, row.type === "bool" || row.type === "choice" ? "" : text(list ? one : value, row));
		if (row.type === "bool")
			this.control.checked = value === true;
		else if (row.type === "choice")
			this.control.value = value;
		else
			this.#showNumber(one, list);
	}

	#showNumber(one, list) {
		const { row, value, preset } = this;
		this.which.hidden = !list;
		if (list && this.which.options.length !== value.length)
			this.which.replaceChildren(
				...value.map((_, i) => element("option", { value: String(i) }, `channel ${i}`)),
			);
		if (!this.slider.matches(":active") || !this.#reach) {
			this.#reach = reach(
				row,
				Number.isFinite(one) ? one : undefined,
				Number.isFinite(preset) ? preset : undefined,
			);
			this.slider.value = String(positionOf(this.#reach, Number.isFinite(one) ? one : this.#reach.low));
		}
		write(this.low, text(this.#reach.low, row));
		write(this.high, text(this.#reach.high, row));
		if (document.activeElement !== this.box)
			this.box.value = list
				? value.map((x) => figure(x, 6)).join(", ")
				: typeof value === "number"
					? figure(value, 6)
					: String(value ?? "");
	}

	#slide(one) {
		const next = Array.isArray(this.value) ? this.value.with(this.#index, one) : one;
		write(this.shown, text(one, this.row));
		this.box.value = Array.isArray(next) ? next.map((x) => figure(x, 6)).join(", ") : figure(next, 6);
		this.#set(next);
	}

	#set(value) {
		this.value = value;
		this.setter.set(value);
	}

	#said(fault) {
		write(this.fault, fault ?? "");
	}
}

function text(value, row) {
	return typeof value === "number"
		? quantity(value, row.unit, 4)
		: value === null || value === undefined
			? "∞"
			: String(value);
}

export class Tuning {
	#params = new Map(); /* "0 v_th": Param */
	#shape = "";

	constructor(model, section) {
		this.model = model;
		this.section = section;
	}

	/* Shows a stream, or what is new about it. */
	open(stream) {
		const shape = stream
			? `${stream.name} ${stream.meta.pipeline.map(({ as, lines, params }) => `${as} ${lines} ${Object.keys(params)}`)}`
			: "";
		if (shape !== this.#shape) {
			this.#shape = shape;
			this.#params.clear();
			this.section.replaceChildren(
				...(stream ? stream.meta.pipeline.map((stage, i) => this.#stage(stream, stage, i)) : []),
			);
			if (stream)
				this.#askDefaults(stream, shape);
		}
		stream?.meta.pipeline.forEach(({ params }, i) => {
			for (const [name, value] of Object.entries(params)) {
				const param = this.#params.get(`${i} ${name}`);
				param?.update(value, param.preset);
			}
		});
	}

	#stage(stream, stage, index) {
		const described = this.model.encoders.find(({ name }) => name === stage.stage);
		const rows = (described?.params ?? []).filter(({ name }) => name in stage.params);
		const live = rows.filter((row) => row.live && !row.no_effect);
		const fixed = rows.filter((row) => !row.live && !row.no_effect);
		const params = live.map((row) => this.#param(stream, stage, index, row));
		return element(
			"article.stage",
			{ "data-stage": stage.stage },
			element(
				"h4",
				{},
				stage.as,
				element("small", {}, `${stage.output}, ${stage.lines} line${stage.lines === 1 ? "" : "s"}`),
			),
			element("p.about", {}, described?.summary ?? ""),
			...params,
			fixed.length
				? element(
						"dl.fixed",
						{ title: "These cannot change while the stream runs" },
						...fixed.flatMap((row) => [
							element("dt", { title: row.help }, row.name),
							element("dd", {}, text(stage.params[row.name], row)),
						]),
					)
				: undefined,
			rows.length ? undefined : element("p.about", {}, "no parameters"),
		);
	}

	#param(stream, stage, index, row) {
		const param = new Param(row, stage.params[row.name], undefined, async (value) => {
			try {
				await this.model.call("set", { name: stream.name, stage: index, param: row.name, value });
			} catch (error) {
				param.update(
					this.model.streams.get(stream.name)?.meta.pipeline[index]?.params[row.name],
					param.preset,
				);
				return error.message;
			}
			return undefined;
		});
		this.#params.set(`${index} ${row.name}`, param);
		return param.node;
	}

	/* What a default is depends on the name that the stage was asked by: the daemon knows. */
	async #askDefaults(stream, shape) {
		let meta;
		try {
			meta = await this.model.call("check", { stream: barePipeline(stream.meta, this.model.encoders) });
		} catch {
			return; /* not allowed for this client, or the connection went: there is no way back then */
		}
		if (shape !== this.#shape)
			return;
		meta.pipeline.forEach(({ params }, i) => {
			for (const [name, preset] of Object.entries(params)) {
				const param = this.#params.get(`${i} ${name}`);
				if (param && param.row.default !== null)
					param.update(param.value, preset);
			}
		});
	}
}
