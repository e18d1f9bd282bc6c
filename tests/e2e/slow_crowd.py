"""Many connections that send or read a byte now and then, driven by one thread."""
import collections
import json
import os
import re
import resource
import select
import socket
import ssl
import threading
import time

import fcgi_client as fcgi
from box import wait_for
from client import basic
from stateward import AUTH
from webservers import Nginx

EACH = 1000  # connections of each kind
KINDS = ("lock", "head", "idle", "read")
LOCK_BYTES = 9000
MIB = 1 << 20
SECRETS = 4  # many different unknown ones from one address are guesses, and 429


def document(serial, filler=0, lineage="l"):
    return json.dumps({"version": 4, "serial": serial, "lineage": lineage,
                       "x": "y" * filler}).encode()


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


# What a refused one is told, by FastCGI and by HTTP.
ANSWER = re.compile(rb"(?:HTTP/1\.1|Status:) (\d{3})")
WAIT = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def status_of(heard):
    found = ANSWER.search(heard)
    return int(found.group(1)) if found else None


def has_event(link, events):
    """Whether one of the events of poll(2) is there just now, or the end of a unix socket."""
    look = select.poll()
    look.register(link, events)
    return bool(look.poll(0))


class Slow:
    """One of a crowd: sends `first` at once, then `drip` byte by byte, or reads byte by byte."""

    def __init__(self, kind, first, drip, reads):
        self.kind, self.first, self.drip, self.reads = kind, first, drip, reads
        self.link, self.at, self.heard = None, 0, b""

    def close(self):
        if self.link:
            self.link.close()
        self.link = None


class Crowd:
    """Connections that send or read a byte a second. Each that the other side closes is noted in `ends`, and
    another one takes its place. Not more than READ_BUFFER of an answer fit into one that reads.

    tls: over TLS; the connections then come from several addresses, so that a limit per address does
    not keep the crowd small."""
    READ_BUFFER = 4096
    PAUSE_S = 1
    SOURCES = 8

    def __init__(self, address, family, tls=None):
        self.address, self.family, self.tls = address, family, tls
        self.members = []
        self.ends = collections.Counter()  # (kind, status that it was told or None)
        self.strange = []  # what lockers were told that clients would not wait out
        self.rounds = 0  # in which all were open at the end
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.drip)

    def open(self, first, drip=b"", reads=False, kind=""):
        self.members.append(Slow(kind, first, drip, reads))
        self.connect(self.members[-1], len(self.members), 60)

    def connect(self, one, number, patience_s=0):
        link = socket.socket(self.family)
        try:
            if one.reads:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.READ_BUFFER)
            link.settimeout(60)
            if self.tls:
                link.bind((f"127.0.0.{2 + number % self.SOURCES}", 0))
            fcgi.connect(link, self.address, patience_s)
            if self.tls:
                link = self.tls.wrap_socket(link, server_hostname="localhost")
            link.sendall(one.first)
            link.setblocking(False)
        except OSError:
            link.close()
            raise
        one.link, one.at, one.heard = link, 0, b""

    def drip(self):
        while not self.stop.wait(self.PAUSE_S):
            for number, one in enumerate(self.members):
                if one.link:
                    self.turn(one)
                if not one.link and not self.stop.is_set():
                    try:
                        self.connect(one, number)
                    except OSError:
                        pass  # the next round tries again
            if all(one.link for one in self.members):
                self.rounds += 1

    def hung_up(self, link):
        """Whether the other side has closed a unix socket, though there may be more to read."""
        if self.family != socket.AF_UNIX:
            return False
        return has_event(link, 0)

    def turn(self, one):
        if one.reads and self.hung_up(one.link):
            return self.ended(one)
        try:
            heard = one.link.recv(1 if one.reads else 65536)
            if not heard:
                return self.ended(one)
            one.heard = (one.heard + heard)[:600]
        except WAIT:
            pass
        except OSError:
            return self.ended(one)
        if one.at < len(one.drip):
            try:
                one.at += one.link.send(one.drip[one.at:one.at + 1])
            except OSError:
                pass  # full, or over: the next turn tells

    def ended(self, one):
        status = status_of(one.heard)
        self.ends[one.kind, status] += 1
        if one.kind == "lock" and (status != 503 or b"Retry-After: " not in one.heard):
            self.strange.append(one.heard)
        one.close()

    def alive(self):
        """How many were open when they were looked at last."""
        return sum(1 for one in self.members if one.link)

    def __enter__(self):
        return self

    def start(self):
        self.thread.start()

    def __exit__(self, *_):
        self.stop.set()
        if self.thread.is_alive():
            self.thread.join()
        for one in self.members:
            one.close()


