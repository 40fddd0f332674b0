/* What time it is at the daemon, for pictures that scroll.
 *
 * In clock `wall` every message says when its tick was. The slowest ones of the last seconds tell how far behind
 * the daemon's clock a picture has to be so that all is there that it shows; between messages our clock goes on, so
 * that it moves evenly however messages bunch. In `data` and `manual` each stream's time is what its newest tick says,
 * and stands still between ticks.
 *
 * Times are ms: `at` of the stream's ticks, `here` of performance.now().
 *
 * SPDX-License-Identifier: Apache-2.0 */

const SPAN_MS = 1500; /* the messages of one to two such spans count */
const LATE_MS = 800; /* nothing waits longer for the slowest than this behind the quickest */
const SPARE_MS = 30; /* and all a little longer */
const SLEW = 0.1; /* how much faster or slower the picture may run to come right */
const JUMP_MS = 1500; /* too far off to slew */

export class Clock {
	#newest = -Infinity;
	#spans = []; /* { quick, slow }: the ends of at - here in the span now, and in the one before */
	#spanBegan = 0;
	#shown;
	#shownHere = 0;

	constructor(wall) {
		this.wall = wall;
	}

	reset() {
		this.#newest = -Infinity;
		this.#spans = [];
		this.#shown = undefined;
	}

	heard(at, here) {
		this.#newest = Math.max(this.#newest, at);
		const offset = at - here;
		if (!this.#spans.length || here - this.#spanBegan > SPAN_MS) {
			this.#spans = [{ quick: offset, slow: offset }, ...this.#spans.slice(0, 1)];
			this.#spanBegan = here;
		}
		this.#spans[0].quick = Math.max(this.#spans[0].quick, offset);
		this.#spans[0].slow = Math.min(this.#spans[0].slow, offset);
	}

	/* The time to show; undefined = nothing heard yet. */
	now(here) {
		if (this.#newest === -Infinity)
			return undefined;
		if (!this.wall)
			return this.#newest;
		const quick = Math.max(...this.#spans.map((span) => span.quick));
		const slow = Math.min(...this.#spans.map((span) => span.slow));
		const aim = Math.max(slow, quick - LATE_MS) - SPARE_MS;
		const step = SLEW * (here - this.#shownHere);
		this.#shownHere = here;
		if (this.#shown === undefined || Math.abs(aim - this.#shown) > JUMP_MS)
			this.#shown = aim;
		else
			this.#shown += Math.max(-step, Math.min(step, aim - this.#shown));
		return this.#shown + here;
	}
}
