"""Deaths and restarts of the real processes, bad starts, and what a start binds."""
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import unittest

from support.hub import Hub, bin_dir, cpu_seconds, eventually, udp_ports


class Processes(unittest.TestCase):
    def test_a_killed_lane_comes_back_and_the_other_camera_loses_nothing(self):
        with Hub() as hub:
            one, two = hub.add_camera("One"), hub.add_camera("Two")
            viewer = hub.add_viewer("Anna", one, two)
            hub.cam(one, "--mark", "one")
            hub.live(one)
            victim = max(hub.children("latchkey-lane"), key=cpu_seconds)
            hub.cam(two, "--mark", "two")
            hub.live(two)
            view_one = hub.view(viewer, one, "--expect-mark", "one", "--duration", 10)
            view_two = hub.view(viewer, two, "--expect-mark", "two", "--duration", 10)
            eventually("both are watched", lambda: hub.status(one)["viewers"] and hub.status(two)["viewers"])
            os.kill(victim, signal.SIGKILL)
            hub_lanes = eventually("a new lane", lambda: len(hub.children("latchkey-lane")) == 2
                                   and victim not in hub.children("latchkey-lane"))
            self.assertTrue(hub_lanes)
            hub.live(one, two)
            views = view_one, view_two
            disturbances = [hub.disturbance(view) for view in views]
            for view in views:
                self.assertEqual(view.wait(), 0, view.errors())
            reports = {"one": view_one.json(), "two": view_two.json()}
            self.assertEqual({r["marks_foreign"] for r in reports.values()}, {0}, reports)
            # One of the two was hit and came back, the other did not even notice.
            self.assertEqual(sorted(r["sessions"] for r in reports.values()), [1, 2], reports)
            self.assertEqual([d for d in disturbances if "sessions" not in d], [{}], reports)
            for report in reports.values():
                self.assertGreater(report["marks_ok"], 50, reports)

    def test_a_killed_front_ends_no_view_and_comes_back_on_the_same_port(self):
        with Hub() as hub:
            camera = hub.add_camera("One")
            viewer = hub.add_viewer("Anna", camera)
            hub.cam(camera, "--mark", "one")
            hub.live(camera)
            view = hub.view(viewer, camera, "--expect-mark", "one", "--duration", 6)
            eventually("it is watched", lambda: hub.status(camera)["viewers"] == 1)
            front, = hub.children("latchkey-front")
            os.kill(front, signal.SIGKILL)

            def healthy():
                try:
                    return hub.request("GET", "/healthz").status == 200
                except OSError:
                    return False

            eventually("the front is back", healthy)
            self.assertNotEqual(hub.children("latchkey-front"), [front])
            self.assertEqual(hub.disturbance(view), {}, view.text())

    def test_a_clean_stop_leaves_nothing_behind(self):
        with Hub() as hub:
            camera = hub.add_camera("One")
            hub.cam(camera)
            hub.live(camera)
            children = hub.children("latchkey-lane") + hub.children("latchkey-front")
            self.assertEqual(len(children), 2)
            self.assertEqual(hub.daemon.stop(), 0, hub.daemon.errors())
            for pid in children:
                self.assertFalse(os.path.exists(f"/proc/{pid}/fd"), f"{pid} lives on")
            self.assertFalse((hub.run / "control.sock").exists())

    def test_a_killed_keeper_takes_its_children_with_it(self):
        with Hub() as hub:
            hub.add_camera("One")
            eventually("a lane", lambda: hub.children("latchkey-lane"))
            children = hub.children("latchkey-lane") + hub.children("latchkey-front")
            hub.daemon.process.kill()
            hub.daemon.process.wait()
            eventually("they are gone", lambda: not any(os.path.exists(f"/proc/{p}/fd") for p in children))

    def test_no_process_leaves_its_secrets_in_a_core_file(self):
        with Hub() as hub:
            hub.add_camera("One")
            lane, = eventually("a lane", lambda: hub.children("latchkey-lane"))
            for pid in (hub.daemon.pid, lane, *hub.children("latchkey-front")):
                with open(f"/proc/{pid}/limits", encoding="ascii") as limits:
                    core, = [line.split()[4:6] for line in limits if line.startswith("Max core file size")]
                self.assertEqual(core, ["0", "0"], pid)

    def test_loopback_binds_nothing_else(self):
        with Hub() as hub:
            hub.add_camera("One")
            eventually("a lane", lambda: hub.children("latchkey-lane"))
            lane, = hub.children("latchkey-lane")
            self.assertTrue(eventually("its port", lambda: udp_ports(lane)))
            ours = self.sockets([hub.daemon.pid, lane, *hub.children("latchkey-front")])
            self.assertTrue(ours)
            for address in ours:
                self.assertEqual(address, "0100007F", ours)

    @staticmethod
    def sockets(pids):
        """Local addresses (as /proc/net prints them) of all IP sockets of the processes."""
        inodes = set()
        for pid in pids:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                link = os.readlink(f"/proc/{pid}/fd/{fd}")
                if link.startswith("socket:["):
                    inodes.add(link[8:-1])
        found = []
        for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
            with open(f"/proc/net/{table}", encoding="ascii") as lines:
                for line in list(lines)[1:]:
                    fields = line.split()
                    if fields[9] in inodes:
                        found.append(fields[1].split(":")[0])
        return found


