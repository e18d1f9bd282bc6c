"""What nginx and Apache do to requests and answers, with the shipped snippets.

A responder that tells what it was sent (fcgi_dump.py) takes the place of Stateward.
"""
import hashlib
import json
import os
import shutil
import socket
import subprocess
import threading
import unittest

import fcgi_dump
from box import Box, connects, wait_for
from client import Client, basic, md5_header
from watch import CreatedFiles, written_bytes
from webservers import Apache, Nginx

BIG = 48 * 1024 * 1024
# Log lines and the like; a spilled body is BIG.
MAX_WRITTEN_BYTES = 1024 * 1024


class Front(unittest.TestCase):
    """A web server before a responder; what holds for nginx as for Apache."""
    SERVER = None
    SITE = "plain+tls"

    @classmethod
    def setUpClass(cls):
        if cls.SERVER is None:
            raise unittest.SkipTest("for sub-classes")
        cls.box = Box()
        cls.addClassCleanup(cls.box.close)
        cls.start_responder()
        cls.server = cls.SERVER(cls.box, "unix:" + cls.socket, cls.SITE)

    @classmethod
    def start_responder(cls):
        cls.socket = cls.box.path("dump.sock")
        if os.path.exists(cls.socket):
            os.unlink(cls.socket)
        with open(fcgi_dump.__file__, encoding="utf-8") as source:
            cls.responder = cls.box.start(["python3", "-", cls.socket], stdin=source)
        cls.responder.wait_until(lambda: connects(cls.socket), "the responder listens")

    def client(self, **options):
        return Client(self.server.plain, **options)

    def ask(self, method="GET", target="/state/p/n", body=None, **options):
        """What the responder saw: (params as a dict of lists, the whole report)."""
        answer = self.client().request(method, target, body, **options)
        self.assertEqual(answer.status, 200, answer)
        report = json.loads(answer.body)
        params = {}
        for name, value in report["params"]:
            params.setdefault(name, []).append(value)
        return params, report

    def assert_unavailable(self, answer):
        """Neither 502 nor 504, of which clients do not read when to come back; and no detail."""
        self.assertEqual(answer.status, 503, answer)
        self.assertEqual(answer.header("Retry-After"), "15", answer)
        self.assertEqual(answer.header("Content-Type"), "application/json", answer)
        self.assertEqual(answer.header("Cache-Control"), "no-store", answer)
        self.assertEqual(answer.header("Content-Length"), str(len(answer.body)), answer)
        self.assert_explained(answer, "unavailable")

    def assert_explained(self, answer, error):
        """The web server's own pages have the members of Stateward's, as far as it can."""
        said = json.loads(answer.body)
        self.assertEqual(said.pop("error"), error)
        for member in ("reason", "action"):
            self.assertGreater(len(said.pop(member)), 10)
        if self.SERVER is Nginx:  # Apache's is a file
            self.assertRegex(said.pop("request_id"), "^[0-9a-f]{32}$")
        self.assertEqual(said, {})


