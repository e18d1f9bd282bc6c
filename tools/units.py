#!/usr/bin/env python3
"""Puts sources that are compiled together into units, and prints the objects (Makefile, "units").

usage: units.py BUILD NAME SOURCE...    BUILD/units/NAME/state.1.cc includes some sources of a folder state, and so on

A compiler spends most of its time on headers and their templates, and those it reads once a unit. No file may
notice that it shares one: two files share a unit only when no name that the first keeps to itself is used in the
second, no name that one of the two keeps to itself is declared in a header of the other, and no name is declared
both in a header that only the first has and in one that only the second has. A file that defines a macro has a
unit of its own, and so have files that some programs replace.
"""
import functools
import hashlib
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MOST = 12  # more save little, and a change compiles all of them again
FEW = 4  # what is left of a folder goes with that of others
ALONE = {
    "src/base/posix_disk.cc",  # mk/crash.mk wraps PosixDisk(), which the linker does between objects only
    "src/base/store_format.cc",  # mk/next.mk links another one
    "tests/unit/main.cc",  # an object of two programs
    "tests/doubles/power_cut_disk.cc",
    "tests/doubles/reference_json.cc",  # of the fuzzers, too
}
INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)
DEFINE = re.compile(r"^\s*#\s*define\b", re.M)
# Not what an object or a namespace has.
WORD = re.compile(r"(?<![\w.:>])[A-Za-z_]\w*|(?<=[^-]>)[A-Za-z_]\w*")
PRIVATE = re.compile(r"^namespace \{\n(.*?)^\}  // namespace$", re.M | re.S)
USING = re.compile(r"^using ([\w:]+::(\w+));", re.M)
TYPE = re.compile(r"\b(?:class|struct|enum|union|using)\s+(?!class\b)(\w+)\b(?!\s*::|.*>::)")
FORWARD = re.compile(r"(?:class|struct) \w+;\s*")
DECLARED = re.compile(r"(?<![\w.:>])([A-Za-z_]\w*)\s*(?=[({=\[;])")
ENUM = re.compile(r"^\s*enum (?!class)[^{;]*\{([^}]*)\}", re.M)
# Of the language or its library, so no names of a file.
COMMON = re.compile(r"\w+_t|const|bool|int|char|class|struct|sizeof|nullptr|override|noexcept|using|namespace|alignas|"
                    r"decltype|operator|std|if|for|while|return|auto|void|[A-Z0-9]+_MAX")


def code(text):
    """Without comments and texts."""
    text = re.sub(r'R"(\w*)\(.*?\)\1"', '""', text, flags=re.S)
    return re.sub(r'"(?:\\.|[^"\\\n])*"|//[^\n]*', '""', text)


@functools.lru_cache(None)
def read(path):
    return (ROOT / path).read_text()


@functools.lru_cache(None)
def words(path):
    return frozenset(WORD.findall(code(INCLUDE.sub("", read(path)))))


@functools.lru_cache(None)
def find(name):
    return next((f"{d}/{name}" for d in ("src", "include", "tests") if (ROOT / d / name).is_file()), None)


@functools.lru_cache(None)
def headers(path):
    """The project's headers that it includes, and theirs."""
    found = [h for name in INCLUDE.findall(read(path)) if (h := find(name))]
    return frozenset(found).union(*(headers(h) for h in found))


def names_in(text):
    """The names that lines declare which are not indented."""
    names = {word for body in ENUM.findall(text) for word in WORD.findall(body)}
    for line in text.splitlines():
        if line[:1].isalpha() or line[:1] == "}":
            if not FORWARD.fullmatch(line):
                names.update(TYPE.findall(line))
            if not line.startswith(("class ", "struct ", "namespace ")):
                names.update(DECLARED.findall(line))
    return frozenset(name for name in names if not COMMON.fullmatch(name))


@functools.lru_cache(None)
def own(path):
    """The names that a source keeps to itself."""
    text = read(path)
    private = names_in(code("\n".join(PRIVATE.findall(text))))
    # What no header declares is private, too, but for the macros of tests.
    others = names_in(code(PRIVATE.sub("", text))) - reached(path)
    return private | frozenset(name for name in others if not name.isupper())


@functools.lru_cache(None)
def declared(path):
    """The names that a header declares."""
    return names_in(code(read(path)))


@functools.lru_cache(None)
def declared_in(paths):
    return frozenset().union(*(declared(path) for path in paths))


def reached(path):
    return declared_in(headers(path))


@functools.lru_cache(None)
def usings(path):
    return frozenset(USING.findall(read(path)))


def may_follow(second, first):
    """Whether the second file may stand behind the first."""
    both = {name for _, name in usings(first) & usings(second)}
    firsts = (own(first) | {name for _, name in usings(first)}) - both
    seconds = (own(second) | {name for _, name in usings(second)}) - both
    if firsts & (words(second) | reached(second)) or seconds & reached(first):
        return False
    # Two functions of one name in headers that had never met.
    return not declared_in(headers(first) - headers(second)) & declared_in(headers(second) - headers(first))


def units_of(sources):
    """Each source in the first unit that takes it."""
    units = []
    for source in sources:
        unit = next((u for u in units if len(u) < MOST and all(may_follow(source, first) for first in u)), None)
        if unit:
            unit.append(source)
        else:
            units.append([source])
    return units


def write(path, text):
    """At once: another make may read it meanwhile."""
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.write_text(text)
    new.replace(path)


def objects(build, name, sources):
    """Writes the units; the objects that they and the files alone become."""
    folder = pathlib.Path(build) / "units" / name
    alone, folders, units, left = [], {}, {}, []
    for source in sources:
        if source in ALONE or DEFINE.search(read(source)):
            alone.append(source)
        else:
            folders.setdefault(source.split("/")[-2], []).append(source)
    for place, group in folders.items():
        for number, files in enumerate(units_of(group), 1):
            if len(files) < FEW:
                left += files
            else:
                units[f"{place}.{number}"] = files
    units.update((f"mixed.{number}", files) for number, files in enumerate(units_of(left), 1))
    alone += [files[0] for files in units.values() if len(files) == 1]
    units = {unit: files for unit, files in units.items() if len(files) > 1}
    for unit, files in units.items():
        path = folder / f"{unit}.cc"
        text = "".join(f'#include "{file}"\n' for file in files)
        if not path.exists() or path.read_text() != text:
            write(path, text)
    return [str(folder / f"{unit}.o") for unit in units] + [f"{build}/{file[:-len('.cc')]}.o" for file in alone]


def main():
    build, name, *sources = sys.argv[1:]
    sources.sort()
    # Each call of make asks: what it was told last holds while no file has changed.
    tests = ("conformance", "doubles", "unit", "service")
    headers_of = [h for d in ("src", "include", *(f"tests/{t}" for t in tests)) for h in (ROOT / d).rglob("*.h")]
    stats = [(str(file), os.stat(file).st_mtime_ns) for file in [*sorted(headers_of), *sources, __file__]]
    key = hashlib.sha256(repr(stats).encode()).hexdigest()
    kept = ROOT / build / "units" / name / "objects"
    kept.parent.mkdir(parents=True, exist_ok=True)
    last = kept.read_text().split() if kept.exists() else []
    if last[:1] != [key]:
        last = [key, *objects(build, name, sources)]
        write(kept, " ".join(last))
    print(*last[1:])


if __name__ == "__main__":
    main()
