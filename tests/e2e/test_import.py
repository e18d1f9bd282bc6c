"""States come from elsewhere with lineage, serial and history, and clients go on as before."""
import json
import os
import signal
import subprocess
import time
import unittest

from box import Box
from client import basic
from move_sources import (CONFIG, HTTP_CONFIG, Client, GitlabDouble, HttpDouble, TfeDouble,
                          document, s3_request)
from pairs import Pair
from policy_world import CTL, TOKENS, policy
from services import Postgres
from webservers import Nginx


class World:
    PAIR = None

    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.pair = Pair(self.box, self.PAIR)
        self.server = self.pair.stateward(
            AUTH_POLICY_FILE=self.box.write("policy.toml", policy()), AUTH_BASIC_ENABLED="false")

    def ctl(self, *args, code=0):
        run = self.box.run([CTL, *args], env=self.server.settings, seconds=120)
        self.assertEqual(code, run.returncode, run.stdout + run.stderr)
        return run.stdout, run.stderr

    def rows(self, *args):
        """Of the plan's table, by workspace."""
        out, _ = self.ctl("import", *args, "--dry-run", "--json")
        return {row["workspace"]: row for row in json.loads(out)}

    def document(self, state):
        status, _, body = self.server.ask("GET", "/state/" + state,
                                          HTTP_AUTHORIZATION=basic("x", TOKENS["root"]))
        return body if status == 200 else status

    def serials(self, state):
        out, _ = self.ctl("versions", state, "--json")
        return [row["serial"] for row in json.loads(out)]

    def no_changes(self, state, given):
        """A client that is told the new address plans nothing."""
        nginx = Nginx(self.box, "unix:" + self.server.socket)
        url = f"http://127.0.0.1:{nginx.plain[1]}/state/{state}"
        client = Client(self.box, "after-" + state.replace("/", "-"),
                        HTTP_CONFIG % {"url": url, "input": given}, TF_HTTP_USERNAME="x",
                        TF_HTTP_PASSWORD=TOKENS["ci"])
        client.run("init", "-input=false", "-reconfigure")
        client.run("plan", "-input=false", "-detailed-exitcode")
        nginx.process.stop()

    def env_file(self, **values):
        return self.box.write("source.env", "".join(f"{k}={v}\n" for k, v in values.items()), 0o600)


