"""Readers of safetensors, GGUF and the torch zip, written from the format descriptions, for the tests of the sample hub.

They share no code with the writers. Each raises Invalid with what is wrong; each checks the whole file, not only what
the sample hub happens to use.
"""

import collections
import json
import math
import os
import pickle
import struct
import zipfile


class Invalid(Exception):
    pass


def require(condition, message):
    if not condition:
        raise Invalid(message)


# --- safetensors ---

SAFETENSORS_BITS = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
                    "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64}


def _unique(pairs):
    keys = [key for key, _ in pairs]
    require(len(keys) == len(set(keys)), "duplicate key in the header")
    return dict(pairs)


def _natural(value):
    return type(value) is int and value >= 0


def read_safetensors(path):
    """{name: (dtype, shape, bytes)} of a file that follows every rule of the format."""
    size = os.path.getsize(path)
    require(size >= 8, "shorter than its length field")
    with open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        require(2 <= length <= 100_000_000 and 8 + length <= size, f"header length {length} does not fit")
        try:
            header = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_unique)
        except ValueError as error:
            raise Invalid(f"header is not JSON: {error}") from error
        data = file.read()
    require(isinstance(header, dict), "header is not an object")
    metadata = header.pop("__metadata__", {})
    require(isinstance(metadata, dict) and all(isinstance(value, str) for value in metadata.values()),
            "metadata is not a map of strings")
    tensors = {}
    for name, entry in header.items():
        require(isinstance(entry, dict) and set(entry) == {"dtype", "shape", "data_offsets"}, f"{name}: wrong fields")
        require(entry["dtype"] in SAFETENSORS_BITS, f"{name}: unknown dtype {entry['dtype']}")
        shape, offsets = entry["shape"], entry["data_offsets"]
        require(isinstance(shape, list) and all(map(_natural, shape)), f"{name}: bad shape")
        require(isinstance(offsets, list) and len(offsets) == 2 and all(map(_natural, offsets)), f"{name}: bad offsets")
        begin, end = offsets
        require(end - begin == math.prod(shape) * SAFETENSORS_BITS[entry["dtype"]] // 8, f"{name}: size and shape differ")
        tensors[name] = (begin, end, entry["dtype"], tuple(shape))
    position = 0
    for begin, end, _, _ in sorted(tensors.values()):
        require(begin == position, f"hole or overlap at {position}")
        position = end
    require(position == len(data), f"tensors end at {position}, the file holds {len(data)} bytes")
    return {name: (dtype, shape, data[begin:end]) for name, (begin, end, dtype, shape) in tensors.items()}


# --- GGUF ---

# id: (name, values in a block, bytes of a block)
GGUF_TYPES = {0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 8: ("Q8_0", 32, 34), 12: ("Q4_K", 256, 144),
              14: ("Q6_K", 256, 210), 30: ("BF16", 1, 2)}
GGUF_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 10: "<Q", 11: "<q", 12: "<d"}

Gguf = collections.namedtuple("Gguf", "keys tensors")


