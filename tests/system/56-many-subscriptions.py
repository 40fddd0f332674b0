"""A crowd of subscriptions costs the ticks nothing, fills no table for good, and silences nobody.

SPDX-License-Identifier: Apache-2.0
"""
import zmq

import harness as h


def a_thousand_subscriptions_on_a_thousand_streams_cost_no_tick():
    names = [f"s{i}" for i in range(1000)]
    streams = [h.stream(name) for name in names]
    with h.Daemon({"clock": "wall", "dt": "50 ms", "overrun": "skip", "streams": streams}) as daemon:
        sub = daemon.sub(*(f"spikes/{name}/" for name in names))
        before = daemon.counters()
        h.until("ten more ticks", lambda: daemon.counters("s0")["ticks"] > 10)
        after = daemon.counters()
        if not h.INSTRUMENTED:
            h.equal("no tick was skipped meanwhile", after["skipped_ticks"], before["skipped_ticks"])
        seen = {sub.recv()[0] for _ in range(4000)}
        h.claim("every stream is heard", {f"spikes/{name}/" for name in names} <= seen)


def subscriptions_that_can_match_nothing_are_counted():
    with h.Daemon({"clock": "manual", "streams": [h.stream()]}) as daemon:
        junk = daemon.sub(*(f"nothing/{i}/" for i in range(2000)), "x" * 300, sync=False)
        daemon.wait_counter("subscriptions_ignored", 2001)
        h.claim("2001 were ignored", True)
        junk.close()
        daemon.step(10)
        h.equal("and nothing was built for them", daemon.counters("s")["frames"], 0)


def a_connection_has_its_limit_and_others_theirs():
    with h.Daemon({"clock": "manual", "limits": {"subscriptions": 1000}, "streams": [h.stream()]}) as daemon:
        crowd = daemon.sub("spikes/s/", *(f"spikes/other{i}/" for i in range(1500)), sync=False)
        daemon.wait_counter("subscriptions_refused", 501)
        h.equal("501 were refused", daemon.counters()["subscriptions_refused"], 501)
        daemon.step(1)
        h.claim("what was taken before is heard", crowd.recv()[0] == "spikes/s/")
        crowd.close()

        def quiet():
            before = daemon.counters("s")["frames"]
            daemon.step(5)
            return daemon.counters("s")["frames"] == before
        h.until("when it has gone, nothing is built", quiet, timeout=20)
        sub = daemon.sub("spikes/s/")
        daemon.step(1)
        h.claim("a new subscriber is heard", sub.recv()[0] == "spikes/s/")
        greedy = daemon.sub(*(f"spikes/other{i}/" for i in range(2100)), sync=False)
        daemon.wait_counter("connections_cut", 1)
        h.claim("one that goes on asking is cut off", True)
        greedy.close()


def a_message_of_many_parts_does_not_stop_the_ticks():
    with h.Daemon({"clock": "wall", "dt": "10 ms", "overrun": "skip", "streams": [h.stream()]}) as daemon:
        push = daemon.pusher()
        for _ in range(200_000):
            push.send(b"", zmq.SNDMORE)
        push.send(b"")
        push.send_multipart([b"s", bytes(4)])
        daemon.wait_rows("s", 1, timeout=20)
        h.equal("it is counted once", daemon.counters()["rejected_frames"], 1)
        h.claim("and the next row is used", daemon.counters("s")["rows"] == 1)


h.main(a_thousand_subscriptions_on_a_thousand_streams_cost_no_tick, subscriptions_that_can_match_nothing_are_counted,
       a_connection_has_its_limit_and_others_theirs, a_message_of_many_parts_does_not_stop_the_ticks)
