"""What the documents name is there: commands and options of statewardctl, settings, metrics, files of the
repository and of the installation, make targets. Nothing is started."""
import fnmatch
import hashlib
import pathlib
import re
import shlex
import subprocess
import sys
import unittest

from box import ROOT
from stateward import CTL, PROGRAM

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^ *```.*?^ *```", re.M | re.S)

# Names in capitals that begin as a setting's and are none: parameters of FastCGI, environment of others.
NO_SETTINGS = {"FASTCGI_PARAM", "LISTEN_FDS", "VAULT_SKIP_VERIFY"}

# Files that an administrator makes.
EXAMPLES = {"/etc/stateward/webhook-secret", "/etc/stateward/webhook-url", "/etc/stateward/new.env", "/etc/stateward/postgres.env",
            "/etc/stateward/policy.toml", "/etc/stateward/postgres", "/etc/stateward/redis-password",
            "/var/lib/stateward/states", "/var/lib/stateward.before", "/var/log/stateward/audit.log"}


def fenced(text):
    """The lines of the fenced blocks."""
    for block in FENCE.findall(text):
        yield from block.replace("\\\n", " ").splitlines()[1:-1]


def inline(text):
    """What stands between backticks outside of them."""
    for code in re.findall(r"`([^`]+)`", FENCE.sub("", text)):
        yield " ".join(code.replace("\\|", "|").split())


def split(line):
    """The simple commands of a shell line, as lists of words."""
    line = re.sub(r"^ *[$#] ", "", line)
    for part in re.split(r"\|\||&&|[|;]|\$\(", line.replace("'\\''", "")):
        part = part.strip().rstrip(")")
        try:
            words = shlex.split(part, comments=True)
        except ValueError:  # an apostrophe of prose
            words = part.split()
        while words and (re.fullmatch(r"[A-Z_]+=\S*|sudo|\(", words[0])):
            words = words[1:]
        yield words


class Commands:
    """The tables of the built program, read from its own reference."""

    def __init__(self):
        text = subprocess.run([CTL, "reference", "markdown"], check=True, text=True,
                              capture_output=True).stdout
        common, commands = text.split("\n## Commands\n")
        self.common = self.labels(common)
        self.rows = {}
        for entry in commands.split("\n### ")[1:]:
            table = re.search(r"^\| parameter .*?\n\n", entry + "\n\n", re.M | re.S)
            table = table.group() if table else ""
            arguments = len(re.findall(r"^\| `[^-]", table, re.M))
            self.rows[entry.splitlines()[0]] = (self.labels(table), arguments)

    @staticmethod
    def labels(text):
        """{option: it takes a value} of a table."""
        found = {}
        for label in re.findall(r"^\| `(-.*?)` \|", text, re.M):
            names = re.findall(r"(?:^|(?<=, ))-[\w-]+", label)
            for name in names:
                found[name] = not label.endswith(names[-1])
        return found

    def fault(self, words, whole):
        """What is wrong with the words behind `statewardctl`, or None. `whole`: it has to be complete
        enough to name a command."""
        options, rest = [], []
        known = dict(self.common)
        for name, (rows, _) in self.rows.items():
            if " ".join(w for w in words if not w.startswith("-")).find(name) >= 0:
                known.update(rows)
        words = iter(words)
        for word in words:
            if re.match(r"\d?[<>]", word):
                if word in (">", ">>", "<", "2>"):
                    next(words, None)
            elif word.startswith("-") and word != "-":
                name = word.split("=")[0]
                options.append(name)
                if known.get(name, False) and "=" not in word:
                    next(words, None)
            elif not word.startswith("["):
                rest.append(word)
        if not rest:
            names = set(self.common)
            return next((f"no option {o}" for o in options if o not in names), None)
        if rest[0] in ("COMMAND", "...", "…"):
            return None
        name = next((n for n in sorted(self.rows, key=len, reverse=True)
                     if rest[:len(n.split())] == n.split()), None)
        if name is None:
            group = any(n.startswith(" ".join(rest) + " ") for n in self.rows)
            return None if group and not whole else f"no command {' '.join(rest)}"
        rows, arguments = self.rows[name]
        given = [w for w in rest[len(name.split()):] if w not in ("...", "…")]
        if len(given) > arguments:
            return f"{name} takes {arguments} arguments"
        return next((f"{name} has no option {o}" for o in options
                     if o not in rows and o not in self.common and o != "--yes"), None)


