#!/usr/bin/env python3
"""Measures Stateward next to its ceiling: a program that only answers 200, and one that only syncs.

All of them run at once behind one nginx with the shipped snippets, and are loaded in turn, round
after round, so that other work on the machine falls on all alike. A ratio is taken within a round;
the median of the rounds is what counts. bench/README.md says what the goals mean.
"""
import argparse
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Ten of each client: at the end of a turn some wait for others, and with many more each state is cold.
TURN_STATES = 160
# Where the CPU of a verb is measured.
CPU_RUNS = (("GET", "get"), ("LOCK", "turns"), ("UNLOCK", "turns"), ("POST", "post"))
MODES = ("get", "lock", "turns", "post", "cycle")
WORKERS, THREADS, CLIENTS = 2, 8, 16
BIG = 100_000_000
MIB = 1 << 20
# What a worker may keep of a large state after the request: the allocator's arenas, no state.
KEPT_MIB = 8
SOCKET = "unix:/run/stateward/fcgi.sock"
# For those who look where a request's time goes (Target.access_log).
LOG_FORMAT = ("log_format times '$request_method $status $request_time $upstream_connect_time "
              "$upstream_response_time';")
LOG_LINE = "access_log /var/log/nginx/stateward.log stateward;"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"after {seconds} s still not: {what}")
        time.sleep(0.02)


def answers(port, target):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as link:
            link.sendall(f"GET {target} HTTP/1.0\r\n\r\n".encode())
            return b" 200 " in link.recv(64)
    except OSError:
        return False


class Target:
    """One FastCGI program behind its own port of the nginx."""

    def __init__(self, name, folder, kept=True):
        self.name, self.kept = name, kept
        self.socket = os.path.join(folder, f"{name}.sock")
        self.port = free_port()
        self.process = None
        self.states = None
        self.access_log = "off"

    def nginx(self, snippets):
        """Its part of the configuration: the shipped files, with other names."""
        upstream = re.search(r"upstream stateward \{.*?\n\}", (snippets / "stateward-upstream.conf")
                             .read_text(), re.S).group(0)
        server = (snippets / "stateward.conf").read_text()
        changes = {"upstream stateward": f"upstream {self.name}", SOCKET: f"unix:{self.socket}"}
        if not self.kept:
            upstream = re.sub(r"^\s*keepalive.*;$", "", upstream, flags=re.M)
            server = server.replace("fastcgi_keep_conn on;", "")
        for old, new in changes.items():
            assert old in upstream, old
            upstream = upstream.replace(old, new)
        assert LOG_LINE in server and "fastcgi_pass stateward;" in server
        server = server.replace(LOG_LINE, f"access_log {self.access_log};")
        server = server.replace("fastcgi_pass stateward;", f"fastcgi_pass {self.name};")
        return f"{upstream}\nserver {{ listen 127.0.0.1:{self.port};\n{server}\n}}\n"

    def workers(self):
        return children(self.process.pid)


