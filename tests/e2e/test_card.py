"""batuta hf card: the card that a push of a model folder would bring along, without a hub."""

import json
import pathlib
import shutil
import unittest
import urllib.request

from harness import PATIENCE_S, EndToEndTest

FOLDERS = pathlib.Path(__file__).resolve().parents[1] / "unit" / "daemon" / "card" / "folders"
ADAPTER = {"base_model_name_or_path": "acme/otter-7b", "peft_type": "LORA", "r": 16, "task_type": "CAUSAL_LM"}


class CardTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        # Nobody answers there: a card needs nobody.
        self.box.env["HF_ENDPOINT"] = "http://127.0.0.1:9"
        self.box.daemon()
        self.folder = self.box.folder / "otter-7"
        self.folder.mkdir()

    def write(self, **files):
        for name, content in files.items():
            target = self.folder / name.replace("__", ".")
            target.write_bytes(content if isinstance(content, bytes) else content.encode())

    def card(self, *args, code=0):
        result = self.box.batuta("hf", "card", str(self.folder), *args)
        self.assertEqual(result.code, code, result.err)
        return result

    def test_the_program_shows_the_card_that_is_expected(self):
        source = FOLDERS / "certeza"
        shutil.copy(source / "certeza.json", self.folder)
        shown = self.card("--repo", "acme/otter-7")
        self.assertEqual(shown.out, (source / "expected" / "README.md").read_text())
        self.assertIn("certeza.json: task, evaluation results, versions", shown.err)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["certeza.json"], "nothing is written")

    def test_the_curve_goes_with_it(self):
        shutil.copy(FOLDERS / "trained" / "trainer_state.json", self.folder)
        card = self.card("--format", "json").json
        self.assertEqual(set(card), {"card", "readme", "files", "sources", "warnings", "diff"})
        self.assertEqual(card["card"], "generated")
        self.assertIn("# otter-7\n", card["readme"])
        self.assertEqual(card["files"], [{"path": "training_loss.svg",
                                          "content": (FOLDERS / "trained" / "expected" / "training_loss.svg").read_text()}])

    def test_a_card_that_is_there_keeps_every_byte(self):
        mine = b"---\r\n# mine\r\nlicense:   mit # agreed\r\n---\r\n\r\n# Otter  \r\n"
        self.write(README__md=mine, adapter_config__json=json.dumps(ADAPTER))
        card = self.card("--format", "json").json
        self.assertEqual(card["card"], "completed")
        added = b"library_name: peft\r\npipeline_tag: text-generation\r\nbase_model: acme/otter-7b\r\nbase_model_relation: adapter\r\ntags:\r\n- lora\r\n"
        head, tail = mine.split(b"---\r\n\r\n")
        self.assertEqual(card["readme"].encode(), head + added + b"---\r\n\r\n" + tail)
        diff = self.card("--diff").out
        self.assertIn("+library_name: peft", diff)
        self.assertNotIn("\n-license", diff)
        self.assertEqual((self.folder / "README.md").read_bytes(), mine)

    def test_what_needs_nothing_stays(self):
        self.write(README__md="---\nlicense: mit\n---\n# Otter\n")
        self.assertEqual(self.card("--format", "quiet").out, "present\n")
        self.assertEqual(self.card().out, "---\nlicense: mit\n---\n# Otter\n")
        self.assertEqual(self.card("--diff").out, "")

    def test_wrong_metadata_is_an_error_that_names_the_line(self):
        self.write(README__md="---\nlicense: mit\nlicense: apache-2.0\n---\n", adapter_config__json=json.dumps(ADAPTER))
        result = self.card("--format", "json", code=9)
        self.assertEqual(result.error["reason"], "INVALID_CONTENT")
        self.assertIn("README.md, line 3", result.error["message"])

    def test_what_cannot_be_read_is_left_out_with_a_warning(self):
        self.write(config__json="{", adapter_config__json=json.dumps(ADAPTER))
        (self.folder / "trainer_state.json").symlink_to("/etc/passwd")
        card = self.card("--format", "json").json
        self.assertEqual([source.split(":")[0] for source in card["sources"]], ["adapter_config.json"])
        self.assertTrue(any(warning.startswith("config.json: left out: not JSON") for warning in card["warnings"]), card["warnings"])
        self.assertNotIn("root:", json.dumps(card))

    def test_a_folder_that_is_not_there(self):
        result = self.box.batuta("hf", "card", str(self.box.folder / "nowhere"))
        self.assertEqual(result.code, 4, result.err)
        self.assertIn("nowhere", result.err)

    def test_the_hub_takes_every_card_that_is_expected(self):
        hub = self.box.hub()
        cards = sorted(FOLDERS.glob("*/expected/README.md"))
        self.assertGreaterEqual(len(cards), 8)
        for card in cards:
            with self.subTest(folder=card.parts[-3]):
                question = json.dumps({"repoType": "model", "content": card.read_bytes().decode()}).encode()
                request = urllib.request.Request(f"{hub.endpoint}/api/validate-yaml", question, {"Content-Type": "application/json"})
                with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                    self.assertEqual(json.load(answer)["errors"], [])


if __name__ == "__main__":
    unittest.main()
