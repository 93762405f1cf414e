"""A child process that is talked to in lines: one JSON object a line comes back."""
import json
import queue
import subprocess
import threading
import time
from pathlib import Path


class Dialogue:
    def __init__(self, name, args, folder):
        self.name = name
        self.err = Path(folder) / f"{name}.err"
        with open(self.err, "wb") as err:
            self.process = subprocess.Popen([str(a) for a in args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=err, text=True)
        self.lines = queue.Queue()
        self.heard = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def say(self, what):
        try:
            self.process.stdin.write((what if isinstance(what, str) else json.dumps(what)) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise AssertionError(self._ended()) from None

    def hear(self, key, value=None, patience=30):
        """The next object with `key` (and that value of it). Others are kept for whoever waits for them."""
        deadline = time.monotonic() + patience
        while True:
            for at, heard in enumerate(self.heard):
                if key in heard and value in (None, heard[key]):
                    return self.heard.pop(at)
            try:
                heard = self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{self.name} never said {key} {value or ''}: {self.errors()}") from None
            if heard is None:
                raise AssertionError(self._ended())
            self.heard.append(heard)

    def ask(self, what, key, patience=30):
        self.say(what)
        return self.hear(key, patience=patience)

    def errors(self):
        return self.err.read_text(errors="replace")[-2000:]

    def _ended(self):
        return f"{self.name} ended ({self.process.wait(10)}): {self.errors()}"

    def stop(self):
        """These programs end with their input."""
        if self.process.poll() is None:
            try:
                self.process.stdin.close()
                self.process.wait(10)
            except (BrokenPipeError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait()
