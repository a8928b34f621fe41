#!/usr/bin/env python3
"""Makes the corpus of model files that an inspector must judge rightly: safe ones of every kind, and every evasion known.

    make_corpus.py DIR       the files below DIR and, in DIR.json, what must be said of each
    make_corpus.py --table   the classes, and which public scanners are known to miss each, as Markdown

The same files at every run. Nothing in them does harm: what a dangerous file would run is `true`, `1+1` or /dev/null.
"""

import argparse
import collections
import os
import sys

from safetycorpus import arrays, classes, collection, containers, graphs, keras, native, pickle_clean, pickle_evasions, pickle_gadgets, texts, torchfiles

PARTS = (pickle_clean, pickle_gadgets, pickle_evasions, arrays, torchfiles, containers, native, graphs, keras, texts)


def make():
    corpus = collection.Corpus()
    for part in PARTS:
        part.add_to(corpus)
    return corpus


def table(corpus):
    counts = collections.Counter(sample.group for sample in corpus.samples.values())
    lines = ["| What | Files | Seen as | " + " | ".join(classes.SCANNERS) + " |", "|---|--:|---|" + "---|" * len(classes.SCANNERS)]
    for slug, each in classes.CLASSES.items():
        lines.append(f"| {each.title} | {counts[slug]} | {each.seen or '–'} | " + " | ".join(each.marks) + " |")
    return "\n".join(lines) + "\n"


def main(arguments):
    parser = argparse.ArgumentParser(description="Makes the corpus of model files.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("dir", metavar="DIR", nargs="?", help="folder to make; must not exist")
    what.add_argument("--table", action="store_true", help="print which public scanners miss what")
    options = parser.parse_args(arguments)
    corpus = make()
    if options.table:
        sys.stdout.write(table(corpus))
        return 0
    if os.path.lexists(options.dir):
        parser.error(f"{options.dir} exists; name a new folder")
    corpus.write(options.dir)
    legit = sum(sample.group == "legit" for sample in corpus.samples.values())
    print(f"{options.dir}: {len(corpus.samples)} files, {legit} of everyday life, {len(corpus.samples) - legit} in {len(classes.CLASSES)} classes of evasion")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
