"""What all real services of the tests have in common (services.py has them)."""
import functools
import os
import pathlib
import secrets
import shutil
import signal
import subprocess

from box import PATIENCE_S, ROOT, connects, copy_for_all, free_port, stat_of_all, wait_for

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def program(name):
    """A program of Debian's. A missing one is an error of the test, never a skip."""
    path = shutil.which(name, path=SYSTEM_PATH)
    if not path:
        raise RuntimeError(f"{name} is missing: tools/deps.sh test")
    return path


@functools.cache
def tool(name):
    """A program of tests/tools, built if need be. The cache may lie where the test user cannot
    read, so it is run from a place of ours."""
    run = subprocess.run([str(ROOT / "tests/tools/build.sh"), name], stdout=subprocess.PIPE,
                         text=True, check=True)
    built = run.stdout.strip()
    if os.geteuid() != 0:
        return built
    return copy_for_all(built)


def descendants(pid):
    """The process and all below it, itself first."""
    found = [pid]
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return found
    for child in children:
        found += descendants(int(child))
    return found


def stands(pid):
    """All threads of a process are stopped, or it is gone."""
    try:
        return all(text.split()[0] in "TtZX" for _, text in stat_of_all(f"/proc/{pid}/task"))
    except OSError:
        return True


def signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def gone(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return text.rsplit(")", 1)[1].split()[0] in "ZX"


class Service:
    """One started program and the folder with its data. `folder`: another place for the data."""
    NAME = "service"
    STOP_SIGNAL = signal.SIGTERM
    PATIENCE_S = PATIENCE_S

    def __init__(self, box, folder=None, ready=True):
        self.box = box
        self.host, self.port = "127.0.0.1", free_port()
        self.folder = box.make_dir(folder or f"{self.NAME}-{self.port}")
        self.password = secrets.token_hex(16)
        self.process = None
        self.prepare()
        self.start(ready)

    # What each service says of itself.
    def prepare(self):
        """Writes its files; once."""

    def argv(self):
        raise NotImplementedError

    def env(self):
        return {}

    def answers(self):
        """Whether it does its work now."""
        return connects(self.address())

    def settings(self):
        """The settings with which Stateward reaches it."""
        return {}

    # What is the same for all.
    def address(self):
        return self.host, self.port

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o600):
        return self.box.write(self.path(name), text, mode)

    def start(self, ready=True):
        self.process = self.box.start(self.argv(), env=self.env(),
                                      log=f"{self.NAME}-{self.port}.log",
                                      stop_signal=self.STOP_SIGNAL)
        if ready:
            self.wait_ready()

    def wait_ready(self, seconds=None):
        self.process.wait_until(self.answers, f"{self.NAME} answers", seconds or self.PATIENCE_S)

    def stop(self):
        """As its administrator would."""
        self.resume()
        self.process.stop()

    def kill(self):
        """kill -9 of all its processes at once; returns when they are gone."""
        pids = descendants(self.process.pid)
        signal_all(pids, signal.SIGKILL)
        self.process.stop(signal.SIGKILL)
        wait_for(lambda: all(gone(pid) for pid in pids), f"{self.NAME} is gone")

    def pause(self):
        """All its processes stand still; connections stay open."""
        pids = descendants(self.process.pid)
        signal_all(pids, signal.SIGSTOP)
        # A thread that computes goes on for a moment.
        wait_for(lambda: all(stands(pid) for pid in pids), f"{self.NAME} stands still")

    def resume(self):
        signal_all(descendants(self.process.pid), signal.SIGCONT)

    def restart(self):
        self.stop()
        self.start()

    def log(self):
        return self.process.log()
