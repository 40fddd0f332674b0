/* SPDX-License-Identifier: Apache-2.0 */

/* spiked refused a request. */
export class ControlError extends Error {
	/* JSON-RPC's, see section 5 of PROTOCOL.md. */
	readonly code: number;
	/* The parameter at fault. */
	readonly path?: string;
	readonly data?: any;
}

/* Something did not happen in time: no message, rows that were not taken, no answer, no connection. */
export class TimeoutError extends Error {
	readonly code: "EAGAIN";
}
