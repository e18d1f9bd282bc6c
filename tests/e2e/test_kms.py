"""Keys from Vault: what the server answers while Vault is well, and while it is not."""
import base64
import hashlib
import http.server
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import unittest
import uuid

from box import ROOT, Box, free_port, reachable, wait_for
from proxy import Proxy
from stateward import CTL, KEY, PROGRAM, Stateward
from vault_server import Vault

# Needs Debian's Python modules, so it runs with Debian's Python.
READER = ["/usr/bin/python3", "-B", str(ROOT / "tests/reader/stateward_reader.py")]
LINEAGE = "6d0ba4f1-4c5e-2f4f-8c8b-0f8d3a1b9e55"
RECOVERY_S = 10  # the promise


def document(serial, text="x"):
    return json.dumps({"version": 4, "serial": serial, "lineage": LINEAGE, "text": text}).encode()


def lock():
    """LockInfo with an ID of its own: one that was released is not granted again."""
    return json.dumps({"ID": str(uuid.uuid4()), "Operation": "OperationTypeApply", "Who": "a@b",
                       "Version": "1", "Created": "2026-11-23T16:00:54Z", "Info": "",
                       "Path": ""}).encode()


def legacy_id(project, name, secret="secret"):
    inner = hashlib.sha256(f"{project}-{name}".encode()).hexdigest()
    return hashlib.sha256(f"{secret}:{inner}".encode()).hexdigest()