class _Cursor:
    def __init__(self, data):
        self.data, self.position = data, 0

    def take(self, count):
        require(count <= len(self.data) - self.position, f"ends early at byte {self.position}")
        self.position += count
        return self.data[self.position - count:self.position]

    def unpack(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def text(self):
        try:
            return self.take(self.unpack("<Q")).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Invalid(f"string before byte {self.position} is not UTF-8") from error

    def value(self, kind):
        if kind in GGUF_SCALARS:
            return self.unpack(GGUF_SCALARS[kind])
        if kind == 7:
            flag = self.unpack("<B")
            require(flag < 2, f"bool is {flag}")
            return flag == 1
        if kind == 8:
            return self.text()
        require(kind == 9, f"unknown value type {kind}")
        element, count = self.unpack("<I"), self.unpack("<Q")
        require(element != 9 and count <= len(self.data), f"bad array of {count} elements of type {element}")
        return [self.value(element) for _ in range(count)]


def read_gguf(path):
    """Gguf(keys, {name: (type name, row-major shape, bytes)}) of a version 3 file that follows every rule."""
    with open(path, "rb") as file:
        cursor = _Cursor(file.read())
    require(cursor.take(4) == b"GGUF", "no GGUF magic")
    version = cursor.unpack("<I")
    require(version == 3, f"version {version}")
    tensor_count, key_count = cursor.unpack("<Q"), cursor.unpack("<Q")
    keys = {}
    for _ in range(key_count):
        name = cursor.text()
        require(name and name not in keys and len(name) < 65536 and name.isascii(), f"empty, bad or duplicate key {name!r}")
        keys[name] = cursor.value(cursor.unpack("<I"))
    alignment = keys.get("general.alignment", 32)
    require(alignment >= 8 and alignment & alignment - 1 == 0, f"alignment {alignment}")
    infos = {}
    for _ in range(tensor_count):
        name = cursor.text()
        require(name not in infos and len(name.encode()) < 64, f"duplicate or long tensor name {name!r}")
        dimensions = cursor.unpack("<I")
        require(1 <= dimensions <= 4, f"{name}: {dimensions} dimensions")
        sizes = [cursor.unpack("<Q") for _ in range(dimensions)]
        kind, offset = cursor.unpack("<I"), cursor.unpack("<Q")
        require(kind in GGUF_TYPES, f"{name}: unknown type {kind}")
        require(sizes[0] % GGUF_TYPES[kind][1] == 0, f"{name}: a row is no whole number of blocks")
        infos[name] = (kind, sizes, offset)
    start = cursor.position + -cursor.position % alignment
    require(not any(cursor.data[cursor.position:start]), "padding after the header is not zero")
    tensors, expected = {}, 0
    for name, (kind, sizes, offset) in infos.items():
        label, values, block_bytes = GGUF_TYPES[kind]
        require(offset == expected, f"{name}: offset {offset}, expected {expected}")
        size = math.prod(sizes) // values * block_bytes
        cursor.position = start + offset
        tensors[name] = (label, tuple(reversed(sizes)), cursor.take(size))
        expected = offset + size + -size % alignment
    require(start + expected == len(cursor.data), f"file has {len(cursor.data)} bytes, expected {start + expected}")
    return Gguf(keys, tensors)


def floats(dtype, data):
    """The values that a reader of ggml or torch would see."""
    if dtype == "F32":
        return struct.unpack(f"<{len(data) // 4}f", data)
    if dtype == "F16":
        return struct.unpack(f"<{len(data) // 2}e", data)
    if dtype == "BF16":
        wide = bytearray(2 * len(data))
        wide[2::4], wide[3::4] = data[0::2], data[1::2]
        return struct.unpack(f"<{len(data) // 2}f", wide)
    size, decode = {"Q8_0": (34, _q8_0), "Q4_0": (18, _q4_0), "Q4_K": (144, _q4_k), "Q6_K": (210, _q6_k)}[dtype]
    return [value for start in range(0, len(data), size) for value in decode(data[start:start + size])]


def _q8_0(block):
    scale, *numbers = struct.unpack("<e32b", block)
    return [scale * number for number in numbers]


def _q4_0(block):
    scale = struct.unpack("<e", block[:2])[0]
    return [scale * ((byte & 15) - 8) for byte in block[2:]] + [scale * ((byte >> 4) - 8) for byte in block[2:]]


def _q4_k(block):
    scale, low = struct.unpack("<ee", block[:4])
    six, nibbles, out = block[4:16], block[16:], []
    for part in range(8):
        if part < 4:
            step, base = six[part] & 63, six[part + 4] & 63
        else:
            step = six[part + 4] & 15 | six[part - 4] >> 6 << 4
            base = six[part + 4] >> 4 | six[part] >> 6 << 4
        shift = 4 * (part % 2)
        out += [scale * step * (byte >> shift & 15) - low * base for byte in nibbles[part // 2 * 32:part // 2 * 32 + 32]]
    return out


def _q6_k(block):
    low, high, steps = block[:128], block[128:192], struct.unpack("<16b", block[192:208])
    scale, out = struct.unpack("<e", block[208:])[0], []
    for index in range(256):
        half, quarter, lane = index // 128, index % 128 // 32, index % 32
        nibble = low[64 * half + 32 * (quarter % 2) + lane] >> 4 * (quarter // 2) & 15
        pair = high[32 * half + lane] >> 2 * quarter & 3
        out.append(scale * steps[index // 16] * ((nibble | pair << 4) - 32))
    return out


# --- the zip of torch.save ---

class _StateDictReader(pickle.Unpickler):
    """Runs data.pkl with nothing at hand but what a state dict needs."""

    def __init__(self, file, storages):
        super().__init__(file)
        self.storages = storages

    def find_class(self, module, name):
        known = {("collections", "OrderedDict"): collections.OrderedDict, ("torch", "FloatStorage"): "FloatStorage",
                 ("torch._utils", "_rebuild_tensor_v2"): lambda storage, offset, shape, stride, *_: (storage, offset, shape, stride)}
        require((module, name) in known, f"data.pkl names {module}.{name}")
        return known[module, name]

    def persistent_load(self, pid):
        tag, kind, key, location, count = pid
        require((tag, kind, location) == ("storage", "FloatStorage", "cpu"), f"storage {pid}")
        require(len(self.storages.get(key, b"")) == 4 * count, f"storage {key} is not {count} floats")
        return key


def read_torch_zip(path):
    """{name: shape} of a checkpoint whose storages are all used, aligned and whole."""
    with zipfile.ZipFile(path) as archive, open(path, "rb") as raw:
        require(archive.testzip() is None, "a member fails its CRC")
        roots = {info.filename.split("/")[0] for info in archive.infolist()}
        require(len(roots) == 1, f"more than one root: {roots}")
        root = roots.pop()
        for info in archive.infolist():
            raw.seek(info.header_offset + 26)
            name_size, extra_size = struct.unpack("<HH", raw.read(4))
            require(info.compress_type == zipfile.ZIP_STORED, f"{info.filename} is compressed")
            require((info.header_offset + 30 + name_size + extra_size) % 64 == 0, f"{info.filename} is not aligned")
        require(archive.read(f"{root}/version") == b"3\n", "wrong version")
        prefix = f"{root}/data/"
        storages = {name.removeprefix(prefix): archive.read(name) for name in archive.namelist() if name.startswith(prefix)}
        with archive.open(f"{root}/data.pkl") as program:
            state = _StateDictReader(program, storages).load()
    require({storage for storage, _, _, _ in state.values()} == set(storages), "a storage is not used")
    for name, (key, offset, shape, stride) in state.items():
        last = offset + sum((size - 1) * step for size, step in zip(shape, stride))
        require(last < len(storages[key]) // 4, f"{name} reaches outside its storage")
    return {name: shape for name, (_, _, shape, _) in state.items()}
