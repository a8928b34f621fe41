#!/usr/bin/python3
"""Where is a file? How long one client waits for the answer while others do what they like.

    tests/bench/hostile.sh [--idle N] [--busy N] [--seconds N] [--judged-only] [--json FILE]

One client, with a connection of its own, asks 200 times a second, each time when it is due (tests/bench/resolve_load.cc): alone; beside
connections that do nothing; with others that ask as well; with one that floods, that is, which has as many calls under way as its
connection may have, and asks anew at each answer (tests/e2e/hostile_client.py); with one of each kind of flood that there is. All of
them are the same user, so no share of another protects the one that is measured. Beside the latencies stand what the daemon's memory and
descriptors were at their most.

Judged is the line of idle, busy and flooding clients together. Before it stands the floor: the same clients at a server of the same gRPC
that answers at once (tests/bench/empty_server.cc), since all of them share the processors with whoever answers. Exit codes: 0 what is promised holds, 1 it does not.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import threading
import time

from workplace import ROOT, workplace

RATE = 200  # questions a second of the one that is measured
BUSY_RATE = 1_000  # of the others together
UNDER_WAY = 100  # calls of the one that floods: as many as one connection may have
REPOS, FILES = 300, 20
MOST_MS = 5
MOST_BYTES = 512 << 20

RESOLVE = "/batuta.v1.CacheService/Resolve"


def question(repo, path):
    """A ResolveRequest{repo: {type: MODEL, id}, revision: "main", path}, without generated code."""
    text = lambda number, value: bytes([number << 3 | 2, len(value)]) + value.encode()
    inner = b"\x08\x01" + text(2, repo)
    return b"\x0a" + bytes([len(inner)]) + inner + text(2, "main") + text(3, path)


class Watch:
    """The most that a process has had of memory and descriptors."""

    def __init__(self, pid):
        self.pid, self.most_bytes, self.most_files = pid, 0, 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over.wait(0.1):
            for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    self.most_bytes = max(self.most_bytes, int(line.split()[1]) << 10)
            self.most_files = max(self.most_files, len(os.listdir(f"/proc/{self.pid}/fd")))

    def end(self):
        self.over.set()
        self.thread.join()


class Bench:
    def __init__(self, args, build, box):
        self.args, self.box, self.lines = args, box, []
        self.tools = build / "tests/bench"
        self.socket = box.socket
        self.others = []

    def ask(self, clients, seconds, rate):
        return subprocess.Popen([self.tools / "resolve_load", self.socket, str(REPOS), str(FILES), str(clients), str(seconds), str(rate)], stdout=subprocess.PIPE, text=True)

    def hostile(self, how, count, seconds, method=RESOLVE, request=question("acme-00/otter-00000", "config.json")):
        process = subprocess.Popen([sys.executable, "-I", ROOT / "tests/e2e/hostile_client.py", self.socket, how, str(count), str(seconds), method, request.hex()],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if process.stdout.readline() != "begun\n":
            raise RuntimeError(f"{how} did not begin")
        self.others.append(process)
        return process

    def leave(self):
        for process in self.others:
            process.stdin.close()
            process.stdout.read()
            process.wait()
        self.others = []

    def measure(self, name, pid, is_judged=False):
        watch = Watch(pid)
        one = self.ask(1, self.args.seconds, RATE)
        out = one.communicate()[0]
        watch.end()
        if one.returncode != 0:
            # Being the same user, it shares his quota: beyond it gRPC closes his connections, whichever it likes.
            self.lines.append({"name": name, "verdict": "FAIL" if is_judged else "----"})
            print(f"  {self.lines[-1]['verdict']}  {name}: a question was not answered", flush=True)
            return
        latencies = json.loads(out)
        line = {"name": name, "p50_ms": latencies["p50"] / 1000, "p99_ms": latencies["p99"] / 1000, "max_ms": latencies["max"] / 1000, "count": latencies["count"],
                "memory_mib": watch.most_bytes / (1 << 20), "descriptors": watch.most_files, "verdict": "----"}
        if is_judged:
            line["verdict"] = "PASS" if line["p99_ms"] <= MOST_MS and watch.most_bytes <= MOST_BYTES else "FAIL"
        self.lines.append(line)
        print(f"  {line['verdict']}  {name}: p50 {line['p50_ms']:.2f} ms, p99 {line['p99_ms']:.2f} ms, most {line['max_ms']:.1f} ms; "
              f"{line['memory_mib']:.0f} MiB, {line['descriptors']} descriptors", flush=True)

    def measure_flooded(self, name, pid, is_judged):
        args, seconds = self.args, self.args.seconds
        busy = self.ask(args.busy, seconds + 6, BUSY_RATE)
        time.sleep(1)
        flood = self.hostile("flood", UNDER_WAY, seconds + 4)
        self.measure(f"{args.idle:,} idle, {args.busy} busy, one floods{name}", pid, is_judged)
        answered = json.loads(flood.stdout.read())["answered"]
        print(f"        it had {answered / (seconds + 4):,.0f} answers a second, the busy ones {json.loads(busy.communicate()[0])['per_second']:,.0f}", flush=True)

    def measure_floor(self):
        """A server that answers at once, in the place of the daemon."""
        self.socket = self.box.folder / "empty.sock"
        with subprocess.Popen([self.tools / "empty_server", self.socket], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as empty:
            empty.stdout.readline()
            self.hostile("idle", self.args.idle, 10 * self.args.seconds)
            self.measure_flooded(" (floor)", empty.pid, is_judged=False)
            self.leave()
            empty.stdin.close()
        self.socket = self.box.socket

    def run(self, pid):
        args, seconds = self.args, self.args.seconds
        self.measure("alone", pid)
        self.measure_floor()
        idle = self.hostile("idle", args.idle, 10 * seconds)
        self.measure(f"{args.idle:,} idle connections", pid)
        self.measure_flooded("", pid, is_judged=True)
        if args.judged_only:
            return
        for how, method, request in (("flood", "/batuta.v1.CacheService/ListRepos", b""), ("never_read", RESOLVE, question("acme-00/otter-00000", "config.json")),
                                     ("come_and_go", "", b""), ("resets", RESOLVE, question("acme-00/otter-00000", "config.json")),
                                     ("unfinished", RESOLVE, b""), ("pings", "", b"")):
            process = self.hostile(how, UNDER_WAY if how in ("flood", "unfinished", "never_read") else 10_000_000, seconds + 1, method, request)
            self.measure(f"{args.idle:,} idle, {how} {method.rpartition('/')[2]}", pid)
            process.wait()
        idle.stdin.close()
        idle.wait()
        self.others = []
        self.measure("alone, afterwards", pid)


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="build folder with batuta, batutad and the programs of tests/bench")
    parser.add_argument("--idle", type=int, default=1_000, help="connections that do nothing (default 1,000)")
    parser.add_argument("--busy", type=int, default=64, help="connections that ask as well (default 64)")
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement (default 5)")
    parser.add_argument("--judged-only", action="store_true", help="without the other kinds of flood")
    parser.add_argument("--json", type=pathlib.Path, help="write every figure here as well")
    return parser.parse_args(argv)


def main():
    args = parse(sys.argv[1:])
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files[1], files[1]))
    build = args.build.resolve()
    with workplace(build, "hostile", pathlib.Path("/dev/shm")) as folder:
        from harness import Sandbox  # reads the environment that workplace() sets

        box = Sandbox(folder)
        bench = Bench(args, build, box)
        try:
            box.cache.mkdir()
            subprocess.run([build / "tests/bench/make_cache", box.cache, str(REPOS), "1", str(FILES)], check=True)
            process = box.daemon()
            box.batuta("hf", "cache", "ls")
            bench.run(process.pid)
        finally:
            bench.leave()
            box.close()
    print(f"  load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if args.json:
        args.json.write_text(json.dumps({"lines": bench.lines, "load": os.getloadavg()}, indent=1) + "\n")
    return 1 if any(line["verdict"] == "FAIL" for line in bench.lines) else 0


if __name__ == "__main__":
    sys.exit(main())
