"""State and locks on S3: keys from everywhere, signatures with awkward names, and a service that goes
away and comes back."""
import json
import os
import shutil
import time
import unittest

from box import Box, wait_for
from pairs import Pair
from s3_double import S3Double
from stateward import Stateward

URI = "/state/p/n"


def document(serial):
    return json.dumps({"version": 4, "serial": serial, "lineage": "L"}).encode()


def lock(name):
    return json.dumps({"ID": name, "Operation": "OperationTypeApply", "Who": "me@host"}).encode()


def cycle(test, app, serial):
    """LOCK, GET, POST, GET, UNLOCK."""
    name = f"lock-{serial}"
    test.assertEqual(200, app.ask("LOCK", URI, lock(name))[0], app.log()[-2000:])
    test.assertEqual(423, app.ask("LOCK", URI, lock("another"))[0])
    test.assertEqual(200, app.ask("POST", f"{URI}?ID={name}", document(serial))[0],
                     app.log()[-2000:])
    status, _, body = app.ask("GET", URI)
    test.assertEqual((200, document(serial)), (status, body))
    test.assertEqual(200, app.ask("UNLOCK", URI, lock(name))[0])


class S3Keys(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.double = S3Double()
        self.addCleanup(self.double.close)

    def app(self, **settings):
        return Stateward(self.box, workers=1, **self.double.settings(**settings))

    def check(self, app):
        cycle(self, app, 1)
        self.assertEqual([], self.double.refused)

    def test_awkward_names_session_token_and_encryption(self):
        """With SSE-KMS, one signed header's name is the beginning of another's."""
        self.double.keys["AKid"] = ("se/cr+et=", "tok/en+=")
        app = self.app(STORAGE_S3_ACCESS_KEY="AKid", STORAGE_S3_SECRET_KEY="se/cr+et=",
                       STORAGE_S3_SESSION_TOKEN="tok/en+=", STORAGE_S3_SSE="aws:kms",
                       STORAGE_S3_SSE_KMS_KEY_ID="arn:aws:kms:x:1:key/2", STORAGE_S3_REGION="eu-x-9",
                       STORAGE_S3_PREFIX="a b/ü+%2F=@,;~'()*!$&:/..//c/")
        self.check(app)
        self.assertTrue(self.double.puts)
        for key, headers in self.double.puts:
            self.assertTrue(key.startswith("a b/ü+%2F=@,;~'()*!$&:/..//c/"), key)
            self.assertEqual("aws:kms", headers["x-amz-server-side-encryption"])
            self.assertEqual("arn:aws:kms:x:1:key/2",
                             headers["x-amz-server-side-encryption-aws-kms-key-id"])

    def test_bucket_in_the_host_name(self):
        self.double.keys["k"] = ("s", None)
        self.check(self.app(STORAGE_S3_ENDPOINT=f"localhost:{self.double.port}",
                            STORAGE_S3_PATH_STYLE="false", STORAGE_S3_ACCESS_KEY="k",
                            STORAGE_S3_SECRET_KEY="s"))

    def test_keys_of_the_environment(self):
        self.double.keys["k"] = ("s", "t")
        self.check(self.app(AWS_ACCESS_KEY_ID="k", AWS_SECRET_ACCESS_KEY="s", AWS_SESSION_TOKEN="t"))

    def rotate(self, app):
        """The keys of before are refused; those in the file are found without a restart."""
        self.check(app)
        self.double.keys["k2"] = ("s2", None)
        self.double.take_keys("k2")

    def found(self, app):
        wait_for(lambda: (app.ask("GET", URI)[0], app.ask("UNLOCK", URI, lock("x"))[0]) == (200, 200),
                 "storage and lock use the new keys")
        self.double.refused.clear()
        cycle(self, app, 2)
        self.assertEqual([], self.double.refused)

    def test_a_credentials_file_that_changes(self):
        text = "# ours\n[default]\naws_access_key_id = {0}\naws_secret_access_key={1}\n[x]\na=b\n"
        self.double.keys["k"] = ("s", None)
        path = self.box.write("aws", text.format("k", "s"))
        app = self.app(STORAGE_S3_CREDENTIALS_FILE=path)
        self.rotate(app)
        self.box.write("aws", text.format("k2", "s2"))
        self.found(app)

    def test_files_of_secrets_that_change(self):
        self.double.keys["k"] = ("s", None)
        app = self.app(STORAGE_S3_ACCESS_KEY_FILE=self.box.write("id", "k\n"),
                       STORAGE_S3_SECRET_KEY_FILE=self.box.write("secret", "s\n"))
        self.rotate(app)
        self.box.write("id", "k2\n")
        self.box.write("secret", "s2\n")
        self.found(app)

    def renewed(self, **source):
        """Keys that end soon are replaced before they do. Storage and lock each have their own."""
        self.double.lifetime_s = 200
        app = self.app(**source)
        self.check(app)
        self.double.lifetime_s = 3600

        def both_renewed():
            name = f"wait-{self.double.handed_out}-{time.monotonic()}"
            self.assertEqual(200, app.ask("LOCK", URI, lock(name))[0], app.log()[-2000:])
            self.assertEqual(200, app.ask("UNLOCK", URI, lock(name))[0])
            self.assertEqual(200, app.ask("GET", URI)[0])
            return len(self.double.lasting) >= 2
        wait_for(both_renewed, "new keys were fetched", 60)
        self.double.take_keys(*self.double.lasting)
        cycle(self, app, 2)
        self.assertEqual([], self.double.refused)

    def test_web_identity(self):
        token = self.box.write("token", self.double.token + "\n")
        self.renewed(AWS_WEB_IDENTITY_TOKEN_FILE=token, AWS_ROLE_ARN=self.double.role,
                     AWS_ENDPOINT_URL_STS=self.double.url + "/sts")

    def test_container(self):
        token = self.box.write("token", self.double.token)
        self.renewed(AWS_CONTAINER_CREDENTIALS_FULL_URI=self.double.url + "/ecs",
                     AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=token)

    def test_machine(self):
        self.renewed(AWS_EC2_METADATA_SERVICE_ENDPOINT=self.double.url + "/imds")

    def test_wrong_keys_are_an_outage(self):
        self.double.keys["k"] = ("s", None)
        app = self.app(STORAGE_S3_ACCESS_KEY="k", STORAGE_S3_SECRET_KEY="s")
        cycle(self, app, 1)
        self.double.keys["k"] = ("other", None)
        for method, body in (("GET", None), ("LOCK", lock("x")), ("POST", document(2))):
            status, headers, body = app.ask(method, URI, body)
            self.assertEqual(503, status)
            self.assertEqual("15", headers["Retry-After"])
            self.assertNotIn(b"Signature", body)


class S3Outages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = Box()
        cls.addClassCleanup(cls.box.close)
        cls.pair = Pair(cls.box, "s3+s3")
        cls.addClassCleanup(cls.pair.close)
        cls.app = cls.pair.stateward()
        cls.minio = cls.pair.services["s3"]
        wait_for(lambda: cls.app.ask("GET", URI)[0] == 404, "the store is made")

    def is_down(self):
        for uri in (URI, "/state/p/never-written"):
            self.assertEqual(503, self.app.ask("GET", uri)[0])
            self.assertEqual(503, self.app.ask("POST", uri, document(1000))[0])
            self.assertEqual(503, self.app.ask("LOCK", uri, lock("x"))[0])
            self.assertEqual(503, self.app.ask("UNLOCK", uri, lock("x"))[0])

    def test_1_cycles(self):
        cycle(self, self.app, 1)
        self.assertEqual(404, self.app.ask("GET", "/state/p/never-written")[0])

    def test_2_stopped_and_started(self):
        self.minio.stop()
        self.is_down()
        self.minio.start()
        wait_for(lambda: self.app.ask("GET", URI)[0] == 200, "it comes back by itself")
        cycle(self, self.app, 2)

    def test_3_paused(self):
        self.minio.pause()
        self.assertEqual(503, self.app.ask("GET", URI)[0])
        self.minio.resume()
        wait_for(lambda: self.app.ask("GET", URI)[0] == 200, "it comes back by itself")
        cycle(self, self.app, 3)

    def test_4_bucket_removed(self):
        # While it runs, it may put an object into a folder that is just being emptied.
        self.minio.stop()
        shutil.rmtree(os.path.join(self.minio.path("data"), "terraform-state"))
        self.minio.start()
        self.is_down()


if __name__ == "__main__":
    unittest.main()
