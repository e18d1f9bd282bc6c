"""Events: signed as the package standardwebhooks verifies, at least once, in nobody's way, to no private address."""
import base64
import json
import os
import pathlib
import socket
import subprocess
import unittest

from box import Box, connects, free_port, wait_for
from stateward import CTL, Stateward

CACHE = pathlib.Path(os.environ.get("STATEWARD_CACHE") or pathlib.Path.home() / ".cache/stateward")
RECEIVER = pathlib.Path(__file__).with_name("hook_receiver.py")
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
LOCK = b'{"ID":"a","Operation":"OperationTypeApply"}'
CANARY = "canary-0f6b1d"


def document(serial, lineage="l"):
    return json.dumps({"version": 4, "serial": serial, "lineage": lineage,
                       "outputs": {"x": {"value": CANARY, "type": "string"}}}).encode()


class Webhook(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.port = free_port("127.0.0.1")
        self.log = self.box.write("received", "")
        self.mode = self.box.write("mode", "ok")
        self.settings = {"WEBHOOK_URL": f"http://127.0.0.1:{self.port}/hook", "WEBHOOK_SECRET": SECRET,
                         "WEBHOOK_ALLOW_PRIVATE": "true", "AUDIT_FILE": self.box.path("audit.log")}

    def set_mode(self, mode):
        self.box.write("mode.new", mode)
        os.replace(self.box.path("mode.new"), self.mode)

    def start(self, **more):
        self.server = Stateward(self.box, workers=1, **{**self.settings, **more})
        # Events are those after the cursor was made.
        wait_for(lambda: os.path.exists(self.box.path("audit.log.hooks")), "the cursor is made")

    def receive(self):
        python = sorted(CACHE.glob("python/standardwebhooks-*/bin/python"))
        self.assertTrue(python, "tools/python_tools.sh installs standardwebhooks")
        # As the tests' own user: its folder may be that user's alone.
        self.receiver = subprocess.Popen([python[-1], RECEIVER, str(self.port), SECRET, self.log, self.mode])
        self.addCleanup(self.receiver.wait)
        self.addCleanup(self.receiver.kill)
        wait_for(lambda: connects(("127.0.0.1", self.port)), "the receiver listens")

    def tries(self, mode):
        """All that came while the receiver was in that mode."""
        lines = pathlib.Path(self.log).read_text(encoding="utf-8").splitlines(True)
        entries = [json.loads(line) for line in lines if line.endswith("\n")]
        bodies = {}
        for entry in entries:
            self.assertNotIn("bad", entry)
            self.assertNotIn(CANARY, entry["body"])
            self.assertEqual(entry["body"], bodies.setdefault(entry["id"], entry["body"]))
        return [entry for entry in entries if entry["mode"] == mode]

    def entries(self):
        """Each event once, as a receiver has to see to: one whose answer comes too late is sent again."""
        seen = {}
        for entry in self.tries("ok"):
            seen.setdefault(entry["id"], entry)
        return list(seen.values())

    def types(self):
        return [entry["event"]["type"] for entry in self.entries()]

    def post(self, serial, name="n"):
        self.assertEqual(200, self.server.ask("POST", f"/state/p/{name}", document(serial))[0])

    def test_what_is_sent(self):
        self.receive()
        self.server = Stateward(self.box, workers=1, **self.settings)
        self.post(1)  # makes the trail: events begin behind its end
        wait_for(lambda: os.path.exists(self.box.path("audit.log.hooks")), "the cursor is made")
        self.post(2)
        self.assertEqual(409, self.server.ask("POST", "/state/p/n", document(1))[0])
        self.assertEqual(200, self.server.ask("LOCK", "/state/p/n", LOCK)[0])
        self.assertEqual(200, self.server.ask("UNLOCK", "/state/p/n", b"")[0])
        self.assertEqual(200, self.server.ask("DELETE", "/state/p/n")[0])
        want = ["state.written", "write.kept", "lock.forced", "state.deleted"]
        wait_for(lambda: self.types()[-4:] == want, "all are there")
        written, kept, forced, _ = (entry["event"]["data"] for entry in self.entries()[-4:])
        self.assertEqual(("p/n", 2, 2), (written["state"], written["version_after"], written["serial_after"]))
        listed = self.box.run([CTL, "list", "--deleted", "--json"], env=self.server.settings)
        rows = json.loads(listed.stdout)
        self.assertEqual(16, len(rows[0]["namespace"]), rows)
        self.assertEqual({rows[0]["namespace"]},
                         {entry["event"]["data"]["namespace"] for entry in self.entries()[-4:]})
        self.assertIn("upload", kept)
        self.assertEqual("p/n", forced["state"])

    def test_only_what_is_wanted(self):
        self.receive()
        self.start(WEBHOOK_EVENTS="state.deleted,maintenance.*")
        self.post(1)
        self.assertEqual(200, self.server.ask("DELETE", "/state/p/n")[0])
        wait_for(lambda: self.types() == ["state.deleted"], "the deletion is told, and nothing before it")

    def test_a_dry_run_tells_nothing(self):
        self.receive()
        self.start()
        self.post(1)
        self.post(2)
        back = [CTL, "rollback", "p/n", "--to", "1"]
        for run in (back + ["--dry-run"], back):
            done = self.box.run(run, env=self.server.settings)
            self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(200, self.server.ask("DELETE", "/state/p/n")[0])
        wait_for(lambda: self.types()[-1:] == ["state.deleted"], "the last is told")
        self.assertEqual(["state.written"] * 2 + ["state.rolled_back", "state.deleted"], self.types())

    def test_down_over_a_restart_and_a_rotation(self):
        self.receive()
        self.start()
        self.receiver.kill()
        self.receiver.wait()
        for serial in range(1, 4):
            self.post(serial)
        os.rename(self.box.path("audit.log"), self.box.path("audit.log-1"))
        self.post(4)
        self.server.restart()
        self.post(5)
        self.receive()
        serials = lambda: [entry["event"]["data"]["serial_after"] for entry in self.entries()]
        wait_for(lambda: serials() == [1, 2, 3, 4, 5], "all came, in order")

    def test_what_is_gone_is_counted(self):
        self.receive()
        self.start()
        self.post(1)
        wait_for(lambda: len(self.types()) == 1, "the first is there")
        self.set_mode("error")
        self.post(2)
        wait_for(lambda: self.tries("error"), "the second was tried")
        self.post(3)
        os.remove(self.box.path("audit.log"))
        self.post(4)
        wait_for(lambda: os.path.exists(self.box.path("audit.log")), "a new file")
        self.post(5)  # the one before may have gone into the old file
        self.set_mode("ok")
        came = lambda: {entry["event"]["data"]["serial_after"] for entry in self.entries()
                        if entry["event"]["type"] == "state.written"}
        wait_for(lambda: 5 in came(), "it goes on with the new file")
        lost = [entry["event"]["data"]["count"] for entry in self.entries() if entry["event"]["type"] == "events.lost"]
        self.assertEqual(1, len(lost))
        # Each came or is counted; those that were at hand when their file went may be both.
        self.assertGreaterEqual(lost[0] + len(came()), 5)
        self.assertGreaterEqual(lost[0], 1)

    def test_what_no_server_wrote_is_not_told(self):
        """Somebody may write to the trail who has no key."""
        self.receive()
        self.start()
        self.post(1)
        wait_for(lambda: len(self.types()) == 1, "the first is there")
        trail = pathlib.Path(self.box.path("audit.log"))
        line = next(json.loads(text) for text in trail.read_text(encoding="utf-8").splitlines()
                    if json.loads(text).get("action") == "write")
        line.update({"seq": 10**15, "action": "delete", "mac": "0" * 64, "version_after": 9})
        with open(trail, "a", encoding="utf-8") as file:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
        self.post(2)
        wait_for(lambda: len(self.types()) >= 2, "the next is told")
        self.assertEqual([("state.written", 1), ("state.written", 2)],
                         [(entry["event"]["type"], entry["event"]["data"].get("serial_after"))
                          for entry in self.entries()])
        wait_for(lambda: "1 line of the audit trail passed over" in self.server.log(), "the log names it")

    def test_slow_receivers_are_in_nobody_s_way(self):
        self.receive()
        self.start()
        self.set_mode("hold")
        for serial in range(1, 21):
            self.post(serial)
        self.assertEqual([], self.entries())
        self.set_mode("ok")
        wait_for(lambda: len(self.entries()) == 20, "all came")

    def test_a_redirect_is_a_failure(self):
        self.receive()
        self.start()
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            other.settimeout(0)
            self.set_mode(f"redirect http://127.0.0.1:{other.getsockname()[1]}/elsewhere")
            self.post(1)
            wait_for(lambda: len(self.tries("redirect")) >= 2, "it is tried again")
            self.assertRaises(BlockingIOError, other.accept)
        self.set_mode("ok")
        wait_for(self.entries, "it came")
        self.assertEqual({self.tries("redirect")[0]["id"]}, {entry["id"] for entry in self.entries()})

    def test_the_command_tries_it(self):
        self.receive()
        env = {**self.settings, "RUNTIME_DIR": self.box.path("run"), "STORAGE_FS_DIR": self.box.path("states")}
        run = self.box.run([CTL, "webhook", "test"], env=env)
        self.assertEqual((0, "the receiver took the event\n"), (run.returncode, run.stdout), run.stderr)
        self.assertEqual(["webhook.test"], self.types())
        self.set_mode("error")
        run = self.box.run([CTL, "webhook", "test"], env=env)
        self.assertEqual(3, run.returncode, run.stderr)
        self.assertIn("500", run.stderr)

    def test_no_private_address(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            listener.settimeout(0)
            port = listener.getsockname()[1]
            for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[::ffff:7f00:1]", "2130706433"):
                env = {**self.settings, "WEBHOOK_ALLOW_PRIVATE": "false", "http_proxy": f"http://127.0.0.1:{port}",
                       "https_proxy": f"http://127.0.0.1:{port}", "WEBHOOK_URL": f"https://{host}:{port}/"}
                run = self.box.run([CTL, "webhook", "test"], env=env)
                self.assertEqual(3, run.returncode, run.stderr)
                self.assertIn("not a public one", run.stderr, host)
            self.assertRaises(BlockingIOError, listener.accept)

    def test_bad_settings_are_told(self):
        for changes, word in (({"WEBHOOK_SECRET": "whsec_c2hvcnQ="}, "WEBHOOK_SECRET"),
                              ({"WEBHOOK_EVENTS": "state.eaten"}, "state.eaten"),
                              ({"WEBHOOK_ALLOW_PRIVATE": "false"}, "https://"),
                              ({"AUDIT_FILE": ""}, "AUDIT_FILE")):
            run = self.box.run([CTL, "webhook", "test"], env={**self.settings, **changes})
            self.assertEqual(2, run.returncode, run.stderr)
            self.assertIn(word, run.stderr)
            self.assertNotIn(SECRET, run.stderr)


if __name__ == "__main__":
    unittest.main()
