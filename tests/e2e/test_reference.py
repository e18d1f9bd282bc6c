"""What is made from the tables of commands: the man page, and the completion of shells."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from stateward import CTL


def made(form):
    return subprocess.run([CTL, "reference", form], capture_output=True, text=True, check=True,
                          timeout=60).stdout


class Reference(unittest.TestCase):
    def file(self, name, text):
        folder = tempfile.mkdtemp(prefix="stateward-reference-")
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_mandoc_has_nothing_to_say(self):
        page = self.file("statewardctl.1", made("man"))
        lint = subprocess.run(["mandoc", "-Tlint", page], capture_output=True, text=True,
                              check=False, timeout=60)
        self.assertEqual((0, ""), (lint.returncode, lint.stdout + lint.stderr))
        shown = subprocess.run(["mandoc", "-Tascii", page], capture_output=True, text=True,
                               check=True, timeout=60).stdout
        shown = re.sub(r".\x08", "", shown)  # bold and underlined
        for word in ("versions", "policy check", "--namespace NAMESPACE", "EXIT STATUS"):
            self.assertIn(word, shown)

    def bash(self, *words):
        """What bash offers for the last of the words."""
        quoted = " ".join(f"'{word}'" for word in words)
        script = (f"source '{self.file('statewardctl.bash', made('bash'))}'\n"
                  f"COMP_WORDS=(statewardctl {quoted})\nCOMP_CWORD={len(words)}\n"
                  "_statewardctl\nprintf '%s\\n' \"${COMPREPLY[@]}\"")
        run = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True,
                             timeout=60)
        self.assertEqual("", run.stderr)
        return run.stdout.split()

    def test_bash(self):
        self.assertEqual(["versions"], self.bash("ver"))
        self.assertEqual(["check", "test"], self.bash("policy", ""))
        self.assertEqual(["--version"], self.bash("get", "net/prod", "--vers"))
        self.assertIn("--sort", self.bash("list", "--"))
        self.assertEqual(["name", "size", "time", "serial", "versions"],
                         self.bash("list", "--sort", ""))
        self.assertIn("LOCK", self.bash("policy", "test", ""))
        self.assertNotIn("reference", self.bash(""))

    def zsh(self, *words):
        """The same of zsh, whose own functions stand in for its completion."""
        quoted = " ".join(f"'{word}'" for word in words)
        script = ("compadd() { shift; print -l -- $@ }\n_files() { print FILES }\n"
                  f"words=(statewardctl {quoted})\nCURRENT={len(words) + 1}\n"
                  f"source '{self.file('_statewardctl', made('zsh'))}'\n")
        run = subprocess.run(["zsh", "-fc", script], capture_output=True, text=True, check=True,
                             timeout=60)
        self.assertEqual("", run.stderr)
        return run.stdout.split()

    def test_zsh(self):
        self.assertIn("versions", self.zsh("ver"))
        self.assertEqual(["check", "test"], self.zsh("policy", ""))
        self.assertEqual(["name", "size", "time", "serial", "versions"],
                         self.zsh("list", "--sort", ""))
        self.assertEqual(["FILES"], self.zsh("list", "-o", ""))


if __name__ == "__main__":
    unittest.main()
