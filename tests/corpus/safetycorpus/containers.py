"""Zips, tars and compressed files: those that all readers see alike, and the others."""

import bz2
import lzma
import struct
import zlib

from . import arrays, op, rawzip, torchfiles
from .rawzip import Entry

TEXT = b"Nothing to see here, only some words that go on for a while.\n"
EVIL = op.p2(op.ATTACK)
FILES = {"a/readme.txt": TEXT, "a/notes.txt": TEXT * 2}


def zip_legit(corpus):
    corpus.safe("zip/stored.zip", rawzip.plain(FILES))
    corpus.safe("zip/deflated.zip", rawzip.packed(FILES))
    corpus.safe("zip/empty.zip", rawzip.plain({}))
    corpus.safe("zip/with-a-folder.zip", rawzip.plain({"a/": b"", **FILES}))
    corpus.safe("zip/comment.zip", rawzip.plain(FILES, comment=b"made by hand"))
    corpus.safe("zip/descriptor.zip", rawzip.build([Entry("a.txt", TEXT, method=8, flags=8), Entry("b.txt", TEXT)]))
    corpus.safe("zip/times.zip", rawzip.build([Entry("a.txt", TEXT, extra=struct.pack("<HHBI", 0x5455, 5, 1, 0), local_extra=struct.pack("<HHBI", 0x5455, 5, 1, 0))]))
    corpus.safe("zip/utf-8-name.zip", rawzip.build([Entry("gr\u00f6\u00dfe.txt", TEXT, flags=0x800)]))
    corpus.safe("zip/in-a-zip.zip", rawzip.plain({"inner.zip": rawzip.packed(FILES)}))
    corpus.safe("zip/arrays-and-text.zip", rawzip.packed({"a.npy": arrays.FLOATS, "a.txt": TEXT}))


