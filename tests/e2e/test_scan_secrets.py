"""batuta hf scan --secrets: what looks like a secret in local files. Every value is made by chance here."""

import base64
import gzip
import io
import json
import os
import pathlib
import random
import re
import shutil
import string
import subprocess
import tarfile
import unittest
import zipfile
import zlib

from clean_files import CleanFiles
from harness import BATUTA, EndToEndTest, make_weights

NPM = pathlib.Path(os.environ["BATUTA_NPM_DIR"]) if "BATUTA_NPM_DIR" in os.environ else None
CHANCE = random.Random(2026)


def characters(count, alphabet=string.ascii_letters + string.digits):
    return "".join(CHANCE.choice(alphabet) for _ in range(count))


def hub_token():
    return "hf" + "_" + characters(34, string.ascii_letters)


def github_token():
    digits, body = string.digits + string.ascii_uppercase + string.ascii_lowercase, characters(30)
    number, check = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        check = digits[digit] + check
    return "gh" + "p_" + body + check


class ScanSecretsTest(EndToEndTest):
    def write(self, files):
        folder = self.box.folder / "files"
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    def scan(self, *args, code=0):
        result = self.box.batuta("hf", "scan", *map(str, args))
        self.assertEqual(result.code, code, result.out + result.err)
        return result

    def found(self, *args, code=8):
        document = self.scan(*args, "--format", "json", code=code).json
        return {(finding["path"], finding["line"], finding["kind"]) for finding in document["findings"]}

    def test_both_are_looked_for_unless_one_is_named(self):
        folder = self.write({"a.md": f"# notes\nlogin('{hub_token()}')\n", "m.safetensors": make_weights(1, 4096)})
        both = self.scan(folder, "--format", "json", code=8).json
        self.assertEqual([file["verdict"] for file in both["files"]], ["safe", "safe"])
        self.assertEqual(both["findings"][0]["fingerprint"], "a.md:hf-token:2")
        alone = self.scan(folder, "--secrets", "--format", "json", code=8).json
        self.assertEqual((alone["files"], alone["findings"]), ([], both["findings"]))
        self.assertEqual(self.scan(folder, "--safety", "--format", "json").json["findings"], [])

    def test_codings_and_containers(self):
        line = f"token: {hub_token()}\n"
        text = "# settings\n" + line
        archive, tar = io.BytesIO(), io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
            writer.writestr("inner/a.txt", text)
        with tarfile.open(fileobj=tar, mode="w:gz") as writer:
            member = tarfile.TarInfo("deep.zip")
            member.size = len(archive.getvalue())
            writer.addfile(member, io.BytesIO(archive.getvalue()))
        notebook = {"cells": [{"cell_type": "code", "source": ["import os\n", line]}]}
        folder = self.write({
            "plain.txt": text, "utf16.txt": text.encode("utf-16"), "coded.txt": "\nx = " + base64.b64encode(line.encode()).decode(),
            "hex.txt": "\nx = " + line.encode().hex(), "a.txt.gz": gzip.compress(text.encode()), "a.zip": archive.getvalue(),
            "a.tar.gz": tar.getvalue(), "a.ipynb": json.dumps(notebook, indent=1)})
        places = {(path, number) for path, number, kind in self.found(folder, "--secrets") if kind == "hf-token"}
        self.assertEqual(places, {
            ("plain.txt", 2), ("utf16.txt", 2), ("coded.txt", 2), ("hex.txt", 2), ("a.txt.gz!a.txt", 2), ("a.zip!inner/a.txt", 2),
            ("a.tar.gz!deep.zip!inner/a.txt", 2), ("a.ipynb", 7)})

    def test_nothing_shows_a_secret(self):
        secrets = [hub_token(), github_token(), characters(24)]
        folder = self.write({"a.env": "".join(f"A_TOKEN={secret}\n" for secret in secrets),
                             "b.txt": base64.b64encode("\n".join(secrets).encode()).decode()})
        target = self.box.folder / "scan.sarif"
        outputs = [target]
        shown = ""
        for arguments in (["--format", "human"], ["--format", "json"], ["--format", "quiet"], ["--events"], [f"--sarif={target}"]):
            result = self.scan(folder, "--secrets", *arguments, code=8)
            shown += result.out + result.err
        shown += "".join(path.read_text() for path in outputs)
        self.assertIn("hf-token", shown)
        for secret in secrets:
            for length in range(12, len(secret)):
                self.assertNotIn(secret[-length:], shown)

    def test_comments_lists_and_rules_of_the_user(self):
        token = hub_token()
        folder = self.write({"a.py": f"x = '{token}'  # batuta:allow-secret hf-token a fake\n", "b.py": f"x = '{token}'\n",
                             ".gitleaksignore": "# looked at\nb.py:hf-token:1\n"})
        document = self.scan(folder, "--secrets", "--format", "json").json
        self.assertEqual((document["findings"], document["allowed"]), ([], 2))
        self.assertEqual(self.found(folder, "--secrets", "--no-inline-allow"), {("a.py", 1, "hf-token")})
        self.write({".gitleaks.toml": "[[rules]]\nid = 'badge'\nregex = 'badge-[0-9]{6}'\nkeywords = ['badge']\n", "c.txt": "\nbadge-123456\n"})
        self.assertEqual(self.found(folder, "--secrets"), {("c.txt", 2, "badge")})
        rules = self.box.folder / "rules.toml"
        rules.write_text("[[rules]]\nid = 'broken'\nregex = '('\n")
        self.assertIn("broken", self.scan(folder, "--secret-rules", rules, code=2).err)

    def test_the_hook_of_the_documents_stops_a_commit_of_a_secret(self):
        document = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "secrets.md").read_text()
        hook = re.search(r"```sh\n(#!/bin/sh\n.*?)```", document, re.DOTALL)[1]
        folder = self.write({"a.py": "x = 1\n", ".env": f"HF_TOKEN={hub_token()}\n", ".gitignore": ".env\n"})
        environment = {**os.environ, "PATH": f"{pathlib.Path(BATUTA).parent}:{os.environ['PATH']}", "HOME": str(self.box.folder), "GIT_CONFIG_NOSYSTEM": "1"}

        def git(*arguments, code=0):
            result = subprocess.run(["git", "-c", "user.name=me", "-c", "user.email=me@example.org", *arguments], cwd=folder, env=environment,
                                    capture_output=True, text=True)
            self.assertEqual(result.returncode != 0, code != 0, result.stdout + result.stderr)
            return result.stdout + result.stderr

        git("init", "--quiet")
        (folder / ".git/hooks/pre-commit").write_text(hook)
        (folder / ".git/hooks/pre-commit").chmod(0o755)
        git("add", ".")
        git("commit", "-m", "what is ignored does not matter")
        self.write({"b.py": f"x = 1\ntoken = '{hub_token()}'\n"})
        git("add", "b.py")
        self.write({"b.py": "x = 1\n"})  # what counts is what is staged
        self.assertIn("b.py:2", git("commit", "-m", "a secret", code=1))
        self.write({".gitleaksignore": "b.py:hf-token:2\n"})
        git("add", ".gitleaksignore")
        git("commit", "-m", "one that was looked at")

    def test_a_crash_is_no_clean_file(self):
        folder = self.write({"ok.txt": "fine"})
        os.mkfifo(folder / "pipe")
        self.assertIn("could not be looked into", self.scan(folder, "--secrets", code=8).err)

    def test_processors_make_no_difference_to_what_is_told(self):
        files = {f"d{number % 7}/{number:03}.ini": "x = 1\n" * (number * 97 % 4000) + (f"token = {hub_token()}\n" if number % 10 == 0 else "")
                 for number in range(300)}
        folder = self.write(files)
        several = self.box.batuta("hf", "scan", str(folder), "--secrets")
        one = subprocess.run(["taskset", "-c", str(min(os.sched_getaffinity(0))), BATUTA, "hf", "scan", str(folder), "--secrets"], capture_output=True,
                             text=True)
        self.assertEqual(several.out, one.stdout)
        self.assertEqual(several.out.count("hf-token"), 30)
        lines = [line for line in several.out.splitlines() if "hf-token" in line]
        self.assertEqual(lines, sorted(lines))

    @unittest.skipIf(NPM is None or not NPM.exists(), "no npm packages here")
    def test_columns_of_parquet_files_that_others_wrote(self):
        folder = self.write({"notes.txt": "fine"})
        subprocess.run(["node", NPM / "make_parquet.mjs", folder, f"login {hub_token()}", "1234"], check=True)
        self.assertEqual(self.found(folder, "--secrets"),
                         {(f"{codec}.parquet!text", 1234, "hf-token") for codec in ("uncompressed", "snappy", "gzip")})

    def alarms_in(self, what, files):
        """Scans files that have no secret, (name, bytes or path) each; prints and answers the share that is told to have one."""
        folder = self.box.folder / "clean"
        leak = self.write({"leak.txt": hub_token()}) / "leak.txt"  # so that it is seen to look
        for number, (name, content) in enumerate([*files, ("leak", leak)]):
            path = folder / str(number) / name
            path.parent.mkdir(parents=True)
            if isinstance(content, pathlib.Path):
                os.symlink(content, path)
            else:
                path.write_bytes(content)
        result = self.box.batuta("hf", "scan", str(folder), "--secrets", "--format", "json")
        findings = json.loads(result.out)["findings"]
        self.assertEqual([finding["kind"] for finding in findings if finding["path"].endswith("/leak")], ["hf-token"])
        findings = [finding for finding in findings if not finding["path"].endswith("/leak")]
        alarmed = {finding["path"].split("/")[0] for finding in findings}
        print(f"{what}: {len(alarmed)} false alarms in {len(files)} clean files", *(finding["fingerprint"] for finding in findings), sep="\n  ")
        return len(alarmed) / len(files)

    def test_clean_files_of_every_kind(self):
        files = [(name, content) for _, name, content in CleanFiles(seed=2026).all(of_each=6)]
        self.assertGreaterEqual(len(files), 200)
        self.assertLessEqual(self.alarms_in("kinds of files that repos of models and data hold", files), 0.01)

    @unittest.skipIf(NPM is None or not NPM.exists(), "no npm packages here")
    def test_files_of_npm_packages_are_clean(self):
        """Tokenizers, configurations, programs, lock files: what others wrote."""
        kinds = (".json", ".md", ".txt", ".yml", ".yaml", ".ts", ".mjs", ".cjs", ".js", ".map", ".model", ".onnx", ".lock", ".wasm")
        paths = [path for path in sorted(NPM.rglob("*")) if path.suffix in kinds and path.is_file() and not path.is_symlink()]
        words = ("tokenizer", "vocab", "merges", "encoder", "ranks")
        tokenizers = [path for path in paths if path.suffix == ".json" and any(word in str(path.relative_to(NPM)) for word in words)
                      and path.stat().st_size > 100_000]
        self.assertGreaterEqual(len(tokenizers), 5, "real vocabularies come with the packages")
        self.assertLessEqual(self.alarms_in("vocabularies of others", [(path.name, path) for path in tokenizers]), 0)
        shutil.rmtree(self.box.folder / "clean")
        chosen = paths[:: max(1, len(paths) // 1500)]
        self.assertGreaterEqual(len(chosen), 200)
        self.assertLessEqual(self.alarms_in("files of npm packages", [(path.name, path) for path in chosen]), 0.01)


if __name__ == "__main__":
    unittest.main()