class Import(World, unittest.TestCase):
    PAIR = "fs+local"

    def test_files(self):
        client = Client(self.box, "local", CONFIG % ("local", ""))
        client.fill()
        source = ("--folder", client.folder, "--to", "demo/net-{workspace}")
        rows = self.rows(*source)
        self.assertEqual({"default", "prod"}, set(rows))
        self.assertEqual(("demo/net-prod", 1, 2),
                         tuple(rows["prod"][k] for k in ("state", "resources", "versions")))
        self.assertEqual(404, self.document("demo/net-prod"), "a dry run changes nothing")
        out, _ = self.ctl("import", *source, "--site", "https://state.example.org/state")
        self.assertIn('address        = "https://state.example.org/state/demo/net-prod"', out)
        with open(client.folder + "/terraform.tfstate.d/prod/terraform.tfstate", "rb") as file:
            text = file.read()
        self.assertEqual(text, self.document("demo/net-prod"), "byte for byte")
        serial = json.loads(text)["serial"]
        self.assertEqual(serial, self.serials("demo/net-prod")[0])
        self.assertEqual(2, len(self.serials("demo/net-prod")))
        self.assertEqual(rows["prod"]["lineage"], json.loads(text)["lineage"])
        self.no_changes("demo/net-prod", "prod one")
        _, err = self.ctl("import", *source)
        self.assertIn("0 versions came now", err)

    def test_a_client_at_work_is_waited_for(self):
        client = Client(self.box, "local", CONFIG % ("local", ""))
        client.fill(("default",))
        path = client.folder + "/terraform.tfstate"
        script = ("import fcntl,os,sys,time; f=open(sys.argv[1],'r+'); fcntl.lockf(f,fcntl.LOCK_EX);"
                  "print('held',flush=True); time.sleep(600)")
        with subprocess.Popen(["python3", "-c", script, path], stdout=subprocess.PIPE) as holder:
            self.assertEqual(b"held\n", holder.stdout.readline())
            _, err = self.ctl("import", "--folder", client.folder, "--to", "demo/x", code=4)
            self.assertIn("a client holds its lock", err)
            holder.kill()
        self.assertEqual(404, self.document("demo/x"))

    def test_a_file_that_is_no_state_is_refused(self):
        """Each is named with what is wrong and what to do; those that are whole come."""
        folder = self.box.make_dir("some")
        for name, text in (("empty", ""), ("cut", document(3).decode()[:40]), ("whole", document(3).decode())):
            self.box.write(f"some/{name}.tfstate", text, 0o644)
        source = ("--folder", folder, "--to", "demo/{workspace}")
        for more in (("--dry-run",), ()):
            out, err = self.ctl("import", *source, *more, code=4)
        for name, why in (("empty", "the document is empty"), ("cut", "at byte 40")):
            self.assertIn(f"not imported: {name} ({folder}/{name}.tfstate): its newest version is no state: ", err)
            self.assertIn(why, err)
            self.assertEqual(404, self.document("demo/" + name))
        self.assertIn("leave it out with --names", err)
        self.assertIn("1 state is here and was compared, 1 version came now, 2 states were not imported", err)
        self.assertEqual(document(3), self.document("demo/whole"))

    def test_who_holds_the_name_is_said_in_words(self):
        self.box.make_dir("some")
        self.box.write("some/x.tfstate", document(3).decode(), 0o644)
        source = ("import", "--folder", self.box.path("some"), "--to", "demo/x")
        lock = json.dumps({"ID": "of-ann", "Operation": "OperationTypeApply", "Who": "ann@build-7",
                           "Created": "2026-01-02T03:04:05Z"}).encode()
        auth = basic("x", TOKENS["root"])
        self.assertEqual(200, self.server.ask("LOCK", "/state/demo/x", lock, HTTP_AUTHORIZATION=auth)[0])
        _, err = self.ctl(*source, code=4)
        self.assertIn("the state is locked by ann@build-7 for OperationTypeApply since 2026-01-02T03:04:05Z "
                      "with the lock ID of-ann; repeat this when it has ended", err)
        self.assertNotIn("{", err)
        self.assertEqual(200, self.server.ask("UNLOCK", "/state/demo/x", lock, HTTP_AUTHORIZATION=auth)[0])
        self.ctl("maintenance", "set", "demo/*", "--until", "2099-01-01T00:00:00Z", "--reason", "move")
        _, err = self.ctl(*source, code=4)
        self.assertIn("no lock is given: MAINTENANCE until 2099-01-01 00:00 UTC by ", err)

    def test_killed_at_random_points(self):
        folder = self.box.make_dir("many")
        for i in range(40):
            for serial, end in ((2, ""), (1, ".backup")):
                self.box.write(f"many/s{i}.tfstate{end}", document(serial, f"L{i}").decode(), 0o644)
        argv = [CTL, "import", "--folder", folder, "--to", "demo/{workspace}"]
        for delay in (0.05, 0.12, 0.2, 0.3):
            run = self.box.start(argv, env=self.server.settings, log="import.log")
            time.sleep(delay)
            run.send(signal.SIGKILL)
            run.popen.wait()
            for i in range(0, 40, 7):
                self.assertIn(self.document(f"demo/s{i}"), (404, document(2, f"L{i}")))
        self.ctl(*argv[1:])
        for i in range(40):
            self.assertEqual(document(2, f"L{i}"), self.document(f"demo/s{i}"))
            self.assertEqual([2, 1], self.serials(f"demo/s{i}"))
        self.assertEqual([], json.loads(self.ctl("locks", "--json")[0]))

    def test_gitlab(self):
        states = {f"env-{i}": {s: document(s, f"L{i}") for s in (1, 2, 5)} for i in range(5)}
        gitlab = GitlabDouble(states)
        self.addCleanup(gitlab.close)
        source = ("--gitlab", gitlab.url + "/group/infra", "--to", "demo/{workspace}",
                  "--source-env", self.env_file(GITLAB_TOKEN=gitlab.TOKEN))
        self.assertEqual(set(states), set(self.rows(*source)))
        gitlab.locks["env-3"] = json.dumps({"ID": "i", "Who": "ann@ci", "Operation": "apply"}).encode()
        _, err = self.ctl("import", *source, code=4)
        self.assertIn("ann@ci", err)
        del gitlab.locks["env-3"]
        self.ctl("import", *source)
        for i in range(5):
            self.assertEqual([5, 2, 1], self.serials(f"demo/env-{i}"))
            self.assertEqual(document(5, f"L{i}"), self.document(f"demo/env-{i}"))
        out, _ = self.ctl("versions", "demo/env-0", "--json")
        self.assertEqual("2025-01-02T03:04:05Z", json.loads(out)[0]["time"])
        self.assertEqual({}, gitlab.locks)
        os.chmod(self.box.path("source.env"), 0o644)
        _, err = self.ctl("import", *source, code=2)
        self.assertIn("chmod 0600", err)

    def test_a_run_that_is_at_work_keeps_its_locks_and_a_killed_one_does_not(self):
        gitlab = GitlabDouble({"env": {s: document(s) for s in (1, 2)}})
        self.addCleanup(gitlab.close)
        self.addCleanup(gitlab.go_on.set)

        def source(to):
            return ("import", "--gitlab", gitlab.url + "/group/infra", "--to", to, "--source-env",
                    self.env_file(GITLAB_TOKEN=gitlab.TOKEN))

        gitlab.held_back = lambda path: gitlab.locks and path.endswith("/versions/2")
        first = self.box.start([CTL, *source("demo/{workspace}")], env=self.server.settings, log="first.log")
        self.assertTrue(gitlab.waits.wait(60))
        held = dict(gitlab.locks)
        gitlab.held_back = lambda path: False
        _, err = self.ctl(*source("demo/{workspace}"), code=4)
        self.assertIn(f"the state is locked by another run of `statewardctl import`, process {first.popen.pid} on "
                      "this host; repeat this when it has ended", err)
        _, err = self.ctl(*source("demo/another"), code=4)
        self.assertIn("locked by statewardctl for import since", err)
        self.assertEqual(held, gitlab.locks)
        first.send(signal.SIGKILL)
        first.popen.wait()
        self.ctl(*source("demo/{workspace}"))
        self.assertEqual([2, 1], self.serials("demo/env"))
        self.assertEqual({}, gitlab.locks)
        self.assertEqual([], json.loads(self.ctl("locks", "--json")[0]))

    def test_hcp(self):
        states = {f"ws{i}": [(f"2025-0{s}-01T00:00:00+01:00", document(s, f"L{i}"))
                             for s in (3, 2, 1)] for i in range(3)}
        states["never"] = []
        tfe = TfeDouble(states)
        self.addCleanup(tfe.close)
        self.ctl("import", "--tfe", tfe.url + "/acme", "--to", "demo/{workspace}", "--source-env",
                 self.env_file(TFE_TOKEN=tfe.TOKEN))
        for i in range(3):
            self.assertEqual([3, 2, 1], self.serials(f"demo/ws{i}"))
        out, _ = self.ctl("versions", "demo/ws1", "--json")
        self.assertEqual(["2025-02-28T23:00:00Z", "2025-01-31T23:00:00Z", "2024-12-31T23:00:00Z"],
                         [row["time"] for row in json.loads(out)])
        self.assertEqual({}, tfe.locks)

    def test_any_http_backend(self):
        double = HttpDouble({f"/s/{n}": document(7, n) for n in ("a", "b")})
        self.addCleanup(double.close)
        names = self.box.write("names", "a demo/one\nb demo/two\n")
        url = double.url + "/s/{workspace}"
        env = self.env_file(TF_HTTP_USERNAME="ann", TF_HTTP_PASSWORD="pw", TF_HTTP_LOCK_ADDRESS=url,
                            TF_HTTP_UNLOCK_ADDRESS=url)
        self.ctl("import", "--http", url, "--names", names, "--source-env", env)
        self.assertEqual(document(7, "a"), self.document("demo/one"))
        self.assertEqual(document(7, "b"), self.document("demo/two"))
        self.assertIn(("LOCK", "/s/a"), double.seen)
        self.assertEqual({}, double.locks)
        self.env_file(TF_HTTP_USERNAME="ann", TF_HTTP_PASSWORD="wrong")
        self.ctl("import", "--http", url, "--names", names, "--source-env", env, code=4)

    def test_addresses_that_no_client_reaches(self):
        self.box.make_dir("files")
        self.box.write("files/net.tfstate", document(1).decode())
        source = ("--folder", self.box.path("files"), "--to")
        _, err = self.ctl("import", *source, "demo/a/{workspace}", code=4)
        self.assertIn("a name with slashes needs NESTED_NAMES=true", err)
        self.assertNotIn("warning", err)
        self.server.settings.update(AUTH_POLICY_FILE="", AUTH_BASIC_ENABLED="true")
        _, err = self.ctl("import", *source, "demo/{workspace}", "--dry-run")
        self.assertIn("warning: imported states belong to identified users, and the settings let none in", err)
        _, err = self.ctl("import", "--http", "https://state.example.org/{workspace}", *source[2:], "demo/{workspace}",
                          code=2)
        self.assertIn("--names FILE tells which there are", err)

    def test_postgres(self):
        postgres = Postgres(self.box)
        connection = postgres.connection(*postgres.address())
        client = Client(self.box, "pg", CONFIG % ("pg", ""), PG_CONN_STR=connection)
        client.fill()
        source = ("--pg", "terraform_remote_state", "--to", "demo/net-{workspace}", "--source-env",
                  self.env_file(PG_CONN_STR=connection))
        self.assertEqual({"default", "prod"}, set(self.rows(*source)))
        _, err = self.ctl("import", "--pg", "mistyped", *source[2:], code=2)
        self.assertIn('the database has no table "mistyped"."states": --pg is', err)
        self.ctl("import", *source)
        self.no_changes("demo/net-prod", "prod one")


