"""An HTTP client that sends exactly what it is told, as the real clients do or as they never would.

Requests are written by hand (raw targets, chunked bodies, any verb, any header twice); answers are
read by http.client.
"""
import base64
import hashlib
import http.client
import socket
import ssl
import time

UNSET = object()


def md5_header(body):
    return base64.b64encode(hashlib.md5(body).digest()).decode()


def basic(user, secret):
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    def header(self, name):
        """The header's value; None when it is absent. Twice the same header fails the test."""
        values = self.headers.get_all(name, [])
        if len(values) > 1:
            raise AssertionError(f"{name} came {len(values)} times: {values}")
        return values[0] if values else None

    def __repr__(self):
        return f"{self.status} {dict(self.headers)} {self.body[:300]!r}"


class Client:
    """address: (host, port). tls: an ssl.SSLContext, or None for plain HTTP.

    One connection per request, unless keep=True. Not to be shared between threads.

    repeats: how many requests were sent again, as real clients do, on a new connection in place of a kept one that
    broke. A test whose promise is that no request fails looks at it: it may hide one that did. Not counted: a kept
    one that nobody used for RESTED_S. The web server may close such (Apache after KeepAliveTimeout, 5 s; nginx
    after 75 s), and one whose requests are used up (keepalive_requests) is closed with its last answer.
    """

    RESTED_S = 1

    def __init__(self, address, tls=None, auth=basic("basic", "secret"), keep=False, timeout=60):
        self.address, self.tls, self.auth, self.keep = address, tls, auth, keep
        self.timeout = timeout
        self.socket = None
        self.repeats, self.used_at = 0, 0.0

    def connect(self):
        plain = socket.create_connection(self.address, timeout=self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self.tls:
            return plain
        return self.tls.wrap_socket(plain, server_hostname="localhost")

    def close(self):
        if self.socket:
            self.socket.close()
            self.socket = None

    def head(self, method, target, headers, auth):
        lines = [f"{method} {target} HTTP/1.1", f"Host: localhost:{self.address[1]}"]
        if auth is UNSET:
            auth = self.auth
        if auth:
            lines.append(f"Authorization: {auth}")
        lines += [f"{name}: {value}" for name, value in headers]
        if not self.keep:
            lines.append("Connection: close")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"

    def request(self, method, target, body=None, *, headers=(), auth=UNSET, md5=True,
                chunked=False):
        """body: bytes, or an iterable of bytes (then chunked, or with a Content-Length header of
        the caller's). As the real clients: Content-Type and Content-MD5 come with each body."""
        headers = list(headers)
        if isinstance(body, bytes):
            headers.append(("Content-Type", "application/json"))
            if md5:
                headers.append(("Content-MD5", md5_header(body)))
            if not chunked:
                headers.append(("Content-Length", len(body)))
        if chunked:
            headers.append(("Transfer-Encoding", "chunked"))
        pieces = [body] if isinstance(body, bytes) else body or ()
        head = self.head(method, target, headers, auth)
        fresh, began = self.socket is None, time.monotonic()
        try:
            return self.exchange(method, head, pieces, chunked)
        except (ConnectionError, http.client.BadStatusLine):
            # A kept connection that was closed while it was idle: once more on a new one.
            if fresh or not isinstance(body, (bytes, type(None))):
                raise
            self.repeats += began - self.used_at < self.RESTED_S
            return self.exchange(method, head, pieces, chunked)

    def exchange(self, method, head, pieces, chunked):
        link = self.socket or self.connect()
        self.socket = None
        try:
            try:
                send_all(link, head, pieces, chunked)
            except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
                pass  # answered before all was read: the answer is waiting
            response = http.client.HTTPResponse(link, method=method)
            response.begin()
            answer = Answer(response, response.read())
            if self.keep and not response.will_close:
                self.socket, self.used_at = link, time.monotonic()
            return answer
        finally:
            if self.socket is None:
                link.close()

    def get(self, target, **options):
        return self.request("GET", target, **options)

    def lock(self, target, body, **options):
        return self.request("LOCK", target, body, **options)

    def unlock(self, target, body, **options):
        return self.request("UNLOCK", target, body, **options)

    def post(self, target, body, **options):
        return self.request("POST", target, body, **options)


def send_all(link, head, pieces, chunked):
    if not chunked:
        small = b"".join(pieces) if isinstance(pieces, list) and len(pieces[0]) < 65536 else None
        if small is not None:
            link.sendall(head + small)
            return
    link.sendall(head)
    for piece in pieces:
        if chunked and piece:
            link.sendall(b"%x\r\n" % len(piece))
            link.sendall(piece)
            link.sendall(b"\r\n")
        elif piece:
            link.sendall(piece)
    if chunked:
        link.sendall(b"0\r\n\r\n")
