"""Texts and configurations of repos, templates, scripts, programs, media."""

import base64
import json
import struct
import zlib

from . import op, rawzip
from .native import NAME, gguf

# --- configurations ---

CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "torch_dtype": "bfloat16", "rope_scaling": None, "rms_norm_eps": 1e-05}
BAD_CONFIGS = {
    "auto-map": ("config.json", {**CONFIG, "auto_map": {"AutoModel": "modeling_otter.OtterModel"}}),
    "auto-map-of-another-repo": ("config.json", {**CONFIG, "auto_map": {"AutoModel": "acme/other--modeling.OtterModel"}}),
    "auto-map-in-a-part": ("config.json", {**CONFIG, "text_config": {"auto_map": {"AutoConfig": "x.Y"}}}),
    "auto-map-of-a-tokenizer": ("tokenizer_config.json", {"tokenizer_class": "X", "auto_map": {"AutoTokenizer": ["tokenization.Slow", None]}}),
    "auto-map-of-a-processor": ("preprocessor_config.json", {"auto_map": {"AutoImageProcessor": "image.Processor"}}),
    "custom-pipelines": ("config.json", {**CONFIG, "custom_pipelines": {"otter": {"impl": "pipeline.Otter"}}}),
    "kernel-of-the-hub": ("config.json", {**CONFIG, "_attn_implementation": "acme/kernels"}),
    "kernel-of-the-hub-inside": ("config.json", {**CONFIG, "vision_config": {"attn_implementation": "acme/kernels:flash"}}),
    "internal-attention": ("config.json", {**CONFIG, "_attn_implementation_internal": "acme/kernels"}),
    "internal-experts": ("config.json", {**CONFIG, "_experts_implementation_internal": "acme/kernels"}),
    "adapter-with-remote-modules": ("adapter_config.json", {"peft_type": "LORA", "base_model_name_or_path": "acme/otter",
                                                            "auto_mapping": {"base_model_class": "X", "parent_library": "transformers_modules.acme.x"}}),
    "sentence-transformers-module": ("modules.json", [{"idx": 0, "name": "0", "path": "", "type": "acme.modules.Evil"}]),
    "diffusers-module": ("model_index.json", {"_class_name": "StableDiffusionPipeline", "unet": ["my_unet", "MyUNet"]}),
    "diffusers-pipeline": ("model_index.json", {"_class_name": ["my_pipeline", "MyPipeline"], "unet": ["diffusers", "UNet2DConditionModel"]}),
    "hydra-target": ("config.json", {"model": {"_target_": "os.system", "command": "true"}}),
    "class-path": ("config.json", {"model": {"class_path": "subprocess.Popen", "init_args": {"args": "true"}}}),
    "shard-by-path": ("model.safetensors.index.json", {"metadata": {"total_size": 8}, "weight_map": {"a": "../../other/model.safetensors"}}),
    "shard-is-a-pickle": ("model.safetensors.index.json", {"metadata": {"total_size": 8}, "weight_map": {"a": "pytorch_model-00001-of-00001.bin"}}),
}
GOOD_CONFIGS = {
    "config.json": CONFIG,
    "generation_config.json": {"bos_token_id": 1, "temperature": 0.7, "do_sample": True},
    "tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "chat_template": "{{ messages[0]['content'] }}"},
    "adapter_config.json": {"base_model_name_or_path": "acme/otter", "peft_type": "LORA", "r": 8, "auto_mapping": None},
    "modules.json": [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}],
    "model_index.json": {"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.30.0", "unet": ["diffusers", "UNet2DConditionModel"],
                         "text_encoder": ["transformers", "CLIPTextModel"], "safety_checker": [None, None]},
    "tokenizer.json": {"version": "1.0", "model": {"type": "BPE", "vocab": {"os.system": 0, "__globals__": 1, "{{": 2, "eval(": 3}, "merges": []}},
    "vocab.json": {"os.system": 0, "import": 1, "auto_map": 2},
    "preprocessor_config.json": {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 224}},
    "special_tokens_map.json": {"bos_token": {"content": "<s>", "single_word": False}},
}


