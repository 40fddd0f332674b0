#!/usr/bin/python3
"""Topics are built for subscribers only, and a topic's prefix is taken literally.

SPDX-License-Identifier: Apache-2.0
"""
import harness as h

CONFIG = {"clock": "manual", "streams": [
    h.stream("imu", 2, group="body"), h.stream("imu2", 2, group="body"),
    h.stream("rates", 1, [{"population": {"out_features": 3, "scale": 1}}])]}


def nothing_is_built_without_subscribers():
    with h.Daemon(CONFIG) as daemon:
        daemon.step(50)
        h.equal("50 ticks ran, no frame was built", (
            daemon.counters("imu")["ticks"], daemon.counters("imu")["frames"]), (50, 0))
        sub = daemon.sub("state/imu/")
        daemon.step(10)
        h.equal("only the topic that was asked for comes",
                [m[0] for m in sub.take(10)], ["state/imu/"] * 10)
        h.equal("seq counts from the first subscription on",
                daemon.counters("imu")["frames"], 10)
        h.equal("nothing is built of the others", daemon.counters("imu2")["frames"], 0)
        sub.unsubscribe("state/imu/")
        h.until("the daemon hears of it", lambda: not grows(daemon, "imu"))
        h.claim("nothing is built after the last subscriber left", not grows(daemon, "imu"))


def grows(daemon, name):
    before = daemon.counters(name)["frames"]
    daemon.step(1)
    return daemon.counters(name)["frames"] > before


def prefixes_end_at_the_slash():
    with h.Daemon(CONFIG) as daemon:
        one = daemon.sub("spikes/imu/")
        both = daemon.sub("spikes/")
        daemon.step(2)
        h.equal("spikes/imu/ is not imu2", {m[0] for m in one.take(2)}, {"spikes/imu/"})
        h.claim("and no more of it comes", one.nothing(0.05))
        h.equal("spikes/ is both", sorted(m[0] for m in both.take(4)),
                ["spikes/imu/"] * 2 + ["spikes/imu2/"] * 2)


def every_topic_comes_under_the_empty_subscription():
    with h.Daemon(CONFIG) as daemon:
        sub = daemon.sub("")
        daemon.step(1)
        seen = {}
        wanted = {f"{kind}/{name}/" for kind in ("spikes", "state", "values", "json", "meta")
                  for name in ("imu", "imu2")}
        wanted |= {"state/rates/", "values/rates/", "meta/rates/", "status/", "bundle/body/"}
        h.until("all topics", lambda: seen.update([(m[0], m) for m in [sub.recv()]]) or wanted <= set(seen))
        h.equal("and none that a stream cannot feed", set(seen), wanted)
        h.equal("a bundle has a part for each stream of the group", len(seen["bundle/body/"][1]), 2)


def empty_ticks_can_be_left_out():
    quiet = {"clock": "manual", "streams": [
        h.stream("s", 1, [{"poisson": {"f_max": 1000}}], publish={"empty": False})]}
    with h.Daemon(quiet) as daemon:
        sub = daemon.sub("spikes/s/")
        rows = [0, 1, 0, 0, 1]
        for count, value in enumerate(rows, 1):
            daemon.send_f32("s", value)
            daemon.wait_rows("s", count)
            daemon.step(1)
        messages = sub.take(2)
        h.equal("empty: false sends ticks with spikes alone", [m[1]["tick"] for m in messages], [1, 4])
        h.equal("without a hole in seq", [m[1]["seq"] for m in messages], [0, 1])
        h.claim("and nothing else", sub.nothing(0.05))


h.main(nothing_is_built_without_subscribers, prefixes_end_at_the_slash,
       every_topic_comes_under_the_empty_subscription, empty_ticks_can_be_left_out)
