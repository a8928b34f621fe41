"""Quantised blocks of ggml, computed from their definition: 256 float values in, bytes out.

    Q8_0  per 32 values: f16 d, 32 x i8                        x = d q
    Q4_0  per 32 values: f16 d, 16 bytes of nibbles            x = d (q - 8)
    Q4_K  per 256: f16 d, f16 dmin, 12 bytes with eight 6-bit scales and mins, 128 bytes of nibbles
                                                               x = d scale q - dmin min
    Q6_K  per 256: 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 x i8 scale, f16 d
                                                               x = d scale (q - 32)
"""

import struct


def _half(value):
    """The value as F16 stores it: the quantised numbers have to suit the scale that a reader will see."""
    return struct.unpack("<e", struct.pack("<e", value))[0]


def _nearest(value, low, high):
    rounded = int(value + 0.5) if value >= 0 else -int(0.5 - value)
    return low if rounded < low else high if rounded > high else rounded


def q8_0(values):
    out = []
    for start in range(0, len(values), 32):
        part = values[start:start + 32]
        d = _half(max(map(abs, part)) / 127)
        inverse = 1 / d if d else 0.0
        out.append(struct.pack("<e32b", d, *[_nearest(value * inverse, -127, 127) for value in part]))
    return b"".join(out)


def q4_0(values):
    out = []
    for start in range(0, len(values), 32):
        part = values[start:start + 32]
        d = _half(max(part, key=abs) / -8)
        inverse = 1 / d if d else 0.0
        q = [_nearest(value * inverse, -8, 7) + 8 for value in part]
        out.append(struct.pack("<e", d) + bytes(q[i] | q[i + 16] << 4 for i in range(16)))
    return b"".join(out)


def q4_k(values):
    steps, mins = [], []
    for start in range(0, 256, 32):
        part = values[start:start + 32]
        low, high = min(0.0, min(part)), max(part)
        steps.append(max(0.0, high - low) / 15)
        mins.append(-low)
    d, dmin = _half(max(steps) / 63), _half(max(mins) / 63)
    scale6 = [_nearest(step / d, 0, 63) if d else 0 for step in steps]
    min6 = [_nearest(value / dmin, 0, 63) if dmin else 0 for value in mins]

    q = []
    for j in range(8):
        step, offset = d * scale6[j], dmin * min6[j]
        for value in values[32 * j:32 * j + 32]:
            q.append(_nearest((value + offset) / step, 0, 15) if step else 0)

    packed = bytearray(12)
    for j in range(4):
        packed[j] = scale6[j] | scale6[j + 4] >> 4 << 6
        packed[j + 4] = min6[j] | min6[j + 4] >> 4 << 6
        packed[j + 8] = scale6[j + 4] & 15 | (min6[j + 4] & 15) << 4
    nibbles = bytes(q[start + i] | q[start + i + 32] << 4 for start in range(0, 256, 64) for i in range(32))
    return struct.pack("<ee", d, dmin) + bytes(packed) + nibbles


def q6_k(values):
    steps = [max(values[start:start + 16], key=abs) / -32 for start in range(0, 256, 16)]
    d = _half(max(steps, key=abs) / -128)
    scale8 = [_nearest(step / d, -128, 127) if d else 0 for step in steps]

    q = []
    for j in range(16):
        step = d * scale8[j]
        for value in values[16 * j:16 * j + 16]:
            q.append(_nearest(value / step, -32, 31) + 32 if step else 32)

    low, high = bytearray(128), bytearray(64)
    for half in range(2):
        for i in range(32):
            a, b, c, e = (q[128 * half + i + 32 * k] for k in range(4))
            low[64 * half + i] = a & 15 | (c & 15) << 4
            low[64 * half + i + 32] = b & 15 | (e & 15) << 4
            high[32 * half + i] = a >> 4 | b >> 4 << 2 | c >> 4 << 4 | e >> 4 << 6
    return bytes(low) + bytes(high) + struct.pack("<16be", *scale8, d)
