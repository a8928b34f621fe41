"""Files as repos of machine learning hold them, without a secret in any, full of what might be taken for one: hashes, commits, run ids,
base64 of pictures and numbers, vocabularies, placeholders, references. Made by chance; the same seed makes the same files."""

import base64
import gzip
import hashlib
import io
import json
import pickle
import random
import string
import struct
import uuid
import zipfile

WORDS = ("the model learns to answer questions about rivers gardens people who tokens keys secrets of the password policy and api access for a "
         "dataset with labels train test validation loss accuracy checkpoint adapter merge quantized weights attention layer head norm").split()


class CleanFiles:
    def __init__(self, seed):
        self.chance = random.Random(seed)

    def characters(self, count, alphabet=string.ascii_letters + string.digits):
        return "".join(self.chance.choice(alphabet) for _ in range(count))

    def hex(self, count):
        return self.characters(count, "0123456789abcdef")

    def words(self, count):
        return " ".join(self.chance.choice(WORDS) for _ in range(count))

    def base64(self, count):
        return base64.b64encode(self.chance.randbytes(count)).decode()

    def uuid(self):
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def png(self, count=3000):
        return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + self.chance.randbytes(count)

    def tokens(self, count):
        alphabet = string.ascii_letters + string.digits + "-_/+="
        return ["Ġ" * self.chance.randrange(2) + self.characters(self.chance.randrange(1, 40), alphabet) for _ in range(count)]

    def all(self, of_each):
        """(kind, name, bytes) of each kind that many."""
        for kind in sorted(name for name in dir(self) if name.startswith("make_")):
            for _ in range(of_each):
                name, content = getattr(self, kind)()
                yield kind[5:], name, content if isinstance(content, bytes) else content.encode()

    # Models.
    def make_config(self):
        return "config.json", json.dumps({
            "_name_or_path": f"org-{self.characters(4)}/base", "architectures": ["LlamaForCausalLM"], "bos_token_id": 1, "eos_token_id": [2, 128009],
            "hidden_size": 4096, "pad_token_id": None, "max_new_tokens": 512, "torch_dtype": "bfloat16", "transformers_version": "4.57.1",
            "auto_map": {"AutoConfig": f"configuration_x.XConfig"}, "_commit_hash": self.hex(40), "token_dropout": True}, indent=2)

    def make_tokenizer(self):
        vocabulary = {token: number for number, token in enumerate(self.tokens(3000))}
        merges = [" ".join(self.chance.sample(list(vocabulary), 2)) for _ in range(500)]
        return "tokenizer.json", json.dumps({"version": "1.0", "added_tokens": [{"id": 0, "content": "<|secret_token|>", "special": True}],
                                             "model": {"type": "BPE", "vocab": vocabulary, "merges": merges}}, ensure_ascii=False)

    def make_tokenizer_config(self):
        return "tokenizer_config.json", json.dumps({
            "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<|finetune_right_pad_id|>", "unk_token": {"content": "<unk>"},
            "mask_token": "<|reserved_special_token_250|>", "tokenizer_class": "PreTrainedTokenizerFast",
            "chat_template": "{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>' }}{% endfor %}"}, indent=2)

    def make_vocabulary(self):
        return self.chance.choice(("vocab.txt", "merges.txt", "spm.vocab")), "\n".join(self.tokens(4000))

    def make_ranks(self):
        """As tiktoken keeps them: base64 of each token, and its number."""
        return "model.tiktoken", "\n".join(f"{self.base64(self.chance.randrange(1, 20))} {number}" for number in range(3000))

    def make_other_vocabulary(self):
        return self.chance.choice(("encoder.json", "vocabulary.json")), json.dumps({token: number for number, token in enumerate(self.tokens(3000))})

    def make_weights(self):
        data = self.chance.randbytes(100_000)
        header = json.dumps({"__metadata__": {"format": "pt", "ss_model_hash": self.hex(64), "sd_session_id": str(self.chance.getrandbits(32))},
                             "layers.0.key_proj.weight": {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}}).encode()
        return "model.safetensors", struct.pack("<Q", len(header)) + header + data

    def make_weight_index(self):
        return "model.safetensors.index.json", json.dumps({"metadata": {"total_size": 16060522496}, "weight_map": {
            f"model.layers.{layer}.self_attn.{part}.weight": f"model-0000{layer % 4}-of-00004.safetensors" for layer in range(40) for part in ("k_proj", "q_proj")}})

    def make_checkpoint(self):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as writer:
            writer.writestr("archive/data.pkl", pickle.dumps({"token_embedding": list(range(100)), "key": self.hex(64)}))
            writer.writestr("archive/data/0", self.chance.randbytes(50_000))
        return "pytorch_model.bin", archive.getvalue()

    def make_numbers(self):
        return self.chance.choice(("scores.npy", "frame.arrow", "index.faiss", "audio.wav")), b"\x93NUMPY\x01\0" + self.chance.randbytes(60_000)

    def make_picture(self):
        return "figure.png", self.png(40_000)

    # Runs.
    def make_trainer_state(self):
        return "trainer_state.json", json.dumps({
            "best_metric": self.chance.random(), "best_model_checkpoint": f"./out/{self.hex(16)}/checkpoint-500", "global_step": 500,
            "log_history": [{"epoch": step / 100, "learning_rate": self.chance.random() / 1000, "loss": self.chance.random(), "step": step,
                             "num_input_tokens_seen": step * 4096} for step in range(0, 500, 10)], "trial_name": None})

    def make_run_log(self):
        run = self.characters(8, string.ascii_lowercase + string.digits)
        lines = [f"wandb: Run data is saved locally in /tmp/wandb/run-20261128_100101-{run}", f"wandb: view run at https://wandb.ai/team/project/runs/{run}",
                 f"git commit {self.hex(40)}", f"INFO mlflow run_id={self.hex(32)} experiment_id=0", "Token is valid (permission: write).",
                 "Your token has been saved to /root/.cache/huggingface/token", "api_key: [redacted]", "password: ********"]
        lines += [f"step {step} loss={self.chance.random():.6f} tokens_per_second={self.chance.random() * 10000:.1f} id={self.uuid()}" for step in range(200)]
        return self.chance.choice(("train.log", "slurm-1234.out")), "\n".join(lines)

    def make_run_settings(self):
        return self.chance.choice(("config.yaml", "axolotl.yml", "training_args.yaml")), f"""base_model: meta-llama/Llama-3.1-8B
hub_model_id: me/my-model
hub_token: ${{HF_TOKEN}}
push_to_hub_token: null
wandb_project: tests
wandb_run_id: {self.characters(8, string.ascii_lowercase + string.digits)}
wandb_api_key: !ENV ${{WANDB_API_KEY}}
special_tokens:
  pad_token: "<|end_of_text|>"
dataset_revision: {self.hex(40)}
seed: {self.chance.randrange(10**9)}
tokens: ["<|im_start|>", "<|im_end|>"]
api_key: "your-api-key-here"
secret_name: my-cluster-secret
password: changeme
"""

    def make_results(self):
        return "all_results.json", json.dumps({"eval_loss": self.chance.random(), "eval_samples": 1000, "config_sha": self.hex(40), "lighteval_sha": self.hex(40),
                                               "hash_full_prompts": self.hex(16), "hash_input_tokens": self.hex(16), "hash_cont_tokens": self.hex(16)})

    # Programs.
    def make_program(self):
        return self.chance.choice(("train.py", "src/data.py", "upload.py")), f'''import os
from getpass import getpass
from huggingface_hub import HfApi, login

TOKEN = os.environ.get("HF_TOKEN")
api_key = os.getenv("OPENAI_API_KEY", "")
REVISION = "{self.hex(40)}"
CHECKSUM = "{self.hex(64)}"
password = getpass("password: ")
login(token="hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")
api = HfApi(token="hf_your_token_goes_here_0000000000")
secret_key = get_secret("projects/one/secrets/key/versions/latest")
headers = {{"Authorization": f"Bearer {{TOKEN}}", "x-api-key": api_key}}
DATABASE = "postgresql://user:password@localhost:5432/db"
auth_token_url = "https://auth.example.com/oauth2/v1/token"
tokenizer.pad_token = tokenizer.eos_token
MAX_TOKENS = {self.chance.randrange(10**4)}
SESSION_ID = "{self.uuid()}"
aws_access_key_id = "AKIAIOSFODNN7EXAMPLE"
aws_secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
client = OpenAI(api_key="sk-...", base_url="http://localhost:8000/v1")
openai.api_key = "EMPTY"
unique_key = "layers.{self.chance.randrange(99)}.self_attn.k_proj.lora_A.default.weight"
assert hash_password("correct horse") != "{self.hex(64)}"
key_to_path = {{"tokenizer_file": "tokenizer.json", "{self.hex(8)}": "{self.hex(32)}"}}
'''

    def make_notebook(self):
        cells = [{"cell_type": "code", "execution_count": number, "id": self.hex(8), "metadata": {}, "source": ["import os\n", "token = os.environ['HF_TOKEN']\n"],
                  "outputs": [{"output_type": "display_data", "data": {"image/png": base64.b64encode(self.png()).decode(),
                                                                       "text/html": [f"<div id=\"{self.uuid()}\"><td>{self.hex(12)}</td></div>"]}}]}
                 for number in range(4)]
        cells.append({"cell_type": "markdown", "metadata": {"id": self.characters(12, string.ascii_letters + string.digits + "_-")},
                      "source": ["Paste your token: `login(token='hf_...')`\n", "The password is never stored.\n"]})
        return "notebook.ipynb", json.dumps({"cells": cells, "metadata": {"widgets": {self.hex(32): {"model_name": "HTMLModel", "state": {"layout": f"IPY_MODEL_{self.hex(32)}"}}}},
                                             "nbformat": 4, "nbformat_minor": 5}, indent=1)

    def make_dockerfile(self):
        return "Dockerfile", f"""FROM python:3.11@sha256:{self.hex(64)}
ARG HF_TOKEN
ENV HF_TOKEN=$HF_TOKEN WANDB_API_KEY=""
RUN --mount=type=secret,id=hf_token pip install --extra-index-url https://$USER:$PASSWORD@pypi.internal/simple x=={self.chance.randrange(9)}.0
LABEL org.opencontainers.image.revision={self.hex(40)}
"""

    def make_workflow(self):
        return ".github/workflows/push.yml", f"""on: push
jobs:
  sync:
    runs-on: ubuntu-latest
    env:
      HF_TOKEN: ${{{{ secrets.HF_TOKEN }}}}
      DB_PASSWORD: ${{{{ secrets.DB_PASSWORD }}}}
    steps:
      - uses: actions/checkout@{self.hex(40)}
      - run: git push https://user:$HF_TOKEN@huggingface.co/spaces/me/space main
"""

    def make_compose(self):
        return "docker-compose.yml", f"""services:
  db:
    image: postgres@sha256:{self.hex(64)}
    environment:
      POSTGRES_PASSWORD: ${{POSTGRES_PASSWORD:-postgres}}
      SECRET_KEY_BASE: ${{SECRET_KEY_BASE?}}
      DATABASE_URL: postgres://postgres:postgres@localhost:5432/app
      API_KEY_FILE: /run/secrets/api_key
"""

    def make_manifest(self):
        return "deploy/values.yaml", f"""apiVersion: apps/v1
metadata:
  uid: {self.uuid()}
spec:
  containers:
    - image: ghcr.io/org/app@sha256:{self.hex(64)}
      env:
        - name: API_TOKEN
          valueFrom: {{secretKeyRef: {{name: hub, key: token}}}}
        - name: PASSWORD_HASH_ROUNDS
          value: "12"
  imagePullSecrets: [{{name: regcred}}]
"""

    def make_environment_example(self):
        return ".env.example", "HF_TOKEN=hf_your_token\nOPENAI_API_KEY=sk-...\nDB_PASSWORD=changeme\nSECRET_KEY=replace-me-with-a-long-random-string\nPORT=8080\n"

    def make_requirements(self):
        return "requirements.txt", "\n".join(f"package{number}=={number}.0 \\\n    --hash=sha256:{self.hex(64)} \\\n    --hash=sha256:{self.hex(64)}" for number in range(20))

    def make_lock(self):
        name = self.chance.choice(("poetry.lock", "uv.lock", "package-lock.json", "Cargo.lock", "yarn.lock"))
        return name, "\n".join(f'name = "token-{number}"\nchecksum = "{self.hex(64)}"\nintegrity = "sha512-{self.base64(64)}"' for number in range(40))

    def make_schema(self):
        return "openapi.json", json.dumps({"components": {"securitySchemes": {"bearerAuth": {"type": "http", "scheme": "bearer"}}, "schemas": {"Login": {
            "properties": {"password": {"type": "string", "example": "correct-horse-battery"}, "api_key": {"type": "string", "description": self.words(8)}},
            "required": ["password", "access_token"]}}}, "info": {"x-build": self.hex(40)}}, indent=2)

    # Texts.
    def make_card(self):
        return "README.md", f"""---
license: apache-2.0
base_model: org/base
model-index:
- name: x
  results:
  - source: {{url: "https://huggingface.co/datasets/x/resolve/{self.hex(40)}/y.parquet"}}
---
# {self.words(4)}
{self.words(60)}

```python
from transformers import pipeline
pipe = pipeline("text-generation", model="me/model", token="hf_...", revision="{self.hex(40)}")
```
    export HF_TOKEN=<your token>
    curl -H "Authorization: Bearer $HF_TOKEN" https://api-inference.huggingface.co/models/me/model
![plot](data:image/png;base64,{base64.b64encode(self.png(500)).decode()})
| file | sha256 |
|---|---|
| model.safetensors | {self.hex(64)} |
"""

    def make_page(self):
        return "index.html", f"""<script src="https://cdn.example/x.js" integrity="sha384-{self.base64(48)}" crossorigin></script>
<meta name="csrf-token" content=""><form><input type="password" name="password" value=""></form>
<link href="/static/main.{self.hex(8)}.css"><a href="https://example.org/?utm_id={self.hex(16)}&token=">{self.words(30)}</a>"""

    def make_bibliography(self):
        return "references.bib", "\n".join(f"@article{{key{number}, title={{{self.words(6)}}}, doi={{10.1145/{self.chance.randrange(10**7)}.{self.chance.randrange(10**7)}}}}}" for number in range(20))

    def make_history(self):
        return "CHANGELOG.md", "\n".join(f"- {self.words(7)} ([{self.hex(7)}](https://github.com/org/repo/commit/{self.hex(40)}))" for _ in range(50))

    # Data.
    def make_chats(self):
        def answer():
            return self.chance.choice((self.words(40), "Use `password = input()` and never store it. My password is not strong enough, is it?",
                                       f"```python\napi_key = os.environ['API_KEY']  # {self.words(4)}\nsecret = '<your secret>'\n```", f"The commit is {self.hex(40)}."))
        return self.chance.choice(("chats.jsonl", "train.jsonl")), "\n".join(json.dumps(
            {"id": self.uuid(), "hash": self.hex(64), "messages": [{"role": "user", "content": self.words(20)}, {"role": "assistant", "content": answer()}]}) for _ in range(60))

    def make_table(self):
        return self.chance.choice(("data.csv", "metadata.tsv")), "id,uuid,md5,sha256,token_count,key\n" + "\n".join(
            f"{number},{self.uuid()},{self.hex(32)},{self.hex(64)},{self.chance.randrange(9999)},{self.words(2)}" for number in range(100))

    def make_vectors(self):
        return "embeddings.jsonl", "\n".join(json.dumps({"key": number, "embedding": self.base64(512)}) for number in range(30))

    def make_molecules(self):
        atoms = ("C", "c1ccccc1", "N", "O", "(=O)", "[C@@H]", "S", "Cl")
        return "molecules.smi", "\n".join("".join(self.chance.choice(atoms) for _ in range(30)) + f"\tCHEMBL{self.chance.randrange(10**6)}" for _ in range(200))

    def make_proteins(self):
        return "proteins.fasta", "\n".join(f">sp|P{self.chance.randrange(10**5):05}|X\n{self.characters(300, 'ACDEFGHIKLMNPQRSTVWY')}" for _ in range(30))

    def make_packed(self):
        name, text = self.make_chats()
        return name + ".gz", gzip.compress(text.encode())

    def make_sums(self):
        return self.chance.choice(("SHA256SUMS", "checksums.md5")), "\n".join(f"{self.hex(64)}  model-{number:05}-of-00030.safetensors" for number in range(30))

    def make_pointer(self):
        return "model.bin", f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.hex(64)}\nsize {self.chance.randrange(10**10)}\n"

    def make_attributes(self):
        return ".gitattributes", "*.safetensors filter=lfs diff=lfs merge=lfs -text\n*token* filter=lfs diff=lfs merge=lfs -text\n"

    def make_public_key(self):
        lines = [self.base64(48) for _ in range(12)]
        return self.chance.choice((("cert.pem", "-----BEGIN CERTIFICATE-----\n" + "\n".join(lines) + "\n-----END CERTIFICATE-----\n"),
                                   ("id_ed25519.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5" + self.base64(35) + " me@host\n"),
                                   ("cosign.pub", "-----BEGIN PUBLIC KEY-----\n" + "\n".join(lines[:2]) + "\n-----END PUBLIC KEY-----\n")))

    def make_digest_of_settings(self):
        return "dataset_info.json", json.dumps({"builder_name": "parquet", "download_checksums": {f"hf://datasets/x/y@{self.hex(40)}/z.parquet": {
            "num_bytes": 100, "checksum": hashlib.sha256(self.chance.randbytes(8)).hexdigest()}}, "features": {"token": {"dtype": "string"}, "secret": {"dtype": "int64"}}})
