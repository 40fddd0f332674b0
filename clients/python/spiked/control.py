"""Control: JSON-RPC 2.0 over a DEALER socket.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import itertools
import json
import math
import threading
import time
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import zmq

from . import wire
from .keys import Keys, Watch


class ControlError(Exception):
    """spiked refused a request: `message` says what to do, `path` names the parameter at fault."""

    def __init__(self, code: int, message: str, path: Optional[str] = None) -> None:
        super().__init__(f"{message} ({path})" if path else message)
        self.code = code
        self.message = message
        self.path = path


class ControlTimeout(TimeoutError):
    """No answer in time. With `sent` False spiked did not get the request; otherwise nobody knows whether it was
    carried out."""

    def __init__(self, message: str, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class Control:
    """Calls spiked's control socket. May be used by several threads; their calls wait in line.

    endpoint   the control socket
    timeout    seconds that a call waits for a connection and its answer. Requests are never kept for a spiked that
               is not there: nobody would wait for the answer any more
    keys       for a spiked with `security`, see Keys
    """

    def __init__(self, endpoint: str = wire.CONTROL, *, timeout: float = 5.0,
                 keys: Optional[Keys] = None, context: Optional[zmq.Context] = None) -> None:
        self.endpoint = endpoint
        self.timeout = timeout
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._socket = (context or zmq.Context.instance()).socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.IMMEDIATE, 1)
        if keys is not None:
            keys.lock(self._socket)
        self._watch = Watch(self._socket)
        self._socket.connect(endpoint)

    def call(self, method: str, params: Optional[Dict[str, Any]] = None, *,
             timeout: Optional[float] = None) -> Any:
        """The result of a method. Raises ControlError or ControlTimeout."""
        [result] = self.batch([(method, params)], timeout=timeout, single=True)
        if isinstance(result, ControlError):
            raise result
        return result

    def batch(self, calls: Sequence[Tuple[str, Optional[Dict[str, Any]]]], *,
              timeout: Optional[float] = None, single: bool = False) -> List[Union[Any, ControlError]]:
        """Several calls in one message: the results in order, a ControlError in place of a failed
        one. `single` sends the one call without a list around it."""
        with self._lock:
            requests = []
            for method, params in calls:
                request: Dict[str, Any] = {"jsonrpc": "2.0", "id": next(self._ids), "method": method}
                if params:
                    request["params"] = params
                requests.append(request)
            if not requests:
                return []
            text = json.dumps(requests[0] if single else requests, allow_nan=False).encode()
            limit = self.timeout if timeout is None else timeout
            end = time.monotonic() + limit
            self._send(text, limit, end)
            wanted = {request["id"] for request in requests}
            answers = self._answers(wanted, limit, end)
        return [answers[request["id"]] for request in requests]

    def _send(self, text: bytes, limit: float, end: float) -> None:
        while self._socket.poll(_ms_until(end), zmq.POLLOUT):
            try:
                return self._socket.send_multipart([b"", text], zmq.NOBLOCK)
            except zmq.Again:  # the connection ended since
                pass
        raise ControlTimeout(f"no connection to {self.endpoint} within {limit:g} s{self._watch.why()}", sent=False)

    def _answers(self, wanted: set, limit: float, end: float) -> Dict[int, Any]:
        got: Dict[int, Any] = {}
        while wanted - got.keys():
            if not self._socket.poll(_ms_until(end)):
                raise ControlTimeout(f"no answer from {self.endpoint} within {limit:g} s{self._watch.why()}", sent=True)
            document = json.loads(self._socket.recv_multipart()[-1])
            for answer in document if isinstance(document, list) else [document]:
                if answer.get("id") is None and "error" in answer:
                    raise _error(answer["error"])  # spiked could not read the message
                if answer.get("id") in wanted:  # others are late answers to calls that timed out
                    got[answer["id"]] = _error(answer["error"]) if "error" in answer else answer["result"]
        return got

    def info(self) -> Dict[str, Any]:
        """Version, epoch, clock, what realtime was granted, endpoints."""
        return self.call("info")

    def encoders(self) -> Any:
        """Every encoder with its parameters."""
        return self.call("encoders")

    def streams(self) -> List[Dict[str, Any]]:
        """Meta, counters and liveness of every stream."""
        return self.call("streams")

    def stream(self, name: str) -> Dict[str, Any]:
        """Meta, counters and liveness of one stream."""
        return self.call("stream", {"name": name})

    def add(self, stream: Dict[str, Any]) -> Any:
        """Adds a stream, described as in the configuration file."""
        return self.call("add", {"stream": stream})

    def remove(self, name: str) -> Any:
        return self.call("remove", {"name": name})

    def set(self, name: str, stage: Union[int, str], param: str, value: Any) -> Any:
        """Changes a parameter of a running stage, between two ticks."""
        return self.call("set", {"name": name, "stage": stage, "param": param, "value": value})

    def reset(self, name: str) -> Any:
        """Clears a stream's state; the result says from which tick on."""
        return self.call("reset", {"name": name})

    def step(self, ticks: int = 1, *, timeout: Optional[float] = None) -> Any:
        """Runs ticks (clock `manual` only); returns when they have run."""
        return self.call("step", {"ticks": ticks}, timeout=timeout)

    def stats(self) -> Dict[str, Any]:
        """All counters and histograms."""
        return self.call("stats")

    def close(self) -> None:
        self._watch.close()
        self._socket.close()

    def __enter__(self) -> "Control":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _ms_until(end: float) -> int:
    return max(0, math.ceil((end - time.monotonic()) * 1000))


def _error(error: Dict[str, Any]) -> ControlError:
    data = error.get("data")
    return ControlError(int(error.get("code", 0)), str(error.get("message", "")),
                        data.get("path") if isinstance(data, dict) else None)
