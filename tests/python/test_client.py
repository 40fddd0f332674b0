"""The Python client against a peer made of plain sockets: losses, restarts, silence, control.

SPDX-License-Identifier: Apache-2.0
"""
import json
import socket
import struct
import threading
import time
import unittest

import numpy as np
import zmq

import support  # noqa: F401  (puts the package on the path)

from spiked import (Blocked, Control, ControlError, ControlTimeout, Receiver, Sender, Silence, subscribe)


def message(topic, tick, seq, epoch=1, lines=8, words=()):
    header = struct.pack("<4sBBHQQQqqIIII", b"SPK1", 1, 1, 0, epoch, tick, seq, 0, 0, 1000, lines, len(words), 0)
    return [topic, header, struct.pack(f"<{len(words)}I", *words)]


class Peer(unittest.TestCase):
    def setUp(self):
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)

    def bound(self, kind):
        socket = self.context.socket(kind)
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        return socket, f"tcp://127.0.0.1:{port}"


class Receiving(Peer):
    def setUp(self):
        super().setUp()
        self.pub, self.endpoint = self.bound(zmq.XPUB)

    def receiver(self, *topics, **options):
        receiver = Receiver(*topics, endpoint=self.endpoint, context=self.context, **options)
        self.addCleanup(receiver.close)
        for _ in topics:
            self.assertTrue(self.pub.poll(5000))
            self.pub.recv()
        return receiver

    def send(self, *frames):
        self.pub.send_multipart(list(frames))

    def test_losses_restarts_and_gaps_are_told_per_topic(self):
        receiver = self.receiver("spikes/", timeout=5)
        a, b = b"spikes/a/", b"spikes/b/"
        self.send(*message(a, 10, 5))
        self.send(*message(b, 3, 0))
        self.send(*message(a, 11, 6))
        self.send(*message(a, 14, 9))     # two lost
        self.send(*message(a, 20, 10))    # five ticks skipped, nothing lost
        self.send(*message(a, 0, 0, epoch=2))
        self.send(*message(b, 4, 1))
        got = [receiver.recv() for _ in range(7)]
        self.assertEqual([(f.stream, f.missed, f.gap, f.restarted) for f in got], [
            ("a", 0, 0, False), ("b", 0, 0, False), ("a", 0, 0, False), ("a", 2, 2, False),
            ("a", 0, 5, False), ("a", 0, 0, True), ("b", 0, 0, False)])
        self.assertEqual(receiver.missed, 2)

    def test_bundles_and_json_topics_are_watched_too(self):
        receiver = self.receiver("", timeout=5)
        for tick, seq in ((1, 1), (2, 4)):
            topic, *part = message(b"bundle/body/", tick, seq)
            self.send(topic, *part, *part)
            self.send(b"json/a/", json.dumps(
                {"stream": "a", "epoch": "0000000000000001", "tick": tick, "seq": seq}).encode())
        got = [receiver.recv() for _ in range(4)]
        self.assertEqual([m.missed for m in got], [0, 0, 2, 2])
        self.assertEqual(list(got[0].named(["x", "y"])), ["x", "y"])
        with self.assertRaises(ValueError):
            got[0].named(["x"])

    def test_silence_is_raised_or_yielded(self):
        receiver = self.receiver("spikes/a/", timeout=0.05)
        with self.assertRaises(Silence):
            next(iter(receiver))
        receiver = self.receiver("spikes/b/", timeout=0.05, silence="yield")
        items = iter(receiver)
        self.assertIsInstance(next(items), Silence)
        self.send(*message(b"spikes/b/", 1, 1))
        self.assertEqual(next(items).tick, 1)

    def test_malformed_messages_are_skipped_and_counted(self):
        receiver = self.receiver("spikes/a/", timeout=5)
        self.send(b"spikes/a/", b"short", b"")
        self.send(b"spikes/a/")
        self.send(*message(b"spikes/a/", 1, 1, words=[3, 0x80000004]))
        frame = receiver.recv()
        self.assertEqual((receiver.malformed, frame.lines.tolist(), frame.signs.tolist()), (2, [3, 4], [1, -1]))

    def test_it_reconnects_by_itself(self):
        receiver = self.receiver("spikes/a/", timeout=10)
        self.send(*message(b"spikes/a/", 1, 1))
        receiver.recv()
        self.pub.close(0)
        self.pub = self.context.socket(zmq.XPUB)
        deadline = time.monotonic() + 5
        while True:
            try:
                self.pub.bind(self.endpoint)
                break
            except zmq.ZMQError:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.01)
        # A SUB socket subscribes again when the program next asks it for something.
        with self.assertRaises(Silence):
            receiver.recv(timeout=0.5)
        self.assertTrue(self.pub.poll(10000))
        self.send(*message(b"spikes/a/", 0, 0, epoch=2))
        self.assertTrue(receiver.recv().restarted)

    def test_unsubscribing_forgets_the_count(self):
        receiver = self.receiver("spikes/a/", timeout=5)
        self.send(*message(b"spikes/a/", 1, 1))
        receiver.recv()
        receiver.unsubscribe("spikes/a/")
        receiver.subscribe("spikes/a/")
        for _ in range(2):
            self.assertTrue(self.pub.poll(5000))
            self.pub.recv()
        self.send(*message(b"spikes/a/", 9, 9))
        self.assertEqual(receiver.recv().missed, 0)

    def test_subscribe_is_a_generator_of_frames(self):
        frames = subscribe("spikes/a/", endpoint=self.endpoint, timeout=5)
        thread = threading.Thread(target=lambda: (self.pub.recv(), self.send(*message(b"spikes/a/", 7, 1))))
        thread.start()
        self.assertEqual(next(frames).tick, 7)
        thread.join()
        frames.close()


