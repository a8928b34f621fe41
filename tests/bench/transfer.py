#!/usr/bin/python3
"""Races batuta against curl and aria2c: one server (nginx) on this machine, one load after another, everybody in turn.

    tests/bench/transfer.sh [--runs N] [--scale F] [--only LOAD] [--folder DIR] [--json FILE]

batuta hashes, verifies, publishes and catalogues what it fetches, into an empty cache, with a daemon that was just started;
its opponents only write the bytes. Ends with the ratios that are promised. Exit codes: 0 all hold, 1 one does not.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from nginx_hub import File, NginxHub, Repo, cpu_seconds, peak_overlap
from workplace import workplace

MIB = 1 << 20
GIB = 1 << 30
CAP = 8_000_000
MAX_DAEMON_RSS = 96 * MIB
SAMPLE_EVERY_MS = 20


@dataclasses.dataclass
class Sample:
    """What one run of one opponent cost."""

    wall: float = 0.0           # seconds
    cpu: float = 0.0            # seconds, client and daemon together
    server_cpu: float = 0.0
    client_rss: int = 0         # bytes, at most
    daemon_rss: int = 0
    requests: int = 0
    connections: int = 0        # that sent contents at the same time, at most; only of a capped server
    threads: dict = dataclasses.field(default_factory=dict)  # of the daemon: seconds of CPU by name of thread


@dataclasses.dataclass
class Opponent:
    name: str
    run: object                 # () -> Sample, with requests and server_cpu left open
    is_slow: bool = False       # measures what arithmetic tells as well: one run will do
    samples: list = dataclasses.field(default_factory=list)

    def median(self, field):
        return statistics.median(getattr(sample, field) for sample in self.samples)

    def most(self, field):
        return max(getattr(sample, field) for sample in self.samples)


@dataclasses.dataclass
class Check:
    what: str
    value: float
    bound: float
    needs_size: bool = True     # says nothing of loads that are scaled down
    at_most: bool = False

    @property
    def holds(self):
        return self.value <= self.bound if self.at_most else self.value >= self.bound


def status_bytes(pid, key):
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def run_client(command, env=None, output=subprocess.DEVNULL):
    """Runs it to its end. The peak of its memory is sampled, as rusage counts the memory of who forked as well."""
    sample = Sample()
    begin = time.perf_counter()
    process = subprocess.Popen([str(word) for word in command], env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        ended = os.pidfd_open(process.pid)
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        while not poll.poll(SAMPLE_EVERY_MS):
            sample.client_rss = max(sample.client_rss, status_bytes(process.pid, "VmHWM"))
        sample.wall = time.perf_counter() - begin
        os.close(ended)
    except BaseException:  # the race is being called off
        process.kill()
        raise
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    sample.cpu = usage.ru_utime + usage.ru_stime
    return sample


class Race:
    """One load and all who run it."""

    def __init__(self, hub, repo, folder):
        self.hub = hub
        self.repo = repo
        self.folder = folder
        self.out = folder / "out"
        self.list = folder / f"{repo.name}.list"
        self.urls = [(hub.url(repo, file), file) for file in repo.files]

    def _expect(self, folder):
        found = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        if found != self.repo.total:
            raise RuntimeError(f"{found} bytes in {folder} instead of {self.repo.total}")

    def _to_folder(self, command):
        """A client that writes into self.out."""
        for _, file in self.urls:
            (self.out / file.path).parent.mkdir(parents=True, exist_ok=True)
        sample = run_client(command)
        self._expect(self.out)
        return sample

    def curl(self):
        lines = [f'url = "{url}"\noutput = "{self.out}/{file.path}"\n' for url, file in self.urls]
        self.list.write_text("".join(lines))
        return self._to_folder(["curl", "-q", "--silent", "--show-error", "--fail", "--config", self.list])

    def aria2c(self, at_once, per_file):
        lines = [f"{url}\n dir={(self.out / file.path).parent}\n out={pathlib.Path(file.path).name}\n" for url, file in self.urls]
        self.list.write_text("".join(lines))
        return self._to_folder(["aria2c", "--no-conf", "--no-netrc", "--quiet", "--file-allocation=none", "--allow-overwrite=true",
                                "--auto-file-renaming=false", f"-j{at_once}", f"-x{per_file}", f"-s{per_file}", "-k1M",
                                "-i", self.list])

    def batuta(self, settings=""):
        """A fresh daemon, an empty cache; the time is that of the client, from its start to its end."""
        from harness import BATUTA, Sandbox  # reads the environment that main() sets

        box = Sandbox()
        try:
            box.env["HF_ENDPOINT"] = self.hub.endpoint
            if settings:
                config = box.folder / "config" / "batuta" / "config.toml"
                config.parent.mkdir(parents=True)
                config.write_text(settings)
            daemon = box.daemon()
            before = self._threads(daemon.pid)
            cpu = cpu_seconds(f"/proc/{daemon.pid}/stat")
            try:
                with open(box.folder / "client.log", "wb") as log:
                    sample = run_client([BATUTA, "hf", "pull", "dataset", self.repo.id], box.env, log)
            except RuntimeError as error:
                raise RuntimeError(f"{error}\n{(box.folder / 'client.log').read_text()}\n{box.daemon_log()}") from None
            sample.cpu += cpu_seconds(f"/proc/{daemon.pid}/stat") - cpu
            sample.daemon_rss = status_bytes(daemon.pid, "VmHWM")
            for name, seconds in self._threads(daemon.pid).items():
                sample.threads[name] = round(seconds - before.get(name, 0), 2)
            self._expect_published(box.cache)
            return sample
        finally:
            box.close()

    @staticmethod
    def _threads(pid):
        """Seconds of CPU of each thread, those of equal name apart."""
        seconds = {}
        for task in sorted(pathlib.Path(f"/proc/{pid}/task").iterdir(), key=lambda path: int(path.name)):
            seconds[f"{(task / 'comm').read_text().strip()}/{task.name}"] = cpu_seconds(task / "stat")
        return seconds

    def _expect_published(self, cache):
        repo = cache / f"datasets--{self.repo.id.replace('/', '--')}"
        snapshot, = (repo / "snapshots").iterdir()
        for file in self.repo.files:
            link = snapshot / file.path
            if pathlib.Path(os.readlink(link)).name != file.blob or link.stat().st_size != file.size:
                raise RuntimeError(f"{link} is not what was served")

    def opponents(self):
        if self.repo.name == "small":
            return [Opponent("curl", self.curl)] + [
                Opponent(f"aria2c -j{count}", lambda count=count: self.aria2c(count, 1)) for count in (1, 4, 16)
            ] + [Opponent("batuta", self.batuta)]
        files = len(self.repo.files)

        def split(count):  # `count` connections in all
            at_once = min(count, files)
            return lambda: self.aria2c(at_once, -(-count // at_once))

        several = [Opponent(f"aria2c {count}", split(count), bool(self.repo.cap) and count == 1) for count in (1, 4, 16)]
        mine = [Opponent("batuta", self.batuta)]
        if self.repo.cap:
            mine.append(Opponent("batuta 16", lambda: self.batuta("[transfer]\nconnections_per_file = 16\n")))
        return [Opponent("curl", self.curl, bool(self.repo.cap)), *several, *mine]

    def run(self, runs):
        opponents = self.opponents()
        for number in range(runs):
            turn = number % len(opponents)  # so that nobody always comes after the same one
            for opponent in opponents[turn:] + opponents[:turn]:
                if opponent.is_slow and opponent.samples:
                    continue
                opponent.samples.append(self._measured(opponent))
        return opponents

    def _measured(self, opponent):
        self.out.mkdir()
        # What the one before wrote is not this one's burden.
        subprocess.run(["sync", "--file-system", self.folder], check=True)
        server_cpu = self.hub.cpu_seconds()
        try:
            sample = opponent.run()
        finally:
            shutil.rmtree(self.out)
        sample.server_cpu = self.hub.cpu_seconds() - server_cpu
        requests = self.hub.take_requests()
        sample.requests = len(requests)
        if self.repo.cap:  # else answers are shorter than the log's milliseconds
            sample.connections = peak_overlap([r for r in requests if r.is_cdn])
        return sample


def checks_of(repo, opponents):
    """The promises, as numbers."""
    of = {opponent.name: opponent for opponent in opponents}
    wall = {name: opponent.median("wall") for name, opponent in of.items()}
    mine = [name for name in of if name.startswith("batuta")]
    checks = []
    if repo.cap:
        for name in mine:
            used = of[name].most("connections")
            checks.append(Check(f"{name}: × (cap × {used} connections)", repo.total / wall[name] / (CAP * used), 0.9))
        more = of["batuta 16"].most("connections") - of["aria2c 16"].most("connections")
        checks.append(Check("batuta 16: connections more or less than aria2c 16", abs(more), 0, at_most=True))
    elif repo.name == "small":
        checks.append(Check("× aria2c -j16", wall["aria2c -j16"] / wall["batuta"], 1.0))
        most = len(repo.files) + 10
        checks.append(Check(f"requests for {len(repo.files)} files", of["batuta"].most("requests"), most, needs_size=False, at_most=True))
    else:
        best = min((name for name in of if name.startswith("aria2c")), key=wall.get)
        checks.append(Check("× curl", wall["curl"] / wall["batuta"], 0.75))
        checks.append(Check(f"× best of aria2c ({best})", wall[best] / wall["batuta"], 1.0))
    rss = max(of[name].most("daemon_rss") for name in mine)
    checks.append(Check("peak RSS of the daemon, MiB", rss / MIB, MAX_DAEMON_RSS / MIB, needs_size=False, at_most=True))
    return checks


def print_load(title, repo, opponents, checks, is_scaled):
    print(f"\n{title}")
    print(f"  {'':14}{'wall s':>8}{'min':>8}{'max':>8}{'MB/s':>9}{'CPU s/GiB':>11}{'server':>8}{'client MiB':>12}{'daemon MiB':>12}"
          f"{'requests':>10}{'connections':>13}")
    for each in opponents:
        walls = [sample.wall for sample in each.samples]
        daemon = f"{each.most('daemon_rss') / MIB:12.1f}" if each.most("daemon_rss") else f"{'-':>12}"
        print(f"  {each.name:14}{each.median('wall'):8.2f}{min(walls):8.2f}{max(walls):8.2f}"
              f"{repo.total / each.median('wall') / 1e6:9.1f}{each.median('cpu') / (repo.total / GIB):11.2f}"
              f"{each.median('server_cpu') / (repo.total / GIB):8.2f}{each.most('client_rss') / MIB:12.1f}{daemon}"
              f"{each.most('requests'):10}{each.most('connections') or '-':>13}")
    for each in opponents:
        if not each.samples[0].threads:
            continue
        median = sorted(each.samples, key=lambda sample: sample.wall)[len(each.samples) // 2]
        busiest = sorted(median.threads.items(), key=lambda item: -item[1])[:6]
        shares = ", ".join(f"{name.split('/')[0]} {seconds / median.wall:.0%}" for name, seconds in busiest if seconds > 0)
        print(f"  busiest threads of {each.name}'s daemon: {shares}")
    for check in checks:
        verdict = "PASS" if check.holds else "FAIL"
        if is_scaled and check.needs_size:
            verdict = "----"
        print(f"  {verdict}  {check.what}: {check.value:.2f} ({'≤' if check.at_most else '≥'} {check.bound:g})")


def make_loads(scale):
    """(title, repo) of each load."""
    def size(mib):
        return max(round(mib * scale), 1) * MIB

    small = max(round(5_000 * scale), 1)
    one, eight, capped = size(2_048), size(256), size(512)
    return [
        (f"one file of {one // MIB} MiB", Repo("one", [File("whole.bin", one)], True)),
        (f"8 files of {eight // MIB} MiB", Repo("eight", [File(f"part-{i}.bin", eight) for i in range(8)], True)),
        (f"{small:,} files of 4 KiB",
         Repo("small", [File(f"folder-{i // 100:03}/file-{i:05}.txt", 4_096) for i in range(small)], False)),
        (f"one file of {capped // MIB} MiB, {CAP // 1_000_000} MB/s per connection",
         Repo("capped", [File("whole.bin", capped)], True, CAP)),
    ]


def describe_machine(folder):
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("model name")),
                 "unknown CPU")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    kind = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=True).stdout.strip()
    versions = [subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout.split("\n", 1)[0]
                for tool in ("curl", "aria2c")]
    return (f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, load {os.getloadavg()[0]:.1f}; files in {folder} ({kind}); "
            + "; ".join(" ".join(version.split()[:3]) for version in versions))


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="build folder with batuta and batutad")
    parser.add_argument("--runs", type=int, default=3, help="rounds; medians are reported (default 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the loads; below 1 only requests and memory are judged (default 1)")
    parser.add_argument("--only", choices=["one", "eight", "small", "capped"], action="append", help="this load; may be repeated")
    parser.add_argument("--folder", type=pathlib.Path, help="where files are served from and written to (default: $TMPDIR or /tmp)")
    parser.add_argument("--json", type=pathlib.Path, help="write every sample and ratio here as well")
    args = parser.parse_args(argv)
    if args.runs < 1 or not 0 < args.scale <= 1:
        parser.error("--runs is 1 or more, --scale above 0 and at most 1")
    return args


def main():
    args = parse(sys.argv[1:])
    failed = False
    with workplace(args.build.resolve(), "bench", args.folder) as folder:
        tempfile.tempdir = str(folder)  # the sandboxes as well: all write to the same file system
        loads = [(title, repo) for title, repo in make_loads(args.scale) if not args.only or repo.name in args.only]
        report = {"machine": describe_machine(folder), "scale": args.scale, "loads": {}}
        print(report["machine"])
        hub = None
        try:
            hub_folder = folder / "hub"
            hub_folder.mkdir()
            hub = NginxHub(hub_folder, [repo for _, repo in loads])
            for title, repo in loads:
                opponents = Race(hub, repo, folder).run(args.runs)
                checks = checks_of(repo, opponents)
                print_load(title, repo, opponents, checks, args.scale < 1)
                sys.stdout.flush()
                failed |= any(not check.holds and (args.scale == 1 or not check.needs_size) for check in checks)
                report["loads"][repo.name] = {
                    "bytes": repo.total,
                    "samples": {each.name: [dataclasses.asdict(sample) for sample in each.samples] for each in opponents},
                    "checks": [{**dataclasses.asdict(check), "holds": check.holds} for check in checks]}
        finally:
            if hub is not None:
                hub.close()
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
