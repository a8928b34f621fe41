"""Holds the walk of pickles against the machines that run them.

Both unpicklers of this Python load random pickles with every import recorded and answered by an inert class. Whatever they
import, the walk must have seen; and nothing that it calls clean may import what the list does not hold.

    walk_test.py PROGRAM [SEED [COUNT]]
"""

import io
import pickle
import random
import re
import resource
import struct
import subprocess
import sys


class Inert:
    """Takes whatever a pickle does to an object, so that the machine goes on."""

    def __new__(cls, *arguments, **keywords):
        return object.__new__(cls)

    def __init__(self, *arguments, **keywords):
        pass

    def __setstate__(self, state):
        pass

    def __setitem__(self, key, value):
        pass

    def __call__(self, *arguments):
        return Inert()

    append = extend = add = update = lambda self, items: None

    def __hash__(self):
        return 0


def recorder(base):
    class Recorder(base):
        def find_class(self, module, name):
            self.imports.append((module, name))
            return Inert

        def persistent_load(self, identifier):
            return Inert()

    return Recorder


MACHINES = [recorder(pickle.Unpickler), recorder(pickle._Unpickler)]


def imports(machine, data):
    unpickler = machine(io.BytesIO(data))
    unpickler.imports = []
    try:
        unpickler.load()
    except Exception:  # any: what ran before counts
        pass
    return unpickler.imports


NAMES = [b"posix", b"system", b"os", b"collections", b"OrderedDict", b"numpy", b"dtype", b"builtins", b"set", b"x.y", b"\xc3\xa9"]


def text(rng):
    name = rng.choice(NAMES)
    kind = rng.randrange(6)
    if kind == 0:
        return b"\x8c" + bytes([len(name)]) + name
    if kind == 1:
        return b"X" + struct.pack("<I", len(name)) + name
    if kind == 2:
        return b"V" + name + b"\n"
    if kind == 3:
        return b"S'" + name + b"'\n"
    if kind == 4:
        return b"U" + bytes([len(name)]) + name
    return b"\x8d" + struct.pack("<Q", len(name)) + name


def pieces(rng):
    """One or a few opcodes; most keep the stack in order."""
    index = rng.randrange(6)
    return rng.choice([
        lambda: text(rng),
        lambda: text(rng) + text(rng) + b"\x93",
        lambda: text(rng) + b"\x94" + text(rng) + b"\x94\x93",
        lambda: b"c" + rng.choice(NAMES) + b"\n" + rng.choice(NAMES) + b"\n",
        lambda: b"(" + text(rng) + b"i" + rng.choice(NAMES) + b"\n" + rng.choice(NAMES) + b"\n",
        lambda: b"(" + text(rng) + text(rng) + b"t",
        lambda: b"(" + text(rng) + b"l",
        lambda: rng.choice([b"N", b")", b"]", b"}", b"\x8f", b"(", b"\x88", b"K\x01", b"M\x01\x02", b"J\x01\0\0\0", b"G" + bytes(8)]),
        lambda: rng.choice([b"I1\n", b"I01\n", b"I0x10\n", b"I7\0x\n", b"L3L\n", b"L3\n", b"F1.5\n", b"F1.0\0\n", b"\x8a\x01\x7f"]),
        lambda: rng.choice([b"0", b"1", b"2", b"R", b"b", b"\x81", b"\x92", b"o", b"a", b"e", b"s", b"u", b"\x90", b"\x91", b"t", b"l", b"d"]),
        lambda: rng.choice([b"\x85", b"\x86", b"\x87", b"\x94", b"\x93", b"Q", b"."]),
        lambda: b"q" + bytes([index]),
        lambda: b"h" + bytes([index]),
        lambda: b"p%d\n" % index,
        lambda: b"g%d\n" % index,
        lambda: b"j" + struct.pack("<I", index),
        lambda: b"r" + struct.pack("<I", index),
        lambda: b"C\x03abc",
        lambda: b"\x95" + struct.pack("<Q", rng.randrange(40)),
        lambda: b"\x80" + bytes([rng.randrange(7)]),
        lambda: b"Pname\n",
    ])()


def framed(code):
    return b"\x95" + struct.pack("<Q", len(code)) + code


def program(rng):
    code = b"".join(pieces(rng) for _ in range(rng.randrange(1, 25))) + b"."
    if rng.randrange(4) == 0:
        code = b"\x80\x04" + framed(code)
    if rng.randrange(3) == 0:
        changed = bytearray(code)
        changed[rng.randrange(len(changed))] = rng.randrange(256)
        code = bytes(changed)
    return code


def main():
    walk = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 20_000
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    rng = random.Random(seed)
    reached = 0
    clean = 0
    hidden = 0
    for number in range(count):
        data = program(rng)
        walk.stdin.write(struct.pack("<I", len(data)) + data)
        walk.stdin.flush()
        judgement, *seen = walk.stdout.readline().decode().rstrip("\n").split("\t")
        clean += judgement == "clean"
        # Where a frame lies, readers go different ways; a name that is computed is not told. Both are refused for that.
        hidden += judgement in ("lying frame", "computed import")
        if judgement == "lying frame":
            continue
        for machine in MACHINES:
            for module, name in imports(machine, data):
                reached += 1
                imported = f"{module}.{name}"
                # What a terminal would not show is escaped in the report. An empty name is what one machine makes of the
                # end of the file; nothing has that name.
                is_told = module and name and re.fullmatch(r"[\x20-\x7e]+", imported) and judgement != "computed import"
                if is_told and imported not in seen:
                    print(f"{machine.__mro__[1]} imports {imported}, the walk saw {seen}: {data!r} (seed {seed}, number {number})")
                    return 1
                if judgement == "clean" and "posix" in imported:
                    print(f"called clean: {data!r} (seed {seed}, number {number})")
                    return 1
    walk.stdin.close()
    walk.wait()
    print(f"{count} pickles, {reached} imports, {clean} clean, {hidden} that hide what they import")
    # Pickles that import nothing would show nothing.
    return 0 if reached > count / 4 and clean > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
