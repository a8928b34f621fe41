"""Every file of the corpus is judged as it must be by `batuta hf scan`: nothing harmful passes, nothing harmless alarms.

The programs come from the environment: BATUTA and BATUTA_INSPECT (absolute paths).
"""

import collections
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import make_corpus
from safetycorpus import classes, collection, op

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "testing.md"
TABLE_BEGINS, TABLE_ENDS = "<!-- made by tests/corpus/make_corpus.py --table -->\n", "<!-- end -->\n"


def scan(path):
    """The exit code and the document."""
    env = {"PATH": os.path.dirname(os.environ["BATUTA_INSPECT"]) + os.pathsep + os.defpath, "HOME": "/nowhere"}
    result = subprocess.run([os.environ["BATUTA"], "hf", "scan", str(path), "--format", "json"], env=env, capture_output=True, text=True,
                            timeout=300, check=False)
    try:
        return result.returncode, json.loads(result.stdout)
    except ValueError:
        raise AssertionError(f"exit {result.returncode}, no document\n{result.stdout[-2_000:]}\n{result.stderr[-2_000:]}") from None


def is_right(sample, found):
    verdicts = (sample.verdict,) if sample.verdict != collection.REFUSED else (collection.UNSAFE, collection.INVALID, collection.UNKNOWN)
    return found["verdict"] in verdicts and sample.pickle in (collection.ANY, found["pickle"])


class CorpusTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.corpus = make_corpus.make()
        folder = tempfile.TemporaryDirectory(prefix="batuta-corpus-")
        cls.addClassCleanup(folder.cleanup)
        root = pathlib.Path(folder.name) / "corpus"
        cls.corpus.write(root)
        cls.root = root
        cls.code, document = scan(root)
        cls.found = {file["path"]: file for file in document["files"]}

    def wrong(self, samples):
        lines = []
        for sample in samples:
            found = self.found.get(sample.path, {"verdict": "not looked at", "pickle": "none"})
            if not is_right(sample, found):
                lines.append(f"{sample.path}: {found['verdict']}, pickle {found['pickle']} ({found.get('reason', '')}); "
                             f"must be {sample.verdict}, pickle {sample.pickle} [{sample.group}] {sample.note}")
        return lines

    def check(self, samples, what):
        samples = list(samples)
        wrong = self.wrong(samples)
        print(f"{len(samples) - len(wrong)} of {len(samples)} {what} judged rightly")
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))

    def test_no_alarm_about_files_of_everyday_life(self):
        self.check((sample for sample in self.corpus.samples.values() if sample.group == "legit"), "files of everyday life")

    def test_every_evasion_is_refused(self):
        for slug, each in classes.CLASSES.items():
            with self.subTest(slug):
                self.check((sample for sample in self.corpus.samples.values() if sample.group == slug), f"files of \"{each.title}\"")

    def test_nothing_else_is_reported(self):
        self.assertEqual(set(self.found), set(self.corpus.samples))
        self.assertEqual(self.code, 8)

    def test_a_file_by_itself_is_judged_as_it_is_among_others(self):
        """A hostile neighbour neither spoils nor saves it."""
        exits = {"safe": 0, "unsafe": 8, "invalid": 9, "unknown": 8}
        for path in list(self.corpus.samples)[::50]:
            code, document = scan(self.root / path)
            self.assertEqual(document["files"][0]["verdict"], self.found[path]["verdict"], path)
            self.assertEqual(code, exits[self.found[path]["verdict"]], path)


