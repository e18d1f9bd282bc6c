"""Each way to run: LOCK, POST, GET, UNLOCK through nginx; reload; where logs go."""
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time
import unittest

import fcgi_client
from box import ROOT, Box, free_port, wait_for
from client import Client
from stateward import AUTH, KEY, PROGRAM, WAYS, Stateward
from webservers import Nginx

LOCK = json.dumps({"ID": "a-lock", "Operation": "OperationTypeApply", "Who": "me"}).encode()


def document(serial):
    return json.dumps({"version": 4, "serial": serial, "lineage": "l"}).encode()


def waits_for_usr2(pid):
    """Whether the process does not die of it any more: it was blocked when its threads began. (Of the thread that
    waits for it, the kernel says that it is not blocked.)"""
    tasks = pathlib.Path(f"/proc/{pid}/task").glob("*/status")
    blocked = (re.search(r"^SigBlk:\s*(\w+)", task.read_text(), re.M).group(1) for task in tasks)
    return any(int(bits, 16) >> (signal.SIGUSR2 - 1) & 1 for bits in blocked)


class Ways(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)

    def cycle(self, app):
        client = Client(Nginx(self.box, app).plain, auth=AUTH)
        target = "/state/p/n"
        self.assertEqual(200, client.lock(target, LOCK).status)
        self.assertEqual(200, client.post(target + "?ID=a-lock", document(1)).status)
        answer = client.get(target)
        self.assertEqual((200, document(1)), (answer.status, answer.body))
        self.assertEqual(200, client.unlock(target, LOCK).status)
        return client

    def test_every_way(self):
        for way in WAYS:
            with self.subTest(way), Box() as box:
                self.box = box
                server = Stateward(box, way)
                self.cycle("unix:" + server.socket)
                self.assertEqual(0, server.process.stop(), server.log())

    def test_four_spawned(self):
        server = Stateward(self.box, ready=False, way="alone", argv=(
            "spawn-fcgi", "-s", self.box.path("fcgi.sock"), "-M", "0660", "-F", "4", "-P",
            self.box.path("pids"), "--", PROGRAM))
        pids = wait_for(lambda: self.pids(), "four processes")
        try:
            self.cycle("unix:" + server.socket)
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGTERM)

    def pids(self):
        path = self.box.path("pids")
        if not os.path.exists(path):
            return None
        with open(path, encoding="ascii") as file:
            pids = [int(p) for p in file.read().split()]
        return pids if len(pids) == 4 else None

    def test_unix_socket_is_for_owner_and_group(self):
        server = Stateward(self.box)
        self.assertEqual(0o660, stat.S_IMODE(os.stat(server.socket).st_mode))

    def test_tcp(self):
        for host in ("127.0.0.1", "[::1]"):
            with self.subTest(host), Box() as box:
                self.box = box
                listen = f"{host}:{free_port(host.strip('[]'))}"
                Stateward(box, listen=listen)
                self.cycle(listen)

    def test_a_second_server_does_not_take_the_socket(self):
        server = Stateward(self.box)
        second = self.box.start([PROGRAM], env=server.settings, log="second.log")
        self.assertEqual(1, wait_for(lambda: None if second.alive() else second.popen.returncode,
                                     "the second one ends"))
        self.assertIn("another process answers on it", second.log())
        self.assertEqual(200, server.ask("GET", "/health")[0])

    def test_a_stale_socket_is_replaced(self):
        server = Stateward(self.box)
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait_gone()
        self.assertTrue(os.path.exists(server.socket))
        server.start()
        self.assertEqual(200, server.ask("GET", "/health")[0])

    def test_workers_end_when_their_supervisor_is_killed(self):
        server = Stateward(self.box)
        workers = server.workers()
        server.process.send(signal.SIGKILL)
        # The next one waits until they have let go of the socket.
        server.start()
        wait_for(lambda: not any(os.path.exists(f"/proc/{w}") for w in workers), "workers end")
        wait_for(lambda: len(server.workers()) == 2, "there are new ones")
        self.assertEqual(200, server.ask("GET", "/health")[0])

    def test_a_successor_serves_at_once_when_the_supervisor_is_killed_during_an_upload(self):
        server = Stateward(self.box)
        workers = wait_for(lambda: len(server.workers()) == 2 and server.workers(), "both workers")
        upload = fcgi_client.request("POST", "/state/p/upload", document(1),
                                     HTTP_AUTHORIZATION=AUTH)
        with server.link() as link:
            # A worker has the connection then.
            link.send(fcgi_client.request("GET", "/health", flags=fcgi_client.KEEP))
            self.assertEqual(200, link.answer()[0])
            link.send(upload[:-20])
            server.process.send(signal.SIGKILL)
            server.start()
            # Sooner than an upload's longest grace: the old worker still waits for this one.
            wait_for(lambda: len(server.workers()) == 2, "the successor has the socket", 15)
            for number in range(5):
                self.assertEqual(200, server.ask("LOCK", f"/state/p/s{number}", LOCK)[0])
            self.assertTrue(any(os.path.exists(f"/proc/{w}") for w in workers))
            link.send(upload[-20:])
            self.assertEqual(200, link.answer()[0])

    def test_settings_that_are_wrong_are_all_named_at_start(self):
        server = Stateward(self.box, ready=False, LOG_FORMAT="xml", HISTORY_KEEP="0", KMS_KEY="x")
        code = wait_for(lambda: server.process.popen.poll(), "it ends")
        self.assertEqual(1, code)
        for name in ("LOG_FORMAT", "HISTORY_KEEP"):
            self.assertIn(name, server.log())
        check = self.box.run([PROGRAM, "--check-config"], env=server.settings)
        self.assertEqual(1, check.returncode)
        self.assertIn("HISTORY_KEEP", check.stderr)
        good = dict(server.settings, LOG_FORMAT="json", HISTORY_KEEP="5",
                    KMS_KEY="AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
        check = self.box.run([PROGRAM, "--check-config"], env=good)
        self.assertEqual((0, "no setting is wrong\n"), (check.returncode, check.stdout))

    def test_a_store_that_is_missing_is_said_once(self):
        server = Stateward(self.box, workers=3, STORAGE_INIT="false")
        self.assertEqual(503, server.ask("GET", "/ready")[0])
        server.process.stop()
        log = server.log()
        self.assertEqual(1, log.count('msg="not ready: the store has no identity file'), log)
        self.assertNotIn("a job failed", log)

    def test_check_config_finds_what_a_start_would(self):
        secret = self.box.write("open", "secret\n", 0o666)
        for name, value, said in (
                ("METRICS_LISTEN_ADDR", "127.0.0.1", "METRICS_LISTEN_ADDR"),
                ("METRICS_LISTEN_ADDR", "localhost:9090", "METRICS_LISTEN_ADDR"),
                ("FASTCGI_LISTEN", "/run/x.sock", "FASTCGI_LISTEN"),
                ("FASTCGI_LISTEN", "unix:", "FASTCGI_LISTEN"),
                ("FASTCGI_LISTEN", "unix:/" + "x" * 200, "FASTCGI_LISTEN"),
                ("FASTCGI_LISTEN", "localhost:9000", "FASTCGI_LISTEN"),
                ("FASTCGI_ALLOW", "10.0.0.0/99", "FASTCGI_ALLOW"),
                ("FASTCGI_PEER_UIDS", "root", "FASTCGI_PEER_UIDS"),
                ("AUDIT_FILE", "/tmp", "AUDIT_FILE: /tmp is no regular file"),
                ("AUTH_JWT_OIDC_ISSUER_URL", "https://issuer.example", "AUTH_JWT_AUDIENCE"),
                ("AUTH_POLICY_FILE", "/nonexist", "AUTH_POLICY_FILE: /nonexist: No such file"),
                ("AUTH_POLICY_FILE", secret, "every user may read or change it"),
                ("VAULT_TOKEN_FILE", secret, "every user may read or change it"),
                ("KMS_KEY_FILE", secret, "every user may read or change it")):
            with self.subTest(f"{name}={value}"), Box() as box:
                server = Stateward(box, ready=False, **{name: value})
                code = wait_for(lambda: server.process.popen.poll(), "it ends")
                check = box.run([PROGRAM, "--check-config"], env=server.settings)
                self.assertEqual((1, 1), (code, check.returncode))
                self.assertIn(said, server.log())
                self.assertIn(said, check.stderr)
                self.assertLessEqual(check.stderr.count("needs AUTH_JWT_AUDIENCE"), 1)

    def test_check_config_reads_the_file_of_a_webhooks_authorities(self):
        settings = {"STORAGE_FS_DIR": self.box.path("states"), "KMS_KEY": KEY, "RUNTIME_DIR": self.box.path("run"),
                    "AUDIT_FILE": self.box.path("audit.log"), "WEBHOOK_URL": "https://h.example/",
                    "WEBHOOK_SECRET": "whsec_" + KEY}
        self.assertEqual(0, self.box.run([PROGRAM, "--check-config"], env=settings).returncode)
        for file in (self.box.path("none"), self.box.write("garbage", "garbage\n")):
            run = self.box.run([PROGRAM, "--check-config"], env={**settings, "WEBHOOK_CA_FILE": file})
            self.assertEqual(1, run.returncode)
            self.assertIn("WEBHOOK_CA_FILE", run.stderr)

    def test_a_peer_that_is_refused_does_not_flood_the_log(self):
        server = Stateward(self.box, workers=1, FASTCGI_PEER_UIDS=os.getuid() + 1)
        count = 500
        for _ in range(count):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(server.socket)
                self.assertEqual(b"", peer.recv(1))
        said = f"not allowed tried to connect: user {os.getuid()} (FASTCGI_PEER_UIDS)"
        server.process.wait_until(lambda: said in server.log(), "the log says who")
        self.assertLess(server.log().count(said), count / 2)

    def test_without_n(self):
        """spawn-fcgi without -n: stderr is nowhere (tests/unit/base/log_test.cc: then syslog)."""
        server = Stateward(self.box, ready=False, argv=(
            "spawn-fcgi", "-s", self.box.path("fcgi.sock"), "-M", "0660", "-P",
            self.box.path("pid"), "--", PROGRAM))
        wait_for(lambda: not server.process.alive(), "spawn-fcgi ends")
        with open(self.box.path("pid"), encoding="ascii") as file:
            pid = int(file.read())
        try:
            self.assertEqual("/dev/null", os.readlink(f"/proc/{pid}/fd/2"))
            self.cycle("unix:" + server.socket)
            self.assertNotIn("msg=request", server.log())
        finally:
            os.kill(pid, signal.SIGTERM)


class Notices(unittest.TestCase):
    """What systemd is told (Type=notify)."""

    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)

    def listen(self, address):
        self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.told.close)
        self.told.settimeout(30)
        self.told.bind(address)
        if address[0] != "\0":
            os.chmod(address, 0o777)
        return address.replace("\0", "@")

    def hear(self):
        return self.told.recv(4096).decode()

    def test_start_reload_and_stop(self):
        for address in (self.box.path("notify"), "\0stateward-test-" + secrets.token_hex(8)):
            with self.subTest(address), Box() as self.box:
                server = Stateward(self.box, ready=False, NOTIFY_SOCKET=self.listen(address))
                self.assertEqual("READY=1\n", self.hear())
                self.assertEqual(200, server.ask("GET", "/health")[0])
                wait_for(lambda: len(server.workers()) == 2, "both workers are there")
                before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
                server.process.send(signal.SIGHUP)
                said, at = self.hear().strip().rsplit("=", 1)
                self.assertEqual("RELOADING=1\nMONOTONIC_USEC", said)
                self.assertLessEqual(before, int(at))
                self.assertEqual("READY=1\n", self.hear())
                self.assertEqual(2, server.log().count("settings were read again"))
                # A worker that is replaced is nothing to tell.
                gone = server.workers()[0]
                os.kill(gone, signal.SIGKILL)
                wait_for(lambda: gone not in server.workers() and len(server.workers()) == 2,
                         "it is replaced")
                server.process.send(signal.SIGTERM)
                self.assertEqual("STOPPING=1\n", self.hear())

    def test_workers_on_a_socket_of_others(self):
        for way in ("multiwatch", "stdin-socket"):
            with self.subTest(way), Box() as self.box:
                address = self.listen(self.box.path("notify"))
                server = Stateward(self.box, way, ready=False, NOTIFY_SOCKET=address)
                self.assertEqual("READY=1\n", self.hear())
                self.assertEqual(200, server.ask("GET", "/health")[0])

    def test_nobody_who_hears_it_is_no_reason_not_to_serve(self):
        for address in (self.box.path("nobody"), "relative", "/" + "x" * 200):
            with self.subTest(address), Box() as box:
                server = Stateward(box, NOTIFY_SOCKET=address)
                self.assertEqual(200, server.ask("GET", "/health")[0])
                wait_for(lambda: "NOTIFY_SOCKET" in server.log(), "the log says it")


