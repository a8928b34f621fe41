"""The corpus as it grows: files with what must be said of each."""

import dataclasses
import json
import pathlib

from . import classes

SAFE, UNSAFE, INVALID, UNKNOWN = "safe", "unsafe", "invalid", "unknown"
REFUSED = "refused"  # unsafe, invalid or unknown: a refusal is demanded, its kind is not
NONE, CLEAN, DANGEROUS, ANY = "none", "clean", "dangerous", "any"


@dataclasses.dataclass(frozen=True)
class Sample:
    path: str
    data: bytes
    verdict: str
    pickle: str  # "any" where the file is refused before or after its pickle is seen
    group: str  # the evasion class, or "legit"
    note: str


class Corpus:
    def __init__(self):
        self.samples = {}

    def add(self, path, data, verdict, group="legit", pickle=NONE, note=""):
        """`group` is a slug of classes.CLASSES, or "legit" for a file of everyday life."""
        if path in self.samples:
            raise ValueError(f"{path} is there already")
        if group != "legit" and group not in classes.CLASSES:
            raise ValueError(f"{path}: no class {group}")
        data = data.encode() if isinstance(data, str) else bytes(data)
        self.samples[path] = Sample(path, data, verdict, pickle, group, note)

    def safe(self, path, data, note=""):
        self.add(path, data, SAFE, note=note)

    def clean(self, path, data, note=""):
        """A pickle, or a file with one, of everyday life: refused by default, and harmless."""
        self.add(path, data, UNSAFE, pickle=CLEAN, note=note)

    def evil(self, group, path, data, note="", pickle=DANGEROUS):
        """A pickle, or a file with one, that does something or cannot be followed to its end."""
        self.add(path, data, UNSAFE, group, pickle, note)

    def code(self, group, path, data, note=""):
        self.add(path, data, UNSAFE, group, NONE, note)

    def invalid(self, group, path, data, note=""):
        self.add(path, data, INVALID, group, NONE, note)

    def unknown(self, group, path, data, note=""):
        self.add(path, data, UNKNOWN, group, NONE, note)

    def refused(self, group, path, data, note="", pickle=ANY):
        self.add(path, data, REFUSED, group, pickle, note)

    def manifest(self):
        return [{"path": sample.path, "verdict": sample.verdict, "pickle": sample.pickle, "class": sample.group, "note": sample.note,
                 **({} if sample.group == "legit" else {"missed_by": classes.CLASSES[sample.group].missed_by})}
                for sample in sorted(self.samples.values(), key=lambda sample: sample.path)]

    def write(self, folder):
        """The files below `folder`, and `folder`.json beside it, which says what must be said of each."""
        folder = pathlib.Path(folder)
        for sample in self.samples.values():
            path = folder / sample.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(sample.data)
        folder.with_suffix(".json").write_text(json.dumps(self.manifest(), indent=1) + "\n")
