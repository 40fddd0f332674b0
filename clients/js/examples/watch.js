/* Sends a moving row into a stream and prints its spikes: node watch.js STREAM
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { Control, Receiver, Sender } from "../spiked.js";

const name = process.argv[2] ?? "imu";
const control = new Control();
const { channels, lines, dt_ns } = await control.call("stream", { name });
console.log(`${name}: ${channels} channels, ${lines} lines, dt ${dt_ns / 1e6} ms`);
control.close();

const sender = new Sender();
setInterval(() => {
	const t = Date.now() / 1000;
	const row = Array.from({ length: channels }, (_, c) => 1.5 + Math.sin(t + c));
	sender.send(name, row, { timeNs: BigInt(Date.now()) * 1000000n }).catch(console.error);
}, 20);

const frames = new Receiver(`spikes/${name}/`);
for await (const { parts: [tick], missed, restarted } of frames) {
	if (restarted)
		console.log("spiked was restarted");
	if (missed)
		console.log(`lost ${missed} messages`);
	if (tick.count)
		console.log(tick.tick, tick.line.map((line, i) => line * tick.sign[i]).join(" "));
}
