"""Keys: what a client needs for a spiked with `security`, and why a connection does not come about.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import itertools
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional, Union

import zmq
from zmq.utils.monitor import recv_monitor_message

_count = itertools.count()
_KEY = re.compile(r'^(public|secret):\s*"([^"]{40})"', re.M)
_REFUSED = ("spiked does not let this key in here: it is not listed in security.clients, or has no right to this "
            "socket; connect anew once it is")
_MISMATCH = ("somebody is there, but they and this do not agree about keys: spiked uses keys and this does not (or "
             "the other way round), or the server key is another's")


@dataclass(frozen=True)
class Keys:
    """The daemon's public key, and a pair of one's own; each 40 characters."""

    server: str
    public: str
    secret: str = field(repr=False)

    @classmethod
    def load(cls, own: Union[str, os.PathLike], server: Union[str, os.PathLike]) -> "Keys":
        """From a file as `spikectl keygen` makes it. `server` is the daemon's public key, or a file with it."""
        mode = os.stat(own).st_mode
        if mode & (stat.S_IRWXO | stat.S_IWGRP):
            raise PermissionError(f"{own} may be read or changed by others: chmod 600")
        found = dict(_KEY.findall(Path(own).read_text()))
        secret = found.get("secret")
        if secret is None:
            raise ValueError(f'{own} has no line secret: "…" with a key of 40 characters')
        public = zmq.curve_public(secret.encode()).decode()
        if found.get("public", public) != public:
            raise ValueError(f"{own} is damaged: its public key does not belong to its secret one")
        if len(os.fspath(server)) != 40 or Path(server).exists():
            found = dict(_KEY.findall(Path(server).read_text()))
            if "public" not in found:
                raise ValueError(f'{server} has no line public: "…" with a key of 40 characters')
            server = found["public"]
        return cls(os.fspath(server), public, secret)

    def lock(self, socket: zmq.Socket) -> None:
        """Makes a socket use them; before it connects."""
        socket.curve_serverkey = self.server.encode()
        socket.curve_publickey = self.public.encode()
        socket.curve_secretkey = self.secret.encode()


class Watch:
    """Follows a socket's connection, to be able to say why there is none."""

    def __init__(self, socket: zmq.Socket) -> None:
        self._socket = socket
        endpoint = f"inproc://spiked-watch-{next(_count)}"
        socket.monitor(endpoint, zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH
                       | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL)
        self._monitor = socket.context.socket(zmq.PAIR)
        self._monitor.setsockopt(zmq.RCVHWM, 0)  # a full queue would stop ZeroMQ's own thread
        self._monitor.setsockopt(zmq.LINGER, 0)
        self._monitor.connect(endpoint)
        self._why: Optional[str] = None
        self._was_up = False

    def why(self) -> str:
        """A sentence with a blank before it, "" where nothing is known."""
        while self._monitor.poll(0):
            event = recv_monitor_message(self._monitor)["event"]
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._why, self._was_up = None, True
            elif event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                self._why = _REFUSED
            elif not self._was_up and self._why != _REFUSED:
                self._why = _MISMATCH
        return f": {self._why}" if self._why else ""

    def close(self) -> None:
        self._socket.monitor(None, 0)  # first: ZeroMQ waits for somebody to take its word
        self._monitor.close()