def configurations(corpus):
    group = "repo-code"
    for name, content in GOOD_CONFIGS.items():
        corpus.safe(f"config/good/{name}", json.dumps(content, indent=2) + "\n")
    corpus.safe("config/plain-attention/config.json", json.dumps({**CONFIG, "_attn_implementation": "flash_attention_2"}))
    corpus.safe("config/library-targets/config.yaml", "encoder:\n  _target_: nemo.collections.asr.modules.ConformerEncoder\n  d_model: 64\noptim:\n  _target_: torch.optim.AdamW\n")
    for name, (path, content) in BAD_CONFIGS.items():
        corpus.code(group, f"config/{name}/{path}", json.dumps(content, indent=2) + "\n")
    corpus.code(group, "config/auto-map-by-escape/config.json", json.dumps({**CONFIG, "auto_map": {"AutoModel": "x.Y"}}).replace("auto_map", "auto\\u005fmap"))
    corpus.refused(group, "config/key-twice/config.json", '{"model_type": "llama", "auto_map": {"AutoModel": "x.Y"}, "auto_map": {}}', pickle="none")
    corpus.refused(group, "config/deep/config.json", "[" * 100_000 + "]" * 100_000, pickle="none")
    corpus.invalid("header-lies", "config/not-json/config.json", "{model_type: llama}")
    corpus.invalid("header-lies", "config/cut/config.json", json.dumps(CONFIG)[:-9])
    corpus.code(group, "yaml/hydra.yaml", "model:\n  _target_: os.system\n  command: 'true'\n")
    corpus.code(group, "yaml/target-of-old.yaml", "model:\n  target: subprocess.Popen\n  params:\n    args: 'true'\n")
    for name, tag in {"python-object": "!!python/object/apply:os.system ['true']", "python-name": "!!python/name:os.system", "short-python": "!python/object:os.x {}",
                      "ruby": "!!ruby/object:Gem::Installer {}", "other": "!acme {a: 1}", "long-form": "!<tag:yaml.org,2002:python/object/apply:os.system> ['true']"}.items():
        corpus.refused(group, f"yaml/{name}.yaml", f"model: {tag}\n", pickle="none")
    corpus.safe("yaml/plain.yaml", "# of a model\nname: otter\nlayers:\n  - 1\n  - {a: 'b', c: \"d\"}\ntext: |\n  import os\nnumber: 1.5e-3\nnone: null\n")
    corpus.safe("yaml/core-tags.yaml", "a: !!str 1\nb: !!int '2'\n")


