"""Suspensions with real processes: dark everywhere, said why, kept over a kill at every point, lifted with a root cause."""
import json
import os
import signal
import subprocess
import unittest

from bench.suspend_bench import Suspensions
from support.control import Control, status_of
from support.hub import Hub, cpu_ns, eventually
from support.killer import Killer, can_kill

# What the keeper's main thread asks of the kernel while it carries out an order: it takes it, tells its children and the
# asker, ends lanes, writes to the registry, wakes the thread that writes the audit log, and waits.
KEEPER_CALLS = ("recvfrom", "sendto", "pidfd_send_signal", "pwrite64", "fdatasync", "futex", "?epoll_wait")
# Points that are tried of one call at most; more than an order has.
MOST_POINTS = 60


class Dark(unittest.TestCase):
    def setUp(self):
        self.hub = Hub().__enter__()
        self.addCleanup(self.hub.__exit__, None, None, None)
        self.camera = self.hub.ctl("camera", "add", "Nursery", "--model", "M1")
        self.other = self.hub.ctl("camera", "add", "Garden", "--model", "M1 Pro")
        self.viewer = self.hub.add_viewer("Anna", self.camera, self.other)

    def plain(self, *args):
        return subprocess.run([str(a) for a in (self.hub.bin / "latchkeyctl", "--run", self.hub.run, *args)],
                              capture_output=True, text=True, check=False)

    def records(self, name):
        out = self.plain("audit", "show", "--json", "--last", 1000).stdout
        return [r["body"] for r in map(json.loads, out.splitlines()) if r["name"] == name]

    def dark(self, camera, reason):
        """The camera is suspended for every kind of asker, and whoever may see it learns why."""
        status = status_of(self.hub, camera)
        self.assertEqual((status["state"], status["reason"], status["viewers"]), ("suspended", reason, 0))
        for path, token in ((f"/whep/{camera['id']}", self.viewer["token"]), (f"/whip/{camera['id']}", camera["token"])):
            reply = self.hub.post_sdp(path, "v=0", token)
            self.assertEqual((reply.status, reply.problem()["title"]), (503, "currently unavailable"))
            self.assertIn("suspended", reply.problem()["detail"])
            self.assertIn("retry-after", reply.headers)
        listed = json.loads(self.hub.request("GET", "/api/v1/cameras", token=self.viewer["token"]).body)
        shown = next(c for c in listed["cameras"] if c["id"] == camera["id"])
        self.assertEqual((shown["state"], shown["suspension"]), ("suspended", reason))
        # There are no stills: whatever comes to be, it must not be a picture.
        still = self.hub.request("GET", f"/still/{camera['id']}", token=self.viewer["token"])
        self.assertIn(still.status, (404, 503))
        self.assertNotIn("image", still.headers.get("content-type", ""))

    def test_what_is_suspended_is_dark_everywhere_says_why_and_comes_back_with_a_root_cause_alone(self):
        self.hub.cam(self.camera, "--mark", "nursery")
        self.hub.cam(self.other, "--mark", "garden")
        for scope in (("--camera", "Nursery"), ("--model", "M1"), ("--all",)):
            with self.subTest(scope):
                self.hub.live(self.camera, self.other)
                view = self.hub.view(self.viewer, self.camera, "--expect-mark", "nursery", "--wait")
                eventually("it is watched", lambda: self.hub.status(self.camera)["viewers"] == 1)
                suspension = self.hub.ctl("suspend", *scope, "--reason", "a recall")["id"]
                # When the order is answered nobody watches any more.
                self.dark(self.camera, "a recall")
                if scope == ("--all",):
                    self.dark(self.other, "a recall")
                else:
                    self.assertEqual(self.hub.status(self.other)["state"], "live")
                self.assertEqual(view.process.poll(), None, view.errors())
                self.assertEqual(self.plain("resume", suspension).returncode, 2)
                empty = self.plain("resume", suspension, "--root-cause", "")
                self.assertNotEqual(empty.returncode, 0)
                self.assertIn("root cause", empty.stderr)
                self.dark(self.camera, "a recall")
                self.hub.ctl("resume", suspension, "--root-cause", f"fixed by {scope[0]}")
                eventually("it is watched again", lambda: self.hub.status(self.camera)["viewers"] == 1)
                view.stop(signal.SIGINT)
                self.assertEqual(view.json()["marks_foreign"], 0)
        ordered = self.records("suspended")
        self.assertEqual([r["scope"] for r in ordered], ["camera", "model", "all"])
        self.assertEqual({r["reason"] for r in ordered}, {"a recall"})
        lifted = self.records("resumed")
        self.assertEqual([r["root_cause"] for r in lifted], ["fixed by --camera", "fixed by --model", "fixed by --all"])
        self.assertEqual([r["id"] for r in lifted], [r["id"] for r in ordered])

    def test_under_load_nothing_of_what_was_suspended_comes_afterwards(self):
        bench = Suspensions(self.hub, 2, 2, 6, noise=500, loss=0.02, seed=3, bitrate_kbit=800)
        report = bench.run(300)
        suspended = report["order_to_last_media_ms"]["suspend"]["count"]
        self.assertGreaterEqual(suspended, 4)
        # An answer says that no lane sends any more. No time is judged here: see tests/bench/suspend.
        self.assertEqual(report["media_after_answer"], 0, report)
        self.assertEqual(report["wrong_answers"], 0, report)


