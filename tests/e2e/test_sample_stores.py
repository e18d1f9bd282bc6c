"""The stores that lie in tests/data/stores are put back into real services, read, written and unlocked.

That of Transit twice: by a Vault that got the key from its backup, and with the exported key."""
import json
import pathlib
import unittest

from box import Box, wait_for
from pairs import Pair
from sample_stores import FOLDER, HELD, STORES, document, kept_keys, load, lock_info, vault_settings
from stateward import CTL, Stateward
from vault_server import Vault

# Whenever the samples were made, their kept upload is still there.
KEPT = {"STORAGE_INIT": "false", "KEPT_UPLOADS_DAYS": "36500"}
USES = STORES + (("fs-local-transit", "fs+local", "exported"),)
UNKNOWN_KEY = b"was made with a key that this server does not have"


def records(folder):
    """name -> content of all that is sealed in a store of files."""
    states = pathlib.Path(folder) / "states"
    files = [states / "stateward-store", *states.glob("states/*/*/*"), *states.glob("uploads/*/*")]
    return {str(file.relative_to(states)): file.read_bytes() for file in files}


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
        for name, pair_name, kind in USES:
            with self.subTest(name, keys=kind), Box() as box:
                settings = kept_keys(box, kind, FOLDER / name)
                pair = Pair(box, pair_name)
                load(pair, box, FOLDER / name)
                server = pair.stateward(**KEPT, **settings)
                self.kept_upload(box, server)
                self.use(server)
                pair.close()

    def test_another_key_in_vault_opens_nothing(self):
        """With another key of the same name all is 503, and no record changes, not even for the lock's holder.
        So it is Vault's key that opens the stores in the test above."""
        for name, pair_name, kind in STORES:
            if kind == "local":
                continue
            with self.subTest(name), Box() as box:
                vault = Vault(box)
                vault.put_key()
                vault.make_transit_key()
                pair = Pair(box, pair_name)
                load(pair, box, FOLDER / name)
                server = Stateward(box, **pair.settings(), **vault_settings(vault, kind), **KEPT)
                # A worker whose Vault is slow to answer says that first.
                wait_for(lambda: UNKNOWN_KEY in server.ask("GET", "/state/demo/free")[2], "the wrong key is named")
                self.assertEqual(503, server.ask("GET", "/ready")[0])
                for path, lock in (("/state/demo/free", ""), ("/state/demo/held", f"?ID={HELD}")):
                    self.assertIn(UNKNOWN_KEY, self.expect(503, server, "GET", path))
                    self.assertIn(UNKNOWN_KEY, self.expect(503, server, "POST", path + lock, document(6)))
                    self.assertIn(UNKNOWN_KEY, self.expect(503, server, "LOCK", path, lock_info("another")))
                self.assertEqual(records(FOLDER / name), records(box.folder))
                pair.close()


if __name__ == "__main__":
    unittest.main()
