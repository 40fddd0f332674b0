"""Frames out: a subscriber's side.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import time
from typing import Dict, Iterator, Optional, Tuple, Union

import zmq

from . import wire
from .keys import Keys, Watch


class Silence(TimeoutError):
    """Nothing arrived for `seconds`: no tick, no route, no spiked, or a topic that does not exist."""

    def __init__(self, endpoint: str, seconds: float, why: str = "") -> None:
        super().__init__(f"nothing from {endpoint} for {seconds:g} s{why}")
        self.endpoint = endpoint
        self.seconds = seconds


class Receiver:
    """Subscribes to topics and gives their messages as objects; iterate over it, or call recv().

    topics      "spikes/imu/", "meta/" … A topic is a prefix; end a whole one with "/".
    timeout     seconds without a message after which Silence is raised; None = wait for ever
    silence     "raise", or "yield": the iteration gives the Silence as an item and goes on
    queue       messages that may wait for this program; what comes on top is lost and shows as `missed`
    decode      frames of spikes/ and bundle/ get `decoded`: the values that the spikes stand for, or None
                and why in `undecoded`. Needs libspiked-encoders (LibraryMissing without it)
    smooth      seconds over which rates are averaged for that; 0 = ten ticks
    keys        for a spiked with `security`, see Keys

    ZeroMQ reconnects by itself. Every message says what got lost before it: `missed` from seq,
    `gap` from tick, `restarted` from epoch. Messages that break the protocol are skipped and
    counted in `malformed`. One thread only.
    """

    def __init__(self, *topics: str, endpoint: str = wire.PUBLISH, timeout: Optional[float] = None,
                 silence: str = "raise", queue: int = 10000, decode: bool = False, smooth: float = 0.0,
                 keys: Optional[Keys] = None, context: Optional[zmq.Context] = None) -> None:
        if silence not in ("raise", "yield"):
            raise ValueError("silence is 'raise' or 'yield'")
        self.endpoint = endpoint
        self.timeout = timeout
        self.malformed = 0
        self.last_error: Optional[wire.WireError] = None
        self.missed = 0  #: sum over all messages so far
        self._silence = silence
        self._last: Dict[str, Tuple[int, int, int]] = {}
        self._decoding = None
        if decode:
            from .live import Decoding
            self._decoding = Decoding(smooth, self._subscribe, self._unsubscribe)
        self._socket = (context or zmq.Context.instance()).socket(zmq.SUB)
        self._socket.setsockopt(zmq.RCVHWM, queue)
        self._socket.setsockopt(zmq.SNDHWM, 0)  # or subscriptions beyond 1000 get lost
        self._socket.setsockopt(zmq.LINGER, 0)
        if keys is not None:
            keys.lock(self._socket)
        self._watch = Watch(self._socket)
        self._socket.connect(endpoint)
        for topic in topics:
            self.subscribe(topic)

    def subscribe(self, topic: str) -> None:
        if self._decoding is not None:
            self._decoding.subscribed(topic)
        self._subscribe(topic)

    def _subscribe(self, topic: str) -> None:
        self._socket.setsockopt(zmq.SUBSCRIBE, topic.encode())

    def unsubscribe(self, topic: str) -> None:
        """Ends a subscription. The topics' counts are forgotten: a later subscription starts anew."""
        self._unsubscribe(topic)
        if self._decoding is not None:
            self._decoding.unsubscribed(topic)

    def _unsubscribe(self, topic: str) -> None:
        self._socket.setsockopt(zmq.UNSUBSCRIBE, topic.encode())
        for known in [known for known in self._last if known.startswith(topic)]:
            del self._last[known]

    def recv(self, timeout: Optional[float] = None) -> wire.Message:
        """The next message. Raises Silence after `timeout` (or the receiver's own) seconds."""
        limit = self.timeout if timeout is None else timeout
        end = None if limit is None else time.monotonic() + limit
        while True:
            left = None if end is None else max(0, int((end - time.monotonic()) * 1000))
            if not self._socket.poll(left):
                raise Silence(self.endpoint, limit or 0, self._watch.why())
            frames = self._socket.recv_multipart()
            try:
                message = wire.decode(frames)
            except wire.WireError as error:
                self.malformed += 1
                self.last_error = error
                continue
            self._account(message)
            if self._decoding is not None:
                self._decoding.see(message)
                if self._decoding.is_ours(message.topic):
                    continue
            return message

    def decoded_stage(self, stream: str) -> Optional[int]:
        """The stage of the pipeline whose input `decoded` is: 0 = what the sensor sent. None while
        that is not known, and for a pipeline that cannot be decoded."""
        return None if self._decoding is None else self._decoding.stage(stream)

    def _account(self, message: wire.Message) -> None:
        if isinstance(message, wire.Document):
            if message.kind != "json":
                return
            try:
                now = int(message.data["epoch"], 16), int(message.data["seq"]), int(message.data["tick"])
            except (KeyError, TypeError, ValueError):
                return
        else:
            frame = message.parts[0] if isinstance(message, wire.Bundle) else message
            now = frame.epoch, frame.seq, frame.tick
        last = self._last.get(message.topic)
        self._last[message.topic] = now
        if last is None:
            return
        if last[0] != now[0]:
            message.restarted = True
            return
        message.missed = max(0, now[1] - last[1] - 1)
        message.gap = max(0, now[2] - last[2] - 1)
        self.missed += message.missed

    def __iter__(self) -> Iterator[Union[wire.Message, Silence]]:
        while True:
            try:
                message: Union[wire.Message, Silence] = self.recv()
            except Silence as silence:
                if self._silence == "raise":
                    raise
                message = silence
            yield message

    @property
    def socket(self) -> zmq.Socket:
        """The SUB socket, to poll it together with others."""
        return self._socket

    def close(self) -> None:
        self._watch.close()
        self._socket.close()

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def subscribe(*topics: str, endpoint: str = wire.PUBLISH, timeout: Optional[float] = None,
              decode: bool = False, keys: Optional[Keys] = None) -> Iterator[wire.Message]:
    """The messages of these topics, for ever: `for frame in subscribe("spikes/imu/"): …`."""
    with Receiver(*topics, endpoint=endpoint, timeout=timeout, decode=decode, keys=keys) as receiver:
        while True:
            yield receiver.recv()
