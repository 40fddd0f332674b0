"""Client of spiked, the daemon that turns sensor values into spikes.

    from spiked import Control, Sender, subscribe

    Sender().send("imu", [0.5, 2.0, 9.8])
    for frame in subscribe("spikes/imu/"):
        print(frame.tick, frame.lines)

SPDX-License-Identifier: Apache-2.0
"""
from .control import Control, ControlError, ControlTimeout
from .receiver import Receiver, Silence, subscribe
from .sender import Blocked, Sender
from .wire import CONTROL, INGEST, PUBLISH, Bundle, Document, Flags, Frame, WireError, decode

__version__ = "0.1.0"
__all__ = [
    "CONTROL", "INGEST", "PUBLISH", "Blocked", "Bundle", "Control", "ControlError", "ControlTimeout",
    "Document", "Flags", "Frame", "Receiver", "Sender", "Silence", "WireError", "decode", "subscribe",
]
