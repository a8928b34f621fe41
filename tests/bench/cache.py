#!/usr/bin/python3
"""A million blobs: what the daemon takes to start, to list, to plan an eviction and to say where a file is.

    tests/bench/cache.sh [--repos N] [--snapshots N] [--files N] [--folder DIR] [--json FILE]

Two caches are made as other tools would have filled them (tests/bench/make_cache.cc): the large one, and one of 300 repos for
`cache ls`, which is run as a whole process, beside a script that goes through the tree as one must without a daemon, and
beside the npm client where its packages are there (they are once the tests have run). Blobs are sound, and holes behind their
headers: the large cache is two million inodes and about 4 KiB a blob, 6.5 GB of memory in /dev/shm in all.

A start is measured with the catalog that the daemon before it has left; the first one of all, which has to go through the
tree, is told and not judged. A latency over the socket is that of eight clients, each with a connection of its own: at a
fixed rate, which is judged, and each as fast as it can, which on few cores measures the cores. Beside it, what a server
that answers at once takes (tests/bench/empty_server.cc): the floor that gRPC and the machine set.

With fewer than a million files only that it runs is judged. Exit codes: 0 all that is promised holds, 1 something does not.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

from workplace import ROOT, workplace

LISTED_REPOS = 300
CLIENTS = 8
RATE = 1_000  # questions a second, of all clients together
STARTS = 5
ROUNDS = 3
RUNS = 50


class Checks:
    def __init__(self, is_judged):
        self.is_judged = is_judged
        self.all = []

    def at_most(self, what, value, bound, unit, is_judged=True):
        verdict = "----" if not (is_judged and self.is_judged) else "PASS" if value <= bound else "FAIL"
        self.all.append({"what": what, "value": value, "bound": bound, "unit": unit, "verdict": verdict})
        print(f"  {verdict}  {what}: {value:,.1f} {unit} (≤ {bound:,} {unit})", flush=True)

    def tell(self, what, value, unit):
        self.all.append({"what": what, "value": value, "unit": unit, "verdict": "----"})
        print(f"        {what}: {value:,.1f} {unit}", flush=True)


def run_ms(command, env=None):
    begin = time.perf_counter()
    subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - begin) * 1000


def median_ms(runs, command, env=None):
    run_ms(command, env)
    return statistics.median(run_ms(command, env) for _ in range(runs))


def memory_mib(process, field):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no {field}")


class Bench:
    def __init__(self, args, build, folder, checks):
        self.args = args
        self.tools = build / "tests/bench"
        self.build = build
        self.folder = folder
        self.checks = checks

    def box(self, repos, snapshots, files):
        from harness import Sandbox  # reads the environment that main() sets

        box = Sandbox(self.folder)
        box.cache.mkdir()
        begin = time.monotonic()
        subprocess.run([self.tools / "make_cache", box.cache, str(repos), str(snapshots), str(files)], check=True)
        print(f"{repos:,} repos, {repos * snapshots:,} selections, {repos * snapshots * files:,} blobs made in {time.monotonic() - begin:.0f} s",
              flush=True)
        time.sleep(3)  # what is younger is surveyed twice
        return box

    def start(self, box):
        """Milliseconds from the start of the process to the first answer, and to the first listing."""
        begin = time.monotonic()
        process = box.daemon(wait=False)
        ask = [self.tools / "bare_client", box.socket]
        while subprocess.run(ask, stderr=subprocess.DEVNULL, check=False).returncode != 0:
            if process.poll() is not None:
                raise RuntimeError("batutad ended: " + box.daemon_log())
        answers = time.monotonic() - begin
        self.list(box, "--limit", "1")
        return process, answers * 1000, (time.monotonic() - begin) * 1000

    def list(self, box, *args):
        from harness import BATUTA

        return run_ms([BATUTA, "hf", "cache", "ls", *args], box.env)

    def questions(self, box, rate):
        """The latencies of a server that answers at once and those of the daemon: the medians of rounds in turn."""
        args = self.args
        socket = box.state / "empty.sock"
        with subprocess.Popen([self.tools / "empty_server", socket], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as empty:
            empty.stdout.readline()
            rounds = [[json.loads(subprocess.run([self.tools / "resolve_load", asked, str(args.repos), str(args.files), str(CLIENTS), "3", str(rate)],
                                                 check=True, capture_output=True, text=True).stdout) for asked in (socket, box.socket)]
                      for _ in range(ROUNDS)]
            empty.stdin.close()
        return [{key: statistics.median(one[number][key] for one in rounds) for key in rounds[0][number]} for number in (0, 1)]

    def stop(self, process):
        process.terminate()
        process.wait()

    def rest(self, process):
        """Waits until the daemon has nothing left to do, as one that has been up for a while: what it does in the background after its first start is told."""
        begin = time.monotonic()
        stat = pathlib.Path(f"/proc/{process.pid}/stat")
        ticks, calm = 0, 0
        while calm < 3:
            time.sleep(0.5)
            now = sum(int(field) for field in stat.read_text().rpartition(")")[2].split()[11:13])
            calm = calm + 1 if now - ticks <= 1 else 0
            ticks = now
        return time.monotonic() - begin

    def million(self):
        from harness import BATUTA

        args, checks = self.args, self.checks
        box = self.box(args.repos, args.snapshots, args.files)
        try:
            process, answers, listed = self.start(box)
            checks.tell("first start of all, until it answers", answers, "ms")
            checks.tell("until it has gone through the tree", listed, "ms")
            self.stop(process)
            samples = []
            for number in range(STARTS):
                process, *sample = self.start(box)
                samples.append(sample)
                if number < STARTS - 1:
                    self.stop(process)
            checks.at_most("start, until it answers", statistics.median(sample[0] for sample in samples), 2_000, "ms")
            checks.at_most("start, until `cache ls` is answered", statistics.median(sample[1] for sample in samples), 2_000, "ms")
            checks.tell("`cache ls` of all", self.list(box), "ms")
            checks.tell("`cache why` of one repo", median_ms(3, [BATUTA, "hf", "cache", "why", "model", "acme-00/otter-00000"], box.env), "ms")
            checks.tell("`cache prune --free 1TB --dry-run`", median_ms(3, [BATUTA, "hf", "cache", "prune", "--free", "1TB", "--dry-run",
                                                                           "--format", "quiet"], box.env), "ms")
            checks.tell("until it is at rest", self.rest(process), "s")
            for name, rate in (("fixed", RATE), ("closed", 0)):
                floor, load = self.questions(box, rate)
                how = f"{RATE:,} a second" if rate else "each as fast as it can"
                checks.tell(f"resolve, {CLIENTS} clients, {how}: answered", load["per_second"], "a second")
                checks.tell(f"resolve, {CLIENTS} clients, {how}: p50", load["p50"], "µs")
                checks.at_most(f"resolve, {CLIENTS} clients, {how}: p99", load["p99"], 300, "µs", is_judged=name == "fixed")
                checks.tell(f"a server that answers at once, {how}: p50", floor["p50"], "µs")
                checks.tell(f"a server that answers at once, {how}: p99", floor["p99"], "µs")
            checks.at_most("memory of the daemon", memory_mib(process, "VmRSS"), 512, "MiB")
            checks.at_most("memory of the daemon at its peak", memory_mib(process, "VmHWM"), 512, "MiB")
            self.stop(process)
            parts = json.loads(subprocess.run([self.tools / "cache_bench", box.cache, box.state], check=True, capture_output=True, text=True).stdout)
            checks.at_most("plan of an eviction, with the view of the cache", parts["view"] + parts["plan_tenth"], 200, "ms")
            checks.tell("the view alone", parts["view"], "ms")
            checks.tell("the same, of everything", parts["view"] + parts["plan_all"], "ms")
            checks.tell("is the cache as it was", parts["check"], "ms")
            checks.at_most("resolve, in the daemon", parts["resolve_us"], 50, "µs")
            checks.tell("the same, by way of the disk pool", parts["resolve_by_pool_us"], "µs")
        finally:
            box.close()

    def listing(self):
        from harness import BATUTA

        box = self.box(LISTED_REPOS, 2, 20)
        try:
            box.daemon()
            ls = median_ms(RUNS, [BATUTA, "hf", "cache", "ls"], box.env)
            self.checks.at_most(f"`batuta hf cache ls`, {LISTED_REPOS} repos, median of {RUNS}", ls, 20, "ms")
            walk = median_ms(RUNS, ["/usr/bin/python3", "-S", "-E", ROOT / "tests/bench/walk_cache.py", box.cache])
            self.checks.tell("a script that goes through the tree", walk, "ms")
            npm = self.build / "tests/integration/npm"
            if (npm / "node_modules").is_dir():
                self.checks.tell("scanCacheDir of the npm client", median_ms(5, ["node", npm / "cache_scan.mjs", box.cache]), "ms")
        finally:
            box.close()


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="build folder with batuta, batutad and the programs of tests/bench")
    parser.add_argument("--repos", type=int, default=4_000, help="of the large cache (default 4,000)")
    parser.add_argument("--snapshots", type=int, default=5, help="of each repo, each one selection (default 5)")
    parser.add_argument("--files", type=int, default=50, help="of each snapshot, each a blob of its own (default 50)")
    parser.add_argument("--only", choices=["million", "listing"], help="one of the two caches")
    parser.add_argument("--folder", type=pathlib.Path, default="/dev/shm", help="where the caches are made, and removed again (default: memory)")
    parser.add_argument("--json", type=pathlib.Path, help="write every figure here as well")
    args = parser.parse_args(argv)
    if args.repos < 10 or args.snapshots < 1 or args.files < 4:
        parser.error("--repos is 10 or more, --snapshots 1 or more, --files 4 or more")
    return args


def main():
    args = parse(sys.argv[1:])
    build = args.build.resolve()
    checks = Checks(is_judged=args.repos * args.snapshots * args.files >= 1_000_000)
    with workplace(build, "cache", args.folder) as folder:
        bench = Bench(args, build, folder, checks)
        if args.only != "listing":
            bench.million()
        if args.only != "million":
            bench.listing()
    print(f"  load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if args.json:
        args.json.write_text(json.dumps({"checks": checks.all, "load": os.getloadavg()}, indent=1) + "\n")
    return 1 if any(check["verdict"] == "FAIL" for check in checks.all) else 0


if __name__ == "__main__":
    sys.exit(main())
