#!/usr/bin/env python3
"""Measures Stateward on pairs of storage and lock next to the ceilings of their engines, in one run:
a program that only answers 200, behind the same nginx; redis-benchmark, pgbench and a plain loop of
signed S3 requests, doing to the engine about what the verbs do. Goals: bench/README.md.
"""
import argparse
import pathlib
import re
import signal
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests/e2e"))

import run  # noqa: E402
from box import Box  # noqa: E402
from pairs import PAIRS, SERVICES, Pair  # noqa: E402

LOCK_BYTES = 400  # of a lock's record
# One lock step as a script: look, and write if it is free.
LUA = ("local held = redis.call('GET', KEYS[1]) "
       "if held and #held == 0 then return held end "
       "redis.call('SET', KEYS[1], ARGV[1]) return false")
PG_TABLES = """
CREATE TABLE bench_lock (id text PRIMARY KEY, record bytea);
CREATE TABLE bench_state (id text, n bigint, record bytea, PRIMARY KEY (id, n));
ALTER TABLE bench_state ALTER record SET STORAGE EXTERNAL;
INSERT INTO bench_lock SELECT i, NULL FROM generate_series(1, 16) i;
INSERT INTO bench_state SELECT i, 1, decode(repeat('00', {size}), 'hex')
  FROM generate_series(1, 16) i;
"""
PG_ID = "\\set id :client_id + 1\n"
PG_LOCK = ("UPDATE bench_lock SET record = decode(repeat('11', {lock}), 'hex') WHERE id = :id "
           "AND record IS NULL RETURNING id;\n")
PG_UNLOCK = "UPDATE bench_lock SET record = NULL WHERE id = :id RETURNING id;\n"
PG_GET = "SELECT n, record FROM bench_state WHERE id = :id ORDER BY n DESC LIMIT 1;\n"
PG_POST = ("INSERT INTO bench_state SELECT :id, max(n) + 1, decode(repeat('22', {size}), 'hex') "
           "FROM bench_state WHERE id = :id;\n")
PG_SCRIPTS = {"lock": PG_LOCK + PG_UNLOCK, "get": PG_GET, "post": PG_POST,
              "cycle": PG_LOCK + PG_GET + PG_POST + PG_UNLOCK}
# What the goal of the cycle on postgres+postgres refers to (issue 4).
PG_REFERENCE, PG_CYCLES = 6000, 1000
# Of 1/(1/ceiling + 1/engine).
GOALS = {("lock", "redis"): 0.7, ("cycle", "s3"): 0.6, ("lock", "postgres"): 0.6,
         ("get", "postgres"): 0.6, ("post", "postgres"): 0.6}


class Engine:
    """A service of its own kind, idle but for these loads. rates(): operations/s by name; a lock
    step is one LOCK or one UNLOCK."""

    def __init__(self, kind, box, options):
        self.kind, self.box, self.options = kind, box, options
        self.service = SERVICES[kind](box)
        getattr(self, "prepare_" + kind, lambda: None)()

    def rates(self):
        return getattr(self, "rates_" + self.kind)()

    def output(self, argv, env=None):
        done = self.box.run(argv, env=env)
        if done.returncode != 0:
            raise SystemExit(f"{argv[0]}: {done.stdout}{done.stderr}")
        return done.stdout

    def prepare_redis(self):
        # It takes a password only on the command line.
        self.service.command("CONFIG", "SET", "requirepass", "")

    def rates_redis(self):
        text = self.output(
            ["redis-benchmark", "-h", self.service.host, "-p", self.service.port, "-c",
             run.CLIENTS, "-n", int(5000 * self.options.seconds), "-r", 16, "--csv", "EVAL", LUA,
             1, "bench:__rand_int__", "x" * LOCK_BYTES])
        return {"lock": float(re.findall(r'","([0-9.]+)"', text)[0])}

    def prepare_postgres(self):
        self.service.sql(PG_TABLES.format(size=self.options.size))
        for name, script in PG_SCRIPTS.items():
            self.box.write(f"{name}.sql", PG_ID + script.format(size=self.options.size,
                                                                lock=LOCK_BYTES))

    def rates_postgres(self):
        rates = {}
        for name in PG_SCRIPTS:
            text = self.output(
                ["/usr/lib/postgresql/15/bin/pgbench", "-n", "-M", "prepared", "-c", run.CLIENTS,
                 "-j", 2, "-T", max(1, round(self.options.seconds)), "-f",
                 self.box.path(f"{name}.sql"), "-h", self.service.folder, "-p", self.service.port,
                 "-U", "postgres", "stateward"], env={"PGPASSWORD": self.service.root_password})
            tps = re.search(r"^tps = ([0-9.]+)", text, re.M)
            if not tps:
                raise SystemExit(f"pgbench did nothing in its time: {text}")
            rates[name] = float(tps[1])
        rates["lock"] *= 2  # LOCK and UNLOCK
        return rates

    def rates_s3(self):
        settings = self.service.settings()
        text = self.output(
            [ROOT / self.options.build / "bench/s3_loop", settings["STORAGE_S3_ENDPOINT"],
             run.CLIENTS, self.options.seconds, self.options.size, LOCK_BYTES],
            env={"S3_ACCESS_KEY": self.service.access_key,
                 "S3_SECRET_KEY": self.service.secret_key})
        return {name: float(rate) for name, rate in re.findall(r"(\w+) ([0-9.]+)", text)}


