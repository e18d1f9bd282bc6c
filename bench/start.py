#!/usr/bin/env python3
"""What starts and reloads cost those who wait: the time from the start of the program to the first answer of
/ready and of a GET, with few and with many states; the memory of workers that are idle; and the longest answer
through nginx while HUP after HUP is sent, next to runs without one. All of it takes turns."""
import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests/e2e")]

import fcgi_client  # noqa: E402
import scale  # noqa: E402
from box import Box, wait_for  # noqa: E402
from run import Report  # noqa: E402
from stateward import BUILD, PROGRAM, Stateward  # noqa: E402
from webservers import Nginx  # noqa: E402

STATES = (0, 10000, 100000)
START_GOAL_MS, MEMORY_GOAL_MIB = 50, 12
LOOK_S = 0.0005  # between two tries to connect
HUPS, CLIENTS = 20, 8
# No goal can be the longest answer itself: other programs on the machine have a part in it.
PAUSE_GOAL = 2.0


class Store:
    """One store of so many states, in files."""

    def __init__(self, options, states):
        self.states = states
        self.box = Box(parent=options.place)
        self.server = Stateward(self.box, workers=2, threads=8,
                                AUTH_POLICY_FILE=self.box.write("policy.toml", scale.POLICY))
        owner = os.stat(self.box.path("run"))
        subprocess.run([BUILD / "bench/fill_store", str(states), "1", str(scale.FILL_BYTES)],
                       env={**os.environ, **self.server.settings}, check=True,
                       user=owner.st_uid, group=owner.st_gid)
        self.server.process.stop()
        self.ready_ms, self.get_ms, self.cpu_ms, self.mib, self.stop_ms = [], [], [], [], []

    def first_answer(self, target):
        """Milliseconds from the start of the program to a 200."""
        begin = time.monotonic()
        self.server.start(ready=False)
        while True:
            try:
                with self.server.link() as link:
                    link.send(fcgi_client.request("GET", target, HTTP_AUTHORIZATION=f"Bearer {scale.TOKEN}"))
                    answer = link.answer()
                if answer and answer[0] == 200:
                    took = (time.monotonic() - begin) * 1000
                    pids = [self.server.process.pid, *self.server.workers()]
                    self.cpu_ms.append(sum(scale.cpu_us(pid) for pid in pids) / 1000)
                    return took
            except OSError:
                pass
            time.sleep(LOOK_S)

    def turn(self):
        self.ready_ms.append(self.first_answer("/ready"))
        self.stop()
        if self.states:
            n = random.randrange(self.states)
            self.get_ms.append(self.first_answer(f"/state/p{n % 97}/n{n}"))
        else:
            self.server.start()
        pids = wait_for(lambda: len(self.server.workers()) == 2 and self.server.workers(), "workers")
        busy = [sum(scale.cpu_us(pid) for pid in pids)]

        def idle():
            time.sleep(0.2)
            busy.append(sum(scale.cpu_us(pid) for pid in pids))
            return busy[-1] - busy[-2] < 1000
        wait_for(idle, "the workers are idle", seconds=120)
        self.mib.append(max(resident_mib(pid) for pid in pids))
        self.server.process.stop()

    def stop(self):
        """Just after a start, while the jobs of the host and the store look at all states."""
        begin = time.monotonic()
        self.server.process.stop(seconds=60)
        self.stop_ms.append((time.monotonic() - begin) * 1000)


def resident_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


