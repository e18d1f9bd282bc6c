"""Small stores of each kind that lie in tests/data/stores as files, in the forms of docs/formats.md.

`python3 -B tests/e2e/sample_stores.py` makes them again (make sample-stores): done when a form
changes, which after version 1.0 of docs/formats.md it must not. test_sample_stores.py puts each back
into a real service and reads, writes and unlocks it there.

A store has three states: demo/free (two versions), demo/held (locked with the ID HELD), demo/gone
(deleted), and a kept upload of demo/free. The keys are those of a test, and secret to nobody. Of Vault's
Transit lie beside the store: the key's backup, as Vault gave it, and the exported key.
"""
import base64
import hashlib
import hmac
import http.client
import json
import pathlib
import shutil
import subprocess
import sys
import time
import urllib.parse
import xml.etree.ElementTree

from box import ROOT, Box
from pairs import Pair
from services import POSTGRES_PROGRAMS
from stateward import KEY, Stateward
from vault_server import Vault

FOLDER = ROOT / "tests/data/stores"
HELD = "11111111-2222-3333-4444-555555555555"
# name, pair, kind of keys
STORES = (("fs-local-key", "fs+local", "local"), ("fs-local-vault", "fs+local", "vault"),
          ("fs-local-transit", "fs+local", "transit"), ("fs-redis-key", "fs+redis", "local"),
          ("postgres-postgres-key", "postgres+postgres", "local"), ("s3-s3-key", "s3+s3", "local"))
BUCKET = "terraform-state"
BACKUP, EXPORTED = "transit.backup", "exported.keys"


def document(serial, lineage="7c5f2a7e-0000-4000-8000-000000000001"):
    return json.dumps({"version": 4, "terraform_version": "1.9.0", "serial": serial,
                       "lineage": lineage, "outputs": {}, "resources": []}).encode()


def lock_info(lock_id):
    return json.dumps({"ID": lock_id, "Operation": "OperationTypeApply", "Info": "", "Path": "",
                       "Who": "ann@example", "Version": "1.9.0",
                       "Created": "2026-11-26T12:00:00Z"}).encode()


class Bucket:
    """The objects of a bucket; signs with AWS Signature Version 4."""

    def __init__(self, service):
        self.service = service

    def call(self, method, path, query="", body=b""):
        host = "%s:%d" % self.service.address()
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        digest = hashlib.sha256(body).hexdigest()
        names = "host;x-amz-content-sha256;x-amz-date"
        text = "\n".join([method, path, query, f"host:{host}", f"x-amz-content-sha256:{digest}",
                          f"x-amz-date:{now}", "", names, digest])
        scope = f"{now[:8]}/us-east-1/s3/aws4_request"
        to_sign = "\n".join(["AWS4-HMAC-SHA256", now, scope,
                             hashlib.sha256(text.encode()).hexdigest()])
        key = ("AWS4" + self.service.secret_key).encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
        link = http.client.HTTPConnection(*self.service.address(), timeout=30)
        link.request(method, path + ("?" + query if query else ""), body, {
            "x-amz-content-sha256": digest, "x-amz-date": now, "Authorization":
            f"AWS4-HMAC-SHA256 Credential={self.service.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"})
        answer = link.getresponse()
        data = answer.read()
        link.close()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:200]}")
        return data

    def make(self):
        self.call("PUT", f"/{BUCKET}")

    def keys(self):
        listing = xml.etree.ElementTree.fromstring(self.call("GET", f"/{BUCKET}", "list-type=2"))
        return [node.text for node in listing.iter() if node.tag.endswith("}Key")]

    @staticmethod
    def path(key):
        return f"/{BUCKET}/" + urllib.parse.quote(key)

    def get(self, key):
        return self.call("GET", self.path(key))

    def put(self, key, data):
        self.call("PUT", self.path(key), body=data)


def vault_settings(vault, kind):
    """Those of a server that has no key but Vault's, and no right but those that docs/kms.md names."""
    settings = vault.kv_settings if kind == "vault" else vault.transit_settings
    return settings(VAULT_TOKEN=vault.new_token(), KMS_KEY="")


def new_keys(box, kind):
    """For a new store: (settings, name -> text of the files with its key). A Vault is started where one is needed."""
    if kind == "local":
        return {"KMS_KEY": KEY}, {}
    vault, files = Vault(box), {}
    if kind == "vault":
        vault.put_key(KEY)
    else:
        vault.make_transit_key(exportable=True, allow_plaintext_backup=True)
        files = {BACKUP: vault.backup(), EXPORTED: "\n".join(vault.export())}
    return vault_settings(vault, kind), files


