#!/usr/bin/env python3
"""The container's image (make container), unpacked and started as a runtime starts it: in namespaces of its own,
with what config.json says; and by its compose file, with podman. Run by `make test-container`, as root; no registry
and no daemon is asked."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LAYOUT = ROOT / "build" / "container"
FOLDER = ROOT / "packaging" / "container"
VOLUME = "/var/lib/stateward"
STATE = b'{"version":4,"serial":1,"lineage":"l"}'
PATIENCE_S = 60
# The rest of what a runtime prepares; then the program of the image is process 1.
START = """
root=$1 volume=$2 secrets=$3 cwd=$4; shift 4
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"
mkdir "$root/run/secrets"
mount --bind "$secrets" "$root/run/secrets"
mount -t tmpfs tmpfs "$root/dev"
mknod -m 666 "$root/dev/null" c 1 3
mknod -m 666 "$root/dev/zero" c 1 5
mknod -m 666 "$root/dev/random" c 1 8
mknod -m 666 "$root/dev/urandom" c 1 9
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
mount --bind "$volume" "$root/var/lib/stateward"
ip link set lo up
exec chroot "$root" /bin/sh -c 'cd "$0"; exec "$@"' "$cwd" "$@"
"""
# Where podman works: a network of its own, and one tree of cgroups, since crun takes no host that has two kinds.
PODMANS_PLACE = """
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
  umount -R /sys/fs/cgroup
  mount -t cgroup2 none /sys/fs/cgroup
