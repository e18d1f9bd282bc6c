"""`statewardctl check`: each damaged file of a store is named, and no other."""
import json
import os
import pathlib
import random
import unittest

from box import ROOT, Box
from stateward import CTL, Stateward


SEED = ROOT / "tests/data/seed"


def document(serial, lineage="l"):
    return json.dumps({"version": 4, "serial": serial, "lineage": lineage,
                       "outputs": {"text": {"value": "x" * 2000, "type": "string"}}}).encode()


class Check(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        folder = pathlib.Path(self.box.make_dir("states"))
        for blob in sorted((SEED / "fs").glob("*.tfstate")):
            self.box.write(f"states/{blob.name}", blob.read_bytes())
        self.server = Stateward(self.box)
        for n in range(20):
            for serial in range(1, 4):
                state = f"/state/net/s{n}"
                self.assertEqual(200, self.server.ask("POST", state, document(serial))[0])
        for n in range(5):
            self.assertEqual(409, self.server.ask("POST", f"/state/net/s{n}",
                                                  document(1, "another"))[0])
        self.folder = folder
        for n in range(20):
            for lock_id in ("first", "second"):
                body = json.dumps({"ID": lock_id}).encode()
                for method in ("LOCK", "UNLOCK"):
                    self.assertEqual(200, self.server.ask(method, f"/state/net/s{n}", body)[0])

    def check(self, *options):
        run = self.box.run([CTL, "check", "--json", *options], env=self.server.settings)
        self.assertIn(run.returncode, (0, 1), run.stderr)
        found = json.loads(run.stdout)
        self.assertEqual(1 if found else 0, run.returncode)
        return found

    def parts(self):
        """What the store's files are, by their path: (part, name, state's id)."""
        parts = {}
        for path in self.folder.glob("locks/*/*"):
            parts[path] = ("lock", None, path.name)
        for path in self.folder.glob("states/*/*/*"):
            parts[path] = ("version", str(int(path.name)), path.parent.name)
        for path in self.folder.glob("*.tfstate"):
            parts[path] = ("original", path.name.removesuffix(".tfstate"), None)
        for path in self.folder.glob("uploads/*/*"):
            parts[path] = ("upload", path.name, None)
        return parts

    def flip(self, path, front=None):
        """One bit, of the first bytes alone where the others may be anything."""
        data = bytearray(path.read_bytes())
        data[random.Random(str(path)).randrange(front or len(data))] ^= 1 << random.Random(7).randrange(8)
        mode = path.stat().st_mode
        os.chmod(path, 0o600)
        path.write_bytes(data)
        os.chmod(path, mode & 0o777)

    def test_each_flipped_bit_is_named(self):
        self.assertEqual([], self.check("--read-data"))
        self.assertEqual([], self.check())
        parts = self.parts()
        by_kind = {kind: sorted(p for p, part in parts.items() if part[0] == kind)
                   for kind in ("version", "original", "upload", "lock")}
        chosen = random.Random(9).sample(by_kind["version"], 33)
        chosen += by_kind["upload"][:4] + by_kind["original"][:3] + by_kind["lock"][:10]
        self.assertEqual(50, len(chosen))
        for path in chosen:
            # Of a lock file: the summed front of one of the two copies.
            self.flip(path, 64 if parts[path][0] == "lock" else None)
        found = self.check("--read-data")
        named = ("version", "original")
        want = sorted(parts[path][:2] for path in chosen if parts[path][0] in named)
        self.assertEqual(want, sorted((row["part"], row["name"]) for row in found
                                      if row["part"] in named))
        self.assertEqual(50, len(found))
        for kind in ("version", "lock"):
            want = {parts[path][1:] for path in chosen if parts[path][0] == kind}
            self.assertEqual(want, {(row["name"], row["state_id"]) for row in found
                                    if row["part"] == kind})
        uploads = [row["name"] for row in found if row["part"] == "upload"]
        self.assertEqual(4, len(uploads))
        for path in by_kind["upload"][:4]:
            self.assertEqual(1, sum(name in path.name for name in uploads))
        for row in found:
            self.assertTrue(row["problem"] and row["mend"])

    def test_a_damaged_copy_of_a_lock_is_repaired(self):
        locks = sorted(self.folder.glob("locks/*/*"))
        for path in locks[:4]:
            self.flip(path, 64)
        self.assertEqual({path.name for path in locks[:4]},
                         {row["state_id"] for row in self.check() if row["part"] == "lock"})
        repair = [CTL, "repair", "--json"]
        for options, result in ((["--dry-run"], "to be written again"), ([], "written again")):
            run = self.box.run(repair + options, env=self.server.settings)
            self.assertEqual(0, run.returncode, run.stderr)
            self.assertEqual([("lock", path.name, result) for path in locks[:4]],
                             [(row["part"], row["name"], row["result"])
                              for row in json.loads(run.stdout)])
        self.assertEqual([], self.check("--read-data"))
        self.assertEqual("[]\n", self.box.run(repair, env=self.server.settings).stdout)
