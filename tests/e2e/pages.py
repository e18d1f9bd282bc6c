"""Runs the pages of docs/: each command of their `console` blocks, in order, against a server with nginx,
and compares what it prints with what stands there. Times, ages, sizes, ids and digests may differ; a line
"..." stands for any lines. An `hcl` block that begins with "# NAME.tf" is written into that file.
"""
import datetime
import json
import os
import pathlib
import re
import signal
import subprocess

import policy_world
from box import reachable, wait_for
from client import Client, basic
from stateward import CTL, Stateward
from webservers import Nginx

BLOCK = re.compile(r"^(```(console|hcl)\n)(.*?)(^```\n)", re.M | re.S)
# What differs from run to run; where the page has one of these, the output has one of its kind.
KINDS = [("UUID", r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"),
         ("DIGEST", r"\b[0-9a-f]{16,}\b"),
         ("TIME", r"\b\d{4}-\d\d-\d\dT[\d:.]+Z"),
         ("AGE", r"\b\d+(?:\.\d+)? (?:ms|s|min|h|d|days?)\b"),
         ("SIZE", r"\b\d+(?:\.\d+)? (?:B|KiB|MiB|GiB|%)(?![\w])"),
         ("SERVER", r"\b[\w-]+:\d+(?=, version)"), ("VERSION", r"(?<=version )\d[\w.~+-]*")]
ANY = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in KINDS))
PEOPLE = """
[users.alice]
password = "%s"
[[rules]]
name = "alice does everything"
user = "alice"
states = ["*/*"]
role = "admin"
"""


def plain(line):
    """A line without what differs, and without the width of its columns."""
    return " ".join(ANY.sub(lambda m: f"<{m.lastgroup}>", line).split())


def document(serial, cidr="10.0.0.0/16", subnets=1):
    subnet = {"mode": "managed", "type": "aws_subnet", "name": "a", "provider": "p", "instances": [
        {"index_key": i, "attributes": {"id": f"subnet-{i}"}} for i in range(subnets)]}
    vpc = {"mode": "managed", "type": "aws_vpc", "name": "main", "provider": "p", "instances": [
        {"attributes": {"id": "vpc-1", "cidr_block": cidr}}]}
    return json.dumps({"version": 4, "terraform_version": "1.12.6", "serial": serial,
                       "lineage": "65ede651-4a95-175d-f59e-658644a49314", "outputs": {},
                       "resources": [vpc, subnet]}).encode()


def lock_info(lock_id, who):
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps({"ID": lock_id, "Operation": "OperationTypeApply", "Info": "", "Who": who,
                       "Version": "1.12.6", "Created": now, "Path": ""}).encode()


class World:
    """The host that the page speaks of: its folders lie in a box."""

    LOCK = "7a1c3a0e-1f5d-4f0e-8a53-0d5b1d5f2c11"

    def __init__(self, box):
        self.box = box
        for name in ("etc", "lib", "backup", "bin", "work"):
            box.make_dir(name, 0o755)
        policy = policy_world.policy().split("\n")[1].split('"')[1]
        settings = {"STORAGE_FS_DIR": box.path("lib/states"), "LOCK_LOCAL_DIR": box.path("lib/locks"),
                    "AUTH_POLICY_FILE": box.write("etc/policy.toml", PEOPLE % policy),
                    "KMS_KEY_FILE": box.write("etc/kms.key", self.keygen()),
                    "KMS_KEYRING_FILE": box.write("etc/kms.keyring", ""), "KMS_KEY": ""}
        self.server = Stateward(box, env_file=True, **settings)
        self.nginx = Nginx(box, "unix:" + self.server.socket)
        self.alice = Client(self.nginx.plain, auth=basic("alice", policy_world.PASSWORDS["alice"]))
        user = ["--user", "www-data"] if box.user else []
        self.tool("statewardctl", [reachable(CTL), "--env-file", box.path("stateward.env"), *user])
        wait_for(lambda: len(self.notices()) == 2, "both workers have said which keys they know")
        # `cp -a` keeps the owner; the packages' users are not here.
        self.tool("chown", ["true"])
        self.places = {"/etc/stateward": box.path("etc"), "/var/lib/stateward": box.path("lib"),
                       "/mnt/backup": box.path("backup"), "https://state.example.org":
                       f"http://127.0.0.1:{self.nginx.plain[1]}"}

    def fill(self):
        """The states of the runbook."""
        for serial, subnets in ((1, 1), (2, 2), (3, 2)):
            self.post("net/prod", document(serial, subnets=subnets))
        self.post("app/web", document(1))

    def notices(self):
        """What the workers wrote next to the store."""
        folder = self.box.path("lib/states/servers")
        try:
            return {(file.name, file.stat().st_mtime_ns) for file in os.scandir(folder) if len(file.name) == 32}
        except FileNotFoundError:  # not there yet, or exchanged just now
            return set()

    def keygen(self):
        return subprocess.run([CTL, "keygen"], check=True, text=True, capture_output=True).stdout

    def tool(self, name, argv):
        path = self.box.path("bin/" + name)
        pathlib.Path(path).write_text(f'#!/bin/sh\nexec {" ".join(argv)} "$@"\n')
        os.chmod(path, 0o755)

    def post(self, state, body, lock=None, status=200):
        answer = self.alice.post(f"/state/{state}" + (f"?ID={lock}" if lock else ""), body)
        assert answer.status == status, answer

    def lock(self, state, lock_id=LOCK, who="bob@laptop"):
        answer = self.alice.lock(f"/state/{state}", lock_info(lock_id, who))
        assert answer.status == 200, answer

    def systemctl(self, step):
        """A restart is a reload here: the settings name the key files themselves, and a worker that
        is told to end waits for nginx to close its connections."""
        if step == "restart":
            before = self.notices()
            self.server.process.send(signal.SIGHUP)
            wait_for(lambda: len(self.notices() - before) == 2, "both workers know the new keys")
        elif step == "stop":
            os.killpg(self.server.process.pid, signal.SIGKILL)
            self.server.process.wait_gone()
        else:
            self.server.start()
        return ""

    def here(self, text):
        """A text of the page with the places of the box."""
        for real, here in self.places.items():
            text = text.replace(real, here)
        return text

    def write(self, name, text):
        pathlib.Path(self.box.path("work/" + name)).write_text(self.here(text))

    def shell(self, command):
        """What a command prints."""
        if command.startswith("systemctl "):
            return self.systemctl(command.split()[1])
        env = {"PATH": f"{self.box.path('bin')}:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
               "HOME": self.box.folder, "TF_HTTP_USERNAME": "alice", "SUDO_USER": "", "TF_CLI_CONFIG_FILE": "/dev/null", "CHECKPOINT_DISABLE": "1",
               "TF_HTTP_PASSWORD": policy_world.PASSWORDS["alice"]}
        text = subprocess.run(["bash", "-c", self.here(command)], cwd=self.box.path("work"), env=env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                              check=False).stdout
        for real, here in self.places.items():
            text = text.replace(here, real)
        return re.sub(r"\b(admin:)(?!root)\w[\w-]*", r"\1root", text)


