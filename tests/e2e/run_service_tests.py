#!/usr/bin/env python3
"""Starts the real services, all at once, and runs build/release/service_tests against them.

    run_service_tests.py                          all services, all tests
    run_service_tests.py --only redis -- -g Redis  one service, one group

What follows `--` goes to the tests. The last line is "N passed, N failed".
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

import services
from box import ROOT, Box
from stateward import PROGRAM
from vault_server import Vault

TESTS = pathlib.Path(PROGRAM).parent / "service_tests"
LIMIT_S = 600


def postgres(box):
    server = services.Postgres(box)
    return {"POSTGRES": server.settings()["POSTGRES_CONNECTION"],
            "POSTGRES_ROOT": server.connection(*server.address(), "postgres"),
            "PGBOUNCER": services.PgBouncer(box, server).settings()["POSTGRES_CONNECTION"]}


def redis(box):
    settings = services.Redis(box).settings()
    return {"REDIS": settings["REDIS_ADDR"], "REDIS_PASSWORD": settings["REDIS_PASSWORD"]}


def s3(box, server=services.Minio, name="S3"):
    settings = server(box).settings()
    return {f"{name}_{word}": settings[f"STORAGE_S3_{word}"]
            for word in ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY")}


def s3b(box):
    return s3(box, services.Versitygw, "S3B")


def vault(box):
    settings = Vault(box).settings()
    return {name: settings[name] for name in ("VAULT_ADDR", "VAULT_TOKEN")}


STARTERS = {"postgres": postgres, "redis": redis, "s3": s3, "s3b": s3b, "vault": vault}


def start(box, pool, names):
    """The variables that the tests read."""
    variables = {}
    for found in pool.map(lambda name: STARTERS[name](box), names):
        variables.update(found)
    return {f"STATEWARD_TEST_{name}": value for name, value in variables.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(STARTERS), help="of " + ", ".join(STARTERS))
    parser.add_argument("arguments", nargs="*", help="for service_tests, after --")
    options = parser.parse_args()
    names = options.only.split(",")
    # The pool outlasts the services: a process ends with the thread that started it (box.py).
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool, Box() as box:
        env = dict(os.environ, **start(box, pool, names))
        run = subprocess.run([str(TESTS), *options.arguments], env=env, cwd=ROOT, text=True,
                             stdout=subprocess.PIPE, timeout=LIMIT_S, check=False)
    print(run.stdout, flush=True)
    ran = re.search(r"(\d+) ran", run.stdout)
    bad = re.search(r"^Errors \((\d+) failures", run.stdout, re.M)
    # A test that fails its check ends there: one failure, one test.
    failed = int(bad[1]) if bad else (0 if run.returncode == 0 else 1)
    passed = int(ran[1]) - failed if ran else 0
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
