/* The agent of the JavaScript client over ZeroMQ, see ../README.md.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { Control, Receiver, Sender, TimeoutError, loadKeys } from "../../../../clients/js/spiked.js";
import { described, run, sent } from "./talk.js";

let sender, receiver, control;

function close() {
	for (const each of [sender, receiver, control])
		each?.close();
	sender = receiver = control = undefined;
	return {};
}

run({
	hello: () => ({ client: "js", can: ["keys", "rows"] }),
	close,

	connect({ ingest, publish, control: at, timeout_ms: timeout, keys: named }) {
		close();
		const keys = named && loadKeys(named.file, named.server);
		sender = new Sender(ingest, { timeout, keys });
		receiver = new Receiver([], publish, { keys });
		control = new Control(at, { timeout, keys });
		return {};
	},

	async send(request) {
		await sender.send(...sent(request));
		return {};
	},

	subscribe({ topics }) {
		receiver.subscribe(...topics);
		return {};
	},

	unsubscribe({ topics }) {
		receiver.unsubscribe(...topics);
		return {};
	},

	async receive({ count, timeout_ms }) {
		const end = Date.now() + timeout_ms;
		const messages = [];
		try {
			while (messages.length < count)
				messages.push(described(await receiver.receive({ timeout: Math.max(0, end - Date.now()) })));
		} catch (error) {
			if (!(error instanceof TimeoutError))
				throw error;
		}
		return { messages, malformed: receiver.malformed, fault: receiver.fault?.message ?? "" };
	},

	call: async ({ method, params }) => ({ result: await control.call(method, params) }),
});
