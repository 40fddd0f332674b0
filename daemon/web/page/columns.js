/* A picture that scrolls, as columns of equal time in a ring: what has been drawn once is not drawn again. A column
 * holds whatever fell into its time: nothing is left out, however many ticks and lines share a cell.
 *
 * Column c is the time from c * ms to (c + 1) * ms. Ticks are placed by `time`: { origin, dt }, both ms.
 *
 * SPDX-License-Identifier: Apache-2.0 */

class Columns {
	from = 0; /* columns from..to - 1 are in the ring */
	to = 0;
	#next = 0; /* the tick at which filling goes on to the right */
	dirty = []; /* [from, to) of columns that changed; the painter empties it */

	/* `lines`: { first, count } of the places shown, which share `rows` cells of a column, and { place }: where a line
	 * is, if it is not where its number says. */
	constructor(width, rows, ms, lines, time) {
		Object.assign(this, { width, rows, ms, lines, time });
		const { first, count, total = first + count, place = (line) => line } = lines;
		this.rowOf = Int32Array.from({ length: total }, (_, line) => {
			const at = place(line) - first;
			return at >= 0 && at < count ? Math.floor((at * rows) / count) : -1;
		});
	}

	columnOf(tick) {
		return Math.floor((this.time.origin + tick * this.time.dt) / this.ms);
	}

	/* The first tick that is not before column c. */
	tickOf(c) {
		let tick = Math.ceil((c * this.ms - this.time.origin) / this.time.dt);
		while (this.columnOf(tick - 1) >= c)
			tick--;
		while (this.columnOf(tick) < c)
			tick++;
		return tick;
	}

	slot(c) {
		return ((c % this.width) + this.width) % this.width;
	}

	/* Makes columns from..to - 1, at most `width`, hold what the history has of them. */
	cover(from, to, history) {
		if (from >= this.to || to <= this.from) {
			this.from = this.to = from;
			this.#next = this.tickOf(from);
		}
		if (to > this.to)
			this.#right(to);
		this.#fill(history);
		if (from < this.from)
			this.#left(from, history);
	}

	#right(to) {
		for (let c = Math.max(this.to, to - this.width); c < to; c++)
			this.wipe(this.slot(c));
		this.dirty.push([Math.max(this.to, to - this.width), to]);
		this.to = to;
		this.from = Math.max(this.from, to - this.width);
	}

	#fill(history) {
		const from = Math.max(this.#next, this.tickOf(this.from));
		const to = Math.min(this.tickOf(this.to), history.newest + 1);
		if (to <= from)
			return;
		this.take(history, history.find(from), history.find(to));
		this.dirty.push([this.columnOf(from), this.to]);
		this.#next = to;
	}

	#left(from, history) {
		const to = this.from;
		this.from = from;
		if (this.to > from + this.width) {
			this.to = from + this.width;
			this.#next = Math.min(this.#next, this.tickOf(this.to));
		}
		for (let c = from; c < to; c++)
			this.wipe(this.slot(c));
		this.take(history, history.find(this.tickOf(from)), history.find(this.tickOf(to)));
		this.dirty.push([from, to]);
	}
}

/* How many spikes fell into each cell, positive and negative ones apart. */
export class SpikeColumns extends Columns {
	#spikes = 0; /* and the cells that they are in, to tell how many a cell has */
	#cells = 0;

	constructor(width, rows, ms, lines, time) {
		super(width, rows, ms, lines, time);
		this.positive = new Uint16Array(width * rows);
		this.negative = new Uint16Array(width * rows);
		/* A tick that is wider than a column shows as a mark of several. */
		this.mark = Math.max(1, Math.floor((0.7 * time.dt) / ms));
	}

	/* So many spikes are a full cell: some more than one that has any has on average, as a power of two; 1 only where
	 * a cell cannot hold more. */
	get full() {
		const shared = this.ms > this.time.dt || this.lines.count > this.rows;
		return (
			2 ** Math.ceil(Math.log2(Math.max(shared ? 2 : 1, (1.6 * this.#spikes) / Math.max(1, this.#cells) - 0.6)))
		);
	}

	/* Looks at all cells again: much of what was counted has scrolled away. */
	settle() {
		this.#spikes = this.#cells = 0;
		for (const plane of [this.positive, this.negative])
			for (let i = 0; i < plane.length; i++)
				if (plane[i]) {
					this.#spikes += plane[i];
					this.#cells++;
				}
	}

	wipe(slot) {
		this.positive.fill(0, slot * this.rows, (slot + 1) * this.rows);
		this.negative.fill(0, slot * this.rows, (slot + 1) * this.rows);
	}

	take(history, first, last) {
		const { rows, rowOf, mark } = this;
		history.each(first, last, (tick, words, from, to, mask) => {
			const column = this.columnOf(tick);
			const end = Math.min(column + mark, this.to);
			for (let c = Math.max(column, this.from); c < end; c++) {
				const at = this.slot(c) * rows;
				for (let i = from; i < to; i++) {
					const word = words[i & mask];
					const row = rowOf[word & 0x7fffffff];
					if (!(row >= 0))
						continue;
					const plane = word >>> 31 ? this.negative : this.positive;
					if (plane[at + row]++ === 0)
						this.#cells++;
					this.#spikes++;
				}
			}
		});
	}
}

/* The mean of the values that fell into each cell. */
export class ValueColumns extends Columns {
	low = Infinity;
	high = -Infinity;

	constructor(width, rows, ms, lines, time) {
		super(width, rows, ms, lines, time);
		this.sums = new Float32Array(width * rows);
		this.ticks = new Uint32Array(width);
		this.linesIn = new Uint32Array(rows);
		this.rowOf.forEach((row) => row >= 0 && this.linesIn[row]++);
		this.mark = Math.max(1, Math.ceil(time.dt / ms));
	}

	/* NaN where nothing fell. */
	mean(slot, row) {
		return this.sums[slot * this.rows + row] / (this.ticks[slot] * this.linesIn[row]);
	}

	settle() {
		this.low = Infinity;
		this.high = -Infinity;
		for (let slot = 0; slot < this.width; slot++)
			for (let row = 0; row < this.rows && this.ticks[slot]; row++)
				this.#widen(this.mean(slot, row));
	}

	#widen(mean) {
		if (mean < this.low)
			this.low = mean;
		if (mean > this.high)
			this.high = mean;
	}

	wipe(slot) {
		this.sums.fill(0, slot * this.rows, (slot + 1) * this.rows);
		this.ticks[slot] = 0;
	}

	take(history, first, last) {
		const { rows, rowOf } = this;
		for (let entry = Math.max(first, history.first); entry < last; entry++) {
			const values = history.row(entry);
			const column = this.columnOf(history.tickAt(entry));
			for (let c = Math.max(column, this.from); c < Math.min(column + this.mark, this.to); c++) {
				const at = this.slot(c) * rows;
				for (let line = 0; line < rowOf.length; line++)
					if (rowOf[line] >= 0)
						this.sums[at + rowOf[line]] += values[line];
				this.ticks[this.slot(c)]++;
			}
		}
		for (let entry = Math.max(first, history.first); entry < last; entry += 16) {
			const c = this.columnOf(history.tickAt(entry));
			for (let row = 0; c >= this.from && c < this.to && row < rows; row++)
				this.#widen(this.mean(this.slot(c), row));
		}
	}
}
