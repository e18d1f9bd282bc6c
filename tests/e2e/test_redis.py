"""The Redis lock on bad days, through the server: states in files, locks in a real Redis."""
import concurrent.futures
import itertools
import json
import os
import pathlib
import shutil
import threading
import time
import unittest

from box import ROOT, Box, wait_for
from client import basic
from services import Redis, Sentinel, Stunnel
from stateward import CTL, PROGRAM, Stateward

STATE = "/state/p/n"
SEED = ROOT / "tests/data/seed"


def info(lock_id):
    return json.dumps({"ID": lock_id, "Operation": "OperationTypeApply", "Who": "me"}).encode()


def document(serial, more=""):
    return json.dumps({"version": 4, "serial": serial, "lineage": "l", "more": more}).encode()


class RedisCase(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)

    def serve(self, redis=None, wait=True, **more):
        settings = {"STORAGE_BACKEND": "fs", "LOCK_BACKEND": "redis", "threads": 8,
                    **(redis.settings() if redis else {}), **more}
        self.server = Stateward(self.box, **settings)
        if wait:
            self.wait_ready()

    def wait_ready(self):
        wait_for(lambda: self.ready()[0] == 200, "the server is ready", 60)

    def ask(self, method, uri, body=None, **more):
        """The status; every 503 is to carry Retry-After."""
        answer = self.server.ask(method, uri, body, **more)
        self.assertIsNotNone(answer, "no answer")
        status, headers, self.body = answer
        if status == 503:
            self.assertIn("retry-after", {name.lower() for name in dict(headers)})
        return status

    def until(self, want, method, uri, body=None, **more):
        """As a client that repeats on 503; anything else is final."""
        status = wait_for(lambda: (s := self.ask(method, uri, body, **more)) != 503 and s,
                          f"{method} is answered", 60)
        self.assertEqual(want, status, self.body)

    def ready(self):
        status, _, body = self.server.ask("GET", "/ready")
        return status, json.loads(body)

    def lock(self, lock_id, uri=STATE):
        return self.ask("LOCK", uri, info(lock_id))

    def unlock(self, lock_id, uri=STATE):
        return self.ask("UNLOCK", uri, info(lock_id))

    def post(self, serial, lock_id, more=""):
        return self.ask("POST", f"{STATE}?ID={lock_id}", document(serial, more))

    def holds(self, serial, more=""):
        self.assertEqual(200, self.ask("GET", STATE))
        self.assertEqual(document(serial, more), self.body)

    def versions(self):
        """The numbers of the one state's records."""
        found = pathlib.Path(self.box.path("states/states")).glob("*/*/*")
        return sorted(int(path.name) for path in found)

    def ctl(self, *arguments):
        program = os.path.join(os.path.dirname(PROGRAM), "statewardctl")
        return self.box.run([program, *arguments], env=self.server.settings)


