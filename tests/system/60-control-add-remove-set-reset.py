#!/usr/bin/python3
"""Streams come, go and change while the others miss no tick.

SPDX-License-Identifier: Apache-2.0
"""
import harness as h

CONFIG = {"clock": "manual", "streams": [h.stream("a", 2, [{"poisson": {"f_max": 1000}}])]}


def what_info_and_encoders_say():
    with h.Daemon(CONFIG) as daemon:
        info = daemon.control("info")
        for key in ("version", "protocol", "epoch", "uptime_s", "clock", "overrun", "dt_ns", "pid", "streams",
                    "realtime", "endpoints"):
            if key not in info:
                raise h.Failed(f"info has no {key}: {info}")
        h.equal("info: the facts", (info["protocol"], info["clock"], info["dt_ns"], info["streams"], len(info["epoch"])),
                (1, "manual", 1000000, 1, 16))
        h.equal("info: endpoints", (info["endpoints"]["publish"], info["endpoints"]["control"]),
                ([daemon.publish], daemon.control_at))
        encoders = {e["name"]: e for e in daemon.control("encoders")}
        h.claim(f"encoders: {sorted(encoders)}", {"range", "lif", "lif_latency", "first_spike", "poisson",
                                                   "signed_poisson", "population"} <= set(encoders))
        names = [n for e in encoders.values() for n in e["aliases"]]
        for name in ("ConstantCurrentLIFEncoder", "PoissonEncoder", "PoissonEncoderStep", "PopulationEncoder", "SignedPoissonEncoder",
                     "SignedPoissonEncoderStep", "SpikeLatencyEncoder", "SpikeLatencyLIFEncoder"):
            if name not in names:
                raise h.Failed(f"no encoder answers to Norse's {name}")
        h.claim("encoders: Norse's eight names", True)


def a_stream_is_added_and_removed():
    with h.Daemon(CONFIG) as daemon:
        sub = daemon.sub("spikes/")
        daemon.step(3)
        daemon.control("add", stream=h.stream("b", 1, [{"poisson": {"f_max": 1000}}]))
        daemon.send_f32("b", 1)
        daemon.wait_rows("b", 1)
        daemon.step(2)
        messages = sub.take(7)
        h.equal("the old one misses no tick", [m[1]["tick"] for m in messages if m[0] == "spikes/a/"], [0, 1, 2, 3, 4])
        h.equal("the new one joins the ticks that are", [m[1]["tick"] for m in messages if m[0] == "spikes/b/"], [3, 4])
        h.equal("and spikes", [h.spikes(*m[1:]) for m in messages if m[0] == "spikes/b/"], [[(0, 1)]] * 2)
        daemon.control("remove", name="a")
        daemon.step(1)
        h.equal("removed: only b ticks", [(m[0], m[1]["tick"]) for m in [sub.recv()]], [("spikes/b/", 5)])
        h.claim("and nothing of a", sub.nothing(0.1))
        daemon.send_f32("a", 1, 1)
        daemon.wait_counter("rejected_unknown_stream", 1)
        h.claim("its rows are of an unknown stream", True)
        daemon.control("add", stream=h.stream("a", 2, [{"poisson": {"f_max": 1000}}]))
        h.equal("the name is free again", sorted(s["stream"] for s in daemon.control("streams")), ["a", "b"])
        h.equal("and began anew", daemon.counters("a")["rows"], 0)


def a_stream_comes_back_with_another_dt():
    with h.Daemon(CONFIG) as daemon:
        daemon.step(10)
        for dt, ticks in ("2 ms", [5, 6]), ("0.5 ms", [28, 29, 30, 31]), ("4 ms", [4]):
            daemon.control("remove", name="a")
            daemon.control("add", stream=h.stream("a", 1, dt=dt))
            sub = daemon.sub("spikes/a/")
            daemon.step(4 if dt == "2 ms" else 2 if dt == "0.5 ms" else 4)
            h.equal(f"with dt {dt} it ticks at the times of that dt", [m[1]["tick"] for m in sub.take(len(ticks))], ticks)
            sub.close()
    with h.Daemon({"clock": "data", "streams": [h.stream("a", 1, dt="1 ms")]}) as daemon:
        sub = daemon.sub("spikes/a/")
        daemon.send_f32("a", *[1] * 10)
        last = sub.take(10)[-1][1]
        daemon.control("remove", name="a")
        daemon.control("add", stream=h.stream("a", 1, dt="4 ms"))
        daemon.send_f32("a", 1)
        head = sub.recv()[1]
        h.claim("data: time goes on, by the next tick of the new dt", head["time_ns"] == last["time_ns"] + 3 * 10**6 and
                head["tick"] == 3, (last, head))


