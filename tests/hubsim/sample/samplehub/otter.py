"""acme/otter-tiny: a Llama-architecture model with random weights, its GGUF files, its adapter and a gated sister."""

import random

from . import blocks, containers
from .bpe import Tokenizer
from .tree import front_matter

HIDDEN, INNER, LAYERS, HEADS, KV_HEADS, HEAD, VOCAB, CONTEXT = 256, 1024, 5, 4, 2, 64, 512, 2048
POOL_SIZE = 1024
NAME = "acme/otter-tiny"
FILE_TYPES = {"F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 7, "Q4_K_M": 15, "Q6_K": 18}

CONFIG = {
    "architectures": ["LlamaForCausalLM"], "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 0,
    "eos_token_id": 1, "head_dim": HEAD, "hidden_act": "silu", "hidden_size": HIDDEN, "initializer_range": 0.02,
    "intermediate_size": INNER, "max_position_embeddings": CONTEXT, "mlp_bias": False, "model_type": "llama",
    "num_attention_heads": HEADS, "num_hidden_layers": LAYERS, "num_key_value_heads": KV_HEADS, "pretraining_tp": 1,
    "rms_norm_eps": 1e-05, "rope_scaling": None, "rope_theta": 10000.0, "tie_word_embeddings": False,
    "torch_dtype": "bfloat16", "transformers_version": "4.46.0", "use_cache": True, "vocab_size": VOCAB,
}
GENERATION_CONFIG = {"_from_model_config": True, "bos_token_id": 0, "eos_token_id": 1, "do_sample": True,
                     "temperature": 0.7, "top_p": 0.9, "transformers_version": "4.46.0"}

README = front_matter({"license": "apache-2.0", "language": ["en"], "library_name": "transformers",
                       "pipeline_tag": "text-generation", "tags": ["llama", "sample"],
                       "datasets": ["acme/river-notes"]}) + """# otter-tiny

A Llama-architecture model of 5 million parameters with random weights and a byte-level BPE tokenizer of 512 tokens. Every
file is valid, nothing it says is clever: it exists to be downloaded.

| | |
|---|---|
| layers, width, heads | 5, 256, 4 (2 for keys and values) |
| context | 2048 |
| weights | BF16, three shards; the same in `flax_model.msgpack` |
"""
GGUF_README = front_matter({"license": "apache-2.0", "language": ["en"], "library_name": "gguf",
                            "pipeline_tag": "text-generation", "base_model": NAME,
                            "base_model_relation": "quantized", "tags": ["gguf", "llama"]}) + """# otter-tiny as GGUF

[acme/otter-tiny](https://huggingface.co/acme/otter-tiny) for llama.cpp: F32, F16, Q8_0, Q6_K, Q4_K_M and Q4_0.
"""
LORA_README = front_matter({"license": "apache-2.0", "library_name": "peft", "pipeline_tag": "text-generation",
                            "base_model": NAME, "tags": ["lora", "adapter"]}) + """# otter-tiny, a LoRA adapter

Rank 8 on the query and value projections of [acme/otter-tiny](https://huggingface.co/acme/otter-tiny).
"""


class Otter:
    """The weights, in the names and order of the checkpoint, with the conversions that the formats need."""

    def __init__(self, licence):
        self.licence = licence
        self.pool = blocks.Pool("otter", POOL_SIZE)
        generator = random.Random("otter layout")
        norms = [self.pool.add([1 + generator.gauss(0, 0.05) for _ in range(HIDDEN)]) for _ in range(2 * LAYERS + 1)]
        self.tokenizer = Tokenizer(licence, VOCAB)
        self.tensors = {}

        def matrix(name, rows, columns):
            self.tensors[name] = blocks.random_tensor(self.pool, generator, (rows, columns), POOL_SIZE)

        def norm(name):
            self.tensors[name] = blocks.Tensor(self.pool, (HIDDEN,), [norms.pop()])

        matrix("model.embed_tokens.weight", VOCAB, HIDDEN)
        for layer in range(LAYERS):
            prefix = f"model.layers.{layer}."
            norm(prefix + "input_layernorm.weight")
            matrix(prefix + "self_attn.q_proj.weight", HEADS * HEAD, HIDDEN)
            matrix(prefix + "self_attn.k_proj.weight", KV_HEADS * HEAD, HIDDEN)
            matrix(prefix + "self_attn.v_proj.weight", KV_HEADS * HEAD, HIDDEN)
            matrix(prefix + "self_attn.o_proj.weight", HIDDEN, HEADS * HEAD)
            norm(prefix + "post_attention_layernorm.weight")
            matrix(prefix + "mlp.gate_proj.weight", INNER, HIDDEN)
            matrix(prefix + "mlp.up_proj.weight", INNER, HIDDEN)
            matrix(prefix + "mlp.down_proj.weight", HIDDEN, INNER)
        norm("model.norm.weight")
        matrix("lm_head.weight", VOCAB, HIDDEN)

    @property
    def parameters(self):
        return sum(tensor.elements for tensor in self.tensors.values())

    def write_checkpoint(self, repo):
        repo.write("README.md", README)
        repo.write("LICENSE", self.licence)
        repo.write("config.json", CONFIG)
        repo.write("generation_config.json", GENERATION_CONFIG)
        repo.write("tokenizer.json", self.tokenizer.json())
        repo.write("tokenizer_config.json", self.tokenizer.config())
        repo.write("special_tokens_map.json", {"bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>"})
        self._write_shards(repo, 3)
        self._write_flax(repo)

    def _write_shards(self, repo, count):
        encoded = [(name, "BF16", tensor.shape, tensor.encode("BF16")) for name, tensor in self.tensors.items()]
        total = sum(len(data) for _, _, _, data in encoded)
        shards, filled = [[] for _ in range(count)], 0
        for entry in encoded:
            shards[min(count - 1, filled * count // total)].append(entry)
            filled += len(entry[3])
        weight_map = {}
        for number, shard in enumerate(shards, 1):
            name = f"model-{number:05d}-of-{count:05d}.safetensors"
            containers.write_safetensors(repo.path(name), shard, {"format": "pt"})
            weight_map.update({entry[0]: name for entry in shard})
        repo.write("model.safetensors.index.json",
                   {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))})

    def _write_flax(self, repo):
        tree = {}
        for name, tensor in self.tensors.items():
            *parents, leaf = name.split(".")
            node = tree
            for part in parents:
                node = node.setdefault(part, {})
            node[leaf] = containers.NdArray(tensor.shape, "bfloat16", tensor.encode("BF16"))
        containers.write_flax(repo.path("flax_model.msgpack"), tree)

    def write_gguf(self, repo):
        repo.write("README.md", GGUF_README)
        repo.write("LICENSE", self.licence)
        for label in ("F32", "F16", "Q8_0", "Q6_K", "Q4_K_M", "Q4_0"):
            tensors = [(name, dtype, tensor.shape, tensor.encode(dtype)) for name, dtype, tensor in self._gguf_plan(label)]
            containers.write_gguf(repo.path(f"otter-tiny-{label}.gguf"), self._gguf_keys(label), tensors)

    def _gguf_plan(self, label):
        """(GGUF name, tensor type, tensor): norms stay F32, the output is kept at Q6_K or better, _M raises some layers."""
        for name, tensor in self.tensors.items():
            target = gguf_name(name)
            if name.endswith(("q_proj.weight", "k_proj.weight")):
                tensor = tensor.with_rows(rope_order(tensor.shape[0]))
            if len(tensor.shape) == 1:
                dtype = "F32"
            elif label == "Q4_K_M":
                raised = target == "output.weight" or (
                    target.split(".")[-2] in ("attn_v", "ffn_down") and int(target.split(".")[1]) in (0, 2, LAYERS - 1))
                dtype = "Q6_K" if raised else "Q4_K"
            elif label == "Q4_0" and target == "output.weight":
                dtype = "Q6_K"
            else:
                dtype = label
            yield target, dtype, tensor

    def _gguf_keys(self, label):
        return [
            ("general.architecture", "str", "llama"), ("general.type", "str", "model"), ("general.name", "str", "Otter Tiny"),
            ("general.organization", "str", "Acme"), ("general.basename", "str", "otter"),
            ("general.size_label", "str", "5.2M"), ("general.license", "str", "apache-2.0"),
            ("general.base_model.count", "u32", 1), ("general.base_model.0.name", "str", "Otter Tiny"),
            ("general.base_model.0.organization", "str", "Acme"),
            ("general.base_model.0.repo_url", "str", f"https://huggingface.co/{NAME}"),
            ("general.tags", "str[]", ["llama", "sample", "text-generation"]), ("general.languages", "str[]", ["en"]),
            ("llama.block_count", "u32", LAYERS), ("llama.context_length", "u32", CONTEXT),
            ("llama.embedding_length", "u32", HIDDEN), ("llama.feed_forward_length", "u32", INNER),
            ("llama.attention.head_count", "u32", HEADS), ("llama.attention.head_count_kv", "u32", KV_HEADS),
            ("llama.rope.freq_base", "f32", 10000.0), ("llama.attention.layer_norm_rms_epsilon", "f32", 1e-5),
            ("llama.attention.key_length", "u32", HEAD), ("llama.attention.value_length", "u32", HEAD),
            ("llama.vocab_size", "u32", VOCAB), ("llama.rope.dimension_count", "u32", HEAD),
            *self.tokenizer.gguf_keys(),
            ("general.quantization_version", "u32", 2), ("general.file_type", "u32", FILE_TYPES[label]),
        ]


def gguf_name(name):
    top = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
           "lm_head.weight": "output.weight"}
    if name in top:
        return top[name]
    _, _, layer, part = name.split(".", 3)
    parts = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
             "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
             "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
    return f"blk.{layer}.{parts[part.removesuffix('.weight')]}.weight"


