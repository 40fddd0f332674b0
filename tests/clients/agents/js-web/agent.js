/* The agent of the JavaScript client over a WebSocket, see ../README.md.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { Spiked } from "../../../../clients/js/browser.js";
import WebSocket from "../../../../clients/js/node_modules/ws/wrapper.mjs";
import { described, run, sent } from "../js/talk.js";

let spiked, messages, malformed, fault, more;

function close() {
	spiked?.close();
	spiked = undefined;
	return {};
}

run({
	hello: () => ({ client: "js-web", can: ["web", "rows"] }),
	close,

	connect({ web, token, timeout_ms: timeout }) {
		close();
		[messages, malformed, fault, more] = [[], 0, "", () => {}];
		spiked = new Spiked(web, { token, timeout, gather: 2, WebSocket });
		spiked.on("message", (message) => {
			messages.push(message);
			more();
		});
		spiked.on("error", (error) => {
			malformed++;
			fault = error.message;
		});
		return {};
	},

	async send(request) {
		await spiked.opened();
		if (!spiked.send(...sent(request)))
			throw new Error("not connected: the rows are gone");
		return {};
	},

	subscribe({ topics }) {
		spiked.subscribe(...topics);
		return {};
	},

	unsubscribe({ topics }) {
		spiked.unsubscribe(...topics);
		return {};
	},

	async receive({ count, timeout_ms }) {
		await new Promise((done) => {
			const timer = setTimeout(done, timeout_ms);
			more = () => {
				if (messages.length < count)
					return;
				clearTimeout(timer);
				done();
			};
			more();
		});
		more = () => {};
		return { messages: messages.splice(0, count).map(described), malformed, fault };
	},

	call: async ({ method, params }) => ({ result: await spiked.call(method, params) }),
});