class Units(unittest.TestCase):
    """The shipped units share the socket's path and its folder."""
    UNITS = ("stateward.service", "stateward-spawn.service", "stateward-fcgi.service",
             "stateward-fcgi.socket")

    def words(self, unit, key):
        text = (ROOT / "conf" / unit).read_text()
        return set(" ".join(line.partition("=")[2] for line in text.splitlines()
                            if line.startswith(key + "=")).split())

    def test_one_stops_the_others_first(self):
        for one in self.UNITS:
            for other in self.UNITS:
                if one == other or {one, other} == set(self.UNITS[2:]):
                    continue
                self.assertIn(other, self.words(one, "Conflicts"))
                # Either order makes systemd wait for the end of what it stops.
                self.assertTrue(other in self.words(one, "After") or
                                one in self.words(other, "After"), (one, other))

    def test_the_web_server_shares_the_socket_and_no_secret(self):
        for unit in self.UNITS[:3]:
            self.assertEqual({"notify"}, self.words(unit, "Type"))
            self.assertEqual({"stateward-web"}, self.words(unit, "Group"))
            self.assertEqual({"stateward"}, self.words(unit, "SupplementaryGroups"))
        self.assertEqual({"stateward-web"}, self.words("stateward-fcgi.socket", "SocketGroup"))

    def test_none_asks_for_a_key_file(self):
        """The key may be in Vault. A credential that has neither a file nor a default stops the start."""
        for unit in self.UNITS[:3]:
            loaded = {word.partition(":")[0] + ":#none" for word in self.words(unit, "LoadCredential")}
            self.assertEqual(loaded, self.words(unit, "SetCredential"))

    def test_none_removes_the_folder(self):
        for unit in self.UNITS[:3]:
            self.assertEqual({"stateward"}, self.words(unit, "RuntimeDirectory"))
            self.assertEqual({"yes"}, self.words(unit, "RuntimeDirectoryPreserve"))

    @unittest.skipUnless(shutil.which("systemd-analyze"), "needs systemd-analyze")
    def test_systemd_understands_them(self):
        with Box() as box:
            paths = [box.write(unit, (ROOT / "conf" / unit).read_text()
                               .replace("/usr/local/bin/stateward", "/bin/true"), 0o644)
                     for unit in self.UNITS]
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", *paths], check=False,
                                  capture_output=True, text=True)
            self.assertEqual((0, ""), (done.returncode, done.stdout + done.stderr))


