/* The last minute of a stream: spikes, and floats of chosen lines, in rings that are found by tick.
 *
 * Ticks are plain numbers (2^53 ticks of 1 us are 285 years). An entry is one tick; its number in the order of
 * arrival, from 0, never changes, and `first` is the oldest one still kept.
 *
 * SPDX-License-Identifier: Apache-2.0 */

const ENTRIES_MAX = 1 << 20;
const WORDS_MAX = 1 << 23;
const FLOATS_MAX = 1 << 23;
const MARKS_MAX = 256;

/* Copies what entries from..to hold of a ring to a larger one. */
function grown(ring, from, to, room) {
	const next = new ring.constructor(room);
	for (let i = from; i < to; i++)
		next[i & (room - 1)] = ring[i & (ring.length - 1)];
	return next;
}

/* What both kinds have: which ticks are there, and spans that are not. */
class History {
	first = 0;
	count = 0; /* entries that ever came */
	full = false; /* less than `span` has room */
	marks = []; /* { from, to, why, lost }: ticks from..to - 1 are missing, with so many messages that were lost; why:
		    * lost, skipped, empty, paused or unheard */
	#ticks = new Float64Array(1024);

	/* `span`: ticks behind the newest one that are kept. */
	constructor(span, entriesMax = ENTRIES_MAX) {
		this.span = span;
		this.entriesMax = entriesMax;
	}

	get newest() {
		return this.count > this.first ? this.tickAt(this.count - 1) : -1;
	}

	get oldest() {
		return this.count > this.first ? this.tickAt(this.first) : -1;
	}

	tickAt(entry) {
		return this.#ticks[entry & (this.#ticks.length - 1)];
	}

	/* The first entry whose tick is not below. */
	find(tick) {
		let lo = this.first,
			hi = this.count;
		while (lo < hi) {
			const middle = Math.floor((lo + hi) / 2);
			if (this.tickAt(middle) < tick)
				lo = middle + 1;
			else
				hi = middle;
		}
		return lo;
	}

	mark(from, to, why, lost = 0) {
		if (to <= from)
			return;
		this.marks.push({ from, to, why, lost });
		if (this.marks.length > MARKS_MAX)
			this.marks.shift();
	}

	clear() {
		this.first = this.count;
		this.marks = [];
	}

	/* Makes room for one more. False: the tick is not behind the newest one. */
	enter(tick) {
		if (tick <= this.newest)
			return false;
		while (this.first < this.count && this.tickAt(this.first) <= tick - this.span)
			this.first++;
		const kept = this.count - this.first;
		if (kept === this.#ticks.length) {
			if (kept < this.entriesMax)
				this.grow(2 * kept);
			else
				this.crowd();
		}
		while (this.marks.length && this.marks[0].to <= tick - this.span)
			this.marks.shift();
		this.#ticks[this.count & (this.#ticks.length - 1)] = tick;
		return true;
	}

	/* The oldest goes before its time. */
	crowd() {
		this.first++;
		this.full = true;
	}

	grow(room) {
		this.#ticks = grown(this.#ticks, this.first, this.count, room);
	}
}

/* Spikes as the wire has them: a line, and bit 31 for a negative one. */
export class SpikeHistory extends History {
	#starts = new Float64Array(1024); /* of each entry, counted in words that ever came */
	#words = new Uint32Array(4096);
	#total = 0;

	constructor(span, { entriesMax, wordsMax = WORDS_MAX } = {}) {
		super(span, entriesMax);
		this.wordsMax = wordsMax;
	}

	push(tick, words) {
		const size = words.length;
		if (size > this.wordsMax || !this.enter(tick))
			return false;
		while (this.#total - this.#start(this.first) + size > this.wordsMax)
			this.crowd();
		const kept = this.#total - this.#start(this.first);
		let room = this.#words.length;
		while (kept + size > room)
			room *= 2;
		if (room > this.#words.length)
			this.#words = grown(this.#words, this.#total - kept, this.#total, room);
		for (let i = 0; i < size; i++)
			this.#words[(this.#total + i) & (room - 1)] = words[i];
		this.#starts[this.count & (this.#starts.length - 1)] = this.#total;
		this.#total += size;
		this.count++;
		return true;
	}

	#start(entry) {
		return entry < this.count ? this.#starts[entry & (this.#starts.length - 1)] : this.#total;
	}

	/* Calls visit(tick, ring, from, to, mask) for entries from..to - 1: the words of one are
	 * ring[i & mask], i from `from` to `to` - 1. */
	each(from, to, visit) {
		const mask = this.#words.length - 1;
		for (let entry = Math.max(from, this.first); entry < Math.min(to, this.count); entry++)
			visit(this.tickAt(entry), this.#words, this.#start(entry), this.#start(entry + 1), mask);
	}

	grow(room) {
		super.grow(room);
		this.#starts = grown(this.#starts, this.first, this.count, room);
	}
}

/* One float for each chosen line. */
export class FloatHistory extends History {
	#floats;

	/* picked: the lines to keep, in order; undefined = the first `width` ones, all of them. */
	constructor(span, width, picked, floatsMax = FLOATS_MAX) {
		const kept = picked?.length ?? width;
		super(span, 1 << Math.floor(Math.log2(Math.max(1024, Math.min(ENTRIES_MAX, floatsMax / Math.max(1, kept))))));
		this.width = kept;
		this.picked = picked;
		this.#floats = new Float32Array(1024 * kept);
	}

	push(tick, values) {
		if (!this.enter(tick))
			return false;
		const at = this.#at(this.count);
		for (let i = 0; i < this.width; i++)
			this.#floats[at + i] = values[this.picked ? this.picked[i] : i];
		this.count++;
		return true;
	}

	#at(entry) {
		return (entry & (this.#floats.length / this.width - 1)) * this.width;
	}

	value(entry, index) {
		return this.#floats[this.#at(entry) + index];
	}

	/* All floats of an entry; a view, not a copy. */
	row(entry) {
		const at = this.#at(entry);
		return this.#floats.subarray(at, at + this.width);
	}

	grow(room) {
		super.grow(room);
		const next = new Float32Array(room * this.width);
		for (let entry = this.first; entry < this.count; entry++)
			next.set(this.row(entry), (entry & (room - 1)) * this.width);
		this.#floats = next;
	}
}
