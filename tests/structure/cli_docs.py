#!/usr/bin/env python3
"""Compares the manual with the program: cli_docs.py BATUTA ROOT

docs/cli.md must name every command, flag and exit code that `batuta --help` and the help of every command show, and every
environment variable that the code reads; and every flag and command that it names must exist.
"""

import os
import re
import subprocess
import sys

HEADING = re.compile(r"^\w*[Cc]ommands:?$")
ENTRY = re.compile(r"^  ([a-z][a-z-]*)(?:\s{2,}\S|$)")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]")
EXIT_ROW = re.compile(r"^\| (\d+) \| (.+) \|$", re.MULTILINE)
VARIABLE = re.compile(r'"((?:BATUTA|HF|HUGGING_?FACE|TRANSFORMERS|XDG|CUDA|NVIDIA|ROCR|HIP|GPU|SSL)_[A-Z_]*[A-Z])=?"')
EXIT_LINE = re.compile(r"^\s+(\d+)\s{2,}(\S.*)$", re.MULTILINE)


def help_of(program, words):
    run = subprocess.run([program, *words, "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
                         check=False)
    if run.returncode != 0 or not run.stdout.strip():
        raise SystemExit(f"{' '.join(['batuta', *words, '--help'])}: exit {run.returncode}, nothing printed: {run.stderr.strip()}")
    return run.stdout


def commands_in(text):
    """The names below a heading such as "Commands:"."""
    found, inside = [], False
    for line in text.splitlines():
        if HEADING.match(line.strip()) and not line.startswith(" "):
            inside = True
        elif inside and (match := ENTRY.match(line)):
            found.append(match[1])
        elif line and not line.startswith(" "):
            inside = False
    return found


def walk(program, words=()):
    """Yields (words, help text) of the program and each command below it."""
    text = help_of(program, words)
    yield words, text
    for name in commands_in(text):
        yield from walk(program, (*words, name))


def exit_section(text):
    """Exit codes of the part of a help text that is headed "Exit codes"."""
    match = re.search(r"^Exit codes:?\n(.*?)(?:\n\n|\Z)", text, re.DOTALL | re.MULTILINE)
    return {int(code) for code, _ in EXIT_LINE.findall("\n" + match[1])} if match else set()


def problems(helps, manual):
    flags, leaves = set(), []
    for words, text in helps.items():
        flags |= set(FLAG.findall(text))
        if words and not commands_in(text):
            leaves.append(" ".join(words))
    documented = set(FLAG.findall(manual))
    for flag in sorted(flags - documented):
        users = [" ".join(("batuta", *words)) for words, text in helps.items() if flag in FLAG.findall(text)]
        yield f"docs/cli.md does not name {flag} of {users[0]}"
    for flag in sorted(documented - flags):
        yield f"docs/cli.md names {flag}, which no command has"
    for leaf in leaves:
        if not mentions(manual, leaf):
            yield f"docs/cli.md does not name the command batuta {leaf}"
    shown, listed = exit_section(helps[()]), {int(code) for code, _ in EXIT_ROW.findall(manual)}
    if not shown:
        yield "batuta --help lists no exit codes"
    for code in sorted(shown ^ listed):
        yield f"exit code {code} stands in only one of batuta --help and docs/cli.md"


def variables(root):
    """The names of environment variables in the strings of the programs."""
    found = set()
    for folder in ("common", "daemon", "client"):
        for where, _, names in os.walk(os.path.join(root, folder)):
            for name in names:
                if name.endswith((".cc", ".h")):
                    with open(os.path.join(where, name), encoding="utf-8") as file:
                        found |= set(VARIABLE.findall(file.read()))
    return found


def undocumented_variables(root, manual):
    for name in sorted(variables(root)):
        if f"`{name}`" not in manual:
            yield f"docs/cli.md does not name the variable {name}"


def mentions(manual, command):
    """`batuta hf jobs ls`, or `batuta hf login | logout` for siblings on one line."""
    *parents, last = command.split()
    prefix = " ".join(["batuta", *parents])
    pattern = re.compile(re.escape(prefix) + r"\s+(?:[\w|\[\] -]*\W)?" + re.escape(last) + r"(?![\w-])")
    return any(pattern.search(re.sub(r"\s+", " ", line)) for line in manual.splitlines())


def main(arguments):
    if len(arguments) != 2:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 2
    program, root = arguments
    with open(os.path.join(root, "docs", "cli.md"), encoding="utf-8") as file:
        manual = file.read()
    helps = dict(walk(program))
    found = [*problems(helps, manual), *undocumented_variables(root, manual)]
    for line in found:
        print(line)
    print(f"{len(helps)} help texts, {len(found)} differences")
    return 1 if found or len(helps) < 2 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
