#!/usr/bin/env python3
"""Compares the API reference with the protos it is made from: api_docs.py ROOT [--protoc PROTOC] [--update]

docs/api-reference.md is proto/batuta/v1 as a page to read: each service and method with its errors, each message with its
fields, in the words of their comments. --update writes it. What the comments call an error has to be a reason of error.proto,
and what has no comment is told, because the page would say nothing of it.
"""

import argparse
import difflib
import os
import re
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2

PAGE = os.path.join("docs", "api-reference.md")
HEAD = """# API reference

Made from [proto/batuta/v1](../proto/batuta/v1) by `tests/structure/api_docs.py . --update`; what to change is there. How the parts work together, and
examples, stand in [api.md](api.md). Reasons of errors are explained in [troubleshooting.md](troubleshooting.md).

Any RPC can end with `DAEMON_STOPPING` when the daemon leaves, with `INVALID_ARGUMENT` when its message cannot be used, and with `INTERNAL` for a defect of ours. Those are not repeated below.
"""
TYPES = {number: name.removeprefix("TYPE_").lower() for name, number in descriptor_pb2.FieldDescriptorProto.Type.items()}
# Numbers of the fields of descriptors, of which the paths to comments are made.
MESSAGE, ENUM, SERVICE = 4, 5, 6  # FileDescriptorProto
FIELD, NESTED, NESTED_ENUM, ONEOF, VALUE, METHOD = 2, 3, 4, 8, 2, 2


def descriptors(protoc, root):
    folder = os.path.join(root, "proto")
    protos = sorted(os.path.relpath(os.path.join(where, name), folder)
                    for where, _, names in os.walk(folder) for name in names if name.endswith(".proto"))
    if not protos:
        raise SystemExit(f"{folder}: no .proto file")
    with tempfile.NamedTemporaryFile() as binary:
        subprocess.run([protoc, f"-I{folder}", "--include_source_info", f"--descriptor_set_out={binary.name}", *protos], check=True)
        return descriptor_pb2.FileDescriptorSet.FromString(binary.read()).file


