"""Locks and writes are linearizable while workers are killed and stopped (tests/linear, Porcupine),
where a write cannot outlive its lock. LINEAR_PAIRS=all: on each pair; elsewhere a killed worker's
write may land after a forced release, until the next LOCK (docs/lock.md, "What a service forgets"),
which the model of the prover does not allow. `make prove-linear`: longer, all pairs."""
import os
import subprocess
import sys
import unittest

from box import ROOT, Box
from pairs import PAIRS, Pair, make_cases
from webservers import Nginx

# A random worker: killed three times in four, else stopped for a while.
NEMESIS = r"""
pid=$(tr ' ' '\n' < /proc/%(supervisor)d/task/%(supervisor)d/children | grep . | shuf -n 1)
if [ $((RANDOM %% 4)) -gt 0 ]; then kill -9 $pid; else
kill -STOP $pid; sleep 0.3; kill -CONT $pid; fi
true  # between two workers there may be none
"""


class Linear:
    PAIR, OPS, SECONDS = None, 5000, 25

    def test_operations(self):
        ops = os.environ.get("LINEAR_OPS") or self.OPS
        seconds = os.environ.get("LINEAR_SECONDS") or self.SECONDS
        with Box() as box:
            server = Pair(box, self.PAIR).stateward(PLAN_LOCKS="shared", PLAN_LOCKS_WRITER_WAIT="0")
            nginx = Nginx(box, "unix:" + server.socket)
            script = box.write("nemesis.sh", NEMESIS % {"supervisor": server.process.pid})
            run = subprocess.run(
                [str(ROOT / "build/prove-locks"), "-url", f"http://127.0.0.1:{nginx.plain[1]}",
                 "-plans", "-ops", str(ops), "-duration", f"{seconds}s",
                 "-nemesis-cmd", f"bash {script} 2>/dev/null",
                 "-drawing", box.path("prove-locks.html")],
                env=dict(os.environ, PROVE_LOCKS_PASSWORD="secret"), capture_output=True, text=True,
                timeout=int(seconds) + 400, check=False)
            print(f"{self.PAIR}: " + "".join(run.stdout.splitlines()[-1:]), flush=True)
            self.assertEqual(0, run.returncode, run.stdout[-3000:] + run.stderr[-3000:])
            self.assertIn("result Ok", run.stdout.splitlines()[-1])
            self.assertIn("a worker ended and is replaced", server.log())


make_cases(sys.modules[__name__], Linear, PAIRS[:1])
SMALL = PAIRS[1:] if os.environ.get("LINEAR_PAIRS") == "all" else ("postgres+postgres",)
make_cases(sys.modules[__name__], Linear, SMALL, OPS=1500, SECONDS=8)


if __name__ == "__main__":
    unittest.main()
