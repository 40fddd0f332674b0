/* Numbers for people.
 *
 * SPDX-License-Identifier: Apache-2.0 */

const PREFIXES = [
	[1e9, "G"],
	[1e6, "M"],
	[1e3, "k"],
	[1, ""],
	[1e-3, "m"],
	[1e-6, "µ"],
	[1e-9, "n"],
];
const SCALED = new Set(["s", "Hz"]);

/* Up to `digits` significant ones, without trailing zeros. */
export function figure(x, digits = 4) {
	return Number.isFinite(x)
		? String(Number(x.toPrecision(digits)))
		: x === null || Number.isNaN(x)
			? "–"
			: x > 0
				? "∞"
				: "−∞";
}

function prefixed(x, unit, digits) {
	const size = Math.abs(x);
	const [factor, prefix] = PREFIXES.find(([f]) => size >= f * 0.9995) ?? PREFIXES.at(-1);
	return `${figure(x / factor, digits)} ${prefix}${unit}`.trim();
}

/* "1.2 ms", "300 µs", "2 s" */
export function duration(ns, digits = 3) {
	return ns === 0 ? "0 s" : Number.isFinite(ns) ? prefixed(ns / 1e9, "s", digits) : "–";
}

/* "12.3 k", "950" */
export function count(n) {
	return !Number.isFinite(n) ? "–" : Math.abs(n) < 1000 ? figure(n, 3) : prefixed(n, "", 3);
}

/* With a unit that takes prefixes, or another one, or none. */
export function quantity(x, unit, digits = 4) {
	return !Number.isFinite(x) || x === 0 || !SCALED.has(unit)
		? `${figure(x, digits)} ${unit ?? ""}`.trim()
		: prefixed(x, unit, digits);
}

export function uptime(seconds) {
	const parts = [
		[86400, "d"],
		[3600, "h"],
		[60, "min"],
	];
	for (const [size, unit] of parts)
		if (seconds >= size)
			return `${Math.floor(seconds / size)} ${unit}${unit === "min" ? "" : ` ${Math.floor((seconds % size) / (size / (unit === "d" ? 24 : 60)))} ${unit === "d" ? "h" : "min"}`}`;
	return `${Math.floor(seconds)} s`;
}

/* A step of 1, 2 or 5 times a power of ten, so that about `wanted` fit into `span`. */
export function niceStep(span, wanted) {
	const rough = span / wanted;
	const power = 10 ** Math.floor(Math.log10(rough));
	return power * [1, 2, 5, 10].find((m) => m * power >= rough);
}
