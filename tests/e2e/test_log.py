"""One line for each request, with what an operator needs and nothing that is secret."""
import base64
import json
import re
import unittest

import fcgi_client
from box import Box
from stateward import Stateward

CANARY = "canary-4711"
TARGET = "/state/p/n"


class RequestLog(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)

    def ask(self, method, uri, body=None, secret=CANARY, **more):
        auth = "Basic " + base64.b64encode(f"basic:{secret}".encode()).decode()
        with self.server.link() as link:
            link.send(fcgi_client.request(method, uri, body, HTTP_AUTHORIZATION=auth,
                                          HTTP_X_ANYTHING=CANARY, HTTP_COOKIE=CANARY,
                                          REMOTE_ADDR="192.0.2.7", **more))
            return link.answer()

    def provoke(self):
        """Every kind of answer, with the canary wherever a client may put something."""
        document = json.dumps({"serial": 1, "lineage": "l", "x": CANARY}).encode()
        lock = json.dumps({"ID": "the-lock-id", "Who": CANARY, "Info": CANARY}).encode()
        statuses = []
        for method, uri, body in (
                ("GET", TARGET, None), ("LOCK", TARGET, lock), ("LOCK", TARGET, b'{"ID":"x"}'),
                ("POST", TARGET + "?ID=the-lock-id", document), ("POST", TARGET, document),
                ("POST", TARGET + "?ID=the-lock-id", b"{" + CANARY.encode()),
                ("POST", TARGET + "?ID=the-lock-id", b'{"serial":1,"serial":"' + CANARY.encode()),
                ("LOCK", TARGET, CANARY.encode()), ("UNLOCK", TARGET, lock),
                ("GET", TARGET, None), ("BREW", TARGET, None), ("GET", "/nowhere", None)):
            statuses.append(self.ask(method, uri, body)[0])
        with self.server.link() as link:
            link.send(fcgi_client.request("GET", TARGET, None,
                                          HTTP_AUTHORIZATION="Basic " + CANARY))
            statuses.append(link.answer()[0])
        return statuses

    def test_canary(self):
        encoded = base64.b64encode(f"basic:{CANARY}".encode()).decode()
        for log_format in ("logfmt", "json"):
            with self.subTest(log_format), Box() as self.box:
                self.server = Stateward(self.box, LOG_FORMAT=log_format, LOG_LEVEL="trace")
                statuses = self.provoke()
                self.assertEqual({200, 400, 401, 404, 405, 409, 423}, set(statuses))
                self.server.process.stop()
                log = self.server.log()
                for secret in (CANARY, encoded, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="):
                    self.assertNotIn(secret, log)
                lines = [line for line in log.splitlines() if "request_id" in line]
                self.assertEqual(len(statuses), len(lines), log)

    def test_fields(self):
        for log_format in ("logfmt", "json"):
            with self.subTest(log_format), Box() as self.box:
                self.server = Stateward(self.box, LOG_FORMAT=log_format)
                status, headers, _ = self.ask("LOCK", TARGET, b'{"ID":"the-lock-id"}')
                self.assertEqual(200, status)
                request_id = {k.lower(): v for k, v in headers.items()}["x-request-id"]
                self.server.process.stop()
                line = next(x for x in self.server.log().splitlines() if request_id in x)
                fields = (json.loads(line) if log_format == "json" else
                          dict(re.findall(r'(\w+)=("[^"]*"|\S+)', line)))
                wanted = {"method": "LOCK", "state": "p/n", "status": "200", "bytes_in": "20",
                          "lock_id": "the-lock-id", "remote": "192.0.2.7",
                          "request_id": request_id}
                self.assertEqual(wanted, {k: str(fields.get(k)) for k in wanted}, line)
                self.assertGreater(int(fields["duration_us"]), 0)
                self.assertIn("principal", fields)

    def test_the_web_servers_request_id_is_kept(self):
        self.server = Stateward(self.box)
        given = "0123456789abcdef0123456789abcdef"
        for name, taken in (("REQUEST_ID", True), ("HTTP_X_REQUEST_ID", False)):
            headers = self.ask("GET", TARGET, **{name: given})[1]
            got = {k.lower(): v for k, v in headers.items()}["x-request-id"]
            self.assertEqual(taken, given == got)


if __name__ == "__main__":
    unittest.main()