fi
mkdir -p /var/lib/cni
mount -t tmpfs tmpfs /var/lib/cni
ip link set lo up
echo ready
exec sleep infinity
"""
STORAGE_CONF = """
[storage]
driver = "vfs"
graphroot = "{work}/podman"
runroot = "{work}/podman-run"
"""
# No cgroups and limits of its own: a test host may be a container itself.
CONTAINERS_CONF = """
[containers]
cgroups = "disabled"
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
[network]
network_config_dir = "{work}/networks"
"""


class Container:
    """One start of the image. secrets: a folder that becomes /run/secrets."""

    def __init__(self, bundle, volume, secrets, *args, **env):
        config = json.loads((bundle / "config.json").read_text())["process"]
        given = dict(entry.split("=", 1) for entry in config["env"])
        # Each process there opens it for itself: all of them append.
        self.log = pathlib.Path(tempfile.mkdtemp(dir=bundle.parent), "log")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["unshare", "-m", "-u", "-i", "-n", "-p", "-f", "--kill-child", "bash", "-euc", START, "start",
                 bundle / "rootfs", volume, secrets, config["cwd"], *config["args"], *args],
                env={**given, **env}, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.wait_for(lambda: self.process.poll() is not None or self.children(), "it begins")

    def said(self):
        return self.log.read_text(errors="replace")

    def children(self):
        pid = self.process.pid
        return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

    def first(self):
        """Process 1 of it."""
        return int(self.children()[0])

    def curl(self, *args):
        """(status, body); 0: nobody answers."""
        run = subprocess.run(["nsenter", "-t", str(self.first()), "-n", "curl", "-s", "-w", "\\n%{http_code}",
                              *args], capture_output=True, check=False)
        body, _, code = run.stdout.rpartition(b"\n")
        return int(code or 0), body

    def run(self, *args):
        """As `exec` of a runtime: another process in there, as root."""
        return subprocess.run(["nsenter", "-t", str(self.first()), "-m", "-n", "-p", "-r", "env", "-i",
                               "PATH=/usr/local/bin:/usr/bin:/bin", *args], check=True, capture_output=True,
                              text=True).stdout

    def wait_for(self, condition, what):
        until = time.monotonic() + PATIENCE_S
        while not condition():
            if self.process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"{what}: {self.said()}")
            time.sleep(0.05)

    def users(self):
        """{program: its users' numbers}, of all processes there."""
        namespace = os.readlink(f"/proc/{self.first()}/ns/pid")
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/ns/pid") == namespace:
                    name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
                    found.setdefault(name, {})[int(pid)] = os.stat(f"/proc/{pid}").st_uid
            except OSError:  # it has ended, or belongs to somebody greater
                continue
        return found

    def end(self, signal_number=signal.SIGTERM):
        if self.process.poll() is None:
            os.kill(self.first(), signal_number)
        return self.process.wait(PATIENCE_S)


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = pathlib.Path(tempfile.mkdtemp(prefix="stateward-container-", dir="/var/tmp"))
        cls.bundle = cls.work / "bundle"
        subprocess.run(["umoci", "unpack", "--image", f"{LAYOUT}:latest", cls.bundle], check=True)
        cls.rootfs = cls.bundle / "rootfs"

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.work, ignore_errors=True)

    def setUp(self):
        self.volume = pathlib.Path(tempfile.mkdtemp(prefix="volume-", dir=self.work))
        self.secrets = pathlib.Path(tempfile.mkdtemp(prefix="secrets-", dir=self.work))

    def run_to_end(self, *args, code=0):
        container = Container(self.bundle, self.volume, self.secrets, *args)
        self.assertEqual(code, container.process.wait(PATIENCE_S), container.said())
        return container.said()

    def start(self, **env):
        container = Container(self.bundle, self.volume, self.secrets, **env)
        self.addCleanup(container.end, signal.SIGKILL)
        return container

    def make_store(self):
        (self.secrets / "kms_key").write_text(self.run_to_end("keygen"))
        (self.secrets / "kms_key").chmod(0o400)
        self.assertIn("the store is ready", self.run_to_end("init"))

    def serve(self, address="http://127.0.0.1:8080", **env):
        container = self.start(**env)
        container.wait_for(lambda: container.curl("-k", address + "/ready")[0] == 200, "it is ready")
        return container

    def test_what_it_says_of_itself(self):
        config = json.loads(subprocess.run(
            ["skopeo", "inspect", "--config", f"oci:{LAYOUT}:latest"], check=True, capture_output=True).stdout)
        config = config["config"]
        self.assertEqual(["stateward-container"], config["Entrypoint"])
        self.assertEqual({VOLUME}, set(config["Volumes"]))
        self.assertEqual({"8080/tcp", "8443/tcp"}, set(config["ExposedPorts"]))

    def test_nobody_elses_secrets_are_in_it(self):
        for name in ("etc/stateward/kms.key", "etc/stateward/stateward.env",
                     "etc/ssl/private/ssl-cert-snakeoil.key"):
            self.assertFalse((self.rootfs / name).exists(), name)
        self.assertEqual([], list((self.rootfs / VOLUME[1:]).iterdir()))

    def test_its_life(self):
        self.make_store()
        container = self.serve()
        url = "http://127.0.0.1:8080/state/demo/network"
        self.assertEqual(404, container.curl("-u", "basic:secret", url)[0])
        self.assertEqual(200, container.curl("-u", "basic:secret", "--data-binary", STATE, url)[0])
        self.assertIn("demo/network", container.run("stateward-container", "list"))
        users = container.users()
        server, = set(users["stateward"].values())
        self.assertNotIn(server, (0, *users["nginx"].values()))
        self.assertEqual(0, container.end(), container.said())
        # The web server's user reads neither states nor keys.
        for path in (self.volume, self.volume / "states"):
            self.assertEqual((server, 0o40700), (path.stat().st_uid, path.stat().st_mode))
        container = self.serve()
        self.assertEqual((200, STATE), container.curl("-u", "basic:secret", url))
        # Without the server it is no container that runs.
        os.kill(min(container.users()["stateward"]), signal.SIGKILL)
        self.assertEqual(1, container.process.wait(PATIENCE_S), container.said())
        self.assertIn("a process ended", container.said())

    def test_without_a_store_it_says_what_to_run(self):
        (self.secrets / "kms_key").write_text(self.run_to_end("keygen"))
        (self.secrets / "kms_key").chmod(0o400)
        container = self.start()
        container.wait_for(lambda: "statewardctl init" in container.said(), "it says so")
        container.wait_for(lambda: container.curl("http://127.0.0.1:8080/ready")[0] == 503, "nginx answers")

    def test_with_a_certificate_it_speaks_tls_alone(self):
        self.make_store()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-nodes", "-subj", "/CN=localhost", "-days", "1", "-keyout", self.secrets / "tls_key",
                        "-out", self.secrets / "tls_cert"], check=True, capture_output=True)
        container = self.serve("https://127.0.0.1:8443")
        self.assertEqual(0, container.curl("http://127.0.0.1:8080/ready")[0])

    def test_the_compose_file_fits(self):
        compose = yaml.safe_load((FOLDER / "compose.yaml").read_text())
        service = compose["services"]["stateward"]
        self.assertEqual([VOLUME], [entry.split(":")[1] for entry in service["volumes"]])
        for port in service["ports"]:
            self.assertTrue(port.startswith("127.0.0.1:"), "clear text is for this host alone")
        self.assertEqual(["kms_key"], service["secrets"])
        self.make_store()
        container = self.serve(**service["environment"])
        health = service["healthcheck"]["test"].split()
        subprocess.run(["nsenter", "-t", str(container.first()), "-n", *health], check=True, capture_output=True)
        self.assertTrue((self.rootfs / "usr/bin" / health[0]).exists())