class HostileLane(unittest.TestCase):
    """A lane that has fallen to an attacker reaches its own camera, and nothing else."""

    LANE = """#!/usr/bin/python3
import os, select, signal, socket
channel = socket.socket(fileno=3)
channel.recv(98304)
spoken = os.open("@SPOKEN@", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
dead = os.pidfd_open(os.getpid())
if os.fork() == 0:
    select.select([dead], [], [])
    for _ in range(20):
        channel.send(b"x" * 100)
    os.write(spoken, b"all")
    os._exit(0)
signal.pause()
"""

    def test_what_a_dead_lane_left_behind_speaks_to_nobody(self):
        hub = Hub()
        programs = hub.folder / "bin"
        programs.mkdir()
        for name in ("latchkeyd", "latchkey-front", "latchkeyctl"):
            shutil.copy(hub.bin / name, programs / name)
        spoken = hub.folder / "spoken"
        (programs / "latchkey-lane").write_text(self.LANE.replace("@SPOKEN@", str(spoken)))
        (programs / "latchkey-lane").chmod(0o755)
        hub.bin = programs
        with hub:
            hub.add_camera("One")
            lane = eventually("a lane", lambda: self.children(hub, "latchkey-lane"))[0]
            front = hub.children("latchkey-front")
            # The end of the process and its heir's words reach the keeper in one go, in this order.
            os.kill(hub.daemon.pid, signal.SIGSTOP)
            os.kill(lane, signal.SIGKILL)
            eventually("its heir has spoken", spoken.read_text)
            os.kill(hub.daemon.pid, signal.SIGCONT)
            eventually("a new lane", lambda: [p for p in self.children(hub, "latchkey-lane") if p != lane])
            self.assertIsNone(hub.daemon.process.poll(), hub.daemon.errors())
            self.assertEqual(hub.request("GET", "/healthz").status, 200)
            self.assertEqual(hub.children("latchkey-front"), front)

    @staticmethod
    def children(hub, name):
        """As hub.children, for a script: the program's name is its second argument."""
        found = subprocess.run(["pgrep", "-P", str(hub.daemon.pid), "-f", name], capture_output=True, text=True,
                               check=False).stdout
        return [int(pid) for pid in found.split()]