def measure(bench, box, names):
    """The rounds: {(target, mode): figures of the driver, kind: rates of the engine}."""
    ceiling = bench.add_ceiling("ceiling", "keep")
    servers = {}
    for name in names:
        pair = Pair(box, name)
        folder = bench.place("pair", bench.options.disk)
        servers[name] = bench.add_stateward("on_" + name.replace("+", "_"), folder,
                                            pair.settings())
    kinds = sorted({kind for name in names for kind in name.split("+")} & set(SERVICES))
    engines = {kind: Engine(kind, box, bench.options) for kind in kinds}
    bench.start_nginx([ceiling, *servers.values()])
    for server in servers.values():
        bench.drive(server, "cycle", duration=1)
    rounds = []
    for number in range(bench.options.rounds):
        figures = {kind: engine.rates() for kind, engine in engines.items()}
        for mode in run.MODES:
            for name, target in {"ceiling": ceiling, **servers}.items():
                figures[name, mode] = bench.drive(target, mode)
        rounds.append(figures)
        print(f"round {number + 1}: " + ", ".join(
            f"{name} {figures[name, 'cycle']['cycles_per_s']:.0f}" for name in servers) +
            " cycles/s", flush=True)
    return rounds


def judge_steps(report, rounds, name):
    """Each verb against ceiling and engine in a row."""
    storage, lock = name.split("+")
    for verb, mode, kind in (("LOCK", "lock", lock), ("UNLOCK", "lock", lock),
                             ("GET", "get", storage), ("POST", "post", storage)):
        if kind not in SERVICES:
            continue

        def rate(r):
            return run.verb_rate(r[name, mode], verb)

        def bound(r):
            return 1 / (1 / run.verb_rate(r["ceiling", mode], verb) + 1 / r[kind][mode])
        detail = (f"{run.middle(rounds, rate):.0f} of {run.middle(rounds, bound):.0f}/s = ceiling "
                  f"{run.middle(rounds, lambda r: run.verb_rate(r['ceiling', mode], verb)):.0f}, "
                  f"engine {run.middle(rounds, lambda r: r[kind][mode]):.0f}")
        report.rounds(f"{verb}, {name}", GOALS.get((mode, kind), 0),
                      [rate(r) / bound(r) for r in rounds], detail)


def judge_cycle(report, rounds, name):
    def cycles(r):
        return r[name, "cycle"]["cycles_per_s"]
    if name == "postgres+postgres":
        report.rounds("cycle, of its goal, " + name, 1.0,
                      [cycles(r) / (PG_CYCLES * r["postgres"]["cycle"] / PG_REFERENCE)
                       for r in rounds],
                      f"{run.middle(rounds, cycles):.0f}/s, pgbench "
                      f"{run.middle(rounds, lambda r: r['postgres']['cycle']):.0f}/s")
    elif name == "s3+s3":
        def bound(r):
            return 1 / (1 / r["ceiling", "cycle"]["cycles_per_s"] + 1 / r["s3"]["cycle"])
        report.rounds("cycle, s3+s3", GOALS["cycle", "s3"], [cycles(r) / bound(r) for r in rounds],
                      f"{run.middle(rounds, cycles):.0f} of {run.middle(rounds, bound):.0f}/s, "
                      f"engine {run.middle(rounds, lambda r: r['s3']['cycle']):.0f}")
    else:
        report.rounds("cycle, of the ceiling's, " + name, 0,
                      [cycles(r) / r["ceiling", "cycle"]["cycles_per_s"] for r in rounds],
                      f"{run.middle(rounds, cycles):.0f}/s")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", nargs="*", default=PAIRS)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="of each run in a round")
    parser.add_argument("--size", type=int, default=20000, help="bytes of a state")
    parser.add_argument("--disk", default="/var/tmp", help="a folder on a disk")
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--snippets", type=pathlib.Path, default=ROOT / "nginx")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    bench = run.Bench(options)
    try:
        with Box(parent=options.disk) as box:
            rounds = measure(bench, box, options.pairs)
    finally:
        bench.close()
    report = run.Report()
    for name in options.pairs:
        judge_steps(report, rounds, name)
        judge_cycle(report, rounds, name)
    report.print()
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
