"""/api/v1 through nginx: who sees what, what is answered, and how it is refused; on each pair of backends."""
import functools
import hashlib
import json
import socket
import sys
import unittest
import urllib.parse

import api_docs
from api_world import TOKENS, ApiWorld, document, least_costs, lock_info
from client import Client, basic
from pairs import make_cases
from stateward import CTL

HIDDEN = "classified"  # a project; a word that no answer to the reader may hold


class Api(ApiWorld):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        admin = cls.client("admin")
        for target in (f"/state/{HIDDEN}/prod", "/state/open/a", "/state/open/b"):
            for serial in (1, 2):
                answer = admin.post(target, document(serial, target))
                assert answer.status == 200, answer

    def get(self, name, path, status=200, **more):
        answer = self.client(name).request("GET", "/api/v1" + path, **more)
        self.assertEqual(status, answer.status, answer)
        kind = "application/json" if status == 200 else "application/problem+json"
        if status != 304:
            self.assertEqual(kind, answer.header("Content-Type"), answer)
        return answer

    def test_show_versions_and_document(self):
        shown = json.loads(self.get("reader", "/states/open/a").body)
        self.assertEqual(("open/a", 2, "/state/open/a"),
                         (shown["state"], shown["serial"], shown["lineage"]))
        versions = json.loads(self.get("reader", "/states/open/a/versions").body)
        self.assertEqual([2, 1], [row["serial"] for row in versions])
        answer = self.get("reader", "/states/open/a/document")
        self.assertEqual(document(2, "/state/open/a"), answer.body)
        old = self.get("reader", "/states/open/a/document?version=1")
        self.assertEqual(document(1, "/state/open/a"), old.body)

    def test_a_serial_as_gitlab_has_it(self):
        reader = self.client("reader")
        self.assertEqual(document(1, "/state/open/a"), reader.get("/state/open/a/versions/1").body)
        self.assertEqual(404, reader.get("/state/open/a/versions/7").status)
        self.assertEqual(404, reader.get("/state/open/none/versions/1").status)
        self.assertEqual(403, reader.get(f"/state/{HIDDEN}/prod/versions/1").status)
        self.assertEqual(403, self.client("oncall").get("/state/open/a/versions/1").status)

    def test_tags(self):
        for path in ("/states/open/a", "/states/open/a/versions", "/states/open/a/document"):
            tag = self.get("reader", path).header("ETag")
            again = self.get("reader", path, 304, headers=[("If-None-Match", tag)])
            self.assertEqual((b"", tag), (again.body, again.header("ETag")))
            self.get("reader", path, headers=[("If-None-Match", '"other"')])

    def pages(self, name):
        seen, target = [], "/states?limit=1"
        while target:
            answer = self.get(name, target)
            self.assertNotIn(HIDDEN.encode() if name == "reader" else b"\0", answer.body)
            rows = json.loads(answer.body)
            self.assertLessEqual(len(rows), 1)
            seen += [row["state"] for row in rows]
            link = answer.header("Link")
            target = link and link.removeprefix("</api/v1").removesuffix('>; rel="next"')
        return seen

    def test_pages(self):
        whole = {name: [row["state"] for row in json.loads(self.get(name, "/states").body)]
                 for name in ("admin", "reader")}
        for name, states in whole.items():
            self.assertEqual(sorted(states), sorted(self.pages(name)))
        self.assertEqual({"open/a", "open/b"}, set(whole["reader"]) - {"open/c"})
        self.get("reader", "/states?limit=1&cursor=" + "z" * 64, 400)

    def test_hidden_and_absent_are_the_same(self):
        for path in ("", "/versions", "/document"):
            asks = [functools.partial(self.get, "reader", f"/states/{state}{path}", 404)
                    for state in (f"{HIDDEN}/prod", f"{HIDDEN}/none", "open/none")]
            for _ in range(8):  # until every worker has proved the store
                asks[0]()
            (hidden, absent, seen), (paid, as_well, for_seen) = least_costs(self.app, *asks)
            self.assertEqual(paid, as_well)
            self.assertEqual(paid, for_seen)
            self.assertTrue(paid)

            def body(answer, name):
                read = json.loads(answer.body)
                self.assertTrue(read.pop("request_id"))
                return json.dumps(read).replace(name, "STATE")
            self.assertEqual(body(hidden, f"{HIDDEN}/prod"), body(absent, f"{HIDDEN}/none"))
            self.assertEqual(body(hidden, f"{HIDDEN}/prod"), body(seen, "open/none"))
            self.assertEqual([k for k, _ in hidden.headers.items()],
                             [k for k, _ in absent.headers.items()])

    def test_a_reader_sees_nothing_of_other_projects(self):
        """Each GET without a parameter in its path, and each of a state that it sees."""
        paths = json.loads(self.get("reader", "/openapi.json").body)["paths"]
        asked = 0
        for path, methods in paths.items():
            if "get" not in methods or path.count("{") not in (0, 2):
                continue
            asked += 1
            target = path.replace("{project}", "open").replace("{name}", "a")
            answer = self.client("reader").request("GET", target)
            self.assertIn(answer.status, (200, 400, 403), f"{target} {answer}")
            self.assertNotIn(HIDDEN.encode(), answer.body, target)
            for more in (f"?glob={HIDDEN}/*", f"?glob={HIDDEN}/prod"):
                answer = self.client("reader").request("GET", target + more)
                text = answer.body.replace(urllib.parse.quote(more).encode(), b"")
                if answer.status == 200:
                    self.assertNotIn(f"{HIDDEN}/prod".encode(), text, target)
        self.assertGreaterEqual(asked, 3)

    def test_the_operator_sees_and_reads_nothing(self):
        self.get("oncall", f"/states/{HIDDEN}/prod")
        self.get("oncall", f"/states/{HIDDEN}/prod/document", 403)

    def test_locks_are_shown_and_freed(self):
        admin = self.client("admin")
        self.assertEqual(200, admin.request("LOCK", "/state/open/b", lock_info("held")).status)
        shown = json.loads(self.get("oncall", "/states/open/b").body)
        self.assertEqual("held", shown["lock"])
        self.assertEqual(200, self.client("oncall").request("UNLOCK", "/state/open/b",
                                                            lock_info("held")).status)
        self.assertIsNone(json.loads(self.get("oncall", "/states/open/b").body)["lock"])

    def test_refusals(self):
        self.assertEqual(401, Client(self.nginx.plain, auth=None).get("/api/v1/states/a/b").status)
        wrong = Client(self.nginx.plain, auth=basic("x", "swt_" + "0" * 64))
        self.assertEqual(401, wrong.get("/api/v1/states/a/b").status)
        self.get("reader", "/states/open/a?nothing=1", 400)
        self.get("reader", "/nothing", 400)
        self.get("reader", "/states/%2e%2e/a", 400)
        answer = self.client("reader").post("/api/v1/states/open/a", b"{}")
        self.assertEqual((405, "GET"), (answer.status, answer.header("Allow")))
        for origin, status in (("https://elsewhere.example", 403), ("null", 403),
                               (f"http://localhost:{self.nginx.plain[1]}", 200)):
            self.get("reader", "/states/open/a", status, headers=[("Origin", origin)])

    def test_a_page_of_another_site_changes_nothing(self):
        """A form's POST needs no leave of ours, and the browser adds the login that it knows."""
        body = document(1, "foreign")
        own = f"http://localhost:{self.nginx.plain[1]}"
        for origin, status in (("https://elsewhere.example", 403), ("null", 403), (own, 200)):
            ask = functools.partial(self.client("admin").request, headers=[("Origin", origin)])
            self.assertEqual(status, ask("POST", "/state/open/foreign", body).status)
            for method, path, lock in (("POST", "/lock", "a"), ("DELETE", "/lock", "a"),
                                       ("LOCK", "", "b"), ("UNLOCK", "", "b")):
                answer = ask(method, "/state/open/foreign" + path, lock_info(lock))
                self.assertEqual(status, answer.status, f"{method} {path} {origin}")
            self.assertEqual(status, ask("DELETE", "/state/open/foreign").status)

    def ctl(self, name, *args, code=0, server=None, **more):
        """statewardctl --server, as the owner of a token."""
        url = server or f"http://127.0.0.1:{self.nginx.plain[1]}"
        env = {"TF_HTTP_USERNAME": "x", "TF_HTTP_PASSWORD": TOKENS[name], **more}
        run = self.box.run([CTL, "--server", url, *args], env=env)
        self.assertEqual(code, run.returncode, run.stdout + run.stderr)
        self.assertNotIn(TOKENS[name], run.stdout + run.stderr)
        return run.stdout if code == 0 else run.stderr

    def test_statewardctl_says_the_same_here_and_there(self):
        for args in (("show", "open/a"), ("show", "open/a", "--json"), ("versions", "open/a"),
                     ("versions", "open/a", "--json"), ("get", "open/a"),
                     ("get", "open/a", "--version", "1")):
            here = self.box.run([CTL, *args], env=self.app.settings)
            self.assertEqual(0, here.returncode, here.stderr)
            self.assertEqual(here.stdout, self.ctl("admin", *args), args)
        self.assertEqual(document(2, "/state/open/a").decode(), self.ctl("reader", "get", "open/a"))

    def test_statewardctl_ends_as_its_documents_say(self):
        hidden = self.ctl("reader", "show", f"{HIDDEN}/prod", code=1)
        self.assertEqual(hidden.replace("prod", "none"),
                         self.ctl("reader", "show", f"{HIDDEN}/none", code=1))
        self.assertIn("role", self.ctl("oncall", "get", "open/a", code=4))
        self.ctl("reader", "show", "open/a", code=4, TF_HTTP_PASSWORD="swt_" + "0" * 64)
        self.ctl("reader", "show", "open/a", code=2, TF_HTTP_PASSWORD="")
        self.ctl("reader", "show", "open/a", code=2, server="http://states.example")
        self.ctl("reader", "show", "open/a", code=2, server="https://x:y@states.example")
        self.ctl("reader", "keys", code=2)
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            self.ctl("reader", "show", "open/a", code=3,
                     server=f"http://127.0.0.1:{nobody.getsockname()[1]}")
        private = self.box.write("credentials", f"any:{TOKENS['reader']}\n", 0o600)
        self.ctl("oncall", "get", "open/a", "--credentials", private)
        shared = self.box.write("shared", f"any:{TOKENS['reader']}\n", 0o644)
        self.ctl("oncall", "get", "open/a", "--credentials", shared, code=2)

    def test_bodies_have_a_limit(self):
        paths = json.loads(self.get("reader", "/openapi.json").body)["paths"]
        changes = [path for path, methods in paths.items() if "post" in methods]
        for path in changes[:1]:
            target = path.replace("{project}", "open").replace("{name}", "a")
            answer = self.client("reader").post(target, b"{" + b" " * 70000 + b"}")
            self.assertEqual(413, answer.status, answer)


make_cases(sys.modules[__name__], Api, ("fs+local", "postgres+postgres", "s3+redis"))


class Documents(unittest.TestCase):
    def test_the_documents_are_those_of_the_table(self):
        for file, text in zip((api_docs.OPENAPI, api_docs.API), api_docs.texts(api_docs.served())):
            self.assertEqual(text, file.read_text(), f"{file} is old: run `make openapi`")
