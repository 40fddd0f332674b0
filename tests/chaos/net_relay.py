#!/usr/bin/python3
"""A bad network between two interfaces: passes Ethernet frames on, late, not all, some twice, not always in order, at
a limited rate. For tests on kernels without netem, too.

usage: net_relay.py LEFT RIGHT      reads lines "loss=0.05 delay=0.02 jitter=0.01 twice=0.01 rate=20000 cut=0"
       net_relay.py --plain NAME    makes an interface send plain frames: whole checksums, no segments to be cut later

SPDX-License-Identifier: Apache-2.0
"""
import ctypes
import fcntl
import heapq
import os
import random
import select
import socket
import struct
import sys
import time

SIOCETHTOOL = 0x8946
OFFLOADS = (0x17, 0x19, 0x1F, 0x24)  # transmit checksum, scatter-gather, TSO, GSO
OUTGOING = 4
ALL_PROTOCOLS = 3
BACKLOG_S = 0.1  # at a limited rate; what comes beyond it is lost


def make_plain(name):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for offload in OFFLOADS:
            value = ctypes.create_string_buffer(struct.pack("<II", offload, 0))
            request = struct.pack("<16sQ8x", name.encode(), ctypes.addressof(value))
            fcntl.ioctl(any_socket, SIOCETHTOOL, request)


def packet_socket(name):
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    raw.bind((name, 0))
    raw.setblocking(False)
    return raw


def relay(left, right):
    sockets = {s.fileno(): s for s in (packet_socket(left), packet_socket(right))}
    other = dict(zip(sockets, reversed(list(sockets.values()))))
    how = {"loss": 0.0, "delay": 0.0, "jitter": 0.0, "twice": 0.0, "rate": 0.0, "cut": 0.0}
    free_at = {fd: 0.0 for fd in sockets}
    under_way, count, lost = [], 0, 0
    print("ready", flush=True)
    while True:
        wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else 1.0
        for fd in select.select([0, *sockets], [], [], wait)[0]:
            if fd == 0:
                line = os.read(0, 4096).decode()
                if not line:
                    return
                how.update((key, float(value)) for key, _, value in (word.partition("=") for word in line.split()))
                print(f"passed {count} lost {lost}", flush=True)
                continue
            try:
                frame, address = sockets[fd].recvfrom(65536)
            except BlockingIOError:
                continue
            if address[2] == OUTGOING:
                continue
            now = time.monotonic()
            start = max(now, free_at[fd])
            if how["cut"] or random.random() < how["loss"] or how["rate"] and start - now > BACKLOG_S:
                lost += 1
                continue
            if how["rate"]:
                start = free_at[fd] = start + len(frame) / how["rate"]
            for _ in range(2 if random.random() < how["twice"] else 1):
                count += 1
                at = start + how["delay"] + random.uniform(-1, 1) * how["jitter"]
                heapq.heappush(under_way, (at, count, frame, other[fd]))
        while under_way and under_way[0][0] <= time.monotonic():
            _, _, frame, out = heapq.heappop(under_way)
            try:
                out.send(frame)
            except OSError:
                lost += 1


if __name__ == "__main__":
    if sys.argv[1] == "--plain":
        make_plain(sys.argv[2])
    else:
        relay(*sys.argv[1:])
