"""The real OpenTofu keeps its state in Stateward, through nginx: all of it on two pairs of storage
and lock, what the backends could change on the others."""
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest

from box import ROOT, Box, wait_for
from client import Client, basic
from pairs import PAIRS, Pair, make_cases
from stateward import CTL
from webservers import Nginx, certificates

TOFU = subprocess.run([str(ROOT / "tests/tools/build.sh"), "tofu"], capture_output=True, text=True,
                      check=True).stdout.strip()


def terraform():
    """The machine's own; None: it has none, or one that does not know terraform_data."""
    path = shutil.which("terraform")
    if path is None:
        return None
    run = subprocess.run([path, "version", "-json"], env={**os.environ, "CHECKPOINT_DISABLE": "1"},
                         capture_output=True, text=True, check=True)
    version = json.loads(run.stdout)["terraform_version"].split("-")[0]
    return path if tuple(int(number) for number in version.split(".")) >= (1, 4) else None


TERRAFORM = terraform()

CONFIG = """
terraform {
  backend "http" {
    address        = "%(url)s"
    lock_address   = "%(url)s"
    unlock_address = "%(url)s"
    username       = "basic"
    password       = "secret"
  }
}
variable "note" { default = "first" }
resource "terraform_data" "many" {
  count = 3
  input = "${var.note} ${count.index}"
}
resource "terraform_data" "slow" {
  triggers_replace = var.note
  provisioner "local-exec" { command = "%(command)s" }
}
output "note" { value = terraform_data.many[0].output }
"""


