"""statewardctl dies at each disk call of a command that changes a state. Both sides are whole: what
was there before or what the command makes, and nothing between. The same command, given again,
ends as if nothing had been.
"""
import json
import pathlib
import random
import shutil
from dataclasses import dataclass

from box import Box
from crash_steps import document, points
from crash_world import Violation
from stateward import CTL, Stateward

KILLPOINTS = str(pathlib.Path(CTL).parent / "statewardctl-killpoints")
STATE, TARGET, OTHER = "crash/one", "/state/crash/one", "crash/two"
SECOND = 2
NO_COMMAND = 1  # the exit code of `get` for what is absent


@dataclass
class Command:
    name: str
    arguments: tuple
    before: bytes      # what the state holds until the command is done
    after: bytes       # and from then on
    deleted: bool = False
    repeat_fails: bool = False  # when it was done already


def with_serial(text, old, new):
    return text.replace(f'"serial": {old}'.encode(), f'"serial": {new}'.encode())


def commands(upload):
    one, three = document(1), document(3)
    forced = document(2, "forced")
    return (
        Command("rollback", ("rollback", STATE, "--to", "1", "--if-version", "3"), three,
                with_serial(one, 1, 4), repeat_fails=True),
        Command("delete", ("delete", STATE, "--yes"), three, None),
        Command("undelete", ("undelete", STATE), None, three, True, repeat_fails=True),
        Command("restore", ("uploads", "restore", upload), three, forced),
        Command("prune", ("prune",), three, three),
        Command("purge", ("purge", STATE, "--version", "2", "--reason", "leak", "--yes"), three,
                three, repeat_fails=True),
        Command("mv", ("mv", STATE, OTHER), three, None),
    )


class Store:
    """A store with three versions and a refused upload, copied for each death."""

    def __init__(self, box):
        self.box = box
        server = Stateward(box, threads=1, workers=1, LOG_LEVEL="error")
        self.settings = server.settings
        for serial in (1, 2, 3):
            server.ask("POST", TARGET, document(serial))
        server.ask("POST", TARGET, document(2, "forced"))
        server.process.stop()
        self.path = pathlib.Path(box.path("states"))
        self.kept = pathlib.Path(box.path("kept"))
        self.path.rename(self.kept)
        self.fresh()
        self.upload = json.loads(self.ctl("uploads", "list", "--json"))[0]["upload"]

    def fresh(self, deleted=False):
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.copytree(self.kept, self.path)
        for path in (self.path, *self.path.rglob("*")):
            self.box.give(str(path))
        if deleted:
            self.ctl("delete", STATE, "--yes")

    def run(self, *arguments, program=CTL, **env):
        if arguments == ("prune",):
            env.update(HISTORY_KEEP="1", HISTORY_DAYS="0")
        return self.box.run([program, *arguments], env={**self.settings, **env})

    def ctl(self, *arguments):
        done = self.run(*arguments)
        if done.returncode != 0:
            raise Violation(f"{arguments}: {done.returncode} {done.stderr}")
        return done.stdout

    def get(self, state, *more):
        done = self.run("get", state, *more)
        if done.returncode not in (0, NO_COMMAND):
            raise Violation(f"get {state}: {done.returncode} {done.stderr}")
        return done.stdout.encode() if done.returncode == 0 else None


def check_whole(store, command, point):
    """All of it or nothing; returns whether it is done."""
    here, there = store.get(STATE), store.get(OTHER)
    where = f"{command.name} killed at {point}"
    if here not in (command.before, command.after):
        raise Violation(f"{where}: the state holds {here and here[:60]}")
    if command.name == "mv":
        if there not in (None, command.before) or (here is None and there is None):
            raise Violation(f"{where}: the new address holds {there and there[:60]}")
        return here is None
    if command.name == "purge":
        return store.get(STATE, "--version", "2") is None
    return command.before != command.after and here == command.after


def check_end(store, command, point):
    where = f"{command.name} killed at {point}, then repeated"
    if store.get(STATE) != command.after:
        raise Violation(f"{where}: {store.get(STATE)}")
    if command.name == "mv":
        for serial in (1, 2, 3):
            if store.get(OTHER, "--version", str(serial)) != document(serial):
                raise Violation(f"{where}: version {serial} is not there")
    if command.name == "prune" and store.get(STATE, "--version", "1") is not None:
        raise Violation(f"{where}: version 1 is there")
    if command.name == "purge" and store.get(STATE, "--version", "1") != document(1):
        raise Violation(f"{where}: version 1 is gone")
    if json.loads(store.ctl("locks", "--json")):
        raise Violation(f"{where}: a lock is left")
    wrong = json.loads(store.ctl("check", "--read-data", "--json"))
    if wrong:
        raise Violation(f"{where}: {wrong}")


def kill_at(store, command, point):
    store.fresh(command.deleted)
    store.run(*command.arguments, program=KILLPOINTS, STATEWARD_TEST_KILL_AT=point)
    done = check_whole(store, command, point)
    again = store.run(*command.arguments)
    if again.returncode != 0 and not (done and command.repeat_fails):
        raise Violation(f"{command.name} killed at {point}, then repeated: {again.stderr}")
    check_end(store, command, point)


def run(at_most=None):
    """At each call of each command, or at `at_most` of them by chance; how many."""
    count = 0
    with Box() as box:
        store = Store(box)
        for command in commands(store.upload):
            store.fresh(command.deleted)
            calls = box.path("calls")
            pathlib.Path(calls).unlink(missing_ok=True)
            done = store.run(*command.arguments, program=KILLPOINTS,
                             STATEWARD_TEST_DISK_CALLS=calls)
            if done.returncode != 0:
                raise Violation(f"{command.name} does not pass without a kill: {done.stderr}")
            todo = list(points(pathlib.Path(calls).read_text().split()))
            if at_most and len(todo) > at_most:
                todo = random.sample(todo, at_most)
            for point in todo:
                kill_at(store, command, point)
            print(f"  {command.name}: {len(todo)} deaths", flush=True)
            count += len(todo)
    return count
