"""Where states are moved from, in tests: real clients on real backends, and small doubles of GitLab
and of HCP Terraform that know the routes that are needed (from their public API documents)."""
import base64
import datetime
import hashlib
import hmac
import http.client
import http.server
import json
import os
import subprocess
import sys
import threading
import urllib.parse

from s3_double import sign
from test_tofu import TOFU


def s3_request(service, method, path, query="", body=b""):
    """One signed request to a real S3 service, which must be answered 2xx."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/us-east-1/s3/aws4_request"
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": "%s:%s" % service.address(), "x-amz-content-sha256": digest,
               "x-amz-date": now}
    path = urllib.parse.quote(path)
    canonical = "\n".join([method, path, query, *(f"{k}:{v}" for k, v in headers.items()), "",
                           ";".join(headers), digest])
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope,
                      hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + service.secret_key).encode()
    for part in scope.split("/"):
        key = sign(key, part)
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={service.access_key}/{scope}, "
                                f"SignedHeaders={';'.join(sorted(headers))}, Signature={signature}")
    link = http.client.HTTPConnection(*service.address(), timeout=30)
    link.request(method, path + ("?" + query if query else ""), body, headers)
    answer = link.getresponse()
    data = answer.read()
    link.close()
    assert 200 <= answer.status < 300, (answer.status, data)
    return data


def document(serial, lineage="L", note="x"):
    return json.dumps({"version": 4, "terraform_version": "1.9.0", "serial": serial,
                       "lineage": lineage, "outputs": {"note": {"value": note, "type": "string"}},
                       "resources": []}).encode()


CONFIG = """
terraform {
  backend "%s" {
    %s
  }
}
variable "note" { default = "one" }
resource "terraform_data" "one" { input = "${terraform.workspace} ${var.note}" }
"""
# Of the http backend there is only the workspace default: what was another's name is a variable.
HTTP_CONFIG = """
terraform {
  backend "http" {
    address        = "%(url)s"
    lock_address   = "%(url)s"
    unlock_address = "%(url)s"
  }
}
resource "terraform_data" "one" { input = "%(input)s" }
"""


class Client:
    """One configuration in a folder of its own."""

    def __init__(self, box, folder, text, **env):
        self.box, self.folder = box, box.make_dir(folder)
        os.chmod(self.folder, 0o755)
        box.write(folder + "/main.tf", text)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
        self.env.update(CHECKPOINT_DISABLE="1", TF_IN_AUTOMATION="1", NO_COLOR="1",
                        TF_HTTP_RETRY_MAX="0", **env)

    def run(self, *arguments, codes=(0,)):
        run = subprocess.run([TOFU, f"-chdir={self.folder}", *arguments], env=self.env,
                             capture_output=True, text=True, timeout=120, check=False)
        assert run.returncode in codes, run.stdout + run.stderr
        return run

    def apply(self, note="one"):
        self.run("apply", "-auto-approve", "-input=false", f"-var=note={note}")

    def fill(self, workspaces=("default", "prod"), notes=("two", "one")):
        """Each workspace is applied once for each note; the last one is the default."""
        self.run("init", "-input=false")
        for workspace in workspaces:
            if workspace != "default":
                self.run("workspace", "new", workspace)
            for note in notes:
                self.apply(note)


class Listener(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that is killed says nothing about the double."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Double:
    """An HTTP service in a thread. .seen: (method, path) of each request. One for whose path
    .held_back is true is answered when .go_on is set; .waits is set when one is there."""

    def __init__(self):
        self.seen, self.locks = [], {}
        self.held_back = lambda path: False
        self.waits, self.go_on = threading.Event(), threading.Event()
        double = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length)
                double.seen.append((self.command, self.path))
                if double.held_back(self.path):
                    double.waits.set()
                    double.go_on.wait(60)
                status, data = double.serve(self.command, self.path, body, self.headers)
                if not isinstance(data, bytes):
                    data = json.dumps(data).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = do_LOCK = do_UNLOCK = answer

            def log_message(self, *_):
                pass

        self.server = Listener(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def lock(self, name, body):
        held = self.locks.setdefault(name, body)
        return (200, b"") if held == body else (409, held)


class GitlabDouble(Double):
    """.states: {name: {serial: document}} of the project group/infra; two of them in a page."""
    TOKEN = "glpat-of-the-test"

    def __init__(self, states):
        self.states = states
        super().__init__()

    def serve(self, method, path, body, headers):
        if headers.get("private-token") != self.TOKEN:
            return 401, {"message": "401 Unauthorized"}
        if (method, path) == ("POST", "/api/graphql"):
            return 200, self.graphql(json.loads(body))
        base = "/api/v4/projects/group%2Finfra/terraform/state/"
        if not path.startswith(base):
            return 404, {"message": "404 Project Not Found"}
        name, _, rest = path[len(base):].partition("/")
        versions = self.states.get(urllib.parse.unquote(name))
        if versions is None:
            return 404, b""
        if method == "GET" and not rest:
            return 200, versions[max(versions)]
        if method == "GET" and rest.startswith("versions/"):
            found = versions.get(int(rest.split("/")[1]))
            return (200, found) if found else (404, b"")
        if method == "POST" and rest == "lock":
            return self.lock(name, body)
        if method == "DELETE" and rest.startswith("lock?ID="):
            if json.loads(self.locks.get(name) or b'{"ID":""}')["ID"] != rest[len("lock?ID="):]:
                return 409, b""
            del self.locks[name]
            return 200, b""
        return 405, b""

    def graphql(self, asked):
        if asked["variables"]["project"] != "group/infra":
            return {"data": {"project": None}}
        names = sorted(self.states)
        start = int(asked["variables"].get("after") or 0)
        nodes = [{"name": name, "latestVersion": {
            "serial": max(self.states[name]), "createdAt": "2025-01-02T03:04:05Z"}}
            for name in names[start:start + 2]]
        return {"data": {"project": {"terraformStates": {
            "pageInfo": {"hasNextPage": start + 2 < len(names), "endCursor": str(start + 2)},
            "nodes": nodes}}}}


class TfeDouble(Double):
    """.states: {workspace: [(time, document)]}, newest first, of the organization acme."""
    TOKEN = "tfe-of-the-test"

    def __init__(self, states):
        self.states = states
        super().__init__()

    def page(self, rows, query):
        number, size = int(query["page[number]"][0]), 2
        more = number * size < len(rows)
        return 200, {"data": rows[(number - 1) * size:number * size],
                     "meta": {"pagination": {"current-page": number,
                                             "next-page": number + 1 if more else None}}}

    def serve(self, method, path, body, headers):
        parts = urllib.parse.urlsplit(path)
        query = urllib.parse.parse_qs(parts.query)
        if headers.get("authorization") != "Bearer " + self.TOKEN:
            return 401, {"errors": []}
        if parts.path == "/api/v2/organizations/acme/workspaces":
            return self.page([{"id": "ws-" + name, "attributes": {"name": name}, "relationships": {
                "current-state-version": {"data": {"id": "sv"} if versions else None}}}
                for name, versions in sorted(self.states.items())], query)
        if parts.path == "/api/v2/state-versions":
            name = query["filter[workspace][name]"][0]
            return self.page([{"id": f"sv-{i}", "attributes": {
                "created-at": time, "hosted-state-download-url": f"{self.url}/blob/{name}/{i}"}}
                for i, (time, _) in enumerate(self.states[name])], query)
        if parts.path.startswith("/blob/"):
            _, _, name, number = parts.path.split("/")
            return 200, self.states[name][int(number)][1]
        name = parts.path.split("/")[4].removeprefix("ws-")
        if parts.path.endswith("/actions/lock"):
            return (409, {"errors": []}) if self.locks.get(name) else self.lock(name, body)
        if parts.path.endswith("/actions/unlock"):
            return (200, {}) if self.locks.pop(name, None) else (409, {"errors": []})
        return 404, {"errors": []}


class HttpDouble(Double):
    """Any server of the http backend: .states: {path: document}; Basic ann:pw."""

    def __init__(self, states):
        self.states = states
        super().__init__()

    def serve(self, method, path, body, headers):
        if headers.get("authorization") != "Basic " + base64.b64encode(b"ann:pw").decode():
            return 401, b""
        if method == "GET":
            return (200, self.states[path]) if path in self.states else (404, b"")
        if method == "LOCK":
            return self.lock(path, body)
        if method == "UNLOCK":
            self.locks.pop(path, None)
            return 200, b""
        return 405, b""
