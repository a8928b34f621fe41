"""Which variant of a model fits a machine, worked out in full: every header of every variant is read to its end, every placement is tried.

Written from the reference on formats and needs alone, and simple rather than fast: it is what `batuta hf fit` is held against.
"""

import dataclasses
import functools
import itertools
import mmap
import struct

MIB, GIB = 2**20, 2**30
UBATCH = 512
PROCESS = 400 * MIB
PROJECTOR_GRAPH = GIB

# id: (elements of a block, bytes of a block)
BLOCKS = {0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 10: (256, 84), 11: (256, 110), 12: (256, 144),
          13: (256, 176), 14: (256, 210), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
          23: (256, 136), 26: (1, 4), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17)}

SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
STRING, ARRAY = 8, 9
LONG_ARRAY = 1_000  # elements; of such only the count is kept

# Numerator and denominator of the bytes for an element of the cache.
CACHE_TYPES = {"f16": (2, 1), "q8_0": (34, 32), "q4_0": (18, 32)}

# Best first; what counts as equal stands together.
RANKING = [["F32", "BF16", "F16"], ["Q8_0"], ["Q6_K_L"], ["Q6_K"], ["Q5_K_L"], ["Q5_K_M"], ["Q5_K_S", "Q5_1", "Q5_0"], ["Q4_K_L"], ["Q4_K_M"],
           ["Q4_K_S", "IQ4_NL", "IQ4_XS"], ["NVFP4", "MXFP4_MOE", "Q4_1", "Q4_0"], ["Q3_K_XL"], ["Q3_K_L"], ["Q3_K_M"], ["IQ3_M"], ["IQ3_S"], ["IQ3_XS"],
           ["IQ3_XXS", "Q3_K_S"], ["Q2_K_L", "IQ2_M", "Q2_K"], ["Q2_K_S", "IQ2_S", "IQ2_XS"], ["IQ2_XXS"], ["IQ1_M"], ["IQ1_S"], ["TQ2_0"], ["TQ1_0"]]
RANK = {label: rank for rank, labels in enumerate(RANKING) for label in labels}
FLOOR = RANK["Q4_K_M"]


# --- headers ---

class Reader:
    """Reads one header to its end."""

    # Contents of long arrays, which the variants of a repo share: by count and type. Comparing bytes is much faster than walking them.
    known = {}

    def __init__(self, path):
        with open(path, "rb") as stream:
            self.bytes = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        self.size = len(self.bytes)
        self.at = 0

    def take(self, form):
        value = struct.unpack_from(form, self.bytes, self.at)[0]
        self.at += struct.calcsize(form)
        return value

    def text(self):
        length = self.take("<Q")
        self.at += length
        return self.bytes[self.at - length:self.at].decode(errors="replace")

    def value(self, kind):
        if kind == STRING:
            return self.text()
        if kind != ARRAY:
            return self.take(SCALARS[kind])
        element, count = self.take("<I"), self.take("<Q")
        if count <= LONG_ARRAY:
            return [self.value(element) for _ in range(count)]
        if element != STRING:
            self.at += count * struct.calcsize(SCALARS[element])
            return count
        for seen in self.known.setdefault(count, []):
            if self.bytes[self.at:self.at + len(seen)] == seen:
                self.at += len(seen)
                return count
        begin = self.at
        for _ in range(count):
            self.at += 8 + int.from_bytes(self.bytes[self.at:self.at + 8], "little")
        self.known[count].append(self.bytes[begin:self.at])
        return count

    def header(self):
        assert self.bytes[:4] == b"GGUF" and struct.unpack_from("<I", self.bytes, 4)[0] in (2, 3)
        self.at = 8
        tensors, pairs = self.take("<Q"), self.take("<Q")
        keys = {}
        for _ in range(pairs):
            key = self.text()
            keys[key] = self.value(self.take("<I"))
        sizes, end = {}, 0
        for _ in range(tensors):
            name = self.text()
            shape = [self.take("<Q") for _ in range(self.take("<I"))]
            block, size = BLOCKS[self.take("<I")]
            elements = 1
            for extent in shape:
                elements *= extent
            assert shape[0] % block == 0 and self.take("<Q") == end
            sizes[name] = elements // block * size
            end += pad(sizes[name], 32)
        assert pad(self.at, 32) + end == self.size
        return keys, sizes