def children(pid):
    """Processes that this one started; [] when it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(n) for n in text.split()]


class Bench:
    def __init__(self, options):
        self.options = options
        self.build = ROOT / options.build
        # Sockets' paths have to be short; nginx's workers have to reach them.
        self.folder = tempfile.mkdtemp(prefix="stateward-bench-")
        os.chmod(self.folder, 0o755)
        self.folders = [self.folder]
        self.processes = []
        self.nginx_pid = None

    def start(self, argv, env=None, log="log"):
        with open(os.path.join(self.folder, log), "ab") as out:
            process = subprocess.Popen([str(a) for a in argv], stdout=out, stderr=out,
                                       env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **(env or {})})
        self.processes.append(process)
        return process

    def close(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)

    def place(self, kind, parent):
        """A fresh folder on tmpfs or on a disk, for states and for the loop."""
        folder = tempfile.mkdtemp(prefix=f"stateward-bench-{kind}-", dir=parent)
        self.folders.append(folder)
        return folder

    def add_ceiling(self, name, mode):
        target = Target(name, self.folder, kept=mode == "keep")
        target.process = self.start([self.build / "bench/ceiling", mode, target.socket, WORKERS,
                                     THREADS, self.options.size])
        return target

    def add_stateward(self, name, folder, settings=None):
        target = Target(name, self.folder)
        target.states = os.path.join(folder, "states")
        key = os.path.join(self.folder, f"{name}.key")
        with open(key, "w", opener=lambda p, f: os.open(p, f, 0o600)) as out:
            subprocess.run([self.build / "statewardctl", "keygen"], stdout=out, check=True)
        env = {"FASTCGI_LISTEN": f"unix:{target.socket}", "RUNTIME_DIR": self.folder,
               "STORAGE_FS_DIR": target.states, "STORAGE_INIT": "true", "KMS_KEY_FILE": key,
               "WORKERS": str(WORKERS), "THREADS": str(THREADS),
               "LOG_LEVEL": self.options.log_level, **(settings or {})}
        target.process = self.start([self.build / "stateward"], env, f"{name}.log")
        return target

    def start_nginx(self, targets):
        paths = "".join(f"{kind}_temp_path {self.folder}/{kind};\n" for kind in
                        ("client_body", "fastcgi", "proxy", "uwsgi", "scgi"))
        user = "user root;" if os.geteuid() == 0 else ""
        shared = (self.options.snippets / "stateward-upstream.conf").read_text()
        maps = "\n".join(re.findall(r"^map .*?\n\}", shared, re.M | re.S))
        config = os.path.join(self.folder, "nginx.conf")
        pathlib.Path(config).write_text(
            f"{user} worker_processes 2; pid {self.folder}/nginx.pid; daemon off;\n"
            f"error_log {self.folder}/nginx-error.log; events {{ worker_connections 8192; }}\n"
            f"worker_rlimit_nofile 16384;\n"
            f"http {{ access_log off; keepalive_requests 100000;\n{paths}{maps}\n{LOG_FORMAT}\n"
            + "".join(t.nginx(self.options.snippets) for t in targets) + "}\n")
        nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:" + os.environ["PATH"])
        self.nginx_pid = self.start([nginx, "-p", self.folder, "-c", config, "-e",
                                     f"{self.folder}/nginx-error.log"]).pid
        for target in targets:
            what = "/ready" if target.states else "/state/p/n"
            wait_for(lambda t=target, w=what: answers(t.port, w), f"{target.name} answers")

    def drive(self, target, mode, **more):
        """One run of the driver; its figures."""
        settings = {"clients": CLIENTS, "size": self.options.size,
                    "duration": self.options.seconds, "warmup": 0.5, **more}
        if mode == "turns":
            settings.setdefault("states", TURN_STATES)
        argv = [self.build / "bench/driver", "--json", "--mode", mode]
        for name, value in settings.items():
            argv += [f"--{name}", str(value)]
        argv += ["--pids", ",".join(str(p) for p in target.workers())]
        if not target.states:
            argv.append("--no-check")
        done = subprocess.run([str(a) for a in argv] + [f"127.0.0.1:{target.port}"],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{target.name} {mode}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def loop(self, kind, folder, size):
        place = tempfile.mkdtemp(prefix="loop-", dir=folder)
        out = subprocess.run([self.build / "bench/loop", kind, place, str(WORKERS * THREADS),
                              str(self.options.seconds), str(size)],
                             check=True, capture_output=True, text=True).stdout
        shutil.rmtree(place)
        return float(out)


def record_sizes(states):
    """(bytes of a sealed state, bytes of a lock record), as the server wrote them last."""
    versions = [p for p in pathlib.Path(states, "states").glob("??/*/*") if p.is_file()]
    newest = max(versions, key=lambda p: p.stat().st_mtime)
    sizes = []
    for path in random.sample(locks := list(pathlib.Path(states, "locks").glob("??/*")),
                              min(len(locks), 200)):
        with open(path, "rb") as file:
            for place in (0, 4096):
                file.seek(place)
                head = file.read(20)
                if head[:8] == b"STWSLOT2":
                    sizes.append(96 + struct.unpack(">I", head[16:20])[0])
    return newest.stat().st_size, max(sizes)


def rss_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


class Report:
    def __init__(self):
        self.rows = []
        self.missed = 0

    def rounds(self, what, goal, values, measured):
        middle = statistics.median(values)
        self.add(what, f">= {goal:.2f}", f"{middle:.2f} ({min(values):.2f}-{max(values):.2f})",
                 measured, middle >= goal)

    def limit(self, what, goal, value, unit):
        self.add(what, f"<= {goal:g} {unit}", f"{value:.1f} {unit}", "", value <= goal)

    def add(self, what, goal, measured, detail, met):
        self.rows.append((what, goal, measured, detail, "met" if met else "NOT MET"))
        self.missed += not met

    def print(self):
        head = ("what", "goal", "measured", "rates", "")
        widths = [max(len(row[i]) for row in [head] + self.rows) for i in range(5)]
        for row in [head] + self.rows:
            print("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip())


def verb_rate(figures, verb):
    return figures["verbs"][verb]["per_s"]


def middle(rounds, pick):
    return statistics.median(pick(r) for r in rounds)


def measure(bench, places):
    """The rounds. A list of {(target, mode): figures, (loop kind, place): operations/s}."""
    ceilings = [bench.add_ceiling("ceiling_keep", "keep"), bench.add_ceiling("ceiling_once", "once")]
    servers = {kind: bench.add_stateward(f"stateward_{kind}", folder)
               for kind, folder in places.items()}
    targets = ceilings + list(servers.values())
    bench.start_nginx(targets)
    # Lock records grow until they hold 128 released IDs; the rounds are to meet their final size.
    for server in servers.values():
        bench.drive(server, "lock", duration=1)
        bench.drive(server, "post", duration=1)
    rounds = []
    for number in range(bench.options.rounds):
        figures = {}
        for mode in MODES:
            for target in targets:
                figures[target.name, mode] = bench.drive(target, mode)
        for kind, folder in places.items():
            sealed, lock = record_sizes(servers[kind].states)
            figures["post", kind] = bench.loop("post", folder, sealed)
            figures["lock", kind] = bench.loop("lock", folder, lock)
        rounds.append(figures)
        print(f"round {number + 1}: " + ", ".join(
            f"{t.name} {figures[t.name, 'cycle']['cycles_per_s']:.0f}" for t in targets)
            + " cycles/s", flush=True)
    print(f"sealed state {sealed} bytes, lock record {lock} bytes")
    return rounds, servers


def judge_rates(report, rounds, places):
    """GET against the ceiling; LOCK, UNLOCK, POST against ceiling and loop in a row."""
    for kind in places:
        server = f"stateward_{kind}"

        def get(r, name=server):
            return verb_rate(r[name, "get"], "GET")
        report.rounds(f"GET, {kind}", 0.6, [get(r) / get(r, "ceiling_keep") for r in rounds],
                      f"{middle(rounds, get):.0f} of "
                      f"{middle(rounds, lambda r: get(r, 'ceiling_keep')):.0f}/s")
        for verb, mode in (("LOCK", "lock"), ("UNLOCK", "lock"), ("POST", "post")):
            def bound(r):
                ceiling = verb_rate(r["ceiling_keep", mode], verb)
                return 1 / (1 / ceiling + 1 / r[mode, kind])

            def rate(r):
                return verb_rate(r[server, mode], verb)
            detail = (f"{middle(rounds, rate):.0f} of {middle(rounds, bound):.0f}/s = ceiling "
                      f"{middle(rounds, lambda r: verb_rate(r['ceiling_keep', mode], verb)):.0f}, "
                      f"loop {middle(rounds, lambda r: r[mode, kind]):.0f}")
            report.rounds(f"{verb}, {kind}", 0.7, [rate(r) / bound(r) for r in rounds], detail)


def judge_memory(report, bench, server, idle):
    report.limit("worker's memory, idle", 20, max(idle) / 1024, "MiB")
    before = {pid: rss_kib(pid) for pid in server.workers()}
    report.limit("worker's memory, idle after the rounds", 20, max(before.values()) / 1024, "MiB")
    figures = bench.drive(server, "cycle", clients=1, size=BIG, duration=6)
    for process in figures["processes"]:
        grown = (process["max_kib"] - before[process["pid"]]) * 1024 / BIG
        report.limit("100 MB state in flight", 2.5, grown, "x its size")
        kept = (process["after_kib"] - before[process["pid"]]) / 1024
        report.limit("... and kept after", KEPT_MIB, kept, "MiB")


def print_rates(rounds, names):
    print(f"{'median of the rounds':22}" + "".join(f"{n:>18}" for n in names))
    rows = [("cycles/s", "cycle", lambda f: f["cycles_per_s"], "{:.0f}")]
    for verb, mode in (("GET", "get"), ("LOCK", "lock"), ("UNLOCK", "lock"), ("POST", "post")):
        rows.append((f"{verb} /s", mode, lambda f, v=verb: verb_rate(f, v), "{:.0f}"))
    for verb in ("LOCK", "GET", "POST", "UNLOCK"):
        for point in ("p50_us", "p99_us"):
            rows.append((f"cycle: {verb} {point[:3]} ms", "cycle",
                         lambda f, v=verb, p=point: f["verbs"][v][p] / 1000, "{:.2f}"))
    for label, mode, pick, form in rows:
        values = (middle(rounds, lambda r, n=n: pick(r[n, mode])) for n in names)
        print(f"{label:22}" + "".join(f"{form.format(v):>18}" for v in values))


def cpu_per_request(figures, verb):
    """Microseconds of the workers' CPU for one request of a run, or of one verb of its turns."""
    if figures["mode"] == "turns":
        return figures["cpu_us_per_request"][verb]
    requests = sum(verb["count"] for verb in figures["verbs"].values())
    return sum(process["cpu_us"] for process in figures["processes"]) / requests


