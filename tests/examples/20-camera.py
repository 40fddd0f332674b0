#!/usr/bin/python3
"""The camera demo: every pixel's spike comes when the neuron's equation says, and the picture is got back.

SPDX-License-Identifier: Apache-2.0
"""
from examples import figure, h, np, saved_run

TAU_S, V_TH, DT_S, WINDOW = 0.010, 0.7, 0.0005, 64  # of examples/camera/spiked.yaml


def latencies(picture):
    """By the equation in docs/ENCODERS.md, in float32 as spiked computes."""
    x = ((picture.astype(np.float64) + 765) / 1020).astype(np.float32)
    v, first = np.zeros_like(x), np.full(x.shape, WINDOW)
    a = np.float32(DT_S / TAU_S)
    for tick in range(WINDOW):
        v = v + a * (x - v)
        first[(v > np.float32(V_TH)) & (first == WINDOW)] = tick
    return first


def pictures_come_back():
    text, kept = saved_run("camera", 3)
    h.claim("the demo says how far they are off", figure(text, r"off by +(\S+) of 255") <= 8)
    h.claim("some dozens of pictures were compared", figure(text, r"(\d+) made of spikes") > 30)
    wanted = latencies(kept["sent"])
    h.claim("every pixel spiked when its neuron reaches the threshold",
            (kept["latency"] == wanted).all(), np.argwhere(kept["latency"] != wanted)[:5].tolist())
    h.claim("there is light and shade in the picture", kept["sent"].std() > 20, kept["sent"].std())
    off = np.abs(kept["made"] - kept["sent"])
    h.claim("the picture that was made is the one that was sent", off.mean() < 8 and off.max() < 40, (off.mean(), off.max()))


h.main(pictures_come_back)
