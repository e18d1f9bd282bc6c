#!/usr/bin/env python3
"""The independent reader opens every kept record: docs/formats.md says enough, and says it right."""
import base64
import json
import pathlib
import re
import sys
import unittest

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import stateward_reader as reader

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
STORES = ROOT / "tests/data/stores"
VECTORS = sorted((ROOT / "tests/data/envelope").glob("*.txt"))


def files_of(store):
    """name in the files storage or in S3 -> bytes."""
    if (store / "s3.json").exists():
        objects = json.loads((store / "s3.json").read_text())
        return {key: base64.b64decode(data) for key, data in objects.items()}
    folder = store / "states"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def sample_store(store):
    """(store id, the record of its secret, [(state id, number, record)]); a kept upload has number 0."""
    if (store / "postgres.sql").exists():
        dump = (store / "postgres.sql").read_text()
        rows = re.findall(r"^INSERT INTO stateward\.records VALUES \('(\w{64})', (\d+), '\\x(\w+)'", dump, re.M)
        rows += [(state, "0", data) for state, data in re.findall(
            r"^INSERT INTO stateward\.uploads VALUES \('\w+', '\w+', '(\w{64})', \d+, \d+, '\\x(\w+)'", dump, re.M)]
        store_id, secret = re.search(r"^INSERT INTO stateward\.store_marker VALUES \(true, 1, '(\w+)', '\w+', "
                                     r"'\w+', '\\x(\w+)'", dump, re.M).groups()
        return (bytes.fromhex(store_id), bytes.fromhex(secret),
                [(bytes.fromhex(state), int(n), bytes.fromhex(data)) for state, n, data in rows])
    files, records = files_of(store), []
    for name, data in files.items():
        version = re.fullmatch(r"states/(?:\w\w/)?(\w{64})/(\d{20})", name)
        upload = re.fullmatch(r"uploads/\w{32}/\d+-\d+-\w{32}-(\w{64})", name)
        if version or upload:
            records.append((bytes.fromhex((version or upload)[1]), int(version[2]) if version else 0, data))
    marker = files.get("stateward-store", files.get("00-stateward-store")).decode()
    lines = dict(line.split(" ", 1) for line in marker.splitlines())
    return bytes.fromhex(lines["store_id"]), base64.b64decode(lines["secret"]), records


def key_of_store(store):
    """record -> its key; for Transit what the exported key unwraps to, as Vault would."""
    exported = store / "exported.keys"
    if not exported.exists():
        return lambda record: bytes(range(32))
    keys = [base64.b64decode(line) for line in exported.read_text().split()]

    def unwrapped(record):
        vault, version, text = reader.Header(record).wrapped.decode().split(":")
        assert vault == "vault"
        sealed = base64.b64decode(text)
        return AESGCM(keys[int(version[1:]) - 1]).decrypt(sealed[:12], sealed[12:], None)
    return unwrapped


def fields_of(path):
    lines = (line.partition(" = ") for line in path.read_text().splitlines() if line[:1] != "#")
    return {name: value for name, _, value in lines}


def open_vector(fields, record):
    key = fields.get("bound", fields["key"])
    return reader.open_record(bytes.fromhex(key), bytes.fromhex(fields["store_id"]),
                              bytes.fromhex(fields["state_id"]), int(fields["version"]), record)


