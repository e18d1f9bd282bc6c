"""Starts Stateward in each of the ways in which it runs."""
import base64
import os
import pathlib
import socket

import fcgi_client
from box import ROOT, connects
from client import basic

# STATEWARD_BUILD: the folder of another build, STATEWARD_BIN: another server alone.
BUILD = ROOT / os.environ.get("STATEWARD_BUILD", "build/release")
PROGRAM = os.environ.get("STATEWARD_BIN", str(BUILD / "stateward"))
CTL = str(BUILD / "statewardctl")
KEY = base64.b64encode(bytes(range(32))).decode()  # the one of tests/data/seed
AUTH = basic("basic", "secret")

WAYS = ("alone", "spawn-fcgi", "multiwatch", "stdin-socket", "systemd-socket")


def listening_socket(box, path):
    """As systemd makes it."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o660)
    box.give(path)
    listener.listen(1024)
    return listener


class Stateward:
    """One store in the box's folder `states`, served. `env_file`: settings go into that file."""

    def __init__(self, box, way="alone", threads=4, workers=2, listen=None, argv=(PROGRAM,),
                 env_file=False, ready=True, **settings):
        self.box, self.way = box, way
        self.socket = box.path("fcgi.sock")
        self.listen = listen or "unix:" + self.socket
        box.make_dir("run")
        self.settings = {"FASTCGI_LISTEN": self.listen, "RUNTIME_DIR": box.path("run"),
                         "STORAGE_FS_DIR": box.path("states"), "STORAGE_INIT": "true",
                         "KMS_KEY": KEY, "THREADS": str(threads), "WORKERS": str(workers),
                         **{k: str(v) for k, v in settings.items()}}
        self.argv = list(argv)
        if env_file:
            self.argv += ["--env-file", self.write_env()]
        self.env = {} if env_file else self.settings
        self.start(ready)

    def write_env(self, **changes):
        self.settings.update(changes)
        text = "".join(f"{k}={v}\n" for k, v in self.settings.items())
        return self.box.write("stateward.env", text)

    def start(self, ready=True):
        getattr(self, "start_" + self.way.replace("-", "_"))()
        if ready:
            address = self.socket
            if not self.listen.startswith("unix:"):
                host, port = self.listen.rsplit(":", 1)
                address = (host.strip("[]"), int(port))
            self.process.wait_until(lambda: connects(address), "Stateward listens")

    def launch(self, argv, **options):
        self.process = self.box.start(argv, env=self.env, log="stateward.log", **options)

    def start_alone(self):
        self.launch(self.argv)

    def start_spawn_fcgi(self):
        # -n keeps it in the foreground, and stderr where it is.
        self.launch(["spawn-fcgi", "-n", "-s", self.socket, "-M", "0660", "-b", "1024", "-F", "1",
                     "--", *self.argv])

    def start_multiwatch(self):
        self.launch(["spawn-fcgi", "-n", "-s", self.socket, "-M", "0660", "-b", "1024", "--",
                     "/usr/bin/multiwatch", "-s", "TERM", "-f", "4", "--", *self.argv])

    def start_stdin_socket(self):
        with listening_socket(self.box, self.socket) as listener:
            self.launch(self.argv, stdin=listener)

    def start_systemd_socket(self):
        # The socket becomes descriptor 3 and LISTEN_PID the program's own number.
        with listening_socket(self.box, self.socket) as listener:
            fd = listener.fileno()
            script = f'exec 3<&{fd}; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"'
            self.launch(["bash", "-c", script, "bash", *self.argv], pass_fds=(fd,))

    def restart(self):
        self.process.stop()
        self.start()

    def workers(self):
        """Process numbers of the workers below the started process."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def link(self):
        return fcgi_client.Link(self.socket)

    def ask(self, method, uri, body=None, **more):
        """One request over FastCGI, without a web server: (status, headers, body)."""
        with self.link() as link:
            more = {"HTTP_AUTHORIZATION": AUTH, **more}
            link.send(fcgi_client.request(method, uri, body, **more))
            return link.answer()

    def log(self):
        return self.process.log()
