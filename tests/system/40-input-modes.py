#!/usr/bin/python3
"""Which row a tick uses: hold, queue, mean, windows, missing samples.

SPDX-License-Identifier: Apache-2.0
"""
import harness as h

NAN = float("nan")


class Bench:
    """A stream in manual clock whose values/ are looked at tick by tick."""

    def __init__(self, daemon, name="s"):
        self.daemon, self.name, self.rows = daemon, name, 0
        self.sub = daemon.sub(f"values/{name}/")

    def send(self, *rows):
        for row in rows:
            self.daemon.send_f32(self.name, *row)
        self.rows += len(rows)
        self.daemon.wait_rows(self.name, self.rows)

    def tick(self):
        self.daemon.step(1)
        _, head, payload = self.sub.recv()
        self.flags = head["flags"]
        return h.floats(payload)


def bench(**stream):
    return h.Daemon({"clock": "manual", "streams": [h.stream("s", 2, **stream)]})


def hold_uses_the_newest_row_until_the_next():
    with bench(input={"mode": "hold", "stale_after": "never"}) as daemon:
        b = Bench(daemon)
        b.tick()
        h.claim("before the first row: stale", b.flags & h.STALE)
        b.send([1, 2], [3, 4])
        h.equal("the newest of two", b.tick(), [3, 4])
        h.claim("not stale", not b.flags & h.STALE)
        h.equal("is held", [b.tick() for _ in range(3)], [[3, 4]] * 3)
        b.send([NAN, 9])
        h.equal("a channel without a sample keeps its value", b.tick(), [3, 9])
        h.equal("and is counted", daemon.counters("s")["values_missing"], 1)


def queue_uses_each_row_once_in_order():
    with bench(input={"mode": "queue", "queue_rows": 4}) as daemon:
        b = Bench(daemon)
        b.send([1, 1], [2, 2], [3, NAN])
        h.equal("one a tick", [b.tick() for _ in range(3)], [[1, 1], [2, 2], [3, 2]])
        h.claim("each of them fresh", not b.flags & h.STALE)
        h.equal("empty: the last is held", b.tick(), [3, 2])
        h.claim("and flagged stale", b.flags & h.STALE)
        b.send(*([n, n] for n in range(10, 17)))
        h.equal("full: the oldest go", [b.tick() for _ in range(4)], [[n, n] for n in range(13, 17)])
        h.equal("and are counted", daemon.counters("s")["queue_dropped"], 3)


def mean_uses_all_rows_since_the_last_tick():
    with bench(input={"mode": "mean", "stale_after": "never"}) as daemon:
        b = Bench(daemon)
        b.send([1, 10], [2, NAN], [6, 20])
        h.equal("the mean of three, channel by channel", b.tick(), [3, 15])
        h.equal("nothing new: held", b.tick(), [3, 15])
        b.send([NAN, 5])
        h.equal("only what came counts", b.tick(), [3, 5])


def a_window_keeps_the_row_that_it_began_with():
    with bench(window=3, encode=[{"poisson": {"f_max": 1000}}],
               input={"stale_after": "never"}) as daemon:
        b = Bench(daemon)
        seen = []
        b.tick()
        b.tick()
        seen.append(b.flags & h.WINDOW)
        h.equal("no window before the first row", seen, [0])
        b.send([1, 0])
        first = b.tick()
        h.claim("the first row opens one", b.flags & h.WINDOW)
        b.send([0, 1])
        h.equal("a row within it waits", [first, b.tick(), b.tick()], [[1, 0]] * 3)
        h.claim("no window flag inside", not b.flags & h.WINDOW)
        h.equal("the next window has it", [b.tick() for _ in range(3)], [[0, 1]] * 3)
        b.tick()
        h.claim("windows follow each other", b.flags & h.WINDOW)


def state_is_cleared_at_a_window():
    with h.Daemon({"clock": "data", "streams": [h.stream("s", 1, ["lif"], window=4)]}) as daemon:
        sub = daemon.sub("state/s/")
        for _ in range(3):
            daemon.send_f32("s", 0.5)
        ticks = sub.take(12)
        h.equal("a row is four ticks", [m[1]["tick"] for m in ticks], list(range(12)))
        h.equal("flagged at the first", [bool(m[1]["flags"] & h.WINDOW) for m in ticks], [True, False, False, False] * 3)
        windows = [[m[2] for m in ticks[at:at + 4]] for at in (0, 4, 8)]
        h.claim("each begins from nothing", windows[0] == windows[1] == windows[2])
        h.claim("and rises", h.floats(windows[0][3]) > h.floats(windows[0][0]))


h.main(hold_uses_the_newest_row_until_the_next, queue_uses_each_row_once_in_order,
       mean_uses_all_rows_since_the_last_tick, a_window_keeps_the_row_that_it_began_with,
       state_is_cleared_at_a_window)
