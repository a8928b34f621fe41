// What the daemon takes for valid GGUF, another reader takes as well, and finds the same tensors in it.
import assert from "node:assert";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { gguf } from "@huggingface/gguf";

const COUNT = 300;

test("random valid files", async () => {
  const folder = mkdtempSync(join(tmpdir(), "batuta-gguf-"));
  try {
    const lines = execFileSync(process.env.MAKE_GGUF, [folder, String(COUNT)], { encoding: "utf8" });
    const files = lines.trim().split("\n").map((line) => JSON.parse(line));
    assert.equal(files.length, COUNT);
    for (const file of files) {
      const { metadata, tensorInfos } = await gguf(file.path, { allowLocalFile: true });
      assert.deepEqual(
        tensorInfos.map((info) => ({ name: info.name, shape: info.shape.map(Number), type: info.dtype })),
        file.tensors,
        file.path,
      );
      for (const key of file.keys) assert.ok(key in metadata, `${file.path}: ${key}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
