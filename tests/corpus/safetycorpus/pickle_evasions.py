"""Pickles that are written so that a scanner loses them."""

import struct

from . import collection, op

STATE = op.p2(op.lst(op.num(1)))  # a harmless one
ATTACK = op.p2(op.ATTACK)


def short_bytes(data):
    return b"C" + bytes([len(data)]) + data


def names(corpus):
    for name in ("model.safetensors", "model.gguf", "model.onnx", "tf_model.h5", "weights.npz", "array.npy", "model.msgpack", "image.png",
                 "config.json", "README.md", "vocab.txt", "weights", "weights.dat", "data.bin", "tokenizer.model", "model.pt", "model.ckpt",
                 "pytorch_model.bin", "model.PKL", "settings.yaml", "archive.zip", "model.tflite", "table.parquet"):
        corpus.evil("wrong-name", f"pickle/names/{name}", ATTACK)
    text = b"cposix\nsystem\n(Vtrue\ntR."
    for name in ("README.md", "notes.txt", "merges.txt", "LICENSE", "config.json", "train.csv", "chat_template.jinja", "model.safetensors"):
        corpus.evil("wrong-name", f"pickle/text/{name}", text, "protocol 0 is text")
    corpus.evil("wrong-name", "pickle/text/words-first.txt", b"Vhello\n0Vworld\n0" + text, "reads as words until it does not")


def broken(corpus):
    group = "broken-after-payload"
    attack = op.proto(2) + op.ATTACK
    corpus.evil(group, "pickle/broken/no-stop.pkl", attack)
    corpus.evil(group, "pickle/broken/unknown-opcode.pkl", attack + b"\xff.")
    corpus.evil(group, "pickle/broken/stack-underflow.pkl", attack + b"0000.")
    corpus.evil(group, "pickle/broken/missing-memo.pkl", attack + op.get(9) + op.STOP)
    corpus.evil(group, "pickle/broken/cut-in-an-argument.pkl", attack + b"X\xff\0\0\0ab")
    corpus.evil(group, "pickle/broken/bad-utf-8.pkl", attack + b"X\x02\0\0\0\xc3\x28.")
    corpus.evil(group, "pickle/broken/cut-after-the-import.pkl", op.proto(2) + op.SYSTEM)
    corpus.evil(group, "pickle/broken/cut-in-the-call.pkl", op.proto(2) + op.SYSTEM + op.MARK + op.TRUE_COMMAND)
    corpus.evil(group, "pickle/broken/length-beyond-the-end.pkl", op.proto(4) + op.ATTACK4 + b"\x8e" + struct.pack("<Q", 2 ** 62))
    corpus.evil(group, "pickle/broken/negative-length.pkl", attack + b"\x8b\xff\xff\xff\xff.")
    corpus.evil(group, "pickle/broken/clean-but-cut.pkl", op.proto(2) + op.EMPTY_LIST + op.num(1), "no import at all, and no end")
    corpus.refused(group, "pickle/broken/protocol-6.pkl", op.proto(6) + op.lst(op.num(1)) + op.STOP, "no reader takes it")
    corpus.evil(group, "pickle/broken/half-a-state.pkl", STATE[:-4])


def several(corpus):
    group = "several-pickles"
    corpus.evil(group, "pickle/several/second.pkl", STATE + ATTACK)
    corpus.evil(group, "pickle/several/third-after-two-clean.pkl", STATE + STATE + ATTACK)
    corpus.evil(group, "pickle/several/junk-between.pkl", STATE + b"\0\xfe junk " + ATTACK)
    corpus.evil(group, "pickle/several/newline-between.pkl", STATE + b"\n" + ATTACK)
    corpus.evil(group, "pickle/several/first.pkl", ATTACK + STATE)
    corpus.evil("memo-across-pickles", "pickle/several/memo-reused.pkl", (
        op.p4(op.short("collections") + op.MEMOIZE + op.short("OrderedDict") + op.MEMOIZE)
        + op.p4(op.short("posix") + op.MEMOIZE + op.short("system") + op.MEMOIZE + op.get(0) + op.get(1) + op.STACK_GLOBAL
                + op.tup(op.short("true")) + op.REDUCE)))
    corpus.evil("memo-across-pickles", "pickle/several/memo-of-another.pkl",
                op.p2(op.uni("x") + op.put(0)) + op.p2(op.get(0)), "the second fails in the real machine")
    group = "trailing-bytes"
    corpus.evil(group, "pickle/trailing/zero.pkl", STATE + b"\0")
    corpus.evil(group, "pickle/trailing/zeros.pkl", STATE + bytes(4096))
    corpus.evil(group, "pickle/trailing/newline.pkl", STATE + b"\n")
    corpus.evil(group, "pickle/trailing/shell.pkl", STATE + b"#!/bin/sh\ntrue\n")


