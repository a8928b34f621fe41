"""The classes of evasion, and what is published about who misses them.

The marks are those of measurements and advisories of public scanners: picklescan 1.0.5, fickling (August 2026), modelscan (August
2025), and the scans that the hub shows. They say whether a scanner handles what the class is about; nothing here was run.
"""

import dataclasses

YES, PART, NO, OPEN, APART = "yes", "partly", "no", "not published", "not its task"
SCANNERS = ("picklescan", "fickling", "modelscan", "hub")


@dataclasses.dataclass(frozen=True)
class Class:
    title: str
    seen: str  # where it was met: an advisory, an attack, a study
    marks: tuple  # in the order of SCANNERS

    @property
    def missed_by(self):
        return [scanner for scanner, mark in zip(SCANNERS, self.marks) if mark == NO]


CLASSES = {
    "wrong-name": Class("A pickle under another name", "CVE-2025-1889, CVE-2025-10155", (PART, APART, NO, OPEN)),
    "broken-after-payload": Class("Payload first, damaged or cut off behind it", "nullifAI (2025)", (NO, PART, NO, OPEN)),
    "foreign-archive": Class("An archive that the scanner cannot open", "nullifAI (2025)", (OPEN, OPEN, NO, OPEN)),
    "zip-tricks": Class("Zips that two readers see differently", "CVE-2025-10156, CVE-2025-1945, CVE-2025-1944", (PART, PART, NO, OPEN)),
    "tar-tricks": Class("Tars with links, twice the same name, or more behind their end", "", (OPEN, OPEN, OPEN, OPEN)),
    "several-pickles": Class("A second pickle behind the first", "multi-stream bypasses", (YES, YES, PART, OPEN)),
    "memo-across-pickles": Class("A second pickle that relies on a memo of its own", "measured", (NO, YES, PART, OPEN)),
    "lax-arguments": Class("Arguments that only the real machine accepts", "PickleFuzzer (2026)", (NO, PART, NO, OPEN)),
    "lying-frames": Class("Frames that lie", "CPython issue 154848", (NO, YES, NO, OPEN)),
    "stack-games": Class("Operands by memo, duplicates, computed strings", "advisories of 2025 and 2026", (NO, YES, NO, OPEN)),
    "names-of-imports": Class("Dotted names, submodules, names of Python 2", "CVE-2025-10157", (PART, OPEN, OPEN, OPEN)),
    "other-opcodes": Class("INST, OBJ, NEWOBJ, BUILD, EXT instead of REDUCE", "GHSA-mxhj-88fx-4pcv", (PART, YES, PART, OPEN)),
    "gadgets": Class("A callable that no block-list names", "CVE-2025-1716, CVE-2026-22608 and more than 60 advisories", (NO, PART, NO, OPEN)),
    "trailing-bytes": Class("Something behind the end, for another reader", "study of 2025", (NO, NO, NO, NO)),
    "polyglots": Class("Two formats in one file", "measured", (NO, NO, NO, NO)),
    "legacy-torch": Class("Streams of old PyTorch with a computed magic number and the like", "public proof", (YES, PART, PART, PART)),
    "old-containers": Class("Torch tars, TorchScript, for a loader of weights only", "CVE-2025-32434", (NO, NO, NO, PART)),
    "nested-pickles": Class("A pickle in the bytes of a pickle, in arrays, in side members", "several", (OPEN, OPEN, OPEN, OPEN)),
    "wrong-targets": Class("Harmless calls with wrong targets and sizes", "CVE-2026-24747", (NO, NO, NO, NO)),
    "bombs": Class("Small files that expand, nest or count beyond every limit", "", (OPEN, OPEN, OPEN, OPEN)),
    "nested-archives": Class("Archives in archives", "", (NO, NO, NO, OPEN)),
    "compressed": Class("Compressed pickles, joblib", "measured", (NO, NO, NO, PART)),
    "object-arrays": Class("NumPy arrays of objects", "CVE-2019-6446", (YES, NO, PART, OPEN)),
    "keras": Class("Keras layers that run code, anywhere in the tree", "CVE-2024-3660, CVE-2025-1550, CVE-2025-8747, CVE-2025-9905, CVE-2025-9906",
                   (NO, NO, PART, PART)),
    "hdf5": Class("HDF5 that reads other files or claims to be huge", "CVE-2026-1669, CVE-2026-0897", (NO, NO, PART, PART)),
    "tensorflow": Class("Operations that read, write or run", "", (NO, NO, PART, PART)),
    "other-graphs": Class("ONNX, TFLite, OpenVINO, Core ML, Flax: paths and custom operators", "CVE-2022-25882, CVE-2024-27318, CVE-2026-27489",
                          (NO, NO, NO, PART)),
    "header-lies": Class("Headers of safetensors and GGUF that break the rules", "CVE-2025-53630, CVE-2026-27940, CVE-2026-7482", (NO, NO, NO, NO)),
    "templates": Class("Chat templates that leave the template", "CVE-2024-34359, CVE-2026-5760", (NO, NO, NO, NO)),
    "repo-code": Class("Configurations that ask for code", "CVE-2026-4372, CVE-2025-23304, CVE-2026-22584", (NO, NO, NO, NO)),
    "programs": Class("Programs and scripts under any name", "", (OPEN, OPEN, OPEN, OPEN)),
    "impostors": Class("Weights that are a pointer, an error page, or empty", "", (OPEN, OPEN, OPEN, OPEN)),
}
