"""Repos of one model with many variants, as the known publishers lay them out; and hub folders of them for the simulated hub."""

import functools
import hashlib
import json
import pathlib

from . import architectures, layout, mixes, vocabulary
from .layout import Tensor, pair

TEMPLATE = ("{% for message in messages %}{{ '<|start|>' + message['role'] + '<|end|>\n\n' + message['content'] | trim + '<|stop|>' }}"
            "{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant<|end|>\n\n' }}{% endif %}")

SPLIT_BYTES = 48 * 10**9


def _general(model, imatrix_name):
    """The keys before the tokenizer, and those that the quantizer puts behind it."""
    first = [pair("general.architecture", "str", model.architecture), pair("general.type", "str", "model"), pair("general.name", "str", model.name),
             pair("general.basename", "str", model.name.split("-")[0]), pair("general.license", "str", model.license),
             pair("general.tags", "str[]", ["text-generation", "conversational"]), pair("general.languages", "str[]", ["en", "sw", "de", "fr"])]
    last = [pair("general.quantization_version", "u32", 2)]
    if imatrix_name:
        last += [pair("quantize.imatrix.file", "str", f"/models_out/{imatrix_name}/{model.name}.imatrix"),
                 pair("quantize.imatrix.dataset", "str", "/training_dir/calibration_datav3.txt"),
                 pair("quantize.imatrix.entries_count", "i32", 7 * model.layers), pair("quantize.imatrix.chunks_count", "i32", 125)]
    return first, last


def key_values(model, label, has_imatrix=True):
    """All key-values of a file, in the order in which converter and quantizer leave them."""
    file_type = pair("general.file_type", "u32", mixes.MIXES[mixes.LARGE.get(label, label)][0])
    is_converted = label in ("F32", "F16", "BF16")
    first, last = _general(model, f"{model.name}-GGUF" if has_imatrix and not is_converted else "")
    own = [pair(f"{model.architecture}.{key}", kind, value) for key, kind, value in model.keys]
    tokenizer = vocabulary.tokenizer_pairs(model.tokenizer, TEMPLATE)
    if is_converted:
        return [*first, *own, file_type, *tokenizer, *last]
    return [*first, *own, *tokenizer, file_type, *last]


def variant(name, label, has_imatrix=True, stem=None, split_bytes=SPLIT_BYTES, is_first_empty=False):
    """The files of one variant: one, or its shards when it is larger than `split_bytes`."""
    model = architectures.find(name)
    stem = stem or f"{model.name}-{label}"
    pairs = key_values(model, label, has_imatrix)
    tensors = mixes.quantized(model, label, has_imatrix)
    if sum(tensor.bytes for tensor in tensors) <= split_bytes:
        return [layout.whole_file(f"{stem}.gguf", pairs, tensors)]
    return layout.split_files(f"{stem}/{stem.rsplit('/', 1)[-1]}", pairs, tensors, split_bytes, is_first_empty)


def projector(name, kind="F16", layers=27, width=1152):
    """What turns images into embeddings: a file beside the model, of 0.83 GB in F16 unless told otherwise."""
    to_width = {key: value for key, _, value in architectures.find(name).keys}["embedding_length"]
    inner = width * 15 // 4
    pairs = [pair("general.architecture", "str", "clip"), pair("general.type", "str", "mmproj"), pair("clip.has_vision_encoder", "bool", True),
             pair("clip.projector_type", "str", "gemma3"), pair("clip.vision.block_count", "u32", layers), pair("clip.vision.embedding_length", "u32", width),
             pair("general.file_type", "u32", mixes.MIXES[kind][0])]
    tensors = [Tensor("mm.input_projection.weight", (to_width, width), kind), Tensor("v.patch_embd.weight", (14, 14, 3, width))]
    for layer in range(layers):
        for part, shape in (("attn_k", (width, width)), ("attn_out", (width, width)), ("attn_q", (width, width)), ("attn_v", (width, width)),
                            ("ffn_down", (inner, width)), ("ffn_up", (width, inner))):
            tensors.append(Tensor(f"v.blk.{layer}.{part}.weight", shape, kind))
    return layout.whole_file(f"mmproj-{kind}.gguf", pairs, tensors)


@functools.lru_cache(maxsize=None)
def common_variants(name, labels=tuple(mixes.COMMON_LABELS)):
    """Label: files, for a whole repo."""
    return {label: variant(name, label) for label in labels}


def write_hub(root, repo, files, extra=None, is_fetched=False, **settings):
    """A repo in the folder format of hubsim. With `is_fetched` the hub reads the files for their hashes, else these are made up.

    `extra`: further files, path: text or bytes, with their true hashes. `settings` go into repo.json.
    """
    folder = pathlib.Path(root) / "models" / repo
    hashes = {}
    for file in files:
        file.write(folder / "revisions" / "main" / file.name)
        if not is_fetched:
            hashes[file.name] = hashlib.sha256(f"{repo} {file.name} {file.size}".encode() + file.head).hexdigest()
    for path, content in (extra or {}).items():
        target = folder / "revisions" / "main" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "repo.json").write_text(json.dumps({"sha256": hashes, **settings}))
