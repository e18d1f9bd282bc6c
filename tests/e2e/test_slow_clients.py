"""Slow clients in crowds, on the socket itself, through nginx and through Apache: nobody else waits."""
import base64
import json
import os
import select
import socket
import threading
import time
import unittest

import fcgi_client as fcgi
from box import PATIENCE_S, Box, wait_for
from client import Client, basic
from slow_crowd import (EACH, KINDS, MIB, Crowd, Ordinary, OverFcgi, Watch, document, over_fcgi, over_http,
                        peak_rss, raise_descriptor_limit, rss, with_room)
from stateward import AUTH, Stateward
from webservers import Apache, Nginx

# How long ordinary clients go on next to them; `make prove-slow`: longer than a byte a second is endured.
SECONDS = int(os.environ.get("STATEWARD_SLOW_SECONDS", "0"))


class SlowClients(unittest.TestCase):
    """Cases A2 and D5, with the server's defaults: 1,000 of each kind. Who is cut off comes again, as clients do:
    a head that never ends is closed after some seconds, an idle one when the web server says so, a body of a byte
    a second after a minute (what it is told then: test_slow_fronts)."""
    # A connection costs its own few KiB, and what has come on it. With the old way a worker's peak was 860 MB.
    CROWD_MIB = 32
    # Readers on the socket whose answer, a MiB, does not fit into its buffers (some 200 KiB): the server has to wait
    # for them. More than it has threads.
    BIG = 100

    def setUp(self):
        raise_descriptor_limit()
        self.box = Box()
        self.addCleanup(self.box.close)
        self.server = Stateward(self.box, threads=8)
        self.assertEqual(200, self.server.ask("POST", "/state/p/small", document(1, 20000))[0])
        # A worker that has served is larger than one that has just begun.
        first = Ordinary(lambda: OverFcgi(self.server.socket), project="first")
        self.assertEqual([], first.run(lambda o: o.cycles >= 100))
        self.idle_links = Watch(self.server).links()

    def nobody_waits(self, make_crowd, make_client, least_links, big=0):
        """big: so many answers of a MiB wait at the server."""
        watch = Watch(self.server)
        most = (self.CROWD_MIB + big) * MIB
        with make_crowd() as crowd:
            crowd.start()
            wait_for(lambda: crowd.rounds, "all are open", 60)
            wait_for(lambda: watch.grown() >= big * MIB / 2, "the answers wait", 60)
            # Without a pause they would write 100,000 states in such a time.
            ordinary = Ordinary(make_client, pause_s=0.5 if SECONDS else 0.0)
            end = time.monotonic() + SECONDS
            bad = ordinary.run(lambda o: o.cycles >= 100 and o.healths >= 30 and time.monotonic() > end)
            self.assertEqual([], bad)
            self.assertGreaterEqual(ordinary.cycles, 100)
            if SECONDS > 120:
                self.assertGreaterEqual(crowd.ends["lock", 503], EACH)
            rounds = crowd.rounds
            wait_for(lambda: crowd.rounds > rounds, "all are open still", 60)
            # And Stateward has them: that their bodies are awaited is no matter of the web server alone.
            wait_for(lambda: watch.links() >= least_links, "the crowd is at the server", 60)
            self.assertEqual([], crowd.strange)
            wait_for(lambda: watch.grown() >= big * MIB / 2, "they wait still", 60)
            self.assertLess(watch.grown(), most)
        # The old peak came when they were closed.
        wait_for(lambda: watch.links() < self.idle_links + 100, "they are gone", 60)
        self.assertLess(watch.peak(), most)

    def test_on_the_socket(self):
        self.assertEqual(200, self.server.ask("POST", "/state/p/big", document(1, MIB))[0])
        self.nobody_waits(lambda: over_fcgi(self.server.socket, KINDS, EACH, self.BIG),
                          lambda: OverFcgi(self.server.socket), 3 * EACH, self.BIG)

    def through(self, web, site="plain+tls"):
        front = with_room(web, self.box, self.server, site)
        where = (front.tls, front.context()) if site == "example" else (front.plain, None)
        self.nobody_waits(lambda: over_http(where[0], KINDS, EACH, where[1]),
                          lambda: Client(*where, auth=AUTH, keep=True), EACH)

    def test_through_nginx(self):
        self.through(Nginx)

    def test_through_the_example_site_of_nginx(self):
        """Its limits per address stand: the crowd comes from eight addresses, as crowds do."""
        self.through(Nginx, "example")

    def test_through_apache(self):
        self.through(Apache)

    def test_through_the_example_site_of_apache(self):
        self.through(Apache, "example")