class Documents(unittest.TestCase):
    def pages(self):
        for page in PAGES:
            yield page.relative_to(ROOT), page.read_text()

    def none(self, faults):
        self.assertEqual([], sorted(set(faults)), "\n".join(sorted(set(faults))))

    def test_each_command_and_option_exists(self):
        commands = Commands()
        faults, seen = [], 0
        for page, text in self.pages():
            for whole, lines in ((True, fenced(text)), (False, inline(text))):
                for line in lines:
                    for words in split(line):
                        bare = not whole and any(words[:len(n.split())] == n.split() and
                                                 any(w.startswith("--") for w in words)
                                                 for n in commands.rows)
                        if not bare and (not words or words[0].rpartition("/")[2] != "statewardctl"):
                            continue
                        seen += 1
                        fault = commands.fault(words if bare else words[1:], whole)
                        if fault:
                            faults.append(f"{page}: {line.strip()}: {fault}")
        self.none(faults)
        self.assertGreater(seen, 100)

    def test_the_server_has_each_option(self):
        usage = subprocess.run([PROGRAM, "--help"], text=True, capture_output=True, check=False)
        usage = usage.stdout + usage.stderr
        faults = []
        for page, text in self.pages():
            for line in [*fenced(text), *inline(text)]:
                for words in split(line):
                    if words and words[0].rpartition("/")[2] == "stateward":
                        faults += [f"{page}: stateward has no {o}"
                                   for o in re.findall(r"--[a-z][a-z-]*", " ".join(words))
                                   if o not in usage]
        self.none(faults)

    def test_each_setting_exists(self):
        settings = set(re.findall(r"^### ([A-Z_0-9]+)$", (ROOT / "docs/settings.md").read_text(), re.M))
        self.assertGreater(len(settings), 50)
        rooms = {name.split("_")[0] for name in settings if "_" in name}
        faults = []
        for page, text in self.pages():
            for name in re.findall(r"(?<![\w/-])[A-Z][A-Z0-9]*_[A-Z0-9_]*\*?", text):
                if name.split("_")[0] not in rooms or name in NO_SETTINGS:
                    continue
                plain = name.removesuffix("_FILE") if name not in settings else name
                if not fnmatch.filter(settings, plain.rstrip("_") if "*" not in plain else plain):
                    faults.append(f"{page}: there is no setting {name}")
        self.none(faults)

    def test_each_line_of_settings_may_be_pasted(self):
        """The env file knows no remark behind a value: it would be a part of it."""
        seen, faults = 0, []
        for page, text in self.pages():
            for line in text.splitlines():
                if re.match(r" *[A-Z][A-Z0-9_]+=\S*(\s+#|$)", line):
                    seen += 1
                    faults += [f"{page}: {line}"] if "#" in line else []
        self.none(faults)
        self.assertGreater(seen, 20)

    def test_each_metric_exists(self):
        source = "".join(path.read_text() for path in (ROOT / "src").rglob("*.[ch]*"))
        metrics = set(re.findall(r'(?:"|HELP )(stateward_[a-z_]+)', source))
        # Rules and dashboards; what collectors of logs call their steps is no metric.
        files = [*PAGES, *(p for p in (ROOT / "docs/observability").iterdir()
                           if p.is_file() and p.name not in ("vector.yaml", "fluent-bit.conf", "fluent-bit-parsers.conf"))]
        faults, seen = [], set()
        for page in files:
            for name in re.findall(r"(?<![@\w])stateward_[a-z_]+\b(?!\.py|\*)", page.read_text()):
                plain = re.sub(r"_(bucket|sum|count)$", "", name)
                seen.add(name)
                if name not in metrics and plain not in metrics and not name.endswith("_"):
                    faults.append(f"{page.relative_to(ROOT)}: there is no metric {name}")
        self.none(faults)
        self.assertGreater(len(seen), 10)

    def test_each_file_of_the_repository_exists(self):
        folders = "|".join(p.name for p in ROOT.iterdir() if p.is_dir() and p.name[0] not in ".b")
        name = re.compile(rf"(?<![\w/.<-])(?:{folders}|bench)/[\w.*/-]*[\w*]")
        faults = []
        for page, text in self.pages():
            for path in name.findall(re.sub(r"\]\([^)]*\)", "]", FENCE.sub("", text))):
                # ROOM, NAME and so on stand for any name; what is installed has folders like these.
                pattern = re.sub(r"\b[A-Z]{3,}(?=/|$)", "*", path)
                if not (ROOT / path).exists() and not any(ROOT.glob(pattern)):
                    faults.append(f"{page}: there is no {path}")
        self.none(faults)

    def test_each_installed_path_is_installed(self):
        places = [p for folder in ("conf", "packaging", "mk", "nginx", "apache", "src/config")
                  for p in (ROOT / folder).rglob("*") if p.is_file()]
        known = "\n".join(p.read_text(errors="replace") for p in places)
        known = known.replace("${APACHE_LOG_DIR}", "/var/log/apache2")
        faults = []
        for page, text in self.pages():
            for path in re.findall(r"(?<![\w./])/(?:etc|usr|var|run)/[\w./-]*stateward[\w./-]*\w",
                                   re.sub(r"^```console\n.*?^```", "", text, flags=re.M | re.S)):
                here = ROOT / path.removeprefix("/usr/share/doc/stateward/")
                if here != pathlib.Path(path) and here.exists():
                    continue
                if path not in known and path[1:] not in known and path not in EXAMPLES:
                    faults.append(f"{page}: nothing installs {path}")
        self.none(faults)

    def test_each_answer_exists(self):
        """Four words or more between backticks, all in small letters, are a text of the programs."""
        source = "".join(re.sub(r'"\s*\n\s*"', "", path.read_text())
                         for path in (ROOT / "src").rglob("*.[ch]*"))
        commands = {"vault", "adduser", "journalctl", "statewardctl", "stateward", "tofu", "make"}
        faults, seen = [], 0
        for page, text in self.pages():
            for code in inline(text):
                if re.fullmatch(r"[a-z,']+( [a-z,'()]+){3,}", code) and code.split()[0] not in commands:
                    seen += 1
                    if code not in source:
                        faults.append(f"{page}: nothing says {code}")
        self.none(faults)
        self.assertGreater(seen, 4)

    def test_nobody_would_say_it_like_that(self):
        """The documents speak as people do."""
        odd = re.compile(r"\b(is to be|are to be|anew|beside|whoever|of ours|none is|heeded|hitherto|"
                         r"belongs to whom|settings are good|burns? a number|the original's)\b", re.I)
        # These repeat the tables of settings and commands.
        tables = {"settings.md", "commands.md", "api.md", "stateward.env"}
        files = [*PAGES, *(p for folder in ("conf", "man", "nginx", "apache")
                           for p in (ROOT / folder).iterdir())]
        files = [file for file in files if file.name not in tables]
        faults = [f"{file.relative_to(ROOT)}: {found}" for file in files
                  for found in odd.findall(" ".join(file.read_text().split()))]
        self.none(faults)

    def test_each_picture_is_drawn_from_its_text(self):
        pictures = ROOT / "docs/pictures"
        texts = sorted([*pictures.glob("*.dot"), *pictures.glob("*.tsv")])
        self.assertGreater(len(texts), 4)
        for text in texts:
            drawn = text.with_suffix(".svg").read_text().rstrip().splitlines()[-1]
            digest = hashlib.sha256(text.read_bytes()).hexdigest()
            self.assertIn(digest, drawn, f"{text.name} was changed: make pictures")

    def test_the_picture_of_figures_is_what_the_program_draws(self):
        figures = ROOT / "docs/pictures/scale.tsv"
        drawn = subprocess.run([sys.executable, "-B", ROOT / "bench/draw_scale.py"], check=True, text=True,
                               input=figures.read_text(), capture_output=True).stdout
        kept = figures.with_suffix(".svg").read_text().splitlines(keepends=True)
        self.assertEqual(drawn, "".join(kept[:-1]), "make pictures")

    def test_each_make_target_exists(self):
        rules = "".join(p.read_text() for p in [ROOT / "Makefile", *(ROOT / "mk").glob("*.mk")])
        targets = {t for line in re.findall(r"^\.PHONY:(.*(?:\\\n.*)*)", rules, re.M)
                   for t in line.replace("\\\n", " ").split()}
        targets |= {t for line in re.findall(r"^([a-z][\w -]*):", rules, re.M) for t in line.split()}
        faults = []
        for page, text in self.pages():
            for line in [*fenced(text), *inline(text)]:
                for words in split(line):
                    if words and words[0] == "make":
                        faults += [f"{page}: no target {w}" for w in words[1:]
                                   if not w.startswith("-") and "=" not in w and w not in targets]
        self.none(faults)


if __name__ == "__main__":
    unittest.main()
