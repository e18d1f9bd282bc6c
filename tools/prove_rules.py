#!/usr/bin/env python3
"""Switches each rule of tests/rules.table off, in a copy of the sources, and fails when no test falls.

usage: prove_rules.py [WORD]    only rules with this word; run by `make prove-rules`
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COPY = ROOT / "build" / "rules"
PARTS = ("Makefile", "mk", "include", "src", "tests", "tools", "docs", "conf", "bench")
KEYS = ("rule", "file", "is", "off", "test")


def rules():
    text = (ROOT / "tests/rules.table").read_text()
    for block in re.split(r"\n\n+", re.sub(r"(?m)^#.*\n", "", text).strip()):
        fields = dict(re.split(r":\s+", line.strip(), maxsplit=1) for line in block.splitlines())
        if tuple(fields) != KEYS:
            sys.exit(f"tests/rules.table: not a rule: {block}")
        yield fields


def copy():
    """With what was compiled already, which is not compiled again."""
    shutil.rmtree(COPY, ignore_errors=True)
    COPY.mkdir(parents=True)
    for part in PARTS:
        subprocess.run(["cp", "-a", ROOT / part, COPY], check=True)
    (COPY / "build").mkdir()
    subprocess.run(["cp", "-a", ROOT / "build/release", COPY / "build"], check=True)


def switched(rule):
    """The file's text with the rule switched off; line breaks do not matter."""
    text = (COPY / rule["file"]).read_text()
    pattern = r"\s+".join(re.escape(word) for word in rule["is"].split())
    changed, n = re.subn(pattern, lambda _: rule["off"], text)
    if n != 1:
        sys.exit(f"{rule['file']}: {n} times: {rule['is']}")
    return text, changed


def fallen(rule):
    """The tests that fail."""
    path = COPY / rule["file"]
    text, changed = switched(rule)
    path.write_text(changed)
    try:
        subprocess.run(["make", "-s", f"-j{os.cpu_count()}", "unit"], cwd=COPY, check=True, stdout=subprocess.DEVNULL)
        groups = [word for group in rule["test"].split() for word in ("-g", group)]
        try:
            run = subprocess.run(["build/release/unit_tests", *groups], cwd=COPY, capture_output=True, text=True,
                                 errors="replace", timeout=300, check=False)
        except subprocess.TimeoutExpired:
            return ["a test that waits for ever"]
        names = re.findall(r"Failure in TEST\((\w+), (\w+)\)", run.stdout)
        return list(dict.fromkeys(".".join(name) for name in names)) or ([f"exit {run.returncode}"] if run.returncode else [])
    finally:
        path.write_text(text)


def main():
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = [rule for rule in rules() if word in rule["rule"]]
    copy()
    bad = 0
    for rule in chosen:
        names = fallen(rule)
        bad += not names
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        print(f"{rule['rule']}: " + (", ".join(names[:3]) + more if names else "NO TEST FALLS"), flush=True)
    shutil.rmtree(COPY)
    print(f"{len(chosen) - bad} of {len(chosen)} rules are missed when they are switched off")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
