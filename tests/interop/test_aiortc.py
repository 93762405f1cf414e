"""aiortc as camera and as viewer of the real daemon."""
import subprocess
import unittest

from support.hub import ROOT, Hub

PYTHON = "/usr/bin/python3"
PEER = ROOT / "tests/interop/aiortc_peer.py"
HAVE = subprocess.run([PYTHON, "-c", "import aiortc"], capture_output=True).returncode == 0


@unittest.skipUnless(HAVE, "python3-aiortc is not installed")
class Aiortc(unittest.TestCase):
    def peer(self, hub, role, who, camera, seconds, codec):
        path = {"camera": "whip", "viewer": "whep"}[role]
        return hub.program(f"aiortc-{role}", [PYTHON, PEER, role, f"{hub.url}/{path}/{camera['id']}", seconds, "--codec", codec],
                           {"LATCHKEY_TOKEN": who["token"]})

    def test_it_is_a_viewer(self):
        for codec in ("h264", "vp8"):
            with self.subTest(codec), Hub() as hub:
                camera = hub.add_camera("Door")
                anna = hub.add_viewer("Anna", camera)
                hub.cam(camera, "--codec", codec)
                hub.live(camera)
                peer = self.peer(hub, "viewer", anna, camera, 5, codec)
                self.assertEqual(peer.wait(), 0, peer.errors())
                report = peer.json()
                self.assertEqual((report["state"], report["delete"]), ("connected", 200))
                self.assertGreater(report["frames"], 50, report)

    def test_it_is_a_camera(self):
        for codec in ("h264", "vp8"):
            with self.subTest(codec), Hub() as hub:
                camera = hub.add_camera("Door")
                anna = hub.add_viewer("Anna", camera)
                peer = self.peer(hub, "camera", camera, camera, 8, codec)
                hub.live(camera)
                seen = self.peer(hub, "viewer", anna, camera, 4, codec)
                self.assertEqual(seen.wait(), 0, seen.errors())
                report = seen.json()
                self.assertGreater(report["frames"], 30, report)
                self.assertGreater(report["different"], 10, "the bar does not walk: " + str(report))
                self.assertEqual(peer.wait(), 0, peer.errors())


if __name__ == "__main__":
    unittest.main()