class Cases:
    """The tests; a mix-in, so that they run only with a server."""

    def test_every_verb_arrives(self):
        for method in ("GET", "POST", "PUT", "DELETE", "LOCK", "UNLOCK", "FOO"):
            with self.subTest(method):
                params, report = self.ask(method, body=b"12345" if method != "GET" else None)
                self.assertEqual(params["REQUEST_METHOD"], [method])
                self.assertEqual(report["body_bytes"], 0 if method == "GET" else 5)

    def test_target_arrives_raw(self):
        for target in ("/state/p/n?ID=a%20b&x", "/state//p/n", "/state/p%2Fq/n", "/state/p/../q",
                       "/state/p/..%2fq", "/state/p/n/lock", "/state/p/n/", "/state/", "/health",
                       "/state/%70/n", "/state/p/x.php", "/state/p/index.html", "/ready",
                       "/state/p/" + "a" * 300, "/state/p/n;x", "/state/p/n?a=b&ID=%31&ID=2"):
            with self.subTest(target):
                self.assertEqual(self.ask(target=target)[0]["REQUEST_URI"], [target])

    def test_authorization_arrives_once(self):
        params, _ = self.ask(auth=basic("basic", "geheim"))
        self.assertEqual(params["HTTP_AUTHORIZATION"], [basic("basic", "geheim")])

    def test_two_authorizations_are_not_one(self):
        two = [("Authorization", basic("basic", "a")), ("Authorization", basic("basic", "b"))]
        answer = self.client().get("/state/p/n", auth=None, headers=two)
        if answer.status == 200:  # then Stateward must be able to see that there were two
            seen = dict(json.loads(answer.body)["params"])["HTTP_AUTHORIZATION"]
            self.assertIn(",", seen)
        else:
            self.assertEqual(answer.status, 400, answer)

    def test_proxy_header_does_not_arrive(self):
        params, _ = self.ask(headers=[("Proxy", "http://203.0.113.1:8080"), ("X-Other", "1")])
        self.assertEqual(params["HTTP_X_OTHER"], ["1"])
        self.assertIn(params.get("HTTP_PROXY", [""]), ([""], []))

    def test_client_cannot_name_params(self):
        """A header becomes HTTP_…, never a parameter that a web server alone may set."""
        forged = [("Remote-User", "admin"), ("Remote-Addr", "203.0.113.1"), ("Https", "on"),
                  ("Ssl-Client-Verify", "SUCCESS"), ("Request-Method", "DELETE")]
        params, _ = self.ask(headers=forged)
        self.assertEqual(params["REQUEST_METHOD"], ["GET"])
        self.assertEqual(params["REMOTE_ADDR"], ["127.0.0.1"])
        for name in ("REMOTE_USER", "SSL_CLIENT_VERIFY"):
            self.assertNotIn(name, params)

    def test_length_of_body(self):
        params, report = self.ask("POST", body=b"x" * 100)
        self.assertEqual((params["CONTENT_LENGTH"], report["body_bytes"]), (["100"], 100))
        self.assertEqual(params["HTTP_CONTENT_MD5"], [md5_header(b"x" * 100)])
        params, report = self.ask("POST", body=b"x" * 100, chunked=True)
        self.assertIn(params.get("CONTENT_LENGTH", [""]), ([""], ["100"]))
        self.assertEqual(report["body_bytes"], 100)
        params, report = self.ask("UNLOCK", body=b"", chunked=True)
        self.assertIn(params.get("CONTENT_LENGTH", [""]), ([""], ["0"]))
        self.assertEqual(report["body_bytes"], 0)

    def test_answers_pass_untouched(self):
        for status in (200, 400, 401, 403, 404, 405, 409, 410, 413, 423, 429, 500, 503):
            with self.subTest(status):
                answer = self.client().get(f"/state/p/n?status={status}&size=10")
                self.assertEqual(answer.status, status)
                self.assertEqual(answer.body, b"".join(fcgi_dump.pattern(10)))
                self.assertEqual(answer.header("Content-Length"), "10")
                self.assertEqual(answer.header("Retry-After"), None)

    def test_gateway_errors_of_the_app_become_unavailable_or_pass(self):
        """Stateward never answers 502 or 504; should it, neither may become a 404."""
        for status in (502, 504):
            answer = self.client().get(f"/state/p/n?status={status}")
            self.assertIn(answer.status, (status, 503))

    def test_length_of_answer_is_told(self):
        """A client sees that an answer is cut off by its length alone."""
        for size in (0, 1, 20000, 3000000):
            answer = self.client().get(f"/state/p/n?size={size}")
            self.assertEqual(answer.header("Content-Length"), str(size))
            self.assertEqual(answer.header("Transfer-Encoding"), None)
            self.assertEqual(answer.header("Content-Encoding"), None)

    def test_nothing_is_compressed(self):
        answer = self.client().get("/state/p/n?size=100000",
                                   headers=[("Accept-Encoding", "gzip, br")])
        self.assertEqual(answer.header("Content-Encoding"), None)
        self.assertEqual(len(answer.body), 100000)

    def test_cut_answer_is_seen_by_the_client(self):
        for query in ("short=10", "size=3000000&short=1"):
            with self.subTest(query), self.assertRaises(Exception) as caught:
                self.client(timeout=20).get(f"/state/p/n?{query}")
            self.assertEqual(type(caught.exception).__name__, "IncompleteRead")

    def test_app_breaks_off(self):
        for method in ("GET", "LOCK", "POST", "UNLOCK", "DELETE"):
            self.assert_unavailable(self.client().request(
                method, "/state/p/n?drop=1", None if method == "GET" else b"{}"))

    def test_app_is_too_slow(self):
        """The time-outs as shipped are too long to wait for; shorter ones would end other tests' requests on a
        busy machine."""
        edited = []

        def edit(_, text):
            shorter = (text.replace("fastcgi_read_timeout 120s", "fastcgi_read_timeout 1s")
                       .replace("connectiontimeout=5 timeout=120", "connectiontimeout=5 timeout=1"))
            edited.append(shorter != text)
            return shorter
        server = self.SERVER(self.box, "unix:" + self.socket, edit=edit)
        self.addCleanup(server.stop)
        self.assertTrue(any(edited))
        for method in ("GET", "LOCK"):
            # Nobody waits for the answer: one that came soon could be there when a web server that stood still
            # looks at its clock.
            self.assert_unavailable(Client(server.plain).request(
                method, "/state/p/n?sleep=60", None if method == "GET" else b"{}"))

    def test_app_is_down_and_comes_back(self):
        self.responder.stop()
        for method in ("GET", "LOCK", "POST", "UNLOCK"):
            body = None if method == "GET" else b"x" * 3000000
            self.assert_unavailable(self.client().request(method, "/state/p/n", body))
        self.assert_unavailable(self.client().get("/health"))
        os.unlink(self.socket)
        self.assert_unavailable(self.client().get("/state/p/n"))
        self.start_responder()
        self.ask()

    def test_early_answer_arrives(self):
        """An answer before the body was read, as 401 and 413 are, must not become a 503."""
        for size in (10, 100000, 20000000):
            for _ in range(3):
                answer = self.client().request("POST", "/state/p/n?early=1&status=401", b"x" * size)
                self.assertEqual(answer.status, 401, f"{size} bytes: {answer}")

    def test_bodies_pass_whole(self):
        body = b"".join(fcgi_dump.pattern(BIG))
        _, report = self.ask("POST", body=body)
        self.assertEqual(report["body_bytes"], BIG)
        self.assertEqual(report["body_sha256"], hashlib.sha256(body).hexdigest())
        _, report = self.ask("POST", body=body[:BIG // 2], chunked=True)
        self.assertEqual(report["body_sha256"], hashlib.sha256(body[:BIG // 2]).hexdigest())
        answer = self.client().get(f"/state/p/n?size={BIG}")
        self.assertEqual(hashlib.sha256(answer.body).digest(), hashlib.sha256(body).digest())

    def test_expect_continue(self):
        with socket.create_connection(self.server.plain, timeout=10) as link:
            link.sendall(b"POST /state/p/n HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
                         b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
            first = link.recv(100)
            self.assertTrue(first.startswith(b"HTTP/1.1 100 "), first)
            link.sendall(b"12345")
            rest = b""
            while piece := link.recv(65536):
                rest += piece
        self.assertIn(b" 200 ", rest.split(b"\r\n")[0])
        self.assertIn(b'"body_bytes": 5', rest)

    def test_tls(self):
        client = Client(self.server.tls, tls=self.server.context())
        for body in (b"{}", b"x" * 300000):
            report = json.loads(client.post("/state/p/n", body).body)
            self.assertEqual(report["body_bytes"], len(body))
        self.assertEqual(len(client.get(f"/state/p/n?size={BIG}").body), BIG)

    def test_the_application_hears_of_tls(self):
        """A page of http:// is another site then (src/http/origin.h)."""
        for target in ("/state/p/n", "/api/v1/states"):
            for came, asker in (("on", Client(self.server.tls, tls=self.server.context())),
                                (None, Client(self.server.plain))):
                report = json.loads(asker.post(target, b"{}").body)
                self.assertEqual(came, dict(report["params"]).get("HTTPS"), target)

    def test_acme_passes_where_nothing_else_does(self):
        site = self.SERVER(self.box, "unix:" + self.socket, site="example")
        self.addCleanup(site.stop)
        client = Client(site.plain)
        proof = client.request("GET", "/.well-known/acme-challenge/token")
        self.assertEqual((200, b"token.thumbprint"), (proof.status, proof.body))
        for path in ("/index.html", "/", "/state/p/n", "/.well-known/acme-challenge/../../index.html",
                     "/.well-known/other"):
            self.assertEqual(400, client.request("GET", path).status, path)
        self.assertEqual(404, client.request("GET", "/.well-known/acme-challenge/none").status)

    def test_what_the_site_itself_refuses_is_explained(self):
        """Through the example site: (port, request, status, error)."""
        site = self.SERVER(self.box, "unix:" + self.socket, site="example")
        self.addCleanup(site.stop)
        tls, plain = Client(site.tls, tls=site.context()), Client(site.plain)
        bad = [("Host", "other")] if self.SERVER is Nginx else [("Bad Name", "x")]
        for client, method, target, headers, status, error in (
                (tls, "GET", "/p/n", (), 400, "bad request"),
                (tls, "GET", "/.stateward/none", (), 400, "bad request"),
                (tls, "GET", "/state/p/n", bad, 400, "bad request"),
                (tls, "GET", "/state/p/n", [("X-Large", "x" * 9000)], 400, "bad request"),
                (plain, "GET", "/", (), 400, "https only"),
                (plain, "GET", "/state/p/n", (), 400, "https only"),
                (plain, "LOCK", "/state/p/n", (), 400, "https only"),
                *self.OWN_REFUSALS(tls, Client(site.tls))):
            with self.subTest(method=method, target=target, headers=str(headers)[:40], status=status):
                answer = client.request(method, target, headers=headers)
                self.assertEqual(status, answer.status, answer)
                self.assertEqual("application/json", answer.header("Content-Type"), answer)
                self.assert_explained(answer, error)

    def test_never_a_redirect(self):
        for target in ("/state", "/state/", "/state/p", "/state//", "/health/", "//state/p/n",
                       "/state/p/n/", "/ready/", "/api/v1"):
            for method in ("GET", "POST"):
                answer = self.client().request(method, target, b"{}" if method == "POST" else None)
                self.assertNotIn(answer.status // 100, (3,), f"{target}: {answer}")
                self.assertEqual(answer.header("Location"), None)

    def leaks(self, server, port=None):
        """How many bytes went to the disk, and which files were made, during a big upload and a
        big download to a client that reads slowly."""
        made, before = CreatedFiles(server.folder), written_bytes(server.process.pid)
        body = b"x" * BIG
        for chunked in (False, True):
            answer = Client(server.plain).post("/state/p/n", body, chunked=chunked)
            self.assertEqual(answer.status, 200)
        with socket.create_connection(server.plain, timeout=30) as link:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            link.sendall(b"GET /state/p/n?size=%d HTTP/1.0\r\n\r\n" % BIG)
            head = link.recv(1000)
            self.assertIn(b" 200 ", head)
            # The responder has sent everything, or is held up: then nothing more can spill.
            wait_for(self.responder_is_idle, "the download stands still")
        files = [name for name in made.names() if not name.endswith(".log")]
        made.close()
        return written_bytes(server.process.pid) - before, files

    def responder_is_idle(self):
        if not hasattr(self, "stood"):
            self.stood = []
        with open(f"/proc/{self.responder.pid}/io", encoding="ascii") as file:
            self.stood.append(file.read().split("wchar: ")[1].split()[0])
        return len(self.stood) > 60 and len(set(self.stood[-60:])) == 1

    def test_bodies_never_touch_the_disk(self):
        written, files = self.leaks(self.server)
        self.assertEqual(files, [])
        self.assertLess(written, MAX_WRITTEN_BYTES)

    def test_that_spilled_bodies_would_be_seen(self):
        """The test above can fail: with the lines that protect bodies undone, it does."""
        server = self.SERVER(self.box, "unix:" + self.socket, edit=self.unprotect)
        self.addCleanup(server.stop)
        written, files = self.leaks(server)
        self.assertGreater(len(files), 0)
        self.assertGreater(written, BIG // 2)


class NginxFront(Cases, Front):
    SERVER = Nginx

    @staticmethod
    def OWN_REFUSALS(tls, http_on_the_port_of_https):
        """More than Apache has: it lets every body pass, and its log tells of what it cannot read."""
        large, larger = [("Content-Length", 200000)], [("Content-Length", 300000000)]
        return ((tls, "GET", "/state", (), 400, "bad request"),
                (tls, "POST", "/state/p/n", larger, 413, "too large"),
                (tls, "POST", "/api/v1/states", large, 413, "too large"),
                (tls, "GET", "/api/v1", (), 404, "not found"),
                (tls, "TRACE", "/state/p/n", (), 405, "method not allowed"),
                (http_on_the_port_of_https, "GET", "/state/p/n", (), 400, "https only"))

    @staticmethod
    def unprotect(_, text):
        return (text.replace("fastcgi_request_buffering off;", "")
                .replace("fastcgi_max_temp_file_size 0;", ""))

    def test_nginx_has_no_connections_left(self):
        """It answers 500 by itself when there is none for the way to the server."""
        def edit(_, text):
            return text.replace("worker_connections 512", "worker_connections 24")
        server = self.SERVER(self.box, "unix:" + self.socket, edit=edit)
        self.addCleanup(server.stop)
        answers = []

        def ask():
            try:
                answers.append(Client(server.plain).get("/state/p/n?sleep=2"))
            except OSError:
                pass  # not even one for the client
        threads = [threading.Thread(target=ask) for _ in range(80)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        refused = [answer for answer in answers if answer.status != 200]
        self.assertTrue(refused)
        for answer in refused:
            self.assert_unavailable(answer)

    @unittest.skipUnless(shutil.which("curl"), "no curl")
    def test_http2(self):
        body = self.box.write("body", b"x" * 3000000, 0o644)
        made = CreatedFiles(self.server.folder)
        run = subprocess.run(
            ["curl", "-sS", "--http2", "--cacert", self.server.context and
             self.certificate("ca.pem"), "-X", "LOCK", "--data-binary", f"@{body}",
             "-H", "Proxy: http://203.0.113.1", "-u", "basic:geheim",
             "-w", "\n%{http_version} %{http_code}",
             f"https://localhost:{self.server.tls[1]}/state/p/n?ID=1"],
            capture_output=True, text=True, timeout=60, check=True)
        text, _, summary = run.stdout.rpartition("\n")
        self.assertEqual(summary, "2 200")
        report = json.loads(text)
        params = dict(report["params"])
        self.assertEqual(report["body_bytes"], 3000000)
        self.assertEqual(params["HTTP_AUTHORIZATION"], basic("basic", "geheim"))
        self.assertEqual(params.get("HTTP_PROXY", ""), "")
        self.assertEqual(params["HTTPS"], "on")
        self.assertEqual([n for n in made.names() if not n.endswith(".log")], [])
        made.close()

    def certificate(self, name):
        from webservers import certificates
        return certificates().path(name)


class ApacheFront(Cases, Front):
    SERVER = Apache

    @staticmethod
    def OWN_REFUSALS(tls, _):
        return ((tls, "GET", "/state/p%zz/n", (), 400, "bad request"),
                (tls, "GET", "/state/" + "x" * 9000, (), 400, "bad request"))

    @staticmethod
    def unprotect(_, text):
        return text.replace("SetEnv no-gzip 1", "SetEnv no-gzip 1\nSetEnv proxy-sendcl 1")


if __name__ == "__main__":
    unittest.main(verbosity=2)
