/* Adding a stream: a form that the daemon checks as one types, and the same as YAML for the configuration file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { element, write } from "./dom.js";
import { quantity } from "./format.js";
import { faultsOf, typed, yaml } from "./rows.js";

const CHECK_MS = 120;
const FIELDS = [
	/* key, label, hint, how it is read */
	["name", "Name", "imu", String],
	["channels", "Channels", "values in a row", typed],
	[
		"names",
		"Channel names",
		"ax, ay, az",
		(text) =>
			text
				.split(",")
				.map((word) => word.trim())
				.filter(Boolean),
	],
	["unit", "Unit", "m/s2", String],
	["shape", "Shape", "rows, columns, if it is 2-D", (text) => [typed(text)].flat()],
	["dt", "Tick", "the daemon's own", typed],
	["window", "Window", "ticks a row is held; 0 = none", typed],
];

export class Form {
	#stages = []; /* { name, params: Map of row name to input } */
	#timer;
	#asked = 0;

	constructor(model, dialog, onadd) {
		Object.assign(this, { model, dialog, onadd });
		this.inputs = new Map();
		this.verdict = element("p.verdict", { role: "status" });
		this.preview = element("pre", { "aria-label": "the stream as YAML" });
		this.stageList = element("div.stages");
		this.adder = element("select", {
			"aria-label": "add a stage",
			onchange: () => this.#addStage(this.adder.value),
		});
		this.submit = element("button.primary", { type: "submit", disabled: true }, "Add stream");
		this.faults = element("ul.faults");
		dialog.replaceChildren(this.#build());
		dialog.addEventListener("close", () => clearTimeout(this.#timer));
	}

	#build() {
		const form = element(
			"form",
			{ method: "dialog" },
			element(
				"header",
				{},
				element("h2", {}, "Add a stream"),
				element(
					"button",
					{ type: "button", className: "icon", "aria-label": "close", onclick: () => this.dialog.close() },
					"✕",
				),
			),
			element(
				"div.fields",
				{},
				...FIELDS.map(([key, label, hint]) => this.#field(key, label, hint)),
				this.#select("type", "Row type", ["f32", "f64", "i8", "u8", "i16", "u16", "i32", "json", "pairs"]),
				this.#select("mode", "A tick uses", ["hold", "queue", "mean"]),
			),
			element("h3", {}, "Pipeline"),
			this.stageList,
			this.adder,
			this.verdict,
			this.faults,
			element("details", {}, element("summary", {}, "As YAML, for the configuration file"), this.preview),
			element(
				"footer",
				{},
				element("p.note", {}, "The stream lives until the daemon stops; the file keeps it."),
				element("button", { type: "button", onclick: () => this.dialog.close() }, "Cancel"),
				this.submit,
			),
		);
		form.addEventListener("submit", (event) => {
			event.preventDefault();
			this.#add();
		});
		form.addEventListener("input", () => this.#soon());
		form.addEventListener("keydown", (event) => event.stopPropagation());
		return form;
	}

	#field(key, label, hint) {
		const input = element("input", {
			type: "text",
			placeholder: hint,
			spellcheck: false,
			autocomplete: "off",
			name: key,
		});
		this.inputs.set(key, input);
		return element("label", { "data-field": key }, label, input, element("small.fault"));
	}

	#select(key, label, choices) {
		const input = element(
			"select",
			{ name: key },
			...choices.map((choice) => element("option", { value: choice }, choice)),
		);
		this.inputs.set(key, input);
		return element("label", { "data-field": key }, label, input, element("small.fault"));
	}

	open() {
		const groups = [
			["encoders", (e) => e.output !== "values" && e.input.includes("values")],
			["before an encoder", (e) => e.output === "values"],
			["after an encoder", (e) => !e.input.includes("values")],
		];
		this.adder.replaceChildren(
			element("option", { value: "" }, "+ add a stage"),
			...groups.map(([label, fits]) =>
				element(
					"optgroup",
					{ label },
					...this.model.encoders
						.filter(fits)
						.map(({ name, summary }) => element("option", { value: name, title: summary }, name)),
				),
			),
		);
		if (!this.#stages.length)
			this.#addStage("lif");
		this.dialog.showModal();
		this.inputs.get("name").focus();
		this.#soon();
	}

	#addStage(name) {
		this.adder.value = "";
		const described = this.model.encoders.find((encoder) => encoder.name === name);
		if (!described)
			return;
		const stage = { name, params: new Map() };
		const inputs = described.params
			.filter((row) => !row.no_effect && !["seq_length", "dt"].includes(row.name))
			.map((row) => this.#param(stage, row));
		stage.node = element(
			"article.stage",
			{ "data-stage": name },
			element(
				"h4",
				{},
				name,
				element("small", {}, described.summary),
				element(
					"button.icon",
					{ type: "button", "aria-label": `move ${name} up`, onclick: () => this.#move(stage) },
					"↑",
				),
				element(
					"button.icon",
					{ type: "button", "aria-label": `remove ${name}`, onclick: () => this.#remove(stage) },
					"✕",
				),
			),
			element("div.fields", {}, ...inputs),
			element("small.fault"),
		);
		this.#stages.push(stage);
		this.#list();
	}

	#param(stage, row) {
		const hint =
			row.default === null ? "" : `${row.default}${row.unit && row.default !== "auto" ? ` ${row.unit}` : ""}`;
		const choices = row.type === "bool" ? ["false", "true"] : row.choices;
		const input = choices
			? element(
					"select",
					{},
					element("option", { value: "" }, hint ? `${hint} (default)` : "–"),
					...choices
						.filter((choice) => choice !== row.default)
						.map((choice) => element("option", { value: choice }, choice)),
				)
			: element("input", { type: "text", placeholder: hint, spellcheck: false, autocomplete: "off" });
		input.name = `${stage.name}.${row.name}`;
		stage.params.set(row.name, input);
		return element("label", { "data-param": row.name, title: row.help }, row.name, input, element("small.fault"));
	}

	#move(stage) {
		const i = this.#stages.indexOf(stage);
		if (i > 0)
			this.#stages.splice(i - 1, 2, stage, this.#stages[i - 1]);
		this.#list();
	}

	#remove(stage) {
		this.#stages = this.#stages.filter((other) => other !== stage);
		this.#list();
	}

	#list() {
		this.stageList.replaceChildren(...this.#stages.map(({ node }) => node));
		this.#soon();
	}

	/* As `add` takes it; what is empty is left out. */
	get stream() {
		const stream = {};
		for (const [key, , , read] of FIELDS) {
			const text = this.inputs.get(key).value.trim();
			if (text)
				stream[key] = read(text);
		}
		const input = Object.fromEntries(
			[
				["type", "f32"],
				["mode", "hold"],
			]
				.map(([key, preset]) => [key, this.inputs.get(key).value, preset])
				.filter(([, value, preset]) => value !== preset),
		);
		if (Object.keys(input).length)
			stream.input = input;
		stream.encode = this.#stages.map(({ name, params }) => ({
			[name]: Object.fromEntries(
				[...params].filter(([, { value }]) => value.trim()).map(([key, { value }]) => [key, typed(value)]),
			),
		}));
		return stream;
	}

	#soon() {
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => this.#check(), CHECK_MS);
	}

	async #check() {
		const asked = ++this.#asked;
		const { stream } = this;
		write(this.preview, `streams:${yaml([stream], "  ")}`);
		try {
			const meta = await this.model.call("check", { stream });
			if (asked === this.#asked)
				this.#good(meta);
		} catch (error) {
			if (asked === this.#asked)
				this.#bad(error);
		}
	}

	#good(meta) {
		this.#mark([]);
		this.submit.disabled = false;
		this.verdict.className = "verdict good";
		write(
			this.verdict,
			`✓ ${meta.channels} channel${meta.channels === 1 ? "" : "s"} → ${meta.lines} line${meta.lines === 1 ? "" : "s"} of ${meta.output}, a tick of ${quantity(meta.dt_ns / 1e9, "s")}`,
		);
	}

	#bad(error) {
		const faults = faultsOf(error);
		this.submit.disabled = true;
		this.verdict.className = "verdict bad";
		const elsewhere = this.#mark(faults);
		write(this.verdict, elsewhere ? "Not yet:" : "Not yet: see what is marked.");
	}

	/* Each fault beside its field, and those that belong to none in the list; gives how many these are. */
	#mark(faults) {
		for (const node of this.dialog.querySelectorAll(".fault"))
			write(node, "");
		const rest = faults.filter(({ path, message }) => {
			const node = this.#place(path);
			if (node)
				write(node, message);
			return !node;
		});
		this.faults.replaceChildren(
			...rest.map(({ path, message }) =>
				element("li", {}, path.length ? `${path.join(".")}: ${message}` : message),
			),
		);
		return rest.length;
	}

	#place([key, ...rest]) {
		if (key === "encode" && rest.length) {
			const stage = this.#stages[rest[0]];
			const param = rest[2] && stage?.node.querySelector(`[data-param="${rest[2]}"] .fault`);
			return param ?? stage?.node.querySelector(":scope > .fault");
		}
		const name = key === "input" ? rest[0] : key;
		return name && this.dialog.querySelector(`[data-field="${name}"] .fault`);
	}

	async #add() {
		try {
			const meta = await this.model.call("add", { stream: this.stream });
			this.dialog.close();
			this.onadd(meta.stream);
		} catch (error) {
			this.#bad(error);
		}
	}
}
