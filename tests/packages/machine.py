"""A fresh Debian that is booted in a container of its own: systemd-nspawn on a copy-on-write layer over a
root that mmdebstrap made. Needs root. It has no network but its own loopback; it is gone afterwards."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "stateward"
MIRROR = os.environ.get("STATEWARD_MIRROR", "http://deb.debian.org/debian")
# What the packages need is there already: a test installs without a network.
PACKAGES = ("systemd systemd-sysv dbus nginx apache2 ssl-cert curl ca-certificates python3 procps "
            "debconf logrotate spawn-fcgi multiwatch libcjson1 libpq5 libzstd1 libcrypt1 "
            "python3-cryptography python3-zstandard").split()
# The same libraries have other names in each release.
LIBRARIES = {"bookworm": "libfcgi0ldbl libcurl4 libhiredis0.14 libjwt0 libmicrohttpd12",
             "trixie": "libfcgi0t64 libcurl4t64 libhiredis1.1.0 libjwt2 libmicrohttpd12t64"}
# mount: the host's own /run/systemd is not touched; nspawn wants a tmpfs there.
BOOT = """
mkdir -p /run/systemd
mount -t tmpfs tmpfs /run/systemd
mount -t overlay overlay -o lowerdir={base},upperdir={work}/upper,workdir={work}/work {work}/root
exec systemd-nspawn -q -D {work}/root -b --register=no --keep-unit --private-network \
  --bind-ro={share}:/mnt -M {name} </dev/null
"""
PATIENCE_S = 120


def base(suite):
    """The folder of the fresh root; made once."""
    root = CACHE / f"debian-{suite}"
    if not root.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        made = tempfile.mkdtemp(prefix="debian-", dir=CACHE)
        subprocess.run(["mmdebstrap", "--variant=minbase", "--skip=cleanup/apt/lists",
                        "--include=" + ",".join([*PACKAGES, *LIBRARIES[suite].split()]), suite, made, MIRROR], check=True)
        os.chmod(made, 0o755)
        os.rename(made, root)
    return root


class Machine:
    """share: files that lie in /mnt there."""

    def __init__(self, share, suite):
        # Overlay's own layer cannot lie on an overlay; a tmpfs would cost memory.
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="stateward-machine-", dir="/var/tmp"))
        self.share = self.work / "share"
        for name in ("upper", "work", "root", "share"):
            (self.work / name).mkdir()
        self.put(*share)
        script = BOOT.format(base=base(suite), work=self.work, share=self.share, name=f"stateward-{os.getpid()}")
        self.console = open(self.work / "console", "wb")
        self.process = subprocess.Popen(["unshare", "-m", "bash", "-ec", script], start_new_session=True,
                                        stdout=self.console, stderr=self.console)
        self.leader = None
        self.wait_for(self.find_leader, "it boots")
        self.wait_for(lambda: self.run("systemctl is-system-running", check=False).stdout.strip() in
                      ("running", "degraded"), "its start is done")
        self.run("echo 127.0.0.1 localhost >>/etc/hosts")

    def put(self, *files):
        for file in files:
            shutil.copy(file, self.share)

    def find_leader(self):
        """systemd-nspawn's child, which is process 1 there."""
        if self.process.poll() is not None:
            raise RuntimeError((self.work / "console").read_text(errors="replace"))
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for child in children.read_text().split():
            try:
                if os.path.basename(os.readlink(f"/proc/{child}/exe")) == "systemd":
                    self.leader = child
            except OSError:  # one of nspawn's helpers has ended
                continue
        return self.leader

    def wait_for(self, condition, what, seconds=PATIENCE_S):
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                raise RuntimeError(f"{what}: waited {seconds} s")
            time.sleep(0.1)

    def run(self, command, check=True, stdin=None, **env):
        """A shell command there, as root. Its output, both kinds in one, is .stdout."""
        words = [f"{k}={v}" for k, v in env.items()]
        done = subprocess.run(
            ["nsenter", "-t", self.leader, "-m", "-u", "-i", "-n", "-p", "env", "-i", "HOME=/root",
             "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/mnt", "LANG=C.UTF-8", *words, "bash", "-c",
             "cd /root; exec 2>&1\n" + command],
            input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True, timeout=600, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{command}\nends with {done.returncode}:\n{done.stdout}")
        return done

    def close(self):
        if self.process.poll() is None:
            # With process 1 all go that run there; it outlives a systemd-nspawn that is killed.
            if self.leader:
                os.kill(int(self.leader), signal.SIGKILL)
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.console.close()
        shutil.rmtree(self.work, ignore_errors=True)
