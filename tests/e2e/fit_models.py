"""Variants of well-known models on disk, for the simulated hub and for the oracle alike."""

import pathlib
import sys

import fit_oracle

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from gguf_models import architectures, layout, mixes, repos  # pylint: disable=wrong-import-position

__all__ = ["architectures", "labels_of", "layout", "mixes", "read_variants", "repos", "write_variants"]

# Of a model that was trained in four bits, as they are published.
GPT_OSS_LABELS = ["F16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q4_0", "MXFP4", "Q3_K_M", "Q2_K"]


def labels_of(name):
    return GPT_OSS_LABELS if name == "gpt-oss-20b" else mixes.COMMON_LABELS


def write_variants(root, repo, name, labels=None, projector=None, split_bytes=repos.SPLIT_BYTES, **others):
    """A repo of the hub folder `root`; returns its variants as the oracle reads them from disk, in full. `others`: of repos.write_hub()."""
    variants = {label: repos.variant(name, label, split_bytes=split_bytes) for label in labels or labels_of(name)}
    files = [file for group in variants.values() for file in group]
    repos.write_hub(root, repo, files + ([projector] if projector else []), **others)
    return read_variants(root, repo, {label: [file.name for file in group] for label, group in variants.items()},
                         projector.name if projector else None)


def read_variants(root, repo, names, projector=None):
    folder = pathlib.Path(root) / "models" / repo / "revisions" / "main"
    # The canonical label.
    names = {{"MXFP4": "MXFP4_MOE"}.get(label, label): group for label, group in names.items()}
    return [fit_oracle.Model.read(label, folder, group, projector) for label, group in names.items()]