class Outages(RedisCase):
    def setUp(self):
        super().setUp()
        self.redis = Redis(self.box)
        self.serve(self.redis)

    def test_lock_survives_a_restart_and_a_kill(self):
        self.assertEqual(200, self.lock("a"))
        for number, end in enumerate((self.redis.stop, self.redis.kill), 1):
            end()
            self.assertEqual(503, self.lock("b"))
            self.assertEqual(503, self.post(number, "a"))
            self.assertEqual(503, self.ready()[0])
            self.redis.start()
            self.until(200, "POST", STATE + "?ID=a", document(number))
            self.assertEqual(423, self.lock("b"))
        self.assertEqual(200, self.unlock("a"))
        self.holds(2)

    def test_clients_ride_through_a_restart(self):
        stop, refused, done = threading.Event(), [], []

        def run(number):
            uri = f"/state/p/n{number}"
            for turn in itertools.count():
                if stop.is_set():
                    return
                body = info(f"{number}-{turn}")
                for verb in ("LOCK", "UNLOCK"):
                    status = self.server.ask(verb, uri, body)[0]
                    while status == 503 and not stop.is_set():
                        time.sleep(0.2)
                        status = self.server.ask(verb, uri, body)[0]
                    if status not in (200, 503):
                        refused.append((verb, status))
                done.append(number)
        # Fewer than the server's threads: each waits in its own.
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for number in range(4):
                pool.submit(run, number)
            try:
                for _ in range(2):
                    before = len(done)
                    wait_for(lambda: len(done) > before + 20, "the clients work", 60)
                    self.redis.restart()
                before = len(done)
                wait_for(lambda: len(done) > before + 20, "the clients work again", 60)
            finally:
                stop.set()
        self.assertEqual([], refused)

    def test_memory_lost_while_clients_work(self):
        self.assertEqual(200, self.lock("a"))
        self.assertEqual(200, self.post(1, "a"))
        self.redis.command("FLUSHALL")
        self.assertEqual(200, self.ask("UNLOCK", "/state/p/other", info("x")))
        self.assertEqual(200, self.lock("b"))
        self.assertEqual([1, 2], self.versions())  # 2 is burnt
        self.assertEqual(409, self.post(2, "a", "a's"))
        self.assertEqual(200, self.post(2, "b", "b's"))
        self.assertEqual(409, self.post(3, "a", "a's"))
        self.assertEqual(200, self.unlock("b"))
        self.assertEqual(200, self.unlock("a"))  # of the forgotten lock
        self.holds(2, "b's")
        listed = self.ctl("uploads", "list", "--json")
        self.assertEqual(0, listed.returncode, listed.stderr)
        self.assertEqual(2, listed.stdout.count("p/n"), listed.stdout)
        self.assertEqual(200, self.lock("c"))
        self.assertEqual(3, max(self.versions()))  # b's; burnt once for the state

    def test_more_losses_than_anybody_looks_back(self):
        """Case D1: a LOCK after each of 1,001 losses burns a number."""
        self.assertEqual(200, self.ask("POST", STATE, document(7)))
        for number in range(1001):
            self.redis.command("FLUSHALL")
            self.assertEqual(200, self.lock(f"a{number}"))
        self.assertGreater(max(self.versions()), 1001)
        self.holds(7)
        another = json.dumps({"version": 4, "serial": 1, "lineage": "another"}).encode()
        self.assertEqual(409, self.ask("POST", f"{STATE}?ID=a1000", another))
        self.holds(7)
        self.assertEqual(200, self.post(8, "a1000"))

    def test_unlocked_write_after_a_loss(self):
        self.assertEqual(200, self.lock("a"))
        self.redis.command("FLUSHALL")
        self.assertEqual(200, self.ask("POST", STATE, document(1, "unlocked")))
        self.assertEqual(409, self.post(2, "a"))
        self.holds(1, "unlocked")

    def test_start_on_an_empty_redis(self):
        self.assertEqual(200, self.lock("a"))
        self.assertEqual(200, self.post(1, "a"))
        self.server.process.stop()
        self.redis.command("FLUSHALL")
        self.server.start()
        self.assertEqual(503, self.lock("b"))
        self.assertEqual(503, self.ask("GET", STATE))
        self.assertEqual(503, self.ready()[0])
        self.assertIn("statewardctl init --locks", self.server.log())
        made = self.ctl("init", "--locks")
        self.assertEqual(0, made.returncode, made.stderr)
        self.wait_ready()
        self.assertEqual(409, self.post(2, "a"))
        self.assertEqual(200, self.lock("b"))
        self.assertEqual([1, 2], self.versions())
        self.assertEqual(200, self.post(2, "b"))

    def test_start_while_redis_stands_still(self):
        self.server.process.stop()
        self.redis.pause()
        try:
            self.server.start()
            start = time.monotonic()
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                asked = list(pool.map(lambda n: self.lock(f"id{n}"), range(8)))
            self.assertEqual([503] * 8, asked)
            self.assertLess(time.monotonic() - start, 19)  # not one after the other
        finally:
            self.redis.resume()
        self.until(200, "LOCK", STATE, info("a"))

    def test_forced_release_burns_at_the_next_lock(self):
        self.assertEqual(200, self.lock("a"))
        self.assertEqual(200, self.post(1, "a"))
        self.assertEqual(200, self.ask("UNLOCK", STATE))
        self.assertEqual([1], self.versions())
        self.assertEqual(200, self.lock("b"))
        self.assertEqual([1, 2], self.versions())
        self.assertEqual(409, self.post(2, "a"))


