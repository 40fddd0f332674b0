/* Colours of pictures: from the page's style where they belong to it, and scales that everybody can tell apart.
 *
 * SPDX-License-Identifier: Apache-2.0 */

/* Viridis (CC0): rises evenly in lightness, also for those who see no red or green. */
const VIRIDIS = [0x440154, 0x482878, 0x3e4a89, 0x31688e, 0x26828e, 0x1f9e89, 0x35b779, 0x6ece58, 0xb5de2b, 0xfde725];

export function rgb(number) {
	return [(number >> 16) & 255, (number >> 8) & 255, number & 255];
}

/* A pixel of ImageData seen as Uint32Array, on a little-endian machine, as all that run browsers are. */
export function pixel([r, g, b]) {
	return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

export function mix(a, b, share) {
	return a.map((x, i) => Math.round(x + (b[i] - x) * share));
}

/* `size` pixels along the colours, evenly. */
export function scale(colours, size = 256) {
	return Uint32Array.from({ length: size }, (_, i) => {
		const at = (i / (size - 1)) * (colours.length - 1);
		const k = Math.min(Math.floor(at), colours.length - 2);
		return pixel(mix(colours[k], colours[k + 1], at - k));
	});
}

export const viridis = scale(VIRIDIS.map(rgb));

/* Pixel for a count from 0 to `full` and beyond. One spike is plain to see; the more a full one has, the more room is
 * left above it. */
export function density(ground, colour, full) {
	const one = full === 1 ? 1 : Math.max(0.25, 0.85 - 0.12 * Math.log2(full));
	return Uint32Array.from({ length: full + 1 }, (_, n) =>
		pixel(mix(ground, colour, n === 0 ? 0 : one + ((1 - one) * (n - 1)) / Math.max(1, full - 1))),
	);
}

/* The colours that style.css gives, as { name: [r, g, b] } and, for canvas calls, { css: { name: text } }. */
export function palette(names) {
	const style = getComputedStyle(document.documentElement);
	const found = { css: {} };
	for (const name of names) {
		const text = style.getPropertyValue(`--${name}`).trim();
		found.css[name] = text;
		found[name] = rgb(parseInt(text.slice(1), 16));
	}
	return found;
}
