"""The whole way of a frame with the real processes: what each viewer sees, and what nobody may."""
import signal
import unittest

from support.hub import Hub, eventually, shared_data


class View(unittest.TestCase):
    def test_each_viewer_sees_the_camera_of_its_grant_and_no_other(self):
        with Hub() as hub:
            door, nursery = hub.add_camera("Front door"), hub.add_camera("Nursery")
            anna, ben = hub.add_viewer("Anna", door), hub.add_viewer("Ben", nursery)
            hub.cam(door, "--mark", "door")
            hub.cam(nursery, "--mark", "nursery", "--codec", "vp8")
            hub.live(door, nursery)
            first = hub.view(anna, door, "--expect-mark", "door", "--duration", 4)
            second = hub.view(ben, nursery, "--expect-mark", "nursery", "--duration", 4)
            self.assertEqual(first.wait(), 0, first.errors())
            self.assertEqual(second.wait(), 0, second.errors())
            for report in (first.json(), second.json()):
                self.assertGreater(report["marks_ok"], 20, report)
                self.assertEqual(report["marks_foreign"], 0, report)

    def test_a_foreign_mark_is_noticed(self):
        """The proof of the proof: the tool that all these tests lean on can say no."""
        with Hub() as hub:
            door = hub.add_camera("Front door")
            anna = hub.add_viewer("Anna", door)
            hub.cam(door, "--mark", "door")
            hub.live(door)
            view = hub.view(anna, door, "--expect-mark", "nursery", "--duration", 3)
            self.assertEqual(view.wait(), 3, view.errors())
            self.assertGreater(view.json()["marks_foreign"], 0)

    def test_real_footage_reaches_a_viewer(self):
        data = shared_data()
        if data is None:
            self.skipTest("../shared/data is not here")
        for name in ("bottle-detection.mp4", "one-by-one-person-detection.mp4"):
            with self.subTest(name), Hub() as hub:
                camera = hub.add_camera("Footage")
                viewer = hub.add_viewer("Anna", camera)
                hub.cam(camera, "--source", data / "footage" / name)
                hub.live(camera)
                view = hub.view(viewer, camera, "--duration", 5)
                self.assertEqual(view.wait(), 0, view.errors())
                self.assertGreater(view.json()["frames"], 20)

    def test_a_late_viewer_starts_from_the_cached_group_without_asking_the_camera(self):
        with Hub() as hub:
            camera = hub.add_camera("Front door")
            viewer = hub.add_viewer("Anna", camera)
            # One keyframe in an hour: what the viewer gets can only come from the cache.
            cam = hub.cam(camera, "--gop", 3600, "--mark", "door")
            hub.live(camera)
            view = hub.view(viewer, camera, "--expect-mark", "door", "--duration", 3)
            self.assertEqual(view.wait(), 0, view.errors())
            self.assertGreater(view.json()["marks_ok"], 20)
            cam.stop(signal.SIGINT)
            self.assertLessEqual(cam.json()["plis"], 1, "only the first keyframe may have been asked for")

    def test_tokens_and_grants_outlive_a_restart(self):
        with Hub() as hub:
            camera = hub.add_camera("Front door")
            viewer = hub.add_viewer("Anna", camera)
            self.assertEqual(hub.daemon.stop(), 0)
            hub.start()
            hub.cam(camera, "--mark", "door")
            hub.live(camera)
            view = hub.view(viewer, camera, "--expect-mark", "door", "--duration", 3)
            self.assertEqual(view.wait(), 0, view.errors())

    def test_sound_needs_the_right_to_listen(self):
        with Hub() as hub:
            camera = hub.add_camera("Nursery")
            heard = {}
            hub.cam(camera, "--tone")
            hub.live(camera)
            for rights in ("live", "live,listen"):
                viewer = hub.ctl("viewer", "add", rights)
                hub.ctl("grant", "add", "--viewer", viewer["id"], "--camera", camera["id"], "--rights", rights)
                view = hub.view(viewer, camera, "--duration", 3)
                self.assertEqual(view.wait(), 0, view.errors())
                self.assertGreater(view.json()["frames"], 20)
                heard[rights] = view.json()["audio_packets"]
            self.assertEqual(heard["live"], 0, heard)
            self.assertGreater(heard["live,listen"], 50, heard)

    def test_removing_a_grant_ends_the_view(self):
        with Hub() as hub:
            camera = hub.add_camera("Front door")
            viewer = hub.ctl("viewer", "add", "Anna")
            grant = hub.ctl("grant", "add", "--viewer", viewer["id"], "--camera", camera["id"])
            hub.cam(camera)
            hub.live(camera)
            hub.view(viewer, camera)
            eventually("the viewer is counted", lambda: hub.status(camera)["viewers"] == 1)
            hub.ctl("grant", "revoke", grant["id"])
            eventually("the viewer is gone", lambda: hub.status(camera)["viewers"] == 0)
            again = hub.view(viewer, camera, "--duration", 3)
            self.assertEqual(again.wait(), 5, again.errors())


if __name__ == "__main__":
    unittest.main()
