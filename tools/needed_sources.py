#!/usr/bin/env python3
"""Names the files of src/ that the given sources need, so that a build of a few tests compiles no more.

A source needs the headers that it includes, and theirs; a header needs what may implement it: each .cc of
its folder that includes it, and for a header of include/ those of src/base. That is more than the linker
takes. A file that is missing makes the link fail: no test can pass without code that it calls.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)
PUBLIC = ROOT / "include" / "stateward"
FOLDERS = ("src", "include", "tests", ".")


def find(name):
    return next((ROOT / d / name for d in FOLDERS if (ROOT / d / name).is_file()), None)


def includes(path):
    return [found for name in INCLUDE.findall(path.read_text()) if (found := find(name))]


def main():
    implements = {}
    for source in sorted((ROOT / "src").rglob("*.cc")):
        folders = (source.parent, PUBLIC) if source.parent.name == "base" else (source.parent,)
        for header in [h for h in includes(source) if h.parent in folders]:
            implements.setdefault(header, []).append(source)
    needed, todo = set(), [ROOT / name for name in sys.argv[1:]]
    while todo:
        path = todo.pop()
        if path in needed:
            continue
        needed.add(path)
        todo += includes(path) + implements.get(path, [])
    print(*sorted(str(p.relative_to(ROOT)) for p in needed
                  if p.suffix == ".cc" and (ROOT / "src") in p.parents))


if __name__ == "__main__":
    main()
