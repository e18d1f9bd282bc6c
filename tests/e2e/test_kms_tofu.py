"""The real OpenTofu with keys from Vault, through a restart of Vault."""
import json
import os
import threading
import unittest

import test_tofu
from box import Box
from client import Client, basic
from stateward import Stateward
from vault_server import Vault
from webservers import Nginx


class KmsTofu(unittest.TestCase):
    PROGRAM = test_tofu.Core.PROGRAM
    workspace = test_tofu.Core.workspace
    argv = test_tofu.Core.argv
    tofu = test_tofu.Core.tofu
    apply = test_tofu.Core.apply
    state = test_tofu.Core.state

    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.vault = Vault(self.box, dev=False)
        self.vault.put_key()
        self.vault.make_transit_key()

    def serve(self, settings):
        self.server = Stateward(self.box, **settings)
        self.nginx = Nginx(self.box, "unix:" + self.server.socket)
        self.client = Client(self.nginx.plain, auth=basic("basic", "secret"))
        self.target = "/state/demo/tofu"
        self.folder = self.workspace("one")

    def through_a_restart(self):
        self.assertIn("4 added", self.apply("first"))
        self.vault.stop()
        self.vault.start()  # it is sealed now
        unsealer = threading.Timer(4, self.vault.unseal)
        unsealer.start()
        # With the client's default settings: it repeats what was answered with 503.
        self.apply("second")
        unsealer.join()
        self.assertFalse(os.path.exists(os.path.join(self.folder, "errored.tfstate")))
        self.assertEqual("second 0", self.state()["outputs"]["note"]["value"])
        self.assertIn("No changes", self.tofu("plan", "-input=false", "-var=note=second"))
        self.tofu("destroy", "-auto-approve", "-input=false")
        self.assertEqual([], json.loads(self.client.get(self.target).body)["resources"])

    def test_kv(self):
        self.serve(self.vault.kv_settings())
        self.through_a_restart()

    def test_transit(self):
        self.serve(self.vault.transit_settings())
        self.through_a_restart()


if __name__ == "__main__":
    unittest.main()
