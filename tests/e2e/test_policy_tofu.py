"""The real OpenTofu with each way in, and with the role plan."""
import json
import os
import subprocess
import unittest

from box import Box
from client import Client, basic
from policy_world import CTL, PASSWORDS, TOKENS, htpasswd, nginx_users, policy
from stateward import Stateward
from test_tofu import TERRAFORM, TOFU
from webservers import Nginx, certificates

CONFIG = """
terraform {
  backend "http" {
    address        = "%(url)s"
    lock_address   = "%(url)s"
    unlock_address = "%(url)s"
%(more)s
  }
}
variable "note" { default = "first" }
resource "terraform_data" "one" { input = var.note }
output "note" { value = terraform_data.one.output }
output "word" {
  value     = "hidden ${var.note}"
  sensitive = true
}
"""


class PolicyTofu(unittest.TestCase):
    PROGRAM = TOFU

    @classmethod
    def setUpClass(cls):
        cls.box = Box()
        cls.addClassCleanup(cls.box.close)
        cls.app = Stateward(cls.box, AUTH_PROXY_ENABLED="true",
                            AUTH_POLICY_FILE=cls.box.write("policy.toml", policy(), 0o600))
        cls.nginx = Nginx(cls.box, "unix:" + cls.app.socket)

    def tofu(self, folder, user, password, *arguments, code=0):
        env = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
        env.update(CHECKPOINT_DISABLE="1", TF_IN_AUTOMATION="1", NO_COLOR="1")
        if user is not None:
            env.update(TF_HTTP_USERNAME=user, TF_HTTP_PASSWORD=password)
        run = subprocess.run([self.PROGRAM, f"-chdir={folder}", *arguments], env=env, capture_output=True,
                             text=True, timeout=120, check=False)
        self.assertEqual(code, run.returncode, run.stdout + run.stderr)
        return run.stdout + run.stderr

    def workspace(self, name, url, user, password, more=""):
        folder = self.box.make_dir(name)
        self.box.write(f"{name}/main.tf", CONFIG % {"url": url, "more": more})
        self.tofu(folder, user, password, "init", "-input=false")
        return folder

    def life(self, name, base, user, password, more=""):
        folder = self.workspace(name, f"{base}/state/demo/{name}", user, password, more)
        apply = ("apply", "-auto-approve", "-input=false")
        self.assertIn("1 added", self.tofu(folder, user, password, *apply))
        self.assertIn("No changes", self.tofu(folder, user, password, "plan", "-input=false"))
        self.tofu(folder, user, password, *apply, "-var=note=second")
        self.assertIn("second", self.tofu(folder, user, password, "output"))
        return folder

    def plain(self, nginx=None):
        return f"http://127.0.0.1:{(nginx or self.nginx).plain[1]}"

    def test_user(self):
        self.life("user", self.plain(), "alice", PASSWORDS["alice"])

    def test_machine_token(self):
        self.life("token", self.plain(), "whoever", TOKENS["ci"])

    def test_user_of_nginx(self):
        nginx = Nginx(self.box, "unix:" + self.app.socket,
                      edit=nginx_users(htpasswd(self.box)))
        self.life("proxy", self.plain(nginx), "carol", PASSWORDS["carol"])

    def test_client_certificate(self):
        nginx = Nginx(self.box, "unix:" + self.app.socket, site="example")
        certs = certificates()
        read = {n: open(certs.path(n), encoding="utf-8").read()
                for n in ("ca.pem", "client.pem", "client.key")}
        more = "".join(f"    {key} = <<EOT\n{read[file]}EOT\n" for key, file in (
            ("client_ca_certificate_pem", "ca.pem"), ("client_certificate_pem", "client.pem"),
            ("client_private_key_pem", "client.key")))
        self.life("cert", f"https://localhost:{nginx.tls[1]}", None, None, more)

    def test_a_plan_reads_and_locks_and_does_not_write(self):
        folder = self.life("planned", self.plain(), "x", TOKENS["ci"])
        text = self.tofu(folder, "x", TOKENS["planner"], "plan", "-input=false", "-var=note=third")
        self.assertIn("1 to change", text)
        before = Client(self.nginx.plain, auth=basic("x", TOKENS["ci"])).get("/state/demo/planned")
        text = self.tofu(folder, "x", TOKENS["planner"], "apply", "-auto-approve", "-input=false",
                         "-var=note=third", code=1)
        self.assertIn("403", text)
        after = Client(self.nginx.plain, auth=basic("x", TOKENS["ci"])).get("/state/demo/planned")
        self.assertEqual(before.body, after.body)
        # It released its lock: the next run is not held up.
        self.tofu(folder, "x", TOKENS["ci"], "plan", "-input=false")

    def test_forced_unlock(self):
        folder = self.life("forced", self.plain(), "x", TOKENS["ci"])
        lock_id = "11111111-2222-3333-4444-555555555555"
        body = json.dumps({"ID": lock_id, "Operation": "OperationTypeApply", "Who": "w", "Info": "",
                           "Version": "1", "Created": "2026-11-23T16:00:54Z", "Path": ""}).encode()
        client = Client(self.nginx.plain, auth=basic("x", TOKENS["ci"]))
        self.assertEqual(200, client.lock("/state/demo/forced", body).status)
        text = self.tofu(folder, "alice", PASSWORDS["alice"], "force-unlock", "-force", lock_id,
                         code=1)
        self.assertIn("403", text)
        self.tofu(folder, "x", TOKENS["root"], "force-unlock", "-force", lock_id)
        self.tofu(folder, "alice", PASSWORDS["alice"], "plan", "-input=false")

    def test_outputs_by_curl(self):
        self.life("curled", self.plain(), "x", TOKENS["ci"])
        run = subprocess.run(["curl", "-sS", "-f", "-u", "x:" + TOKENS["dash"],
                              self.plain() + "/state/demo/curled/outputs/note"],
                             capture_output=True, text=True, check=True)
        self.assertEqual('"second"', run.stdout)

    def test_another_project_reads_the_outputs(self):
        self.life("producer", self.plain(), "x", TOKENS["ci"])
        consumer = self.box.make_dir("consumer")
        config = """
data "terraform_remote_state" "net" {
  backend = "http"
  config  = { address = "%s" }
}
resource "terraform_data" "app" { input = data.terraform_remote_state.net.outputs.note }
"""
        address = self.plain() + "/state/demo/producer"
        self.box.write("consumer/main.tf", config % (address + "/outputs.tfstate"))
        self.tofu(consumer, "x", TOKENS["dash"], "init", "-input=false")
        self.tofu(consumer, "x", TOKENS["dash"], "apply", "-auto-approve", "-input=false")
        with open(f"{consumer}/terraform.tfstate", encoding="utf-8") as file:
            state = file.read()
        self.assertIn('"second"', state)
        self.assertNotIn(TOKENS["dash"], state)
        self.assertNotIn("terraform_data.one", state)
        self.assertNotIn("hidden second", state)
        self.box.write("consumer/main.tf", config % address)
        text = self.tofu(consumer, "x", TOKENS["dash"], "plan", "-input=false", code=1)
        self.assertIn("invalid auth", text)

    def test_adopt(self):
        with Box() as box:
            file = box.write("policy.toml", policy(), 0o600)
            app = Stateward(box, AUTH_POLICY_FILE=file, AUTH_BASIC_ENABLED="true",
                            AUTH_BASIC_NEW_TENANTS="true")
            nginx = Nginx(box, "unix:" + app.socket)
            old = Client(nginx.plain, auth=basic("basic", "secret"))
            new = Client(nginx.plain, auth=basic("x", TOKENS["ci"]))
            document = b'{"version":4,"serial":3,"lineage":"L"}'
            self.assertEqual(404, new.get("/state/demo/old").status)
            self.assertEqual(200, old.post("/state/demo/old", document).status)
            answer = new.get("/state/demo/old")
            self.assertEqual(409, answer.status)
            self.assertIn(b"statewardctl adopt", answer.body)
            run = box.run([CTL, "adopt", "demo/old"], env=app.settings)
            self.assertEqual(0, run.returncode, run.stderr)
            self.assertEqual(document, new.get("/state/demo/old").body)
            self.assertEqual(409, old.get("/state/demo/old").status)
            # Two of a name: it wants to know which.
            for secret in ("secret", "other"):
                client = Client(nginx.plain, auth=basic("basic", secret))
                self.assertEqual(200, client.post("/state/demo/two", document).status)
            run = box.run([CTL, "adopt", "demo/two"], env=app.settings)
            self.assertEqual(4, run.returncode)
            self.assertIn("--from", run.stderr)
            namespace = [line.split()[0] for line in run.stderr.splitlines() if "serial" in line]
            self.assertEqual(2, len(namespace))
            run = box.run([CTL, "adopt", "demo/two", "--from", namespace[0]], env=app.settings)
            self.assertEqual(0, run.returncode, run.stderr)
            self.assertEqual(1, box.run([CTL, "adopt", "demo/none"],
                                        env=app.settings).returncode)


if TERRAFORM:
    class PolicyTerraform(PolicyTofu):
        PROGRAM = TERRAFORM


if __name__ == "__main__":
    unittest.main()
