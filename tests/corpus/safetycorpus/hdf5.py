"""HDF5 files by hand, in the two layouts that h5py writes: of the first versions (its default) and of the newest."""

import struct

UNDEFINED = 2 ** 64 - 1


MIX = ((0, 2, 4), (1, 0, 6), (2, 1, 8), (0, 2, 16), (1, 0, 19), (2, 1, 4))
FINAL = ((2, 1, 14), (0, 2, 11), (1, 0, 25), (2, 1, 16), (0, 2, 4), (1, 0, 14), (2, 1, 24))


def lookup3(data):
    """The checksum of newer headers (Jenkins)."""
    mask = 0xffffffff
    state = [(0xdeadbeef + len(data)) & mask] * 3

    def rotate(value, count):
        return (value << count | value >> 32 - count) & mask

    def add(piece):
        for place, word in enumerate(struct.unpack("<3I", piece)):
            state[place] = (state[place] + word) & mask

    while len(data) > 12:
        add(data[:12])
        data = data[12:]
        for place, other, count in MIX:
            state[place] = (state[place] - state[other]) & mask ^ rotate(state[other], count)
            state[other] = (state[other] + state[3 - place - other]) & mask
    if data:
        add(data.ljust(12, b"\0"))
        for place, other, count in FINAL:
            state[place] = ((state[place] ^ state[other]) - rotate(state[other], count)) & mask
    return state[2]


FLOAT32 = struct.pack("<B3BIHHBBBBI", 0x11, 0x20, 0x1f, 0, 4, 0, 32, 23, 8, 0, 23, 127)


def text_type(size):
    return struct.pack("<B3BI", 0x13, 0, 0, 0, size)


LONG_TEXT = struct.pack("<B3BI", 0x19, 1, 0, 0, 16) + text_type(1)  # of variable length


class Dataset:
    def __init__(self, shape=(2, 3), data=None, address=None, extra=(), layout=None):
        self.shape, self.address, self.extra, self.layout = shape, address, extra, layout
        count = 1
        for size in shape:
            count *= size
        self.data = (bytes(4 * count) if count < 1 << 20 else b"") if data is None else data
        self.size = 4 * count


class Group:
    """`children`: name → Dataset, Group, or (newest layout) a kind of link with its content; `attributes`: name → text; `long` ones lie in a heap."""

    def __init__(self, children=None, attributes=None, long=None, extra=()):
        self.children, self.attributes, self.long, self.extra = children or {}, attributes or {}, long or {}, extra


def external_link(filename, path="/"):
    info = b"\0" + filename.encode() + b"\0" + path.encode() + b"\0"
    return 64, struct.pack("<H", len(info)) + info


def soft_link(path):
    return 1, struct.pack("<H", len(path)) + path.encode()


def filters(*numbers):
    body = b"".join(struct.pack("<HHHH", number, 0, 0, 0) if number >= 256 else struct.pack("<HHH", number, 0, 0) for number in numbers)
    return 0x0b, bytes([2, len(numbers)]) + body


def external_files():
    """Data in the first file of a list whose names lie in a heap at 0."""
    return 0x07, struct.pack("<B3xHHQ", 1, 1, 1, 0) + struct.pack("<3Q", 8, 0, 24)


def _chunked(dataset):
    rank = len(dataset.shape)
    return struct.pack("<BBBQ", 3, 2, rank + 1, UNDEFINED) + struct.pack(f"<{rank + 1}I", *(max(1, min(size, 1 << 20)) for size in dataset.shape), 4)


class _Writer:
    def __init__(self, start):
        self.out = bytearray(start)

    def place(self, data):
        self.out.extend(bytes(-len(self.out) % 8))
        at = len(self.out)
        self.out.extend(data)
        return at

    def long_text(self, text):
        """The value of an attribute of variable length, whose text goes into a global heap."""
        data = text.encode()
        padded = data + bytes(-len(data) % 8)
        size = max(4096, 16 + 16 + len(padded) + 16)
        size += -size % 8
        left = size - 32 - len(padded)
        heap = b"GCOL\1\0\0\0" + struct.pack("<Q", size) + struct.pack("<HHIQ", 1, 1, 0, len(data)) + padded + struct.pack("<HHIQ", 0, 0, 0, left)
        return struct.pack("<IQI", len(data), self.place(heap.ljust(size, b"\0")), 1)

    def layout(self, dataset):
        if dataset.layout == "chunked":
            return _chunked(dataset)
        address = self.place(dataset.data) if dataset.address is None else dataset.address
        return struct.pack("<BBQQ", 3, 1, address, dataset.size)


