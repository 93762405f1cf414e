"""Eufy, May 2021: a server was updated while sessions were live, the update was taken back, and people found themselves
in the homes of others, with their cameras, recordings and settings.

Here, with real processes: an update and its way back with people watching, and an older database put back behind their
backs: all of it, or the registry or the log alone. What is not of this version, not the newest that somebody has seen, or
not of one time shows nothing, and what was revoked stays revoked.
"""
import json
import shutil
import sqlite3
import subprocess
import unittest

from support.hub import Hub, Program, eventually
from support.websocket import WebSocket


class Eufy2021(unittest.TestCase):
    def setUp(self):
        self.hub = Hub().__enter__()
        self.addCleanup(self.hub.__exit__, None, None, None)
        self.nursery, self.door = self.hub.add_camera("Nursery"), self.hub.add_camera("Door")
        self.anna = self.hub.add_viewer("Anna", self.nursery)
        self.ben = self.hub.add_viewer("Ben", self.door)
        for camera, mark in ((self.nursery, "nursery"), (self.door, "door")):
            self.hub.cam(camera, "--mark", mark)
        self.hub.live(self.nursery, self.door)

    def version(self, change=None):
        with sqlite3.connect(self.hub.state / "registry.db") as db:
            number, = db.execute("PRAGMA user_version").fetchone()
            if change is not None:
                db.execute(f"PRAGMA user_version = {number + change}")
                # One file, as a daemon that has stopped leaves it.
                db.commit()
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return number

    def sees(self, viewer, camera, mark):
        view = self.hub.view(viewer, camera, "--expect-mark", mark, "--duration", "2", "--wait")
        self.assertEqual(view.wait(), 0, view.errors())
        self.assertEqual(view.json()["marks_foreign"], 0)
        self.assertGreater(view.json()["marks_ok"], 20)

    def test_a_registry_of_a_newer_version_shows_nothing_and_is_left_as_it_is(self):
        port = self.hub.port
        anna = self.hub.view(self.anna, self.nursery, "--expect-mark", "nursery", "--duration", "60")
        eventually("Anna watches", lambda: self.hub.ctl("watching")["watching"])
        self.hub.daemon.stop()
        self.version(+1)  # what a newer daemon would have left
        before = (self.hub.state / "registry.db").read_bytes()
        older = Program(self.hub.folder, "older", self.hub.daemon_args(port))
        self.assertNotEqual(older.wait(), 0)
        self.assertIn("made by a newer latchkeyd", older.errors())
        self.assertEqual((self.hub.state / "registry.db").read_bytes(), before)
        # The newer one again: sessions of before are nobody's, and each gets what is his.
        self.version(-1)
        self.hub.start(port)
        self.hub.live(self.nursery, self.door)
        self.sees(self.anna, self.nursery, "nursery")
        self.sees(self.ben, self.door, "door")
        anna.stop()
        self.assertNotEqual(anna.process.returncode, 3, "a foreign mark was seen")
        reply = self.hub.post_sdp(f"/whep/{self.door['id']}", "v=0", self.anna["token"])
        self.assertEqual(reply.status, 403)

    def page(self, token, head=None):
        """What a page is told first."""
        with WebSocket(self.hub.host, self.hub.port, headers={"Origin": self.hub.url}) as socket:
            socket.say(json.dumps({"token": token, **({"head": head} if head else {})}))
            return json.loads(socket.hear())

    def test_an_older_database_does_not_bring_back_a_right_that_was_taken(self):
        grant = self.hub.ctl("grant", "add", "--viewer", self.ben["id"], "--camera", self.nursery["id"])
        port = self.hub.port
        self.hub.daemon.stop()
        backup = self.hub.folder / "backup"
        shutil.copytree(self.hub.state, backup)
        self.hub.start(port)
        self.hub.ctl("grant", "revoke", grant["id"])
        head = eventually("a page keeps the newest head", lambda: self.page(self.anna["token"]).get("head"))
        self.hub.daemon.stop()
        shutil.rmtree(self.hub.state)
        shutil.copytree(backup, self.hub.state)
        self.hub.start(port)
        # The first page that comes back knows better than the disk.
        self.page(self.anna["token"], head)
        for camera in (self.nursery, self.door):
            eventually("it is suspended", lambda c=camera: self.hub.status(c)["state"] == "suspended")
        for camera in (self.nursery, self.door):
            reply = self.hub.post_sdp(f"/whep/{camera['id']}", "v=0", self.ben["token"])
            self.assertEqual((reply.status, reply.problem()["title"]), (503, "currently unavailable"))

    def kept_and_revoked_since(self):
        """A copy of the state in which a grant stands that the running hub has revoked since, and the log tells so."""
        grant = self.hub.ctl("grant", "add", "--viewer", self.ben["id"], "--camera", self.nursery["id"])
        port = self.hub.port
        self.hub.daemon.stop()
        kept = self.hub.folder / "kept"
        shutil.copytree(self.hub.state, kept)
        self.hub.start(port)
        self.hub.ctl("grant", "revoke", grant["id"])
        show = [str(self.hub.bin / "latchkeyctl"), "--run", str(self.hub.run), "audit", "show"]
        eventually("it is recorded", lambda: "revoked" in subprocess.run(show, capture_output=True, text=True).stdout)
        return kept

    def put_back(self, kept, pattern):
        for file in self.hub.state.glob(pattern):
            file.unlink()
        for file in kept.glob(pattern):
            shutil.copy2(file, self.hub.state / file.name)

    def refuses(self, *words):
        # SQLite folds the log of a daemon that was killed into its file; nothing else may change.
        before = {p: p.read_bytes() for p in self.hub.state.iterdir() if p.suffix in (".secret", ".id")}
        refused = Program(self.hub.folder, f"refused{words[0].replace(' ', '-')}", self.hub.daemon_args(self.hub.port))
        self.assertNotEqual(refused.wait(), 0)
        for word in (*words, "restore both"):
            self.assertIn(word, refused.errors())
        self.assertEqual(refused.errors().count("\n"), 1, refused.errors())
        for path, data in before.items():
            self.assertEqual(path.read_bytes(), data, f"{path} was overwritten")

    def test_an_older_registry_beside_a_newer_log_is_not_used(self):
        kept = self.kept_and_revoked_since()
        self.hub.daemon.stop()
        self.put_back(kept, "registry.db*")
        self.refuses("registry.db is older than audit.db")

    def test_an_older_registry_is_not_used_either_where_the_hub_was_killed(self):
        kept = self.kept_and_revoked_since()
        self.hub.daemon.process.kill()
        self.hub.daemon.process.wait()
        self.put_back(kept, "registry.db*")
        self.refuses("registry.db is older than audit.db")

    def test_a_newer_registry_beside_an_older_log_is_not_used(self):
        kept = self.kept_and_revoked_since()
        self.hub.daemon.stop()
        self.put_back(kept, "audit.db*")
        self.refuses("audit.db is older than registry.db")

    def test_an_older_registry_is_used_when_its_owner_says_so(self):
        kept = self.kept_and_revoked_since()
        port = self.hub.port
        self.hub.daemon.stop()
        self.put_back(kept, "registry.db*")
        self.refuses("registry.id")
        (self.hub.state / "registry.id").unlink()
        self.hub.start(port)
        self.hub.live(self.nursery, self.door)
        self.sees(self.ben, self.nursery, "nursery")
        # From then on the two go on together.
        self.hub.daemon.stop()
        self.hub.start(port)

    def test_an_update_under_live_views_shows_nobody_another_camera(self):
        views = [self.hub.view(viewer, camera, "--expect-mark", mark, "--wait", "--duration", 30)
                 for viewer, camera, mark in ((self.anna, self.nursery, "nursery"), (self.ben, self.door, "door"))]
        port = self.hub.port
        for killed in (False, True, False):
            eventually("both are watched", lambda: all(self.hub.status(c)["viewers"] for c in (self.door, self.nursery)))
            if killed:
                self.hub.daemon.process.kill()
                self.hub.daemon.process.wait()
            else:
                self.hub.daemon.stop()
            self.hub.start(port)
            self.hub.live(self.nursery, self.door)
        for view in views:
            self.assertEqual(view.wait(patience=90), 0, view.errors())
            self.assertEqual(view.json()["marks_foreign"], 0, view.json())
            self.assertGreater(view.json()["marks_ok"], 100, view.json())


if __name__ == "__main__":
    unittest.main()