class Garbage(http.server.ThreadingHTTPServer):
    """Answers every request with 200 and a page that is no answer of Vault's."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def page(self):
                body = b"<html>please log in</html>"
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = page

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", free_port()), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class KmsTest(unittest.TestCase):
    DEV = True

    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.vault = Vault(self.box, dev=self.DEV)
        self.vault.put_key()
        self.vault.make_transit_key()

    def serve(self, settings, **more):
        # One worker: what it has in memory is what the test talks about.
        options = {"workers": 1, **settings, **more}
        return Stateward(self.box, **options)

    def proxied(self):
        proxy = Proxy(self.vault.address())
        self.addCleanup(proxy.close)
        return proxy

    def expect(self, status, server, method, path, body=None):
        answer = server.ask(method, path, body)
        self.assertEqual(status, answer[0], f"{method} {path}: {answer}\n{server.log()[-1500:]}")
        return answer[2]

    def lock_and_unlock(self, server, path="/state/p/one"):
        mine = lock()
        self.expect(200, server, "LOCK", path, mine)
        self.expect(200, server, "UNLOCK", path, mine)

    def recovers(self, server, method="GET", path="/state/p/one", body=None):
        wait_for(lambda: server.ask(method, path, body)[0] == 200, "it works again", RECOVERY_S * 3)

    def ctl(self, server, *arguments, code=0, **changes):
        env = {k: v for k, v in {**server.settings, **changes}.items() if v is not None}
        run = subprocess.run([reachable(CTL), *arguments], env={"PATH": os.environ["PATH"], **env},
                             capture_output=True, timeout=120, check=False,
                             **self.box.identity())
        if code is not None:
            self.assertEqual(code, run.returncode, run.stdout + run.stderr)
        return run.stdout


class Faults(KmsTest):
    def test_kv_goes_on_without_vault(self):
        proxy = self.proxied()
        settings = self.vault.kv_settings(VAULT_ADDR=f"http://127.0.0.1:{proxy.address[1]}")
        # Nobody is there when it starts: not even the store can be made.
        proxy.refuse()
        server = self.serve(settings)
        self.expect(503, server, "GET", "/state/p/one")
        self.expect(503, server, "POST", "/state/p/one", document(1))
        proxy.pass_on()
        self.recovers(server, "POST", body=document(1))
        server.process.stop()
        # The store is there, and again nobody.
        proxy.refuse()
        server = self.serve(settings)
        self.expect(404, server, "GET", "/state/p/none")  # absence needs no key
        self.expect(503, server, "POST", "/state/p/one", document(1))
        self.expect(503, server, "LOCK", "/state/p/one", lock())  # the owner has no name yet
        proxy.pass_on()
        self.recovers(server, "POST", body=document(1))
        # Nobody is there any more, and the settings are even read again.
        for times, fault in enumerate((proxy.refuse, proxy.pause, lambda: proxy.slow(30)), 1):
            fault()
            self.assertEqual(document(1), self.expect(200, server, "GET", "/state/p/one"))
            server.process.send(signal.SIGHUP)
            wait_for(lambda n=times: server.log().count("settings were read again") >= n,
                     "the settings are read again")
            self.assertEqual(document(1), self.expect(200, server, "GET", "/state/p/one"))
        serial = 2
        self.expect(200, server, "POST", "/state/p/one", document(serial))
        self.assertNotIn(self.vault.token, server.log())

    def test_kv_new_version_is_noticed(self):
        server = self.serve(self.vault.kv_settings(KMS_VAULT_POLL_SECONDS=1))
        self.expect(200, server, "POST", "/state/p/one", document(1))
        keys = self.ctl(server, "keys").decode()
        self.assertIn("version 1", keys)
        self.vault.put_key()
        wait_for(lambda: "version 2 of kv/data/terraform-backend seals" in server.log(),
                 "the new version is noticed")
        self.expect(200, server, "POST", "/state/p/one", document(2))
        self.assertEqual(document(2), self.expect(200, server, "GET", "/state/p/one"))
        keys = self.ctl(server, "keys").decode().splitlines()
        old = [line for line in keys if "version 1" in line][0].split()[0]
        self.assertEqual([["1", "1", "0"]] * 2, [line.split()[1:4] for line in keys[1:]])
        rows = json.loads(self.ctl(server, "keys", "--json"))
        self.assertEqual([(1, 1, 0)] * 2, [(r["versions"], r["states"], r["uploads"]) for r in rows])
        self.assertEqual({False: True, True: False}, {r["seals"]: r["key"] == old for r in rows})
        self.ctl(server, "keys", "--retired", old, code=1)
        self.ctl(server, "rekey", "--dry-run")
        self.ctl(server, "keys", "--retired", old, code=1)
        # It says so once a minute, and after a reload.
        server.process.send(signal.SIGHUP)
        wait_for(lambda: b"sealed again, 1 were" in self.ctl(server, "rekey", code=None),
                 "the server has said that it knows the new key")
        self.ctl(server, "keys", "--retired", old)
        self.assertEqual(document(2), self.expect(200, server, "GET", "/state/p/one"))

    def test_kv_what_is_wrong_is_said(self):
        for path, text in (("kv/data/nothing", "no secret there"),
                           ("kv/data/other", "the field"),
                           ("nomount/data/x", "no secret there")):
            if path == "kv/data/other":
                self.vault.call("POST", path, data={"password": "x"})
            server = self.serve(self.vault.kv_settings(KMS_VAULT_KEY_PATH=path))
            self.expect(503, server, "POST", "/state/p/one", document(1))
            wait_for(lambda s=server, t=text: t in s.log(), text)
            server.process.stop()
        # A path that can be none is refused at once.
        run = self.box.run([PROGRAM, "--check-config"],
                           env={**server.settings, "KMS_VAULT_KEY_PATH": "kv/terraform-backend"})
        server = Stateward(self.box, ready=False,
                           **self.vault.kv_settings(KMS_VAULT_KEY_PATH="kv/terraform-backend"))
        wait_for(lambda: "MOUNT/data/NAME" in server.log() + run.stderr, "the path is refused")

    def test_transit_outages(self):
        proxy = self.proxied()
        settings = self.vault.transit_settings(
            VAULT_ADDR=f"http://127.0.0.1:{proxy.address[1]}")
        server = self.serve(settings, FASTCGI_PEER_UIDS="")
        self.expect(200, server, "POST", "/state/p/one", document(1))
        self.expect(200, server, "POST", "/state/p/two", document(1))
        for name, fault in (("down", proxy.refuse), ("silent", proxy.pause),
                            ("slow", lambda: proxy.slow(30))):
            with self.subTest(name):
                fault()
                # From the cache.
                self.assertEqual(document(1), self.expect(200, server, "GET", "/state/p/one"))
                self.expect(503, server, "POST", "/state/p/one", document(9))
                # Locks need no key.
                self.lock_and_unlock(server)
                proxy.pass_on()
                self.recovers(server, "POST", "/state/p/two",
                              document(2 + ["down", "silent", "slow"].index(name)))
        self.assertIn("vault: calls fail", server.log())
        self.assertIn("vault: answers again", server.log())

    def test_transit_without_vault_at_start(self):
        server = self.serve(self.vault.transit_settings())
        self.expect(200, server, "POST", "/state/p/one", document(1))
        server.process.stop()
        proxy = self.proxied()
        proxy.refuse()
        server = self.serve(self.vault.transit_settings(
            VAULT_ADDR=f"http://127.0.0.1:{proxy.address[1]}"))
        self.expect(503, server, "GET", "/state/p/one")
        self.expect(404, server, "GET", "/state/p/none")  # absence needs no key
        self.expect(503, server, "LOCK", "/state/p/one", lock())  # the owner has no name yet
        proxy.pass_on()
        self.recovers(server)
        self.lock_and_unlock(server)
        # Once it was opened, locks need no key service, also after a reload.
        proxy.refuse()
        server.process.send(signal.SIGHUP)
        wait_for(lambda: "settings were read again" in server.log(), "the settings are read again")
        self.lock_and_unlock(server)

    def test_rights_taken_away_and_given_back(self):
        token = self.vault.new_token()
        server = self.serve(self.vault.transit_settings(VAULT_TOKEN=token))
        self.expect(200, server, "POST", "/state/p/one", document(1))
        self.vault.policy(rules='path "none" { capabilities = ["read"] }')
        self.expect(503, server, "POST", "/state/p/one", document(2))
        self.assertIn("permission denied", server.log())
        self.vault.policy()
        self.recovers(server, "POST", body=document(2))
        self.assertNotIn(token, server.log())

    def test_token_that_ends_and_file_that_is_exchanged(self):
        token = self.vault.new_token()
        path = self.box.write("token", token + "\n")
        settings = self.vault.transit_settings(VAULT_TOKEN_FILE=path)
        del settings["VAULT_TOKEN"]
        server = self.serve(settings)
        self.expect(200, server, "POST", "/state/p/one", document(1))
        self.vault.call("POST", "auth/token/revoke", token=token)
        self.expect(503, server, "POST", "/state/p/one", document(2))
        self.box.write("token", self.vault.new_token())
        self.recovers(server, "POST", body=document(2))

    def test_short_tokens_are_renewed_and_replaced(self):
        # 3 s long, renewable up to 8: within 12 s there are renewals and at least two logins.
        role, secret = self.vault.approle(token_ttl="3s", token_max_ttl="8s")
        settings = self.vault.transit_settings(VAULT_APPROLE_ROLE_ID=role,
                                               VAULT_APPROLE_SECRET_ID=secret)
        del settings["VAULT_TOKEN"]
        server = self.serve(settings)
        done = threading.Event()
        threading.Timer(12, done.set).start()
        serial = 0
        while not done.wait(0.3):
            serial += 1
            self.expect(200, server, "POST", "/state/p/one", document(serial))
        self.assertGreater(serial, 5)
        self.assertNotIn(secret, server.log())

    def test_transit_key_deleted(self):
        server = self.serve(self.vault.transit_settings())
        self.expect(200, server, "POST", "/state/p/one", document(1))
        self.vault.call("POST", "transit/keys/states/config", deletion_allowed=True)
        self.vault.call("DELETE", "transit/keys/states")
        self.assertEqual(document(1), self.expect(200, server, "GET", "/state/p/one"))
        self.expect(503, server, "POST", "/state/p/one", document(2))
        server.restart()
        self.expect(503, server, "GET", "/state/p/one")
        self.expect(503, server, "POST", "/state/p/one", document(2))
        # And no key was made in its place.
        with self.assertRaises(Exception):
            self.vault.call("GET", "transit/keys/states")

    def test_garbage(self):
        double = Garbage()
        self.addCleanup(double.shutdown)
        address = f"http://127.0.0.1:{double.server_address[1]}"
        for settings in (self.vault.kv_settings(), self.vault.transit_settings()):
            server = self.serve({**settings, "VAULT_ADDR": address})
            self.expect(503, server, "POST", "/state/p/one", document(1))
            self.assertIn("not JSON", server.log())
            server.process.stop()


class Sealed(KmsTest):
    DEV = False

    def test_sealed_and_unsealed(self):
        server = self.serve(self.vault.transit_settings())
        self.expect(200, server, "POST", "/state/p/one", document(1))
        self.vault.seal()
        self.assertEqual(document(1), self.expect(200, server, "GET", "/state/p/one"))
        self.expect(503, server, "POST", "/state/p/one", document(2))
        self.lock_and_unlock(server)
        self.assertIn("sealed", server.log())
        self.vault.unseal()
        self.recovers(server, "POST", body=document(2))
        # A restart of Vault leaves it sealed.
        self.vault.restart()
        self.expect(503, server, "POST", "/state/p/one", document(3))
        self.vault.unseal()
        self.recovers(server, "POST", body=document(3))


class Records(KmsTest):
    def key_of(self, kind, record):
        """The record's key in base64, found as docs/formats.md says."""
        if kind == "local":
            return KEY
        if kind == "vault":
            return self.vault.call("GET", Vault.KEY_PATH)["data"]["data"]["key"]
        wrapped = record[92:92 + int.from_bytes(record[90:92], "big")]
        answer = self.vault.call("POST", f"transit/decrypt/{Vault.TRANSIT_KEY}",
                                 ciphertext=wrapped.decode())
        return answer["data"]["plaintext"]

    def read(self, key, state, file):
        key_file = self.box.write("reader.key", key)
        return subprocess.run([*READER, "--key-file", key_file, "--store-id", self.store_id(),
                               "--state-id", state, "--version", "1", file], check=True,
                              capture_output=True).stdout

    def test_the_independent_reader_and_decrypt_open_each_kind(self):
        self.vault.call("POST", "transit/keys/states/config", exportable=True)
        old = {"KMS_KEY": "", "KMS_KEYRING": KEY}  # the store was made with it
        kinds = {"local": {"KMS_BACKEND": "local"}, "vault": self.vault.kv_settings(**old),
                 "transit": self.vault.transit_settings(**old)}
        for serial, (kind, settings) in enumerate(kinds.items(), 1):
            with self.subTest(kind):
                # Together with what could be read before, so that one store serves all three.
                server = self.serve(settings)
                self.expect(200, server, "POST", f"/state/{kind}/one", document(serial))
                server.process.stop()
                folders = pathlib.Path(self.box.path("states/states")).glob("*/*")
                newest = max(folders, key=lambda path: path.stat().st_mtime_ns)
                file = newest / f"{1:020}"
                text = self.read(self.key_of(kind, file.read_bytes()), newest.name, str(file))
                self.assertEqual(document(serial), text)
                self.assertEqual(text, self.ctl(server, "decrypt", str(file)))
                if kind == "transit":
                    exported = "\n".join(self.vault.export())
                    self.assertEqual(text, self.ctl(
                        server, "decrypt", str(file), VAULT_ADDR=None, VAULT_TOKEN=None,
                        KMS_TRANSIT_EXPORTED=exported))
                    self.ctl(server, "decrypt", str(file), code=1, VAULT_ADDR=None,
                             VAULT_TOKEN=None, KMS_TRANSIT_EXPORTED=KEY)

    def store_id(self):
        marker = pathlib.Path(self.box.path("states/stateward-store")).read_text()
        return re.search(r"^store_id (\w+)$", marker, re.M)[1]

    def test_states_of_the_original(self):
        self.vault.call("POST", "transit/keys/states/config", exportable=True)
        self.box.make_dir("states")
        text = self.vault.encrypt_whole(document(7))
        file = self.box.write(f"states/{legacy_id('p', 'one')}.tfstate", text)
        copy = self.box.write("states/copy.tfstate", text)
        server = self.serve(self.vault.transit_settings())
        self.assertEqual(document(7), self.expect(200, server, "GET", "/state/p/one"))
        self.expect(200, server, "POST", "/state/p/one", document(8))
        self.assertEqual(document(8), self.expect(200, server, "GET", "/state/p/one"))
        self.assertEqual(text, pathlib.Path(file).read_text())
        self.assertEqual(document(7), self.ctl(server, "decrypt", "--legacy", file))
        # Without Vault, with the exported key.
        exported = self.vault.export()[0]
        offline = {"KMS_BACKEND": None, "VAULT_ADDR": None, "KMS_KEY": exported,
                   "KMS_TRANSIT_KEY": None}
        blob = self.ctl(server, "convert-transit", file, **offline)
        self.ctl(server, "convert-transit", "--in-place", copy, **offline)
        self.assertEqual(blob, pathlib.Path(copy).read_bytes())
        self.assertEqual(text, pathlib.Path(copy + ".backup").read_text())
        self.assertEqual(document(7), self.ctl(server, "decrypt", copy, **offline))
        self.ctl(server, "convert-transit", file, code=1, **{**offline, "KMS_KEY": KEY})

    def test_moving_between_kinds_while_it_serves(self):
        server = self.serve({"KMS_BACKEND": "local"})
        for serial in (1, 2):
            self.expect(200, server, "POST", "/state/p/one", document(serial))
        # The server first opens both, then the tool seals all again, then the old key goes.
        server.process.stop()
        server = self.serve(self.vault.transit_settings())
        self.assertEqual(document(2), self.expect(200, server, "GET", "/state/p/one"))
        self.expect(200, server, "POST", "/state/p/one", document(3))
        out = self.ctl(server, "rekey").decode()
        # Two versions, and the store's secret.
        self.assertIn("3 sealed again, 1 were already, 0 failed", out)
        self.assertEqual(document(3), self.expect(200, server, "GET", "/state/p/one"))
        self.vault.rotate()
        self.assertIn("4 sealed again, 0 were", self.ctl(server, "rekey").decode())
        # And away from Transit, by a file that names the target.
        target = self.box.write("target.env", f"KMS_BACKEND=local\nKMS_KEY={KEY}\n")
        self.assertIn("4 sealed again", self.ctl(server, "rekey", "--to-env-file", target).decode())
        server.process.stop()
        server = self.serve({"KMS_BACKEND": "local"})
        self.assertEqual(document(3), self.expect(200, server, "GET", "/state/p/one"))


