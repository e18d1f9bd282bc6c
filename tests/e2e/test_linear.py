"""Locks and writes are linearizable while workers are killed and stopped (tests/linear, Porcupine)."""
import os
import subprocess
import unittest

from box import ROOT, Box
from stateward import Stateward
from webservers import Nginx

# A random worker: killed three times in four, else stopped for a while.
NEMESIS = r"""
pid=$(tr ' ' '\n' < /proc/%(supervisor)d/task/%(supervisor)d/children | grep . | shuf -n 1)
if [ $((RANDOM %% 4)) -gt 0 ]; then kill -9 $pid; else
kill -STOP $pid; sleep 0.3; kill -CONT $pid; fi
true  # between two workers there may be none
"""


class Linear(unittest.TestCase):
    def test_5000_operations(self):
        with Box() as box:
            server = Stateward(box)
            nginx = Nginx(box, "unix:" + server.socket)
            script = box.write("nemesis.sh", NEMESIS % {"supervisor": server.process.pid})
            run = subprocess.run(
                [str(ROOT / "build/prove-locks"), "-url", f"http://127.0.0.1:{nginx.plain[1]}",
                 "-ops", "5000", "-duration", "25s", "-nemesis-cmd", f"bash {script} 2>/dev/null",
                 "-drawing", box.path("prove-locks.html")],
                env=dict(os.environ, PROVE_LOCKS_PASSWORD="secret"), capture_output=True, text=True,
                timeout=400, check=False)
            self.assertEqual(0, run.returncode, run.stdout[-3000:] + run.stderr[-3000:])
            self.assertIn("result Ok", run.stdout.splitlines()[-1])
            self.assertIn("a worker ended and is replaced", server.log())


if __name__ == "__main__":
    unittest.main()
