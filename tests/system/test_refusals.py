"""Bad input over real HTTP: each refusal is problem+json that says what to do, and nothing is lost by it."""
import os
import random
import socket
import unittest

from support.hub import Hub, cpu_seconds, eventually, udp_ports
from support.offers import offer


class Refusals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hub = cls.enterClassContext(Hub()) if hasattr(cls, "enterClassContext") else Hub().__enter__()
        cls.live = cls.hub.add_camera("Live")
        cls.idle = cls.hub.add_camera("Idle")
        cls.viewer = cls.hub.add_viewer("Anna", cls.live, cls.idle)
        cls.stranger = cls.hub.add_viewer("Stranger")
        cls.hub.cam(cls.live, "--mark", "live")
        cls.hub.live(cls.live)

    @classmethod
    def tearDownClass(cls):
        if not hasattr(cls, "enterClassContext"):
            cls.hub.__exit__(None, None, None)

    def refused(self, reply, status):
        self.assertEqual(reply.status, status, reply.body)
        problem = reply.problem()
        self.assertEqual(problem["status"], status)
        self.assertTrue(problem["title"] and problem["detail"], problem)
        self.assertEqual(reply.headers.get("cache-control"), "no-store")
        return problem

    def whip(self, camera, token, body=None, **kw):
        return self.hub.post_sdp(f"/whip/{camera}", offer() if body is None else body, token, **kw)

    def whep(self, camera, token, body=None, **kw):
        return self.hub.post_sdp(f"/whep/{camera}", offer("recvonly") if body is None else body, token, **kw)

    def test_tokens(self):
        wrong = "lk_" + "0" * 64
        for post in (self.whip, self.whep):
            self.refused(post(self.live["id"], None), 401)
            self.refused(post(self.live["id"], wrong), 401)
            self.refused(post(self.live["id"], self.live["token"][:-1]), 401)
            self.refused(post(self.live["id"], self.live["token"].upper()), 401)
        self.assertIn("bearer", self.whip(self.live["id"], None).headers["www-authenticate"].lower())

    def test_somebody_elses_token(self):
        self.refused(self.whip(self.live["id"], self.idle["token"]), 403)
        self.refused(self.whip(self.live["id"], self.viewer["token"]), 403)
        self.refused(self.whep(self.live["id"], self.stranger["token"]), 403)
        self.refused(self.whep(self.live["id"], self.live["token"]), 403)

    def test_ids_are_exact(self):
        self.refused(self.whip("0" * 32, self.live["token"]), 404)
        self.refused(self.whip(self.live["id"][:-1], self.live["token"]), 404)
        self.refused(self.whip(self.live["id"].upper(), self.live["token"]), 404)
        self.refused(self.whep(self.live["id"] + "0", self.viewer["token"]), 404)

    def test_offers(self):
        self.refused(self.whip(self.idle["id"], self.idle["token"], "hello"), 400)
        self.refused(self.whip(self.idle["id"], self.idle["token"], "v=0\r\n" + "a=x\r\n" * 20000), 413)
        self.refused(self.whip(self.idle["id"], self.idle["token"], content_type="text/plain"), 415)
        self.refused(self.whip(self.idle["id"], self.idle["token"], offer(video="H265/90000", fmtp="")), 406)
        # A viewer that can't take what the camera sends.
        self.refused(self.whep(self.live["id"], self.viewer["token"], offer("recvonly", video="VP8/90000", fmtp="")), 406)

    def test_a_second_publisher_is_refused_and_the_first_untouched(self):
        view = self.hub.view(self.viewer, self.live, "--expect-mark", "live", "--duration", 5)
        eventually("the viewer is counted", lambda: self.hub.status(self.live)["viewers"] >= 1)
        for _ in range(5):
            self.refused(self.whip(self.live["id"], self.live["token"]), 409)
        self.assertEqual(self.hub.disturbance(view), {}, view.text())

    def test_a_camera_that_is_off_is_currently_unavailable(self):
        reply = self.whep(self.idle["id"], self.viewer["token"])
        self.assertEqual(self.refused(reply, 503)["title"], "currently unavailable")
        self.assertIn("retry-after", reply.headers)

    def raw(self, text):
        with socket.create_connection((self.hub.host, self.hub.port), 20) as connection:
            connection.sendall(text.encode())
            connection.settimeout(20)
            data = b""
            while b"\r\n\r\n" not in data:
                piece = connection.recv(65536)
                if not piece:
                    break
                data += piece
            return data.decode(errors="replace")

    def test_framing_of_requests(self):
        head = f"POST /whip/{self.idle['id']} HTTP/1.1\r\nHost: {self.hub.host}:{self.hub.port}\r\n" \
               f"Authorization: Bearer {self.idle['token']}\r\nContent-Type: application/sdp\r\n"
        self.assertIn(" 411 ", self.raw(head + "\r\n").splitlines()[0])
        self.assertIn(" 411 ", self.raw(head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n").splitlines()[0])
        self.assertIn(" 431 ", self.raw(head + "X-Long: " + "x" * 40000 + "\r\n\r\n").splitlines()[0])

    def test_junk_datagrams_end_nothing_and_get_no_reply(self):
        lanes = self.hub.children("latchkey-lane")
        self.assertEqual(len(lanes), 2)
        view = self.hub.view(self.viewer, self.live, "--expect-mark", "live", "--duration", 5)
        eventually("the viewer is counted", lambda: self.hub.status(self.live)["viewers"] >= 1)
        dice = random.Random(20)
        junk = [b"", b"\x00", b"\x00\x01\x00\x00\x21\x12\xa4\x42" + b"\0" * 12, b"\x80\x60" + b"\1" * 40,
                b"\x80\xc8\x00\x06" + b"\2" * 24, b"\x16\xfe\xfd" + b"\3" * 60, b"\x16\xfe\xff" + b"\0" * 8 + b"\xff\xff"]
        junk += [dice.randbytes(dice.randrange(1, 1500)) for _ in range(300)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.settimeout(1)
            for pid in lanes:
                for port in udp_ports(pid):
                    for datagram in junk:
                        stranger.sendto(datagram, ("127.0.0.1", port))
            with self.assertRaises(TimeoutError):
                stranger.recv(2048)
        self.assertEqual(self.hub.children("latchkey-lane"), lanes)
        self.assertEqual(self.hub.disturbance(view), {}, view.text())
        metrics = self.hub.request("GET", "/metrics").body.decode()
        self.assertRegex(metrics, r'(?m)^latchkey_.*drop.*reason="(stun_malformed|stun_unauthenticated)".* [1-9]')
        self.assertRegex(metrics, r'(?m)^latchkey_.*drop.*reason="unknown_peer".* [1-9]')


if __name__ == "__main__":
    unittest.main()
