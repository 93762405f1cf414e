"""What the owner does with latchkeyctl, against the real daemon: answers, exit codes, and what takes effect."""
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

from support.hub import ROOT, Hub, bin_dir, eventually

ID = re.compile(r"^[0-9a-f]{32}$")


class Owner(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hub = Hub().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.hub.__exit__(None, None, None)

    def plain(self, *args, run=None):
        return subprocess.run([str(bin_dir() / "latchkeyctl"), "--run", str(run or self.hub.run), *map(str, args)],
                              capture_output=True, text=True, timeout=60)

    def test_json_has_exactly_the_promised_keys(self):
        camera = self.hub.ctl("camera", "add", "Nursery", "--model", "M1")
        self.assertEqual(list(camera), ["id", "token", "publish_url"])
        self.assertRegex(camera["id"], ID)
        self.assertRegex(camera["token"], r"^lk_[0-9a-f]{64}$")
        self.assertEqual(camera["publish_url"], f"{self.hub.url}/whip/{camera['id']}")
        viewer = self.hub.ctl("viewer", "add", "Anna")
        self.assertEqual(list(viewer), ["id", "token"])
        grant = self.hub.ctl("grant", "add", "--viewer", viewer["id"], "--camera", camera["id"], "--for", "30d",
                             "--rights", "live,listen")
        self.assertEqual(list(grant), ["id"])
        suspension = self.hub.ctl("suspend", "--model", "M1", "--reason", "recall")
        self.assertEqual(list(suspension), ["id"])
        standing, = self.hub.ctl("suspension", "list")["suspensions"]
        self.assertEqual((standing["id"], standing["scope"], standing["model"], standing["reason"]),
                         (suspension["id"], "model", "M1", "recall"))
        row = self.hub.status(camera)
        self.assertEqual(list(row), ["id", "name", "state", "fps", "bitrate_kbit", "loss_pct", "hub_delay_ms", "viewers"])
        self.assertEqual(row["state"], "suspended")
        self.assertEqual(self.hub.ctl("resume", suspension["id"], "--root-cause", "fixed"), {})

    def test_a_new_camera_may_come_at_once(self):
        camera = self.hub.ctl("camera", "add", "At once")
        reply = self.hub.post_sdp(f"/whip/{camera['id']}", "hello", camera["token"])
        self.assertEqual(reply.status, 400, reply.body)

    def test_people_read_tables(self):
        self.hub.ctl("camera", "add", "Küche")
        listed = self.plain("camera", "list")
        self.assertEqual(listed.returncode, 0)
        self.assertIn("Küche", listed.stdout)
        self.assertNotIn("lk_", listed.stdout)
        added = self.plain("viewer", "add", "Ben")
        self.assertIn("shown this once", added.stdout)
        self.assertIn("STATE", self.plain("status").stdout)

    def test_an_empty_name_of_the_run_folder_is_none(self):
        asked = subprocess.run([str(bin_dir() / "latchkeyctl"), "status"], capture_output=True, text=True, timeout=60,
                               env={**os.environ, "RUNTIME_DIRECTORY": ""})
        self.assertIn("/run/latchkey/control.sock", asked.stderr)

    def test_refusals_exit_with_1_and_say_why(self):
        camera = self.hub.ctl("camera", "add", "One")
        viewer = self.hub.ctl("viewer", "add", "Cleo")
        given = ["grant", "add", "--viewer", "Cleo", "--camera", "One"]
        grant = self.hub.ctl(*given)
        before = [self.hub.ctl(what, "list") for what in ("camera", "viewer", "grant", "suspension")]
        cases = [(["camera", "remove", camera["id"][:3]], "no camera"), (["camera", "remove", camera["id"].upper()], "no camera"),
                 (["camera", "remove", "one"], "no camera"), (["camera", "remove", "0" * 32], "no camera"),
                 (["camera", "remove", "Cleo"], "no camera"), (["grant", "revoke", "One"], "no grant"),
                 (["suspend", "--camera", "Two", "--reason", "x"], "no camera"), (["camera", "rename", "Two", "Three"], "no camera"),
                 (["camera", "add", "One"], camera["id"]), (["viewer", "add", "Cleo"], viewer["id"]), (given, grant["id"]),
                 (["camera", "add", "Two", "--codec", "vp8"], "with sdes"),
                 (["grant", "add", "--viewer", viewer["id"], "--camera", viewer["id"]], "no camera"),
                 (["grant", "add", "--viewer", viewer["id"], "--camera", camera["id"], "--for", "1w"], "duration"),
                 (["grant", "add", "--viewer", viewer["id"], "--camera", camera["id"], "--rights", "all"], "rights"),
                 (["camera", "add", "a\nb"], "control character"), (["camera", "add", ""], "empty"),
                 (["camera", "add", "x" * 65], "longer than 64"), (["resume", "0" * 32, "--root-cause", "x"], "no suspension")]
        for args, why in cases:
            with self.subTest(args):
                run = self.plain(*args)
                self.assertEqual(run.returncode, 1, run.stderr)
                self.assertIn(why, run.stderr)
                self.assertEqual(run.stdout, "")
                told = self.plain("--json", *args)
                self.assertEqual((told.returncode, told.stdout), (1, ""))
                self.assertEqual(list(json.loads(told.stderr)), ["error"])
                self.assertIn(why, json.loads(told.stderr)["error"])
        self.assertEqual([self.hub.ctl(what, "list") for what in ("camera", "viewer", "grant", "suspension")], before)

    def test_a_name_or_the_beginning_of_an_id_is_enough(self):
        camera = self.hub.ctl("camera", "add", "Back door")
        viewer = self.hub.ctl("viewer", "add", "Dora's phone")
        grant = self.hub.ctl("grant", "add", "--viewer", "Dora's phone", "--camera", camera["id"][:12])
        listed, = (g for g in self.hub.ctl("grant", "list")["grants"] if g["id"] == grant["id"])
        self.assertEqual((listed["viewer"], listed["viewer_name"]), (viewer["id"], "Dora's phone"))
        self.assertEqual((listed["camera"], listed["camera_name"]), (camera["id"], "Back door"))
        table = self.plain("grant", "list").stdout
        self.assertRegex(table, rf"{grant['id']} +Dora's phone +{viewer['id']} +Back door +{camera['id']}")
        suspension = self.hub.ctl("suspend", "--camera", "Back door", "--reason", "recall")
        self.assertEqual(self.hub.status(camera)["state"], "suspended")
        self.assertRegex(self.plain("suspension", "list").stdout, rf"{suspension['id']} +camera Back door .*recall")
        self.hub.ctl("resume", suspension["id"][:12], "--root-cause", "fixed")
        self.hub.ctl("grant", "revoke", grant["id"][:12])
        self.hub.ctl("camera", "rename", "Back door", "Yard")
        self.assertEqual(self.hub.ctl("camera", "rotate", "Yard")["id"], camera["id"])
        self.hub.ctl("camera", "remove", "Yard")
        self.hub.ctl("viewer", "remove", "Dora's phone")

    def test_a_model_that_no_camera_has_is_suspended_with_a_warning(self):
        run = self.plain("suspend", "--model", "Nobody's", "--reason", "recall")
        self.assertEqual(run.returncode, 0)
        self.assertIn("no camera is of this model", run.stderr)
        told = self.plain("--json", "suspend", "--model", "Nobody's", "--reason", "recall")
        self.assertEqual((list(json.loads(told.stdout)), list(json.loads(told.stderr))), (["id"], ["warning"]))
        camera = self.hub.ctl("camera", "add", "Of that model", "--model", "Nobody's")
        self.assertEqual(self.hub.status(camera)["state"], "suspended")
        for suspension in (run.stdout.strip(), json.loads(told.stdout)["id"]):
            self.hub.ctl("resume", suspension, "--root-cause", "fixed")

    def test_usage_exits_with_2(self):
        for args in ([], ["camera"], ["camera", "ad", "x"], ["camera", "add"], ["grant", "add", "--viewer", "x"],
                     ["suspend", "--reason", "x"], ["suspend", "--all", "--model", "M", "--reason", "x"], ["status", "--what"]):
            with self.subTest(args):
                self.assertEqual(self.plain(*args).returncode, 2)
                told = self.plain("--json", *args)
                self.assertEqual((told.returncode, list(json.loads(told.stderr))), (2, ["error"]))
        wrong = self.plain("camera", "ad", "x").stderr
        self.assertIn('"camera ad"', wrong)
        self.assertIn("add, list, rename", wrong)

    def test_no_daemon_exits_with_3_and_says_what_to_do(self):
        run = self.plain("status", run="/nowhere")
        self.assertEqual(run.returncode, 3)
        self.assertIn("systemctl start latchkey", run.stderr)
        told = self.plain("--json", "status", run="/nowhere")
        self.assertEqual((told.returncode, list(json.loads(told.stderr))), (3, ["error"]))

    def test_each_program_tells_its_version(self):
        project = (ROOT / "CMakeLists.txt").read_text()
        version = re.search(r"project\(latchkey VERSION (\S+)", project).group(1)
        for program in ("latchkeyd", "latchkey-front", "latchkey-lane", "latchkeyctl", "latchkey-cam", "latchkey-view"):
            run = subprocess.run([str(bin_dir() / program), "--version"], capture_output=True, text=True, timeout=60)
            self.assertEqual((run.returncode, run.stdout, run.stderr), (0, f"{program} {version}\n", ""))

    @unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
    def test_another_user_commands_nothing(self):
        nobody = pwd.getpwnam("nobody").pw_uid
        with tempfile.TemporaryDirectory(prefix="latchkey-owner.") as folder:
            os.chmod(folder, 0o755)
            tool = shutil.copy(bin_dir() / "latchkeyctl", folder)

            def become():
                os.setgroups([])
                os.setuid(nobody)

            os.chmod(self.hub.folder, 0o755)
            os.chmod(self.hub.run, 0o755)
            args = [tool, "--run", str(self.hub.run), "camera", "add", "Mallory"]
            run = subprocess.run(args, capture_output=True, text=True, preexec_fn=become, timeout=60)
            self.assertEqual(run.returncode, 3, run.stderr)
            self.assertIn("root", run.stderr)
            # With the file's mode out of the way it is the daemon itself that says no.
            os.chmod(self.hub.run / "control.sock", 0o666)
            run = subprocess.run(args, capture_output=True, text=True, preexec_fn=become, timeout=60)
            self.assertEqual(run.returncode, 3, run.stderr)
        names = [c["name"] for c in self.hub.ctl("camera", "list")["cameras"]]
        self.assertNotIn("Mallory", names)

    def test_watch_prints_until_it_is_told_to_end(self):
        args = [str(bin_dir() / "latchkeyctl"), "--run", str(self.hub.run), "--json", "status", "--watch"]
        with subprocess.Popen(args, stdout=subprocess.PIPE, text=True) as watch:
            for _ in range(2):
                self.assertIn("cameras", json.loads(watch.stdout.readline()))
            watch.send_signal(signal.SIGINT)
            self.assertEqual(watch.wait(20), 0)

    def test_long_lists_are_whole(self):
        camera = self.hub.ctl("camera", "add", "Popular")
        viewers = [self.hub.ctl("viewer", "add", f"V{i}")["id"] for i in range(3)]
        made = set()
        for i in range(150):
            made.add(self.hub.ctl("grant", "add", "--viewer", viewers[i % 3], "--camera", camera["id"], "--for", f"{i + 1}d")["id"])
        listed = self.hub.ctl("grant", "list")
        self.assertNotIn("more", listed)
        ids = [g["id"] for g in listed["grants"]]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertLessEqual(made, set(ids))


class Effects(unittest.TestCase):
    def test_what_the_owner_takes_away_is_gone_at_once(self):
        for how in ("revoke", "remove viewer", "transfer"):
            with self.subTest(how), Hub() as hub:
                camera = hub.add_camera("One")
                viewer = hub.ctl("viewer", "add", "Anna")
                grant = hub.ctl("grant", "add", "--viewer", viewer["id"], "--camera", camera["id"])
                hub.cam(camera, "--mark", "one")
                hub.live(camera)
                view = hub.view(viewer, camera, "--expect-mark", "one", "--duration", 8)
                eventually("it is watched", lambda: hub.status(camera)["viewers"] == 1)
                if how == "revoke":
                    hub.ctl("grant", "revoke", grant["id"])
                elif how == "remove viewer":
                    hub.ctl("viewer", "remove", viewer["id"])
                else:
                    hub.ctl("camera", "transfer", camera["id"])
                eventually("nobody watches", lambda: hub.status(camera)["viewers"] == 0)
                view.wait()
                report = view.json()
                self.assertLess(report["frames"], 7 * 25, report)
                self.assertIn(report["last_status"], (401, 403), report)
                self.assertEqual(report["marks_foreign"], 0)

    def test_everything_stands_after_a_restart(self):
        with Hub() as hub:
            camera, dark = hub.add_camera("One"), hub.add_camera("Dark")
            viewer = hub.add_viewer("Anna", camera, dark)
            suspension = hub.ctl("suspend", "--camera", dark["id"], "--reason", "recall")
            before = {what: hub.ctl(what, "list") for what in ("viewer", "grant")}
            hub.daemon.process.kill()
            hub.daemon.process.wait()
            hub.start(hub.port)
            self.assertEqual({what: hub.ctl(what, "list") for what in ("viewer", "grant")}, before)
            self.assertEqual(hub.status(dark)["state"], "suspended")
            self.assertEqual(hub.post_sdp(f"/whip/{dark['id']}", "x", dark["token"]).status, 503)
            hub.cam(camera, "--mark", "one")
            hub.live(camera)
            view = hub.view(viewer, camera, "--expect-mark", "one", "--duration", 2)
            self.assertEqual(view.wait(), 0, view.errors())
            hub.ctl("resume", suspension["id"], "--root-cause", "fixed")
            eventually("it may come again",
                       lambda: hub.post_sdp(f"/whip/{dark['id']}", "x", dark["token"]).status == 400)

    def test_a_removed_camera_leaves_no_process(self):
        with Hub() as hub:
            camera, other = hub.add_camera("One"), hub.add_camera("Two")
            self.assertEqual(len(hub.children("latchkey-lane")), 2)
            hub.ctl("camera", "remove", camera["id"])
            eventually("its lane is gone", lambda: len(hub.children("latchkey-lane")) == 1)
            self.assertEqual([c["id"] for c in hub.ctl("camera", "list")["cameras"]], [other["id"]])
            self.assertEqual(hub.post_sdp(f"/whip/{camera['id']}", "x", camera["token"]).status, 401)

    def test_the_service_manager_is_told(self):
        with tempfile.TemporaryDirectory(prefix="latchkey-notify.") as folder, \
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(folder + "/notify")
            notify.settimeout(30)
            with Hub(daemon_env={"NOTIFY_SOCKET": folder + "/notify"}) as hub:
                self.assertEqual(notify.recv(100), b"READY=1")
                self.assertEqual(hub.daemon.stop(), 0)
                self.assertEqual(notify.recv(100), b"STOPPING=1")

    def test_ctrl_c_ends_it(self):
        with Hub() as hub:
            for i in range(4):
                hub.add_camera(str(i))
            self.assertEqual(hub.daemon.stop(signal.SIGINT), 0)


if __name__ == "__main__":
    unittest.main()
