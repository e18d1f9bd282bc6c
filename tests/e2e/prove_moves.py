"""make prove-moves: 300 states come from each of six places, with runs that are killed at random moments,
and a store of them moves to another storage. In ten of each a real client plans nothing afterwards.
The last result stands in docs/HACKING.md."""
import json
import random
import signal
import sys
import time

from box import Box
from client import basic
from move_sources import (CONFIG, HTTP_CONFIG, Client, GitlabDouble, HttpDouble, TfeDouble,
                          s3_request)
from pairs import Pair
from policy_world import CTL, TOKENS, policy
from services import Minio, Postgres
from webservers import Nginx

STATES, LOOKED_AT, KILLS = 300, 10, 4


def real_state(box):
    """Of a real apply; its note is what the configuration says."""
    client = Client(box, "real", CONFIG % ("local", ""))
    client.run("init", "-input=false")
    client.apply()
    with open(client.folder + "/terraform.tfstate", encoding="utf-8") as file:
        return json.load(file)


def variant(state, number, serial):
    return json.dumps({**state, "lineage": f"lineage-{number}", "serial": serial}).encode()


class Proof:
    def __init__(self, box):
        self.box = box
        self.server = Pair(box, "fs+local").stateward(
            AUTH_POLICY_FILE=box.write("policy.toml", policy()), AUTH_BASIC_ENABLED="false")
        state = real_state(box)
        self.serials = (1, 2, 5)
        self.states = {f"w{i}": {s: variant(state, i, s) for s in self.serials}
                       for i in range(STATES)}

    def sources(self):
        """(name, options, versions that come)"""
        folder = self.box.make_dir("files")
        for name, versions in self.states.items():
            self.box.write(f"files/{name}.tfstate", versions[5], 0o644)
            self.box.write(f"files/{name}.tfstate.backup", versions[2], 0o644)
        yield "files", ("--folder", folder), 2
        yield from self.from_s3()
        yield from self.from_postgres()
        gitlab = GitlabDouble(self.states)
        yield "gitlab", ("--gitlab", gitlab.url + "/group/infra", "--source-env",
                         self.env(GITLAB_TOKEN=gitlab.TOKEN)), 3
        gitlab.close()
        tfe = TfeDouble({n: [(f"2025-01-0{s}T00:00:00Z", v[s]) for s in (5, 2, 1)]
                         for n, v in self.states.items()})
        yield "hcp", ("--tfe", tfe.url + "/acme", "--source-env", self.env(TFE_TOKEN=tfe.TOKEN)), 3
        tfe.close()
        http = HttpDouble({"/" + n: v[5] for n, v in self.states.items()})
        url = http.url + "/{workspace}"
        yield "http", ("--http", url, "--source-env", self.env(
            TF_HTTP_USERNAME="ann", TF_HTTP_PASSWORD="pw", TF_HTTP_LOCK_ADDRESS=url,
            TF_HTTP_UNLOCK_ADDRESS=url)), 1
        http.close()

    def from_s3(self):
        """A bucket that keeps versions, with the keys that the s3 backend gives to workspaces."""
        minio = Minio(self.box)
        s3_request(minio, "PUT", "/old")
        s3_request(minio, "PUT", "/old", "versioning=",
                   b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
        for name, versions in self.states.items():
            for serial in self.serials:
                s3_request(minio, "PUT", f"/old/env:/{name}/net/terraform.tfstate", "", versions[serial])
        yield "s3", ("--s3", "old/net/terraform.tfstate", "--source-env", self.env(
            AWS_ACCESS_KEY_ID=minio.access_key, AWS_SECRET_ACCESS_KEY=minio.secret_key,
            AWS_ENDPOINT_URL_S3="http://%s:%s" % minio.address())), 3
        minio.stop()

    def from_postgres(self):
        """A client of the pg backend makes the schema; a row a workspace."""
        postgres = Postgres(self.box)
        connection = postgres.connection(*postgres.address())
        Client(self.box, "pg", CONFIG % ("pg", ""), PG_CONN_STR=connection).run("init", "-input=false")
        names = list(self.states)
        for at in range(0, STATES, 50):
            rows = ",".join(f"('{n}', $doc${self.states[n][5].decode()}$doc$)" for n in names[at:at + 50])
            postgres.sql(f"INSERT INTO terraform_remote_state.states (name, data) VALUES {rows}",
                         user="postgres")
        yield "pg", ("--pg", "terraform_remote_state", "--source-env", self.env(PG_CONN_STR=connection)), 1
        postgres.stop()

    def env(self, **values):
        return self.box.write("source.env", "".join(f"{k}={v}\n" for k, v in values.items()))

    def run(self, name, options, versions):
        start = time.monotonic()
        names = self.box.write("names", "".join(f"{n} demo/{name}-{n}\n" for n in self.states))
        argv = [CTL, "import", *options, "--names", names, "--quiet"]
        for _ in range(KILLS):
            run = self.box.start(argv, env=self.server.settings, log="import.log")
            time.sleep(random.uniform(0.1, 3))
            run.send(signal.SIGKILL)
            run.popen.wait()
            for number in random.sample(range(STATES), 20):
                status, _, body = self.ask(f"{name}-w{number}")
                assert status == 404 or body == self.states[f"w{number}"][5], (name, number, status)
        run = self.box.run(argv, env=self.server.settings, seconds=1200)
        assert run.returncode == 0, run.stdout + run.stderr
        for number in range(STATES):
            status, _, body = self.ask(f"{name}-w{number}")
            assert (status, body) == (200, self.states[f"w{number}"][5]), (name, number, status)
        rows = json.loads(self.ctl("list", "--json"))
        kept = [row for row in rows if row["state"].startswith(f"demo/{name}-")]
        assert len(kept) == STATES, len(kept)
        self.plans(self.server, name)
        print(f"{name}: {STATES} states with {versions} versions each, {KILLS} runs killed, "
              f"{LOOKED_AT} plans without a change, {time.monotonic() - start:.0f} s", flush=True)

    def ctl(self, *args):
        run = self.box.run([CTL, *args], env=self.server.settings, seconds=600)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def ask(self, state):
        return self.server.ask("GET", "/state/demo/" + state,
                               HTTP_AUTHORIZATION=basic("x", TOKENS["root"]))

    def plans(self, server, name):
        nginx = Nginx(self.box, "unix:" + server.socket)
        for number in random.sample(range(STATES), LOOKED_AT):
            url = f"http://127.0.0.1:{nginx.plain[1]}/state/demo/{name}-w{number}"
            client = Client(self.box, f"plan-{name}-{number}",
                            HTTP_CONFIG % {"url": url, "input": "default one"},
                            TF_HTTP_USERNAME="x", TF_HTTP_PASSWORD=TOKENS["ci"])
            client.run("init", "-input=false", "-reconfigure")
            client.run("plan", "-input=false", "-detailed-exitcode")
        nginx.process.stop()

    def copy(self):
        """What has come goes on to Postgres, killed on the way."""
        start = time.monotonic()
        pair = Pair(self.box, "postgres+postgres")
        settings = {"RUNTIME_DIR": self.box.path("run"), "KMS_KEY": self.server.settings["KMS_KEY"],
                    **pair.settings()}
        env_file = self.box.write("new.env", "".join(f"{k}={v}\n" for k, v in settings.items()))
        argv = [CTL, "copy", "--to-env-file", env_file, "--quiet"]
        for _ in range(KILLS):
            run = self.box.start(argv, env=self.server.settings, log="copy.log")
            time.sleep(random.uniform(0.5, 8))
            run.send(signal.SIGKILL)
            run.popen.wait()
        run = self.box.run(argv, env=self.server.settings, seconds=1200)
        assert run.returncode == 0, run.stdout + run.stderr
        assert self.ask("files-w1")[0] == 503
        self.server.process.stop()
        self.server = pair.stateward(
            AUTH_POLICY_FILE=self.box.path("policy.toml"), AUTH_BASIC_ENABLED="false",
            STORAGE_INIT="false")
        for number in range(STATES):
            assert self.ask(f"files-w{number}")[2] == self.states[f"w{number}"][5], number
        self.plans(self.server, "files")
        print(f"copy from fs to postgres: {KILLS} runs killed, {time.monotonic() - start:.0f} s",
              flush=True)


def main():
    with Box() as box:
        proof = Proof(box)
        for source in proof.sources():
            proof.run(*source)
        proof.copy()
    return 0


if __name__ == "__main__":
    sys.exit(main())
