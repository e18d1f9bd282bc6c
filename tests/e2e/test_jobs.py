"""What no request does: in one process of the host, however the server is run, or in one of the store; and what
/ready knows."""
import base64
import http.client
import json
import os
import pathlib
import signal
import time
import unittest

from box import Box, wait_for
from pairs import Pair
from stateward import PROGRAM, Stateward
from webservers import Apache, Nginx

CTL = str(pathlib.Path(PROGRAM).parent / "statewardctl")
STATE = "/state/p/idle"
# Of /ready: what it promises, how often a busy machine may miss it, and answers in a row that come from all workers.
WITHIN_S, TRIES, IN_A_ROW = 2.0, 6, 8
LOOK_S = 1.5  # all who ask a worker meanwhile share a look


def document(serial):
    return json.dumps({"version": 4, "serial": serial, "lineage": "l"}).encode()


class JobsCase(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)

    def start(self, way="alone", **settings):
        self.server = Stateward(self.box, way, env_file=True, **settings)

    def owner(self):
        """The process that does the jobs; None: there is none now."""
        try:
            pid = int(pathlib.Path(self.box.path("run/jobs.lock")).read_text(encoding="ascii").split()[0])
            os.kill(pid, 0)
            return pid
        except (OSError, ValueError, IndexError):
            return None

    def board(self, folder="run"):
        """What the host's processes know of the jobs, word by word: (kind, name) -> numbers."""
        try:
            text = pathlib.Path(self.box.path(f"{folder}/jobs-v1")).read_text(encoding="ascii")
        except OSError:
            return {}
        lines = (line.split() for line in text.splitlines())
        return {(words[0], words[1]): [int(n) for n in words[2:]] for words in lines}

    def job(self, name):
        """Rounds that ended well, failures."""
        return tuple(self.board().get(("job", name), (0, 0))[:2])

    def round_of(self, name):
        """Reads the settings again and waits until this job has done a round."""
        # Its first round may be late, and would be taken for the one that is asked for.
        wait_for(lambda: sum(self.job(name)) > 0, f"the first round of {name}", 60)
        runs = sum(self.job(name))
        self.server.process.send(signal.SIGUSR2)
        wait_for(lambda: sum(self.job(name)) > runs, f"a round of {name}", 60)

    def records(self):
        found = pathlib.Path(self.box.path("states/states")).glob("*/*/*")
        return sorted(path for path in found if path.name.isdigit())

    def write(self, versions, state=STATE):
        for serial in range(1, versions + 1):
            self.assertEqual(200, self.server.ask("POST", state, document(serial))[0])


class Owner(JobsCase):
    def goes_on(self, way):
        self.start(way)
        first = wait_for(self.owner, "somebody does the jobs")
        wait_for(lambda: self.job("counts")[0] > 0, "a round")
        runs = self.job("counts")[0]
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: self.owner() not in (None, first), "another one does them")
        wait_for(lambda: self.job("counts")[0] > runs, "it does a round")
        self.assertEqual(2, self.server.log().count("this process does the jobs of the host"))

    def test_alone(self):
        self.goes_on("alone")

    def test_multiwatch(self):
        self.goes_on("multiwatch")

    def test_ways_with_one_process(self):
        for way in ("spawn_fcgi", "stdin_socket", "systemd_socket"):
            with self.subTest(way), Box() as self.box:
                self.start(way)
                wait_for(self.owner, "it does the jobs")
                wait_for(lambda: self.job("examine")[0] > 0, "a round")


class Store(JobsCase):
    """Two hosts on one store: each has a RUNTIME_DIR of its own."""

    def here(self, folder):
        """Whether that host does the jobs of the store; None: it does not know yet."""
        found = self.board(folder).get(("found", "stateward_store_jobs_here"))
        return found and found[0] == 1

    def holder(self):
        """The host that the lease in the store names."""
        lease = pathlib.Path(self.box.path("states/leases/jobs"))
        return lease.read_text(encoding="ascii").split()[3]

    def second_host(self, pair):
        self.box.make_dir("run-other")
        return Stateward(self.box, listen="unix:" + self.box.path("other.sock"),
                         RUNTIME_DIR=self.box.path("run-other"), **pair.settings())

    def kill_host(self, server):
        """As a power cut would: nobody there gives anything up."""
        os.kill(server.process.pid, signal.SIGSTOP)
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        os.kill(server.process.pid, signal.SIGKILL)

    def goes_on(self, pair):
        pair = Pair(self.box, pair)
        one = pair.stateward()
        wait_for(lambda: self.here("run"), "the first host does them")
        wait_for(lambda: ("job", "examine") in self.board("run"), "a round")
        other = self.second_host(pair)
        wait_for(lambda: ("job", "counts") in self.board("run-other"), "each host counts")
        wait_for(lambda: self.here("run-other") is False and self.here("run"),
                 "the second host knows that another does them")
        self.assertNotIn(("job", "prune"), self.board("run-other"))
        self.assertNotIn(("job", "examine"), self.board("run-other"))
        self.kill_host(one)
        wait_for(lambda: self.here("run-other"), "the second host does them")
        wait_for(lambda: ("job", "prune") in self.board("run-other"), "it does a round")
        other.process.stop()

    def test_fs(self):
        self.goes_on("fs+local")

    def test_postgres(self):
        self.goes_on("postgres+postgres")

    def test_s3(self):
        self.goes_on("s3+s3")

    def test_a_host_that_stops_lets_go(self):
        pair = Pair(self.box, "fs+local")
        one = pair.stateward()
        wait_for(lambda: self.here("run"), "the first host does them")
        self.second_host(pair)
        wait_for(lambda: self.here("run-other") is False, "the second host waits")
        first = self.holder()
        self.assertEqual(0, one.process.stop())
        # So the second one may go on at its next look, and need not be sure that nobody is left.
        self.assertNotEqual(first, self.holder())
        wait_for(lambda: self.here("run-other"), "the second host does them")


