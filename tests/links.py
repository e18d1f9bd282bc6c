#!/usr/bin/env python3
"""Every link in a tree of documents leads somewhere: links.py FOLDER... A file has to be there, and a
heading that is named with # has to stand in it."""
import pathlib
import re
import sys

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def anchors(path):
    """As GitHub makes them of headings."""
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            text = re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower())
            yield text.replace(" ", "-")


def broken(folder):
    for page in sorted(folder.rglob("*.md")):
        if {"build", ".git"} & set(page.relative_to(folder).parts):
            continue
        text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
        for link in LINK.findall(text):
            if re.match(r"[a-z]+:", link):
                continue
            file, _, anchor = link.partition("#")
            target = (page.parent / file).resolve() if file else page
            if not target.exists():
                yield f"{page}: {link}: there is no such file"
            elif anchor and anchor not in anchors(target):
                yield f"{page}: {link}: there is no such heading"


def main():
    pages = [page for folder in sys.argv[1:] for page in pathlib.Path(folder).rglob("*.md")]
    if not pages:
        print("links: no documents")
        return 1
    found = [line for folder in sys.argv[1:] for line in broken(pathlib.Path(folder).resolve())]
    print("\n".join(found) if found else f"links: all lead somewhere ({len(pages)} documents)")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
