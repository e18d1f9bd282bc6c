"""A real Vault: in memory and ready (dev), or on files and sealed at each start (Vault(dev=False))."""
import base64
import http.client
import json
import secrets
import urllib.error
import urllib.request

from box import wait_for
from service import Service, tool


class VaultError(Exception):
    def __init__(self, status, text):
        super().__init__(f"{status} {text}")
        self.status = status


class Vault(Service):
    NAME = "vault"
    KEY_PATH = "kv/data/terraform-backend"
    TRANSIT_KEY = "states"

    def __init__(self, box, dev=True, **options):
        self.dev = dev
        self.token = "root-" + secrets.token_hex(12)
        self.unseal_key = None
        super().__init__(box, **options)
        if not dev:
            self.initialize()
        self.call("POST", "sys/mounts/kv", type="kv", options={"version": "2"})
        self.call("POST", "sys/mounts/transit", type="transit")

    def prepare(self):
        if not self.dev:
            self.write("vault.hcl", f"""
storage "file" {{ path = "{self.path('data')}" }}
listener "tcp" {{
  address = "{self.host}:{self.port}"
  tls_disable = true
}}
api_addr = "{self.url()}"
disable_mlock = true
""")

    def argv(self):
        program = tool("vault")
        if not self.dev:
            return [program, "server", f"-config={self.path('vault.hcl')}"]
        return [program, "server", "-dev", "-dev-no-store-token", "-dev-no-kv",
                f"-dev-root-token-id={self.token}",
                f"-dev-listen-address={self.host}:{self.port}"]

    def env(self):
        return {"HOME": self.folder, "SKIP_SETCAP": "1"}

    def url(self):
        return f"http://{self.host}:{self.port}"

    def answers(self):
        try:
            with urllib.request.urlopen(self.url() + "/v1/sys/health?standbyok=true&sealedcode=200"
                                        "&uninitcode=200", timeout=5):
                return True
        except (OSError, http.client.HTTPException):
            return False

    def settings(self, address=None, **more):
        """`address`: (host, port) of a proxy in front of it."""
        host, port = address or self.address()
        return {"VAULT_ADDR": f"http://{host}:{port}", "VAULT_TOKEN": self.token, **more}

    def kv_settings(self, **more):
        return self.settings(**{"KMS_BACKEND": "vault", "KMS_VAULT_KEY_PATH": self.KEY_PATH,
                                **more})

    def transit_settings(self, **more):
        return self.settings(**{"KMS_BACKEND": "transit", "KMS_TRANSIT_KEY": self.TRANSIT_KEY,
                                **more})

    def call(self, method, path, caller=None, /, **body):
        """One request with the token `caller`, else as the administrator; the answer's JSON ({} for
        none)."""
        request = urllib.request.Request(
            f"{self.url()}/v1/{path}", method=method,
            data=json.dumps(body).encode() if body or method in ("POST", "PUT") else None,
            headers={"X-Vault-Token": caller or self.token})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise VaultError(error.code, error.read().decode(errors="replace")) from None
        return json.loads(text) if text else {}

    # Sealed and unsealed.
    def initialize(self):
        made = self.call("PUT", "sys/init", secret_shares=1, secret_threshold=1)
        self.token, self.unseal_key = made["root_token"], made["keys_base64"][0]
        self.unseal()

    def unseal(self):
        self.call("PUT", "sys/unseal", key=self.unseal_key)
        wait_for(self.active, "vault is active")

    def active(self):
        try:
            return bool(self.call("GET", "sys/leader").get("is_self"
                        )) or not self.call("GET", "sys/seal-status")["sealed"]
        except (OSError, VaultError):
            return False

    def seal(self):
        self.call("PUT", "sys/seal")

    # Keys.
    def put_key(self, key=None):
        """A new version of the KV secret; returns the key's text."""
        text = key or base64.b64encode(secrets.token_bytes(32)).decode()
        self.call("POST", self.KEY_PATH, data={"key": text})
        return text

    def make_transit_key(self, name=TRANSIT_KEY, **options):
        self.call("POST", f"transit/keys/{name}", **options)

    def rotate(self, name=TRANSIT_KEY):
        self.call("POST", f"transit/keys/{name}/rotate")

    def export(self, name=TRANSIT_KEY):
        """The versions of a key that was made exportable, oldest first."""
        keys = self.call("GET", f"transit/export/encryption-key/{name}")["data"]["keys"]
        return [keys[number] for number in sorted(keys, key=int)]

    def backup(self, name=TRANSIT_KEY):
        """All of a key that was made with allow_plaintext_backup, as one text."""
        return self.call("GET", f"transit/backup/{name}")["data"]["backup"]

    def restore(self, text, name=TRANSIT_KEY):
        self.call("POST", f"transit/restore/{name}", backup=text)

    def encrypt_whole(self, document, name=TRANSIT_KEY):
        """As the original stored a state."""
        plain = base64.b64encode(document).decode()
        answer = self.call("POST", f"transit/encrypt/{name}", plaintext=plain)
        return answer["data"]["ciphertext"]

    def policy(self, name="stateward", rules=None):
        """What docs/kms.md says that a server needs."""
        rules = rules or f"""
path "{self.KEY_PATH}" {{ capabilities = ["read"] }}
path "transit/encrypt/{self.TRANSIT_KEY}" {{ capabilities = ["update"] }}
path "transit/decrypt/{self.TRANSIT_KEY}" {{ capabilities = ["update"] }}
"""
        self.call("PUT", f"sys/policies/acl/{name}", policy=rules)
        return name

    def new_token(self, ttl="1h", **options):
        """One that may do what a server needs and no more."""
        made = self.call("POST", "auth/token/create", policies=[self.policy()], ttl=ttl, **options)
        return made["auth"]["client_token"]

    def approle(self, token_ttl="1h", token_max_ttl="0"):
        """(role id, secret id)"""
        self.call("POST", "sys/auth/approle", type="approle")
        self.call("POST", "auth/approle/role/stateward", token_policies=[self.policy()],
                  token_ttl=token_ttl, token_max_ttl=token_max_ttl)
        role = self.call("GET", "auth/approle/role/stateward/role-id")["data"]["role_id"]
        secret = self.call("POST", "auth/approle/role/stateward/secret-id")["data"]["secret_id"]
        return role, secret


