"""Every command of README.md and docs/ works: each block runs as it stands, or says why it cannot and is held to the programs' help."""

import configparser
import json
import os
import pathlib
import re
import subprocess
import tempfile
import tomllib
import unittest

import yaml

import command_lines
from docs_world import ROOT, World, make_sample_hub
from harness import BATUTA, BATUTAD
from markdown_blocks import Malformed, blocks_of, inline_commands, matches

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
PROGRAMS = {"batuta": BATUTA, "batutad": BATUTAD}
# Blocks that need what no test has: Docker, Slurm, systemd, an hour. More than so many is a sign that something is avoided.
MOST_NOT_RUN = 30
UNIT = re.compile(r"# .*/([\w-]+\.(?:service|timer|socket))$")
SCRIPT = re.compile(r"(?:^|(?<=\s))(?:\./)?((?:[\w.-]+/)*[\w-]+\.(?:sh|py))\b")


# Each makes something of what those before it left.
JSON_COMMANDS = (
    "hf search models otter", "hf info model acme/otter-tiny", "hf files model acme/otter-tiny",
    "hf pull model acme/otter-tiny --dry-run", "hf pull model acme/otter-tiny", "hf pull model acme/otter-tiny-GGUF --auto-quantize --dry-run",
    "hf pull model acme/otter-small --detach", "hf push model my-model --repo acme/mine --dry-run", "hf push model my-model --repo acme/mine --yes",
    "hf scan my-model", "hf card my-model", "hf card my-model --diff", "hf fit acme/otter-tiny-GGUF", "hf jobs ls",
    "hf cache ls", "hf cache ls --selections", "hf cache path", "hf cache path model acme/otter-tiny", "hf cache df", "hf cache pin acme/otter-tiny",
    "hf cache why acme/otter-tiny", "hf cache unpin acme/otter-tiny", "hf cache verify", "hf cache rescan", "hf cache export x.tar acme/otter-tiny",
    "hf cache import x.tar", "hf cache rm acme/otter-tiny --dry-run", "hf cache prune --dry-run", "hf limits", "hf whoami",
    "daemon status", "daemon config", "daemon limit-rate", "daemon log-level", "daemon metrics", "doctor --offline",
)


