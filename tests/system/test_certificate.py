"""The hub's certificate on the LAN: kept, renewed, or its owner's; with real processes and TLS."""
import hashlib
import json
import os
import pwd
import re
import ssl
import subprocess
import tempfile
import shutil
import unittest
from pathlib import Path

from support import lan
from support.hub import Program

ENDED = """[ca]
default_ca = own
[own]
new_certs_dir = {folder}
database = {folder}/index.txt
serial = {folder}/serial
default_md = sha256
policy = any
[any]
commonName = supplied
"""


@unittest.skipUnless(os.geteuid() == 0 and lan.available(), "network namespaces are not to be had here")
class Certificate(unittest.TestCase):
    def setUp(self):
        self.home = lan.Lan().__enter__()
        self.addCleanup(self.home.__exit__)
        self.hub = lan.LanHub(self.home)
        self.addCleanup(self.hub.__exit__, None, None, None)
        self.folder = Path(tempfile.mkdtemp(prefix="latchkey-certificate."))
        self.addCleanup(shutil.rmtree, self.folder)

    def served(self):
        """SHA-256 of the certificate that a device is shown, as `latchkeyctl certificate` writes it."""
        run = subprocess.run(self.home.on_device("openssl", "s_client", "-connect", f"{lan.HUB4}:{self.hub.port}"),
                             input="", capture_output=True, text=True, timeout=60)
        pem = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", run.stdout, re.S).group(0)
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
        return ":".join(digest[i:i + 2] for i in range(0, 64, 2))

    def shown(self):
        shown = self.hub.ctl("certificate")
        self.assertEqual(list(shown), ["fingerprint", "public_key", "names", "not_before", "not_after", "imported"])
        self.assertEqual(shown["fingerprint"], self.served())
        return shown

    def restart(self, config=None):
        self.assertEqual(self.hub.daemon.stop(), 0)
        if config is not None:
            self.hub.config.write_text(config)
        self.hub.start()
        return self.shown()

    def refuses(self, config=None):
        """Why the daemon does not start, in its one line."""
        if config is not None:
            self.hub.config.write_text(config)
        program = Program(self.hub.folder, f"refused{len(list(self.folder.parent.iterdir()))}", self.hub.daemon_args())
        self.assertNotEqual(program.wait(), 0)
        line, = program.errors().splitlines()
        return line

    def openssl(self, *args):
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, timeout=60)

    def own(self, name, *more):
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate,
                     "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}.home.arpa", "-days", "90", *more)
        return certificate, key

    @staticmethod
    def config(certificate, key):
        return f'[http]\ncertificate = "{certificate}"\nkey = "{key}"\n'

    def test_it_stays_over_restarts_and_changes_with_the_hubs_names_but_not_its_key(self):
        self.hub.start()
        first = self.shown()
        self.assertFalse(first["imported"])
        self.assertLessEqual({"localhost", "latchkey.local", lan.HUB4, lan.HUB6}, set(first["names"]))
        for name in ("http.secret", "http.crt"):
            self.assertEqual((self.hub.state / name).stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.restart(), first)
        # A front that ends and comes back serves the same one.
        front, = self.hub.children("latchkey-front")
        os.kill(front, 9)
        self.assertEqual(self.restart(), first)
        renamed = self.restart('[http]\nhost = "Cameras.home.arpa"\n')
        self.assertIn("cameras.home.arpa", renamed["names"])
        self.assertNotEqual(renamed["fingerprint"], first["fingerprint"])
        self.assertEqual(renamed["public_key"], first["public_key"])
        self.assertEqual(self.restart(), renamed)
        run = subprocess.run(self.home.on_device("curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "--resolve",
                                                 f"cameras.home.arpa:{self.hub.port}:{lan.HUB4}",
                                                 f"https://cameras.home.arpa:{self.hub.port}/healthz"), capture_output=True, text=True)
        self.assertEqual(run.stdout, "200")
        people = subprocess.run([self.hub.bin / "latchkeyctl", "--run", self.hub.run, "certificate"], capture_output=True, text=True)
        self.assertIn(f"fingerprint  {renamed['fingerprint']}", people.stdout)
        self.assertIn("made by      the hub", people.stdout)

    def test_a_damaged_or_foreign_one_is_made_anew_and_a_lost_secret_is_told(self):
        self.hub.start()
        first = self.shown()
        self.assertEqual(self.hub.daemon.stop(), 0)
        certificate, _ = self.own("foreign")
        for content in ("", "hello", certificate.read_text()):
            (self.hub.state / "http.crt").write_text(content)
            self.hub.start()
            self.assertEqual(self.shown()["public_key"], first["public_key"])
            self.assertEqual(self.hub.daemon.stop(), 0)
        secret = (self.hub.state / "http.secret").read_text()
        (self.hub.state / "http.secret").unlink()
        why = self.refuses()
        self.assertIn("http.secret is missing", why)
        self.assertIn("remove http.crt as well", why)
        (self.hub.state / "http.secret").write_text(secret)
        (self.hub.state / "http.secret").chmod(0o644)
        self.assertIn("chmod 600", self.refuses())
        (self.hub.state / "http.secret").unlink()
        (self.hub.state / "http.crt").unlink()
        self.hub.start()
        self.assertNotEqual(self.shown()["public_key"], first["public_key"])

    def test_an_own_one_is_served_from_files_or_credentials(self):
        certificate, key = self.own("mine")
        self.hub.config.write_text(self.config(certificate, key))
        self.hub.start()
        shown = self.shown()
        self.assertTrue(shown["imported"])
        self.assertEqual(shown["names"], ["mine.home.arpa"])
        self.assertFalse((self.hub.state / "http.secret").exists())
        self.assertEqual(self.hub.daemon.stop(), 0)
        # The same through systemd's folder: readable by the service alone, whatever its mode says.
        credentials = self.folder / "credentials"
        credentials.mkdir()
        (credentials / "http.certificate").write_bytes(certificate.read_bytes())
        (credentials / "http.key").write_bytes(key.read_bytes())
        self.hub.config.write_text("")
        os.environ["CREDENTIALS_DIRECTORY"] = str(credentials)
        self.addCleanup(os.environ.pop, "CREDENTIALS_DIRECTORY", None)
        self.hub.start()
        self.assertEqual(self.shown(), shown)
        self.assertEqual(self.hub.daemon.stop(), 0)
        (credentials / "http.key").unlink()
        self.assertIn("http.key", self.refuses())

    def test_an_own_one_that_can_not_be_used_is_refused_with_what_to_do(self):
        certificate, key = self.own("mine")
        _, other = self.own("other")
        why = self.refuses(self.config(certificate, other))
        self.assertIn("the key is not this certificate's", why)
        self.assertIn(str(certificate), why)
        self.assertIn(str(other), why)
        self.assertIn("there is no certificate in it", self.refuses(self.config(key, key)))
        self.assertIn("there is no private key", self.refuses(self.config(certificate, certificate)) if not certificate.chmod(0o600) else "")
        self.assertIn("put it there", self.refuses(self.config(self.folder / "none.crt", key)))
        self.assertIn("none.key", self.refuses(self.config(certificate, self.folder / "none.key")))
        self.assertIn("cannot read", self.refuses(self.config(certificate, self.folder)))
        key.chmod(0o640)
        self.assertIn("chmod 600", self.refuses(self.config(certificate, key)))
        key.chmod(0o600)
        locked = self.folder / "locked.key"
        self.openssl("pkey", "-in", key, "-aes256", "-passout", "pass:sesame", "-out", locked)
        locked.chmod(0o600)
        self.assertIn("passphrase", self.refuses(self.config(certificate, locked)))

        (self.folder / "ca.cnf").write_text(ENDED.format(folder=self.folder))
        (self.folder / "index.txt").touch()
        (self.folder / "serial").write_text("01\n")
        request, ended = self.folder / "ended.csr", self.folder / "ended.crt"
        self.openssl("req", "-new", "-key", key, "-subj", "/CN=ended", "-out", request)
        self.openssl("ca", "-batch", "-config", self.folder / "ca.cnf", "-selfsign", "-keyfile", key, "-in", request, "-out", ended,
                     "-startdate", "20200101000000Z", "-enddate", "20200201000000Z")
        why = self.refuses(self.config(ended, key))
        self.assertIn("ended at 2020-02-01T00:00:00Z", why)
        self.assertIn("renew it", why)


if __name__ == "__main__":
    unittest.main()
