#!/usr/bin/env python3
"""Loads any server of Terraform's HTTP state protocol, or several in turn, with what the clients send: GET, LOCK and
UNLOCK, POST, and whole cycles. User and password: TF_HTTP_USERNAME, TF_HTTP_PASSWORD. Only http://, since the load driver
speaks no TLS. The states lie below the address, under names of their own, and stay there."""
import argparse
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODES = ("get", "lock", "post", "cycle")


class Server:
    def __init__(self, url):
        self.url = url
        parts = urllib.parse.urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise SystemExit(f"{url}: an address as http://host:8080/state/project is needed")
        self.address = f"{socket.gethostbyname(parts.hostname)}:{parts.port or 80}"
        self.base = f"{parts.path.rstrip('/')}/bench{os.urandom(4).hex()}-"
        self.figures = {mode: [] for mode in MODES}

    def load(self, mode, options):
        # New states for each run: a server may refuse a document of another lineage.
        base = f"{self.base}{mode}{len(self.figures[mode])}-"
        argv = [options.build / "bench/driver", "--json", "--mode", mode, "--base", base,
                "--clients", options.clients, "--size", options.size, "--duration", options.seconds]
        done = subprocess.run([str(a) for a in argv] + [self.address], capture_output=True,
                              text=True)
        if done.returncode != 0:
            raise SystemExit(f"{self.url}, {mode}: {done.stdout}{done.stderr}")
        self.figures[mode].append(json.loads(done.stdout))

    def middle(self, mode, pick):
        return statistics.median(pick(figures) for figures in self.figures[mode])

    def print(self):
        print(self.url)
        print(f"  {'':8}{'rate/s':>10}{'p50 ms':>10}{'p99 ms':>10}")
        for verb, mode in (("GET", "get"), ("LOCK", "lock"), ("UNLOCK", "lock"), ("POST", "post")):
            def of(name, v=verb, m=mode):
                return self.middle(m, lambda figures: figures["verbs"][v][name])
            print(f"  {verb:8}{of('per_s'):>10.0f}{of('p50_us') / 1000:>10.2f}"
                  f"{of('p99_us') / 1000:>10.2f}")
        print(f"  {'cycle':8}{self.middle('cycle', lambda f: f['cycles_per_s']):>10.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", action="append", required=True,
                        help="as http://127.0.0.1:8080/state/project; several are compared")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="of each run in a round")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--size", type=int, default=20000, help="bytes of a state")
    options = parser.parse_args()
    servers = [Server(url) for url in options.url]
    for _ in range(options.rounds):
        for mode in MODES:
            for server in servers:
                server.load(mode, options)
    for server in servers:
        server.print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
