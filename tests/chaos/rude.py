"""Peers without manners, for the chaos tests and the soak: subscribers that come and go in every way, senders of
garbage. `at` is whatever has the endpoints `ingest`, `publish` and `control_at`.

SPDX-License-Identifier: Apache-2.0
"""
import chaos as c
import zmq

LONG_TOPIC = b"\1values/" + b"x" * 300


def orderly(at, random):
    """A whole library's socket, closed as it should be."""
    context = zmq.Context()
    sub = context.socket(zmq.SUB)
    sub.connect(at.publish)
    sub.subscribe(random.choice(["spikes/", "json/", "state/", "values/", "meta/", "status/", "bundle/"]))
    sub.poll(20)
    context.destroy(0)


def silent(at, _):
    c.connect(at.publish).close()


def greeting_in_part(at, random):
    raw = c.connect(at.publish)
    raw.sendall(c.GREETING[:random.randrange(1, 64)])
    raw.close()


def after_the_handshake(at, random):
    raw = c.speak(at.publish, b"SUB")
    (c.reset if random.random() < 0.5 else type(raw).close)(raw)


def within_a_subscription(at, random):
    raw = c.speak(at.publish, b"SUB")
    raw.sendall(c.part(b"\1spikes/other/") + c.part(LONG_TOPIC)[:random.randrange(1, 100)])
    raw.close()


def within_a_frame_to_it(at, random):
    raw = c.speak(at.publish, b"SUB")
    raw.sendall(c.part(b"\1values/"))
    raw.recv(random.randrange(1, 5000))
    c.reset(raw)


def with_many_topics(at, random):
    raw = c.speak(at.publish, b"SUB")
    raw.sendall(b"".join(c.part(b"\1" + random.choice([b"spikes/", b"values/large/", b"meta/", b"nothing"]) + b"%d" % i)
                         for i in range(50)) + c.part(b"\1json/"))
    c.reset(raw)


VISITS = (orderly, silent, greeting_in_part, after_the_handshake, within_a_subscription, within_a_frame_to_it,
          with_many_topics)


def visit(at, random):
    random.choice(VISITS)(at, random)


def raw_bytes(at, random):
    raw = c.connect(random.choice([at.ingest, at.publish, at.control_at]))
    send_anyway(raw, random.randbytes(random.randrange(1, 3000)))


def bytes_after_the_handshake(at, random):
    endpoint, kind = random.choice([(at.ingest, b"PUSH"), (at.publish, b"SUB"), (at.control_at, b"DEALER")])
    send_anyway(c.speak(endpoint, kind), random.randbytes(random.randrange(1, 3000)))


def bad_messages(at, random):
    """Rows that cannot be used, for streams that are there and others. None of them is a good one: where the name is
    a stream's, the payload has a length that no row has."""
    messages = []
    for _ in range(20):
        name = random.choice([*at.names, b"", b"nobody", random.randbytes(8)])
        payload = random.randbytes(2 * random.randrange(0, 200) + 1)
        more = [random.randbytes(random.randrange(0, 40)) for _ in range(random.choice([0, 0, 1, 2, 9]))]
        messages.append(c.parts(name, payload, *more))
    send_anyway(c.speak(at.ingest, b"PUSH"), b"".join(messages))


def bad_requests(at, random):
    raw = c.speak(at.control_at, b"DEALER")
    send_anyway(raw, b"".join(c.parts(b"", random.choice([
        b"", b"{", b"[]", b"[[[[[[", b'{"jsonrpc":"2.0","method":"nothing","id":1}', random.randbytes(50),
        b'{"jsonrpc":"2.0","method":"set","params":{"name":"nobody","stage":0,"param":"x","value":1},"id":1}',
    ])) for _ in range(5)))


def half_a_message(at, random):
    raw = c.speak(at.ingest, b"PUSH")
    whole = c.parts(b"nobody", bytes(5000), bytes(16))
    send_anyway(raw, whole[:random.randrange(1, len(whole))])


THROWS = (raw_bytes, bytes_after_the_handshake, bad_messages, bad_requests, half_a_message)


def throw(at, random):
    """Returns which kind it was."""
    kind = random.choice(THROWS)
    kind(at, random)
    return kind.__name__


def send_anyway(raw, data):
    """The daemon may hang up in the middle of it. Ends the connection."""
    try:
        raw.sendall(data)
    except OSError:
        pass
    raw.close()
