#!/usr/bin/python3
"""The cart-pole demo: the pole stands as long as spikes tell where it is, and not a second longer.

SPDX-License-Identifier: Apache-2.0
"""
from examples import Demo, endpoint, figure, h, np, saved_run

from spiked import Control


def it_stands_by_spikes_alone():
    text, kept = saved_run("cartpole", 6.5)
    h.claim("it stood for seconds", figure(text, r"stood +(\S+) s") >= 1.5)
    h.claim("without spikes it fell", figure(text, r"without spikes it fell after (\S+) s") < 2)
    h.claim("the loop is quick", figure(text, r"loop +(\S+) ms") < 10)
    states, cut = kept["states"], int(kept["cut_step"])
    standing = np.abs(states[states[:, 6] < cut, 2])
    pushes = np.abs(states[states[:, 6] < cut, 5]).sum()
    h.claim("it was pushed meanwhile", pushes >= 1, pushes)
    h.claim("it never leant by more than 20 degrees until the spikes were cut off", standing.max() < np.radians(20), standing.max())
    h.claim("both pools of neurons worked", (kept["pools"][:, 1:].sum(axis=0) > 100).all(), kept["pools"].sum(axis=0))


def where_spikes_are_few_it_falls_and_the_demo_says_so():
    demo = Demo("cartpole", "--seconds", 20)
    with Control(endpoint(demo.config(), "control")) as control:
        demo.read_until(r"^ +\d+\.\d\|.*#.*#.*#")
        control.set("pole", "if", "f_max", 1)
    h.claim("the fall is told", "the pole fell though" in demo.ended(1))


def it_ends_by_ctrl_c():
    demo = Demo("cartpole")
    demo.read_until(r"^ +\d+\.\d\|.*#.*#.*#")
    demo.interrupt()
    h.claim("and leaves no process behind", not demo.left(), demo.left())


h.main(it_stands_by_spikes_alone, it_ends_by_ctrl_c, where_spikes_are_few_it_falls_and_the_demo_says_so)