class Closed(unittest.TestCase):
    """Without a sound registry and a sound log nothing starts, and nothing is overwritten."""

    def setUp(self):
        self.hub = Hub().__enter__()
        self.addCleanup(self.hub.__exit__, None, None, None)
        self.camera = self.hub.add_camera("Nursery")
        self.hub.ctl("suspend", "--all", "--reason", "a recall")

    def files(self, beginning=""):
        """Whatever has something in it."""
        return {path.name: path.read_bytes() for path in self.hub.state.iterdir()
                if path.name.startswith(beginning) and path.stat().st_size > 0}

    def starts_not(self, file, words):
        # A sound registry beside a damaged log, or without its secret, counts its starts.
        beginning = file if file == "registry.secret" else file.split(".", maxsplit=1)[0]
        before = self.files(beginning)
        run = subprocess.run([str(a) for a in self.hub.daemon_args()], capture_output=True, text=True, timeout=60, check=False)
        self.assertNotEqual(run.returncode, 0)
        said = run.stderr.strip()
        self.assertEqual(len(said.splitlines()), 1, said)
        for word in (words, "restore"):
            self.assertIn(word, said.replace("Restore", "restore"))
        self.assertEqual(self.files(beginning), before)

    def test_whatever_is_damaged_or_gone_is_named_with_what_to_do_and_left_as_it_is(self):
        self.assertEqual(self.hub.daemon.stop(), 0)
        good = self.files()
        self.assertNotIn("registry.db-wal", good)
        scribbled = {name: good[name][:100] + b"\xff" * 3000 + good[name][3100:] for name in ("registry.db", "audit.db")}
        cases = [("registry.db", scribbled["registry.db"], "registry.db"), ("registry.db", good["registry.db"][:5000], "registry.db"),
                 ("registry.db", b"", "registry.db is empty"), ("registry.db", None, "registry.db is missing"),
                 ("registry.secret", None, "registry.secret"), ("registry.secret", b"7" * 64, "not the secret"),
                 ("audit.db", scribbled["audit.db"], "audit.db"), ("audit.db", good["audit.db"][:5000], "audit.db"),
                 ("audit.db", None, "audit.db is missing"), ("audit.secret", None, "audit.secret is missing"),
                 ("audit.secret", b"7" * 64, "not signed with audit.secret")]
        for name, bad, words in cases:
            with self.subTest(name, size=None if bad is None else len(bad)):
                path = self.hub.state / name
                if bad is None:
                    path.unlink()
                else:
                    path.write_bytes(bad)
                try:
                    self.starts_not(name, words)
                finally:
                    path.write_bytes(good[name])
                    path.chmod(0o600)
        self.hub.start(self.hub.port)
        self.assertEqual(self.hub.status(self.camera)["state"], "suspended")

    def test_a_suspension_outlives_a_kill_and_the_loss_of_the_write_ahead_log(self):
        self.hub.daemon.process.kill()
        self.hub.daemon.process.wait()
        log = self.hub.state / "registry.db-wal"
        self.assertTrue(log.exists())
        log.unlink()
        self.hub.start(self.hub.port)
        self.assertEqual(status_of(self.hub, self.camera)["reason"], "a recall")


