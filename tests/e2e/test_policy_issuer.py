"""An issuer's tokens under a policy: the rules decide, not the token's own claim; and an apply that
outlives its token, with the real OpenTofu."""
import json
import os
import pathlib
import subprocess
import time
import unittest

from box import Box
from client import Client, basic
from issuer import Issuer
from policy_world import CI_DEPLOYS, CTL
from stateward import PROGRAM, Stateward
from test_tofu import TOFU
from webservers import Nginx

LEEWAY_S = 60  # of exp, for clocks that differ (docs/auth.md)
STATE = json.dumps({"version": 4, "serial": 1, "lineage": "l", "outputs": {}, "resources": []}).encode()

POLICY = CI_DEPLOYS + """
[[rules]]
name = "branches plan"
issuer = "ci"
claims = { project_id = "42" }
states = ["demo/*"]
role = "plan"
"""

# Of a token whose end falls into an apply: enough for one start of tofu.
LIVES_S = 12
# What happens while the apply runs: its token ends.
CONFIG = """
terraform {
  backend "http" {
    address        = "%(url)s"
%(locks)s
    username       = "jwt"
    retry_max      = 0
  }
}
resource "terraform_data" "slow" {
  input = "made"
  provisioner "local-exec" {
    command = "while [ $(date +%%s) -le %(taken_until)d ]; do sleep 0.2; done"
  }
}
"""


def lock_info(name):
    return json.dumps({"ID": name, "Operation": "OperationTypeApply", "Who": name}).encode()