class Paced(Crowd):
    """Large bodies and answers, each at RATE bytes a second, and such as stand still. None comes again."""
    READ_BUFFER = 65536
    RATE, PAUSE_S = 100000, 0.1

    def __init__(self, address, family):
        super().__init__(address, family)
        self.moved, self.refused = {}, {}

    def stand_still(self, first, body=b"", kind="still"):
        """One more that sends `body` as fast as it is taken, and neither sends nor reads from then on."""
        self.members.append(one := Slow(kind, first, b"", not body))
        self.connect(one, len(self.members))
        one.link.settimeout(20)
        try:
            one.link.sendall(body)
        except OSError:
            pass  # it was refused: look() tells

    def drip(self):
        piece = int(self.RATE * self.PAUSE_S)
        while not self.stop.wait(self.PAUSE_S):
            for number, one in enumerate(self.members):
                if one.kind == "paced" and number not in self.refused:
                    self.step(number, one, piece)

    def step(self, number, one, piece):
        try:
            answer = one.link.recv(piece)
            if status_of(answer[:600]) == 503:
                self.refused[number] = answer
                return
            self.moved[number] = self.moved.get(number, 0) + len(answer)
        except BlockingIOError:
            pass
        if not one.reads:
            try:
                one.at += one.link.send(one.drip[one.at:one.at + piece])
            except BlockingIOError:
                return
            self.moved[number] = one.at

    def under_way(self):
        """How much each of the paced ones that were let in has moved."""
        return [self.moved.get(number, 0) for number, one in enumerate(self.members)
                if one.kind == "paced" and number not in self.refused]


def stdin_bytes(body):
    """Each byte in a record of its own."""
    return b"".join(fcgi.record(fcgi.STDIN, bytes([b])) for b in body)


def over_fcgi(path, kinds, count, big=0):
    """A crowd that speaks FastCGI to the socket itself. big: so many of those that read ask for p/big."""
    crowd = Crowd(path, socket.AF_UNIX)
    for i in range(count):
        auth = basic("basic", f"slow{i % SECRETS}")
        if "lock" in kinds:
            crowd.open(fcgi.begin(flags=fcgi.KEEP) + fcgi.params(
                {"REQUEST_METHOD": "LOCK", "REQUEST_URI": f"/state/slow/l{i}",
                 "CONTENT_LENGTH": str(LOCK_BYTES), "HTTP_AUTHORIZATION": auth}),
                stdin_bytes(b'{"ID":"' + b"a" * 500), kind="lock")
        if "head" in kinds:
            crowd.open(fcgi.begin(flags=fcgi.KEEP), fcgi.record(fcgi.PARAMS, b"\x05\x05" * 50), kind="head")
        if "idle" in kinds:
            crowd.open(fcgi.request("GET", "/health", flags=fcgi.KEEP), kind="idle")
        if "read" in kinds:
            crowd.open(fcgi.request("GET", "/state/p/" + ("big" if i < big else "small"), flags=fcgi.KEEP,
                                    HTTP_AUTHORIZATION=basic("basic", "secret")), reads=True, kind="read")
    return crowd


