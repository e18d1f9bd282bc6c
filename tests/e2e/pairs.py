"""Stateward on each pair of a storage and a lock, with the real services that the pair needs."""
import os
import time
import unittest

from proxy import Proxy
from services import Minio, Postgres, Redis, Versitygw
from stateward import Stateward

READY_S = 15
READY_ANSWERS = 8  # in a row, so that both workers gave some
# Those of the proofs; the others work as well, and have the tests that are about every pair.
PAIRS = ("fs+local", "postgres+postgres", "s3+redis", "s3+s3", "postgres+redis", "fs+redis")
OTHER_PAIRS = ("fs+postgres", "fs+s3", "postgres+local", "postgres+s3", "s3+local", "s3+postgres")
SERVICES = {"postgres": Postgres, "redis": Redis, "s3": Minio}
# STATEWARD_TEST_S3_SERVER=versitygw: the other S3 server.
if os.environ.get("STATEWARD_TEST_S3_SERVER") == "versitygw":
    SERVICES["s3"] = Versitygw


def make_cases(module, base, pairs=PAIRS, **fields):
    """A test case for each pair, named Base_storage_lock, out of the mix-in `base`."""
    for pair in pairs:
        name = f"{base.__name__}_{pair.replace('+', '_')}"
        setattr(module, name, type(name, (base, unittest.TestCase),
                                   {"PAIR": pair, "__module__": module.__name__, **fields}))


class Pair:
    """.services: by kind ("postgres", "redis", "s3"), each started once though storage and lock
    may both use it. .proxies: with proxied=True, what stands between Stateward and each.
    folder: where the service's data go."""

    def __init__(self, box, name, proxied=False, folder=None):
        self.box, self.name = box, name
        self.storage, self.lock = name.split("+")
        kinds = {self.storage, self.lock} & set(SERVICES)
        self.services = {kind: SERVICES[kind](box, folder=folder) for kind in sorted(kinds)}
        self.proxies = {}
        if proxied:
            self.proxies = {kind: Proxy(s.address()) for kind, s in self.services.items()}

    def settings(self):
        settings = {"STORAGE_BACKEND": self.storage, "LOCK_BACKEND": self.lock}
        for kind, service in self.services.items():
            proxy = self.proxies.get(kind)
            settings.update(service.settings(proxy.address) if proxy else service.settings())
        return settings

    def stateward(self, **more):
        """Served, and ready as far as it gets: each worker proves the store for itself."""
        server = Stateward(self.box, **{**self.settings(), **more})
        ready, deadline = 0, time.monotonic() + READY_S
        while ready < READY_ANSWERS and time.monotonic() < deadline:
            ready = ready + 1 if server.ask("GET", "/ready")[0] == 200 else 0
        return server

    def close(self):
        for proxy in self.proxies.values():
            proxy.close()
