"""The bytes of a GGUF file: types, values, headers, splits."""

import dataclasses
import struct

ALIGNMENT = 32

# name: (id, elements of a block, bytes of a block)
TYPES = {
    "F32": (0, 1, 4), "F16": (1, 1, 2), "Q4_0": (2, 32, 18), "Q4_1": (3, 32, 20), "Q5_0": (6, 32, 22), "Q5_1": (7, 32, 24),
    "Q8_0": (8, 32, 34), "Q2_K": (10, 256, 84), "Q3_K": (11, 256, 110), "Q4_K": (12, 256, 144), "Q5_K": (13, 256, 176),
    "Q6_K": (14, 256, 210), "IQ2_XXS": (16, 256, 66), "IQ2_XS": (17, 256, 74), "IQ3_XXS": (18, 256, 98), "IQ1_S": (19, 256, 50),
    "IQ4_NL": (20, 32, 18), "IQ3_S": (21, 256, 110), "IQ2_S": (22, 256, 82), "IQ4_XS": (23, 256, 136), "I32": (26, 1, 4),
    "IQ1_M": (29, 256, 56), "BF16": (30, 1, 2), "TQ1_0": (34, 256, 54), "TQ2_0": (35, 256, 66), "MXFP4": (39, 32, 17),
}

SCALARS = {"u8": (0, "<B"), "i8": (1, "<b"), "u16": (2, "<H"), "i16": (3, "<h"), "u32": (4, "<I"), "i32": (5, "<i"), "f32": (6, "<f"),
           "bool": (7, "<?"), "u64": (10, "<Q"), "i64": (11, "<q"), "f64": (12, "<d")}
STRING, ARRAY = 8, 9


@dataclasses.dataclass
class Tensor:
    """`shape` begins with the row, as in the file."""
    name: str
    shape: tuple
    type: str = "F32"

    @property
    def elements(self):
        count = 1
        for extent in self.shape:
            count *= extent
        return count

    @property
    def bytes(self):
        _, block, size = TYPES[self.type]
        assert self.shape[0] % block == 0, f"{self.name}: a row of {self.shape[0]} in blocks of {block}"
        return self.elements // block * size


def padded(size):
    return -(-size // ALIGNMENT) * ALIGNMENT


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(data)) + data


def pair(key, kind, value):
    """One key-value. `kind`: "str", a scalar, either with "[]" behind it, or "raw": (id of the elements, count, their bytes)."""
    if kind == "str":
        return text(key) + struct.pack("<I", STRING) + text(value)
    if kind == "raw":
        element, count, data = value
        return text(key) + struct.pack("<IIQ", ARRAY, element, count) + data
    if kind == "str[]":
        return pair(key, "raw", (STRING, len(value), b"".join(map(text, value))))
    if kind.endswith("[]"):
        element, form = SCALARS[kind[:-2]]
        return pair(key, "raw", (element, len(value), b"".join(struct.pack(form, item) for item in value)))
    number, form = SCALARS[kind]
    return text(key) + struct.pack("<I", number) + struct.pack(form, value)


def header(pairs, tensors, version=3):
    """Everything before the data, padded; `pairs` are already bytes."""
    parts = [b"GGUF", struct.pack("<IQQ", version, len(tensors), len(pairs)), *pairs]
    offset = 0
    for tensor in tensors:
        parts += [text(tensor.name), struct.pack(f"<I{len(tensor.shape)}QIQ", len(tensor.shape), *tensor.shape, TYPES[tensor.type][0], offset)]
        offset += padded(tensor.bytes)
    whole = b"".join(parts)
    return whole + bytes(padded(len(whole)) - len(whole))


@dataclasses.dataclass
class File:
    """A file to be: what it begins with, and the zeros behind that."""
    name: str
    head: bytes
    size: int

    def write(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(self.head)
            stream.truncate(self.size)


def whole_file(name, pairs, tensors):
    head = header(pairs, tensors)
    return File(name, head, len(head) + sum(padded(tensor.bytes) for tensor in tensors))


def dealt(tensors, most_bytes):
    """Tensors for one shard after another, none larger than `most_bytes` unless a single tensor is."""
    shards, size = [[]], 0
    for tensor in tensors:
        if shards[-1] and size + padded(tensor.bytes) > most_bytes:
            shards.append([])
            size = 0
        shards[-1].append(tensor)
        size += padded(tensor.bytes)
    return shards


def split_files(stem, pairs, tensors, most_bytes, is_first_empty=False):
    """The shards that gguf-split makes; with `is_first_empty` the first one has the metadata alone."""
    shards = dealt(tensors, most_bytes)
    if is_first_empty:
        shards.insert(0, [])
    files = []
    for number, shard in enumerate(shards):
        own = [pair("split.no", "u16", number), pair("split.count", "u16", len(shards)), pair("split.tensors.count", "i32", len(tensors))]
        name = f"{stem}-{number + 1:05}-of-{len(shards):05}.gguf"
        files.append(whole_file(name, (pairs if number == 0 else []) + own, shard))
    return files
