"""The real processes, as tests and benchmarks use them: a daemon with a fresh state, cameras, viewers.

Everything runs on loopback, in a temporary folder, and ends with the `with` block: only processes started
here are ever signalled, by pid.
"""
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# A test waits for an event, never for a time. This is only how long it waits before it gives up.
PATIENCE = float(os.environ.get("LATCHKEY_TEST_PATIENCE", "40"))


def bin_dir():
    for folder in (os.environ.get("LATCHKEY_BIN"), ROOT / "build/release/bin", ROOT / "build/ci/bin"):
        if folder and (Path(folder) / "latchkeyd").exists():
            return Path(folder)
    raise SystemExit("no programs found: build them first (cmake --build --preset release) or set LATCHKEY_BIN")


def shared_data():
    folder = os.environ.get("LATCHKEY_SHARED_DATA") or ROOT.parent / "shared/data"
    return Path(folder) if Path(folder).is_dir() else None


def eventually(what, probe, patience=None):
    """The first true value of probe(); fails, naming `what`, when patience ends."""
    deadline = time.monotonic() + (patience or PATIENCE)
    pause = threading.Event()
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"never came: {what}")
        pause.wait(0.02)


class Program:
    """One child process with its output in files."""

    def __init__(self, folder, name, args, env=None):
        self.name = name
        self.out = Path(folder) / f"{name}.out"
        self.err = Path(folder) / f"{name}.err"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen([str(a) for a in args], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            env={**os.environ, **(env or {})})
        self.pid = self.process.pid
        self.waits = {}        # of whom its media pass, at its start: see Hub.waits_for_cpu
        self.own_waits = {}    # its own, at its end

    def stop(self, sig=signal.SIGTERM, patience=15):
        if self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"{self.name} did not end within {patience} s of signal {sig}") from None
        return self.process.returncode

    def wait(self, patience=None):
        if self.process.returncode is None:
            # Left unreaped for a moment: its figures go with it.
            ended = os.WEXITED | os.WNOHANG | os.WNOWAIT
            eventually(f"{self.name} ends", lambda: os.waitid(os.P_PID, self.pid, ended), patience)
            self.own_waits = waits_for_cpu(self.pid)
        return self.process.wait()

    def text(self):
        return self.out.read_text(errors="replace")

    def errors(self):
        return self.err.read_text(errors="replace")

    def json(self):
        """The last JSON object printed."""
        lines = [line for line in self.text().splitlines() if line.startswith("{")]
        if not lines:
            raise AssertionError(f"{self.name} printed no JSON (exit {self.process.poll()}): {self.errors()[-2000:]}")
        return json.loads(lines[-1])


