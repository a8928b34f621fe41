"""Pickle programs from opcodes. Nothing here pickles a live object; what dangerous programs would run does nothing ("true", "1+1")."""

import struct

STOP, MARK, POP, POP_MARK, DUP = b".", b"(", b"0", b"1", b"2"
NONE, TRUE, FALSE = b"N", b"\x88", b"\x89"
REDUCE, BUILD, OBJ, NEWOBJ, NEWOBJ_EX, STACK_GLOBAL, BINPERSID = b"R", b"b", b"o", b"\x81", b"\x92", b"\x93", b"Q"
EMPTY_LIST, EMPTY_TUPLE, EMPTY_DICT, EMPTY_SET = b"]", b")", b"}", b"\x8f"
LIST, TUPLE, DICT, FROZENSET = b"l", b"t", b"d", b"\x91"
APPEND, APPENDS, SETITEM, SETITEMS, ADDITEMS, MEMOIZE = b"a", b"e", b"s", b"u", b"\x90", b"\x94"


def proto(version):
    return b"\x80" + bytes([version])


def glob(module, name):
    """GLOBAL: the import of protocols 0 to 3."""
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def short(text):
    """SHORT_BINUNICODE, of protocol 4."""
    data = text.encode()
    return b"\x8c" + bytes([len(data)]) + data


def sglob(module, name):
    """The import of protocol 4."""
    return short(module) + short(name) + STACK_GLOBAL


def uni(text):
    """BINUNICODE, of protocol 1."""
    data = text.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def line(text):
    """UNICODE, of protocol 0."""
    return b"V" + text.encode() + b"\n"


def raw(data):
    """BINBYTES, of protocol 3."""
    return b"B" + struct.pack("<I", len(data)) + data


def encoded(data):
    """Bytes as protocol 2 writes them."""
    return glob("_codecs", "encode") + uni(data.decode("latin-1")) + uni("latin1") + b"\x86" + REDUCE


def num(value):
    if 0 <= value < 256:
        return b"K" + bytes([value])
    if 0 <= value < 65536:
        return b"M" + struct.pack("<H", value)
    if -2 ** 31 <= value < 2 ** 31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def real(value):
    return b"G" + struct.pack(">d", value)


def tup(*items):
    if len(items) == 0:
        return EMPTY_TUPLE
    if len(items) <= 3:
        return b"".join(items) + (b"\x85", b"\x86", b"\x87")[len(items) - 1]
    return MARK + b"".join(items) + TUPLE


def lst(*items):
    return EMPTY_LIST + MARK + b"".join(items) + APPENDS


def dct(pairs):
    """`pairs`: program of the key → program of the value."""
    return EMPTY_DICT + items(pairs)


def items(pairs):
    return MARK + b"".join(key + value for key, value in pairs.items()) + SETITEMS


def named(**values):
    return dct({uni(key): value for key, value in values.items()})


def put(index):
    return b"q" + bytes([index])


def get(index):
    return b"h" + bytes([index])


def call(callee, *arguments):
    return callee + tup(*arguments) + REDUCE


def new(cls, *arguments):
    return cls + tup(*arguments) + NEWOBJ


def frame(body):
    return b"\x95" + struct.pack("<Q", len(body)) + body


def p2(body):
    return proto(2) + body + STOP


def p4(body):
    """A whole pickle of protocol 4, in one frame as writers make it."""
    return proto(4) + frame(body + STOP)


def odict(pairs):
    return call(glob("collections", "OrderedDict")) + items(pairs)


SYSTEM = glob("posix", "system")
TRUE_COMMAND = uni("true")
ATTACK = call(SYSTEM, TRUE_COMMAND)  # would run "true"
ATTACK4 = sglob("posix", "system") + tup(short("true")) + REDUCE
