/* Which stretch of time is shown: its span, and its right end, which runs with the clock or stands still.
 *
 * SPDX-License-Identifier: Apache-2.0 */

export const MINUTE_MS = 60000;
export const SPAN_MIN_MS = 20;

export class View {
	span = 5000;
	#end; /* undefined = live */
	#now = 0;

	get live() {
		return this.#end === undefined;
	}

	/* The end of a live view. */
	get newest() {
		return this.#now;
	}

	get end() {
		return this.#end ?? this.#now;
	}

	get start() {
		return this.end - this.span;
	}

	/* The clock's time; before anything was heard, undefined. */
	advance(now) {
		if (now !== undefined)
			this.#now = now;
	}

	pause() {
		this.#end ??= this.#now;
	}

	resume() {
		this.#end = undefined;
	}

	/* Shows another end, within the minute before `newest`; the picture stands still then. */
	scrub(end, newest = this.#now) {
		const oldest = newest - MINUTE_MS;
		this.#end = Math.max(Math.min(end, newest), Math.min(newest, oldest + this.span));
	}

	pan(ms, newest) {
		this.scrub(this.end + ms, newest);
	}

	/* factor < 1 = closer. `at` (0 left to 1 right) stays where it is; a live view keeps its end. */
	zoom(factor, at = 1, newest = this.#now) {
		const fixed = this.start + at * this.span;
		this.span = Math.max(SPAN_MIN_MS, Math.min(MINUTE_MS, this.span * factor));
		if (!this.live)
			this.scrub(fixed + (1 - at) * this.span, newest);
	}
}
