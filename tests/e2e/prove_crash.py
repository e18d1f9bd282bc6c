#!/usr/bin/env python3
"""Kills Stateward again and again and proves that nothing acknowledged is lost, torn or mixed.

  at random  8 writers, 3 plans and one who sets maintenances, on 4 states through nginx; a worker,
             or the supervisor and all workers, are killed with -9 after 0 to 150 ms, or the server
             ends itself at a random disk call; with --pair, the services behind it are killed, too
  in order   one client; the server ends itself at each disk call of its requests, one after another
  commands   statewardctl ends itself at each disk call of the commands that change a state; with
             --pair it is killed at what it sends to the services
  self-test  files are removed, cut, exchanged behind the server's back: the prover must see each

The last line is "N passed, N failed"; each kill counts as one.
"""
import argparse
import os
import pathlib
import random
import re
import shutil
import signal
import statistics
import sys
import time

import crash_commands
import crash_steps
from box import ROOT, Box, wait_for
from client import basic
from crash_world import Caller, Violation, World, lock_info
from pairs import Pair
from policy_world import TOKENS, policy
from stateward import PROGRAM, Stateward
from webservers import Nginx

KILLPOINTS = str(pathlib.Path(PROGRAM).parent / "stateward-killpoints")
LATEST_KILL_S = 0.150
# Of one LOCK, POST, UNLOCK there are nine calls; so a pool dies within its first few requests.
LAST_CALL = 60
RESTART_S = 1.0
LEAST_REACHED = 0.7
COMMAND_DEATHS = 6


def quiet(name, text):
    """A long run's logs would fill a disk."""
    text = re.sub(r"access_log [^;]*;", "access_log off;", text)
    return re.sub(r"(error_log \S+) info;", r"\1 crit;", text)


class Pool:
    """The supervisor and its workers, started and killed many times on one store."""

    def __init__(self, box, pair):
        self.services = list(pair.services.values())
        # Little history: each start begins with a round of pruning, which is killed, too.
        self.server = pair.stateward(
            threads=4, LOG_LEVEL="error", HISTORY_KEEP=20, HISTORY_DAYS=0, PLAN_LOCKS="shared",
            PLAN_LOCKS_WRITER_WAIT=1, AUTH_POLICY_FILE=box.write("policy.toml", policy(), 0o600))
        self.nginx = Nginx(box, "unix:" + self.server.socket, edit=quiet)
        self.caller = Caller(self.nginx.plain)
        self.restart_s = []

    def kill_worker(self):
        workers = self.server.workers()
        if not workers:
            return False
        os.kill(random.choice(workers), signal.SIGKILL)
        return True

    def kill(self):
        os.killpg(self.server.process.pid, signal.SIGKILL)
        self.server.process.wait_gone()

    def start(self, point=None):
        """The time to its first answer; None if it ended before that."""
        server = self.server
        server.argv = [KILLPOINTS if point else PROGRAM]
        server.env = {**server.settings, **({"STATEWARD_TEST_KILL_AT": point} if point else {})}
        begin = time.monotonic()
        server.start(ready=False)
        while server.process.alive():
            try:
                if self.caller.client.get("/health").status == 200:
                    return time.monotonic() - begin
            except OSError:
                pass
            if time.monotonic() - begin > 10:
                raise Violation("no answer in 10 s after a restart:\n" + server.log()[-2000:])
            time.sleep(0.002)
        return None

    def restart(self):
        took = self.start()
        if took is None:
            raise Violation("it ended at its start:\n" + self.server.log()[-2000:])
        self.restart_s.append(took)


def die_at_a_call(pool):
    """The pool is exchanged for one that ends itself; False if it did not within some seconds."""
    pool.kill()
    point = f"{random.choice(('before', 'after', 'half'))}:{random.randint(1, LAST_CALL)}"
    if pool.start(point) is not None:
        try:
            wait_for(lambda: not pool.server.process.alive(), "the kill point is reached", 10)
        except AssertionError:
            pool.kill()
            return False
    pool.server.process.wait_gone()
    return True