class Sending(Peer):
    def setUp(self):
        super().setUp()
        self.pull, self.endpoint = self.bound(zmq.PULL)
        self.pull.rcvtimeo = 5000

    def sender(self, **options):
        sender = Sender(self.endpoint, context=self.context, **options)
        self.addCleanup(sender.close)
        return sender

    def test_rows_are_numbered_per_stream_and_stamped(self):
        sender = self.sender(types={"mic": "i16"})
        before = time.time_ns()
        self.assertEqual(sender.send("imu", [1, 2.5]), 0)
        self.assertEqual(sender.send("imu", [1, 2.5], time_ns="now"), 1)
        self.assertEqual(sender.send("mic", np.array([[-2], [513]]), time_ns=77, seq=9), 9)
        self.assertEqual(sender.send("mic", [5]), 10)
        self.assertEqual(self.pull.recv_multipart(),
                         [b"imu", struct.pack("<2f", 1, 2.5), struct.pack("<qQ", 0, 0)])
        now, seq = struct.unpack("<qQ", self.pull.recv_multipart()[2])
        self.assertTrue(before <= now <= time.time_ns() and seq == 1)
        self.assertEqual(self.pull.recv_multipart(), [b"mic", b"\xfe\xff\x01\x02", struct.pack("<qQ", 77, 9)])
        with self.assertRaises(ValueError):
            sender.send("imu", [1], time_ns="yesterday")

    def test_pairs_and_json(self):
        sender = self.sender()
        sender.send_pairs("skin", {0: 1.5, 5: -0.25})
        sender.send_json("any", [[1, None], [float("nan"), 2]], time_ns=5)
        self.assertEqual(self.pull.recv_multipart()[1], struct.pack("<IfIf", 0, 1.5, 5, -0.25))
        self.assertEqual(json.loads(self.pull.recv_multipart()[1]),
                         {"values": [[1, None], [None, 2]], "time_ns": 5, "seq": 0})

    def test_without_a_daemon_it_says_so_and_keeps_the_number(self):
        with socket.socket() as nobody:  # bound, so that the port stays free, but not listening
            nobody.bind(("127.0.0.1", 0))
            self.endpoint = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
            self.blocked()

    def blocked(self):
        sender = self.sender(timeout=0.05)
        for _ in range(2):
            with self.assertRaises(Blocked):
                sender.send("imu", [1])
        self.assertEqual(sender._seq, {})


class Controlling(Peer):
    def setUp(self):
        super().setUp()
        self.router, self.endpoint = self.bound(zmq.ROUTER)
        self.control = Control(self.endpoint, context=self.context, timeout=5)
        self.addCleanup(self.control.close)
        self.requests = []

    def serve(self, answer, count=1):
        """Answers `count` messages in a thread with what `answer` makes of each document."""
        def loop():
            for _ in range(count):
                *route, body = self.router.recv_multipart()
                self.requests.append(json.loads(body))
                for document in answer(json.loads(body)):
                    self.router.send_multipart([*route, json.dumps(document).encode()])
        thread = threading.Thread(target=loop)
        thread.start()
        self.addCleanup(thread.join)

    def test_calls_and_errors(self):
        self.serve(lambda q: [{"id": q["id"], "result": q["params"]}])
        self.assertEqual(self.control.set("imu", 0, "v_th", 2),
                         {"name": "imu", "stage": 0, "param": "v_th", "value": 2})
        self.serve(lambda q: [{"id": q["id"], "error": {"code": -32602, "message": "no", "data": {"path": "value"}}}])
        with self.assertRaises(ControlError) as caught:
            self.control.info()
        self.assertEqual((caught.exception.code, caught.exception.message, caught.exception.path),
                         (-32602, "no", "value"))
        self.assertNotIn("params", self.requests[-1])

    def test_a_late_answer_is_not_taken_for_the_next_one(self):
        with self.assertRaises(ControlTimeout):
            self.control.call("info", timeout=0.05)
        *route, body = self.router.recv_multipart()
        self.router.send_multipart([*route, json.dumps({"id": json.loads(body)["id"], "result": "late"}).encode()])
        self.serve(lambda q: [{"id": q["id"], "result": "fresh"}])
        self.assertEqual(self.control.call("info"), "fresh")

    def test_batches_come_back_in_order(self):
        self.serve(lambda q: [[{"id": q[1]["id"], "error": {"code": 1, "message": "x"}},
                               {"id": q[0]["id"], "result": 1}]])
        first, second = self.control.batch([("a", None), ("b", {"c": 1})])
        self.assertEqual(first, 1)
        self.assertIsInstance(second, ControlError)
        self.assertEqual(self.control.batch([]), [])

    def test_an_error_without_id_is_not_waited_out(self):
        self.serve(lambda q: [{"id": None, "error": {"code": -32700, "message": "not JSON"}}])
        with self.assertRaises(ControlError):
            self.control.info()


if __name__ == "__main__":
    unittest.main()
