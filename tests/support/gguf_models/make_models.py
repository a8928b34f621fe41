#!/usr/bin/env python3
"""Writes files of each model, together in all mixes, and says on each line of stdout what is in one: make_models.py FOLDER [MODEL…]

With models: one file of each of these.
"""

import json
import pathlib
import sys

if __package__:
    from . import architectures, mixes, repos
else:
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
    from gguf_models import architectures, mixes, repos

# What each model is written in.
LABELS = {name: mixes.ALL_LABELS[number::len(architectures.NAMES)] for number, name in enumerate(architectures.NAMES)}


def make(folder, names=()):
    """The files, each variant with its model's name, its label and its tensors."""
    folder = pathlib.Path(folder)
    for name in names or LABELS:
        for label in LABELS[name][:1] if names else LABELS[name]:
            tensors = {tensor.name: tensor for tensor in mixes.quantized(architectures.find(name), label)}
            files = repos.variant(name, label)
            for file in files:
                file.write(folder / file.name)
            yield name, label, [folder / file.name for file in files], tensors


def main(folder, *names):
    for name, label, paths, tensors in make(folder, names):
        model = architectures.find(name)
        print(json.dumps({
            "paths": list(map(str, paths)),
            "architecture": model.architecture,
            "file_type": mixes.MIXES[mixes.LARGE.get(label, label)][0],
            "layers": model.layers,
            "tensors": [{"name": tensor.name, "shape": tensor.shape, "type": mixes.TYPES[tensor.type][0]} for tensor in tensors.values()],
        }))


if __name__ == "__main__":
    main(*sys.argv[1:])
