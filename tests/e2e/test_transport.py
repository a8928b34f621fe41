"""What one cache has, on a machine without network: exported, carried over, imported, verified on arrival."""

import contextlib
import io
import json
import os
import pathlib
import subprocess
import tarfile
import unittest

from harness import BATUTA, EndToEndTest, PATIENCE_S, Sandbox, kill_9, make_weights, wait_until

KB = 1000


class TransportTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.files = {"config.json": '{"of": "otter"}', "empty.txt": "", "sub/Größe b.json": "{}", "a/copy.json": "{}",
                      "model.safetensors": make_weights("otter", 700 * KB)}
        self.hub = self.box.hub(args=["--no-rate-limits"])
        self.commit = self.hub.commit("acme/otter", self.files)["commit"]
        self.box.daemon()
        self.box.pull("model", "acme/otter")
        self.tar = self.box.folder / "otter.tar"
        # Another machine: no hub that could be reached.
        self.away = Sandbox()
        self.addCleanup(self.away.close)
        self.away.env["HF_ENDPOINT"] = self.hub.endpoint
        self.away.env["HF_HUB_OFFLINE"] = "1"
        self.away.daemon()

    def run_in(self, box, *args, code=0):
        result = box.batuta("hf", "cache", *args, "--format", "json")
        self.assertEqual(result.code, code, result.out + result.err + box.daemon_log())
        return result.json if code == 0 else result.error

    def export(self, *args):
        return self.run_in(self.box, "export", str(self.tar), *args)

    def take_in(self, code=0, tar=None):
        return self.run_in(self.away, "import", str(tar or self.tar), code=code)

    def snapshot(self, box, commit=None):
        return box.cache / "models--acme--otter" / "snapshots" / (commit or self.commit)

    def assert_arrived(self, files, commit=None):
        for path, content in files.items():
            expected = content if isinstance(content, bytes) else content.encode()
            self.assertEqual((self.snapshot(self.away, commit) / path).read_bytes(), expected, path)

    def assert_nothing_visible(self):
        self.assertEqual([str(path) for path in self.away.cache.glob("*/snapshots/*/**/*") if not path.is_dir()], [])
        self.assertEqual(list(self.away.cache.glob("*/refs/*")), [])
        self.assertEqual(self.run_in(self.away, "ls")["repos"], [])
        self.assertEqual(list(self.away.cache.glob("*/.batuta-*")), [])

    def test_what_is_exported_arrives_byte_for_byte_and_is_served_offline(self):
        exported = self.export("model", "acme/otter")
        self.assertEqual(exported["commits"][0]["commit"], self.commit)
        self.assertEqual(exported["commits"][0]["refs"], ["main"])
        self.assertEqual(exported["size_bytes"], self.tar.stat().st_size)
        imported = self.take_in()["commits"][0]
        self.assertEqual((imported["repo"], imported["type"], imported["commit"]), ("acme/otter", "model", self.commit))
        self.assertEqual(imported["imported_files"], len(self.files))
        self.assertEqual(pathlib.Path(imported["path"]), self.snapshot(self.away))
        self.assert_arrived(self.files)
        before = self.hub.count()
        pulled = self.away.pull("model", "acme/otter", "--offline")
        self.assertEqual({file["status"] for file in pulled["files"]}, {"cached"})
        self.assertEqual(pulled["commit"], self.commit)
        self.assertEqual(self.hub.count(), before, "no request was made")
        entry = self.run_in(self.away, "ls")["repos"][0]
        self.assertEqual(len(entry["selections"]), 1)
        tree = "models--acme--otter/trees/" + self.commit + ".json"
        self.assertEqual(json.loads((self.away.cache / tree).read_text()), json.loads((self.box.cache / tree).read_text()))
        for link in self.snapshot(self.away).rglob("*"):
            if not link.is_dir():
                self.assertEqual(os.readlink(link), os.readlink(self.snapshot(self.box) / link.relative_to(self.snapshot(self.away))))
        again = self.take_in()["commits"][0]
        self.assertEqual((again["imported_files"], again["present_files"], again["imported_bytes"]), (0, len(self.files), 0))

    def test_tar_alone_makes_a_cache_of_it(self):
        self.export("acme/otter")
        self.away.cache.mkdir(exist_ok=True)
        subprocess.run(["tar", "-xf", str(self.tar), "-C", str(self.away.cache)], check=True, capture_output=True, timeout=PATIENCE_S)
        self.assert_arrived(self.files)
        pulled = self.away.pull("model", "acme/otter", "--offline")
        self.assertEqual({file["status"] for file in pulled["files"]}, {"cached"})

    def test_a_pipe_carries_it_over(self):
        with subprocess.Popen([BATUTA, "hf", "cache", "export", "-", "model", "acme/otter"], env=self.box.env,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as source:
            sink = subprocess.run([BATUTA, "hf", "cache", "import", "-", "--format", "quiet"], env=self.away.env,
                                  stdin=source.stdout, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        self.assertEqual((source.returncode, sink.returncode), (0, 0), sink.stderr)
        self.assertEqual(sink.stdout.strip(), str(self.snapshot(self.away)))
        self.assert_arrived(self.files)

    def test_several_commits_share_their_blobs(self):
        later = dict(self.files, **{"config.json": '{"v": 2}'})
        second = self.hub.commit("acme/otter", later, branch="next")["commit"]
        self.box.pull("model", "acme/otter", "--revision", "next")
        self.hub.commit("acme/notes", {"notes.md": "hello"}, kind="dataset")
        self.box.pull("dataset", "acme/notes")
        self.export("acme/otter", "acme/notes")
        with tarfile.open(self.tar) as archive:
            names = archive.getnames()
        self.assertEqual(len(names), len(set(names)), "each thing once")
        self.assertEqual(len([name for name in names if "models--acme--otter/blobs/" in name]), 5)
        imported = self.take_in()["commits"]
        self.assertEqual(len(imported), 3)
        self.assert_arrived(self.files)
        self.assert_arrived(later, second)
        self.assertEqual((self.away.cache / "models--acme--otter/refs/next").read_text(), second)
        self.assertEqual(next(self.away.cache.glob("datasets--acme--notes/snapshots/*/notes.md")).read_text(), "hello")

    def test_one_revision_of_several(self):
        second = self.hub.commit("acme/otter", {"config.json": '{"v": 2}'}, branch="next")["commit"]
        self.box.pull("model", "acme/otter", "--revision", "next")
        self.export("model", "acme/otter", "--revision", "next")
        self.assertEqual([commit["commit"] for commit in self.take_in()["commits"]], [second])
        self.assertFalse(self.snapshot(self.away).exists())

    def test_what_is_damaged_or_cut_off_is_exit_9_and_nothing_is_visible(self):
        self.export("model", "acme/otter")
        whole = self.tar.read_bytes()
        with tarfile.open(self.tar) as archive:
            weights = max(archive.getmembers(), key=lambda member: member.size)
            small = next(member for member in archive.getmembers() if "/blobs/" in member.name and 0 < member.size < 100)
        for member in (weights, small):
            damaged = bytearray(whole)
            damaged[member.offset_data + member.size // 2] ^= 1
            self.tar.write_bytes(damaged)
            self.assertEqual(self.take_in(code=9)["reason"], "DIGEST_MISMATCH")
            self.assert_nothing_visible()
        for size in (0, 700, len(whole) // 3, weights.offset_data + 10, len(whole) - weights.size // 2, weights.offset):
            self.tar.write_bytes(whole[:size])
            self.assertEqual(self.take_in(code=9)["code"], "DATA_LOSS", size)
            self.assert_nothing_visible()
        self.tar.write_bytes(b"colourless green ideas")
        self.take_in(code=9)
        self.assert_nothing_visible()
        self.tar.write_bytes(whole)
        self.take_in()
        self.assert_arrived(self.files)

    def test_a_daemon_killed_in_the_middle_leaves_nothing_visible_and_the_next_import_ends_well(self):
        self.export("model", "acme/otter")
        whole = self.tar.read_bytes()
        with tarfile.open(self.tar) as archive:
            weights = max(archive.getmembers(), key=lambda member: member.size)
        with subprocess.Popen([BATUTA, "hf", "cache", "import", "-"], env=self.away.env, stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as client:
            client.stdin.write(whole[:weights.offset_data + 600 * KB])
            client.stdin.flush()
            wait_until(lambda: list(self.away.cache.glob("*/.batuta-*")), "the blob to be on its way")
            kill_9(self.away.processes[0])
            with contextlib.suppress(BrokenPipeError):
                client.stdin.close()
        self.assertNotEqual(client.returncode, 0)
        self.away.daemon()
        self.assertEqual(list(self.away.cache.glob("*/.batuta-*")), [], "nobody would go on with it")
        self.assertEqual([str(path) for path in self.away.cache.glob("*/snapshots/*/*")], [])
        self.assertEqual(list(self.away.cache.glob("*/refs/*")), [])
        self.take_in()
        self.assert_arrived(self.files)

    def rewrite(self, change):
        """The archive with each member as `change(member, content)` says: a list of (member, content)."""
        out = io.BytesIO()
        with tarfile.open(self.tar) as old, tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as new:
            for member in old.getmembers():
                content = old.extractfile(member).read() if member.isreg() else None
                for changed, text in change(member, content):
                    new.addfile(changed, io.BytesIO(text) if text is not None else None)
        evil = self.box.folder / "evil.tar"
        evil.write_bytes(out.getvalue())
        return evil

    def test_archives_that_want_more_than_they_may_are_refused(self):
        self.export("model", "acme/otter")
        outside = self.away.folder / "outside"

        def extra(**fields):
            member = tarfile.TarInfo()
            content = fields.pop("content", b"")
            for name, value in fields.items():
                setattr(member, name, value)
            member.size = len(content)
            return lambda old, text: [(member, content), (old, text)] if old.name.endswith("config.json") else [(old, text)]

        def renamed(old, text, part, name):
            if part in old.name:
                old.name = name
            return [(old, text)]

        def relinked(target):
            def change(old, text):
                if old.issym() and old.name.endswith("config.json"):
                    old.linkname = target
                return [(old, text)]
            return change

        root = "models--acme--otter"
        link = f"{root}/snapshots/{self.commit}/evil"
        for name, change in {
            "absolute": extra(name=str(outside), content=b"x"),
            "upwards": extra(name="../outside", content=b"x"),
            "upwards inside": extra(name=f"{root}/blobs/../../outside", content=b"x"),
            "not of a cache": extra(name="version.txt", content=b"1"),
            "link out": extra(name=link, type=tarfile.SYMTYPE, linkname=str(outside)),
            "link upwards": extra(name=link, type=tarfile.SYMTYPE, linkname="../../../../outside"),
            "link for a folder": extra(name=f"{root}/blobs", type=tarfile.SYMTYPE, linkname=str(self.away.folder)),
            "hard link": extra(name=link, type=tarfile.LNKTYPE, linkname=f"{root}/refs/main"),
            "device": extra(name=link, type=tarfile.CHRTYPE, devmajor=1, devminor=3),
            "fifo": extra(name=link, type=tarfile.FIFOTYPE),
            "ref elsewhere": extra(name=f"{root}/refs/evil", content=b"f" * 40),
            "blob nobody wants": extra(name=f"{root}/blobs/{'f' * 64}", content=b"x"),
            "retargeted": relinked("../../blobs/" + "f" * 64),
            "relinked out": relinked("/etc/passwd"),
            "twice": lambda old, text: [(old, text), (old, text)],
            "a blob under another name": lambda old, text: renamed(old, text, "/blobs/", f"{root}/blobs/{'e' * 64}"),
        }.items():
            error = self.take_in(code=9, tar=self.rewrite(change))
            self.assertEqual(error["code"], "DATA_LOSS", name)
            self.assertFalse(outside.exists(), name)
            self.assert_nothing_visible()

    def test_archives_of_a_size_that_nobody_can_mean_are_refused(self):
        def archive_of(members):
            with tarfile.open(self.tar, mode="w", format=tarfile.PAX_FORMAT) as archive:
                for name, kind, target in members:
                    member = tarfile.TarInfo(name)
                    member.type, member.linkname = kind, target
                    archive.addfile(member)

        snapshot = f"models--acme--otter/snapshots/{self.commit}"
        archive_of((f"{snapshot}/{number:09}", tarfile.SYMTYPE, "../../blobs/" + "e" * 64) for number in range(60_000))
        self.assertEqual(self.take_in(code=1)["reason"], "ANSWER_TOO_LARGE")
        self.assert_nothing_visible()
        archive_of((f"models--acme--otter/snapshots/{number:040x}", tarfile.DIRTYPE, "") for number in range(3))
        self.take_in(code=9)
        self.assert_nothing_visible()
        huge = f"models--acme--otter/blobs/{'e' * 64}"
        archive_of([(f"{snapshot}/a.gguf", tarfile.SYMTYPE, "../../blobs/" + "e" * 64)])
        with tarfile.open(self.tar) as archive:
            end = archive.getmembers()[-1].offset_data
        member = tarfile.TarInfo(huge)
        member.size = 1 << 50
        self.tar.write_bytes(self.tar.read_bytes()[:end] + member.tobuf(format=tarfile.PAX_FORMAT) + b"x" * 4_000_000)
        # The disk is too small for it, and the archive ends too early; whichever is noticed first.
        self.assertIn(self.away.batuta("hf", "cache", "import", str(self.tar)).code, (7, 9))
        self.assert_nothing_visible()

    def test_a_listing_that_was_forged_is_refused(self):
        self.export("model", "acme/otter")

        def forge(old, text):
            if "/trees/" in old.name:
                text = text.replace(b'"size": 700000', b'"size": 700001')
                old.size = len(text)
            return [(old, text)]

        self.assertEqual(self.take_in(code=9, tar=self.rewrite(forge))["reason"], "DIGEST_MISMATCH")
        self.assert_nothing_visible()

    def test_bad_input(self):
        self.assertEqual(self.run_in(self.box, "export", str(self.tar), "model", "acme/none", code=10)["reason"], "OFFLINE_MISS")
        self.assertFalse(self.tar.exists())
        self.run_in(self.box, "export", str(self.tar), code=2)
        self.run_in(self.box, "export", "-", "acme/otter", code=2)
        self.run_in(self.away, "import", str(self.box.folder / "none.tar"), code=4)
        self.run_in(self.box, "export", str(self.box.folder / "no" / "folder.tar"), "acme/otter", code=4)
        self.assertEqual(list(self.box.folder.glob("*.tmp")), [])


if __name__ == "__main__":
    unittest.main()
