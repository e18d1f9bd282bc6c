"""statewardctl dies in the midst of a command that changes a state: on fs+local at each of its disk
calls, elsewhere at what it sends to its services, which then arrives or does not. Both sides are
whole: what was there before or what the command makes, and nothing between. The same command, given
again, ends as if nothing had been.
"""
import json
import pathlib
import random
import shutil
from dataclasses import dataclass

from box import Box, wait_for
from crash_steps import document, points
from crash_world import Violation
from pairs import Pair
from proxy import Hold
from stateward import CTL, Stateward

KILLPOINTS = str(pathlib.Path(CTL).parent / "statewardctl-killpoints")
NO_COMMAND = 1  # the exit code of `get` for what is absent
PRUNE = {"HISTORY_KEEP": "1", "HISTORY_DAYS": "0"}
NAMES = ("rollback", "delete", "undelete", "restore", "prune", "purge", "mv")


@dataclass
class Command:
    name: str
    arguments: tuple
    before: bytes      # what the state holds until the command is done
    after: bytes       # and from then on
    repeat_fails: bool = False  # when it was done already


def with_serial(text, old, new):
    return text.replace(f'"serial": {old}'.encode(), f'"serial": {new}'.encode())


def command_of(name, store):
    one, three, state = document(1), document(3), store.state
    return {
        "rollback": lambda: Command(name, ("rollback", state, "--to", "1", "--if-version", "3"),
                                    three, with_serial(one, 1, 4), repeat_fails=True),
        "delete": lambda: Command(name, ("delete", state, "--yes"), three, None),
        "undelete": lambda: Command(name, ("undelete", state), None, three, repeat_fails=True),
        "restore": lambda: Command(name, ("uploads", "restore", store.upload()), three,
                                   document(2, "forced")),
        "prune": lambda: Command(name, ("prune",), three, three),
        "purge": lambda: Command(name, ("purge", state, "--version", "2", "--reason", "leak",
                                        "--yes"), three, three, repeat_fails=True),
        "mv": lambda: Command(name, ("mv", state, store.other), three, None),
    }[name]()


class Store:
    """States of three versions and a refused upload, each for one death."""
    settings = {}
    box = state = other = glob = ""

    def run(self, *arguments, program=CTL, **env):
        env = {**(PRUNE if arguments == ("prune",) else {}), **env}
        return self.box.run([program, *arguments], env={**self.settings, **env})

    def ctl(self, *arguments):
        done = self.run(*arguments)
        if done.returncode != 0:
            raise Violation(f"{arguments}: {done.returncode} {done.stdout} {done.stderr}")
        return done.stdout

    def get(self, state, *more):
        done = self.run("get", state, *more)
        if done.returncode not in (0, NO_COMMAND):
            raise Violation(f"get {state}: {done.returncode} {done.stderr}")
        return done.stdout.encode() if done.returncode == 0 else None

    def uploads(self):
        """The kept uploads: (state, name)."""
        rows = json.loads(self.ctl("uploads", "list", self.glob, "--json"))
        return [(row["state"], row["upload"]) for row in rows]

    def upload(self):
        return self.uploads()[0][1]

    def fill(self, server):
        target = "/state/" + self.state
        for want, text in ((200, document(1)), (200, document(2)), (200, document(3)),
                           (409, document(2, "forced"))):
            status = server.ask("POST", target, text)[0]
            if status != want:
                raise Violation(f"POST {target}: {status}")


class FsStore(Store):
    """Copied for each death."""
    state, other, glob = "crash/one", "crash/two", "crash/*"

    def __init__(self, box):
        self.box = box
        server = Stateward(box, threads=1, workers=1, LOG_LEVEL="error")
        self.settings = server.settings
        self.fill(server)
        server.process.stop()
        self.path = pathlib.Path(box.path("states"))
        self.kept = pathlib.Path(box.path("kept"))
        self.path.rename(self.kept)

    def fresh(self, name):
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.copytree(self.kept, self.path)
        for path in (self.path, *self.path.rglob("*")):
            self.box.give(str(path))
        if name == "undelete":
            self.ctl("delete", self.state, "--yes")

    def points(self, command):
        calls = self.box.path("calls")
        pathlib.Path(calls).unlink(missing_ok=True)
        done = self.run(*command.arguments, program=KILLPOINTS, STATEWARD_TEST_DISK_CALLS=calls)
        if done.returncode != 0:
            raise Violation(f"{command.name} does not pass without a kill: {done.stderr}")
        return list(points(pathlib.Path(calls).read_text().split()))

    def kill_at(self, command, point):
        self.run(*command.arguments, program=KILLPOINTS, STATEWARD_TEST_KILL_AT=point)


