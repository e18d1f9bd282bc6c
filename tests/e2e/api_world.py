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


def backend_calls(app):
    """How often each backend was called, over all workers."""
    text = app.ask("GET", "/metrics")[2].decode()
    lines = [line for line in text.splitlines()
             if line.startswith("stateward_backend_call_duration_seconds_count")]
    assert lines, text[:2000]
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines}


def least_costs(app, *asks, tries=20):
    """([what each ask() gave], [the calls of backends that it cost]). What the jobs do and a worker's first look at
    the store counts, too, and only ever adds: so it is the least of some tries, until all cost the same."""
    gave, costs = [None] * len(asks), [None] * len(asks)
    for _ in range(tries):
        for i, ask in enumerate(asks):
            before = backend_calls(app)
            gave[i] = ask()
            after = backend_calls(app)
            paid = {k: n - before.get(k, 0) for k, n in after.items() if n != before.get(k, 0)}
            costs[i] = paid if costs[i] is None else {
                k: min(n, paid[k]) for k, n in costs[i].items() if k in paid}
        if all(cost == costs[0] for cost in costs):
            break
    return gave, costs


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
