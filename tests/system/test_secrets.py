"""Secrets stay where they belong: a full run with known ones, then every place is searched for them."""
import base64
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from support.hub import Hub, Program, bin_dir, eventually
from support.offers import offer
from support.websocket import WebSocket

# Long-term secrets that the test knows: those of registry and audit log.
REGISTRY, AUDIT = "5ec4e7" * 10 + "0001", "a0d17c" * 10 + "0002"
WRONG = "lk_" + "badc0ffee0ddf00d" * 4


def spellings(digits):
    """Every way in which 32 bytes may be written down, as bytes."""
    raw = bytes.fromhex(digits)
    plain, url = base64.b64encode(raw), base64.urlsafe_b64encode(raw)
    return {raw, digits.encode(), digits.upper().encode(), plain.rstrip(b"="), url.rstrip(b"="), raw[::-1]}


def found_in(data, secrets):
    """Names of the secrets that stand in `data`, in whatever spelling."""
    return sorted(name for name, digits in secrets.items() if any(s in data for s in spellings(digits)))


class Memory:
    """The readable memory of a process, as root sees it: (flags, bytes) of each mapping."""

    def __init__(self, pid):
        self.mappings = []
        flags, span = "", None
        with open(f"/proc/{pid}/smaps", encoding="utf-8") as smaps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for line in smaps:
                if match := re.match(r"([0-9a-f]+)-([0-9a-f]+) r", line):
                    span = int(match.group(1), 16), int(match.group(2), 16)
                elif re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                    span = None
                elif line.startswith("VmFlags:") and span:
                    flags = line.split()[1:]
                    try:
                        memory.seek(span[0])
                        self.mappings.append((flags, memory.read(span[1] - span[0])))
                    except (OSError, ValueError, OverflowError):
                        pass  # the kernel's own, like [vvar]

    def holds(self, digits, dumped_only=False):
        return any(s in data for flags, data in self.mappings if not (dumped_only and "dd" in flags) for s in spellings(digits))


