"""A temporary folder, and processes that end with the test, whatever becomes of the test.

Everything runs as an ordinary user: as who runs the tests, or, when that is root, as www-data (the
web servers' user in Debian), so that a socket of mode 0660 and the peer check are those of a real
host.
"""
import atexit
import ctypes
import fcntl
import functools
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Long enough for a sanitizer build on a busy machine with two cores.
PATIENCE_S = 30
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def wait_for(condition, what, seconds=PATIENCE_S):
    """Polls until condition() is true and returns its value; fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(0.01)


def test_user():
    """(uid, gid) to run programs as; None when we are an ordinary user already."""
    if os.geteuid() != 0:
        return None
    for name in ("www-data", "nobody"):
        try:
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
        except KeyError:
            continue
    raise RuntimeError("neither www-data nor nobody exists")


_COPIES = {}  # path -> (folder that is removed at exit, path in it)


def copy_for_all(path):
    """A copy (or a link) of a program in a folder that every user may enter."""
    path = str(path)
    if path not in _COPIES:
        folder = tempfile.TemporaryDirectory(prefix="stateward-program-")
        os.chmod(folder.name, 0o755)
        copy = os.path.join(folder.name, os.path.basename(path))
        try:
            os.link(path, copy)
        except OSError:  # another file system
            shutil.copy(path, copy)
        os.chmod(copy, 0o755)
        _COPIES[path] = folder, copy
    return _COPIES[path][1]


@functools.cache
def closed(folder):
    """Whether a folder lets others than its owner not through, as /root of Debian."""
    parts = [folder, *folder.parents]
    return any(not os.stat(part).st_mode & 0o001 for part in parts)


def reachable(argument):
    """A file of the project where the test user can reach it; anything else as it is."""
    path = pathlib.Path(str(argument))
    ours = path.is_absolute() and path.is_relative_to(ROOT) and path.is_file()
    if not ours or test_user() is None or not closed(path.parent):
        return str(argument)
    return copy_for_all(path)


# Ports, and who has them: the one that is to bind one may not have done so yet, or may stop and start again. A
# lock on the byte of a port's number holds in all processes of the machine, and until the process ends.
PORTS = "/tmp/stateward-test-ports"
GIVEN = set()
CHANCE = random.SystemRandom()  # a test that wants the same numbers each time seeds the other one


@functools.cache
def ports_file():
    """Open for good: a lock ends as soon as its process closes the file, on whatever descriptor."""
    try:
        return os.open(PORTS, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        # Ready before it has its name, so that other users can open it.
        made, name = tempfile.mkstemp(dir=os.path.dirname(PORTS))
        os.fchmod(made, 0o666)
        os.close(made)
        try:
            os.link(name, PORTS)
        except FileExistsError:
            pass
        os.unlink(name)
        return os.open(PORTS, os.O_RDWR | os.O_NOFOLLOW)


def reserve(port):
    """Whether the port is this process's from now on."""
    if port in GIVEN:
        return False
    try:
        fcntl.lockf(ports_file(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except BlockingIOError:
        return False
    GIVEN.add(port)
    return True


def free_port(host="127.0.0.1"):
    """A port below the range from which the kernel takes ports for outgoing connections. No other test gets it
    as long as this process lives."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = CHANCE.randint(20000, 32000)
        if not reserve(port):
            continue
        with socket.socket(family) as probe:
            try:
                probe.bind((host, port))
                return port
            except OSError:
                continue


def connects(address):
    """Whether something listens at a path or a (host, port)."""
    family = (socket.AF_UNIX if isinstance(address, str) else
              socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    with socket.socket(family) as probe:
        probe.settimeout(1)
        try:
            probe.connect(address)
            return True
        except OSError:
            return False


def _die_with_parent():
    # A test that is killed takes its programs along: each of them stops its own children on TERM.
    # (The parent is the thread that started it.)
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def stat_of_all(folder="/proc"):
    """(number, text behind the name) of each process, or thread, of which folder has a stat. One that
    ends meanwhile is left out: a glob would fail, for a look at it says "no such process"."""
    for number in filter(str.isdigit, os.listdir(folder)):
        try:
            yield int(number), pathlib.Path(folder, number, "stat").read_text().rsplit(")", 1)[1]
        except OSError:
            continue


def group_members(group):
    """The living processes of a process group. A zombie has closed all that it had."""
    members = []
    for number, text in stat_of_all():
        state, _, its_group = text.split()[:3]
        if int(its_group) == group and state not in "ZX":
            members.append(number)
    return members


class Process:
    """One started program; its output goes to a file."""

    def __init__(self, box, argv, *, env=None, stdin=subprocess.DEVNULL, pass_fds=(), log=None,
                 stop_signal=signal.SIGTERM):
        self.stop_signal = stop_signal
        self.name = os.path.basename(str(argv[0]))
        self.log_path = box.path(log or f"{self.name}-{random.randrange(1 << 32):08x}.log")
        with open(self.log_path, "ab") as log_file:
            self.popen = subprocess.Popen(
                [reachable(a) for a in argv], env=environment(env), cwd=box.folder, stdin=stdin,
                stdout=log_file, stderr=log_file, pass_fds=pass_fds, process_group=0,
                preexec_fn=_die_with_parent, **box.identity())
        self.pid = self.popen.pid

    def log(self):
        return pathlib.Path(self.log_path).read_text(errors="replace")

    def alive(self):
        return self.popen.poll() is None

    def wait_until(self, condition, what, seconds=PATIENCE_S):
        """As wait_for, but fails at once, with the log, when the program ends."""
        def check():
            value = condition()
            if not value and not self.alive():
                raise AssertionError(f"{self.name} ended ({self.popen.returncode}) before: {what}\n"
                                     + self.log()[-3000:])
            return value
        return wait_for(check, what, seconds)

    def send(self, number):
        if self.popen.poll() is None:
            os.kill(self.pid, number)

    def wait_gone(self, seconds=PATIENCE_S):
        """After a kill of its group: until none of it, started however late, holds anything."""
        self.popen.wait(seconds)
        wait_for(lambda: not group_members(self.pid), f"all of {self.name} are gone", seconds)

    def stop(self, number=None, seconds=60):
        """Signals (with its stop_signal), waits, then kills what is left of the process group; returns the exit
        code. Stateward itself gives its workers 45 s."""
        if self.popen.returncode is not None:
            return self.popen.returncode
        self.send(number or self.stop_signal)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.popen.returncode is None:
            # WNOWAIT: until it is reaped, its number cannot become another group's.
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                break
            time.sleep(0.005)
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self.popen.wait()


def environment(extra):
    """Nothing of the caller's settings reaches a program, sanitizer options excepted."""
    env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"):
        if name in os.environ:
            env[name] = os.environ[name]
    env.update(extra or {})
    return env


class Box:
    """The folder and the processes of one test or one group of tests. Close it, or use `with`."""

    def __init__(self, parent=None):
        self.user = test_user()
        # Paths of sockets in it must fit into 107 bytes.
        self.folder = tempfile.mkdtemp(prefix="stateward-", dir=parent)
        if self.user:
            os.chown(self.folder, *self.user)
        self.processes = []
        atexit.register(self.close)

    def identity(self):
        if not self.user:
            return {}
        return {"user": self.user[0], "group": self.user[1], "extra_groups": []}

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_dir(self, name, mode=0o700):
        path = self.path(name)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
        self.give(path)
        return path

    def write(self, name, text, mode=0o600):
        path = self.path(name)
        pathlib.Path(path).write_bytes(text if isinstance(text, bytes) else text.encode())
        os.chmod(path, mode)
        self.give(path)
        return path

    def give(self, path):
        if self.user:
            os.chown(path, *self.user)

    def start(self, argv, **options):
        process = Process(self, argv, **options)
        self.processes.append(process)
        return process

    def run(self, argv, seconds=60, **options):
        """Runs a program to its end as the test user; returns the CompletedProcess."""
        return subprocess.run([reachable(a) for a in argv], env=environment(options.pop("env", None)),
                              capture_output=True, text=True, timeout=seconds, cwd=self.folder,
                              **self.identity(), **options)

    def close(self):
        for process in reversed(self.processes):
            process.stop(seconds=15)  # how it ends does not matter here
        self.processes = []
        shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.close)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