def judge_cpu(report, rounds):
    """What counts on a noisy machine: it does not depend on what else runs, or hardly."""
    for (verb, mode), goal in zip(CPU_RUNS, (2.2, 2.5, 2.5, 5)):
        ratios = [cpu_per_request(r["stateward_tmpfs", mode], verb) /
                  cpu_per_request(r["ceiling_keep", mode], verb) for r in rounds]
        middle_ratio = statistics.median(ratios)
        report.add(f"CPU of {verb}, tmpfs", f"<= {goal:.1f} x",
                   f"{middle_ratio:.2f} ({min(ratios):.2f}-{max(ratios):.2f})",
                   "of the ceiling's", middle_ratio <= goal)


def print_cpu(rounds, names):
    print(f"{'CPU per request, us':22}" + "".join(f"{n:>18}" for n in names))
    for verb, mode in CPU_RUNS:
        values = (middle(rounds, lambda r, n=n: cpu_per_request(r[n, mode], verb)) for n in names)
        print(f"{verb:22}" + "".join(f"{v:>18.0f}" for v in values))


def parse_options(parser):
    """Those of every benchmark of the whole server."""
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of each run in a round")
    parser.add_argument("--size", type=int, default=20000, help="bytes of a state")
    parser.add_argument("--tmpfs", default="/dev/shm")
    parser.add_argument("--disk", default="/var/tmp", help="a folder on a disk")
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--snippets", type=pathlib.Path, default=ROOT / "nginx")
    parser.add_argument("--json", help="write every figure to this file")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    return parser.parse_args()


