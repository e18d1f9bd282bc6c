#!/usr/bin/env python3
"""Cuts the power of a disk again and again and proves that nothing acknowledged is lost.

A server stores on a file system of a loop device. Its image is a file of another file system that
can share blocks, so that one call copies it at one moment, while writers run: what the disk held
then. The copy is checked (e2fsck, xfs and btrfs by mounting), mounted, and a server is started on
it; each state and each lock must be the one that was acknowledged last before the copy, or a later
one.

Controls: without syncs, and where a disk without a journal is taken for one with, states must be
lost; otherwise the prover proves nothing.

Needs root, loop devices and mkfs of the kinds; what is missing is named and left out. The last line
is "N cuts, N states looked at, N lost".
"""
import argparse
import contextlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import threading
import time
import uuid

from box import Box, wait_for
from stateward import Stateward

IMAGE_MB = 512      # mkfs.xfs makes none that is smaller than 300
OUTER_MB = 6 * 1024  # sparse
WRITERS = 4
STATES_OF_EACH = 6
# Long enough for some hundred requests; shorter than the kernel waits before it writes by itself.
LONGEST_WAIT_S = 0.6

KINDS = {
    "ext4": (["mkfs.ext4", "-q", "-F"], True),
    "ext4 without a journal": (["mkfs.ext4", "-q", "-F", "-O", "^has_journal"], True),
    "ext2": (["mkfs.ext2", "-q", "-F"], True),
    "xfs": (["mkfs.xfs", "-q", "-f"], False),
    "btrfs": (["mkfs.btrfs", "-q", "-f"], False),
}
# Control: what is preloaded into the server, and where it must lose.
CONTROLS = {
    "no sync": ("int fsync(int fd) { return 0; } int fdatasync(int fd) { return 0; }", "ext4"),
    # Believes in a journal that is not there, so the file is not synced after it was linked.
    "a journal is believed": (
        "#include <sys/vfs.h>\n#include <sys/syscall.h>\n#include <unistd.h>\n"
        "int fstatfs(int fd, struct statfs *s) { int r = (int)syscall(SYS_fstatfs, fd, s);"
        " s->f_type = 0x58465342; return r; }", "ext4 without a journal"),
}


def run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")


@contextlib.contextmanager
def mounted(image, at):
    os.makedirs(at, exist_ok=True)
    run("mount", "-o", "loop", image, at)
    try:
        yield at
    finally:
        for _ in range(50):  # a server that ends keeps it busy for a moment
            if subprocess.run(["umount", at], capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.1)
        else:
            run("umount", "-l", at)


class State:
    """What is known of one state: its writer alone writes here."""

    def __init__(self, name):
        self.target = f"/state/cut/{name}"
        self.serial = 0      # of the newest document sent
        self.sent = {0: None}  # serial -> document; None: there is none
        self.acknowledged = 0
        self.locks = [None]    # the holder, as it was asked for: an ID, or None by an UNLOCK
        self.locks_acknowledged = 1


class Writer(threading.Thread):
    """New states, LOCK, POSTs, UNLOCK, DELETE, again and again."""

    def __init__(self, server, number):
        super().__init__(daemon=True)
        self.server, self.number = server, number
        self.states, self.stop, self.error = [], threading.Event(), None

    def ask(self, method, target, body=None):
        status, _, text = self.server.ask(method, target, body)
        if status != 200:
            raise RuntimeError(f"{method} {target}: {status} {text[:200]}")

    def run(self):
        try:
            while not self.stop.is_set():
                if len(self.states) < STATES_OF_EACH or random.random() < 0.3:
                    self.states.append(State(f"w{self.number}-{len(self.states)}"))
                self.cycle(random.choice(self.states))
        except Exception as error:  # noqa: B902: the main thread tells it
            self.error = error

    def cycle(self, state):
        info = json.dumps({"ID": str(uuid.uuid4()), "Operation": "x"}).encode()
        lock_id = json.loads(info)["ID"]
        self.hold("LOCK", state, lock_id, info)
        for _ in range(random.randint(1, 3)):
            state.serial += 1
            document = json.dumps({"version": 4, "serial": state.serial, "lineage": "l",
                                   "x": "y" * random.choice((10, 3000, 40000))}).encode()
            gone = random.random() < 0.1 and state.sent[state.serial - 1] is not None
            state.sent[state.serial] = None if gone else document
            self.ask("DELETE" if gone else "POST", f"{state.target}?ID={lock_id}",
                     None if gone else document)
            state.acknowledged = state.serial
        self.hold("UNLOCK", state, None, info)

    def hold(self, method, state, holder, info):
        state.locks.append(holder)
        self.ask(method, state.target, info)
        state.locks_acknowledged = len(state.locks)


def copy_while_writing(writers, image, to):
    """What was acknowledged before the copy, and the copy."""
    before = [(s, s.acknowledged, s.locks_acknowledged) for w in writers for s in list(w.states)]
    run("cp", "--reflink=always", image, to)
    # And what was on its way until then: each of it may be there, too.
    return [(s.target, [s.sent.get(n) for n in range(serial, s.serial + 1)], s.locks[locks - 1:])
            for s, serial, locks in before]