def keys_of(value):
    """Every key of a JSON document, at any depth."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield key
            yield from keys_of(below)
    elif isinstance(value, list):
        for below in value:
            yield from keys_of(below)


def name_of(path):
    return str(path.relative_to(ROOT))


def blocks(path):
    return blocks_of(name_of(path), path.read_text(encoding="utf-8"))


def syntax_errors(script):
    run = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    return [] if run.returncode == 0 else [run.stderr.strip()]


def script_problems(script):
    """Scripts of ours that a block calls must be there, and know the flags that it gives them; so must presets of the build."""
    presets = json.loads((ROOT / "CMakePresets.json").read_text(encoding="utf-8"))
    known = {preset["name"] for kind, found in presets.items() if kind.endswith("Presets") for preset in found}
    for name in re.findall(r"\b(?:cmake|ctest|cpack)\b.*? --preset[ =]([\w-]+)", script):
        if name not in known:
            yield f"CMakePresets.json has no preset {name}"
    for line in command_lines.logical_lines(script):
        for match in SCRIPT.finditer(line):
            path = ROOT / match[1]
            if not path.exists():
                if "/" in match[1]:
                    yield f"there is no {match[1]}"
                continue
            for flag in command_lines.FLAG.findall(line[match.end():].split("|")[0]):
                # getopts of the shell knows a flag as `x)`; long ones stand there as they are.
                if flag not in path.read_text(encoding="utf-8") and f"  {flag[1:]})" not in path.read_text(encoding="utf-8"):
                    yield f"{match[1]} knows no {flag}"


def file_problems(block):
    """What is wrong with a block that is a file, or a part of one."""
    try:
        if block.language == "python":
            compile(block.text, block.place, "exec")
        elif block.language == "json" and "…" not in block.text:
            json.loads(block.text)
        elif block.language == "yaml":
            yaml.safe_load(block.text)
        elif block.language == "ini":
            configparser.ConfigParser(strict=False, interpolation=None, delimiters="=").read_string(block.text)
        elif block.language == "toml":
            tomllib.loads(block.text)
            if not block.lines[0].startswith("# config.toml"):
                return
            with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
                file.write(block.text)
                file.flush()
                run = subprocess.run([BATUTAD, "--config", file.name, "--print-config"], capture_output=True, text=True, check=False)
            if run.returncode != 0:
                yield run.stderr.strip()
        elif block.language == "text":
            for line in block.lines:
                if line.startswith(("$ ", "batuta ", "batutad ", "sudo ", "./")):
                    yield f"a command in a block of text: {line}"
    except (SyntaxError, ValueError, yaml.YAMLError, configparser.Error) as error:
        yield str(error)


class DocsTest(unittest.TestCase):
    """What holds for all of them. One test for each document that has commands is added below."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="batuta-docs-")
        cls.addClassCleanup(folder.cleanup)
        cls.sample_hub = pathlib.Path(folder.name) / "hub"
        make_sample_hub(cls.sample_hub)

    def test_every_call_of_a_program_has_a_command_and_flags_that_exist(self):
        found, calls = [], 0
        for path in DOCUMENTS:
            for block in blocks(path):
                if block.language in ("sh", "console", "dockerfile", "ini", "yaml"):
                    texts = [block.script]
                elif block.language == "usage":
                    texts = command_lines.usage_lines(block.text)
                else:
                    continue
                for text in texts:
                    for name, words in command_lines.invocations(text):
                        calls += 1
                        found += [f"{block.place}: {problem}" for problem in command_lines.problems(PROGRAMS, name, words)]
            for place, command in inline_commands(name_of(path), path.read_text(encoding="utf-8")):
                found += [f"{place}: {problem}" for problem in command_lines.check(PROGRAMS, command)]
        self.assertEqual(found, [])
        self.assertGreater(calls, 100)

    def test_manual_gives_the_form_of_every_command_with_all_its_flags(self):
        given = {}
        for block in blocks(ROOT / "docs" / "cli.md"):
            if block.language == "usage":
                for form in command_lines.usage_lines(block.text):
                    for _, words in command_lines.invocations(form):
                        given.setdefault(command_lines.command_of(BATUTA, words), set()).update(command_lines.FLAG.findall(form))
        missing = [f"{' '.join(command)}: {' '.join(sorted(flags - given.get(command, set()))) or 'its form'}"
                   for command, flags in command_lines.leaves(BATUTA) if command not in given or flags - given[command]]
        self.assertEqual(missing, [])
        self.assertGreater(len(given), 30)

    def test_manual_names_every_key_of_the_json_that_commands_print(self):
        manual = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
        world = World(self.sample_hub)
        self.addCleanup(world.close)
        missing = []
        for command in JSON_COMMANDS:
            code, output = world.run(f"batuta {command} --format json 2>/dev/null")
            self.assertEqual(code, 0, f"{command}: {output}")
            missing += [f"{command}: {key}" for key in sorted(set(keys_of(json.loads(output))))
                        if f'"{key}"' not in manual and f"`{key}`" not in manual]
        self.assertEqual(missing, [])

    def test_every_script_is_one_and_every_file_can_be_read(self):
        found = []
        for path in DOCUMENTS:
            for block in blocks(path):
                problems = list(file_problems(block))
                if block.language in ("sh", "console"):
                    problems += syntax_errors(block.script)
                    problems += script_problems(block.script)
                found += [f"{block.place}: {problem}" for problem in problems]
        self.assertEqual(found, [])

    def test_units_are_free_of_mistakes(self):
        with tempfile.TemporaryDirectory(prefix="batuta-units-") as folder:
            names = []
            for path in DOCUMENTS:
                for block in blocks(path):
                    if block.language == "ini" and (title := UNIT.match(block.lines[0])):
                        names.append(title[1])
                        text = block.text.replace("/usr/bin/batuta ", BATUTA + " ")
                        pathlib.Path(folder, title[1]).write_text(text, encoding="utf-8")
            self.assertNotEqual(names, [])
            for name in names:
                run = subprocess.run(["systemd-analyze", "verify", "--user", "--man=no", os.path.join(folder, name)], text=True, check=False,
                                     env={"PATH": os.defpath, "XDG_RUNTIME_DIR": folder, "HOME": folder, "SYSTEMD_UNIT_PATH": folder + ":"},
                                     capture_output=True)
                own = [line for line in run.stderr.splitlines() if folder in line]
                self.assertEqual((run.returncode, own), (0, []), run.stderr)

    def test_few_blocks_are_not_run_and_each_says_why(self):
        not_run = [f"{block.place}: {block.settings['reason']}" for path in DOCUMENTS for block in blocks(path)
                   if block.settings.get("run") == "no"]
        self.assertLessEqual(len(not_run), MOST_NOT_RUN, "\n".join(not_run))

    def run_document(self, path):
        world = World(self.sample_hub)
        self.addCleanup(world.close)
        failures = [f"{block.place}: {failure}" for block in blocks(path) if block.runs for failure in self.failures(world, block)]
        self.assertEqual(failures, [], "\n\n" + "\n\n".join(failures))

    @staticmethod
    def failures(world, block):
        token = block.settings.get("token") != "none"
        wanted = int(block.settings.get("exit", "0"))
        if block.language == "sh":
            code, output = world.run(block.text, token)
            if code != wanted:
                yield f"exit {code} instead of {wanted}\n{output}"
            return
        commands = block.commands()
        for number, (command, expected) in enumerate(commands, 1):
            code, output = world.run(command, token)
            last = number == len(commands)
            if code != (wanted if last else 0):
                yield f"$ {command}\nexit {code} instead of {wanted if last else 0}\n{output}"
            elif not matches(expected, output.splitlines()):
                shown = "\n".join(expected)
                yield f"$ {command}\nshown:\n{shown}\nprinted:\n{output}"