class Page:
    def __init__(self, file):
        self.file = file
        self.comments = {}
        for location in file.source_code_info.location:
            text = location.leading_comments + "\n\n" + location.trailing_comments
            self.comments[tuple(location.path)] = [re.sub(r"\s+", " ", part).strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
        self.lines = []
        self.problems = []

    def comment(self, path, what):
        found = self.comments.get(path, [])
        if what and not found:
            self.problems.append(f"proto/{self.file.name}: {what} has no comment")
        return found

    def services(self):
        for number, service in enumerate(self.file.service):
            path = (SERVICE, number)
            self.lines += [f"## {service.name}", ""]
            for part in self.comment(path, service.name):
                self.lines += [linked(explained(part) if part.startswith("Errors of") else part), ""]
            for position, method in enumerate(service.method):
                self.method(service, method, (*path, METHOD, position))

    def method(self, service, method, path):
        name = f"{service.name}.{method.name}"
        parts = self.comment(path, name)
        request = link(method.input_type, method.client_streaming)
        answer = link(method.output_type, method.server_streaming)
        self.lines += [f"### {name}", "", f"{request} → {answer}", ""]
        for part in parts:
            told, _, errors = part.partition("Errors: ")
            if told.strip():
                self.lines += [linked(told.strip()), ""]
            if errors:
                self.lines += [f"**Errors:** {linked(explained(errors.strip()))}", ""]
        if not any("Errors: " in part for part in parts):
            self.lines += ["**Errors:** none of its own.", ""]

    def messages(self):
        for number, enum in enumerate(self.file.enum_type):
            if enum.name != "Reason":
                self.enum(enum, enum.name, (ENUM, number))
        for number, message in enumerate(self.file.message_type):
            self.message(message, message.name, (MESSAGE, number))

    def message(self, message, name, path):
        if message.options.map_entry:
            return
        self.lines += [f"### {name}", ""]
        for part in self.comment(path, None):
            self.lines += [linked(part), ""]
        if not message.field:
            self.lines += ["No fields.", ""]
        else:
            self.lines += ["| Field | Type | |", "|---|---|---|"]
            for position, field in enumerate(message.field):
                told = " ".join(self.comment((*path, FIELD, position), None))
                if field.HasField("oneof_index"):
                    told = f"(one of `{message.oneof_decl[field.oneof_index].name}`) {told}"
                self.lines.append(f"| `{field.name}` | {type_of(field)} | {linked(told).replace('|', chr(92) + '|')} |")
            self.lines.append("")
        for number, enum in enumerate(message.enum_type):
            self.enum(enum, f"{name}.{enum.name}", (*path, NESTED_ENUM, number))
        for number, nested in enumerate(message.nested_type):
            self.message(nested, f"{name}.{nested.name}", (*path, NESTED, number))

    def enum(self, enum, name, path):
        self.lines += [f"### {name}", ""]
        for part in self.comment(path, None):
            self.lines += [linked(part), ""]
        self.lines += ["| Value | |", "|---|---|"]
        for position, value in enumerate(enum.value):
            if value.number != 0:
                told = " ".join(self.comment((*path, VALUE, position), None))
                self.lines.append(f"| `{value.name}` | {linked(told)} |")
        self.lines.append("")


def anchor(name):
    return re.sub(r"[^\w-]", "", name.lower())


def short(name):
    return name.removeprefix(".batuta.v1.")


def link(name, streams):
    return ("stream of " if streams else "") + f"[{short(name)}](#{anchor(short(name))})"


def type_of(field):
    name = TYPES[field.type]
    if field.type_name.startswith(".batuta.v1."):
        name = link(field.type_name, False)
    elif field.type_name:
        name = field.type_name.removeprefix(".google.protobuf.")
    if field.label == field.LABEL_REPEATED:
        name = "repeated " + name
    if "." in short(field.type_name) and short(field.type_name).endswith("Entry"):
        name = "map of string to string"  # the only kind of map there is
    return name


def linked(text):
    """The words of a comment as Markdown: what looks like HTML is none, and other pages are linked."""
    text = text.replace("<", "&lt;")
    return re.sub(r"docs/([\w-]+\.md)", r"[\1](\1)", text)


def explained(errors):
    """Each reason with a link to what it means."""
    return re.sub(r"\b([A-Z]{2,}(?:_[A-Z]+)+|PINNED|CANCELLED|INTERNAL)\b",
                  lambda match: f"[`{match[1]}`](troubleshooting.md#{match[1].lower()})", errors)


def reasons(files):
    for file in files:
        for enum in file.enum_type:
            if enum.name == "Reason":
                return {value.name.removeprefix("REASON_") for value in enum.value}
    return set()


def build(files):
    """(text of the page, problems)"""
    pages = [Page(file) for file in files]
    lines, problems = [HEAD], []
    for page in pages:
        page.services()
    lines += [line for page in pages for line in page.lines]
    lines += ["## Messages", ""]
    for page in pages:
        page.lines = []
        page.messages()
        lines += page.lines
        problems += page.problems
    text = "\n".join(lines).rstrip() + "\n"
    known = reasons(files)
    for sentence in re.findall(r"\*\*Errors:\*\* (.*)", text) + re.findall(r"Errors of every RPC here: (.*)", text):
        for word in re.findall(r"\[`([A-Z_]+)`\]", sentence):
            if word not in known:
                problems.append(f"{word} is named as an error and is no reason of error.proto")
    return text, problems


def main(arguments):
    parser = argparse.ArgumentParser(description="Checks docs/api-reference.md against the protos.")
    parser.add_argument("root")
    parser.add_argument("--protoc", default="protoc")
    parser.add_argument("--update", action="store_true", help="write the page")
    options = parser.parse_args(arguments)
    files = descriptors(options.protoc, options.root)
    text, problems = build(files)
    with open(os.path.join(options.root, "docs", "api.md"), encoding="utf-8") as file:
        guide = file.read()
    for service in [service.name for file in files for service in file.service]:
        if guide.count(f"| `{service}` |") != 1:
            problems.append(f"docs/api.md: {service} does not stand once in the table of services")
    for problem in problems:
        print(problem)
    path = os.path.join(options.root, PAGE)
    if options.update:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return 1 if problems else 0
    found = ""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            found = file.read()
    if found != text:
        sys.stdout.writelines(difflib.unified_diff(found.splitlines(True), text.splitlines(True), PAGE, "proto", n=2))
        print(f"{PAGE} is behind the protos: tests/structure/api_docs.py . --update")
        return 1
    print(f"{text.count('**Errors:**')} methods, {len(text.splitlines())} lines")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
