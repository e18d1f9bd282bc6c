"""/api/v1 with each way in: who sees what, what the audit trail says of them, and nothing between the
hidden and the absent. Through nginx and Apache."""
import functools
import http.server
import json
import pathlib
import threading
import unittest

from api_world import document, least_costs, lock_info
from box import Box
from client import Client, basic
from issuer import Issuer
from policy_world import CI_DEPLOYS, PASSWORDS, TOKENS, htpasswd, nginx_users, policy
from stateward import CTL, Stateward
from webservers import Apache, Nginx

HIDDEN = "classified"
RULES = CI_DEPLOYS + """
[[rules]]
name = "one project"
user = "alice"
states = ["other/*"]
role = "read"
"""
# What an operation on a state wants besides the state; the others want nothing.
WANTED = {"rollback": {"to": 1}, "mv": {"to": "demo/elsewhere"}, "pin": {"version": 1},
          "unpin": {"version": 1}, "purge": {"version": 1, "reason": "leak"}, "unlock": {"yes": True},
          "freeze": {"reason": "late"}}


class ApiWays(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = Box()
        cls.addClassCleanup(cls.box.close)
        cls.issuer = Issuer(cls.box)
        cls.addClassCleanup(cls.issuer.stop)
        rules = policy(RULES % {"url": cls.issuer.url, "ca": cls.issuer.ca_file})
        cls.file = pathlib.Path(cls.box.path("audit.log"))
        cls.app = Stateward(cls.box, AUTH_POLICY_FILE=cls.box.write("policy.toml", rules, 0o600),
                            AUTH_PROXY_ENABLED="true", AUTH_BASIC_NEW_TENANTS="true",
                            AUTH_BASIC_ENABLED="true",
                            AUDIT_FILE=cls.file)
        cls.nginx = Nginx(cls.box, "unix:" + cls.app.socket)
        root = cls.client("root")
        for target in (f"/state/{HIDDEN}/prod", "/state/demo/a", "/state/demo/b"):
            for serial in (1, 2):
                assert root.post(target, document(serial, target)).status == 200
            assert root.post(target, document(1, target)).status == 409  # and kept

    @classmethod
    def client(cls, token, address=None):
        return Client(address or cls.nginx.plain, auth=basic("any", TOKENS[token]))

    def api(self, client, path, status=200, method="GET", body=None, **more):
        body = json.dumps(body).encode() if body is not None else None
        answer = client.request(method, "/api/v1" + path, body, **more)
        self.assertEqual(status, answer.status, answer)
        return answer

    def states(self, client):
        return sorted(row["state"] for row in json.loads(self.api(client, "/states").body))

    def last_line(self, **fields):
        """The newest audit line that has these."""
        def find():
            lines = [json.loads(line) for line in self.file.read_text().splitlines(True)
                     if line.endswith("\n")]
            return next((line for line in reversed(lines)
                         if all(line.get(k) == v for k, v in fields.items())), None)
        return self.app.process.wait_until(find, f"a line with {fields}")

    def test_basic_auth_sees_its_namespace(self):
        one, two = (Client(self.nginx.plain, auth=basic("basic", s)) for s in ("one", "two"))
        self.assertEqual(200, one.post("/state/net/mine", document(1)).status)
        self.assertEqual(200, two.post("/state/net/theirs", document(1)).status)
        self.assertEqual((["net/mine"], ["net/theirs"]), (self.states(one), self.states(two)))
        theirs, nobodys = (self.api(one, f"/states/net/{name}", 404).body for name in
                           ("theirs", "nobody"))
        self.assertEqual(json.loads(theirs)["detail"].replace("theirs", "nobody"),
                         json.loads(nobodys)["detail"])
        row = json.loads(self.api(one, "/states/net/mine/delete", method="POST", body={}).body)
        self.assertEqual(("deleted", 2), (row["result"], row["version"]))
        line = self.last_line(action="delete", event="done", state="net/mine")
        self.assertEqual(("basic", "net/mine", 200, 1, 2), tuple(line.get(name) for name in (
            "way", "state", "status", "version_before", "version_after")))
        self.assertTrue(line["principal"].startswith("basic:"))

    def test_the_lock_of_another_namespace_shows_nowhere(self):
        clients = {s: Client(self.nginx.plain, auth=basic("basic", s)) for s in ("one", "two")}
        for secret, client in clients.items():
            self.assertEqual(200, client.post("/state/net/both", document(1)).status)
            lock = lock_info(f"lock-of-{secret}")
            self.assertEqual(200, client.request("LOCK", "/state/net/both", lock).status)
            self.assertEqual(200, client.request("UNLOCK", "/state/net/both", b"").status)
            line = self.last_line(action="force unlock", lock_id=f"lock-of-{secret}")
            self.assertRegex(line["namespace"], "^[0-9a-f]{16}$")
        for secret, client in clients.items():
            locks = json.loads(self.api(client, "/states/net/both/locks").body)
            self.assertEqual([(f"lock-of-{secret}", "forced")],
                             [(row["lock"], row["end"]) for row in locks])
            versions = json.loads(self.api(client, "/states/net/both/versions").body)
            self.assertEqual([("forced release", f"lock-of-{secret}"), ("write", None)],
                             [(row["event"], row["lock"]) for row in versions])

    def test_a_token_of_a_ci(self):
        token = self.issuer.token(project_id="42", ref="main", ref_protected="true",
                                  pipeline_source="push", pipeline_id="77",
                                  **{"terraform-backend": None})
        ci = Client(self.nginx.plain, auth="Bearer " + token)
        self.assertEqual([], [s for s in self.states(ci) if not s.startswith("demo/")])
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        self.api(ci, "/states/demo/a/rollback", method="POST", body={"to": 1, "reason": "oops"},
                 headers=[("traceparent", trace), ("If-Match", '"2"')])
        line = self.last_line(action="rollback", event="done", state="demo/a")
        self.assertEqual(
            {"way": "token", "issuer": self.issuer.url, "rule": "main deploys",
             "state": "demo/a", "version_before": 2, "serial_before": 2, "version_after": 3,
             "serial_after": 3, "resources": 0, "status": 200, "result": "done",
             "reason": "oops", "traceparent": trace, "address": "127.0.0.1"},
            {name: line.get(name) for name in (
                "way", "issuer", "rule", "state", "version_before", "serial_before",
                "version_after", "serial_after", "resources", "status", "result", "reason",
                "traceparent", "address")})
        for name, value in (("project_id", "42"), ("ref", "main"), ("pipeline_id", "77")):
            self.assertEqual(value, line["claims"].get(name), line)
        self.assertRegex(line["request_id"], "^[0-9a-f]{32}$")
        self.assertTrue(line["lock_id"].startswith("change-"))
        self.assertEqual(404, ci.request("GET", f"/api/v1/states/{HIDDEN}/prod").status)
        self.assertEqual(401, Client(self.nginx.plain, auth="Bearer " + token[:-3] + "AAA").request(
            "GET", "/api/v1/states").status)
        self.last_line(status=401, event="done")

    def test_a_user_of_the_web_servers(self):
        nginx = Nginx(self.box, "unix:" + self.app.socket, edit=nginx_users(htpasswd(self.box)))
        carol = Client(nginx.plain, auth=basic("carol", PASSWORDS["carol"]))
        self.assertEqual([], [s for s in self.states(carol) if not s.startswith("demo/")])
        self.assertIn("demo/b", self.states(carol))
        self.api(carol, "/states/demo/b/pin", method="POST", body={"version": 1})
        line = self.last_line(action="pin", event="done", state="demo/b", way="proxy")
        self.assertEqual(("proxy", "nginx's own", "proxy:carol"),
                         (line["way"], line["rule"], line["principal"]))
        wrong = Client(nginx.plain, auth=basic("carol", "wrong"))
        self.assertEqual(401, wrong.request("GET", "/api/v1/states").status)
        # What a client says of itself counts for nothing.
        liar = Client(self.nginx.plain, auth=None)
        self.assertEqual(401, liar.request("GET", "/api/v1/states", headers=[
            ("STATEWARD-USER", "carol"), ("Remote-User", "carol")]).status)

    def test_a_reader_of_one_project(self):
        alice = Client(self.nginx.plain, auth=basic("alice", PASSWORDS["alice"]))
        self.assertEqual([], [s for s in self.states(alice)
                              if not s.startswith(("demo/", "other/"))])

    def test_refusals_are_on_the_trail(self):
        self.app.restart()  # the tests before have used up the lines that refusals of one network have
        oncall = self.client("oncall")
        self.api(oncall, "/states/demo/b/document", 403)
        line = self.last_line(action="get", status=403, state="demo/b")
        self.assertEqual(("refused", "demo/b", "token:oncall", "on call"),
                         (line["result"], line["state"], line["principal"], line["rule"]))
        self.api(oncall, "/status", 403)
        self.last_line(action="status", status=403, result="refused")
        self.api(oncall, "/states?nothing=1", 400)
        self.last_line(action="list", status=400, principal="token:oncall")
        self.api(oncall, "/states", 403, headers=[("Origin", "https://elsewhere.example")])
        self.last_line(action="list", status=403)
        root = self.client("root")
        self.assertEqual(200, root.request("LOCK", "/state/demo/b", lock_info("held")).status)
        self.api(root, "/states/demo/b/delete", 423, method="POST", body={})
        line = self.last_line(action="delete", status=423, state="demo/b")
        self.assertEqual(("refused", "demo/b"), (line["result"], line["state"]))
        self.api(oncall, "/states/demo/b/unlock", method="POST", body={"id": "held"})
        self.assertEqual("held", self.last_line(action="force unlock", event="done", state="demo/b",
                                                result="done")["lock_id"])

    def test_a_lock_that_another_frees_by_its_id_is_forced(self):
        """As `tofu force-unlock` does it."""
        root, oncall = self.client("root"), self.client("oncall")
        target = "/state/demo/b"
        for who, lock, action in ((oncall, "of-root", "force unlock"), (root, "roots-own", "unlock")):
            self.assertEqual(200, root.request("LOCK", target, lock_info(lock)).status)
            self.assertEqual(200, who.request("UNLOCK", target, lock_info(lock)).status)
            line = self.last_line(event="done", state="demo/b", lock_id=lock, action=action)
            self.assertEqual("done", line["result"])
            # A repeat frees nothing.
            self.assertEqual(200, who.request("UNLOCK", target, lock_info(lock)).status)
        self.last_line(event="done", state="demo/b", lock_id="of-root", action="unlock")

    @staticmethod
    def asked(client, method, path, body):
        """(the status, what else it says but the request's own ID)."""
        answer = client.request(method, path, json.dumps(body).encode() if body is not None else None)
        problem = json.loads(answer.body)
        problem.pop("request_id")
        return answer.status, json.dumps(problem)

    def test_hidden_and_absent_are_the_same_for_every_operation(self):
        """A writer of other projects asks for a state, and for an upload, of a hidden one."""
        writer = self.client("ci")
        kept = json.loads(self.api(self.client("root"), "/uploads").body)
        hidden_upload = next(row["upload"] for row in kept if row["state"].startswith(HIDDEN))
        paths = json.loads(self.api(writer, "/openapi.json").body)["paths"]
        tried = set()
        for path, methods in paths.items():
            for method, about in methods.items():
                name = about["operationId"]
                body = WANTED.get(name, {}) if method == "post" else None
                pairs = {"{project}/{name}": (f"{HIDDEN}/prod", f"{HIDDEN}/none"),
                         "{upload}": (hidden_upload, "0" * 32)}
                hole = next((hole for hole in pairs if hole in path), None)
                if hole is None:
                    continue
                tried.add(name)
                asks = [functools.partial(self.asked, writer, method.upper(), path.replace(hole, what), body)
                        for what in pairs[hole]]
                for ask in asks:  # the first look at a place may cost more
                    ask()
                seen = [(status, text.replace(what, "WHAT"), paid) for what, (status, text), paid
                        in zip(pairs[hole], *least_costs(self.app, *asks))]
                self.assertEqual(seen[0], seen[1], f"{method} {path}")
                self.assertEqual(404, seen[0][0], f"{name}: {seen[0]}")
        self.assertGreaterEqual(len(tried), 15)

    def test_apache_passes_it_on(self):
        apache = Apache(self.box, "unix:" + self.app.socket)
        root = self.client("root", apache.plain)
        target = "/state/demo/apache"
        for serial in (1, 2):
            self.assertEqual(200, root.post(target, document(serial)).status)
        answer = self.api(root, "/states/demo/apache")
        tag = answer.header("ETag")
        self.api(root, "/states/demo/apache", 304, headers=[("If-None-Match", tag)])
        back = {"method": "POST", "body": {"to": 1}}
        self.api(root, "/states/demo/apache/rollback", 409, **back, headers=[("If-Match", '"7"')])
        headers = [("If-Match", '"2"'), ("Idempotency-Key", "key-of-apache")]
        first, again = (json.loads(self.api(root, "/states/demo/apache/rollback", **back,
                                            headers=headers if n == 0 else headers[1:]).body)
                        for n in range(2))
        self.assertEqual((first, 3), (again, first["version"]))
        self.api(root, "/states", 403, headers=[("Origin", "https://elsewhere.example")])
        self.api(self.client("oncall", apache.plain), "/states/demo/apache/document", 403)

    def test_a_redirect_is_refused_and_gets_no_credentials(self):
        asked = []

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_response(302)
                self.send_header("Location", f"http://127.0.0.1:{server.server_port}/elsewhere")
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        run = self.box.run([CTL, "--server", f"http://127.0.0.1:{server.server_port}", "list"],
                           env={"TF_HTTP_USERNAME": "x", "TF_HTTP_PASSWORD": TOKENS["root"]})
        self.assertEqual(3, run.returncode, run.stderr)
        self.assertIn("redirects, which is not followed", run.stderr)
        self.assertEqual(["/api/v1/states"], asked)

    def test_a_server_that_is_not_trusted(self):
        run = self.box.run([CTL, "--server", f"https://localhost:{self.nginx.tls[1]}", "list"],
                           env={"TF_HTTP_USERNAME": "x", "TF_HTTP_PASSWORD": TOKENS["root"]})
        self.assertEqual(3, run.returncode, run.stdout + run.stderr)

    def test_control_characters_of_others_are_shown_escaped(self):
        root = self.client("root")
        self.assertEqual(200, root.post("/state/demo/esc", document(1)).status)
        info = json.dumps({"ID": "esc", "Operation": "\x1b[2J", "Info": "\x1b]0;x\x07", "Version": "\x9b",
                           "Who": "mallory\x1b[31m\r\n", "Created": "", "Path": ""}).encode()
        self.assertEqual(200, root.request("LOCK", "/state/demo/esc", info).status)
        url = f"http://127.0.0.1:{self.nginx.plain[1]}"
        for argv, env in ((["--server", url], {"TF_HTTP_USERNAME": "x",
                                               "TF_HTTP_PASSWORD": TOKENS["root"]}),
                          ([], self.app.settings)):
            for words in (("locks",), ("show", "demo/esc"), ("locks", "--json"),
                          ("delete", "demo/esc", "--yes"), ("unlock", "demo/esc")):
                run = self.box.run([CTL, *argv, *words], env=env)
                said = run.stdout + run.stderr
                self.assertIn("esc", said, words)
                for forbidden in "\x1b\x07\x9b\r":
                    self.assertNotIn(forbidden, said, words)
        self.assertEqual(200, root.request("UNLOCK", "/state/demo/esc", info).status)


if __name__ == "__main__":
    unittest.main()
