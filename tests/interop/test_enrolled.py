"""Senders that know nothing of WebRTC: FFmpeg and GStreamer under a key that the hub made (enrolled SDES)."""
import base64
import contextlib
import json
import socket
import threading
import unittest

from support.enrolled import ffmpeg
from support.hub import Hub, eventually


class Recorder(threading.Thread):
    """Passes on what it receives, and keeps it: somebody on the camera's network."""

    def __init__(self, to):
        super().__init__(daemon=True)
        self.to = ("127.0.0.1", to)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.datagrams = []
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while datagram := self.socket.recv(4096):
                self.datagrams.append(datagram)
                self.socket.sendto(datagram, self.to)

    def close(self):
        # Wakes the thread: an empty datagram ends its loop.
        self.socket.sendto(b"", ("127.0.0.1", self.port))
        self.join()
        self.socket.close()


def gstreamer(hub, camera, port):
    key = base64.b64decode(camera["sdes_key"]).hex()
    return hub.program("gst", [
        "gst-launch-1.0", "-q", "videotestsrc", "is-live=true", "!", "video/x-raw,width=320,height=240,framerate=25/1",
        "!", "x264enc", "tune=zerolatency", "speed-preset=ultrafast", "key-int-max=25", "!",
        "rtph264pay", "config-interval=-1", "pt=96", "mtu=1200", "!", "application/x-rtp,payload=96", "!",
        "srtpenc", f"key={key}", "rtp-cipher=aes-128-icm", "rtp-auth=hmac-sha1-80", "!",
        "udpsink", "host=127.0.0.1", f"port={port}", "sync=false"])


class Enrolled(unittest.TestCase):
    def setUp(self):
        self.hub = Hub().__enter__()
        self.addCleanup(self.hub.__exit__, None, None, None)

    def add(self, *more):
        camera = self.hub.ctl("camera", "add", "Gate", "--sdes", *more)
        self.assertGreater(camera["sdes_port"], 0)
        return camera, self.hub.add_viewer("Anna", camera)

    def watched(self, viewer, camera):
        program = self.hub.view(viewer, camera, "--duration", "2", "--wait")
        self.assertEqual(program.wait(), 0, program.errors())
        report = program.json()
        self.assertGreater(report["frames"], 20)
        return report

    def test_ffmpeg_sends_and_is_seen(self):
        camera, viewer = self.add()
        ffmpeg(self.hub, camera, camera["sdes_port"])
        self.hub.live(camera)
        self.watched(viewer, camera)

    def test_ffmpeg_sends_vp8(self):
        camera, viewer = self.add("--codec", "vp8")
        ffmpeg(self.hub, camera, camera["sdes_port"], "libvpx", "-deadline", "realtime", "-cpu-used", "8")
        self.hub.live(camera)
        self.watched(viewer, camera)

    def test_gstreamer_sends_and_is_seen(self):
        camera, viewer = self.add()
        gstreamer(self.hub, camera, camera["sdes_port"])
        self.hub.live(camera)
        self.watched(viewer, camera)

    def test_a_recording_shows_nothing_after_a_restart_and_the_sender_itself_does(self):
        camera, viewer = self.add()
        recorder = Recorder(camera["sdes_port"])
        self.addCleanup(recorder.close)
        sender = ffmpeg(self.hub, camera, recorder.port)
        self.hub.live(camera)
        eventually("there is something to record", lambda: len(recorder.datagrams) > 300)
        sender.stop()
        recording = list(recorder.datagrams)
        port = self.hub.port
        self.hub.daemon.stop()
        self.hub.start(port)
        self.assertEqual(self.hub.ctl("camera", "list")["cameras"][0]["sdes_port"], camera["sdes_port"])
        stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(stranger.close)

        def replayed():
            for datagram in recording:
                stranger.sendto(datagram, ("127.0.0.1", camera["sdes_port"]))
            listed = json.loads(self.hub.request("GET", "/api/v1/cameras", token=viewer["token"]).body)["cameras"][0]
            self.assertNotEqual(listed["state"], "live")
            return listed["reason"] == "replayed"

        eventually("it is told what it is", replayed)
        reply = self.hub.post_sdp(f"/whep/{camera['id']}", "v=0", viewer["token"])
        self.assertNotEqual(reply.status, 201)
        ffmpeg(self.hub, camera, camera["sdes_port"])
        self.hub.live(camera)
        self.watched(viewer, camera)

    def test_a_sender_that_goes_on_is_back_after_every_process_was_killed(self):
        camera, viewer = self.add()
        ffmpeg(self.hub, camera, camera["sdes_port"])
        self.hub.live(camera)
        port = self.hub.port
        self.hub.daemon.stop(9)
        eventually("its children are gone", lambda: not self.hub.children("latchkey-lane"))
        self.hub.start(port)
        self.hub.live(camera)
        self.watched(viewer, camera)

    def test_rotating_ends_the_old_key_at_once(self):
        camera, viewer = self.add()
        ffmpeg(self.hub, camera, camera["sdes_port"])
        self.hub.live(camera)
        renewed = self.hub.ctl("camera", "rotate", "Gate")
        self.assertNotEqual(renewed["sdes_key"], camera["sdes_key"])
        self.assertEqual(renewed["sdes_port"], camera["sdes_port"])
        eventually("the old key shows nothing", lambda: self.hub.status(camera)["state"] == "unavailable")
        ffmpeg(self.hub, renewed, camera["sdes_port"])
        self.hub.live(camera)
        self.watched(viewer, camera)


if __name__ == "__main__":
    unittest.main()
