"""Client of spiked, the daemon that turns sensor values into spikes.

    from spiked import Control, Sender, subscribe

    Sender().send("imu", [0.5, 2.0, 9.8])
    for frame in subscribe("spikes/imu/"):
        print(frame.tick, frame.lines)

and the same encoders without the daemon, over arrays:

    import spiked

    spikes = spiked.encode([{"lif": {"v_th": 1}}], values, dt=0.001)

SPDX-License-Identifier: Apache-2.0
"""
from .control import Control, ControlError, ControlTimeout
from .keys import Keys
from .offline import Decoder, Events, LibraryMissing, Pipeline, Run, decode, encode, events, library
from .receiver import Receiver, Silence, subscribe
from .sender import Blocked, Sender
from .wire import CONTROL, INGEST, PUBLISH, Bundle, Document, Flags, Frame, Rows, WireError

__version__ = "0.1.0"
__all__ = [
    "CONTROL", "INGEST", "PUBLISH", "Blocked", "Bundle", "Control", "ControlError", "ControlTimeout", "Decoder",
    "Document", "Events", "Flags", "Frame", "Keys", "LibraryMissing", "Pipeline", "Receiver", "Rows", "Run", "Sender",
    "Silence", "WireError", "decode", "encode", "events", "library", "subscribe",
]
