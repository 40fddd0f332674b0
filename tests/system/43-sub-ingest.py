#!/usr/bin/python3
"""Rows from somebody else's PUB socket: topics, prefixes, single frames.

SPDX-License-Identifier: Apache-2.0
"""
import struct

import zmq

import harness as h


class Publisher:
    """An XPUB, so that it is known when the daemon has subscribed."""

    def __init__(self, context):
        self.socket = context.socket(zmq.XPUB)
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.endpoint = f"tcp://127.0.0.1:{port}"

    def wait(self):
        if not self.socket.poll(int(5000 * h.SLOW)):
            raise h.Failed("the daemon did not subscribe")
        return self.socket.recv()

    def send(self, *frames):
        self.socket.send_multipart(list(frames))


def run(ingest, streams, talk):
    """`ingest` makes the ingest list from a publisher's endpoint."""
    context = zmq.Context()
    try:
        publisher = Publisher(context)
        [port] = h.free_ports(1)
        config = {"clock": "data", "streams": streams,
                  "ingest": [f"tcp://127.0.0.1:{port}", {"connect": publisher.endpoint, **ingest}]}
        with h.Daemon(config) as daemon:
            subscribed = publisher.wait()
            talk(daemon, publisher, subscribed)
    finally:
        context.destroy(0)


def pack(*numbers):
    return struct.pack(f"<{len(numbers)}f", *numbers)


def a_topic_maps_to_a_stream():
    def talk(daemon, publisher, subscribed):
        sub = daemon.sub("values/imu/")
        h.equal("it subscribes to the topic", subscribed, b"\x01robot/imu")
        publisher.send(b"robot/imu", pack(1, 2))
        publisher.send(b"robot/other", pack(9, 9))
        publisher.send(b"robot/imu/left", pack(3, 4), struct.pack("<qQ", 777, 1))
        messages = sub.take(2)
        h.equal("the topic is a prefix; frame 1 is not the stream's name",
                [h.floats(m[2]) for m in messages], [[1, 2], [3, 4]])
        h.equal("a stamp is a stamp", messages[1][1]["source_ns"], 777)
        publisher.send(b"robot/imu", pack(1, 2, 3))
        daemon.wait_counter("rejected_length", 1, "imu")
        h.claim("a payload of the wrong length is counted", True)
    run({"topic": "robot/imu", "stream": "imu"}, [h.stream("imu", 2)], talk)


def without_a_stream_the_first_frame_names_it():
    def talk(daemon, publisher, subscribed):
        h.equal("it subscribes to everything", subscribed, b"\x01")
        sub = daemon.sub("values/")
        publisher.send(b"a", pack(1))
        publisher.send(b"nobody", pack(1))
        publisher.send(b"b", pack(2))
        h.equal("each goes to its stream", [(m[0], h.floats(m[2])) for m in sub.take(2)],
                [("values/a/", [1]), ("values/b/", [2])])
        daemon.wait_counter("rejected_unknown_stream", 1)
        h.claim("an unknown stream is counted", True)
    run({}, [h.stream("a", 1), h.stream("b", 1)], talk)


def a_single_frame_is_the_payload():
    def talk(daemon, publisher, subscribed):
        sub = daemon.sub("values/s/")
        publisher.send(b"[1, 2, 3]")
        h.equal("empty topic, configured stream", h.floats(sub.recv()[2]), [1, 2, 3])
        publisher.send(b"any/topic", b"[4, 5, 6]")
        h.equal("with a topic it is as ever", h.floats(sub.recv()[2]), [4, 5, 6])
    run({"stream": "s"}, [h.stream("s", 3, input={"type": "json"})], talk)


def a_publisher_may_come_later():
    context = zmq.Context()
    [port, other] = h.free_ports(2)
    config = {"clock": "data", "streams": [h.stream("s", 1)],
              "ingest": [f"tcp://127.0.0.1:{other}", {"connect": f"tcp://127.0.0.1:{port}", "stream": "s"}]}
    try:
        with h.Daemon(config) as daemon:
            sub = daemon.sub("values/s/")
            for number in range(2):
                socket = context.socket(zmq.XPUB)
                h.until("the port is free", lambda: bound(socket, port))
                h.until("the daemon subscribes", lambda: socket.poll(10), 10)
                socket.send_multipart([b"t", pack(number)])
                h.equal("it is heard" + (" after a restart" if number else ""), h.floats(sub.recv()[2]), [number])
                socket.close(0)
    finally:
        context.destroy(0)


def bound(socket, port):
    try:
        socket.bind(f"tcp://127.0.0.1:{port}")
        return True
    except zmq.ZMQError:
        return False


h.main(a_topic_maps_to_a_stream, without_a_stream_the_first_frame_names_it, a_single_frame_is_the_payload,
       a_publisher_may_come_later)
