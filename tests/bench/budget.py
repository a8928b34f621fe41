#!/usr/bin/python3
"""One quota for many clients: fifty pulls through one daemon, then the same files by fifty independent curl loops with back-off.

    tests/bench/budget.sh [--requests N] [--window SECONDS] [--clients N] [--only batuta|curl] [--folder DIR] [--json FILE]

The simulated hub grants what it grants anonymous callers, 500 API calls and 3,000 file requests per window; only the window is
shorter than the 300 s of the hub. Each client fetches a dataset of its own. A file of it takes two requests, as on the hub: the
resolver answers with a redirect to its cache, which answers with the file.

Throughput is measured while the quota is what limits: from the first request to the opening of the last window that was used, the
quota allows 3,000 file requests per window length; the figure is how many of those were used. So both a request left over at
the end of a window and a second slept after it count as loss. In a window shorter than 30 s the whole seconds in which the hub tells
its resets weigh too much for that to be judged; refusals are judged always.

Exit codes: 0 all that is promised holds, 1 something does not.
"""

import argparse
import dataclasses
import json
import math
import pathlib
import subprocess
import sys
import time

from workplace import workplace

QUOTA = 3_000  # file requests of an anonymous caller per window
REQUESTS_PER_FILE = 2
FILE_SIZE = 200
LEAST_THROUGHPUT = 0.95
SHORTEST_JUDGED_S = 30
WINDOWS_JUDGED = 3  # with fewer there is hardly a window that the quota limits
HUNDREDS = 200


@dataclasses.dataclass
class Sample:
    """What one way of doing the work came to."""

    name: str
    wall: float          # seconds, from the start of the first client to the end of the last
    refused: dict        # 429 answers by kind of quota
    windows: list        # as the hub counted them

    @property
    def refusals(self):
        return sum(self.refused.values())

    @property
    def requests(self):
        return sum(window["used"].get("resolvers", 0) for window in self.windows)

    @property
    def most_in_a_window(self):
        return max(window["used"].get("resolvers", 0) for window in self.windows)

    def throughput(self, window_s):
        """Part of the quota that was used before the last window opened; None when there was but one."""
        limited = [window for window in self.windows if "resolvers" in window["used"]]
        if len(limited) < 2:
            return None
        used = sum(window["used"]["resolvers"] for window in limited[:-1])
        span_s = (limited[-1]["start_ms"] - limited[0]["start_ms"]) / 1000
        return used / (QUOTA * span_s / window_s)


@dataclasses.dataclass
class Check:
    what: str
    value: float
    bound: float
    is_judged: bool = True
    at_most: bool = False

    @property
    def holds(self):
        return self.value <= self.bound if self.at_most else self.value >= self.bound


class Work:
    """The datasets, one a client, and the two ways of fetching them."""

    def __init__(self, args, folder):
        from harness import write_repo  # reads the environment that main() sets

        self.args = args
        self.folder = folder
        self.root = folder / "repos"
        self.files = math.ceil(args.requests / (args.clients * REQUESTS_PER_FILE))
        self.names = [f"file-{number:05}.txt" for number in range(self.files)]
        for client in range(args.clients):
            content = {name: f"{client}/{name} ".ljust(FILE_SIZE, "x") for name in self.names}
            write_repo(self.root, self.repo(client), content, kind="datasets")

    @staticmethod
    def repo(client):
        return f"acme/set-{client:03}"

    def run(self, name):
        """Everything fresh: hub, windows, daemon, caches."""
        from harness import Sandbox

        box = Sandbox(self.folder)
        try:
            hub = box.hub(self.root, args=["--window-ms", str(round(self.args.window * 1000))])
            commands, check, env = (self._batuta if name == "batuta" else self._curl)(box, hub)
            begin = time.monotonic()
            logs = [box.log(f"client-{number}.log") for number in range(len(commands))]
            clients = [subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
                       for command, log in zip(commands, logs)]
            box.processes += clients  # so that they end with the box
            for number, client in enumerate(clients):
                if client.wait() != 0:
                    log = (box.folder / f"client-{number}.log").read_text()
                    raise RuntimeError(f"{name}: client {number} ended with {client.returncode}\n{log}\n{box.daemon_log()[-5000:]}")
            wall = time.monotonic() - begin
            for client in range(self.args.clients):
                check(client)
            windows = hub.windows()
            refused = {}
            for window in windows:
                for bucket, count in window["refused"].items():
                    refused[bucket] = refused.get(bucket, 0) + count
            return Sample(name, wall, refused, windows)
        finally:
            box.close()

    def _batuta(self, box, _):
        from harness import BATUTA

        box.daemon()
        commands = [[BATUTA, "hf", "pull", "dataset", self.repo(client), "--no-progress"] for client in range(self.args.clients)]

        def check(client):
            snapshot, = (box.cache / f"datasets--acme--set-{client:03}" / "snapshots").iterdir()
            self._expect(client, snapshot)
        return commands, check, box.env

    def _curl(self, box, hub):
        """curl doubles its pause from 1 s on at each 429 of a file, and begins anew with the next one."""
        commands = []
        for client in range(self.args.clients):
            out = box.folder / f"out-{client}"
            out.mkdir()
            lines = [f'url = "{hub.endpoint}/datasets/{self.repo(client)}/resolve/main/{name}"\noutput = "{out}/{name}"\n'
                     for name in self.names]
            (box.folder / f"list-{client}").write_text("".join(lines))
            commands.append(["curl", "-q", "--silent", "--show-error", "--fail-early", "--fail", "--location", "--retry", "100",
                             "--config", box.folder / f"list-{client}"])
        return commands, lambda client: self._expect(client, box.folder / f"out-{client}"), box.env

    def _expect(self, client, folder):
        for name in self.names:
            if not (folder / name).read_text().startswith(f"{client}/{name} "):
                raise RuntimeError(f"{folder / name} is not what was served")