class ImportFromS3(World, unittest.TestCase):
    """The bucket keeps old versions; the store is at the same service."""
    PAIR = "s3+s3"

    def test_s3(self):
        minio = self.pair.services["s3"]
        s3_request(minio, "PUT", "/old-states")
        app = "/old-states/app/terraform.tfstate"
        s3_request(minio, "PUT", app, "", b'{"version":4,"serial":3,"lineage":"app"}')
        s3_request(minio, "PUT", "/old-states", "versioning=",
                   b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
        s3_request(minio, "PUT", app, "", b'{"version":4,"serial":4,"lineage":"app"}')
        keys = {"AWS_ACCESS_KEY_ID": minio.access_key, "AWS_SECRET_ACCESS_KEY": minio.secret_key,
                "AWS_ENDPOINT_URL_S3": "http://%s:%s" % minio.address()}
        client = Client(self.box, "s3", CONFIG % ("s3", """
    bucket = "old-states"
    key = "net/terraform.tfstate"
    region = "us-east-1"
    use_path_style = true
    use_lockfile = true
    skip_credentials_validation = true
    skip_requesting_account_id = true
    skip_metadata_api_check = true
    skip_region_validation = true"""), **keys)
        client.fill()
        # The version from before versions were kept has the ID "null".
        self.ctl("import", "--s3", "old-states/app/terraform.tfstate", "--to", "demo/app", "--source-env",
                 self.env_file(**keys))
        self.assertEqual([4, 3], self.serials("demo/app"))
        source = ("--s3", "old-states/net/terraform.tfstate", "--to", "demo/net-{workspace}",
                  "--source-env", self.env_file(**keys))
        rows = self.rows(*source)
        self.assertEqual({"default", "prod"}, set(rows))
        _, err = self.ctl("import", "--s3", "mistyped/net/terraform.tfstate", *source[2:], code=2)
        self.assertIn("there is no bucket mistyped", err)
        self.assertGreaterEqual(rows["prod"]["versions"], 2)
        lock = json.dumps({"ID": "an-id", "Who": "ann@laptop", "Operation": "OperationTypeApply"})
        s3_request(minio, "PUT", "/old-states/env:/prod/net/terraform.tfstate.tflock", "",
                   lock.encode())
        _, err = self.ctl("import", *source, code=4)
        self.assertIn("ann@laptop", err)
        self.assertEqual(404, self.document("demo/net-prod"))
        s3_request(minio, "DELETE", "/old-states/env:/prod/net/terraform.tfstate.tflock")
        self.ctl("import", *source)
        self.assertEqual(rows["prod"]["versions"], len(self.serials("demo/net-prod")))
        self.no_changes("demo/net-prod", "prod one")
        client.run("workspace", "select", "prod")
        client.apply("three")  # the locks there are free again
        rows = self.rows(*source)
        self.assertEqual(1, rows["prod"]["new"])
        self.ctl("import", *source)
        self.no_changes("demo/net-prod", "prod three")


if __name__ == "__main__":
    unittest.main()