def lax(corpus):
    group = "lax-arguments"
    for name, before in {
        "int-hex": b"I0x10\n", "int-octal": b"I0o17\n", "int-binary": b"I0b11\n", "int-blank": b"I 7\n", "int-plus": b"I+7\n",
        "long-hex": b"L0x10\n", "long-hex-l": b"L0x10L\n", "int-nul": b"I7\0junk\n", "long-nul": b"L1\0junk\n",
        "float-nul": b"F1.0\0junk\n", "put-nul": b"Np1\0junk\n", "string-utf-8": b"S'\xc3\xa4'\n", "float-blank": b"F 1.0\n",
    }.items():
        corpus.evil(group, f"pickle/lax/{name}.pkl", before + b"0" + op.ATTACK + op.STOP)
    corpus.refused(group, "pickle/lax/get-hex.pkl", b"Np16\n0g0x10\n0" + op.ATTACK + op.STOP, "no reader comes past the index")
    corpus.evil(group, "pickle/lax/persid-backslash.pkl", op.p2(b"Pa\\x\n0" + op.ATTACK))
    corpus.evil(group, "pickle/lax/global-not-ascii.pkl", "c\u00e4cme\nr\u00fcn\n0".encode() + op.ATTACK + op.STOP)
    corpus.evil(group, "pickle/lax/global-backslash.pkl", op.p2(op.call(op.glob("posix", "\\x73ystem"), op.TRUE_COMMAND)))
    corpus.evil(group, "pickle/lax/newer-opcode-in-an-old-stream.pkl", op.ATTACK4 + op.STOP, "protocol 4 without a header")
    corpus.evil(group, "pickle/lax/protocol-said-late.pkl", op.ATTACK + op.proto(4) + op.STOP)


def frames(corpus):
    group = "lying-frames"
    inner = op.proto(4) + op.ATTACK4 + op.STOP
    hidden = op.raw(inner)
    corpus.evil(group, "pickle/frames/longer-than-the-file.pkl", op.proto(4) + b"\x95" + struct.pack("<Q", 1 << 40) + op.lst(op.num(1)) + op.STOP)
    corpus.evil(group, "pickle/frames/ends-inside-an-opcode.pkl", op.proto(4) + b"\x95" + struct.pack("<Q", 3) + hidden + op.STOP)
    corpus.evil(group, "pickle/frames/resumes-inside-bytes.pkl",
                op.proto(4) + b"\x95" + struct.pack("<Q", 5) + hidden + op.STOP, "one reader sees bytes, the other what is in them")
    corpus.evil(group, "pickle/frames/frame-inside-a-frame.pkl", op.proto(4) + op.frame(op.EMPTY_LIST + op.frame(op.num(1) + op.APPEND)) + op.STOP)
    corpus.evil(group, "pickle/frames/shorter-than-its-content.pkl", op.proto(4) + b"\x95" + struct.pack("<Q", 5) + op.lst(op.num(1), op.num(2)) + op.STOP)
    corpus.evil(group, "pickle/frames/around-an-attack.pkl", op.p4(op.ATTACK4))