class Refusals(RedisCase):
    def refused(self, text, redis, **more):
        self.serve(redis, wait=False, **more)
        self.assertEqual(503, self.lock("a"))
        status, answer = self.ready()
        self.assertEqual((503, "not ready"), (status, answer["parts"]["lock"]))
        self.assertNotIn(text, json.dumps(answer))
        self.assertIn(text, self.server.log())
        self.assertNotIn(redis.password, self.server.log())

    def test_wrong_password(self):
        redis = Redis(self.box)
        self.refused("WRONGPASS", redis, REDIS_PASSWORD="wrong-password")
        self.assertNotIn("wrong-password", self.server.log())
        command_line = pathlib.Path(f"/proc/{self.server.process.pid}/cmdline").read_bytes()
        self.assertNotIn(b"wrong-password", command_line)

    def test_eviction(self):
        redis = Redis(self.box, conf="maxmemory 100mb\nmaxmemory-policy allkeys-lru")
        self.refused("maxmemory-policy is allkeys-lru", redis)
        redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
        made = self.ctl("init")
        self.assertEqual(0, made.returncode, made.stderr)
        self.wait_ready()

    def test_replica(self):
        master = Redis(self.box)
        replica = Redis(self.box, replica_of=master)
        self.refused("replica", replica)

    def test_clear_text_to_another_host(self):
        redis = Redis(self.box, conf="bind 127.0.0.1")
        # Nothing is sent, so the address may be anybody's: it is one for documentation.
        self.serve(redis, wait=False, ready=False, REDIS_CLEARTEXT="refuse",
                   REDIS_ADDR="192.0.2.1:6379")
        self.assertEqual(1, wait_for(lambda: self.server.process.popen.poll(), "it ends"))
        self.assertIn("REDIS_CLEARTEXT=refuse", self.server.log())
        self.assertNotIn(redis.password, self.server.log())

    def test_weak_persistence_is_a_warning(self):
        for conf, word in (("appendonly no", "appendonly"),
                           ("appendfsync everysec", "appendfsync")):
            with self.subTest(word), Box() as box:
                self.box = box
                self.serve(Redis(box, conf=conf))
                self.assertEqual(200, self.lock("a"))
                status, answer = self.ready()
                self.assertEqual((200, "ready"), (status, answer["status"]))
                self.assertIn(word, answer["warnings"]["lock"])
                wait_for(lambda: word in self.server.log(), "the log says so")

    def test_strong_persistence_is_none(self):
        self.serve(Redis(self.box))
        self.assertEqual({}, self.ready()[1]["warnings"])


