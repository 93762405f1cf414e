"""What the HTTP side answers, and to whom: headers, names, origins, tokens, guesses; over real sockets."""
import json
import os
import socket
import subprocess
import unittest
import urllib.parse

from support import lan
from support.hub import Hub, eventually
from support.offers import offer
from support.websocket import WebSocket

GUESSES = 10  # of one address before it has to wait


class Http(unittest.TestCase):
    def setUp(self):
        self.hub = Hub().__enter__()
        self.addCleanup(self.hub.__exit__, None, None, None)
        self.camera = self.hub.add_camera("Live")
        self.viewer = self.hub.add_viewer("Anna", self.camera)

    def raw(self, text):
        with socket.create_connection((self.hub.host, self.hub.port), 20) as connection:
            connection.sendall(text.encode())
            data = b""
            while b"\r\n\r\n" not in data:
                piece = connection.recv(65536)
                if not piece:
                    break
                data += piece
            return data.decode(errors="replace")

    def status(self, text):
        answer = self.raw(text)
        return int(answer.split()[1]) if answer.startswith("HTTP/1.1 ") else answer[:60]

    def test_no_answer_sets_a_cookie_or_may_be_kept(self):
        camera, token = self.camera["id"], self.viewer["token"]
        paths = ["/", "/viewer.js", "/viewer.css", "/openapi.json", "/healthz", "/metrics", "/events", "/nothing", "/api/v1/cameras",
                 f"/whip/{camera}", f"/whep/{camera}", f"/session/{camera}"]
        seen = set()
        for path in paths:
            for method in ("GET", "HEAD", "OPTIONS", "POST", "PATCH", "DELETE", "PUT", "TRACE"):
                for headers in ({}, {"Host": "example.org"}, {"Cookie": "a=b"}):
                    body = offer("recvonly") if method in ("POST", "PATCH", "PUT") else None
                    with self.subTest(path=path, method=method, headers=headers):
                        reply = self.hub.request(method, path, body, token, {"Content-Type": "application/sdp", **headers})
                        seen.add(reply.status)
                        self.assertNotIn("set-cookie", reply.headers)
                        self.assertEqual(reply.headers.get("cache-control"), "no-store")
                        self.assertIn("default-src 'none'", reply.headers.get("content-security-policy", ""))
                        self.assertEqual(reply.headers.get("x-content-type-options"), "nosniff")
                        self.assertEqual(reply.headers.get("cross-origin-opener-policy"), "same-origin")
                        self.assertIn(reply.headers.get("cross-origin-resource-policy"), ("same-origin", "cross-origin"))
                        self.assertNotIn("server", reply.headers)
        self.assertGreaterEqual(seen, {200, 204, 400, 404, 405, 426, 503})

    def test_a_token_counts_in_authorization_alone(self):
        token = self.viewer["token"]
        ask = f"Host: {self.hub.host}:{self.hub.port}\r\n"
        right = f"Authorization: Bearer {token}\r\n"
        self.assertEqual(self.status(f"GET /api/v1/cameras HTTP/1.1\r\n{ask}{right}\r\n"), 200)
        self.assertEqual(self.status(f"GET /api/v1/cameras?x=1 HTTP/1.1\r\n{ask}{right}\r\n"), 200)
        quoted = urllib.parse.quote(f"Bearer {token}")
        for line, more in ((f"GET /api/v1/cameras?token={token}", ""), (f"GET /api/v1/cameras?authorization={quoted}", ""),
                           (f"GET /api/v1/cameras?access_token={token}", ""), ("GET /api/v1/cameras", f"Cookie: token={token}\r\n"),
                           ("GET /api/v1/cameras", f"X-Authorization: Bearer {token}\r\n"),
                           ("GET /api/v1/cameras", f"Proxy-Authorization: Bearer {token}\r\n"),
                           ("GET /api/v1/cameras", f"Authorization: Token {token}\r\n"),
                           ("GET /api/v1/cameras", f"Authorization: {token}\r\n"),
                           ("GET /api/v1/cameras", right + right)):
            with self.subTest(line, more=more):
                self.assertEqual(self.status(f"{line} HTTP/1.1\r\n{ask}{more}\r\n"), 401)
        form = f"access_token={token}"
        for content_type in ("application/x-www-form-urlencoded", "application/sdp"):
            posted = f"POST /whep/{self.camera['id']} HTTP/1.1\r\n{ask}Content-Type: {content_type}\r\nContent-Length: {len(form)}\r\n\r\n{form}"
            self.assertEqual(self.status(posted), 401)

    def test_only_the_hubs_own_names_with_its_port(self):
        port = self.hub.port
        good = [f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}"]
        bad = ["", "127.0.0.1", "localhost", f"localhost.:{port}", f"127.0.0.1.:{port}", f"127.0.0.2:{port}", f"::1:{port}", "[::1]",
               f"[::1%lo]:{port}", f"[0:0:0:0:0:0:0:1]:{port}", f"[::ffff:127.0.0.1]:{port}", f"127.1:{port}", f"2130706433:{port}",
               f"0x7f.0.0.1:{port}", f"localhost:{port + 1}", f"localhost:0{port}", f"localhost:{port}:{port}", f"localhost:{port}.",
               f"user@localhost:{port}", f"localhost:{port}/", f"example.org:{port}", f"localhost.example.org:{port}",
               f"example.org#localhost:{port}", f"localhost :{port}", f"latchkey.local:{port}", f"localhost%00:{port}"]
        for path in ("/", "/healthz", "/api/v1/cameras"):
            for host in good:
                with self.subTest(host, path=path):
                    self.assertIn(self.status(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"), (200, 401))
            for host in bad:
                with self.subTest(host, path=path):
                    self.assertEqual(self.status(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"), 400)
        self.assertEqual(self.status("GET /healthz HTTP/1.1\r\n\r\n"), 400)
        self.assertEqual(self.status(f"GET /healthz HTTP/1.1\r\nHost: {good[0]}\r\nHost: {good[0]}\r\n\r\n"), 400)
        self.assertNotEqual(self.status(f"GET http://example.org/healthz HTTP/1.1\r\nHost: {good[0]}\r\n\r\n"), 200)

    def test_a_page_of_another_origin_opens_no_socket(self):
        host, port = self.hub.host, self.hub.port
        own = f"http://{host}:{port}"
        for origin in (own, None):
            with WebSocket(host, port, headers={"Origin": origin}) as page:
                self.assertEqual(page.refused, "", origin)
                page.say(json.dumps({"token": self.viewer["token"]}))
                self.assertIn("Live", page.hear())
        for origin in ("null", f"https://{host}:{port}", f"http://{host}", f"http://{host}:{port + 1}", f"{own}/", f"{own}.", own.upper(),
                       f"http://localhost:{port}", f"http://[::1]:{port}", "http://example.org", f"http://{host}.example.org:{port}",
                       f"{own} http://example.org", "file://"):
            with self.subTest(origin), WebSocket(host, port, headers={"Origin": origin}) as page:
                self.assertIn(" 403 ", page.refused)
        with WebSocket(host, port, headers={"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"}) as page:
            self.assertEqual(page.refused, "")
        with WebSocket(host, port, headers={"Host": f"example.org:{port}", "Origin": own}) as page:
            self.assertIn(" 400 ", page.refused)

    def test_a_session_is_its_owners_under_an_address_that_nobody_guesses(self):
        self.hub.cam(self.camera, "--mark", "live")
        self.hub.live(self.camera)
        other = self.hub.add_viewer("Ben", self.camera)
        sessions = []
        for _ in range(8):
            reply = self.hub.post_sdp(f"/whep/{self.camera['id']}", offer("recvonly"), self.viewer["token"])
            self.assertEqual(reply.status, 201, reply.body)
            location = urllib.parse.urlsplit(reply.headers["location"])
            self.assertEqual((location.scheme, location.netloc, location.query), ("http", f"{self.hub.host}:{self.hub.port}", ""))
            self.assertRegex(location.path, r"^/session/[0-9a-f]{32}$")
            sessions.append(location.path)
        numbers = [int(path[-32:], 16) for path in sessions]
        # 128 random bits: neither near each other nor with a part in common.
        for shift in range(0, 128, 32):
            self.assertEqual(len({(number >> shift) & 0xFFFFFFFF for number in numbers}), len(numbers))
        for path in sessions:
            self.assertEqual(self.hub.request("DELETE", path, None, other["token"]).status, 404)
            self.assertEqual(self.hub.request("DELETE", path).status, 401)
            self.assertEqual(self.hub.request("DELETE", path, None, self.viewer["token"]).status, 200)
            self.assertEqual(self.hub.request("DELETE", path, None, self.viewer["token"]).status, 404)

    def test_who_guesses_waits_and_the_owner_does_not(self):
        wrong = [self.hub.request("GET", "/api/v1/cameras", None, f"lk_{number:064x}") for number in range(GUESSES + 1)]
        self.assertEqual([reply.status for reply in wrong], [401] * GUESSES + [429])
        self.assertEqual(wrong[-1].problem()["title"], "too many wrong tokens")
        self.assertLessEqual(1, int(wrong[-1].headers["retry-after"]))
        with WebSocket(self.hub.host, self.hub.port) as page:
            page.say(json.dumps({"token": self.viewer["token"]}))
            self.assertEqual(json.loads(page.hear())["status"], 429)
            self.assertEqual(page.hear(), (4503, "too many wrong tokens"))
        # The page itself, and the owner's own socket, know no such thing.
        self.assertEqual(self.hub.request("GET", "/").status, 200)
        camera, = self.hub.ctl("status")["cameras"]
        self.assertEqual(camera["name"], "Live")
        self.assertRegex(self.hub.ctl("viewer", "rotate", "Anna")["token"], "^lk_")
        metrics = self.hub.request("GET", "/metrics").body.decode()
        self.assertIn("latchkey_front_held_off_total 2\n", metrics)

    def test_a_rotated_viewer_is_out_at_once_and_in_with_the_new_token(self):
        self.hub.cam(self.camera, "--mark", "live")
        self.hub.live(self.camera)
        view = self.hub.view(self.viewer, self.camera, "--expect-mark", "live", "--duration", 30)
        eventually("it is watched", lambda: self.hub.status(self.camera)["viewers"] == 1)
        with WebSocket(self.hub.host, self.hub.port) as page:
            page.say(json.dumps({"token": self.viewer["token"]}))
            self.assertIn("Live", page.hear())
            new = self.hub.ctl("viewer", "rotate", "Anna")
            heard = page.hear()
            while isinstance(heard, str) and json.loads(heard)["type"] == "cameras":
                heard = page.hear()
            self.assertEqual(json.loads(heard)["status"], 401)
            self.assertEqual(page.hear()[0], 4401)
        view.wait()
        self.assertEqual(view.json()["last_status"], 401)
        again = self.hub.view(new, self.camera, "--expect-mark", "live", "--duration", 1)
        self.assertEqual(again.wait(), 0, again.errors())

    def test_who_watches_is_told_to_who_may_watch(self):
        still = self.hub.add_viewer("Cleo", self.camera, rights="still")
        ben = self.hub.add_viewer("Ben's phone", self.camera)
        self.hub.cam(self.camera, "--mark", "live")
        self.hub.live(self.camera)

        def watched_by(viewer):
            camera, = json.loads(self.hub.request("GET", "/api/v1/cameras", None, viewer["token"]).body)["cameras"]
            self.assertEqual(camera["watched_by_more"], 0)
            return camera["watched_by"]

        self.assertEqual(watched_by(self.viewer), [])
        view = self.hub.view(ben, self.camera, "--expect-mark", "live", "--duration", 30)
        eventually("Anna is told", lambda: watched_by(self.viewer) == ["Ben's phone"])
        self.assertEqual(watched_by(ben), [])
        self.assertEqual(watched_by(still), [])
        view.stop()
        eventually("and that nobody does any more", lambda: watched_by(self.viewer) == [])


@unittest.skipUnless(os.geteuid() == 0 and lan.available(), "network namespaces are not to be had here")
class OnTheLan(unittest.TestCase):
    def setUp(self):
        self.home = lan.Lan().__enter__()
        self.addCleanup(self.home.__exit__)
        self.hub = lan.LanHub(self.home).__enter__()
        self.addCleanup(self.hub.__exit__, None, None, None)

    def curl(self, url, *args, where=None):
        """-> (status, what curl says when there is none)"""
        command = ["curl", "-sS", "-k", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "20", *args, url]
        run = subprocess.run((where or self.home.on_device)(*command), capture_output=True, text=True)
        return int(run.stdout or 0), run.stderr

    def test_there_is_no_plain_http(self):
        self.assertEqual(self.curl(f"{self.hub.url}/healthz")[0], 200)
        self.assertEqual(self.curl(f"{self.hub.url6}/healthz")[0], 200)
        for url in (self.hub.url, self.hub.url6):
            for path in ("/", "/healthz", "/api/v1/cameras"):
                status, why = self.curl(url.replace("https", "http") + path)
                self.assertEqual(status, 0, why)
        # Whatever else listens is not the hub's.
        run = subprocess.run(self.home.on_hub("ss", "-Hltn"), capture_output=True, text=True, check=True)
        self.assertEqual({line.split()[3].rsplit(":", 1)[1] for line in run.stdout.splitlines()}, {str(self.hub.port)})
        for version in ("--tlsv1.0", "--tlsv1.1"):
            status, why = self.curl(f"{self.hub.url}/healthz", version, "--tls-max", version[-3:])
            self.assertEqual(status, 0, why)

    def test_names_of_the_hub_are_its_own_addresses_and_what_it_is_called(self):
        port = self.hub.port
        for url, host, status in ((self.hub.url, f"{lan.HUB4}:{port}", 200), (self.hub.url, f"latchkey.local:{port}", 200),
                                  (self.hub.url6, f"[{lan.HUB6}]:{port}", 200), (self.hub.url, f"{lan.DEVICE4}:{port}", 400),
                                  (self.hub.url, f"[{lan.HUB6}]:{port}", 400), (self.hub.url6, f"{lan.HUB4}:{port}", 400),
                                  (self.hub.url6, f"[fd77:0::1]:{port}", 400), (self.hub.url, f"latchkey.local.:{port}", 400),
                                  (self.hub.url, "latchkey.local", 400), (self.hub.url, f"example.org:{port}", 400)):
            with self.subTest(host, url=url):
                self.assertEqual(self.curl(f"{url}/healthz", "-H", f"Host: {host}")[0], status)

    def test_who_guesses_is_recorded_and_nobody_else_waits(self):
        camera = self.hub.add_camera("Nursery")
        viewer = self.hub.add_viewer("Anna", camera)
        self.home.on_device()
        other = "10.77.0.3"
        subprocess.run(["ip", "-n", self.home.device_ns, "addr", "add", f"{other}/24", "dev", "lan0"], check=True)

        def ask(token, *args):
            return self.curl(f"{self.hub.url}/api/v1/cameras", "-H", f"Authorization: Bearer {token}", *args)[0]

        guesses = [ask(f"lk_{number:064x}", "--interface", lan.DEVICE4) for number in range(GUESSES + 2)]
        self.assertEqual(guesses, [401] * GUESSES + [429] * 2)
        self.assertEqual(ask(viewer["token"], "--interface", lan.DEVICE4), 429)
        self.assertEqual(ask(viewer["token"], "--interface", other), 200)
        self.assertEqual(self.curl(f"{self.hub.url6}/api/v1/cameras", "-H", f"Authorization: Bearer {viewer['token']}")[0], 200)
        self.assertEqual(self.hub.ctl("status")["cameras"][0]["name"], "Nursery")
        run = self.hub.ctl("audit", "show", "--last", "100", check=False)
        records = [json.loads(line) for line in run.stdout.splitlines()]
        guessed = [record["body"] for record in records if record["name"] == "tokens guessed"]
        self.assertEqual(guessed, [{"from": lan.DEVICE4}])


if __name__ == "__main__":
    unittest.main()
