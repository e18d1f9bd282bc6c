"""What too slow clients are told behind nginx and Apache, and what becomes of them after a minute of the defaults."""
import concurrent.futures
import math
import os
import signal
import socket
import threading
import time
import unittest

import fcgi_client as fcgi
from box import PATIENCE_S, Box, free_port, wait_for
from slow_crowd import (EACH, KINDS, LOCK_BYTES, MIB, document, over_fcgi, over_http, raise_descriptor_limit,
                        status_of, with_room)
from stateward import AUTH, Stateward
from test_fcgi_defects import unread
from test_metrics import scrape, value
from webservers import Apache, Nginx, certificates


class Fronts(unittest.TestCase):
    """What its tests have in common."""

    @staticmethod
    def request(method, name, length):
        return (f"{method} /state/p/{name} HTTP/1.1\r\nHost: x\r\nAuthorization: {AUTH}\r\n"
                f"Content-Length: {length}\r\n\r\n{{").encode()

    @staticmethod
    def fronts(box, server, edit=None):
        """[(name, (address, TLS context))]: both web servers, bare with the snippet and as the example site."""
        found = []
        for web in (Nginx, Apache):
            for site in ("plain+tls", "example"):
                front = web(box, "unix:" + server.socket, site=site, edit=edit)
                found.append((f"{web.NAME} {site}", (front.tls, front.context())))
        return found

    @staticmethod
    def connect(where, buffer=None):
        address, context = where
        link = socket.socket()
        if buffer:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        link.settimeout(PATIENCE_S)
        link.connect(address)
        return context.wrap_socket(link, server_hostname="localhost")

    @staticmethod
    def told(link, rate, seconds):
        """Sends `rate` bytes a second until there is an answer: (its first bytes, after how long)."""
        start = time.monotonic()
        took = sent = 0
        link.settimeout(0.5)
        while took < seconds:
            try:
                return link.recv(4096), time.monotonic() - start
            except TimeoutError:
                pass
            took = time.monotonic() - start
            try:
                link.sendall(b" " * (int(rate * took) - sent))
            except OSError:
                pass  # the answer is on its way
            sent = int(rate * took)
        return b"", took

    @staticmethod
    def each(jobs):
        """Runs them at the same time; a list of what each returned."""
        with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
            return [done.result() for done in [pool.submit(job) for job in jobs]]


class Told(Fronts):
    """What too slow ones are told: senders 503 with Retry-After, which clients repeat, and never 408; a reader's answer
    ends before it is whole."""

    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)

    def test_slow_senders(self):
        """A byte a second, and one that stands still: behind Apache that one is told when Apache gives up on it
        (TimeOut, which is 60 s or, on Debian, 300 s, and 5 s here)."""
        self.server = Stateward(self.box, CLIENT_MIN_RATE="10000", CLIENT_RATE_SECONDS="1")
        fronts = self.fronts(self.box, self.server,
                             lambda _, text: text.replace("ServerLimit 4", "Timeout 5\nServerLimit 4"))
        names, jobs = [], []
        for number, (name, where) in enumerate(fronts):
            for way, rate in (("drips", 1), ("still", 0)):
                names.append(f"{name}, {way}")

                def job(where=where, rate=rate, target=f"n{number}{way}"):
                    with self.connect(where) as link:
                        link.sendall(self.request("LOCK", target, LOCK_BYTES))
                        return self.told(link, rate, 60)[0]
                jobs.append(job)
        for name, answer in zip(names, self.each(jobs)):
            self.assertEqual(503, status_of(answer), (name, answer))
            self.assertIn(b"Retry-After: 15\r\n", answer, name)

    def test_slow_readers(self):
        """More than nginx takes in for its client (1 MiB)."""
        port = free_port()
        self.server = Stateward(self.box, CLIENT_MIN_RATE="10000", CLIENT_RATE_SECONDS="1",
                                METRICS_LISTEN_ADDR=f"127.0.0.1:{port}")
        body = document(1, 5 * MIB)
        self.assertEqual(200, self.server.ask("POST", "/state/p/n", body)[0])
        fronts = self.fronts(self.box, self.server)
        links = [self.connect(where, 4096) for _, where in fronts]
        for link in links:
            self.addCleanup(link.close)
            link.sendall(f"GET /state/p/n HTTP/1.1\r\nHost: x\r\nAuthorization: {AUTH}\r\n\r\n".encode())
            link.recv(1)
        wait_for(lambda: value(scrape(port), "stateward_connections_ended_total", reason="slow") >= len(links),
                 "all are cut off", 60)
        for (name, _), link in zip(fronts, links):
            self.assertLess(self.rest_of(link), len(body), name)
        self.assertEqual(200, self.server.ask("GET", "/health")[0])

    @staticmethod
    def rest_of(link):
        """How many bytes still come."""
        got = 0
        try:
            while piece := link.recv(65536):
                got += len(piece)
        except OSError:
            pass  # it was cut off
        return got


