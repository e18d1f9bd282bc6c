"""The list of all states where each row costs a round trip: under Vault Transit, on S3. It is right at once after
any change, whoever makes it, and costs the key service nothing for what did not change."""
import json
import pathlib
import threading
import unittest

from api_world import TOKENS, document, lock_info, policy
from box import Box
from client import basic
from pairs import Pair
from stateward import CTL
from vault_server import Vault

STATES = 70  # more than one call of the storage reads (admin/summaries.cc)


class ListCache(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = Box()
        cls.addClassCleanup(cls.box.close)
        cls.vault = Vault(cls.box)
        cls.vault.make_transit_key()
        cls.asked = pathlib.Path(cls.vault.path("asked.log"))
        cls.vault.call("PUT", "sys/audit/file", type="file", options={"file_path": str(cls.asked)})
        cls.pair = Pair(cls.box, "s3+s3")
        cls.addClassCleanup(cls.pair.close)
        rules = cls.box.write("policy.toml", policy(), 0o600)
        # Two hosts on one store, each a process alone.
        cls.servers = []
        for box in (cls.box, Box()):
            cls.addClassCleanup(box.close)
            cls.pair.box = box
            cls.servers.append(cls.pair.stateward(**cls.vault.transit_settings(), workers=1,
                                                  AUTH_POLICY_FILE=rules))
        for n in range(STATES):
            for serial in (1, 2) if n < 8 else (1,):
                cls.ask("POST", f"/state/open/s{n:02}", document(serial))

    @classmethod
    def ask(cls, method, path, body=None, server=0, status=200, name="admin"):
        answer = cls.servers[server].ask(method, path, body, HTTP_AUTHORIZATION=basic("x", TOKENS[name]))
        assert answer[0] == status, answer
        return answer

    def ctl(self, *arguments):
        """A process of its own, that has no key in its memory."""
        run = self.box.run([CTL, *arguments, "--json"], env=self.servers[0].settings)
        self.assertEqual(0, run.returncode, run.stderr)
        return json.loads(run.stdout)

    def list(self, server=0):
        rows = []
        for query in ("", "?deleted=true"):
            rows += json.loads(self.ask("GET", "/api/v1/states" + query, server=server)[2])
        return {row["state"]: (row["condition"], row["serial"]) for row in rows}

    def decrypts(self):
        lines = self.asked.read_text().splitlines()
        return sum(1 for line in lines if '"type":"request"' in line and "transit/decrypt/" in line)

    def test_it_is_right_at_once_after_any_change(self):
        expected = {f"open/s{n:02}": ("ok", 2 if n < 8 else 1) for n in range(STATES)}
        self.assertEqual(expected, self.list())
        self.assertEqual(expected, self.list(server=1))

        def change(state, condition, serial):
            expected[state] = condition, serial
            for server in (0, 1, 0):
                self.assertEqual(expected, self.list(server))
            rows = self.ctl("list") + self.ctl("list", "--deleted")
            self.assertEqual(expected, {row["state"]: (row["condition"], row["serial"])
                                        for row in rows})

        self.ask("POST", "/state/open/s00", document(3))
        change("open/s00", "ok", 3)
        self.ask("POST", "/state/open/s00", document(4), server=1)
        change("open/s00", "ok", 4)
        self.ask("DELETE", "/state/open/s01", server=1)
        change("open/s01", "deleted", 2)
        self.ctl("undelete", "open/s01")
        change("open/s01", "ok", 2)
        self.ctl("rollback", "open/s02", "--to", "1")
        change("open/s02", "ok", 3)
        self.ctl("purge", "open/s02", "--version", "2", "--reason", "leak", "--yes")
        change("open/s02", "ok", 3)
        self.ctl("mv", "open/s03", "open/new")
        expected["open/new"] = "ok", 2
        change("open/s03", "moved", 2)
        self.ask("POST", "/state/open/first", document(9), server=1)
        change("open/first", "ok", 9)

    def test_what_did_not_change_costs_the_key_service_nothing(self):
        self.ctl("list")
        before = self.decrypts()
        self.ctl("list")
        # The store's secret and the entry itself, and no state's record.
        self.assertLess(self.decrypts() - before, 4)
        self.ask("POST", "/state/open/s40", document(2))
        before = self.decrypts()
        self.ctl("list")
        # And the one record that is new.
        self.assertLess(self.decrypts() - before, 5)

    def test_one_listing_at_a_time_for_each_principal(self):
        server = self.servers[1]
        server.restart()  # it has no key in its memory
        answers, one_came = [], threading.Event()

        def ask():
            answers.append(server.ask("GET", "/api/v1/states",
                                      HTTP_AUTHORIZATION=basic("x", TOKENS["admin"])))
            one_came.set()

        self.ask("GET", "/ready", server=1)
        self.ask("LOCK", "/state/open/s50", lock_info("held"), server=1)
        self.ask("UNLOCK", "/state/open/s50", lock_info("held"), server=1)
        threads = [threading.Thread(target=ask) for _ in range(4)]
        self.vault.pause()
        try:
            for thread in threads:
                thread.start()
            self.assertTrue(one_came.wait(30))
        finally:
            self.vault.resume()
        for thread in threads:
            thread.join()
        self.assertIn((503, "2"), [(status, headers.get("Retry-After")) for status, headers, _ in answers])
        self.ask("GET", "/api/v1/states", server=1)


if __name__ == "__main__":
    unittest.main()
