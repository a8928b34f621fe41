"""batuta hf scan: local files, no hub, no daemon."""

import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import unittest

from harness import BATUTA, BATUTAD, SLOWNESS, EndToEndTest, make_weights, wait_until

# protocol 2, `posix.system("true")`, by opcode.
DANGEROUS = b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R."

# Speaks to the client as batuta-inspect does: everything is safe, but what is called "crash" ends it, and "hang" stops it.
STAND_IN = """#!/usr/bin/python3
import array, os, signal, socket, struct
ends = socket.socket(fileno=0)
def answer(message):
    ends.sendall(struct.pack("=I", len(message)) + message)
answer(b"")
while True:
    head, extra, _, _ = ends.recvmsg(4, socket.CMSG_SPACE(4))
    if not head:
        break
    request = ends.recv(struct.unpack("=I", head)[0], socket.MSG_WAITALL)
    if b"crash" in request:
        os.kill(os.getpid(), signal.SIGSEGV)
    if b"hang" in request:
        open(%r, "w").close()
        signal.pause()
    answer(b"\\x0a\\x11\\x12\\x04safe\\x1a\\x03any\\x22\\x04none")
"""


class ScanTest(EndToEndTest):
    def write(self, files):
        folder = self.box.folder / "files"
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    def scan(self, *args, code=0, env=None):
        result = self.box.batuta("hf", "scan", *map(str, args), env=env)
        self.assertEqual(result.code, code, result.out + result.err)
        return result

    def verdicts(self, *args, code=0, env=None):
        document = self.scan(*args, "--format", "json", code=code, env=env).json
        self.assertEqual(document["findings"], [])
        return {file["path"]: file["verdict"] for file in document["files"]}

    def test_each_file_by_its_content_and_the_worst_decides_the_exit_code(self):
        folder = self.write({"README.md": "# os.system\n", "a/model.safetensors": make_weights(1, 4096)})
        self.assertEqual(self.verdicts(folder), {"README.md": "safe", "a/model.safetensors": "safe"})
        self.write({"b/model.safetensors": "just text"})
        self.assertEqual(self.verdicts(folder, code=9)["b/model.safetensors"], "invalid")
        self.write({"c/model.bin": b"\xff\xfe\x00\x01"})
        self.assertEqual(self.verdicts(folder, code=8)["c/model.bin"], "unknown")
        self.write({"d/model.bin": DANGEROUS})
        found = {file["path"]: file for file in self.scan(folder, "--format", "json", code=8).json["files"]}["d/model.bin"]
        self.assertEqual((found["verdict"], found["format"], found["pickle"]), ("unsafe", "pickle", "dangerous"))
        self.assertEqual(found["globals"], ["posix.system"])
        self.assertIn("posix.system", found["reason"])
        self.assertTrue(found["code"])

    def test_a_name_that_is_no_utf8_is_escaped_and_the_file_judged_all_the_same(self):
        folder = self.write({"fine.txt": "fine"})
        for name, content in ((b"model-\xff.bin", DANGEROUS), (b"model-\xfe.safetensors", make_weights(1, 4096))):
            pathlib.Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(content)
        self.assertEqual(self.verdicts(folder, code=8), {"fine.txt": "safe", r"model-\xfe.safetensors": "safe", r"model-\xff.bin": "unsafe"})
        human = self.scan(folder, code=8)
        self.assertRegex(human.out, r"(?m)^unsafe +model-\\xff\.bin  \(pickle\): .*posix\.system")
        self.assertNotIn("protobuf", human.out + human.err)
        alone = self.scan(os.fsdecode(os.fsencode(folder) + b"/model-\xff.bin"), "--format", "quiet", code=8)
        self.assertEqual(alone.out, "unsafe model-\\xff.bin\n")
        self.write({".gitleaksignore": b"\xff\n"})
        self.assertIn("is not UTF-8", self.scan(folder, code=2).err)

    def test_what_people_and_scripts_see(self):
        folder = self.write({"ok.txt": "fine", "model.bin": DANGEROUS})
        human = self.scan(folder, code=8)
        self.assertRegex(human.out, r"(?m)^unsafe +model\.bin  \(pickle\): .*posix\.system")
        self.assertRegex(human.out, r"(?m)^2 files: 1 safe, 1 unsafe$")
        self.assertEqual(self.scan(folder, "--format", "quiet", code=8).out, "unsafe model.bin\n")
        lines = [json.loads(line) for line in self.scan(folder, "--events", code=8).out.splitlines()]
        self.assertEqual([line["file"]["path"] for line in lines[:-1]], ["model.bin", "ok.txt"])
        self.assertEqual(len(lines[-1]["files"]), 2)

    def test_a_single_file_goes_by_its_own_name(self):
        folder = self.write({"model.safetensors": make_weights(2, 4096)})
        self.assertEqual(self.verdicts(folder / "model.safetensors"), {"model.safetensors": "safe"})

    def test_links_are_files_and_a_folder_is_entered_once(self):
        folder = self.write({"blobs/0": make_weights(3, 4096), "snapshots/x/sub/a.txt": "a", ".git/hooks/run": "#!/bin/sh\n"})
        os.symlink("../../blobs/0", folder / "snapshots/x/model.safetensors")
        os.symlink("nowhere", folder / "snapshots/x/gone")
        os.symlink("..", folder / "snapshots/x/loop")
        os.mkfifo(folder / "snapshots/x/pipe")
        self.assertEqual(self.verdicts(folder / "snapshots/x", code=8)["model.safetensors"], "safe")
        self.assertEqual(self.verdicts(folder, code=8), {
            "blobs/0": "safe", "snapshots/x/model.safetensors": "safe", "snapshots/x/sub/a.txt": "safe",
            "snapshots/x/gone": "unknown", "snapshots/x/pipe": "unknown"})

    def test_a_file_on_which_the_inspector_stops_is_unknown_and_the_scan_goes_on(self):
        folder = self.write({"a.txt": "a", "crash.txt": "b", "z.txt": "c"})
        self.assertEqual(self.verdicts(folder, code=8, env=self.stand_in()), {"a.txt": "safe", "crash.txt": "unknown", "z.txt": "safe"})

    def test_ctrl_c_ends_it_also_while_the_inspector_hangs(self):
        folder = self.write({"hang.txt": "a"})
        process = self.box.start_batuta("hf", "scan", str(folder), env=self.stand_in())
        wait_until(lambda: (self.box.folder / "hangs").exists(), "the inspector to hang")
        process.send_signal(signal.SIGINT)
        process.communicate()
        self.assertEqual(process.returncode, 130)

    def stand_in(self):
        folder = self.box.folder / "stand-in"
        folder.mkdir()
        program = folder / "batuta-inspect"
        program.write_text(STAND_IN % str(self.box.folder / "hangs"))
        program.chmod(0o755)
        return {"PATH": f"{folder}{os.pathsep}{self.box.env['PATH']}"}

    def test_what_a_file_says_of_others_is_held_against_them(self):
        index = json.dumps({"weight_map": {"w": "model-00001-of-00001.safetensors"}})
        folder = self.write({"a/model.safetensors.index.json": index, "a/model-00001-of-00001.safetensors": make_weights(4, 4096)})
        self.assertEqual(set(self.verdicts(folder).values()), {"safe"})
        self.assertEqual(self.verdicts(folder / "a/model.safetensors.index.json"), {"model.safetensors.index.json": "safe"})
        (folder / "a/model-00001-of-00001.safetensors").rename(folder / "model-00001-of-00001.safetensors")
        self.assertEqual(self.verdicts(folder, code=9), {
            "a/model.safetensors.index.json": "invalid", "model-00001-of-00001.safetensors": "safe"})

    def test_a_file_stays_open_while_another_is_asked_for(self):
        layers = '<layer name="w" type="Const" id="0" version="opset1"><data element_type="u8" shape="4" offset="0" size="4"/></layer>'
        folder = self.write({"model.xml": f'<?xml version="1.0"?><net name="m" version="11"><layers>{layers}</layers><edges/></net>', "model.bin": b"\xff\x00\x01\x02"})
        self.assertEqual(self.verdicts(folder, code=8)["model.xml"], "safe")

    def test_the_inspector_is_shut_in(self):
        ours, theirs = socket.socketpair()
        process = subprocess.Popen([os.path.join(os.path.dirname(BATUTAD), "batuta-inspect")], stdin=theirs, env={})
        self.box.processes.append(process)
        theirs.close()
        self.assertEqual(ours.recv(4), b"\0\0\0\0")  # ready
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        limits = pathlib.Path(f"/proc/{process.pid}/limits").read_text()
        ours.close()
        self.assertEqual(process.wait(), 0)
        if SLOWNESS == 1:  # sanitizers need more than that
            self.assertRegex(status, r"(?m)^Seccomp:\s+2$")
            self.assertRegex(status, r"(?m)^NoNewPrivs:\s+1$")
            self.assertRegex(limits, r"(?m)^Max address space +1073741824 ")

    def test_sarif_for_the_tools_of_reviews(self):
        folder = self.write({"a b/model.bin": DANGEROUS, "model.safetensors": "text", "ok.txt": "fine"})
        target = self.box.folder / "scan.sarif"
        self.scan(folder, f"--sarif={target}", code=8)
        document = json.loads(target.read_text())
        self.assertEqual(document["version"], "2.1.0")
        run, = document["runs"]
        rules = run["tool"]["driver"]["rules"]
        for result in run["results"]:
            self.assertEqual(rules[result["ruleIndex"]]["id"], result["ruleId"])
        places = {result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]: result["level"] for result in run["results"]}
        self.assertEqual(places, {"a%20b/model.bin": "error", "model.safetensors": "warning"})
        self.assertEqual(json.loads(self.scan(folder, "--sarif", code=8).out), document)

    def test_what_cannot_be_done_is_said(self):
        self.assertEqual(self.box.batuta("hf", "scan", str(self.box.folder / "nothing")).code, 4)
        self.assertEqual(self.box.batuta("hf", "scan", str(self.box.folder), "--safety", "--no-inline-allow").code, 2)
        self.assertEqual(self.box.batuta("hf", "scan", str(self.box.folder), "--secret-rules", "nothing").code, 4)
        self.assertEqual(self.box.batuta("hf", "scan").code, 2)
        alone = pathlib.Path(self.box.folder) / "alone"
        alone.mkdir()
        shutil.copy(BATUTA, alone)
        result = subprocess.run([alone / "batuta", "hf", "scan", alone], env={**self.box.env, "PATH": "/usr/bin"}, capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("batuta-inspect", result.stderr)

    def test_it_needs_no_home_and_leaves_nothing(self):
        folder = self.write({"ok.txt": "fine"})
        before = sorted(map(str, pathlib.Path(self.box.folder).rglob("*")))
        self.scan(folder, env={"HOME": "/nonexistent", "HF_ENDPOINT": "http://127.0.0.1:1"})
        self.assertEqual(sorted(map(str, pathlib.Path(self.box.folder).rglob("*"))), before)

    def test_a_lying_header_costs_no_memory(self):
        liar = struct.pack("<Q", 99_000_000) + b'{"a":'
        folder = self.write({"model.safetensors": liar, "deep.json": "[" * 1_000_000})
        self.assertEqual(self.verdicts(folder, code=8), {"model.safetensors": "invalid", "deep.json": "unknown"})


if __name__ == "__main__":
    unittest.main()
