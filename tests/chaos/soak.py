"""Everything at once for a long time; scripts/soak builds the daemon and calls this.

The daemon ticks five streams of different encoders at 1 kHz, gets their rows, writes their state; subscribers come
and go, read slowly or not at all; garbage comes in at every socket; control sets, resets, adds, removes, saves and
asks. Figures go to a log every second. What is judged at the end is under "claims" in `judge` and on the report.

SPDX-License-Identifier: Apache-2.0
"""
import argparse
import collections
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import chaos as c
from chaos import h

STREAMS = {
    "lif": h.stream("lif", 16, ["lif"], group="g"),
    "poisson": h.stream("poisson", 8, [{"population": {"out_features": 5}}, {"poisson": {"f_max": "200 Hz"}}], input={"type": "i16", "mode": "mean"},
                        range={"lo": -1000, "hi": 1000}, publish={"payload": "auto"}),
    "latency": h.stream("latency", 8, ["lif_latency"], window=20, input={"type": "json"}),
    "delta": h.stream("delta", 6, [{"send_on_delta": {"theta": 0.2, "payload": "graded"}}],
                      input={"mode": "queue", "queue_rows": 64}, group="g"),
    "steps": h.stream("steps", 12, [{"step_forward": {"theta": 0.3}}],
                      input={"type": "pairs", "stale_after": "20 ms", "on_stale": "zero"}),
}
ROWS = {"lif": ("f32", 16), "poisson": ("i16", 8), "latency": ("json", 8), "delta": ("f32", 6), "steps": ("pairs", 12)}
RATES = {"lif": 500, "poisson": 1000, "latency": 50, "delta": 400, "steps": 200}
CHANGES = [("lif", "lif", "v_th", 0.2, 2), ("poisson", "poisson", "f_max", 10, 400), ("delta", "send_on_delta", "theta", 0.05, 1)]
QUEUE = 5000  # a second of what the witness gets: this machine may be late, the witness must lose nothing
LEAST_S = 8
GROWTH_KB = 2048  # of resident memory from the second quarter to the last that counts as flat
SHORT_S = 600  # before that an allocator still collects its peaks, and
SHORT_KB = 16384  # is what it may have collected
TICK_S = 0.001


