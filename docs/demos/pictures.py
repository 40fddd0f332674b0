#!/usr/bin/python3
"""Makes the pictures of the demos' pages: runs each demo for a while and draws what it saved.

  docs/demos/pictures.py [NAME...]     needs Debian's python3-matplotlib beside what the demos need

SPDX-License-Identifier: Apache-2.0
"""
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import MultipleLocator  # noqa: E402

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
INPUT, DECODED, SPIKE, DOWN = "#4477aa", "#ee7733", "#222222", "#cc3311"
STYLE = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 9,
         "axes.titlelocation": "left", "figure.facecolor": "white"}
RUNS = {"speech": 4, "cartpole": 9, "camera": 5.2, "host": 6.5}


def strokes(axes, x, line, colour=SPIKE, height=0.8, width=0.7):
    axes.vlines(x, line - height / 2, line + height / 2, color=colour, linewidth=width)


def speech(kept):
    dt, levels, spikes, centres = float(kept["dt"]), kept["levels"], kept["spikes"], kept["centres"]
    stop = min(len(levels), round(1.6 / dt))
    figure, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(8, 5.6), layout="constrained")
    bands = np.arange(len(centres))
    top.imshow(levels[:stop].T, origin="lower", aspect="auto", cmap="magma", vmin=-75, vmax=-20,
               extent=(0, stop * dt, -0.5, len(centres) - 0.5))
    top.set_title("what went in: the level in 64 gammatone bands, a row a millisecond")
    ticks, lines = np.nonzero(spikes[:stop])
    strokes(bottom, ticks * dt, lines, width=0.5, height=0.9)
    bottom.set_title(f"what came back: {len(ticks)} spikes of 64 leaky neurons")
    for axes in (top, bottom):
        marks = [100, 250, 500, 1000, 2000, 4000]
        axes.set_yticks(np.interp(marks, centres, bands), marks)
        axes.set_ylabel("Hz")
    bottom.set(xlabel="s", xlim=(0, stop * dt), ylim=(-0.5, len(centres) - 0.5))
    return figure


def cartpole(kept):
    states, spikes, pools, cut = kept["states"], kept["spikes"], kept["pools"], int(kept["cut_step"]) / 1000
    t, names = states[:, 6] / 1000, ("position", "velocity", "angle", "rate")
    figure, axes = plt.subplots(4, 1, sharex=True, figsize=(8, 7.4), layout="constrained",
                                gridspec_kw={"height_ratios": [1, 1, 2.4, 0.9]})
    axes[0].plot(t, np.degrees(states[:, 2]), color=INPUT)
    axes[0].set(ylabel="angle, °", ylim=(-14, 14))
    axes[0].set_title("the pole; triangles are pushes")
    for when, push in states[states[:, 5] != 0][:, [6, 5]]:
        axes[0].plot(when / 1000, -11, marker=">" if push > 0 else "<", color=DOWN, markersize=6)
    axes[1].plot(t, states[:, 4], color=DECODED)
    axes[1].set(ylabel="N", ylim=(-17, 17))
    axes[1].set_title("the force that the spiking controller asks for")
    # The first spikes of the stream are those of the plant's first row.
    strokes(axes[2], (spikes[:, 0] - spikes[0, 0]) / 1000, spikes[:, 1], width=0.35, height=0.9)
    axes[2].set_yticks([7.5, 23.5, 39.5, 55.5], names)
    for edge in (15.5, 31.5, 47.5):
        axes[2].axhline(edge, color="#aaaaaa", linewidth=0.6)
    axes[2].set(ylim=(-0.5, 63.5))
    axes[2].set_title("spikes of spiked's 4 x 16 lines: a number is where it spikes")
    smooth = np.ones(50) / 50
    for which, (name, colour) in enumerate((("right", INPUT), ("left", DECODED)), 1):
        rate = np.convolve(pools[:, which], smooth, "same") * 10  # Hz, of each of 100 neurons
        axes[3].plot((pools[:, 0] - spikes[0, 0]) / 1000, rate, color=colour, label=name, linewidth=1)
    axes[3].set(ylabel="Hz", xlabel="s", xlim=(0, t[-1]), ylim=(0, 90))
    axes[3].legend(loc="upper left", ncols=2, frameon=False, fontsize=8)
    axes[3].set_title("the controller's own neurons, two pools of 100")
    for each in axes:
        each.axvspan(cut, t[-1], color="#cc331118", linewidth=0)
    axes[0].text(cut + 0.02, 12, "no spikes", color=DOWN, va="top", fontsize=8)
    return figure


