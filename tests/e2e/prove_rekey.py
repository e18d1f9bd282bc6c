#!/usr/bin/env python3
"""Kills `statewardctl rekey` again and again while a server serves the store, and proves that every
state can be read at every moment, with the bytes that were written.

Two keys take turns: each run seals towards the one that the store is not yet under. The last line is
"N passed, N failed"; each kill counts as one.
"""
import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

from box import Box, reachable
from stateward import CTL, KEY, Stateward

OTHER_KEY = "QkJDRERFRUZGR0dISElJSkpLS0xMTU1OTk9PUFBRUVE="
# A killed run leaves what it did, so that many of them come to the end, too.
LATEST_KILL_S = 1.0


class Violation(Exception):
    pass


class World:
    def __init__(self, box, states):
        self.box = box
        # It opens with both keys, as docs/kms.md tells to set a server up first.
        self.server = Stateward(box, KMS_KEYRING=OTHER_KEY, LOG_LEVEL="error", threads=4)
        self.documents = {}
        for number in range(states):
            for serial in (1, 2):
                self.post(number, serial)
        self.reads = 0
        self.wrong = []
        self.end = threading.Event()

    def post(self, number, serial):
        text = json.dumps({"version": 4, "serial": serial, "lineage": f"line-{number}",
                           "pad": os.urandom(200 + number % 3000).hex()}).encode()
        status, _, body = self.server.ask("POST", f"/state/p/s{number}", text)
        if status != 200:
            raise Violation(f"POST s{number}: {status} {body}")
        self.documents[number] = text

    def check(self, number):
        status, _, body = self.server.ask("GET", f"/state/p/s{number}")
        self.reads += 1
        if status != 200 or body != self.documents[number]:
            raise Violation(f"GET s{number}: {status}\n{self.server.log()[-1500:]}")

    def watch(self):
        """Reads at random while keys change."""
        while not self.end.is_set():
            try:
                self.check(random.choice(list(self.documents)))
            except Violation as violation:
                self.wrong.append(violation)
                return

    def rekey(self, towards_other):
        keys = (OTHER_KEY, KEY) if towards_other else (KEY, OTHER_KEY)
        settings = {**self.server.settings, "KMS_KEY": keys[0], "KMS_KEYRING": keys[1]}
        env = {"PATH": os.environ["PATH"], **settings}
        return subprocess.Popen([reachable(CTL), "rekey"], env=env,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                **self.box.identity())

    def finish(self, process):
        out = process.communicate(timeout=1800)[0].decode()
        if process.returncode != 0:
            raise Violation(out)
        return out


def prove(world, kills):
    towards_other = True
    begin = time.monotonic()
    world.finish(world.rekey(towards_other))
    whole_s = time.monotonic() - begin
    watcher = threading.Thread(target=world.watch)
    watcher.start()
    done = 0
    try:
        towards_other = False
        while done < kills:
            process = world.rekey(towards_other)
            try:
                process.wait(random.uniform(0, min(whole_s * 1.2, LATEST_KILL_S)))
                world.finish(process)
                towards_other = not towards_other  # it was faster than the kill
                continue
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
            done += 1
            for number in world.documents:
                world.check(number)
            if world.wrong:
                raise world.wrong[0]
    finally:
        world.end.set()
        watcher.join()
    world.finish(world.rekey(False))
    # All is under the one key now: a server that has no other reads all of it.
    world.server.process.stop()
    world.server.settings["KMS_KEYRING"] = ""
    world.server.start()
    for number in world.documents:
        world.check(number)
    return whole_s


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--states", type=int, default=1000)
    options = parser.parse_args()
    with Box() as box:
        begin = time.monotonic()
        try:
            world = World(box, options.states)
            whole_s = prove(world, options.kills)
        except Violation as violation:
            print(violation)
            print("0 passed, 1 failed")
            return 1
        print(f"{options.states} states of 2 versions, one run undisturbed {whole_s:.1f} s, "
              f"{world.reads} reads, {time.monotonic() - begin:.0f} s in all")
    print(f"{options.kills} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
