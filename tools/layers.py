#!/usr/bin/env python3
"""Fails when an #include crosses a layer (docs/architecture.md, "Layers").

Each folder of src/ may include what its row names, its own headers and the C++ library; a header of
a third-party library may stand only in the files that its row names.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# folder -> folders of src/ that it may include besides itself; "stateward" is include/stateward.
MAY = {
    "base": {"stateward"},
    "config": {"stateward", "base"},
    "fcgi": {"stateward", "base"},
    "http": {"stateward", "base", "state", "admin"},
    "document": {"stateward", "base"},
    "audit": {"stateward", "base"},
    "history": {"stateward", "base", "document"},
    "state": {"stateward", "base", "history", "document"},
    # The rooms of the services: connections and requests, no state and no lock.
    "http_client": {"stateward", "base"},
    "postgres": {"stateward", "base"},
    "redis": {"stateward", "base"},
    "s3": {"stateward", "base", "http_client"},
    "vault": {"stateward", "base", "http_client"},
    # What works with them.
    "auth": {"stateward", "base", "http_client"},
    "storage": {"stateward", "base", "postgres", "s3"},
    "lock": {"stateward", "base", "postgres", "redis", "s3"},
    "kms": {"stateward", "base", "vault"},
    "doctor": {"stateward", "base", "http_client"},
    "metrics": {"stateward", "base"},
    "hooks": {"stateward", "base", "audit", "history", "http_client", "jobs", "state"},
    "jobs": {"stateward", "base", "history", "state"},
    "admin": {"stateward", "base", "history", "document", "state", "auth", "audit"},
    # States come from elsewhere and go elsewhere.
    "moving": {"stateward", "base", "document", "history", "state", "auth", "s3", "postgres",
               "http_client", "storage"},
    # The composition roots see everything.
    "app": {"stateward", "base", "admin", "config", "fcgi", "http", "state", "history", "document",
            "auth", "storage", "lock", "kms", "postgres", "redis", "s3", "vault", "http_client",
            "metrics", "jobs", "audit", "hooks"},
    "cli": {"stateward", "base", "admin", "config", "http", "http_client", "state", "history",
            "document", "auth", "storage", "lock", "kms", "app", "audit", "doctor", "moving", "postgres",
            "hooks"},
    ".": {"stateward", "base", "config", "fcgi", "metrics", "app"},
}

# A room's settings are plain values in a header of their own, which names only its like: so the
# settings' table may reach all of them, and nothing of the rooms comes along.
SETTINGS = re.compile(r"\w+/\w+_settings\.h")

# third-party header -> where it may stand (prefixes of paths below src/)
LIBRARIES = {
    r"fcgiapp\.h|fcgios\.h|fcgi_config\.h": ("fcgi/",),
    r"cjson/.*": ("base/json.",),
    r"openssl/.*": ("base/", "auth/", "kms/", "doctor/doctor.", "redis/redis_client.", "s3/sigv4."),
    r"zstd\.h": ("kms/",),
    r"microhttpd\.h": ("metrics/",),
    r"libpq-fe\.h": ("postgres/",),
    r"hiredis/.*": ("redis/",),
    r"curl/.*": ("http_client/",),
    r"jwt\.h": ("auth/libjwt_verifier.cc",),
    r"toml\+\+/.*": ("auth/policy_reader.h",),
    r"crypt\.h": ("auth/password.cc",),
}
BANNED = [
    (r"\bgetenv\s*\(", ("config/",), "getenv outside config/"),
    # cli/output_file.cc: a child of fork() that is there for one step; it must run no destructors.
    (r"\b(?:exit|_exit|abort)\s*\(", ("main.cc", "cli/main.cc", "cli/output_file.cc"),
     "exit() below main"),
    (r"\bthrow\b(?!\s*\()", (), "an exception thrown by us"),
    (r"using namespace", (), "using namespace"),
]


def includes(text):
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
        if match:
            yield number, match.group(1), match.group(2)


def strip_comments(text):
    text = re.sub(r"//[^\n]*", "", text)
    return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)


def check_src(path, problems):
    rel = path.relative_to(ROOT / "src").as_posix()
    layer = rel.split("/")[0] if "/" in rel else "."
    text = path.read_text()
    if layer not in MAY:
        problems.append(f"src/{rel}: folder '{layer}' has no row in tools/layers.py")
        return
    for number, quote, name in includes(text):
        where = f"src/{rel}:{number}"
        top = name.split("/")[0]
        settings = SETTINGS.fullmatch(name) and layer == "config"
        if SETTINGS.fullmatch(rel) and quote == '"' and top not in ("stateward", "base"):
            settings = SETTINGS.fullmatch(name)
            if not settings:
                problems.append(f"{where}: a room's settings may not include {name}")
        if quote == '"' and "/" in name and top != layer and top not in MAY[layer] and not settings:
            problems.append(f"{where}: {layer}/ may not include {name}")
        for pattern, allowed in LIBRARIES.items():
            if re.fullmatch(pattern, name) and not rel.startswith(allowed):
                problems.append(f"{where}: {name} belongs to {', '.join(allowed)}")
    code = strip_comments(text)
    for pattern, allowed, what in BANNED:
        if re.search(pattern, code) and not (allowed and rel.startswith(allowed)):
            problems.append(f"src/{rel}: {what}")


def check_contract(path, problems):
    rel = path.relative_to(ROOT).as_posix()
    for number, quote, name in includes(path.read_text()):
        if quote == '"' and not name.startswith("stateward/"):
            problems.append(f"{rel}:{number}: a contract includes only contracts, not {name}")
        if quote == "<" and ("/" in name or name.endswith(".h")):
            problems.append(f"{rel}:{number}: a contract includes only the C++ library, not {name}")


def check_map(problems):
    """Each folder stands in docs/architecture.md, and each file that its map names is there."""
    text = (ROOT / "docs/architecture.md").read_text()
    table = text[text.index("## Map"):text.index("## Layers")]
    for folder in MAY:
        if folder != "." and f"`{folder}/`" not in table:
            problems.append(f"docs/architecture.md: the map has no row for src/{folder}/")
    for name in re.findall(r"`(\w+/[\w/*]+\.(?:cc|h))`", table):
        if not any(list(ROOT.glob(f"{top}/{name}")) for top in ("src", "include/.", ".")):
            problems.append(f"docs/architecture.md: there is no {name}")


def main():
    problems = []
    check_map(problems)
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix in (".cc", ".h"):
            check_src(path, problems)
    for path in sorted((ROOT / "include").rglob("*.h")):
        check_contract(path, problems)
    print("\n".join(problems) if problems else "layers: clean")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
