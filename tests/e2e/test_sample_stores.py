"""The stores that lie in tests/data/stores are put back into real services, read, written and unlocked."""
import unittest

from box import Box
from pairs import Pair
from sample_stores import FOLDER, HELD, STORES, document, keys_settings, load, lock_info


class SampleStores(unittest.TestCase):
    def expect(self, want, server, *call):
        status, _, body = server.ask(*call)
        self.assertEqual(want, status, f"{call[:2]}: {body[:300]}")
        return body

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
                self.use(pair.stateward(STORAGE_INIT="false", **settings))
                pair.close()


if __name__ == "__main__":
    unittest.main()