def many_streams_come_and_go_in_wall_clock():
    with h.Daemon({**CONFIG, "clock": "wall"}) as daemon:
        sub = daemon.sub("spikes/a/")
        for number in range(50):
            daemon.control("add", stream=h.stream(f"x{number}", 100, ["lif"], group="g"))
            if number >= 5:
                daemon.control("remove", name=f"x{number - 5}")
        last = None
        for _, head, _ in sub.take(50):
            if last is not None and head["seq"] != last + 1:
                raise h.Failed(f"seq jumps from {last} to {head['seq']}")
            last = head["seq"]
        h.claim("50 added, 45 removed, and 'a' lost nothing", daemon.control("info")["streams"] == 6)


def parameters_change_between_two_ticks():
    lif = {"clock": "manual", "streams": [h.stream("s", 1, [{"lif": {"v_th": 100}}])]}
    with h.Daemon(lif) as daemon:
        sub = daemon.sub("spikes/s/", "state/s/")
        daemon.send_f32("s", 50)
        daemon.wait_rows("s", 1)
        daemon.step(5)
        before = [m for m in sub.take(10) if m[0] == "state/s/"][-1]
        daemon.control("set", name="s", stage=0, param="v_th", value=1)
        daemon.step(1)
        spikes = [m for m in sub.take(2) if h.is_spikes(m)][0]
        h.equal("a lower threshold fires at once: the voltage was kept", spikes[1]["count"], 1)
        h.claim("no reset flag", not spikes[1]["flags"] & h.RESET and h.floats(before[2])[0] > 1)
        h.equal("meta shows the new value", daemon.control("stream", name="s")["pipeline"][0]["params"]["v_th"], 1)
        daemon.control("set", name="s", stage="lif", param="v_th", value=100)
        h.equal("a stage may be named", daemon.control("stream", name="s")["pipeline"][0]["params"]["v_th"], 100)


def what_is_shown_can_be_given_back():
    """The largest seed, too, which JSON readers have no number for."""
    draws = {"rng": "mt19937", "seed": 2**64 - 1, "f_max": 100}
    with h.Daemon({"clock": "manual", "dt": "1 ms", "streams": [h.stream("a", 1, [{"poisson": draws}])]}) as daemon:
        shown = daemon.control("stream", name="a")["pipeline"][0]["params"]
        h.equal("a text of digits", shown["seed"], str(2**64 - 1))
        given = {key: shown[key] for key in draws}
        daemon.control("add", stream=h.stream("b", 1, [{"poisson": given}]))
        h.equal("is taken as well", daemon.control("stream", name="b")["pipeline"][0]["params"], shown)


def reset_clears_the_state():
    lif = {"clock": "manual", "streams": [h.stream("s", 1, [{"lif": {"v_th": 100}}]),
                                          h.stream("r", 8, [{"poisson": {"f_max": 500, "rng": "mt19937", "seed": 9}}])]}
    with h.Daemon(lif) as daemon:
        sub = daemon.sub("state/s/", "spikes/r/")
        daemon.send_f32("s", 50)
        daemon.send_f32("r", *[1] * 8)
        daemon.wait_rows("s", 1)
        daemon.wait_rows("r", 1)
        daemon.step(6)
        before = sub.take(12)
        results = [daemon.control("reset", name=name) for name in "sr"]
        daemon.step(6)
        after = sub.take(12)
        h.equal("reset says the tick", [(r["name"], r["tick"]) for r in results], [("s", 6), ("r", 6)])
        h.equal("flagged once", [bool(m[1]["flags"] & h.RESET) for m in after], [True, True] + [False] * 10)
        h.claim("the membrane and the generator begin anew", [m[2] for m in before] == [m[2] for m in after])
        h.equal("ticks go on", [m[1]["tick"] for m in after[::2]], list(range(6, 12)))


h.main(what_info_and_encoders_say, a_stream_is_added_and_removed, a_stream_comes_back_with_another_dt,
       many_streams_come_and_go_in_wall_clock,
       parameters_change_between_two_ticks, what_is_shown_can_be_given_back,
       reset_clears_the_state)
