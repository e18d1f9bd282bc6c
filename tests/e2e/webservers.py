"""nginx and Apache with the snippets that are shipped: only paths, ports and certificates differ."""
import functools
import os
import pathlib
import ssl
import subprocess
import tempfile

from box import ROOT, connects, free_port

APACHE_MODULES = "/usr/lib/apache2/modules"


def adapt(file, replacements):
    """The text of a shipped file with `old` replaced by `new`; each `old` must be there, so that
    the tests follow the files."""
    text = (ROOT / file).read_text()
    for old, new in replacements.items():
        if old not in text:
            raise AssertionError(f"{file} has no '{old}' to replace")
        text = text.replace(old, new)
    return text


class Certificates:
    """A CA with a server certificate and a client's, and another CA with a client's."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        for ca in ("ca", "stranger-ca"):
            self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                         "-nodes", "-keyout", f"{ca}.key", "-out", f"{ca}.pem", "-days", "2",
                         "-subj", f"/CN=Test {ca}")
        self.issue("server", "ca", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1")
        self.issue("client", "ca", "extendedKeyUsage=clientAuth")
        self.issue("stranger", "stranger-ca", "extendedKeyUsage=clientAuth")

    def openssl(self, *args):
        subprocess.run(["openssl", *args], cwd=self.folder, check=True, capture_output=True)

    def issue(self, name, ca, extension):
        (self.folder / f"{name}.ext").write_text(extension + "\n")
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                     "-subj", f"/CN={name}")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey",
                     f"{ca}.key", "-CAcreateserial", "-out", f"{name}.pem", "-days", "2",
                     "-extfile", f"{name}.ext")
        os.chmod(self.folder / f"{name}.key", 0o644)  # of a test that is over in a minute

    def path(self, name):
        return str(self.folder / name)

    def context(self, client=None):
        """For Client(tls=…); client: "client" or "stranger" shows that certificate."""
        context = ssl.create_default_context(cafile=self.path("ca.pem"))
        if client:
            context.load_cert_chain(self.path(f"{client}.pem"), self.path(f"{client}.key"))
        return context


@functools.cache
def certificates():
    """Made once per test process."""
    folder = tempfile.TemporaryDirectory(prefix="stateward-tls-")
    os.chmod(folder.name, 0o755)
    made = Certificates(folder.name)
    made.keep_alive = folder  # removed at exit
    return made


class WebServer:
    """site="plain+tls": the server-level snippet in two bare sites, at .plain and .tls.
    site="example": the shipped example site; .tls is the site, .plain its refusal of plain HTTP.

    app: the FastCGI address as in FASTCGI_LISTEN. edit: a function from the finished
    configuration's texts (name -> text) to others, for a test that needs one line to differ.
    """

    def __init__(self, box, app, site="plain+tls", edit=None):
        self.box, self.app, self.site = box, app, site
        self.edit = edit or (lambda name, text: text)
        self.plain = ("127.0.0.1", free_port())
        self.tls = ("127.0.0.1", free_port())
        self.folder = box.make_dir(f"{self.NAME}-{self.plain[1]}", 0o755)
        self.process = None
        self.write_files()
        self.start()

    def write(self, name, text):
        return self.box.write(os.path.join(self.folder, name), self.edit(name, text), 0o644)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        self.process = self.box.start(self.argv(), env=self.env())
        self.process.wait_until(lambda: connects(self.plain) and connects(self.tls),
                                f"{self.NAME} listens")

    def stop(self):
        self.process.stop()

    def env(self):
        return {}

    def context(self, client=None):
        return certificates().context(client)

    def make_web_root(self):
        """A folder of plain files, in which a proof for an ACME authority lies."""
        proof = self.box.make_dir(self.path("web/.well-known/acme-challenge"), 0o755)
        self.write(os.path.join(proof, "token"), "token.thumbprint")
        self.write("web/index.html", "plain files")
        return self.path("web")

    def error_log(self):
        path = pathlib.Path(self.path("error.log"))
        return path.read_text(errors="replace") if path.exists() else ""


class Nginx(WebServer):
    NAME = "nginx"
    # Folders for what nginx may put on disk; tests look into them.
    TEMP = ("client_body", "fastcgi", "proxy", "scgi", "uwsgi")

    def argv(self):
        return ["nginx", "-p", self.folder, "-c", self.path("nginx.conf"), "-e",
                self.path("error.log"), "-g", "daemon off;"]

    def temp_folder(self):
        return self.path("temp")

    def write_files(self):
        self.box.make_dir(self.temp_folder())
        where = self.app if self.app.startswith("unix:") else self.app
        self.write("upstream.conf", adapt("nginx/stateward-upstream.conf",
                                          {"unix:/run/stateward/fcgi.sock": where}))
        self.write("stateward.conf", adapt("nginx/stateward.conf",
                                           {"/var/log/nginx/": self.folder + "/"}))
        site = self.example_site() if self.site == "example" else self.bare_sites()
        self.write("site.conf", site)
        temp = "\n".join(f"{kind}_temp_path {self.temp_folder()}/{kind};" for kind in self.TEMP)
        self.write("nginx.conf", f"""
