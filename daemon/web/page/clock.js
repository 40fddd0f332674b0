/* What time it is at the daemon, for pictures that scroll.
 *
 * In clock `wall` every message says when its tick was. The quickest ones of the last seconds tell how far the
 * daemon's clock is from ours; between messages ours goes on, so that a picture moves evenly however messages
 * bunch. In `data` and `manual` time is what the newest tick says, and stands still between ticks.
 *
 * Times are ms: `at` of the stream's ticks, `here` of performance.now().
 *
 * SPDX-License-Identifier: Apache-2.0 */

const SPAN_MS = 2000; /* the quickest message of one to two such spans counts */
const SLEW = 0.05;    /* how much faster or slower the picture may run to come right */
const JUMP_MS = 1500; /* too far off to slew */

export class Clock {
	#wall = true;
	#newest = -Infinity;
	#offsets = [-Infinity, -Infinity]; /* of the span now, and the one before */
	#spanBegan = 0;
	#shown;
	#shownHere = 0;

	/* Begins anew, with a daemon that may have another clock. */
	reset(wall) {
		this.#wall = wall;
		this.#newest = -Infinity;
		this.#offsets = [-Infinity, -Infinity];
		this.#shown = undefined;
	}

	heard(at, here) {
		this.#newest = Math.max(this.#newest, at);
		if (here - this.#spanBegan > SPAN_MS) {
			this.#offsets = [-Infinity, this.#offsets[0]];
			this.#spanBegan = here;
		}
		this.#offsets[0] = Math.max(this.#offsets[0], at - here);
	}

	/* The daemon's time now; undefined = nothing heard yet. */
	now(here) {
		if (this.#newest === -Infinity)
			return undefined;
		if (!this.#wall)
			return this.#newest;
		const aim = Math.max(...this.#offsets);
		const step = SLEW * (here - this.#shownHere);
		this.#shownHere = here;
		if (this.#shown === undefined || Math.abs(aim - this.#shown) > JUMP_MS)
			this.#shown = aim;
		else
			this.#shown += Math.max(-step, Math.min(step, aim - this.#shown));
		return this.#shown + here;
	}
}
