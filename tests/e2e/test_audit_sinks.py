"""The audit trail to syslog and to systemd's journal: sockets of the test's own, in their places."""
import json
import os
import pathlib
import socket
import sys
import unittest

from box import ROOT, Box
from stateward import CTL, PROGRAM, Stateward
from test_audit import TARGET, document, lock_info, trail_key

sys.path.insert(0, str(ROOT / "tests/reader"))
import stateward_reader as reader  # noqa: E402


class Sinks(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.file = pathlib.Path(self.box.path("audit.log"))

    def listen(self, path):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(listener.close)
        listener.bind(path)
        os.chmod(path, 0o666)
        listener.settimeout(30)
        return listener

    def work(self, **settings):
        """Some requests; the trail's lines, once the server has written all it had."""
        server = Stateward(self.box, AUDIT_FILE=self.file, WORKERS=1, **settings)
        for method, body in (("LOCK", lock_info("a")), ("LOCK", lock_info("b")), ("GET", None),
                             ("UNLOCK", lock_info("a")), ("POST", document(1))):
            server.ask(method, TARGET, body)
        server.process.stop()
        lines = self.file.read_bytes().splitlines()
        self.assertEqual(["start"] + ["done"] * 5 + ["stop"],
                         [json.loads(line)["event"] for line in lines])
        return lines

    def test_syslog(self):
        path = self.box.path("log")
        listener = self.listen(path)
        lines = self.work(AUDIT_SYSLOG=path)
        for line in lines:
            head, _, text = listener.recv(65536).partition(b": ")
            # <facility authpriv, severity info>, the time, the tag with the process.
            self.assertRegex(head, rb"^<86>\w{3} [ \d]\d \d\d:\d\d:\d\d stateward-audit\[\d+\]$")
            self.assertEqual(line, text)

    def test_syslog_that_is_away_keeps_nothing_from_the_file(self):
        self.work(AUDIT_SYSLOG=self.box.path("nobody"))

    def test_journal(self):
        """Its socket's path is fixed: the server gets a /run of its own, in a namespace of mounts."""
        run = self.box.make_dir("run-of-its-own", 0o755)
        journal = self.box.make_dir("run-of-its-own/systemd/journal", 0o755)
        os.chmod(os.path.dirname(journal), 0o755)
        script = f'mount --bind {run} /run && exec "$@"'
        private = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]
        if self.box.run([*private, "true"]).returncode != 0:
            self.skipTest("no namespaces for ordinary users here")
        listener = self.listen(journal + "/socket")
        lines = self.work(AUDIT_JOURNAL="true", argv=(*private, PROGRAM))
        for line in lines:
            fields = dict(field.split(b"=", 1) for field in listener.recv(65536).splitlines())
            self.assertEqual(line, fields[b"MESSAGE"])
            self.assertEqual(b"stateward-audit", fields[b"SYSLOG_IDENTIFIER"])


class Rotation(unittest.TestCase):
    def test_logrotate_renames_it_under_load(self):
        """With the lines that the package and docs/audit.md have; no line is lost, and the chain goes on."""
        box = Box()
        self.addCleanup(box.close)
        folder = box.make_dir("log", 0o755)
        file = pathlib.Path(folder, "audit.log")
        server = Stateward(box, AUDIT_FILE=file, AUDIT_REQUIRED="true", WORKERS=2)
        text = (ROOT / "packaging/debian/stateward.logrotate").read_text()
        config = text[text.index("/var/log/stateward/audit.log {"):]
        self.assertIn(f"```\n{config}```", (ROOT / "docs/audit.md").read_text())
        config = config.replace("/var/log/stateward/audit.log", str(file))
        config = config.replace("    dateext\n", "")  # it has one file a day
        config = config.replace("    su stateward stateward-web\n", "")  # this is no root
        config = box.write("logrotate.conf", config)
        for serial in range(1, 4):
            self.assertEqual(200, server.ask("POST", TARGET, document(serial))[0])
            run = box.run(["/usr/sbin/logrotate", "--force", "--state", box.path("logrotate.state"),
                           config])
            self.assertEqual(0, run.returncode, run.stderr)
            self.assertEqual(200, server.ask("GET", TARGET)[0])
        server.process.stop()
        files = [pathlib.Path(f"{file}.{age}") for age in (3, 2, 1)] + [file]
        lines = [line for part in files for line in part.read_bytes().splitlines()]
        events = reader.read_audit_trail(trail_key(pathlib.Path(box.path("states"))), lines)
        done = [(event["action"], event.get("version_after")) for event in events
                if event["event"] == "done"]
        self.assertCountEqual([(action, n) for n in (1, 2, 3) for action in ("write", "read")], done)
        verified = box.run([CTL, "audit", "verify", "--json"], env=server.settings)
        self.assertEqual((0, []), (verified.returncode, json.loads(verified.stdout)),
                         verified.stderr)


if __name__ == "__main__":
    unittest.main()
