#!/usr/bin/env python3
"""Shows that each structure check fails when what it guards is broken, and names the place."""

import contextlib
import io
import os
import tempfile
import unittest

import api_docs
import api_golden
import cli_docs
import docs_links
import docs_lists
import include_edges
import reasons
import source_length


def run(check, *arguments):
    """(exit code, output) of a check's main()."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        code = check.main(list(arguments))
    return code, output.getvalue()


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)
        return full


class IncludeEdgesTest(Tree):
    TABLE = ("edge common/status ->\nedge daemon/transport -> common\nedge daemon/cache -> common\n"
             "edge daemon/app -> common daemon\nedge client -> common client\n"
             "fence curl/ -> daemon/transport\nonly daemon/transport/curl_transport.h -> daemon/app\n")

    def check(self, path, text, table=TABLE):
        self.write("common/status/status.h", "#include <string>\n")
        self.write(path, text)
        return run(include_edges, self.root, "--table", self.write("table.txt", table))

    def test_accepts_what_the_table_allows(self):
        for path, header in (("daemon/cache/a.cc", '"daemon/cache/a.h"'), ("daemon/cache/b.cc", '"common/status/status.h"'),
                             ("daemon/transport/a.cc", "<curl/curl.h>"), ("client/main.cc", '"common/status/status.h"'),
                             ("daemon/app/a.cc", '"daemon/transport/curl_transport.h"')):
            code, output = self.check(path, f"#include {header}\n")
            self.assertEqual(code, 0, output)

    def test_names_the_line_of_each_kind_of_forbidden_include(self):
        for path, header, why in (
                ("common/status/a.cc", '"daemon/cache/cache.h"', "common/status must not know daemon/cache"),
                ("daemon/cache/a.cc", '"daemon/transport/http.h"', "daemon/cache must not know daemon/transport"),
                ("daemon/cache/a.cc", '"client/main.h"', "must not know client"),
                ("client/a.cc", '"daemon/cache/cache.h"', "must not know daemon/cache"),
                ("daemon/cache/a.cc", "<curl/curl.h>", "belongs behind daemon/transport"),
                ("daemon/cache/a.cc", '"sibling.h"', "written from the root"),
                ("daemon/cache/a.cc", '"tests/support/fake.h"', "never reach into tests"),
                ("daemon/odd/a.cc", "<string>", "no edge row")):
            with self.subTest(header=header):
                code, output = self.check(path, f"// two\n#include {header}\n")
                self.assertEqual(code, 1)
                self.assertIn(f"{path}:", output)
                self.assertIn(why, output)
                os.unlink(os.path.join(self.root, path))

    def test_keeps_a_heavy_header_for_the_wiring(self):
        table = self.TABLE.replace("edge daemon/cache -> common", "edge daemon/cache -> common daemon/transport")
        code, output = self.check("daemon/cache/a.cc", '#include "daemon/transport/curl_transport.h"\n', table)
        self.assertEqual(code, 1)
        self.assertIn("only for daemon/app", output)

    def test_refuses_a_table_with_a_cycle(self):
        with self.assertRaisesRegex(SystemExit, "cycle"):
            self.check("client/a.cc", "\n", self.TABLE.replace("common/status ->", "common/status -> daemon/cache"))

    def test_an_empty_tree_is_no_success(self):
        code, _ = run(include_edges, self.root, "--table", self.write("table.txt", self.TABLE))
        self.assertEqual(code, 1)


class SourceLengthTest(Tree):
    def test_counts_to_the_limit(self):
        self.write("daemon/cache/a.cc", "\n" * 600)
        self.assertEqual(run(source_length, self.root)[0], 0)
        self.write("tests/unit/b.cc", "\n" * 601)
        code, output = run(source_length, self.root)
        self.assertEqual(code, 1)
        self.assertIn("tests/unit/b.cc:600: 601 lines", output)

    def test_an_empty_tree_is_no_success(self):
        self.assertEqual(run(source_length, self.root)[0], 1)


class ApiGoldenTest(Tree):
    PROTO = 'syntax = "proto3";\npackage batuta.v1;\n// A job.\nmessage Job {\n  string id = 1;\n}\n'

    def setUp(self):
        super().setUp()
        self.golden = os.path.join(self.root, "golden.txt")
        self.write("proto/batuta/v1/job.proto", self.PROTO)
        run(api_golden, self.root, "--golden", self.golden, "--update")

    def change(self, old, new):
        self.write("proto/batuta/v1/job.proto", self.PROTO.replace(old, new))
        return run(api_golden, self.root, "--golden", self.golden)

    def test_a_comment_is_no_change(self):
        self.assertEqual(self.change("A job.", "One job of the queue.")[0], 0)

    def test_a_renumbered_field_shows_in_the_difference(self):
        code, output = self.change("id = 1", "id = 2")
        self.assertEqual(code, 1)
        self.assertIn("-      number: 1", output)
        self.assertIn("+      number: 2", output)

    def test_a_new_field_is_a_change_too(self):
        self.assertEqual(self.change("string id = 1;", "string id = 1;\n  bool done = 2;")[0], 1)


class ApiDocsTest(Tree):
    PROTO = ('syntax = "proto3";\npackage batuta.v1;\nenum Reason {\n  REASON_UNSPECIFIED = 0;\n  REASON_JOB_NOT_FOUND = 1;\n}\n'
             "// Jobs.\nservice JobService {\n  // Ends it. Errors: JOB_NOT_FOUND.\n  rpc Cancel(Job) returns (stream Job);\n}\n"
             "// A job.\nmessage Job {\n  string id = 1;  // not empty\n}\n")

    def check(self, proto=PROTO, guide="| `JobService` | jobs |\n", update=False):
        self.write("proto/batuta/v1/job.proto", proto)
        self.write("docs/api.md", guide)
        return run(api_docs, self.root, *(["--update"] if update else []))

    def test_page_tells_methods_errors_and_fields_and_is_held_to_the_protos(self):
        self.assertEqual(self.check(update=True)[0], 0)
        with open(os.path.join(self.root, "docs/api-reference.md"), encoding="utf-8") as file:
            text = file.read()
        for part in ("### JobService.Cancel", "[Job](#job) → stream of [Job](#job)", "| `id` | string | not empty |",
                     "**Errors:** [`JOB_NOT_FOUND`](troubleshooting.md#job_not_found)."):
            self.assertIn(part, text)
        self.assertEqual(self.check()[0], 0)
        for change in (("not empty", "made by the daemon"), ("Ends it", "Stops it"), ("string id", "bytes id"), ("Cancel(", "End(")):
            with self.subTest(change):
                code, output = self.check(self.PROTO.replace(*change))
                self.assertEqual(code, 1)
                self.assertIn("is behind the protos", output)

    def test_names_what_a_reader_would_miss(self):
        for change, guide, expected in (
                (("// Ends it. Errors: JOB_NOT_FOUND.", ""), "| `JobService` |", "JobService.Cancel has no comment"),
                (("Errors: JOB_NOT_FOUND", "Errors: JOB_LOST"), "| `JobService` |", "JOB_LOST is named as an error and is no reason"),
                (("x", "x"), "", "JobService does not stand once")):
            with self.subTest(expected):
                code, output = self.check(self.PROTO.replace(*change), guide, update=True)
                self.assertEqual(code, 1)
                self.assertIn(expected, output)


class DocsLinksTest(Tree):
    def check(self, readme, page="# A page\n\n## Of `two` parts\n"):
        self.write("README.md", readme)
        self.write("docs/page.md", page)
        return run(docs_links, self.root)

    def test_follows_links_and_headings(self):
        self.assertEqual(self.check("[a](docs/page.md) [b](docs/page.md#of-two-parts) [c](https://example.org/x) [d](LICENSE)\n"
                                    if self.write("LICENSE", "") else "")[0], 0)
        for readme, expected in (("[a](docs/page.md) [b](docs/none.md)", "README.md: there is no docs/none.md"),
                                 ("[a](docs/page.md#gone)", "README.md: docs/page.md has no heading gone"),
                                 ("nothing", "docs/page.md: nothing that begins at README.md leads there")):
            with self.subTest(expected):
                code, output = self.check(readme)
                self.assertEqual(code, 1)
                self.assertIn(expected, output)


class DocsListsTest(Tree):
    def check(self, tables=("meta", "hub facts"), folders="`daemon/cache`"):
        self.write("daemon/metadata/metadata_store.cc", 'case Table::kMeta:\n  return "meta";\ncase Table::kHubFacts:\n  return "hub facts";\n')
        rows = "".join(f"| {name} | key | value |\n| | key | value |\n" for name in tables)
        self.write("docs/on-disk-format.md", f"| Table | Key | Value |\n|---|---|---|\n{rows}\nText.\n")
        self.write("docs/architecture.md", f"`daemon/metadata` {folders}\n")
        self.write("daemon/cache/a.cc", "")
        return run(docs_lists, self.root)

    def test_names_what_is_missing_and_what_is_not_there(self):
        self.assertEqual(self.check()[0], 0)
        for arguments, expected in (({"tables": ("meta",)}, "the table hub facts is missing"),
                                    ({"tables": ("meta", "hub facts", "extra")}, "the table extra is none of the catalog"),
                                    ({"folders": ""}, "docs/architecture.md: daemon/cache is missing")):
            with self.subTest(expected):
                code, output = self.check(**arguments)
                self.assertEqual(code, 1)
                self.assertIn(expected, output)


class ReasonsTest(Tree):
    def check(self, header="A_B C", proto=("A_B 1", "C 2"), docs="A_B C", constant=None, exits="2, 9", seen='there is no job "x", or 3 jobs are others'):
        lines = [f'inline constexpr std::string_view {constant or constant_name(name)} = "{name}";' for name in header.split()]
        self.write("common/status/reasons.h", "\n".join(lines) + "\n")
        values = "".join("  REASON_{} = {};  // why. Exit 2, 9 from a hub.\n".format(*value.split()) for value in proto)
        self.write("proto/batuta/v1/error.proto", f"enum Reason {{\n  REASON_UNSPECIFIED = 0;\n{values}}}\n")
        text = "".join(f"### `{name}`\n\nExit {exits}. Because.\n\n" for name in docs.split())
        self.write("docs/troubleshooting.md", text + f"You see `{seen}`.\n")
        self.write("daemon/a.cc", 'Error("there is no job \\"{}\\", "\n      "or {} jobs are others\'");\n')
        return run(reasons, self.root)

    def test_accepts_equal_lists(self):
        self.assertEqual(self.check()[0], 0)

    def test_names_what_is_missing_where(self):
        for arguments, expected in (
                ({"header": "A_B"}, "reasons.h: C is missing"),
                ({"proto": ("A_B 1",)}, "error.proto: C is missing"),
                ({"docs": "C"}, "docs/troubleshooting.md: A_B is missing"),
                ({"docs": "A_B C D"}, "reasons.h: D is missing"),
                ({"seen": "there is no jobless"}, "no program says 'there is no jobless'"),
                ({"exits": "2"}, "A_B ends with exit [2], error.proto says [2, 9]"),
                ({"proto": ("C 1", "A_B 2")}, "different order"),
                ({"proto": ("A_B 1", "C 7")}, "REASON_C has number 7, expected 2"),
                ({"header": "A_B", "proto": ("A_B 1",), "docs": "A_B", "constant": "kOther"}, "kOther does not spell A_B")):
            with self.subTest(expected):
                code, output = self.check(**arguments)
                self.assertEqual(code, 1)
                self.assertIn(expected, output)

    def test_no_reasons_at_all_is_no_success(self):
        self.assertEqual(self.check(header="", proto=(), docs="")[0], 1)


class CliDocsTest(Tree):
    HELP = {"": "Usage: batuta COMMAND\n\nCommands:\n  hf  The hub\n\nExit codes:\n  0  done\n  4  not found\n",
            "hf": "Commands:\n  pull  Download\n  login  Log in\n",
            "hf pull": "Options:\n  --dry-run  plan\n  -o DIR\n", "hf login": "Options:\n  --help\n"}
    MANUAL = ("batuta hf pull TYPE [--dry-run]\nbatuta hf login | logout\n--help\n\n"
              "| Exit | Meaning |\n|---|---|\n| 0 | done |\n| 4 | not found |\n")

    def check(self, manual=MANUAL, **changed):
        self.write("docs/cli.md", manual)
        self.write("client/main.cc", changed.pop("source", ""))
        cases = "".join(f"'{words}') printf '%s' '{changed.get(words.replace(' ', '_'), text)}';;\n"
                        for words, text in self.HELP.items())
        program = self.write("batuta", f'#!/bin/sh\nwords="$*"\nwords=${{words%--help}}\ncase "${{words% }}" in\n{cases}'
                                       "*) exit 2;;\nesac\n")
        os.chmod(program, 0o755)
        return run(cli_docs, program, self.root)

    def test_accepts_a_manual_that_names_everything(self):
        code, output = self.check()
        self.assertEqual(code, 0, output)
        self.assertIn("4 help texts", output)

    def test_names_what_differs(self):
        for manual, changed, expected in (
                (self.MANUAL, {"hf_pull": "  --dry-run\n  --offline  cache only\n"}, "does not name --offline of batuta hf pull"),
                (self.MANUAL + "--imagined\n", {}, "names --imagined, which no command has"),
                (self.MANUAL.replace("hf pull", "hf pul"), {}, "does not name the command batuta hf pull"),
                (self.MANUAL.replace("login | logout", "logout"), {}, "does not name the command batuta hf login"),
                (self.MANUAL + "| 9 | integrity |\n", {}, "exit code 9 stands in only one"),
                (self.MANUAL.replace("| 4 | not found |\n", ""), {}, "exit code 4 stands in only one"),
                (self.MANUAL, {"source": 'Read("BATUTA_SPEED")'}, "does not name the variable BATUTA_SPEED")):
            with self.subTest(expected):
                code, output = self.check(manual, **changed)
                self.assertEqual(code, 1)
                self.assertIn(expected, output)


def constant_name(value):
    return "k" + "".join(part.capitalize() for part in value.split("_"))


if __name__ == "__main__":
    unittest.main()
