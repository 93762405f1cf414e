"""Whose keys cameras come with: pins, copies, and the secret beside the registry, with real processes."""
import hashlib
import subprocess
import unittest

from support.hub import Hub, Program, eventually


def public_key(key_file):
    """SHA-256 of the SubjectPublicKeyInfo, as openssl sees it."""
    der = subprocess.run(["openssl", "pkey", "-in", str(key_file), "-pubout", "-outform", "der"],
                         capture_output=True, check=True).stdout
    return hashlib.sha256(der).hexdigest()


class Keys(unittest.TestCase):
    def setUp(self):
        self.hub = Hub().__enter__()
        self.addCleanup(self.hub.__exit__, None, None, None)

    def key_file(self, name):
        return self.hub.folder / name

    def listed(self, camera):
        return next(c for c in self.hub.ctl("camera", "list")["cameras"] if c["id"] == camera["id"])

    def test_a_camera_is_pinned_at_first_use_confirmed_and_no_other_takes_its_place(self):
        camera = self.hub.ctl("camera", "add", "Nursery", "--pin", "first-use")
        self.assertEqual(self.listed(camera)["pin_state"], "awaited")
        first = self.hub.cam(camera, "--key", self.key_file("first.key"))
        self.hub.live(camera)
        self.assertEqual(self.listed(camera)["pin_state"], "first-use")
        self.assertEqual(self.listed(camera)["pin"], public_key(self.key_file("first.key")))
        table = subprocess.run([str(self.hub.bin / "latchkeyctl"), "--run", str(self.hub.run), "camera", "list"],
                               capture_output=True, text=True, check=True).stdout
        self.assertIn("to confirm: " + public_key(self.key_file("first.key")), table)
        self.assertIn("key " + public_key(self.key_file("first.key")), first.errors())
        self.hub.ctl("camera", "confirm", "Nursery")
        self.assertEqual(self.listed(camera)["pin_state"], "confirmed")
        first.stop()
        other = self.hub.cam(camera, "--key", self.key_file("other.key"))
        eventually("the other key is refused", lambda: "not the pinned one" in self.hub.daemon.errors())
        self.assertNotEqual(self.hub.status(camera)["state"], "live")
        other.stop()
        self.hub.cam(camera, "--key", self.key_file("first.key"))
        self.hub.live(camera)

    def test_two_cameras_with_one_certificate_are_both_suspended(self):
        one, two = self.hub.add_camera("One"), self.hub.add_camera("Two")
        viewer = self.hub.add_viewer("Anna", one, two)
        self.hub.cam(one, "--key", self.key_file("shared.key"))
        self.hub.live(one)
        self.hub.cam(two, "--key", self.key_file("shared.key"))
        for camera, other in ((one, two), (two, one)):
            eventually("it is suspended", lambda c=camera: self.hub.status(c)["state"] == "suspended")
            suspension = self.listed(camera)["suspension"]
            self.assertIn(other["id"], suspension["reason"])
            reply = self.hub.post_sdp(f"/whep/{camera['id']}", "v=0", viewer["token"])
            self.assertEqual((reply.status, reply.problem()["title"]), (503, "currently unavailable"))
        # Also after a restart, and until a person says what it was.
        port = self.hub.port
        self.hub.daemon.stop()
        self.hub.start(port)
        self.assertEqual(self.hub.status(one)["state"], "suspended")

    def test_a_registry_without_its_secret_is_not_opened(self):
        camera = self.hub.ctl("camera", "add", "Nursery", "--pin", "ab" * 32)
        self.assertEqual(self.listed(camera)["pin"], "ab" * 32)
        self.hub.daemon.stop()
        secret = self.hub.state / "registry.secret"
        kept = secret.read_text()
        self.assertEqual(secret.stat().st_mode & 0o777, 0o600)

        def refuses(words):
            program = Program(self.hub.folder, f"refused{len(words)}", self.hub.daemon_args())
            self.assertNotEqual(program.wait(), 0)
            self.assertIn(words, program.errors())

        secret.unlink()
        refuses("registry.secret is missing")
        self.assertFalse(secret.exists())
        secret.write_text("0" * 64)
        secret.chmod(0o600)
        refuses("not the secret that the registry was used with")
        secret.write_text(kept)
        secret.chmod(0o644)
        refuses("readable by others")
        secret.chmod(0o600)
        self.hub.start()
        self.assertEqual(self.listed(camera)["pin_state"], "confirmed")


if __name__ == "__main__":
    unittest.main()