def lost_in(server, known):
    lost = []
    for target, documents, holders in known:
        status, _, body = server.ask("GET", target)
        if (None if status == 404 else body) not in documents:
            lost.append(f"{target}: GET gives {status}")
            continue
        status, _, body = server.ask("LOCK", target, b'{"ID":"probe"}')
        if (None if status == 200 else json.loads(body).get("ID")) not in holders:
            lost.append(f"{target}: LOCK gives {status}")
    return lost


def look_at_copy(box, copy, mount_at, needs_fsck, known):
    if needs_fsck:
        # 1: what it found is mended.
        done = subprocess.run(["e2fsck", "-f", "-y", copy], capture_output=True, text=True,
                              check=False)
        if done.returncode not in (0, 1):
            return [f"e2fsck: {done.returncode} {done.stdout[-500:]}"]
    with mounted(copy, mount_at):
        server = Stateward(box, listen="unix:" + box.path("look.sock"), ready=False,
                           STORAGE_FS_DIR=os.path.join(mount_at, "states"), STORAGE_INIT="false")
        server.socket = box.path("look.sock")
        try:
            server.process.wait_until(lambda: os.path.exists(server.socket) and server.workers(),
                                      "it serves")
            return lost_in(server, known)
        finally:
            server.process.stop()


def cut(folder, kind, cuts, preload=None):
    """(looked at, lost) of `cuts` power cuts of one kind of file system."""
    mkfs, needs_fsck = KINDS[kind]
    image, copy = os.path.join(folder, "disk"), os.path.join(folder, "copy")
    with open(image, "wb") as file:
        file.truncate(IMAGE_MB << 20)
    run(*mkfs, image)
    looked, lost = 0, []
    with Box() as box, mounted(image, box.path("disk")) as disk:
        store = os.path.join(disk, "states")
        os.mkdir(store, 0o700)
        box.give(store)
        settings = {"LD_PRELOAD": preload} if preload else {}
        server = Stateward(box, STORAGE_FS_DIR=store, **settings)
        wait_for(lambda: server.ask("GET", "/ready")[0] == 200, "it is ready")
        os.sync()
        writers = [Writer(server, n) for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        copies = []
        for number in range(cuts):
            time.sleep(random.uniform(0.05, LONGEST_WAIT_S))
            copies.append((f"{copy}-{number}",
                           copy_while_writing(writers, image, f"{copy}-{number}")))
        for writer in writers:
            writer.stop.set()
        for writer in writers:
            writer.join()
            if writer.error:
                raise writer.error
        server.process.stop()
    os.unlink(image)
    # The kernel takes two disks with one file system's number for one, so not before.
    with Box() as box:
        for path, known in copies:
            lost += look_at_copy(box, path, box.path("disk"), needs_fsck, known)
            looked += len(known)
            os.unlink(path)
    return looked, lost


def build_preload(box, text):
    source = box.write("preload.c", text + "\n")
    out = box.path("preload.so")
    run("cc", "-shared", "-fPIC", "-o", out, source)
    os.chmod(out, 0o755)
    return out


@contextlib.contextmanager
def sharing_folder():
    """A folder of a file system that copies a file by sharing its blocks."""
    place = pathlib.Path("/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp")
    with Box(str(place)) as box:
        image = box.path("outer")
        with open(image, "wb") as file:
            file.truncate(OUTER_MB << 20)
        run("mkfs.xfs", "-q", "-f", "-m", "reflink=1", image)
        with mounted(image, box.path("mounted")) as folder:
            yield folder


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=20, help="of each kind of file system")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    random.seed(options.seed)
    if os.geteuid() != 0 or not shutil.which("mkfs.xfs"):
        print("needs root, and mkfs.xfs (package xfsprogs)")
        return 1
    cuts, looked, lost = 0, 0, []
    with sharing_folder() as folder, Box() as box:
        os.chmod(box.folder, 0o755)
        for name, (text, kind) in CONTROLS.items():
            for _ in range(10):
                seen, missing = cut(folder, kind, options.cuts, build_preload(box, text))
                print(f"control, {kind}, {name}: {len(missing)} of {seen} lost", flush=True)
                if missing:
                    break
            else:
                print("the control lost nothing: this proves nothing")
                return 1
        for kind, (mkfs, _) in KINDS.items():
            if not shutil.which(mkfs[0]):
                print(f"{kind}: left out, there is no {mkfs[0]}")
                continue
            seen, missing = cut(folder, kind, options.cuts)
            print(f"{kind}: {options.cuts} cuts, {seen} looked at, {len(missing)} lost", flush=True)
            for line in missing[:5]:
                print("  " + line)
            cuts, looked, lost = cuts + options.cuts, looked + seen, lost + missing
    print(f"{cuts} cuts, {looked} states looked at, {len(lost)} lost (seed {options.seed})")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
