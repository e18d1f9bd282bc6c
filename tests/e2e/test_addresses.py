"""States below another path (BASE_PATH) and with slashes in their names (NESTED_NAMES)."""
import json
import unittest

from box import Box
from client import Client
from stateward import Stateward
from webservers import Apache, Nginx

BASE = "/terraform/v1"


def document(serial):
    return json.dumps({"version": 4, "serial": serial, "lineage": "L", "outputs": {},
                       "resources": []}).encode()


def lock_info(lock_id):
    return json.dumps({"ID": lock_id, "Operation": "OperationTypeApply", "Who": "ann@ci"}).encode()


def moved(name, text):
    """The shipped snippet as docs/nginx.md and docs/apache.md say for another BASE_PATH."""
    if name != "stateward.conf":
        return text
    for old, new in (("location ^~ /state/", f"location ^~ {BASE}/"),
                     ("location = /state ", f"location = {BASE} "),
                     ('<Location "/state">', f'<Location "{BASE}">'),
                     ('|fcgi://stateward/state"', f'|fcgi://stateward{BASE}"')):
        text = text.replace(old, new)
    return text


class Addresses:
    """A mix-in: FRONT is the web server."""

    @classmethod
    def setUpClass(cls):
        cls.box = Box()
        cls.addClassCleanup(cls.box.close)
        cls.server = Stateward(cls.box, BASE_PATH=BASE, NESTED_NAMES="true")
        cls.front = cls.FRONT(cls.box, cls.server.listen, edit=moved)
        cls.client = Client(cls.front.plain)

    def ask(self, method, target, body=None):
        answer = self.client.request(method, target, body)
        return answer.status, answer.body

    def test_a_run_of_a_nested_state(self):
        at = BASE + "/p/net/prod/vpc"
        self.assertEqual(404, self.ask("GET", at)[0])
        self.assertEqual(200, self.ask("POST", at + "/lock", lock_info("l1"))[0])
        self.assertEqual(423, self.ask("LOCK", at, lock_info("l2"))[0])
        self.assertEqual(200, self.ask("POST", at + "?ID=l1", document(1))[0])
        self.assertEqual(200, self.ask("UNLOCK", at, lock_info("l1"))[0])
        self.assertEqual((200, document(1)), self.ask("GET", at))
        self.assertEqual((200, document(1)), self.ask("GET", at + "/versions/1"))
        self.assertEqual((200, b"{}"), self.ask("GET", at + "/outputs"))
        # A part more or less is another state.
        for other in ("/p/net/prod", "/p/net/prod/vpc/x", "/p/net"):
            self.assertEqual(404, self.ask("GET", BASE + other)[0], other)
        status, body = self.ask("GET", "/api/v1/states/p/net%2Fprod%2Fvpc")
        self.assertEqual(200, status, body)
        self.assertEqual("p/net/prod/vpc", json.loads(body)["state"])
        status, body = self.ask("GET", "/api/v1/states?glob=p/**")
        self.assertEqual(["p/net/prod/vpc"], [row["state"] for row in json.loads(body)], body)
        self.assertEqual([], json.loads(self.ask("GET", "/api/v1/states?glob=p/*")[1]))

    def test_names_that_mean_something_else(self):
        for name in ("a/lock/b", "a/outputs.tfstate/b", "a/versions/x/y", "a/%2E%2E/b", "a%2Fb/c",
                     "a/" + "x" * 129, "/".join(["x" * 120] * 5)):
            status, body = self.ask("GET", f"{BASE}/p/{name}")
            self.assertEqual(400, status, (name, body))


class NginxAddresses(Addresses, unittest.TestCase):
    FRONT = Nginx


class ApacheAddresses(Addresses, unittest.TestCase):
    FRONT = Apache