class Reload(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)

    def test_a_setting_that_needs_a_restart_is_named(self):
        server = Stateward(self.box, env_file=True)
        server.write_env(THREADS="3", POSTGRES_POOL_SIZE="5", LOG_LEVEL="debug")
        server.process.send(signal.SIGHUP)
        said = "changed, but not in force until the next start: THREADS, POSTGRES_POOL_SIZE"
        wait_for(lambda: server.log().count(said) == 2, "each worker says it")

    def reload_under_load(self, way, signals):
        server = Stateward(self.box, way, env_file=True, MAX_STATE_BYTES=4096)
        target = Nginx(self.box, "unix:" + server.socket)
        stop, bad, repeats = threading.Event(), [], []

        def hammer(number):
            client = Client(target.plain, auth=AUTH, keep=True)
            serial = 0
            while not stop.is_set():
                serial += 1
                answer = client.post(f"/state/load/s{number}", document(serial))
                if answer.status != 200:
                    bad.append(answer)
            client.close()
            repeats.append(client.repeats)

        client = Client(target.plain, auth=AUTH)
        big = json.dumps({"serial": 1, "lineage": "l", "x": "y" * 5000}).encode()
        self.assertEqual(413, client.post("/state/p/n", big).status)
        threads = [threading.Thread(target=hammer, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        try:
            server.write_env(MAX_STATE_BYTES="8192")
            signals(server)
            # In all workers: asked more often than there are workers.
            wait_for(lambda: all(client.post("/state/p/n", big).status == 200 for _ in range(20)),
                     "the new limit holds")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual([], bad)
        # Stateward reloads, nginx does not: it has no reason to close a connection. A client that broke has none here.
        self.assertEqual([0] * len(threads), repeats)
        return server

    def test_hup(self):
        server = self.reload_under_load("alone", lambda s: s.process.send(signal.SIGHUP))
        # A file that is wrong leaves the old settings in force.
        server.write_env(LOG_FORMAT="xml")
        server.process.send(signal.SIGHUP)
        wait_for(lambda: "reload failed" in server.log(), "the refusal is logged")
        self.assertEqual(200, server.ask("GET", "/health")[0])

    def test_a_worker_that_starts_later_has_what_was_read_last(self):
        server = Stateward(self.box, env_file=True, MAX_STATE_BYTES=8192)
        big = json.dumps({"serial": 1, "lineage": "l", "x": "y" * 5000}).encode()
        self.assertEqual(200, server.ask("POST", "/state/p/n", big)[0])
        server.write_env(MAX_STATE_BYTES="4096")
        server.process.send(signal.SIGHUP)
        wait_for(lambda: server.log().count("settings were read again") == 2, "both workers reload")
        # Neither what nobody was told to read, nor what is wrong.
        server.write_env(MAX_STATE_BYTES="8192", LOG_FORMAT="xml")
        server.process.send(signal.SIGHUP)
        wait_for(lambda: server.log().count("reload failed") == 2, "both workers refuse")
        old = set(server.workers())
        for worker in old:
            os.kill(worker, signal.SIGKILL)
        wait_for(lambda: len(set(server.workers()) - old) == 2, "both are replaced")
        answers = {server.ask("POST", "/state/p/n", big)[0] for _ in range(20)}
        self.assertEqual({413}, answers)

    def test_usr2_under_multiwatch(self):
        def signals(server):
            wait_for(lambda: len(server.workers()) == 4 and all(map(waits_for_usr2, server.workers())),
                     "its children have set their signals")
            server.process.send(signal.SIGUSR2)
        self.reload_under_load("multiwatch", signals)

    def test_secret_files_are_read_anew(self):
        """The key is rotated: the old one moves into the ring."""
        key = self.box.write("key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
        ring = self.box.write("ring", "\n")
        server = Stateward(self.box, env_file=True, KMS_KEY="", KMS_KEY_FILE=key,
                           KMS_KEYRING_FILE=ring)
        self.assertEqual(200, server.ask("POST", "/state/p/n", document(1))[0])
        self.box.write("ring", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
        self.box.write("key", "w1pRBpB2Z0lSbCjA3m1bT2q8Y0d6cX1kZ2VqS0hxUkE=\n")
        server.process.send(signal.SIGHUP)
        wait_for(lambda: server.log().count("settings were read again") == 2, "both workers reload")
        self.assertEqual(200, server.ask("GET", "/state/p/n")[0])
        self.assertEqual(200, server.ask("POST", "/state/p/n", document(2))[0])
        # Before a rekey the old key still opens the store's secret: keys without it are not taken.
        self.box.write("ring", "\n")
        server.process.send(signal.SIGHUP)
        wait_for(lambda: server.log().count("the new keys are not taken") == 2, "both refuse")
        self.assertEqual(document(2), server.ask("GET", "/state/p/n")[2])


if __name__ == "__main__":
    unittest.main()
