"""The stores that lie in tests/data/stores are put back into real services, read, written and unlocked."""
import json
import unittest

from box import Box
from pairs import Pair
from sample_stores import FOLDER, HELD, STORES, document, keys_settings, load, lock_info
from stateward import CTL


class SampleStores(unittest.TestCase):
    def expect(self, want, server, *call):
        status, _, body = server.ask(*call)
        self.assertEqual(want, status, f"{call[:2]}: {body[:300]}")
        return body

    def kept_upload(self, box, server):
        """The one that the store has, as `uploads` tells it."""
        def ctl(*words):
            run = box.run([CTL, "uploads", *words], env=server.settings)
            self.assertEqual(0, run.returncode, run.stdout + run.stderr)
            return run.stdout
        row, = json.loads(ctl("list", "--json"))
        self.assertEqual(("demo/free", 9, "another"), (row["state"], row["serial"], row["lineage"]), row)
        self.assertIn(row["upload"], ctl("list"))
        self.assertEqual(document(9, lineage="another"), ctl("show", row["upload"]).encode())

    def use(self, server):
        self.assertEqual(document(2), self.expect(200, server, "GET", "/state/demo/free"))
        self.expect(404, server, "GET", "/state/demo/gone")
        self.expect(409, server, "POST", "/state/demo/gone", document(2))
        self.expect(200, server, "POST", "/state/demo/free", document(3))
        self.assertEqual(document(3), self.expect(200, server, "GET", "/state/demo/free"))
        held = "/state/demo/held"
        self.assertEqual(document(5), self.expect(200, server, "GET", held))
        self.assertIn(HELD.encode(), self.expect(423, server, "LOCK", held, lock_info("another")))
        self.expect(409, server, "POST", held, document(6))
        self.expect(200, server, "POST", f"{held}?ID={HELD}", document(6))
        self.expect(200, server, "UNLOCK", held, lock_info(HELD))
        self.expect(200, server, "LOCK", held, lock_info("another"))
        self.assertEqual(document(6), self.expect(200, server, "GET", held))

    def test_each(self):
        for name, pair_name, kind in STORES:
            with self.subTest(name), Box() as box:
                folder = FOLDER / name
                exported = None
                if kind == "transit":
                    exported = (folder / "exported.keys").read_text().split()
                settings, _ = keys_settings(box, kind, exported)
                pair = Pair(box, pair_name)
                load(pair, box, folder)
                # Days of a kept upload: whenever the samples were made.
                server = pair.stateward(STORAGE_INIT="false", KEPT_UPLOADS_DAYS="36500", **settings)
                self.kept_upload(box, server)
                self.use(server)
                pair.close()


if __name__ == "__main__":
    unittest.main()
