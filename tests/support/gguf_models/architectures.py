"""Well-known models: their keys and the shapes of their tensors."""

import dataclasses
import functools

from .layout import Tensor
from .vocabulary import token_count


@dataclasses.dataclass
class Model:
    name: str
    architecture: str
    tokenizer: str
    keys: list  # (key without the architecture, kind, value)
    tensors: list  # in the order of a quantized file
    layers: int
    experts: int = 0
    queries_per_key: int = 1
    is_trained_in_mxfp4: bool = False
    license: str = "apache-2.0"

    @property
    def is_tied(self):
        return all(tensor.name != "output.weight" for tensor in self.tensors)


def _outer(vocabulary, width, is_tied=False, extra=()):
    """Tensors outside the layers, by name."""
    found = [Tensor("output_norm.weight", (width,)), Tensor("token_embd.weight", (width, vocabulary)), *extra]
    if not is_tied:
        found.append(Tensor("output.weight", (width, vocabulary)))
    return sorted(found, key=lambda tensor: tensor.name)


def _layer(number, shapes):
    return [Tensor(f"blk.{number}.{name}", shapes[name] if isinstance(shapes[name], tuple) else (shapes[name],)) for name in sorted(shapes)]


def _attention(width, heads, key_heads, head, has_bias=False, has_norms=False):
    shapes = {"attn_norm.weight": width, "attn_q.weight": (width, heads * head), "attn_k.weight": (width, key_heads * head),
              "attn_v.weight": (width, key_heads * head), "attn_output.weight": (heads * head, width)}
    if has_bias:
        shapes |= {"attn_q.bias": heads * head, "attn_k.bias": key_heads * head, "attn_v.bias": key_heads * head}
    if has_norms:
        shapes |= {"attn_q_norm.weight": head, "attn_k_norm.weight": head}
    return shapes


def _dense(width, inner, norm="ffn_norm.weight"):
    return {norm: width, "ffn_gate.weight": (width, inner), "ffn_up.weight": (width, inner), "ffn_down.weight": (inner, width)}


def _experts(width, inner, count, norm="ffn_norm.weight", shared=0):
    shapes = {norm: width, "ffn_gate_inp.weight": (width, count), "ffn_gate_exps.weight": (width, inner, count),
              "ffn_up_exps.weight": (width, inner, count), "ffn_down_exps.weight": (inner, width, count)}
    if shared:
        shapes |= {"ffn_gate_shexp.weight": (width, shared), "ffn_up_shexp.weight": (width, shared), "ffn_down_shexp.weight": (shared, width)}
    return shapes


def _common(layers, context, width, inner, heads, key_heads):
    return [("block_count", "u32", layers), ("context_length", "u32", context), ("embedding_length", "u32", width),
            ("feed_forward_length", "u32", inner), ("attention.head_count", "u32", heads), ("attention.head_count_kv", "u32", key_heads),
            ("rope.freq_base", "f32", 500_000.0), ("attention.layer_norm_rms_epsilon", "f32", 1e-5)]


