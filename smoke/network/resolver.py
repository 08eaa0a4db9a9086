#!/usr/bin/env python3
"""A resolver for smoke/network.t: NAME=ADDRESS... on port 53 of the address that is the first argument, by UDP and TCP.
big.test has so many addresses that a datagram cannot hold them."""
import socket, struct, sys, threading

NAMES = dict(word.split("=") for word in sys.argv[2:])
BIG = ["198.51.100.%d" % n for n in range(100, 160)]


def answer(query, most):
    end = query.index(b"\0", 12)
    labels, at = [], 12
    while at < end:
        labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
        at += 1 + query[at]
    name, kind = ".".join(labels), struct.unpack("!H", query[end + 1:end + 3])[0]
    found = BIG if name == "big.test" else [NAMES[name]] if name in NAMES else None
    flags = 0x8180 | (3 if found is None else 0)
    records = b"".join(b"\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4" + socket.inet_aton(a) for a in found or []) if kind == 1 else b""
    if len(records) + end > most:
        records, flags = b"", flags | 0x0200
    return query[:2] + struct.pack("!5H", flags, 1, len(records) // 16, 0, 0) + query[12:end + 5] + records


def streams(listener):
    while True:
        peer, _ = listener.accept()
        query = peer.recv(4096)
        said = answer(query[2:], 65535)
        peer.sendall(struct.pack("!H", len(said)) + said)
        peer.close()


listener = socket.create_server((sys.argv[1], 53))
threading.Thread(target=streams, args=(listener,), daemon=True).start()
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind((sys.argv[1], 53))
while True:
    query, peer = datagrams.recvfrom(4096)
    datagrams.sendto(answer(query, 490), peer)
