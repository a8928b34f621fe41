"""What has not changed is neither read nor sent: a folder of 5,000 files of which 1 % changes."""

import hashlib
import json
import os
import pathlib
import subprocess
import time
import unittest

from harness import SLOWNESS, make_weights, wait_until
from push_world import PushTest, make_files, paths_of

NPM = pathlib.Path(os.environ["BATUTA_NPM_DIR"])
TEXTS = 4_800
WEIGHTS = 200
WEIGHTS_SIZE = 20_000

READER = """
import {{ listFiles, downloadFile }} from "{npm}/node_modules/@huggingface/hub/dist/index.mjs";
import {{ createHash }} from "node:crypto";
const at = {{ repo: {{ type: "dataset", name: "{repo}" }}, hubUrl: "{endpoint}" }};
const listed = {{}};
for await (const file of listFiles({{ ...at, recursive: true }})) {{
	if (file.type === "file") listed[file.path] = [file.lfs?.oid ?? file.oid, file.size];
}}
const read = {{}};
for (const path of JSON.parse(process.argv[2])) {{
	const blob = await downloadFile({{ ...at, path }});
	read[path] = createHash("sha256").update(new Uint8Array(await blob.arrayBuffer())).digest("hex");
}}
console.log(JSON.stringify({{ listed, read }}));
"""


def bytes_read(process):
    """What the daemon has read from files so far, page cache or not."""
    for line in pathlib.Path(f"/proc/{process.pid}/io").read_text().splitlines():
        if line.startswith("rchar:"):
            return int(line.split()[1])
    raise AssertionError("no rchar")


class PushDifferentialTest(PushTest):
    def test_second_push_sends_what_changed_and_reads_nothing_else(self):
        daemon = self.box.daemon()
        texts = make_files(self.folder, TEXTS, 300, 1)
        weights = [f"weights/{number // 50}/{number:04}.safetensors" for number in range(WEIGHTS)]
        self.write({path: make_weights(number, WEIGHTS_SIZE) for number, path in enumerate(weights)})
        total = sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())
        # What was written within two seconds before it is read may not be taken for known.
        newest = max(path.stat().st_ctime for path in self.folder.rglob("*"))
        wait_until(lambda: time.time() > newest + 2, "the files to be old enough")

        first = self.push("acme/large")
        self.assertEqual(len(first["changed"]), TEXTS + WEIGHTS)
        self.assert_hub_has("acme/large")
        before = len(self.commits("acme/large"))

        changed = texts[:: TEXTS // 40][:40] + weights[:: WEIGHTS // 10][:10]
        self.assertEqual(len(changed) * 100, TEXTS + WEIGHTS)
        for path in changed:
            target = self.folder / path
            target.write_bytes(make_weights(path, WEIGHTS_SIZE) if path in weights else b'{"changed": true}\n')
        changed_bytes = sum((self.folder / path).stat().st_size for path in changed)
        self.hub.clear_log()
        read_before, begin = bytes_read(daemon), time.monotonic()
        plan = self.push("acme/large", "--dry-run", yes=False)
        planned_s, planned_bytes = time.monotonic() - begin, bytes_read(daemon) - read_before
        self.assertEqual(paths_of(plan["changed"]), sorted(changed))
        self.assertEqual(len(plan["unchanged"]), TEXTS + WEIGHTS - len(changed))
        self.assertEqual(self.sent(), [])

        second = self.push("acme/large")

        self.assertEqual(paths_of(second["changed"]), sorted(changed))
        sent = {entry["path"].split("/")[2]: entry["body_bytes_received"] for entry in self.puts()}
        self.assertEqual(set(sent), {hashlib.sha256((self.folder / path).read_bytes()).hexdigest() for path in changed if path in weights})
        self.assertEqual(sum(sent.values()), 10 * WEIGHTS_SIZE)
        everything = sum(entry["body_bytes_received"] for entry in self.hub.requests())
        # Beside the bytes go, for each file, its name and the sample by which the hub tells text from other data, for each of two plans.
        self.assertLessEqual(everything, changed_bytes * 4 / 3 + len(changed) * 2_500)
        self.assertEqual(len(self.commits("acme/large")), before + 1)
        self.assert_hub_has("acme/large")
        print(f"\n{TEXTS + WEIGHTS} files, {total:,} bytes; {len(changed)} changed, {changed_bytes:,} bytes: {everything:,} sent, "
              f"the plan took {planned_s:.2f} s and read {planned_bytes:,} bytes")
        # Each changed file is read for its hash, its format and its secrets; the catalog for its records.
        self.assertLessEqual(planned_bytes, 5 * changed_bytes + 6_000_000)
        self.assertLessEqual(planned_s, 3 * SLOWNESS)

        self.hub.clear_log()
        self.assertEqual(self.push("acme/large", yes=False)["changed"], [])
        self.assertEqual(self.sent(), [])

        script = self.box.folder / "reader.mjs"
        script.write_text(READER.format(npm=NPM, repo="acme/large", endpoint=self.hub.endpoint))
        some = [*changed[::5], texts[1], weights[1]]
        result = subprocess.run(["node", str(script), json.dumps(some)], capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        seen = json.loads(result.stdout)
        seen["listed"].pop(".gitattributes")
        self.assertEqual({path: tuple(entry) for path, entry in seen["listed"].items()}, self.tree("acme/large"))
        for path in some:
            self.assertEqual(seen["read"][path], hashlib.sha256((self.folder / path).read_bytes()).hexdigest(), path)


if __name__ == "__main__":
    unittest.main()
