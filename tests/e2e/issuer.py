"""An issuer of tokens with a CA of its own: OpenID Connect discovery and a key set over HTTPS.

It can change its keys, be down, slow, redirect, call itself by another name, publish too much; and
it counts what it is asked.
"""
import datetime
import http.server
import ipaddress
import json
import ssl
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

import jose
from box import free_port

DISCOVERY = "/.well-known/openid-configuration"


def new_key(alg):
    if alg in jose.CURVES:
        return ec.generate_private_key(jose.CURVES[alg][0])
    if alg == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, 2048)


def _certificate(name, key, issuer_name, issuer_key, ca):
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (x509.CertificateBuilder().subject_name(name).issuer_name(issuer_name)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(now - datetime.timedelta(days=1))
               .not_valid_after(now + datetime.timedelta(days=2))
               .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True))
    if not ca:
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _pem(*things):
    out = b""
    for thing in things:
        if isinstance(thing, x509.Certificate):
            out += thing.public_bytes(serialization.Encoding.PEM)
        else:
            out += thing.private_bytes(serialization.Encoding.PEM,
                                       serialization.PrivateFormat.PKCS8,
                                       serialization.NoEncryption())
    return out


class Issuer:
    """url: the issuer's name. ca_file: what to trust. fetches: of the key set."""

    def __init__(self, box, algs=("ES256",)):
        self.box = box
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        self.keys = {}  # kid -> (algorithm, private key)
        for alg in algs:
            self.add_key(alg.lower(), alg)
        self.extra_keys = []   # JWKs
        self.names_itself = None  # another name in its discovery document
        self.redirect_to = None
        self.delay_s = 0
        self.fetches = 0
        self.server = None
        self._make_certificates()
        self.start()

    def _make_certificates(self):
        ca_key, key = new_key("ES256"), new_key("ES256")
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"CA of issuer {self.port}")])
        own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        ca = _certificate(name, ca_key, name, ca_key, True)
        self.ca_file = self.box.write(f"issuer-{self.port}-ca.pem", _pem(ca))
        chain = self.box.write(f"issuer-{self.port}-key.pem", _pem(
            _certificate(own, key, name, ca_key, False), key))
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(chain)

    def add_key(self, kid, alg="ES256"):
        self.keys[kid] = (alg, new_key(alg))

    def start(self):
        issuer = self

        class Page(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                issuer.answer(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                pass  # clients that do not trust us, or have no patience

        self.server = Server(("127.0.0.1", self.port), Page, bind_and_activate=False)
        self.server.daemon_threads = True
        self.server.allow_reuse_address = True
        self.server.server_bind()
        self.server.server_activate()
        self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True,
                                                  do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        """Down: connections are refused."""
        if self.server:
            self.server.shutdown()
            self.server.server_close()
        self.server = None

    def answer(self, page):
        time.sleep(self.delay_s)
        status, body = 200, b"{}"
        if self.redirect_to:
            status = 302
        elif page.path == DISCOVERY:
            body = json.dumps({"issuer": self.names_itself or self.url,
                               "jwks_uri": self.url + "/keys"}).encode()
        elif page.path == "/keys":
            self.fetches += 1
            keys = [jose.jwk(key, kid, alg) for kid, (alg, key) in self.keys.items()]
            body = json.dumps({"keys": keys + self.extra_keys}).encode()
        else:
            status = 404
        page.send_response(status)
        if self.redirect_to:
            page.send_header("Location", self.redirect_to)
        page.send_header("Content-Type", "application/json")
        page.send_header("Content-Length", str(len(body)))
        page.send_header("Connection", "close")
        page.end_headers()
        page.wfile.write(body)
        page.close_connection = True

    def claims(self, seconds=600, **changes):
        now = int(time.time())
        out = {"iss": self.url, "aud": "stateward", "sub": "runner", "iat": now,
               "exp": now + seconds, "terraform-backend": {"project": "demo", "state": "*"}}
        out.update(changes)
        return {k: v for k, v in out.items() if v is not None}

    def token(self, kid="es256", seconds=600, key=None, **changes):
        """key: (algorithm, private key) of somebody else, under this kid."""
        alg, private = key or self.keys[kid]
        return jose.token(private, alg, {"alg": alg, "kid": kid, "typ": "JWT"},
                          self.claims(seconds, **changes))

    def settings(self):
        return {"AUTH_JWT_OIDC_ISSUER_URL": self.url, "AUTH_JWT_AUDIENCE": "other, stateward",
                "AUTH_JWT_CA_FILE": self.ca_file}