def zip_tricks(corpus):
    group = "zip-tricks"
    program, storages = torchfiles.EVIL, {}
    names = torchfiles.members(program, storages)
    honest = [Entry(name, data) for name, data in names.items()]
    clean = [Entry(name, data) for name, data in torchfiles.members(*torchfiles.USUAL).items()]
    text = [Entry(name, data) for name, data in FILES.items()]

    def first(entries, **lie):
        return [Entry(**{**vars(entries[0]), **lie}), *entries[1:]]

    data = entries_data = clean[0].data
    lies = {
        "crc-is-wrong": dict(crc=0x12345678),
        "encrypted-flag": dict(flags=1),
        "patch-flag": dict(flags=0x20),
        "strong-encryption-flag": dict(flags=0x41),
        "masked-header-flag": dict(flags=0x2000),
        "local-crc-differs": dict(local_crc=1),
        "local-name-differs": dict(local_name="archive/data.txt"),
        "local-size-differs": dict(local_size=1),
        "stored-of-two-sizes": dict(size=len(data) + 10),
        "unknown-method": dict(method=99),
        "descriptor-lies": dict(flags=8, descriptor=struct.pack("<4s3I", b"PK\7\x08", 1, 2, 3)),
        "extra-with-another-name": dict(extra=struct.pack("<HHBI", 0x7075, 5 + 4, 1, 0) + b"evil"),
        "unknown-extra": dict(extra=struct.pack("<HH", 0x9901, 4) + b"abcd"),
        "zip64-extra-that-contradicts": dict(extra=struct.pack("<HHQQ", 1, 16, 5, 5)),
        "offset-of-another-member": dict(offset=len(rawzip.build(clean[:1])) - 22 - 46 - len("archive/data.pkl")),
    }
    for name, lie in lies.items():
        corpus.refused(group, f"zip/tricks/clean-{name}.pt", rawzip.build(first(clean, **lie)))
    for name in ("crc-is-wrong", "encrypted-flag", "masked-header-flag", "local-name-differs", "local-crc-differs"):
        corpus.refused(group, f"zip/tricks/evil-{name}.bin", rawzip.build(first(honest, **lies[name])))
    del entries_data
    whole = {
        "two-members-of-a-name": rawzip.build(clean + [Entry("archive/data.pkl", program)]),
        "two-members-of-a-name-the-other-way": rawzip.build([Entry("archive/data.pkl", program)] + clean),
        "names-differ-in-case": rawzip.build(clean + [Entry("archive/DATA.PKL", program)]),
        "names-differ-in-slashes": rawzip.build(clean + [Entry("archive\\data.pkl", program)]),
        "hidden-member": rawzip.build(clean + [Entry("archive/more.pkl", program, hidden=True)]),
        "prefix": rawzip.build(clean, prefix=b"#!/bin/sh\ntrue\nexit\n"),
        "prefix-of-zeros": rawzip.build(clean, prefix=bytes(16)),
        "gap-before-the-directory": rawzip.build(clean, before_directory=EVIL),
        "gap-behind-the-directory": rawzip.build(clean, after_directory=bytes(8), end_size=None),
        "trailing": rawzip.build(clean, trailing=b"\0"),
        "pickle-behind": rawzip.build(clean, trailing=EVIL),
        "zip-behind-a-zip": rawzip.build(clean) + rawzip.build(honest),
        "end-record-in-the-comment": rawzip.build(clean, comment=rawzip.build([])),
        "signature-in-the-comment": rawzip.build(clean, comment=b"PK\1\2"),
        "count-too-small": rawzip.build(clean, count=1),
        "count-too-large": rawzip.build(clean, count=99),
        "directory-shifted": rawzip.build(clean, shift=1),
        "folder-with-content": rawzip.build(clean + [Entry("archive/x/", program)]),
        "cut": rawzip.build(clean)[:-10],
        "no-directory": rawzip.build(clean)[:200],
    }
    for name, data in whole.items():
        corpus.refused(group, f"zip/tricks/{name}.pt", data)
    for name, path in {"parent": "../../evil.txt", "absolute": "/tmp/evil.txt", "drive": "C:evil.txt", "backslash": "..\\evil.txt", "nul": "a\0.txt",
                       "control": "a\x1b[2J.txt", "trailing-dot": "a/evil.", "inner-parent": "a/../../evil.txt", "long": "a" * 5000}.items():
        corpus.refused(group, f"zip/names/{name}.zip", rawzip.build(text + [Entry(path, TEXT)]), pickle="none")
    corpus.refused(group, "zip/names/link.zip", rawzip.build(text + [Entry("a/link", b"/etc/passwd", attributes=0o120777 << 16)]), pickle="none")
    corpus.refused(group, "zip/names/device.zip", rawzip.build(text + [Entry("a/device", b"", attributes=0o020666 << 16)]), pickle="none")
    corpus.refused(group, "zip/names/set-user-id.zip", rawzip.build(text + [Entry("a/tool.txt", TEXT, attributes=0o104755 << 16)]), pickle="none")


