#!/usr/bin/python3
"""Norse's results, bit for bit, through the running daemon in data clock.

SPDX-License-Identifier: Apache-2.0
"""
import struct

import harness as h

def run(path, windowed=None):
    """Feeds a file's rows to the daemon: messages of spikes/ and state/, by topic."""
    params, rows = h.golden(path)
    encode, windows = h.golden_stages(params)
    windows = windows if windowed is None else windowed
    hold = int(params.get("hold_ticks", 1))
    has_spikes = params["encoder"] != "population"
    has_state = "voltage" in rows[0] and rows[0]["voltage"] is not None or not has_spikes
    topics = [topic for topic, there in (("spikes/s/", has_spikes), ("state/s/", has_state)) if there]
    config = {"clock": "data", "dt": float(params.get("dt", 0.001)), "streams": [
        h.stream("s", int(params["channels"]), encode, window=hold if windows else 0)]}
    with h.Daemon(config) as daemon:
        sub = daemon.sub(*topics)
        for row in rows:
            data = struct.pack(f"<{len(row['input'])}f", *row["input"])
            daemon.send_row("s", data if windows else data * hold)
        messages = sub.take(len(rows) * hold * len(topics), timeout=20)
        claim = f"{path.stem}{' in windows' if windowed else ''}: nothing lost, nothing late"
        h.claim(claim, sub.nothing(0.05) and not any(m[1]["flags"] & ~h.WINDOW for m in messages))
    return rows, hold, {topic: [m for m in messages if m[0] == topic] for topic in topics}


def compare(path, windowed=None):
    rows, hold, topics = run(path, windowed)
    spikes = topics.get("spikes/s/")
    for number, row in enumerate(rows):
        for tick in range(hold if spikes else 0):
            _, head, payload = spikes[number * hold + tick]
            got, wanted = h.spikes(head, payload), row["spikes"][head["tick"]]
            if got != wanted or head["tick"] != number * hold + tick:
                raise h.Failed(f"{path.name}, tick {head['tick']}: {got}, Norse has {wanted}")
        for key in ("voltage", "output"):
            if row[key] is None:
                continue
            _, head, payload = topics["state/s/"][number * hold + hold - 1]
            if payload != struct.pack(f"<{len(row[key])}f", *row[key]):
                wrong = [i for i, pair in enumerate(zip(h.floats(payload), row[key])) if pair[0] != pair[1]]
                raise h.Failed(f"{path.name}, row {number}: {key} differs at {wrong[:10]}")
    ticks = len(rows) * hold
    count = sum(m[1]["count"] for m in spikes) if spikes else 0
    h.claim(f"{path.stem}: {ticks} ticks, {count} spikes equal Norse's", ticks > 0)


def every_vector_is_reproduced():
    for path in h.golden_files():
        compare(path)


def a_window_does_not_seed_the_generator_again():
    for path in h.golden_files():
        if "poisson" in path.stem:
            compare(path, windowed=True)


h.main(every_vector_is_reproduced, a_window_does_not_seed_the_generator_again)