def stack(corpus):
    group = "stack-games"
    attack = op.tup(op.short("true")) + op.REDUCE
    corpus.evil(group, "pickle/stack/names-from-memo.pkl", op.p4(
        op.short("posix") + op.MEMOIZE + op.POP + op.short("system") + op.MEMOIZE + op.POP + op.get(0) + op.get(1) + op.STACK_GLOBAL + attack))
    corpus.evil(group, "pickle/stack/harmless-names-on-top.pkl", op.p4(
        op.short("posix") + op.short("system") + op.short("collections") + op.short("OrderedDict") + op.POP + op.POP + op.STACK_GLOBAL + attack))
    corpus.evil(group, "pickle/stack/swapped-by-memo.pkl", op.p4(
        op.short("collections") + op.put(0) + op.POP + op.short("posix") + op.put(0) + op.POP + op.get(0) + op.short("system") + op.STACK_GLOBAL + attack))
    corpus.evil(group, "pickle/stack/duplicate-as-both-names.pkl", op.p4(op.short("posix") + op.DUP + op.STACK_GLOBAL + op.POP + op.ATTACK4))
    corpus.evil(group, "pickle/stack/mark-between-the-names.pkl", op.p4(op.short("posix") + op.MARK + op.POP + op.short("system") + op.STACK_GLOBAL + attack))
    corpus.evil(group, "pickle/stack/pop-mark.pkl", op.p4(op.short("posix") + op.MARK + op.short("x") + op.POP_MARK + op.short("system") + op.STACK_GLOBAL + attack))
    corpus.evil(group, "pickle/stack/computed-name.pkl", op.p4(
        op.call(op.sglob("_codecs", "decode"), op.raw(b"posix"), op.short("ascii")) + op.short("system") + op.STACK_GLOBAL + attack))
    corpus.evil(group, "pickle/stack/name-from-a-listed-call.pkl", op.p4(
        op.call(op.sglob("builtins", "str"), op.short("posix")) + op.short("system") + op.STACK_GLOBAL + attack))
    corpus.evil(group, "pickle/stack/name-from-bytes.pkl", op.p4(op.raw(b"posix") + op.raw(b"system") + op.STACK_GLOBAL + attack))
    corpus.evil(group, "pickle/stack/name-of-2000-letters.pkl", op.p4(op.uni("a" * 2000) + op.short("b") + op.STACK_GLOBAL))
    corpus.evil(group, "pickle/stack/strings-of-other-opcodes.pkl", op.p2(
        b"U\x05posix" + b"S'system'\n" + op.STACK_GLOBAL + op.tup(b"T\x04\0\0\0true") + op.REDUCE))
    corpus.evil(group, "pickle/stack/names-as-unicode-lines.pkl", op.p2(b"Vp\\u006fsix\n" + b"Vsyste\\u006d\n" + op.STACK_GLOBAL + op.tup(op.TRUE_COMMAND) + op.REDUCE))
    corpus.evil(group, "pickle/stack/callee-from-memo.pkl", op.p2(op.SYSTEM + op.put(0) + op.POP + op.get(0) + op.tup(op.TRUE_COMMAND) + op.REDUCE))
    corpus.evil(group, "pickle/stack/arguments-from-memo.pkl", op.p2(op.tup(op.TRUE_COMMAND) + op.put(0) + op.POP + op.SYSTEM + op.get(0) + op.REDUCE))
    corpus.evil(group, "pickle/stack/call-of-a-result.pkl", op.p2(op.call(op.call(op.glob("operator", "attrgetter"), op.uni("real")), op.num(1))))
    corpus.evil(group, "pickle/stack/call-of-a-string.pkl", op.p2(op.call(op.uni("posix.system"), op.TRUE_COMMAND)))
    corpus.evil(group, "pickle/stack/result-is-popped.pkl", op.p2(op.ATTACK + op.POP + op.lst(op.num(1))))
    corpus.evil(group, "pickle/stack/result-is-popped-with-its-mark.pkl", op.p2(op.MARK + op.ATTACK + op.POP_MARK + op.lst(op.num(1))))
    corpus.evil(group, "pickle/stack/deep-in-a-state.pkl", op.p2(op.odict({op.uni("a"): op.lst(op.dct({op.uni("b"): op.tup(op.num(1), op.ATTACK)}))})))
    corpus.evil(group, "pickle/stack/memo-index-of-many-digits.pkl", op.p2(op.SYSTEM + b"p4294967297\n0" + b"g4294967297\n" + op.tup(op.TRUE_COMMAND) + op.REDUCE))
    corpus.evil(group, "pickle/stack/long-binput.pkl", op.p2(op.SYSTEM + b"r\xff\xff\xff\x7f0j\xff\xff\xff\x7f" + op.tup(op.TRUE_COMMAND) + op.REDUCE))


