"""Stateward on Postgres: what clients see while the database fails in each way, and afterwards."""
import json
import os
import pathlib
import re
import threading
import time
import unittest

from box import ROOT, Box, free_port, wait_for
from client import Client, basic
from proxy import Proxy
from services import POSTGRES_PROGRAMS, PgBouncer, Postgres
from stateward import CTL, Stateward
from webservers import Nginx

SEED = ROOT / "tests/data/seed"
BOTH = {"STORAGE_BACKEND": "postgres", "LOCK_BACKEND": "postgres"}


def document(serial, lineage="L", filler=""):
    return json.dumps({"version": 4, "serial": serial, "lineage": lineage, "x": filler}).encode()


def lock_info(lock_id):
    return json.dumps({"ID": lock_id, "Operation": "OperationTypeApply", "Info": "", "Who": "w",
                       "Version": "1", "Created": "2026-11-24T00:00:00Z", "Path": ""}).encode()


class CommitCutter(Proxy):
    """Cuts the connection when the next commit is through, before its answer is: a COMMIT, or the
    call of a function that is a whole step."""

    COMMITS = re.compile(rb"COMMIT|stateward\.(acquire|release)_")
    armed = False

    def wants(self, data):
        if self.armed and self.COMMITS.search(data):
            self.armed = False
            self.set("cut", 0)
        return super().wants(data)

    def left_of(self, link):
        left = super().left_of(link)
        if left == 0:
            self.set("pass")
        return left


class World(unittest.TestCase):
    """One Postgres for all tests of a class; a database's worth of Stateward for each."""

    CONF = ""

    @classmethod
    def setUpClass(cls):
        cls.outer = Box()
        cls.addClassCleanup(cls.outer.close)
        cls.postgres = Postgres(cls.outer, cls.CONF)

    def setUp(self):
        self.postgres.sql("DROP SCHEMA IF EXISTS stateward CASCADE; DROP TABLE IF EXISTS "
                          "states, locks")
        self.box = Box()
        self.addCleanup(self.box.close)

    def serve(self, service=None, address=None, **more):
        settings = {**BOTH, **(service or self.postgres).settings(address), **more}
        return Stateward(self.box, **settings)

    def ask(self, server, method, target="/state/p/n", body=None):
        status, headers, answer = server.ask(method, target, body)
        if status == 503:
            self.assertIn("Retry-After", headers)
            self.assertNotIn(b"postgres", answer.lower())
        return status

    def cycle(self, server, serial, lock_id=None):
        lock_id = lock_id or f"lock-{serial}"
        self.assertEqual(200, self.ask(server, "LOCK", body=lock_info(lock_id)))
        self.assertEqual(200, self.ask(server, "POST", f"/state/p/n?ID={lock_id}",
                                       document(serial)))
        self.assertEqual((200, document(serial)), server.ask("GET", "/state/p/n")[::2])
        self.assertEqual(200, self.ask(server, "UNLOCK", body=lock_info(lock_id)))

    def until(self, server, status, method="GET", target="/state/p/n", body=None):
        wait_for(lambda: self.ask(server, method, target, body) == status, f"{method} {status}")

    def versions(self):
        return int(self.postgres.sql("SELECT count(*) FROM stateward.records"))


