"""Writers of the file formats that hold weights: safetensors, GGUF, Flax msgpack and the zip of torch.save."""

import json
import pickle
import struct
import zipfile

ALIGNMENT = 32
ZIP_DATE = (2025, 1, 1, 0, 0, 0)


def write_safetensors(path, tensors, metadata):
    """`tensors`: list of (name, dtype, shape, bytes). The header is padded so that the data begins at a multiple of 8."""
    header, offset = {"__metadata__": metadata}, 0
    for name, dtype, shape, data in tensors:
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.writelines(data for _, _, _, data in tensors)


# --- GGUF ---

GGUF_TYPES = {"F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 8, "Q4_K": 12, "Q6_K": 14, "BF16": 30}
_SCALARS = {"u8": (0, "<B"), "i8": (1, "<b"), "u16": (2, "<H"), "i16": (3, "<h"), "u32": (4, "<I"), "i32": (5, "<i"),
            "f32": (6, "<f"), "bool": (7, "<?"), "u64": (10, "<Q"), "i64": (11, "<q"), "f64": (12, "<d")}


def _string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(kind, value):
    if kind == "str":
        return 8, _string(value)
    if kind.endswith("[]"):
        element = kind[:-2]
        items = [_value(element, item) for item in value]
        return 9, struct.pack("<IQ", items[0][0], len(items)) + b"".join(data for _, data in items)
    number, form = _SCALARS[kind]
    return number, struct.pack(form, value)


def _pad(data):
    return data + b"\0" * (-len(data) % ALIGNMENT)


def write_gguf(path, keys, tensors):
    """`keys`: list of (name, kind, value); `tensors`: list of (name, dtype, shape in row-major order, bytes)."""
    head = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(keys))]
    for name, kind, value in keys:
        number, data = _value(kind, value)
        head += [_string(name), struct.pack("<I", number), data]
    offset, padded = 0, []
    for name, dtype, shape, data in tensors:
        head += [_string(name), struct.pack("<I", len(shape)), struct.pack(f"<{len(shape)}Q", *reversed(shape)),
                 struct.pack("<IQ", GGUF_TYPES[dtype], offset)]
        padded.append(_pad(data))
        offset += len(padded[-1])
    with open(path, "wb") as file:
        file.write(_pad(b"".join(head)))
        file.writelines(padded)


# --- Flax msgpack ---

def _msgpack(value):
    if isinstance(value, dict):
        head = bytes([0x80 | len(value)]) if len(value) < 16 else b"\xde" + struct.pack(">H", len(value))
        return head + b"".join(_msgpack(key) + _msgpack(item) for key, item in value.items())
    if isinstance(value, (tuple, list)):
        return bytes([0x90 | len(value)]) + b"".join(map(_msgpack, value))
    if isinstance(value, str):
        data = value.encode()
        return (bytes([0xa0 | len(data)]) if len(data) < 32 else b"\xd9" + bytes([len(data)])) + data
    if isinstance(value, int):
        return bytes([value]) if value < 128 else b"\xcd" + struct.pack(">H", value)
    return b"\xc6" + struct.pack(">I", len(value)) + value


class NdArray:
    """An array as flax.serialization stores it: extension 1 around (shape, dtype name, bytes)."""

    def __init__(self, shape, dtype, data):
        self.packed = _msgpack((tuple(shape), dtype, data))

    def dump(self):
        return b"\xc9" + struct.pack(">IB", len(self.packed), 1) + self.packed


def write_flax(path, tree):
    """`tree`: nested dicts with NdArray leaves."""
    def dump(node):
        if isinstance(node, NdArray):
            return node.dump()
        head = bytes([0x80 | len(node)]) if len(node) < 16 else b"\xde" + struct.pack(">H", len(node))
        return head + b"".join(_msgpack(key) + dump(item) for key, item in node.items())
    with open(path, "wb") as file:
        file.write(dump(tree))


# --- torch.save ---

def _unicode(text):
    data = text.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(data)) + data


def _int(value):
    return pickle.BININT1 + bytes([value]) if value < 256 else pickle.BININT + struct.pack("<i", value)


def _tuple(items):
    return pickle.MARK + b"".join(items) + pickle.TUPLE


def _global(module, name):
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()


def _ordered_dict():
    return _global("collections", "OrderedDict") + pickle.EMPTY_TUPLE + pickle.REDUCE


def _state_dict_pickle(tensors):
    """The program that torch.load runs: an OrderedDict of _rebuild_tensor_v2 over storages named "0", "1" …"""
    out = [pickle.PROTO, b"\x02", _ordered_dict(), pickle.MARK]
    for key, (name, shape, data) in enumerate(tensors):
        stride, strides = 1, []
        for size in reversed(shape):
            strides.insert(0, stride)
            stride *= size
        storage = _tuple([_unicode("storage"), _global("torch", "FloatStorage"), _unicode(str(key)), _unicode("cpu"),
                          _int(len(data) // 4)]) + pickle.BINPERSID
        arguments = [storage, _int(0), _tuple(map(_int, shape)), _tuple(map(_int, strides)), pickle.NEWFALSE,
                     _ordered_dict()]
        out += [_unicode(name), _global("torch._utils", "_rebuild_tensor_v2"), _tuple(arguments), pickle.REDUCE]
    return b"".join(out + [pickle.SETITEMS, pickle.STOP])


def write_torch_zip(path, root, tensors):
    """`tensors`: list of (name, shape, F32 bytes). Members are stored, their data aligned to 64 by an "FB" field."""
    members = [("data.pkl", _state_dict_pickle(tensors)), (".format_version", b"1"), (".storage_alignment", b"64"),
               ("byteorder", b"little")]
    members += [(f"data/{key}", data) for key, (_, _, data) in enumerate(tensors)]
    members += [("version", b"3\n"), (".data/serialization_id", b"0" * 40)]
    with open(path, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members:
            info = zipfile.ZipInfo(f"{root}/{name}", ZIP_DATE)
            start = file.tell() + 30 + len(info.filename) + 4
            info.extra = b"FB" + struct.pack("<H", -start % 64) + b"Z" * (-start % 64)
            archive.writestr(info, data)