def kill_service(pool):
    """With a pool at work, and sometimes one that starts while the service is not there yet."""
    service = random.choice(pool.services)
    service.kill()
    if random.random() < 0.3:
        pool.kill()
        service.start(ready=False)
        pool.restart()
        service.wait_ready()
        return
    time.sleep(random.uniform(0, LATEST_KILL_S))
    service.start()


def kill_once(pool, counts):
    kind = random.choice(("pool", *counts))
    time.sleep(random.uniform(0, LATEST_KILL_S))
    if kind == "service":
        kill_service(pool)
    elif kind == "worker":
        if not pool.kill_worker():
            return
    elif kind == "pool":
        pool.kill()
        pool.restart()
    else:
        counts["pool"] += 1  # the one before it
        if die_at_a_call(pool):
            counts["call"] += 1
        pool.restart()
        return
    counts[kind] += 1


def at_random(pair_name, kills, seed):
    random.seed(seed)
    print(f"{pair_name}, at random: {kills} kills, seed {seed}", flush=True)
    with Box() as box:
        pair = Pair(box, pair_name)
        # Elsewhere than on fs no disk call is ours, but there is a service to be killed.
        counts = {"worker": 0, "pool": 0, "service" if pair.services else "call": 0}
        pool = Pool(box, pair)
        world = World(pool.nginx.plain, patience_s=60, auth=basic("x", TOKENS["root"]), planners=3,
                      maintained=True)
        world.start()
        begin = time.monotonic()
        reported = 0
        while sum(counts.values()) < kills:
            kill_once(pool, counts)
            world.check()
            if sum(counts.values()) >= reported + 1000:
                reported = sum(counts.values())
                print(f"  {reported} kills, {world.totals()[0]} writes", flush=True)
        world.stop()
        world.finish()
        seconds = time.monotonic() - begin
    writes, cycles, retries = world.totals()
    slow = sorted(pool.restart_s)
    what = {"worker": "workers", "pool": "pools at a random moment", "service": "services",
            "call": "pools at a random disk call"}
    print("  " + ", ".join(f"{n} {what[kind]}" for kind, n in counts.items()) +
          f", in {seconds:.0f} s; {writes} writes in {cycles} locks acknowledged, "
          f"{retries} requests repeated, {world.checks} checks; "
          f"{world.cycles(world.planners)} plans, {world.cycles(world.maintainers)} maintenances")
    print(f"  from restart to first answer: median {statistics.median(slow):.3f} s, "
          f"99 % {slow[len(slow) * 99 // 100]:.3f} s, longest {slow[-1]:.3f} s", flush=True)
    if slow[len(slow) * 99 // 100] >= RESTART_S:
        raise Violation("restarts take too long")
    happened = (*counts.values(), world.cycles(world.planners), world.cycles(world.maintainers))
    if writes < kills or not all(happened):
        raise Violation("too little happened to prove anything")
    return sum(counts.values())


def in_order():
    calls = crash_steps.list_calls(KILLPOINTS)
    points = list(crash_steps.points(calls))
    print(f"in order: {len(calls)} disk calls, {len(points)} kill points", flush=True)
    begin = time.monotonic()
    # What works beside the requests (jobs, the keys that a server says it knows) makes calls, too,
    # now more and now fewer: so the script may end before the last points, but never long before.
    reached = 0
    for point in points:
        if not crash_steps.kill_at(KILLPOINTS, PROGRAM, point):
            if reached < len(points) * LEAST_REACHED:
                raise Violation(f"{point} was not reached")
            break
        reached += 1
    print(f"  {reached} of {len(points)} in {time.monotonic() - begin:.0f} s", flush=True)
    return reached


# ---- Self-test: does the prover see what it is there to see? ----

def newest(folder):
    return max(folder.iterdir())


def lose(world):
    newest(world.folders["s0"]).unlink()


def cut(world):
    path = newest(world.folders["s0"])
    os.truncate(path, path.stat().st_size // 2)


def mix(world):
    source, target = newest(world.folders["s1"]), newest(world.folders["s0"])
    target.write_bytes(source.read_bytes())


def go_back(world):
    """An older version under the newest one's number."""
    target = newest(world.folders["s0"])
    target.write_bytes(sorted(world.folders["s0"].iterdir())[0].read_bytes())


def forget_lock(world):
    folder = world.folders["kept"]
    (world.store / "locks" / folder.parent.name / folder.name).unlink()


def old_lock(world):
    """The lock file as it was before the lock was taken."""
    folder = world.folders["kept"]
    path = world.store / "locks" / folder.parent.name / folder.name
    shutil.copyfile(world.free_lock, path)


class MarkedWorld(World):
    """One that knows which folder is whose."""

    def __init__(self, address, store):
        super().__init__(address, states=2, writers=4)
        self.store = pathlib.Path(store)
        self.folders = {}
        self.caller.patience_s = 1.5

    def create(self, state):
        super().create(state)
        known = set(self.folders.values())
        self.folders[state.name] = next(p for p in self.store.glob("states/??/*")
                                        if p not in known)
        if state is self.kept:
            folder = self.folders["kept"]
            self.caller.call("LOCK", state.target, lock_info("before"))
            self.caller.call("UNLOCK", state.target, lock_info("before"))
            self.free_lock = self.store.parent / "free-lock"
            shutil.copyfile(self.store / "locks" / folder.parent.name / folder.name,
                            self.free_lock)


def sabotage(harm, pattern):
    """The prover must find the harm, and name it."""
    with Box() as box:
        server = Stateward(box, LOG_LEVEL="error")
        world = MarkedWorld(Nginx(box, "unix:" + server.socket, edit=quiet).plain,
                            box.path("states"))
        world.start()
        wait_for(lambda: all(s.acknowledged > 5 for s in world.states), "some writes")
        world.stop()
        world.check()
        harm(world)
        try:
            world.check()
        except Violation as seen:
            if re.search(pattern, str(seen)):
                print(f"  {harm.__name__}: {str(seen)[:100]}", flush=True)
                return
            raise
        raise Violation(f"the prover did not see the harm done by {harm.__name__}")


def self_test():
    print("self-test:", flush=True)
    harms = ((lose, "GET .* only 503|lost$"), (cut, "GET .* only 503"), (mix, "GET .* only 503"),
             (go_back, "GET .* only 503"), (forget_lock, "a probe got it"),
             (old_lock, "a probe got it"))
    for harm, pattern in harms:
        sabotage(harm, pattern)
    return len(harms)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300, help="at random")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--only", choices=("random", "order", "commands", "self-test"))
    parser.add_argument("--pair", default="fs+local",
                        help="of storage and lock; another than fs+local: only at random, or "
                        "with --only commands")
    parser.add_argument("--deaths", type=int, help="of each command; without it at every point, "
                        f"or {COMMAND_DEATHS} in a small run")
    options = parser.parse_args()
    if options.pair != "fs+local" and options.only != "commands":
        options.only = "random"
    for program in (PROGRAM, KILLPOINTS, crash_commands.KILLPOINTS):
        if not os.access(program, os.X_OK):
            sys.exit(f"{os.path.relpath(program, ROOT)} is missing: make all killpoints")
    passed = failed = 0
    # In `make test` some of the deaths: each takes four commands.
    every = options.kills > 1000 or options.only == "commands"
    deaths = options.deaths or (None if every else COMMAND_DEATHS)
    parts = {"self-test": self_test, "order": in_order,
             "commands": lambda: crash_commands.run(deaths, options.pair),
             "random": lambda: at_random(options.pair, options.kills, options.seed)}
    for name, part in parts.items():
        if options.only in (None, name):
            try:
                passed += part()
            except (Violation, AssertionError) as error:
                print(f"  FAILED: {error}", flush=True)
                failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