class Compose(unittest.TestCase):
    """docs/running.md, "In a container", with podman in place of docker."""

    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="stateward-compose-", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.work, ignore_errors=True)
        shutil.copy(FOLDER / "compose.yaml", self.work)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.work),
                    "CONTAINERS_CONF": self.write("containers.conf", CONTAINERS_CONF.format(work=self.work)),
                    "CONTAINERS_STORAGE_CONF": self.write("storage.conf", STORAGE_CONF.format(work=self.work))}
        self.place = subprocess.Popen(["unshare", "-m", "-n", "bash", "-euc", PODMANS_PLACE],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.addCleanup(self.end_place)
        self.assertEqual(b"ready\n", self.place.stdout.readline())
        self.addCleanup(self.run_there, "podman", "rm", "-fa", check=False)

    def end_place(self):
        self.place.kill()
        self.place.wait()
        self.place.stdout.close()

    def write(self, name, text):
        (self.work / name).write_text(text)
        return str(self.work / name)

    def run_there(self, *argv, check=True, cwd=None):
        run = subprocess.run(["nsenter", "-t", str(self.place.pid), "-m", "-n", f"--wd={cwd or self.work}", *argv],
                             env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False)
        if check:
            self.assertEqual(0, run.returncode, f"{argv}: {run.stdout}{run.stderr}")
        return run.stdout

    def compose(self, *args):
        return self.run_there("podman-compose", *args)

    def page(self):
        """The command that loads the image, and what follows: a key, init, up."""
        text = (ROOT / "docs" / "running.md").read_text()
        load, = re.findall(r"(?m)^podman tag .*", text)
        key, init, start = re.findall(r"(?m)^(.*docker (?:run|compose).*?) *(?:#.*)?$",
                                      re.search(r"(?ms)^cd packaging/container\n(.*?)```", text)[1])
        return load, *(line.replace("docker compose", "podman-compose").replace("docker", "podman")
                       for line in (key, init, start))

    def curl(self, *args):
        return self.run_there("curl", "-s", "-w", "\n%{http_code}", *args, check=False)

    def start(self):
        self.run_there("bash", "-c", self.page()[3])
        until = time.monotonic() + PATIENCE_S
        while not self.curl("http://127.0.0.1:8080/ready").endswith("\n200"):
            self.assertLess(time.monotonic(), until, self.compose("logs"))
            time.sleep(0.05)

    def test_it_runs_with_podman(self):
        load, key, init, _ = self.page()
        self.run_there("bash", "-c", load, cwd=ROOT)
        self.run_there("bash", "-c", key)
        self.assertIn("the store is ready", self.run_there("bash", "-c", init))
        self.start()
        url = "http://127.0.0.1:8080/state/demo/network"
        self.assertTrue(self.curl("-u", "basic:secret", "--data-binary", STATE.decode(), url).endswith("\n200"))
        container, = self.run_there("podman", "ps", "-q").split()
        self.run_there("podman", "healthcheck", "run", container)
        self.assertIn("demo/network", self.run_there("podman", "exec", container, "stateward-container", "list"))
        # The states are in the volume, whatever becomes of the container.
        self.compose("down")
        self.assertEqual("", self.run_there("podman", "ps", "-aq"))
        self.start()
        self.assertEqual(STATE.decode() + "\n200", self.curl("-u", "basic:secret", url))
        self.compose("down")


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=2).result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