def add_document(path):
    def test(self):
        self.run_document(path)
    words = re.sub(r"\W+", "_", name_of(path).removesuffix(".md"))
    test.__doc__ = f"Everything that {name_of(path)} shows works."
    setattr(DocsTest, f"test_runs_{words}", test)


for document in DOCUMENTS:
    # By its text: what is wrong with a block is for the tests to tell.
    if re.search(r"```(sh|console)\b", document.read_text(encoding="utf-8")):
        add_document(document)


class ExtractorTest(unittest.TestCase):
    """The test of the documents would notice what is wrong with them."""

    def test_a_block_says_what_it_is_and_why_it_does_not_run(self):
        for info in ("", "bash", "sh run=no", "sh reason=none", "sh run=yes reason=x", "sh world=none"):
            with self.subTest(info), self.assertRaises(Malformed):
                blocks_of("x.md", f"```{info}\nbatuta\n```\n")
        block = blocks_of("x.md", 'a\n\n  ```sh run=no reason="needs Docker"\n  docker run x\n  ```\n')[0]
        self.assertEqual((block.line, block.runs, block.text, block.settings["reason"]), (4, False, "docker run x\n", "needs Docker"))
        with self.assertRaises(Malformed):
            blocks_of("x.md", "```sh\nbatuta\n")

    def test_output_matches_as_it_is_shown(self):
        for expected, found, verdict in ((["a 1 b"], ["a 1 b"], True), (["a … b"], ["a 1 b"], True), (["a … c"], ["a 1 b"], False),
                                         (["a", "…", "z"], ["a", "b", "c", "z"], True), (["…"], [], True), ([], ["a"], False),
                                         (["a"], [], False), (["a.c"], ["abc"], False)):
            with self.subTest(expected=expected, found=found):
                self.assertEqual(matches(expected, found), verdict)

    def test_calls_are_found_wherever_a_script_makes_them(self):
        script = ('HF_HUB_CACHE="/a b" batuta hf cache ls | head\nsudo -u batuta batuta daemon status && x="$(batuta hf jobs ls)"\n'
                  'if batuta hf scan .; then echo batuta; fi  # batuta nothing\nbatuta hf pull model a/b \\\n  --dry-run\n')
        calls = [" ".join(words) for _, words in command_lines.invocations(script)]
        self.assertEqual(calls, ["hf cache ls", "daemon status", "hf jobs ls", "hf scan .", "hf pull model a/b --dry-run"])

    def test_a_command_or_flag_that_does_not_exist_is_a_problem(self):
        self.assertEqual(list(command_lines.check(PROGRAMS, "batuta hf pull model a/b --dry-run --format json -o DIR")), [])
        self.assertEqual(list(command_lines.check(PROGRAMS, "batuta hf pul model a/b")), ["batuta hf has no command 'pul'"])
        self.assertEqual(list(command_lines.check(PROGRAMS, "batuta hf cache ls --dry-run")), ["batuta hf cache ls has no flag --dry-run"])
        self.assertEqual(list(command_lines.check(PROGRAMS, "batutad --no-such")), ["batutad has no flag --no-such"])
        forms = list(command_lines.usage_lines("batuta daemon start | stop [--dry-run]\n       [--x]\nbatuta hf pull TYPE [--yes | --lock F]\n"))
        self.assertEqual([problem for form in forms for problem in command_lines.check(PROGRAMS, form)],
                         ["batuta daemon start has no flag --dry-run", "batuta daemon start has no flag --x",
                          "batuta daemon stop has no flag --dry-run", "batuta daemon stop has no flag --x"])


if __name__ == "__main__":
    unittest.main()
