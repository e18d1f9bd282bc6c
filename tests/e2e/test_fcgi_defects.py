"""The defects of libfcgi and of web servers that the FastCGI layer closes, one test each."""
import fcntl
import json
import os
import select
import signal
import struct
import termios
import threading
import time
import unittest

import fcgi_client as fcgi
from box import Box, wait_for
from client import Client
from service import stands
from stateward import AUTH, PROGRAM, Stateward
from webservers import Nginx

DRAIN_S = 5  # fcgi_loop.h

def document(serial, filler=0):
    return json.dumps({"version": 4, "serial": serial, "lineage": "l", "x": "y" * filler}).encode()


def unread(link):
    """How much of what went into a link was not read at the other end; with the kernel's own, above 0."""
    return struct.unpack("i", fcntl.ioctl(link.socket, termios.TIOCOUTQ, b"\0" * 4))[0]


class Defects(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)

    def serve(self, threads=2, workers=1, **options):
        # Few threads, so that one that is held shows at once.
        return Stateward(self.box, threads=threads, workers=workers, **options)

    def test_an_unread_body_never_becomes_a_request(self):
        server = self.serve()
        forged = fcgi.request("GET", "/health", REMOTE_USER="admin")
        with server.link() as link:
            # No credentials: 401 before the body is read, with the connection to be kept. libfcgi
            # drops what it has in its buffer; the rest of the body would be the next request.
            body = b"x" * (8192 * 2) + forged * 200
            link.send(fcgi.begin(flags=fcgi.KEEP) +
                      fcgi.params({"REQUEST_METHOD": "POST", "REQUEST_URI": "/state/p/n",
                                   "CONTENT_LENGTH": str(len(body))}))
            status, _, _ = link.answer(to_end=False)
            self.assertEqual(401, status)
            try:
                link.send(forged * 50)
                self.assertIsNone(link.answer(), "a request was read out of a body")
            except (BrokenPipeError, ConnectionResetError):
                pass

    def test_a_short_rest_is_read_away_and_the_connection_stays_good(self):
        server = self.serve()
        forged = fcgi.request("GET", "/health", REMOTE_USER="admin")
        with server.link() as link:
            for body in (b"x" * 10000, forged * 100, b"x" * 900000):
                link.send(fcgi.begin(flags=fcgi.KEEP) +
                          fcgi.params({"REQUEST_METHOD": "POST", "REQUEST_URI": "/state/p/n",
                                       "CONTENT_LENGTH": str(len(body))}))
                self.assertEqual(401, link.answer(to_end=False)[0])
                # The end record comes when the web server has nothing more to send, not before: it
                # would pool a connection that is full of another client's body.
                link.send(b"".join(fcgi.record(fcgi.STDIN, body[at:at + 32768])
                                   for at in range(0, len(body), 32768)) + fcgi.record(fcgi.STDIN))
                end = link.read_exactly(24)  # an empty STDOUT, and END_REQUEST
                self.assertEqual((fcgi.STDOUT, fcgi.END), (end[1], end[9]))
            link.send(fcgi.request("GET", "/health", flags=fcgi.KEEP))
            self.assertEqual(200, link.answer()[0])

    def test_a_kept_connection_serves_many_requests(self):
        server = self.serve()
        with server.link() as link:
            for _ in range(50):
                link.send(fcgi.request("GET", "/health", flags=fcgi.KEEP))
                self.assertEqual(200, link.answer()[0])
            body = document(1)
            link.send(fcgi.request("POST", "/state/p/n", body, flags=fcgi.KEEP,
                                   HTTP_AUTHORIZATION=AUTH))
            self.assertEqual(200, link.answer()[0])
            link.send(fcgi.request("GET", "/state/p/n", flags=fcgi.KEEP, HTTP_AUTHORIZATION=AUTH))
            self.assertEqual(body, link.answer()[2])

    def test_bytes_behind_a_request_end_the_connection(self):
        server = self.serve()
        with server.link() as link:
            # More than libfcgi reads ahead, and drops.
            link.send(fcgi.request("GET", "/health", flags=fcgi.KEEP) * 200)
            self.assertEqual(200, link.answer()[0])
            self.assertIsNone(link.answer())

    def test_idle_kept_connections_hold_no_thread(self):
        server = self.serve(threads=2)
        links = [server.link() for _ in range(64)]
        try:
            for link in links:
                link.send(fcgi.request("GET", "/health", flags=fcgi.KEEP))
                self.assertEqual(200, link.answer()[0])
            self.answers_while_open(server, links)
        finally:
            for link in links:
                link.close()

    def answers_while_open(self, server, links):
        """Not because one of them was closed."""
        self.assertEqual(200, server.ask("GET", "/health")[0])
        for link in links:
            link.socket.setblocking(False)
            with self.assertRaises(BlockingIOError):  # neither an answer nor an end
                link.socket.recv(1)

    def test_silent_connections_hold_no_thread(self):
        server = self.serve(threads=2)
        links = [server.link() for _ in range(32)]
        try:
            self.answers_while_open(server, links)
        finally:
            for link in links:
                link.close()

    def test_management_records_never_reach_the_library(self):
        server = self.serve()
        worker = wait_for(server.workers, "there is a worker")
        values = b"".join(fcgi.pair("FCGI_MAX_CONNS", "") for _ in range(64))
        attack = fcgi.record(fcgi.GET_VALUES, values, request_id=0)
        head = fcgi.begin()
        some = fcgi.record(fcgi.PARAMS, fcgi.pair("REQUEST_METHOD", "GET"))
        whole = head + fcgi.params({"REQUEST_METHOD": "POST", "REQUEST_URI": "/state/p/n",
                                    "HTTP_AUTHORIZATION": AUTH, "CONTENT_LENGTH": "1000"})
        body = fcgi.record(fcgi.STDIN, b"x" * 10)
        # The first is the one that was found: libfcgi answers such a record into a fixed buffer of 64 bytes.
        probe = head + fcgi.params({"REQUEST_METHOD": "GET", "REQUEST_URI": "/health"})
        for data in (probe + attack + fcgi.record(fcgi.STDIN), whole + attack,
                     attack, head + attack, head + some + attack, attack[:4] + b"\0" * 60,
                     whole + body + attack,
                     whole + body + attack[:3], whole + fcgi.record(fcgi.GET_VALUES, values),
                     whole + body + fcgi.record(fcgi.ABORT), whole + fcgi.record(fcgi.DATA, b"x"),
                     whole + fcgi.record(fcgi.STDIN, b"x", request_id=2)):
            with server.link() as link:
                link.send(data)
                link.answer()  # /health may be answered before the record is seen
                self.assertTrue(link.ended())
            self.assertEqual(200, server.ask("GET", "/health")[0])
            self.assertEqual(worker, server.workers(), "a worker died")

    def test_a_parameter_stream_that_breaks_off_is_no_request(self):
        server = self.serve()
        body = document(1)
        whole = {"REQUEST_METHOD": "POST", "REQUEST_URI": "/state/p/n",
                 "HTTP_AUTHORIZATION": AUTH, "CONTENT_LENGTH": str(len(body))}
        stream = fcgi.begin() + fcgi.record(fcgi.PARAMS, b"".join(
            fcgi.pair(k, v) for k, v in whole.items()))
        for cut in (len(stream), len(stream) - 3, 20):  # at a pair's end; within one; in a header
            with server.link() as link:
                link.send(stream[:cut])
                link.socket.shutdown(1)
                self.assertIsNone(link.answer())
            with server.link() as link:  # and silence in place of the end
                link.send(stream[:cut])
                self.assertTrue(link.ended())
        self.assertEqual(404, server.ask("GET", "/state/p/n")[0])

    def test_heads_beyond_the_limits_are_refused(self):
        server = self.serve()
        many = {f"X{i}": "y" for i in range(300)}
        for more in (many, {"HTTP_X": "z" * 70000}):
            with server.link() as link:
                try:
                    link.send(fcgi.request("GET", "/health", **more))
                    self.assertIsNone(link.answer())
                except (BrokenPipeError, ConnectionResetError):
                    pass
        self.assertEqual(200, server.ask("GET", "/health", HTTP_X="z" * 60000)[0])
        lies = fcgi.begin() + fcgi.record(fcgi.PARAMS, b"\xff\xff\xff\xff\xff\xff\xff\xff")
        with server.link() as link:
            link.send(lies + fcgi.record(fcgi.PARAMS))
            self.assertTrue(link.ended())

    def test_other_roles_versions_and_ids_are_refused(self):
        server = self.serve()
        good = fcgi.params({"REQUEST_METHOD": "GET", "REQUEST_URI": "/health"})
        end = fcgi.record(fcgi.STDIN)
        for bad in (fcgi.begin(role=2) + good + end, fcgi.begin(role=3) + good + end,
                    fcgi.begin(request_id=0) + good + end, fcgi.begin(request_id=7) + good + end,
                    b"\2" + fcgi.begin()[1:] + good + end, b"GET / HTTP/1.0\r\n\r\n" + b"\0" * 40):
            with server.link() as link:
                link.send(bad)
                self.assertIsNone(link.answer())
        no_uri = fcgi.begin() + fcgi.params({"REQUEST_METHOD": "GET"}) + end
        with server.link() as link:
            link.send(no_uri)
            self.assertIsNone(link.answer())

    def test_a_request_whose_client_is_gone_is_not_carried_out(self):
        """It waits in the socket of a worker that stands still; its client gives up, sends it again and goes on."""
        server = self.serve(workers=1)
        self.assertEqual(200, server.ask("POST", "/state/p/n", document(2))[0])
        lock = json.dumps({"ID": "gone", "Operation": "OperationTypeApply"}).encode()
        late = [fcgi.request("DELETE", "/state/p/n", HTTP_AUTHORIZATION=AUTH),
                fcgi.request("LOCK", "/state/p/n", lock, HTTP_AUTHORIZATION=AUTH),
                # A state that was sent may be the only copy: it is judged by its serial, and kept.
                fcgi.request("POST", "/state/p/n", document(1), HTTP_AUTHORIZATION=AUTH)]
        worker, = server.workers()
        os.kill(worker, signal.SIGSTOP)
        # A thread that computes goes on for a moment.
        wait_for(lambda: stands(worker), "the worker stands still")
        try:
            for request in late:
                with server.link() as link:
                    link.send(request)
        finally:
            os.kill(worker, signal.SIGCONT)
        # Behind them in the backlog.
        answer = server.ask("GET", "/state/p/n")
        self.assertEqual((200, document(2)), (answer[0], bytes(answer[2])))
        wait_for(lambda: server.log().count("its client is gone") == 2 and
                 "method=POST state=p/n status=409" in server.log(), "the log tells of all three")
        lock = json.dumps({"ID": "next", "Operation": "OperationTypeApply"}).encode()
        self.assertEqual(200, server.ask("LOCK", "/state/p/n", lock)[0])
        self.assertEqual(200, server.ask("POST", "/state/p/n?ID=next", document(3))[0])

    def test_a_log_that_nobody_reads_stops_nobody(self):
        pipe = self.box.path("log.fifo")
        os.mkfifo(pipe)
        self.box.give(pipe)
        read = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        try:
            server = self.serve(argv=("bash", "-c", 'exec "$1" 2>"$0"', pipe, PROGRAM))
            body = document(1)
            for i in range(600):  # 64 KiB are full after some 200 lines
                self.assertEqual(404, server.ask("GET", f"/state/p/n{i}", body)[0])
            text = b""
            while not text.count(b"left out"):
                try:
                    text += os.read(read, 1 << 16)
                except BlockingIOError:
                    self.assertEqual(404, server.ask("GET", "/state/p/n")[0])
            self.assertRegex(text, rb"lines of the log were left out here.* lines=\d+")
        finally:
            os.close(read)

    def test_a_short_body_is_never_stored(self):
        server = self.serve()
        body = document(1)
        lengths = {"CONTENT_LENGTH": str(len(body) + 1)}
        # It says that it is longer than it is.
        answer = server.ask("POST", "/state/p/n", body, **lengths)
        self.assertEqual(503, answer[0])
        # It says that it is shorter.
        self.assertEqual(503, server.ask("POST", "/state/p/n", body,
                                         CONTENT_LENGTH=str(len(body) - 1))[0])
        # It breaks off: with a length, and without one (chunked), each time on whole JSON.
        for size in (str(len(body) + 10), ""):
            with server.link() as link:
                link.send(fcgi.begin() + fcgi.params(
                    {"REQUEST_METHOD": "POST", "REQUEST_URI": "/state/p/n", "CONTENT_LENGTH": size,
                     "HTTP_TRANSFER_ENCODING": "chunked", "HTTP_AUTHORIZATION": AUTH}))
                link.send(fcgi.record(fcgi.STDIN, body))
                link.socket.shutdown(1)
                answer = link.answer()
                self.assertTrue(answer is None or answer[0] == 503, answer)
        self.assertEqual(404, server.ask("GET", "/state/p/n")[0])
        # Without a length, but whole.
        self.assertEqual(200, server.ask("POST", "/state/p/n", body, CONTENT_LENGTH="",
                                         HTTP_TRANSFER_ENCODING="chunked")[0])

    def test_the_answer_to_an_unread_upload_arrives(self):
        server = self.serve()
        with server.link() as link:
            link.send(fcgi.begin() + fcgi.params(
                {"REQUEST_METHOD": "POST", "REQUEST_URI": "/state/p/n",
                 "CONTENT_LENGTH": str(50 << 20)}))
            sent = threading.Thread(target=self.flood, args=(link,))
            sent.start()
            wait_for(lambda: select.select([link.socket], [], [], 0)[0], "the answer is there")
            wait_for(lambda: unread(link) > 65536 or not sent.is_alive(), "the socket is full of unread bytes")
            self.assertEqual(401, link.answer()[0])
            link.close()
            sent.join()

    @staticmethod
    def flood(link):
        try:
            for _ in range(50):
                link.send(fcgi.record(fcgi.STDIN, b"x" * 32768) * 32)
        except OSError:
            pass

    def test_out_of_descriptors_makes_room_by_closing_the_idle(self):
        limit = ["prlimit", "--nofile=60:60", PROGRAM]
        server = self.serve(argv=limit)
        links = [server.link() for _ in range(80)]
        try:
            # While all of them are open.
            self.assertEqual(200, server.ask("GET", "/health")[0])
        finally:
            for link in links:
                link.close()
        self.assertEqual(200, server.ask("GET", "/health")[0])
        self.assertTrue(server.process.alive())
        self.assertIn("too many connections", server.process.log())

    def test_term_while_idle_ends_at_once(self):
        server = self.serve()
        # The best of some: on a busy machine one may take long, but one that waits for its drain takes that long
        # each time.
        for left in range(4, -1, -1):
            server.ask("GET", "/health")
            start = time.monotonic()
            self.assertEqual(0, server.process.stop(signal.SIGTERM))
            took = time.monotonic() - start
            self.assertFalse(os.path.exists(server.socket))
            if took < 2:
                break
            self.assertGreater(left, 0, f"it took {took:.1f} s")
            server.start()

    def test_term_with_kept_connections_ends_within_the_drain(self):
        server = self.serve()
        with server.link() as link:
            link.send(fcgi.request("GET", "/health", flags=fcgi.KEEP))
            link.answer()
            start = time.monotonic()
            server.process.send(signal.SIGTERM)
            wait_for(lambda: not os.path.exists(server.socket), "it ends")
            # What the web server sends meanwhile is still served.
            served = 0
            while time.monotonic() - start < 1 or not served:
                answer = self.ask_on(link)
                if served and answer is None and time.monotonic() - start >= DRAIN_S:
                    break  # we stood still
                self.assertEqual(200, answer and answer[0])
                served += 1
                time.sleep(0.1)
            self.assertEqual(0, server.process.stop(signal.SIGTERM))
            # What is busy has 30 s more.
            self.assertLess(time.monotonic() - start, DRAIN_S + 15)

    @staticmethod
    def ask_on(link):
        try:
            link.send(fcgi.request("GET", "/health", flags=fcgi.KEEP))
        except BrokenPipeError:
            return None
        return link.answer()

    def test_term_while_busy_finishes_the_request(self):
        server = self.serve()
        body = document(1, 1 << 20)
        with server.link() as link:
            link.send(fcgi.begin() + fcgi.params(
                {"REQUEST_METHOD": "POST", "REQUEST_URI": "/state/p/n",
                 "CONTENT_LENGTH": str(len(body)), "HTTP_AUTHORIZATION": AUTH}))
            half = len(body) // 2
            for at in range(0, half, 32768):
                link.send(fcgi.record(fcgi.STDIN, body[at:min(at + 32768, half)]))
            wait_for(lambda: unread(link) == 0, "the half was read")
            server.process.send(signal.SIGTERM)
            time.sleep(0.5)  # nothing tells that it was taken; when it is later, the test sees less and passes
            for at in range(half, len(body), 32768):
                link.send(fcgi.record(fcgi.STDIN, body[at:at + 32768]))
            link.send(fcgi.record(fcgi.STDIN))
            self.assertEqual(200, link.answer()[0])
        self.assertEqual(0, server.process.stop(signal.SIGTERM))