class PolicyIssuer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = Box()
        cls.addClassCleanup(cls.box.close)
        cls.issuer = Issuer(cls.box)
        cls.addClassCleanup(cls.issuer.stop)
        text = POLICY % {"url": cls.issuer.url, "ca": cls.issuer.ca_file}
        cls.app = Stateward(cls.box, AUTH_POLICY_FILE=cls.box.write("policy.toml", text, 0o600))
        cls.nginx = Nginx(cls.box, "unix:" + cls.app.socket)
        cls.client = Client(cls.nginx.plain)

    def token(self, ref="main", project="42", seconds=600, **more):
        claims = {"project_id": project, "ref": ref, "pipeline_source": "push",
                  "ref_protected": "true" if ref == "main" else "false",
                  "iat": int(time.time()) - 300, **more}
        return self.issuer.token(seconds=seconds, **claims)

    def status(self, verb, target, token, body=b""):
        return self.client.request(verb, target, body, auth=basic("jwt", token)).status

    def test_the_rules_decide(self):
        main, branch, fork = self.token(), self.token("topic"), self.token(project="66")
        mine, info = "/state/demo/rules", lock_info("main")
        self.assertEqual(200, self.status("LOCK", mine, main, info))
        self.assertEqual(200, self.status("POST", mine + "?ID=main", main, STATE))
        self.assertEqual(200, self.status("UNLOCK", mine, main, info))
        info = lock_info("topic")
        self.assertEqual(200, self.status("GET", mine, branch))
        self.assertEqual(200, self.status("LOCK", mine, branch, info))
        self.assertEqual(403, self.status("POST", mine + "?ID=topic", branch, STATE))
        self.assertEqual(200, self.status("UNLOCK", mine, branch, info))
        self.assertEqual(403, self.status("GET", mine, fork))
        self.assertEqual(403, self.status("GET", "/state/other/rules", main))

    def test_a_refusal_says_which_claim_was_missing(self):
        def reason(token):
            answer = self.client.request("POST", "/state/demo/rules", STATE, auth=basic("jwt", token))
            self.assertEqual(403, answer.status)
            return json.loads(answer.body)["reason"]
        self.assertRegex(reason(self.token("topic")),
                         'has only the role plan here; rule "main deploys" would allow it, but the '
                         "token's claim ref is another, and its claim ref_protected is another$")
        # Who is of another project learns nothing of the rules.
        self.assertRegex(reason(self.token(project="66")), "no rule lets it use this state$")

    def test_a_token_s_own_claim_grants_nothing(self):
        own = {"terraform-backend": {"project": "other", "state": "*"}}
        self.assertEqual(403, self.status("GET", "/state/other/rules", self.token(**own)))

    def test_other_audience_issuer_and_time_are_refused(self):
        target = "/state/demo/rules"
        for name, token, status in (("audience", self.token(aud="somebody else"), 401),
                                    ("issuer", self.token(iss="https://localhost:1"), 401),
                                    ("over", self.token(seconds=-LEEWAY_S - 5), 401),
                                    ("kind of claim", self.token(project=42), 403)):
            with self.subTest(name):
                self.assertEqual(status, self.status("GET", target, token))

    def test_the_trouble_of_one_issuer_is_its_own(self):
        broken = '[issuers.broken]\nurl = "https://broken.example"\naudiences = ["a"]\nca_file = "%s"\n'
        text = POLICY % {"url": self.issuer.url, "ca": self.issuer.ca_file}
        missing = self.box.path("missing.pem")
        file = self.box.write("broken.toml", text + broken % missing, 0o600)
        run = self.box.run([CTL, "policy", "check", file])
        self.assertEqual(1, run.returncode)
        self.assertIn(f"line {text.count(chr(10)) + 4}, column 11: {missing}", run.stderr)
        run = self.box.run([PROGRAM, "--check-config"], env={**self.app.settings, "AUTH_POLICY_FILE": file})
        self.assertEqual(1, run.returncode)
        self.assertIn("column 11", run.stderr)
        with Box() as box:
            app = Stateward(box, AUTH_POLICY_FILE=file)
            nginx = Nginx(box, "unix:" + app.socket)
            client = Client(nginx.plain)
            for token, status in ((self.token(), 404),
                                  (self.token(iss="https://broken.example", aud="a"), 503)):
                self.assertEqual(status, client.get("/state/demo/x", auth=basic("jwt", token)).status)
            self.assertIn(b"one issuer", client.get("/ready").body)

    def apply(self, name, locked):
        """(the run, the state's path): an apply whose token ends in its middle."""
        path = f"/state/demo/{name}"
        url = f"http://127.0.0.1:{self.nginx.plain[1]}{path}"
        locks = f'    lock_address   = "{url}"\n    unlock_address = "{url}"' if locked else ""
        folder = self.box.make_dir(name)
        env = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
        env.update(CHECKPOINT_DISABLE="1", TF_IN_AUTOMATION="1", NO_COLOR="1")

        def tofu(token, *arguments):
            return subprocess.run([TOFU, f"-chdir={folder}", *arguments], env={**env, "TF_HTTP_PASSWORD": token},
                                  check=False, capture_output=True, text=True, timeout=120)

        def write(taken_until):
            self.box.write(f"{name}/main.tf", CONFIG % {"url": url, "locks": locks, "taken_until": taken_until})
        write(0)
        made = tofu(self.token(), "init", "-input=false")
        self.assertEqual(0, made.returncode, made.stdout + made.stderr)
        write(int(time.time()) + LIVES_S + 1)
        run = tofu(self.token(seconds=LIVES_S - LEEWAY_S), "apply", "-auto-approve", "-input=false")
        return run, path, pathlib.Path(folder)

    def test_an_apply_outlives_its_token_while_it_holds_the_lock(self):
        run, path, folder = self.apply("outlives", True)
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        self.assertFalse((folder / "errored.tfstate").exists())
        answer = self.client.get(path, auth=basic("jwt", self.token()))
        self.assertIn(b"terraform_data", answer.body)
        self.assertIn("grace=expired-but-holding-lock", self.app.log())
        # Its lock is gone: another may have it.
        self.assertEqual(200, self.status("LOCK", path, self.token(), lock_info("next")))
        self.assertEqual(200, self.status("UNLOCK", path, self.token(), lock_info("next")))

    def test_a_token_that_has_expired_is_told(self):
        path = "/state/demo/left"
        late = self.token(seconds=-LEEWAY_S // 2)  # within the leeway: it is still taken
        self.assertEqual(200, self.status("LOCK", path, late, lock_info("left")))
        answer = self.client.lock(path, lock_info("next"), auth=basic("jwt", self.token()))
        self.assertEqual(423, answer.status)
        held = json.loads(answer.body)
        self.assertRegex(held["Info"], r"; its token expired \d+ s ago; ")
        self.assertNotIn("stateward_token_exp", held)
        self.assertEqual(200, self.status("UNLOCK", path, late, lock_info("left")))

    def test_the_same_without_a_lock_is_refused(self):
        started = time.monotonic()
        run, path, folder = self.apply("unlocked", False)
        self.assertNotEqual(0, run.returncode, run.stdout + run.stderr)
        self.assertGreater(time.monotonic() - started, LIVES_S, "it ended before its token did")
        self.assertTrue((folder / "errored.tfstate").exists())
        self.assertEqual(404, self.status("GET", path, self.token()))


if __name__ == "__main__":
    unittest.main()
