"""NumPy files and what joblib writes."""

import bz2
import lzma
import struct
import zlib

from . import collection, op, pickle_clean, rawzip


def npy(descr, shape, data, version=1, header=None, magic=b"\x93NUMPY"):
    text = header if header is not None else f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}"
    width, form = (2, "<H") if version == 1 else (4, "<I")
    encoded = text.encode("utf-8" if version == 3 else "latin-1")
    encoded += b" " * (-(len(magic) + 2 + width + len(encoded) + 1) % 64) + b"\n"
    return magic + bytes([version, 0]) + struct.pack(form, len(encoded)) + encoded + data


FLOATS = npy("<f4", (2, 3), bytes(24))


def object_array(*values):
    """What numpy pickles for an array of objects."""
    body = op.call(op.sglob("numpy.core.multiarray", "_reconstruct"), op.sglob("numpy", "ndarray"), op.tup(op.num(0)), op.raw(b"b"))
    kind = op.call(op.sglob("numpy", "dtype"), op.short("O8"), op.FALSE, op.TRUE)
    kind += op.tup(op.num(3), op.short("|"), op.NONE, op.NONE, op.NONE, op.num(-1), op.num(-1), op.num(63)) + op.BUILD
    return body + op.tup(op.num(1), op.tup(op.num(len(values))), kind, op.FALSE, op.lst(*values)) + op.BUILD


def numpy_files(corpus):
    corpus.safe("numpy/floats.npy", FLOATS)
    corpus.safe("numpy/version-2.npy", npy("<i8", (3,), bytes(24), version=2))
    corpus.safe("numpy/version-3.npy", npy([("gr\u00f6\u00dfe", "<f8")], (2,), bytes(16), version=3))
    corpus.safe("numpy/scalar.npy", npy("<f8", (), bytes(8)))
    corpus.safe("numpy/empty.npy", npy("<f8", (0, 5), b""))
    corpus.safe("numpy/text.npy", npy("<U5", (2,), bytes(40)))
    corpus.safe("numpy/records.npy", npy([("a", "<i4"), ("b", "|S3", (2,)), ("c", [("d", "<f8")])], (2,), bytes(36)))
    corpus.safe("numpy/dates.npy", npy("<M8[ns]", (2,), bytes(16)))
    corpus.safe("numpy/bytes-like-a-pickle.npy", npy("|u1", (40,), op.p2(op.ATTACK).ljust(40, b"\0")))
    corpus.safe("numpy/several.npz", rawzip.plain({"a.npy": FLOATS, "b.npy": npy("|b1", (4,), bytes(4))}))
    corpus.safe("numpy/compressed.npz", rawzip.packed({"a.npy": FLOATS, "b.npy": npy("<f8", (100,), bytes(800))}))
    group = "object-arrays"
    corpus.clean("numpy/objects.npy", npy("|O", (2,), op.p4(object_array(op.num(1), op.short("a")))))
    corpus.clean("numpy/objects.npz", rawzip.plain({"a.npy": FLOATS, "b.npy": npy("|O", (1,), op.p4(object_array(op.num(1))))}))
    corpus.evil(group, "numpy/evil-objects.npy", npy("|O", (1,), op.p4(object_array(op.ATTACK4))))
    corpus.evil(group, "numpy/evil-objects.npz", rawzip.packed({"a.npy": FLOATS, "b.npy": npy("|O", (1,), op.p4(object_array(op.ATTACK4)))}))
    corpus.evil(group, "numpy/objects-in-a-record.npy", npy([("a", "<i4"), ("b", "|O")], (1,), op.p4(object_array(op.ATTACK4))))
    corpus.evil(group, "numpy/no-magic.npy", op.p2(op.ATTACK), "numpy.load falls back to pickle")
    corpus.evil(group, "numpy/npz-member-without-magic.npz", rawzip.plain({"a.npy": op.p2(op.ATTACK)}))
    corpus.evil("trailing-bytes", "numpy/objects-and-more.npy", npy("|O", (1,), op.p4(object_array(op.num(1))) + b"\0"))
    group = "trailing-bytes"
    corpus.invalid(group, "numpy/longer-than-it-says.npy", FLOATS + b"\0")
    corpus.refused(group, "numpy/pickle-behind.npy", FLOATS + op.p2(op.ATTACK))
    group = "header-lies"
    corpus.invalid(group, "numpy/shorter-than-it-says.npy", FLOATS[:-1])
    corpus.invalid(group, "numpy/overflowing.npy", npy("<f8", (2 ** 62, 8), b""))
    corpus.invalid(group, "numpy/negative.npy", npy("<f8", (-1,), b""))
    corpus.invalid(group, "numpy/header-cut.npy", FLOATS[:20])
    corpus.invalid(group, "numpy/unknown-version.npy", b"\x93NUMPY\x09\0" + FLOATS[8:])
    corpus.refused(group, "numpy/unknown-type.npy", npy("<z4", (1,), bytes(4)))
    corpus.refused(group, "numpy/extra-key.npy", npy("", (), bytes(4), header="{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}"))
    corpus.refused("object-arrays", "numpy/call-in-the-header.npy", npy("", (), bytes(4), header="{'descr': __import__('os').name, 'fortran_order': False, 'shape': (1,)}"))
    corpus.refused("object-arrays", "numpy/operator-in-the-header.npy", npy("", (), bytes(4), header="{'descr': '<f' + '4', 'fortran_order': False, 'shape': (1,)}"))


