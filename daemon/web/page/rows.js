/* What a parameter's row (of `encoders`) means for a slider, and what faults of `check` mean for a form.
 *
 * SPDX-License-Identifier: Apache-2.0 */

const STEPS = 1000; /* of a slider */
const RATES = new Set(["s", "Hz", "1/s"]); /* units whose values are positive and spread over decades */
const NEAR = 20; /* a limit up to so many times the value is the slider's end; others are far away */

/* { low, high, log, whole }: where a slider for this row goes, with `value` in it. The row's own limits where they
 * are near, else as far as one is likely to want to go; any value that the row allows can still be typed. */
export function reach(row, value, preset) {
	const whole = row.type === "count";
	const max = row.max ?? Infinity;
	const sizes = [value, preset]
		.filter(Number.isFinite)
		.map(Math.abs)
		.filter((x) => x > 0);
	const size = sizes.length ? Math.max(...sizes) : 1;
	const low = row.min ?? (whole ? 0 : undefined);
	if (RATES.has(row.unit) && !(low < 0) && sizes.length) {
		const least = Math.min(...sizes);
		return { low: Math.max(least / 100, low > 0 ? low : 0), high: Math.min(size * 100, max), log: true, whole };
	}
	const negative = low === undefined && (value < 0 || preset < 0 || value === 0 || preset === 0);
	const near = (limit) => Math.abs(limit) <= NEAR * Math.max(size, 1);
	const far = whole ? Math.max(16, 4 * size) : 4 * size;
	const high = near(max) ? max : Math.min(far, max);
	return {
		low: near(low) ? low : negative ? -far : Math.max(low ?? 0, Math.min(0, value ?? 0)),
		high,
		log: false,
		whole,
	};
}

/* Slider position (0 to STEPS) to value and back. */
export function valueAt({ low, high, log, whole }, position) {
	const share = position / STEPS;
	const value = log ? low * (high / low) ** share : low + (high - low) * share;
	return whole ? Math.round(value) : Number(value.toPrecision(4));
}

export function positionOf({ low, high, log }, value) {
	const share = log ? Math.log(Math.max(value, low) / low) / Math.log(high / low) : (value - low) / (high - low);
	return Math.round(STEPS * Math.max(0, Math.min(1, share)));
}

/* What somebody typed, as `set` and `add` take it: a number, a text with a unit, or a list. */
export function typed(text) {
	const words = text.trim();
	const list = words
		.replace(/^\[|\]$/g, "")
		.split(",")
		.map((word) => word.trim());
	const one = (word) =>
		word !== "" && Number.isFinite(Number(word))
			? Number(word)
			: word === "true"
				? true
				: word === "false"
					? false
					: word;
	return list.length > 1 ? list.filter((word) => word !== "").map(one) : one(list[0]);
}

/* [{ path: ["encode", 0, "lif", "v_th"], message }] of an error of `check` or `add`. */
export function faultsOf(error) {
	return error.message.split(/; (?=stream\b[^ ]*: )/).map((text) => {
		const [, path, message] = text.match(/^stream\.?([^ ]*): (.*)$/s) ?? [, "", text];
		return {
			path: [...path.matchAll(/([A-Za-z_]\w*)|\[(\d+)\]/g)].map(([, key, index]) => key ?? Number(index)),
			message,
		};
	});
}

/* A stream as it is, as `add` would take it, but with all parameters that have a default left out; under a name of
 * its own, so that `check` says what the defaults are. */
export function barePipeline(meta, encoders) {
	const rows = new Map(encoders.map(({ name, params }) => [name, new Map(params.map((row) => [row.name, row]))]));
	const encode = meta.pipeline.map(({ stage, as, params }) => ({
		[as]: Object.fromEntries(
			Object.entries(params).filter(([name]) => rows.get(stage)?.get(name)?.default === null),
		),
	}));
	return {
		name: `${meta.stream.slice(0, 40)}.defaults-asked-for`,
		channels: meta.channels,
		dt: meta.dt_ns / 1e9,
		window: meta.window,
		encode,
	};
}

/* JSON of a configuration as the YAML that would be written in a file. */
export function yaml(value, indent = "") {
	if (Array.isArray(value))
		return value.every((item) => typeof item !== "object")
			? `[${value.map(scalar).join(", ")}]`
			: value.map((item) => `\n${indent}- ${yaml(item, `${indent}  `).trimStart()}`).join("");
	if (value !== null && typeof value === "object") {
		const flat = Object.values(value)
			.flat()
			.every((item) => typeof item !== "object");
		if (flat && indent !== "")
			return `{${Object.entries(value)
				.map(([key, item]) => `${key}: ${yaml(item, indent)}`)
				.join(", ")}}`;
		return Object.entries(value)
			.map(([key, item]) => {
				const text = yaml(item, `${indent}  `);
				return `\n${indent}${key}:${text.startsWith("\n") ? text : ` ${text}`}`;
			})
			.join("");
	}
	return scalar(value);
}

function scalar(value) {
	return typeof value === "string" && !/^[A-Za-z_][\w ./-]*$|^[\d.]+ ?[A-Za-zµ%/]+$/.test(value)
		? JSON.stringify(value)
		: String(value);
}
