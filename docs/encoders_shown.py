"""What docs/encoders.py runs: which stage is shown on which signal, how it is drawn, and the comparison.

Every pipeline sees its signal mapped to 0..1. Times are in ticks of the signal, since one is sampled 160 times as
often as another: `{half}` is the rate of a spike every other tick, `{ticks20}` the time of twenty ticks.

SPDX-License-Identifier: Apache-2.0
"""
import re
import sys
from pathlib import Path
from typing import NamedTuple, Optional

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
for folder in (ROOT / "clients/python", ROOT / "tests/signals"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

import signals  # noqa: E402
import spiked  # noqa: E402

INPUT, DECODED, UP, DOWN = "#4477aa", "#ee7733", "#222222", "#cc3311"
SIGNED = "range: {lo: 0, hi: 1, signed: true}, "
SEED = 11


class Rows(NamedTuple):
    values: np.ndarray  # (rows, channels), 0..1
    rate: float         # rows a second
    what: str


class Shown(NamedTuple):
    pipeline: str
    signal: str = "ecg"
    window: int = 0
    before: Optional[str] = None  # pipeline without the stage, for stages between others
    compared: Optional[str] = None  # another pipeline for the comparison


def ecg(seconds=4.0, start=0.0):
    whole = signals.load("ecg")
    part = slice(int(start * whole.rate), int((start + seconds) * whole.rate))
    return Rows(whole.unit[part], whole.rate, "ECG")


def speech(seconds=None, start=0.0):
    whole = signals.load("speech")
    thirds = whole.counts[:len(whole.counts) // 3 * 3].reshape(-1, 3).mean(axis=1, keepdims=True)
    values, rate = np.clip(0.5 + thirds / 32768, 0, 1).astype(np.float32), whole.rate / 3
    stop = len(values) if seconds is None else int((start + seconds) * rate)
    return Rows(values[int(start * rate):stop], rate, "speech")


def load(seconds=60.0, start=0.0, channels=1):
    whole = signals.load("host")
    part = slice(int(start * whole.rate), int((start + seconds) * whole.rate))
    return Rows(whole.unit[part, :channels], whole.rate, "CPU load")


def slow(seconds=12.0, start=24.0, channels=1):
    """The load, twice a second: for encoders that take a window for a row."""
    whole = load(seconds, start, channels)
    return Rows(whole.values[::50], whole.rate / 50, whole.what)


SIGNALS = {
    "ecg": ecg,
    "vowel": lambda: speech(0.03, 0.225),
    "word": lambda: speech(0.27, 0.09),
    "load": lambda: load(24.0, 12.0),
    "slow": slow,
    "four": lambda: slow(6.0, 24.0, 4)._replace(what="four channels"),
    "spikes": lambda: ecg(1.0, 0.2),
}

SHOWN = {
    "range": Shown("[range: {lo: 0.2, hi: 0.8, signed: true}]"),
    "rectify": Shown("[" + SIGNED + "rectify: {}]", "vowel"),
    "diff": Shown("[diff: {}]"),
    "ewma": Shown("[ewma: {tau: 0.2}]"),
    "filterbank": Shown("[" + SIGNED + "filterbank: {bands: 8, f_lo: 100, f_hi: 6000}]", "word"),
    "population": Shown("[population: {out_features: 8, lo: 0, hi: 1}]", "load"),

    "step_forward": Shown("[step_forward: {theta: 0.05}]"),
    "send_on_delta": Shown("[send_on_delta: {theta: 0.05, payload: graded}]"),
    "derivative": Shown("[derivative: {theta: 0.03}]"),
    "tbr": Shown("[tbr: {factor: 1}]"),
    "moving_window": Shown("[moving_window: {w: 32, theta: 0.1}]"),
    "two_window": Shown("[two_window: {w: 3, theta: 0.05}]"),
    "predictive": Shown("[predictive: {tau: {ticks20}, theta: 0.1}]"),
    "threshold": Shown("[threshold: {theta: 0.6, hysteresis: 0.1, edge: both}]"),

    "lif": Shown("[lif: {v_th: 0.1, tau_mem: {ticks20}}]"),
    "lif_bipolar": Shown("[" + SIGNED + "lif_bipolar: {}]"),
    "if": Shown("[if: {f_max: {half}}]"),
    "adaptive_if": Shown("[adaptive_if: {rate: {fifth}, tau: 0.2}]"),
    "poisson": Shown("[poisson: {f_max: {half}}]"),
    "signed_poisson": Shown("[" + SIGNED + "signed_poisson: {f_max: {half}}]"),
    "renewal": Shown("[renewal: {f_max: {half}, kappa: 8}]"),

    "lif_latency": Shown("[lif_latency: {v_th: 0.05, tau_mem: {ticks20}}]", "slow", 32),
    "ttfs": Shown("[ttfs: {}]", "slow", 32),
    "phase_bits": Shown("[phase_bits: {bits: 8}]", "slow", 8),
    "phase": Shown("[phase: {}]", "slow", 32),
    "burst": Shown("[burst: {n_max: 5, t_max: 4}]", "slow", 32),
    "pwm": Shown("[pwm: {f: {twentieth}}]", "load"),
    "rank_order": Shown("[rank_order: {stride: 4}]", "four", 32),
    "grf_latency": Shown("[grf_latency: {out_features: 8}]", "slow", 32),
    "place": Shown("[place: {out_features: 8, on_change: true}]", "load"),

    "bsa": Shown("[bsa: {f: 12, cutoff: 0.2, theta: 0.9}]"),
    "hsa": Shown("[hsa: {f: 12, cutoff: 0.2}]"),
    "mhsa": Shown("[mhsa: {f: 12, cutoff: 0.2, theta: 0.05}]"),
    "asdm": Shown("[" + SIGNED + "asdm: {b: 2}]", "load"),
    "resonate": Shown("[" + SIGNED + "resonate: {lines: 8, f_lo: 100, f_hi: 3200, alpha: 0.02, theta: 2}]", "word",
                      compared="[" + SIGNED + "resonate: {period: 20}]"),

    "first_spike": Shown("[lif: {v_th: 0.05, tau_mem: {ticks20}}, first_spike: {}]", "slow", 32,
                         "[lif: {v_th: 0.05, tau_mem: {ticks20}}]"),
    "split": Shown("[step_forward: {theta: 0.05}, split: {}]", "spikes", 0, "[step_forward: {theta: 0.05}]"),
    "refractory": Shown("[if: {f_max: {half}}, refractory: {ticks: 5}]", "spikes", 0, "[if: {f_max: {half}}]"),
    "jitter": Shown("[if: {f_max: {fifth}}, jitter: {max: 8}]", "spikes", 0, "[if: {f_max: {fifth}}]"),
    "drop": Shown("[if: {f_max: {fifth}}, drop: {p: 0.3}]", "spikes", 0, "[if: {f_max: {fifth}}]"),
}


# What stands for a rate or a time in a pipeline: its formula and its value.
SCALED = {
    "{half}": ("0.5/dt", lambda dt: 0.5 / dt),
    "{fifth}": ("0.2/dt", lambda dt: 0.2 / dt),
    "{twentieth}": ("0.05/dt", lambda dt: 0.05 / dt),
    "{ticks20}": ("20 dt", lambda dt: 20 * dt),
}


def scaled(pipeline, dt):
    """The pipeline with numbers in it, as a reader can copy it."""
    for mark, (_, value) in SCALED.items():
        pipeline = pipeline.replace(mark, f"{value(dt):.6g}")
    return pipeline


def run(pipeline, rows, window):
    """(lines of ticks, decoded ticks or None, dt)"""
    ticks = max(1, window)
    dt = round(1e9 / rows.rate / ticks) / 1e9  # whole nanoseconds, as spiked has them
    pipeline = scaled(pipeline, dt)
    lines = np.asarray(spiked.encode(pipeline, rows.values, dt=dt, window=window, seed=SEED))
    try:
        back = np.asarray(spiked.decode(pipeline, lines, channels=rows.values.shape[1], dt=dt, window=window,
                                        smooth=25 * dt, first=rows.values[0]))
    except ValueError:  # what it gives does not tell what came in
        back = None
    if back is not None and back.shape != (len(rows.values) * ticks, rows.values.shape[1]):
        back = None
    return lines, back, dt


def held(rows, window):
    return np.repeat(rows.values, max(1, window), axis=0)


def best_delay(values, back, longest):
    """(error as a share of the signal's standard deviation, ticks) of the delay with the smallest one."""
    errors = []
    for late in range(longest + 1):
        apart = back[late:] - values[:len(values) - late]
        errors.append(np.sqrt(np.mean(np.square(apart[len(apart) // 50:], dtype=float))))
    late = int(np.argmin(errors))
    return errors[late] / values.std(), late


# Drawing

def broken(starts, low, high):
    """One line of many strokes: x and y with gaps."""
    x = np.repeat(starts, 3)
    y = np.tile([0.0, 0.0, np.nan], len(starts))
    y[0::3], y[1::3] = low, high
    return x, y


def raster(axes, lines, dt):
    """Spikes as strokes, one row a line; what they carry as their length."""
    lines = np.asarray(lines, float)
    ticks, which = np.nonzero(lines)
    value = lines[ticks, which]
    whole = np.max(np.abs(value), initial=1e-9)
    single = lines.shape[1] == 1
    for sign, colour in ((1, UP), (-1, DOWN)):
        mine = np.sign(value) == sign
        length = 0.25 + 0.55 * np.abs(value[mine]) / whole if len(set(np.abs(value))) > 1 else np.full(mine.sum(), 0.8)
        base = which[mine] if not single else np.zeros(mine.sum())
        up = base + (sign * length if single and (value < 0).any() else length)
        axes.plot(*broken(ticks[mine] * dt, base, up), color=colour, linewidth=0.8, solid_capstyle="butt")
    if single:
        axes.set_yticks([])
        axes.axhline(0, color="#bbbbbb", linewidth=0.5)
    else:
        axes.set_yticks(np.arange(lines.shape[1]) + 0.4, np.arange(lines.shape[1]), fontsize=6)
        axes.set_ylabel("line")


def stack(axes, lines, dt):
    """Values of several lines above each other."""
    height = np.abs(lines).max() or 1
    if lines.shape[1] == 1:
        at, short = thinned(lines[:, 0])
        axes.plot(at * dt, short, color=DECODED, linewidth=1)
        return
    for number, line in enumerate(lines.T):
        at, short = thinned(number + 0.9 * line / height, 4000 // lines.shape[1])
        axes.plot(at * dt, short, color=DECODED, linewidth=0.7)
    axes.set_yticks(np.arange(lines.shape[1]), np.arange(lines.shape[1]), fontsize=6)
    axes.set_ylabel("line")


def thinned(values, limit=900):
    """Extremes of equal pieces: what a line of that many points can show."""
    piece = -(-2 * len(values) // limit)
    if piece <= 2:
        return np.arange(len(values)), values
    whole = values[:len(values) // piece * piece].reshape(-1, piece)
    at = np.sort(np.stack([whole.argmin(axis=1), whole.argmax(axis=1)], axis=1), axis=1)
    at = (at + np.arange(len(whole))[:, None] * piece).ravel()
    return at, values[at]


def draw(name, path):
    """Makes the picture of one stage. Returns its bytes."""
    shown = SHOWN[name]
    rows = SIGNALS[shown.signal]()
    lines, back, dt = run(shown.pipeline, rows, shown.window)
    values = held(rows, shown.window)
    is_values = lines.dtype == np.float32 and np.count_nonzero(lines) > len(lines) // 2
    many = lines.shape[1] > 1
    before = None
    if shown.before:
        before, _, _ = run(shown.before, rows, shown.window)
    with plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 8, "axes.spines.top": False,
                         "axes.spines.right": False, "path.simplify_threshold": 0.3}):
        ratios = [2] + [0.5] * (before is not None) + [2 if many and not shown.before else 2 if is_values else 0.7]
        figure, axes = plt.subplots(len(ratios), 1, sharex=True, figsize=(6.4, 0.5 + 0.75 * sum(ratios)),
                                    gridspec_kw={"height_ratios": ratios}, layout="constrained")
        top, bottom = axes[0], axes[-1]
        for number, line in enumerate(values.T):
            at, short = thinned(line)
            top.plot(at * dt, short, color=INPUT, linewidth=1, alpha=1 - 0.2 * number,
                     drawstyle="steps-post" if shown.window else "default", label=rows.what if not number else None)
        if back is not None and not is_values and not shown.before:
            at, short = thinned(back[:, 0])
            top.plot(at * dt, short, color=DECODED, linewidth=0.9, label="decoded")
        top.set_ylabel(rows.what)
        top.set_ylim(*limits(values))
        top.legend(loc="upper right", fontsize=6, frameon=False, ncols=2)
        if before is not None:
            raster(axes[1], before, dt)
            axes[1].set_ylabel("before", rotation=0, ha="right", va="center")
            bottom.set_ylabel("after")
        if is_values:
            stack(bottom, lines, dt)
        else:
            raster(bottom, lines, dt)
        if shown.window:
            for each in axes:
                for start in np.arange(len(rows.values) + 1) / rows.rate:
                    each.axvline(start, color="#dddddd", linewidth=0.5, zorder=0)
        if before is not None:
            bottom.set_ylabel("after", rotation=0, ha="right", va="center")
        bottom.set_xlabel("s")
        bottom.set_xlim(0, len(values) * dt)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None}, facecolor="white")
        plt.close(figure)
    return shrink(path)


def limits(values):
    low, high = values.min(), values.max()
    room = 0.08 * (high - low) or 0.5
    return low - room, high + 2.5 * room


def shrink(path):
    """Drops what nobody sees: digits past a hundredth of a point, empty lines."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r' (?:d|transform|x|y)="[^"]*"', lambda match: re.sub(r"(\.\d\d)\d+", r"\1", match[0]), text)
    text = re.sub(r" *\n", "\n", text)
    path.write_text(text, encoding="utf-8")
    return len(text.encode())


# The comparison

COMPARED = {"ECG": lambda: ecg(60.0), "speech": speech, "CPU load": load}


def compare(stages):
    """A table: spikes a second and error of each encoder on each signal."""
    heads = [f"{name}: spikes/s | error, delay" for name in COMPARED]
    out = [f"| stage | settings | {' | '.join(heads)} |", "|---|---|" + "---:|---:|" * len(COMPARED)]
    rows = {name: make() for name, make in COMPARED.items()}
    for name, shown in SHOWN.items():
        stage, cells, dts = stages[name], [], []
        if "values" not in stage["in"] or stage["out"] == "values":
            continue
        pipeline = shown.compared or shown.pipeline
        for signal in rows.values():
            part = signal
            if name == "rank_order":
                part = signal._replace(values=signal.values[:len(signal.values) // 4 * 4].reshape(-1, 4))
            lines, back, dt = run(pipeline, part, shown.window)
            dts.append(dt)
            rate = np.abs(lines).sum() if lines.dtype != np.float32 else np.count_nonzero(lines)
            cells.append(f"{rate / (len(lines) * dt):,.0f}".replace(",", " "))
            if back is None:
                cells.append("")
                continue
            error, late = best_delay(held(part, shown.window), back, max(2 * shown.window, 64))
            cells.append(f"{percent(error)}, {text_of(late * dt)}")
        out.append(f"| [`{name}`](#{name}) | {settings(pipeline, name, dts[0])} | " + " | ".join(cells) + " |")
    return "\n".join(out)


def settings(pipeline, name, dt):
    """What stands between the braces behind the stage's name, and how what depends on dt does."""
    text = re.search(name + r": \{(.*)\}\]$", pipeline)[1]
    formulas = [formula for mark, (formula, _) in SCALED.items() if mark in text]
    return " ".join([f"`{scaled(text, dt)}`" if text else "", *(f"({each})" for each in formulas)]).strip()


def percent(share):
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def text_of(seconds):
    if not seconds:
        return "0"
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} µs"
