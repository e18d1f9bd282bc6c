"""A small S3 service that is strict about signatures (written from AWS's manual, sharing nothing with
Stateward), and the endpoints that hand out temporary keys: STS, a container's, a machine's.

    double = S3Double()
    double.keys["id"] = ("secret", "session token or None")
    double.readers        # ids of keys that may only read
    double.refused        # why requests were answered with 403
    double.puts           # (key, headers) of each PUT
"""
import hashlib
import hmac
import http.server
import json
import threading
import time
import urllib.parse
from xml.sax.saxutils import escape


def sign(secret, text):
    return hmac.new(secret, text.encode(), hashlib.sha256).digest()


def encode(text, safe=""):
    return urllib.parse.quote(text, safe="-._~" + safe)


class Refused(Exception):
    pass


def check_signature(handler, body, keys):
    """Raises Refused unless the request is signed exactly as AWS asks for."""
    headers = {name.lower(): value for name, value in handler.headers.items()}
    if len(headers) != len(handler.headers.items()):
        raise Refused("a header came twice")
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if scheme != "AWS4-HMAC-SHA256":
        raise Refused("not signed")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    access, date, region, service, end = parts["Credential"].split("/")
    if access not in keys:
        raise Refused(f"key {access} is unknown")
    secret, token = keys[access]
    if headers.get("x-amz-security-token") != token:
        raise Refused("session token")
    signed = parts["SignedHeaders"].split(";")
    if signed != sorted(signed):
        raise Refused("signed headers are not sorted")
    must = {name for name in headers if name.startswith("x-amz-")} | {"host"}
    if not must <= set(signed) or not set(signed) <= set(headers):
        raise Refused(f"signed headers {signed}")
    path, _, query = handler.path.partition("?")
    if path != encode(urllib.parse.unquote(path), "/"):
        raise Refused(f"path {path} is not encoded canonically")
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
    canonical_query = "&".join(sorted(f"{encode(k)}={encode(v)}" for k, v in pairs))
    if query != canonical_query:
        raise Refused(f"query {query}")
    if headers["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
        raise Refused("digest of the body")
    canonical = "\n".join([handler.command, path, canonical_query,
                           *(f"{name}:{' '.join(headers[name].split())}" for name in signed), "",
                           ";".join(signed), headers["x-amz-content-sha256"]])
    scope = f"{date}/{region}/{service}/{end}"
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope,
                      hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in (date, region, service, end):
        key = sign(key, part)
    if (service, end) != ("s3", "aws4_request") or not headers["x-amz-date"].startswith(date):
        raise Refused("scope")
    if parts["Signature"] != sign(key, text).hex():
        raise Refused(f"signature of {handler.command} {handler.path}")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    double = None

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def error(self, status, code):
        self.answer(status, f"<Error><Code>{code}</Code></Error>".encode())

    def is_late(self):
        """A look at the jobs' lease, which no client asked for, signed before its key was taken away."""
        return (self.command == "GET" and "/leases/" in self.path and
                any(f"Credential={key}/" in self.headers["Authorization"] for key in self.double.taken))

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.double.lock:
            for place, step in (("/sts", self.sts), ("/ecs", self.ecs), ("/imds", self.imds)):
                if self.path.startswith(place + "/") or self.path == place:
                    return step(body)
            try:
                check_signature(self, body, self.double.keys)
            except (Refused, KeyError, ValueError) as why:
                if not self.is_late():
                    self.double.refused.append(str(why))
                return self.error(403, "SignatureDoesNotMatch")
            access = self.headers["Authorization"].partition("Credential=")[2].partition("/")[0]
            if access in self.double.readers and self.command != "GET":
                self.double.refused.append(f"{self.command} {self.path} with a key that may only read")
                return self.error(403, "AccessDenied")
            return self.s3(body)

    do_GET = do_PUT = do_DELETE = do_POST = handle_any

    def s3(self, body):
        double = self.double
        path, _, query = self.path.partition("?")
        key = urllib.parse.unquote(path)[1:]
        if not self.headers["Host"].startswith(double.bucket + "."):
            bucket, _, key = key.partition("/")
            if bucket != double.bucket:
                return self.error(404, "NoSuchBucket")
        if not key and self.command == "PUT":
            double.made = True
            return self.answer(200)
        if not double.made:
            return self.error(404, "NoSuchBucket")
        if not key:
            return self.listing(dict(urllib.parse.parse_qsl(query)))
        there = double.objects.get(key)
        if self.command == "PUT":
            return self.put(key, there, body)
        if self.command == "DELETE":
            double.objects.pop(key, None)
            return self.answer(204)
        if there is None:
            return self.error(404, "NoSuchKey")
        data, etag, digest, write = there
        headers = {"ETag": etag, "x_amz_meta_sha256": digest, "x_amz_meta_write": write}
        if "Range" in self.headers:
            last = int(self.headers["Range"].rpartition("-")[2])
            return self.answer(206, data[:last + 1], **headers)
        return self.answer(200, data, **headers)

    def put(self, key, there, body):
        want = self.headers.get("If-Match")
        if (want and not there) or (want and there[1] != want) or (
                self.headers.get("If-None-Match") == "*" and there):
            return self.error(412, "PreconditionFailed")
        etag = f'"{hashlib.md5(body).hexdigest()}"'
        self.double.objects[key] = (body, etag, self.headers["x-amz-meta-sha256"],
                                    self.headers["x-amz-meta-write"])
        self.double.puts.append((key, dict(self.headers.items())))
        return self.answer(200, ETag=etag)

    def listing(self, query):
        prefix, after = query.get("prefix", ""), query.get("start-after", "")
        text, folders = "", []
        for key in sorted(self.double.objects):
            if not key.startswith(prefix) or key <= after:
                continue
            rest = key[len(prefix):]
            if "delimiter" in query and "/" in rest:
                folder = prefix + rest.partition("/")[0] + "/"
                if folder not in folders:
                    folders.append(folder)
                    text += f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>"
                continue
            text += f"<Contents><Key>{escape(key)}</Key></Contents>"
        return self.answer(200, ("<ListBucketResult><IsTruncated>false</IsTruncated>" + text +
                                 "</ListBucketResult>").encode())

    # Where temporary keys come from.
    def sts(self, body):
        form = dict(urllib.parse.parse_qsl(body.decode()))
        want = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15",
                "RoleArn": self.double.role, "RoleSessionName": "stateward",
                "WebIdentityToken": self.double.token}
        if self.command != "POST" or form != want or "Authorization" in self.headers:
            self.double.refused.append(f"STS {form}")
            return self.error(403, "AccessDenied")
        access, secret, token, end = self.double.new_keys()
        return self.answer(200, f"""<AssumeRoleWithWebIdentityResponse xmlns="https://sts/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{access}</AccessKeyId>
<SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{token}</SessionToken>
<Expiration>{end}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>""".encode())

    def json_keys(self):
        access, secret, token, end = self.double.new_keys()
        return self.answer(200, json.dumps(
            {"Code": "Success", "AccessKeyId": access, "SecretAccessKey": secret, "Token": token,
             "Expiration": end}, indent=2).encode())

    def ecs(self, _):
        if self.headers.get("Authorization") != self.double.token:
            self.double.refused.append("ECS")
            return self.error(403, "AccessDenied")
        return self.json_keys()

    def imds(self, _):
        roles = "/imds/latest/meta-data/iam/security-credentials/"
        if self.command == "PUT" and self.path == "/imds/latest/api/token":
            if self.headers.get("X-aws-ec2-metadata-token-ttl-seconds"):
                return self.answer(200, self.double.token.encode())
        elif self.headers.get("X-aws-ec2-metadata-token") == self.double.token:
            if self.path == roles:
                return self.answer(200, b"the-role")
            if self.path == roles + "the-role":
                return self.json_keys()
        self.double.refused.append(f"IMDS {self.command} {self.path}")
        return self.answer(401)