def narrow(_, text):
    """As behind a slow line, of which the kernel keeps little: on the loopback it takes megabytes at once."""
    return (text.replace(" ssl http2;", " ssl http2 sndbuf=64k;")
            .replace("ServerLimit 4", "SendBufferSize 65536\nServerLimit 4"))


def all_that_comes(link, rate, hurry):
    """At `rate` bytes a second until `hurry` is set; then what is left, at once."""
    start, got = time.monotonic(), bytearray()
    try:
        while True:
            want = 65536 if hurry.is_set() else int(rate * (time.monotonic() - start)) - len(got)
            piece = link.recv(want) if want > 0 else None
            if piece == b"":
                return bytes(got)
            got += piece or b""
            hurry.wait(0.1)
    except OSError:
        return bytes(got)  # it was cut off


def in_a_request(port):
    """How many connections of the server are; nobody knows while it does not answer."""
    text = scrape(port)
    return math.inf if text is None else sum(value(text, "stateward_connections", state=state) for state in ("active", "slow"))


class Minute(Fronts):
    """The defaults: 512 bytes a second over 60 s. All parts are under way at the same time, for they wait most of it;
    each test looks at what came of its own."""

    @classmethod
    def setUpClass(cls):
        raise_descriptor_limit()
        certificates()  # all parts take the same, which the first one would make
        parts = (cls.send, cls.read, cls.end_behind_nginx, cls.end_on_the_socket)
        # A thread each, until all are over: what a thread has started ends with it.
        pool = concurrent.futures.ThreadPoolExecutor(len(parts))
        cls.addClassCleanup(pool.shutdown)
        cls.parts = {part.__name__: pool.submit(part) for part in parts}

    def result(self, part):
        return self.parts[part.__name__].result()

    @classmethod
    def send(cls):
        """[(front, what a byte a second was told, after how long, what 1,000 a second were told)]"""
        with Box() as box:
            fronts, jobs = cls.fronts(box, Stateward(box)), []
            for number, (_, where) in enumerate(fronts):
                def slow(where=where, target=f"slow{number}"):
                    with cls.connect(where) as link:
                        link.sendall(cls.request("LOCK", target, LOCK_BYTES))
                        return cls.told(link, 1, 150)

                def phone(where=where, target=f"phone{number}"):
                    with cls.connect(where) as link:
                        link.sendall(cls.request("POST", target, 1000000))
                        return cls.told(link, 1000, 70)[0]
                jobs += [slow, phone]
            results = cls.each(jobs)
            return [(name, *slow, phone) for (name, _), slow, phone in zip(fronts, results[::2], results[1::2])]

    def test_senders(self):
        """A byte a second is 503 after the 60 s of CLIENT_RATE_SECONDS; 1,000 a second, which a phone line
        passes, are under way still."""
        for name, answer, took, phone in self.result(self.send):
            self.assertEqual(503, status_of(answer), (name, answer))
            self.assertIn(b"Retry-After: 15\r\n", answer, name)
            self.assertGreater(took, 55, name)
            self.assertEqual(b"", phone, name)

    @classmethod
    def read(cls):
        """(the document, after how long only those of 1,000 bytes a second were there, how many the server itself
        had cut off, {(way, bytes a second): all that came})"""
        with Box() as box:
            port, start = free_port(), time.monotonic()
            server = Stateward(box, METRICS_LISTEN_ADDR=f"127.0.0.1:{port}")
            body = document(1, 5 * MIB)  # more than nginx takes in for its client (1 MiB)
            server.ask("POST", "/state/p/n", body)
            links = cls.readers(box, server)
            phones = sum(1 for _, rate in links if rate == 1000)
            hurry = threading.Event()

            def watch():
                try:
                    wait_for(lambda: in_a_request(port) == len(links), "the server has all", 60)
                    wait_for(lambda: in_a_request(port) <= phones, "the others are cut off", 300)
                    return (time.monotonic() - start,
                            value(scrape(port), "stateward_connections_ended_total", reason="slow"))
                finally:
                    hurry.set()
            jobs = [lambda link=link, rate=rate: all_that_comes(link, rate, hurry)
                    for (_, rate), link in links.items()]
            (took, cut), *answers = cls.each([watch] + jobs)
            for link in links.values():
                link.close()
            return body, took, cut, dict(zip(links, answers))

    @classmethod
    def readers(cls, box, server):
        """{(way, bytes a second): its connection, on which it has asked for the document}"""
        links = {}
        for name, where in cls.fronts(box, server, narrow):
            for rate in (1000, 0):
                link = links[name, rate] = cls.connect(where, 4096)
                link.sendall(f"GET /state/p/n HTTP/1.1\r\nHost: x\r\nAuthorization: {AUTH}\r\n"
                             "Connection: close\r\n\r\n".encode())
        for rate in (1000, 200, 0):
            link = links["socket", rate] = server.link().socket
            link.sendall(fcgi.request("GET", "/state/p/n", HTTP_AUTHORIZATION=AUTH))
        return links

    def test_readers(self):
        """Who stands still, or takes 200 bytes a second, is cut off: by the web server (nginx after the 90 s of
        send_timeout, Apache after its TimeOut), or by the server itself, as on the socket. Who takes 1,000 gets
        all of it."""
        body, took, cut, answers = self.result(self.read)
        self.assertGreater(took, 55)
        self.assertGreaterEqual(cut, 2)  # those on the socket
        for (way, rate), answer in answers.items():
            content = fcgi.stdout(answer) if way == "socket" else answer
            content = content.partition(b"\r\n\r\n")[2]
            self.assertEqual(rate == 1000, content == body, (way, rate, len(content)))

    @staticmethod
    def end_behind_nginx():
        with Box() as box:
            server = Stateward(box)
            nginx = with_room(Nginx, box, server)
            with over_http(nginx.plain, KINDS, EACH) as crowd:
                crowd.start()
                wait_for(lambda: crowd.rounds, "all are open", 60)
                return server.process.stop()

    def test_an_end_behind_nginx(self):
        """How a server ends that has 1,000 of each kind: it waits for them 35 s (5 s, and 30 s for who is in a
        request); killed after 60 s, it would be another code."""
        self.assertEqual(0, self.result(self.end_behind_nginx))

    @classmethod
    def end_on_the_socket(cls):
        with Box() as box:
            server = Stateward(box, threads=8)
            large = document(1, MIB)  # more than a socket takes in
            for name, body in (("small", document(1, 20000)), ("large", large)):
                server.ask("POST", f"/state/p/{name}", body)
            with over_fcgi(server.socket, KINDS, EACH) as crowd:
                crowd.start()
                wait_for(lambda: crowd.rounds, "all are open", 60)
                with server.link() as sends, server.link() as reads:
                    upload = fcgi.request("POST", "/state/p/up", large, HTTP_AUTHORIZATION=AUTH)
                    sends.send(upload[:MIB // 2])
                    wait_for(lambda: unread(sends) == 0, "the half was read")
                    reads.send(fcgi.request("GET", "/state/p/large", HTTP_AUTHORIZATION=AUTH))
                    first = reads.read_exactly(1000)
                    start = time.monotonic()
                    server.process.send(signal.SIGTERM)
                    wait_for(lambda: not os.path.exists(server.socket), "it ends")
                    sends.send(upload[MIB // 2:])
                    found = {"upload": sends.answer()}
                    (at_once := threading.Event()).set()
                    rest = all_that_comes(reads.socket, 0, at_once)
                found["read"] = fcgi.stdout(first + rest).partition(b"\r\n\r\n")[2] == large
                found["too early"] = crowd.ends["lock", None]
                found["code"], found["took"] = server.process.stop(), time.monotonic() - start
                wait_for(lambda: crowd.ends["lock", None] >= EACH, "the crowd is cut off", 60)
                return found

    def test_an_end_on_the_socket(self):
        """With 1,000 of each kind on it: what is half sent or half read goes on to its end; whose client still sends
        30 s after the drain is cut off then, without an answer, and not before."""
        found = self.result(self.end_on_the_socket)
        self.assertEqual(200, found["upload"] and found["upload"][0])
        self.assertTrue(found["read"])
        self.assertEqual(0, found["too early"])
        self.assertEqual(0, found["code"])
        self.assertGreater(found["took"], 30)


if __name__ == "__main__":
    unittest.main()
