#!/usr/bin/env python3
"""What one request costs the worker (CPU) as a store grows: 10 to 100,000 states, 1 to 5,000 versions of a
state, 0 to 1,000 no-op records on top of one. One client, one worker, FastCGI without a web server, states in
files. The points take turns, round after round, and the median of the rounds counts. A turn begins with states
that nobody asked for in the last minute ("first GET", "first LOCK"); then it locks, reads, writes and unlocks
them. --out FILE writes the figures for bench/draw_scale.py."""
import argparse
import hashlib
import json
import os
import pathlib
import random
import secrets
import statistics
import subprocess
import sys
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests/e2e")]

import fcgi_client  # noqa: E402
from box import Box, wait_for  # noqa: E402
from client import md5_header  # noqa: E402
from run import Report  # noqa: E402
from stateward import BUILD, Stateward  # noqa: E402

STEPS = {"states": (10, 100, 1000, 10000, 100000),
         "versions": (1, 10, 100, 1000, 5000),
         "no-ops": (0, 10, 100, 1000)}
VERBS = ("first GET", "first LOCK", "LOCK", "GET", "POST", "UNLOCK")
SAMPLE = 20  # states of a turn
# A worker trusts for a minute what it remembers of a state (FsStorage::kTrustedUs).
FORGOTTEN_S = 62
FILL_BYTES = 2000  # of the states that only fill the store
FLAT = 1.5  # most and least of a row; on a busy machine 1.3 is noise
# fill_store writes states of identified users.
TOKEN = "swt_" + secrets.token_hex(32)
POLICY = f"""[tokens.bench]
sha256 = "{hashlib.sha256(TOKEN.encode()).hexdigest()}"
[[rules]]
name = "bench"
token = "bench"
states = ["*/*"]
role = "write"
"""


def cpu_us(pid):
    """Of all threads of a process: the kernel's clock of it (clock_getcpuclockid)."""
    return time.clock_gettime(~pid << 3 | 2) * 1e6


