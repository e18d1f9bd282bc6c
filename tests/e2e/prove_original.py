"""make prove-original ORIGINAL=PROGRAM: what docs/moving says of nimbolus/terraform-backend, with a real one. PROGRAM is
that server, built from its sources; it is no part of this project and its tests. Both directions, over each of its
storages, with each of its keys: what it wrote is read here, and what `export` wrote is read there. The last result
stands in docs/HACKING.md."""
import base64
import itertools
import json
import os
import pathlib
import re
import secrets
import sys
import tarfile
import unittest
import urllib.request

import client
from box import ROOT, Box, copy_for_all, free_port
from move_sources import HTTP_CONFIG, Client
from original import S3Layout, legacy_id
from pairs import Pair
from service import Service
from stateward import CTL
from vault_server import Vault, VaultTokens
from webservers import Nginx

SECRETS = ("s3cret", "pässwörd: two")
# What tofu applies: {state: whose it is}. "jwt": a token's, whose states have no namespace.
APPLIED = {"net/prod": SECRETS[0], "net/dev-2": SECRETS[1], "app/jobs": "jwt"}
ODD = "app/odd"
ODD_BODY = b'{ "version": 4,\n "serial" : 7, "lineage":"L", "x": "\xc3\xa9\\u0000 " }\n'
# As a client of its makes them; it keeps these fields and no other.
LOCK = {"ID": "a-lock", "Path": "", "Operation": "OperationTypeApply", "Who": "ann@host", "Version": "1.9.0",
        "Created": "2026-01-02T03:04:05Z", "Info": ""}


class TerraformBackend(Service):
    NAME = "terraform-backend"

    def __init__(self, box, settings):
        self.its_settings = settings
        super().__init__(box)

    def argv(self):
        return [copy_for_all(os.environ["ORIGINAL"])]

    def env(self):
        return {**self.its_settings, "LISTEN_ADDR": f"{self.host}:{self.port}",
                "METRICS_LISTEN_ADDR": f"{self.host}:{free_port()}"}

    def answers(self):
        try:
            with urllib.request.urlopen("http://%s:%s/health" % self.address(), timeout=5):
                return True
        except OSError:
            return False