class Budget(unittest.TestCase):
    """Cases A3 and A4, with a small budget in one worker."""

    def setUp(self):
        raise_descriptor_limit()
        self.box = Box()
        self.addCleanup(self.box.close)
        self.server = Stateward(self.box, threads=4, workers=1, MAX_INFLIGHT_BYTES="64M")
        self.pid = wait_for(self.server.workers, "there is a worker")[0]

    def upload(self, number, size, sent):
        """A POST that says `size` and stands still after `sent` bytes."""
        link = self.server.link()
        self.addCleanup(link.close)
        link.send(fcgi.begin(flags=fcgi.KEEP) + fcgi.params(
            {"REQUEST_METHOD": "POST", "REQUEST_URI": "/state/p/big", "CONTENT_LENGTH": str(size),
             "HTTP_AUTHORIZATION": basic("basic", f"big{number % 10}")}))
        piece = fcgi.record(fcgi.STDIN, b"x" * 32768)
        for _ in range(sent // 32768):
            link.send(piece)
        link.send(fcgi.record(fcgi.STDIN, b"x" * (sent % 32768)) if sent % 32768 else b"")
        return link

    def test_only_what_arrived_counts(self):
        # A worker that has just begun is smaller than one that has served.
        self.assertEqual(200, self.server.ask("POST", "/state/p/first", document(1, 20000))[0])
        before = rss(self.pid)
        for i in range(100):
            self.upload(i, 64 * MIB, 1)
        self.assertEqual(200, self.server.ask("POST", "/state/p/large", document(1, 10 * MIB))[0])
        body = document(1, 20000)
        for i in range(20):
            self.assertEqual(200, self.server.ask("LOCK", f"/state/p/n{i}", b'{"ID":"a"}')[0])
            self.assertEqual(200, self.server.ask("POST", f"/state/p/n{i}?ID=a", body)[0])
        wait_for(lambda: rss(self.pid) - before < 12 * MIB, "memory is given back")

    def test_beyond_the_budget_is_refused_before_the_body_is_read(self):
        for i in range(3):
            self.upload(i, 20 * MIB, 19 * MIB)
        wait_for(lambda: rss(self.pid) > 57 * MIB, "the bodies are there")
        link = self.upload(9, 20 * MIB, 0)
        status, headers, _ = link.answer()
        self.assertEqual((503, "2"), (status, headers["Retry-After"]))
        # Small ones have room of their own.
        for i in range(20):
            self.assertEqual(200, self.server.ask("LOCK", f"/state/p/n{i}", b'{"ID":"a"}')[0])
            self.assertEqual(200, self.server.ask("UNLOCK", f"/state/p/n{i}", b'{"ID":"a"}')[0])

    def test_one_principal_has_a_share(self):
        self.upload(1, 31 * MIB, 30 * MIB)
        wait_for(lambda: rss(self.pid) > 30 * MIB, "the body is there")
        self.assertEqual(503, self.upload(1, 20 * MIB, 0).answer()[0])
        other = self.upload(2, 20 * MIB, 0)
        other.socket.settimeout(1)
        with self.assertRaises(TimeoutError):  # its body is waited for
            other.answer()

    def test_answers_that_wait_count(self):
        big = document(1, 20 * MIB)
        self.assertEqual(200, self.server.ask("POST", "/state/p/big", big)[0])
        with Crowd(self.server.socket, socket.AF_UNIX) as crowd:
            for _ in range(8):
                crowd.open(fcgi.request("GET", "/state/p/big", flags=fcgi.KEEP,
                                        HTTP_AUTHORIZATION=AUTH), reads=True)
            refused = wait_for(lambda: [one.link for one in crowd.members
                                        if b"Status: 503" in self.peek(one.link)], "some are refused")
            self.assertIn(b"Retry-After: 2", self.peek(refused[0]))
            # What waits is bounded, and what was made for the refused ones was given back.
            wait_for(lambda: rss(self.pid) < 85 * MIB, "memory is given back")

    def test_copies_are_bounded_by_the_threads(self):
        """What a thread handles is copied (docs/running.md, "Memory"); what waits for one is not."""
        threads, uploads, size = 2, 5, 8
        self.server.process.stop()
        server = Stateward(self.box, threads=threads, workers=1, MAX_INFLIGHT_BYTES="512M",
                           MEMORY_SHARE_PERCENT="100")
        pid = wait_for(server.workers, "there is a worker")[0]
        # As states are that compress badly.
        filler = base64.b64encode(os.urandom(size * MIB * 3 // 4)).decode()
        for serial in (1, 2):  # the second over the first, which is read then
            before = rss(pid)
            with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
                file.write("5")  # the peak begins again
            body = json.dumps({"version": 4, "serial": serial, "lineage": "l", "x": filler}).encode()
            statuses = []
            clients = [threading.Thread(target=lambda i=i, body=body: statuses.append(
                server.ask("POST", f"/state/p/n{i}", body)[0])) for i in range(uploads)]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            self.assertEqual([200] * uploads, statuses)
            self.assertLess(peak_rss(pid) - before,
                            (uploads + 2.5 * threads) * size * MIB + 20 * MIB)

    @staticmethod
    def peek(link):
        try:
            return link.recv(600, socket.MSG_PEEK)
        except BlockingIOError:
            return b""


class Pace(unittest.TestCase):
    """Who is too slow: a sender is told, a reader is cut off."""

    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.server = Stateward(self.box, workers=1, CLIENT_MIN_RATE="10000",
                                CLIENT_RATE_SECONDS="2")

    def test_a_slow_sender_is_503(self):
        with self.server.link() as link:
            link.send(fcgi.begin(flags=fcgi.KEEP) + fcgi.params(
                {"REQUEST_METHOD": "LOCK", "REQUEST_URI": "/state/p/n", "CONTENT_LENGTH": "9000",
                 "HTTP_AUTHORIZATION": AUTH}) + fcgi.record(fcgi.STDIN, b"{"))
            status, headers, _ = link.answer()
            self.assertEqual(503, status)
            self.assertIn("Retry-After", headers)
            self.assertTrue(link.ended())

    def test_a_sender_that_is_fast_enough_takes_as_long_as_it_takes(self):
        body = document(1, 200000)
        # One in which we stood still was not fast enough, and proves nothing.
        for _ in range(10):
            status, took, longest = self.paced_upload(body)
            if status == 200 or longest < 0.9:
                break
        self.assertEqual(200, status, f"with a pause of {longest:.1f} s")
        self.assertGreater(took, 2 * 2)  # windows

    def paced_upload(self, body):
        """(its status, or None; how long it took; the longest pause in it)."""
        start = last = time.monotonic()
        longest = 0
        with self.server.link() as link:
            try:
                link.send(fcgi.begin() + fcgi.params(
                    {"REQUEST_METHOD": "POST", "REQUEST_URI": "/state/p/n",
                     "CONTENT_LENGTH": str(len(body)), "HTTP_AUTHORIZATION": AUTH}))
                for at in range(0, len(body), 15000):
                    link.send(fcgi.record(fcgi.STDIN, body[at:at + 15000]))
                    longest, last = max(longest, time.monotonic() - last), time.monotonic()
                    time.sleep(0.4)
                longest = max(longest, time.monotonic() - last)
                link.send(fcgi.record(fcgi.STDIN))
            except OSError:  # it was cut off
                pass
            answer = link.answer()
        return answer and answer[0], time.monotonic() - start, longest

    def test_a_slow_reader_is_cut_off(self):
        self.assertEqual(200, self.server.ask("POST", "/state/p/n", document(1, 5 * MIB))[0])
        with self.server.link() as link:
            link.send(fcgi.request("GET", "/state/p/n", flags=fcgi.KEEP, HTTP_AUTHORIZATION=AUTH))
            ended = select.poll()
            ended.register(link.socket, select.POLLHUP)
            self.assertTrue(ended.poll(PATIENCE_S * 1000), "it is cut off although nothing is read")
            self.assertIsNone(link.answer())
        self.assertEqual(200, self.server.ask("GET", "/health")[0])


if __name__ == "__main__":
    unittest.main()
