"""The audit trail: what is written, that nothing is done without its line, and that each change to
it is found."""
import base64
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import unittest

from box import ROOT, Box, wait_for
from client import Client
from stateward import CTL, KEY, Stateward
from webservers import Nginx

# Debian's packages, whichever python3 of that version runs this.
sys.path.append("/usr/lib/python3/dist-packages")
sys.path.insert(0, str(ROOT / "tests/reader"))
import stateward_reader as reader  # noqa: E402

TARGET = "/state/net/prod"
# What is kept free, 1 MiB, and little more: it is soon used up.
SMALL_DISK = "1100k"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def document(serial):
    return json.dumps({"version": 4, "serial": serial, "lineage": "l",
                       "resources": [{"type": "a"}, {"type": "b"}]}).encode()


def lock_info(lock_id):
    return json.dumps({"ID": lock_id, "Operation": "OperationTypeApply"}).encode()


def trail_key(states):
    text = (states / "stateward-store").read_text()
    store = bytes.fromhex(re.search(r"^store_id (\w+)$", text, re.M)[1])
    sealed = base64.b64decode(re.search(r"^secret (\S+)$", text, re.M)[1])
    place = reader.state_id("", "", "store secret")
    return reader.audit_key(reader.open_record(base64.b64decode(KEY), store, place, 0, sealed)[1])


