"""A host of terraform-backend with 300 states goes over to identified users: nothing looks absent before,
nothing is lost on the way, nothing is left behind unsaid."""
import functools
import json
import os
import signal
import subprocess
import unittest

from box import Box, wait_for
from client import basic
from original import LAYOUTS, blob, legacy_id
from pairs import Pair
from policy_world import CTL, TOKENS, policy
from test_tofu import TOFU
from webservers import Nginx

SECRETS = ("first secret", "s3cret-two", "pässwörd")
LOST = "a secret that nobody wrote down"
UNDER_SECRETS, PLAIN, UNKNOWN, TOUCHED = 265, 15, 20, 12
CONFIG = """
terraform {
  backend "%s" {
    %s
  }
}
resource "terraform_data" "one" { input = "x" }
"""


def document(name, serial=1):
    return json.dumps({"version": 4, "terraform_version": "1.9.0", "serial": serial,
                       "lineage": "lineage of " + name, "outputs": {}, "resources": []}).encode()


def tofu(folder, *arguments):
    env = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    env.update(CHECKPOINT_DISABLE="1", TF_IN_AUTOMATION="1", NO_COLOR="1", TF_HTTP_RETRY_MAX="0",
               TF_HTTP_USERNAME="x", TF_HTTP_PASSWORD=TOKENS["ci"])
    return subprocess.run([TOFU, f"-chdir={folder}", *arguments], env=env, capture_output=True,
                          text=True, timeout=120, check=False)


@functools.cache
def real_state():
    """Of a real apply."""
    with Box() as box:
        folder = box.make_dir("local")
        box.write("local/main.tf", CONFIG % ("local", 'path = "t.tfstate"'))
        for step in (("init",), ("apply", "-auto-approve")):
            run = tofu(folder, *step)
            assert run.returncode == 0, run.stdout + run.stderr
        with open(os.path.join(folder, "t.tfstate"), "rb") as file:
            return file.read()