class Actor:
    """A process of soak_actors.py and the newest of its figures."""

    def __init__(self, role, daemon, seed):
        at = {"publish": daemon.publish, "ingest": daemon.ingest, "control_at": daemon.control_at, "seed": seed,
              "names": list(STREAMS), "rates": RATES, "rows": ROWS, "changes": CHANGES}
        self.role, self.figures, self.lines = role, {}, 0
        self.process = subprocess.Popen([sys.executable, str(c.HERE / "soak_actors.py"), role, json.dumps(at)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.figures = json.loads(line)
            self.lines += 1

    def tell(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def wait(self, timeout):
        self.process.wait(timeout)
        self.thread.join(5)

    def end(self, timeout=60):
        """Lets it come to its end; True if it did so by itself and well."""
        self.process.stdin.close()
        try:
            self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
        return self.process.returncode == 0


class Thread:
    """A thread of the daemon as the kernel sees it."""

    def __init__(self, pid, name):
        for task in Path(f"/proc/{pid}/task").iterdir():
            if (task / "comm").read_text().strip() == name:
                self.path = task / "schedstat"
                return
        raise h.Failed(f"there is no thread {name}")

    def times(self):
        """Seconds on a CPU, seconds ready to run and waiting for one."""
        on, waiting, _ = self.path.read_text().split()
        return int(on) / 1e9, int(waiting) / 1e9


def stolen():
    """Seconds that a hypervisor has taken from this machine's CPUs."""
    return int(Path("/proc/stat").read_text().split(None, 9)[8]) / os.sysconf("SC_CLK_TCK")


class Soak:
    def __init__(self, seconds, folder, seed):
        self.seconds, self.seed, self.folder = seconds, seed, folder
        self.log_path = folder / "figures.jsonl"
        self.samples, self.faults, self.notes = [], [], []
        config = {"clock": "wall", "dt": "1 ms", "send_queue": QUEUE, "state": {"dir": str(folder / "state"), "every": "2 s"},
                  "streams": list(STREAMS.values())}
        self.daemon = h.Daemon(config)

    def claim(self, text, holds, detail=""):
        line = f"{'ok   ' if holds else 'FAULT'} {text}{f': {detail}' if detail and not holds else ''}"
        self.say(line)
        if not holds:
            self.faults.append(text)

    def say(self, line=""):
        print(line, flush=True)
        with open(self.folder / "report.txt", "a") as report:
            report.write(line + "\n")

    # The run

    def run(self):
        with self.daemon as daemon:
            pid = daemon.process.pid
            self.hot, self.io = Thread(pid, "spiked-hot"), Thread(pid, "ZMQbg/IO/0")
            time.sleep(1)
            self.descriptors = c.descriptors(pid)
            self.witness = Actor("witness", daemon, self.seed)
            h.until("the witness sees every stream", self._witness_sees_all, 20)
            self.before = self._settled()
            self.witness.tell({name: s["ticks"] + s["skipped_ticks"] for name, s in self.before.items() if name in STREAMS})
            self.actors = {role: Actor(role, daemon, self.seed + i) for i, role in enumerate(
                ("machine", "sensors", "visitors", "garbage", "readers", "control"))}
            self._watch(pid)
            self._finish(daemon, pid)

    def _witness_sees_all(self):
        return self.witness.figures and all(s["tick"] >= 0 for s in self.witness.figures.values())

    def _settled(self):
        """The counters of all streams, read while none of them changes but by ticks in time, if there is such a moment."""
        before = {}
        for _ in range(500):
            now = self.daemon.control("stats", timeout=20)["streams"]
            if before and all(now[name][key] == before[name][key] for name in STREAMS for key in ("late_ticks", "skipped_ticks")):
                break
            before = now
        return now

    def _watch(self, pid):
        self.began = time.monotonic()
        with open(self.log_path, "w") as log:
            for second in range(1, int(self.seconds) + 1):
                time.sleep(max(0.0, self.began + second - time.monotonic()))
                sample = self._sample(pid)
                self.samples.append(sample)
                log.write(json.dumps(sample) + "\n")
                log.flush()
                if second % 60 == 0:
                    print(f"  {second} s: rss {sample['rss_kb']} kB, {sample['fds']} descriptors, late {sample['late']}, "
                          f"skipped {sample['skipped']}, frames {sample['frames']}", flush=True)
                dead = [role for role, actor in self.actors.items() if actor.process.poll() is not None]
                if dead or self.witness.process.poll() is not None:
                    raise h.Failed(f"ended too early: {dead or 'witness'}")

    def _sample(self, pid):
        began = time.monotonic()
        stats = self.daemon.control("stats", timeout=20)
        answered = time.monotonic() - began
        on, waiting = self.hot.times()
        io_on, io_waiting = self.io.times()
        streams, own = stats["streams"], stats["daemon"]["counters"]
        mine = [streams[name] for name in STREAMS]
        machine = self.actors["machine"].figures
        return {
            "t": round(time.monotonic() - self.began, 3), "rss_kb": c.memory(pid) // c.KB, "fds": c.descriptors(pid),
            "late": own["late_ticks"], "skipped": own["skipped_ticks"], "ticks": sum(s["ticks"] for s in mine),
            "frames": sum(s["frames"] for s in mine), "rows": sum(s["rows"] for s in mine),
            "rejected": sum(v for s in (own, *mine) for k, v in s.items() if k.startswith("rejected")),
            "saved": own["state_saved"], "answer_ms": round(1e3 * answered, 2), "hot_cpu_s": on, "hot_waits_s": waiting,
            "io_cpu_s": io_on, "io_waits_s": io_waiting, "lost": sum(s["lost"] for s in self.witness.figures.values()),
            "stolen_s": stolen(), "machine_late": machine.get("late", 0), "machine_worst_ms": machine.get("worst_ms", 0),
            "witness_tick": min(s["tick"] for s in self.witness.figures.values()),
        }

    def _finish(self, daemon, pid):
        self.ended_well = {role: actor.end() for role, actor in self.actors.items()}
        sent = self.actors["sensors"].figures
        for name, count in sent.items():
            h.until(f"{count} rows of {name} have arrived", lambda name=name, count=count: daemon.counters(name)["rows"]
                    >= self.before[name]["rows"] + count, 10)
        self.after = self._settled()
        self.witness.tell({name: s["ticks"] + s["skipped_ticks"] for name, s in self.after.items() if name in STREAMS})
        try:
            self.witness.wait(60)
        except subprocess.TimeoutExpired:
            self.faults.append("the witness did not get to the end")
            self.witness.process.kill()
        time.sleep(1)
        self.own = daemon.counters()
        try:
            c.back_to(daemon, self.descriptors, "at the end", 15)
        except h.Failed as failure:
            self.faults.append(str(failure))
        self.rss_end = c.memory(pid) // c.KB
        began = time.monotonic()
        daemon.stop()
        self.stop_s = time.monotonic() - began
        (self.folder / "daemon.log").write_text(daemon.log())

    # The report

    def judge(self):
        n = len(self.samples)
        self.say(f"soak of {n} s ({n / 3600:.2f} h), seed {self.seed}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
        self.say()
        self._gaps()
        self._rows_and_control()
        self._memory()
        self._lateness()
        self.say()
        self.say(f"{'FAULTS: ' + '; '.join(self.faults) if self.faults else 'no fault'}")
        return not self.faults

    def _gaps(self):
        for name, seen in self.witness.figures.items():
            counted = {k: self.after[name][k] - self.before[name][k] for k in ("ticks", "late_ticks", "skipped_ticks")}
            resets = self.actors["control"].figures["resets"][name]
            self.claim(f"{name}: {seen['frames']} frames, {seen['lost']} lost",
                       seen["lost"] == 0 and seen["wrong"] == 0 and abs(seen["frames"] - counted["ticks"]) <= 1, (seen, counted))
            self.claim(f"{name}: {seen['missing']} ticks are missing, {counted['skipped_ticks']} were counted as skipped; "
                       f"{seen['unflagged']} gaps without the flag or flags without a gap",
                       seen["missing"] == counted["skipped_ticks"] and not seen["unflagged"])
            self.claim(f"{name}: {seen['late']} flagged late, {counted['late_ticks']} counted",
                       abs(seen["late"] - counted["late_ticks"]) <= 1)
            # Two resets between two ticks are one flag; a window clears the state too, under its own flag.
            self.claim(f"{name}: {resets} resets asked for, {seen['resets']} ticks flagged reset",
                       0 <= resets - seen["resets"] <= 0.01 * resets + 1 or name == "latency")
        for a, b in zip(self.samples, self.samples[1:]):
            if b["lost"] > a["lost"]:
                self.say(f"      {b['lost'] - a['lost']} frames were lost about {b['t']:.0f} s; ZeroMQ's thread had "
                         f"{b['io_cpu_s'] - a['io_cpu_s']:.3f} s of CPU in that second and waited {b['io_waits_s'] - a['io_waits_s']:.3f} s for it")
        readers = self.actors["readers"].figures
        self.say(f"      others: {readers['stops']} subscribers stopped, {readers['kills']} of them killed; slow and "
                 f"stopped ones got {readers['messages']} messages and lost {readers['lost']}")
        self.claim("slow and stopped subscribers got no message in part", readers["broken"] == 0, readers)
        self.claim("every actor came to its end", all(self.ended_well.values()), self.ended_well)

    def _rows_and_control(self):
        for name, sent in self.actors["sensors"].figures.items():
            got = {k: self.after[name][k] - self.before[name][k] for k in ("rows", "seq_gaps", "seq_repeats", "seq_back")}
            self.claim(f"{name}: {sent} rows sent, {got['rows']} used",
                       got == {"rows": sent, "seq_gaps": 0, "seq_repeats": 0, "seq_back": 0}, got)
        control = self.actors["control"].figures
        self.claim(f"control: {control['asked']} requests, {control['answered']} answers, {control['errors']} errors, the "
                   f"slowest after {control['worst_ms']:.0f} ms", control["asked"] == control["answered"]
                   and control["errors"] == 0, control)
        garbage, visits = self.actors["garbage"].figures, self.actors["visitors"].figures
        rejected = self.samples[-1]["rejected"]
        self.claim(f"garbage: {garbage}; {rejected} messages rejected and counted", rejected > 0 and garbage["refused"] == 0)
        self.claim(f"visitors: {visits}", visits["refused"] == 0)
        self.say("      own counters: " + ", ".join(f"{k} {v}" for k, v in self.own.items() if v))
        self.claim("no note of the ticking loop was dropped, no send refused, no snapshot failed",
                   self.own["notes_dropped"] == self.own["send_errors"] == self.own["state_errors"] == 0)
        self.claim(f"stopped in {self.stop_s:.2f} s", self.stop_s < 5)

    def _memory(self):
        quarters = [self.samples[len(self.samples) * i // 4:len(self.samples) * (i + 1) // 4] for i in range(4)]
        rss = [(round(statistics.median(s["rss_kb"] for s in q)), max(s["rss_kb"] for s in q)) for q in quarters]
        fds = [(round(statistics.median(s["fds"] for s in q)), max(s["fds"] for s in q)) for q in quarters]
        later = [s for q in quarters[1:] for s in q]
        slope = statistics.linear_regression([s["t"] for s in later], [s["rss_kb"] for s in later]).slope * 3600
        fd_slope = statistics.linear_regression([s["t"] for s in later], [s["fds"] for s in later]).slope * 3600
        growth = rss[3][0] - rss[1][0]
        limit = GROWTH_KB if self.seconds >= SHORT_S else SHORT_KB
        self.claim(f"memory in the four quarters, median and most: {', '.join(f'{a} / {b}' for a, b in rss)} kB; the last "
                   f"median {growth:+d} kB against the second's (bound {limit}), slope {slope:+.0f} kB/h; "
                   f"{self.rss_end} kB when all had gone", growth < limit)
        self.claim(f"descriptors, median and most: {', '.join(f'{a} / {b}' for a, b in fds)}, slope {fd_slope:+.1f} per h; back "
                   f"to {self.descriptors} at the end", fds[3][0] <= fds[1][0] + 5 and not any(
                       "descriptors" in fault for fault in self.faults))

    def _lateness(self):
        """Is it this machine that was late, or the daemon? The machine, if in that second or its neighbours the thread was
        ready and got no CPU for half as long as it was behind (more than in the quiet seconds around), or a process that only
        waits was late too, or a hypervisor took time away. That is evidence, not proof: so is its absence."""
        pairs = list(zip(self.samples, self.samples[1:]))
        steps = [{k: b[k] - a[k] for k in ("late", "skipped", "hot_cpu_s", "hot_waits_s", "stolen_s", "machine_late")} for a, b in pairs]
        seconds, ticks, own = collections.Counter(), collections.Counter(), []
        for i, step in enumerate(steps):
            behind = (step["late"] + step["skipped"]) * TICK_S
            if not behind:
                continue
            near = steps[max(0, i - 1):i + 2]
            around = sorted(s["hot_waits_s"] for s in steps[max(0, i - 20):i + 21])
            quiet = around[len(around) // 10]
            if sum(max(0.0, s["hot_waits_s"] - quiet) for s in near) >= 0.5 * behind:
                cause = "ready, but got no CPU"
            elif any(s["machine_late"] for s in near):
                cause = "a process that only waits was late too"
            elif any(s["stolen_s"] for s in near):
                cause = "time was stolen by the hypervisor"
            else:
                cause = "the daemon, or unknown"
                own.append((self.samples[i + 1]["t"], step))
            seconds[cause] += 1
            ticks[cause] += step["late"] + step["skipped"]
        late, skipped = (self.samples[-1][k] - self.samples[0][k] for k in ("late", "skipped"))
        self.say(f"      late ticks {late}, skipped {skipped}, of all cadences; a process that only waits missed "
                 f"{self.samples[-1]['machine_late']} of its ms, by {max(s['machine_worst_ms'] for s in self.samples):.1f} ms at worst")
        for cause, count in seconds.most_common():
            self.say(f"      {ticks[cause]} of them in {count} s: {cause}")
        for at, step in own[:20]:
            self.say(f"        at {at:.0f} s: " + ", ".join(f"{k} {v:.4g}" for k, v in step.items()))
        lost = sum(step["skipped"] for _, step in own)
        self.claim(f"{lost} ticks were skipped for no reason that the machine gave", lost == 0)


def main():
    parser = argparse.ArgumentParser(prog="scripts/soak")
    parser.add_argument("hours", type=float)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    soak = Soak(max(LEAST_S, 3600 * options.hours), options.folder, c.SEED)
    try:
        soak.run()
    except h.Failed as failure:
        soak.say(f"FAULT {failure}")
        sys.exit(1)
    good = soak.judge()
    print(f"the report and a line of figures a second are in {options.folder}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