def kept_keys(box, kind, folder):
    """Settings that open the store of `folder`: Transit's key from its backup, in a new Vault. Kind "exported":
    Transit's key without Vault."""
    if kind == "exported":
        return {"KMS_TRANSIT_EXPORTED": (folder / EXPORTED).read_text().strip(), "KMS_KEY": KEY}
    if kind != "transit":
        return new_keys(box, kind)[0]
    vault = Vault(box)
    vault.restore((folder / BACKUP).read_text().strip())
    return vault_settings(vault, kind)


# What a service holds, as files below `folder`, and back.
def save(pair, box, folder):
    if pair.storage == "fs":
        shutil.copytree(box.path("states"), folder / "states")
    if "redis" in pair.services:
        redis = pair.services["redis"]
        rows = [dump_redis(redis, key) for key in sorted(redis.command("KEYS", "*"))]
        (folder / "redis.json").write_text(json.dumps(rows, indent=1) + "\n")
    if "postgres" in pair.services:
        service = pair.services["postgres"]
        dump = box.run([POSTGRES_PROGRAMS / "pg_dump", "--inserts", "--no-owner", "-h",
                        service.folder, "-p", service.port, "-U", "postgres", "stateward"],
                       env={"PGPASSWORD": service.root_password})
        if dump.returncode != 0:
            raise RuntimeError(dump.stderr)
        lines = (line for line in dump.stdout.splitlines()
                 if line and not line.startswith(("--", "SET ", "SELECT pg_catalog", "\\")))
        (folder / "postgres.sql").write_text("\n".join(lines) + "\n")
    if "s3" in pair.services:
        bucket = Bucket(pair.services["s3"])
        objects = {key: base64.b64encode(bucket.get(key)).decode() for key in bucket.keys()}
        (folder / "s3.json").write_text(json.dumps(objects, indent=1) + "\n")


def load(pair, box, folder):
    if pair.storage == "fs":
        shutil.copytree(folder / "states", box.path("states"))
        subprocess.run(["chmod", "-R", "u=rwX,go=", box.path("states")], check=True)
        if box.user:
            subprocess.run(["chown", "-R", "%d:%d" % box.user, box.path("states")], check=True)
    if "redis" in pair.services:
        for words in json.loads((folder / "redis.json").read_text()):
            pair.services["redis"].command(*(base64.b64decode(word) for word in words))
    if "postgres" in pair.services:
        service = pair.services["postgres"]
        service.sql("SET ROLE stateward;\n" + (folder / "postgres.sql").read_text())
    if "s3" in pair.services:
        bucket = Bucket(pair.services["s3"])
        bucket.make()
        for key, data in json.loads((folder / "s3.json").read_text()).items():
            bucket.put(key, base64.b64decode(data))


def dump_redis(redis, key):
    """The command that makes a key again, each word in base64."""
    kind = redis.command("TYPE", key)
    if kind == "string":
        words = ["SET", key, redis.command("GET", key)]
    elif kind == "hash":
        words = ["HSET", key, *redis.command("HGETALL", key)]
    elif kind == "zset":
        found = redis.command("ZRANGE", key, 0, -1, "WITHSCORES")
        words = ["ZADD", key, *(x for pair in zip(found[1::2], found[::2]) for x in pair)]
    elif kind == "set":
        words = ["SADD", key, *sorted(redis.command("SMEMBERS", key))]
    else:
        raise RuntimeError(f"{key} is a {kind}")
    return [base64.b64encode(word.encode(errors="surrogateescape")).decode() for word in words]


def fill(server):
    """The three states and the kept upload."""
    def ask(want, *call):
        status, _, body = server.ask(*call)
        if status != want:
            raise RuntimeError(f"{call[:2]}: {status} {body[:300]}")
    for serial in (1, 2):
        ask(200, "POST", "/state/demo/free", document(serial))
    ask(409, "POST", "/state/demo/free", document(9, lineage="another"))
    ask(200, "POST", "/state/demo/held", document(5))
    ask(200, "LOCK", "/state/demo/held", lock_info(HELD))
    ask(200, "POST", "/state/demo/gone", document(3))
    ask(200, "DELETE", "/state/demo/gone")


def make(name, pair_name, kind):
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with Box() as box:
        pair = Pair(box, pair_name)
        settings, files = new_keys(box, kind)
        server = pair.stateward(**settings)
        fill(server)
        server.process.stop()
        save(pair, box, folder)
        pair.close()
    for file, text in files.items():
        (folder / file).write_text(text + "\n")
    print(name)


def main():
    for name, pair, kind in STORES:
        if len(sys.argv) < 2 or name in sys.argv[1:]:
            make(name, pair, kind)


if __name__ == "__main__":
    main()
