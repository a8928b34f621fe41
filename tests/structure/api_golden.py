#!/usr/bin/env python3
"""Compares the public API with its golden descriptor: api_golden.py ROOT [--protoc PROTOC] [--golden FILE] [--update]

The golden file is the text form of the descriptors of proto/batuta/v1, without comments: it changes exactly when the API
does. A removed or renumbered field is an incompatible change and means a new version; --update records a compatible one.
"""

import argparse
import difflib
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
DESCRIPTOR = "google/protobuf/descriptor.proto"


def describe(protoc, root):
    """The canonical text of every descriptor, files in the order of their names."""
    folder = os.path.join(root, "proto")
    protos = sorted(os.path.relpath(os.path.join(where, name), folder)
                    for where, _, names in os.walk(folder) for name in names if name.endswith(".proto"))
    if not protos:
        raise SystemExit(f"{folder}: no .proto file")
    with tempfile.NamedTemporaryFile() as binary:
        subprocess.run([protoc, f"-I{folder}", f"--descriptor_set_out={binary.name}", *protos], check=True)
        with open(binary.name, "rb") as file:
            text = subprocess.run([protoc, "--decode=google.protobuf.FileDescriptorSet", DESCRIPTOR], stdin=file,
                                  check=True, capture_output=True, text=True).stdout
    # The JSON name follows from the field name; leaving it out keeps the file readable.
    return "".join(line for line in text.splitlines(True) if not line.lstrip().startswith("json_name:"))


def main(arguments):
    parser = argparse.ArgumentParser(description="Checks the public API against its golden descriptor.")
    parser.add_argument("root")
    parser.add_argument("--protoc", default="protoc")
    parser.add_argument("--golden", default=os.path.join(HERE, "api.golden.txt"))
    parser.add_argument("--update", action="store_true", help="write the golden file")
    options = parser.parse_args(arguments)
    found = describe(options.protoc, options.root)
    if options.update:
        with open(options.golden, "w", encoding="utf-8") as file:
            file.write(found)
        return 0
    with open(options.golden, encoding="utf-8") as file:
        golden = file.read()
    if found != golden:
        sys.stdout.writelines(difflib.unified_diff(golden.splitlines(True), found.splitlines(True), "golden", "proto", n=6))
        print("The public API changed. If that is meant and compatible: tests/structure/api_golden.py . --update")
        return 1
    print(f"{len(found.splitlines())} lines of descriptors, unchanged")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
