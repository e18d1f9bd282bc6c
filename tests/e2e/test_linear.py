"""Locks, plan locks, maintenance and writes are linearizable while workers are killed and stopped
(tests/linear, Porcupine), 20,000 operations over the pairs. Where lock and storage are two services
a write may land after its lock was released (docs/lock.md, "What a service forgets"): the prover's
rules allow just that there. LINEAR_PAIRS=all: on each pair (`make prove-linear`, which is longer)."""
import os
import subprocess
import sys
import unittest

from box import ROOT, Box, wait_for
from pairs import PAIRS, Pair, make_cases
from policy_world import TOKENS, policy
from webservers import Nginx

# A random worker: killed the first time and then three times in four, else stopped for a while.
NEMESIS = r"""
pid=$(tr ' ' '\n' < /proc/%(supervisor)d/task/%(supervisor)d/children | grep . | shuf -n 1)
if [ ! -e %(killed)s -o $((RANDOM %% 4)) -gt 0 ]; then kill -9 $pid && touch %(killed)s; else
kill -STOP $pid; sleep 0.3; kill -CONT $pid; fi
true  # between two workers there may be none
"""


# Lock and storage in one place: there a write is done when its lock is released.
TOGETHER = ("fs+local", "postgres+postgres")


class Linear:
    PAIR, OPS, SECONDS, KILLS = None, 0, 0, True

    def test_operations(self):
        ops = os.environ.get("LINEAR_OPS") or self.OPS
        seconds = os.environ.get("LINEAR_SECONDS") or self.SECONDS
        kills = self.KILLS or os.environ.get("LINEAR_PAIRS") == "all"
        with Box() as box:
            # One principal of all rights: the model knows no others.
            people = box.write("policy.toml", policy(), 0o600)
            server = Pair(box, self.PAIR).stateward(PLAN_LOCKS="shared", AUTH_POLICY_FILE=people,
                                                    PLAN_LOCKS_WRITER_WAIT="0")
            nginx = Nginx(box, "unix:" + server.socket)
            script = box.write("nemesis.sh", NEMESIS % {"supervisor": server.process.pid,
                                                        "killed": box.path("killed")})
            rules = [] if self.PAIR in TOGETHER else ["-arrive-late"]
            rules += ["-give-back"] if self.PAIR.endswith("+s3") else []
            run = subprocess.run(
                [str(ROOT / "build/prove-locks"), "-url", f"http://127.0.0.1:{nginx.plain[1]}",
                 "-user", "x", "-plans", "-maintenance", *rules, "-ops", str(ops),
                 "-duration", f"{seconds}s", "-states", str(STATES),
                 "-nemesis-cmd", f"bash {script} 2>/dev/null" if kills else "",
                 "-nemesis-max", "800ms", "-drawing", box.path("prove-locks.html")],
                env=dict(os.environ, PROVE_LOCKS_PASSWORD=TOKENS["root"]), capture_output=True,
                text=True, timeout=int(seconds) + 400, check=False)
            print(f"{self.PAIR}: " + "".join(run.stdout.splitlines()[-1:]), flush=True)
            self.assertEqual(0, run.returncode, run.stdout[-3000:] + run.stderr[-3000:])
            self.assertIn("result Ok", run.stdout.splitlines()[-1])
            if kills:
                wait_for(lambda: "a worker ended and is replaced" in server.log(), "a worker was killed")


# A forced release within two minutes of the last is taken for its repeat: of more states there are
# more that count. Each has enough operations left for its clients to meet.
STATES = 8
SHARES = {"fs+local": 14000, "postgres+postgres": 3000, "s3+s3": 1500, "s3+redis": 1500}
for pair in PAIRS if os.environ.get("LINEAR_PAIRS") == "all" else SHARES:
    # A lock in S3 that a killed worker left half taken makes many histories possible, which takes
    # long to check: there `make prove-linear` kills.
    make_cases(sys.modules[__name__], Linear, (pair,), OPS=SHARES.get(pair, 1500),
               KILLS=pair != "s3+s3")


if __name__ == "__main__":
    unittest.main()
