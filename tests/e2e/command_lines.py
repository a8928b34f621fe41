"""Whether the command lines of a text exist: each command, and each flag of it, as the programs' own help tells them."""

import functools
import os
import re
import subprocess

COMMANDS = re.compile(r"^(?:\w*[Cc]ommands):?\n((?:  .*\n)+)", re.MULTILINE)
NAME = re.compile(r"^  ([a-z][a-z-]*)", re.MULTILINE)
FLAG = re.compile(r"(?<![\w.-])(--[a-z][a-z-]*|-[a-zA-Z])(?![\w])")
SEPARATORS = re.compile(r"(?:\s|^)(?:\|\||&&|[|;&()]|do|then|else|if|while|!|\{)(?=\s|$)|[;|)]|\$\(|`")
# What may stand before the name of a program: assignments, and programs that run another.
BEFORE = re.compile(r"^(?:[A-Z_][A-Z0-9_]*=(?:'[^']*'|\"[^\"]*\"|\S*)|sudo(?:\s+-u\s+\S+)?|env|exec|time|eval|\"?)\s+")


@functools.cache
def help_of(program, words=()):
    run = subprocess.run([program, *words, "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    return run.stdout if run.returncode == 0 else ""


def subcommands(text):
    found = set()
    for part in COMMANDS.findall(text):
        found |= set(NAME.findall(part))
    return found


def logical_lines(script):
    """The lines of a script, those that end in a backslash joined with the next; without comments and what is quoted."""
    for line in re.sub(r"\\\n\s*", " ", script).splitlines():
        yield re.sub(r"(?:^|\s)#.*$", "", line)


def invocations(script, names=("batuta", "batutad")):
    """Yields (name, words) for each time that a script calls one of the programs."""
    for line in logical_lines(script):
        for part in SEPARATORS.split(line):
            part = part.strip().lstrip('"')
            while match := BEFORE.match(part):
                part = part[match.end():]
            words = part.split()
            if words and os.path.basename(words[0]) in names:
                yield os.path.basename(words[0]), words[1:]


def problems(programs, name, words):
    """What is wrong with one call; `programs` is name → path."""
    path = programs[name]
    command, text = (), help_of(path)
    for word in words:
        word = word.strip("[]\"'")
        known = subcommands(text)
        if not known:
            break
        if word in ("…", "COMMAND") or word.startswith("-"):
            break  # "batuta …", "batuta hf cache …": any command
        if word not in known:
            yield f"{' '.join((name, *command))} has no command {word!r}"
            return
        command = (*command, word)
        text = help_of(path, command)
    allowed = set(FLAG.findall(text)) | {"--help", "-h"} | ({"--version"} if not command else set())
    for word in words:
        for flag in FLAG.findall(word.split("=")[0]):
            if flag not in allowed:
                yield f"{' '.join((name, *command))} has no flag {flag}"


def leaves(program, words=()):
    """Yields (command, its own flags in long form) of every command that is no group."""
    text = help_of(program, words)
    names = subcommands(text)
    for name in sorted(names):
        yield from leaves(program, (*words, name))
    if not names:
        own = text.partition("\nFlags:\n")[2].partition("\n\n")[0]
        yield words, set(re.findall(r"^ +(?:-\w, )?(--[a-z][a-z-]*)", own, re.MULTILINE))


def command_of(program, words):
    """The command that a call begins with."""
    command = ()
    for word in words:
        if word not in subcommands(help_of(program, command)):
            break
        command = (*command, word)
    return command


def check(programs, script):
    for name, words in invocations(script):
        yield from problems(programs, name, words)


def usage_lines(text):
    """The forms of a `usage` block as calls: without brackets, each with the lines below it that are indented."""
    joined = []
    for line in text.splitlines():
        if line.startswith((" ", "\t")) and joined:
            joined[-1] += " " + line.strip()
        elif line.strip():
            joined.append(line)
    for line in joined:
        # "daemon start | stop": several commands; "[--refresh | --offline]" and "models|datasets": a choice of words.
        siblings = re.match(r"^((?:\w[\w-]* )+?)(\w[\w-]*(?: \| \w[\w-]*)+)(.*)$", line)
        heads = [siblings[1] + word + siblings[3] for word in siblings[2].split(" | ")] if siblings else [line]
        for head in heads:
            yield re.sub(r"[\[\]…|=]", " ", head)
