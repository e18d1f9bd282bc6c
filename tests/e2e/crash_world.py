"""States, the writers that fill them, and what must hold of them whatever is killed meanwhile.

Everything that a client was told is noted before the next request goes out; a check compares what
the server says now with these notes.
"""
import hashlib
import http.client
import json
import random
import re
import threading
import time
import uuid

from client import Client
from stateward import AUTH

# Answers that tell a client to try again.
AGAIN = (429, 500, 502, 503, 504)
RETRY_S = (0.005, 0.03)


class Violation(Exception):
    """A promise was broken."""


class State:
    """One state and what is known of it. `mutex` guards every field below it."""

    def __init__(self, name):
        self.name = name
        self.target = f"/state/crash/{name}"
        self.lineage = str(uuid.uuid4())
        self.mutex = threading.Lock()
        self.sent = {}            # digest of each document that was ever sent -> its serial
        self.acknowledged = 0     # the largest serial that got a 200
        self.body = None          # and its document
        self.holder = None        # lock ID that got a 200 and was not given back
        self.holder_changes = 0
        self.plans = set()        # lock IDs of plans, likewise
        self.shut = False         # no new lock is given: a maintenance was answered 200
        self.shut_changes = 0
        self.lock_ids = set()     # every ID that was ever sent

    def document(self, writer, size):
        """The next document; noted as sent."""
        with self.mutex:
            serial = self.acknowledged + 1
            body = json.dumps({
                "version": 4, "serial": serial, "lineage": self.lineage, "state": self.name,
                "writer": writer, "filler": random.randbytes(size // 2).hex()}).encode()
            self.sent[hashlib.sha256(body).digest()] = serial
        return serial, body

    def written(self, serial, body):
        with self.mutex:
            self.acknowledged, self.body = serial, body

    def locked(self, lock_id, asked=None, plan=False):
        """asked: shut_view() of when the LOCK was first sent."""
        with self.mutex:
            if self.holder or self.plans and not plan:
                raise Violation(f"{self.name}: {lock_id} and {self.holder or self.plans} hold it "
                                "at once")
            if asked == (True, self.shut_changes):
                raise Violation(f"{self.name}: {lock_id} got the lock in a maintenance")
            if plan:
                self.plans.add(lock_id)
                return
            self.holder = lock_id
            self.holder_changes += 1

    def releasing(self):
        with self.mutex:
            self.holder = None
            self.holder_changes += 1

    def plan_ends(self, lock_id):
        with self.mutex:
            self.plans.discard(lock_id)

    def shutting(self, shut):
        with self.mutex:
            self.shut = shut
            self.shut_changes += 1

    def shut_view(self):
        with self.mutex:
            return self.shut, self.shut_changes

    def lock_view(self):
        with self.mutex:
            return self.holder, self.holder_changes


def lock_info(lock_id, operation="OperationTypeApply"):
    return json.dumps({"ID": lock_id, "Operation": operation, "Who": "prover"}).encode()


# What a 423 names in the place of a lock ID.
SENTENCE = re.compile(r"MAINTENANCE until |\d+ plans hold it: |a write waits for the lock: ")


class Caller:
    """Sends requests until an answer comes that is one. For one thread."""

    def __init__(self, address, patience_s=30, strict=False, auth=AUTH):
        self.client = Client(address, auth=auth, keep=True)
        self.patience_s, self.strict = patience_s, strict
        self.retries = 0

    def call(self, method, target, body=None, wanted=(200,)):
        deadline = time.monotonic() + self.patience_s
        while True:
            try:
                answer = self.client.request(method, target, body)
                said = repr(answer)
            except (OSError, http.client.HTTPException) as error:
                answer, said = None, repr(error)
            if answer and answer.status not in AGAIN:
                if answer.status not in wanted:
                    raise Violation(f"{method} {target}: {said}")
                return answer
            if self.strict and not (answer and answer.status == 503 and
                                    answer.header("Retry-After")):
                raise Violation(f"{method} {target}: no 503 with Retry-After, but {said}")
            if time.monotonic() > deadline:
                raise Violation(f"{method} {target}: in {self.patience_s} s only {said}")
            self.retries += 1
            time.sleep(random.uniform(*RETRY_S))


def ask_for_lock(caller, state, plan=False):
    """The ID of the lock; None: it is not to be had, for a reason that there is."""
    lock_id = str(uuid.uuid4())
    state.lock_ids.add(lock_id)
    asked = state.shut_view()
    info = lock_info(lock_id, "OperationTypePlan") if plan else lock_info(lock_id)
    answer = caller.call("LOCK", state.target, info, wanted=(200, 423))
    if answer.status == 200:
        state.locked(lock_id, asked, plan)
        return lock_id
    holder = json.loads(answer.body)["ID"]
    if holder not in state.lock_ids and not SENTENCE.match(holder):
        raise Violation(f"{state.name}: held by {holder}, which nobody ever sent")
    time.sleep(random.uniform(*RETRY_S))
    return None


class Worker(threading.Thread):
    """One cycle after the other on a random state."""

    def __init__(self, world, name):
        super().__init__(name=name, daemon=True)
        self.world = world
        self.caller = world.new_caller()
        self.cycles = 0
        self.error = None

    def run(self):
        try:
            while not self.world.stopping.is_set():
                self.cycle(random.choice(self.world.states))
        except Exception as error:  # noqa: B902: whatever it is, the main thread is to tell it
            self.error = error
            self.world.stopping.set()


class Writer(Worker):
    """LOCK, GET, one to three POSTs, UNLOCK."""
    writes = 0

    def cycle(self, state):
        lock_id = ask_for_lock(self.caller, state)
        if not lock_id:
            return
        answer = self.caller.call("GET", state.target)
        if answer.body != state.body:
            raise Violation(f"{state.name}: the holder reads {answer.body[:120]!r}, but was told "
                            f"that {state.body[:120]!r} is stored")
        for _ in range(random.randint(1, 3)):
            serial, body = state.document(self.name, random.choice((100, 2000, 20000, 60000)))
            self.caller.call("POST", f"{state.target}?ID={lock_id}", body)
            state.written(serial, body)
            self.writes += 1
        state.releasing()
        self.caller.call("UNLOCK", state.target, lock_info(lock_id))
        self.cycles += 1


class Planner(Worker):
    """LOCK of a plan, two GETs, UNLOCK: nobody writes meanwhile."""

    def cycle(self, state):
        lock_id = ask_for_lock(self.caller, state, plan=True)
        if not lock_id:
            return
        for _ in range(2):
            answer = self.caller.call("GET", state.target)
            if answer.body != state.body:
                raise Violation(f"{state.name}: a plan reads {answer.body[:120]!r}, but was told "
                                f"that {state.body[:120]!r} is stored")
        state.plan_ends(lock_id)
        self.caller.call("UNLOCK", state.target, lock_info(lock_id))
        self.cycles += 1


class Maintainer(Worker):
    """`maintenance set` of one state, and its end, over HTTP: for an administrator."""

    def cycle(self, state):
        glob = {"glob": state.target.removeprefix("/state/")}
        shut = {**glob, "until": "2099-01-01T00:00:00Z", "reason": "the prover"}
        self.caller.call("POST", "/api/v1/maintenance", json.dumps(shut).encode())
        state.shutting(True)
        time.sleep(random.uniform(*RETRY_S))
        state.shutting(False)
        self.caller.call("POST", "/api/v1/maintenance/end", json.dumps(glob).encode(),
                         wanted=(200, 404))  # 404: the first try's answer got lost
        self.cycles += 1
        time.sleep(random.uniform(*RETRY_S))


class World:
    """Some states for the writers, and one that is locked for as long as it lasts.
    strict: while something is broken, 503 with Retry-After is the only answer that is allowed.
    planners: so many take plan locks; maintained: one sets and ends maintenances."""

    def __init__(self, address, states=4, writers=8, strict=False, patience_s=30, auth=AUTH,
                 planners=0, maintained=False):
        self.address, self.strict, self.patience_s = address, strict, patience_s
        self.auth = auth
        self.stopping = threading.Event()
        self.states = [State(f"s{i}") for i in range(states)]
        self.kept = State("kept")
        self.caller = self.new_caller()
        self.writers = [Writer(self, f"writer-{i}") for i in range(writers)]
        self.planners = [Planner(self, f"planner-{i}") for i in range(planners)]
        self.maintainers = [Maintainer(self, "maintainer")] if maintained else []
        self.workers = self.writers + self.planners + self.maintainers
        self.checks = 0

    def new_caller(self):
        return Caller(self.address, self.patience_s, self.strict, self.auth)

    def create(self, state):
        serial, body = state.document("creator", 1000)
        self.caller.call("POST", state.target, body)
        state.written(serial, body)

    def start(self):
        for state in self.states + [self.kept]:
            self.create(state)
        self.kept.lock_ids.add("kept-lock")
        self.caller.call("LOCK", self.kept.target, lock_info("kept-lock"))
        self.kept.locked("kept-lock")
        for worker in self.workers:
            worker.start()

    def stop(self):
        self.stopping.set()
        for worker in self.workers:
            worker.join(120)
            if worker.is_alive():
                raise Violation(f"{worker.name} hangs")
        self.raise_errors()

    def raise_errors(self):
        for worker in self.workers:
            if worker.error:
                raise worker.error

    def check(self):
        """Every state, while the writers go on."""
        self.raise_errors()
        for state in self.states + [self.kept]:
            self.check_document(state)
            self.check_lock(state)
        self.checks += 1

    def check_document(self, state):
        with state.mutex:
            floor = state.acknowledged
        answer = self.caller.call("GET", state.target, wanted=(200, 404))
        if answer.status == 404:
            raise Violation(f"{state.name}: 404, but serial {floor} was acknowledged")
        digest = hashlib.sha256(answer.body).digest()
        with state.mutex:
            serial = state.sent.get(digest)
        if serial is None:
            whose = [s.name for s in self.states + [self.kept] if digest in s.sent]
            raise Violation(f"{state.name}: holds a document that nobody sent to it (that of "
                            f"{whose or 'no state'}): {answer.body[:120]!r}")
        if serial < floor:
            raise Violation(f"{state.name}: serial {serial}, but {floor} was acknowledged: lost")

    def check_lock(self, state):
        holder, changes = state.lock_view()
        if holder is None:
            return
        probe = f"probe-{uuid.uuid4()}"
        state.lock_ids.add(probe)
        answer = self.caller.call("LOCK", state.target, lock_info(probe), wanted=(200, 423))
        same = state.lock_view() == (holder, changes)
        if answer.status == 423:
            shown = json.loads(answer.body)["ID"]
            if same and shown != holder and not shown.startswith("MAINTENANCE"):
                raise Violation(f"{state.name}: held by {shown}, but {holder} was told it has it")
            return
        if same:
            raise Violation(f"{state.name}: {holder} was told it has the lock, but a probe got it")
        self.caller.call("UNLOCK", state.target, lock_info(probe))

    def finish(self):
        """The lock that was held all the time still writes, and is given back."""
        self.check()
        serial, body = self.kept.document("creator", 1000)
        self.caller.call("POST", self.kept.target + "?ID=kept-lock", body)
        self.kept.written(serial, body)
        self.kept.releasing()
        self.caller.call("UNLOCK", self.kept.target, lock_info("kept-lock"))
        self.check()

    def refused(self):
        """How many requests had to be repeated so far."""
        return self.caller.retries + sum(w.caller.retries for w in self.workers)

    @staticmethod
    def cycles(workers):
        return sum(worker.cycles for worker in workers)

    def totals(self):
        return (sum(w.writes for w in self.writers), self.cycles(self.writers),
                sum(w.caller.retries for w in self.workers))