class History(JobsCase):
    def test_limits_reach_idle_and_deleted_states(self):
        self.start()
        self.write(6)
        self.write(6, "/state/p/deleted")
        self.assertEqual(200, self.server.ask("DELETE", "/state/p/deleted")[0])
        self.assertEqual(13, len(self.records()))
        self.server.write_env(HISTORY_KEEP="3", HISTORY_DAYS="0")
        self.round_of("prune")
        self.assertEqual(6, len(self.records()))
        self.assertEqual(document(6), self.server.ask("GET", STATE)[2])
        self.assertEqual(404, self.server.ask("GET", "/state/p/deleted")[0])

    def test_the_command_does_it_now(self):
        self.start()
        self.write(6)
        settings = dict(self.server.settings, HISTORY_KEEP="2", HISTORY_DAYS="0")
        said = {"versions": 4, "states": 1, "uploads": 0, "upload_bytes": 0, "failed": 0}
        dry = self.box.run([CTL, "prune", "--dry-run", "--json"], env=settings)
        self.assertEqual((0, said), (dry.returncode, json.loads(dry.stdout)), dry.stderr)
        self.assertEqual(6, len(self.records()))
        done = self.box.run([CTL, "prune", "--json"], env=settings)
        self.assertEqual((0, said), (done.returncode, json.loads(done.stdout)), done.stderr)
        self.assertEqual(2, len(self.records()))


