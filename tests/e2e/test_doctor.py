"""statewardctl doctor: a site that is set right has nothing wrong; each of the configurations that are set
wrong is named, with the line that mends it."""
import concurrent.futures
import re
import subprocess
import unittest

from box import ROOT, Box, environment
from client import Client
from policy_world import CTL
from stateward import AUTH, Stateward
from webservers import Apache, Nginx, certificates

LOGIN = {"TF_HTTP_USERNAME": "basic", "TF_HTTP_PASSWORD": "secret"}
SITE = "stateward.conf"
HTTPS_ONLY = re.search("return 400 '.*https only.*;", (ROOT / "nginx/example-site.conf").read_text()).group()

# name: web server, fault, mend, file, what stands there, what stands there instead
WRONG = {
    "not included": (Nginx, "foreign-answer", "location ^~ /state/", SITE, "location ^~ /state/",
                     "location ^~ /elsewhere/"),
    "files": (Nginx, "foreign-404", "location ^~ /state/", SITE, "location ^~ /state/",
              "location ^~ /state/ { root /nowhere; }\nlocation ^~ /elsewhere/"),
    "a redirect": (Nginx, "redirect", "no `return 301`", SITE, "fastcgi_pass stateward;\n    fastcgi_keep",
                   "return 301 https://elsewhere;\n    fastcgi_keep"),
    "1 MB": (Nginx, "body-limit", "client_max_body_size 257m", SITE, "client_max_body_size 257m",
             "client_max_body_size 1m"),
    "impatient": (Nginx, "slow-body", "client_body_timeout 90s", SITE, "client_body_timeout 90s",
                  "client_body_timeout 1s"),
    "a low rate": (Nginx, "rate-limit", "burst=2000", SITE, "gzip off;",
                   "gzip off; limit_req zone=fewer burst=30 nodelay;"),
    "a very low rate": (Nginx, "rate-limit", "burst=2000", SITE, "gzip off;",
                        "gzip off; limit_req zone=few burst=1 nodelay; limit_req_status 429;"),
    "own error pages": (Nginx, "error-pages", "fastcgi_intercept_errors off", SITE,
                        "fastcgi_intercept_errors off;",
                        "fastcgi_intercept_errors on; error_page 423 =423 @stateward_down;"),
    "no query": (Nginx, "query", "$request_uri", SITE,
                 "fastcgi_param REQUEST_URI     $request_uri", "fastcgi_param REQUEST_URI     $uri"),
    "compressed": (Nginx, "gzip", "gzip off", SITE, "gzip off;",
                   "gzip on; gzip_types application/json; gzip_proxied any;"),
    "no LOCK": (Nginx, "verbs", "limit_except", SITE, "gzip off;",
                "gzip off; if ($request_method = LOCK) { return 405; }"),
    "no DELETE": (Nginx, "verbs", "limit_except", SITE, "gzip off;",
                  "gzip off; if ($request_method = DELETE) { return 405; }"),
    "no login passes": (Nginx, "login", "HTTP_AUTHORIZATION", SITE,
                        'fastcgi_param HTTP_PROXY      "";',
                        'fastcgi_param HTTP_PROXY ""; fastcgi_param HTTP_AUTHORIZATION "";'),
    "no MD5": (Nginx, "content-md5", "HTTP_CONTENT_MD5", SITE, 'fastcgi_param HTTP_PROXY      "";',
               'fastcgi_param HTTP_PROXY ""; fastcgi_param HTTP_CONTENT_MD5 "";'),
    "everybody's login": (Nginx, "no-login", "HTTP_AUTHORIZATION", SITE,
                          'fastcgi_param HTTP_PROXY      "";',
                          f'fastcgi_param HTTP_PROXY ""; fastcgi_param HTTP_AUTHORIZATION "{AUTH}";'),
    "502": (Nginx, "gateway-error", "error_page 500 502 504 =503", SITE,
            "error_page 500 502 504 =503 @stateward_down;", ""),
    "http to https": (Nginx, "plain-redirect", "return 400", "site.conf",
                      "default_type application/json;\n        " + HTTPS_ONLY,
                      "return 301 https://$host$request_uri;"),
    "http: no such file": (Nginx, "plain-404", "port 80", "site.conf", HTTPS_ONLY,
                           "return 404;"),
    "Apache: no login passes": (Apache, "login", "CGIPassAuth On", SITE, "CGIPassAuth On",
                                "CGIPassAuth Off"),
    "Apache: encoded slashes": (Apache, "encoded-slash", "AllowEncodedSlashes NoDecode", SITE,
                                "AllowEncodedSlashes NoDecode", "AllowEncodedSlashes Off"),
    "Apache: impatient": (Apache, "slow-body", "body=0", SITE, "RequestReadTimeout body=0",
                          "RequestReadTimeout body=1"),
    "Apache: own error pages": (Apache, "error-pages", "ProxyErrorOverride", SITE,
                                "SetEnv no-gzip 1", "SetEnv no-gzip 1\n    ProxyErrorOverride On 423"),
    "Apache: http to https": (Apache, "plain-redirect", "RedirectMatch 400", "site.conf",
                              'RedirectMatch 400 "^/(?!\\.well-known/acme-challenge/|\\.stateward/https-only$)"',
                              "RedirectMatch 301 ^/state https://localhost/"),
    "Apache: no LOCK": (Apache, "verbs", "LimitExcept", SITE, "    Require all granted\n    # Without",
                        "    SetEnvIf Request_Method LOCK no_lock\n    <RequireAll>\n"
                        "    Require all granted\n    Require not env no_lock\n    </RequireAll>\n"
                        "    # Without"),
}