def camera(kept):
    sent, latency, made, tick = kept["sent"], kept["latency"] * float(kept["tick_ms"]), kept["made"], float(kept["tick_ms"])
    figure, axes = plt.subplots(2, 3, figsize=(9, 4.6), layout="constrained")
    panels = (("sent", sent, "gray", 0, 255), ("when each pixel spiked, ms", latency, "viridis", latency.min(), 32),
              ("made of the spikes", made, "gray", 0, 255))
    for each, (title, picture, colours, low, high) in zip(axes[0], panels):
        image = each.imshow(picture, cmap=colours, vmin=low, vmax=high)
        each.set(title=title, xticks=[], yticks=[])
        each.spines[:].set_visible(False)
        figure.colorbar(image, ax=each, shrink=0.7)
    order = np.sort(latency.ravel())
    axes[1, 0].plot(order, np.arange(1, order.size + 1) / order.size * 100, color=SPIKE, drawstyle="steps-post")
    axes[1, 0].set(xlabel="ms since the window began", ylabel="% of the pixels", xlim=(0, 32), ylim=(0, 100))
    axes[1, 0].set_title("how much has been told when")
    levels = sent.ravel()
    axes[1, 1].plot(levels, latency.ravel(), ".", color=SPIKE, markersize=2)
    axes[1, 1].set(xlabel="grey level", ylabel="ms", xlim=(0, 255), ylim=(0, 32))
    axes[1, 1].set_title(f"the code: a tick is {tick:g} ms")
    axes[1, 2].plot(levels, made.ravel() - levels, ".", color=DECODED, markersize=2)
    axes[1, 2].axhline(0, color="#aaaaaa", linewidth=0.6)
    axes[1, 2].set(xlabel="grey level", ylabel="made - sent", xlim=(0, 255))
    axes[1, 2].set_title(f"off by {np.abs(made - sent).mean():.1f} of 255 on average")
    return figure


def host(kept):
    dt, names, measured = float(kept["dt"]), kept["names"].tolist(), kept["measured"]
    shown = [name for name in ("cpu0", "cpu1", "net_in", "disk") if name in names]
    streams = [key[len("spikes_"):] for key in kept if key.startswith("spikes_")]
    figure, axes = plt.subplots(len(streams) + 1, len(shown), sharex=True, figsize=(9, 5.4), layout="constrained",
                                gridspec_kw={"height_ratios": [2.4, *[0.7] * len(streams)]})
    t = np.arange(len(measured)) * dt
    for column, name in enumerate(shown):
        index = names.index(name)
        top = axes[0, column]
        top.plot(t, measured[:, index], color=INPUT, linewidth=1.2, label="measured")
        known = np.flatnonzero(~np.isnan(measured[:, index]))
        steps = kept["spikes_steps"][:, index].astype(float)
        steps[:known[0]] = 0
        top.plot(t[known], (measured[known[0], index] + 0.05 * np.cumsum(steps))[known], color=DECODED, linewidth=0.8,
                 label="of steps")
        top.set(title=name, ylim=(-0.05, 1.05))
        for row, stream in enumerate(streams, 1):
            values = kept[f"spikes_{stream}"][:, index].astype(float)
            height = 0.9 * np.minimum(1, np.abs(values) / max(1e-9, np.percentile(np.abs(values[values != 0]), 90))
                                      if (values != 0).any() else values)
            for sign, colour in ((1, SPIKE), (-1, DOWN)):
                mine = np.sign(values) == sign
                axes[row, column].vlines(t[mine], 0, sign * height[mine], color=colour, linewidth=0.6)
            axes[row, column].axhline(0, color="#bbbbbb", linewidth=0.5)
            axes[row, column].set(ylim=(-1.05, 1.05) if (values < 0).any() else (-0.1, 1.05), yticks=[])
            if not column:
                axes[row, column].set_ylabel(stream, rotation=0, ha="right", va="center")
        axes[-1, column].set(xlabel="s", xlim=(0, t[-1]))
        axes[-1, column].xaxis.set_major_locator(MultipleLocator(1))
    axes[0, len(shown) // 2].legend(frameon=False, fontsize=8, loc="lower left")
    return figure


def main():
    for name in sys.argv[1:] or RUNS:
        with tempfile.TemporaryDirectory() as folder:
            saved = Path(folder) / "run.npz"
            subprocess.run([ROOT / "examples" / name / "run", "--seconds", str(RUNS[name]), "--save", saved], check=True,
                           stdout=sys.stderr)
            with np.load(saved) as kept, plt.rc_context(STYLE):
                figure = globals()[name](dict(kept))
                figure.savefig(HERE / f"{name}.png", dpi=110, metadata={"Software": None})
        print(f"docs/demos/{name}.png: {(HERE / f'{name}.png').stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