class _Newest(_Writer):
    def header(self, messages):
        body = b"".join(struct.pack("<BHB", kind, len(data), *(flags or (0,))) + data for kind, data, *flags in messages)
        whole = b"OHDR" + bytes([2, 2]) + struct.pack("<I", len(body)) + body
        return self.place(whole + struct.pack("<I", lookup3(whole)))

    def attribute(self, name, kind, value):
        encoded = name.encode() + b"\0"
        space = bytes([2, 0, 0, 0])
        return 0x0c, struct.pack("<BBHHHB", 3, 0, len(encoded), len(kind), len(space), 0) + encoded + kind + space + value

    def write(self, item):
        if isinstance(item, Dataset):
            space = bytes([2, len(item.shape), 0, 1]) + struct.pack(f"<{len(item.shape)}Q", *item.shape)
            return self.header([(0x01, space), (0x03, FLOAT32), (0x05, bytes([3, 0x0a])), (0x08, self.layout(item)), *item.extra])
        messages = [(0x02, struct.pack("<BBQQ", 0, 0, UNDEFINED, UNDEFINED)), (0x0a, bytes(2)), *item.extra]
        messages += [self.attribute(name, text_type(len(text.encode())), text.encode()) for name, text in item.attributes.items()]
        messages += [self.attribute(name, LONG_TEXT, self.long_text(text)) for name, text in item.long.items()]
        for name, child in item.children.items():
            encoded = name.encode()
            if isinstance(child, tuple):
                messages.append((0x06, bytes([1, 8, child[0], len(encoded)]) + encoded + child[1]))
            else:
                messages.append((0x06, bytes([1, 0, len(encoded)]) + encoded + struct.pack("<Q", self.write(child))))
        return self.header(messages)


SIGNATURE = b"\x89HDF\r\n\x1a\n"


def newest(root):
    writer = _Newest(48)
    address = writer.write(root)
    head = SIGNATURE + bytes([2, 8, 8, 0]) + struct.pack("<4Q", 0, UNDEFINED, len(writer.out), address)
    writer.out[:48] = head + struct.pack("<I", lookup3(head))
    return bytes(writer.out)


class _Classic(_Writer):
    def header(self, messages):
        body = b""
        for kind, data, *flags in messages:
            padded = data + bytes(-len(data) % 8)
            body += struct.pack("<HHB3x", kind, len(padded), *(flags or (0,))) + padded
        return self.place(struct.pack("<BBHII4x", 1, 0, len(messages), 1, len(body)) + body)

    def attribute(self, name, kind, value):
        encoded, space = name.encode() + b"\0", bytes([1, 0, 0, 0, 0, 0, 0, 0])

        def pad(data):
            return data + bytes(-len(data) % 8)

        return 0x0c, struct.pack("<BBHHH", 1, 0, len(encoded), len(kind), len(space)) + pad(encoded) + pad(kind) + space + value

    def group(self, children):
        """The B-tree, the node and the heap of a group of at most eight children; returns the addresses of tree and heap."""
        names, places = bytearray(8), {}
        for name in sorted(children):
            places[name] = len(names)
            names += name.encode() + b"\0"
            names += bytes(-len(names) % 8)
        segment = self.place(bytes(names))
        heap = self.place(b"HEAP" + bytes(4) + struct.pack("<3Q", len(names), 1, segment))
        node = b"SNOD\1\0" + struct.pack("<H", len(children))
        for name in sorted(children):
            address, kind, scratch = children[name]
            node += struct.pack("<QQII", places[name], address, kind, 0) + scratch.ljust(16, b"\0")
        last = places[sorted(children)[-1]] if children else 0
        tree = b"TREE\0\0" + struct.pack("<HQQ", 1 if children else 0, UNDEFINED, UNDEFINED)
        if children:
            tree += struct.pack("<3Q", 0, self.place(node.ljust(8 + 8 * 40, b"\0")), last)
        return self.place(tree.ljust(24 + 33 * 8 + 32 * 8, b"\0")), heap

    def write(self, item):
        if isinstance(item, Dataset):
            space = bytes([1, len(item.shape), 0, 0, 0, 0, 0, 0]) + struct.pack(f"<{len(item.shape)}Q", *item.shape)
            return self.header([(0x01, space), (0x03, FLOAT32), (0x05, bytes([2, 2, 2, 0])), (0x08, self.layout(item)), *item.extra]), 0, b""
        entries = {name: self.write(child) for name, child in item.children.items()}
        tree, heap = self.group(entries)
        messages = [(0x11, struct.pack("<QQ", tree, heap)), *item.extra]
        messages += [self.attribute(name, text_type(len(text.encode())), text.encode()) for name, text in item.attributes.items()]
        messages += [self.attribute(name, LONG_TEXT, self.long_text(text)) for name, text in item.long.items()]
        return self.header(messages), 1, struct.pack("<QQ", tree, heap)


def classic(root):
    writer = _Classic(96)
    address, kind, scratch = writer.write(root)
    head = SIGNATURE + bytes([0, 0, 0, 0, 0, 8, 8, 0]) + struct.pack("<HHI", 4, 16, 0)
    head += struct.pack("<4Q", 0, UNDEFINED, len(writer.out), UNDEFINED) + struct.pack("<QQII", 0, address, kind, 0) + scratch
    writer.out[:96] = head
    return bytes(writer.out)
