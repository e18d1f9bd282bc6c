"""Slow clients in crowds, on the socket itself, through nginx and through Apache: nobody else waits."""
import base64
import json
import os
import re
import select
import signal
import socket
import threading
import time
import unittest

import fcgi_client as fcgi
from box import PATIENCE_S, Box, wait_for
from client import Client, basic
from slow_crowd import (MIB, SECRETS, Crowd, Ordinary, Paced, document, over_fcgi, over_http,
                        raise_descriptor_limit)
from stateward import AUTH, Stateward
from webservers import Apache, Nginx

EACH = 1000  # connections of each kind
KINDS = ("lock", "head", "idle", "read")


def rss(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_rss(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read()).group(1)) * 1024


class OverFcgi:
    """As Client, straight to the socket on a kept connection."""

    def __init__(self, path):
        self.link = fcgi.Link(path)

    def ask(self, method, target, body=None):
        self.link.send(fcgi.request(method, target, body, flags=fcgi.KEEP, HTTP_AUTHORIZATION=AUTH))
        status, headers, content = self.link.answer()
        return type("Answer", (), {"status": status, "headers": headers, "body": content})

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


class SlowClients(unittest.TestCase):
    """Cases A2 and D5."""

    def setUp(self):
        raise_descriptor_limit()
        self.box = Box()
        self.addCleanup(self.box.close)
        # Nobody is cut off as too slow while this is under way.
        self.server = Stateward(self.box, threads=8, CLIENT_RATE_SECONDS="600")
        self.assertEqual(200, self.server.ask("POST", "/state/p/small", document(1, 20000))[0])

    def nobody_waits(self, crowd, make_client, least_alive):
        with crowd:
            crowd.start()
            ordinary = Ordinary(make_client)
            bad = ordinary.run(lambda o: o.cycles >= 100 and o.healths >= 30)
            self.assertEqual([], bad)
            self.assertGreaterEqual(ordinary.cycles, 100)
            self.assertGreaterEqual(crowd.alive(), least_alive)
            self.assertGreaterEqual(crowd.unanswered(), EACH)  # the bodies are still awaited

    def test_on_the_socket(self):
        crowd = over_fcgi(self.server.socket, KINDS, EACH)
        # Those whose head never ends are closed after some seconds.
        self.nobody_waits(crowd, lambda: OverFcgi(self.server.socket), 3 * EACH)

    def test_through_nginx(self):
        def edit(_, text):
            return text.replace("events { worker_connections 512; }",
                                "worker_rlimit_nofile 16384; events { worker_connections 8192; }")
        nginx = Nginx(self.box, "unix:" + self.server.socket, edit=edit)
        crowd = over_http(nginx.plain, KINDS, EACH)
        self.nobody_waits(crowd, lambda: Client(nginx.plain, auth=AUTH, keep=True), 3 * EACH)

    def test_through_apache(self):
        """A thread of Apache's for each that sends slowly, so its limit is raised, as nginx's."""
        def edit(_, text):
            # Apache's own guard against slow clients, which would hide ours.
            return (text.replace("ServerLimit 4", "RequestReadTimeout header=0 body=0\n"
                                 "ServerLimit 10")
                    .replace("ThreadsPerChild 25", "ThreadLimit 128\nThreadsPerChild 128")
                    .replace("MaxRequestWorkers 100", "MaxRequestWorkers 1280"))
        apache = Apache(self.box, "unix:" + self.server.socket, edit=edit)
        crowd = over_http(apache.plain, ("lock", "read"), EACH)
        self.nobody_waits(crowd, lambda: Client(apache.plain, auth=AUTH, keep=True), EACH)

    def test_large_bodies_and_answers_at_100_kb_a_second(self):
        """As many as the budget holds; what is beyond it is 503 at once, and nobody else is."""
        each, size = 12, 20 * MIB
        self.server.process.stop()
        server = Stateward(self.box, threads=8, MAX_INFLIGHT_BYTES="256M")
        nginx = Nginx(self.box, "unix:" + server.socket)
        body = document(1, size)
        secrets = [basic("basic", f"slow{i}") for i in range(SECRETS)]
        for secret in secrets:
            self.assertEqual(200, server.ask("POST", "/state/slow/big", body,
                                             HTTP_AUTHORIZATION=secret)[0])
        with Paced(nginx.plain, socket.AF_INET) as crowd:
            for i in range(each):
                auth = f"Host: x\r\nAuthorization: {secrets[i % SECRETS]}\r\n"
                crowd.open(f"POST /state/slow/up{i} HTTP/1.1\r\n{auth}Content-Length: {len(body)}"
                           "\r\n\r\n".encode(), body)
                crowd.open(f"GET /state/slow/big HTTP/1.1\r\n{auth}\r\n".encode(), reads=True)
            crowd.start()
            ordinary = Ordinary(lambda: Client(nginx.plain, auth=AUTH, keep=True))
            bad = ordinary.run(lambda o: o.cycles >= 100 and o.healths >= 30
                               and crowd.least() >= 3 * crowd.RATE)
            self.assertEqual([], bad)
            self.assertGreaterEqual(ordinary.cycles, 100)
            # They were under way all the time, and at their pace.
            self.assertGreaterEqual(crowd.least(), 3 * crowd.RATE)
            self.assertLess(max(crowd.moved.values()), size)
            self.assertGreaterEqual(2 * each - len(crowd.refused), each)


class Lifecycle(unittest.TestCase):
    """Reload, end and death of a worker while a crowd sends slowly: as without the crowd."""

    def setUp(self):
        raise_descriptor_limit()
        self.box = Box()
        self.addCleanup(self.box.close)
        self.server = Stateward(self.box, threads=8)
        self.nginx = Nginx(self.box, "unix:" + self.server.socket, edit=lambda _, text: text.replace(
            "worker_connections 512;", "worker_connections 4096;"))
        self.assertEqual(200, self.server.ask("POST", "/state/p/small", document(1, 20000))[0])

    def disturbed(self, disturb):
        """What ordinary clients were answered that they should not have been."""
        with over_http(self.nginx.plain, ("lock", "read"), 200) as crowd:
            crowd.start()
            ordinary = Ordinary(lambda: Client(self.nginx.plain, auth=AUTH, keep=True))
            steps = iter(disturb)
            at = [20]

            def enough(now):
                if now.cycles >= at[0]:
                    at[0] += 20
                    step = next(steps, None)
                    if step is None:
                        return True
                    step()
                return False
            return ordinary.run(enough)

    def test_reloads(self):
        reload = lambda: self.server.process.send(signal.SIGHUP)  # pylint: disable=C3001
        self.assertEqual([], self.disturbed([reload, reload, reload]))

    def test_a_worker_that_is_told_to_end(self):
        def term():
            os.kill(self.server.workers()[0], signal.SIGTERM)
        self.assertEqual([], self.disturbed([term]))

    def test_a_worker_that_dies(self):
        def kill():
            os.kill(self.server.workers()[0], signal.SIGKILL)
        bad = self.disturbed([kill])
        # What was on that worker may fail, as an outage that clients wait out.
        self.assertLess(len(bad), 20, bad)
        for _, answer in bad:
            self.assertEqual(503, answer.status, bad)
            self.assertIsNotNone(answer.header("Retry-After"))


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
            refused = wait_for(lambda: [link for link, *_ in crowd.links
                                        if b"Status: 503" in self.peek(link)], "some are refused")
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