class Audit(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.states = pathlib.Path(self.box.path("states"))

    def serve(self, file=None, **settings):
        self.file = pathlib.Path(file or self.box.path("audit.log"))
        self.server = Stateward(self.box, AUDIT_FILE=self.file, **settings)

    def events(self):
        return reader.read_audit_trail(trail_key(self.states), self.file.read_bytes().splitlines())

    def done(self, *fields):
        """Of the events that are done, these fields."""
        return [tuple(event.get(field) for field in fields) for event in self.events()
                if event["event"] == "done"]

    def records(self):
        """Of each record of the store, the audit line that it names."""
        store = bytes.fromhex(re.search(r"^store_id (\w+)$",
                                        (self.states / "stateward-store").read_text(), re.M)[1])
        found = {}
        for path in self.states.glob("states/*/*/*"):
            info, _ = reader.open_record(base64.b64decode(KEY), store,
                                         bytes.fromhex(path.parent.name), int(path.name),
                                         path.read_bytes())
            found[f"{info['project']}/{info['name']}", int(path.name)] = info["audit"]
        return found

    def test_what_is_written_through_nginx(self):
        self.serve(WORKERS=2)
        nginx = Nginx(self.box, "unix:" + self.server.socket)
        client = Client(nginx.plain)
        trace = [("traceparent", TRACE)]
        client.lock(TARGET, lock_info("a"))
        client.lock(TARGET, lock_info("b"))
        client.post(TARGET + "?ID=a", document(1), headers=trace)
        client.post(TARGET + "?ID=a", document(3))
        client.post(TARGET + "?ID=a", document(2))
        client.unlock(TARGET, lock_info("a"))
        client.get(TARGET)
        client.request("DELETE", TARGET)
        client.get(TARGET, auth=None)
        self.server.process.stop()
        fields = ("action", "status", "result", "version_before", "serial_before",
                  "version_after", "serial_after", "resources")
        rows = self.done(*fields)
        self.assertCountEqual(rows, [
            ("lock", 200, "done", None, None, None, None, None),
            ("lock", 423, "refused", None, None, None, None, None),
            ("write", 200, "done", None, None, 1, 1, 2),
            ("write", 200, "done", 1, 1, 2, 3, 2),
            ("write", 409, "refused", 2, 3, 2, 3, 2),
            ("unlock", 200, "done", None, None, None, None, None),
            ("read", 200, "done", 2, 3, 2, 3, None),
            ("delete", 200, "done", 2, 3, 3, 3, None),
            ("read", 401, "refused", None, None, None, None, None)])
        for event in self.events():
            if event["event"] in ("start", "stop"):
                continue
            self.assertEqual("net/prod", event["state"])
            self.assertEqual("127.0.0.1", event["address"])
            self.assertRegex(event["request_id"], "^[0-9a-f]{32}$")
            known = event["status"] != 401
            self.assertEqual("basic" if known else None, event.get("way"))
            self.assertEqual(known, event.get("principal", "").startswith("basic:"))
        self.assertEqual([TRACE], [e["traceparent"] for e in self.events() if "traceparent" in e])
        self.assertIn(f"traceparent={TRACE}", self.server.log())
        self.assertNotIn(b"secret", self.file.read_bytes().replace(b'"state"', b""))
        names = {event["seq"]: event["mac"] for event in self.events()}
        for chain, sequence, mac in self.records().values():
            if sequence:
                self.assertEqual((self.events()[0]["chain"], names[sequence]), (chain, mac))

    def ctl(self, *args):
        return self.box.run([CTL, "audit", *args], env=self.server.settings)

    def verify(self, lines):
        """Of a trail of these lines: (exit code, rows)."""
        changed = self.box.path("changed.log")
        pathlib.Path(changed).write_bytes(b"".join(line + b"\n" for line in lines))
        self.box.give(changed)
        run = self.ctl("verify", "--json", "--file", changed)
        self.assertIn(run.returncode, (0, 1), run.stderr)
        return run.returncode, json.loads(run.stdout)

    def test_each_change_of_a_thousand_lines_is_found(self):
        """Each line by each kind of change: unit test TrailVerifier. Here the command, on some."""
        self.serve()
        for _ in range(980):
            self.server.ask("GET", TARGET)
        for serial in range(1, 19):
            self.server.ask("POST", TARGET, document(serial))
        self.server.process.stop()
        lines = self.file.read_bytes().splitlines()
        self.assertGreaterEqual(len(lines), 1000)
        run = self.ctl("verify", "--json")
        self.assertEqual((0, []), (run.returncode, json.loads(run.stdout)), run.stderr)
        self.assertEqual((0, []), self.verify(lines))
        newest = max(sequence for _, sequence, _ in self.records().values())
        for at in (1, 2, 500, len(lines) - 2):
            edited = lines[at].replace(b'"time":"20', b'"time":"19')
            for changed in (lines[:at] + [edited] + lines[at + 1:], lines[:at] + lines[at + 1:],
                            lines[:at - 1] + [lines[at], lines[at - 1]] + lines[at + 1:]):
                code, rows = self.verify(changed)
                self.assertEqual((1, "fault"), (code, rows[0]["kind"]))
                self.assertIn(rows[0]["line"], (at, at + 1))
        for kept in (1, 400, newest - 1):
            code, rows = self.verify(lines[:kept])
            self.assertEqual(1, code)
            self.assertIn("cut off", rows[0]["what"])
        # Behind the newest line that is known elsewhere nothing shows; metrics know better.
        self.assertEqual(0, self.verify(lines[:newest])[0])
        chain = self.events()[0]["chain"]
        self.assertEqual(1, self.ctl("verify", "--file", self.file, "--head",
                                     f"{chain}:{len(lines) + 1000}").returncode)

    def test_the_export_fits_ocsfs_schema(self):
        import jsonschema
        folder = subprocess.run([ROOT / "tests/tools/ocsf.sh"], check=True, capture_output=True,
                                text=True).stdout.strip()
        sys.path.insert(0, folder)
        from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
        schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.5.0"))
        check = jsonschema.Draft202012Validator(schema.get_class_schema("api_activity"))
        self.serve()
        for method, body in (("LOCK", lock_info("a")), ("LOCK", lock_info("b")), ("GET", None),
                             ("UNLOCK", lock_info("a")), ("POST", document(1)), ("DELETE", None)):
            self.server.ask(method, TARGET, body)
        self.server.ask("GET", TARGET, HTTP_AUTHORIZATION="Basic !", REMOTE_ADDR="")
        self.server.process.stop()
        run = self.ctl("export", "--format", "ocsf")
        self.assertEqual(0, run.returncode, run.stderr)
        events = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual(7, len(events))
        for event in events:
            check.validate(event)
        broken = {**events[0]}
        del broken["actor"]
        self.assertFalse(check.is_valid(broken))
        raw = [json.loads(event["raw_data"])["mac"] for event in events]
        macs = [event["mac"] for event in self.events() if event["event"] == "done"]
        self.assertEqual(macs[:7], raw)
        self.assertEqual("audit export", self.events()[-1]["action"])

    def test_off_writes_nothing(self):
        self.server = Stateward(self.box)
        self.server.ask("POST", TARGET, document(1))
        self.server.process.stop()
        self.assertFalse(list(pathlib.Path(self.box.path("run")).glob("*audit*")))

    def test_it_follows_its_name(self):
        self.serve(AUDIT_REQUIRED="true")
        self.server.ask("POST", TARGET, document(1))
        old = self.file.with_suffix(".1")
        self.file.rename(old)
        self.server.process.send(signal.SIGHUP)
        self.server.ask("POST", TARGET, document(2))
        self.server.process.stop()
        key = trail_key(self.states)
        lines = old.read_bytes().splitlines() + self.file.read_bytes().splitlines()
        events = reader.read_audit_trail(key, lines)
        self.assertEqual([1, 2], [e["serial_after"] for e in events
                                  if e["event"] == "done" and e["action"] == "write"])

    def test_a_flood_is_counted(self):
        self.serve(WORKERS=1)
        start = time.monotonic()
        for _ in range(120):
            self.assertEqual(401, self.server.ask("GET", TARGET, HTTP_AUTHORIZATION="Basic !")[0])
        self.server.process.stop()
        counted = sum(1 for event in self.events() if event.get("status") == 401)
        left_out = sum(event.get("left_out", 0) for event in self.events())
        self.assertEqual(120, counted + left_out)
        # One more in each second.
        self.assertLessEqual(counted, 50 + time.monotonic() - start + 1)

    def test_a_flood_of_refused_changes_is_counted(self):
        """None of them waits for a line that is synced."""
        self.serve(WORKERS=1, AUDIT_REQUIRED="true")
        self.assertEqual(200, self.server.ask("POST", TARGET, document(1))[0])
        start = time.monotonic()
        for _ in range(120):
            self.assertEqual(403, self.server.ask("POST", "/api/v1/states/net/prod/freeze", b'{"reason":"x"}',
                                                  CONTENT_TYPE="application/json")[0])
        took = time.monotonic() - start
        self.server.process.stop()
        actions = [event for event in self.events() if event.get("action") == "freeze"]
        self.assertEqual({("done", "refused")}, {(event["event"], event["result"]) for event in actions})
        self.assertEqual(120, len(actions) + sum(event.get("left_out", 0) for event in self.events()))
        # One more in each second.
        self.assertLessEqual(len(actions), 50 + took + 1)

    def test_what_somebody_sends_breaks_no_line(self):
        """A line that its readers refuse would be missing for ever."""
        self.serve(WORKERS=1)
        self.assertEqual(404, self.server.ask("GET", TARGET)[0])  # there is a store by now
        for query in ("a%00b=1", "%00", "a%0Ab=1", "a%ff%1b=1"):
            self.assertEqual(400, self.server.ask("GET", "/api/v1/states?" + query)[0])
        self.assertEqual(200, self.server.ask("POST", TARGET, document(1))[0])
        self.server.process.stop()
        run = self.ctl("verify")
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        # As the reader of the documents sees it, too.
        self.assertEqual(4, sum(1 for event in self.events() if event.get("status") == 400))

    def test_a_file_that_is_not_there_is_a_wrong_command_line(self):
        self.serve()
        self.assertEqual(404, self.server.ask("GET", TARGET)[0])  # there is a store by now
        for command in ("tail", "verify", "export"):
            run = self.ctl(command, "--file", self.box.path("no-such.log"))
            self.assertEqual((2, ""), (run.returncode, run.stdout), run.stderr)
            self.assertIn("no-such.log: no such file", run.stderr)

    def test_no_write_without_its_line(self):
        """Workers and supervisor are killed while four clients write."""
        self.serve(AUDIT_REQUIRED="true", WORKERS=2)
        wanted = int(os.environ.get("AUDIT_WRITES", "300"))
        taken, stop = [0] * 4, threading.Event()

        def write(i):
            serial = 0
            while not stop.is_set():
                serial += 1
                try:
                    answer = self.server.ask("POST", f"/state/net/s{i}", document(serial))
                except OSError:
                    continue
                taken[i] += answer is not None and answer[0] == 200

        threads = [threading.Thread(target=write, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for kill in range(1, 7):
            wait_for(lambda: sum(taken) >= wanted * kill / 6, "writes", seconds=600)
            os.killpg(self.server.process.pid, signal.SIGKILL)
            self.server.process.wait_gone()
            self.server.start()
        stop.set()
        for thread in threads:
            thread.join()
        self.server.process.stop()
        events = {event["seq"]: event for event in self.events()}
        records = self.records()
        self.assertGreaterEqual(len(records), sum(taken))
        for (state, number), (_, sequence, mac) in records.items():
            event = events[sequence]
            self.assertEqual(("intends", state, mac), (event["event"], event["state"], event["mac"]))
        ended = {event["intent"]: event for event in events.values() if "intent" in event}
        for (state, number), (_, sequence, _) in records.items():
            if sequence in ended:
                self.assertEqual(number, ended[sequence]["version_after"])
        self.pairs_with_the_store({seq: event for seq, event in events.items()
                                   if event["event"] == "intends" and seq not in ended}, records)

    def pairs_with_the_store(self, begun, records):
        """`audit verify` finds no fault, and says of each change that a kill cut short what it became."""
        run = self.ctl("verify", "--json")
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        became = {sequence: f"it became record {number} of {state}"
                  for (state, number), (_, sequence, _) in records.items()}
        sequences = {}
        for number, line in enumerate(self.file.read_bytes().splitlines(), 1):
            at = re.search(rb'"seq":(\d+),', line)
            sequences[number] = at and int(at[1])
        found = {}
        for row in json.loads(run.stdout):
            self.assertEqual("open", row["kind"], row)
            found[sequences[row["line"]]] = row
        self.assertEqual(begun.keys(), found.keys())
        for sequence, row in found.items():
            self.assertEqual(begun[sequence]["state"], row["state"])
            self.assertIn(became.get(sequence, "no record of the store is of it"), row["what"])

    @unittest.skipUnless(os.geteuid() == 0, "mounts a file system")
    def test_a_full_disk(self):
        folder = self.box.make_dir("small")
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "none", folder],
                       check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=True)
        self.box.give(folder)
        self.serve(file=folder + "/audit.log", AUDIT_REQUIRED="true", WORKERS=1)
        ask = self.server.ask
        self.assertEqual(200, ask("LOCK", TARGET, lock_info("a"))[0])
        filler = pathlib.Path(folder, "filler")
        with open(filler, "wb", buffering=0) as out:
            try:
                while out.write(bytes(4096)):
                    pass
            except OSError:
                pass
        serial = 0
        # What was reserved beyond what must be there is used up first.
        while ask("LOCK", "/state/net/other", lock_info(f"b{serial}"))[0] == 200:
            ask("UNLOCK", "/state/net/other", lock_info(f"b{serial}"))
            serial += 1
            self.assertEqual(200, ask("POST", TARGET + "?ID=a", document(serial))[0])
        self.assertEqual(503, ask("POST", "/state/net/other", document(1))[0])
        self.assertEqual(503, ask("POST", "/state/net/other?ID=made-up", document(1))[0])
        self.assertEqual(200, ask("POST", TARGET + "?ID=a", document(serial + 1))[0])
        self.assertEqual(200, ask("GET", TARGET)[0])
        self.assertEqual(200, ask("UNLOCK", TARGET, lock_info("a"))[0])
        filler.unlink()
        wait_for(lambda: ask("LOCK", TARGET, lock_info("c"))[0] == 200, "there is room again")
        self.server.process.stop()
        self.assertIn(("read", 200), self.done("action", "status"))


class Collectors(unittest.TestCase):
    """The examples for programs that Debian 12 does not have: their syntax, and that each part names
    one that is there."""
    FOLDER = ROOT / "docs/observability"

    def test_vector(self):
        import yaml
        text = yaml.safe_load((self.FOLDER / "vector.yaml").read_text())
        self.assertEqual({"sources", "transforms", "sinks"}, set(text))
        there = set(text["sources"]) | set(text["transforms"])
        self.assertEqual(["/var/log/stateward/audit.log"],
                         text["sources"]["stateward_audit"]["include"])
        for part in (*text["transforms"].values(), *text["sinks"].values()):
            self.assertIn("type", part)
            self.assertTrue(part["inputs"])
            self.assertLessEqual(set(part["inputs"]), there)

    def sections(self, name):
        """Of Fluent Bit's classic form: (section, its keys)."""
        found = []
        for line in (self.FOLDER / name).read_text().splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            if line.startswith("["):
                found.append((re.fullmatch(r"\[([A-Z]+)\]", line)[1], {}))
                continue
            key, value = re.fullmatch(r" {4}(\w+) +(\S.*)", line).groups()
            self.assertNotIn(key, found[-1][1])
            found[-1][1][key] = value
        return found

    def test_fluent_bit(self):
        parts = self.sections("fluent-bit.conf")
        self.assertEqual(["SERVICE", "INPUT", "FILTER", "OUTPUT"], [name for name, _ in parts])
        service, source, parse, sink = (keys for _, keys in parts)
        self.assertEqual({source["Tag"]}, {parse["Match"], sink["Match"]})
        parsers = {keys["Name"]: keys for _, keys in self.sections(service["Parsers_File"])}
        parser = parsers[parse["Parser"]]
        # Fluent Bit's %L is the fraction; what stands behind it is left.
        time.strptime("2026-11-26T12:00:00.123"[:19], parser["Time_Format"].removesuffix(".%L"))
        self.assertEqual(("json", "time"), (parser["Format"], parser["Time_Key"]))

if __name__ == "__main__":
    unittest.main()
