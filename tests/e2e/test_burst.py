"""A burst of runs from one address through the example sites: slower, but none fails."""
import json
import random
import threading
import time
import unittest

from box import Box
from client import Client, basic
from stateward import Stateward
from webservers import Apache, Nginx

AUTH = basic("basic", "burst")
TRIES = 3


class Run:
    """One run of a client: each call as its HTTP library does it. kept: a connection has to live as long as it is
    used."""

    def __init__(self, site, number, failed, kept):
        self.client = Client(site.tls, tls=site.context(), auth=AUTH, keep=True, timeout=120)
        self.number, self.failed, self.kept = number, failed, kept

    def call(self, method, target, body=None):
        answer = None
        for i in range(TRIES):
            answer = self.client.request(method, target, body)
            if answer.status != 429 and answer.status < 500:
                return answer.status
            if i < TRIES - 1:
                time.sleep(float(answer.header("Retry-After") or 2 ** i))
        return f"gave up: {answer.status}"

    def __call__(self):
        target, lock = f"/state/many/r{self.number}", f"id{self.number}"
        info = json.dumps({"ID": lock}).encode()
        document = json.dumps({"version": 4, "serial": 1, "lineage": "a"}).encode()
        try:
            for method, where, body in (
                    ("GET", target, None), ("LOCK", target, info), ("GET", target, None),
                    ("POST", f"{target}?ID={lock}", document), ("UNLOCK", target, info)):
                status = self.call(method, where, body)
                if status not in (200, 404):
                    self.failed.append((self.number, method, status))
                    return
        except OSError as e:
            self.failed.append((self.number, "broke", repr(e)))
        finally:
            self.client.close()
            if self.kept and self.client.repeats:
                self.failed.append((self.number, "sent again", self.client.repeats))


class Burst(unittest.TestCase):
    """Case B13."""

    def burst(self, server, edit, numbers, kept):
        random.seed(1)
        with Box() as box:
            app = Stateward(box, threads=8)
            site = server(box, "unix:" + app.socket, site="example", edit=edit)
            first = 0
            for count in numbers:
                failed = []
                threads = [threading.Thread(target=Run(site, first + i, failed, kept))
                           for i in range(count)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                self.assertEqual([], failed, f"{len(failed)} of {count} runs failed")
                first += count

    def test_nginx(self):
        def edit(_, text):  # as docs/nginx.md says for crowds
            return text.replace("worker_connections 512;", "worker_connections 4096;")
        self.burst(Nginx, edit, (30, 60, 150, 400), kept=True)

    def test_apache(self):
        """When all its threads have work, Apache closes connections between two requests, and clients open others."""
        self.burst(Apache, None, (30, 60, 150, 400), kept=False)


if __name__ == "__main__":
    unittest.main()
