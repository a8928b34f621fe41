"""A cache that batuta filled, read by a client that others wrote, and the other way round."""

import json
import os
import pathlib
import subprocess
import unittest

from harness import EndToEndTest, make_weights

NPM = pathlib.Path(os.environ["BATUTA_NPM_DIR"])
WEIGHTS = make_weights(1, 6_000_000)


class OtherToolsTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.hub = self.box.hub()
        self.hub.commit("acme/otter", {"config.json": "{}", "model.safetensors": WEIGHTS})
        self.hub.commit("acme/reviews", {"train.jsonl": '{"n": 1}\n'}, kind="dataset")
        self.box.daemon()

    def node(self, script, *args):
        result = subprocess.run(["node", script, *args], cwd=NPM, env={**os.environ, **self.box.env}, capture_output=True,
                                text=True, timeout=120, check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout

    def test_scan_cache_dir_of_the_npm_client_finds_everything_and_nothing_wrong(self):
        model = self.box.pull("model", "acme/otter")
        dataset = self.box.pull("dataset", "acme/reviews")

        scan = json.loads(self.node("cache_scan.mjs", str(self.box.cache)))

        self.assertEqual(scan["warnings"], [])
        found = {(repo["type"], repo["name"]): repo for repo in scan["repos"]}
        self.assertEqual(set(found), {("model", "acme/otter"), ("dataset", "acme/reviews")})
        for document in (model, dataset):
            revision = found[(document["type"], document["repo"])]["revisions"][0]
            self.assertEqual(revision["commit"], document["commit"])
            self.assertEqual(revision["refs"], ["main"])
            files = {file["path"]: (file["blob"], file["size"]) for file in revision["files"]}
            expected = {file["path"]: (file["blob"], file["size_bytes"]) for file in document["files"]
                        if file["status"] != "skipped"}
            self.assertEqual(files, expected)

    def test_snapshot_that_the_npm_client_made_is_used_as_it_is(self):
        script = self.box.folder / "snapshot.mjs"
        script.write_text(f"""
import {{ snapshotDownload }} from "{NPM}/node_modules/@huggingface/hub/dist/index.mjs";
console.log(await snapshotDownload({{ repo: {{ type: "model", name: "acme/otter" }}, hubUrl: "{self.hub.endpoint}",
  cacheDir: "{self.box.cache}" }}));
""")
        self.node(str(script))
        self.hub.clear_log()

        document = self.box.pull("model", "acme/otter")

        self.assertEqual({file["status"] for file in document["files"]}, {"cached"})
        self.assertEqual([entry["path"] for entry in self.hub.requests() if "/resolve" in entry["path"]], [])
        self.assert_tree_is_sound()


if __name__ == "__main__":
    unittest.main()