TEMPLATES_GOOD = {
    "llama": "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
             "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'].strip() + ' [/INST]' }}{% else %}{{ ' ' + message.content + eos_token }}{% endif %}{% endfor %}",
    "tools": "{%- if tools %}{{- tools | tojson(indent=4) }}{%- endif %}{%- set ns = namespace(system_message='') %}{%- for m in messages %}{%- if m.role == 'system' %}"
             "{%- set ns.system_message = m.content %}{%- endif %}{%- endfor %}{{ ns.system_message }}{{ strftime_now('%d %b %Y') }}",
    "thinking": "{% macro show(m) %}{{ m.content.split('</think>')[-1].lstrip('\\n') }}{% endmacro %}{% for m in messages %}{% if m.content is string %}{{ show(m) }}{% endif %}{% endfor %}"
                "You are a system of the class import __x__.",
    "loops": "{% for k, v in messages[0].items() %}{{ k ~ ': ' ~ v | trim | upper }}{% if not loop.last %}, {% endif %}{% endfor %}{% for i in range(3) %}{{ i }}{% endfor %}",
}
TEMPLATES_BAD = {
    "globals": "{{ messages.__class__.__init__.__globals__ }}",
    "subscript": "{{ messages['__class__']['__base__'] }}",
    "escape": "{{ messages['\\x5f\\x5fclass__'] }}",
    "joined": "{{ messages['__cl' ~ 'ass__'] }}",
    "plus": "{{ messages['_' + '_class__'] }}",
    "attr": "{{ messages | attr('__class__') }}",
    "map-attribute": "{{ messages | map(attribute='__class__') | list }}",
    "cycler": "{{ cycler.__init__.__globals__.os.popen('true').read() }}",
    "lipsum": "{{ lipsum.__globals__['os'].popen('true').read() }}",
    "self": "{{ self.__init__ }}",
    "joiner": "{{ joiner.__init__.__globals__ }}",
    "import": "{% import 'os' as os %}",
    "include": "{% include '/etc/passwd' %}",
    "extends": "{% extends 'base' %}",
    "format": "{{ '{0.__class__}'.format(messages) }}",
    "format-map": "{{ '{a[__class__]}'.format_map(messages) }}",
    "generator-frame": "{{ (messages | map('upper')).gi_frame.f_globals }}",
    "function-globals": "{{ raise_exception.func_globals }}",
    "statement": "{% set x = ().__class__.__mro__ %}",
    "unknown-filter": "{{ messages | evaluate }}",
    "condition": "{% if messages.__class__ %}x{% endif %}",
}


def templates(corpus):
    group = "templates"
    for name, text in TEMPLATES_GOOD.items():
        corpus.safe(f"template/good/{name}/tokenizer_config.json", json.dumps({"chat_template": text}))
        corpus.safe(f"template/good/{name}/chat_template.jinja", text)
        corpus.safe(f"template/good/{name}.gguf", gguf(keys=(NAME, ("tokenizer.chat_template", "str", text))))
    corpus.safe("template/good/several/tokenizer_config.json", json.dumps({"chat_template": [{"name": name, "template": text} for name, text in TEMPLATES_GOOD.items()]}))
    for name, text in TEMPLATES_BAD.items():
        corpus.code(group, f"template/bad/{name}/tokenizer_config.json", json.dumps({"chat_template": text}))
    cycler = TEMPLATES_BAD["cycler"]
    corpus.code(group, "template/bad/file/chat_template.jinja", cycler)
    corpus.code(group, "template/bad/json/chat_template.json", json.dumps({"chat_template": cycler}))
    corpus.code(group, "template/bad/additional/additional_chat_templates/tool.jinja", cycler)
    corpus.code(group, "template/bad/list/tokenizer_config.json", json.dumps({"chat_template": [{"name": "default", "template": "{{ 1 }}"}, {"name": "rag", "template": cycler}]}))
    corpus.code(group, "template/bad/key-by-escape/tokenizer_config.json", json.dumps({"chat_template": cycler}).replace("chat_template", "chat\\u005ftemplate"))
    corpus.code(group, "template/bad/template.gguf", gguf(keys=(NAME, ("tokenizer.chat_template", "str", cycler))))
    corpus.code(group, "template/bad/named.gguf", gguf(keys=(NAME, ("tokenizer.chat_template.rag", "str", cycler))))
    corpus.refused("bombs", "template/bad/long-range/chat_template.jinja", "{% for i in range(999999999) %}x{% endfor %}", pickle="none")
    corpus.refused("bombs", "template/bad/long-text/chat_template.jinja", "{{ 'x' * 999999999 }}", pickle="none")
    corpus.refused("bombs", "template/bad/nested-ranges/chat_template.jinja", "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}", pickle="none")
    unread = {"unbalanced": "{% for m in messages %}{{ m.content ", "open": "{% if messages %}x", "large": "x" * ((1 << 20) + 1), "no-text": b"{{ '\xff' }}"}
    for name, text in unread.items():
        corpus.code(group, f"template/bad/{name}/chat_template.jinja", text)
        if isinstance(text, str):
            corpus.code(group, f"template/bad/{name}/tokenizer_config.json", json.dumps({"chat_template": text}))
            corpus.code(group, f"template/bad/{name}.gguf", gguf(keys=(NAME, ("tokenizer.chat_template", "str", text))))


