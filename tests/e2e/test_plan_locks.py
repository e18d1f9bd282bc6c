"""PLAN_LOCKS=shared with the real OpenTofu: plans hold a state together, a write waits for them and
then keeps new ones out (docs/lock.md, "Plan locks"). Longer runs: prove_plan_locks.py."""
import json
import os
import subprocess
import threading
import unittest

from box import Box
from client import Client, basic
from policy_world import PASSWORDS, TOKENS, policy
from slow_state import CONFIG, SlowState
from stateward import Stateward
from test_tofu import TOFU
from webservers import Nginx

WRITE_CONFIG = """
terraform {
  backend "http" {
    address        = "%(url)s"
    lock_address   = "%(url)s"
    unlock_address = "%(url)s"
  }
}
resource "terraform_data" "one" { input = "written" }
"""
TARGET = "/state/demo/planned"


def lock_info(lock_id, operation="OperationTypePlan"):
    return json.dumps({"ID": lock_id, "Operation": operation, "Info": "", "Who": "ann@laptop",
                       "Version": "1.9.0", "Created": "2026-11-27T10:00:00Z", "Path": ""}).encode()


class PlanLocks(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        rules = policy() + '\n[[locks]]\nstates = ["demo/alone"]\nplan_locks = "exclusive"\n'
        self.app = Stateward(self.box, PLAN_LOCKS="shared",
                             AUTH_POLICY_FILE=self.box.write("policy.toml", rules, 0o600))
        self.nginx = Nginx(self.box, "unix:" + self.app.socket)
        self.writer = Client(self.nginx.plain, auth=basic("x", TOKENS["ci"]))

    def start(self, folder, *arguments):
        env = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
        env.update(CHECKPOINT_DISABLE="1", TF_IN_AUTOMATION="1", NO_COLOR="1",
                   TF_HTTP_USERNAME="x", TF_HTTP_PASSWORD=TOKENS["ci"])
        run = subprocess.Popen([TOFU, f"-chdir={folder}", *arguments], env=env, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(lambda: run.poll() is None and run.kill())
        return run

    def ends(self, run, code=0):
        text, _ = run.communicate(timeout=150)
        self.assertEqual(code, run.returncode, text)
        return text

    def workspace(self, name, config, **values):
        url = f"http://127.0.0.1:{self.nginx.plain[1]}{TARGET}"
        folder = self.box.make_dir(name)
        self.box.write(f"{name}/main.tf", config % {"url": url, **values})
        self.ends(self.start(folder, "init", "-input=false"))
        return folder

    def test_two_plans_at_once_and_an_apply_that_waits(self):
        opened = threading.Event()
        slow = SlowState(lambda server: opened.wait(90))
        self.addCleanup(slow.close)
        self.addCleanup(opened.set)
        folders = [self.workspace(f"plan{i}", CONFIG, slow=slow.url) for i in range(2)]
        write = self.workspace("write", WRITE_CONFIG)
        plans = [self.start(f, "plan", "-input=false") for f in folders]
        self.assertTrue(slow.until(lambda s: s.inside == 2), "both hold the lock and read")
        refused = self.ends(self.start(write, "apply", "-auto-approve", "-input=false"), code=1)
        self.assertIn("2 plans hold it: token:ci since", refused)
        # That run's try keeps plans out for 20 s, then plans have their time; a root's LOCK waits.
        root = Client(self.nginx.plain, auth=basic("x", TOKENS["root"]))
        self.assertEqual(423, root.lock(TARGET, lock_info("w", "OperationTypeApply")).status)
        kept_out = root.lock(TARGET, lock_info("p3"))
        self.assertEqual(423, kept_out.status)
        self.assertIn("a write waits for the lock: token:", json.loads(kept_out.body)["ID"])
        apply = self.start(write, "apply", "-auto-approve", "-input=false", "-lock-timeout=90s")
        opened.set()
        for plan in plans:
            self.assertIn("slow", self.ends(plan))
        self.assertIn("1 added", self.ends(apply))
        self.assertEqual(200, root.unlock(TARGET, lock_info("w")).status)

    def test_a_plan_s_lock_allows_no_write(self):
        document = json.dumps({"version": 4, "serial": 1, "lineage": "L", "outputs": {},
                               "resources": []}).encode()
        self.assertEqual(200, self.writer.lock(TARGET, lock_info("p")).status)
        for target in (TARGET + "?ID=p", TARGET):
            answer = self.writer.post(target, document)
            self.assertEqual(409, answer.status)
            self.assertIn(b"the upload is kept", answer.body)
        planner = Client(self.nginx.plain, auth=basic("x", TOKENS["planner"]))
        # Whatever Operation it names, the role plan gets a plan lock.
        self.assertEqual(200, planner.lock(TARGET, lock_info("q", "OperationTypeApply")).status)
        self.assertEqual(403, planner.post(TARGET + "?ID=q", document).status)
        self.assertEqual(404, self.writer.get(TARGET).status)

    def test_an_empty_unlock_frees_one_s_own_plans(self):
        alice = Client(self.nginx.plain, auth=basic("alice", PASSWORDS["alice"]))
        root = Client(self.nginx.plain, auth=basic("x", TOKENS["root"]))
        for client, lock_id in ((self.writer, "p"), (self.writer, "q"), (alice, "r")):
            self.assertEqual(200, client.lock(TARGET, lock_info(lock_id)).status)
        freed = self.writer.unlock(TARGET, b"")
        self.assertEqual(200, freed.status)
        self.assertEqual(["p", "q"], sorted(f["ID"] for f in json.loads(freed.body)["freed"]))
        self.assertEqual(200, self.writer.unlock(TARGET, b"").status)  # its repeat
        freed = root.unlock(TARGET, b"")
        self.assertEqual([{"ID": "r", "principal": "user:alice"}], json.loads(freed.body)["freed"])
        self.assertEqual(200, self.writer.lock(TARGET, lock_info("w", "OperationTypeApply")).status)

    def test_the_policy_says_it_for_a_project(self):
        self.assertEqual(200, self.writer.lock("/state/demo/alone", lock_info("p")).status)
        self.assertEqual(423, self.writer.lock("/state/demo/alone", lock_info("q")).status)


if __name__ == "__main__":
    unittest.main()
