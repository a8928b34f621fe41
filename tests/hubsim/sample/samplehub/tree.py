"""The folder form of a hub that hubsim serves: hub.json, and per repo repo.json and revisions/<branch or tags%2F…>/ with files."""

import json
import os
import shutil

FOLDERS = {"model": "models", "dataset": "datasets", "space": "spaces"}


GITATTRIBUTES = "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in (
    ".bin", ".gguf", ".h5", ".msgpack", ".onnx", ".parquet", ".safetensors"))


def json_bytes(value, indent=2):
    return (json.dumps(value, indent=indent, ensure_ascii=False) + "\n").encode()


class HubTree:
    def __init__(self, root):
        self.root = root

    def write_users(self, users):
        with open(os.path.join(self.root, "hub.json"), "wb") as file:
            file.write(json_bytes({"users": users}))

    def repo(self, kind, name, **facts):
        """Makes a repo; `facts` are the fields of its repo.json."""
        folder = os.path.join(self.root, FOLDERS[kind], *name.split("/"))
        os.makedirs(folder)
        with open(os.path.join(folder, "repo.json"), "wb") as file:
            file.write(json_bytes(facts))
        tree = RepoTree(folder)
        tree.write(".gitattributes", GITATTRIBUTES)
        return tree


class RepoTree:
    def __init__(self, folder):
        self.folder = folder

    def path(self, name, branch="main"):
        """Where a file belongs; its folder exists afterwards."""
        path = os.path.join(self.folder, "revisions", branch, *name.split("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def write(self, name, content, branch="main"):
        """Text and bytes are written as they are, anything else as JSON."""
        if isinstance(content, str):
            content = content.encode()
        elif not isinstance(content, bytes):
            content = json_bytes(content)
        with open(self.path(name, branch), "wb") as file:
            file.write(content)

    def copy(self, name, source, branch="main"):
        shutil.copyfile(source, self.path(name, branch))


def front_matter(fields):
    """The YAML block at the head of a README; values are strings or lists of strings."""
    lines = ["---"]
    for key, value in fields.items():
        if isinstance(value, list):
            lines += [f"{key}:"] + [f"- {item}" for item in value]
        else:
            lines.append(f"{key}: {value}")
    return "\n".join(lines + ["---", "", ""])
