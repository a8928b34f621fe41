"""Zips, tars and gzips byte by byte, also those that no writer would make."""

import dataclasses
import gzip
import struct
import zlib


@dataclasses.dataclass
class Entry:
    """A member, and in what its two headers lie."""

    name: str
    data: bytes = b""
    method: int = 0
    flags: int = 0
    extra: bytes = b""
    local_extra: bytes = b""
    attributes: int = 0
    local_name: str = None
    crc: int = None
    local_crc: int = None
    packed: bytes = None
    size: int = None  # uncompressed, as both headers say
    packed_size: int = None
    local_size: int = None
    descriptor: bytes = None
    offset: int = None  # of the local header, as the directory says
    hidden: bool = False  # left out of the directory
    version: int = 20

    def compressed(self):
        if self.packed is not None:
            return self.packed
        if self.method != 8:
            return self.data
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(self.data) + packer.flush()


def _name(name):
    return name.encode("utf-8", "surrogateescape")


def build(entries, prefix=b"", comment=b"", before_directory=b"", after_directory=b"", trailing=b"", count=None, end_size=None, shift=0, align=0):
    out, directory, listed = bytearray(prefix), bytearray(), 0
    for entry in entries:
        packed = entry.compressed()
        crc = zlib.crc32(entry.data) if entry.crc is None else entry.crc
        size = len(entry.data) if entry.size is None else entry.size
        packed_size = len(packed) if entry.packed_size is None else entry.packed_size
        has_descriptor = entry.flags & 8
        name, local_name = _name(entry.name), _name(entry.name if entry.local_name is None else entry.local_name)
        offset, local_extra = len(out), entry.local_extra
        if align:
            gap = -(offset + 30 + len(local_name) + 4) % align
            local_extra += b"FB" + struct.pack("<H", gap) + b"Z" * gap
        sizes = (0, 0, 0) if has_descriptor else (
            crc if entry.local_crc is None else entry.local_crc, packed_size, size if entry.local_size is None else entry.local_size)
        out += struct.pack("<4s5H3I2H", b"PK\3\4", entry.version, entry.flags, entry.method, 0, 0x21, *sizes, len(local_name), len(local_extra))
        out += local_name + local_extra + packed
        if has_descriptor:
            out += struct.pack("<4s3I", b"PK\7\x08", crc, packed_size, size) if entry.descriptor is None else entry.descriptor
        if entry.hidden:
            continue
        listed += 1
        directory += struct.pack("<4s6H3I5H2I", b"PK\1\2", entry.version, entry.version, entry.flags, entry.method, 0, 0x21, crc, packed_size, size,
                                 len(name), len(entry.extra), 0, 0, 0, entry.attributes, offset if entry.offset is None else entry.offset)
        directory += name + entry.extra
    out += before_directory
    start = len(out) + shift
    out += directory + after_directory
    listed = listed if count is None else count
    length = len(directory) if end_size is None else end_size
    out += struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, listed, listed, length, start, len(comment)) + comment
    return bytes(out + trailing)


def plain(files, **options):
    """`files`: name → bytes, stored."""
    return build([Entry(name, data) for name, data in files.items()], **options)


def packed(files, **options):
    return build([Entry(name, data, method=8) for name, data in files.items()], **options)


def gz(data):
    return gzip.compress(data, mtime=0)


# --- tar ---

def tar_header(name, size, kind=b"0", link="", mode=0o644, checksum=None, prefix="", magic=b"ustar\x0000"):
    block = bytearray(512)

    def field(offset, data):
        block[offset:offset + len(data)] = data

    field(0, _name(name)[:100])
    field(100, b"%07o\0" % mode)
    field(108, b"0000000\0" * 2)
    field(124, b"%011o\0" % size)
    field(136, b"00000000000\0")
    field(148, b" " * 8)
    field(156, kind)
    field(157, _name(link)[:100])
    field(257, magic)
    field(345, _name(prefix))
    field(148, b"%06o\0 " % (sum(block) if checksum is None else checksum))
    return bytes(block)


def tar_member(name, data=b"", **fields):
    return tar_header(name, len(data), **fields) + data + bytes(-len(data) % 512)


def pax(records, kind=b"x"):
    """An extension header in front of the next member."""
    text = b""
    for key, value in records.items():
        body = f" {key}={value}\n".encode()
        length = len(body) + 1
        while len(str(length)) + len(body) != length:
            length += 1
        text += str(length).encode() + body
    return tar_member("./PaxHeaders/x", text, kind=kind)


def tar(members, end=bytes(1024)):
    """`members`: name → bytes, or ready-made blocks."""
    body = b"".join(tar_member(name, data) for name, data in members.items()) if isinstance(members, dict) else b"".join(members)
    return body + end
