/* SPDX-License-Identifier: Apache-2.0 */

export type RowType = "f32" | "f64" | "i8" | "u8" | "i16" | "u16" | "i32";
export type Flag = "late" | "gap" | "stale" | "reset" | "window" | "restored";

/* Numbers, one a channel; NaN or null = no sample. */
export type Row = ArrayLike<number | null> & Iterable<number | null>;
/* One row, or a list of rows that are dt apart. */
export type Rows = Row | readonly Row[];
/* [channel, value] of the channels that have news. */
export type Pairs = readonly (readonly [channel: number, value: number])[];

/* A message that does not follow the protocol. */
export class WireError extends Error {}

/* What all parts have. */
export interface PartHeader {
	readonly flags: readonly Flag[];
	/* 16 hex digits; another one after each start of the daemon. */
	readonly epoch: string;
	readonly tick: bigint;
	readonly seq: bigint;
	/* Of the tick, and of the newest row that it used (0n = none), ns since 1970. */
	readonly timeNs: bigint;
	readonly sourceNs: bigint;
	readonly dtNs: number;
	/* Lines of the stream; channels of values/ and rows/. */
	readonly lines: number;
	/* Spikes, values or rows. */
	readonly count: number;
}

/* The spikes of one tick. */
export interface SpikesPart extends PartHeader {
	readonly kind: "spikes";
	readonly format: "words" | "bitmap" | "graded";
	/* The line of each, with bit 31 for a negative one. */
	readonly words: Uint32Array;
	/* The same as arrays, made when they are asked for. */
	readonly line: number[];
	readonly sign: (1 | -1)[];
	/* Of graded spikes: one for each. */
	readonly values?: Float32Array;
	readonly rows?: undefined;
}

/* One number for each line (state) or channel (values) at one tick. */
export interface FloatsPart extends PartHeader {
	readonly kind: "state" | "values";
	readonly format: "f32";
	readonly values: Float32Array;
	readonly words?: undefined;
	readonly line?: undefined;
	readonly sign?: undefined;
	readonly rows?: undefined;
}

/* What a sensor sent. */
export interface RowsPart extends PartHeader {
	readonly kind: "rows";
	readonly format: RowType | "json" | "pairs";
	/* `count` rows of `lines` channels; of pairs one of [channel, value]. NaN or null = no sample. */
	readonly rows: (number | null)[][] | [channel: number, value: number][][];
	readonly stamp?: { readonly timeNs: bigint; readonly seq: bigint };
	readonly values?: undefined;
	readonly words?: undefined;
	readonly line?: undefined;
	readonly sign?: undefined;
}

export type Part = SpikesPart | FloatsPart | RowsPart;

/* Of spikes/, state/, values/, rows/ (one part) and bundle/ (one for each stream of the group). */
export interface Ticks {
	topic: string;
	parts: [Part, ...Part[]];
	json?: undefined;
}

/* Of json/, meta/ and status/. */
export interface Document {
	topic: string;
	json: any;
	parts?: undefined;
}

/* How a message follows the one before on its topic. */
export interface Loss {
	/* Messages of the topic that this program lost. */
	missed: number;
	/* spiked began anew: so did seq, tick and time. */
	restarted: boolean;
}

export type Decoded = Ticks | Document;
export type Message = Decoded & Loss;

/* Throws a WireError. */
export function decode(frames: readonly Uint8Array[]): Decoded;

export function encodeRows(rows: Rows, type?: RowType): Uint8Array;
export function encodePairs(pairs: Pairs): Uint8Array;
export function encodeStamp(timeNs: bigint | number | string, seq: bigint | number | string): Uint8Array;
export function encodePayload(rows: Rows | Pairs | Uint8Array | object, type?: RowType | "json" | "pairs"): Uint8Array;

/* Frames as one binary WebSocket message, and back. */
export function pack(frames: readonly [first: string | Uint8Array, ...rest: Uint8Array[]]): Uint8Array;
export function unpack(message: Uint8Array): Uint8Array[];
/* The messages that came as one. */
export function scatter(message: Uint8Array): Uint8Array[];