def main():
    chosen = parse_options(argparse.ArgumentParser(description=__doc__))
    bench = Bench(chosen)
    try:
        places = {"tmpfs": bench.place("tmpfs", chosen.tmpfs),
                  "disk": bench.place("disk", chosen.disk)}
        rounds, servers = measure(bench, places)
        report = Report()
        judge_rates(report, rounds, places)
        judge_cpu(report, rounds)
        fresh = bench.add_stateward("fresh", bench.place("fresh", chosen.tmpfs))
        wait_for(lambda: len(fresh.workers()) == WORKERS, "workers start")
        time.sleep(1)
        judge_memory(report, bench, servers["tmpfs"], [rss_kib(p) for p in fresh.workers()])
        print_rates(rounds, ["ceiling_once", "ceiling_keep", "stateward_tmpfs", "stateward_disk"])
        print()
        print_cpu(rounds, ["ceiling_once", "ceiling_keep", "stateward_tmpfs", "stateward_disk"])
        print()
        report.print()
        if chosen.json:
            flat = [{" ".join(key): value for key, value in r.items()} for r in rounds]
            pathlib.Path(chosen.json).write_text(json.dumps(flat, indent=1))
        return 1 if report.missed else 0
    finally:
        bench.close()


if __name__ == "__main__":
    sys.exit(main())
