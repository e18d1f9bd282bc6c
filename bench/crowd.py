#!/usr/bin/env python3
"""Latency of LOCK for 16, 200 and 1,000 clients at once, through nginx, of Stateward and of a program that only
answers, round after round: clients that never pause, and pipelines that pause between their requests. And where
a LOCK's time goes: the client's own figure, nginx's (connect, answer), the worker's."""
import argparse
import pathlib
import re
import statistics
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests/e2e")]

import run  # noqa: E402
from slow_crowd import raise_descriptor_limit  # noqa: E402

COUNTS = (16, 200, 1000)
GOAL = 4  # p99 of a crowd, of the p99 of the first count
# A pipeline's LOCK, plan and UNLOCK are seconds apart; this is what makes 1,000 of them a crowd.
PAUSES_MS = (0, 500)


class NewLines:
    """What a log got since the last look."""

    def __init__(self, path):
        self.path, self.at = pathlib.Path(path), 0

    def take(self):
        with open(self.path, errors="replace") as file:
            file.seek(self.at)
            text = file.read()
            self.at = file.tell()
        return text.splitlines()


def point(values, share):
    return sorted(values)[int(len(values) * share)] if values else 0


class Times:
    """Milliseconds of the LOCKs of one run at each place on the way."""

    def __init__(self, bench, server):
        self.nginx = NewLines(server.access_log.split()[0])
        self.server = NewLines(f"{bench.folder}/{server.name}.log")

    def take(self):
        rows = [line.split() for line in self.nginx.take() if line.startswith("LOCK ")]
        bad = [row for row in rows if row[1] != "200"]
        out = {"nginx": [float(row[2]) * 1000 for row in rows],
               "connect": [float(row[3]) * 1000 for row in rows if row[3] != "-"],
               "upstream": [float(row[4]) * 1000 for row in rows if row[4] != "-"]}
        out["worker"] = [int(us) / 1000 for line in self.server.take()
                         for us in re.findall(r"method=LOCK .*duration_us=(\d+)", line)]
        return {name: (point(values, .5), point(values, .99)) for name, values in out.items()}, len(bad)


def measure(bench, targets, times, options):
    rounds = []
    for number in range(options.rounds):
        figures = {}
        for pause in options.pause:
            for count in options.clients:
                for target in targets:
                    run_of = bench.drive(target, "lock", clients=count, pause=pause)
                    figures[target.name, pause, count] = run_of["verbs"]["LOCK"]
                    if target.name in times:
                        figures[target.name, pause, count, "ways"], bad = times[target.name].take()
                        if bad:
                            raise SystemExit(f"{count} clients: {bad} LOCKs were not 200")
        rounds.append(figures)
        print(f"round {number + 1}", flush=True)
    return rounds


def judge(report, rounds, names, counts, pauses):
    for name in names:
        for pause in pauses:
            def p99(figures, count):
                return figures[name, pause, count]["p99_us"]
            for count in counts:
                ratio = statistics.median(p99(r, count) / p99(r, counts[0]) for r in rounds)
                rate = statistics.median(r[name, pause, count]["per_s"] for r in rounds)
                p50 = statistics.median(r[name, pause, count]["p50_us"] for r in rounds) / 1000
                p99s = statistics.median(p99(r, count) for r in rounds) / 1000
                what = f"{name}, {count} clients, " + (f"pauses of {pause} ms" if pause else "no pauses")
                report.add(what, f"<= {GOAL} x", f"{ratio:.1f} x", f"LOCK p50 {p50:.1f}, p99 {p99s:.1f} ms" +
                           ("" if pause else f"; {rate:.0f}/s"), ratio <= GOAL)


def print_ways(rounds, names, counts, pauses):
    print("LOCK, ms, p50/p99 (nginx counts whole milliseconds)")
    for name in names:
        for pause in pauses:
            for count in counts:
                ways = [r[name, pause, count, "ways"] for r in rounds if (name, pause, count, "ways") in r]
                if not ways:
                    continue
                client = rounds[0][name, pause, count]
                parts = [f"client {client['p50_us'] / 1000:.1f}/{client['p99_us'] / 1000:.1f}"]
                for way in ways[0]:
                    middle = [statistics.median(w[way][i] for w in ways) for i in (0, 1)]
                    parts.append(f"{way} {middle[0]:.1f}/{middle[1]:.1f}")
                print(f"  {name}, {count} clients, pause {pause} ms: " + ", ".join(parts))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, action="append", help="default: 16, 200, 1000")
    parser.add_argument("--pause", type=int, action="append", help="ms; default: 0, 500")
    parser.add_argument("--kind", choices=("tmpfs", "disk"), action="append", help="default: both")
    options = run.parse_options(parser)
    options.clients, options.pause = options.clients or COUNTS, options.pause or PAUSES_MS
    raise_descriptor_limit()
    bench = run.Bench(options)
    try:
        targets = [bench.add_ceiling("ceiling", "keep")]
        times = {}
        for kind in options.kind or ("tmpfs", "disk"):
            server = bench.add_stateward(kind, bench.place(kind, getattr(options, kind)))
            server.access_log = f"{bench.folder}/{kind}-access.log times buffer=64k flush=100ms"
            targets.append(server)
        bench.start_nginx(targets)
        for server in targets[1:]:
            times[server.name] = Times(bench, server)
        rounds = measure(bench, targets, times, options)
    finally:
        bench.close()
    report = run.Report()
    names = [target.name for target in targets]
    judge(report, rounds, names, options.clients, options.pause)
    print_ways(rounds, names, options.clients, options.pause)
    report.print()
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