class Doctor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = Box()
        cls.addClassCleanup(cls.box.close)
        cls.app = Stateward(cls.box)
        certificates()  # before threads ask for them

    def site(self, server, file=None, old="", new=""):
        def edit(name, text):
            if name == "upstream.conf":
                # One that lets none through again while the doctor asks, however long that takes.
                text += ("limit_req_zone $binary_remote_addr zone=few:1m rate=5r/s;\n"
                         "limit_req_zone $binary_remote_addr zone=fewer:1m rate=1r/m;\n")
            if name == file:
                self.assertIn(old, text)
                text = text.replace(old, new)
                if "502" in old:  # to be seen, Stateward has to be away
                    text = text.replace("fastcgi_pass stateward;", "fastcgi_pass unix:/nowhere;")
            return text
        site = server(self.box, "unix:" + self.app.socket, site="example", edit=edit)
        self.addCleanup(site.stop)
        return site

    def doctor(self, site, *more, env=None, name="test", ca="ca.pem"):
        run = subprocess.run(
            [CTL, "doctor", f"https://localhost:{site.tls[1]}/state/doctor/{name}",
             "--plain-port", str(site.plain[1]), "--pause", "2",
             "--ca-file", certificates().path(ca), *more],
            env=environment(LOGIN if env is None else env), capture_output=True, text=True,
            timeout=120, check=False)
        return run.returncode, run.stdout + run.stderr

    def test_nothing_is_wrong(self):
        for server in (Nginx, Apache):
            site = self.site(server)
            code, said = self.doctor(site, name=server.NAME)
            self.assertEqual((0, "nothing is wrong"), (code, said.strip().splitlines()[-1]), said)
            # Nothing is left behind.
            client = Client(site.tls, auth=AUTH, tls=certificates().context())
            self.assertEqual(404, client.request("GET", f"/state/doctor/{server.NAME}").status)

    def look_at(self, number, wrong):
        server, _, _, file, old, new = wrong
        return self.doctor(self.site(server, file, old, new), name=f"test-{number}")

    def test_what_is_wrong_is_named(self):
        # Each mostly waits.
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            looks = list(pool.map(self.look_at, range(len(WRONG)), WRONG.values()))
        for (name, (_, fault, mend, *_)), (code, said) in zip(WRONG.items(), looks):
            with self.subTest(name):
                self.assertEqual(1, code, said)
                wrong = [line for line in said.splitlines() if line.startswith("WRONG")]
                self.assertTrue(any(line.startswith(f"WRONG  {fault}:") for line in wrong), said)
                self.assertIn(mend, said.split(fault + ":")[1].split("WRONG")[0])
                self.assertNotIn("secret", said)
                if fault in ("rate-limit", "verbs"):
                    others = [line for line in wrong if not line.startswith(f"WRONG  {fault}:")]
                    self.assertFalse([line for line in others if "other:" not in line], said)

    def test_any_password(self):
        """A web server that is believed, and looks at no password itself."""
        box = Box()
        self.addCleanup(box.close)
        policy = '[[rules]]\nproxy_user = "ann"\nstates = ["doctor/*"]\nrole = "admin"\n'
        app = Stateward(box, AUTH_PROXY_ENABLED="true", AUTH_POLICY_FILE=box.write("policy.toml", policy))

        def edit(name, text):
            line = "fastcgi_param HTTP_PROXY"
            return text.replace(line, "fastcgi_param STATEWARD_USER $remote_user;\n" + line) if name == SITE else text
        site = Nginx(box, "unix:" + app.socket, site="example", edit=edit)
        self.addCleanup(site.stop)
        login = {"TF_HTTP_USERNAME": "ann", "TF_HTTP_PASSWORD": "secret words"}
        code, said = self.doctor(site, env=login)
        self.assertEqual(1, code, said)
        self.assertIn("WRONG  any-password: a user is let in with any password", said)
        self.assertIn("auth_basic_user_file", said)

    def test_a_certificate_that_is_not_trusted(self):
        site = self.site(Nginx)
        code, said = self.doctor(site, ca="stranger-ca.pem")
        self.assertEqual(3, code, said)
        self.assertIn("certificate: the certificate is not trusted", said)
        self.assertIn("for an authority of your own give --ca-file", said)

    def test_a_name_that_is_taken_and_a_wrong_path(self):
        site = self.site(Nginx)
        client = Client(site.tls, auth=AUTH, tls=certificates().context())
        self.assertEqual(200, client.post("/state/doctor/taken", b'{"version":4,"serial":1,"lineage":"l"}').status)
        code, said = self.doctor(site, name="taken")
        self.assertEqual(1, code, said)
        self.assertIn("WRONG  taken: there is a state at this address\n       mend: name one that is not there", said)
        code, said = self.doctor(site, name="../../stat/doctor/test")
        self.assertIn("WRONG  foreign-answer", said)
        self.assertIn("look at the address first", said)

    def test_login_from_a_file(self):
        site = self.site(Nginx)
        login = self.box.write("login", "basic\nsecret\n", 0o600)
        self.assertEqual(0, self.doctor(site, "--login", login, env={})[0])
        login = self.box.write("login", "basic\nsecret\n", 0o644)
        code, said = self.doctor(site, "--login", login, env={})
        self.assertNotEqual(0, code)
        self.assertIn("may read", said)
        self.assertIn("TF_HTTP_USERNAME", self.doctor(site, env={})[1])


class BackendConfig(unittest.TestCase):
    def test_block_and_environment(self):
        run = subprocess.run([CTL, "backend-config", "net/prod", "--site",
                              "https://state.example.org/state/"], capture_output=True, text=True,
                             env=environment({}), timeout=60, check=True)
        for name in ("address        =", "lock_address   =", "unlock_address ="):
            self.assertIn(f'    {name} "https://state.example.org/state/net/prod"\n', run.stdout)
        self.assertIn("export TF_HTTP_UNLOCK_ADDRESS=https://state.example.org/state/net/prod\n",
                      run.stderr)
        # The output alone is a file of a configuration.
        self.assertTrue(run.stdout.startswith("terraform {\n") and run.stdout.endswith("\n}\n"), run.stdout)
        self.assertNotIn("export", run.stdout)


if __name__ == "__main__":
    unittest.main()
