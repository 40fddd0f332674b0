/* What the agents of the JavaScript clients share: requests, answers, and messages in the words of the vectors.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { createInterface } from "node:readline";
import { ControlError } from "../../../../clients/js/session.js";

/* Answers requests until there are no more. */
export async function run(commands) {
	for await (const line of createInterface({ input: process.stdin })) {
		const request = JSON.parse(line);
		let answer;
		try {
			answer = await commands[request.do](request);
		} catch (error) {
			answer = { error: error.message };
			if (error instanceof ControlError)
				Object.assign(answer, { code: error.code, path: error.path });
			else if (request.do === "call")
				answer.code = 0;
		}
		process.stdout.write(`${JSON.stringify(answer)}\n`);
	}
	commands.close();
}

/* The arguments of send(). */
export function sent({ stream, type, rows, stamp }) {
	return [stream, type === "pairs" ? rows[0] : rows, { type, ...(stamp && { timeNs: BigInt(stamp.time_ns), seq: BigInt(stamp.seq) }) }];
}

const plain = (value) => (typeof value === "number" && !Number.isFinite(value) ? null : value);

function part({ kind, format, flags, epoch, tick, seq, timeNs, sourceNs, dtNs, lines, count, line, sign, values, rows }) {
	return {
		kind, format, flags, epoch, tick: String(tick), seq: String(seq), time_ns: String(timeNs), source_ns: String(sourceNs),
		dt_ns: dtNs, lines, count, line, sign, rows: rows?.map((row) => row.map(plain)), values: values && Array.from(values, plain),
	};
}

export function described({ topic, missed, restarted, json, parts }) {
	return { topic, missed, restarted, json, parts: parts?.map(part) };
}