class Takeover:
    """The steps of docs/policy.md, "States from before", on one layout of terraform-backend's."""
    LAYOUT = None

    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.pair = Pair(self.box, self.LAYOUT.PAIR)

    def original(self):
        """terraform-backend's states: {name: (secret, document)} of project demo, and the blobs that nobody
        can explain."""
        states = {f"s{i}": (SECRETS[i % len(SECRETS)], document(f"s{i}"))
                  for i in range(UNDER_SECRETS)}
        states.update({f"plain{i}": (None, document(f"plain{i}")) for i in range(PLAIN)})
        states["s0"] = (SECRETS[0], real_state())
        blobs = {legacy_id("demo", name, secret): blob(text)
                 for name, (secret, text) in states.items()}
        for i in range(UNKNOWN):
            blobs[legacy_id("demo", f"u{i}", LOST)] = blob(document(f"u{i}"))
        self.LAYOUT.put(self.pair, blobs)
        return states

    def touch(self, states):
        """Some states were written since terraform-backend was replaced, with basic auth as before; what `versions`
        says of them is in .history, and each document in .written[name, serial]."""
        self.history, self.written = {}, {}
        server = self.pair.stateward()
        for i in range(TOUCHED):
            name = f"s{i + 1}"
            secret, text = states[name]
            for serial in (2, 3, 4):
                text = document(name, serial)
                status, _, _ = server.ask("POST", f"/state/demo/{name}", text,
                                          HTTP_AUTHORIZATION=basic("basic", secret))
                self.assertEqual(200, status)
                self.written[name, serial] = text
            states[name] = (secret, text)
            status, _, rows = server.ask("GET", f"/api/v1/states/demo/{name}/versions",
                                         HTTP_AUTHORIZATION=basic("basic", secret))
            self.assertEqual(200, status)
            self.history[name] = json.loads(rows)
            self.assertEqual([4, 3, 2], [row["serial"] for row in self.history[name]])
        server.process.stop()

    def ctl(self, *args, code=0):
        run = self.box.run([CTL, *args], env=self.server.settings)
        self.assertEqual(code, run.returncode, run.stdout + run.stderr)
        return run.stdout

    def ask(self, method, name, body=None, query=""):
        return self.server.ask(method, f"/state/demo/{name}{query}", body,
                               HTTP_AUTHORIZATION=basic("x", TOKENS["root"]))

    def held(self, name):
        """Absent to identified users, and yet no name of theirs to begin with."""
        status, _, body = self.ask("GET", name)
        self.assertEqual(409, status, body)
        self.assertIn(b"statewardctl adopt --all", body)
        self.assertIn(b"statewardctl adopt --done", body)
        lock = json.dumps({"ID": "a-lock", "Operation": "OperationTypeApply"}).encode()
        status, _, body = self.ask("LOCK", name, lock)
        self.assertEqual(423, status, body)
        info = json.loads(body)
        self.assertEqual(info["Info"], info["ID"])
        self.assertIn("statewardctl adopt --done", info["Info"])
        status, _, _ = self.ask("POST", name, document(name, 7))
        self.assertEqual(409, status)
        kept = json.loads(self.ctl("uploads", "list", "--json"))
        self.assertIn((f"demo/{name}", 7), [(row["state"], row["serial"]) for row in kept])
        self.assertEqual(409, self.ask("DELETE", name)[0])
        for wanted in ("a-lock", info["ID"]):
            body = json.dumps({"ID": wanted}).encode()
            self.assertEqual(200, self.ask("UNLOCK", name, body)[0])

    def said(self, count):
        """Start, /ready and metrics."""
        text = f"{count} blobs of terraform-backend are untouched"
        self.server.process.wait_until(lambda: text in self.server.log(), "the start says it")
        _, _, body = self.server.ask("GET", "/ready")
        self.assertIn(text, json.loads(body)["warnings"]["taking over"])
        self.assertIn(f"stateward_untouched_blobs {count}".encode(),
                      self.server.ask("GET", "/metrics")[2])

    def plan(self):
        if not os.path.exists(self.box.path("work")):
            folder = self.box.make_dir("work")
            url = f"http://127.0.0.1:{self.nginx.plain[1]}/state/demo/s0"
            self.box.write("work/main.tf", CONFIG % ("http", f"""address = "{url}"
    lock_address = "{url}"
    unlock_address = "{url}" """))
        folder = self.box.path("work")
        init = tofu(folder, "init", "-input=false")
        run = tofu(folder, "plan", "-input=false")
        return run.returncode, init.stdout + init.stderr + run.stdout + run.stderr

    def lists(self, states):
        """Half of the names are known by heart, the others stand in an access log."""
        self.box.write("secrets", "\n".join(SECRETS) + "\n")
        names = sorted(states)
        self.box.write("names", "".join(f"demo/{n}\n" for n in names[::2]) + "# so far\n")
        log = "".join(
            f'203.0.113.7 - basic [26/Nov/2026:10:00:00 +0000] "GET /state/demo/{n}?ID=x HTTP/1.1" '
            '200 5 "-" "tofu"\n' for n in names[1::2])
        self.box.write("access.log", log, 0o640)
        return ("adopt", "--all", "--secrets", "secrets", "--names", "names", "--names-from-log",
                "access.log")

    def kill_one_run(self, lists, done):
        """kill -9 in the middle of it: the next run goes on."""
        run = self.box.start([CTL, *lists], env=self.server.settings, log="adopt.log")
        wait_for(lambda: not run.alive() or done(), "some states are given", 120)
        run.send(signal.SIGKILL)
        run.popen.wait()

    def test_takeover(self):
        states = self.original()
        self.touch(states)
        self.server = self.pair.stateward(
            AUTH_POLICY_FILE=self.box.write("policy.toml", policy()),
            AUTH_BASIC_ENABLED="false")
        self.nginx = Nginx(self.box, "unix:" + self.server.socket)
        untouched = len(states) - TOUCHED + UNKNOWN
        self.said(untouched)
        self.held("s20")
        self.held("never")
        self.assertEqual(409, self.ask("GET", "s1")[0], "one that was touched")
        self.assertEqual(423, self.ask("LOCK", "s1", b'{"ID":"x"}')[0])
        self.assertEqual(200, self.ask("GET", "plain3")[0], "it lies under its name alone")
        code, text = self.plan()
        self.assertNotEqual(0, code, text)
        self.assertNotIn("will be created", text)

        lists = self.lists(states)
        self.assertIn("given", self.ctl(*lists, "--dry-run"))
        self.assertEqual(409, self.ask("GET", "s1")[0], "a dry run changes nothing")
        self.kill_one_run(lists, lambda: self.ask("GET", "s100")[0] == 200)
        out = self.ctl(*lists)
        self.assertIn(f"{UNKNOWN} blobs of terraform-backend are left", out)
        for name, (_, text) in states.items():
            status, _, body = self.ask("GET", name)
            self.assertEqual((200, text), (status, body), name)
        self.check_history()
        code, text = self.plan()
        self.assertEqual(0, code, text)
        self.assertIn("No changes", text)
        self.check_locks(states)
        self.assertIn("0 states", self.ctl(*lists))

        self.held("never")
        self.assertIn(f"{UNKNOWN} blobs", self.ctl("adopt", "--done"))
        self.assertEqual(404, self.ask("GET", "never")[0])
        self.assertEqual(200, self.ask("POST", "never", document("never"))[0])

    def check_history(self):
        """It is whole: each version has come along as it was, its number, time and writer included."""
        self.assertEqual(TOUCHED, len(self.history))
        for name, rows in self.history.items():
            self.assertEqual(rows, json.loads(self.ctl("versions", f"demo/{name}", "--json")), name)
        for (name, serial), text in self.written.items():
            status, _, body = self.ask("GET", f"{name}/versions/{serial}")
            self.assertEqual((200, text), (status, body), (name, serial))

    def check_locks(self, states):
        """Those of the killed run are gone."""
        for name in list(states)[:60]:
            lock = json.dumps({"ID": "lock-of-" + name}).encode()
            self.assertEqual(200, self.ask("LOCK", name, lock)[0], name)
            self.assertEqual(200, self.ask("UNLOCK", name, lock)[0])