def _llama(name, layers, width, inner, heads, key_heads, tokenizer, is_tied=False, context=131_072, experts=0):
    vocabulary, head = token_count(tokenizer), width // heads
    feed = _experts(width, inner, experts) if experts else _dense(width, inner)
    shapes = _attention(width, heads, key_heads, head) | feed
    extra = [Tensor("rope_freqs.weight", (head // 2,))] if tokenizer == "llama3" else []
    keys = _common(layers, context, width, inner, heads, key_heads)
    if experts:
        keys += [("expert_count", "u32", experts), ("expert_used_count", "u32", 2)]
    keys += [("vocab_size", "u32", vocabulary), ("rope.dimension_count", "u32", head)]
    tensors = _outer(vocabulary, width, is_tied, extra) + [tensor for number in range(layers) for tensor in _layer(number, shapes)]
    return Model(name, "llama", tokenizer, keys, tensors, layers, experts, heads // key_heads, license="llama3.1")


def _qwen2(name, layers, width, inner, heads, key_heads, tokenizer, is_tied=False):
    shapes = _attention(width, heads, key_heads, width // heads, has_bias=True) | _dense(width, inner)
    tensors = _outer(token_count(tokenizer), width, is_tied) + [tensor for number in range(layers) for tensor in _layer(number, shapes)]
    return Model(name, "qwen2", tokenizer, _common(layers, 32_768, width, inner, heads, key_heads), tensors, layers, 0, heads // key_heads)


def _gemma(name, architecture, layers, width, inner, heads, key_heads, head, window, context, tokenizer):
    shapes = _attention(width, heads, key_heads, head, has_norms=architecture == "gemma3") | _dense(width, inner)
    shapes |= {"post_attention_norm.weight": width, "post_ffw_norm.weight": width}
    keys = _common(layers, context, width, inner, heads, key_heads)
    keys += [("attention.key_length", "u32", head), ("attention.value_length", "u32", head), ("attention.sliding_window", "u32", window)]
    if architecture == "gemma2":
        keys += [("attn_logit_softcapping", "f32", 50.0), ("final_logit_softcapping", "f32", 30.0)]
    tensors = _outer(token_count(tokenizer), width, is_tied=True)
    tensors += [tensor for number in range(layers) for tensor in _layer(number, shapes)]
    return Model(name, architecture, tokenizer, keys, tensors, layers, 0, heads // key_heads, license="gemma")


def qwen3_30b():
    width, vocabulary = 2048, token_count("qwen2")
    shapes = _attention(width, 32, 4, 128, has_norms=True) | _experts(width, 768, 128)
    keys = _common(48, 40_960, width, 6144, 32, 4)
    keys += [("attention.key_length", "u32", 128), ("attention.value_length", "u32", 128), ("expert_count", "u32", 128),
             ("expert_used_count", "u32", 8), ("expert_feed_forward_length", "u32", 768)]
    tensors = _outer(vocabulary, width) + [tensor for number in range(48) for tensor in _layer(number, shapes)]
    return Model("Qwen3-30B-A3B", "qwen3moe", "qwen2", keys, tensors, 48, 128, 8)


def deepseek_v3(is_absorbed=True):
    """With `is_absorbed` as converted since April 2025: the cache holds the compressed keys; before, all heads."""
    width, heads, inner, layers = 7168, 128, 2048, 61
    attention = {"attn_norm.weight": width, "attn_q_a.weight": (width, 1536), "attn_q_a_norm.weight": 1536, "attn_q_b.weight": (1536, heads * 192),
                 "attn_kv_a_mqa.weight": (width, 576), "attn_kv_a_norm.weight": 512, "attn_output.weight": (heads * 128, width)}
    if is_absorbed:
        attention |= {"attn_k_b.weight": (128, 512, heads), "attn_v_b.weight": (512, 128, heads)}
    else:
        attention |= {"attn_kv_b.weight": (512, heads * 256)}
    keys = _common(layers, 163_840, width, 18_432, heads, 1 if is_absorbed else heads)
    keys += [("expert_used_count", "u32", 8), ("leading_dense_block_count", "u32", 3), ("vocab_size", "u32", 129_280),
             ("attention.q_lora_rank", "u32", 1536), ("attention.kv_lora_rank", "u32", 512),
             ("attention.key_length", "u32", 576 if is_absorbed else 192), ("attention.value_length", "u32", 512 if is_absorbed else 128)]
    if is_absorbed:
        keys += [("attention.key_length_mla", "u32", 192), ("attention.value_length_mla", "u32", 128)]
    keys += [("expert_feed_forward_length", "u32", inner), ("expert_count", "u32", 256), ("expert_shared_count", "u32", 1),
             ("expert_weights_scale", "f32", 2.5), ("expert_weights_norm", "bool", True), ("expert_gating_func", "u32", 2),
             ("rope.dimension_count", "u32", 64), ("rope.scaling.type", "str", "yarn"), ("rope.scaling.factor", "f32", 40.0)]
    tensors = _outer(129_280, width)
    for number in range(layers):
        feed = _dense(width, 18_432) if number < 3 else _experts(width, inner, 256, shared=inner) | {"exp_probs_b.bias": 256}
        tensors += _layer(number, attention | feed)
    return Model("DeepSeek-V3", "deepseek2", "deepseek3", keys, tensors, layers, 256, 1, license="mit")


def mamba():
    width, inner, layers = 2560, 5120, 64
    shapes = {"attn_norm.weight": width, "ssm_in.weight": (width, 2 * inner), "ssm_conv1d.weight": (4, inner), "ssm_conv1d.bias": inner,
              "ssm_x.weight": (inner, 192), "ssm_dt.weight": (160, inner), "ssm_dt.bias": inner, "ssm_a": (16, inner), "ssm_d": inner,
              "ssm_out.weight": (inner, width)}
    keys = [("context_length", "u32", 1_048_576), ("embedding_length", "u32", width), ("feed_forward_length", "u32", 0),
            ("attention.head_count", "u32", 0), ("block_count", "u32", layers), ("ssm.conv_kernel", "u32", 4), ("ssm.inner_size", "u32", inner),
            ("ssm.state_size", "u32", 16), ("ssm.time_step_rank", "u32", 160), ("attention.layer_norm_rms_epsilon", "f32", 1e-5)]
    tensors = _outer(token_count("neox"), width, is_tied=True) + [tensor for number in range(layers) for tensor in _layer(number, shapes)]
    return Model("mamba-2.8b", "mamba", "neox", keys, tensors, layers)


def qwen3_next():
    """Every fourth layer attends, the others keep a state (gated delta net)."""
    width, layers = 2048, 48
    feed = _experts(width, 512, 512, norm="post_attention_norm.weight", shared=512) | {"ffn_gate_inp_shexp.weight": width}
    attending = _attention(width, 16, 2, 256, has_norms=True) | {"attn_q.weight": (width, 8192)}
    recurrent = {"attn_norm.weight": width, "attn_qkv.weight": (width, 8192), "attn_gate.weight": (width, 4096), "ssm_ba.weight": (width, 64),
                 "ssm_conv1d.weight": (4, 8192), "ssm_dt.bias": 32, "ssm_a": 32, "ssm_norm.weight": 128, "ssm_out.weight": (4096, width)}
    keys = _common(layers, 262_144, width, 5120, 16, 2)
    keys += [("attention.key_length", "u32", 256), ("attention.value_length", "u32", 256), ("expert_count", "u32", 512),
             ("expert_used_count", "u32", 10), ("expert_feed_forward_length", "u32", 512), ("expert_shared_feed_forward_length", "u32", 512),
             ("ssm.conv_kernel", "u32", 4), ("ssm.state_size", "u32", 128), ("ssm.group_count", "u32", 16), ("ssm.time_step_rank", "u32", 32),
             ("ssm.inner_size", "u32", 4096), ("full_attention_interval", "u32", 4), ("rope.dimension_count", "u32", 64)]
    tensors = _outer(token_count("qwen2"), width)
    for number in range(layers):
        tensors += _layer(number, (attending if number % 4 == 3 else recurrent) | feed)
    return Model("Qwen3-Next-80B-A3B", "qwen3next", "qwen2", keys, tensors, layers, 512, 8)


def granite_hybrid():
    """The layers that attend stand in an array: 0 key heads elsewhere."""
    width, layers, inner = 1536, 40, 3072
    feed = _experts(width, 512, 64, shared=1024)
    attending = _attention(width, 12, 4, 128)
    recurrent = {"attn_norm.weight": width, "ssm_in.weight": (width, 2 * inner + 2 * 128 + 48), "ssm_conv1d.weight": (4, inner + 256),
                 "ssm_conv1d.bias": inner + 256, "ssm_dt.bias": 48, "ssm_a": (1, 48), "ssm_d": (1, 48), "ssm_norm.weight": (inner, 1),
                 "ssm_out.weight": (inner, width)}
    keys = _common(layers, 131_072, width, 512, 12, 4)
    key_heads = [4 if number in (5, 15, 25, 35) else 0 for number in range(layers)]
    keys = [(key, "i32[]", key_heads) if key == "attention.head_count_kv" else (key, kind, value) for key, kind, value in keys]
    keys += [("vocab_size", "u32", token_count("granite")), ("expert_count", "u32", 64), ("expert_used_count", "u32", 6),
             ("expert_feed_forward_length", "u32", 512), ("expert_shared_feed_forward_length", "u32", 1024), ("ssm.conv_kernel", "u32", 4),
             ("ssm.state_size", "u32", 128), ("ssm.group_count", "u32", 1), ("ssm.inner_size", "u32", inner), ("ssm.time_step_rank", "u32", 48),
             ("rope.dimension_count", "u32", 128)]
    tensors = _outer(token_count("granite"), width, is_tied=True)
    for number in range(layers):
        tensors += _layer(number, (attending if key_heads[number] else recurrent) | feed)
    return Model("granite-4.0-h-tiny", "granitehybrid", "granite", keys, tensors, layers, 64, 3)


def gpt_oss():
    width, layers, experts = 2880, 24, 32
    shapes = _attention(width, 64, 8, 64, has_bias=True) | _experts(width, width, experts, norm="post_attention_norm.weight")
    shapes |= {"attn_output.bias": width, "attn_sinks.weight": 64, "ffn_gate_inp.bias": experts, "ffn_gate_exps.bias": (width, experts),
               "ffn_up_exps.bias": (width, experts), "ffn_down_exps.bias": (width, experts)}
    keys = _common(layers, 131_072, width, width, 64, 8)
    keys += [("expert_count", "u32", experts), ("expert_used_count", "u32", 4), ("attention.key_length", "u32", 64),
             ("attention.value_length", "u32", 64), ("attention.sliding_window", "u32", 128), ("expert_feed_forward_length", "u32", width)]
    tensors = _outer(token_count("o200k"), width) + [tensor for number in range(layers) for tensor in _layer(number, shapes)]
    return Model("gpt-oss-20b", "gpt-oss", "o200k", keys, tensors, layers, experts, 8, is_trained_in_mxfp4=True)


_MODELS = {
    "llama-3.1-8b": lambda: _llama("Llama-3.1-8B-Instruct", 32, 4096, 14_336, 32, 8, "llama3"),
    "llama-3.2-1b": lambda: _llama("Llama-3.2-1B-Instruct", 16, 2048, 8192, 32, 8, "llama3", is_tied=True),
    "llama-3.3-70b": lambda: _llama("Llama-3.3-70B-Instruct", 80, 8192, 28_672, 64, 8, "llama3"),
    "mixtral-8x7b": lambda: _llama("Mixtral-8x7B-Instruct-v0.1", 32, 4096, 14_336, 32, 8, "llama2", context=32_768, experts=8),
    "qwen2.5-0.5b": lambda: _qwen2("Qwen2.5-0.5B-Instruct", 24, 896, 4864, 14, 2, "qwen2", is_tied=True),
    "qwen2.5-7b": lambda: _qwen2("Qwen2.5-7B-Instruct", 28, 3584, 18_944, 28, 4, "qwen2-large"),
    "qwen2.5-72b": lambda: _qwen2("Qwen2.5-72B-Instruct", 80, 8192, 29_568, 64, 8, "qwen2-large"),
    "qwen3-30b-a3b": qwen3_30b,
    "gemma-2-9b": lambda: _gemma("gemma-2-9b-it", "gemma2", 42, 3584, 14_336, 16, 8, 256, 4096, 8192, "gemma2"),
    "gemma-3-4b": lambda: _gemma("gemma-3-4b-it", "gemma3", 34, 2560, 10_240, 8, 4, 256, 1024, 131_072, "gemma3"),
    "gemma-3-27b": lambda: _gemma("gemma-3-27b-it", "gemma3", 62, 5376, 21_504, 32, 16, 128, 1024, 131_072, "gemma3"),
    "deepseek-v3": deepseek_v3,
    "deepseek-v3-old": lambda: deepseek_v3(is_absorbed=False),
    "mamba-2.8b": mamba,
    "qwen3-next-80b-a3b": qwen3_next,
    "granite-4.0-h-tiny": granite_hybrid,
    "gpt-oss-20b": gpt_oss,
    # Of no fame: small enough to be fetched in a test.
    "otter": lambda: _llama("Otter-20M", 4, 512, 1536, 8, 2, "small", context=4096),
}

NAMES = list(_MODELS)


@functools.lru_cache(maxsize=None)
def find(name):
    return _MODELS[name]()
