"""Which type llama-quantize gives each tensor, by the label of the mix."""

import dataclasses

from .layout import TYPES, Tensor

# label: (general.file_type, default type)
MIXES = {
    "F32": (0, "F32"), "F16": (1, "F16"), "BF16": (32, "BF16"), "Q8_0": (7, "Q8_0"), "Q6_K": (18, "Q6_K"), "Q5_K_M": (17, "Q5_K"),
    "Q5_K_S": (16, "Q5_K"), "Q5_1": (9, "Q5_1"), "Q5_0": (8, "Q5_0"), "Q4_K_M": (15, "Q4_K"), "Q4_K_S": (14, "Q4_K"),
    "IQ4_NL": (25, "IQ4_NL"), "IQ4_XS": (30, "IQ4_XS"), "Q4_1": (3, "Q4_1"), "Q4_0": (2, "Q4_0"), "MXFP4": (38, "MXFP4"),
    "Q3_K_L": (13, "Q3_K"), "Q3_K_M": (12, "Q3_K"), "Q3_K_S": (11, "Q3_K"), "IQ3_M": (27, "IQ3_S"), "IQ3_S": (26, "IQ3_S"),
    "IQ3_XS": (22, "IQ3_S"), "IQ3_XXS": (23, "IQ3_XXS"), "Q2_K": (10, "Q2_K"), "Q2_K_S": (21, "Q2_K"), "IQ2_M": (29, "IQ2_S"),
    "IQ2_S": (28, "IQ2_XS"), "IQ2_XS": (20, "IQ2_XS"), "IQ2_XXS": (19, "IQ2_XXS"), "IQ1_M": (31, "IQ1_M"), "IQ1_S": (24, "IQ1_S"),
    "TQ2_0": (37, "TQ2_0"), "TQ1_0": (36, "TQ1_0"),
}

# Mixes with the embedding and the output in Q8_0.
LARGE = {"Q6_K_L": "Q6_K", "Q5_K_L": "Q5_K_M", "Q4_K_L": "Q4_K_M", "Q3_K_XL": "Q3_K_L", "Q2_K_L": "Q2_K"}

ALL_LABELS = [*MIXES, *LARGE]

# What uploads of today have, best first.
COMMON_LABELS = ["F16", "Q8_0", "Q6_K_L", "Q6_K", "Q5_K_L", "Q5_K_M", "Q5_K_S", "Q4_K_L", "Q4_K_M", "Q4_K_S", "IQ4_NL", "IQ4_XS", "Q4_1", "Q4_0",
                 "Q3_K_XL", "Q3_K_L", "Q3_K_M", "Q3_K_S", "IQ3_M", "IQ3_XS", "IQ3_XXS", "Q2_K_L", "Q2_K", "IQ2_M"]

