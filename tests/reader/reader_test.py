#!/usr/bin/env python3
"""The independent reader opens every kept record: docs/formats.md says enough, and says it right."""
import pathlib
import re
import sys
import unittest

import stateward_reader as reader

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
VECTORS = sorted((ROOT / "tests/data/envelope").glob("*.txt"))


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
        key = bytes(range(32))
        for name in ("fs-local-key", "fs-local-vault", "fs-redis-key"):
            folder = ROOT / "tests/data/stores" / name / "states"
            store = bytes.fromhex(re.search(r"^store_id (\w+)$",
                                            (folder / "stateward-store").read_text(), re.M)[1])
            records = sorted(folder.glob("states/*/*/*"))
            kinds = []
            for path in records:
                info, document = reader.open_record(key, store, bytes.fromhex(path.parent.name),
                                                    int(path.name), path.read_bytes())
                self.assertEqual("demo", info["project"])
                self.assertEqual(bool(document), info["kind"] == reader.KINDS[1])
                kinds.append(info["kind"])
            self.assertEqual(5, len(kinds), records)

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