class S3Double:
    def __init__(self, bucket="terraform-state"):
        self.bucket, self.made = bucket, False
        self.lock = threading.Lock()
        self.objects, self.keys, self.refused, self.puts = {}, {}, [], []
        self.readers, self.taken = set(), set()
        self.role, self.token = "arn:aws:iam::1:role/a b", "eyJ0.eyJ1-_.c2ln"
        self.lifetime_s, self.handed_out, self.lasting = 3600, 0, []
        handler = type("BoundHandler", (Handler,), {"double": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take_keys(self, *others):
        """From here on only the others are good."""
        with self.lock:
            self.taken |= self.keys.keys() - set(others)
            self.keys = {name: self.keys[name] for name in others}

    def new_keys(self):
        """Temporary ones. .lasting: those that do not have to be renewed soon."""
        self.handed_out += 1
        access, secret, token = (f"{word}{self.handed_out}/+=" for word in ("ASIA", "sec", "tok"))
        access = access.strip("/+=")
        self.keys[access] = (secret, token)
        if self.lifetime_s > 600:
            self.lasting.append(access)
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.lifetime_s))
        return access, secret, token, end

    def settings(self, **more):
        return {"STORAGE_BACKEND": "s3", "LOCK_BACKEND": "s3", "STORAGE_S3_USE_SSL": "false",
                "STORAGE_S3_ENDPOINT": f"127.0.0.1:{self.port}", **more}

    def close(self):
        self.server.shutdown()
        self.server.server_close()
