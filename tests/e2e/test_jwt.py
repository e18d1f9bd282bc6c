"""Tokens of an issuer as a way in: real HTTPS, real nginx, the real OpenTofu."""
import json
import os
import pathlib
import subprocess
import unittest

from box import Box, wait_for
from client import Client, basic
from issuer import Issuer, new_key
from policy_world import CTL
from stateward import Stateward
from test_tofu import TOFU
from webservers import Nginx

TARGET = "/state/demo/one"
STATE = json.dumps({"version": 4, "serial": 1, "lineage": "jwt", "outputs": {}, "resources": []})

CONFIG = """
terraform {
  backend "http" {
    address        = "%(url)s"
    lock_address   = "%(url)s"
    unlock_address = "%(url)s"
    %(auth)s
  }
}
resource "terraform_data" "one" { input = "%(note)s" }
"""


def bearer(token):
    return "Bearer " + token


class JwtCase(unittest.TestCase):
    ALGS = ("ES256",)

    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.issuer = Issuer(self.box, self.ALGS)
        self.addCleanup(self.issuer.stop)

    def serve(self, **settings):
        self.server = Stateward(self.box, env_file=True, **{**self.issuer.settings(), **settings})
        self.nginx = Nginx(self.box, "unix:" + self.server.socket)
        self.client = Client(self.nginx.plain)

    def get(self, token, target=TARGET, auth=bearer):
        return self.client.get(target, auth=auth(token))

    def refused(self, token, why, status=401):
        answer = self.get(token)
        self.assertEqual(status, answer.status, answer)
        if status == 401:
            self.assertIn("Basic", answer.header("WWW-Authenticate"))
        self.assertNotIn(why.encode(), answer.body)
        self.server.process.wait_until(lambda: why in self.server.log(), f"the log says: {why}")