_FALLBACK = {"Q2_K": "Q4_0", "Q3_K": "Q4_0", "TQ1_0": "Q4_0", "TQ2_0": "Q4_0", "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
_NEVER = ("ffn_gate_inp.weight", "ssm_conv1d.weight", "shortconv.conv.weight", "position_embd.weight", "token_types.weight")
_VERY_LOW = {"IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ1_S", "IQ1_M"}


def _is_quantized(tensor):
    name = tensor.name
    return name.endswith("weight") and not name.endswith("_norm.weight") and len(tensor.shape) > 1 and not name.endswith(_NEVER)


def _fallback(tensor, kind):
    if tensor.shape[0] % TYPES[kind][1] == 0:
        return kind
    kind = "IQ4_NL" if kind.startswith("IQ") else _FALLBACK.get(kind, "F16")
    return kind if tensor.shape[0] % TYPES[kind][1] == 0 else "F16"


def _more_bits(layer, layers):
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


@dataclasses.dataclass
class _Mixer:
    """Goes through the tensors of one model in their order, as the quantizer does."""
    label: str
    default: str
    layers: int
    experts: int
    queries_per_key: int
    values: int  # layers with an attn_v, or what holds it
    is_tied: bool
    has_imatrix: bool
    value: int = 0
    down: int = 0

    def type_of(self, tensor):
        name, label = tensor.name, self.label
        if name == "output.weight" or (self.is_tied and name == "token_embd.weight"):
            return self._output(tensor)
        if label == "MXFP4":
            return "MXFP4" if len(tensor.shape) > 2 else "Q8_0"
        if name == "token_embd.weight":
            if label in {"IQ2_XXS", "IQ2_XS", "IQ1_S", "IQ1_M"}:
                return "Q2_K"
            if label in {"IQ2_S", "IQ2_M", "IQ3_XXS"}:
                return "IQ3_S"
            return "Q4_K" if label in {"TQ1_0", "TQ2_0"} else self.default
        if label in _VERY_LOW:
            return self._very_low(name)
        layer = int(name.split(".")[1]) if name.startswith("blk.") else 0
        for part, choose in (("attn_v.weight", self._value), ("attn_k.weight", self._key), ("attn_q.weight", self._query),
                             ("ffn_down", self._down), ("attn_output.weight", self._attention_output), ("attn_qkv.weight", self._merged),
                             ("ffn_gate", self._gate), ("ffn_up", self._gate)):
            if part in name:
                return choose(layer)
        return self.default

    def _output(self, tensor):
        if self.label == "MXFP4" or tensor.shape[0] % TYPES[self.default][1] != 0:
            return "Q8_0"
        if self.label in _VERY_LOW | {"IQ3_XXS"}:
            return "Q5_K"
        return self.default if self.default in {"F32", "F16", "BF16", "Q8_0"} else "Q6_K"

    def _very_low(self, name):
        better = "IQ3_S" if self.label in {"IQ2_S", "IQ2_M"} else "Q2_K"
        if "attn_v.weight" in name:
            return "Q4_K" if self.queries_per_key >= 4 or self.experts >= 4 else better
        if self.experts == 8 and "attn_k.weight" in name:
            return "Q4_K"
        if "ffn_down" in name:
            self.down += 1
            return better if self.down - 1 < self.layers // 8 else self.default
        if "attn_output.weight" in name:
            if self.experts == 8:
                return "Q5_K"
            return {"IQ1_S": "IQ2_XXS", "IQ1_M": "IQ2_XXS", "IQ2_S": "IQ3_S", "IQ2_M": "IQ3_S"}.get(self.label, self.default)
        return self.default

    def _value(self, _):
        index, label, many = self.value, self.label, self.queries_per_key >= 4
        self.value += 1
        kind = self.default
        if label == "Q2_K":
            kind = "Q4_K" if many else "Q3_K"
        elif label in {"Q2_K_S", "IQ3_XS", "IQ3_S"} and many:
            kind = "Q4_K"
        elif label == "IQ3_XXS":
            kind = "Q4_K" if many else "IQ3_XXS" if self.has_imatrix else "IQ3_S"
        elif label == "IQ3_M":
            kind = "Q4_K"
        elif label == "Q3_K_M":
            kind = "Q5_K" if index < 2 else "Q4_K"
        elif label == "Q3_K_L" or (label in {"IQ4_NL", "IQ4_XS"} and many):
            kind = "Q5_K"
        elif label in {"Q4_K_M", "Q5_K_M"} and _more_bits(index, self.values):
            kind = "Q6_K"
        elif label == "Q4_K_S" and index < 4:
            kind = "Q5_K"
        # Of a model of 70B the eighth part: hardly larger, clearly better.
        if self.layers == 80 and kind in {"Q3_K", "Q4_K"}:
            kind = "Q5_K"
        return self._for_eight(kind)

    def _for_eight(self, kind):
        return "Q8_0" if self.experts == 8 and self.label not in {"F32", "F16", "BF16"} else kind

    def _key(self, _):
        return self._for_eight(self._query(None))

    def _query(self, _):
        return {"IQ3_XS": "IQ3_XXS", "IQ3_XXS": "IQ2_S"}.get(self.label, self.default)

    def _down(self, layer):
        if self.experts <= 1:
            layer = self.down
        self.down += 1
        label, is_early = self.label, layer < self.layers // 8
        if label == "Q2_K":
            return "Q3_K"
        if label == "Q2_K_S" and is_early:
            return "Q4_K"
        if label == "IQ3_XXS" and not self.has_imatrix:
            return "Q4_K" if is_early else "Q3_K"
        if label == "Q3_K_M":
            return "Q5_K" if layer < self.layers // 16 else "Q4_K"
        if label == "IQ3_M" and (is_early or (self.experts == 8 and _more_bits(layer, self.layers))):
            return "Q4_K"
        if label == "Q3_K_L":
            return "Q5_K"
        if label in {"Q4_K_M", "Q5_K_M"} and _more_bits(layer, self.layers):
            return "Q6_K"
        if label in {"IQ4_NL", "IQ4_XS", "Q4_K_S"} and is_early and not (self.has_imatrix and label != "Q4_K_S"):
            return "Q5_K"
        if label in {"Q4_0", "Q5_0"} and self.has_imatrix and is_early:
            return {"Q4_0": "Q4_1", "Q5_0": "Q5_1"}[label]
        return self.default

    def _attention_output(self, _):
        if self.experts == 8:
            is_raised = self.label in {"Q2_K", "IQ3_XS", "IQ3_XXS", "Q3_K_S", "Q3_K_M", "IQ4_NL", "Q4_K_S", "Q4_K_M", "IQ3_S", "IQ3_M", "IQ4_XS"}
            return "Q5_K" if is_raised else self.default
        return {"Q2_K": "Q3_K", "IQ3_XXS": "IQ3_S", "Q3_K_M": "Q4_K", "Q3_K_L": "Q5_K", "IQ3_M": "Q4_K"}.get(self.label, self.default)

    def _merged(self, _):
        return {"Q3_K_M": "Q4_K", "Q3_K_L": "Q4_K", "IQ3_M": "Q4_K", "Q4_K_M": "Q5_K", "Q5_K_M": "Q6_K"}.get(self.label, self.default)

    def _gate(self, layer):
        if self.label == "IQ3_XS" and self.layers // 8 <= layer < 7 * self.layers // 8:
            return "IQ3_XXS"
        return self.default


def quantized(model, label, has_imatrix=True):
    """The tensors of `model` with the types of the mix."""
    base = LARGE.get(label, label)
    values = sum(1 for tensor in model.tensors if tensor.name.endswith(("attn_v.weight", "attn_qkv.weight", "attn_kv_b.weight")))
    mixer = _Mixer(base, MIXES[base][1], model.layers, model.experts, model.queries_per_key, values, model.is_tied, has_imatrix)
    tensors = []
    for tensor in model.tensors:
        kind = "F32"
        if _is_quantized(tensor):
            kind = mixer.type_of(tensor)
            if label in LARGE and tensor.name in ("output.weight", "token_embd.weight"):
                kind = "Q8_0"
            # What was trained in four bits stays so in each mix.
            if model.is_trained_in_mxfp4 and "_exps." in tensor.name:
                kind = "MXFP4"
            kind = _fallback(tensor, kind)
        tensors.append(Tensor(tensor.name, tensor.shape, kind))
    return tensors
