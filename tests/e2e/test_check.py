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


class OddFiles(unittest.TestCase):
    """What somebody without a key puts into a store's folder harms one state at the most."""

    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.server = Stateward(self.box, workers=1, HISTORY_KEEP="2", HISTORY_DAYS="0",
                                MAX_STATE_BYTES=str(1 << 20))
        self.folder = pathlib.Path(self.box.path("states"))
        self.of = {}
        for name in ("a", "b"):
            before = set(self.folder.glob("states/*/*"))
            self.assertEqual(200, self.post(name, 1))
            self.of[name], = set(self.folder.glob("states/*/*")) - before

    def post(self, name, serial, lock_id=""):
        uri = f"/state/net/{name}" + (f"?ID={lock_id}" if lock_id else "")
        return self.server.ask("POST", uri, document(serial))[0]

    def get(self, name):
        return self.server.ask("GET", f"/state/net/{name}")

    def ctl(self, *words, code=0):
        run = self.box.run([CTL, *words], env=self.server.settings)
        self.assertEqual(code, run.returncode, run.stdout + run.stderr)
        return run.stdout

    def problems(self):
        return {(row["part"], row["name"]) for row in json.loads(self.ctl("check", "--json", code=1))}

    def record(self, name, n):
        return self.of[name] / f"{n:020}"

    def test_no_write_vanishes_below_a_number_that_is_no_records(self):
        odd = [self.of["a"] / str(n) for n in (2**64 - 1, 2**64 - 2)] + [self.record("a", 2**63)]
        for path in odd:
            path.write_bytes(b"")
        self.server.restart()
        lock = json.dumps({"ID": "mine"}).encode()
        self.assertEqual(200, self.server.ask("LOCK", "/state/net/a", lock)[0])
        for serial in (2, 3, 4):
            self.assertEqual(200, self.post("a", serial, "mine"))
            status, _, body = self.get("a")
            self.assertEqual((200, serial), (status, json.loads(body)["serial"]))
        self.assertEqual(200, self.server.ask("UNLOCK", "/state/net/a", lock)[0])
        self.ctl("rollback", "net/a", "--to", "3")
        self.assertEqual([1, 2, 3, 4, 5], sorted(int(p.name) for p in self.of["a"].iterdir() if p not in odd))
        self.assertEqual({("other", str(p.relative_to(self.folder))) for p in odd}, self.problems())

    def test_what_is_no_upload_stops_nothing(self):
        self.assertEqual(200, self.post("b", 5))
        self.assertEqual(409, self.post("b", 4))
        upload, = self.folder.glob("uploads/*/*")
        # One of long ago, which prune would remove.
        names = [upload.parent / ("0000000000000001" + upload.name[16:]), self.folder / "uploads" / ("c" * 32)]
        names[0].mkdir()
        names[1].write_bytes(b"x")
        for serial in range(6, 10):
            self.assertEqual(200, self.post("b", serial))
        self.assertEqual(409, self.post("b", 3))
        self.assertEqual(2, len(json.loads(self.ctl("uploads", "list", "--json"))))
        self.assertEqual(4, json.loads(self.ctl("prune", "--json"))["versions"])
        self.assertEqual({("other", str(p.relative_to(self.folder))) for p in names}, self.problems())

    def test_a_record_that_is_no_file_is_one_damaged_record(self):
        for make in (lambda path: path.mkdir(), lambda path: path.symlink_to("/etc/hostname"), os.mkfifo):
            path = self.record("a", 2)
            make(path)
            self.assertEqual([503, 200], [self.get(name)[0] for name in ("a", "b")])
            states = {row["state"]: row["condition"] for row in json.loads(self.ctl("list", "--json"))}
            self.assertEqual({None: "damaged", "net/b": "ok"}, states)
            self.ctl("du")
            self.assertEqual({("version", "2")}, self.problems())
            path.rmdir() if path.is_dir() else path.unlink()
            self.server.restart()

    def test_a_record_without_end_is_not_read_whole(self):
        self.assertEqual(200, self.post("a", 2))
        path = self.record("a", 2)
        os.chmod(path, 0o600)
        os.truncate(path, 1 << 30)  # its front is whole
        self.assertEqual([503, 200], [self.get(name)[0] for name in ("a", "b")])
        self.record("b", 2).touch()
        os.truncate(self.record("b", 2), 1 << 30)  # zeros
        self.assertEqual(503, self.get("b")[0])
        worker, = self.server.workers()
        status = pathlib.Path(f"/proc/{worker}/status").read_text()
        self.assertLess(int(status.split("VmHWM:")[1].split()[0]), 256 << 10)
        self.assertEqual({("version", "2")}, self.problems())

    def test_a_state_in_another_group_is_named(self):
        group = self.folder / "states" / ("00" if self.of["a"].parent.name != "00" else "01")
        group.mkdir(exist_ok=True)
        self.of["a"].rename(group / self.of["a"].name)
        self.assertIn(("other", str((group / self.of["a"].name).relative_to(self.folder))), self.problems())
        self.assertEqual(["net/b"], [row["state"] for row in json.loads(self.ctl("list", "--json"))])
