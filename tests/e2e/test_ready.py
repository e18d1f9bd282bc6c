"""/ready is asked by load balancers and monitors, perhaps a thousand times a second: what it says is at most 2 s old,
and the services behind see none of it."""
import json
import re
import threading
import time
import unittest

from box import Box, wait_for
from pairs import Pair
from proxy import Hold
from stateward import Stateward
from vault_server import Vault

ASKS, SECONDS = 3000, 3  # as many at least, and for so long at least
ASKERS, WORKERS = 3, 2
# All who ask a worker share a look that is at most so old (app.cc), and its parts' own looks are no younger.
LOOK_S = 1.5
OTHERS_PER_S = 10
NEVER = 1 << 30  # more pieces than are ever sent: what is not let through is counted


def document(serial):
    return json.dumps({"version": 4, "serial": serial, "lineage": "l"}).encode()


class CostsNothing(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)

    def ask(self, count, seconds=0):
        """Asks so often at least, as fast as it goes; returns how often it did."""
        wrong, asked, end = [], [], time.monotonic() + seconds

        def some():
            asks = 0
            while (asks < count // ASKERS or time.monotonic() < end) and not wrong:
                status, _, body = self.server.ask("GET", "/ready")
                asks += 1
                if status != 200:
                    wrong.append(body)
            asked.append(asks)
        threads = [threading.Thread(target=some) for _ in range(ASKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], wrong[:1])
        return sum(asked)

    def few(self, seen, per_look):
        """`seen`: gives a count of what the service has done. Jobs and leases have their part of it."""
        self.ask(20 * WORKERS)  # each worker has its connections
        before, began = seen(), time.monotonic()
        asked = self.ask(ASKS, SECONDS)
        done, took = seen() - before, time.monotonic() - began
        allowed = WORKERS * (took / LOOK_S + 1) * per_look + took * OTHERS_PER_S
        said = f"{done} for {asked} asks in {took:.1f} s, {allowed:.0f} allowed"
        self.assertLessEqual(done, allowed, said)
        # Each ask had at least one of its own before.
        self.assertLess(done, asked / 2, said)

    def test_redis(self):
        """Commands, and the append-only file, which is synced at each write."""
        pair = Pair(self.box, "fs+redis")
        self.server = pair.stateward()
        redis = pair.services["redis"]

        def commands():
            return sum(int(n) for n in re.findall(r"calls=(\d+)", redis.command("INFO", "commandstats")))

        def size():
            return int(re.search(r"aof_current_size:(\d+)", redis.command("INFO", "persistence"))[1])
        before = size()
        self.few(commands, 10)
        self.assertLess(size() - before, 10 * ASKS)

    def test_postgres(self):
        """Transactions, and rows that were changed."""
        pair = Pair(self.box, "postgres+postgres")
        self.server = pair.stateward()
        postgres = pair.services["postgres"]

        def transactions():
            return int(postgres.sql("SELECT xact_commit + xact_rollback FROM pg_stat_database "
                                    "WHERE datname = 'stateward'"))

        def changes():
            return int(postgres.sql("SELECT tup_inserted + tup_updated + tup_deleted FROM pg_stat_database "
                                    "WHERE datname = 'stateward'"))
        # The counters are a second late; they do count the server's.
        before = transactions()
        reads = iter(range(10 ** 6))
        wait_for(lambda: self.server.ask("GET", f"/state/p/none{next(reads)}")[0] == 404 and
                 transactions() > before + 100, "its reads are counted")
        before = changes()
        # The backends tell what they did before up to seconds later.
        self.few(transactions, 30)
        self.assertLess(changes() - before, ASKS / 2)

    def test_s3(self):
        """Requests, and those of them that write, on their way to storage and lock."""
        pair = Pair(self.box, "s3+s3", proxied=True)
        pieces, writes = (Hold(pattern, NEVER) for pattern in (rb"", rb"^(PUT|POST|DELETE) "))
        for proxy in pair.proxies.values():
            proxy.share(pieces)
        self.server = pair.stateward()
        wait_for(lambda: self.server.ask("GET", "/ready")[0] == 200, "it is ready")
        self.few(lambda: NEVER - pieces.left, 15)
        self.assertLess(pieces.left, NEVER)
        for proxy in pair.proxies.values():
            proxy.share(writes)
        self.few(lambda: NEVER - writes.left, 3)

    def test_vault(self):
        """Requests that Vault's audit device wrote down."""
        vault = Vault(self.box)
        vault.make_transit_key()
        log = self.box.path("vault-audit.log")
        vault.call("PUT", "sys/audit/file", type="file", options={"file_path": log})
        self.server = Stateward(self.box, workers=WORKERS, **vault.transit_settings())
        wait_for(lambda: self.server.ask("GET", "/ready")[0] == 200, "it is ready")

        def requests():
            with open(log, encoding="utf-8") as lines:
                return sum('"type":"request"' in line for line in lines)
        self.assertEqual(200, self.server.ask("POST", "/state/p/n", document(1))[0])
        self.assertGreater(requests(), 0)
        self.few(requests, 10)


if __name__ == "__main__":
    unittest.main()
