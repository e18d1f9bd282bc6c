#!/usr/bin/env python3
"""A FastCGI responder that tells what a web server sent it: the tests' stand-in for Stateward.

    fcgi_dump.py SOCKET-PATH

Answers each request with JSON: {"params": {…}, "body_bytes": n, "body_sha256": "…"}.
The query of the request asks for other behaviour:
    status=N   this status
    size=N     N bytes of pattern() in place of the JSON
    sleep=S    S seconds of silence first
    early=1    answer without having read the body
    drop=1     close without an answer
    short=N    promise N bytes more than are sent, then close
"""
import hashlib
import json
import os
import socket
import socketserver
import struct
import sys
import time
import urllib.parse

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT = 1, 2, 3, 4, 5, 6
KEEP = 1
BLOCK = b"".join(b"%015d\n" % i for i in range(4096))  # 64 KiB


def pattern(size):
    """Yields `size` bytes in pieces: the same ones each time."""
    while size > 0:
        piece = BLOCK[:size]
        yield piece
        size -= len(piece)


def read_exactly(stream, size):
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data


def read_record(stream):
    version, kind, request, length, padding, _ = struct.unpack(
        "!BBHHBB", read_exactly(stream, 8))
    if version != 1:
        raise ValueError(f"record of version {version}")
    body = read_exactly(stream, length)
    read_exactly(stream, padding)
    return kind, request, body


def take_length(data, at):
    if data[at] < 128:
        return data[at], at + 1
    return struct.unpack_from("!I", data, at)[0] & 0x7FFFFFFF, at + 4


def parse_params(data):
    """A list of pairs: a name that comes twice is seen twice."""
    pairs, at = [], 0
    while at < len(data):
        name_size, at = take_length(data, at)
        value_size, at = take_length(data, at)
        name = data[at:at + name_size].decode("latin-1")
        at += name_size
        pairs.append((name, data[at:at + value_size].decode("latin-1")))
        at += value_size
    return pairs


class Exchange(socketserver.StreamRequestHandler):
    """One connection with any number of requests, one after another."""
    wbufsize = 1 << 16

    def handle(self):
        try:
            while self.serve_one():
                pass
        except (EOFError, BrokenPipeError, ConnectionResetError):
            pass

    def serve_one(self):
        kind, self.request_id, body = read_record(self.rfile)
        if kind != BEGIN:
            raise ValueError(f"record of type {kind} in place of BEGIN_REQUEST")
        keep = body[2] & KEEP
        params = parse_params(self.read_stream(PARAMS))
        target = dict(params).get("REQUEST_URI", "")
        ask = dict(urllib.parse.parse_qsl(target.partition("?")[2]))
        if "early" in ask:
            self.answer(ask, {"params": params})
            # As Stateward does: what was sent is read, for nginx pools a connection whose request it
            # has sent. Of one that it has not it closes the connection.
            self.hash_stream(STDIN)
            return keep
        size, digest = self.hash_stream(STDIN)
        time.sleep(float(ask.get("sleep", 0)))
        if "drop" in ask:
            return False
        self.answer(ask, {"params": params, "body_bytes": size, "body_sha256": digest})
        return keep and "short" not in ask

    def read_stream(self, wanted):
        return b"".join(self.pieces(wanted))

    def hash_stream(self, wanted):
        size, digest = 0, hashlib.sha256()
        for piece in self.pieces(wanted):
            size += len(piece)
            digest.update(piece)
        return size, digest.hexdigest()

    def pieces(self, wanted):
        while True:
            kind, request, body = read_record(self.rfile)
            if kind == ABORT:
                raise EOFError
            if kind != wanted or request != self.request_id:
                raise ValueError(f"record of type {kind} in place of {wanted}")
            if not body:
                return
            yield body

    def answer(self, ask, report):
        if "size" in ask:
            pieces, length = pattern(int(ask["size"])), int(ask["size"])
        else:
            text = json.dumps(report).encode()
            pieces, length = [text], len(text)
        length += int(ask.get("short", 0))
        self.send(STDOUT, (f"Status: {ask.get('status', 200)} As Asked\r\n"
                           "Content-Type: application/json\r\n"
                           f"Content-Length: {length}\r\n\r\n").encode())
        for piece in pieces:
            for at in range(0, len(piece), 32768):
                self.send(STDOUT, piece[at:at + 32768])
        if "short" not in ask:
            self.send(STDOUT, b"")
            self.send(END, struct.pack("!IB3x", 0, 0))
        self.wfile.flush()

    def send(self, kind, body):
        self.wfile.write(struct.pack("!BBHHBB", 1, kind, self.request_id, len(body), 0, 0) + body)


class Responder(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    with Responder(sys.argv[1], Exchange) as server:
        os.chmod(sys.argv[1], 0o660)
        server.serve_forever()


if __name__ == "__main__":
    main()
