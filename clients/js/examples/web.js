/* Sends a moving row into a stream and prints its spikes, over the web port: node web.js STREAM [URL]
 * Node 22 has a WebSocket; before, `npm install ws` brings one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { Spiked } from "../browser.js";

const [name = "imu", url = "ws://127.0.0.1:7573/ws"] = process.argv.slice(2);
const WebSocket = globalThis.WebSocket ?? (await import("ws")).default;
const spiked = new Spiked(url, { WebSocket });
const { channels, lines, dt_ns } = await spiked.call("stream", { name });
console.log(`${name}: ${channels} channels, ${lines} lines, dt ${dt_ns / 1e6} ms`);

setInterval(() => {
	const t = Date.now() / 1000;
	const row = Array.from({ length: channels }, (_, c) => 1.5 + Math.sin(t + c));
	spiked.send(name, row, { timeNs: BigInt(Date.now()) * 1000000n });
}, 20);

spiked.subscribe(`spikes/${name}/`);
spiked.on("close", () => console.log("not connected"));
spiked.on("message", ({ parts: [tick], missed, restarted }) => {
	if (restarted)
		console.log("spiked was restarted");
	if (missed)
		console.log(`lost ${missed} messages`);
	if (tick.count)
		console.log(tick.tick, tick.line.map((line, i) => line * tick.sign[i]).join(" "));
});