class Page:
    """The page's sections, run one after the other."""

    def __init__(self, world, before, write=False):
        self.world, self.before, self.write = world, before, write
        self.known = {}  # an id of the page -> the real one
        self.latest = {}  # length of an id -> the last one printed
        self.faults, self.commands = [], 0

    def run(self, text):
        done = []
        for section in re.split(r"(?m)^(?=## )", text):
            title = section.splitlines()[0].lstrip("# ")
            if title in self.before:
                self.before[title](self.world)
            done.append(BLOCK.sub(self.block, section))
        return "".join(done)

    def block(self, found):
        fence, kind, text, end = found.groups()
        return fence + (self.console(text) if kind == "console" else self.file(text)) + end

    def file(self, text):
        name = re.match(r"# (\w+\.tf)\n", text)
        if name:
            self.world.write(name[1], text)
        return text

    def console(self, text):
        out = []
        for part in re.split(r"(?m)^(?=\$ )", text):
            if not part:
                continue
            command, expected = self.command(part)
            real = ANY.sub(lambda m: self.real(m.group()), command[2:])
            printed = self.world.shell(real)
            self.commands += 1
            self.compare(command, expected.splitlines(), printed.splitlines())
            out.append(f"$ {real}\n" + (expected if "...\n" in expected else printed))
        return "".join(out)

    @staticmethod
    def command(part):
        """(the command, what follows); a here-document belongs to the command."""
        command, _, rest = part.partition("\n")
        end = re.search(r"<<'(\w+)'", command)
        if end:
            body, _, rest = rest.partition(f"\n{end[1]}\n")
            command = f"{command}\n{body}\n{end[1]}"
        return command, rest

    def real(self, found):
        if self.write and found not in self.known and found not in self.known.values():
            return self.latest.get(len(found), found)
        return self.known.get(found, found)

    def compare(self, command, expected, printed):
        for line in printed:
            self.latest.update({len(m.group()): m.group() for m in ANY.finditer(line)
                                if m.lastgroup in ("DIGEST", "UUID")})
        at = 0
        for i, line in enumerate(expected):
            if line == "...":
                after = expected[i + 1:i + 2]
                while at < len(printed) and (not after or plain(printed[at]) != plain(after[0])):
                    at += 1
                continue
            if at >= len(printed) or plain(printed[at]) != plain(line):
                self.faults.append(f"{command}\n  the page: {line}\n  printed:  " +
                                   (printed[at] if at < len(printed) else "nothing more"))
                return
            self.known.update(zip((m.group() for m in ANY.finditer(line)),
                                  (m.group() for m in ANY.finditer(printed[at]))))
            at += 1
        if at < len(printed):
            self.faults.append(f"{command}\n  printed, too: {printed[at]}")
