"""A byte-level BPE tokenizer, trained for real on a small text, as tokenizer.json and as GGUF keys."""

import collections
import re

SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>", "<|user|>", "<|assistant|>"]
WORD = re.compile(r"'(?:s|t|re|ve|m|ll|d)| ?[^\W\d_]+| ?\d+| ?[^\s\w]+|\s+(?!\S)|\s+")
CHAT_TEMPLATE = ("{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + eos_token }}"
                 "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}")


def byte_alphabet():
    """The printable stand-in of each byte, as GPT-2 chose them."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, extra = {byte: chr(byte) for byte in printable}, 256
    for byte in range(256):
        if byte not in table:
            table[byte] = chr(extra)
            extra += 1
    return table


class Tokenizer:
    """`tokens` in id order: special ones, the 256 bytes, then one token for each merge."""

    def __init__(self, text, size):
        alphabet = byte_alphabet()
        words = collections.Counter(WORD.findall(text))
        pieces = {word: [alphabet[byte] for byte in word.encode()] for word in words}
        self.merges = []
        self.tokens = SPECIAL + [alphabet[byte] for byte in sorted(alphabet)]
        known = set(self.tokens)
        while len(self.tokens) < size:
            pairs = collections.Counter()
            for word, parts in pieces.items():
                for pair in zip(parts, parts[1:]):
                    pairs[pair] += words[word]
            best = min((pair for pair in pairs if pair[0] + pair[1] not in known),
                       key=lambda pair: (-pairs[pair], pair))
            self.merges.append(best)
            self.tokens.append(best[0] + best[1])
            known.add(self.tokens[-1])
            for parts in pieces.values():
                self._merge(parts, best)

    @staticmethod
    def _merge(parts, pair):
        index = 0
        while index + 1 < len(parts):
            if (parts[index], parts[index + 1]) == pair:
                parts[index:index + 2] = [pair[0] + pair[1]]
            index += 1

    def json(self):
        """The tokenizer.json of the `tokenizers` library."""
        added = [{"id": number, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
                  "normalized": False, "special": True} for number, token in enumerate(SPECIAL)]
        begin = {"SpecialToken": {"id": SPECIAL[0], "type_id": 0}}
        first, second = ({"Sequence": {"id": name, "type_id": kind}} for name, kind in (("A", 0), ("B", 1)))
        return {
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
            "post_processor": {"type": "TemplateProcessing", "single": [begin, first], "pair": [begin, first, begin, second],
                               "special_tokens": {SPECIAL[0]: {"id": SPECIAL[0], "ids": [0], "tokens": [SPECIAL[0]]}}},
            "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                      "vocab": {token: number for number, token in enumerate(self.tokens)},
                      "merges": [" ".join(pair) for pair in self.merges]},
        }

    def config(self):
        """tokenizer_config.json"""
        return {"added_tokens_decoder": {
                    str(number): {"content": token, "lstrip": False, "normalized": False, "rstrip": False,
                                  "single_word": False, "special": True} for number, token in enumerate(SPECIAL)},
                "bos_token": SPECIAL[0], "eos_token": SPECIAL[1], "chat_template": CHAT_TEMPLATE,
                "clean_up_tokenization_spaces": False, "model_max_length": 2048,
                "tokenizer_class": "PreTrainedTokenizerFast"}

    def gguf_keys(self):
        kinds = [3] * len(SPECIAL) + [1] * (len(self.tokens) - len(SPECIAL))
        return [("tokenizer.ggml.model", "str", "gpt2"), ("tokenizer.ggml.pre", "str", "gpt-2"),
                ("tokenizer.ggml.tokens", "str[]", self.tokens), ("tokenizer.ggml.token_type", "i32[]", kinds),
                ("tokenizer.ggml.merges", "str[]", [" ".join(pair) for pair in self.merges]),
                ("tokenizer.ggml.bos_token_id", "u32", 0), ("tokenizer.ggml.eos_token_id", "u32", 1),
                ("tokenizer.ggml.add_bos_token", "bool", True), ("tokenizer.chat_template", "str", CHAT_TEMPLATE)]