def plain(text):
    """A message without colors, frame and line breaks."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m|│", "", text).split())


class Core:
    PAIR = None
    PROGRAM = TOFU
    SHOWN = ("alice@laptop", "demo/tofu")  # of a lock, after its ID

    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.pair = Pair(self.box, self.PAIR)
        self.server = self.pair.stateward()
        self.nginx = Nginx(self.box, "unix:" + self.server.socket)
        self.client = Client(self.nginx.plain, auth=basic("basic", "secret"))
        self.target = "/state/demo/tofu"
        self.folder = self.workspace("one")

    def workspace(self, name, command="true"):
        """command: what the resource `slow` runs when it is made."""
        url = f"http://127.0.0.1:{self.nginx.plain[1]}{self.target}"
        folder = self.box.make_dir(name)
        self.box.write(f"{name}/main.tf", CONFIG % {"url": url, "command": command})
        self.tofu("init", "-input=false", folder=folder)
        return folder

    def waiting_workspace(self, name):
        """(the folder, whose `slow` waits for a file; that file's path)."""
        go = self.box.path(f"{name}-may-go-on")
        return self.workspace(name, f"until [ -e {go} ]; do sleep 0.1; done"), go

    def argv(self, *arguments, folder):
        return [self.PROGRAM, f"-chdir={folder}", *arguments]

    def tofu(self, *arguments, folder=None, code=0):
        """Runs it to its end; the output. The cache may lie where the test user cannot read."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
        env.update(CHECKPOINT_DISABLE="1", TF_IN_AUTOMATION="1", NO_COLOR="1",
                   SSL_CERT_FILE=certificates().path("ca.pem"))
        run = subprocess.run(self.argv(*arguments, folder=folder or self.folder), env=env,
                             capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(code, run.returncode, run.stdout + run.stderr)
        return run.stdout if code == 0 else run.stdout + run.stderr

    def apply(self, note, *more, **options):
        return self.tofu("apply", "-auto-approve", "-input=false", f"-var=note={note}", *more,
                         **options)

    def state(self):
        return json.loads(self.client.get(self.target).body)

    def test_life_of_a_state(self):
        self.assertIn("4 added", self.apply("first"))
        self.assertIn("No changes", self.tofu("plan", "-input=false"))
        self.assertIn("first 0", self.tofu("output"))
        self.apply("second")
        pulled = self.tofu("state", "pull")
        self.assertEqual(self.state()["serial"], json.loads(pulled)["serial"])
        self.tofu("state", "mv", "terraform_data.many[2]", "terraform_data.moved")
        self.tofu("taint", "terraform_data.many[0]")
        serial = self.state()["serial"]
        # An older state is refused, and goes in by force.
        old = self.box.write("old.tfstate", pulled)
        self.tofu("state", "push", old, code=1)
        self.assertEqual(serial, self.state()["serial"])
        self.tofu("state", "push", "-force", old)
        self.assertEqual(json.loads(pulled)["resources"], self.state()["resources"])
        self.apply("third", "-lock=false")
        self.tofu("destroy", "-auto-approve", "-input=false")
        self.assertEqual([], self.state()["resources"])

    def test_a_held_lock_is_shown_and_forced(self):
        lock = json.dumps({"ID": "11111111-2222-3333-4444-555555555555", "Who": "alice@laptop",
                           "Operation": "OperationTypeApply", "Info": "", "Version": "1.12.6",
                           "Created": "2026-11-23T16:00:54Z", "Path": ""}).encode()
        self.assertEqual(200, self.client.lock(self.target, lock).status)
        text = self.apply("x", code=1)
        for word in ("11111111-2222-3333-4444-555555555555", *self.SHOWN):
            self.assertIn(word, text)
        # With patience it gets the lock as soon as it is free.
        timer = threading.Timer(2, lambda: self.tofu(
            "force-unlock", "-force", "11111111-2222-3333-4444-555555555555"))
        timer.start()
        self.apply("x", "-lock-timeout=120s")
        timer.join()

    def ctl(self, *arguments):
        run = self.box.run([CTL, *arguments], env=self.server.env)
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        return run.stdout

    def test_a_maintenance_is_shown_and_nobody_forces_it(self):
        self.apply("before")
        self.ctl("maintenance", "set", "demo/*", "--until", "2099-01-31T14:00:00Z",
                 "--reason", "new router")
        sentence = re.search(r"MAINTENANCE until 2099-01-31 14:00 UTC by \S+: new router",
                             plain(self.apply("x", code=1))).group()
        text = self.tofu("force-unlock", "-force", sentence, code=1)
        self.assertIn("403", text)
        self.tofu("plan", "-input=false", "-lock=false")
        self.assertIn("before 0", self.tofu("output"))
        serial = self.state()["serial"]
        self.apply("x", "-lock=false", code=1)
        self.assertEqual(serial, self.state()["serial"])
        # Who waits gets the lock as soon as it ends.
        timer = threading.Timer(2, lambda: self.ctl("maintenance", "end", "demo/*"))
        timer.start()
        self.apply("after", "-lock-timeout=120s")
        timer.join()
        self.ctl("freeze", "demo/tofu", "--reason", "ask ann")
        self.assertRegex(plain(self.apply("x", code=1)), r"FROZEN by \S+: ask ann")


class Full(Core):
    def during_an_apply(self, play):
        """(the folder, the apply's output): play() runs while it holds the lock."""
        slow, go = self.waiting_workspace("slow")
        result = []
        run = threading.Thread(target=lambda: result.append(self.apply("slow", folder=slow)))
        run.start()
        try:
            wait_for(lambda: "method=LOCK state=demo/tofu status=200" in self.server.log(),
                     "the apply holds the lock")
            play()
        finally:
            self.box.write(go, "")
            run.join()
        self.assertEqual(1, len(result))
        return slow, result[0]

    def kill_workers(self):
        killed = self.server.workers()
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        wait_for(lambda: len(self.server.workers()) == 2 and not set(killed) & set(self.server.workers()),
                 "others take their places")

    def test_workers_may_die_during_an_apply(self):
        slow, output = self.during_an_apply(self.kill_workers)
        self.assertIn("Apply complete", output)
        self.assertFalse(os.path.exists(os.path.join(slow, "errored.tfstate")))
        self.assertEqual("slow 0", self.state()["outputs"]["note"]["value"])

    def test_a_second_apply_sees_who_holds_the_lock(self):
        self.during_an_apply(self.second_apply)
        self.assertEqual("slow 0", self.state()["outputs"]["note"]["value"])

    def second_apply(self):
        holder = json.loads(self.client.lock(self.target, b'{"ID":"probe"}').body)
        text = self.apply("second", code=1)
        self.assertIn(holder["ID"], text)
        self.assertIn(holder["Who"], text)

    def test_50_megabytes(self):
        self.apply("small")
        state = self.state()
        state["serial"] += 1
        state["outputs"]["big"] = {"value": "0123456789" * 5_000_000, "type": "string"}
        big = self.box.write("big.tfstate", json.dumps(state))
        self.tofu("state", "push", big)
        pulled = self.tofu("state", "pull")
        self.assertGreater(len(pulled), 50_000_000)
        self.assertEqual(state["outputs"], json.loads(pulled)["outputs"])

    def was_limited(self, site):
        """Whether tofu itself was told 429. The answer is made in a location with nginx's own log."""
        with open(site.path("access.log"), encoding="utf-8") as log:
            return any(f" {self.target} HTTP/" in line and '" 429 ' in line for line in log)

    def test_an_apply_rides_through_the_example_sites_rate_limit(self):
        def edit(_, text):  # the site delays; with these it refuses, as a narrower one may
            return (text.replace("burst=2000 delay=100;", "burst=40 nodelay;")
                    .replace("rate=200r/s;", "rate=20r/s;"))
        site = Nginx(self.box, "unix:" + self.server.socket, "example", edit)
        folder = self.box.make_dir("limited")
        url = f"https://localhost:{site.tls[1]}{self.target}"
        self.box.write("limited/main.tf", CONFIG % {"url": url, "command": "true"})
        stop = threading.Event()

        def crowd():
            """Others at the same address: 1.5 s of too much, 2.5 s of nothing."""
            def connect():
                return Client(site.tls, tls=site.context(), auth=basic("basic", "secret"),
                              keep=True)
            client = connect()
            while not stop.is_set():
                if time.monotonic() % 4 >= 1.5:
                    time.sleep(0.05)
                    continue
                try:
                    client.get("/state/demo/crowd")
                except (OSError, http.client.HTTPException):
                    client = connect()  # nginx ends a connection after 1000 requests

        threads = [threading.Thread(target=crowd) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            self.tofu("init", "-input=false", folder=folder)
            number, give_up = 0, time.monotonic() + 60
            self.apply("limited 0", folder=folder)
            while not self.was_limited(site):
                self.assertLess(time.monotonic(), give_up, "tofu never met the limit")
                number += 1
                self.apply(f"limited {number}", folder=folder)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(f"limited {number} 0", self.state()["outputs"]["note"]["value"])

    def test_migration_from_a_local_file(self):
        folder = self.box.make_dir("local")
        config = open(os.path.join(self.folder, "main.tf"), encoding="utf-8").read()
        start, end = config.index('  backend "http"'), config.index('variable "note"')
        self.box.write("local/main.tf", config[:start] + "}\n" + config[end:])
        self.tofu("init", "-input=false", folder=folder)
        self.apply("local", folder=folder)
        self.box.write("local/main.tf", config)
        self.tofu("init", "-input=false", "-migrate-state", "-force-copy", folder=folder)
        self.assertEqual("local 0", self.state()["outputs"]["note"]["value"])

    def test_encrypted_by_the_client(self):
        self.box.write("one/encryption.tf", """
terraform {
  encryption {
    key_provider "pbkdf2" "mine" { passphrase = "correct horse battery staple" }
    method "aes_gcm" "mine" { keys = key_provider.pbkdf2.mine }
    state { method = method.aes_gcm.mine }
  }
}
""")
        self.tofu("init", "-input=false")
        self.apply("hidden")
        self.assertIn("encrypted_data", self.state())
        self.apply("again")
        self.assertIn("again 0", self.tofu("output"))


class Terraform(Core):
    PROGRAM = TERRAFORM
    SHOWN = ()  # the ID alone


FULL_PAIRS = ("fs+local", "postgres+postgres")


make_cases(sys.modules[__name__], Full, FULL_PAIRS)
if TERRAFORM:
    make_cases(sys.modules[__name__], Terraform, FULL_PAIRS[:1])
make_cases(sys.modules[__name__], Core, [pair for pair in PAIRS if pair not in FULL_PAIRS])


if __name__ == "__main__":
    unittest.main()