class Faults(World):
    def work_while(self, disturb):
        """The statuses that a writer behind nginx sees; it repeats what is 503, as clients do."""
        server = self.serve()
        nginx = Nginx(self.box, "unix:" + server.socket)
        client = Client(nginx.plain, auth=basic("basic", "secret"))
        self.cycle(server, 1)
        statuses = []
        stop = threading.Event()

        def ask(method, target, body):
            while True:
                statuses.append(client.request(method, target, body).status)
                if statuses[-1] != 503:
                    return
                time.sleep(0.1)

        def work():
            serial = 1
            while not stop.is_set():
                serial += 1
                lock_id = f"r{serial}"
                for method, target, body in (
                        ("LOCK", "/state/p/n", lock_info(lock_id)),
                        ("POST", f"/state/p/n?ID={lock_id}", document(serial)),
                        ("GET", "/state/p/n", None),
                        ("UNLOCK", "/state/p/n", lock_info(lock_id))):
                    ask(method, target, body)
        worker = threading.Thread(target=work)
        worker.start()
        for step in [*disturb, lambda: None]:
            seen = statuses.count(200)
            wait_for(lambda: statuses.count(200) > seen + 8, "the writer works")
            step()
        stop.set()
        worker.join()
        return statuses

    def test_restart_costs_nothing_but_time(self):
        def restart(stop):
            stop()
            self.postgres.start()
        statuses = self.work_while([lambda: restart(self.postgres.stop),
                                    lambda: restart(self.postgres.kill)])
        # How long a restart takes is the machine's affair; most often no request fails at all.
        self.assertLessEqual(set(statuses), {200, 503})

    def test_lost_connections_are_not_noticed(self):
        def lose():
            self.postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                              " WHERE usename = 'stateward'")
        self.assertEqual({200}, set(self.work_while([lose] * 6)))

    def test_stopped_is_503_and_heals(self):
        server = self.serve()
        self.cycle(server, 1)
        self.postgres.stop()
        for method, body in (("GET", None), ("LOCK", lock_info("a")), ("POST", document(2)),
                             ("UNLOCK", lock_info("a")), ("DELETE", None)):
            self.assertEqual(503, self.ask(server, method, body=body))
        self.assertEqual(503, self.ask(server, "GET", "/ready"))
        self.postgres.start()
        self.cycle(server, 2)
        # What was found out stands for a moment.
        wait_for(lambda: self.ask(server, "GET", "/ready") == 200, "it is ready")

    def test_paused_is_503_and_heals(self):
        server = self.serve()
        self.cycle(server, 1)
        self.postgres.pause()
        try:
            begun = time.monotonic()
            self.assertEqual(503, self.ask(server, "GET"))
            self.assertLess(time.monotonic() - begun, 60)
        finally:
            self.postgres.resume()
        self.until(server, 200)
        self.cycle(server, 2)

    def test_wrong_password_is_503_and_heals(self):
        server = self.serve()
        self.cycle(server, 1)
        self.postgres.sql("ALTER ROLE stateward PASSWORD 'another'; SELECT pg_terminate_backend("
                          "pid) FROM pg_stat_activity WHERE usename = 'stateward'")
        self.assertEqual(503, self.ask(server, "GET"))
        self.assertEqual(503, self.ask(server, "POST", body=document(2)))
        self.assertNotIn(self.postgres.password, server.log())
        self.postgres.sql(f"ALTER ROLE stateward PASSWORD '{self.postgres.password}'")
        self.until(server, 200)

    def test_dropped_tables_are_503_never_404(self):
        server = self.serve()
        self.cycle(server, 1)
        for what in ("TABLE stateward.records", "TABLE stateward.store_marker",
                     "TABLE stateward.state_locks", "SCHEMA stateward CASCADE"):
            self.postgres.sql("DROP " + what)
            if "locks" not in what:
                self.assertEqual(503, self.ask(server, "GET"), what)
                self.assertEqual(503, self.ask(server, "GET", "/state/p/never"), what)
            self.assertEqual(503, self.ask(server, "LOCK", body=lock_info("a")), what)
            self.assertEqual(503, self.ask(server, "POST", body=document(2)), what)

    def test_a_full_disk_is_503_and_heals(self):
        server = self.serve()
        self.cycle(server, 1)
        # As the server says it when a file cannot grow.
        self.postgres.sql("CREATE FUNCTION stateward.full() RETURNS trigger LANGUAGE plpgsql AS "
                          "'BEGIN RAISE EXCEPTION ''disk full'' USING ERRCODE = ''53100''; END'")
        for table in ("records", "state_locks", "uploads", "lock_entries"):
            self.postgres.sql(f"CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON stateward.{table} "
                              "FOR EACH ROW EXECUTE FUNCTION stateward.full()")
        for method, body in (("LOCK", lock_info("a")), ("POST", document(2)),
                             ("POST", document(1, "another lineage")), ("DELETE", None)):
            self.assertEqual(503, self.ask(server, method, body=body), method)
        self.assertEqual(503, self.ask(server, "GET", "/ready"))
        self.assertEqual((200, document(1)), server.ask("GET", "/state/p/n")[::2])
        self.postgres.sql("DROP FUNCTION stateward.full() CASCADE")
        self.cycle(server, 2)

    def test_cut_before_the_answer_to_commit(self):
        proxy = CommitCutter(self.postgres.address())
        self.addCleanup(proxy.close)
        server = self.serve(address=proxy.address)
        self.until(server, 200, "GET", "/ready")
        for serial, (method, target, body) in enumerate((
                ("LOCK", "/state/p/n", lock_info("a")),
                ("POST", "/state/p/n?ID=a", document(1)),
                ("POST", "/state/p/n?ID=a", document(2)),
                ("UNLOCK", "/state/p/n", lock_info("a")),
                ("LOCK", "/state/p/n", lock_info("b")),
                ("UNLOCK", "/state/p/n", lock_info("b")),
                ("POST", "/state/p/n", document(3)),
                ("DELETE", "/state/p/n", None))):
            proxy.armed = True
            self.assertEqual(200, self.ask(server, method, target, body), (serial, method))
            self.assertFalse(proxy.armed)
        self.assertEqual(4, self.versions())  # each once
        self.assertEqual("0", self.postgres.sql("SELECT count(*) FROM stateward.uploads"))

    def test_a_paused_write_never_lands_on_top(self):
        proxy = Proxy(self.postgres.address())
        self.addCleanup(proxy.close)
        server = self.serve(address=proxy.address)
        direct = Box()
        self.addCleanup(direct.close)
        other = Stateward(direct, **BOTH, **self.postgres.settings())
        self.cycle(server, 1)
        self.assertEqual(200, self.ask(server, "LOCK", body=lock_info("a")))
        proxy.hold(rb"stateward\.append_")
        answers = []
        late = threading.Thread(target=lambda: answers.append(
            self.ask(server, "POST", "/state/p/n?ID=a", document(2, filler="late"))))
        late.start()
        proxy.wait_held()
        # The row is held until the server gives the silent transaction up.
        self.until(other, 200, "UNLOCK")  # without ID: by force
        self.assertEqual(200, self.ask(other, "LOCK", body=lock_info("b")))
        self.assertEqual(200, self.ask(other, "POST", "/state/p/n?ID=b", document(7)))
        proxy.release()
        late.join()
        # 200: tried again in a transaction of its own, while "a" still had the lock.
        self.assertIn(answers[0], (200, 409, 503))
        self.assertEqual((200, document(7)), other.ask("GET", "/state/p/n")[::2])
        self.assertEqual(200, self.ask(other, "UNLOCK", body=lock_info("b")))

    def test_sixty_at_once(self):
        server = self.serve()
        for states, want in ((1, {200: 1, 423: 59}), (60, {200: 60})):
            got = []
            threads = [threading.Thread(target=lambda n=n: got.append(self.ask(
                server, "LOCK", f"/state/sixty/{states}-{n % states}", lock_info(f"l{n}"))))
                for n in range(60)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(want, {s: got.count(s) for s in set(got)})

    def test_ten_instances_make_one_store(self):
        boxes = [Box() for _ in range(10)]
        for box in boxes:
            self.addCleanup(box.close)
        servers = [Stateward(box, workers=1, **BOTH, **self.postgres.settings()) for box in boxes]
        for number, server in enumerate(servers):
            self.until(server, 200, "POST", f"/state/ten/{number}", document(1))
        self.assertEqual("1", self.postgres.sql("SELECT count(*) FROM stateward.store_marker"))
        for number in range(10):
            self.assertEqual(200, self.ask(servers[-1 - number], "GET", f"/state/ten/{number}"))

    def test_without_init_nothing_is_made(self):
        server = self.serve(STORAGE_INIT="false")
        self.assertEqual(503, self.ask(server, "GET"))
        self.assertEqual("0", self.postgres.sql("SELECT count(*) FROM pg_namespace WHERE nspname"
                                                " = 'stateward'"))


class Bouncer(World):
    def test_behind_pgbouncer(self):
        bouncer = PgBouncer(self.box, self.postgres)
        server = self.serve(bouncer)
        for serial in range(1, 6):
            self.cycle(server, serial)
        self.postgres.restart()
        self.until(server, 200)
        self.cycle(server, 6)
        bouncer.restart()
        self.cycle(server, 7)


class Settings(World):
    def test_servers_that_lose_data_are_refused(self):
        server = self.serve()
        self.cycle(server, 1)
        for serial, name in enumerate(("fsync", "full_page_writes"), 2):
            self.postgres.sql(f"ALTER SYSTEM SET {name} = off")
            self.postgres.sql("SELECT pg_reload_conf()")
            # A process of the server may hear of it a moment later, and take the first one.
            self.until(server, 503, "POST", body=document(serial))
            before = self.versions()
            self.assertEqual(503, self.ask(server, "LOCK", body=lock_info("a")))
            self.assertEqual(200, self.ask(server, "GET"))
            self.assertIn("fsync or full_page_writes is off", server.log())
            self.postgres.sql(f"ALTER SYSTEM RESET {name}")
            self.postgres.sql("SELECT pg_reload_conf()")
            self.until(server, 200, "LOCK", body=lock_info(name))
            self.assertEqual(200, self.ask(server, "UNLOCK", body=lock_info(name)))
            self.assertEqual(before, self.versions())

    def test_without_the_functions_it_works_and_says_so(self):
        word = "functions of the schema stateward are missing"
        server = self.serve(workers=1)
        self.cycle(server, 1)
        wait_for(lambda: word not in server.ask("GET", "/ready")[2].decode(), "/ready has nothing to say")
        server.process.stop()
        self.postgres.sql("ALTER SCHEMA stateward OWNER TO postgres; GRANT USAGE ON SCHEMA stateward TO stateward;"
                          "DO $$ DECLARE f regprocedure; BEGIN FOR f IN SELECT oid::regprocedure FROM pg_proc"
                          " WHERE pronamespace = 'stateward'::regnamespace LOOP"
                          " EXECUTE 'DROP FUNCTION ' || f; END LOOP; END $$")
        server.start()
        self.cycle(server, 2)
        wait_for(lambda: server.log().count(word) == 1, "the log says it")
        wait_for(lambda: word in server.ask("GET", "/ready")[2].decode(), "/ready warns")
        self.assertEqual(200, server.ask("GET", "/ready")[0])
        run = self.box.run([CTL, "status", "--json"], env=server.env)
        self.assertIn(word, "".join(json.loads(run.stdout)["warnings"]), run.stderr)
        self.assertEqual(0, run.returncode, run.stderr)
        server.process.stop()
        self.assertEqual(1, server.log().count(word))
        self.postgres.sql("GRANT CREATE ON SCHEMA stateward TO stateward")
        server.start()
        self.cycle(server, 3)
        self.assertNotEqual("0", self.postgres.sql("SELECT count(*) FROM pg_proc WHERE pronamespace ="
                                                   " 'stateward'::regnamespace"))
        wait_for(lambda: word not in server.ask("GET", "/ready")[2].decode(), "/ready has nothing to say")

    def test_commits_are_synchronous_whatever_the_role_says(self):
        self.postgres.sql("ALTER ROLE stateward SET synchronous_commit = off")
        self.addCleanup(self.postgres.sql, "ALTER ROLE stateward RESET synchronous_commit")
        server = self.serve()
        for serial in range(1, 4):
            self.cycle(server, serial)
            self.postgres.kill()
            self.postgres.start()
            self.assertEqual((200, document(serial)), server.ask("GET", "/state/p/n")[::2])


class Standby(unittest.TestCase):
    def test_nothing_is_believed_of_a_standby(self):
        with Box() as box:
            primary = Postgres(box, "wal_level = replica\nmax_wal_senders = 4")
            server = Stateward(box, **BOTH, **primary.settings())
            self.assertEqual(200, server.ask("POST", "/state/p/n", document(1))[0])
            folder = box.path("standby")
            run = box.run([POSTGRES_PROGRAMS / "pg_basebackup", "-h", primary.folder, "-p",
                           primary.port, "-U", "postgres", "-D", folder, "-R", "-c", "fast"],
                          env={"PGPASSWORD": primary.root_password})
            self.assertEqual(0, run.returncode, run.stderr)
            os.chmod(folder, 0o700)
            port = free_port()
            conf = pathlib.Path(folder, "postgresql.conf")
            conf.write_text(re.sub(r"(?m)^port = .*$", f"port = {port}", conf.read_text()))
            box.start([POSTGRES_PROGRAMS / "postgres", "-D", folder], stop_signal=Postgres.STOP_SIGNAL)
            ready = [POSTGRES_PROGRAMS / "pg_isready", "-q", "-h", "127.0.0.1", "-p", port]
            wait_for(lambda: box.run(ready).returncode == 0, "the standby answers")
            address = ("127.0.0.1", port)
            # With the check of libpq when it connects, and without it: by each statement's own.
            for more in ("", "&target_session_attrs=any"):
                with Box() as other:
                    settings = {"POSTGRES_CONNECTION": primary.connection(*address) + more}
                    asked = Stateward(other, **BOTH, **{**settings, "STORAGE_INIT": "false"})
                    for target in ("/state/p/n", "/state/p/never"):
                        self.assertEqual(503, asked.ask("GET", target)[0])
                    self.assertEqual(503, asked.ask("POST", "/state/p/n", document(2))[0])
                    # Both named: the primary is found.
                    both = primary.connection(*address).replace(
                        f":{address[1]}/", f":{address[1]},127.0.0.1:{primary.port}/")
                with Box() as other:
                    found = Stateward(other, **BOTH, POSTGRES_CONNECTION=both)
                    self.assertEqual(200, found.ask("GET", "/state/p/n")[0])


class Takeover(World):
    def test_the_originals_states_and_lock(self):
        seed = (SEED / "postgres.sql").read_text()
        seed = "\n".join(line for line in seed.splitlines() if not line.startswith("\\"))
        seed = seed.replace("SELECT pg_catalog.set_config('search_path', '', false);", "")
        self.postgres.sql(seed)
        self.postgres.sql("GRANT ALL ON public.states, public.locks TO stateward")
        manifest = json.loads((SEED / "manifest.json").read_text())
        server = self.serve()
        nginx = Nginx(self.box, "unix:" + server.socket)
        for state in manifest["states"]:
            client = Client(nginx.plain, auth=basic("basic", state["basic_secret"]))
            target = f"/state/{state['project']}/{state['name']}"
            answer = client.request("GET", target)
            self.assertEqual(200, answer.status)
            self.assertEqual(state["plaintext_bytes"], len(answer.body))
            held = state["locked_by"]
            mine = lock_info("mine")
            first = client.request("LOCK", target, mine)
            if held:
                self.assertEqual(423, first.status)
                self.assertEqual(held["ID"], json.loads(first.body)["ID"])
                their = json.dumps(held).encode()
                self.assertEqual(409, client.request("POST", target, answer.body).status)
                self.assertEqual(200, client.request("UNLOCK", target, their).status)
                self.assertEqual("0", self.postgres.sql("SELECT count(*) FROM public.locks"))
                first = client.request("LOCK", target, mine)
            self.assertEqual(200, first.status)
            newer = json.loads(answer.body)
            newer["serial"] = newer.get("serial", 0) + 1
            body = json.dumps(newer).encode()
            self.assertEqual(200, client.request("POST", target + "?ID=mine", body).status)
            self.assertEqual(body, client.request("GET", target).body)
            self.assertEqual(200, client.request("UNLOCK", target, mine).status)
        # What the original wrote is as it was.
        self.assertEqual("3", self.postgres.sql("SELECT count(*) FROM public.states"))


if __name__ == "__main__":
    unittest.main()
