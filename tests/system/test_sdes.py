"""Keys in offers (RFC 4568) and keys that the hub made, as an owner meets them, with real processes."""
import base64
import unittest

from support.hub import Hub, eventually


class Sdes(unittest.TestCase):
    def setUp(self):
        self.hub = Hub().__enter__()
        self.addCleanup(self.hub.__exit__, None, None, None)

    def test_a_camera_brings_its_key_in_its_offer_and_is_seen(self):
        camera = self.hub.ctl("camera", "add", "Gate", "--sdes")
        viewer = self.hub.add_viewer("Anna", camera)
        cam = self.hub.cam(camera, "--sdes", "--mark", "gate", "--loss", "2", "--seed", "3")
        self.hub.live(camera)
        view = self.hub.view(viewer, camera, "--expect-mark", "gate", "--duration", "2", "--wait")
        self.assertEqual(view.wait(), 0, view.errors())
        self.assertGreater(view.json()["marks_ok"], 20)
        cam.stop()
        # Another session has another key.
        self.hub.cam(camera, "--sdes", "--mark", "gate")
        eventually("it is back", lambda: self.hub.status(camera)["state"] == "live")

    def test_a_camera_that_was_not_added_for_it_is_told_so(self):
        camera = self.hub.add_camera("Nursery")
        cam = self.hub.cam(camera, "--sdes")
        self.assertEqual(cam.wait(), 5)
        self.assertIn("--sdes", cam.errors())

    def test_wrong_words_of_the_owner_are_answered(self):
        for args, words in ((("--sdes", "--pin", "first-use"), "no certificate"),
                            (("--sdes", "--codec", "av1"), "h264 or vp8"),
                            (("--codec", "vp8"), "sdes")):
            run = self.hub.ctl("camera", "add", "Gate", *args, check=False)
            self.assertNotEqual(run.returncode, 0, args)
            self.assertIn(words, run.stdout + run.stderr)
        self.assertEqual(self.hub.ctl("camera", "list")["cameras"], [])

    def test_the_key_is_printed_once_and_is_nowhere_in_the_state(self):
        camera = self.hub.ctl("camera", "add", "Gate", "--sdes")
        self.assertEqual(camera["sdes_suite"], "AES_CM_128_HMAC_SHA1_80")
        listed = self.hub.ctl("camera", "list")["cameras"][0]
        self.assertNotIn("sdes_key", listed)
        self.assertEqual(listed["sdes_port"], camera["sdes_port"])

        key = base64.b64decode(camera["sdes_key"])
        self.assertEqual(len(key), 30)
        self.hub.daemon.stop()
        for file in self.hub.state.iterdir():
            data = file.read_bytes()
            for form in (key, key[:16], camera["sdes_key"].encode(), key.hex().encode()):
                self.assertNotIn(form, data, file.name)


if __name__ == "__main__":
    unittest.main()