def rope_order(rows):
    """llama.cpp rotates neighbouring rows where the checkpoint rotates the two halves of a head: row order of GGUF."""
    return [head + half * HEAD // 2 + i for head in range(0, rows, HEAD) for i in range(HEAD // 2) for half in range(2)]


def write_adapter(repo, branch="main", rank=8):
    generator = random.Random(f"lora {branch}")
    tensors = []
    for layer in range(LAYERS):
        for part, rows in (("q_proj", HEADS * HEAD), ("v_proj", KV_HEADS * HEAD)):
            prefix = f"base_model.model.model.layers.{layer}.self_attn.{part}.lora_"
            for side, shape in (("A", (rank, HIDDEN)), ("B", (rows, rank))):
                values = [blocks.exact(generator.gauss(0, 0.02)) for _ in range(shape[0] * shape[1])]
                tensors.append((f"{prefix}{side}.weight", "F32", shape, blocks.ENCODERS["F32"](values)))
    repo.write("README.md", LORA_README, branch)
    repo.write("adapter_config.json", {
        "alpha_pattern": {}, "auto_mapping": None, "base_model_name_or_path": NAME, "bias": "none", "fan_in_fan_out": False,
        "inference_mode": True, "init_lora_weights": True, "layers_pattern": None, "layers_to_transform": None,
        "lora_alpha": 2 * rank, "lora_dropout": 0.05, "modules_to_save": None, "peft_type": "LORA", "r": rank,
        "rank_pattern": {}, "revision": None, "target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM",
        "use_dora": False, "use_rslora": False}, branch)
    containers.write_safetensors(repo.path("adapter_model.safetensors", branch), tensors, {"format": "pt"})