class Ways(RedisCase):
    def cycle(self):
        for step, serial in (("a", 1), ("b", 2)):
            self.assertEqual(200, self.lock(step))
            self.assertEqual(200, self.post(serial, step))
            self.assertEqual(200, self.unlock(step))
        self.holds(2)

    def test_unix_socket_database_and_prefix(self):
        redis = Redis(self.box)
        self.serve(redis, REDIS_ADDR="unix:" + redis.path("redis.sock"), REDIS_DB=3,
                   REDIS_PREFIX="mine:")
        self.cycle()
        self.assertEqual(0, redis.command("DBSIZE"))
        self.assertIn("# Keyspace\r\ndb3:", redis.command("INFO", "keyspace"))

    def test_acl_user_with_the_rights_of_the_manual(self):
        redis = Redis(self.box)
        redis.command("ACL", "SETUSER", "stateward", "on", ">word", "~stateward:*", "~*",
                      "resetchannels", "-@all", "+eval", "+evalsha", "+info", "+select", "+time",
                      "+config|get", "+@hash", "+@set", "+@sortedset", "+get", "+exists", "+del", "+pexpire",
                      "+scan")
        self.serve(redis, REDIS_USER="stateward", REDIS_PASSWORD="word")
        self.cycle()
        self.assertEqual({}, self.ready()[1]["warnings"])
        redis.command("ACL", "SETUSER", "stateward", "-config|get")
        self.server.restart()
        self.wait_ready()
        self.assertIn("not known", self.ready()[1]["warnings"]["lock"])

    def test_tls_by_stunnel(self):
        redis = Redis(self.box)
        tunnel = Stunnel(self.box, redis)
        self.serve(redis, **redis.settings(tunnel.address()))
        self.cycle()
        tunnel.target.restart()  # the end beside Redis
        self.until(200, "LOCK", STATE, info("c"))

    def test_failover_by_sentinel(self):
        group = Sentinel(self.box)
        self.serve(REDIS_ADDR=f"sentinel:{group.GROUP}@{group.addresses()}",
                   REDIS_PASSWORD=group.master.password)
        self.assertEqual(200, self.lock("a"))
        self.assertEqual(200, self.post(1, "a"))
        # Replication is asynchronous: this lock is to be there.
        wait_for(lambda: group.replica.command("DBSIZE") == group.master.command("DBSIZE"),
                 "the replica has the lock")
        group.master.kill()
        # 423: it waited until the new master answered.
        self.assertIn(self.lock("b"), (503, 423))
        # A sentinel that stood still takes no part in anything for 30 s.
        wait_for(lambda: group.current() == group.replica.port, "the failover", 240)
        self.until(200, "POST", STATE + "?ID=a", document(2))
        self.assertEqual(423, self.lock("b"))
        self.assertEqual(200, self.unlock("a"))
        # The new master may lack the newest locks, so a number is burnt.
        self.assertEqual(200, self.lock("b"))
        self.assertEqual([1, 2, 3], self.versions())
        # The old one comes back as a replica; the sentinels name the new one.
        group.master.start()
        self.assertEqual(200, self.post(3, "b"))
        self.holds(3)