class World:
    """A pair of a storage and a lock, a Vault that gives keys and tokens, and whoever serves them just now."""
    PAIR, KMS = None, None

    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.numbers = itertools.count()
        self.vault = Vault(self.box)
        self.tokens = VaultTokens(self.vault)
        self.tokens.role("app", "RS256", "app")
        self.pair = Pair(self.box, self.PAIR)
        if "redis" in self.pair.services:  # it sends AUTH without the password that it was given
            self.pair.services["redis"].command("CONFIG", "SET", "requirepass", "")
        self.vault.make_transit_key()
        self.key = base64.b64encode(secrets.token_bytes(32)).decode()
        self.vault.put_key(self.key)

    def settings(self):
        """The environment of both servers."""
        kms = {"local": {"KMS_BACKEND": "local", "KMS_KEY": self.key}, "vault": self.vault.kv_settings(),
               "transit": self.vault.transit_settings(KMS_TRANSIT_ENGINE="transit")}[self.KMS]
        found = {"STORAGE_FS_DIR": self.box.path("states"), "VAULT_ADDR": self.vault.url(),
                 "AUTH_JWT_OIDC_ISSUER_URL": self.tokens.issuer(), **kms, **self.pair.settings()}
        if "REDIS_PASSWORD" in found:
            found["REDIS_PASSWORD"] = ""
        return found

    def start_original(self):
        return TerraformBackend(self.box, self.settings())

    def start_stateward(self, pair, settings):
        """By the steps of docs/moving/terraform-backend.md; its audience is asked for, theirs is not."""
        settings = {**settings, "AUTH_JWT_ALLOW_ANY_AUDIENCE": "true", "RUNTIME_DIR": self.box.make_dir("run")}
        self.assertIn("the store is ready", self.ctl(settings, "init"))
        server = pair.stateward(STORAGE_INIT="false", **settings)
        return server, Nginx(self.box, "unix:" + server.socket).plain

    def ctl(self, settings, *args):
        run = self.box.run([CTL, *args], env=settings, seconds=180)
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        return run.stdout + run.stderr

    def login(self, owner):
        return ("jwt", self.tokens.token("app")) if owner == "jwt" else ("basic", owner)

    def ask(self, address, method, state, body=None, owner="jwt", query=""):
        auth = client.basic(*self.login(owner))
        return client.Client(address, auth=auth).request(method, f"/state/{state}{query}", body)

    def tofu(self, address, state, note, *commands):
        user, password = self.login(APPLIED[state])
        url = "http://%s:%s/state/%s" % (*address, state)
        run = Client(self.box, f"tofu-{next(self.numbers)}", HTTP_CONFIG % {"url": url, "input": note},
                     TF_HTTP_USERNAME=user, TF_HTTP_PASSWORD=password)
        run.run("init", "-input=false")
        for command in commands:
            run.run(*command.split())

    def apply(self, address, note):
        for state in APPLIED:
            self.tofu(address, state, note, "apply -auto-approve -input=false")

    def plans(self, address, note):
        """Without a change: else its exit code is 2."""
        for state in APPLIED:
            self.tofu(address, state, note, "plan -input=false -detailed-exitcode")

    def write_odd(self, address):
        lock = json.dumps(LOCK).encode()
        for method, body, query in (("LOCK", lock, ""), ("POST", ODD_BODY, "?ID=a-lock"), ("UNLOCK", lock, "")):
            answer = self.ask(address, method, ODD, body, query=query)
            self.assertEqual(200, answer.status, (method, answer))

    def bodies(self, address):
        found = {}
        for state, owner in {**APPLIED, ODD: "jwt"}.items():
            answer = self.ask(address, "GET", state, owner=owner)
            self.assertEqual(200, answer.status, (state, answer))
            found[state] = answer.body
        return found


class WhatItWrote(World):
    """docs/moving/terraform-backend.md."""

    def test_it(self):
        old = self.start_original()
        for note in ("one", "two"):
            self.apply(old.address(), note)
        self.write_odd(old.address())
        bodies = self.bodies(old.address())
        self.assertEqual(ODD_BODY, bodies[ODD])
        left = json.dumps({**LOCK, "ID": "left-by-a-run"}).encode()
        self.assertEqual(200, self.ask(old.address(), "LOCK", ODD, left).status)
        old.stop()

        server, address = self.start_stateward(self.pair, self.settings())
        self.assertEqual(bodies, self.bodies(address))
        # Where there are tokens, too, a secret that has no state opens nothing (AUTH_BASIC_NEW_TENANTS).
        self.assertEqual(401, self.ask(address, "GET", "net/prod", owner="mistyped").status)
        self.plans(address, "two")
        self.its_locks(address, left)
        self.assertEqual(bodies, self.bodies(address))
        self.apply(address, "three")
        self.plans(address, "three")
        newer = self.bodies(address)
        for state in APPLIED:
            self.assertGreater(json.loads(newer[state])["serial"], json.loads(bodies[state])["serial"])
        server.process.stop()

        # "Going back". The role is called as the schema that is there now, so the tables are named with theirs.
        if self.pair.storage == "postgres":
            old.its_settings = {**old.its_settings, "STORAGE_POSTGRES_TABLE": "public.states",
                                "LOCK_POSTGRES_TABLE": "public.locks"}
        old.start()
        self.assertEqual(bodies, self.bodies(old.address()))

    def its_locks(self, address, left):
        """One of a service is respected, until it is released by the client that holds it."""
        other = json.dumps({**LOCK, "ID": "another"}).encode()
        answer = self.ask(address, "LOCK", ODD, other)
        if self.pair.lock == "local":  # it was in the memory of the old server
            self.assertEqual(200, answer.status, answer)
            self.assertEqual(200, self.ask(address, "UNLOCK", ODD, other).status)
            return
        self.assertEqual((423, "left-by-a-run"), (answer.status, json.loads(answer.body)["ID"]))
        self.assertEqual(200, self.ask(address, "UNLOCK", ODD, left).status)
        self.assertEqual(200, self.ask(address, "LOCK", ODD, other).status)
        self.assertEqual(200, self.ask(address, "UNLOCK", ODD, other).status)


