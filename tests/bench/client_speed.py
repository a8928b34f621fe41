#!/usr/bin/python3
"""Measures what a warm command of the client costs: wall time and peak memory, as whole processes.

    cmake --preset bench && cmake --build --preset bench --target batuta batutad hubsim bare_client
    tests/bench/client_speed.py build/bench

Prints medians over many runs, and beside the memory of `batuta` that of a bare gRPC client linked in the same way.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import time

RUNS = 40
ROOT = pathlib.Path(__file__).resolve().parents[2]


def measure(command, env):
    """Wall milliseconds and peak KiB of one run."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return (time.perf_counter() - begin) * 1000, usage.ru_maxrss


def report(name, command, env):
    measure(command, env)
    samples = [measure(command, env) for _ in range(RUNS)]
    wall = sorted(sample[0] for sample in samples)
    peak = statistics.median(sample[1] for sample in samples)
    print(f"{name:28} wall ms: median {statistics.median(wall):6.1f}  min {wall[0]:6.1f}  max {wall[-1]:6.1f}   "
          f"peak {peak / 1024:6.1f} MiB")
    return peak


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    build = pathlib.Path(sys.argv[1]).resolve()
    os.environ.update(BATUTA=str(build / "client/batuta"), BATUTAD=str(build / "daemon/app/batutad"),
                      HUBSIM=str(build / "tests/hubsim/hubsim"))
    sys.path.insert(0, str(ROOT / "tests" / "e2e"))
    from harness import Sandbox  # reads the environment set above

    box = Sandbox()
    try:
        hub = box.hub()
        hub.commit("acme/otter", {"config.json": "{}", "README.md": "# otter\n", "model.safetensors": {"size": 6_000_000, "seed": 1}})
        box.daemon()
        commit = box.pull("model", "acme/otter")["commit"]
        batuta = os.environ["BATUTA"]
        report("batuta --help", [batuta, "--help"], box.env)
        pull = report("batuta hf pull (warm)", [batuta, "hf", "pull", "model", "acme/otter", "--revision", commit], box.env)
        report("batuta hf cache ls", [batuta, "hf", "cache", "ls"], box.env)
        bare = report("bare gRPC client", [str(build / "tests/bench/bare_client"), str(box.socket)], box.env)
        print(f"the pull takes {(pull - bare) / 1024:.1f} MiB more than the bare client")
    finally:
        box.close()


if __name__ == "__main__":
    main()
