/* What the page makes of parameter rows and of faults.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { barePipeline, faultsOf, positionOf, reach, typed, valueAt, yaml } from "../../daemon/web/page/rows.js";

const f_max = { type: "number", unit: "Hz", default: "100", min: null, max: null };
const p = { type: "number", unit: "", default: "0.1", min: 0, max: 1 };
const theta = { type: "number", unit: "", default: "0.1", min: null, max: null };
const steps = { type: "count", unit: "", default: "1", min: 1, max: 65535 };

test("a slider reaches the row's own limits, or as far as one wants to go", () => {
	assert.deepEqual(reach(p, 0.3, 0.1), { low: 0, high: 1, log: false, whole: false });
	assert.deepEqual(reach(f_max, 200, 100), { low: 1, high: 20000, log: true, whole: false });
	assert.deepEqual(reach(steps, 3, 1), { low: 1, high: 16, log: false, whole: true });
	assert.deepEqual(reach(theta, 0.5, 0.1), { low: 0, high: 2, log: false, whole: false });
	assert.deepEqual(reach({ type: "number", unit: "", default: "0" }, -20, 0), {
		low: -80,
		high: 80,
		log: false,
		whole: false,
	});
});

test("every value of a slider finds its place again", () => {
	for (const [row, value] of [
		[p, 0.3],
		[f_max, 200],
		[steps, 3],
		[theta, 0.5],
	]) {
		const range = reach(row, value);
		assert.ok(positionOf(range, value) > 0 && positionOf(range, value) < 1000, JSON.stringify(range));
		for (let position = 0; position <= 1000; position += 50) {
			const there = valueAt(range, position);
			assert.ok(there >= range.low * 0.9999 && there <= range.high * 1.0001);
			if (range.whole)
				assert.ok(Number.isInteger(there));
			else
				assert.ok(Math.abs(positionOf(range, there) - position) <= 1, `${there} at ${position}`);
		}
	}
});

test("what is typed is a number, a text with a unit, or a list", () => {
	assert.deepEqual([" 5 ", "400 Hz", "1, 2.5", "[1, 2]", "true", "auto"].map(typed), [
		5,
		"400 Hz",
		[1, 2.5],
		[1, 2],
		true,
		"auto",
	]);
});

test("each fault of a check finds its field", () => {
	const message =
		'stream: needs channels; or names; stream.encode[1].drop.p: must be from 0 to 1, not 2; stream.input.mode: "ff" is not one of hold, queue';
	assert.deepEqual(faultsOf({ message }), [
		{ path: [], message: "needs channels; or names" },
		{ path: ["encode", 1, "drop", "p"], message: "must be from 0 to 1, not 2" },
		{ path: ["input", "mode"], message: '"ff" is not one of hold, queue' },
	]);
	assert.deepEqual(faultsOf({ message: "too many requests" }), [{ path: [], message: "too many requests" }]);
});

test("defaults are asked for under the stage's own name, with what has none", () => {
	const meta = {
		stream: "imu",
		channels: 2,
		dt_ns: 1e6,
		window: 0,
		pipeline: [
			{ stage: "population", as: "PopulationEncoder", params: { out_features: 4, kernel: "cosine" } },
			{ stage: "poisson", as: "PoissonEncoderStep", params: { f_max: 5 } },
		],
	};
	const encoders = [
		{
			name: "population",
			params: [
				{ name: "out_features", default: null },
				{ name: "kernel", default: "gaussian" },
			],
		},
		{ name: "poisson", params: [{ name: "f_max", default: "100" }] },
	];
	assert.deepEqual(barePipeline(meta, encoders).encode, [
		{ PopulationEncoder: { out_features: 4 } },
		{ PoissonEncoderStep: {} },
	]);
});

test("YAML that the daemon reads", () => {
	assert.equal(
		yaml(
			[
				{
					name: "a",
					names: ["x", "y 2"],
					dt: "500 us",
					input: { mode: "queue" },
					encode: [{ lif: { v_th: [1, 2] } }, { split: {} }],
				},
			],
			"  ",
		),
		`
  - name: a
    names: [x, y 2]
    dt: 500 us
    input: {mode: queue}
    encode:
      - lif: {v_th: [1, 2]}
      - split: {}`,
	);
	assert.equal(
		yaml([{ name: "a", encode: [{ lif: {} }] }], ""),
		`
- name: a
  encode:
    - lif: {}`,
	);
});
