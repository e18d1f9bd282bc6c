"""A client's requests in order; the server dies at the Nth disk call of one of them. Then another
server answers: what was acknowledged is there, what was not is there whole or not at all, the
request may be repeated, and the rest goes on as if nothing had been.
"""
import json
import pathlib
import uuid
from dataclasses import dataclass

from box import Box, connects, wait_for
from crash_world import Violation, lock_info
from stateward import Stateward


@dataclass
class Step:
    method: str
    query: str = ""
    body: bytes = None
    status: int = 200
    document: bytes = None  # what GET gives afterwards; None: 404
    holder: str = None      # whose the lock is afterwards


def document(serial, lineage="a-lineage"):
    return json.dumps({"version": 4, "serial": serial, "lineage": lineage,
                       "filler": "x" * 3000}).encode()


def steps():
    one, two, three, four = (document(n) for n in (1, 2, 3, 4))
    other = document(1, "another-lineage")
    a, b, c = (lock_info(f"lock-{x}") for x in "abc")
    return [
        Step("LOCK", "", a, 200, None, "lock-a"),
        Step("POST", "?ID=lock-a", one, 200, one, "lock-a"),
        Step("UNLOCK", "", a, 200, one),
        Step("LOCK", "", b, 200, one, "lock-b"),
        Step("POST", "?ID=lock-b", two, 200, two, "lock-b"),
        Step("POST", "?ID=lock-b", three, 200, three, "lock-b"),
        Step("POST", "?ID=lock-b", one, 409, three, "lock-b"),  # refused, and kept aside
        Step("UNLOCK", "", b"", 200, three),                    # forced
        Step("POST", "", four, 200, four),                      # -lock=false
        Step("LOCK", "", c, 200, four, "lock-c"),
        Step("DELETE", "?ID=lock-c", None, 200, None, "lock-c"),
        Step("UNLOCK", "", c, 200, None),
        Step("POST", "", other, 200, other),
    ]


TARGET = "/state/crash/steps"


def ask(server, method, query="", body=None):
    """None: the server died before it answered."""
    try:
        return server.ask(method, TARGET + query, body)
    except OSError:
        return None


def agrees(server, step):
    """Why the server does not stand where it has to after `step`; None if it does."""
    answer = ask(server, "GET")
    if answer is None:
        raise Violation(f"no answer to GET of a server that was not told to die: {server.log()[-2000:]}")
    status, _, body = answer
    wanted = (404, None) if step.document is None else (200, step.document)
    if (status, body if status == 200 else None) != wanted:
        return f"GET gives {status} {body[:80]!r}"
    if step.holder is None:
        return None
    probe = lock_info(f"probe-{uuid.uuid4()}")
    status, _, body = ask(server, "LOCK", "", probe)
    if status == 200:
        ask(server, "UNLOCK", "", probe)
    if status != 423 or json.loads(body)["ID"] != step.holder:
        return f"{step.holder} lost the lock: a probe gets {status} {body[:200]!r}"
    return None


def start(box, program, env, **options):
    """A server with one worker of one thread, so that its calls come in one order."""
    return Stateward(box, threads=1, workers=1, argv=(program,), LOG_LEVEL="error", **env,
                     **options)


def run_steps(server, done, todo):
    """Does what is to do; returns the index of the first step without an answer."""
    for number in range(done, len(todo)):
        step = todo[number]
        answer = ask(server, step.method, step.query, step.body)
        if answer is None:
            return number
        if answer[0] != step.status:
            raise Violation(f"step {number} {step.method}: {answer}")
    return len(todo)


def list_calls(program):
    """The names of the disk calls of the whole script, in their order."""
    with Box() as box:
        calls = box.path("calls")
        server = start(box, program, {"STATEWARD_TEST_DISK_CALLS": calls})
        done = run_steps(server, 0, steps())
        # Those of the server's end are none of a request: nobody would notice a death there.
        listed = pathlib.Path(calls).read_text().split()
        server.process.stop()
        if done != len(steps()):
            raise Violation("the script does not pass without a kill")
        return listed


def kill_at(program, plain_program, point):
    """One death. Returns whether the server died at all."""
    todo = steps()
    with Box() as box:
        server = start(box, program, {"STATEWARD_TEST_KILL_AT": point}, ready=False)
        wait_for(lambda: not server.process.alive() or connects(server.socket), "it starts")
        done = run_steps(server, 0, todo)
        if done == len(todo):
            return False
        wait_for(lambda: not server.process.alive(), "it died")
        server.process.wait_gone()
        server = start(box, plain_program, {})
        nothing = Step("", document=None)
        before = todo[done - 1] if done else nothing
        why = [agrees(server, before)]
        if why[0]:
            why.append(agrees(server, todo[done]))
        if None not in why:
            raise Violation(f"killed at {point}, in step {done} {todo[done].method}: {why}")
        for number in range(done, len(todo)):
            if run_steps(server, number, todo[:number + 1]) != number + 1:
                raise Violation(f"killed at {point}: no answer to step {number}")
            why = agrees(server, todo[number])
            if why:
                raise Violation(f"killed at {point}, after step {number}: {why}")
        server.process.stop()
    return True


def points(calls):
    """Before each call, after each that makes something last, within each write."""
    for number, name in enumerate(calls, 1):
        yield f"before:{number}"
        if name in ("sync", "sync-data", "link", "rename"):
            yield f"after:{number}"
        if name in ("write", "write-at"):
            yield f"half:{number}"
