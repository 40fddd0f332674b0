"""A real-time priority for a program that must not be late, where this machine gives one.

SPDX-License-Identifier: Apache-2.0
"""
import os

PRIORITY = 40  # below spiked's own, see spiked.yaml


def ask():
    """Whether it was given. Threads that are made later have it too, so ask before there are sockets."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except OSError:
        return False
    return True
