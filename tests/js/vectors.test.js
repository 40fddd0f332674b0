/* The Node client reads and writes the sample messages of the protocol.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { decode, encodePairs, encodeRows, encodeStamp, WireError } from "../../clients/js/spiked.js";

const folder = new URL("../../clients/vectors/", import.meta.url);
const vectors = readdirSync(folder).filter((name) => name.endsWith(".json")).map((name) => {
	const vector = JSON.parse(readFileSync(new URL(name, folder), "utf8"));
	return { ...vector, name, frames: vector.frames.map((hex) => Buffer.from(hex, "hex")) };
});

/* A part in the words of the vectors' "decoded". */
function described(part) {
	const result = {
		kind: part.kind, format: part.format, flags: part.flags, epoch: part.epoch,
		tick: String(part.tick), seq: String(part.seq), time_ns: String(part.timeNs),
		source_ns: String(part.sourceNs), dt_ns: part.dtNs, lines: part.lines, count: part.count,
	};
	if (part.line)
		Object.assign(result, { line: part.line, sign: part.sign });
	if (part.values)
		result.values = [...part.values];
	return result;
}

const out = vectors.filter(({ way }) => way === "out");
test("there are samples of every kind", () => assert.ok(out.length > 20 && vectors.length > 40));

for (const { name, frames, decoded } of out)
	test(`reads ${name}`, () => {
		if (!decoded) {
			assert.throws(() => decode(frames), WireError);
			return;
		}
		const message = decode(frames);
		assert.equal(message.topic, decoded.topic);
		if (decoded.json)
			assert.deepEqual(message.json, decoded.json);
		else
			assert.deepEqual(message.parts.map(described), decoded.parts);
	});

for (const { name, frames, decoded } of vectors.filter(({ way }) => way === "in"))
	test(`writes ${name}`, () => {
		const { type, rows, stamp } = decoded;
		if (type !== "json")
			assert.deepEqual(type === "pairs" ? encodePairs(rows[0]) : encodeRows(rows, type), frames[1]);
		if (frames[2])
			assert.deepEqual(encodeStamp(stamp.time_ns, stamp.seq), frames[2]);
	});

test("numbers that the type cannot hold are refused", () => {
	for (const [rows, type] of [[[0.5], "i16"], [[256], "u8"], [[NaN], "i8"], [[], "f32"], [[1], "f16"]])
		assert.throws(() => encodeRows(rows, type), RangeError);
});