def over_http(address, kinds, count, tls=None):
    crowd = Crowd(address, socket.AF_INET, tls)
    for i in range(count):
        auth = f"Host: x\r\nAuthorization: {basic('basic', f'slow{i % SECRETS}')}\r\n"
        good = f"Host: x\r\nAuthorization: {basic('basic', 'secret')}\r\n"
        if "lock" in kinds:
            crowd.open(f"LOCK /state/slow/l{i} HTTP/1.1\r\n{auth}Content-Length: {LOCK_BYTES}\r\n\r\n"
                       .encode(), b'{"ID":"' + b"a" * 500, kind="lock")
        if "head" in kinds:
            crowd.open(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"a" * 500, kind="head")
        if "idle" in kinds:
            crowd.open(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", kind="idle")
        if "read" in kinds:
            crowd.open(f"GET /state/p/small HTTP/1.1\r\n{good}\r\n".encode(), reads=True, kind="read")
    return crowd


def more_nginx(_, text):
    """nginx's own limit of connections; all else is as shipped."""
    return text.replace("events { worker_connections 512; }",
                        "worker_rlimit_nofile 16384; events { worker_connections 8192; }")


def more_apache(_, text):
    """A thread of Apache's for each that sends slowly, so its limit is raised, as nginx's. Its own guards are
    as shipped: heads end after 20 s (site: 10 s), idle ones after 5 s."""
    return (text.replace("StartServers 2\nServerLimit 4", "StartServers 10\nServerLimit 10")
            .replace("ThreadsPerChild 25", "ThreadLimit 384\nThreadsPerChild 384\nListenBacklog 4096")
            .replace("MaxRequestWorkers 100", "MaxRequestWorkers 3840\nMaxSpareThreads 3840"))


def with_room(web, box, server, site="plain+tls"):
    """A web server (the class) with room for a crowd, before the server."""
    edit = more_nginx if web is Nginx else more_apache
    return web(box, "unix:" + server.socket, site=site, edit=edit)


def rss(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_rss(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read()).group(1)) * 1024


Answer = collections.namedtuple("Answer", "status headers body")


class OverFcgi:
    """As Client, straight to the socket on a kept connection. A request that is cut off has the status None."""
    repeats = 0  # it never asks twice

    def __init__(self, path):
        self.link = fcgi.Link(path)

    def ask(self, method, target, body=None):
        self.link.send(fcgi.request(method, target, body, flags=fcgi.KEEP, HTTP_AUTHORIZATION=AUTH))
        return Answer(*(self.link.answer() or (None, {}, b"")))

    def get(self, target):
        return self.ask("GET", target)

    def lock(self, target, body):
        return self.ask("LOCK", target, body)

    def post(self, target, body):
        return self.ask("POST", target, body)

    def unlock(self, target, body):
        return self.ask("UNLOCK", target, body)

    def close(self):
        self.link.close()


class AsNginx(OverFcgi):
    """Keeps its connection as nginx does with the shipped snippet: a request that ends later than KEPT_S after the
    connection was made was the last on it, and none goes out on one that the server has closed."""
    KEPT_S = 1

    def __init__(self, path):
        super().__init__(path)
        self.path, self.made = path, time.monotonic()

    def ask(self, method, target, body=None):
        if not self.link or has_event(self.link.socket, select.POLLIN):
            self.close()
            self.link, self.made = fcgi.Link(self.path), time.monotonic()
        try:
            answer = super().ask(method, target, body)
        except (BrokenPipeError, ConnectionResetError):
            answer = Answer(None, {}, b"")
        if answer.status is None or time.monotonic() - self.made > self.KEPT_S:
            self.close()
        return answer

    def close(self):
        if self.link:
            self.link.close()
        self.link = None


class Ordinary:
    """Clients that do what clients do, and note each answer that is not as it should be."""

    def __init__(self, make_client, count=16, project="good", pause_s=0.0):
        self.make_client, self.count, self.project, self.pause_s = make_client, count, project, pause_s
        self.bad, self.cycles, self.healths = [], 0, 0
        self.clients = []
        self.stop = threading.Event()

    def new_client(self):
        self.clients.append(self.make_client())
        return self.clients[-1]

    def check(self, what, answer, wanted):
        if answer.status != wanted:
            self.bad.append((what, answer))
        return answer.status == wanted

    def cycle(self, number):
        client = self.new_client()
        target = f"/state/{self.project}/s{number}"
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
                time.sleep(self.pause_s)
        except Exception as e:  # pylint: disable=broad-except
            self.bad.append(("broke", repr(e)))
        client.close()

    def health(self):
        client = self.new_client()
        try:
            while not self.stop.is_set():
                self.check("/health", client.get("/health"), 200)
                self.healths += 1
                time.sleep(0.02)
        except Exception as e:  # pylint: disable=broad-except
            self.bad.append(("/health broke", repr(e)))
        client.close()

    def run(self, enough):
        """What was not as it should be, until `enough(self)` is true. That it never is, is no good end either; nor is
        a request that a client had to send again."""
        threads = [threading.Thread(target=self.cycle, args=(i,)) for i in range(self.count)]
        threads.append(threading.Thread(target=self.health))
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 300
        while not (enough(self) or self.bad):
            if time.monotonic() > deadline:
                self.bad.append(("not enough", f"{self.cycles} cycles, {self.healths} answers of /health"))
            time.sleep(0.05)
        self.stop.set()
        for thread in threads:
            thread.join()
        if repeats := sum(client.repeats for client in self.clients):
            self.bad.append(("sent again", f"{repeats} requests"))
        return self.bad


class Watch:
    """The memory of a server's workers from here on."""

    def __init__(self, server):
        self.pids = wait_for(server.workers, "there are workers")
        self.before = self.now()
        for pid in self.pids:
            with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
                file.write("5")  # the peak begins again

    def now(self):
        return sum(map(rss, self.pids))

    def grown(self):
        return self.now() - self.before

    def peak(self):
        return sum(map(peak_rss, self.pids)) - self.before

    def links(self):
        """How many sockets the workers have."""
        count = 0
        for pid in self.pids:
            for name in os.listdir(f"/proc/{pid}/fd"):
                try:
                    count += os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:")
                except OSError:
                    pass  # just closed
        return count
