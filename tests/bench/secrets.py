#!/usr/bin/env python3
"""How fast files are scanned for secrets, beside `grep -F` with twenty words and beside secretlint, all as programs, on one processor core,
over the same files in memory. Every opponent runs once a round; the least processor time (user and system) of the rounds counts, so that
others on the machine do little harm.

  tests/bench/secrets.py BUILD [--megabytes N] [--rounds N] [--secretlint FOLDER]

FOLDER has secretlint installed: npm ci with tests/bench/secretlint/package-lock.json. Without one it is left out."""

import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys

from workplace import ROOT, workplace

FILE = 4 << 20
CORE = max(os.sched_getaffinity(0))


def texts(*patterns):
    """What people wrote: our own documents and sources."""
    return [path.read_text() for pattern in patterns for path in sorted(ROOT.glob(pattern)) if "build" not in path.parts]


def filled(pieces):
    """As many of them as one file takes."""
    content = bytearray()
    while len(content) < FILE:
        content += next(pieces).encode() + b"\n"
    return bytes(content)


def loads(chance):
    lines = [line for text in texts("docs/**/*.md", "*.md") for line in text.splitlines() if len(line) > 40]
    programs = texts("common/**/*.cc", "daemon/**/*.cc", "client/**/*.cc", "tests/**/*.py")

    def chat():
        return json.dumps({"id": chance.randrange(10**9), "score": chance.random(), "messages": [
            {"role": role, "content": "\n".join(chance.sample(lines, 3))} for role in ("user", "assistant")]})

    def row():
        return f"{chance.randrange(10**9)},{chance.choice(lines)[:80].replace(',', ' ')},{chance.random():.6f},{chance.getrandbits(128):032x}"

    yield "chats, JSON lines", "jsonl", filled(iter(chat, None))
    yield "tables with hashes, CSV", "csv", filled(iter(row, None))
    yield "programs", "py", filled(iter(lambda: chance.choice(programs), None))
    yield "random bytes", "bin", chance.randbytes(FILE)
    yield "weights, safetensors", "safetensors", weights(chance, FILE)
    yield "numbers, NumPy", "npy", array(chance, FILE // 8)
    yield "numbers and text, Parquet", "parquet", parquet(chance, FILE // 16 // 8, lines)


def weights(chance, size):
    header = json.dumps({"t": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return len(header).to_bytes(8, "little") + header + chance.randbytes(size)


def array(chance, count):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({count},), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header.encode() + chance.randbytes(8 * count)


# Thrift's compact protocol, as far as Parquet's own description of a file needs it.
INT, BINARY, LIST, STRUCT = 5, 8, 9, 12


def varint(value):
    if value < 0x80:
        return bytes([value])
    return bytes([value & 0x7F | 0x80]) + varint(value >> 7)


def number(value):
    return varint(value << 1)


def text(value):
    return varint(len(value)) + value.encode()


def struct(*fields):
    """Of (id, type, value), in the order of the ids."""
    content, last = b"", 0
    for name, kind, value in fields:
        content += bytes([name - last << 4 | kind]) + value
        last = name
    return content + b"\0"


def listed(kind, values):
    return (bytes([len(values) << 4 | kind]) if len(values) < 15 else bytes([0xF0 | kind]) + varint(len(values))) + b"".join(values)


def parquet(chance, rows, lines):
    """Sixteen columns of numbers and one of text, an eighth of the bytes, in one group of rows and a page each, neither packed nor coded.
    Nothing may be missing, so there are no levels."""
    doubles, byte_arrays = 5, 6
    columns = [(f"x{i}", doubles, chance.randbytes(8 * rows)) for i in range(16)]
    notes = [" ".join(chance.choice(lines).split()[:2]).encode() for _ in range(rows)]
    columns.append(("note", byte_arrays, b"".join(len(note).to_bytes(4, "little") + note for note in notes)))
    content, chunks = b"PAR1", []
    for name, kind, values in columns:
        begin, size = len(content), number(len(values))
        details = struct((1, INT, number(rows)), (2, INT, number(0)), (3, INT, number(3)), (4, INT, number(3)))
        content += struct((1, INT, number(0)), (2, INT, size), (3, INT, size), (5, STRUCT, details)) + values
        size = number(len(content) - begin)
        meta = struct((1, INT, number(kind)), (2, LIST, listed(INT, [number(0)])), (3, LIST, listed(BINARY, [text(name)])), (4, INT, number(0)),
                      (5, INT, number(rows)), (6, INT, size), (7, INT, size), (9, INT, number(begin)))
        chunks.append(struct((2, INT, number(begin)), (3, STRUCT, meta)))
    group = struct((1, LIST, listed(STRUCT, chunks)), (2, INT, number(len(content) - 4)), (3, INT, number(rows)))
    schema = [struct((4, BINARY, text("schema")), (5, INT, number(len(columns))))]
    schema += [struct((1, INT, number(kind)), (3, INT, number(0)), (4, BINARY, text(name))) for name, kind, _ in columns]
    footer = struct((1, INT, number(2)), (2, LIST, listed(STRUCT, schema)), (3, INT, number(rows)), (4, LIST, listed(STRUCT, [group])))
    return content + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def measured(command, folder):
    """Seconds of processor time and MiB of memory, of the program and all that it started."""
    environment = {**os.environ, "LC_ALL": "C", "NO_COLOR": "1"}
    process = subprocess.Popen(["taskset", "-c", str(CORE), *map(str, command)], cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):  # 1: grep found nothing
        sys.exit(f"{command[0]} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss >> 10


def opponents(build, secretlint):
    words = [part for number in range(20) for part in ("-e", f"zq{number}_literal")]
    yield "batuta hf scan", [build / "client/batuta", "hf", "scan", ".", "--secrets", "--format", "quiet"]
    yield "grep -F", ["grep", "-rFc", *words, "."]
    if secretlint:
        settings = json.dumps({"rules": [{"id": "@secretlint/secretlint-rule-preset-recommend"}]})
        yield "secretlint", [secretlint / "node_modules/.bin/secretlint", "--no-color", "--secretlintrcJSON", settings, "**/*"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--megabytes", type=int, default=64, help="of each kind")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--secretlint", type=pathlib.Path)
    parser.add_argument("--folder", default="/dev/shm")
    options = parser.parse_args()
    with workplace(options.build.resolve(), "secrets", options.folder) as place:
        runs = list(opponents(options.build.resolve(), options.secretlint and options.secretlint.resolve()))
        most = {}
        print(f"{options.megabytes} MB of each kind in files of {FILE >> 20} MiB, best of {options.rounds}, MB/s (of batuta's)")
        for kind, suffix, content in loads(random.Random(1)):
            folder = place / suffix
            data = folder / "data"
            data.mkdir(parents=True)
            # secretlint looks for its rules in node_modules above the folder that it works in.
            if options.secretlint:
                (folder / "node_modules").symlink_to(options.secretlint.resolve() / "node_modules")
                (folder / ".secretlintignore").write_text("node_modules\n.secretlintignore\n")
            count = max(1, options.megabytes * 1_000_000 // len(content))
            total = count * len(content)
            for number in range(count):
                (data / f"{number}.{suffix}").write_bytes(content)
            seconds = {}
            for _ in range(options.rounds):
                for name, command in runs:
                    took, memory = measured(command, folder if name == "secretlint" else data)
                    seconds[name] = min(seconds.get(name, took), took)
                    most[name] = max(most.get(name, 0), memory)
            ours = seconds[runs[0][0]]
            figures = (f"  {name} {total / 1e6 / took:5.0f} ({ours / took:.2f})" for name, took in seconds.items())
            print(f"  {kind:24}", *figures, flush=True)
            shutil.rmtree(folder)
        print("  memory in MiB:", ", ".join(f"{name} {memory}" for name, memory in most.items()))


if __name__ == "__main__":
    main()