class Reloads:
    """A server behind nginx, clients on kept and on new connections, and HUPs."""

    def __init__(self, options):
        self.seconds = options.seconds
        self.box = Box(parent=options.place)
        self.server = Stateward(self.box, workers=2, threads=8, env_file=True)
        self.nginx = Nginx(self.box, "unix:" + self.server.socket, edit=self.keep_connections)
        self.figures = {True: [], False: []}
        self.hup_ms = []

    @staticmethod
    def keep_connections(name, text):
        """nginx closes a kept connection after 1,000 requests, which is not what is looked for."""
        if not name.endswith("nginx.conf"):
            return text
        assert "http {\n" in text
        return text.replace("http {\n", "http {\nkeepalive_requests 1000000;\n")

    def drive(self, *more):
        host, port = self.nginx.plain
        argv = [BUILD / "bench/driver", "--json", "--clients", str(CLIENTS), "--warmup", "0.5",
                "--duration", str(self.seconds), *more, f"{host}:{port}"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"a client saw it: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)["verbs"]

    def send(self, running):
        """HUP after HUP, spread over the run; each is waited for until all workers have told its result."""
        time.sleep(0.7)  # the driver's preparations, which nobody measures
        for _ in range(HUPS):
            begin = time.monotonic()
            done = self.box.run([PROGRAM, "--env-file", self.box.path("stateward.env"), "--reload",
                                 str(self.server.process.pid)])
            if done.returncode != 0:
                raise SystemExit(f"--reload: {done.stderr}")
            took = time.monotonic() - begin
            self.hup_ms.append(took * 1000)
            time.sleep(max(0, self.seconds * 0.9 / HUPS - took))
        if any(run.done() for run in running):
            raise SystemExit(f"{HUPS} reloads took longer than {self.seconds} s: --seconds")

    def turn(self, with_hups):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            running = [pool.submit(self.drive), pool.submit(self.drive, "--fresh")]
            if with_hups:
                self.send(running)
            self.figures[with_hups].append([run.result() for run in running])


def judge_reloads(report, reloads):
    for which, connections in enumerate(("kept", "new")):
        for name, of in (("p99", "p99_us"), ("longest", "max_us")):
            def worst(runs):
                return [max(verb[of] for verb in run[which].values()) / 1000 for run in runs]
            without, hups = worst(reloads.figures[False]), worst(reloads.figures[True])
            ratio = statistics.median(hups) / statistics.median(without)
            report.add(f"{name} answer, {connections} connections, while {HUPS} HUPs come",
                       f"<= {PAUSE_GOAL:.1f} x", f"{ratio:.2f} x",
                       f"{statistics.median(hups):.1f} ms ({min(hups):.1f}-{max(hups):.1f}), without "
                       f"{statistics.median(without):.1f} ms ({min(without):.1f}-{max(without):.1f})",
                       ratio <= PAUSE_GOAL)
    print(f"a HUP took {statistics.median(reloads.hup_ms):.0f} ms, {max(reloads.hup_ms):.0f} at most, until "
          "all workers had told its result; no request failed")


def spread(values, unit):
    return f"{min(values):.1f}-{max(values):.1f} {unit}"


def judge_starts(report, stores):
    for store in stores:
        for what, values, goal, unit in (
                ("start to /ready", store.ready_ms, START_GOAL_MS, "ms"),
                ("start to a first GET", store.get_ms, START_GOAL_MS, "ms"),
                ("memory of an idle worker, the larger of two", store.mib, MEMORY_GOAL_MIB, "MiB")):
            if values:
                middle = statistics.median(values)
                report.add(f"{store.states} states: {what}", f"<= {goal} {unit}",
                           f"{middle:.1f} {unit}", spread(values, unit), middle <= goal)
        print(f"{store.states} states: TERM just after the start to the end {statistics.median(store.stop_ms):.0f} ms "
              f"({spread(store.stop_ms, 'ms')})")
        print(f"{store.states} states: {statistics.median(store.cpu_ms):.1f} ms of CPU of all processes until the "
              f"first answer ({spread(store.cpu_ms, 'ms')})")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="of the starts")
    parser.add_argument("--reload-rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8, help="of each run with or without HUPs")
    parser.add_argument("--states", type=int, action="append", help="default: 0, 10000, 100000")
    parser.add_argument("--place", default="/dev/shm", help="a folder on the file system to measure")
    options = parser.parse_args()
    report, stores = Report(), []
    try:
        for count in options.states or STATES:
            stores.append(Store(options, count))
            print(f"{count} states: filled", flush=True)
        for number in range(options.rounds):
            for store in stores:
                store.turn()
            print(f"round {number + 1}, load {os.getloadavg()[0]:.1f}", flush=True)
        judge_starts(report, stores)
    finally:
        for store in stores:
            store.box.close()
    if options.reload_rounds:
        reloads = Reloads(options)
        try:
            for _ in range(options.reload_rounds):
                reloads.turn(False)
                reloads.turn(True)
            judge_reloads(report, reloads)
        finally:
            reloads.box.close()
    print(f"load {os.getloadavg()[0]:.1f}")
    report.print()
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