class Load(unittest.TestCase):
    """Through nginx with its kept connections, as shipped; every answer counts."""

    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.server = Stateward(self.box)
        self.nginx = Nginx(self.box, "unix:" + self.server.socket)
        self.stop = threading.Event()
        self.bad, self.good, self.repeats = [], 0, []
        self.threads = [threading.Thread(target=self.hammer, args=(i,)) for i in range(16)]

    def hammer(self, number):
        client = Client(self.nginx.plain, auth=AUTH, keep=True)
        target = f"/state/load/s{number}"
        serial = 0
        while not self.stop.is_set():
            serial += 1
            for answer in (client.post(target, document(serial)), client.get(target)):
                if answer.status == 200:
                    self.good += 1
                else:
                    self.bad.append(answer)
        client.close()
        self.repeats.append(client.repeats)

    def run_load(self, disturb):
        for thread in self.threads:
            thread.start()
        try:
            wait_for(lambda: self.good > 200, "the load runs")
            disturb()
            before = self.good
            wait_for(lambda: self.good > before + 200, "the load goes on")
        finally:
            self.stop.set()
            for thread in self.threads:
                thread.join()
        # Also for a worker that is killed: nginx has an answer then. A client that broke has not got here.
        self.assertEqual([0] * len(self.threads), self.repeats)
        return self.bad

    def replaced(self, old):
        now = self.server.workers()
        return len(now) == 2 and old not in now

    def test_a_worker_that_is_told_to_end_loses_no_request(self):
        def disturb():
            for _ in range(2):
                worker = self.server.workers()[0]
                os.kill(worker, signal.SIGTERM)
                wait_for(lambda w=worker: self.replaced(w), "the worker is replaced")
        self.assertEqual([], self.run_load(disturb))

    def test_a_reload_loses_no_request(self):
        def disturb():
            for _ in range(5):
                before = self.reloads()
                self.server.process.send(signal.SIGHUP)
                wait_for(lambda n=before: self.reloads() > n, "the settings were read again")
        self.assertEqual([], self.run_load(disturb))

    def reloads(self):
        return self.server.process.log().count("settings were read again")

    def test_a_killed_worker_is_replaced(self):
        def disturb():
            worker = self.server.workers()[0]
            os.kill(worker, signal.SIGKILL)
            wait_for(lambda: self.replaced(worker), "the worker is replaced")
        bad = self.run_load(disturb)
        # Only what was on that worker may fail (each client has one request under way), and then as
        # an outage that clients wait out.
        self.assertLessEqual(len(bad), len(self.threads))
        for answer in bad:
            self.assertEqual(503, answer.status)
            self.assertIsNotNone(answer.header("Retry-After"))


if __name__ == "__main__":
    unittest.main()
