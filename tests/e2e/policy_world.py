"""A policy, and its users, tokens and certificates, for the end-to-end tests of identified users."""
import crypt
import hashlib
import subprocess

from stateward import CTL

PASSWORDS = {"alice": "correct horse battery", "carol": "staple of carol"}
# Canaries: none of these may ever be written anywhere (test_policy.py looks).
TOKENS = {"ci": "swt_" + "c1" * 32, "planner": "swt_" + "9a" * 32, "dash": "swt_" + "da" * 32,
          "root": "swt_" + "70" * 32, "oncall": "swt_" + "0c" * 32}
CERTIFICATE = "CN=client"

# Needs the issuer's url and ca.
CI_DEPLOYS = """
[issuers.ci]
url = "%(url)s"
audiences = ["stateward"]
ca_file = "%(ca)s"
kind = "gitlab"

[[rules]]
name = "main deploys"
issuer = "ci"
claims = { project_id = "42", ref = "main", ref_protected = "true" }
states = ["demo/*"]
role = "write"
"""

RULES = """
[[rules]]
name = "alice writes"
user = "alice"
states = ["demo/*"]
role = "write"

[[rules]]
name = "ci writes"
token = "ci"
states = ["demo/*"]
role = "write"

[[rules]]
name = "planner"
token = "planner"
states = ["demo/*"]
role = "plan"

[[rules]]
name = "dashboard"
token = "dash"
states = ["demo/*"]
role = "outputs"

[[rules]]
name = "root"
token = "root"
states = ["*/*"]
role = "admin"

[[rules]]
name = "on call"
token = "oncall"
states = ["demo/*"]
role = "operator"

[[rules]]
name = "nginx's own"
proxy_user = "carol"
states = ["demo/*"]
role = "write"

[[rules]]
name = "by certificate"
certificate = "%s"
states = ["demo/*"]
role = "write"
""" % CERTIFICATE


def policy(more=""):
    lines = []
    hashed = crypt.crypt(PASSWORDS["alice"], crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=2 ** 6))
    lines += ["[users.alice]", f'password = "{hashed}"']
    for name, token in TOKENS.items():
        lines += [f"[tokens.{name}]", f'sha256 = "{hashlib.sha256(token.encode()).hexdigest()}"']
    return "\n".join(lines) + RULES + more


def htpasswd(box):
    hashed = subprocess.run(["openssl", "passwd", "-apr1", PASSWORDS["carol"]], capture_output=True,
                            text=True, check=True).stdout.strip()
    return box.write("htpasswd", f"carol:{hashed}\n", 0o644)


def nginx_users(file):
    """The edit that turns on the snippet's lines for users of nginx's own."""
    def edit(name, text):
        if name != "stateward.conf" and not name.endswith("/stateward.conf"):
            return text
        for line in ('auth_basic "states";', "auth_basic_user_file /etc/nginx/stateward.htpasswd;",
                     "fastcgi_param STATEWARD_USER $remote_user;"):
            if "#" + line not in text:
                raise AssertionError(f"the snippet has no #{line}")
            text = text.replace("#" + line, line)
        return text.replace("/etc/nginx/stateward.htpasswd", file)
    return edit


def apache_users(file):
    def edit(name, text):
        if name != "stateward.conf" and not name.endswith("/stateward.conf"):
            return text
        for line in ("AuthType Basic", 'AuthName "states"', "AuthBasicProvider file",
                     "AuthUserFile ", "Require valid-user", "ErrorDocument 401 /.stateward/login",
                     'ProxyFCGISetEnvIf "-n %{REMOTE_USER}" STATEWARD_USER "%{REMOTE_USER}"'):
            if "#" + line not in text:
                raise AssertionError(f"the snippet has no #{line}")
            text = text.replace("#" + line, line)
        head, _, rest = text.partition('<Location "/state">')
        rest = rest.replace("    Require all granted\n", "", 1)
        text = head + '<Location "/state">' + rest
        lines = [line for line in text.splitlines() if "AuthUserFile" not in line]
        at = next(i for i, line in enumerate(lines) if "AuthBasicProvider" in line)
        lines.insert(at + 1, f"    AuthUserFile {file}")
        return "\n".join(lines) + "\n"
    return edit
