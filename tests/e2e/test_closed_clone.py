"""The tests themselves: as root from a clone below a folder of mode 0700, as Debian makes /root, the servers
run as another user all the same."""
import os
import pathlib
import shutil
import tempfile
import unittest
from unittest import mock

import box
from stateward import CTL, PROGRAM, Stateward


@unittest.skipUnless(os.geteuid() == 0, "only root runs servers as another user")
class ClosedClone(unittest.TestCase):
    def setUp(self):
        self.box = box.Box()
        self.addCleanup(self.box.close)
        above = tempfile.TemporaryDirectory(prefix="stateward-closed-")
        self.addCleanup(above.cleanup)
        self.assertEqual(0o700, os.stat(above.name).st_mode & 0o777)
        self.build = pathlib.Path(above.name, "clone/build/release")
        self.build.mkdir(parents=True)
        for program in (PROGRAM, CTL):
            shutil.copy(program, self.build)
        root = mock.patch.object(box, "ROOT", pathlib.Path(above.name, "clone"))
        root.start()
        self.addCleanup(root.stop)

    def server(self):
        return Stateward(self.box, argv=[str(self.build / "stateward")], workers=1)

    def test_a_server_starts_as_another_user(self):
        server = self.server()
        self.assertEqual(404, server.ask("GET", "/state/p/n")[0])
        self.assertEqual(self.box.user[0], os.stat(f"/proc/{server.process.pid}").st_uid)
        run = self.box.run([str(self.build / "statewardctl"), "keys"], env=server.settings)
        self.assertEqual(0, run.returncode, run.stderr)

    def test_that_it_would_not_without_a_copy(self):
        with mock.patch.object(box, "reachable", str), self.assertRaises(PermissionError):
            self.server()


if __name__ == "__main__":
    unittest.main()
