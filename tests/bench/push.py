#!/usr/bin/python3
"""Pushes to the simulated hub on this machine: a dataset of which one percent changes, one large file beside four `curl -T`, and one that
the daemon reads itself or through the client.

    tests/bench/push.sh [--runs N] [--scale F] [--only LOAD] [--folder DIR] [--json FILE]

The dataset has 5,000 files and 2 GB. It is pushed; then nothing has changed; then 50 files have. What is sent comes from the hub's
request log, what is read from the daemon's /proc/PID/io.

The file has 2 GiB and goes in parts of 20 MB. Its time is that of the log, from the beginning of the first part to the end of the
last: before that it must be hashed, by the hub's protocol, and looked into for secrets; the time of the whole push is told as well.
The opponent sends four quarters of it at once, to links to parts as well, so that the hub does the same for both.

The last one has 1 GiB: it is pushed by a daemon that reads it and by one that the client serves it to (BATUTA_PUSH_STREAM), in turn; the
time is that of the whole command.

Ends with what is promised. Exit codes: 0 all holds, 1 something does not.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

from workplace import workplace

MB = 1_000_000
MIB = 1 << 20
FILES = 5_000
FILE_SIZE = 400_000
LARGE_SIZE = 2_048 * MIB
SERVED_SIZE = 1_024 * MIB
PART = 20 * MB
TOKEN = "hf_mira"
CURLS = 4


@dataclasses.dataclass
class Check:
    what: str
    value: float
    bound: float
    at_most: bool = True
    needs_size: bool = True     # says nothing of loads that are scaled down

    @property
    def holds(self):
        return self.value <= self.bound if self.at_most else self.value >= self.bound


class World:
    """A hub, a daemon that was just started, and the client; all below one folder."""

    def __init__(self, folder, config="", ready=(0, 0)):
        """`ready` are the count and the size of files that the hub has for what comes (tests/hubsim/net/spool_folder.h)."""
        from harness import Sandbox  # reads the environment that workplace() sets

        self.box = Sandbox()
        try:
            root, objects = folder / "hub-root", folder / "objects"
            root.mkdir(exist_ok=True)
            objects.mkdir(exist_ok=True)
            (root / "hub.json").write_text(json.dumps({"users": [{"name": "mira", "token": TOKEN, "orgs": ["acme"], "role": "write"}]}))
            self.hub = self.box.hub(root, ["--no-rate-limits", "--multipart-chunk", str(PART), "--objects-folder", str(objects),
                                             "--ready-bodies", str(ready[0]), "--ready-body-bytes", str(ready[1])])
            self.box.env["HF_TOKEN"] = TOKEN
            if config:
                path = self.box.folder / "config" / "batuta" / "config.toml"
                path.parent.mkdir(parents=True)
                path.write_text(config)
            self.daemon = self.box.daemon()
        except BaseException:
            self.box.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.box.close()

    def push(self, folder, *args, env=None):
        """(seconds, the document)"""
        begin = time.perf_counter()
        result = self.box.batuta("hf", "push", "dataset", str(folder), "--repo", "acme/bench", "--format", "json", *args, env=env)
        elapsed = time.perf_counter() - begin
        if result.code != 0:
            raise RuntimeError(f"exit {result.code}\n{result.out[-2000:]}\n{result.err[-4000:]}\n{self.box.daemon_log()[-8000:]}")
        return elapsed, result.json

    def daemon_bytes_read(self):
        for line in pathlib.Path(f"/proc/{self.daemon.pid}/io").read_text().splitlines():
            if line.startswith("rchar:"):
                return int(line.split()[1])
        raise RuntimeError("no rchar")

    def daemon_peak(self):
        for line in pathlib.Path(f"/proc/{self.daemon.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        return 0

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.daemon.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def commits(self):
        request = urllib.request.Request(f"{self.hub.endpoint}/api/datasets/acme/bench/commits/main?limit=1000")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return [commit for commit in json.loads(answer.read()) if commit["title"] != "initial commit"]

    def _post(self, path, body):
        request = urllib.request.Request(self.hub.endpoint + path, data=json.dumps(body).encode(),
                                         headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/vnd.git-lfs+json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def make_repo(self):
        self._post("/api/repos/create", {"name": "bench", "organization": "acme", "type": "dataset"})

    def part_links(self, size):
        """Links to the parts of an object that the hub does not have."""
        body = {"operation": "upload", "transfers": ["multipart"], "objects": [{"oid": random.randbytes(32).hex(), "size": size}]}
        header = self._post("/datasets/acme/bench.git/info/lfs/objects/batch", body)["objects"][0]["actions"]["upload"]["header"]
        return [url for name, url in sorted(header.items()) if name.isdigit()]


def weights(seed, size):
    """A safetensors file of `size` bytes, quickly made; no two are alike for different seeds."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [size - 88], "data_offsets": [0, size - 88]}}).ljust(80).encode()
    return struct.pack("<Q", 80) + header + random.Random(seed).randbytes(size - 88)


