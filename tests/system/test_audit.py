"""Who saw what: the audit log and the answers from it, with real processes and a real disk."""
import json
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import unittest

from support.hub import Hub, Program, eventually
from support.killer import can_kill


class Audit(unittest.TestCase):
    def setUp(self):
        self.hub = Hub().__enter__()
        self.addCleanup(self.hub.__exit__, None, None, None)

    def records(self, kind=None):
        out = self.tool("audit", "show", "--json", "--last", 1000).stdout
        found = [json.loads(line) for line in out.splitlines()]
        return [record for record in found if kind in (None, record["name"])]

    def tool(self, *args, run=True):
        where = ["--run", self.hub.run] if run else []
        return subprocess.run([str(a) for a in (self.hub.bin / "latchkeyctl", *where, *args)], capture_output=True, text=True)

    def verify(self, *args, run=True):
        done = self.tool("audit", "verify", *args, run=run)
        return done.returncode, done.stdout + done.stderr

    def watched_camera(self):
        camera = self.hub.ctl("camera", "add", "Nursery", "--model", "M1")
        viewer = self.hub.add_viewer("Anna", camera)
        self.hub.cam(camera)
        self.hub.live(camera)
        view = self.hub.view(viewer, camera)
        eventually("somebody watches", lambda: self.hub.ctl("watching")["watching"])
        return camera, viewer, view

    def database(self):
        connection = sqlite3.connect(self.hub.state / "audit.db", isolation_level=None)
        self.addCleanup(connection.close)
        return connection

    def refuses_to_start(self, words):
        before = (self.hub.state / "audit.db").read_bytes() if (self.hub.state / "audit.db").exists() else None
        program = Program(self.hub.folder, f"refused{len(words)}", self.hub.daemon_args())
        self.assertNotEqual(program.wait(), 0)
        self.assertIn(words, program.errors())
        self.assertIn("restore", program.errors().lower())
        after = (self.hub.state / "audit.db").read_bytes() if (self.hub.state / "audit.db").exists() else None
        self.assertEqual(before, after)

    @unittest.skipUnless(os.geteuid() == 0 and can_kill(), "skipped: needs root and strace")
    def test_a_start_is_on_the_disk_before_anything_else_happens_so_that_a_crash_then_harms_nothing(self):
        self.hub.add_camera("Nursery")
        self.assertEqual(self.hub.daemon.stop(), 0)
        control = self.hub.run / "control.sock"
        control.unlink(missing_ok=True)
        calls = "fdatasync,fsync"
        strace = ["strace", "-f", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:delay_enter=300000"]
        slow = Program(self.hub.folder, "slow", [*strace, *self.hub.daemon_args(self.hub.port)])
        eventually("it listens to its owner", control.exists)
        daemon = int(pathlib.Path(f"/proc/{slow.process.pid}/task/{slow.process.pid}/children").read_text().split()[0])
        os.kill(daemon, signal.SIGKILL)
        slow.process.wait()
        last = self.database().execute("SELECT kind FROM records ORDER BY number DESC LIMIT 1").fetchone()[0]
        self.hub.start(self.hub.port)
        told = [r["name"] for r in self.records() if r["name"] in ("started", "stopped")]
        self.assertEqual(told, ["started", "stopped", "started", "started"])
        self.assertEqual(last, 1)  # audit::Kind::kStarted

    def test_a_view_is_recorded_and_answered_for_and_an_edit_shows_and_suspends_everything(self):
        camera, viewer, view = self.watched_camera()
        view.stop(signal.SIGINT)
        eventually("its end is recorded", lambda: self.records("view ended"))
        began, ended = self.records("view began")[0], self.records("view ended")[0]
        self.assertEqual((began["camera"], began["viewer"]), (camera["id"], viewer["id"]))
        self.assertEqual(ended["session"], began["session"])
        self.assertGreater(ended["body"]["packets"], 0)
        self.assertRegex(ended["body"]["network"], r"^127\.0\.0\.1:\d+$")
        head = self.hub.ctl("audit", "head")["head"]
        self.assertEqual(self.verify("--head", head)[0], 0)

        report = self.hub.folder / "report.html"
        answer = self.hub.ctl("incident", "--from=-1h", "--model", "M1", "--html", report)
        self.assertEqual(answer["views_in_all"], 1)
        seen = answer["views"][0]
        self.assertEqual((seen["camera_name"], seen["viewer_name"]), ("Nursery", "Anna"))
        self.assertEqual((answer["checks_failed"], answer["may_have_gone_astray"]), (0, False))
        self.assertIn("Nursery", report.read_text())
        self.assertEqual(self.hub.ctl("incident", "--from=-1h", "--loss-above", "50")["views"], [])

        export = self.hub.folder / "log.jsonl"
        self.hub.ctl("audit", "export", export)
        self.assertEqual(self.verify("--file", export, "--head", head)[0], 0)
        text = export.read_text()
        export.write_text(text.replace("Nursery", "Kitchen", 1))
        self.assertEqual(self.verify("--file", export)[0], 1)

        self.hub.daemon.stop()
        self.assertEqual(self.verify("--state", self.hub.state, "--head", head, run=False)[0], 0)
        self.database().execute("UPDATE views SET viewer = camera")
        code, why = self.verify("--state", self.hub.state, run=False)
        self.assertEqual(code, 1)
        self.assertIn("the table of views was changed", why)
        self.database().execute("UPDATE records SET body = '{\"name\":\"Kitchen\"}' WHERE number = 2")
        code, why = self.verify("--state", self.hub.state, run=False)
        self.assertEqual(code, 1)
        self.assertIn("record 2 was changed", why)
        self.hub.start(self.hub.port)
        eventually("everything is suspended", lambda: self.hub.status(camera)["state"] == "suspended")
        reason = self.hub.ctl("suspension", "list")["suspensions"][0]["reason"]
        self.assertIn("record 2 was changed", reason)

    def test_when_the_log_cannot_be_written_nobody_sees_anything_until_it_can(self):
        camera, viewer, view = self.watched_camera()
        lock = self.database()
        lock.execute("BEGIN IMMEDIATE")
        self.hub.ctl("camera", "rename", "Nursery", "Cot")
        eventually("the view has ended", lambda: not self.hub.ctl("watching")["watching"])
        reply = self.hub.post_sdp(f"/whep/{camera['id']}", "v=0", viewer["token"])
        self.assertEqual((reply.status, reply.problem()["title"]), (503, "currently unavailable"))
        self.assertIn("disk may be full", reply.problem()["detail"])
        self.assertIn("the audit log can't be written", self.hub.daemon.errors())
        lock.execute("ROLLBACK")
        self.hub.live(camera)
        view.stop(signal.SIGINT)
        again = self.hub.view(viewer, camera, "--duration", "1")
        self.assertEqual(again.wait(), 0)
        # Nothing of it was lost, in whatever order it came to the disk.
        self.assertEqual([r["body"]["name"] for r in self.records("camera renamed")], ["Cot"])
        self.assertEqual(len(self.records("log failing")), 1)
        self.assertIn("can't write its log", self.records("view ended")[0]["body"]["why"])
        self.assertEqual(self.verify()[0], 0)

    def test_what_is_too_much_is_cut_off_behind_a_checkpoint(self):
        self.hub.config = self.hub.folder / "latchkey.toml"
        self.hub.config.write_text("[audit]\nmax_mb = 1\n")
        camera = self.hub.add_camera("Nursery")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
            control.connect(str(self.hub.run / "control.sock"))
            for i in range(6000):
                name = f"{i:04} {'n' * 55}"
                control.send(json.dumps({"command": "camera rename", "id": camera["id"], "name": name}).encode())
                self.assertIn(b"ok", control.recv(65536))
        head = self.hub.ctl("audit", "head")["head"]
        whole = self.hub.ctl("audit", "verify")
        self.assertEqual(whole["first"], 1)
        self.hub.daemon.stop()
        self.hub.start(self.hub.port)
        eventually("it is cut", lambda: self.records("log cut"))
        verified = self.hub.ctl("audit", "verify", "--head", head)
        self.assertGreater(verified["first"], 1000)
        self.assertEqual(verified["heads_compared"], 1)
        self.assertEqual(self.records("log cut")[0]["body"]["up_to"] + 1, verified["first"])
        # The camera's name of now is in what stayed, and the hub starts on it again.
        self.hub.daemon.stop()
        self.hub.start(self.hub.port)
        self.assertEqual(self.verify()[0], 0)

    def test_a_hub_that_was_killed_says_so_and_what_was_seen_then_ended_before(self):
        self.watched_camera()
        eventually("the view is on disk", lambda: self.records("view began"))
        self.hub.daemon.stop(signal.SIGKILL)
        self.hub.start(self.hub.port)
        self.assertEqual(self.records("started")[-1]["body"]["after"], "a crash")
        seen = self.hub.ctl("incident", "--from=-1h")["views"]
        self.assertTrue(seen[0]["cut_short"])
        self.assertEqual(self.verify()[0], 0)

    def test_a_log_that_is_damaged_swapped_or_gone_is_not_started_with_and_not_touched(self):
        self.hub.ctl("camera", "add", "Nursery")
        self.hub.daemon.stop()
        log, key = self.hub.state / "audit.db", self.hub.state / "audit.secret"
        self.assertEqual((log.stat().st_mode & 0o777, key.stat().st_mode & 0o777), (0o600, 0o600))
        kept, kept_key = log.read_bytes(), key.read_bytes()
        log.unlink()
        self.refuses_to_start("audit.db is missing")
        log.write_bytes(kept[:4096] + bytes(len(kept) - 4096))
        self.refuses_to_start("audit.db")
        log.write_bytes(kept)
        connection = self.database()
        connection.execute("DELETE FROM records WHERE number = (SELECT max(number) FROM records)")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        self.refuses_to_start("does not end where its head says")
        log.write_bytes(kept)
        key.write_text("7" * 64)
        self.refuses_to_start("not signed with audit.secret")
        key.unlink()
        self.refuses_to_start("audit.secret is missing")
        # Of another hub, with its own key.
        with Hub() as other:
            other.daemon.stop()
            log.write_bytes((other.state / "audit.db").read_bytes())
            key.write_bytes((other.state / "audit.secret").read_bytes())
            key.chmod(0o600)
        self.refuses_to_start("not the log that this registry was used with")
        log.write_bytes(kept)
        key.write_bytes(kept_key)
        self.hub.start()
        self.assertEqual(self.verify()[0], 0)


if __name__ == "__main__":
    unittest.main()