class Point:
    """One store, and the states of it that are used."""

    def __init__(self, options, axis, count):
        self.options, self.axis, self.count = options, axis, count
        # A write ends a row of no-op records: each turn has states of its own.
        self.states = {"states": count, "versions": SAMPLE}.get(axis, SAMPLE * options.rounds)
        numbers = random.sample(range(self.states), min(self.states, SAMPLE))
        self.turns = [numbers] * options.rounds
        if axis == "no-ops":
            self.turns = [list(range(SAMPLE * i, SAMPLE * (i + 1))) for i in range(options.rounds)]
        # Each state of a turn is used so often that a turn has SAMPLE requests of a verb.
        self.visits = 1 if axis == "no-ops" else SAMPLE // len(numbers)
        self.serial, self.locks = 10 ** 6, {}
        self.figures = {verb: [] for verb in VERBS}
        self.box = Box(parent=options.place)
        self.server = Stateward(self.box, workers=1, threads=1, LOG_LEVEL=options.log_level,
                                AUTH_POLICY_FILE=self.box.write("policy.toml", POLICY))
        self.pid = wait_for(self.server.workers, "a worker")[0]
        self.link = self.server.link()
        wait_for(lambda: self.ask("GET", "/ready") == 200, "the store is there")
        self.fill()
        for numbers in self.turns if axis == "no-ops" else self.turns[:1]:
            self.each("LOCK", numbers)  # they were locked before
            self.each("UNLOCK", numbers)
        self.rest()

    def rest(self):
        self.asked_s = time.monotonic()
        self.link.close()

    def fill(self):
        versions = self.count if self.axis == "versions" else 1
        no_ops = self.count if self.axis == "no-ops" else 0
        owner = os.stat(self.box.path("run"))  # what the server writes is its own
        subprocess.run([BUILD / "bench/fill_store", str(self.states), str(versions), str(FILL_BYTES),
                        str(no_ops)], env={**os.environ, **self.server.settings}, check=True,
                       user=owner.st_uid, group=owner.st_gid)

    def document(self, number):
        self.serial += 1
        filler = hashlib.shake_256(b"%d" % number).hexdigest(self.options.size // 2 - 60)
        return json.dumps({"version": 4, "serial": self.serial, "lineage": "L",
                           "outputs": {}, "resources": [], "x": filler}).encode()

    def turn(self, number):
        numbers = self.turns[number]
        time.sleep(max(0, self.asked_s + FORGOTTEN_S - time.monotonic()))
        self.link = self.server.link()
        for _ in range(SAMPLE):
            self.ask("GET", "/state/other/n")
        self.settle()
        figures = {verb: [] for verb in VERBS}
        figures["first GET"].append(self.each("GET", numbers[::2]))
        figures["first LOCK"].append(self.each("LOCK", numbers[1::2]))
        self.each("UNLOCK", numbers[1::2])
        self.each("GET", numbers)
        for _ in range(self.visits):
            for verb in VERBS[2:]:
                figures[verb].append(self.each(verb, numbers))
        for verb in VERBS:
            self.figures[verb].append(statistics.mean(figures[verb]))
        self.rest()

    def settle(self):
        """Until no job of the server is under way."""
        before = [cpu_us(self.pid)]

        def idle():
            time.sleep(0.2)
            before.append(cpu_us(self.pid))
            return before[-1] - before[-2] < 500
        wait_for(idle, "the worker is idle", seconds=120)

    def each(self, verb, numbers):
        """The verb on each of the states: microseconds of CPU a request."""
        requests = [self.request(verb, number) for number in numbers]
        before = cpu_us(self.pid)
        for request in requests:
            self.answer(request)
        return (cpu_us(self.pid) - before) / len(requests)

    def request(self, verb, number):
        target = f"/state/p{number % 97}/n{number}"
        if verb == "GET":
            return self.made("GET", target)
        if verb == "LOCK":  # an ID is used once
            self.locks[number] = str(uuid.uuid4())
        lock = self.locks[number]
        if verb == "POST":
            return self.made("POST", f"{target}?ID={lock}", self.document(number))
        return self.made(verb, target, json.dumps({"ID": lock, "Operation": "OperationTypeApply",
                                                   "Who": "bench"}).encode())

    @staticmethod
    def made(verb, target, body=None):
        more = {"HTTP_AUTHORIZATION": "Bearer " + TOKEN}
        if body is not None:
            more["HTTP_CONTENT_MD5"] = md5_header(body)
        return fcgi_client.request(verb, target, body, flags=fcgi_client.KEEP, **more)

    def ask(self, verb, target):
        self.link.send(self.made(verb, target))
        return self.link.answer()[0]

    def answer(self, request):
        self.link.send(request)
        status, _, body = self.link.answer()
        if status != 200:
            raise SystemExit(f"{self.axis} {self.count}: {status} {body[:300]}")


def middle(point, verb):
    return statistics.median(point.figures[verb])


def judge(report, points):
    for axis in STEPS:
        for verb in VERBS:
            row = [middle(p, verb) for p in points if p.axis == axis]
            if row:
                report.add(f"{axis}: {verb}", f"<= {FLAT:.1f} x", f"{max(row) / min(row):.2f} x",
                           "us: " + ", ".join(f"{us:.0f}" for us in row), max(row) / min(row) <= FLAT)


def write(path, points, options, load):
    lines = [f"# {os.cpu_count()} cores, load {load[0]:.1f} to {load[1]:.1f}, {options.rounds} rounds, "
             f"states of {options.size} bytes, microseconds of CPU",
             "axis\tcount\tverb\tus\tleast\tmost"]
    for p in points:
        for verb in VERBS:
            values = p.figures[verb]
            lines.append(f"{p.axis}\t{p.count}\t{verb}\t{statistics.median(values):.1f}\t"
                         f"{min(values):.1f}\t{max(values):.1f}")
    pathlib.Path(path).write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", type=int, default=20000, help="bytes of a state that is written")
    parser.add_argument("--place", default="/dev/shm", help="a folder on the file system to measure")
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--axis", choices=STEPS, action="append", help="default: all")
    parser.add_argument("--most", type=int, default=10 ** 9, help="leave larger counts out")
    parser.add_argument("--out", help="write the figures to this file")
    options = parser.parse_args()
    points = []
    try:
        for axis in options.axis or STEPS:
            for count in STEPS[axis]:
                if count <= options.most:
                    points.append(Point(options, axis, count))
                    print(f"{axis} {count}: filled", flush=True)
        load = [os.getloadavg()[0]] * 2
        for number in range(options.rounds):
            for point in points:
                point.turn(number)
            now = os.getloadavg()[0]
            load = [min(load[0], now), max(load[1], now)]
            print(f"round {number + 1}, load {now:.1f}", flush=True)
    finally:
        for point in points:
            point.box.close()
    if options.out:
        write(options.out, points, options, load)
    report = Report()
    judge(report, points)
    report.print()
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
