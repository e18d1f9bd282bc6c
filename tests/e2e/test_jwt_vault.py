"""Vault's own OpenID Connect provider, as the original used it: tokens from identity/oidc/token."""
import base64
import json
import unittest

from box import Box
from client import Client, basic
from stateward import Stateward
from vault_server import Vault
from webservers import Nginx

ALGORITHMS = ("RS256", "ES256", "ES384", "EdDSA")
POLICY = 'path "identity/oidc/token/*" { capabilities = ["read"] }'


def template(project, state):
    # Vault takes two braces in a row for the end of a parameter.
    return json.dumps({"terraform-backend": {"project": project, "state": state}}, indent=1)


class VaultTokens(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.vault = Vault(self.box)
        self.login()
        for alg in ALGORITHMS:
            self.vault.call("POST", f"identity/oidc/key/{alg}", algorithm=alg,
                            allowed_client_ids=["stateward"])
            self.role(alg.lower(), alg, "network", "*")
        self.role("one", "ES256", "network", "prod")
        self.role("nothing", "ES256", None, None)

    def role(self, name, key, project, state):
        claim = template(project, state) if project else "{}"
        self.vault.call("POST", f"identity/oidc/role/{name}", key=key, client_id="stateward",
                        ttl="1h", template=base64.b64encode(claim.encode()).decode())

    def login(self):
        """As a user: the root token belongs to nobody, so Vault gives it no identity token."""
        self.vault.call("POST", "sys/auth/userpass", type="userpass")
        self.vault.call("PUT", "sys/policies/acl/ci", policy=POLICY)
        self.vault.call("POST", "auth/userpass/users/ci", password="pass", policies="ci")
        answer = self.vault.call("POST", "auth/userpass/login/ci", password="pass")
        self.user_token = answer["auth"]["client_token"]

    def token(self, role):
        answer = self.vault.call("GET", f"identity/oidc/token/{role}", self.user_token)
        return answer["data"]["token"]

    def serve(self, **settings):
        server = Stateward(self.box, **settings)
        nginx = Nginx(self.box, "unix:" + server.socket)
        return Client(nginx.plain)

    def test_tokens_of_vault(self):
        client = self.serve(VAULT_ADDR=self.vault.url(), AUTH_JWT_AUDIENCE="stateward")

        def status(role, target):
            return client.get(target, auth=basic("jwt", self.token(role))).status

        for alg in ALGORITHMS:
            self.assertEqual(404, status(alg.lower(), "/state/network/any"), alg)
        self.assertEqual(404, status("one", "/state/network/prod"))
        self.assertEqual(403, status("one", "/state/network/dev"))
        self.assertEqual(403, status("nothing", "/state/network/prod"))
        # Vault's own token is no identity token.
        self.assertEqual(401, client.get("/state/network/prod",
                                         auth=basic("jwt", self.user_token)).status)
        # A new key is taken up; the old one stays published.
        old = self.token("es256")
        self.vault.call("POST", "identity/oidc/key/ES256/rotate")
        self.assertEqual(404, client.get("/state/network/x", auth=basic("jwt", old)).status)

    def test_vault_alone_opens_nothing(self):
        client = self.serve(VAULT_ADDR=self.vault.url())
        answer = client.get("/state/network/any", auth=basic("jwt", self.token("es256")))
        self.assertEqual(401, answer.status)

    def test_the_originals_settings(self):
        issuer = self.vault.url() + "/v1/identity/oidc"
        client = self.serve(VAULT_ADDR=self.vault.url(), AUTH_JWT_OIDC_ISSUER_URL=issuer,
                            AUTH_JWT_ALLOW_ANY_AUDIENCE="true")
        for name in ("jwt", "somebody"):
            answer = client.get("/state/network/any", auth=basic(name, self.token("rs256")))
            self.assertEqual(404, answer.status)


if __name__ == "__main__":
    unittest.main()
