"""What `cmake --install` lays down, and that each part finds the others there."""
import configparser
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from support.hub import Hub, bin_dir

PROGRAMS = {"latchkeyd", "latchkey-front", "latchkey-lane", "latchkeyctl", "latchkey-cam", "latchkey-view"}


class Unit(configparser.RawConfigParser):
    """A unit file; of a key that comes twice, the last."""

    def __init__(self, path):
        super().__init__(strict=False)
        self.optionxform = str
        self.read(path)


class Install(unittest.TestCase):
    def install(self, prefix):
        """Installs into a folder of its own. -> (that folder, the prefix in it)"""
        root = Path(tempfile.mkdtemp(prefix="latchkey-install."))
        self.addCleanup(shutil.rmtree, root)
        run = subprocess.run(["cmake", "--install", str(bin_dir().parent), "--prefix", prefix], capture_output=True,
                             text=True, env={**os.environ, "DESTDIR": str(root)}, timeout=120)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        return root, root / prefix.lstrip("/")

    def test_the_unit_names_what_is_there(self):
        for prefix in ("/usr", "/opt/latchkey"):
            with self.subTest(prefix):
                root, under = self.install(prefix)
                unit = Unit(under / "lib/systemd/system/latchkey.service")
                self.assertEqual(unit["Service"]["ExecStart"], f"{prefix}/bin/latchkeyd")
                self.assertTrue(os.access(root / unit["Service"]["ExecStart"].lstrip("/"), os.X_OK))
                document = unit["Unit"]["Documentation"].removeprefix("file:")
                self.assertTrue((root / document.lstrip("/")).is_file(), document)
                self.assertEqual({p.name for p in (under / "bin").iterdir()}, PROGRAMS)

    def test_user_and_folders_are_those_of_the_unit(self):
        _, under = self.install("/usr")
        service = Unit(under / "lib/systemd/system/latchkey.service")["Service"]
        sysusers = (under / "lib/sysusers.d/latchkey.conf").read_text()
        self.assertRegex(sysusers, rf"(?m)^u {service['User']} - .* /var/lib/{service['StateDirectory']} ")
        self.assertEqual(service["Group"], service["User"])
        tmpfiles = (under / "lib/tmpfiles.d/latchkey.conf").read_text()
        self.assertRegex(tmpfiles, rf"(?m)^d /etc/{service['ConfigurationDirectory']} ")

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("systemd-sysusers") and shutil.which("systemd-tmpfiles"),
                         "systemd's tools are not here, or not for this user")
    def test_systemd_makes_user_and_folder_of_what_is_installed(self):
        root, _ = self.install("/usr")
        (root / "etc").mkdir()
        for name in ("passwd", "group", "shadow", "gshadow"):
            (root / "etc" / name).touch()
        for tool in (["systemd-sysusers"], ["systemd-tmpfiles", "--create"]):
            run = subprocess.run([*tool, f"--root={root}"], capture_output=True, text=True, timeout=60)
            self.assertEqual(run.returncode, 0, run.stderr)
        self.assertRegex((root / "etc/passwd").read_text(), r"(?m)^latchkey:.*:/var/lib/latchkey:")
        self.assertTrue((root / "etc/latchkey").is_dir())

    def test_the_installed_daemon_finds_its_programs_beside_it(self):
        _, under = self.install("/usr")
        hub = Hub()
        hub.bin = under / "bin"
        with hub:
            hub.add_camera("One")
            self.assertEqual(hub.request("GET", "/healthz").status, 200)
            for program in ("latchkey-front", "latchkey-lane"):
                child, = hub.children(program)
                self.assertEqual(os.readlink(f"/proc/{child}/exe"), str(under / "bin" / program))


if __name__ == "__main__":
    unittest.main()
