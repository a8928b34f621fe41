// What is made to look like files of well-known models is GGUF to another reader, with these tensors, layers and file type.
import assert from "node:assert";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { gguf } from "@huggingface/gguf";

// One of each kind: the reader takes seconds for a vocabulary.
const MODELS = ["llama-3.1-8b", "mixtral-8x7b", "gemma-3-4b", "deepseek-v3", "mamba-2.8b", "granite-4.0-h-tiny", "qwen3-next-80b-a3b", "otter"];

test("files like those of well-known models", async () => {
  const folder = mkdtempSync(join(tmpdir(), "batuta-gguf-models-"));
  try {
    const lines = execFileSync("/usr/bin/python3", ["-B", process.env.MAKE_MODELS, folder, ...MODELS], { encoding: "utf8", maxBuffer: 1 << 28 });
    const variants = lines.trim().split("\n").map((line) => JSON.parse(line));
    assert.equal(variants.length, MODELS.length);
    for (const variant of variants) {
      const found = [];
      for (const [number, path] of variant.paths.entries()) {
        const { metadata, tensorInfos } = await gguf(path, { allowLocalFile: true });
        found.push(...tensorInfos.map((info) => ({ name: info.name, shape: info.shape.map(Number), type: info.dtype })));
        if (variant.paths.length > 1) assert.equal(metadata["split.no"], number, path);
        if (number > 0) continue;
        assert.equal(metadata["general.architecture"], variant.architecture, path);
        assert.equal(metadata[`${variant.architecture}.block_count`], variant.layers, path);
        assert.equal(metadata["general.file_type"], variant.file_type, path);
      }
      assert.deepEqual(found, variant.tensors, variant.paths[0]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
