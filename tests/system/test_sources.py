"""Where latchkey-cam's pictures come from: files and RTSP cameras, as a viewer sees them."""
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from support.hub import Hub, eventually
from support.rtsp_camera import RtspCamera


def make_film(folder, name, *codec):
    """Six seconds of moving colours with a tone, as a camera of the LAN would have it."""
    path = Path(folder) / name
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25", "-f", "lavfi", "-i",
                    "sine=frequency=330:sample_rate=44100", "-t", "6", "-pix_fmt", "yuv420p", *codec, str(path)], check=True)
    return path


COPYABLE = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "25", "-c:a", "aac")
REORDERED = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "25", "-c:a", "aac")


class Sources(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="latchkey-film.")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.watches = 0

    def watch(self, hub, camera, *args):
        self.watches += 1
        viewer = hub.add_viewer(f"Anna {self.watches}", camera, rights="live,listen")
        hub.live(camera)
        view = hub.view(viewer, camera, "--duration", 4, *args)
        self.assertEqual(view.wait(), 0, view.errors())
        return view.json()

    def test_h264_without_b_frames_is_copied_and_its_sound_becomes_opus(self):
        film = make_film(self.folder, "film.mp4", *COPYABLE)
        with Hub() as hub:
            camera = hub.add_camera("Film")
            cam = hub.cam(camera, "--source", film)
            report = self.watch(hub, camera)
            self.assertIn("copied as it is, sound as Opus", cam.errors())
            self.assertGreater(report["frames"], 75)
            self.assertGreater(report["audio_packets"], 100)

    def test_b_frames_are_noticed_and_encoded_anew(self):
        film = make_film(self.folder, "film.mkv", *REORDERED)
        with Hub() as hub:
            camera = hub.add_camera("Film")
            cam = hub.cam(camera, "--source", film, "--mark", "film")
            report = self.watch(hub, camera, "--expect-mark", "film")
            self.assertIn("encoded as H264", cam.errors())
            self.assertGreater(report["marks_ok"], 60)

    def test_a_file_goes_on_from_its_start_without_a_break(self):
        film = make_film(self.folder, "film.mp4", *COPYABLE)
        with Hub() as hub:
            camera = hub.add_camera("Film")
            viewer = hub.add_viewer("Anna", camera)
            hub.cam(camera, "--source", film)
            hub.live(camera)
            view = hub.view(viewer, camera, "--duration", 10)
            self.assertEqual(view.wait(), 0, view.errors())
            # Ten seconds of a film of six.
            self.assertGreater(view.json()["frames"], 220)
            self.assertEqual(view.json()["sessions"], 1)

    def test_an_rtsp_camera_is_copied_and_found_again_after_it_rebooted(self):
        film = make_film(self.folder, "film.mp4", *COPYABLE)
        with Hub() as hub, RtspCamera(film) as rtsp:
            camera = hub.add_camera("Garden")
            cam = hub.cam(camera, "--source", rtsp.url)
            report = self.watch(hub, camera)
            self.assertIn("H.264 copied as it is", cam.errors())
            self.assertGreater(report["frames"], 60)
            rtsp.close()
            eventually("the camera's end is noticed", lambda: "is gone; connecting again" in cam.errors())
            with RtspCamera(film, rtsp.port):
                eventually("the camera is found again", lambda: "is back" in cam.errors())
                again = self.watch(hub, camera)
                self.assertGreater(again["frames"], 60)
                self.assertEqual(cam.stop(signal.SIGINT), 0)
                self.assertEqual(cam.json()["sessions"], 1, "the hub's session went on all the time")


if __name__ == "__main__":
    unittest.main()
