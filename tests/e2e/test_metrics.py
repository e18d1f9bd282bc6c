"""What is counted, over all processes, however they were started and whatever becomes of them."""
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time
import unittest

from box import PATIENCE_S, Box, free_port, wait_for
from stateward import Stateward

TARGET = "/state/secretive-project/secretive-name"
LOCK = b'{"ID":"a-lock"}'


def document(serial):
    return json.dumps({"version": 4, "serial": serial, "lineage": "l"}).encode()


def value(text, name, **labels):
    """The sum over all lines of that name with these labels; None when nobody answered with a text."""
    if text is None:
        return None
    total = 0.0
    for line in text.splitlines():
        match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if match and match[1] == name:
            have = dict(re.findall(r'(\w+)="([^"]*)"', match[2] or ""))
            if all(have.get(k) == v for k, v in labels.items()):
                total += float(match[3])
    return total


def scrape(port):
    """None: nobody answers."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        link.request("GET", "/metrics")
        answer = link.getresponse()
        return answer.read().decode() if answer.status == 200 else None
    except OSError:
        return None
    finally:
        link.close()


class Metrics(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.port = free_port("127.0.0.1")

    def start(self, way):
        self.server = Stateward(self.box, way, METRICS_LISTEN_ADDR=f"127.0.0.1:{self.port}")

    def scrape(self):
        return scrape(self.port)

    def work(self, start):
        """Ten writes, one lock that stays, one refused write."""
        for serial in range(start, start + 10):
            self.assertEqual(200, self.server.ask("POST", TARGET, document(serial))[0])
        self.assertEqual(409, self.server.ask("POST", TARGET, document(start))[0])
        self.assertEqual(200, self.server.ask("GET", TARGET)[0])

    def writes(self):
        return value(self.scrape(), "stateward_requests_total", method="POST", code="200", route="state")

    def test_an_address_that_cannot_be_had_is_told(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", self.port))
            other.listen()
            self.start("alone")
            said = f"metrics are not served: METRICS_LISTEN_ADDR: 127.0.0.1:{self.port}: Address already in use"
            self.server.process.wait_until(lambda: said in self.server.log(), "it says so")
        wait_for(self.scrape, "it has the address")
        self.assertEqual(1, self.server.log().count("metrics are not served"))
        with Box() as box:
            server = Stateward(box, METRICS_LISTEN_ADDR=f"192.0.2.1:{self.port}")
            server.process.wait_until(lambda: "Cannot assign requested address" in server.log(), "why")

    def test_what_is_counted(self):
        self.start("alone")
        self.assertEqual(200, self.server.ask("LOCK", "/state/p/held", LOCK)[0])
        self.work(1)
        wait_for(self.scrape, "metrics are served")
        # States and locks are counted once a minute, and when the settings are read again.
        self.server.process.send(signal.SIGHUP)
        wait_for(lambda: value(self.scrape(), "stateward_stored_objects") == 1, "states are counted")
        wait_for(lambda: value(self.scrape(), "stateward_workers") == 2, "both workers have their places")
        text = self.scrape()
        self.assertEqual(10, self.writes())
        self.assertEqual(1, value(text, "stateward_requests_total", method="POST", code="409"))
        self.assertEqual(1, value(text, "stateward_requests_total", method="LOCK", code="200"))
        self.assertEqual(11, value(text, "stateward_request_duration_seconds_count", method="POST"))
        self.assertEqual(1, value(text, "stateward_uploads_kept_total"))
        self.assertEqual(0, value(text, "stateward_token_disagreements_total"))
        self.assertEqual(1, value(text, "stateward_locks_held"))
        self.assertEqual(1, value(text, "stateward_stored_objects"))
        self.assertEqual(1, value(text, "stateward_backend_info", storage="fs", lock="local",
                                  kms="local"))
        self.assertEqual(2, value(text, "stateward_workers"))
        self.assertLessEqual(10, value(text, "stateward_backend_call_duration_seconds_count",
                                       call="append"))
        self.assertNotIn("secretive", text)
        self.assertEqual(1, value(text, "stateward_writes_refused_total", reason="serial_not_larger"))
        self.assertEqual(0, value(text, "stateward_writes_refused_total", reason="locked"))
        self.assertLessEqual(10, value(text, "stateward_fsync_duration_seconds_count"))
        self.assertEqual(1, value(text, "stateward_build_info"))
        self.assertEqual(0, value(text, "stateward_reload_failed_workers"))
        self.assertLess(time.time() - 120,
                        value(text, "stateward_reload_last_success_timestamp_seconds"))
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) .*|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? '
                                   r"[0-9.e+-]+(Inf)?)$")
        status, headers, body = self.server.ask("GET", "/metrics")
        self.assertEqual(200, status)
        self.assertIn(b"stateward_requests_total", body)

    def test_what_jobs_count_for_who_watches(self):
        self.start("alone")
        self.work(1)
        apply = b'{"ID":"a","Operation":"OperationTypeApply"}'
        self.assertEqual(200, self.server.ask("LOCK", "/state/p/held", apply)[0])
        wait_for(self.scrape, "metrics are served")

        self.server.process.send(signal.SIGHUP)
        wait_for(lambda: value(self.scrape(), "stateward_locks", kind="apply") == 1,
                 "locks are looked at")
        # One of the ten was kept as the refused write that it was.
        wait_for(lambda: value(self.scrape(), "stateward_kept_uploads") == 1, "kept uploads")
        text = self.scrape()
        self.assertEqual(0, value(text, "stateward_locks", kind="plan"))
        self.assertEqual(10, value(text, "stateward_stored_versions"))
        self.assertLess(1000, value(text, "stateward_stored_bytes"))
        self.assertLess(0, value(text, "stateward_kept_upload_bytes"))
        self.assertEqual(1, value(text, "stateward_key_info"))
        self.assertGreater(120, value(text, "stateward_oldest_lock_age_seconds"))
        # A plan that takes its place is another series, and the one before says 0.
        self.assertEqual(200, self.server.ask("UNLOCK", "/state/p/held", apply)[0])
        plan = b'{"ID":"b","Operation":"OperationTypePlan"}'
        self.assertEqual(200, self.server.ask("LOCK", "/state/p/held", plan)[0])
        self.server.process.send(signal.SIGHUP)
        wait_for(lambda: value(self.scrape(), "stateward_locks", kind="plan") == 1,
                 "locks are looked at again")
        self.assertEqual(0, value(self.scrape(), "stateward_locks", kind="apply"))

    def test_a_failed_reload_is_shown(self):
        self.server = Stateward(self.box, "alone", env_file=True,
                                METRICS_LISTEN_ADDR=f"127.0.0.1:{self.port}")
        last = "stateward_reload_last_success_timestamp_seconds"
        wait_for(self.scrape, "metrics are served")
        before = wait_for(lambda: value(self.scrape(), last), "the start is told")
        self.server.write_env(MAX_STATE_BYTES="none")
        self.server.process.send(signal.SIGHUP)
        wait_for(lambda: value(self.scrape(), "stateward_reload_failed_workers") == 2, "both say so")
        self.assertEqual(before, value(self.scrape(), last))
        self.server.write_env(MAX_STATE_BYTES="4096")
        self.server.process.send(signal.SIGHUP)
        wait_for(lambda: value(self.scrape(), "stateward_reload_failed_workers") == 0, "it is mended")
        self.assertLess(before, value(self.scrape(), last))

    def test_promtool_has_nothing_to_say(self):
        self.start("alone")
        self.work(1)
        wait_for(self.scrape, "metrics are served")
        run = subprocess.run(["promtool", "check", "metrics"], input=self.scrape(),
                             capture_output=True, text=True, check=False)
        self.assertEqual((0, "", ""), (run.returncode, run.stdout, run.stderr))

    def survives(self, kill):
        """Counters go on after `kill`, and somebody serves them soon."""
        self.work(1)
        wait_for(lambda: self.writes() == 10, "ten are counted")
        kill()
        wait_for(lambda: self.writes() == 10, "another one serves the same sum")
        self.work(11)
        wait_for(lambda: self.writes() == 20, "twenty are counted")

    def kill_workers(self, parent):
        children = open(f"/proc/{parent}/task/{parent}/children", encoding="ascii").read().split()
        self.assertGreater(len(children), 1)
        for child in children:
            os.kill(int(child), signal.SIGKILL)

    def test_killed_workers_stay_counted(self):
        self.start("alone")
        self.survives(lambda: self.kill_workers(self.server.process.pid))

    def test_killed_workers_of_multiwatch_stay_counted(self):
        self.start("multiwatch")
        # Who serves is the first that could bind; all of them are replaced.
        self.survives(lambda: self.kill_workers(self.server.process.pid))

    def test_reload_keeps_counting(self):
        self.start("alone")
        self.survives(lambda: self.server.process.send(signal.SIGHUP))

    @unittest.skipUnless(os.geteuid() == 0, "mounting a small disk needs root")
    def test_a_full_runtime_folder_costs_only_the_counts(self):
        place = self.box.make_dir("run")
        uid, gid = self.box.user
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=64k,mode=0700,uid={uid},gid={gid}",
                        "tmpfs", place], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", place], check=True)
        with open(os.path.join(place, "ballast"), "wb", buffering=0) as ballast:
            with contextlib.suppress(OSError):
                while True:
                    ballast.write(bytes(4096))
        self.server = Stateward(self.box)
        wait_for(lambda: len(self.server.workers()) == 2, "both workers run")
        workers = self.server.workers()
        for serial in range(1, 11):
            self.assertEqual(200, self.server.ask("POST", TARGET, document(serial))[0])
        self.assertEqual(workers, self.server.workers())
        self.assertIn("nothing is counted", self.server.log())

    def test_off_unless_set(self):
        self.server = Stateward(self.box)
        self.assertEqual(200, self.server.ask("GET", "/health")[0])
        links = self.box.run(["ss", "-Hltnp"]).stdout
        for pid in [self.server.process.pid, *self.server.workers()]:
            self.assertNotIn(f"pid={pid},", links)


if __name__ == "__main__":
    unittest.main()
