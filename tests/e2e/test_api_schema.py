"""schemathesis against the real server behind nginx: each path of the OpenAPI document, with what it allows and
what it does not."""
import os
import pathlib
import subprocess
import unittest

from api_world import document, lock_info
from box import Box
from client import Client, basic
from policy_world import TOKENS, policy
from stateward import Stateward
from webservers import Nginx

CACHE = pathlib.Path(os.environ.get("STATEWARD_CACHE", pathlib.Path.home() / ".cache/stateward"))
SECONDS = 40


def program():
    """As tools/python_tools.sh installed it."""
    found = sorted(CACHE.glob("python/schemathesis-*/bin/schemathesis"))
    return str(found[-1]) if found else None


# nginx answers TRACE by itself, without an Allow header. What no schema can say: sort is for lists without a
# limit, and a maintenance does not end before it begins.
CONFIG = """[phases.coverage]
unexpected-methods = ["get", "put", "post", "delete", "options", "patch", "query"]

[[operations]]
include-name = ["GET /api/v1/states", "POST /api/v1/maintenance"]
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 400, 401, 403, 404, 409, 429, "5xx"]
"""


class ApiSchema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = Box()
        cls.addClassCleanup(cls.box.close)
        cls.app = Stateward(cls.box, threads=8,
                            AUTH_POLICY_FILE=cls.box.write("policy.toml", policy(), 0o600))
        cls.nginx = Nginx(cls.box, "unix:" + cls.app.socket)

    def test_nothing_is_found(self):
        self.assertIsNotNone(program(), "tools/python_tools.sh installs schemathesis")
        admin = Client(self.nginx.plain, auth=basic("x", TOKENS["root"]))
        for number in range(3):
            for serial in (1, 2, 3):
                self.assertEqual(200, admin.post(f"/state/demo/s{number}", document(serial)).status)
        self.assertEqual(200, admin.request("LOCK", "/state/demo/s2", lock_info("held")).status)
        url = f"http://127.0.0.1:{self.nginx.plain[1]}"
        folder = self.box.make_dir("run-here")
        self.box.write("run-here/schemathesis.toml", CONFIG)
        schema = self.box.write("openapi.json", admin.get("/api/v1/openapi.json").body.decode())
        # Each operation without and with wrong credentials. That often in the second run, the server would
        # slow the guessing down: 429.
        self.run_over(schema, url, folder, "examples,coverage")
        self.run_over(schema, url, folder, "fuzzing", "--exclude-checks", "ignored_auth")

    def run_over(self, schema, url, folder, phases, *more):
        run = subprocess.run(
            [program(), "run", schema, "--url", url, "--auth", "x:" + TOKENS["root"],
             "--checks", "all", *more, "--phases", phases, "--max-examples", "10",
             "--max-time", str(SECONDS), "--seed", "20261127", "--no-shrink",
             "--suppress-health-check", "all", "--warnings", "off", "--max-failures", "20"],
            capture_output=True, text=True, timeout=240, check=False, cwd=folder,
            env={**os.environ, "NO_COLOR": "1", "HYPOTHESIS_STORAGE_DIRECTORY": self.box.path("hyp")})
        self.assertEqual(0, run.returncode, run.stdout[-12000:] + run.stderr[-2000:])
        self.assertRegex(run.stdout, r"[1-9]\d* (generated|passed|test cases)")
