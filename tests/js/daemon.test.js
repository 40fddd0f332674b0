/* The Node client and the real daemon. Needs SPIKED_BIN; without it the test is skipped.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { Control, ControlError, Receiver, Sender, loadKeys } from "../../clients/js/spiked.js";

const binary = process.env.SPIKED_BIN;
const slow = Number(process.env.SPIKED_SLOW ?? 1);

async function freeEndpoint() {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address();
	server.close();
	await once(server, "close");
	return `tcp://127.0.0.1:${port}`;
}

test("rows, spikes, state and control", { skip: !binary && "SPIKED_BIN is not set" }, async (t) => {
	const [ingest, publish, control] = [await freeEndpoint(), await freeEndpoint(), await freeEndpoint()];
	const folder = mkdtempSync(join(tmpdir(), "spiked-js-"));
	const path = join(folder, "spiked.yaml");
	/* JSON is YAML. */
	writeFileSync(path, JSON.stringify({
		clock: "data", dt: "1 ms", ingest: [ingest], publish: [publish], control,
		streams: [
			{ name: "imu", channels: 4, encode: [{ lif: {} }] },
			{ name: "mic", channels: 1, input: { type: "i16" }, range: { lo: -32768, hi: 32767 } },
		],
	}));
	const daemon = spawn(binary, ["-c", path], { stdio: ["ignore", "inherit", "inherit"] });
	const client = new Control(control, { timeout: 10000 * slow });
	const frames = new Receiver(["spikes/imu/", "state/imu/", "values/mic/", "meta/imu/"], publish, { timeout: 5000 * slow });
	const sensor = new Sender(ingest, { timeout: 5000 * slow });
	t.after(() => {
		for (const each of [client, frames, sensor])
			each.close();
		daemon.kill("SIGKILL");
		rmSync(folder, { recursive: true });
	});
	const next = async (topic) => {
		for (;;) {
			const message = await frames.receive();
			if (message.topic === topic)
				return message;
		}
	};

	const info = await client.call("info");
	assert.equal(info.protocol, 1);
	assert.equal(info.clock, "data");
	assert.equal((await next("meta/imu/")).json.lines, 4); /* the daemon knows the subscriptions */

	/* Norse's own example: a membrane that fills by a tenth of the input at each tick. */
	for (let i = 0; i < 2; i++)
		await sensor.send("imu", [2, 4, 8, 16], { timeNs: 1000n + BigInt(i) });
	const wanted = [[3], [2, 3]];
	for (let i = 0; i < 2; i++) {
		const { parts: [tick], missed } = await next("spikes/imu/");
		assert.deepEqual([tick.tick, tick.line, tick.sourceNs, tick.epoch, missed],
			[BigInt(i), wanted[i], 1000n + BigInt(i), info.epoch, 0]);
		assert.equal((await next("state/imu/")).parts[0].values.length, 4);
	}

	await sensor.send("mic", [[-32768], [32767]], { type: "i16" });
	assert.deepEqual([...(await next("values/mic/")).parts[0].values], [0]);
	assert.deepEqual([...(await next("values/mic/")).parts[0].values], [1]);

	await assert.rejects(client.call("stream", { name: "nobody" }), ControlError);
	const [stats, one] = await Promise.all([client.call("stats"), client.call("stream", { name: "imu" })]);
	assert.equal(stats.streams.imu.rows, 2);
	assert.equal(one.channels, 4);

	daemon.kill("SIGTERM");
	const [code] = await once(daemon, "exit");
	assert.equal(code, 0);
});

test("keys", { skip: !binary && "SPIKED_BIN is not set" }, async (t) => {
	const [ingest, publish, control] = [await freeEndpoint(), await freeEndpoint(), await freeEndpoint()];
	const folder = mkdtempSync(join(tmpdir(), "spiked-js-"));
	const keygen = (name) => JSON.parse(
		execFileSync(join(dirname(binary), "spikectl"), ["keygen", "--json", join(folder, name)])).public;
	const server = keygen("server.key"), own = keygen("own.key");
	writeFileSync(join(folder, "spiked.yaml"), JSON.stringify({
		clock: "data", ingest: [ingest], publish: [publish], control,
		streams: [{ name: "imu", channels: 1, encode: [{ lif: {} }] }],
		security: { key: "server.key", clients: [
			{ name: "me", key: own, rows: ["imu"], subscribe: ["imu"], control: "read" }] },
	}));
	const daemon = spawn(binary, ["-c", join(folder, "spiked.yaml")], { stdio: ["ignore", "inherit", "inherit"] });
	const keys = loadKeys(join(folder, "own.key"), server);
	const client = new Control(control, { timeout: 10000 * slow, keys });
	const stranger = new Control(control, { timeout: 300 * slow });
	const frames = new Receiver(["meta/imu/", "spikes/imu/"], publish, { timeout: 5000 * slow, keys });
	const sensor = new Sender(ingest, { timeout: 5000 * slow, keys });
	t.after(() => {
		for (const each of [client, stranger, frames, sensor])
			each.close();
		daemon.kill("SIGKILL");
		rmSync(folder, { recursive: true });
	});
	assert.equal((await client.call("info")).clock, "data");
	assert.equal((await frames.receive()).topic, "meta/imu/");
	await sensor.send("imu", [5]);
	let message;
	do
		message = await frames.receive();
	while (message.topic !== "spikes/imu/");
	await assert.rejects(client.call("reset", { name: "imu" }), ControlError);
	await assert.rejects(stranger.call("info"), /no answer/);
});
