"""Identified users through nginx and Apache: each way in, roles, outputs, and what gives nothing."""
import crypt
import hashlib
import json
import os
import pathlib
import re
import signal
import threading
import time
import unittest

import fcgi_client
from box import Box, wait_for
from client import Client, basic
from policy_world import (CTL, PASSWORDS, TOKENS, apache_users, htpasswd, nginx_users, policy)
from refusals import Judge
from stateward import PROGRAM, ROOT, Stateward
from webservers import Apache, Nginx

TARGET = "/state/demo/one"


def doc(serial, secret="s3cret-output"):
    outputs = {"url": {"value": "https://x", "type": "string"},
               "password": {"value": secret, "type": "string", "sensitive": True}}
    return json.dumps({"version": 4, "serial": serial, "lineage": "L", "outputs": outputs}).encode()


def lock(lock_id):
    return json.dumps({"ID": lock_id, "Operation": "OperationTypeApply", "Info": "", "Who": "w",
                       "Version": "1", "Created": "2026-11-23T16:00:54Z", "Path": ""}).encode()


def token(name, user="anybody"):
    return basic(user, TOKENS[name])


class Policy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = Box()
        cls.addClassCleanup(cls.box.close)
        cls.policy = cls.box.write("policy.toml", policy(), 0o600)
        cls.app = Stateward(cls.box, AUTH_POLICY_FILE=cls.policy, AUTH_PROXY_ENABLED="true")
        cls.nginx = Nginx(cls.box, "unix:" + cls.app.socket)
        cls.users = htpasswd(cls.box)
        cls.number = 0

    def setUp(self):
        type(self).number += 1
        self.target = f"/state/demo/case-{self.number}"

    def client(self, auth, server=None):
        """Each of its answers is looked at, also the 401, 403 and 429."""
        client = Judge((server or self.nginx).plain, auth=auth)
        client.of_web_server = server is not None
        client.secrets = {name: secret.encode() for name, secret in {**TOKENS, **PASSWORDS}.items()}
        return client

    def status(self, auth, method="GET", target=None, body=None, **more):
        return self.client(auth).request(method, target or self.target, body, **more).status

    def run_of(self, client):
        """LOCK, GET, POST, UNLOCK; all have to be 200 (GET: 404 at first)."""
        self.assertEqual(200, client.lock(self.target, lock("a")).status)
        self.assertEqual(404, client.get(self.target).status)
        self.assertEqual(200, client.post(self.target + "?ID=a", doc(1)).status)
        self.assertEqual(200, client.unlock(self.target, lock("a")).status)
        self.assertEqual(doc(1), client.get(self.target).body)

    def test_user_and_password(self):
        self.run_of(self.client(basic("alice", PASSWORDS["alice"])))
        for auth in (basic("alice", "wrong"), basic("nobody", PASSWORDS["alice"]),
                     basic("alice", ""), basic("ALICE", PASSWORDS["alice"])):
            answer = self.client(auth).get(self.target)
            self.assertEqual(401, answer.status)
            self.assertIn("Basic", answer.header("WWW-Authenticate"))

    def test_machine_token_with_any_user_name(self):
        self.run_of(self.client(token("ci")))
        self.assertEqual(200, self.status(token("ci", "x")))
        self.assertEqual(200, self.status(token("ci", "")))
        for wrong in (TOKENS["ci"][:-1] + "0", TOKENS["ci"] + "0", TOKENS["ci"][:-1], "swt_"):
            self.assertEqual(401, self.status(basic("x", wrong)))

    def test_bearer(self):
        self.run_of(self.client("Bearer " + TOKENS["ci"]))
        self.assertEqual(401, self.status("Bearer swt_" + "0" * 64))

    def test_basic_is_off_unless_switched_on(self):
        self.assertEqual(401, self.status(basic("basic", "secret")))

    def test_roles(self):
        ci, planner, dash, root = (token(n) for n in ("ci", "planner", "dash", "root"))
        self.assertEqual(200, self.status(ci, "POST", body=doc(1)))
        # Plan: reads and locks, and does not write.
        self.assertEqual(200, self.status(planner, "LOCK", body=lock("p")))
        self.assertEqual(200, self.status(planner))
        self.assertEqual(403, self.status(planner, "POST", self.target + "?ID=p", doc(2)))
        self.assertEqual(403, self.status(planner, "DELETE", self.target + "?ID=p"))
        # A writer may force a plan's lock; a plan never a writer's.
        self.assertEqual(200, self.status(ci, "UNLOCK", body=b"", chunked=True))
        self.assertEqual(200, self.status(ci, "LOCK", body=lock("c")))
        self.assertEqual(403, self.status(planner, "UNLOCK", body=lock("c")))
        self.assertEqual(403, self.status(planner, "UNLOCK", body=b"", chunked=True))
        self.assertEqual(403, self.status(basic("alice", PASSWORDS["alice"]), "POST",
                                          self.target + "?ID=c", doc(2)))
        self.assertEqual(403, self.status(ci, "DELETE", self.target + "?ID=c"))
        self.assertEqual(200, self.status(root, "UNLOCK", body=lock("c")))
        # Outputs alone.
        for method, body in (("GET", None), ("POST", doc(2)), ("LOCK", lock("d")),
                             ("UNLOCK", lock("d")), ("DELETE", None)):
            self.assertEqual(403, self.status(dash, method, body=body))
        # No rule for this state.
        self.assertEqual(403, self.status(ci, target="/state/other/one"))
        self.assertEqual(200, self.status(root, "DELETE"))
        self.assertEqual(404, self.status(ci))

    def test_an_operator_frees_locks_and_reads_nothing(self):
        ci, oncall = token("ci"), token("oncall")
        self.assertEqual(200, self.status(ci, "POST", body=doc(1)))
        self.assertEqual(200, self.status(ci, "LOCK", body=lock("c")))
        for method, body in (("GET", None), ("POST", doc(2)), ("LOCK", lock("o")),
                             ("DELETE", None)):
            answer = self.client(oncall).request(method, self.target + "?ID=c", body)
            self.assertEqual(403, answer.status)
            self.assertNotIn(b"s3cret", answer.body)
        self.assertEqual(403, self.status(oncall, target=self.target + "/outputs"))
        self.assertEqual(403, self.status(oncall, "UNLOCK", "/state/other/one", lock("c")))
        self.assertEqual(200, self.status(oncall, "UNLOCK", body=b"", chunked=True))
        self.assertEqual(200, self.status(ci, "LOCK", body=lock("d")))
        self.assertEqual(200, self.status(oncall, "UNLOCK", body=lock("d")))
        self.assertEqual(200, self.status(ci, "LOCK", body=lock("e")))
        self.assertEqual(200, self.status(ci, "UNLOCK", body=lock("e")))

    def test_outputs(self):
        self.assertEqual(200, self.status(token("ci"), "POST", body=doc(1)))
        dash, ci = self.client(token("dash")), self.client(token("ci"))
        answer = dash.get(self.target + "/outputs")
        self.assertEqual({"url": {"sensitive": False, "type": "string", "value": "https://x"}},
                         json.loads(answer.body))
        self.assertEqual("application/json", answer.header("Content-Type"))
        self.assertEqual(b'"https://x"', dash.get(self.target + "/outputs/url").body)
        self.assertEqual(403, dash.get(self.target + "/outputs/password").status)
        self.assertEqual(404, dash.get(self.target + "/outputs/none").status)
        self.assertEqual(404, dash.get("/state/demo/nothing-here/outputs").status)
        self.assertEqual(b'"s3cret-output"', ci.get(self.target + "/outputs/password").body)
        self.assertEqual(405, ci.post(self.target + "/outputs", b"{}").status)
        secret = json.dumps({"serial": 2, "lineage": "L", "encrypted_data": "AAAA"}).encode()
        self.assertEqual(200, self.status(token("ci"), "POST", body=secret))
        self.assertEqual(409, dash.get(self.target + "/outputs").status)

    def test_outputs_as_a_state(self):
        self.assertEqual(200, self.status(token("ci"), "POST", body=doc(1)))
        dash, ci = self.client(token("dash")), self.client(token("ci"))
        address = self.target + "/outputs.tfstate"
        shown = json.loads(dash.get(address).body)
        self.assertEqual({"url": {"value": "https://x", "type": "string"}}, shown["outputs"])
        self.assertEqual((4, 1, []), (shown["version"], shown["serial"], shown["resources"]))
        self.assertNotIn(b"s3cret", dash.get(address).body)
        self.assertIn("password", json.loads(ci.get(address).body)["outputs"])
        for method in ("POST", "LOCK", "UNLOCK", "DELETE", "PUT"):
            self.assertEqual(405, ci.request(method, address, b"{}").status)
        self.assertEqual(404, dash.get("/state/demo/nothing-here/outputs.tfstate").status)
        # It cannot take the state's place.
        self.assertEqual(409, self.status(token("ci"), "POST",
                                          body=json.dumps(shown | {"serial": 2}).encode()))
        # The tag is that of the outputs that this reader may see.
        tag = dash.get(address).header("ETag")
        self.assertNotEqual(tag, ci.get(address).header("ETag"))
        self.assertEqual(200, self.status(token("ci"), "POST", body=doc(2)))
        known = [("If-None-Match", tag)]
        same = dash.request("GET", address, headers=known)
        self.assertEqual((304, b"", tag), (same.status, same.body, same.header("ETag")))
        self.assertEqual(2, json.loads(dash.get(address).body)["serial"])
        self.assertEqual(200, self.status(token("ci"), "POST", body=doc(3).replace(b"https://x", b"https://y")))
        changed = dash.request("GET", address, headers=known)
        self.assertEqual((200, "https://y"), (changed.status, json.loads(changed.body)["outputs"]["url"]["value"]))
        # The state's own address names it, to those who may read it.
        refused = dash.get(self.target)
        self.assertEqual(403, refused.status)
        self.assertIn(b"/outputs.tfstate", refused.body)
        self.assertNotIn(b"outputs.tfstate", self.client(token("oncall")).get(self.target).body)

    def test_guessing_is_slowed_down(self):
        with Box() as box:
            file = box.write("policy.toml", policy(), 0o600)
            app = Stateward(box, AUTH_POLICY_FILE=file, workers=1)
            nginx = Nginx(box, "unix:" + app.socket)
            start, looked_at = time.monotonic(), 0

            def guess():
                nonlocal looked_at
                answer = self.client(basic("mallory", str(time.monotonic_ns())), nginx).get(self.target)
                looked_at += answer.status == 401
                return answer

            def refused():
                """Ten are looked at, then one in 10 s: a machine may be that slow."""
                while (answer := guess()).status == 401:
                    self.assertLessEqual(looked_at, 10 + (time.monotonic() - start) / 10)
                return answer
            self.assertEqual([401] * 10, [guess().status for _ in range(10)])
            for _ in range(2):
                answer = refused()
                self.assertEqual((429, "10"), (answer.status, answer.header("Retry-After")))
            good = basic("alice", PASSWORDS["alice"])
            self.assertEqual(404, self.client(good, nginx).get(self.target).status)
            # A reload forgets nobody.
            app.process.send(signal.SIGHUP)
            wait_for(lambda: "settings were read again" in app.log(), "the reload")
            self.assertEqual(429, refused().status)
            self.assertEqual(404, self.client(good, nginx).get(self.target).status)

    def guess(self, nginx, times, looked_at, credentials):
        """The first 100 are looked at, then one in 10 s."""
        start = time.monotonic()
        guesser = Client(nginx.plain, keep=True)
        answers = [guesser.get(self.target, auth=credentials(i)).status for i in range(times)]
        guesser.close()
        self.assertEqual([looked_at] * 100, answers[:100])
        self.assertEqual({looked_at, 429}, set(answers))
        more = answers[100:].count(looked_at)
        self.assertLessEqual(more, (time.monotonic() - start) / 10 + 1)

    def test_who_is_known_is_spared_what_others_guess(self):
        with Box() as box:
            file = box.write("policy.toml", policy(), 0o600)
            app = Stateward(box, AUTH_POLICY_FILE=file, workers=1)
            nginx = Nginx(box, "unix:" + app.socket)
            good = self.client(basic("alice", PASSWORDS["alice"]), nginx)
            self.assertEqual(404, good.get(self.target).status)
            start = time.monotonic()
            self.guess(nginx, 230, 401, lambda i: basic(f"name{i}", "x"))
            self.assertEqual(404, good.get(self.target).status)
            self.assertEqual(404, self.client(token("ci"), nginx).get(self.target).status)
            # A flood is said, and not written line by line.
            lines = [line for line in app.log().splitlines() if "status=4" in line]
            self.assertLess(len(lines), 55 + time.monotonic() - start)

    def test_guessed_secrets_of_basic_auth(self):
        with Box() as box:
            app = Stateward(box, workers=1)
            nginx = Nginx(box, "unix:" + app.socket)
            known = basic("basic", "known-secret")
            self.assertEqual(200, self.client(known, nginx).post(self.target, doc(1)).status)
            self.guess(nginx, 150, 404, lambda i: basic("basic", f"guess{i}"))
            self.assertEqual(200, self.client(known, nginx).get(self.target).status)

    def test_slow_hashes_hold_nobody_else_up(self):
        with Box() as box:
            slow = crypt.crypt("x", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=2 ** 12))
            text = policy(f"\n[users.slow]\npassword = '{slow}'\n")
            app = Stateward(box, AUTH_POLICY_FILE=box.write("policy.toml", text, 0o600), workers=1,
                            threads=8)
            # A try in which we stood still while hashes were made says nothing of who waited for whom.
            for left in range(9, -1, -1):
                answers, held_up = self.crowd_of_logins(app, left)
                self.assertEqual((16, set()), (len(answers), set(answers) - {401, 503}))
                # As many as may wait for a hash do, and the rest was sent away at once.
                self.assertGreaterEqual(answers.count(401), 6)
                if answers.count(401) == 6 and not held_up:
                    break
                self.assertGreater(left, 0, f"{answers}; did a token wait for the hashes: {held_up}")

    def crowd_of_logins(self, app, network):
        """(the answers of 16 slow logins, whether a token's came after all of them)."""
        answers = []

        def login(number):
            answers.append(self.ask_fcgi(app, auth=basic("slow", f"wrong{number}"),
                                         REMOTE_ADDR=f"10.0.{network}.{number}"))
        logins = [threading.Thread(target=login, args=(n,)) for n in range(16)]
        for thread in logins:
            thread.start()
        wait_for(lambda: len(answers) >= 10, "the others are told to come again")
        self.assertEqual(404, self.ask_fcgi(app, auth=token("ci")))
        held_up = len(answers) == 16
        for thread in logins:
            thread.join()
        return answers, held_up

    def test_a_policy_that_changes(self):
        with Box() as box:
            file = box.write("policy.toml", policy(), 0o600)
            app = Stateward(box, AUTH_POLICY_FILE=file, workers=1)
            nginx = Nginx(box, "unix:" + app.socket)
            ci = self.client(token("ci"), nginx)
            self.assertEqual(404, ci.get(self.target).status)
            os.replace(box.write("next", "nonsense = 1\n", 0o600), file)
            wait_for(lambda: b"no good" in ci.get("/ready").body, "/ready tells of the bad file")
            self.assertEqual(200, ci.get("/ready").status)
            self.assertIn("line 1, column 1", app.log())
            self.assertEqual(404, ci.get(self.target).status)
            os.replace(box.write("next", policy().replace('role = "write"', 'role = "outputs"'),
                                 0o600), file)
            wait_for(lambda: ci.get(self.target).status == 403, "the new policy is in force")

    def test_who_is_removed_finishes_nothing_that_was_begun(self):
        """A head is let in, and its body comes when the policy knows the token no more."""
        with Box() as box:
            file = box.write("policy.toml", policy(), 0o600)
            app = Stateward(box, AUTH_POLICY_FILE=file, workers=1)
            body = doc(1)
            params = {"REQUEST_METHOD": "POST", "REQUEST_URI": self.target, "CONTENT_LENGTH": str(len(body)),
                      "HTTP_AUTHORIZATION": token("ci")}
            # It serves, so what comes now is judged at once.
            self.assertEqual(404, self.ask_fcgi(app, auth=token("ci")))
            links = [app.link() for _ in range(2)]
            for link in links:
                link.send(fcgi_client.begin() + fcgi_client.params(params) +
                          fcgi_client.record(fcgi_client.STDIN, body[:10]))
            rest = fcgi_client.record(fcgi_client.STDIN, body[10:]) + fcgi_client.record(fcgi_client.STDIN)
            time.sleep(1.2)  # longer than a judgement holds: who may is let in again
            links[0].send(rest)
            self.assertEqual(200, links[0].answer()[0])
            os.replace(box.write("next", policy().replace(TOKENS["ci"], "x").replace(
                hashlib.sha256(TOKENS["ci"].encode()).hexdigest(), "0" * 64), 0o600), file)
            wait_for(lambda: self.ask_fcgi(app, auth=token("ci")) == 401, "the token is known no more")
            links[1].send(rest)
            self.assertEqual(401, links[1].answer()[0])
            self.assertIn("the upload of a refused request is kept", app.log())
            for link in links:
                link.socket.close()

    def test_a_start_with_a_bad_policy_is_none(self):
        with Box() as box:
            file = box.write("policy.toml", "[[rules]]\nuser = 'x'\n", 0o600)
            app = Stateward(box, AUTH_POLICY_FILE=file, ready=False)
            wait_for(lambda: not app.process.alive(), "it ends")
            self.assertIn("line 2", app.log())

    def test_identities_of_nginx(self):
        box = self.box
        nginx = Nginx(box, "unix:" + self.app.socket, edit=nginx_users(self.users))
        self.run_of(self.client(basic("carol", PASSWORDS["carol"]), nginx))
        refused = self.client(basic("carol", "x"), nginx).get(self.target)
        self.assertEqual((401, 'Basic realm="states"'), (refused.status, refused.header("WWW-Authenticate")))

    def test_identities_of_apache(self):
        edit = apache_users(self.users)
        extra = "auth_basic authn_core authn_file authz_user"

        def with_modules(name, text):
            if name.endswith("httpd.conf"):
                loads = "".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n"
                                for m in extra.split())
                return text.replace("Mutex file:", loads + "Mutex file:")
            return edit(name, text)
        apache = Apache(self.box, "unix:" + self.app.socket, edit=with_modules)
        self.run_of(self.client(basic("carol", PASSWORDS["carol"]), apache))
        refused = self.client(basic("carol", "x"), apache).get(self.target)
        self.assertEqual((401, 'Basic realm="states"'), (refused.status, refused.header("WWW-Authenticate")))

    def test_client_certificates(self):
        for server in (Nginx, Apache):
            with self.subTest(server.NAME):
                type(self).number += 1
                self.target = f"/state/demo/case-{self.number}"
                web = server(self.box, "unix:" + self.app.socket, site="example")
                shown = Client(web.tls, tls=web.context("client"), auth=None)
                self.run_of(shown)
                bare = Client(web.tls, tls=web.context(), auth=None)
                self.assertEqual(401, bare.get(self.target).status)
                # Credentials decide when there are any: a wrong token is not mended by a certificate.
                self.assertEqual(401, shown.get(self.target, auth="Bearer swt_" + "0" * 64).status)

    def test_look_alike_headers_give_nothing(self):
        apache = Apache(self.box, "unix:" + self.app.socket)
        names = ["STATEWARD_USER", "STATEWARD-USER", "Stateward-User", "STATEWARD_CERT_SUBJECT",
                 "Stateward-Cert-Subject", "HTTP_STATEWARD_USER", "REMOTE_USER", "Remote-User",
                 "X-Remote-User", "SSL_CLIENT_S_DN", "Ssl-Client-S-Dn", "Ssl-Client-Verify"]
        for server in (self.nginx, apache):
            for name in names:
                for value in ("carol", "CN=client", "SUCCESS"):
                    client = Client(server.plain, auth=None)
                    answer = client.get(self.target, headers=[(name, value)])
                    self.assertEqual(401, answer.status, (server.NAME, name, value))

    def ask_fcgi(self, app, auth=None, **params):
        if auth:
            params["HTTP_AUTHORIZATION"] = auth
        with fcgi_client.Link(app.socket if app.listen.startswith("unix:") else
                              ("127.0.0.1", int(app.listen.rsplit(":", 1)[1]))) as link:
            link.send(fcgi_client.request("GET", self.target, None, **params))
            return link.answer()[0]

    def test_parameters_count_only_from_whom_they_may_come(self):
        self.assertEqual(404, self.ask_fcgi(self.app, STATEWARD_USER="carol"))
        self.assertEqual(404, self.ask_fcgi(self.app, STATEWARD_CERT_SUBJECT="CN=client"))
        self.assertEqual(403, self.ask_fcgi(self.app, STATEWARD_USER="nobody"))
        for name in ("REMOTE_USER", "HTTP_STATEWARD_USER", "SSL_CLIENT_S_DN", "AUTH_USER"):
            self.assertEqual(401, self.ask_fcgi(self.app, **{name: "carol"}))
        with Box() as box:
            file = box.write("policy.toml", policy(), 0o600)
            off = Stateward(box, AUTH_POLICY_FILE=file)
            self.assertEqual(401, self.ask_fcgi(off, STATEWARD_USER="carol"))

    def test_no_secret_is_written(self):
        """Everything that was written so far, and what the answers and metrics say."""
        self.run_of(self.client(token("ci")))
        client = self.client(token("dash"))
        client.get(self.target)
        client.get(self.target + "/outputs/password")
        wrong = "wr0ng-canary-password"
        self.status(basic("alice", wrong))
        metrics = self.app.ask("GET", "/metrics")[2]
        asked = 8  # a run's five requests, two reads, and the one with the wrong password
        log = pathlib.Path(self.nginx.path("stateward.log"))
        wait_for(lambda: log.read_text().count(f" {self.target}") >= asked, "nginx has written of all of them")
        canaries = [*TOKENS.values(), *PASSWORDS.values(), wrong, "s3cret-output"]
        canaries += [basic("alice", wrong)[6:], token("ci")[6:]]
        for canary in canaries:
            self.assertNotIn(canary.encode(), bytes(metrics))
        seen = 0
        for path in pathlib.Path(self.box.folder).rglob("*"):
            try:
                if not path.is_file():
                    continue
                data = path.read_bytes()
            except FileNotFoundError:  # another took its place
                continue
            seen += 1
            for canary in canaries:
                self.assertNotIn(canary.encode(), data, path)
        self.assertGreater(seen, 10)

    def test_ctl(self):
        run = self.box.run
        good = run([CTL, "policy", "check", self.policy])
        self.assertEqual(0, good.returncode, good.stderr)
        self.assertNotIn("NESTED_NAMES", good.stdout)
        more = self.box.write("more.toml", policy(
            "\n[[rules]]\nname = 'all below'\nuser = 'alice'\nstates = ['net/**', 'app/*']\nrole = 'plan'\n"))
        wider = run([CTL, "policy", "check", more])
        self.assertEqual((0, ["all below: net/** takes in more states with NESTED_NAMES=true: ** stands for any "
                              "number of parts"]), (wider.returncode, wider.stdout.splitlines()[1:]), wider.stderr)
        bad = self.box.write("bad.toml", policy("\n[[rules]]\nuser = 'alice'\nrole = 'x'\n"))
        answer = run([CTL, "policy", "check", bad])
        self.assertEqual(1, answer.returncode)
        self.assertIn("column", answer.stderr)
        answer = run([CTL, "policy", "test", "--policy", self.policy, "--token", "planner", "POST",
                      "demo/x"])
        self.assertEqual((1, 'refused: role plan by "planner"\n'),
                         (answer.returncode, answer.stdout))
        for option, what in (("--token", "machine token"), ("--user", "user")):
            answer = run([CTL, "policy", "test", "--policy", self.policy, option, "nobody", "POST",
                          "demo/x"])
            self.assertEqual((1, f"refused: the policy has no {what} nobody\n"),
                             (answer.returncode, answer.stdout))
        self.judges_expired_tokens()
        kind = self.box.write("kind.toml", policy(
            '\n[issuers.x]\nurl = "https://code.example.org"\naudiences = ["a"]\n[[rules]]\nname = "main"\n'
            'issuer = "x"\nclaims = { project_id = "42", ref = "main" }\nstates = ["demo/*"]\nrole = "write"\n'))
        answer = run([CTL, "policy", "check", kind])
        self.assertEqual(0, answer.returncode, answer.stderr)
        self.assertIn("main: project_id is a claim of GitLab", answer.stdout)
        for taken in (TOKENS["ci"], "swt_x", "eyJhbGciOiJub25lIn0.e30.c2ln"):
            answer = run([CTL, "passwd", "dora"], input=taken + "\n")
            self.assertEqual((2, ""), (answer.returncode, answer.stdout), answer.stderr)
            self.assertIn("choose another one", answer.stderr)
        answer = run([CTL, "passwd", "dora"], input="a new password\n")
        self.assertIn('[users."dora"]\npassword = "$y$', answer.stdout)
        made = run([CTL, "token", "new"])
        self.assertRegex(made.stderr, r"^swt_[0-9a-f]{64}\n$")
        self.assertNotIn(made.stderr.strip(), made.stdout)
        with Box() as box:
            more = made.stdout + "[[rules]]\ntoken = 'new'\nstates = ['demo/*']\nrole = 'read'\n"
            app = Stateward(box, AUTH_POLICY_FILE=box.write("p.toml", policy("\n" + more), 0o600))
            self.assertEqual(404, self.ask_fcgi(app, auth=basic("x", made.stderr.strip())))

    def judges_expired_tokens(self):
        file = self.box.write("old.toml", policy(
            f'\n[tokens.old]\nsha256 = "{"a" * 64}"\nexpires = 2026-01-31T00:00:00Z\n[[rules]]\nname = "old"\n'
            'token = "old"\nstates = ["demo/*"]\nrole = "write"\n'))
        for at, code, text in (((), 1, "refused: the machine token old has expired at 2026-01-31T00:00:00Z\n"),
                               (("--at", "2026-01-31T00:00:00Z"), 1, None),
                               (("--at", "2026-01-30T23:59:59Z"), 0, 'allowed: role write by "old"\n')):
            answer = self.box.run([CTL, "policy", "test", "--policy", file, "--token", "old", *at, "GET", "demo/x"])
            self.assertEqual(code, answer.returncode, answer.stdout)
            if text:
                self.assertEqual(text, answer.stdout)

    def test_ctl_judges_a_token_as_the_server_does(self):
        text = policy("""
[issuers.ci]
url = "https://ci.example.org"
audiences = ["stateward"]
[[rules]]
name = "ci"
issuer = "ci"
claims = { team = "red" }
states = ["demo/*"]
role = "write"
""")
        file = self.box.write("issuers.toml", text, 0o600)
        good = {"iss": "https://ci.example.org", "aud": "stateward", "sub": "a", "team": "red",
                "exp": int(time.time()) + 600}
        for changes, more, said in (
                ({}, [], "allowed: role write"),
                ({"aud": "somebody else"}, [], "refused: claims: aud names no audience of this server"),
                ({"exp": 1000}, [], "refused: claims: exp has passed"),
                ({"exp": 1800000000}, ["--at", "2027-01-15T07:59:00Z"], "allowed"),
                ({"exp": 1800000000}, ["--at", "2027-01-15T08:02:00Z"], "refused: claims: exp"),
                ({"nbf": int(time.time()) + 6000}, [], "refused: claims: nbf lies ahead"),
                ({"iss": "https://x.example.org"}, [], "refused: claims: iss"),
                ({"sub": ""}, [], "refused: claims: sub is empty"),
                ({"team": "blue"}, [], "refused: role none")):
            claims = self.box.write("claims.json", json.dumps({**good, **changes}))
            run = self.box.run([CTL, "policy", "test", "--policy", file, *more, "--claims", claims,
                                "POST", "demo/x"])
            self.assertTrue(run.stdout.startswith(said), (changes, run.stdout, run.stderr))
            self.assertEqual(0 if said.startswith("allowed") else 1, run.returncode)

    def test_the_example_keeps_plans_alive(self):
        example = self.box.write("example.toml",
                                 (ROOT / "conf" / "policy.example.toml").read_text(), 0o600)
        now = int(time.time())
        github = {"iss": "https://token.actions.githubusercontent.com",
                  "aud": "https://state.example.org", "sub": "repo:acme/infra", "exp": now + 300,
                  "repository_owner_id": "1111111", "repository_id": "2222222",
                  "event_name": "push", "ref": "refs/heads/topic"}
        gitlab = {"iss": "https://gitlab.com", "aud": "https://state.example.org", "sub": "p",
                  "exp": now + 300, "namespace_id": "33333", "project_id": "44444",
                  "pipeline_source": "push", "ref": "topic", "ref_protected": "false"}
        workflow = {"job_workflow_ref": "acme/pipelines/.github/workflows/apply.yml@refs/heads/main"}
        topic = 'refused: role plan by "infra: every branch plans"; '
        main = topic + 'rule "infra: the main branch applies" would allow it, but the token\'s claim '
        production = topic + 'rule "infra: production" would allow it, but the token '
        protected = ('refused: role plan by "platform: every branch plans"; rule "platform: protected '
                     'branches apply" would allow it, but the token\'s claim ')
        for claims, method, state, said in (
                (github, "LOCK", "infra/dev", "allowed: role plan"),
                ({**github, "event_name": "pull_request"}, "GET", "infra/dev", "allowed: role plan"),
                (github, "POST", "infra/dev", main + "ref is another"),
                ({**github, "ref": "refs/heads/main"}, "POST", "infra/dev", "allowed: role write"),
                ({**github, "ref": "refs/heads/main", "event_name": "pull_request"}, "POST",
                 "infra/dev", main + "event_name is another"),
                (github, "POST", "infra-production/x", production + "has no claim environment"),
                ({**github, "environment": "production"}, "POST", "infra-production/x",
                 "allowed: role write"),
                ({**github, **workflow}, "POST", "networks/x", "allowed: role write"),
                (github, "POST", "networks/x", 'refused: role none, since no rule fits; rule "networks: '
                 'the shared workflow applies" would allow it, but the token has no claim '
                 "job_workflow_ref"),
                (gitlab, "LOCK", "platform/x", "allowed: role plan"),
                ({**gitlab, "pipeline_source": "merge_request_event"}, "LOCK", "platform/x",
                 "allowed: role plan"),
                (gitlab, "POST", "platform/x", protected + "ref_protected is another"),
                ({**gitlab, "ref_protected": "true"}, "POST", "platform/x", "allowed: role write"),
                # A stranger's project learns of no rule, another audience and time of none either.
                ({**gitlab, "project_id": "1"}, "POST", "platform/x",
                 "refused: role none, since no rule fits\n"),
                ({**gitlab, "aud": "x"}, "LOCK", "platform/x", "refused: claims: aud"),
                ({**gitlab, "exp": now - 3600}, "LOCK", "platform/x", "refused: claims: exp")):
            file = self.box.write("claims.json", json.dumps(claims))
            run = self.box.run([CTL, "policy", "test", "--policy", example, "--claims", file, method,
                                state])
            self.assertTrue(run.stdout.startswith(said), (claims, method, state, run.stdout, run.stderr))
            self.assertEqual(0 if said.startswith("allowed") else 1, run.returncode)

    def test_ctl_help(self):
        every = self.box.run([CTL, "--help"])
        self.assertEqual((0, ""), (every.returncode, every.stderr))
        commands = re.findall(r"^  ([a-z][a-z -]*?)(?:  |$)", every.stdout, re.M)
        self.assertIn("token", commands)
        self.assertIn("policy check", commands)
        for command in commands:
            for arguments in (["--help"], ["x", "y", "-h"]):
                run = self.box.run([CTL, *command.split(), *arguments], input="")
                self.assertEqual((0, ""), (run.returncode, run.stderr), command)
                self.assertIn(command, run.stdout)
            for arguments in (["--no-such"],):
                run = self.box.run([CTL, *command.split(), *arguments], input="")
                self.assertEqual((2, ""), (run.returncode, run.stdout), command)
        for argument, code in (("--help", 0), ("-h", 0), ("--no-such", 2)):
            self.assertEqual(code, self.box.run([PROGRAM, argument]).returncode)


if __name__ == "__main__":
    unittest.main()