class WaysIn(JwtCase):
    ALGS = ("RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA")

    def test_each_way_and_each_kind_of_key(self):
        self.serve()
        self.assertEqual(200, self.client.post(
            TARGET, STATE.encode(), auth=basic("jwt", self.issuer.token())).status)
        for alg in self.ALGS:
            token = self.issuer.token(alg.lower())
            for name, auth in (("jwt", basic("jwt", token)), ("any name", basic("ci", token)),
                               ("no name", basic("", token)), ("bearer", bearer(token)),
                               ("bearer in lower case", "bearer " + token)):
                with self.subTest(alg=alg, name=name):
                    answer = self.client.get(TARGET, auth=auth)
                    self.assertEqual(200, answer.status, answer)
                    self.assertEqual(STATE.encode(), answer.body)
        self.assertEqual(1, self.issuer.fetches)
        # User basic stays the original's: the secret is a namespace, never a token.
        self.assertEqual(401, self.client.get(
            TARGET, auth=basic("basic", self.issuer.token())).status)

    def test_strangers_take_no_name(self):
        self.serve()
        stranger, token = basic("basic", "invented"), bearer(self.issuer.token())
        for verb, body in (("GET", None), ("POST", STATE.encode()), ("DELETE", None),
                           ("LOCK", b'{"ID":"a"}'), ("UNLOCK", b'{"ID":"a"}')):
            self.assertEqual(401, self.client.request(verb, TARGET, body, auth=stranger).status,
                             verb)
        self.assertEqual(404, self.client.get(TARGET, auth=token).status)
        self.assertIn("AUTH_BASIC_NEW_TENANTS=true opens new ones", self.server.log())
        # Where they may, what they store holds the name until it is deleted, or the name is freed.
        self.server.write_env(AUTH_BASIC_NEW_TENANTS="true")
        self.server.restart()
        frees = (lambda: self.client.request("DELETE", TARGET, auth=stranger),
                 lambda: self.box.run([CTL, "drop-name", "demo/one", "--yes"],
                                      env=self.server.settings))
        for serial, free in enumerate(frees, 1):
            document = STATE.replace('"serial": 1', f'"serial": {serial}').encode()
            self.assertEqual(200, self.client.post(TARGET, document, auth=stranger).status)
            answer = self.client.get(TARGET, auth=token)
            self.assertEqual(409, answer.status)
            self.assertIn(b"drop-name", answer.body)
            free()
            self.assertEqual(404, self.client.get(TARGET, auth=token).status)
        self.assertEqual(document, self.client.get(TARGET, auth=stranger).body)

    def test_the_claim_says_which_states(self):
        self.serve()
        exact = self.issuer.token(**{"terraform-backend": {"project": "demo", "state": "one"}})
        self.assertEqual(404, self.get(exact).status)
        for target in ("/state/demo/two", "/state/demo2/one", "/state/dem/one"):
            self.assertEqual(403, self.get(exact, target).status)
        every = self.issuer.token()
        self.assertEqual(404, self.get(every, "/state/demo/two").status)
        self.assertEqual(403, self.get(every, "/state/other/two").status)
        for claim in (None, "*", {}, {"project": "demo"}, {"state": "*"}, ["demo"],
                      {"project": "*", "state": "*"}, {"project": "demo", "state": "on*"},
                      {"project": ["demo"], "state": "*"}, {"project": "demo", "state": ""}):
            with self.subTest(claim=claim):
                self.assertEqual(403, self.get(
                    self.issuer.token(**{"terraform-backend": claim})).status)

    def test_refusals_have_their_reasons(self):
        self.serve()
        self.assertEqual(404, self.get(self.issuer.token()).status)
        issuer = self.issuer
        self.refused(issuer.token(seconds=-9000), "claims: exp has passed")
        self.refused(issuer.token(seconds=-3600), "the token has expired")
        self.refused(issuer.token(key=("ES256", new_key("ES256"))), "signature: wrong")
        self.refused(issuer.token(iss=issuer.url + "/"), "no issuer that is known here")
        self.refused(issuer.token(aud="nobody"), "claims: aud names no audience of this server")
        self.refused(issuer.token(aud=None), "claims: no aud")
        self.refused(issuer.token(sub=None), "claims: no sub")
        self.refused(issuer.token() + "x", "signature: not base64url")
        self.refused("a.b", "token: not three parts")
        header, payload, _ = issuer.token().split(".")
        self.refused("eyJhbGciOiJub25lIn0." + payload + ".", "header: alg none")
        self.refused(header + "." + payload + ".", "signature: empty")
        log = self.server.log()
        self.assertNotIn(payload[:40], log)

    def test_no_token_is_left_anywhere(self):
        self.serve()
        tokens = [self.issuer.token(), self.issuer.token(seconds=-9999),
                  self.issuer.token(kid="es256", aud="nobody"),
                  self.issuer.token(key=("ES256", new_key("ES256")))]
        for token in tokens:
            for auth in (bearer(token), basic("jwt", token)):
                self.client.get(TARGET, auth=auth)
        lock = json.dumps({"ID": "1234", "Operation": "test", "Who": "a", "Version": "1"}).encode()
        self.assertEqual(200, self.client.lock(TARGET, lock, auth=bearer(tokens[0])).status)
        self.assertEqual(200, self.client.post(TARGET + "?ID=1234", STATE.encode(),
                                               auth=bearer(tokens[0])).status)
        self.server.process.stop()
        written = [p for p in pathlib.Path(self.box.folder).rglob("*")
                   if p.is_file() and not p.is_symlink()]
        self.assertTrue(any(p.parent.name == "run" for p in written))
        for path in written:
            data = path.read_bytes()
            for token in tokens:
                for part in token.split(".")[1:]:
                    self.assertNotIn(part[:30].encode(), data, path)


