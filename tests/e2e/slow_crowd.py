"""Many connections that send or read a byte now and then, driven by one thread."""
import json
import resource
import socket
import threading
import time

import fcgi_client as fcgi
from client import basic

LOCK_BYTES = 9000
MIB = 1 << 20
SECRETS = 4  # many different unknown ones from one address are guesses, and 429


def document(serial, filler=0, lineage="l"):
    return json.dumps({"version": 4, "serial": serial, "lineage": lineage,
                       "x": "y" * filler}).encode()


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Crowd:
    """connect: makes one connection (not more than READ_BUFFER of an answer fit into it)."""
    READ_BUFFER = 4096

    def __init__(self, address, family):
        self.address, self.family = address, family
        self.links = []  # [socket, bytes to drip, at, reads]
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.drip)

    def open(self, first, drip=b"", reads=False):
        """One more: sends `first` at once, then `drip` byte by byte, or reads byte by byte."""
        link = socket.socket(self.family)
        if reads:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.READ_BUFFER)
        link.settimeout(20)
        link.connect(self.address)
        link.sendall(first)
        link.setblocking(False)
        self.links.append([link, drip, 0, reads])

    def drip(self):
        while not self.stop.wait(1):
            for entry in self.links:
                link, drip, at, reads = entry
                try:
                    if reads:
                        link.recv(1)
                    elif at < len(drip):
                        entry[2] += link.send(drip[at:at + 1])
                except OSError:
                    pass  # it was cut off, or has nothing to read

    def alive(self):
        """How many the other side has not closed."""
        count = 0
        for link, *_ in self.links:
            try:
                count += link.recv(1, socket.MSG_PEEK) != b""
            except BlockingIOError:
                count += 1
            except OSError:
                pass
        return count

    def unanswered(self):
        """How many are open and have nothing to read."""
        count = 0
        for link, *_ in self.links:
            try:
                link.recv(1, socket.MSG_PEEK)
            except BlockingIOError:
                count += 1
            except OSError:
                pass
        return count

    def __enter__(self):
        return self

    def start(self):
        self.thread.start()

    def __exit__(self, *_):
        self.stop.set()
        if self.thread.is_alive():
            self.thread.join()
        for link, *_ in self.links:
            link.close()


class Paced(Crowd):
    """Large bodies and answers, each at RATE bytes a second."""
    READ_BUFFER = 65536
    RATE, PAUSE_S = 100000, 0.1

    def __init__(self, address, family):
        super().__init__(address, family)
        self.moved, self.refused = {}, set()

    def drip(self):
        piece = int(self.RATE * self.PAUSE_S)
        while not self.stop.wait(self.PAUSE_S):
            for number, entry in enumerate(self.links):
                if number not in self.refused:
                    self.step(number, entry, piece)

    def step(self, number, entry, piece):
        link, body, at, reads = entry
        try:
            answer = link.recv(piece)
            if b" 503 " in answer[:30]:
                self.refused.add(number)
                return
            self.moved[number] = self.moved.get(number, 0) + len(answer)
        except BlockingIOError:
            pass
        if not reads:
            try:
                entry[2] += link.send(body[at:at + piece])
            except BlockingIOError:
                return
            self.moved[number] = entry[2]

    def least(self):
        """How much each that was let in has moved, at the least."""
        return min((self.moved.get(number, 0) for number in range(len(self.links))
                    if number not in self.refused), default=0)


def stdin_bytes(body):
    """Each byte in a record of its own."""
    return b"".join(fcgi.record(fcgi.STDIN, bytes([b])) for b in body)


def over_fcgi(path, kinds, count):
    """A crowd that speaks FastCGI to the socket itself."""
    crowd = Crowd(path, socket.AF_UNIX)
    for i in range(count):
        auth = basic("basic", f"slow{i % SECRETS}")
        if "lock" in kinds:
            crowd.open(fcgi.begin(flags=fcgi.KEEP) + fcgi.params(
                {"REQUEST_METHOD": "LOCK", "REQUEST_URI": f"/state/slow/l{i}",
                 "CONTENT_LENGTH": str(LOCK_BYTES), "HTTP_AUTHORIZATION": auth}),
                stdin_bytes(b'{"ID":"' + b"a" * 500))
        if "head" in kinds:
            crowd.open(fcgi.begin(flags=fcgi.KEEP), fcgi.record(fcgi.PARAMS, b"\x05\x05" * 50))
        if "idle" in kinds:
            crowd.open(fcgi.request("GET", "/health", flags=fcgi.KEEP))
        if "read" in kinds:
            crowd.open(fcgi.request("GET", "/state/p/small", flags=fcgi.KEEP,
                                    HTTP_AUTHORIZATION=basic("basic", "secret")), reads=True)
    return crowd


def over_http(address, kinds, count):
    crowd = Crowd(address, socket.AF_INET)
    for i in range(count):
        auth = f"Host: x\r\nAuthorization: {basic('basic', f'slow{i % SECRETS}')}\r\n"
        good = f"Host: x\r\nAuthorization: {basic('basic', 'secret')}\r\n"
        if "lock" in kinds:
            crowd.open(f"LOCK /state/slow/l{i} HTTP/1.1\r\n{auth}Content-Length: {LOCK_BYTES}\r\n\r\n"
                       .encode(), b'{"ID":"' + b"a" * 500)
        if "head" in kinds:
            crowd.open(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"a" * 500)
        if "idle" in kinds:
            crowd.open(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        if "read" in kinds:
            crowd.open(f"GET /state/p/small HTTP/1.1\r\n{good}\r\n".encode(), reads=True)
    return crowd


class Ordinary:
    """Clients that do what clients do, and note each answer that is not as it should be."""

    def __init__(self, make_client, count=16):
        self.make_client, self.count = make_client, count
        self.bad, self.cycles, self.healths = [], 0, 0
        self.stop = threading.Event()

    def check(self, what, answer, wanted):
        if answer.status != wanted:
            self.bad.append((what, answer))
        return answer.status == wanted

    def cycle(self, number):
        client = self.make_client()
        target = f"/state/good/s{number}"
        serial = 0
        try:
            while not self.stop.is_set():
                serial += 1
                body = json.dumps({"version": 4, "serial": serial, "lineage": "l",
                                   "x": "y" * 20000}).encode()
                # 410 would be right for an ID that was released; so each has its own.
                info = json.dumps({"ID": f"id{number}-{serial}"}).encode()
                steps = (("LOCK", lambda: client.lock(target, info), 200),
                         ("GET", lambda: client.get(target), 200 if serial > 1 else 404),
                         ("POST", lambda: client.post(f"{target}?ID=id{number}-{serial}", body), 200),
                         ("UNLOCK", lambda: client.unlock(target, info), 200))
                # What follows a wrong answer follows from it.
                if not all(self.check(what, ask(), wanted) for what, ask, wanted in steps):
                    break
                self.cycles += 1
        except Exception as e:  # pylint: disable=broad-except
            self.bad.append(("broke", repr(e)))
        client.close()

    def health(self):
        client = self.make_client()
        while not self.stop.is_set():
            self.check("/health", client.get("/health"), 200)
            self.healths += 1
            time.sleep(0.02)
        client.close()

    def run(self, enough):
        """Until each of them has had its turns and `enough()` is true."""
        threads = [threading.Thread(target=self.cycle, args=(i,)) for i in range(self.count)]
        threads.append(threading.Thread(target=self.health))
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 300
        while not (enough(self) or self.bad or time.monotonic() > deadline):
            time.sleep(0.05)
        self.stop.set()
        for thread in threads:
            thread.join()
        return self.bad