class ServiceStore(Store):
    """Another state for each death. A point is the number of a piece that statewardctl sends to its
    services, and whether the piece arrives after its death."""

    def __init__(self, box, name):
        self.box = box
        self.pair = Pair(box, name, proxied=True)
        self.server = self.pair.stateward(LOG_LEVEL="error")
        self.settings = self.server.settings
        self.count = 0

    def fresh(self, name):
        self.count += 1
        self.state, self.other = f"crash/{self.count}-one", f"crash/{self.count}-two"
        self.glob = f"crash/{self.count}-*"
        self.fill(self.server)
        if name == "undelete":
            self.ctl("delete", self.state, "--yes")

    def run_held(self, command, nth):
        """The command until its nth piece is held; (process, hold)."""
        hold = Hold(rb"", nth)
        for proxy in self.pair.proxies.values():
            proxy.share(hold)
        env = {**self.settings, **(PRUNE if command.name == "prune" else {})}
        process = self.box.start([CTL, *command.arguments], env=env, log="command.log")
        wait_for(lambda: hold.held.is_set() or not process.alive(), "the piece, or the end")
        return process, hold

    def end_held(self, hold, arrives):
        for proxy in self.pair.proxies.values():
            proxy.share(None)
        hold.dropped = not arrives
        hold.released.set()
        if hold.held.is_set():
            wait_for(hold.sent.is_set, "the held piece is dealt with")

    def points(self, command):
        nobody = 1 << 30
        process, hold = self.run_held(command, nobody)
        self.end_held(hold, True)
        if process.stop() != 0:
            raise Violation(f"{command.name} does not pass without a kill: {process.log()}")
        pieces = nobody - hold.left
        return [f"{how}:{n}" for n in range(1, pieces + 1) for how in ("lost", "late")]

    def kill_at(self, command, point):
        how, nth = point.split(":")
        process, hold = self.run_held(command, int(nth))
        process.popen.kill()
        process.wait_gone()
        self.end_held(hold, how == "late")


def check_whole(store, command, point):
    """All of it or nothing."""
    # In this order: what arrives late can only show more.
    here = store.get(store.state)
    there = store.get(store.other)
    where = f"{command.name} killed at {point}"
    if here not in (command.before, command.after):
        raise Violation(f"{where}: the state holds {here and here[:60]}")
    if command.name == "mv" and (there not in (None, command.before) or
                                 (here is None and there is None)):
        raise Violation(f"{where}: the new address holds {there and there[:60]}")


def check_moved(store, where):
    rows = json.loads(store.ctl("versions", store.other, "--json"))
    numbers = {row["serial"]: row["version"] for row in rows if row["event"] == "write"}
    for serial in (1, 2, 3):
        if store.get(store.other, "--version", str(numbers.get(serial, 99))) != document(serial):
            raise Violation(f"{where}: version {serial} is not there")
    if [state for state, _ in store.uploads()] != [store.other]:
        raise Violation(f"{where}: kept uploads {store.uploads()}")
    left = json.loads(store.ctl("versions", store.state, "--json"))
    # Several, where a write may be late.
    if {row["event"] for row in left if row["event"] != "no-op"} != {"moved"}:
        raise Violation(f"{where}: the old address has {left}")


def check_end(store, command, point):
    where = f"{command.name} killed at {point}, then repeated"
    if store.get(store.state) != command.after:
        raise Violation(f"{where}: {store.get(store.state)}")
    if command.name == "mv":
        check_moved(store, where)
    if command.name == "prune" and store.get(store.state, "--version", "1") is not None:
        raise Violation(f"{where}: version 1 is there")
    if command.name == "purge" and store.get(store.state, "--version", "1") != document(1):
        raise Violation(f"{where}: version 1 is gone")
    if command.name == "purge" and store.get(store.state, "--version", "2") is not None:
        raise Violation(f"{where}: version 2 is there")
    if json.loads(store.ctl("locks", "--json")):
        raise Violation(f"{where}: a lock is left")
    wrong = json.loads(store.ctl("check", store.glob, "--read-data", "--json"))
    if wrong:
        raise Violation(f"{where}: {wrong}")


def kill_and_repeat(store, name, point):
    store.fresh(name)
    command = command_of(name, store)
    store.kill_at(command, point)
    check_whole(store, command, point)
    again = store.run(*command.arguments)
    # What was done may not be possible twice; then check_end finds it done.
    if again.returncode != 0 and not command.repeat_fails:
        raise Violation(f"{name} killed at {point}, then repeated: {again.stdout}{again.stderr}")
    check_end(store, command, point)


def run(at_most=None, pair="fs+local"):
    """At each point of each command, or at `at_most` of them by chance; how many."""
    count = 0
    with Box() as box:
        store = FsStore(box) if pair == "fs+local" else ServiceStore(box, pair)
        for name in NAMES:
            if name == "prune" and pair not in ("fs+local", "postgres+postgres"):
                continue  # it keeps what is younger than a write that is late may be
            store.fresh(name)
            todo = store.points(command_of(name, store))
            every = len(todo)
            if at_most and every > at_most:
                todo = random.sample(todo, at_most)
            for point in todo:
                kill_and_repeat(store, name, point)
            print(f"  {name}: {len(todo)} deaths at {every} points", flush=True)
            count += len(todo)
    return count
