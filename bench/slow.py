#!/usr/bin/env python3
"""Latency of ordinary clients and of /health with and without a crowd of slow ones: 1,000 connections
each that send a LOCK's body a byte a second, never end a head, are idle, and read a small state a byte
a second. Who is cut off comes again. Rounds alternate, so that other work on the machine falls on both.

--through nginx or apache: all of them come through it. --through socket: the crowd speaks FastCGI to the
server itself, the ordinary ones come through nginx."""
import argparse
import pathlib
import statistics
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests" / "e2e")]

import run  # noqa: E402  pylint: disable=wrong-import-position
from box import Box, wait_for  # noqa: E402  pylint: disable=wrong-import-position
from client import Client, basic  # noqa: E402  pylint: disable=wrong-import-position
from slow_crowd import (KINDS, more_apache, over_fcgi, over_http,  # noqa: E402  pylint: disable=C0413
                        raise_descriptor_limit)
from stateward import Stateward  # noqa: E402  pylint: disable=wrong-import-position
from webservers import Apache  # noqa: E402  pylint: disable=wrong-import-position

P99_GOAL, HEALTH_GOAL_MS = 2.0, 50


class Health:
    """Asks for /health every 20 ms."""

    def __init__(self, port):
        self.client = Client(("127.0.0.1", port), keep=True)
        self.took_ms, self.stop = [], threading.Event()
        self.thread = threading.Thread(target=self.ask)

    def ask(self):
        while not self.stop.wait(0.02):
            start = time.monotonic()
            if self.client.get("/health").status != 200:
                self.took_ms.append(float("inf"))
            self.took_ms.append((time.monotonic() - start) * 1000)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        self.client.close()


def one_run(bench, server):
    with Health(server.port) as health:
        figures = bench.drive(server, "cycle", clients=run.CLIENTS)
    return {v: f["p99_us"] / 1000 for v, f in figures["verbs"].items()}, health.took_ms


def make_crowd(server, options):
    if options.through == "socket":
        return over_fcgi(server.socket, KINDS, options.each)
    return over_http(("127.0.0.1", server.port), KINDS, options.each)


class BehindApache(run.Target):
    """Server and Apache of the end-to-end tests: both run as the web servers' user, who may use the socket."""

    def __init__(self, box, program):
        server = Stateward(box, argv=[program], threads=run.THREADS, workers=run.WORKERS, LOG_LEVEL="error")
        apache = Apache(box, "unix:" + server.socket, edit=lambda name, text: more_apache(
            name, text.replace("StartServers 2", "MaxKeepAliveRequests 0\nStartServers 2")))
        super().__init__("server", box.folder)
        self.socket, self.port, self.process = server.socket, apache.plain[1], server.process
        self.states = box.path("states")


def start(bench, options, box):
    if options.through == "apache":
        return BehindApache(box, bench.build / "stateward")
    server = bench.add_stateward("server", bench.place("tmpfs", options.tmpfs))
    bench.start_nginx([server])
    return server


def measure(bench, server, options):
    without, crowded = [], []
    for _ in range(options.rounds):
        without.append(one_run(bench, server))
        with make_crowd(server, options) as crowd:
            crowd.start()
            wait_for(lambda: crowd.rounds, "all are open", 120)  # pylint: disable=W0640
            crowded.append(one_run(bench, server))
            print(f"{crowd.alive()} of {len(crowd.members)} slow connections are open; ended and came again: "
                  f"{crowd.ends.total()}", flush=True)
    return without, crowded


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=1000, help="connections of each kind")
    parser.add_argument("--through", choices=("nginx", "apache", "socket"), default="nginx")
    options = run.parse_options(parser)
    raise_descriptor_limit()
    bench = run.Bench(options)
    box = Box(options.tmpfs)
    try:
        server = start(bench, options, box)
        client = Client(("127.0.0.1", server.port), auth=basic("basic", "secret"))
        client.post("/state/p/small", b'{"version":4,"serial":1,"lineage":"l","x":"%s"}' % (b"y" * 20000))
        without, crowded = measure(bench, server, options)
    finally:
        bench.close()
        box.close()
    report = run.Report()
    for verb in without[0][0]:
        ratios = [b[0][verb] / a[0][verb] for a, b in zip(without, crowded)]
        middle = statistics.median(ratios)
        report.add(f"p99 of {verb}, of that without them", f"<= {P99_GOAL}",
                   f"{middle:.2f} ({min(ratios):.2f}-{max(ratios):.2f})", "", middle <= P99_GOAL)
    for what, rounds in (("without", without), ("crowded", crowded)):
        took = sorted(ms for _, health in rounds for ms in health)
        worst = took[int(len(took) * 0.99)]
        report.add(f"/health {what} them, p99", f"<= {HEALTH_GOAL_MS} ms", f"{worst:.1f} ms",
                   f"median {statistics.median(took):.1f} ms, most {took[-1]:.1f} ms",
                   worst <= HEALTH_GOAL_MS)
    report.print()
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
