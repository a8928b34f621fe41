"""safetensors and GGUF: every rule kept, and every rule broken once."""

import json
import struct

from . import op, rawzip

BITS = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
        "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else (header if isinstance(header, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(begin, end, dtype="U8", shape=None):
    return {"dtype": dtype, "shape": [end - begin] if shape is None else shape, "data_offsets": [begin, end]}


TWO = {"a": entry(0, 4), "b": entry(4, 8)}
GOOD = safetensors(TWO, bytes(8))


def safetensors_files(corpus):
    corpus.safe("safetensors/two.safetensors", GOOD)
    corpus.safe("safetensors/padded.safetensors", safetensors(json.dumps(TWO) + "   ", bytes(8)))
    corpus.safe("safetensors/blank-in-front.safetensors", safetensors(" \n" + json.dumps(TWO), bytes(8)))
    corpus.safe("safetensors/empty.safetensors", safetensors({}))
    corpus.safe("safetensors/metadata.safetensors", safetensors({"__metadata__": {"format": "pt", "note": "os.system('true')"}, **TWO}, bytes(8)))
    corpus.safe("safetensors/only-metadata.safetensors", safetensors({"__metadata__": {"format": "pt"}}))
    corpus.safe("safetensors/other-order.safetensors", safetensors({"b": entry(4, 8), "a": entry(0, 4)}, bytes(8)))
    corpus.safe("safetensors/zero-size.safetensors", safetensors({"a": entry(0, 4), "none": entry(4, 4, shape=[0, 5]), "b": entry(4, 8)}, bytes(8)))
    corpus.safe("safetensors/rank-0.safetensors", safetensors({"a": entry(0, 4, "F32", [])}, bytes(4)))
    corpus.safe("safetensors/names.safetensors", safetensors({"": entry(0, 1), "gr\u00f6\u00dfe": entry(1, 2), "a\"b\\c\n": entry(2, 3)}, bytes(3)))
    corpus.safe("safetensors/data-like-a-pickle.safetensors", safetensors({"a": entry(0, 64)}, op.p2(op.ATTACK).ljust(64, b"\0")))
    corpus.safe("safetensors/under-a-generic-name.bin", GOOD, "judged as what it is")
    at, header = 0, {}
    for dtype, bits in BITS.items():
        size = 8 * bits // 8
        header[dtype] = entry(at, at + size, dtype, [2, 4])
        at += size
    corpus.safe("safetensors/all-dtypes.safetensors", safetensors(header, bytes(at)))
    group = "header-lies"
    text = json.dumps(TWO)
    for name, (head, data, length) in {
        "header-longer-than-the-file": (TWO, bytes(8), 1 << 20), "header-of-an-exabyte": (TWO, bytes(8), 1 << 60), "header-of-all-ones": (TWO, bytes(8), 2 ** 64 - 1),
        "header-above-the-limit": (TWO, bytes(8), 100_000_001), "header-of-nothing": (b"", b"", 0), "header-of-one": (b"{", b"", 1),
        "not-utf-8": (text.replace("a", "\u00ff").encode("latin-1"), bytes(8), None), "not-an-object": ("[]", b"", None), "byte-order-mark": ("\ufeff" + text, bytes(8), None),
        "second-value": (text + "{}", bytes(8), None), "zeros-as-padding": (text + "\0\0", bytes(8), None), "trailing-comma": (text[:-1] + ",}", bytes(8), None),
        "single-quotes": (text.replace('"', "'"), bytes(8), None), "comment": ("/* */" + text, bytes(8), None), "nan": (text.replace("[4]", "[NaN]"), bytes(8), None),
        "key-twice": (text[:-1] + ', "b": ' + json.dumps(entry(4, 8)) + "}", bytes(8), None),
        "key-twice-by-escape": (text[:-1] + ', "\\u0062": ' + json.dumps(entry(4, 8)) + "}", bytes(8), None),
        "field-twice": (text.replace('"dtype"', '"dtype": "F32", "dtype"', 1), bytes(8), None),
        "raw-control-character": (text.replace('"a"', '"a\n"'), bytes(8), None), "lone-surrogate": (text.replace('"a"', '"\\ud800"'), bytes(8), None),
        "metadata-not-text": ({"__metadata__": {"a": 1}, **TWO}, bytes(8), None), "metadata-nested": ({"__metadata__": {"a": {"b": "c"}}, **TWO}, bytes(8), None),
        "metadata-a-list": ({"__metadata__": ["a"], **TWO}, bytes(8), None),
        "no-dtype": ({"a": {"shape": [4], "data_offsets": [0, 4]}}, bytes(4), None), "no-shape": ({"a": {"dtype": "U8", "data_offsets": [0, 4]}}, bytes(4), None),
        "no-offsets": ({"a": {"dtype": "U8", "shape": [4]}}, bytes(4), None), "extra-field": ({"a": {**entry(0, 4), "more": 1}}, bytes(4), None),
        "entry-a-list": ({"a": [1, 2]}, bytes(4), None), "unknown-dtype": ({"a": entry(0, 4, "Q4")}, bytes(4), None), "dtype-in-lower-case": ({"a": entry(0, 4, "u8")}, bytes(4), None),
        "negative-dimension": ({"a": entry(0, 4, shape=[-4])}, bytes(4), None), "dimension-with-a-fraction": ({"a": entry(0, 4, shape=[4.0])}, bytes(4), None),
        "dimension-as-text": ({"a": entry(0, 4, shape=["4"])}, bytes(4), None), "dimension-true": ({"a": {**entry(0, 1), "shape": [True]}}, bytes(1), None),
        "dimension-with-exponent": (text.replace("[4]", "[4e0]"), bytes(8), None), "leading-zero": (text.replace("[4]", "[04]"), bytes(8), None),
        "one-offset": ({"a": {**entry(0, 4), "data_offsets": [4]}}, bytes(4), None), "three-offsets": ({"a": {**entry(0, 4), "data_offsets": [0, 4, 4]}}, bytes(4), None),
        "begin-behind-end": ({"a": {**entry(0, 4), "data_offsets": [4, 0]}}, bytes(4), None),
        "overflowing-shape": ({"a": entry(0, 4, shape=[2 ** 40, 2 ** 40])}, bytes(4), None), "overflow-before-a-zero": ({"a": entry(0, 0, shape=[2 ** 40, 2 ** 40, 0])}, b"", None),
        "wraps-to-the-right-size": ({"a": entry(0, 0, shape=[2 ** 32, 2 ** 32])}, b"", None),
        "half-a-byte": ({"a": entry(0, 2, "F4", [3])}, bytes(2), None), "size-and-shape-differ": ({"a": entry(0, 4, shape=[5])}, bytes(4), None),
        "size-and-dtype-differ": ({"a": entry(0, 4, "F32", [4])}, bytes(4), None),
        "hole": ({"a": entry(0, 4), "b": entry(5, 8)}, bytes(8), None), "hole-in-front": ({"a": entry(1, 4)}, bytes(4), None),
        "overlap": ({"a": entry(0, 5), "b": entry(4, 8)}, bytes(8), None), "shared-bytes": ({"a": entry(0, 4), "b": entry(0, 4)}, bytes(4), None),
        "cut-data": (TWO, bytes(7), None), "no-data": (TWO, b"", None),
    }.items():
        corpus.invalid(group, f"safetensors/broken/{name}.safetensors", safetensors(head, data, length))
    corpus.invalid(group, "safetensors/broken/cut-in-the-header.safetensors", GOOD[:40])
    corpus.invalid(group, "safetensors/broken/cut-in-the-length.safetensors", GOOD[:5])
    corpus.invalid(group, "safetensors/broken/deep.safetensors", safetensors('{"a":' + "[" * 100_000 + "]" * 100_000 + "}"))
    corpus.invalid("trailing-bytes", "safetensors/more-behind.safetensors", GOOD + b"\0")
    corpus.evil("polyglots", "safetensors/zip-behind.safetensors", GOOD + rawzip.plain({"x.pkl": op.p2(op.ATTACK)}))
    corpus.refused("polyglots", "safetensors/pickle-behind.safetensors", GOOD + op.p2(op.ATTACK))
    corpus.refused("wrong-name", "safetensors/text.safetensors", "hello\n", pickle="none")
    corpus.refused("wrong-name", "safetensors/gguf.safetensors", gguf(), "a name that promises something else", pickle="none")


