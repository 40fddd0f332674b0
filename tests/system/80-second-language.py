#!/usr/bin/python3
"""A client in another language, written from the protocol's text, sends rows and reads spikes.

SPDX-License-Identifier: Apache-2.0
"""
import json
import shutil
import subprocess

import harness as h

SCRIPT = """
import { Control, Receiver, Sender } from "./clients/js/spiked.js";
const [ingest, publish, control] = process.argv.slice(-3);
const calls = new Control(control);
const { epoch } = await calls.call("info");
const frames = new Receiver(["spikes/s/", "meta/s/"], publish, { timeout: 20000 });
for (;;) {
	const message = await frames.receive();
	if (message.topic === "meta/s/")
		break;
}
const sensor = new Sender(ingest);
for (let n = 0; n < 100; n++)
	await sensor.send("s", Array.from({ length: 9 }, (_, c) => [0, 1, -1][(n * 7 + c * c) % 3]), { timeNs: BigInt(n + 1) });
const seen = [];
while (seen.length < 100) {
	const message = await frames.receive();
	if (!message.parts)
		continue;
	const [tick] = message.parts;
	seen.push([Number(tick.tick), tick.epoch === epoch, Number(tick.sourceNs), message.missed,
		tick.line.map((line, i) => [line, tick.sign[i]])]);
}
console.log(JSON.stringify(seen));
for (const each of [calls, frames, sensor])
	each.close();
"""


def node_sends_and_reads():
    node = shutil.which("node", path="/usr/bin") or shutil.which("node")
    if not node:
        raise h.Failed("no node: install the nodejs package")
    root = h.TESTS.parent
    if not (root / "clients/js/node_modules/zeromq").is_dir():
        raise h.Failed("clients/js/node_modules is missing: run 'npm ci --ignore-scripts' in clients/js")
    config = {"clock": "data", "streams": [
        h.stream("s", 9, [{"signed_poisson": {"f_max": 1000}}], publish={"payload": "auto"})]}
    with h.Daemon(config) as daemon:
        sub = daemon.sub("spikes/s/")
        result = subprocess.run(
            [node, "--input-type=module", "-e", SCRIPT, "--", daemon.ingest, daemon.publish, daemon.control_at],
            cwd=root, capture_output=True, text=True, timeout=60 * h.SLOW)
        h.claim("the program ends well", result.returncode == 0, result.stderr)
        seen = json.loads(result.stdout)
        raw = [[head["tick"], True, head["source_ns"], 0, [list(s) for s in h.spikes(head, payload)]]
               for _, head, payload in sub.take(100)]
        h.equal("100 rows from Node came as 100 ticks, and Node read what the bytes say", seen, raw)
        wanted = [[[c, x] for c in range(9) for x in [[0, 1, -1][(n * 7 + c * c) % 3]] if x] for n in range(100)]
        h.equal("which is what it sent", [spikes for *_, spikes in seen], wanted)
        h.equal("in one piece", [daemon.counters("s")[key] for key in ("rows", "seq_gaps", "seq_back")], [100, 0, 0])


h.main(node_sends_and_reads)
