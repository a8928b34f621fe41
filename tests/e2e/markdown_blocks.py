"""The fenced blocks of a Markdown file, and what they say of themselves.

The info string of a block is its language and, after it, settings: ```sh run=no reason="builds for minutes". Languages:

  sh       a script; it runs as a whole and must exit 0. One that begins with #! is a file, and does not run
  console  what a person types after "$ ", each followed by all that it prints; "…" stands for any text, alone on a line for
           any lines. `exit=N` is how the last command ends, the others end with 0
  usage    the form of commands, with […] and |
  text     what a program prints, or a picture; python, toml, ini, yaml, json, dockerfile: files

`run=no` with a `reason` is for what cannot run in a test; `token=none` is for a reader who has not logged in.
"""

import dataclasses
import re
import shlex

LANGUAGES = {"sh", "console", "usage", "text", "python", "toml", "ini", "yaml", "json", "dockerfile"}
SETTINGS = {"run", "reason", "exit", "token"}
FENCE = re.compile(r"^(\s*)```(.*)$")
INLINE = re.compile(r"(?<!`)`((?:batuta|batutad) [^`]+)`(?!`)")


class Malformed(Exception):
    """A block that says nothing, or nonsense, of itself."""


@dataclasses.dataclass
class Block:
    file: str
    line: int  # of its first line of content, from 1
    language: str
    settings: dict
    lines: list

    @property
    def text(self):
        return "\n".join(self.lines) + "\n"

    @property
    def place(self):
        return f"{self.file}:{self.line}"

    @property
    def runs(self):
        return self.language in ("sh", "console") and self.settings.get("run") != "no" and not self.lines[0].startswith("#!")

    @property
    def script(self):
        """What of it a shell reads."""
        if self.language != "console":
            return self.text
        return "".join(command + "\n" for command, _ in self.commands())

    def commands(self):
        """[(command, [line of output])] of a console block."""
        found = []
        for number, line in enumerate(self.lines):
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line.startswith("> ") and found and not found[-1][1]:
                found[-1] = (found[-1][0] + "\n" + line[2:], [])
            elif not found:
                raise Malformed(f"{self.file}:{self.line + number}: output without a command before it")
            else:
                found[-1][1].append(line)
        return found


def parse_info(place, info):
    words = shlex.split(info)
    language = words[0] if words else ""
    settings = dict(word.partition("=")[::2] for word in words[1:])
    if language not in LANGUAGES:
        raise Malformed(f"{place}: a block of the language {language!r}; known are {', '.join(sorted(LANGUAGES))}")
    if unknown := set(settings) - SETTINGS:
        raise Malformed(f"{place}: unknown setting {', '.join(sorted(unknown))}")
    if settings.get("run", "no") != "no" or ("run" in settings) != bool(settings.get("reason")):
        raise Malformed(f"{place}: run=no and a reason belong together")
    return language, settings


def blocks_of(name, text):
    """Every fenced block of the text of the file `name`."""
    found, inside = [], None
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if inside is not None and fence and not fence[2].strip():
            found.append(inside[1])
            inside = None
        elif inside is not None:
            indent, block = inside
            block.lines.append(line[indent:] if line[:indent].isspace() else line)
        elif fence:
            language, settings = parse_info(f"{name}:{number}", fence[2])
            inside = (len(fence[1]), Block(name, number + 1, language, settings, []))
    if inside is not None:
        raise Malformed(f"{name}:{inside[1].line}: the block has no end")
    return found


def inline_commands(name, text):
    """(place, command) of everything in `…` that begins with the name of one of the programs."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            for command in INLINE.findall(line):
                yield f"{name}:{number}", command


def matches(expected, found):
    """Whether lines of output are as shown; "…" is any text, and on a line by itself any lines."""
    if not expected:
        return not found
    head, rest = expected[0], expected[1:]
    if head.strip() == "…":
        return any(matches(rest, found[skipped:]) for skipped in range(len(found) + 1))
    if not found:
        return False
    pattern = ".*".join(re.escape(part) for part in head.rstrip().split("…"))
    return re.fullmatch(pattern, found[0].rstrip()) is not None and matches(rest, found[1:])
