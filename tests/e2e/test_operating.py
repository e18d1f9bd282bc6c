"""docs/operating.md is run: each command of its `console` blocks, in order, against a server with nginx,
and what it prints is compared with what stands there. Times, ages, sizes, ids and digests may differ.

    python3 -B tests/e2e/test_operating.py --write     # writes down what the commands print now
"""
import datetime
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import unittest

import policy_world
from box import ROOT, Box, reachable, wait_for
from client import Client, basic
from stateward import CTL, Stateward
from webservers import Nginx

PAGE = ROOT / "docs/operating.md"
BLOCK = re.compile(r"^(```console\n)(.*?)(^```\n)", re.M | re.S)
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
        for serial, subnets in ((1, 1), (2, 2), (3, 2)):
            self.post("net/prod", document(serial, subnets=subnets))
        self.post("app/web", document(1))
        wait_for(lambda: len(self.notices()) == 2, "both workers have said which keys they know")
        self.places = {"/etc/stateward": box.path("etc"), "/var/lib/stateward": box.path("lib"),
                       "/mnt/backup": box.path("backup"), "https://state.example.org":
                       f"http://127.0.0.1:{self.nginx.plain[1]}"}

    def notices(self):
        """What the workers wrote next to the store."""
        folder = pathlib.Path(self.box.path("lib/states/servers"))
        return {(file.name, file.stat().st_mtime_ns) for file in folder.iterdir()}

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

    def shell(self, command):
        """What a command prints."""
        if command.startswith("systemctl "):
            return self.systemctl(command.split()[1])
        for real, here in self.places.items():
            command = command.replace(real, here)
        env = {"PATH": f"{self.box.path('bin')}:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
               "HOME": self.box.folder, "TF_HTTP_USERNAME": "alice", "SUDO_USER": "",
               "TF_HTTP_PASSWORD": policy_world.PASSWORDS["alice"]}
        text = subprocess.run(["bash", "-c", command], cwd=self.box.path("work"), env=env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                              check=False).stdout
        for real, here in self.places.items():
            text = text.replace(here, real)
        return re.sub(r"\b(admin:)(?!root)\w[\w-]*", r"\1root", text)


# What happened before a section begins.
def left_a_lock(world):
    world.lock("net/prod")


def broke_it(world):
    world.post("net/prod", document(4, cidr="10.9.0.0/16", subnets=0))


def deleted_it(world):
    assert world.alice.request("DELETE", "/state/app/web").status == 200


def was_refused(world):
    world.lock("net/prod", "0b5e9f62-7a40-4f6e-9a39-2f5c0ad21e77", who="ci@runner-17")
    world.shell("statewardctl unlock net/prod --yes")
    world.post("net/prod", document(7, subnets=3), "0b5e9f62-7a40-4f6e-9a39-2f5c0ad21e77", 409)


def was_damaged(world):
    world.post("app/web", document(2))
    world.shell("cp -a /var/lib/stateward /mnt/backup/stateward")
    files = pathlib.Path(world.box.path("lib/states/states")).glob("??/*/*")
    newest = max(files, key=lambda f: f.stat().st_mtime_ns)
    data = bytearray(newest.read_bytes())
    data[-1] ^= 1
    os.chmod(newest, 0o600)
    newest.write_bytes(data)


def was_backed_up(world):
    world.shell("rm -r /mnt/backup/stateward; cp -a /var/lib/stateward /mnt/backup/stateward")


BEFORE = {"Who holds the lock": left_a_lock, "Roll back a broken apply": broke_it,
          "Undelete": deleted_it, "A refused write": was_refused, "A damaged state": was_damaged,
          "Restore from a backup": was_backed_up}


class Page:
    """The page's sections, run one after the other."""

    def __init__(self, world, write=False):
        self.world, self.write = world, write
        self.known = {}  # an id of the page -> the real one
        self.latest = {}  # length of an id -> the last one printed
        self.faults, self.commands = [], 0

    def run(self, text):
        done = []
        for section in re.split(r"(?m)^(?=## )", text):
            title = section.splitlines()[0].lstrip("# ")
            if title in BEFORE and BLOCK.search(section):
                BEFORE[title](self.world)
            done.append(BLOCK.sub(lambda m: m[1] + self.block(m[2]) + m[3], section))
        return "".join(done)

    def block(self, text):
        out = []
        for part in re.split(r"(?m)^(?=\$ )", text):
            if not part:
                continue
            command, _, expected = part.partition("\n")
            real = ANY.sub(lambda m: self.real(m.group()), command[2:])
            printed = self.world.shell(real)
            self.commands += 1
            self.compare(command, expected.splitlines(), printed.splitlines())
            out.append(f"$ {real}\n" + (expected if "...\n" in expected else printed))
        return "".join(out)

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


class Operating(unittest.TestCase):
    def test_the_page_says_what_the_commands_print(self):
        with Box() as box:
            page = Page(World(box))
            page.run(PAGE.read_text())
            self.assertEqual([], page.faults, "\n".join(page.faults))
            self.assertGreater(page.commands, 20)


def main():
    with Box() as box:
        page = Page(World(box), write=True)
        PAGE.write_text(page.run(PAGE.read_text()))
        print(f"{page.commands} commands, {len(page.faults)} differed")


if __name__ == "__main__":
    main() if sys.argv[1:] == ["--write"] else unittest.main()