class Ready(KmsTest):
    """What the key service grants less or more is said, and asking costs it nothing."""

    def ready(self, server):
        status, _, body = server.ask("GET", "/ready")
        return status, json.loads(body)

    def test_what_the_token_lacks(self):
        rules = {"encrypt": 'path "transit/encrypt/states" { capabilities = ["update"] }\n',
                 "decrypt": 'path "transit/decrypt/states" { capabilities = ["update"] }\n'}
        token = self.vault.new_token()
        server = self.serve(self.vault.transit_settings(VAULT_TOKEN=token))
        self.expect(200, server, "POST", "/state/p/one", document(1))
        status, body = self.ready(server)
        self.assertEqual((200, {}), (status, body["warnings"]), body)
        self.vault.policy(rules=rules["decrypt"])
        wait_for(lambda: self.ready(server)[0] == 503, "the missing right is noticed")
        self.assertIn("lacks the right to update encrypt/KMS_TRANSIT_KEY",
                      self.ready(server)[1]["warnings"]["key"])
        self.vault.policy(rules=rules["encrypt"] + rules["decrypt"])
        wait_for(lambda: self.ready(server)[0] == 200, "the right is back")
        # Who may create is warned of; and no key is made all the same.
        self.vault.policy(rules=rules["decrypt"] + rules["encrypt"].replace(
            '"update"', '"create", "update"'))
        server.restart()
        wait_for(lambda: "may create" in self.ready(server)[1]["warnings"].get("key", ""),
                 "the right to create is warned of")
        wait_for(lambda: "may create" in server.log(), "the log says so at start")
        self.vault.call("POST", "transit/keys/states/config", deletion_allowed=True)
        self.vault.call("DELETE", "transit/keys/states")
        self.expect(503, server, "POST", "/state/p/two", document(1))
        with self.assertRaises(Exception):
            self.vault.call("GET", "transit/keys/states")

    def test_every_kind_of_transit_key_seals_and_opens(self):
        for kind in ("aes128-gcm96", "chacha20-poly1305", "rsa-2048", "rsa-4096"):
            with self.subTest(kind):
                self.vault.make_transit_key(kind, type=kind)
                server = self.serve(self.vault.transit_settings(
                    KMS_TRANSIT_KEY=kind, STORAGE_FS_DIR=self.box.path("of-" + kind)))
                self.expect(200, server, "POST", "/state/p/one", document(1))
                server.restart()
                self.assertEqual(document(1), self.expect(200, server, "GET", "/state/p/one"))
                self.lock_and_unlock(server)
                server.process.stop()