for layout in LAYOUTS:
    globals()["Takeover" + layout.__name__] = type(
        "Takeover" + layout.__name__, (Takeover, unittest.TestCase), {"LAYOUT": layout})


class History(unittest.TestCase):
    def test_history_comes_along(self):
        """Each version, in its order, under its new name; refused lists."""
        with Box() as box:
            pair = Pair(box, "fs+local")
            server = pair.stateward(AUTH_BASIC_ENABLED="true",
                                    AUTH_POLICY_FILE=box.write("policy.toml", policy()),
                                    AUTH_BASIC_NEW_TENANTS="true")
            for serial in (1, 2, 3, 4):
                status, _, _ = server.ask("POST", "/state/demo/old", document("old", serial),
                                          HTTP_AUTHORIZATION=basic("basic", "secret"))
                self.assertEqual(200, status)
            box.write("secrets", "secret\n", 0o644)
            run = box.run([CTL, "adopt", "--all", "--secrets", "secrets"], env=server.settings)
            self.assertEqual(2, run.returncode)
            self.assertIn("chmod 0600", run.stderr)
            before = self.records(box)
            run = box.run([CTL, "adopt", "demo/old"], env=server.settings)
            self.assertEqual(0, run.returncode, run.stderr)
            new = sorted(set(self.records(box)) - set(before))
            serials = []
            for record in new:
                run = box.run([CTL, "decrypt", "--info", record], env=server.settings)
                if '"moved"' in run.stderr:  # the old name's
                    continue
                info = json.loads(run.stderr)
                self.assertEqual(("demo", "old", ""), (info["project"], info["name"], info["tenant"]))
                self.assertEqual(document("old", info["serial"]), run.stdout.encode())
                serials.append(info["serial"])
            self.assertEqual([1, 2, 3, 4], serials)
            status, _, body = server.ask("GET", "/state/demo/old",
                                         HTTP_AUTHORIZATION=basic("x", TOKENS["ci"]))
            self.assertEqual((200, document("old", 4)), (status, body))
            status, _, body = server.ask("GET", "/state/demo/old",
                                         HTTP_AUTHORIZATION=basic("basic", "secret"))
            self.assertEqual(409, status, body)

    def serve(self, **settings):
        """Identified users, and one namespace."""
        box = Box()
        self.addCleanup(box.close)
        self.server = Pair(box, "fs+local").stateward(
            AUTH_BASIC_ENABLED="true", AUTH_POLICY_FILE=box.write("policy.toml", policy()),
            AUTH_BASIC_NEW_TENANTS="true", **settings)
        return box

    def ask(self, method, target, body=None, auth=basic("basic", "secret")):
        status, _, answer = self.server.ask(method, target, body, HTTP_AUTHORIZATION=auth,
                                            CONTENT_TYPE="application/json")
        return status, answer

    def put(self, name, *serials):
        for serial in serials:
            self.assertEqual(200, self.ask("POST", f"/state/demo/{name}", document(name, serial))[0])

    def test_the_old_namespace_is_closed(self):
        box = self.serve()

        def ctl(*words):
            return box.run([CTL, *words], env=self.server.settings)
        self.put("old", 1, 2, 3)
        self.assertEqual(409, self.ask("POST", "/state/demo/old", document("old", 2))[0])
        upload, = json.loads(ctl("uploads", "list", "--json").stdout)
        self.assertEqual(0, ctl("adopt", "demo/old").returncode)
        lock = json.dumps({"ID": "a-lock", "Operation": "OperationTypeApply"}).encode()
        for method, target, body in (
                ("GET", "/state/demo/old", None), ("LOCK", "/state/demo/old", lock),
                ("POST", "/state/demo/old", document("old", 4)), ("DELETE", "/state/demo/old", None),
                ("GET", "/state/demo/old/versions/1", None),
                ("GET", "/api/v1/states/demo/old/document?version=1", None),
                ("GET", "/api/v1/states/demo/old/diff?from=1&to=2", None),
                ("POST", "/api/v1/states/demo/old/pin", b'{"version":1}'),
                ("POST", "/api/v1/states/demo/old/undelete", b"{}"),
                ("POST", "/api/v1/states/demo/old/rollback", b'{"to":1}')):
            status, answer = self.ask(method, target, body)
            self.assertEqual(409, status, (method, target, answer))
            self.assertIn(b"identified users", answer, (method, target))
        names = {row["serial"]: row for row in json.loads(ctl("uploads", "list", "--json").stdout)}
        self.assertEqual(None, names[2]["namespace"], "it came along")
        self.assertNotEqual(None, names[4]["namespace"], "it came afterwards")
        namespace = names[4]["namespace"]
        for words in (("undelete", "demo/old"), ("rollback", "demo/old", "--to", "1"),
                      ("delete", "demo/old", "--yes")):
            run = ctl(*words, "--namespace", namespace)
            self.assertEqual(4, run.returncode, (words, run.stdout, run.stderr))
            self.assertIn("identified users", run.stderr)
        self.assertEqual(4, ctl("uploads", "restore", names[4]["upload"]).returncode)
        self.assertEqual(0, ctl("adopt", "demo/old").returncode)
        rows = json.loads(ctl("uploads", "list", "--json").stdout)
        self.assertEqual([(2, None), (4, None)],
                         sorted((row["serial"], row["namespace"]) for row in rows))
        late = [row["upload"] for row in rows if row["serial"] == 4]
        self.assertEqual(0, ctl("uploads", "restore", *late).returncode)
        root = basic("x", TOKENS["root"])
        self.assertEqual((200, document("old", 4)), self.ask("GET", "/state/demo/old", None, root))
        self.assertEqual(409, self.ask("GET", "/state/demo/old")[0])

    def test_a_token_under_the_name_basic_is_a_token(self):
        """As a CI may go on that had TF_HTTP_USERNAME=basic: nothing looks absent to it."""
        self.serve()
        root = basic("basic", TOKENS["root"])
        self.assertEqual(200, self.ask("POST", "/state/demo/one", document("one"), basic("ci", TOKENS["root"]))[0])
        self.assertEqual((200, document("one")), self.ask("GET", "/state/demo/one", None, root))
        self.assertEqual(200, self.ask("POST", "/state/demo/two", document("two"), root)[0])
        self.assertEqual(200, self.ask("GET", "/state/demo/two", None, basic("ci", TOKENS["root"]))[0])
        for unknown in ("swt_" + "0" * 64, "eyJhbGciOiJub25lIn0.e30.c2ln"):
            self.assertEqual(401, self.ask("GET", "/state/demo/one", None, basic("basic", unknown))[0])
        self.assertEqual(404, self.ask("GET", "/state/demo/one")[0], "a secret opens its namespace")

    def hinted(self, name, secret):
        """A blob that two names share, and a log in which anybody had one of them written."""
        box = Box()
        self.addCleanup(box.close)
        pair = Pair(box, "fs+local")
        LAYOUTS[0].put(pair, {legacy_id("network", "prod-eu", secret): blob(document("prod-eu"))})
        self.server = pair.stateward(AUTH_POLICY_FILE=box.write("policy.toml", policy()))
        box.write("secrets", "secret\n")
        box.write("names", f"{name}\n")
        box.write("access.log", '203.0.113.9 - - "GET /state/network-prod/eu HTTP/1.1" 401 5 "-" "x"\n', 0o640)
        return box

    def test_a_line_of_a_log_gives_no_shared_blob_away(self):
        for secret in ("secret", None):
            box = self.hinted("network/prod-eu", secret)
            words = ("adopt", "--all", "--secrets", "secrets", "--names-from-log", "access.log")
            for more in (("--dry-run",), ()):
                run = box.run([CTL, *words, *more], env=self.server.settings)
                self.assertEqual(1, run.returncode, run.stdout)
                self.assertIn("put network-prod/eu into --names", run.stderr)
            root = basic("x", TOKENS["root"])
            self.assertEqual(409, self.ask("GET", "/state/network-prod/eu", None, root)[0])
            self.assertEqual(409, self.ask("GET", "/state/network/prod-eu", None, root)[0])
            for more in (("--dry-run",), ()):
                run = box.run([CTL, *words, "--names", "names", *more], env=self.server.settings)
                self.assertEqual(0, run.returncode, run.stderr)
                self.assertIn("1 state with 1 version", run.stdout)
            self.assertEqual((200, document("prod-eu")), self.ask("GET", "/state/network/prod-eu", None, root))
            if secret is None:  # the blob lies under both names
                self.assertEqual(409, self.ask("GET", "/state/network-prod/eu", None, root)[0])

    def test_an_import_leaves_a_held_name(self):
        box = self.serve()
        self.put("held", 1)
        box.make_dir("from")
        box.write("from/held.tfstate", document("another", 5).decode())
        for more in (("--dry-run",), ()):
            run = box.run([CTL, "import", "--folder", box.path("from"), "--to", "demo/{workspace}",
                           *more], env=self.server.settings)
            self.assertEqual(4, run.returncode, run.stdout + run.stderr)
            self.assertIn("statewardctl adopt", run.stdout + run.stderr)
        self.assertEqual(0, box.run([CTL, "adopt", "demo/held"],
                                    env=self.server.settings).returncode)

    def test_names_of_the_policy_and_of_the_store_are_tried(self):
        """Without a list of names; what nobody names is left."""
        box = Box()
        self.addCleanup(box.close)
        box.make_dir("states")
        for name in ("ruled", "stored", "nobody-knows-it"):
            box.write("states/" + legacy_id("demo", name, "secret") + ".tfstate", blob(document(name)))
        rule = '\n[[rules]]\nname = "one state"\ntoken = "ci"\nstates = ["demo/ruled", "demo/*"]\nrole = "read"\n'
        self.server = Pair(box, "fs+local").stateward(
            AUTH_BASIC_ENABLED="true", AUTH_BASIC_NEW_TENANTS="true",
            AUTH_POLICY_FILE=box.write("policy.toml", policy() + rule))
        # Somebody else's state of that name.
        self.assertEqual(200, self.ask("POST", "/state/demo/stored", document("other"), basic("basic", "other"))[0])
        box.write("secrets", "secret\n")
        run = box.run([CTL, "adopt", "--all", "--secrets", "secrets"], env=self.server.settings)
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        self.assertIn("2 states with 2 versions were given", run.stdout)
        self.assertIn("1 blob of terraform-backend is left", run.stdout)
        root = basic("x", TOKENS["root"])
        for name in ("ruled", "stored"):
            self.assertEqual((200, document(name)), self.ask("GET", f"/state/demo/{name}", None, root))
        self.assertEqual(409, self.ask("GET", "/state/demo/nobody-knows-it", None, root)[0])
        self.assertEqual((200, document("other")),
                         self.ask("GET", "/state/demo/stored", None, basic("basic", "other")))

    def test_commands_have_their_lines(self):
        """Those that concern a whole store, and adopt; what was only asked for has none."""
        box = self.serve()
        self.put("one", 1)
        self.put("two", 1)
        file = box.write("audit.log", "")
        box.give(file)
        settings = dict(self.server.settings, AUDIT_FILE=file)

        def lines(*words, code=0):
            with open(file, encoding="utf-8") as trail:
                before = len(trail.read().splitlines())
            run = box.run([CTL, *words], env=settings)
            self.assertEqual(code, run.returncode, run.stdout + run.stderr)
            with open(file, encoding="utf-8") as trail:
                new = [json.loads(line) for line in trail.read().splitlines()[before:]]
            done = [event for event in new if event["event"] == "done"]
            for event in done:
                self.assertTrue(event["principal"].startswith("admin:"), event)
                self.assertEqual("done", event["result"], event)
            return [event["action"] for event in done]
        self.assertEqual([], lines("adopt", "demo/one", "--dry-run"))
        self.assertEqual(["adopt"], lines("adopt", "demo/one"))
        self.assertEqual([], lines("drop-name", "demo/two"))
        self.assertEqual(["drop-name"], lines("drop-name", "demo/two", "--yes"))
        self.assertEqual(["adopt --done"], lines("adopt", "--done"))
        self.assertEqual([], lines("rekey", "--dry-run"))
        self.assertEqual(["rekey"], lines("rekey"))
        self.assertEqual(["init --locks"], lines("init", "--locks"))
        self.assertEqual([], lines("upgrade"), "nothing is to be done")

    @staticmethod
    def records(box):
        return [os.path.join(folder, name) for folder, _, names in os.walk(box.path("states/states"))
                for name in names]


if __name__ == "__main__":
    unittest.main()