pid {self.path("pid")};
error_log {self.path("error.log")} info;
worker_processes 2;
events {{ worker_connections 512; }}
http {{
{temp}
access_log {self.path("access.log")};
include {self.path("upstream.conf")};
include {self.path("site.conf")};
}}
""")

    def bare_sites(self):
        certs = certificates()
        include = f"include {self.path('stateward.conf')};"
        return f"""
server {{ listen 127.0.0.1:{self.plain[1]}; {include} }}
server {{
    listen 127.0.0.1:{self.tls[1]} ssl http2;
    ssl_certificate {certs.path("server.pem")};
    ssl_certificate_key {certs.path("server.key")};
    {include}
}}
"""

    def example_site(self):
        certs = certificates()
        return adapt("nginx/example-site.conf", {
            "listen [::]:443 ssl http2;": "",
            "listen [::]:80;": "",
            "listen 443 ": f"listen 127.0.0.1:{self.tls[1]} ",
            "listen 80;": f"listen 127.0.0.1:{self.plain[1]};",
            "/etc/ssl/certs/ssl-cert-snakeoil.pem": certs.path("server.pem"),
            "/etc/ssl/private/ssl-cert-snakeoil.key": certs.path("server.key"),
            "#ssl_client_certificate /etc/ssl/stateward/clients-ca.pem":
                "ssl_client_certificate " + certs.path("ca.pem"),
            "#ssl_verify": "ssl_verify",
            "/var/www/html": self.make_web_root(),
            "/etc/nginx/snippets/stateward.conf": self.path("stateward.conf")})


class Apache(WebServer):
    NAME = "apache"
    # What Debian enables by default and could meddle with our paths, and what the snippets need.
    MODULES = ("mpm_event authz_core authz_host alias dir env mime negotiation autoindex setenvif "
               "filter deflate reqtimeout socache_shmcb headers proxy proxy_fcgi asis ssl").split()

    def argv(self):
        return ["apache2", "-f", self.path("httpd.conf"), "-DFOREGROUND"]

    def env(self):
        return {"APACHE_LOG_DIR": self.folder, "TMPDIR": self.temp_folder()}

    def temp_folder(self):
        return self.path("temp")

    def write_files(self):
        self.box.make_dir(self.temp_folder())
        document_root = self.box.make_dir(self.path("htdocs"), 0o755)
        for page in (ROOT / "apache").glob("*.asis"):
            self.write(page.name, page.read_text())
        self.write("stateward.conf", adapt("apache/stateward.conf", {
            "Define STATEWARD_SOCKET /run/stateward/fcgi.sock":
                f"Define STATEWARD_SOCKET {self.app.removeprefix('unix:')}",
            "/etc/apache2/stateward/": self.folder + "/"}))
        self.write("server.conf", (ROOT / "apache/stateward-server.conf").read_text())
        self.write("site.conf",
                   self.example_site() if self.site == "example" else self.bare_sites())
        modules = "\n".join(f"LoadModule {m}_module {APACHE_MODULES}/mod_{m}.so"
                            for m in self.MODULES)
        self.write("httpd.conf", f"""
ServerRoot {self.folder}
ServerName localhost
PidFile {self.path("pid")}
DefaultRuntimeDir {self.folder}
ErrorLog {self.path("error.log")}
LogLevel info
Listen 127.0.0.1:{self.plain[1]}
Listen 127.0.0.1:{self.tls[1]}
{modules}
Mutex file:{self.folder}
TypesConfig /dev/null
<Directory />
    AllowOverride None
    Require all denied
</Directory>
DocumentRoot {document_root}
<Directory {document_root}>
    Require all granted
    Options Indexes MultiViews
</Directory>
StartServers 2
ServerLimit 4
ThreadsPerChild 25
MaxRequestWorkers 100
Include {self.path("server.conf")}
Include {self.path("site.conf")}
""")

    def bare_sites(self):
        certs = certificates()
        include = f"Include {self.path('stateward.conf')}"
        return f"""
<VirtualHost 127.0.0.1:{self.plain[1]}>
{include}
</VirtualHost>
<VirtualHost 127.0.0.1:{self.tls[1]}>
SSLEngine on
SSLCertificateFile {certs.path("server.pem")}
SSLCertificateKeyFile {certs.path("server.key")}
{include}
</VirtualHost>
"""

    def example_site(self):
        certs = certificates()
        return adapt("apache/example-site.conf", {
            "*:443": f"127.0.0.1:{self.tls[1]}",
            "*:80": f"127.0.0.1:{self.plain[1]}",
            "/etc/ssl/certs/ssl-cert-snakeoil.pem": certs.path("server.pem"),
            "/etc/ssl/private/ssl-cert-snakeoil.key": certs.path("server.key"),
            "#SSLCACertificateFile /etc/ssl/stateward/clients-ca.pem":
                "SSLCACertificateFile " + certs.path("ca.pem"),
            "#SSLVerify": "SSLVerify",
            "/var/www/html": self.make_web_root(),
            "/etc/apache2/stateward/": self.folder + "/"})