def write_dataset(folder, count):
    """Every fiftieth file is text, which goes into the commit itself; the others are data, which the store takes."""
    rows = random.Random(1)
    for number in range(count):
        path = folder / f"part-{number // 100:03}"
        path.mkdir(parents=True, exist_ok=True)
        if number % 50 == 0:
            line = "".join(json.dumps({"n": rows.randrange(1 << 30), "text": "words of the row " * 20}) + "\n" for _ in range(FILE_SIZE // 380))
            (path / f"{number:05}.jsonl").write_text(line)
        else:
            (path / f"{number:05}.safetensors").write_bytes(weights(number, FILE_SIZE))
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Bench\n")


def measure_dataset(folder, scale):
    """Checks and lines of text."""
    count = max(round(FILES * scale), 100)
    data = folder / "dataset"
    write_dataset(data, count)
    total = sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
    newest = max(path.stat().st_ctime for path in data.rglob("*"))
    while time.time() < newest + 2.5:  # what is younger when it is read may not be taken for known
        time.sleep(0.1)
    report = {"files": count + 1, "bytes": total}
    with World(folder) as world:
        report["first_s"], _ = world.push(data, "--yes")
        log = world.hub.requests()
        report["first_requests"] = len(log)
        report["first_sent"] = sum(entry["body_bytes_received"] for entry in log)
        report["first_commits"] = len(world.commits())
        world.hub.clear_log()

        read = world.daemon_bytes_read()
        report["unchanged_s"], document = world.push(data, "--yes")
        report["unchanged_read"] = world.daemon_bytes_read() - read
        report["unchanged_requests"] = len(world.hub.requests())
        if document["changed"] or len(world.commits()) != report["first_commits"]:
            raise RuntimeError("something was done where nothing had changed")

        names = sorted(data.rglob("*.safetensors"))
        changed = names[:: len(names) * 100 // count][:count // 100]
        for number, path in enumerate(changed):
            path.write_bytes(weights(f"changed {number}", FILE_SIZE))
        report["changed"], report["changed_bytes"] = len(changed), len(changed) * FILE_SIZE
        world.hub.clear_log()
        read = world.daemon_bytes_read()
        report["plan_s"], _ = world.push(data, "--dry-run")
        report["plan_read"] = world.daemon_bytes_read() - read
        report["plan_sent"] = sum(entry["body_bytes_received"] for entry in world.hub.requests())
        world.hub.clear_log()
        report["second_s"], _ = world.push(data, "--yes")
        log = world.hub.requests()
        report["second_sent"] = sum(entry["body_bytes_received"] for entry in log)
        report["second_stored"] = sum(entry["body_bytes_received"] for entry in log if entry["method"] == "PUT")
        report["second_commits"] = len(world.commits()) - report["first_commits"]
        report["peak"] = world.daemon_peak()
    print(f"{report['files']:,} files, {total / MB:,.0f} MB\n"
          f"  first push            {report['first_s']:7.2f} s, {report['first_requests']:,} requests, {report['first_sent'] / MB:,.1f} MB sent, "
          f"{report['first_commits']} commits\n"
          f"  nothing changed       {report['unchanged_s']:7.2f} s, {report['unchanged_requests']} requests, {report['unchanged_read'] / MB:,.1f} MB read\n"
          f"  plan, {report['changed']} changed      {report['plan_s']:7.2f} s, {report['plan_read'] / MB:,.1f} MB read\n"
          f"  push, {report['changed']} changed      {report['second_s']:7.2f} s, {report['second_sent'] / MB:,.2f} MB sent "
          f"({report['second_stored'] / MB:,.2f} MB to the store) for {report['changed_bytes'] / MB:,.2f} MB\n"
          f"  daemon at its peak    {report['peak'] / MIB:7.1f} MiB")
    checks = [
        Check("bytes sent / bytes changed", report["second_sent"] / report["changed_bytes"], 1.02, needs_size=False),
        Check("commits of the second push", report["second_commits"], 1, needs_size=False),
        Check("plan of the second push, s", report["plan_s"], 1.0),
        # Each is read for its hash and for its secrets; the catalog for its records.
        Check("bytes read for the plan / bytes changed", report["plan_read"] / report["changed_bytes"], 4.0),
        Check("plan when nothing changed, s", report["unchanged_s"], 1.0),
    ]
    return report, checks


def cut_in_quarters(folder, source, size):
    step = -(-size // CURLS)
    quarters = []
    for number in range(CURLS):
        path = folder / f"quarter-{number}"
        subprocess.run(["dd", f"if={source}", f"of={path}", "bs=1M", "iflag=skip_bytes,count_bytes", f"skip={number * step}", f"count={step}"],
                       check=True, stderr=subprocess.DEVNULL)
        quarters.append(path)
    return quarters


def run_curls(folder, quarters, size, world):
    """What it costs to send the quarters of the file at once."""
    world.make_repo()
    links = world.part_links(size)
    subprocess.run(["sync", "--file-system", folder], check=True)
    begin = time.perf_counter()
    curls = [subprocess.Popen(["curl", "-q", "--silent", "--show-error", "--fail", "--noproxy", "*", "-T", path, link])
             for path, link in zip(quarters, links)]
    codes = [curl.wait() for curl in curls]
    elapsed = time.perf_counter() - begin
    if any(codes):
        raise RuntimeError(f"curl ended with {codes}")
    return {"curl_s": elapsed}


def run_push(folder, data, size, world, env=None):
    """What one push of the file costs."""
    subprocess.run(["sync", "--file-system", folder], check=True)
    elapsed, _ = world.push(data, "--yes", env=env)
    puts = [entry for entry in world.hub.requests() if entry["method"] == "PUT"]
    if sum(entry["body_bytes_received"] for entry in puts) != size:
        raise RuntimeError("not every byte went to the store once")
    parts = (max(entry["end_ms"] for entry in puts) - min(entry["start_ms"] for entry in puts)) / 1000
    return {"push_s": elapsed, "upload_s": parts, "cpu_s": world.cpu_seconds(), "peak": world.daemon_peak()}


def make_large(data, size):
    """A folder with one large file of that size, and a card; the file."""
    data.mkdir()
    source = data / "model.safetensors"
    header = json.dumps({"w": {"dtype": "U8", "shape": [size - 88], "data_offsets": [0, size - 88]}}).ljust(80).encode()
    with open(source, "wb") as out:
        out.write(struct.pack("<Q", 80) + header)
        block = random.Random(3).randbytes(MIB)
        left = size - 88
        while left > 0:
            left -= out.write((struct.pack("<Q", left) + block[8:])[:left])
    (data / "README.md").write_text("---\nlicense: mit\n---\n# Bench\n")
    return source


def make_another(source, number):
    """Another object each time, so that no store has it."""
    with open(source, "r+b") as out:
        out.seek(1_000)
        out.write(struct.pack("<QQ", number, time.time_ns()))


def measure_served(folder, scale, runs):
    size = max(round(SERVED_SIZE * scale), 4 * PART)
    source = make_large(folder / "served", size)
    samples = []
    for number in range(runs):
        make_another(source, number)
        while time.time() < source.stat().st_ctime + 2.5:  # or it is read once more, by whoever comes first
            time.sleep(0.1)
        sample = {}
        ways = [("direct", None), ("served", {"BATUTA_PUSH_STREAM": "1"})]
        for way, env in ways if number % 2 == 0 else reversed(ways):
            with World(folder, ready=(-(-size // PART), PART)) as world:
                sample[way] = run_push(folder, source.parent, size, world, env)
        samples.append(sample)
        print(f"  round {number + 1}: " + "; ".join(f"{way} {one['push_s']:.2f} s ({size / MB / one['push_s']:,.0f} MB/s; parts {one['upload_s']:.2f} s), daemon "
                                               f"{one['cpu_s']:.2f} s of CPU, {one['peak'] / MIB:.0f} MiB" for way, one in sorted(sample.items())), flush=True)
    direct, served = (statistics.median(sample[way]["push_s"] for sample in samples) for way in ("direct", "served"))
    print(f"a push of {size / MIB:,.0f} MiB: {size / MB / direct:,.0f} MB/s read by the daemon, {size / MB / served:,.0f} MB/s through the client")
    return {"bytes": size, "samples": samples}, [Check("× read by the daemon", direct / served, 0.7, at_most=False)]


def measure_file(folder, scale, runs):
    size = max(round(LARGE_SIZE * scale), 4 * PART)
    source = make_large(folder / "file", size)
    data = source.parent
    quarters = cut_in_quarters(folder, source, size)
    samples = []
    for number in range(runs):
        make_another(source, number)
        sample = {}
        contenders = [(lambda world: run_push(folder, data, size, world), PART),
                      (lambda world: run_curls(folder, quarters, size, world), -(-size // CURLS))]
        for contender, body in contenders if number % 2 == 0 else reversed(contenders):  # each with a hub of its own, and turn about first
            with World(folder, ready=(-(-size // body), body)) as world:
                sample.update(contender(world))
        samples.append(sample)
        print(f"  round {number + 1}: parts {sample['upload_s']:.2f} s ({size / MB / sample['upload_s']:,.0f} MB/s), whole push {sample['push_s']:.2f} s, "
              f"{CURLS} curls {sample['curl_s']:.2f} s ({size / MB / sample['curl_s']:,.0f} MB/s), daemon {sample['cpu_s']:.2f} s of CPU, "
              f"{sample['peak'] / MIB:.0f} MiB", flush=True)
    middle = {key: statistics.median(sample[key] for sample in samples) for key in samples[0]}
    print(f"one file of {size / MIB:,.0f} MiB in parts of {PART / MB:.0f} MB: {size / MB / middle['upload_s']:,.0f} MB/s; "
          f"{CURLS} curls at once {size / MB / middle['curl_s']:,.0f} MB/s")
    return {"bytes": size, "samples": samples}, [
        Check(f"× {CURLS} curl -T", middle["curl_s"] / middle["upload_s"], 0.7, at_most=False),
    ]


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="build folder with batuta, batutad and hubsim")
    parser.add_argument("--runs", type=int, default=3, help="rounds of the file; medians are reported (default 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the loads; below 1 times are not judged (default 1)")
    parser.add_argument("--only", choices=["dataset", "file", "served"], action="append", help="this load; may be repeated")
    parser.add_argument("--folder", type=pathlib.Path, help="where everything lies (default: $TMPDIR or /tmp)")
    parser.add_argument("--json", type=pathlib.Path, help="write every sample and ratio here as well")
    args = parser.parse_args(argv)
    if args.runs < 1 or not 0 < args.scale <= 1:
        parser.error("--runs is 1 or more, --scale above 0 and at most 1")
    return args


def main():
    args = parse(sys.argv[1:])
    failed = False
    loads = {"dataset": lambda folder: measure_dataset(folder, args.scale), "file": lambda folder: measure_file(folder, args.scale, args.runs),
             "served": lambda folder: measure_served(folder, args.scale, args.runs)}
    with workplace(args.build.resolve(), "push", args.folder) as folder:
        tempfile.tempdir = str(folder)  # the sandboxes as well: all write to the same file system
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; files in {folder}")
        report = {"scale": args.scale, "loads": {}}
        for name, measure in loads.items():
            if args.only and name not in args.only:
                continue
            measured, checks = measure(folder)
            for check in checks:
                is_judged = args.scale == 1 or not check.needs_size
                verdict = ("PASS" if check.holds else "FAIL") if is_judged else "----"
                print(f"  {verdict}  {check.what}: {check.value:.3f} ({'≤' if check.at_most else '≥'} {check.bound:g})", flush=True)
                failed |= is_judged and not check.holds
            report["loads"][name] = {**measured, "checks": [{**dataclasses.asdict(check), "holds": check.holds} for check in checks]}
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