class PropertiesTest(unittest.TestCase):
    """What holds for files of every kind, on files made from those of the corpus."""

    NAMES = ("model.safetensors", "model.gguf", "pytorch_model.bin", "model.ckpt", "README.md", "config.json", "tokenizer_config.json", "vocab.txt", "notes",
             "image.png", "photo.jpg", "sound.wav", "train.parquet", "train.csv", "model.h5", "model.keras", "model.onnx", "model.onnx_data", "weights.npz",
             "weights.npy", "data.zip", "data.tar", "data.gz", "tokenizer.model", "flax_model.msgpack", "model.tflite", "saved_model.pb", "page.html", "style.css",
             "drawing.svg", "variables.data-00000-of-00001", "chat_template.jinja", "config.yaml", "model.mlmodel", "openvino_model.xml", ".gitattributes")

    @classmethod
    def setUpClass(cls):
        cls.samples = make_corpus.make().samples.values()

    def judge(self, files):
        """`files`: (name, bytes, what it is) of each; yields what it is and the verdict."""
        with tempfile.TemporaryDirectory(prefix="batuta-corpus-") as folder:
            made = {}
            for number, (name, data, what) in enumerate(files):
                path = pathlib.Path(folder) / str(number) / name
                path.parent.mkdir()
                path.write_bytes(data)
                made[f"{number}/{name}"] = what
            found = scan(folder)[1]["files"]
            self.assertEqual(len(found), len(made))
            print(f"{len(found)} files")
            for file in found:
                yield made[file["path"]], file["verdict"]

    def assert_none_is_safe(self, files):
        self.assertEqual([what for what, verdict in self.judge(files) if verdict == "safe"], [])

    def test_no_name_makes_a_dangerous_pickle_safe(self):
        evil = [sample for sample in self.samples if sample.pickle == collection.DANGEROUS and len(sample.data) < 10_000]
        self.assert_none_is_safe((name, sample.data, f"{sample.path} as {name}") for number, sample in enumerate(evil)
                                 for name in self.NAMES[number % 4::4])

    def test_whatever_follows_a_safe_file_it_is_no_longer_safe(self):
        """But for text, and numbers of which only another file knows how many there are."""
        def is_closed(sample):
            return sample.verdict == collection.SAFE and b"\0" in sample.data and not sample.path.endswith("_data")

        tails = (b"\x01", b"PK\5\6" + bytes(18), b"\x80\x02N.")
        self.assert_none_is_safe((os.path.basename(sample.path), sample.data + tail, f"{sample.path} and {tail!r}")
                                 for sample in self.samples if is_closed(sample) for tail in tails)

    def test_a_dangerous_pickle_that_is_cut_off_behind_its_call_stays_refused(self):
        whole = op.p2(op.lst(op.num(1)) + op.POP + op.ATTACK + op.POP + op.lst(op.num(1), op.uni("tail")))
        end = whole.index(op.REDUCE) + 1
        self.assert_none_is_safe((name, whole[:size], f"{size} bytes") for size in range(end, len(whole)) for name in ("model.pkl", "notes.txt"))

    def test_one_bit_may_not_make_a_clean_pickle_safe(self):
        clean = [sample for sample in self.samples if sample.pickle == collection.CLEAN and len(sample.data) < 400]

        def flipped():
            for sample in clean:
                for at in range(0, len(sample.data), 3):
                    data = bytearray(sample.data)
                    data[at] ^= 1 << at % 8
                    yield "model.bin", bytes(data), f"{sample.path}, bit {at % 8} of byte {at}"

        verdicts = collections.Counter(verdict for _, verdict in self.judge(flipped()))
        self.assertLess(verdicts["safe"], sum(verdicts.values()) // 100, verdicts)


class CorpusItselfTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.corpus = make_corpus.make()

    def test_every_class_has_files_and_there_are_enough(self):
        counts = collections.Counter(sample.group for sample in self.corpus.samples.values())
        self.assertEqual(set(classes.CLASSES) - set(counts), set())
        self.assertGreaterEqual(sum(counts.values()), 300)
        self.assertGreaterEqual(counts["legit"], 100)

    def test_the_same_at_every_run(self):
        again = make_corpus.make()
        self.assertEqual([path for path, sample in self.corpus.samples.items() if again.samples[path] != sample], [])

    def test_the_documented_table_is_the_one_that_the_script_makes(self):
        text = DOCS.read_text()
        begin = text.index(TABLE_BEGINS) + len(TABLE_BEGINS)
        self.assertEqual(text[begin:text.index(TABLE_ENDS, begin)], make_corpus.table(self.corpus))


if __name__ == "__main__":
    unittest.main()
