"""Nothing secret leaves: a finding ends the push before a byte is sent, whatever coding it hides in. Every value is made by chance here."""

import base64
import gzip
import io
import json
import tarfile
import unittest
import zipfile

from harness import make_weights, wait_until
from push_world import FINDING_KEYS, PUSH_KEYS, PushTest, paths_of
from test_scan_secrets import github_token, hub_token


def in_zip(name, content):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr(name, content)
    return target.getvalue()


def in_tar(name, content):
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as writer:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        writer.addfile(member, io.BytesIO(content))
    return target.getvalue()


def hidden(secret):
    """The secret in every coding and container that must not get past: file name → content."""
    line = f"api_token = '{secret}'\n"
    text = "# settings\n" + line
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": ["import os\n", line]}
    padding = "harmless words, again and again\n" * 60_000  # beyond the first sample and the first blocks
    return {
        "plain.py": text,
        "late.txt": padding + line + padding,
        "utf16.txt": text.encode("utf-16"),
        "base64.txt": "value: " + base64.b64encode(line.encode()).decode() + "\n",
        "hex.txt": "value: " + line.encode().hex() + "\n",
        "percent.txt": "https://example.org/?q=" + "".join(f"%{byte:02X}" for byte in line.encode()) + "\n",
        "packed.txt.gz": gzip.compress(text.encode()),
        "packed.zip": in_zip("inner/a.txt", text),
        "packed.tar.gz": in_tar("deep.zip", in_zip("a.txt", text)),
        "notebook.ipynb": json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1),
        "data.jsonl": json.dumps({"messages": [{"role": "user", "content": line}]}) + "\n",
    }