class WhatItReads(World):
    """docs/moving/out.md, "To terraform-backend"."""

    def test_it(self):
        here = Pair(self.box, "fs+local")
        server, address = self.start_stateward(here, {
            "STORAGE_FS_DIR": self.box.path("here"), "KMS_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "VAULT_ADDR": self.vault.url(), "AUTH_JWT_OIDC_ISSUER_URL": self.tokens.issuer(),
            "AUTH_BASIC_NEW_TENANTS": "true", **here.settings()})
        for note in ("one", "two"):
            self.apply(address, note)
        self.write_odd(address)
        bodies = self.bodies(address)
        files = self.export(server.settings)
        self.assertEqual({legacy_id(*state.split("/"), None if owner == "jwt" else owner) + ".tfstate"
                          for state, owner in {**APPLIED, ODD: "jwt"}.items()}, set(files))
        server.process.stop()

        there = self.put(files)
        self.assertEqual(bodies, self.bodies(there.address()))
        self.assertEqual(404, self.ask(there.address(), "GET", "net/prod", owner="mistyped").status)
        self.plans(there.address(), "two")
        self.apply(there.address(), "three")
        self.plans(there.address(), "three")

    def export(self, settings):
        key = self.box.write("original.key", self.key + "\n")
        out = self.box.path("original.tar")
        self.ctl(settings, "export", "*/*", "--original-key", key, "--secrets",
                 self.box.write("secrets", "\n".join(SECRETS) + "\n"), "--output", out)
        with tarfile.open(out) as tar:
            return {m.name: tar.extractfile(m).read() for m in tar.getmembers()}

    def put(self, files):
        """Into its storage, as the page says; a terraform-backend that serves them."""
        if self.pair.storage == "s3":
            S3Layout.put(self.pair, {name.removesuffix(".tfstate"): data for name, data in files.items()})
            return self.start_original()
        folder = "states" if self.pair.storage == "fs" else "out"
        self.box.make_dir(folder)
        for name, data in files.items():
            self.box.write(f"{folder}/{name}", data)
        server = self.start_original()
        if self.pair.storage == "postgres":  # it makes its table when it starts
            script, = re.findall(r"(?ms)^ +(for file in \*\.tfstate.*?)^ +```", (ROOT / "docs/moving/out.md").read_text())
            run = self.box.run(["bash", "-euo", "pipefail", "-c", f"cd {self.box.path(folder)}\n{script}"],
                               env={"PATH": os.environ["PATH"], **self.pair.settings()})
            self.assertEqual((0, "", ""), (run.returncode, run.stdout, run.stderr))
        return server


def cases(base, *kinds):
    for pair, kms in kinds:
        name = f"{base.__name__}_{pair.replace('+', '_')}_{kms}"
        globals()[name] = type(name, (base, unittest.TestCase), {"PAIR": pair, "KMS": kms, "__module__": __name__})


cases(WhatItWrote, ("fs+local", "local"), ("postgres+postgres", "vault"), ("s3+redis", "transit"))
cases(WhatItReads, ("fs+local", "local"), ("postgres+postgres", "local"), ("s3+redis", "vault"))


if __name__ == "__main__":
    if not pathlib.Path(os.environ.get("ORIGINAL", "")).is_file():
        sys.exit("prove_original: ORIGINAL=PROGRAM: a terraform-backend, built from its sources (docs/HACKING.md)")
    result = unittest.main(exit=False, verbosity=2, warnings="ignore").result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
