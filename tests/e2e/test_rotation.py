"""docs/kms.md, "Rotating", step by step, with keys that reach the server as systemd's credentials do:
copied when it starts, and never again. No state is 503 at any moment."""
import base64
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time
import unittest

from box import Box, reachable, wait_for
from original import blob, legacy_id
from stateward import PROGRAM, Stateward

CTL = str(pathlib.Path(PROGRAM).parent / "statewardctl")
STATES = 6


def new_key():
    return base64.b64encode(os.urandom(32)).decode()


class Rotation(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.etc = self.box.make_dir("etc")
        self.credentials = self.box.make_dir("credentials")
        self.old, self.new = new_key(), new_key()
        self.write("kms.key", self.old)
        self.copy_credentials()
        self.down, self.restarts = False, 0
        self.server = Stateward(self.box, KMS_KEY="", CREDENTIALS_DIRECTORY=self.credentials)
        del self.server.settings["KMS_KEY"]
        self.restart()
        self.wrong = []
        self.watched = 0  # by the watcher alone
        self.watcher = None
        self.end = threading.Event()

    def write(self, name, text):
        path = self.box.write(f"etc/{name}", text + "\n")
        os.chmod(path, 0o600)

    def copy_credentials(self):
        """What systemd does before the service starts; #none is SetCredential's."""
        for file, name in (("kms.key", "kms_key"), ("kms.keyring", "kms_keyring")):
            source = pathlib.Path(self.etc, file)
            path = self.box.write(f"credentials/{name}",
                                  source.read_text() if source.exists() else "#none")
            os.chmod(path, 0o400)

    def restart(self):
        self.restarts += 1
        self.down = True
        self.server.process.stop()
        shutil.rmtree(self.credentials)
        self.box.make_dir("credentials")
        self.copy_credentials()
        self.server.start()
        self.published()
        self.down = False

    def reload(self, way="settings were read again"):
        before = self.server.log().count(way)
        self.server.process.send(signal.SIGHUP)
        wait_for(lambda: self.server.log().count(way) >= before + 2, way)

    def published(self):
        """Every worker has said which keys it knows."""
        folder = pathlib.Path(self.box.path("states/servers"))
        wait_for(lambda: folder.exists() and len(list(folder.glob("?" * 32))) == 2,
                 "both workers have spoken")

    def ctl(self, *arguments, code=0):
        """As root on the host: it reads the files themselves."""
        env = {**self.server.settings, "PATH": os.environ["PATH"]}
        del env["CREDENTIALS_DIRECTORY"]
        for name, file in (("KMS_KEY_FILE", "kms.key"), ("KMS_KEYRING_FILE", "kms.keyring")):
            if os.path.exists(os.path.join(self.etc, file)):
                env[name] = os.path.join(self.etc, file)
        run = subprocess.run([reachable(CTL), *arguments], env=env, capture_output=True, text=True,
                             timeout=120, check=False, **self.box.identity())
        self.assertEqual(code, run.returncode, run.stdout + run.stderr)
        return run.stdout + run.stderr

    def document(self, number):
        return json.dumps({"version": 4, "serial": 1, "lineage": f"line-{number}"}).encode()

    def ask_once(self, number):
        """The answer; None: nobody answered, while the server was being restarted."""
        before = self.restarts
        may_fail = self.down
        try:
            answer, why = self.server.ask("GET", f"/state/p/s{number}"), "no answer"
        except (OSError, EOFError) as error:
            answer, why = None, repr(error)
        if answer is None and not may_fail and not self.down and self.restarts == before:
            self.wrong.append(f"GET s{number}: {why}, though a server is there")
        return answer

    def check(self, number):
        """A state is there whenever a server is."""
        while not self.end.is_set() and not self.wrong:
            answer = self.ask_once(number)
            if answer is None:
                time.sleep(0.02)
                continue
            status, _, body = answer
            if status != 200 or body != self.document(number):
                self.wrong.append(f"GET s{number}: {status}")
            return

    def watch(self):
        try:
            while not self.end.is_set() and not self.wrong:
                self.check(self.watched % STATES)
                self.watched += 1
        except Exception as error:  # pylint: disable=broad-except
            self.wrong.append(f"the watcher: {error!r}")

    def start_watcher(self):
        self.watcher = threading.Thread(target=self.watch)
        self.watcher.start()
        self.addCleanup(self.watcher.join)
        self.addCleanup(self.end.set)

    def good(self):
        """And, with a watcher: it has read each state since we were called. The first of its reads may have begun
        before."""
        if self.watcher:
            before = self.watched
            wait_for(lambda: self.wrong or self.watched > before + STATES, "the watcher reads each state")
        self.assertEqual([], self.wrong, self.server.log()[-2000:])

    def id_of(self, key):
        """As `keys` shows it: the line that seals."""
        return [line for line in self.ctl("keys").splitlines() if "(seals)" in line][0].split()[0]

    def test_the_documented_steps(self):
        for number in range(STATES):
            self.assertEqual(200, self.server.ask("POST", f"/state/p/s{number}",
                                                  self.document(number))[0])
        old_id = self.id_of(self.old)
        self.start_watcher()
        self.good()

        # 1. All can read the new key; a reload does not see it, and harms nothing.
        self.write("kms.keyring", self.new)
        self.reload()
        self.good()
        self.restart()
        self.good()

        # 2. It seals. Before the servers know that, rekey would be right already: they can read it.
        self.write("kms.key", self.new)
        self.write("kms.keyring", self.old)
        self.restart()
        self.good()

        # 3.
        self.assertIn("NOT retired", self.ctl("keys", "--retired", old_id, code=1))
        # Mistyped ones are no keys that nothing needs.
        other = old_id[:-1] + ("1" if old_id.endswith("0") else "0")
        for key in (other, old_id[:-1], old_id.upper() + "A", old_id + ":1", old_id + ":v1",
                    other + ":v1"):
            self.ctl("keys", "--retired", key, code=2)
        self.good()
        # Each state, and the store's secret.
        self.assertIn(f"{STATES + 1} sealed again", self.ctl("rekey"))
        self.good()

        # 4.
        self.ctl("keys", "--retired", old_id)
        self.good()
        os.unlink(os.path.join(self.etc, "kms.keyring"))
        self.restart()
        self.good()
        self.assertNotIn(old_id, self.ctl("keys"))

    def test_rekey_refuses_a_key_that_servers_do_not_know(self):
        """B2: the reload kept the old copy of the credential; rekey made every state 503."""
        self.assertEqual(200, self.server.ask("POST", "/state/p/s0", self.document(0))[0])
        old_id = self.id_of(self.old)
        self.write("kms.key", self.new)
        self.write("kms.keyring", self.old)
        self.reload()
        out = self.ctl("rekey", code=4)
        self.assertIn("running servers do not know the key", out)
        self.assertEqual(2, out.count(os.uname().nodename + ":"), out)
        self.ctl("rekey", "--dry-run")
        self.check(0)
        self.good()
        # Nor may the old key go as long as they seal with it.
        self.assertIn("2 sealed again", self.ctl("rekey", "--yes"))
        self.assertEqual(503, self.server.ask("GET", "/state/p/s0")[0])
        self.assertIn("running servers seal with it", self.ctl("keys", "--retired", old_id, code=1))
        self.restart()
        self.check(0)
        self.good()
        # Servers that have ended do not stand in the way, and those that died do so only for minutes.
        self.server.process.stop()
        self.assertEqual([], list(pathlib.Path(self.box.path("states/servers")).iterdir()))
        self.left_by("dead:1", old_id, minutes=6)
        self.left_by("standing:2", old_id, minutes=3)
        out = self.ctl("rekey", code=4)
        self.assertIn("running servers do not know the key", out)
        self.assertIn("standing:2;", out)
        self.assertIn("not heard of for more than 5 minutes, so not counted: dead:1\n", out)
        os.unlink(self.box.path("states/servers/" + "2" * 32))
        out = self.ctl("rekey")
        self.assertIn("not counted: dead:1\n", out)
        self.assertIn("0 sealed again", out)

    def left_by(self, server, key, minutes):
        """What a worker said so long ago that knows this key alone."""
        then = int((time.time() - 60 * minutes) * 1000)
        text = {"server": server, "version": "1", "time_ms": str(then), "seals": key, "opens": [key], "format": "1"}
        self.box.write("states/servers/" + server[-1] * 32, json.dumps(text))

    def test_the_old_key_stays_for_states_of_the_original(self):
        """They name no key and are never changed: rekey and keys say that they need it, as long as they do."""
        untouched = {}
        for name in ("left", "also"):
            untouched[name] = json.dumps({"version": 4, "serial": 1, "lineage": name}).encode()
            self.box.write("states/" + legacy_id("p", name, "secret") + ".tfstate", blob(untouched[name], self.old))
        self.assertEqual(200, self.server.ask("POST", "/state/p/s0", self.document(0))[0])
        old_id = self.id_of(self.old)
        self.write("kms.key", self.new)
        self.write("kms.keyring", self.old)
        self.restart()
        out = self.ctl("rekey")
        self.assertIn("2 sealed again", out)
        self.assertIn("2 states of terraform-backend stay as they are, and need their key until somebody writes", out)
        out = self.ctl("keys", "--retired", old_id, code=1)
        self.assertIn("NOT retired: needed by 2 states of terraform-backend", out)
        for name, text in untouched.items():
            status, _, body = self.server.ask("GET", f"/state/p/{name}")
            self.assertEqual((200, text), (status, body))
        # Without the key nobody knows what they need; so it is not called retired, and nothing is served for them.
        os.unlink(os.path.join(self.etc, "kms.keyring"))
        out = self.ctl("keys", "--retired", self.id_of(self.new), code=1)
        self.assertIn("2 states of terraform-backend open with no key that is set here", out)
        self.assertIn("2 states of terraform-backend stay as they are", self.ctl("rekey"))
        self.restart()
        self.assertEqual(503, self.server.ask("GET", "/state/p/left")[0])
        self.write("kms.keyring", self.old)
        self.restart()
        for name in untouched:
            body = json.dumps({"version": 4, "serial": 2, "lineage": name}).encode()
            self.assertEqual(200, self.server.ask("POST", f"/state/p/{name}", body)[0])
        self.assertNotIn("stay as they are", self.ctl("rekey"))
        self.assertIn(f"{old_id}: nothing needs it", self.ctl("keys", "--retired", old_id))

    def with_key_file(self):
        """A server with a key that a reload reads again, and a state; the key's file."""
        path = self.box.write("etc/now.key", self.old + "\n")
        os.chmod(path, 0o600)
        self.server.process.stop()
        self.server.settings["KMS_KEY_FILE"] = path
        self.server.start()
        self.assertEqual(200, self.server.ask("POST", "/state/p/s0", self.document(0))[0])
        return pathlib.Path(path)

    def replace_workers(self, at_once=True):
        """Those that are there are killed, all at once or one after the other."""
        old = self.server.workers()
        for worker in old:
            os.kill(worker, signal.SIGKILL)
            if not at_once:
                wait_for(lambda gone=worker: gone not in self.server.workers() and
                         len(self.server.workers()) == len(old), "it is replaced")
        wait_for(lambda: len(set(self.server.workers()) - set(old)) == len(old), "all are replaced")

    def everybody_reads(self):
        for _ in range(20):
            self.assertEqual((200, self.document(0)), self.server.ask("GET", "/state/p/s0")[::2])

    def test_workers_that_start_later_have_no_key_that_was_refused(self):
        path = self.with_key_file()
        path.write_text(self.new + "\n")
        self.reload("the new keys are not taken")
        for at_once in (True, False):
            self.replace_workers(at_once)
            self.everybody_reads()
        # What is good is taken, also by those that start later.
        path.write_text(self.old + "\n")
        self.reload()
        self.replace_workers()
        self.everybody_reads()

    def test_workers_that_die_in_a_reload(self):
        """Those that replace them began with the settings before it, and are told."""
        path = self.with_key_file()
        path.write_text(self.new + "\n")
        self.server.process.send(signal.SIGHUP)
        self.replace_workers()
        self.everybody_reads()
        path.write_text(self.old + "\n")
        wait_for(lambda: self.server.ask("GET", "/ready")[0] == 200, "it is ready")

    def test_a_reload_while_the_store_is_away(self):
        """Nobody knows whether the new keys are the store's."""
        path = self.with_key_file()
        identity = pathlib.Path(self.box.path("states/stateward-store"))
        away = identity.rename(identity.with_name("away"))
        path.write_text(self.new + "\n")
        self.reload("the new keys are not taken")
        away.rename(identity)
        wait_for(lambda: self.server.ask("GET", "/state/p/s0")[0] == 200, "the store is back")
        self.everybody_reads()

    def test_a_reload_never_loses_the_keys(self):
        path = self.with_key_file()
        path.write_text(self.new + "\n")
        self.reload("the new keys are not taken")
        self.check(0)
        self.good()
        status, _, body = self.server.ask("GET", "/ready")
        self.assertEqual(200, status, body)
        # A worker that starts with the wrong key says so at once, without a state to read.
        self.server.restart()
        status, _, body = self.server.ask("GET", "/ready")
        self.assertEqual((503, "not ready"), (status, json.loads(body)["parts"]["key"]), body)
        path.write_text(self.old + "\n")
        self.reload()
        self.check(0)
        self.good()
        wait_for(lambda: self.server.ask("GET", "/ready")[0] == 200, "it is ready again")


if __name__ == "__main__":
    unittest.main()
