#!/usr/bin/env python3
"""How long `statewardctl list` takes, and how much memory, over many states with local keys
(bench/README.md). A store is filled through a server's own socket; then the command runs by itself."""
import argparse
import os
import pathlib
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/e2e"))
from box import Box  # noqa: E402
from client import basic  # noqa: E402
from stateward import CTL, Stateward  # noqa: E402


def document(serial, size):
    head = '{"version":4,"serial":%d,"lineage":"l","fill":"' % serial
    return (head + "x" * max(0, size - len(head) - 2) + '"}').encode()


def fill(server, states, versions, size, threads=8):
    def some(first):
        for i in range(first, states, threads):
            for serial in range(1, versions + 1):
                status, _, body = server.ask("POST", f"/state/p{i % 97}/n{i}",
                                             document(serial, size),
                                             HTTP_AUTHORIZATION=basic("basic", "secret"))
                assert status == 200, body
    workers = [threading.Thread(target=some, args=(first,)) for first in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def run(settings, *arguments):
    """Seconds of the wall, seconds of CPU, MiB at the most, lines."""
    begin = time.monotonic()
    process = subprocess.Popen([CTL, *arguments], env={**os.environ, **settings},
                               stdout=subprocess.PIPE, text=True)
    lines = process.stdout.read().count("\n")
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, status
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, lines


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--states", type=int, default=10000)
    parser.add_argument("--versions", type=int, default=1)
    parser.add_argument("--size", type=int, default=20000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with Box() as box:
        server = Stateward(box, threads=8)
        fill(server, options.states, options.versions, options.size)
        for arguments in (("list", "--json"), ("list",), ("list", "--limit", "100", "--json"),
                          ("du",), ("versions", "p0/n0", "--json")):
            for _ in range(options.rounds):
                seconds, cpu, mib, lines = run(server.settings, *arguments)
                print(f"{' '.join(arguments):32} {seconds:6.2f} s  {cpu:6.2f} s of CPU  "
                      f"{mib:6.1f} MiB  {lines} lines", flush=True)


if __name__ == "__main__":
    main()
