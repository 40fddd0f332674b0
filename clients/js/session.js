/* What both ways to spiked share: calls that wait for their answers, and what got lost between messages.
 *
 * SPDX-License-Identifier: Apache-2.0 */

/* spiked refused a request; `path` names the parameter at fault. */
export class ControlError extends Error {
	name = "ControlError";

	constructor({ code, message, data }) {
		super(message);
		this.code = code;
		this.path = data?.path;
		this.data = data;
	}
}

/* Something did not happen in time: no message, rows that were not taken, no answer, no connection. */
export class TimeoutError extends Error {
	name = "TimeoutError";
	code = "EAGAIN";
}

/* Requests under way, over whatever connection. */
export class Calls {
	#calls = new Map(); /* id: { method, resolve, reject, timer } */
	#id = 0;

	/* The result of a method. send: takes the request's text, and a function that says whether anybody still waits
	 * for the answer. why: gives what more is to be said of none. */
	call(method, params, timeout, send, why = () => "") {
		const id = ++this.#id;
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => this.#end(id, (call) =>
				call.reject(new TimeoutError(`${method}: no answer within ${timeout} ms${why()}`))), timeout);
			this.#calls.set(id, { method, resolve, reject, timer });
			send(JSON.stringify({ jsonrpc: "2.0", id, method, params }), () => this.#calls.has(id));
		});
	}

	/* Takes a message in, and gives those of it that are no answers: notifications. */
	receive(text) {
		let messages;
		try {
			messages = [JSON.parse(text)].flat().filter((message) => message instanceof Object);
		} catch {
			return []; /* whose call that was, nobody knows: it will be told that there was no answer */
		}
		return messages.filter((message) => !this.#answer(message));
	}

	#answer({ id, method, result, error }) {
		if (method !== undefined)
			return false;
		if (id === null && this.#calls.size === 1) /* spiked could not read the only request that there was */
			[id] = this.#calls.keys();
		this.#end(id, (call) => { /* if it is there: it may have timed out */
			if (error instanceof Object)
				call.reject(new ControlError(error));
			else if (result === undefined)
				call.reject(new Error(`${call.method}: the answer is neither a result nor an error`));
			else
				call.resolve(result);
		});
		return true;
	}

	#end(id, how) {
		const call = this.#calls.get(id);
		if (!call)
			return;
		this.#calls.delete(id);
		clearTimeout(call.timer);
		how(call);
	}

	/* Ends all of them. */
	fail(why) {
		for (const id of [...this.#calls.keys()])
			this.#end(id, (call) => call.reject(new Error(`${call.method}: ${why}`)));
	}
}

/* Follows the sequence numbers of each topic. */
export class Follower {
	#last = new Map(); /* topic: { epoch, seq } */

	/* Adds to a message how many of its topic were lost before it, and whether spiked began anew. */
	follow(message) {
		message.missed = 0;
		message.restarted = false;
		if (!message.parts)
			return message;
		const { epoch, seq } = message.parts[0];
		const last = this.#last.get(message.topic);
		message.restarted = last !== undefined && last.epoch !== epoch;
		if (last && !message.restarted && seq > last.seq)
			message.missed = Number(seq - last.seq - 1n);
		this.#last.set(message.topic, { epoch, seq });
		return message;
	}

	/* A later subscription to topics that begin so starts anew. */
	forget(prefix) {
		for (const topic of this.#last.keys())
			if (topic.startsWith(prefix))
				this.#last.delete(topic);
	}
}

/* The next number of each stream's messages. */
export class Numbers {
	#next = new Map();

	/* `given`, or the stream's own; kept only when the message has gone. */
	of(stream, given) {
		return given === undefined ? this.#next.get(stream) ?? 0n : BigInt(given);
	}

	gone(stream, seq) {
		this.#next.set(stream, seq + 1n);
	}
}