# --- GGUF ---

TYPES = {0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36), 10: (256, 84), 11: (256, 110), 12: (256, 144),
         13: (256, 176), 14: (256, 210), 15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110),
         22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66),
         39: (32, 17), 40: (64, 36), 41: (128, 18), 42: (64, 18)}
SCALARS = {"u8": (0, "B"), "i8": (1, "b"), "u16": (2, "H"), "i16": (3, "h"), "u32": (4, "I"), "i32": (5, "i"), "f32": (6, "f"), "bool": (7, "?"),
           "u64": (10, "Q"), "i64": (11, "q"), "f64": (12, "d")}


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(data)) + data


def value(kind, content):
    if kind == "str":
        return struct.pack("<I", 8) + text(content)
    if kind == "raw":
        return content
    if kind.endswith("[]"):
        inner = [value(kind[:-2], item) for item in content]
        return struct.pack("<I", 9) + inner[0][:4] + struct.pack("<Q", len(inner)) + b"".join(item[4:] for item in inner)
    number, form = SCALARS[kind]
    return struct.pack("<I" + form, number, content)


def tensor_info(name, shape, kind, offset):
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *(size % 2 ** 64 for size in shape), kind, offset)


NAME = ("general.architecture", "str", "llama")


def gguf(keys=(NAME,), tensors=((b"w", (32,), 0),), version=3, alignment=32, counts=None, infos=None, data=None, tail=b"", pad_last=True, magic=b"GGUF"):
    """`tensors`: name, shape, type; or ready-made `infos` with `data`."""
    head = b"".join(text(name) + value(kind, content) for name, kind, content in keys)
    body, places = b"", b""
    for name, shape, kind in tensors:
        size = 1
        for extent in shape:
            size *= extent
        block, width = TYPES.get(kind, (1, 4))
        places += tensor_info(name, shape, kind, len(body))
        body += bytes(size // block * width)
        last = len(body)
        body += bytes(-len(body) % alignment)
    if not pad_last and tensors:
        body = body[:last]
    count = len(tensors) if infos is None else len(infos)
    places = places if infos is None else b"".join(infos)
    tensor_count, key_count = (count, len(keys)) if counts is None else counts
    out = magic + struct.pack("<IQQ", version, tensor_count, key_count) + head + places
    if count:
        out += bytes(-len(out) % alignment)
    return out + (body if data is None else data) + tail


def gguf_files(corpus):
    corpus.safe("gguf/one.gguf", gguf())
    corpus.safe("gguf/version-2.gguf", gguf(version=2))
    corpus.safe("gguf/no-tensors.gguf", gguf(tensors=()))
    corpus.safe("gguf/nothing.gguf", gguf(keys=(), tensors=()))
    corpus.safe("gguf/last-without-padding.gguf", gguf(tensors=((b"w", (3,), 0),), pad_last=False))
    corpus.safe("gguf/alignment-64.gguf", gguf(keys=(NAME, ("general.alignment", "u32", 64)), tensors=((b"a", (3,), 0), (b"b", (5,), 0)), alignment=64))
    corpus.safe("gguf/all-types.gguf", gguf(tensors=tuple((b"t%d" % kind, (block * 2, 3), kind) for kind, (block, _) in TYPES.items())))
    corpus.safe("gguf/all-values.gguf", gguf(keys=(NAME, *((f"test.{kind}", kind, 1) for kind in SCALARS), ("test.list", "u32[]", [1, 2, 3]),
                                                   ("tokenizer.ggml.tokens", "str[]", ["<s>", "os.system", "$(true)", "\u00e4"]))))
    corpus.safe("gguf/four-dimensions.gguf", gguf(tensors=((b"w", (4, 3, 2, 1), 0),)))
    corpus.safe("gguf/template.gguf", gguf(keys=(NAME, ("tokenizer.chat_template", "str", "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"))))
    corpus.safe("gguf/under-a-generic-name.bin", gguf(), "judged as what it is")
    group = "header-lies"

    def bad(name, data):
        corpus.invalid(group, f"gguf/broken/{name}.gguf", data)

    one = tensor_info(b"w", (32,), 0, 0)
    for version in (0, 1, 4, 0x03000000):
        bad(f"version-{version:x}", gguf(version=version))
    bad("cut-in-the-counts", gguf()[:12])
    bad("cut-in-the-keys", gguf()[:40])
    bad("cut-in-the-tensors", gguf()[:70])
    bad("too-many-tensors", gguf(counts=(2 ** 40, 1)))
    bad("too-many-keys", gguf(counts=(1, 2 ** 40)))
    bad("negative-counts", gguf(counts=(2 ** 63, 1)))
    bad("fewer-keys-than-there-are", gguf(keys=(NAME, ("a", "u8", 1)), counts=(1, 1)))
    bad("empty-key", gguf(keys=(NAME, ("", "u8", 1))))
    bad("key-twice", gguf(keys=(NAME, NAME)))
    bad("long-key", gguf(keys=(NAME, ("k" * 70_000, "u8", 1))))
    bad("key-not-ascii", gguf(keys=(NAME, ("gr\u00f6\u00dfe", "u8", 1))))
    bad("unknown-value-type", gguf(keys=(NAME, ("a", "raw", struct.pack("<IQ", 13, 0)))))
    bad("bool-of-two", gguf(keys=(NAME, ("a", "raw", struct.pack("<IB", 7, 2)))))
    bad("text-longer-than-the-file", gguf(keys=(NAME, ("a", "raw", struct.pack("<IQ", 8, 2 ** 40)))))
    bad("text-of-all-ones", gguf(keys=(NAME, ("a", "raw", struct.pack("<IQ", 8, 2 ** 64 - 1)))))
    bad("text-not-utf-8", gguf(keys=(NAME, ("general.name", "str", b"\xff\xfe"))))
    bad("list-longer-than-the-file", gguf(keys=(NAME, ("a", "raw", struct.pack("<IIQ", 9, 10, 2 ** 61)))))
    bad("list-of-unknown", gguf(keys=(NAME, ("a", "raw", struct.pack("<IIQ", 9, 77, 0)))))
    deep = struct.pack("<IQ", 0, 0)
    for _ in range(3):
        deep = struct.pack("<IQ", 9, 1) + deep
    bad("lists-in-lists", gguf(keys=(NAME, ("a", "raw", struct.pack("<I", 9) + deep))))
    bad("alignment-0", gguf(keys=(NAME, ("general.alignment", "u32", 0))))
    bad("alignment-24", gguf(keys=(NAME, ("general.alignment", "u32", 24))))
    bad("alignment-of-a-gigabyte", gguf(keys=(NAME, ("general.alignment", "u32", 1 << 30))))
    bad("alignment-of-another-type", gguf(keys=(NAME, ("general.alignment", "u64", 32))))
    bad("tensor-name-twice", gguf(tensors=((b"w", (32,), 0), (b"w", (32,), 0))))
    bad("tensor-name-too-long", gguf(tensors=((b"w" * 65, (32,), 0),)))
    bad("five-dimensions", gguf(tensors=((b"w", (2, 2, 2, 2, 2), 0),)))
    bad("negative-dimension", gguf(infos=[tensor_info(b"w", (-1,), 0, 0)], data=bytes(128)))
    bad("overflowing-dimensions", gguf(infos=[tensor_info(b"w", (2 ** 40, 2 ** 40), 0, 0)], data=bytes(128)))
    bad("dimensions-that-wrap-to-nothing", gguf(infos=[tensor_info(b"w", (2 ** 62, 4, 4, 4), 0, 0)], data=b""))
    bad("bytes-that-wrap", gguf(infos=[tensor_info(b"w", (2 ** 62 + 8,), 0, 0)], data=bytes(32)))
    for kind in (4, 5, 31, 33, 36, 38, 43, 999):
        bad(f"type-{kind}", gguf(tensors=((b"w", (32,), kind),)))
    bad("row-of-half-a-block", gguf(infos=[tensor_info(b"w", (48,), 2, 0)], data=bytes(64)))
    bad("offset-not-aligned", gguf(infos=[tensor_info(b"w", (8,), 0, 8)], data=bytes(64)))
    bad("offset-beyond", gguf(infos=[tensor_info(b"w", (32,), 0, 2 ** 40)], data=bytes(128)))
    bad("tensor-past-the-end", gguf(infos=[tensor_info(b"w", (1 << 20,), 0, 0)], data=bytes(128)))
    bad("tensors-overlap", gguf(infos=[one, tensor_info(b"x", (32,), 0, 64)], data=bytes(192)))
    bad("tensors-share", gguf(infos=[one, tensor_info(b"x", (32,), 0, 0)], data=bytes(128)))
    bad("hole", gguf(infos=[one, tensor_info(b"x", (32,), 0, 256)], data=bytes(384)))
    bad("hole-in-front", gguf(infos=[tensor_info(b"w", (32,), 0, 32)], data=bytes(160)))
    bad("cut-data", gguf()[:-40])
    bad("other-byte-order", b"GGUF" + struct.pack(">IQQ", 3, 0, 0))
    corpus.invalid("trailing-bytes", "gguf/more-behind.gguf", gguf(tail=bytes(32)))
    corpus.invalid("trailing-bytes", "gguf/padding-that-is-no-padding.gguf", gguf(tensors=((b"w", (3,), 0),), pad_last=False, tail=b"junk"))
    corpus.evil("polyglots", "gguf/zip-behind.gguf", gguf(tail=rawzip.plain({"x.pkl": op.p2(op.ATTACK)})))
    corpus.refused("wrong-name", "gguf/safetensors.gguf", GOOD, pickle="none")
    corpus.refused("wrong-name", "gguf/old-ggml.bin", b"tjgg" + struct.pack("<8I", 3, *range(7)), pickle="none")


def add_to(corpus):
    safetensors_files(corpus)
    gguf_files(corpus)
