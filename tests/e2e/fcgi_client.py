"""Speaks FastCGI to a socket as a web server does, or as one never would (FastCGI 1.0, section 3)."""
import socket
import struct
import time

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR, DATA, GET_VALUES = range(1, 10)
RESPONDER = 1
KEEP = 1


def record(kind, content=b"", request_id=1, version=1, padding=0):
    return (struct.pack(">BBHHBB", version, kind, request_id, len(content), padding, 0)
            + content + b"\0" * padding)


def begin(role=RESPONDER, flags=0, request_id=1):
    return record(BEGIN, struct.pack(">HB5x", role, flags), request_id)


def length(n):
    return bytes([n]) if n < 128 else struct.pack(">I", n | 0x80000000)


def pair(name, value):
    name, value = name.encode(), value.encode()
    return length(len(name)) + length(len(value)) + name + value


def params(values, request_id=1):
    content = b"".join(pair(k, v) for k, v in values.items())
    out = b""
    for at in range(0, len(content), 65535):
        out += record(PARAMS, content[at:at + 65535], request_id)
    return out + record(PARAMS, b"", request_id)


def request(method, uri, body=None, flags=0, **more):
    """The bytes of a whole request. more: further parameters, by name."""
    values = {"REQUEST_METHOD": method, "REQUEST_URI": uri, "SERVER_PROTOCOL": "HTTP/1.1",
              "CONTENT_LENGTH": "" if body is None else str(len(body)), **more}
    pieces = [record(STDIN, body[at:at + 32768]) for at in range(0, len(body or b""), 32768)]
    return b"".join([begin(flags=flags), params(values), *pieces, record(STDIN)])


def stdout(data):
    """The content of the STDOUT records in what a server has sent; the last one may be cut off."""
    content, at = b"", 0
    while at + 8 <= len(data):
        _, kind, _, size, padding, _ = struct.unpack(">BBHHBB", data[at:at + 8])
        if kind == STDOUT:
            content += data[at + 8:at + 8 + size]
        at += 8 + size + padding
    return content


def is_whole(answer):
    """Whether head and body of an answer are there."""
    head, blank, body = answer.partition(b"\r\n\r\n")
    lengths = [line.split(b": ")[1] for line in head.split(b"\r\n")
               if line.startswith(b"Content-Length: ")]
    return bool(blank) and len(body) >= int(lengths[0])


def connect(link, address, patience_s):
    """A unix socket whose backlog is full sends away at once who has a time limit: then again, for so long."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return link.connect(address)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.01)


class Link:
    """One connection."""

    def __init__(self, path, timeout=60):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        connect(self.socket, path, timeout)

    def send(self, data):
        self.socket.sendall(data)

    def read_exactly(self, n):
        data = b""
        while len(data) < n:
            piece = self.socket.recv(n - len(data))
            if not piece:
                return None
            data += piece
        return data

    def answer(self, to_end=True):
        """The answer as (status, headers, body); None when the connection ended without one.
        to_end=False: without the end of the request, which may be held back."""
        out = b""
        while to_end or not is_whole(out):
            try:
                head = self.read_exactly(8)
            except ConnectionResetError:
                return None
            if head is None:
                return None
            _, kind, _, size, padding, _ = struct.unpack(">BBHHBB", head)
            content = self.read_exactly(size + padding)
            if content is None:
                return None
            if kind == STDOUT:
                out += content[:size]
            if kind == END:
                break
        head, _, body = out.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        return int(headers.pop("Status").split()[0]), headers, body

    def ended(self):
        """Whether the other side has closed: waits for it."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
