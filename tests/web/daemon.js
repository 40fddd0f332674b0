/* The real daemon with its page, and sensors, for the tests of the page.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Control, Sender } from "../../clients/js/spiked.js";

export const slow = Number(process.env.SPIKED_SLOW ?? 1);

async function freePort() {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address();
	server.close();
	await once(server, "close");
	return port;
}

/* Asks again and again until the answer is true, and gives it. */
export async function until(what, condition, seconds = 10) {
	for (const end = Date.now() + 1000 * seconds * slow; ;) {
		const answer = await condition();
		if (answer)
			return answer;
		if (Date.now() > end)
			throw new Error(`${what}: not within ${seconds * slow} s`);
		await sleep(50);
	}
}

export class Daemon {
	log = ""; /* the end of it */
	#sensors = new Set();

	static async start(config) {
		const daemon = new Daemon();
		const [ingest, publish, control, web] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
		daemon.ingest = `tcp://127.0.0.1:${ingest}`;
		daemon.page = `http://127.0.0.1:${web}/`;
		daemon.folder = mkdtempSync(join(tmpdir(), "spiked-web-"));
		/* JSON is YAML. */
		writeFileSync(
			join(daemon.folder, "spiked.yaml"),
			JSON.stringify({
				clock: "wall",
				dt: "1 ms",
				max_catch_up: 1000,
				ingest: [daemon.ingest],
				publish: [`tcp://127.0.0.1:${publish}`],
				control: `tcp://127.0.0.1:${control}`,
				web: `127.0.0.1:${web}`,
				...config,
			}),
		);
		daemon.control = new Control(`tcp://127.0.0.1:${control}`, { timeout: 5000 * slow });
		await daemon.run();
		return daemon;
	}

	async run() {
		this.process = spawn(process.env.SPIKED_BIN, ["-c", join(this.folder, "spiked.yaml")], {
			stdio: ["ignore", "ignore", "pipe"],
		});
		this.process.stderr.on("data", (data) => (this.log = `${this.log}${data}`.slice(-4000)));
		await until("the daemon serves its page", () => {
			if (this.process.exitCode !== null)
				throw new Error(`the daemon ended with ${this.process.exitCode}: ${this.log}`);
			return fetch(this.page).then(
				() => true,
				() => false,
			);
		});
	}

	async kill() {
		this.process.kill("SIGKILL");
		await once(this.process, "exit");
	}

	/* Sends rowAt(seconds) of a stream until it is stopped, `hz` times a second. */
	feed(stream, hz, rowAt) {
		const sender = new Sender(this.ingest);
		const began = Date.now();
		const sensor = { running: true };
		const stop = async () => {
			sensor.running = false;
			this.#sensors.delete(stop);
			await sensor.done;
			sender.close();
		};
		sensor.done = (async () => {
			for (let k = 0; sensor.running; k++) {
				await sender
					.send(stream, rowAt((Date.now() - began) / 1000))
					.catch(() => {}); /* nobody there: rows of a live sensor are gone */
				await sleep(1000 / hz);
			}
		})();
		this.#sensors.add(stop);
		return stop;
	}

	async close() {
		this.process.kill("SIGTERM");
		await Promise.all([...this.#sensors].map((stop) => stop()));
		if (this.process.exitCode === null && this.process.signalCode === null)
			await once(this.process, "exit");
		this.control.close();
		rmSync(this.folder, { recursive: true });
		return this.process.exitCode;
	}
}

/* Path of the browser; undefined = there is none. */
export function chromium() {
	const path = process.env.CHROMIUM ?? "/usr/bin/chromium";
	return existsSync(path) ? path : undefined;
}