def imports(corpus):
    group = "names-of-imports"
    for name, (module, attribute) in {
        "dotted-out-of-a-listed-module": ("collections", "_sys.modules.get"), "dotted-builtins": ("collections", "OrderedDict.__init__.__globals__"),
        "submodule": ("os.path", "os.system"), "asyncio": ("asyncio.subprocess", "create_subprocess_shell"),
        "case": ("Posix", "System"), "blank": ("posix ", "system"), "prefix-of-a-listed-one": ("collections.abc.x", "OrderedDict"),
        "listed-module-other-name": ("torch", "save"), "listed-name-other-module": ("acme", "OrderedDict"), "empty-module": ("", "system"),
        "dunder": ("builtins", "__dict__"), "class-of-numpy": ("numpy", "ndarray.tofile"), "module-of-torch": ("torch._utils", "_import_dotted_name"),
    }.items():
        corpus.evil(group, f"pickle/imports/{name}.pkl", op.p4(op.call(op.sglob(module, attribute), op.short("true"))))
    for name, (module, attribute) in {
        "builtin-eval": ("__builtin__", "eval"), "execfile": ("__builtin__", "execfile"), "apply": ("__builtin__", "apply"), "commands": ("commands", "getoutput"),
        "cpickle": ("cPickle", "loads"), "urllib": ("urllib", "urlopen"), "urllib2": ("urllib2", "urlopen"), "imap": ("itertools", "imap"),
        "reduce": ("__builtin__", "reduce"), "intern": ("__builtin__", "intern"), "socketserver": ("SocketServer", "TCPServer"),
        "http": ("httplib", "HTTPConnection"), "thread": ("thread", "start_new_thread"), "popen2": ("popen2", "popen2"), "new": ("new", "code"),
    }.items():
        corpus.evil(group, f"pickle/imports/python-2-{name}.pkl", op.p2(op.call(op.glob(module, attribute), op.TRUE_COMMAND)))


def opcodes(corpus):
    group = "other-opcodes"
    corpus.evil(group, "pickle/opcodes/inst.pkl", b"(Vtrue\niposix\nsystem\n.")
    corpus.evil(group, "pickle/opcodes/inst-in-protocol-2.pkl", op.p2(op.MARK + op.TRUE_COMMAND + b"iposix\nsystem\n"))
    corpus.evil(group, "pickle/opcodes/obj.pkl", op.p2(op.MARK + op.SYSTEM + op.TRUE_COMMAND + op.OBJ))
    corpus.evil(group, "pickle/opcodes/newobj.pkl", op.p2(op.new(op.glob("subprocess", "Popen"), op.TRUE_COMMAND)))
    corpus.evil(group, "pickle/opcodes/newobj-ex.pkl", op.p4(op.sglob("subprocess", "Popen") + op.tup(op.short("true")) + op.EMPTY_DICT + op.NEWOBJ_EX))
    corpus.evil(group, "pickle/opcodes/newobj-of-a-list.pkl", op.p2(op.new(op.lst(op.SYSTEM), op.TRUE_COMMAND)))
    for name, code in {"ext1": b"\x82\x01", "ext2": b"\x83\x01\x00", "ext4": b"\x84\x01\0\0\0"}.items():
        corpus.evil(group, f"pickle/opcodes/{name}.pkl", op.p2(op.call(code, op.TRUE_COMMAND)))
    corpus.evil(group, "pickle/opcodes/ext-as-a-value.pkl", op.p2(op.lst(b"\x82\x07")))
    corpus.evil(group, "pickle/opcodes/build-of-a-stranger.pkl", op.p2(op.new(op.glob("acme", "Net")) + op.named(x=op.num(1)) + op.BUILD))
    corpus.evil(group, "pickle/opcodes/build-of-a-module.pkl", op.p2(op.glob("collections", "OrderedDict") + op.named(x=op.num(1)) + op.BUILD))
    corpus.evil(group, "pickle/opcodes/build-of-a-function.pkl", op.p2(op.glob("torch._utils", "_rebuild_tensor_v2") + op.named(x=op.num(1)) + op.BUILD))
    corpus.evil(group, "pickle/opcodes/out-of-band-buffer.pkl", op.p4(b"\x97"))
    corpus.evil(group, "pickle/opcodes/read-only-buffer.pkl", op.p4(b"\x97\x98"))
    corpus.evil(group, "pickle/opcodes/persistent-id.pkl", op.p2(op.uni("0") + op.BINPERSID), "only torch has those")
    corpus.evil(group, "pickle/opcodes/persistent-id-as-a-line.pkl", op.p2(b"Pacme\n"))
    corpus.evil(group, "pickle/opcodes/mark-at-the-end.pkl", op.p2(op.num(1) + op.MARK))