# --- programs ---

def programs(corpus):
    group = "programs"
    elf = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHI", 3, 62, 1) + bytes(40)
    pe = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + struct.pack("<H", 0x8664) + bytes(60)
    script = b"#!/bin/sh\ntrue\n"
    files = {
        "library.so": elf, "no-extension": elf, "model.safetensors": elf, "elf/pytorch_model.bin": elf, "tool.exe": pe, "kernel.dll": pe, "pe/model.gguf": pe,
        "library.dylib": b"\xcf\xfa\xed\xfe" + bytes(60), "fat.dylib": b"\xca\xfe\xba\xbe\0\0\0\2" + bytes(56), "mach-32": b"\xce\xfa\xed\xfe" + bytes(60),
        "module.wasm": b"\0asm\1\0\0\0", "run.sh": script, "run": script, "script/README.md": script, "script/weights.bin": script,
        "modeling_otter.py": b"import torch\n", "handler.py": b"import os\n", "cached.pyc": b"\xa7\x0d\r\n" + bytes(30), "run.bat": b"@echo off\r\n", "run.ps1": b"Write-Host hi\r\n", "run.cmd": b"echo hi\r\n",
        "notebook.ipynb": json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", "source": ["1+1"], "outputs": [], "metadata": {}, "execution_count": None}]}).encode(),
        "page.html": b"<!doctype html><html><body><script>1+1</script></body></html>\n", "drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>1+1</script></svg>\n',
        "Main.class": b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(30), "objects.ser": b"\xac\xed\0\5t\0\1x", "script.luac": b"\x1bLua\x54\0" + bytes(40), "jit.luac": b"\x1bLJ\2" + bytes(40),
        "model.engine": b"ptrt" + bytes(60), "otter.llamafile": b"MZqFpD='\n" + bytes(55),
    }
    for name, data in files.items():
        corpus.refused(group, f"programs/{name}", data, pickle="none")
    corpus.refused(group, "programs/data.rds", b"X\n\0\0\0\3" + bytes(30), pickle="none")
    corpus.refused(group, "programs/data.RData", b"RDX3\nX\n" + bytes(30), pickle="none")
    corpus.refused(group, "programs/model.pte", bytes(4) + b"ET12" + bytes(40), pickle="none")


# --- texts and media ---

def png(tail=b"", text=b""):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", 1, 1, 8, 2, 0, 0, 0)) + text
            + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"") + tail)


JPEG = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb004300" + "01" * 64 + "ffc0000b080001000101011100ffc40014000100000000000000000000000000000009"
    "ffc40014100100000000000000000000000000000000ffda0008010100003f0054ffd9")
GIF = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\4\0\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
WAV = b"RIFF" + struct.pack("<I", 44) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8) + b"data" + struct.pack("<I", 8) + bytes(8)
WEBP = b"RIFF" + struct.pack("<I", 26) + b"WEBPVP8L" + struct.pack("<I", 13) + bytes.fromhex("2f00000010071011118888080700")[:14]
FOOTER = b"\x15\x04\x19\x1c\x48\x04root\x15\x00\x00\x16\x00\x19\x0c\x00"
PARQUET = b"PAR1" + FOOTER + struct.pack("<I", len(FOOTER)) + b"PAR1"