class PushSecretsTest(PushTest):
    def setUp(self):
        super().setUp()
        self.daemon = self.box.daemon()
        self.clean = {"README.md": "---\nlicense: mit\n---\n# Data\n", "weights.safetensors": make_weights(1, 50_000)}
        self.write(self.clean)

    def assert_nothing_left(self, *secrets):
        self.assertEqual(self.sent(), [])
        self.assert_never_sent(*secrets)

    def test_every_coding_blocks_the_push_and_nothing_is_sent(self):
        for number, name in enumerate(hidden("")):
            secret = hub_token()
            content = hidden(secret)[name]
            self.write({name: content})
            with self.subTest(name):
                refused = self.push(f"acme/blocked-{number}", code=8)
                document = refused.json
                self.assertLessEqual(PUSH_KEYS, set(document))
                self.assertIsNone(document["commit"])
                self.assertEqual(refused.error["reason"], "SECRETS_FOUND")
                self.assertTrue(any(finding["path"].startswith(name) for finding in document["findings"]), document["findings"])
                for finding in document["findings"]:
                    self.assertLessEqual(FINDING_KEYS, set(finding))
                for tail in range(12, len(secret)):
                    self.assertNotIn(secret[-tail:], refused.out + refused.err)
                self.assert_nothing_left(secret, base64.b64encode(secret.encode()).decode().rstrip("=")[2:-2])
            (self.folder / name).unlink()
        self.push("acme/clean")
        self.assert_hub_has("acme/clean")

    def test_dry_run_finds_them_too(self):
        secret = github_token()
        self.write({"a.py": f"x = '{secret}'\n"})
        refused = self.push("acme/data", "--dry-run", yes=False, code=8)
        self.assertEqual([finding["path"] for finding in refused.json["findings"]], ["a.py"])
        self.assert_nothing_left(secret)

    def test_names_of_files_that_are_secrets_block(self):
        self.write({"id_rsa": "-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64.b64encode(make_weights(9, 900)).decode() + "\n"
                              "-----END OPENSSH PRIVATE KEY-----\n"})
        self.push("acme/data", code=8)
        self.assert_nothing_left("OPENSSH PRIVATE KEY")

    def test_a_fingerprint_allows_this_one_and_no_other(self):
        first, second = hub_token(), hub_token()
        self.write({"a.py": f"x = '{first}'\n", "b.py": f"x = '{second}'\n"})
        findings = {finding["path"]: finding["fingerprint"] for finding in self.push("acme/data", code=8).json["findings"]}
        self.assertEqual(set(findings), {"a.py", "b.py"})

        left = self.push("acme/data", "--allow-secret", findings["a.py"], code=8).json["findings"]
        self.assertEqual([finding["path"] for finding in left], ["b.py"])
        self.assert_nothing_left(first, second)
        self.push("acme/data", "--allow-secret", findings["a.py"], "--allow-secret", findings["b.py"])
        self.assert_hub_has("acme/data")

    def test_comments_and_the_ignore_list_allow_as_well(self):
        self.write({"a.py": f"x = '{hub_token()}'  # batuta:allow-secret hf-token a fake\n", "b.py": f"x = '{hub_token()}'\n",
                    ".gitleaksignore": "b.py:hf-token:1\n"})
        self.push("acme/data")
        self.assert_hub_has("acme/data")

    def test_there_is_no_blanket_switch(self):
        self.write({"a.py": f"x = '{hub_token()}'\n"})
        for switch in (["--allow-secrets"], ["--no-scan"], ["--allow-secret", "*"], ["--force"]):
            self.assertNotEqual(self.box.batuta("hf", "push", "dataset", str(self.folder), "--repo", "acme/data", "--yes", *switch).code, 0)
        self.assert_nothing_left()

    def test_what_was_clean_and_is_no_more_is_found(self):
        self.write({"a.py": "x = 1\n"})
        self.push("acme/data")
        self.hub.clear_log()
        secret = hub_token()
        self.write({"a.py": f"x = '{secret}'\n"})
        refused = self.push("acme/data", code=8).json
        self.assertEqual(paths_of(refused["findings"]), ["a.py"])
        self.assert_nothing_left(secret)

    def test_nothing_of_a_file_is_sent_to_ask_about_it_before_it_is_known_to_be_clean(self):
        """The hub is asked how to store a file by its first bytes, and what it says of a card by its whole text."""
        self.push("acme/data")
        self.hub.clear_log()
        head, card, ignored = hub_token(), hub_token(), hub_token()
        self.write({"a.py": f"x = '{head}'\n", "README.md": f"---\nlicense: mit\n---\nuse {card}\n", ".gitignore": f"# {ignored}\n"})
        refused = self.push("acme/data", code=8).json
        self.assertEqual(paths_of(refused["findings"]), [".gitignore", "README.md", "a.py"])
        self.assert_nothing_left(head, card, ignored)

    def test_card_that_is_written_to_after_it_was_scanned_is_told_to_nobody(self):
        self.push("acme/data")
        self.write({"README.md": "---\nlicense: mit\n---\n# More\n"})
        self.hub.clear_log()
        self.hub.fault(kind="latency", path="/preupload/", duration_ms=1500)
        process = self.box.start_batuta("hf", "push", "dataset", str(self.folder), "--repo", "acme/data", "--yes", "--format", "json")
        wait_until(lambda: self.hub.count("/preupload/"), "the scan to be over")
        secret = hub_token()
        self.write({"README.md": f"---\nlicense: mit\n---\nuse {secret}\n"})
        _, err = process.communicate(timeout=300)
        self.box.processes.remove(process)
        self.assertEqual(process.returncode, 1, err)
        self.assertIn("FILE_CHANGED", err)
        self.assert_nothing_left(secret)

    def test_only_what_would_be_sent_is_looked_into(self):
        self.write({"a.py": f"x = '{hub_token()}'\n", ".gitignore": "a.py\n"})
        self.push("acme/data")
        self.assertNotIn("a.py", self.tree("acme/data"))

    def test_words_and_names_that_leave_with_the_files_are_looked_into(self):
        """The title of the commit, its text and the names of its files leave just as their bytes do."""
        title, text, name = hub_token(), github_token(), hub_token()
        self.write({f"runs/{name}/log.txt": "fine\n"})
        words = ["--message", f"with {title}", "--description", f"First line\nby {text}"]
        refused = self.push("acme/data", *words, code=8)
        self.assertEqual(refused.error["reason"], "SECRETS_FOUND")
        findings = {finding["path"]: finding for finding in refused.json["findings"]}
        places = ["the commit message", "the description", f"the name of runs/hf_…{name[-2:]} ({len(name)} characters)"]
        self.assertEqual(list(findings), places)
        self.assertEqual([findings[place]["line"] for place in places], [1, 2, 1])
        self.assertEqual(findings[places[0]]["fingerprint"], "//message:hf-token:1")

        human = self.box.batuta("hf", "push", "dataset", str(self.folder), "--repo", "acme/data", "--yes", *words)
        self.assertEqual(human.code, 8)
        for place in places:
            self.assertIn(f"secret   {place}:", human.out + human.err)
        everything = refused.out + refused.err + human.out + human.err + self.box.daemon_log()
        everything += self.box.batuta("hf", "jobs", "ls", "--format", "json").out
        for secret in (title, text, name):
            for tail in range(12, len(secret)):
                self.assertNotIn(secret[-tail:], everything)
        self.assert_nothing_left(title, text, name)

        allowed = [flag for place in places for flag in ("--allow-secret", findings[place]["fingerprint"])]
        self.push("acme/data", *words, *allowed)
        self.assert_hub_has("acme/data")
        self.assertEqual(self.commits("acme/data")[0]["title"], f"with {title}")

    def test_message_of_the_commit_and_the_log_show_nothing(self):
        secret = hub_token()
        self.write({"a.py": f"x = '{secret}'\n"})
        human = self.box.batuta("hf", "push", "dataset", str(self.folder), "--repo", "acme/data", "--yes")
        self.assertEqual(human.code, 8)
        self.assertIn("a.py", human.out + human.err)
        self.assertIn("--allow-secret", human.out + human.err)
        everything = human.out + human.err + self.box.daemon_log() + self.box.batuta("hf", "jobs", "ls", "--format", "json").out
        for tail in range(12, len(secret)):
            self.assertNotIn(secret[-tail:], everything)


if __name__ == "__main__":
    unittest.main()