class Attacks(KmsTest):
    """By somebody who may write to the store, and reads states of their own through the server."""

    def newest_record(self):
        files = pathlib.Path(self.box.path("states/states")).glob("*/*/*")
        return max(files, key=lambda path: path.stat().st_mtime_ns)

    def wrapped_key(self, file):
        record = file.read_bytes()
        return record[92:92 + int.from_bytes(record[90:92], "big")]

    def test_a_wrapped_key_is_no_state_of_the_original(self):
        self.vault.call("POST", "transit/keys/states/config", exportable=True)
        server = self.serve(self.vault.transit_settings())
        self.expect(200, server, "POST", "/state/p/victim", document(1))
        wrapped = self.wrapped_key(self.newest_record())
        self.assertTrue(wrapped.startswith(b"vault:v1:"))
        file = self.box.write(f"states/{legacy_id('p', 'mine')}.tfstate", wrapped.decode())
        exported = {"KMS_TRANSIT_EXPORTED": "\n".join(self.vault.export())}
        for settings in ({}, {**exported, "KMS_BACKEND": "local", "VAULT_ADDR": "",
                              "KMS_TRANSIT_KEY": ""}):
            server.process.stop()
            server = self.serve({**self.vault.transit_settings(), **settings})
            body = self.expect(503, server, "GET", "/state/p/mine")
            self.assertLess(len(body), 1000)
            self.expect(503, server, "POST", "/state/p/mine", document(9))
            self.assertEqual(document(1), self.expect(200, server, "GET", "/state/p/victim"))
            self.ctl(server, "decrypt", "--legacy", file, code=1)
        self.ctl(server, "convert-transit", file, code=1, KMS_KEY=self.vault.export()[0])


if __name__ == "__main__":
    unittest.main()