def pad(value, step):
    return -(-value // step) * step


# --- needs ---

@dataclasses.dataclass
class Model:
    """One variant: its files, and what its headers say."""
    label: str
    files: list
    keys: dict
    tensors: dict  # name: bytes
    file_bytes: int
    projector_bytes: int = 0

    @classmethod
    def read(cls, label, folder, files, projector=None):
        """`files` and the projector by their paths below `folder`."""
        paths = [folder / name for name in files]
        keys, tensors = {}, {}
        for path in paths:
            more_keys, more_tensors = Reader(path).header()
            keys = {**more_keys, **keys}
            tensors |= more_tensors
        return cls(label, list(files), keys, tensors, sum(path.stat().st_size for path in paths),
                   (folder / projector).stat().st_size if projector else 0)

    def key(self, name, default=0):
        return self.keys.get(f"{self.keys['general.architecture']}.{name}", default)

    def per_layer(self, name, default):
        value = self.key(name, default)
        return value if isinstance(value, list) else [value] * self.layers

    @property
    def layers(self):
        return self.key("block_count")

    @property
    def vocabulary(self):
        return self.key("vocab_size") or self.keys["tokenizer.ggml.tokens"]

    @functools.cached_property
    def layer_tensors(self):
        """Of each layer: (bytes of a tensor, whether it is of the experts)."""
        found = [[] for _ in range(self.layers)]
        for name, size in self.tensors.items():
            if name.startswith("blk."):
                found[int(name.split(".")[1])].append((size, "_exps." in name))
        return found

    @functools.cached_property
    def layer_bytes(self):
        return [sum(size for size, _ in tensors) for tensors in self.layer_tensors]

    @functools.cached_property
    def expert_bytes(self):
        return [sum(size for size, is_expert in tensors if is_expert) for tensors in self.layer_tensors]

    @functools.cached_property
    def staging(self):
        """For the largest matrix of the layers, which comes to a device when it is needed there and lies in the memory; for experts twice."""
        return max(size * (2 if is_expert else 1) for tensors in self.layer_tensors for size, is_expert in tensors)

    @property
    def embedding(self):
        return self.tensors["token_embd.weight"]

    @functools.cached_property
    def output(self):
        """What the device that computes the output holds: also the norms and other parts outside the layers."""
        own = sum(size for name, size in self.tensors.items() if not name.startswith("blk.") and name != "token_embd.weight")
        return own + (0 if "output.weight" in self.tensors else self.embedding)

    @functools.cached_property
    def weights(self):
        return sum(self.tensors.values())


class Need:
    """Of one variant with one context."""

    def __init__(self, model, context, cache_type="f16"):
        self.model = model
        self.context = context
        self.cells = pad(context, 256)
        self.up, self.down = CACHE_TYPES[cache_type]
        self.is_absorbed = bool(model.key("attention.key_length_mla") and model.key("attention.value_length_mla"))
        self.caches = [self.cache_of(number) for number in range(model.layers)]

    def window(self):
        period = {"gemma2": 2, "gemma3": 6, "gpt-oss": 2, "cohere2": 4}.get(self.model.keys["general.architecture"])
        return period, min(self.cells, pad(self.model.key("attention.sliding_window") + UBATCH, 256)) if period else 0

    def cache_of(self, number):
        model, architecture = self.model, self.model.keys["general.architecture"]
        heads = model.per_layer("attention.head_count", 0)[number]
        key_heads = model.per_layer("attention.head_count_kv", heads)[number]
        if architecture in ("mamba", "mamba2") or (architecture in ("granitehybrid", "jamba") and key_heads == 0) or (
                architecture == "qwen3next" and (number + 1) % model.key("full_attention_interval", 4) != 0):
            inner, state, groups = model.key("ssm.inner_size"), model.key("ssm.state_size"), model.key("ssm.group_count")
            return 4 * ((model.key("ssm.conv_kernel") - 1) * (inner + 2 * groups * state) + state * inner)
        cells = self.cells
        period, window_cells = self.window()
        if period and number % period < period - 1:
            cells = window_cells
        key_width = model.key("attention.key_length") or model.key("embedding_length") // heads
        value_width = model.key("attention.value_length") or model.key("embedding_length") // heads
        width = key_width if self.is_absorbed else key_heads * (key_width + value_width)
        return width * cells * self.up // self.down

    @property
    def cache(self):
        return sum(self.caches)

    def mask(self):
        """Tokens that are looked back upon, in full and in windowed layers."""
        if self.model.keys["general.architecture"] in ("mamba", "mamba2"):
            return 0
        return self.cells + self.window()[1]

    def compute(self, widths):
        model, width = self.model, self.model.key("embedding_length")
        feed = model.key("feed_forward_length")
        feed = max(feed) if isinstance(feed, list) else feed
        if model.key("expert_count"):
            feed = model.key("expert_used_count") * (model.key("expert_feed_forward_length") or feed)
        heads = 0
        if self.is_absorbed:
            heads = model.key("attention.head_count") * (model.key("attention.key_length") + model.key("attention.value_length"))
        return 4 * UBATCH * max(model.vocabulary + widths * width + self.mask(), 3 * feed + 4 * width + heads + self.mask())

    @property
    def compute_device(self):
        return self.compute(3)

    @property
    def compute_cpu(self):
        return self.compute(5)

    @property
    def compute_host(self):
        return 4 * UBATCH * (2 * self.model.key("embedding_length") + self.mask())

    @property
    def fixed(self):
        return 4 * self.model.vocabulary + PROCESS

    @property
    def projector(self):
        return self.model.projector_bytes + PROJECTOR_GRAPH if self.model.projector_bytes else 0

    @functools.cached_property
    def units(self):
        """What goes to a device or stays in the memory: layers with their caches, then the output. Pairs: all of it, and of that the experts."""
        model = self.model
        layers = [(size + cache, experts) for size, cache, experts in zip(model.layer_bytes, self.caches, model.expert_bytes)]
        return [*layers, (model.output, 0)]


@dataclasses.dataclass
class Placed:
    """A way to run: bytes in the memory and on each device."""
    placement: str
    fits: bool
    memory: int
    devices: list
    weights: int
    cache: int
    layers: int = 0  # on devices

    @property
    def total(self):
        return self.memory + sum(self.devices)

    @property
    def compute(self):
        return self.total - self.weights - self.cache


@dataclasses.dataclass
class Machine:
    memory: int
    devices: tuple = ()

    @property
    def memory_budget(self):
        return self.memory - max(GIB, self.memory // 20)

    @property
    def budgets(self):
        return [max(0, free - GIB) for free in self.devices]

    def placed(self, need, placement, memory, devices, layers=0):
        fits = memory <= self.memory_budget and all(have <= budget for have, budget in zip(devices, self.budgets))
        copies = need.model.embedding if any(devices) and "output.weight" not in need.model.tensors else 0
        weights = need.model.weights + copies + need.model.projector_bytes
        return Placed(placement, fits, memory, devices, weights, need.cache, layers)


def on_cpu(need, machine):
    memory = need.model.weights + need.cache + need.compute_cpu + need.fixed + need.projector
    return machine.placed(need, "cpu", memory, [0] * len(machine.devices))


def main_device(machine):
    return max(range(len(machine.devices)), key=lambda number: machine.budgets[number])


def filled(sizes, room):
    """Deals sizes from the last one and the last device on; a device that is full is left. Bytes on each, and how many sizes had room."""
    used, device, count = [0] * len(room), len(room) - 1, 0
    for size in reversed(sizes):
        while device >= 0 and used[device] + size > room[device]:
            device -= 1
        if device < 0:
            break
        used[device] += size
        count += 1
    return used, count


def rooms(need, machine, buffers):
    """What each device has for layers."""
    room = [max(0, budget - buffers) for budget in machine.budgets]
    room[main_device(machine)] -= need.projector
    return room


def with_buffers(need, machine, used, buffers):
    devices = [size + buffers if size else 0 for size in used]
    devices[main_device(machine)] += need.projector
    return devices


def all_on_devices(need, machine):
    """On one device, or in order on several, which then work one after another."""
    memory = need.model.embedding + need.compute_host + need.fixed
    sizes = [size for size, _ in need.units]
    alone = [sum(sizes) if number == main_device(machine) else 0 for number in range(len(machine.devices))]
    yield machine.placed(need, "gpu", memory, with_buffers(need, machine, alone, need.compute_device), need.model.layers)
    if len(machine.devices) > 1:
        buffers = need.compute_device + 3 * need.compute_host
        used, count = filled(sizes, rooms(need, machine, buffers))
        if count == len(sizes):
            yield machine.placed(need, "gpu", memory, with_buffers(need, machine, used, buffers), need.model.layers)


def in_both(need, machine):
    """All layers on devices, the first ones without their experts; else only the last layers."""
    buffers = need.compute_device + need.model.staging
    room = rooms(need, machine, buffers)
    memory = need.model.embedding + need.compute_cpu + need.fixed
    whole = [size for size, _ in need.units]
    lean = [size - experts for size, experts in need.units]

    def placed(used, layers):
        return machine.placed(need, "hybrid", memory + sum(whole) - sum(used), with_buffers(need, machine, used, buffers), layers)

    if lean != whole:
        for first in range(1, len(whole)):
            used, count = filled(lean[:first] + whole[first:], room)
            if count == len(whole):
                yield placed(used, need.model.layers)
                break
    used, count = filled(whole, room)
    if count > 0:
        yield placed(used, count - 1)


def ways(need, machine, target):
    """All placements that the target allows, the fastest first."""
    if target != "cpu" and machine.devices:
        yield from all_on_devices(need, machine)
        if target != "gpu":
            yield from in_both(need, machine)
    if target != "gpu":
        yield on_cpu(need, machine)


# --- choice ---

def rank_of(model):
    architecture = model.keys["general.architecture"]
    # What it was trained in loses nothing by it: gpt-oss in four bits, DeepSeek V3 in eight.
    if (architecture, model.label) == ("gpt-oss", "MXFP4_MOE"):
        return -1
    if (architecture, model.label) == ("deepseek2", "Q8_0") and model.key("expert_count") == 256:
        return -1
    return RANK[model.label]


def ranked(models):
    """Best precision first, without those that rank lower than another and are not smaller."""
    kept = [model for model in models
            if not any(rank_of(other) < rank_of(model) and other.file_bytes <= model.file_bytes for other in models)]
    return sorted(kept, key=lambda model: (rank_of(model), model.label == "F32", -model.file_bytes))


def choose(models, machine, context=None, target="auto", cache_type="f16"):
    """The variant and how it is placed; nothing when none fits."""
    found = []
    for model in ranked(models):
        need = Need(model, min(model.key("context_length"), context or 8192), cache_type)
        found.append((model, next((way for way in ways(need, machine, target) if way.fits), None)))
    if target == "auto":
        for model, way in found:
            if way and way.placement == "gpu" and rank_of(model) <= FLOOR:
                return model, way
    return next(((model, way) for model, way in found if way), (None, None))