class Hub:
    def __init__(self, config=None, daemon_env=None):
        self.bin = bin_dir()
        self.folder = Path(tempfile.mkdtemp(prefix="latchkey-test."))
        self.state = self.folder / "state"
        self.run = self.folder / "run"
        self.state.mkdir(mode=0o700)
        self.run.mkdir(mode=0o700)
        self.config = None
        if config is not None:
            self.config = self.folder / "latchkey.toml"
            self.config.write_text(config)
        self.daemon_env = daemon_env
        self.daemon = None
        self.programs = []
        self.starts = 0

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind, value, trace):
        for program in reversed(self.programs):
            with contextlib.suppress(AssertionError):
                program.stop()
        if self.daemon is not None:
            with contextlib.suppress(AssertionError):
                self.daemon.stop()
            if kind is not None:
                for program in [*self.programs, self.daemon]:
                    print(f"{program.name} said:\n{program.text()[-1000:]}{program.errors()[-3000:]}")
        shutil.rmtree(self.folder, ignore_errors=True)
        return False

    def daemon_args(self, port=0):
        args = [self.bin / "latchkeyd", "--loopback", "--http-port", port, "--state", self.state, "--run", self.run]
        return args + (["--config", self.config] if self.config else [])

    def start(self, port=0):
        self.starts += 1
        self.daemon = Program(self.folder, f"latchkeyd{self.starts}", self.daemon_args(port), env=self.daemon_env)

        def ready():
            if self.daemon.process.poll() is not None:
                raise AssertionError(f"latchkeyd ended: {self.daemon.errors()}")
            found = re.search(r"^latchkeyd: ready (http\S+)", self.daemon.text(), re.M)
            return found and found.group(1)

        self.url = eventually("latchkeyd is ready", ready).rstrip("/")
        parts = urllib.parse.urlsplit(self.url)
        self.host, self.port = parts.hostname, parts.port

    # --- the owner ---
    def ctl(self, *args, check=True):
        run = subprocess.run([str(self.bin / "latchkeyctl"), "--run", str(self.run), "--json", *map(str, args)],
                             capture_output=True, text=True, timeout=PATIENCE)
        if check and run.returncode != 0:
            raise AssertionError(f"latchkeyctl {' '.join(map(str, args))}: exit {run.returncode}: {run.stdout}{run.stderr}")
        if not check:
            return run
        return json.loads(run.stdout) if run.stdout.strip() else None

    def add_camera(self, name):
        return self.ctl("camera", "add", name)

    def add_viewer(self, name, *cameras, rights="live,still"):
        viewer = self.ctl("viewer", "add", name)
        for camera in cameras:
            self.ctl("grant", "add", "--viewer", viewer["id"], "--camera", camera["id"], "--rights", rights)
        return viewer

    def status(self, camera):
        for row in self.ctl("status")["cameras"]:
            if row["id"] == camera["id"]:
                return row
        raise AssertionError("the camera is not in `status`")

    def live(self, *cameras):
        for camera in cameras:
            eventually(f"camera {camera['id']} is live", lambda c=camera: self.status(c)["state"] == "live")

    # --- the programs ---
    def program(self, name, args, env=None):
        waits = self.waits_for_cpu()
        program = Program(self.folder, f"{len(self.programs)}-{name}", args, env)
        program.waits = waits
        self.programs.append(program)
        return program

    def cam(self, camera, *args):
        url = f"{self.url}/whip/{camera['id']}"
        return self.program("cam", [self.bin / "latchkey-cam", "--whip", url, "--json", *args],
                            {"LATCHKEY_TOKEN": camera["token"]})

    def view(self, viewer, camera, *args):
        url = f"{self.url}/whep/{camera['id']}"
        return self.program("view", [self.bin / "latchkey-view", "--whep", url, "--json", *args],
                            {"LATCHKEY_TOKEN": viewer["token"]})

    def waits_for_cpu(self):
        """Of the programs and lanes that media pass."""
        pids = [p.pid for p in self.programs if p.process.returncode is None] + self.children("latchkey-lane")
        return {thread: ms for pid in pids for thread, ms in waits_for_cpu(pid).items()}

    def disturbance(self, view):
        """What tells that something came between in a view, which is waited for. Empty when it was one session, whose
        pictures all came, once and in order, at least half of what a camera makes in that time (it makes 25 a second), and
        that froze for no longer than threads on the pictures' way were ready to run and got no CPU: tens of ms on a machine
        that is idle, where a freeze has 190 at least."""
        code, report = view.wait(), view.json()
        quiet = {"sessions": 1, "lost": 0, "marks_foreign": 0, "marks_unread": 0, "marks_missing": 0, "marks_repeated": 0}
        found = {name: report[name] for name, value in quiet.items() if report[name] != value}
        if code != 0:
            found["exit"] = code, view.errors()
        if (new := report["marks_ok"] - report["frames_cached"]) < 12 * report["seconds"]:
            found["too few new pictures"] = new
        waits = {**self.waits_for_cpu(), **view.own_waits}
        waited = sum(ms - view.waits.get(thread, 0) for thread, ms in waits.items())
        if report["freeze_ms"] > waited:
            found["froze"] = f"{report['freeze_ms']} ms, {waited:.0f} of them for want of a CPU"
        return found

    # --- HTTP as a stranger types it ---
    def request(self, method, path, body=None, token=None, headers=None):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        all_headers = dict(headers or {})
        if token:
            all_headers["Authorization"] = f"Bearer {token}"
        connection.request(method, path, body=body, headers=all_headers)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, data)

    def post_sdp(self, path, body, token=None, content_type="application/sdp"):
        return self.request("POST", path, body, token, {"Content-Type": content_type})

    # --- the processes ---
    def children(self, program):
        """Pids of the daemon's children that run `program`."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                stat = (entry / "stat").read_text()
                argv = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            parent = int(stat.rsplit(")", 1)[1].split()[1])
            if parent == self.daemon.pid and os.path.basename(argv[0]).decode() == program:
                found.append(int(entry.name))
        return sorted(found)


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def problem(self):
        assert self.headers.get("content-type", "").startswith("application/problem+json"), (self.status, self.headers)
        return json.loads(self.body)


def udp_ports(pid):
    """Local UDP ports that a process holds."""
    inodes = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if found := re.match(r"socket:\[(\d+)\]", os.readlink(fd)):
                inodes.add(found.group(1))
    ports = set()
    for table in ("udp", "udp6"):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[9] in inodes:
                    ports.add(int(fields[1].rsplit(":", 1)[1], 16))
    return ports


def cpu_seconds(pid):
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_ns(pid):
    """CPU time of all threads, in ns (the kernel's scheduler statistics)."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir())


def waits_for_cpu(pid):
    """{(pid, thread): ms that it was ready to run and waited for a CPU} (the kernel's scheduler statistics)."""
    waits = {}
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                waits[pid, task.name] = int((task / "schedstat").read_text().split()[1]) / 1e6
    return waits


def memory_kib(pid, field="Pss"):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise AssertionError("no " + field)