def wrapper(shape, code="f8", aligned=True, allow=True, size=None):
    return op.new(op.sglob("joblib.numpy_pickle", "NumpyArrayWrapper")) + op.named(
        subclass=op.sglob("numpy", "ndarray"), shape=op.tup(*map(op.num, shape)), order=op.short("C"), dtype=pickle_clean.dtype(code, op.sglob),
        allow_mmap=op.TRUE if allow else op.FALSE, numpy_array_alignment_bytes=op.num(16) if aligned else op.NONE) + op.BUILD


def joblib(before, data, after=op.STOP, aligned=True, frames=True):
    """A stream with the bytes of an array in its middle. What follows is so short that it gets no frame."""
    head = op.proto(4) + (op.frame(before) if frames else before)
    if aligned:
        fill = 16 - (len(head) + 1) % 16
        head += bytes([fill]) + b"\xff" * fill
    return head + data + after


ARRAY = struct.pack("<4d", *range(4))


def joblib_files(corpus):
    group = "compressed"
    one = joblib(wrapper([4]), ARRAY)
    model = joblib(op.new(op.sglob("sklearn.preprocessing._data", "StandardScaler")) + op.EMPTY_DICT + op.MARK + op.short("mean_") + wrapper([4]), ARRAY,
                   op.short("with_mean") + op.TRUE + op.SETITEMS + op.BUILD + op.STOP)
    corpus.clean("joblib/array.joblib", one)
    corpus.evil("polyglots", "joblib/not-aligned.joblib", joblib(wrapper([4], aligned=False), ARRAY, aligned=False),
                "joblib before 1.2 puts the array where a plain unpickler goes on: it may be clean to one reader only", collection.ANY)
    corpus.clean("joblib/scaler.joblib", model)
    corpus.clean("joblib/plain.joblib", op.p4(op.lst(op.num(1))))
    corpus.clean("joblib/bytes-like-opcodes.joblib", joblib(wrapper([4]), b"cposix\nsystem\n(Vtrue\ntR.".ljust(32, b".")))
    packers = {"z": zlib.compress, "gz": rawzip.gz, "bz2": bz2.compress, "xz": lzma.compress,
               "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE)}
    for suffix, pack in packers.items():
        corpus.clean(f"joblib/model.joblib.{suffix}", pack(model))
        corpus.evil(group, f"joblib/evil.joblib.{suffix}", pack(op.p4(op.ATTACK4)))
    corpus.clean("joblib/compressed-under-a-plain-name.pkl", zlib.compress(model))
    old = zlib.compress(op.p2(op.lst(op.num(1))))
    corpus.refused(group, "joblib/of-the-first-versions.pkl", b"ZF" + hex(len(op.p2(op.lst(op.num(1))))).encode().ljust(19) + old, "a header of its own in front of zlib")
    corpus.evil(group, "joblib/attack-behind-an-array.joblib", joblib(op.EMPTY_LIST + op.MARK + wrapper([4]), ARRAY, op.ATTACK4 + op.APPENDS + op.STOP))
    corpus.evil(group, "joblib/array-longer-than-the-file.joblib", joblib(wrapper([400]), ARRAY))
    corpus.evil(group, "joblib/array-shorter-than-said.joblib", joblib(wrapper([3]), ARRAY))
    corpus.evil(group, "joblib/evil-object-array.joblib", joblib(
        wrapper([1], "O8", aligned=False, allow=False), op.p4(object_array(op.ATTACK4)), aligned=False))
    corpus.evil(group, "joblib/subclass-of-a-stranger.joblib", joblib(
        op.new(op.sglob("joblib.numpy_pickle", "NumpyArrayWrapper")) + op.named(subclass=op.sglob("acme", "Array"), shape=op.tup(op.num(1))) + op.BUILD, ARRAY))
    corpus.evil(group, "joblib/attack.gz", rawzip.gz(op.p2(op.ATTACK)))
    corpus.evil(group, "joblib/attack-in-the-second-gzip-member.pkl.gz", rawzip.gz(b"") + rawzip.gz(op.p2(op.ATTACK)))
    corpus.evil(group, "joblib/attack-in-the-second-xz-stream.pkl.xz", lzma.compress(op.p2(op.num(1))) + lzma.compress(op.p2(op.ATTACK)))
    corpus.evil(group, "joblib/attack-in-the-second-bz2-stream.pkl.bz2", bz2.compress(op.p2(op.num(1))) + bz2.compress(op.p2(op.ATTACK)))


def add_to(corpus):
    numpy_files(corpus)
    joblib_files(corpus)