def zip_members(corpus):
    corpus.evil("nested-pickles", "zip/members/pickle.zip", rawzip.packed({**FILES, "a/x.pkl": EVIL}))
    corpus.evil("nested-pickles", "zip/members/pickle-as-text.zip", rawzip.packed({**FILES, "a/x.txt": b"cposix\nsystem\n(Vtrue\ntR."}))
    corpus.code("programs", "zip/members/program.zip", rawzip.packed({**FILES, "a/tool": b"\x7fELF\2\1\1" + bytes(57)}))
    corpus.code("programs", "zip/members/script.zip", rawzip.packed({**FILES, "setup.py": b"import os\n"}))
    corpus.code("programs", "zip/members/tool.jar", rawzip.packed({"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\n", "A.class": b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(20)}))
    corpus.code("programs", "zip/members/package-1.0-py3-none-any.whl", rawzip.packed({"package/__init__.py": b"import os\n", "package-1.0.dist-info/METADATA": b"Name: package\n"}))
    corpus.code("programs", "zip/members/handler.mar", rawzip.packed({"MAR-INF/MANIFEST.json": b'{"model": {"handler": "handler.py"}}', "handler.py": b"import os\n"}))
    corpus.unknown("repo-code", "zip/members/model.skops", rawzip.packed({"schema.json": b'{"__class__": "SVC", "__module__": "sklearn.svm._classes", "__loader__": "ObjectNode"}'}))
    level = rawzip.packed({"a.txt": TEXT})
    for _ in range(6):
        level = rawzip.packed({"inner.zip": level})
    corpus.refused("bombs", "zip/members/seven-deep.zip", level, pickle="none")
    corpus.evil("nested-archives", "zip/members/pickle-in-a-zip-in-a-zip.zip", rawzip.packed({"inner.zip": rawzip.packed({"x.pkl": EVIL})}))
    corpus.evil("nested-archives", "zip/members/pickle-in-a-tar-in-a-zip.zip", rawzip.packed({"inner.tar": rawzip.tar({"x.pkl": EVIL})}))
    corpus.evil("nested-archives", "zip/members/pickle-in-a-gzip-in-a-zip.zip", rawzip.packed({"x.gz": rawzip.gz(EVIL)}))
    corpus.evil("nested-archives", "tar/members/pickle-in-a-zip-in-a-tar.tar", rawzip.tar({"inner.zip": rawzip.packed({"x.pkl": EVIL})}))
    corpus.evil("nested-archives", "tar/members/torch-in-a-tar.tar", rawzip.tar({"model.bin": torchfiles.torch_zip(torchfiles.EVIL, {})}))
    zeros = bytes(64 << 20)
    corpus.refused("bombs", "zip/bombs/one-member.zip", rawzip.packed({"a.txt": zeros}), pickle="none")
    corpus.refused("bombs", "zip/bombs/gzip.pkl.gz", rawzip.gz(zeros), pickle="none")
    corpus.refused("bombs", "zip/bombs/zlib.joblib", zlib.compress(zeros), pickle="none")
    kernel = rawzip.build([Entry("a.txt", bytes(1 << 20), method=8)])
    corpus.refused("bombs", "zip/bombs/members-that-share-bytes.zip", rawzip.build(
        [Entry("a.txt", bytes(1 << 20), method=8)] + [Entry(f"{i}.txt", bytes(1 << 20), method=8, packed=b"", packed_size=len(kernel) // 2, offset=0) for i in range(50)]),
        pickle="none")
    corpus.refused("bombs", "zip/bombs/declared-terabytes.zip", rawzip.build([Entry("a.txt", TEXT, method=8, size=0xfffffff0), Entry("b.txt", TEXT)]), pickle="none")


def tars(corpus):
    group = "tar-tricks"
    good = {"a/readme.txt": TEXT, "model_config.yaml": b"name: otter\nlayers: 2\n"}
    corpus.safe("tar/plain.tar", rawzip.tar(good))
    corpus.safe("tar/long-name.tar", rawzip.tar([rawzip.pax({"path": "a/" + "x" * 150 + ".txt"}), rawzip.tar_member("short", TEXT)]))
    corpus.safe("tar/gnu-long-name.tar", rawzip.tar([rawzip.tar_member("././@LongLink", b"a/" + b"y" * 150 + b".txt\0", kind=b"L", magic=b"ustar  \0"),
                                                     rawzip.tar_member("short", TEXT, magic=b"ustar  \0")]))
    corpus.safe("tar/plain.tar.gz", rawzip.gz(rawzip.tar(good)))
    corpus.safe("tar/folder.tar", rawzip.tar([rawzip.tar_header("a/", 0, kind=b"5", mode=0o755), rawzip.tar_member("a/x.txt", TEXT)]))
    corpus.safe("tar/record-of-20-blocks.tar", rawzip.tar(good).ljust(10240, b"\0"))
    corpus.clean("tar/model.nemo", rawzip.tar({**good, "model_weights.ckpt": torchfiles.torch_zip(*torchfiles.USUAL)}))
    corpus.clean("tar/compressed.nemo", rawzip.gz(rawzip.tar({**good, "model_weights.ckpt": torchfiles.torch_zip(*torchfiles.USUAL)})))
    bad = {
        "symlink": [rawzip.tar_header("a", 0, kind=b"2", link="/etc/passwd")], "hardlink": [rawzip.tar_header("a", 0, kind=b"1", link="/etc/passwd")],
        "device": [rawzip.tar_header("a", 0, kind=b"3")], "fifo": [rawzip.tar_header("a", 0, kind=b"6")], "sparse": [rawzip.tar_member("a", TEXT, kind=b"S")],
        "parent": [rawzip.tar_member("../../a.txt", TEXT)], "absolute": [rawzip.tar_member("/tmp/a.txt", TEXT)],
        "pax-path-out": [rawzip.pax({"path": "../../a.txt"}), rawzip.tar_member("a.txt", TEXT)],
        "pax-size": [rawzip.pax({"size": "3"}), rawzip.tar_member("a.txt", TEXT)],
        "pax-global-path": [rawzip.pax({"path": "../b"}, kind=b"g"), rawzip.tar_member("a.txt", TEXT)],
        "checksum": [rawzip.tar_member("a.txt", TEXT), rawzip.tar_member("b.txt", TEXT, checksum=1)],
        "twice": [rawzip.tar_member("a.txt", TEXT), rawzip.tar_member("a.txt", TEXT + b"other")],
        "twice-by-dot": [rawzip.tar_member("a.txt", TEXT), rawzip.tar_member("./a.txt", TEXT + b"other")],
        "unknown-kind": [rawzip.tar_member("a.txt", TEXT, kind=b"Q")],
    }
    for name, blocks in bad.items():
        corpus.refused(group, f"tar/tricks/{name}.tar", rawzip.tar([rawzip.tar_member("first.txt", TEXT), *blocks]), pickle="none")
    corpus.refused(group, "tar/tricks/no-end.tar", rawzip.tar(good, end=b""), pickle="none")
    corpus.refused(group, "tar/tricks/cut.tar", rawzip.tar(good)[:900], pickle="none")
    corpus.refused(group, "tar/tricks/more-behind-the-end.tar", rawzip.tar(good) + b"x" * 512, pickle="none")
    corpus.refused(group, "tar/tricks/pickle-behind-the-end.tar", rawzip.tar(good) + EVIL)
    corpus.evil("old-containers", "tar/evil.nemo", rawzip.tar({**good, "model_weights.ckpt": torchfiles.torch_zip(torchfiles.EVIL, {})}))
    corpus.code("repo-code", "tar/hydra-target.nemo", rawzip.tar({"model_config.yaml": b"encoder:\n  _target_: os.system\n  command: 'true'\n"}))
    corpus.evil("nested-pickles", "tar/pickle.tar.gz", rawzip.gz(rawzip.tar({"x.pkl": EVIL})))


def others(corpus):
    corpus.safe("compressed/text.txt.gz", rawzip.gz(TEXT))
    corpus.safe("compressed/text.txt.bz2", bz2.compress(TEXT))
    corpus.safe("compressed/text.txt.xz", lzma.compress(TEXT))
    corpus.safe("compressed/two-members.txt.gz", rawzip.gz(TEXT) + rawzip.gz(TEXT))
    group = "compressed"
    for name, pack in {"gz": rawzip.gz, "bz2": bz2.compress, "xz": lzma.compress}.items():
        whole = pack(TEXT)
        corpus.refused("trailing-bytes", f"compressed/more-behind.txt.{name}", whole + b"trailing", pickle="none")
        corpus.refused(group, f"compressed/cut.txt.{name}", whole[:-5], pickle="none")
    broken = bytearray(rawzip.gz(TEXT))
    broken[-6] ^= 1
    corpus.refused(group, "compressed/checksum.txt.gz", broken, pickle="none")
    level = TEXT
    for _ in range(6):
        level = rawzip.gz(level)
    corpus.refused("bombs", "compressed/six-times.gz", level, pickle="none")
    foreign = {"7z": b"7z\xbc\xaf\x27\x1c\0\4" + bytes(60), "rar": b"Rar!\x1a\7\0" + bytes(60), "rar5": b"Rar!\x1a\7\1\0" + bytes(60), "cab": b"MSCF\0\0\0\0" + bytes(60)}
    for name, data in foreign.items():
        corpus.refused("foreign-archive", f"foreign/model.{name}", data, pickle="none")
    corpus.refused("foreign-archive", "foreign/pytorch_model.bin", foreign["7z"], pickle="none")
    corpus.refused("foreign-archive", "foreign/model.safetensors", foreign["7z"], pickle="none")
    corpus.refused("foreign-archive", "foreign/model.pt", b"\x28\xb5\x2f\xfd" + bytes(20), "zstd, cut off", pickle="none")


def add_to(corpus):
    for part in (zip_legit, zip_tricks, zip_members, tars, others):
        part(corpus)