def targets(corpus):
    group = "wrong-targets"
    tensor = op.call(op.glob("torch._utils", "_rebuild_tensor_v2"), op.num(0))
    pair = op.MARK + op.uni("a") + op.num(1) + op.SETITEMS
    corpus.evil(group, "pickle/targets/setitems-of-a-tensor.pkl", op.p2(tensor + pair))
    corpus.evil(group, "pickle/targets/setitem-of-a-list.pkl", op.p2(op.lst(op.num(1)) + op.num(0) + op.num(2) + op.SETITEM))
    corpus.evil(group, "pickle/targets/setitem-of-an-import.pkl", op.p2(op.glob("os", "environ") + op.uni("LANG") + op.uni("C") + op.SETITEM))
    corpus.evil(group, "pickle/targets/append-to-a-dict.pkl", op.p2(op.EMPTY_DICT + op.num(1) + op.APPEND))
    corpus.evil(group, "pickle/targets/appends-to-an-object.pkl", op.p2(op.call(op.glob("collections", "OrderedDict")) + op.MARK + op.num(1) + op.APPENDS))
    corpus.evil(group, "pickle/targets/additems-to-a-list.pkl", op.p4(op.EMPTY_LIST + op.MARK + op.num(1) + op.ADDITEMS))
    corpus.evil(group, "pickle/targets/codecs-of-another-encoding.pkl", op.p2(op.call(op.glob("_codecs", "encode"), op.uni("6e"), op.uni("hex"))))
    corpus.evil(group, "pickle/targets/reconstruct-of-another-class.pkl", op.p2(op.call(
        op.glob("numpy.core.multiarray", "_reconstruct"), op.glob("numpy", "memmap"), op.tup(op.num(0)), op.encoded(b"b"))))
    corpus.evil(group, "pickle/targets/rebuild-from-type-of-a-stranger.pkl", op.p2(op.call(
        op.glob("torch._tensor", "_rebuild_from_type_v2"), op.SYSTEM, op.glob("torch", "Tensor"), op.tup(op.TRUE_COMMAND), op.EMPTY_DICT)))
    corpus.evil(group, "pickle/targets/dtype-of-objects.pkl", op.p2(op.call(op.glob("numpy", "dtype"), op.uni("O8"), op.FALSE, op.TRUE)), "harmless by itself", collection.ANY)


def bombs(corpus):
    group = "bombs"
    doubled = op.lst(op.num(1)) + op.put(0)
    for level in range(1, 64):
        doubled += op.POP + op.lst(op.get(level - 1), op.get(level - 1)) + op.put(level)
    corpus.evil(group, "pickle/bombs/doubled-list.pkl", op.p2(doubled))
    corpus.evil(group, "pickle/bombs/deep-list.pkl", op.p2(op.EMPTY_LIST * 200_000 + op.APPEND * 199_999))
    corpus.evil(group, "pickle/bombs/deep-tuple.pkl", op.p2(op.NONE + b"\x85" * 200_000))
    corpus.evil(group, "pickle/bombs/many-marks.pkl", op.p2(op.MARK * 300_000))
    corpus.evil(group, "pickle/bombs/bytes-of-an-exabyte.pkl", op.proto(4) + b"\x96" + struct.pack("<Q", 1 << 60) + b"abc")


def nested(corpus):
    group = "nested-pickles"
    corpus.evil(group, "pickle/nested/loads-of-bytes.pkl", op.p4(op.call(op.sglob("pickle", "loads"), op.raw(ATTACK))))
    corpus.evil(group, "pickle/nested/torch-load-from-bytes.pkl", op.p4(op.call(op.sglob("torch.storage", "_load_from_bytes"), op.raw(ATTACK))))
    corpus.evil(group, "pickle/nested/joblib-load-of-a-buffer.pkl", op.p4(op.call(op.sglob("joblib", "load"), op.call(op.sglob("io", "BytesIO"), op.raw(ATTACK)))))


def add_to(corpus):
    for part in (names, broken, several, lax, frames, stack, imports, opcodes, targets, bombs, nested):
        part(corpus)
