"""Orders end with the daemon, long work yields to them, counts go on within the epoch.

SPDX-License-Identifier: Apache-2.0
"""
import json

import zmq

import harness as h


def a_stream_that_comes_back_goes_on_counting():
    with h.Daemon({"clock": "manual", "streams": [h.stream("a", group="g"), h.stream("b")]}) as daemon:
        sub = daemon.sub("spikes/a/", "bundle/g/")
        daemon.step(3)
        daemon.control("remove", name="a")
        daemon.step(2)
        h.until("a can come back", lambda: added(daemon))
        daemon.step(2)
        frames = sub.take(10)
        spikes = [head for topic, head, _ in frames if topic == "spikes/a/"]
        bundles = [heads[0] for topic, heads, _ in frames if topic == "bundle/g/"]
        h.equal("seq of its frames", [head["seq"] for head in spikes], [0, 1, 2, 3, 4])
        h.equal("seq of its group's bundles", [head["seq"] for head in bundles], [0, 1, 2, 3, 4])
        h.equal("ticks", [head["tick"] for head in spikes], [0, 1, 2, 5, 6])


def added(daemon):
    try:
        return daemon.control("add", stream=h.stream("a", group="g"))
    except h.RpcError as error:
        if error.code != -32003:  # it is just being removed
            raise


def a_long_step_yields_to_orders_and_to_a_stop():
    with h.Daemon({"clock": "manual", "streams": [h.stream(channels=1000)]}) as daemon:
        req = daemon.context.socket(zmq.DEALER)
        req.connect(daemon.control_at)
        req.send(json.dumps({"jsonrpc": "2.0", "id": 7, "method": "step", "params": {"ticks": 10**9}}).encode())
        h.until("it steps", lambda: daemon.counters("s")["ticks"] > 100)
        h.claim("reset is answered meanwhile", daemon.control("reset", name="s")["name"] == "s")
        h.claim("and a stream can be added", daemon.control("add", stream=h.stream("t"))["stream"] == "t")
        seconds = daemon.stop(within=3)
        print(f"  --  stopped after {seconds:.3f} s")
        answer = json.loads(req.recv()) if req.poll(2000) else {}
        h.claim("the step was answered: it did not end", answer.get("id") == 7 and "error" in answer, answer)


def hold(daemon, row):
    """Sends rows until all queues on the way to a subscriber that does not read are full."""
    push = daemon.pusher()
    push.sndtimeo = 500
    for _ in range(100_000):
        try:
            push.send_multipart([b"s", row])
        except zmq.Again:
            h.claim("a subscriber holds the clock, and the clock the sensor", daemon.counters()["held"] > 0)
            return
    raise h.Failed("the sensor was never held")


def orders_behind_a_held_clock_end_with_the_daemon():
    config = {"clock": "data", "send_queue": 1, "streams": [h.stream(channels=4096, publish={"payload": "bitmap"}),
                                                           h.stream("t")]}
    with h.Daemon(config) as daemon:
        deaf = daemon.sub("state/s/", hwm=1)
        hold(daemon, bytes(4 * 4096))
        req = daemon.context.socket(zmq.DEALER)
        req.connect(daemon.control_at)
        req.send(b'{"jsonrpc":"2.0","id":1,"method":"remove","params":{"name":"t"}}')
        req.send(b'{"jsonrpc":"2.0","id":2,"method":"reset","params":{"name":"s"}}')
        h.claim("they wait", not req.poll(300))
        daemon.stop()
        answers = [json.loads(req.recv()) for _ in range(2) if req.poll(2000)]
        h.equal("both were answered", sorted(a["id"] for a in answers), [1, 2])
        deaf.close()


def a_cut_character_harms_nobody():
    with h.Daemon({"clock": "manual", "streams": [h.stream()]}) as daemon:
        for method in ("a" + "é" * 40, "é" * 40, "\U0001f600" * 30, "a" * 63 + "é"):
            error = daemon.refused(method)
            h.claim(f"answered: {error.message[:40]}…", error.code == -32601)
        h.claim("and the next answer is whole", daemon.control("info")["streams"] == 1)


def liveness_of_many_does_not_starve_control():
    streams = [h.stream(f"s{i}", input={"stale_after": "5 ms"}) for i in range(300)]
    with h.Daemon({"clock": "wall", "dt": "1 ms", "streams": streams}) as daemon:
        status = daemon.sub("status/")
        for number in range(6000):
            daemon.send_f32(f"s{number % 300}", 1.0)
        began = h.time.monotonic()
        daemon.control("info")
        h.claim(f"info took {h.time.monotonic() - began:.3f} s", h.time.monotonic() - began < 2 * h.SLOW)
        h.claim("status/ comes", status.recv()[0] == "status/")


h.main(a_stream_that_comes_back_goes_on_counting, a_long_step_yields_to_orders_and_to_a_stop,
       orders_behind_a_held_clock_end_with_the_daemon, a_cut_character_harms_nobody,
       liveness_of_many_does_not_starve_control)
