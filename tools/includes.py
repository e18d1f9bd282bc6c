#!/usr/bin/env python3
"""Fails when a file uses what no header that it reaches declares: `make layers`.

Sources are compiled in units (tools/units.py), where what one forgets may come along with another. A name of the
C++ library wants the header that the table says, a name of the project the only header that declares it; a
header that the file includes may bring either along, if it is one of the project.
"""
import pathlib
import re
import subprocess
import sys

import units

# header -> the names of std that want it
LIBRARY = {
    "algorithm": "sort any_of all_of none_of find_if remove_if copy_n stable_sort transform replace reverse equal binary_search "
                 "adjacent_find unique swap_ranges set_symmetric_difference nth_element lower_bound fill fill_n clamp",
    "array": "array",
    "atomic": "atomic memory_order_relaxed memory_order_release memory_order_acquire",
    "charconv": "from_chars to_chars",
    "chrono": "chrono",
    "condition_variable": "condition_variable cv_status",
    "cctype": "tolower isspace isdigit",
    "cerrno": "errno EINTR ENOENT EEXIST",
    "cstdint": "uint8_t uint16_t uint32_t uint64_t int32_t int64_t UINT64_MAX INT64_MAX",
    "cstdio": "fflush snprintf fwrite fprintf fputs fgetc fclose fopen fread",
    "cstring": "memcpy memcmp strcmp strlen strchr memset memchr strerror strncmp",
    "deque": "deque",
    "fcntl.h": "O_RDONLY O_CREAT O_CLOEXEC AT_FDCWD fcntl",
    "poll.h": "pollfd",
    "sys/stat.h": "fstat umask",
    "unistd.h": "getpid fork geteuid getuid usleep isatty",
    "filesystem": "filesystem",
    "fstream": "ifstream ofstream",
    "functional": "function",
    "future": "promise future async launch shared_future future_status",
    "iterator": "istreambuf_iterator back_inserter make_move_iterator",
    "limits": "numeric_limits",
    "list": "list",
    "map": "map multimap",
    "memory": "unique_ptr shared_ptr make_unique make_shared weak_ptr",
    "mutex": "mutex lock_guard unique_lock defer_lock",
    "optional": "optional nullopt",
    "random": "mt19937 mt19937_64 random_device",
    "set": "set multiset",
    "sstream": "istringstream stringstream ostringstream",
    "string": "string to_string u32string stoul stoull stoi",
    "string_view": "string_view u32string_view",
    "system_error": "errc error_code system_error",
    "thread": "thread this_thread",
    "unordered_map": "unordered_map",
    "unordered_set": "unordered_set",
    "utility": "move exchange pair forward",
    "variant": "variant holds_alternative get_if visit monostate in_place_index",
    "vector": "vector",
}
# Those whose names may stand without `std::`.
PLAIN = {"cerrno", "cstdint", "cstdio", "cstring", "fcntl.h", "poll.h", "sys/stat.h", "unistd.h"}
HEADER_OF = {name: header for header, names in LIBRARY.items() for name in names.split()}
# What the standard says that a header has from another one.
BRINGS = {
    "map": {"utility"}, "unordered_map": {"utility"}, "future": {"system_error"}, "mutex": {"system_error"},
    "condition_variable": {"mutex"}, "string": {"string_view"}, "filesystem": {"string", "system_error"},
    "thread": {"chrono"}, "fstream": {"string"}, "sstream": {"string"}, "charconv": {"system_error"},
}
SYSTEM = re.compile(r"^#include <([^>]+)>", re.M)
STD = re.compile(r"\bstd::(\w+)")
# Types, functions, constants; no macros.
NAME = re.compile(r"(?:[A-Z]|k[A-Z])\w*[a-z]")
# What is a file's own: `A::B`, what an indented line declares, parameters of templates.
MEMBER = re.compile(r"\b\w+::(\w+)|^ +[\w:<>,*& ]*[\w>&*] [*&]?(\w+)(?=[ ({=;,)\[])|\b(?:typename|class|struct)\W+(\w+)", re.M)


def library_headers(path):
    own = {name for file in units.headers(path) | {path} for name in SYSTEM.findall(units.read(file))}
    return own.union(*(BRINGS.get(name, set()) for name in own))


def missing(path, only):
    """The headers that a file ought to include."""
    text = units.code(units.read(path))
    has = library_headers(path)
    used = set(STD.findall(text)) | {name for name in units.words(path) if HEADER_OF.get(name, "") in PLAIN}
    for name in sorted({HEADER_OF[name] for name in used if name in HEADER_OF} - has):
        yield f"<{name}>"
    known = units.headers(path) | {path}
    # Members are named as functions are: what a header that it has names, too, may be one of them.
    here = units.own(path).union(units.declared(path), *(units.words(header) for header in known - {path}), sum(MEMBER.findall(text), ()))
    for name in sorted(units.words(path) & only.keys() - here):
        if only[name] not in known and re.search(rf"(?<![\w.:>~]){name}\b(?=[ (&*>;{{])(?! =)", text):
            yield f'"{re.sub("^(src|include|tests)/", "", only[name])}" for {name}'


def main():
    files = subprocess.run(["find", "src", "include", "tests", "-name", "*.h", "-o", "-name", "*.cc"], cwd=units.ROOT,
                           check=True, capture_output=True, text=True).stdout.split()
    declared = {}
    for header in [name for name in files if name.endswith(".h") and not name.startswith("tests/")]:
        for name in units.declared(header):
            declared.setdefault(name, set()).add(header)
    # Of the project itself: what tests have for themselves is in few headers.
    only = {name: min(places) for name, places in declared.items() if len(places) == 1 and NAME.match(name)}
    problems = [f"{path}: wants {what}" for path in sorted(files) for what in missing(path, only)]
    print("\n".join(problems) if problems else "includes: clean")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
