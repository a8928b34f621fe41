"""Weights as sequences of 256-value blocks.

Each tensor is a list of block numbers into one pool of distinct blocks. A pool of a thousand blocks is enough for
files of any size, and every block has to be converted or quantised only once per format; a file is then a join.

Every value is exact in BF16, F16 and F32 alike (8 significant bits, magnitude 0 or 2^-14 .. 1), so that the lossless
files of one model agree bit for bit and a test can measure what a quantisation lost.
"""

import random
import struct

from . import quantize

BLOCK = 256


def exact(value):
    """The value cut to what BF16 can hold, with magnitudes that F16 would round set to zero."""
    cut = struct.unpack("<f", b"\0\0" + struct.pack("<f", value)[2:])[0]
    return cut if abs(cut) >= 2.0**-14 else 0.0


ENCODERS = {
    "F32": lambda values: struct.pack(f"<{len(values)}f", *values),
    "F16": lambda values: struct.pack(f"<{len(values)}e", *values),
    "BF16": lambda values: b"".join(struct.pack("<f", value)[2:] for value in values),
    "Q4_0": quantize.q4_0,
    "Q8_0": quantize.q8_0,
    "Q4_K": quantize.q4_k,
    "Q6_K": quantize.q6_k,
}


class Pool:
    """Distinct blocks of values and, per format, their encoded bytes."""

    def __init__(self, seed, size=1024):
        generator = random.Random(seed)
        self.blocks = [[exact(generator.gauss(0.0, 0.04)) for _ in range(BLOCK)] for _ in range(size)]
        self._encoded = {}

    def add(self, values):
        """Adds one more block and returns its number."""
        assert len(values) == BLOCK
        self.blocks.append([exact(value) for value in values])
        self._encoded.clear()
        return len(self.blocks) - 1

    def encoded(self, dtype):
        if dtype not in self._encoded:
            self._encoded[dtype] = [ENCODERS[dtype](values) for values in self.blocks]
        return self._encoded[dtype]


class Tensor:
    """A tensor in row-major order whose rows are whole blocks."""

    def __init__(self, pool, shape, numbers):
        self.pool, self.shape, self.numbers = pool, tuple(shape), numbers
        self.row_blocks = shape[-1] // BLOCK
        assert shape[-1] % BLOCK == 0 and len(numbers) * BLOCK == self.elements

    @property
    def elements(self):
        count = 1
        for size in self.shape:
            count *= size
        return count

    def encode(self, dtype):
        table = self.pool.encoded(dtype)
        return b"".join([table[number] for number in self.numbers])

    def with_rows(self, order):
        """The same tensor with its rows in another order."""
        width = self.row_blocks
        rows = [self.numbers[row * width:(row + 1) * width] for row in order]
        return Tensor(self.pool, self.shape, [number for row in rows for number in row])


def random_tensor(pool, generator, shape, size):
    """A tensor of blocks drawn from the first `size` ones of the pool."""
    count = 1
    for dimension in shape:
        count *= dimension
    return Tensor(pool, shape, generator.choices(range(size), k=count // BLOCK))
