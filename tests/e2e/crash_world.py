"""States, the writers that fill them, and what must hold of them whatever is killed meanwhile.

Everything that a client was told is noted before the next request goes out; a check compares what
the server says now with these notes.
"""
import hashlib
import http.client
import json
import random
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

    def locked(self, lock_id):
        with self.mutex:
            if self.holder:
                raise Violation(f"{self.name}: {lock_id} and {self.holder} hold it at once")
            self.holder = lock_id
            self.holder_changes += 1

    def releasing(self):
        with self.mutex:
            self.holder = None
            self.holder_changes += 1

    def lock_view(self):
        with self.mutex:
            return self.holder, self.holder_changes


def lock_info(lock_id):
    return json.dumps({"ID": lock_id, "Operation": "OperationTypeApply", "Who": "prover"}).encode()


class Caller:
    """Sends requests until an answer comes that is one. For one thread."""

    def __init__(self, address, patience_s=30, strict=False):
        self.client = Client(address, auth=AUTH, keep=True, timeout=patience_s)
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


class Writer(threading.Thread):
    """LOCK, GET, one to three POSTs, UNLOCK, on a random state, again and again."""

    def __init__(self, world, number):
        super().__init__(name=f"writer-{number}", daemon=True)
        self.world = world
        self.caller = Caller(world.address, world.patience_s, world.strict)
        self.writes = self.cycles = 0
        self.error = None

    def run(self):
        try:
            while not self.world.stopping.is_set():
                self.cycle(random.choice(self.world.states))
        except Exception as error:  # noqa: B902: whatever it is, the main thread is to tell it
            self.error = error
            self.world.stopping.set()

    def cycle(self, state):
        lock_id = str(uuid.uuid4())
        state.lock_ids.add(lock_id)
        answer = self.caller.call("LOCK", state.target, lock_info(lock_id), wanted=(200, 423))
        if answer.status == 423:
            holder = json.loads(answer.body)["ID"]
            if holder not in state.lock_ids:
                raise Violation(f"{state.name}: held by {holder}, which nobody ever sent")
            time.sleep(random.uniform(*RETRY_S))
            return
        state.locked(lock_id)
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


class World:
    """Some states for the writers, and one that is locked for as long as it lasts.
    strict: while something is broken, 503 with Retry-After is the only answer that is allowed."""

    def __init__(self, address, states=4, writers=8, strict=False, patience_s=30):
        self.address, self.strict, self.patience_s = address, strict, patience_s
        self.stopping = threading.Event()
        self.states = [State(f"s{i}") for i in range(states)]
        self.kept = State("kept")
        self.caller = Caller(address, patience_s, strict)
        self.writers = [Writer(self, i) for i in range(writers)]
        self.checks = 0

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
        for writer in self.writers:
            writer.start()

    def stop(self):
        self.stopping.set()
        for writer in self.writers:
            writer.join(120)
            if writer.is_alive():
                raise Violation(f"{writer.name} hangs")
        self.raise_errors()

    def raise_errors(self):
        for writer in self.writers:
            if writer.error:
                raise writer.error

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
            if same and shown != holder:
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
        return self.caller.retries + sum(w.caller.retries for w in self.writers)

    def totals(self):
        return (sum(w.writes for w in self.writers), sum(w.cycles for w in self.writers),
                sum(w.caller.retries for w in self.writers))