@unittest.skipUnless(os.geteuid() == 0 and can_kill(), "skipped: needs root and strace")
class Killed(unittest.TestCase):
    def setUp(self):
        self.hub = Hub().__enter__()
        self.addCleanup(self.hub.__exit__, None, None, None)
        self.camera = self.hub.add_camera("Nursery")
        self.hub.add_camera("Garden")
        self.viewer = self.hub.add_viewer("Anna", self.camera)

    def standing(self):
        return {s["id"]: s["reason"] for s in self.hub.ctl("suspension", "list")["suspensions"]}

    def agrees(self, reason):
        """Every part of the hub says that the camera is suspended for this reason, or (None) that it is not."""
        status = status_of(self.hub, self.camera)
        self.assertNotEqual(status["state"], "live")
        self.assertEqual(status["viewers"], 0)
        reply = self.hub.post_sdp(f"/whep/{self.camera['id']}", "v=0", self.viewer["token"])
        self.assertEqual((reply.status, reply.problem()["title"]), (503, "currently unavailable"))
        self.assertEqual("suspended" in reply.problem()["detail"], reason is not None)
        published = self.hub.post_sdp(f"/whip/{self.camera['id']}", "x", self.camera["token"])
        self.assertEqual(published.status, 400 if reason is None else 503)
        listed = json.loads(self.hub.request("GET", "/api/v1/cameras", token=self.viewer["token"]).body)["cameras"][0]
        self.assertEqual(listed["suspension"], reason or "")
        self.assertEqual(status["state"] == "suspended", reason is not None)
        if reason is not None:
            self.assertEqual(status["reason"], reason)

    def ordered(self, call, number, command, **fields):
        """Whether the order was acknowledged, and whether the keeper was killed at that point of it."""
        with Control(self.hub) as control:
            with Killer(self.hub.daemon.pid, call, number):
                answer = control.ask(command, **fields)
            killed = control.ask("status") is None
        if killed:
            self.hub.daemon.process.wait()
            self.hub.start(self.hub.port)
        return answer, killed

    def test_a_keeper_killed_anywhere_in_an_order_keeps_what_it_acknowledged_and_no_half_of_it(self):
        points = 0
        for call in KEEPER_CALLS:
            for number in range(1, MOST_POINTS):
                reason = f"{call} {number}"
                answer, killed = self.ordered(call, number, "suspend", all=True, reason=reason)
                points += killed
                with self.subTest("suspend", point=reason, killed=killed):
                    standing = self.standing()
                    if answer is not None:
                        self.assertEqual(standing, {answer["ok"]["id"]: reason})
                    self.assertIn(list(standing.values()), ([], [reason]))
                    self.agrees(reason if standing else None)
                for suspension in standing:
                    self.hub.ctl("resume", suspension, "--root-cause", "next point")
                if not killed:
                    break
            else:
                self.fail(f"an order makes more than {MOST_POINTS} {call}")
        self.assertGreater(points, 10)
        self.assertEqual(self.verified(), 0)

    def test_a_keeper_killed_anywhere_in_lifting_one_has_lifted_it_or_not(self):
        points = 0
        for call in KEEPER_CALLS:
            for number in range(1, MOST_POINTS):
                reason = f"{call} {number}"
                suspension = self.hub.ctl("suspend", "--all", "--reason", reason)["id"]
                answer, killed = self.ordered(call, number, "resume", id=suspension, root_cause="found it")
                points += killed
                with self.subTest("resume", point=reason, killed=killed):
                    standing = self.standing()
                    self.assertIn(standing, ({}, {suspension: reason}))
                    if answer is not None:
                        self.assertEqual(standing, {})
                        eventually("its lane is there again", lambda: self.hub.post_sdp(
                            f"/whip/{self.camera['id']}", "x", self.camera["token"]).status == 400)
                    self.agrees(reason if standing else None)
                for one in standing:
                    self.hub.ctl("resume", one, "--root-cause", "next point")
                if not killed:
                    break
            else:
                self.fail(f"an order makes more than {MOST_POINTS} {call}")
        self.assertGreater(points, 8)
        self.assertEqual(self.verified(), 0)

    def verified(self):
        return subprocess.run([str(self.hub.bin / "latchkeyctl"), "--run", str(self.hub.run), "audit", "verify"],
                              capture_output=True, check=False).returncode

    def test_a_lane_or_front_killed_anywhere_in_an_order_leaves_the_camera_dark(self):
        self.hub.cam(self.camera, "--mark", "nursery")
        view = self.hub.view(self.viewer, self.camera, "--expect-mark", "nursery", "--wait")
        for program, calls in (("latchkey-lane", ("recvfrom", "sendmmsg", "sendto")), ("latchkey-front", ("recvfrom", "sendto"))):
            for call in calls:
                for number in (1, 2, 3):
                    with self.subTest(program, call=call, number=number):
                        self.hub.live(self.camera)
                        eventually("it is watched", lambda: self.hub.status(self.camera)["viewers"] == 1)
                        pid = self.busiest(program)
                        with Control(self.hub) as control, Killer(pid, call, number):
                            suspended = control.ask("suspend", all=True, reason="a recall")["ok"]
                        eventually("there is one again", lambda p=program: self.hub.children(p))
                        eventually("it answers", lambda: self.answers() and self.hub.status(self.camera)["state"] == "suspended")
                        self.agrees("a recall")
                        self.hub.ctl("resume", suspended["id"], "--root-cause", "next point")
        view.stop(signal.SIGINT)
        self.assertEqual(view.json()["marks_foreign"], 0)

    def busiest(self, program):
        """The lane that has pictures, or the front."""
        return max(self.hub.children(program), key=cpu_ns)

    def answers(self):
        try:
            return self.hub.request("GET", "/healthz").status == 200
        except OSError:
            return False

    def test_after_a_kill_of_everything_each_camera_starts_closed_and_what_was_suspended_stays_so(self):
        open_camera = self.hub.add_camera("Yard")
        self.hub.ctl("grant", "add", "--viewer", self.viewer["id"], "--camera", open_camera["id"])
        cams = [self.hub.cam(c) for c in (self.camera, open_camera)]
        self.hub.live(self.camera, open_camera)
        self.hub.ctl("suspend", "--camera", self.camera["id"], "--reason", "a recall")
        for cam in cams:
            cam.stop(signal.SIGKILL)
        everyone = [*self.hub.children("latchkey-lane"), *self.hub.children("latchkey-front"), self.hub.daemon.pid]
        for pid in everyone:
            os.kill(pid, signal.SIGKILL)
        self.hub.daemon.process.wait()
        self.hub.start(self.hub.port)
        self.assertEqual(len(self.hub.children("latchkey-lane")), 3)
        self.agrees("a recall")
        # What was live is not, until its camera comes with its token.
        self.assertEqual(self.hub.status(open_camera)["state"], "unavailable")
        reply = self.hub.post_sdp(f"/whep/{open_camera['id']}", "v=0", self.viewer["token"])
        self.assertEqual((reply.status, reply.problem()["title"]), (503, "currently unavailable"))
        self.hub.cam(open_camera)
        self.hub.live(open_camera)


if __name__ == "__main__":
    unittest.main()
