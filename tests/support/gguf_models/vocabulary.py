"""Vocabularies of the sizes that the well-known tokenizers have, to the byte where an upload tells."""

import functools
import itertools
import struct

from .layout import STRING, pair

_LETTERS = b"etaoinshrdlucmfwypvbgkjqxz"
_WORD_BYTES = 4


def _strings(count, text_bytes, gap=b""):
    """`count` different strings of `text_bytes` in all, as an array's elements; with `gap` each has one in the middle, as a merge has."""
    words = map(bytes, itertools.islice(itertools.product(_LETTERS, repeat=_WORD_BYTES), count))
    even, longer = divmod(text_bytes - (_WORD_BYTES + len(gap)) * count, count)
    assert even >= 0, f"{count} strings do not fit into {text_bytes} bytes"
    tails = [gap + b"s" * extra for extra in range(2 * even + 2)]
    prefixes = [struct.pack("<Q", _WORD_BYTES + len(tail)) for tail in tails]
    # In pairs of a short and a long one.
    steps = itertools.chain(itertools.islice(itertools.cycle((-(even // 2), even // 2)), count - count % 2), [0] * (count % 2))
    parts = []
    for number, (word, step) in enumerate(zip(words, steps)):
        extra = even + step + (number < longer)
        parts += (prefixes[extra], word, tails[extra])
    return b"".join(parts)


@functools.lru_cache(maxsize=None)
def arrays(tokens, text_bytes, merges=0, merge_bytes=0, has_scores=False):
    """The long arrays of a tokenizer as key-values: tokens, scores, types, merges."""
    pairs = [pair("tokenizer.ggml.tokens", "raw", (STRING, tokens, _strings(tokens, text_bytes)))]
    if has_scores:
        pairs.append(pair("tokenizer.ggml.scores", "raw", (6, tokens, b"".join(struct.pack("<f", -number) for number in range(tokens)))))
    pairs.append(pair("tokenizer.ggml.token_type", "raw", (5, tokens, struct.pack("<i", 1) * tokens)))
    if merges:
        pairs.append(pair("tokenizer.ggml.merges", "raw", (STRING, merges, _strings(merges, merge_bytes, b" "))))
    return pairs


# name: (kind, flavour, arguments of arrays()). Counts of tokens and merges are those of the originals; text is what is left of the sizes of
# published headers.
TOKENIZERS = {
    "llama2": ("llama", "default", (32_000, 187_000, 0, 0, True)),
    "llama3": ("gpt2", "llama-bpe", (128_256, 890_000, 280_147, 3_151_504)),
    "qwen2": ("gpt2", "qwen2", (151_936, 1_000_000, 151_387, 1_895_648)),
    "qwen2-large": ("gpt2", "qwen2", (152_064, 1_001_000, 151_387, 1_896_320)),
    "gemma2": ("llama", "default", (256_000, 1_990_000, 0, 0, True)),
    "gemma3": ("llama", "default", (262_144, 2_000_000, 0, 0, True)),
    "deepseek3": ("gpt2", "deepseek-v3", (129_280, 900_000, 127_741, 1_640_000)),
    "neox": ("gpt2", "olmo", (50_280, 330_000, 50_009, 420_000)),
    "granite": ("gpt2", "dbrx", (100_352, 680_000, 100_000, 1_080_000)),
    "o200k": ("gpt2", "gpt-4o", (201_088, 1_400_000, 446_189, 5_594_816)),
    "small": ("gpt2", "gpt-2", (1_024, 8_000, 512, 4_000)),
}


def tokenizer_pairs(name, template):
    kind, flavour, arguments = TOKENIZERS[name]
    return [
        pair("tokenizer.ggml.model", "str", kind),
        pair("tokenizer.ggml.pre", "str", flavour),
        *arrays(*arguments),
        pair("tokenizer.ggml.bos_token_id", "u32", 1),
        pair("tokenizer.ggml.eos_token_id", "u32", 2),
        pair("tokenizer.ggml.padding_token_id", "u32", 0),
        pair("tokenizer.ggml.add_bos_token", "bool", True),
        pair("tokenizer.chat_template", "str", template),
    ]


def token_count(name):
    return TOKENIZERS[name][2][0]