class ReaderTest(unittest.TestCase):
    def test_every_kept_record_opens(self):
        self.assertGreaterEqual(len(VECTORS), 8)
        for path in VECTORS:
            with self.subTest(path.name):
                fields = fields_of(path)
                info, document = open_vector(fields, bytes.fromhex(fields["record"]))
                self.assertEqual(document.hex(), fields.get("document", ""))
                for name in ("project", "name", "tenant", "lineage", "terraform_version",
                             "writer", "operation", "lock_id"):
                    self.assertEqual(info.get(name, ""), fields.get(name, ""))
                for name in ("serial", "lock_base", "time_ms", "newest_version"):
                    self.assertEqual(info.get(name, 0), int(fields.get(name, 0)))
                self.assertEqual(info["kind"], reader.KINDS[int(fields["kind"])])

    def test_every_record_of_the_sample_stores_opens(self):
        """Versions, kept uploads and the store's secret, with what docs/formats.md says alone."""
        names = sorted(path.name for path in STORES.iterdir())
        self.assertEqual({"fs", "postgres", "s3"}, {name.split("-")[0] for name in names})
        self.assertEqual({"key", "transit", "vault"}, {name.split("-")[2] for name in names})
        for name in names:
            with self.subTest(name):
                store, secret, records = sample_store(STORES / name)
                key_of = key_of_store(STORES / name)
                kinds = []
                for state, number, record in records:
                    info, document = reader.open_record(key_of(record), store, state, number, record)
                    self.assertEqual(state, reader.state_id(info.get("tenant", ""), info["project"], info["name"]))
                    self.assertEqual("demo", info["project"])
                    self.assertEqual(bool(document), info["kind"] == "state")
                    self.assertEqual(info.get("serial"), json.loads(document)["serial"] if document else 3)
                    kinds.append(f"{info['name']} {'kept' if number == 0 else info['kind']}")
                self.assertEqual(["free kept", "free state", "free state", "gone state", "gone tombstone",
                                  "held state"], sorted(kinds))
                place = reader.state_id("", "", "store secret")
                self.assertEqual(32, len(reader.open_record(key_of(secret), store, place, 0, secret)[1]))

    def test_state_ids_are_made_as_the_page_says(self):
        for path in VECTORS:
            fields = fields_of(path)
            id_ = reader.state_id(fields.get("tenant", ""), fields["project"], fields["name"])
            self.assertEqual(id_.hex(), fields["state_id"])

    def test_cache_entries_are_as_the_page_says(self):
        list_row = {"id", "n", "stamp", "tenant", "project", "name", "version", "kind", "serial",
                    "size", "time", "writer"}
        for name, members in (("list-4", list_row), ("changes-" + "4" * 64,
                              {"documents", "resources", "added", "changed", "removed", "moved"})):
            fields = fields_of(ROOT / "tests/data/envelope" / f"cache-{name.split('-')[0]}.txt")
            store, record = bytes.fromhex(fields["store_id"]), bytes.fromhex(fields["record"])
            rows = reader.open_cache(bytes.fromhex(fields["key"]), store, name, record)
            self.assertEqual([members], [set(row) for row in rows])
            with self.assertRaises(reader.Damaged):
                reader.open_cache(bytes.fromhex(fields["key"]), store, "list-5", record)

    def test_a_wrapped_key_is_for_one_place(self):
        fields = fields_of(ROOT / "tests/data/envelope/wrapped.txt")
        record = bytes.fromhex(fields["record"])
        for changes in ({"store_id": "f" * 32}, {"state_id": "f" * 64}, {"bound": fields["key"]}):
            with self.assertRaises(reader.Damaged):
                open_vector({**fields, **changes}, record)

    def test_damage_is_noticed(self):
        fields = fields_of(ROOT / "tests/data/envelope/hello.txt")
        record = bytes.fromhex(fields["record"])
        for at in range(len(record)):
            damaged = bytearray(record)
            damaged[at] ^= 1
            with self.assertRaises(reader.Damaged):
                open_vector(fields, bytes(damaged))
            with self.assertRaises(reader.Damaged):
                open_vector(fields, record[:at])

    def test_the_worked_example_is_the_kept_record(self):
        page = (ROOT / "docs/formats.md").read_text()
        example = page.split("## Worked example")[1].split("\n## ")[0]
        dump = re.findall(r"^[0-9a-f]{4}  ((?:[0-9a-f]{2} ?)+)", example, re.MULTILINE)
        fields = fields_of(ROOT / "tests/data/envelope/hello.txt")
        self.assertEqual("".join(dump).replace(" ", ""), fields["record"])
        key = bytes.fromhex(fields["key"])
        prk = reader.extract(bytes.fromhex(fields["message_id"]), key)
        for value in (prk, reader.expand(prk, b"stateward v1 enc", 32), reader.key_id(key)):
            self.assertIn(value.hex(), page.replace("\n           ", ""))


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed")
    sys.exit(1 if bad else 0)