def everyday(corpus):
    texts = {
        "README.md": "---\nlicense: mit\n---\n# Otter\n\n```python\nimport os\nos.system('true')\n```\n\nLoad it with `torch.load`.\n", "LICENSE": "MIT License\n\nPermission is hereby granted\n",
        "notes.txt": "Some words.\n", "empty.txt": "", "vocab.txt": "[PAD]\n[UNK]\nthe\nos\nsystem\n##s\n", "merges.txt": "#version: 0.2\n\u0120 t\nh e\n", "train.csv": "a,b\n1,2\n",
        "train.tsv": "a\tb\n1\t2\n", "train.jsonl": '{"text": "one"}\n{"text": "two"}\n', ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", ".gitignore": "*.tmp\n",
        "cl100k.tiktoken": "IQ== 0\nIg== 1\nIw== 2\n", "words.txt": "cats and dogs\nbirds\n", "umlauts.txt": "\u00e4\u00f6\u00fc \u4f60\u597d\n", "numbers.txt": "1\n2\n3\n",
        "looks-like-opcodes.txt": "(the end)\nNone.\nIt is.\n", "index.html": "<!doctype html>\n<html><body><p>Hello</p></body></html>\n", "style.css": "body { margin: 0 }\n",
        "list.json": "[1, 2.5, -3e7, \"x\", true, null]\n", "text.json": "\"just text\"\n", "data.xml": "<?xml version=\"1.0\"?>\n<a><b>1</b></a>\n", "CITATION.cff": "cff-version: 1.2.0\ntitle: Otter\n",
        "requirements.txt": "torch>=2.0\nnumpy\n", "config.toml": "name = \"otter\"\n", "drawing.svg": '<svg xmlns="http://www.w3.org/2000/svg"><rect width="1" height="1"/></svg>\n',
    }
    for name, text in texts.items():
        corpus.safe(f"text/{name}", text)
    media = {"image.png": png(), "photo.jpg": JPEG, "moving.gif": GIF, "sound.wav": WAV, "table.parquet": PARQUET}
    for name, data in media.items():
        corpus.safe(f"media/{name}", data)
        if name != "table.parquet":
            corpus.evil("polyglots", f"media/zip-behind/{name}", data + rawzip.plain({"x.pkl": op.p2(op.ATTACK)}))
            corpus.refused("polyglots", f"media/pickle-behind/{name}", data + op.p2(op.ATTACK))
    # To a pickle it begins with a number, G and eight bytes, and goes on with the height, None and an empty set, into the colours.
    gif = b"GIF89a\1\0\1N\x8fNN" + (op.ATTACK + op.STOP).ljust(768, b"\0") + GIF[GIF.index(b"!\xf9"):]
    corpus.evil("polyglots", "media/picture-and-pickle.gif", gif)
    corpus.refused("polyglots", "media/pickle-and-a-zip.pkl", op.p2(op.ATTACK) + rawzip.plain({"notes.txt": b"harmless\n"}))
    corpus.refused("polyglots", "media/pickle-and-a-zip.bin", op.p2(op.ATTACK) + rawzip.plain({"archive/data.pkl": op.p2(op.num(1))}))
    corpus.evil("polyglots", "media/text-and-a-zip.txt", b"Some words.\n" + rawzip.plain({"x.pkl": op.p2(op.ATTACK)}))
    corpus.evil("polyglots", "media/parquet-and-a-zip.parquet", PARQUET + rawzip.plain({"x.pkl": op.p2(op.ATTACK)}))
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 1234\n"
    for name in ("model.safetensors", "model.gguf", "pytorch_model.bin", "model.onnx"):
        corpus.invalid("impostors", f"impostors/pointer/{name}", pointer)
        corpus.invalid("impostors", f"impostors/page/{name}", "<!doctype html>\n<html><head><title>404</title></head></html>\n")
        corpus.invalid("impostors", f"impostors/empty/{name}", "")
    corpus.refused("impostors", "impostors/random.bin", base64.b85decode("c-mkSU~*;vF)$1XPcqW8C-$yhHB2&ZF-tNiu!UgT") + bytes(range(128, 256)), "bytes of no format", pickle="none")
    corpus.refused("impostors", "impostors/zeros/model.bin", bytes(4096), pickle="none")


def add_to(corpus):
    configurations(corpus)
    templates(corpus)
    programs(corpus)
    everyday(corpus)
