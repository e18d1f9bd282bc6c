#!/usr/bin/env python3
"""How long the commands that go through a whole store take, and how much memory, with local keys
(bench/README.md). A store is filled past the server (bench/fill_store.cc); then each command runs
by itself, the server ended."""
import argparse
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/e2e"))
from box import Box  # noqa: E402
from pairs import Pair  # noqa: E402
from stateward import BUILD, CTL  # noqa: E402

COMMANDS = (("list", "--json"), ("list",), ("list", "--sort", "size"),
            ("list", "--limit", "100", "--json"), ("versions", "p0/n0", "--json"), ("du",),
            ("check", "--json"), ("prune", "--dry-run"))


def run(settings, *arguments):
    """Seconds of the wall, seconds of CPU, MiB at the most, lines."""
    begin = time.monotonic()
    process = subprocess.Popen([CTL, *arguments], env={**os.environ, **settings},
                               stdout=subprocess.PIPE, text=True)
    lines = process.stdout.read().count("\n")
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, (arguments, status)
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, lines


def measure(options, states):
    with Box() as box:
        pair = Pair(box, options.pair)
        server = pair.stateward(threads=1, workers=1, **dict(options.set))
        server.process.stop()
        settings = server.settings
        begin = time.monotonic()
        owner = os.stat(box.path("run"))  # what the server writes is its own
        subprocess.run([BUILD / "bench/fill_store", str(states), str(options.versions),
                        str(options.size)], env={**os.environ, **settings}, check=True,
                       user=owner.st_uid, group=owner.st_gid)
        print(f"{options.pair}: {states} states of {options.versions} versions, filled in "
              f"{time.monotonic() - begin:.0f} s", flush=True)
        for arguments in COMMANDS:
            for _ in range(options.rounds):
                seconds, cpu, mib, lines = run(settings, *arguments)
                print(f"{' '.join(arguments):30} {seconds:7.2f} s {seconds / states * 1e6:8.0f} us "
                      f"a state {cpu:7.2f} s of CPU {mib:6.1f} MiB  {lines} lines", flush=True)
        pair.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pair", default="fs+local", help="fs+local, postgres+postgres, ...")
    parser.add_argument("--states", type=int, action="append", help="default: 1000 and 10000")
    parser.add_argument("--versions", type=int, default=20)
    parser.add_argument("--size", type=int, default=20000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--set", type=lambda text: text.split("=", 1), action="append", default=[],
                        metavar="NAME=VALUE", help="a setting")
    options = parser.parse_args()
    for states in options.states or (1000, 10000):
        measure(options, states)


if __name__ == "__main__":
    main()