class Secrets(unittest.TestCase):
    def start(self):
        """A hub with known long-term secrets as credentials, and room for what it says."""
        self.credentials = Path(tempfile.mkdtemp(prefix="latchkey-credentials."))
        self.addCleanup(shutil.rmtree, self.credentials)
        for name, digits in (("registry.secret", REGISTRY), ("audit.secret", AUDIT)):
            (self.credentials / name).write_text(digits + "\n")
            (self.credentials / name).chmod(0o400)
        self.hub = Hub(daemon_env={"CREDENTIALS_DIRECTORY": str(self.credentials)}, config='[log]\nlevel = "debug"\n')
        self.addCleanup(self.hub.__exit__, None, None, None)
        self.hub.__enter__()
        self.secrets = {"registry.secret": REGISTRY, "audit.secret": AUDIT, "the wrong token": WRONG[3:]}
        self.heard = []  # (where, bytes): whatever left the hub

    def keep(self, name, answer):
        """A token that was shown once: known from here on."""
        self.secrets[name] = answer["token"][3:]
        return answer

    def tool(self, *args):
        run = self.hub.ctl(*args, check=False)
        self.heard.append((f"latchkeyctl {' '.join(map(str, args[:2]))}", (run.stdout + run.stderr).encode()))

    def request(self, method, path, *args, **kw):
        reply = self.hub.request(method, path, *args, **kw)
        self.heard.append((f"{method} {path[:6]}", repr(reply.headers).encode() + reply.body))
        return reply

    def raw(self, text):
        with socket.create_connection((self.hub.host, self.hub.port), 20) as connection:
            connection.sendall(text.encode())
            connection.shutdown(socket.SHUT_WR)
            data = b""
            while piece := connection.recv(65536):
                data += piece
        self.heard.append(("a raw request", data))

    def show_tokens_wrongly(self, camera, token):
        sdp = {"Content-Type": "application/sdp"}
        for path in (f"/whip/{camera['id']}", f"/whep/{camera['id']}"):
            self.request("POST", path, offer(), WRONG, sdp)
            self.request("POST", path, f"v=0\r\na={token}\r\n", token, sdp)
            self.request("POST", f"{path}?token={token}", offer(), None, sdp)
            self.request("POST", f"{path}/{token}", offer(), token, sdp)
            self.request("POST", path, token, None, {"Content-Type": token, "Cookie": f"token={token}"})
        self.request("GET", f"/{token}")
        self.request("PATCH", f"/session/{camera['id']}", token, token, {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": token})
        self.request("DELETE", f"/session/{camera['id']}", None, token)
        self.request("GET", "/api/v1/cameras", None, token, {"Host": token})
        head = f"GET /api/v1/cameras HTTP/1.1\r\nHost: {self.hub.host}:{self.hub.port}\r\nAuthorization: Bearer {token}\r\n"
        self.raw(head + "X-Long: " + "x" * 40000 + "\r\n\r\n")
        self.raw(head + "Transfer-Encoding: chunked\r\n\r\n")
        self.raw(f"{token} / HTTP/1.1\r\n{token}\r\n\r\n")
        self.raw(head)
        for text in (f'{{"token":"{token}","what":1}}', f'{{"token":"{WRONG}"}}', f'{{"token":"{token}x"}}', token):
            with WebSocket(self.hub.host, self.hub.port) as page:
                page.say(text)
                self.heard.append(("a page", repr(page.hear()).encode()))

    def full_run(self):
        hub = self.hub
        camera = self.keep("the camera's token", hub.ctl("camera", "add", "Nursery", "--model", "M1"))
        other = self.keep("another camera's token", hub.ctl("camera", "add", "Door"))
        viewer = self.keep("the viewer's token", hub.add_viewer("Anna", camera, other))
        hub.cam(camera, "--mark", "nursery")
        hub.live(camera)
        view = hub.view(viewer, camera, "--expect-mark", "nursery", "--duration", 2)
        self.assertEqual(view.wait(), 0, view.errors())
        page = WebSocket(hub.host, hub.port)
        self.addCleanup(page.__exit__)
        page.say(json.dumps({"token": viewer["token"]}))
        self.heard.append(("the page's list", page.hear().encode()))
        for token in (viewer["token"], camera["token"]):
            self.show_tokens_wrongly(camera, token)
        self.look_into_processes()
        lane = hub.children("latchkey-lane")[0]
        front, = hub.children("latchkey-front")
        os.kill(lane, signal.SIGSEGV)
        os.kill(front, signal.SIGABRT)
        eventually("another front serves", lambda: hub.children("latchkey-front") not in ([], [front]) and self.answers())
        hub.live(camera)
        suspension = hub.ctl("suspend", "--camera", "Nursery", "--reason", "a test")
        self.request("POST", f"/whep/{camera['id']}", offer(), viewer["token"], {"Content-Type": "application/sdp"})
        self.tool("resume", suspension["id"], "--root-cause", "tested")
        self.keep("the camera's new token", hub.ctl("camera", "rotate", "Nursery"))
        self.keep("the other camera's new token", hub.ctl("camera", "transfer", "Door"))
        self.keep("the viewer's new token", hub.ctl("viewer", "rotate", "Anna"))
        for args in (["camera", "list"], ["viewer", "list"], ["grant", "list"], ["status"], ["watching"], ["certificate"],
                     ["audit", "show"], ["audit", "head"], ["audit", "verify"], ["incident", "--from", "-1h"],
                     ["incident", "--from", "-1h", "--html", hub.folder / "report.html"],
                     ["audit", "export", hub.folder / "log.jsonl"]):
            self.tool(*args)
        self.request("GET", "/metrics")
        self.look_into_processes()

    def answers(self):
        try:
            return self.hub.request("GET", "/healthz").status == 200
        except OSError:
            return False

    def processes(self):
        return [self.hub.daemon.pid, *self.hub.children("latchkey-front"), *self.hub.children("latchkey-lane")]

    def look_into_processes(self):
        for pid in self.processes():
            for what in ("cmdline", "environ"):
                self.heard.append((f"{what} of a process", Path(f"/proc/{pid}/{what}").read_bytes()))
            limits = Path(f"/proc/{pid}/limits").read_text()
            self.assertRegex(limits, r"(?m)^Max core file size +0 +0 ", f"core of {pid}")

    def test_nothing_that_leaves_the_hub_or_stays_on_its_disk_holds_one(self):
        self.start()
        cores = set(Path.cwd().glob("core*"))
        self.full_run()
        self.assertGreater(len(self.secrets), 8)
        self.assertEqual(self.hub.daemon.stop(), 0)
        for program in [self.hub.daemon, *self.hub.programs]:
            self.heard += [(f"what {program.name} said", program.out.read_bytes()), (f"what {program.name} complained of", program.err.read_bytes())]
        for path in self.hub.folder.rglob("*"):
            if path.is_file():
                self.heard.append((f"the file {path.relative_to(self.hub.folder)}", path.read_bytes()))
        self.assertIn("the file state/audit.db", [where for where, _ in self.heard])
        self.assertIn("the file report.html", [where for where, _ in self.heard])
        leaks = {where: found for where, data in self.heard if (found := found_in(data, self.secrets))}
        self.assertEqual(leaks, {})
        self.assertEqual(set(Path.cwd().glob("core*")), cores)
        # And the search does find what is there.
        self.assertEqual(found_in((self.credentials / "registry.secret").read_bytes(), self.secrets), ["registry.secret"])

    @unittest.skipUnless(os.geteuid() == 0, "only root reads the memory of an undumpable process")
    def test_a_secret_that_is_not_needed_any_more_is_in_no_memory(self):
        self.start()
        if "libasan" in Path(f"/proc/{self.hub.daemon.pid}/maps").read_text():
            self.skipTest("AddressSanitizer keeps what was freed")
        camera = self.hub.ctl("camera", "add", "Nursery")
        viewer = self.hub.add_viewer("Anna", camera)
        cam = self.hub.cam(camera, "--mark", "nursery")
        self.hub.live(camera)
        view = self.hub.view(viewer, camera, "--expect-mark", "nursery", "--duration", 1)
        self.assertEqual(view.wait(), 0, view.errors())
        self.request("GET", "/api/v1/cameras", None, viewer["token"])
        self.request("GET", "/api/v1/cameras", None, WRONG)
        with WebSocket(self.hub.host, self.hub.port) as page:
            page.say(json.dumps({"token": viewer["token"]}))
            self.assertIn("Nursery", page.hear())
            page.socket.shutdown(socket.SHUT_RDWR)
        # What the kernel still held of them goes with the next round of the loop.
        for _ in range(3):
            self.request("GET", "/api/v1/cameras", None, "lk_" + "7" * 64)
        names = {"the camera's token": camera["token"][3:], "the viewer's token": viewer["token"][3:], "the wrong token": WRONG[3:]}
        for pid in self.processes():
            memory = Memory(pid)
            program = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
            self.assertGreater(len(memory.mappings), 20)
            self.assertEqual([name for name, digits in names.items() if memory.holds(digits)], [], program)
            # What the daemon needs for as long as it runs is where no core dump looks.
            for digits in (REGISTRY, AUDIT):
                self.assertFalse(memory.holds(digits, dumped_only=True), program)
        self.assertTrue(Memory(self.hub.daemon.pid).holds(REGISTRY), "the search finds what is there")
        cam.stop()

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "only root can be somebody else")
    def test_the_daemons_own_user_can_neither_read_nor_trace_it(self):
        user = pwd.getpwnam("nobody")
        folder = Path(tempfile.mkdtemp(prefix="latchkey-user."))
        self.addCleanup(shutil.rmtree, folder)
        for program in ("latchkeyd", "latchkey-front", "latchkey-lane"):
            shutil.copy(bin_dir() / program, folder)
        hub = Hub()
        hub.bin = folder
        for path in (folder, hub.folder, hub.state, hub.run):
            os.chown(path, user.pw_uid, user.pw_gid)
        be_nobody = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        arguments = hub.daemon_args
        hub.daemon_args = lambda port=0: [*be_nobody, *arguments(port)]
        with hub:
            hub.bin = bin_dir()
            hub.add_camera("One")
            pids = [hub.daemon.pid, *hub.children("latchkey-front"), *hub.children("latchkey-lane")]
            self.assertEqual(len(pids), 3)
            if "libasan" in Path(f"/proc/{hub.daemon.pid}/maps").read_text():
                self.skipTest("LeakSanitizer traces its process")
            for pid in pids:
                # proc(5): the files of an undumpable process are root's.
                self.assertEqual(os.stat(f"/proc/{pid}/mem").st_uid, 0)
                for what in ("mem", "environ", "maps"):
                    run = subprocess.run([*be_nobody, "cat", f"/proc/{pid}/{what}"], capture_output=True)
                    self.assertNotEqual(run.returncode, 0, what)
                    self.assertEqual(run.stdout, b"")


if __name__ == "__main__":
    unittest.main()
