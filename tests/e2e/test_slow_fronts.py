"""Large bodies and answers, on the socket itself, through nginx and through Apache: what the budget holds."""
import os
import socket
import time
import unittest

import fcgi_client as fcgi
from box import PATIENCE_S, Box, wait_for
from client import Client, basic
from slow_crowd import (MIB, SECRETS, Ordinary, OverFcgi, Paced, Watch, document, raise_descriptor_limit, rss,
                        status_of, with_room)
from stateward import AUTH, Stateward
from webservers import Apache, Nginx


class Budget(unittest.TestCase):
    """Bodies and answers of 20 MB as many as the budget of one worker holds, at 100 KB/s and such as stand still. What
    is beyond it is 503 with Retry-After before its body is read; nobody else is. The web servers keep nothing of a
    body and at most 1 MiB of an answer, of which the server counts all until the last byte is taken: so its budget
    is full behind them as it is on the socket."""
    SIZE = 20 * MIB
    UPLOADS = 2  # that come at 100 KB/s: the room that is left, 15 MiB, is enough for a minute of them
    WHOLE = 1024  # MiB; the default
    BUDGET = int(os.environ.get("STATEWARD_SLOW_BUDGET", str(WHOLE)))  # less where there is little memory

    def setUp(self):
        raise_descriptor_limit()
        self.box = Box()
        self.addCleanup(self.box.close)
        self.secrets = [basic("basic", f"slow{i}") for i in range(SECRETS)]
        self.body = document(1, self.SIZE)

    def start(self):
        less = {} if self.BUDGET == self.WHOLE else {"MAX_INFLIGHT_BYTES": f"{self.BUDGET}M"}
        self.server = Stateward(self.box, threads=8, workers=1, **less)
        self.pid = wait_for(self.server.workers, "there is a worker")[0]
        for secret in self.secrets:
            self.assertEqual(200, self.server.ask("POST", "/state/slow/big", self.body,
                                                  HTTP_AUTHORIZATION=secret)[0])

    def test_on_the_socket(self):
        self.start()

        def bytes_of(method, target, auth, body):
            values = {"REQUEST_METHOD": method, "REQUEST_URI": target, "HTTP_AUTHORIZATION": auth,
                      "CONTENT_LENGTH": str(len(body)) if body else ""}
            records = b"".join(fcgi.record(fcgi.STDIN, body[at:at + 32768]) for at in range(0, len(body), 32768))
            return (fcgi.begin(flags=fcgi.KEEP) + fcgi.params(values) + (b"" if body else fcgi.record(fcgi.STDIN)),
                    records)
        self.fills(self.server.socket, socket.AF_UNIX, bytes_of, lambda: OverFcgi(self.server.socket))

    @staticmethod
    def http(method, target, auth, body):
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        return f"{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: {auth}\r\n{length}\r\n".encode(), body

    def test_through_nginx(self):
        self.start()
        nginx = with_room(Nginx, self.box, self.server)
        self.fills(nginx.plain, socket.AF_INET, self.http, lambda: Client(nginx.plain, auth=AUTH, keep=True))

    def test_through_apache(self):
        """Apache reads of a body before it looks for an answer, so a little of the refused ones is sent. A process of
        its whose threads are all busy closes the kept connections, so it has room for more."""
        self.start()
        apache = with_room(Apache, self.box, self.server)
        self.fills(apache.plain, socket.AF_INET, self.http, lambda: Client(apache.plain, auth=AUTH, keep=True),
                   step=16384)

    def fills(self, address, family, bytes_of, make_client, step=0):
        part = self.BUDGET // 64
        with Paced(address, family) as crowd:
            self.fill(crowd, bytes_of, part)
            # Smaller ones, so that there is room for the paced bodies to go on.
            for i in range(40):
                if self.refused(crowd, bytes_of, step, patience=1):
                    break
                head, body = bytes_of("POST", f"/state/slow/fill{i}", self.secrets[i % SECRETS], self.body)
                crowd.stand_still(head, body[:5 * MIB])
            crowd.start()
            ordinary = Ordinary(make_client)
            bad = ordinary.run(lambda o: o.cycles >= 100 and o.healths >= 30
                               and min(crowd.under_way() or [0]) >= 3 * crowd.RATE)
            self.assertEqual([], bad)
            self.assertGreaterEqual(ordinary.cycles, 100)
            for _ in range(8):
                self.assertEqual((503, True), self.refused(crowd, bytes_of, step))
            # All the others were under way all the time, at their pace or standing still, and the budget was full.
            self.assertEqual({}, crowd.refused)
            self.assertEqual(part + self.UPLOADS, len(crowd.under_way()))
            self.assertLess(max(crowd.under_way()), self.SIZE)
            self.assertGreater(rss(self.pid), 0.8 * self.BUDGET * MIB)
            # The body that a thread works on is there twice; none of the ordinary ones is large.
            self.assertLess(rss(self.pid), (self.BUDGET + 100) * MIB)

    def fill(self, crowd, bytes_of, part):
        for i in range(part):
            secret = self.secrets[i % SECRETS]
            post = bytes_of("POST", f"/state/slow/up{i}", secret, self.body)
            get = bytes_of("GET", "/state/slow/big", secret, b"")
            crowd.open(get[0], reads=True, kind="paced")
            if i < self.UPLOADS:
                crowd.open(*post, kind="paced")
            if i:
                head, body = bytes_of("POST", f"/state/slow/still{i}", secret, self.body)
                crowd.stand_still(head, body[:19 * MIB])
                crowd.stand_still(get[0])
        wait_for(lambda: rss(self.pid) > (3 * part - 2) * 19 * MIB, "the bodies and answers are there")

    def refused(self, crowd, bytes_of, step, patience=PATIENCE_S):
        """(status, whether it has Retry-After) of one more of whose body nothing comes, or `step` bytes five times a
        second; None: it is waited for the rest."""
        head, body = bytes_of("POST", "/state/more/n", AUTH, self.body)
        deadline = time.monotonic() + patience
        with socket.socket(crowd.family) as link:
            link.settimeout(0.2)
            link.connect(crowd.address)
            link.sendall(head)
            sent = 0
            while time.monotonic() < deadline:
                try:
                    answer = link.recv(4096)
                    return status_of(answer), b"Retry-After: 2\r\n" in answer
                except TimeoutError:
                    link.sendall(body[sent:sent + step])
                    sent += step
        return None

    def test_what_is_promised_costs_nothing(self):
        """Case A3 as it was: 8 bodies of 256 MiB of which a byte comes, with the defaults, on the socket and through
        both. Then they are closed, which was the peak: 9 to 860 MB."""
        server = Stateward(self.box)
        nginx, apache = (front(self.box, "unix:" + server.socket) for front in (Nginx, Apache))
        self.assertEqual(200, server.ask("POST", "/state/p/first", document(1, 20000))[0])
        watch = Watch(server)
        head, _ = self.http("POST", "/state/slow/big", self.secrets[0], b"")
        head = head.replace(b"\r\n\r\n", b"\r\nContent-Length: 268435456\r\n\r\n{")
        links = []
        for _ in range(8):
            for front in (nginx, apache):
                links.append(socket.create_connection(front.plain))
                links[-1].sendall(head)
            links.append(server.link())
            links[-1].send(fcgi.begin() + fcgi.params(
                {"REQUEST_METHOD": "POST", "REQUEST_URI": "/state/slow/big", "HTTP_AUTHORIZATION": self.secrets[0],
                 "CONTENT_LENGTH": "268435456"}) + fcgi.record(fcgi.STDIN, b"{"))
        wait_for(lambda: watch.links() >= len(links), "they are at the server")
        for serial in range(1, 21):
            info = b'{"ID":"%d"}' % serial
            self.assertEqual(200, server.ask("LOCK", "/state/p/n", info)[0])
            self.assertEqual(200, server.ask("POST", f"/state/p/n?ID={serial}", document(serial, 20000))[0])
            self.assertEqual(200, server.ask("UNLOCK", "/state/p/n", info)[0])
        for link in links:
            link.close()
        wait_for(lambda: watch.links() < len(links), "they are gone", 60)
        self.assertLess(watch.peak(), 16 * MIB)


if __name__ == "__main__":
    unittest.main()