class Keys(JwtCase):
    def test_rotation_outage_and_new_workers(self):
        self.serve()
        self.assertEqual(404, self.get(self.issuer.token()).status)
        self.issuer.stop()
        for _ in range(10):
            self.assertEqual(404, self.get(self.issuer.token()).status)
        # New processes begin with what the old ones knew.
        self.server.restart()
        self.assertEqual(404, self.get(self.issuer.token()).status)
        self.assertEqual(1, self.issuer.fetches)

    def test_an_issuer_that_never_answered(self):
        self.issuer.stop()
        self.serve()
        answer = self.get(self.issuer.token())
        self.assertEqual((503, "15"), (answer.status, answer.header("Retry-After")))
        # Whoever needs no key of its is not kept out.
        self.assertEqual(401, self.client.get(TARGET, auth=basic("basic", "secret")).status)
        self.issuer.start()
        wait_for(lambda: self.get(self.issuer.token()).status == 404, "the issuer is found again")

    def test_a_storm_of_unknown_keys(self):
        self.serve(THREADS=4)
        self.assertEqual(404, self.get(self.issuer.token()).status)
        keep = Client(self.nginx.plain, keep=True)
        stranger = ("ES256", new_key("ES256"))
        for i in range(1000):
            answer = keep.get(TARGET, auth=bearer(self.issuer.token(f"kid-{i}", key=stranger)))
            self.assertEqual(401, answer.status, answer)
        keep.close()
        self.assertEqual(404, self.get(self.issuer.token()).status)
        # The first one, and at most one for each minute that this took.
        self.assertLessEqual(self.issuer.fetches, 3)

    def bad(self, why):
        self.serve()
        self.refused(self.issuer.token(), why, 503)
        self.assertEqual(401, self.client.get(TARGET, auth=basic("basic", "secret")).status)

    def test_a_redirect_is_not_followed(self):
        other = Issuer(self.box)
        self.addCleanup(other.stop)
        self.issuer.redirect_to = other.url + "/keys"
        self.bad("discovery: status 302")
        self.assertEqual(0, other.fetches)

    def test_an_issuer_of_another_name(self):
        self.issuer.names_itself = self.issuer.url + "/"
        self.bad("discovery: issuer is another one")

    def test_ten_thousand_keys(self):
        key = self.issuer.keys["es256"]
        self.issuer.keys = {f"k{i}": key for i in range(10000)}
        self.issuer.keys["es256"] = key
        self.bad("key set: http: the answer is too long")

    def test_a_slow_issuer(self):
        self.issuer.delay_s = 20
        self.bad("discovery: http: Timeout was reached")

    def test_a_certificate_of_another_ca(self):
        other = Issuer(self.box)
        self.addCleanup(other.stop)
        self.issuer.ca_file = other.ca_file
        # By the name of the CA, or by its signature where another one has the same name.
        self.bad("discovery: http: SSL ")


class Settings(JwtCase):
    def failed(self, **settings):
        server = Stateward(self.box, ready=False, **{**self.issuer.settings(), **settings})
        wait_for(lambda: "AUTH_JWT" in server.log(), "it says what is wrong")
        return server.log()

    def test_an_audience_is_needed(self):
        self.assertIn("AUTH_JWT_ALLOW_ANY_AUDIENCE", self.failed(AUTH_JWT_AUDIENCE=""))

    def test_https_is_needed(self):
        self.assertIn("https://", self.failed(AUTH_JWT_OIDC_ISSUER_URL="http://issuer.example"))

    def test_any_audience_when_asked_for(self):
        self.serve(AUTH_JWT_AUDIENCE="", AUTH_JWT_ALLOW_ANY_AUDIENCE="true")
        for aud in (None, "anybody", ["a", "b"]):
            self.assertEqual(404, self.get(self.issuer.token(aud=aud)).status)


class Tofu(JwtCase):
    def tofu(self, *arguments):
        env = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
        env.update(CHECKPOINT_DISABLE="1", TF_IN_AUTOMATION="1", NO_COLOR="1")
        run = subprocess.run([TOFU, f"-chdir={self.folder}", *arguments], env=env,
                             capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        return run.stdout

    def life(self, auth):
        self.folder = self.box.make_dir("tofu")
        url = f"http://127.0.0.1:{self.nginx.plain[1]}{TARGET}"
        for note in ("first", "second"):
            self.box.write("tofu/main.tf", CONFIG % {"url": url, "auth": auth, "note": note})
            self.tofu("init", "-input=false")
            self.tofu("apply", "-auto-approve", "-input=false")
        self.assertIn("No changes", self.tofu("plan", "-input=false"))
        self.assertIn("second", self.tofu("state", "pull"))

    def test_user_jwt(self):
        self.serve()
        self.life(f'username = "jwt"\n    password = "{self.issuer.token()}"')
        self.assertIn(f"principal=jwt:{self.issuer.url}|runner",
                      self.server.log().replace('"', ""))

    def test_bearer_header(self):
        self.serve()
        self.life(f'headers = {{ Authorization = "Bearer {self.issuer.token()}" }}')


if __name__ == "__main__":
    unittest.main()