def checks_of(args, samples):
    checks = []
    is_limited = args.requests > QUOTA * (WINDOWS_JUDGED - 1)
    if mine := samples.get("batuta"):
        checks.append(Check("batuta: 429 answers", mine.refusals, 0, at_most=True))
        checks.append(Check("batuta: throughput as part of the quota", mine.throughput(args.window) or 0, LEAST_THROUGHPUT,
                            is_judged=is_limited and args.window >= SHORTEST_JUDGED_S))
    if curl := samples.get("curl"):
        checks.append(Check("curl: 429 answers, to compare with", curl.refusals, HUNDREDS, is_judged=is_limited))
    return checks


def print_report(args, work, samples, checks):
    files = args.clients * work.files
    windows = math.ceil(files * REQUESTS_PER_FILE / QUOTA)
    print(f"{args.clients} clients, {files:,} files, {files * REQUESTS_PER_FILE:,} file requests; {QUOTA:,} per window of {args.window:g} s: "
          f"{windows} windows, so nobody can end before {(windows - 1) * args.window:g} s")
    print(f"  {'':24}{'429s':>8}{'requests':>10}{'windows':>9}{'most in one':>13}{'throughput':>12}{'time s':>9}")
    titles = {"batuta": "batuta, one daemon", "curl": f"curl, {args.clients} loops"}
    for name, sample in samples.items():
        throughput = sample.throughput(args.window)
        shown = "-" if throughput is None else f"{throughput:.1%}"
        print(f"  {titles[name]:24}{sample.refusals:8,}{sample.requests:10,}{len(sample.windows):9}{sample.most_in_a_window:13,}"
              f"{shown:>12}{sample.wall:9.1f}")
    for check in checks:
        verdict = ("PASS" if check.holds else "FAIL") if check.is_judged else "----"
        print(f"  {verdict}  {check.what}: {check.value:g} ({'≤' if check.at_most else '≥'} {check.bound:g})".replace(
            f"{check.value:g}", f"{check.value:.3f}" if isinstance(check.value, float) else f"{check.value:g}", 1))


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="build folder with batuta, batutad and hubsim")
    parser.add_argument("--requests", type=int, default=20_000, help="file requests in all (default 20,000)")
    parser.add_argument("--window", type=float, default=60, help="length of the hub's windows in seconds (default 60)")
    parser.add_argument("--clients", type=int, default=50, help="at once (default 50)")
    parser.add_argument("--only", choices=["batuta", "curl"], help="one of the two ways")
    parser.add_argument("--folder", type=pathlib.Path, default="/dev/shm",
                        help="where files are served from and written to (default: memory, as the time of a disk does not scale)")
    parser.add_argument("--json", type=pathlib.Path, help="write every figure here as well")
    args = parser.parse_args(argv)
    if args.clients < 1 or args.requests < args.clients * REQUESTS_PER_FILE or args.window < 1:
        parser.error("--clients is 1 or more, --requests at least two a client, --window 1 or more")
    return args


def main():
    args = parse(sys.argv[1:])
    samples = {}
    with workplace(args.build.resolve(), "budget", args.folder) as folder:
        work = Work(args, folder)
        for name in [args.only] if args.only else ["batuta", "curl"]:
            samples[name] = work.run(name)
    checks = checks_of(args, samples)
    print_report(args, work, samples, checks)
    if args.json:
        report = {"samples": {name: {**dataclasses.asdict(sample), "throughput": sample.throughput(args.window)}
                              for name, sample in samples.items()},
                  "checks": [{**dataclasses.asdict(check), "holds": check.holds} for check in checks]}
        args.json.write_text(json.dumps(report, indent=1) + "\n")
    return 1 if any(check.is_judged and not check.holds for check in checks) else 0


if __name__ == "__main__":
    sys.exit(main())