class Ready(JobsCase):
    def ready(self):
        status, _, body = self.server.ask("GET", "/ready")
        return status, json.loads(body)

    def within_2_s(self, act, told, undo):
        """What `act` does shows within 2 s to all who ask: the best of some tries, for a busy machine may be late.
        `told`: of an answer of /ready."""
        took = []
        while not took or (min(took) > WITHIN_S and len(took) < TRIES):
            wait_for(lambda: not told(*self.ready()), "all is well")
            act()
            began = late = time.monotonic()
            in_a_row = 0
            while in_a_row < IN_A_ROW:  # each worker has given some
                asked = time.monotonic()
                if told(*self.ready()):
                    in_a_row += 1
                else:
                    in_a_row, late = 0, asked
                    self.assertLess(late - began, 30, "it is told far too late")
            took.append(late - began)
            undo()
        self.assertLessEqual(min(took), WITHIN_S)

    def test_files_that_cannot_be_read(self):
        self.start(workers=1)  # it decides who looks
        # Who looks before there is a state sees what comes afterwards, too.
        self.assertEqual(200, self.ready()[0])
        self.write(2)
        newest = self.records()[-1]
        self.within_2_s(lambda: newest.chmod(0),
                        lambda status, answer: status == 503 and answer["parts"]["store"] == "not ready",
                        lambda: newest.chmod(0o600))
        self.assertIn("what is stored cannot be read", self.server.log())
        wait_for(lambda: self.ready()[0] == 200, "it is ready again")

    def test_keys_that_are_not_the_stores(self):
        self.start(workers=2)
        wait_for(lambda: self.ready()[0] == 200, "there is a store")
        identity = pathlib.Path(self.box.path("states/stateward-store"))
        was = identity.read_bytes()
        new = base64.b64encode(os.urandom(32)).decode()
        settings = {**self.server.settings, "KMS_KEY": new, "KMS_KEYRING": self.server.settings["KMS_KEY"]}
        done = self.box.run([CTL, "rekey", "--yes"], env=settings)
        self.assertEqual(0, done.returncode, done.stderr)
        foreign = identity.read_bytes()

        def put(content):
            def exchange():
                path = self.box.write("states/stateward-store.next", content)
                os.chmod(path, 0o400)
                os.rename(path, identity)
            return exchange
        put(was)()
        self.within_2_s(put(foreign),
                        lambda status, answer: status == 503 and answer["parts"]["key"] == "not ready", put(was))

    def test_one_unreadable_and_one_damaged_state_among_many(self):
        """Most requests would not fail."""
        self.start(workers=1)
        for number in range(4):
            self.write(1, f"/state/p/n{number}")
        records = self.records()
        records[0].chmod(0)
        records[1].write_bytes(records[1].read_bytes()[:-1])
        statuses = [self.server.ask("GET", f"/state/p/n{number}")[0] for number in range(4)]
        self.assertEqual([200] * 2 + [503] * 2, sorted(statuses))
        # Each look takes the next state: one of four meets the unreadable one.
        end = time.monotonic() + 5 * LOOK_S
        while time.monotonic() < end:
            status, answer = self.ready()
            self.assertEqual((200, "ok"), (status, answer["parts"]["store"]), answer)
            time.sleep(0.1)

    def test_a_damaged_state_is_a_warning(self):
        self.start()
        self.write(2)
        self.write(1, "/state/p/good")
        newest = next(path for path in self.records() if path.name.endswith("2"))
        bytes_of = bytearray(newest.read_bytes())
        bytes_of[-1] ^= 1
        newest.write_bytes(bytes_of)
        self.round_of("examine")
        wait_for(lambda: "states" in self.ready()[1]["warnings"], "it warns")
        status, answer = self.ready()
        self.assertEqual(200, status)
        self.assertIn("1 damaged", answer["warnings"]["states"])
        self.assertNotIn(newest.parent.name, json.dumps(answer))
        self.assertIn(newest.parent.name, self.server.log())
        self.assertIn("stateward_damaged_states 1", self.server.ask("GET", "/metrics")[2].decode())

    def test_a_reload_that_failed(self):
        for way in ("alone", "multiwatch"):
            with self.subTest(way), Box() as self.box:
                self.start(way)
                wait_for(self.owner, "it runs")
                env = dict(self.server.settings)
                reload = [PROGRAM, "--env-file", self.box.path("stateward.env"), "--reload",
                          str(self.server.process.pid)]
                good = self.box.run(reload)
                self.assertEqual((0, ""), (good.returncode, good.stderr))

                def fail():
                    self.server.write_env(HISTORY_KEEP="none")
                    bad = self.box.run(reload)
                    self.assertEqual(1, bad.returncode)
                    self.assertIn("the old settings stay: HISTORY_KEEP", bad.stderr)

                def mend():
                    self.server.write_env(HISTORY_KEEP="5")
                    self.assertEqual(0, self.box.run(reload).returncode)
                self.within_2_s(fail, lambda status, answer: "settings" in answer["warnings"] and status == 200, mend)
                wait_for(lambda: "settings" not in self.ready()[1]["warnings"], "it is over")
                self.assertEqual(env["KMS_KEY"], self.server.settings["KMS_KEY"])

    def test_a_folder_that_serves_another_store(self):
        """Nobody does the jobs of the second one, which it says; a reload of the first waits for its own workers."""
        self.start(workers=1)
        wait_for(self.owner, "somebody does the jobs")
        box = Box()
        self.addCleanup(box.close)
        other = Stateward(box, env_file=True, workers=1, RUNTIME_DIR=self.box.path("run"))

        def warning():
            return json.loads(other.ask("GET", "/ready")[2])["warnings"].get("jobs", "")
        self.assertIn("for another one", wait_for(warning, "it says so"))
        wait_for(lambda: "no jobs are done for this store" in other.log(), "so does its log")
        self.assertNotIn("jobs", json.loads(self.server.ask("GET", "/ready")[2])["warnings"])
        reload = [PROGRAM, "--env-file", self.box.path("stateward.env"), "--reload",
                  str(self.server.process.pid)]
        self.assertEqual(0, self.box.run(reload).returncode)

    def test_head(self):
        """Through both web servers; of a state there is none."""
        self.start()
        for kind in (Nginx, Apache):
            with self.subTest(kind.__name__):
                front = kind(self.box, "unix:" + self.server.socket)
                for path, want in (("/health", 200), ("/ready", 200), ("/state/p/n", 405)):
                    link = http.client.HTTPConnection(*front.plain, timeout=30)
                    link.request("HEAD", path, headers={"Authorization": "Basic YmFzaWM6cw=="})
                    answer = link.getresponse()
                    self.assertEqual((want, b""), (answer.status, answer.read()), path)
                    # The connection stays good: nothing came behind the head.
                    link.request("GET", "/health")
                    whole = link.getresponse()
                    self.assertEqual(200, whole.status)
                    if path == "/health" and kind is Nginx:  # Apache leaves it out
                        self.assertEqual(len(whole.read()), int(answer.headers["Content-Length"]))
                    link.close()
        status, _, body = self.server.ask("HEAD", "/metrics")
        self.assertEqual((200, b""), (status, body))


if __name__ == "__main__":
    unittest.main()
