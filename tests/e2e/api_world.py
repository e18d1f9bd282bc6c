"""/api/v1 behind nginx on a pair of backends, with a principal for each role that matters there."""
import hashlib
import json

from box import Box
from client import Client, basic
from pairs import Pair
from webservers import Nginx

TOKENS = {name: "swt_" + name[0].encode().hex() * 32
          for name in ("admin", "reader", "oncall", "writer")}
RULES = """
[[rules]]
name = "admin"
token = "admin"
states = ["*/*"]
role = "admin"
[[rules]]
name = "reader"
token = "reader"
states = ["open/*"]
role = "read"
[[rules]]
name = "oncall"
token = "oncall"
states = ["*/*"]
role = "operator"
[[rules]]
name = "writer"
token = "writer"
states = ["open/*"]
role = "write"
"""


def policy():
    tokens = [f"[tokens.{name}]\nsha256 = \"{hashlib.sha256(text.encode()).hexdigest()}\"\n"
              for name, text in TOKENS.items()]
    return "".join(tokens) + RULES


def document(serial, lineage="L"):
    return json.dumps({"version": 4, "serial": serial, "lineage": lineage,
                       "terraform_version": "1.9.0", "outputs": {}, "resources": []}).encode()


def lock_info(lock_id):
    return json.dumps({"ID": lock_id, "Operation": "OperationTypeApply", "Info": "", "Who": "ann@ci",
                       "Version": "1.9.0", "Created": "2026-11-24T00:00:00Z", "Path": ""}).encode()


class ApiWorld:
    """A mix-in: PAIR is the pair of backends, settings() what its server needs besides."""
    PAIR = None

    @classmethod
    def settings(cls):
        return {}

    @classmethod
    def setUpClass(cls):
        cls.box = Box()
        cls.addClassCleanup(cls.box.close)
        cls.pair = Pair(cls.box, cls.PAIR)
        cls.addClassCleanup(cls.pair.close)
        cls.app = cls.pair.stateward(
            AUTH_POLICY_FILE=cls.box.write("policy.toml", policy(), 0o600), **cls.settings())
        cls.nginx = Nginx(cls.box, "unix:" + cls.app.socket)

    @classmethod
    def client(cls, name):
        return Client(cls.nginx.plain, auth=basic("any", TOKENS[name]))