class Takeover(RedisCase):
    """The seed's state "a-b/c" is locked by the original."""

    def setUp(self):
        super().setUp()
        manifest = json.loads((SEED / "manifest.json").read_text())
        self.old = next(s for s in manifest["states"] if s["locked_by"])
        states = self.box.make_dir("states")
        for path in (SEED / "fs").iterdir():
            copy = os.path.join(states, path.name)
            shutil.copy(path, copy)
            self.box.give(copy)
        self.redis = Redis(self.box)
        key, value, _, ttl = (SEED / "redis.txt").read_text().split()
        self.key = key
        self.redis.command("SET", key, value, "PX", ttl)
        self.uri = f"/state/{self.old['project']}/{self.old['name']}"
        self.auth = {"HTTP_AUTHORIZATION": basic("basic", self.old["basic_secret"])}
        self.lock_id = self.old["locked_by"]["ID"]

    def ask(self, method, uri, body=None, **more):
        return super().ask(method, uri, body, **{**self.auth, **more})

    def next_document(self):
        self.assertEqual(200, self.ask("GET", self.uri))
        state = json.loads(self.body)
        state["serial"] += 1
        return json.dumps(state).encode()

    def test_lock_of_the_original_is_respected_until_it_is_released(self):
        self.serve(self.redis)
        self.assertEqual(423, self.lock("new", self.uri))
        shown = json.loads(self.body)
        for name in ("ID", "Operation", "Who", "Version", "Created"):
            self.assertEqual(self.old["locked_by"][name], shown[name])
        body = self.next_document()
        self.assertEqual(409, self.ask("POST", self.uri, body))
        self.assertEqual(409, self.ask("POST", self.uri + "?ID=new", body))
        # Its run goes on.
        self.assertEqual(200, self.lock(self.lock_id, self.uri))
        self.assertEqual(200, self.ask("POST", f"{self.uri}?ID={self.lock_id}", body))
        body = self.next_document()
        self.assertEqual(200, self.ask("POST", f"{self.uri}?ID={self.lock_id}", body))
        self.assertEqual(423, self.lock("new", self.uri))
        self.assertEqual(200, self.unlock(self.lock_id, self.uri))
        self.assertEqual(0, self.redis.command("EXISTS", self.key))
        self.assertEqual(200, self.unlock(self.lock_id, self.uri))
        self.assertEqual(200, self.lock("new", self.uri))

    def test_lock_of_the_original_is_forced(self):
        self.serve(self.redis)
        self.assertEqual(200, self.ask("UNLOCK", self.uri))
        self.assertEqual(0, self.redis.command("EXISTS", self.key))
        self.assertEqual(200, self.lock("new", self.uri))
        self.assertEqual(409, self.ask("POST", f"{self.uri}?ID={self.lock_id}", self.next_document()))
        self.assertEqual(200, self.ask("POST", f"{self.uri}?ID=new", self.next_document()))

    def api(self, path, body=None):
        """The status; self.answer is what else it says."""
        text = json.dumps(body).encode() if body is not None else None
        status = self.ask("GET" if body is None else "POST", "/api/v1/states/" + path, text,
                          CONTENT_TYPE="application/json")
        self.answer = json.loads(self.body)
        return status

    def ctl(self, *argv):
        done = self.box.run([CTL, *argv], env=self.server.settings)
        return done.returncode, done.stdout + done.stderr

    def test_operations_meet_the_lock_of_the_original(self):
        self.serve(self.redis)
        name = f"{self.old['project']}/{self.old['name']}"
        # What nobody touched yet is there for who knows its secret, with its lock.
        self.assertEqual(200, self.api(name), self.body)
        self.assertEqual(("original", self.lock_id), (self.answer["condition"], self.answer["lock"]))
        self.assertEqual(200, self.ask("POST", f"{self.uri}?ID={self.lock_id}", self.next_document()))
        self.assertEqual(200, self.ask("POST", f"{self.uri}?ID={self.lock_id}", self.next_document()))
        for operation, body in (("rollback", {"to": 1}), ("delete", {}), ("mv", {"to": "a-b/d"})):
            self.assertEqual(423, self.api(f"{name}/{operation}", body), self.body)
        # The command line does not know the secret, and finds no lock; there may be one.
        unseen = "terraform-backend holds 1 lock here"
        for argv in (["rollback", name, "--to", "1"], ["delete", name, "--yes"], ["mv", name, "a-b/d"],
                     ["adopt", name]):
            code, text = self.ctl(*argv)
            self.assertEqual(4, code, text)
            self.assertIn(unseen, text)
        for argv in (["show", name], ["unlock", name, "--yes"]):
            code, text = self.ctl(*argv)
            self.assertEqual(0, code, text)
            self.assertIn(unseen, text)
        secrets = self.box.write("secrets", self.old["basic_secret"] + "\n", 0o600)
        code, text = self.ctl("adopt", name, "--secrets", secrets)
        self.assertEqual(4, code, text)
        self.assertIn("locked by " + self.old["locked_by"]["Who"], text)
        # Its run goes on, until it is freed.
        self.assertEqual(200, self.ask("POST", f"{self.uri}?ID={self.lock_id}", self.next_document()))
        self.assertEqual(200, self.api(name + "/unlock", {"id": self.lock_id}), self.body)
        self.assertEqual(self.lock_id, self.answer["lock"])
        self.assertEqual(0, self.redis.command("EXISTS", self.key))
        self.assertEqual(200, self.api(name + "/rollback", {"to": 1}), self.body)
        self.assertEqual(0, self.ctl("adopt", name)[0])

    def test_legacy_read_switched_off(self):
        self.serve(self.redis, LEGACY_READ="false")
        self.assertEqual(200, self.lock("new", self.uri))
        self.assertEqual(1, self.redis.command("EXISTS", self.key))


