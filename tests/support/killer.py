"""Kills a process with SIGKILL as it is about to make a chosen system call, with Debian's strace."""
import shutil
import signal
import subprocess
import tempfile

from support.hub import eventually


def can_kill():
    return shutil.which("strace") is not None


class Killer:
    """From the `with` on: the process `pid` is killed when its main thread enters its `number`-th `call`."""

    def __init__(self, pid, call, number):
        self.words = tempfile.NamedTemporaryFile("w+", prefix="latchkey-killer.")  # pylint: disable=consider-using-with
        args = ["strace", "-p", str(pid), "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
        self.strace = subprocess.Popen(args, stderr=self.words, stdin=subprocess.DEVNULL)  # pylint: disable=consider-using-with

    def said(self):
        self.words.seek(0)
        return self.words.read()

    def __enter__(self):
        def attached():
            if self.strace.poll() is not None and "attached" not in self.said():
                raise AssertionError(f"strace ended: {self.said()}")
            return "attached" in self.said()

        eventually("strace is attached", attached)
        return self

    def __exit__(self, *exc):
        """Lets go of a process that lives."""
        if self.strace.poll() is None:
            self.strace.send_signal(signal.SIGINT)
        self.strace.wait(30)
        self.words.close()
