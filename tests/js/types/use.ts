/* Compiled, never run: what the package's types let one write, and what they do not.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { Control, ControlError, Receiver, Sender, Spiked, TimeoutError, loadKeys } from "spiked-client";
import { Spiked as InBrowser } from "spiked-client/browser";
import { WireError, decode, encodeRows, type Message, type Part } from "spiked-client/wire";

export async function overZeroMq(): Promise<void> {
	const keys = loadKeys("arm.key", "x".repeat(40));
	const sender = new Sender(undefined, { timeout: 100, keys });
	await sender.send("imu", [0.1, null, 9.8], { timeNs: 5n });
	await sender.send("imu", new Float32Array(3));
	await sender.send("mic", [[1], [2]], { type: "i16", seq: 7 });
	await sender.send("skin", [[0, 1.5], [5, -0.25]], { type: "pairs" });
	await sender.send("web", { values: [1, 2], time_ns: 3 }, { type: "json" });
	// @ts-expect-error: there is no such type
	await sender.send("imu", [1], { type: "f16" });
	for await (const message of new Receiver(["spikes/imu/", "meta/imu/"]))
		look(message);
	const receiver = new Receiver("rows/", "tcp://127.0.0.1:7571", { queue: 10 });
	const { missed, restarted }: { missed: number; restarted: boolean } = await receiver.receive({ timeout: 5 });
	console.log(missed, restarted, receiver.fault?.message);
	try {
		const info: { epoch: string } = await new Control().call("info", {});
		console.log(info);
	} catch (error) {
		if (error instanceof ControlError)
			console.log(error.code + 1, error.path?.length);
		else if (error instanceof TimeoutError)
			console.log(error.code === "EAGAIN");
	}
}

function look(message: Message): string {
	if (!message.parts)
		return message.json.stream;
	const [first] = message.parts;
	return first.tick === 0n ? "" : tell(first);
}

function tell(part: Part): string {
	switch (part.kind) {
	case "spikes":
		return part.line.map((line, i) => line * part.sign[i]!).join() + (part.values?.[0] ?? "") + part.words[0];
	case "rows":
		return JSON.stringify(part.rows) + part.stamp?.seq;
	default:
		return String(part.values[0]);
	}
}

export function overWebSocket(): void {
	const spiked: Spiked = new InBrowser("ws://127.0.0.1:7573/ws", { token: "t", silence: 3000, gather: 10 });
	const off = spiked.on("message", look);
	spiked.on("lost", ({ messages, total }) => console.log(messages + total));
	spiked.on("error", (error: WireError) => console.log(error.message));
	// @ts-expect-error: there is no such event
	spiked.on("opened", () => {});
	spiked.subscribe("spikes/", ["status/"]);
	if (!spiked.send("imu", [1, 2, 3]))
		off();
	// @ts-expect-error: they are read only
	spiked.connected = true;
	console.log(decode([encodeRows([1])]).topic);
}
