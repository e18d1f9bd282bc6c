"""Vault's own OpenID Connect provider, as the original used it: tokens from identity/oidc/token."""
import unittest

from box import Box
from client import Client, basic
from stateward import Stateward
from vault_server import Vault, VaultTokens
from webservers import Nginx

ALGORITHMS = ("RS256", "ES256", "ES384", "EdDSA")


class TokensOfVault(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.vault = Vault(self.box)
        self.tokens = VaultTokens(self.vault, ALGORITHMS)
        for alg in ALGORITHMS:
            self.tokens.role(alg.lower(), alg, "network")
        self.tokens.role("one", "ES256", "network", "prod")
        self.tokens.role("nothing", "ES256")

    def serve(self, **settings):
        server = Stateward(self.box, **settings)
        nginx = Nginx(self.box, "unix:" + server.socket)
        return Client(nginx.plain)

    def test_tokens_of_vault(self):
        client = self.serve(VAULT_ADDR=self.vault.url(), AUTH_JWT_AUDIENCE="stateward")

        def status(role, target):
            return client.get(target, auth=basic("jwt", self.tokens.token(role))).status

        for alg in ALGORITHMS:
            self.assertEqual(404, status(alg.lower(), "/state/network/any"), alg)
        self.assertEqual(404, status("one", "/state/network/prod"))
        self.assertEqual(403, status("one", "/state/network/dev"))
        self.assertEqual(403, status("nothing", "/state/network/prod"))
        # Vault's own token is no identity token.
        self.assertEqual(401, client.get("/state/network/prod",
                                         auth=basic("jwt", self.tokens.user_token)).status)
        # A new key is taken up; the old one stays published.
        old = self.tokens.token("es256")
        self.vault.call("POST", "identity/oidc/key/ES256/rotate")
        self.assertEqual(404, client.get("/state/network/x", auth=basic("jwt", old)).status)

    def test_vault_alone_opens_nothing(self):
        client = self.serve(VAULT_ADDR=self.vault.url())
        answer = client.get("/state/network/any", auth=basic("jwt", self.tokens.token("es256")))
        self.assertEqual(401, answer.status)

    def test_the_originals_settings(self):
        client = self.serve(VAULT_ADDR=self.vault.url(), AUTH_JWT_OIDC_ISSUER_URL=self.tokens.issuer(),
                            AUTH_JWT_ALLOW_ANY_AUDIENCE="true")
        for name in ("jwt", "somebody"):
            answer = client.get("/state/network/any", auth=basic(name, self.tokens.token("rs256")))
            self.assertEqual(404, answer.status)


if __name__ == "__main__":
    unittest.main()
