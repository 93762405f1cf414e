"""A front or lane that says over its real channel what it may not: it is ended and started again, and nothing else is."""
import errno
import os
import shutil
import unittest

from support.hub import Hub, eventually

# Stands where the child's program is expected and becomes it; a process that it leaves behind holds the same channel
# and says what the test writes into the pipe, as a child does that was taken over. It ends with the child.
WRAPPER = """#!/usr/bin/python3
import ctypes, os, signal, socket, sys
if os.fork() == 0:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    with open("@PIPE@", "rb") as pipe:
        words = pipe.read()
    socket.socket(fileno=3).send(words)
    os._exit(0)
os.execv("@PROGRAM@", ["@NAME@", *sys.argv[1:]])
"""


def record(kind, body):
    """One message as daemon/wire/ipc.h has it."""
    return bytes([1, kind, 0, 0]) + len(body).to_bytes(4, "big") + body


FRONT_READY, CANCEL, LANE_READY, PUBLISH_ANSWER = 1, 10, 96, 97
SAYINGS = {
    "latchkey-front": {
        "junk": b"x" * 100,
        "too short": record(CANCEL, b"abc"),
        "a lane's word": record(LANE_READY, b"\1\1"),
        "ready twice": record(FRONT_READY, b"\1\1"),
    },
    "latchkey-lane": {
        "junk": b"\0",
        "too long": record(PUBLISH_ANSWER, b"y" * 60000),
        "the front's word": record(FRONT_READY, b"\1\1"),
        "ready twice": record(LANE_READY, b"\1\1"),
    },
}


class HostileChild(unittest.TestCase):
    def hub(self, name):
        hub = Hub()
        programs = hub.folder / "bin"
        programs.mkdir()
        for program in ("latchkeyd", "latchkey-front", "latchkey-lane", "latchkeyctl", "latchkey-cam", "latchkey-view"):
            shutil.copy(hub.bin / program, programs / program)
        real = programs / f"real-{name}"
        (programs / name).rename(real)
        self.pipe = hub.folder / "words"
        os.mkfifo(self.pipe)
        text = WRAPPER.replace("@PIPE@", str(self.pipe)).replace("@PROGRAM@", str(real)).replace("@NAME@", name)
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
        hub.bin = programs
        self.addCleanup(hub.__exit__, None, None, None)
        return hub.__enter__()

    def say(self, words):
        # Opens when a child that has not spoken yet listens.
        pipe = eventually("a child that has not spoken yet", self.listener)
        os.set_blocking(pipe, True)
        with os.fdopen(pipe, "wb") as pipe:
            pipe.write(words)

    def listener(self):
        try:
            return os.open(self.pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return None

    def answers(self, hub):
        try:
            return hub.request("GET", "/healthz").status == 200
        except OSError:
            return False

    def test_a_front_that_breaks_the_conversation_is_replaced_and_no_view_ends(self):
        hub = self.hub("latchkey-front")
        camera = hub.add_camera("One")
        viewer = hub.add_viewer("Anna", camera)
        hub.cam(camera, "--mark", "one")
        hub.live(camera)
        view = hub.view(viewer, camera, "--expect-mark", "one", "--duration", 20)
        eventually("it is watched", lambda: hub.status(camera)["viewers"] == 1)
        lanes = hub.children("latchkey-lane")
        for what, words in SAYINGS["latchkey-front"].items():
            with self.subTest(what):
                front, = eventually("one front", lambda: hub.children("latchkey-front"))
                self.say(words)
                eventually("another front", lambda f=front: hub.children("latchkey-front") not in ([], [f]))
                eventually("it answers", lambda: self.answers(hub))
        self.assertEqual(hub.children("latchkey-lane"), lanes)
        self.assertIsNone(hub.daemon.process.poll(), hub.daemon.errors())
        again = hub.view(viewer, camera, "--expect-mark", "one", "--duration", 2)
        self.assertEqual(again.wait(), 0, again.errors())
        self.assertEqual(hub.disturbance(view), {}, view.text())

    def test_a_lane_that_breaks_the_conversation_is_replaced_and_the_front_stays(self):
        hub = self.hub("latchkey-lane")
        camera = hub.add_camera("One")
        viewer = hub.add_viewer("Anna", camera)
        front = hub.children("latchkey-front")
        for what, words in SAYINGS["latchkey-lane"].items():
            with self.subTest(what):
                lane, = eventually("one lane", lambda: hub.children("latchkey-lane"))
                self.say(words)
                eventually("another lane", lambda p=lane: hub.children("latchkey-lane") not in ([], [p]))
        self.assertEqual(hub.children("latchkey-front"), front)
        self.assertIsNone(hub.daemon.process.poll(), hub.daemon.errors())
        hub.cam(camera, "--mark", "one")
        hub.live(camera)
        view = hub.view(viewer, camera, "--expect-mark", "one", "--duration", 2)
        self.assertEqual(view.wait(), 0, view.errors())


if __name__ == "__main__":
    unittest.main()
