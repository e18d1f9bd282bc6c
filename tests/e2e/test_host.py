"""statewardctl on a host with a unit: as root and as the service's user. Whatever it does, the server
can read every state afterwards (docs/running.md, "statewardctl on a host")."""
import fcntl
import json
import os
import pathlib
import pwd
import grp
import re
import shutil
import subprocess
import tempfile
import unittest

from box import Box, environment, reachable, test_user, wait_for
from client import basic
from original import blob, legacy_id
from policy_world import CTL, TOKENS, policy
from stateward import KEY, Stateward

UNIT = """
[Service]
User={user}
Group={group}
ExecStart=/usr/local/bin/stateward --env-file {env}
LoadCredential=kms_key:{key}
WorkingDirectory={folder}
"""


def document(serial):
    return b'{"version":4,"serial":%d,"lineage":"l"}' % serial


class Host(unittest.TestCase):
    """A unit of the box's own; its key is root's alone, as docs/kms.md says."""

    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.private = tempfile.mkdtemp(prefix="stateward-root-")  # root's: nobody else may enter
        self.addCleanup(shutil.rmtree, self.private)
        uid, gid = self.box.user or (os.geteuid(), os.getegid())
        self.uid = uid
        self.key = os.path.join(self.private, "kms.key")
        pathlib.Path(self.key).write_text(KEY + "\n", encoding="ascii")
        os.chmod(self.key, 0o600)
        self.store = self.box.make_dir("states")
        self.box.write("states/" + legacy_id("demo", "old", "secret") + ".tfstate",
                       blob(document(7)))
        self.unit = self.box.write("stateward.service", UNIT.format(
            user=pwd.getpwuid(uid).pw_name, group=grp.getgrgid(gid).gr_name, key=self.key,
            env=self.box.path("stateward.env"), folder=self.box.folder))
        # The folder is relative, as in the unit's own.
        self.policy = self.box.write("policy.toml", policy())
        self.settings = {"STORAGE_FS_DIR": "states", "RUNTIME_DIR": self.box.make_dir("run"),
                         "AUTH_POLICY_FILE": self.policy, "AUTH_BASIC_ENABLED": "true"}
        self.write_settings()

    def write_settings(self, name="stateward.env", **changed):
        settings = dict(self.settings, **changed)
        return self.box.write(name, "".join(f"{k}={v}\n" for k, v in settings.items()))

    def other_settings(self, name):
        """Of another store with the same key: a file where the command is started; as root it is root's alone."""
        settings = {"STORAGE_FS_DIR": self.box.make_dir(name), "KMS_KEY": KEY,
                    "RUNTIME_DIR": self.box.make_dir("run-" + name)}
        self.secret_file(name + ".env", "".join(f"{k}={v}\n" for k, v in settings.items()))
        return name + ".env"

    def readable_key(self):
        """A key that the service's user may read."""
        key = self.box.write("kms.key", KEY + "\n", 0o400)
        with open(self.unit, encoding="ascii") as file:
            self.box.write("stateward.service", file.read().replace(self.key, key))

    def root(self, *args, code=0, options=()):
        """As root, in root's own folder; of root's environment nothing counts."""
        run = subprocess.run([CTL, "--unit", self.unit, *options, *args], cwd=self.private,
                             env=environment({"STORAGE_FS_DIR": "/nowhere", "KMS_KEY": "x"}),
                             capture_output=True, text=True, timeout=60, check=False)
        return self.ended(run, code)

    def service(self, *args, code=0, options=()):
        """In the box, where it may write."""
        return self.ended(self.box.run([CTL, "--unit", self.unit, *options, *args]), code)

    def ended(self, run, code):
        """Its output; code None: any, but no end by a signal."""
        self.assertTrue(run.returncode in range(5) if code is None else run.returncode == code,
                        (run.args, run.returncode, run.stdout + run.stderr))
        return run.stdout if run.stdout.startswith(("[", "{")) else run.stdout + run.stderr

    def private_file(self, name, text):
        path = os.path.join(self.private, name)
        pathlib.Path(path).write_text(text, encoding="utf-8")
        os.chmod(path, 0o600)

    def serve(self, **settings):
        server = Stateward(self.box, STORAGE_INIT="false", AUTH_POLICY_FILE=self.policy,
                           AUTH_BASIC_ENABLED="true", AUTH_BASIC_NEW_TENANTS="true", **settings)
        self.auth = {"HTTP_AUTHORIZATION": basic("x", TOKENS["root"])}
        return server

    def reads_all(self, server, names):
        for name in names:
            status, _, body = server.ask("GET", f"/state/demo/{name}", **self.auth)
            self.assertEqual(200, status, (name, body))
        self.owned()

    def owned(self, *said):
        """All that is stored is the service's."""
        for folder, _, files in os.walk(self.store):
            for path in [folder, *(os.path.join(folder, f) for f in files)]:
                try:
                    self.assertEqual(self.uid, os.stat(path).st_uid, (*said, path))
                except FileNotFoundError:  # the server runs, and puts files into each other's place
                    pass

    @unittest.skipIf(test_user() is None, "not as root")
    def test_as_root(self):
        self.assertIn("ready", self.root("init"))
        server = self.serve()
        for name in ("a", "b"):
            for serial in (1, 2):
                self.assertEqual(200, server.ask("POST", f"/state/demo/{name}", document(serial),
                                                 HTTP_AUTHORIZATION=basic("basic", name))[0])
        self.assertEqual(409, server.ask("POST", "/state/demo/a", document(1),
                                         HTTP_AUTHORIZATION=basic("basic", "a"))[0])
        self.private_file("secrets", "a\nb\nsecret\n")
        self.private_file("names", "demo/old\n")
        self.assertIn("would be given", self.root("adopt", "--all", "--secrets", "secrets",
                                                  "--names", "names", "--dry-run"))
        out = self.root("adopt", "--all", "--secrets", "secrets", "--names", "names")
        self.assertIn("3 states", out)
        self.reads_all(server, ("a", "b", "old"))
        self.root("keys")
        self.root("rekey")
        self.root("adopt", "--done")
        entry = json.loads(self.root("uploads", "list", "--json"))[0]["upload"]
        self.root("uploads", "show", entry, options=("--output", "upload"))
        upload = os.stat(os.path.join(self.private, "upload"))
        self.assertEqual((0, 0o100600), (upload.st_uid, upload.st_mode))
        self.assertIn("--force", self.root("uploads", "show", entry, code=4,
                                           options=("--output", "upload")))
        self.root("uploads", "show", entry, options=("--output", "upload", "--force"))
        self.assertEqual(document(1), pathlib.Path(self.private, "upload").read_bytes())
        # What fails leaves what was there, and no file of its own.
        for name in ("upload", "none"):
            self.root("uploads", "show", "no-such-entry", code=1,
                      options=("--output", name, "--force"))
        self.root("decrypt", "no-such-file.tfstate", code=2, options=("--output", "none"))
        self.assertEqual(document(1), pathlib.Path(self.private, "upload").read_bytes())
        self.assertEqual([], [name for name in os.listdir(self.private)
                              if name.startswith(("none", "upload.", "old"))])
        self.root("drop-name", "demo/a")
        self.root("decrypt", os.path.join(self.store, legacy_id("demo", "old", "secret") +
                                          ".tfstate"), options=("--output", "old"))
        self.assertEqual(document(7), pathlib.Path(self.private, "old").read_bytes())
        self.reads_all(server, ("a", "b", "old"))
        self.assertEqual(200, server.ask("POST", "/state/demo/a", document(3), **self.auth)[0])

    def every_command(self, ctl):
        """Each command once, in an order in which each has something to do; the server reads all states after
        each. `ctl` runs one and gives its output."""
        ran = set()
        there = {}  # the states that must be there: serials

        def read(words):
            for name, serial in there.items():
                status, _, body = server.ask("GET", f"/state/demo/{name}", **self.auth)
                self.assertEqual((200, document(serial)), (status, body), (words, name))
            self.owned(words)

        def run(words, *args, code=0, options=(), after=None):
            """after: {name: serial} that are others now; None: the state is gone."""
            ran.add(words)
            out = ctl(*words.split(), *args, code=code, options=options)
            there.update(after or {})
            for name in [name for name, serial in there.items() if serial is None]:
                del there[name]
            read(words)
            return out

        self.settings.update(AUDIT_FILE=self.box.path("audit.jsonl"), AUTH_POLICY_FILE=self.policy)
        self.write_settings()
        run("init")
        server = self.serve(AUDIT_FILE=self.box.path("audit.jsonl"))
        self.secret_file("secrets", "secret\n")
        self.secret_file("names", "demo/old\n")
        run("adopt", "--all", "--secrets", "secrets", "--names", "names", after={"old": 7})

        def written(name, serial):
            return server.ask("POST", f"/state/demo/{name}", document(serial), **self.auth)[0] == 200

        # The server counts what is not taken over once a minute; this it sees at once.
        run("adopt", "--done")
        wait_for(lambda: written("a", 1), "nothing waits for its owner any more")
        for name in ("a", "b", "c"):
            for serial in (1, 2, 3):
                self.assertTrue(written(name, serial), (name, serial))
        there.update(a=3, b=3, c=3)

        def refused():
            self.assertEqual(409, server.ask("POST", "/state/demo/a", document(1), **self.auth)[0])
            return json.loads(run("uploads list", "--json"))[0]["upload"]

        for words in ("status", "list", "du", "keys", "locks", "check", "upgrade", "prune", "repair",
                      "audit tail", "audit verify", "audit export", "maintenance list", "keygen"):
            run(words)
        for words in ("show", "versions", "get", "diff", "lock-history"):
            run(words, "demo/a")
        entry = refused()
        run("uploads show", entry)
        run("uploads diff", entry, code=None)
        run("uploads restore", entry, "--reason", "meant", after={"a": 1})
        run("uploads drop", entry, "--yes")
        run("pin", "demo/b", "--version", "1")
        run("unpin", "demo/b", "--version", "1")
        run("purge", "demo/b", "--version", "1", "--reason", "leaked", "--yes")
        third = next(row["version"] for row in json.loads(run("versions", "demo/a", "--json")) if row["serial"] == 3)
        run("rollback", "demo/a", "--to", str(third), after={"a": 2})  # the next serial
        run("delete", "demo/c", "--yes", after={"c": None})
        run("undelete", "demo/c", after={"c": 3})
        run("mv", "demo/c", "demo/d", after={"c": None, "d": 3})
        run("freeze", "demo/d", "--reason", "a look")
        run("maintenance set", "demo/b", "--until", "2099-01-31T00:00:00Z", "--reason", "work")
        run("maintenance end", "demo/b")
        run("maintenance end", "demo/d")
        self.assertEqual(200, server.ask("LOCK", "/state/demo/d", b'{"ID":"gone","Operation":"o"}', **self.auth)[0])
        run("unlock", "demo/d", "--yes", "--reason", "the run is gone")
        run("rekey")
        old = os.path.join(self.store, legacy_id("demo", "old", "secret") + ".tfstate")
        run("decrypt", old)
        run("convert-transit", old, code=1)  # no state of Transit
        run("drop-name", "demo/none")
        run("token", "runner")
        run("passwd", "alice", code=None)  # asks at a terminal
        run("policy check")
        run("policy test", "--user", "root", "GET", "demo/a", code=None)
        run("backend-config", "demo/a", "--site", "https://state.example.org/state")
        self.secret_file("login", "root\nword\n")
        run("doctor", "http://127.0.0.1:9/state/doctor/test", "--login", "login", code=3)
        run("webhook test", code=None)  # there is none
        run("export", "*/*", options=("--output", "all.tar"))
        folder = self.box.make_dir("from")
        self.box.write("from/network.tfstate", document(4))
        run("import", "--folder", folder, "--to", "demo/{workspace}", after={"network": 4})
        run("backup", options=("--output", "backup.tar"))
        run("backup verify", "backup.tar")
        run("restore", "backup.tar", "--into", self.other_settings("restored"), "--new-identity")
        self.assertEqual(["a", "b", "d", "network", "old"], sorted(there))
        ran.add("copy")
        ctl("copy", "--to-env-file", self.other_settings("copied"))  # and nobody uses this store any more
        self.owned("copy")
        server.process.stop()
        self.store = self.box.path("copied")
        server = self.serve(STORAGE_FS_DIR=self.store)
        read("copy")
        said = re.findall(r"^  ([a-z][a-z -]*?)  ", ctl("--help").split("commands:")[1].split("options")[0], re.M)
        self.assertEqual([], sorted(set(said) - ran), "commands that this test does not run")

    @unittest.skipIf(test_user() is None, "not as root")
    def test_every_command_as_root(self):
        self.secret_file = self.private_file
        self.every_command(self.root)

    def test_every_command_as_the_services_user(self):
        self.readable_key()
        self.secret_file = self.box.write
        self.every_command(self.service)

    def standing_still(self, ctl):
        """/proc of a command that has opened the store and cannot write its answer: nobody reads the pipe."""
        reads, writes = os.pipe()
        self.addCleanup(os.close, reads)
        fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, 4096)
        os.write(writes, b"x" * fcntl.fcntl(writes, fcntl.F_GETPIPE_SZ))
        run = ctl(writes)
        os.close(writes)
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)

        def words(field):
            text = pathlib.Path(f"/proc/{run.pid}/status").read_text(encoding="ascii")
            return [int(word, 16 if field.startswith("Cap") else 10)
                    for word in re.search(rf"^{field}:(.*)$", text, re.M)[1].split()]

        def facts():
            self.assertIsNone(run.poll(), "it has ended")
            # What lies in /proc of a process that may not be dumped belongs to root.
            return {"uid": words("Uid"), "gid": words("Gid"), "groups": sorted(words("Groups")),
                    "rights": words("CapEff") + words("CapPrm"), "no new rights": words("NoNewPrivs"),
                    "undumpable": os.stat(f"/proc/{run.pid}/environ").st_uid == 0,
                    "core": re.search(r"^Max core file size +0 +0 ",
                                      pathlib.Path(f"/proc/{run.pid}/limits").read_text(encoding="ascii"), re.M)
                    is not None}
        return facts

    def became(self, facts, uid, gid, groups):
        want = {"uid": [uid] * 4, "gid": [gid] * 4, "groups": sorted(groups), "rights": [0, 0], "no new rights": [1],
                "undumpable": True, "core": True}
        try:
            wait_for(lambda: facts() == want, "it is the service's user")
        finally:
            self.assertEqual(want, facts())

    @unittest.skipIf(test_user() is None, "not as root")
    def test_root_becomes_the_services_user_wholly(self):
        """Groups, gid and uid, each of the real, effective and saved ones; and nobody may look into it."""
        uid, gid = self.box.user
        extra = next(g for g in grp.getgrall() if g.gr_gid not in (0, gid) and not g.gr_mem)
        other = next(g for g in grp.getgrall() if g.gr_gid not in (0, gid, extra.gr_gid) and not g.gr_mem)
        name = pwd.getpwuid(uid).pw_name
        self.root("init")
        with open(self.unit, encoding="ascii") as file:
            self.box.write("stateward.service", re.sub(
                "Group=.*", f"Group={other.gr_name}\nSupplementaryGroups={extra.gr_name}", file.read()))

        def run(out):
            return subprocess.Popen([CTL, "--unit", self.unit, "keys"], cwd=self.private, stdout=out,
                                    env=environment({}), extra_groups=[0, gid, extra.gr_gid])
        facts = self.standing_still(run)
        own = os.getgrouplist(name, pwd.getpwuid(uid).pw_gid)
        self.became(facts, uid, other.gr_gid, {*own, other.gr_gid, extra.gr_gid})

    def test_nobody_may_look_into_a_command_of_the_services_user(self):
        self.readable_key()
        self.service("init")
        as_user = self.box.identity()

        def run(out):
            return subprocess.Popen([reachable(CTL), "--unit", self.unit, "keys"], cwd=self.box.folder, stdout=out,
                                    env=environment({}), **as_user)
        facts = self.standing_still(run)
        groups = [] if as_user else os.getgroups()
        self.became(facts, self.uid, self.box.user[1] if as_user else os.getegid(), groups)

    @unittest.skipIf(test_user() is None, "not as root")
    def test_root_follows_no_link_out_of_a_folder(self):
        """Its owner could have a state imported that he may not read."""
        self.root("init")
        self.box.make_dir("private")
        self.box.write("private/secret.tfstate", document(1), 0o600)
        folder = self.box.make_dir("from")
        self.box.write("from/own.tfstate", document(2))
        os.symlink("own.tfstate", folder + "/again.tfstate")
        source = ("import", "--folder", folder, "--to", "demo/{workspace}", "--dry-run")
        self.assertIn("demo/again", self.root(*source))
        os.symlink(self.box.path("private/secret.tfstate"), folder + "/other.tfstate")
        said = self.root(*source, code=2)
        self.assertIn("from/other.tfstate: a link out of the folder, to " + self.box.path("private/secret.tfstate"),
                      said)
        os.remove(folder + "/other.tfstate")
        os.rename(self.box.path("private/secret.tfstate"), self.box.path("private/terraform.tfstate"))
        self.box.make_dir("from/terraform.tfstate.d")
        os.symlink(self.box.path("private"), folder + "/terraform.tfstate.d/prod")
        self.assertIn("a link out of the folder", self.root(*source, code=2))
        os.symlink(self.box.path("private"), self.box.path("linked"))
        os.lchown(self.box.path("linked"), self.uid, -1)
        said = self.root("import", "--folder", self.box.path("linked"), "--to", "demo/{workspace}", "--dry-run", code=2)
        self.assertIn("linked: a link of another user; root follows none of them", said)

    @unittest.skipIf(test_user() is None, "not as root")
    def test_a_store_of_another_user_is_refused(self):
        self.root("init")
        os.chown(self.store, 0, 0)
        for command in (("keys",), ("init",), ("adopt", "--done")):
            said = self.root(*command, code=4)
            self.assertIn("belongs to root", said)
            self.assertIn("chown -R", said)

    @unittest.skipIf(test_user() is None, "not as root")
    def test_a_folder_above_the_store_that_its_user_may_not_enter(self):
        """As after `cp` of a backup whose owner was lost."""
        above = self.box.make_dir("above")
        self.box.make_dir("above/store")
        self.write_settings(STORAGE_FS_DIR="above/store")
        self.root("init")
        os.chown(above, 0, 0)
        os.chmod(above, 0o700)
        said = self.root("check", code=4)
        self.assertIn(f"{above} belongs to root, and {pwd.getpwuid(self.uid).pw_name} may not enter it", said)
        self.assertIn("chown -R", said)

    @unittest.skipIf(test_user() is None, "not as root")
    def test_without_a_unit_the_folders_owner_is_the_user(self):
        settings = dict(self.settings, STORAGE_FS_DIR=self.store, KMS_KEY=KEY)
        run = subprocess.run([CTL, "--user", pwd.getpwuid(self.uid).pw_name, "init"],
                             cwd="/", env=environment(settings), capture_output=True, text=True,
                             timeout=60, check=False)
        self.assertEqual(0, run.returncode, run.stderr)
        run = subprocess.run([CTL, "keys"], cwd="/", env=environment(settings), capture_output=True,
                             text=True, timeout=60, check=False)
        self.assertEqual(0, run.returncode, run.stderr)
        self.reads_all(self.serve(), ())

    @unittest.skipIf(test_user() is None, "not as root")
    def test_a_key_for_root_alone_is_named(self):
        self.root("init")
        for command in (("init",), ("keys",), ("rekey",), ("adopt", "--done"),
                        ("uploads", "list")):
            out = self.service(*command, code=2)
            self.assertIn(self.key, out)
            self.assertIn("statewardctl as root", out)
        self.service("policy", "check")
        self.reads_all(self.serve(), ())

    def test_a_full_disk_behind_the_output_is_told(self):
        """As in `statewardctl token runner >> policy.toml`: the lines are nowhere else."""
        for command in (("token", "runner"), ("keygen",), ("backend-config", "p/n", "--site", "https://h/state")):
            with open("/dev/full", "w", encoding="utf-8") as full:
                run = subprocess.run([CTL, *command], cwd="/", env=environment(self.settings), stdout=full,
                                     stderr=subprocess.PIPE, text=True, timeout=60, check=False)
            self.assertEqual((3, True), (run.returncode, bool(re.search("output failed|cannot write", run.stderr))),
                             run.stderr)

    def test_as_the_services_user(self):
        """With a key that it may read."""
        self.readable_key()
        self.assertIn("ready", self.service("init"))
        server = self.serve()
        self.box.write("secrets", "secret\n")
        self.box.write("names", "demo/old\n")
        self.assertIn("1 state with 1 version was given",
                      self.service("adopt", "--all", "--secrets", "secrets", "--names", "names"))
        for command in (("keys",), ("rekey",), ("adopt", "--done"), ("uploads", "list"),
                        ("drop-name", "demo/none")):
            self.service(*command)
        self.reads_all(server, ("old",))


if __name__ == "__main__":
    unittest.main()