class BadStart(unittest.TestCase):
    """The daemon does not start, says why in one line, and overwrites nothing."""

    def fails(self, hub, *extra, port=0):
        run = subprocess.run([str(a) for a in [*hub.daemon_args(port), *extra]], capture_output=True, text=True, timeout=60)
        self.assertNotEqual(run.returncode, 0)
        lines = [line for line in run.stderr.splitlines() if line.strip()]
        self.assertEqual(len(lines), 1, run.stderr)
        self.assertNotIn("ready", run.stdout)
        return lines[0]

    def setUp(self):
        self.hub = Hub()
        self.addCleanup(self.hub.__exit__, None, None, None)

    def registry(self):
        """The registry of a hub that has run once."""
        self.hub.start()
        self.hub.add_camera("One")
        self.assertEqual(self.hub.daemon.stop(), 0)
        return self.hub.state / "registry.db"

    def test_config_with_an_unknown_key(self):
        config = self.hub.folder / "c.toml"
        config.write_text("[camera]\nmax_viewers = 3\nmax_veiwers = 4\n")
        line = self.fails(self.hub, "--config", config)
        self.assertIn("c.toml:3", line)
        self.assertIn("max_veiwers", line)

    def test_config_that_is_not_there(self):
        self.assertIn("/nowhere.toml", self.fails(self.hub, "--config", "/nowhere.toml"))

    def makes_nothing(self, *args, prefix=()):
        state, run = self.hub.folder / "later" / "state", self.hub.folder / "later" / "run"
        state.parent.mkdir(exist_ok=True)
        args = [*prefix, self.hub.bin / "latchkeyd", "--state", state, "--run", run, *args]
        ended = subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=60)
        self.assertNotEqual(ended.returncode, 0)
        self.assertEqual(list(state.parent.iterdir()), [])
        return ended.stderr

    def test_a_start_that_fails_at_the_control_socket_is_no_crash(self):
        self.registry()
        sound = self.hub.run
        self.hub.run = self.hub.folder / ("long" * 30)
        self.assertIn("control.sock", self.fails(self.hub))
        self.hub.run = sound
        self.hub.start()
        told = subprocess.run([self.hub.bin / "latchkeyctl", "--run", self.hub.run, "audit", "show", "--json"],
                              capture_output=True, text=True, check=True).stdout
        names = [json.loads(line)["name"] for line in told.splitlines()]
        self.assertEqual([name for name in names if name in ("started", "stopped")],
                         ["started", "stopped", "started", "stopped", "started"])

    def test_nothing_is_made_before_configuration_and_arguments_are_checked(self):
        config = self.hub.folder / "c.toml"
        config.write_text("[camera]\nmax_viewers = 0\n")
        self.assertIn("c.toml:2", self.makes_nothing("--loopback", "--config", config))
        self.assertIn("--http-port", self.makes_nothing("--http-port", 8480))
        self.assertIn("70000", self.makes_nothing("--loopback", "--http-port", 70000))
        self.assertIn("--what", self.makes_nothing("--loopback", "--what"))

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("unshare"), "only root can be without a network")
    def test_nothing_is_made_without_an_address_to_be_reached_at(self):
        self.assertIn("no LAN address", self.makes_nothing(prefix=("unshare", "--net")))

    def test_damaged_registry(self):
        path = self.registry()
        for suffix in ("-wal", "-shm"):
            if os.path.exists(f"{path}{suffix}"):
                os.unlink(f"{path}{suffix}")
        good = path.read_bytes()
        for what, bad in (("torn", good[: len(good) // 2]), ("scribbled", good[:100] + b"\xff" * 3000 + good[3100:]),
                          ("empty", b""), ("foreign", b"hello" * 1000)):
            with self.subTest(what):
                path.write_bytes(bad)
                self.fails(self.hub)
                self.assertEqual(path.read_bytes(), bad, "it was overwritten")
        with self.subTest("gone"):
            path.unlink()
            self.fails(self.hub)
        path.write_bytes(good)
        self.hub.start()
        self.assertEqual(len(self.hub.ctl("camera", "list")["cameras"]), 1)

    def test_registry_of_a_newer_version(self):
        path = self.registry()
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA user_version = 999")
        before = path.read_bytes()
        self.assertIn("newer", self.fails(self.hub))
        self.assertEqual(path.read_bytes(), before)

    def test_port_in_use(self):
        self.hub.start()
        other = Hub()
        self.addCleanup(other.__exit__, None, None, None)
        line = self.fails(other, port=self.hub.port)
        self.assertIn(f"another program already listens on 127.0.0.1:{self.hub.port}", line)
        self.assertIn("--http-port", line)

    def test_second_daemon_on_the_same_state(self):
        self.hub.start()
        self.assertRegex(self.fails(self.hub), r"(?i)another|already|in use|lock")
        self.assertEqual(self.hub.request("GET", "/healthz").status, 200)


if __name__ == "__main__":
    unittest.main()
