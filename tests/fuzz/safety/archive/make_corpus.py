#!/usr/bin/python3
"""Writes the seeds of the fuzz targets of this folder: make_corpus.py"""
import bz2
import gzip
import io
import lzma
import pathlib
import subprocess
import tarfile
import zipfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
WHEN = (2020, 1, 1, 0, 0, 0)


class Pipe(io.BytesIO):
    """Where the writer of zips cannot go back, it leaves sizes to descriptors."""

    def tell(self):
        raise OSError


def zipped(members, method=zipfile.ZIP_STORED, stream=False):
    out = Pipe() if stream else io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, WHEN)
            info.compress_type = method
            archive.writestr(info, content)
    return out.getvalue()


def tarred(members, form):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()[:4096] if form != tarfile.PAX_FORMAT else out.getvalue()[:6144]


def put(folder, name, content):
    (HERE / folder).mkdir(exist_ok=True)
    (HERE / folder / name).write_bytes(content)


TORCH = {"m/data.pkl": b"\x80\x02}q\x00.", "m/version": b"3\n"}
KERAS = {"metadata.json": b"{}", "config.json": b'{"module": "keras.layers", "class_name": "Dense", "config": {}}'}
LONG = {"a/" * 60 + "b": b"long name", "c": b""}

put("zip_corpus", "stored", zipped({"a.txt": b"some text", "b/c": b""}))
put("zip_corpus", "deflated", zipped({"a.txt": b"some text, some text"}, zipfile.ZIP_DEFLATED))
put("zip_corpus", "described", zipped({"a.txt": b"some text, some text"}, zipfile.ZIP_DEFLATED, stream=True))
put("zip_corpus", "torch", zipped(TORCH))
put("zip_corpus", "keras", zipped(KERAS, zipfile.ZIP_DEFLATED))
put("zip_corpus", "nested", zipped({"inner.zip": zipped({"a.txt": b"some text"})}))
put("tar_corpus", "ustar", tarred({"a.txt": b"some text"}, tarfile.USTAR_FORMAT))
put("tar_corpus", "gnu", tarred(LONG, tarfile.GNU_FORMAT))
put("tar_corpus", "pax", tarred(LONG, tarfile.PAX_FORMAT))
TEXT = b"some text, some text, some text"
put("compression_corpus", "gzip", gzip.compress(TEXT, mtime=0) * 2)
put("compression_corpus", "zlib", zlib.compress(TEXT))
put("compression_corpus", "bzip2", bz2.compress(TEXT))
put("compression_corpus", "xz", lzma.compress(TEXT))
put("compression_corpus", "lzma", lzma.compress(TEXT, lzma.FORMAT_ALONE))
for tool in ("lz4", "zstd"):
    put("compression_corpus", tool, subprocess.run([tool, "-c"], input=TEXT, capture_output=True, check=True).stdout)
