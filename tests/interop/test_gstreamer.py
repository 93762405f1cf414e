"""GStreamer's webrtcbin on another host of a LAN made of network namespaces, over HTTPS, IPv4 and IPv6."""
import subprocess
import unittest

from support import lan
from support.hub import ROOT

PYTHON = "/usr/bin/python3"
PEER = ROOT / "tests/interop/gst_peer.py"
PROBE = ("import gi; gi.require_version('Gst','1.0'); gi.require_version('GstWebRTC','1.0'); from gi.repository import Gst; "
         "Gst.init(None); assert all(Gst.ElementFactory.find(e) for e in ('webrtcbin','x264enc','nicesrc','openh264dec'))")
HAVE = subprocess.run([PYTHON, "-c", PROBE], capture_output=True).returncode == 0


@unittest.skipUnless(HAVE, "GStreamer's webrtcbin, x264enc, openh264dec or nice is not installed")
@unittest.skipUnless(lan.available(), "no permission to make network namespaces")
class GStreamer(unittest.TestCase):
    def test_it_is_a_camera_and_a_viewer_across_a_lan(self):
        with lan.Lan() as home, lan.LanHub(home) as hub:
            camera = hub.add_camera("Door")
            anna = hub.add_viewer("Anna", camera)

            def peer(role, path, who, url, seconds):
                return hub.program(f"gst-{role}", home.on_device(PYTHON, PEER, role, f"{url}/{path}/{camera['id']}", seconds),
                                   {"LATCHKEY_TOKEN": who["token"]})

            sender = peer("camera", "whip", camera, hub.url, 40)
            hub.live(camera)
            for url in (hub.url, hub.url6):
                with self.subTest(url):
                    viewer = peer("viewer", "whep", anna, url, 5)
                    self.assertEqual(viewer.wait(), 0, viewer.errors())
                    report = viewer.json()
                    self.assertGreater(report["frames"], 40, report)
                    self.assertEqual((report["state"], report["delete"]), ("connected", 200), report)
            self.assertEqual(sender.wait(60), 0, sender.errors())
            self.assertEqual(sender.json()["delete"], 200)


if __name__ == "__main__":
    unittest.main()
