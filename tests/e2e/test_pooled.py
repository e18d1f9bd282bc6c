"""Refused uploads on the connections that nginx pools: they disturb nobody else."""
import collections
import json
import re
import socket
import threading
import time
import unittest

import fcgi_client as fcgi
from box import PATIENCE_S, Box, wait_for
from client import Client, basic
from policy_world import TOKENS, policy
from slow_crowd import MIB, document
from stateward import AUTH, Stateward
from webservers import Apache, Nginx


class Pooled(unittest.TestCase):
    """Cases A6 and D6: refused uploads beside others, on the connections that nginx pools."""

    def pipeline(self, port, requests, statuses):
        """Sends all at once and notes an answer that is not the one of `statuses`."""
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as link:
            link.sendall(requests)
            text = b""
            while piece := link.recv(65536):
                text += piece
        seen = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", text)]
        self.seen.update(seen)
        # 401 in the place of 429: once in 10 s a guess is looked at.
        if [429 if status == 401 and 429 in statuses else status for status in seen] != statuses:
            self.bad.append((statuses, seen))

    def test_nobody_else_is_503(self):
        with Box() as box:
            server = Stateward(box, MAX_STATE_BYTES="64K", threads=8)
            nginx = Nginx(box, "unix:" + server.socket)
            client = Client(nginx.plain, auth=AUTH)
            self.assertEqual(200, client.post("/state/p/n", document(1)).status)
            good = f"Authorization: {AUTH}\r\n"
            uploads = [(status, line, headers, b"x" * size) for status, line, headers, size in (
                (401, "POST /state/p/n", "", 10000), (401, "LOCK /state/p/n", "", 10000),
                (400, "POST /state/p", good, 10000), (405, "PATCH /state/p/n", good, 10000),
                (400, "POST /state/p/n?ID=%01", good, 10000),
                (413, "POST /state/p/n", good, 100000))]
            self.nobody_else_is_503(nginx, uploads, good, "/state/p/n")

    def test_nobody_else_is_503_beside_403_409_503(self):
        with Box() as box:
            server = Stateward(box, threads=8, workers=1, MAX_INFLIGHT_BYTES="4M",
                               MAX_STATE_BYTES="4M", CLIENT_RATE_SECONDS="600",
                               AUTH_POLICY_FILE=box.write("policy.toml", policy(), 0o600))
            nginx = Nginx(box, "unix:" + server.socket)
            good, may_not = (f"Authorization: {basic('x', TOKENS[name])}\r\n"
                             for name in ("ci", "planner"))
            client = Client(nginx.plain, auth=basic("x", TOKENS["ci"]))
            self.assertEqual(200, client.post("/state/demo/n", document(5)).status)
            # Stands still and has taken the memory of large ones.
            held = server.link()
            self.addCleanup(held.close)
            held.send(fcgi.begin() + fcgi.params(
                {"REQUEST_METHOD": "POST", "REQUEST_URI": "/state/demo/big",
                 "CONTENT_LENGTH": str(4 * MIB - 1),
                 "HTTP_AUTHORIZATION": basic("x", TOKENS["root"])}))
            for _ in range(129):
                held.send(fcgi.record(fcgi.STDIN, b"x" * 30000))
            large = b"x" * 200000
            wait_for(lambda: client.post("/state/demo/other", large).status == 503, "it is full")
            self.nobody_else_is_503(nginx, [
                (403, "POST /state/demo/n", may_not, b"x" * 10000),
                (403, "POST /state/elsewhere/n", good, b"x" * 10000),
                (409, "POST /state/demo/n", good, document(4, 10000)),
                (409, "POST /state/demo/n?ID=none", good, document(6, 10000)),
                (503, "POST /state/demo/other", good, large)], good, "/state/demo/n")

    def test_nobody_else_is_503_beside_404_410_413_423_429(self):
        with Box() as box:
            server = Stateward(box, threads=8, workers=1,
                               AUTH_POLICY_FILE=box.write("policy.toml", policy(), 0o600))
            nginx = Nginx(box, "unix:" + server.socket)
            good = f"Authorization: {basic('x', TOKENS['ci'])}\r\n"
            guess = f"Authorization: {basic('alice', 'wrong')}\r\n"
            client = Client(nginx.plain, auth=basic("x", TOKENS["ci"]))
            self.assertEqual(200, client.post("/state/demo/n", document(1)).status)

            def info(name):
                return json.dumps({"ID": name, "Info": "y" * 10000}).encode()
            self.assertEqual(200, client.lock("/state/demo/freed", info("old")).status)
            self.assertEqual(200, client.unlock("/state/demo/freed", info("old")).status)
            self.assertEqual(200, client.lock("/state/demo/held", info("holder")).status)
            wait_for(lambda: client.post("/state/demo/n", document(2), auth=basic("alice", "wrong")).status == 429,
                     "the guesses are used up")
            large = b"x" * 100_000  # it is still on its way when the answer is known
            self.nobody_else_is_503(nginx, [
                (404, "GET /state/demo/none", good, large),
                (410, "LOCK /state/demo/freed", good, info("old")),
                (413, "LOCK /state/demo/n", good, info("long" * 10000)),
                (423, "LOCK /state/demo/held", good, info("another")),
                (429, "POST /state/demo/n", guess, large),
                (429, "LOCK /state/demo/n", guess, large)], good, "/state/demo/n")
            self.assertGreater(self.seen[429], self.seen[401])

    def test_a_refused_upload_has_its_answer_soon(self):
        """More than a socket holds, less than what is read away: nginx stops sending."""
        with Box() as box:
            server = Stateward(box, CLIENT_RATE_SECONDS="600")
            for front in (Nginx, Apache):
                web = front(box, "unix:" + server.socket)
                client = Client(web.plain, auth=basic("nobody", "x"))
                for size in (60_000, 300_000, 512 * 1024, 1_000_000, 3_000_000):
                    start = time.monotonic()
                    self.assertEqual(401, client.post("/state/p/n", b"x" * size).status)
                    self.assertLess(time.monotonic() - start, 15, (front, size))

    def nobody_else_is_503(self, nginx, uploads, good, target):
        """uploads: (status, request line, headers, body), each many times between good requests, on
        whatever connections nginx has pooled."""
        self.bad, self.seen = [], collections.Counter()
        get = f"GET {target} HTTP/1.1\r\nHost: x\r\n{good}\r\n".encode()
        last = get.replace(b"Host: x", b"Host: x\r\nConnection: close")
        threads = []
        for status, line, headers, body in uploads:
            upload = (f"{line} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
                      .encode() + body)

            def work(requests=(upload + get) * 10 + last, want=[status, 200] * 10 + [200]):
                try:
                    for _ in range(5):
                        self.pipeline(nginx.plain[1], requests, want)
                except OSError as e:
                    self.bad.append((want[0], repr(e)))
            threads.append(threading.Thread(target=work))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], self.bad)


if __name__ == "__main__":
    unittest.main()