class VaultTokens:
    """Vault's own OpenID Connect provider, which gives tokens to a user of it."""
    POLICY = 'path "identity/oidc/token/*" { capabilities = ["read"] }'

    def __init__(self, vault, algorithms=("RS256",)):
        """As a user: the root token belongs to nobody, so Vault gives it no identity token."""
        self.vault = vault
        vault.call("POST", "sys/auth/userpass", type="userpass")
        vault.call("PUT", "sys/policies/acl/ci", policy=self.POLICY)
        vault.call("POST", "auth/userpass/users/ci", password="pass", policies="ci")
        answer = vault.call("POST", "auth/userpass/login/ci", password="pass")
        self.user_token = answer["auth"]["client_token"]
        for alg in algorithms:
            vault.call("POST", f"identity/oidc/key/{alg}", algorithm=alg, allowed_client_ids=["stateward"])

    def issuer(self):
        return self.vault.url() + "/v1/identity/oidc"

    def role(self, name, key, project=None, state="*"):
        """What its tokens say in the claim of terraform-backend; without a project, nothing."""
        claim = "{}"
        if project:  # Vault takes two braces in a row for the end of a parameter.
            claim = json.dumps({"terraform-backend": {"project": project, "state": state}}, indent=1)
        self.vault.call("POST", f"identity/oidc/role/{name}", key=key, client_id="stateward", ttl="1h",
                        template=base64.b64encode(claim.encode()).decode())

    def token(self, role):
        return self.vault.call("GET", f"identity/oidc/token/{role}", self.user_token)["data"]["token"]
