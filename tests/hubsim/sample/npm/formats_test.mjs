// Files of the sample hub read by packages that others wrote. SAMPLE_HUB names the hub; needs node_modules (npm ci).
import assert from "node:assert/strict";
import { readFileSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import test from "node:test";

import { gguf } from "@huggingface/gguf";
import { Tokenizer } from "@huggingface/tokenizers";

const hub = process.env.SAMPLE_HUB;
assert.ok(hub, "SAMPLE_HUB names the folder that make_sample_hub.py made");
const model = path.join(hub, "models/acme/otter-tiny/revisions/main");
const quantised = path.join(hub, "models/acme/otter-tiny-GGUF/revisions/main");
const json = (name) => JSON.parse(readFileSync(path.join(model, name), "utf8"));

const { hidden_size: width, intermediate_size: inner, num_hidden_layers: layers, vocab_size: vocabulary } = json("config.json");
const parameters = layers * (3 * width * width + 3 * width * inner + 2 * width) + 2 * vocabulary * width + width;
// general.file_type and how many tensors have which ggml type
const expected = {
  "otter-tiny-F32.gguf": [0, { 0: 48 }],
  "otter-tiny-F16.gguf": [1, { 0: 11, 1: 37 }],
  "otter-tiny-Q8_0.gguf": [7, { 0: 11, 8: 37 }],
  "otter-tiny-Q6_K.gguf": [18, { 0: 11, 14: 37 }],
  "otter-tiny-Q4_K_M.gguf": [15, { 0: 11, 12: 30, 14: 7 }],
  "otter-tiny-Q4_0.gguf": [2, { 0: 11, 2: 36, 14: 1 }],
};

test("every GGUF of the sample hub is tested here", () => {
  const files = readdirSync(quantised).filter((name) => name.endsWith(".gguf"));
  assert.deepEqual(files.sort(), Object.keys(expected).sort());
});

for (const [name, [fileType, types]] of Object.entries(expected)) {
  test(`${name} is understood by @huggingface/gguf`, async () => {
    const file = path.join(quantised, name);
    const { metadata, tensorInfos, parameterCount, tensorDataOffset } = await gguf(file, {
      allowLocalFile: true,
      computeParametersCount: true,
    });

    assert.equal(metadata["general.architecture"], "llama");
    assert.equal(metadata["general.file_type"], fileType);
    assert.equal(metadata["llama.context_length"], json("config.json").max_position_embeddings);
    assert.equal(metadata["tokenizer.ggml.tokens"].length, vocabulary);
    assert.equal(parameterCount, parameters);
    const counts = {};
    for (const { dtype } of tensorInfos) counts[dtype] = (counts[dtype] ?? 0) + 1;
    assert.deepEqual(counts, types);
    const last = tensorInfos.reduce((a, b) => (a.offset > b.offset ? a : b));
    assert.ok(Number(tensorDataOffset) + Number(last.offset) < statSync(file).size);
  });
}

test("a GGUF with a broken header is refused by @huggingface/gguf", async () => {
  await assert.rejects(gguf(path.join(model, "model-00001-of-00003.safetensors"), { allowLocalFile: true }));
});

test("tokenizer.json is understood by @huggingface/tokenizers", () => {
  const tokenizer = new Tokenizer(json("tokenizer.json"), json("tokenizer_config.json"));

  for (const text of ["You may obtain a copy of the License.", "  Otters\n\teat fish — 42 of them! 🦦", ""]) {
    const { ids } = tokenizer.encode(text);
    assert.equal(ids[0], 0, "begins with the begin token");
    assert.equal(tokenizer.decode(ids, { skip_special_tokens: true }), text);
  }
  const { tokens } = tokenizer.encode(" the License");
  assert.deepEqual(tokens, ["<|begin_of_text|>", "Ġthe", "ĠLicense"], "merges that were learnt are applied");
});
