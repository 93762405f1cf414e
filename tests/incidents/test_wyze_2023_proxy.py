"""Wyze, September 2023: a web cache in front of the viewing page kept answers that were one person's, and for half an
hour people who opened the page saw other people's cameras.

Here: a reverse proxy stands before the hub that keeps every answer, ignores Cache-Control, and finds it again by the
path alone, for whoever asks. What it hands to the wrong person shows no picture and disturbs nobody: an answer to an
offer is bound to the certificate of that offer. A proxy that heeds Vary hands over nothing at all.
"""
import http.client
import http.server
import threading
import unittest

from support.hub import PATIENCE, Hub, eventually

# What a proxy passes on neither way (RFC 9110 7.6.1), and what this one writes itself.
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "date", "server"}


class CachingProxy:
    """Keeps every 2xx of any method, for ever. `heeds_vary`: apart for each value of the fields that Vary names."""

    def __init__(self, hub, heeds_vary):
        self.hub, self.heeds_vary = hub, heeds_vary
        self.kept = {}      # path -> [(fields of the request that it is for, status, headers, body)]
        self.passed = []    # headers of every answer of the hub
        self.handed = []    # paths that were answered from what was kept
        self.breaks = []    # paths whose next answer is kept, and never reaches whoever asked
        self.lock = threading.Lock()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, headers, data = proxy.answer(self.command, self.path, self.headers, body)
                self.send_response(status)
                for key, value in headers:
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = do_PATCH = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(PATIENCE)

    def answer(self, method, path, headers, body):
        with self.lock:
            for fields, *kept in self.kept.get(path, []):
                if all(headers.get(name) == value for name, value in fields.items()):
                    self.handed.append(path)
                    return kept
        connection = http.client.HTTPConnection(self.hub.host, self.hub.port, timeout=PATIENCE)
        sent = {key: value for key, value in headers.items() if key.lower() not in HOP_BY_HOP}
        connection.request(method, path, body=body or None, headers=sent)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        received = [(key, value) for key, value in response.getheaders() if key.lower() not in HOP_BY_HOP]
        with self.lock:
            self.passed.append({key.lower(): value for key, value in received})
            if 200 <= response.status < 300:
                vary = response.getheader("Vary", "") if self.heeds_vary else ""
                fields = {name.strip(): headers.get(name.strip()) for name in vary.split(",") if name.strip()}
                self.kept.setdefault(path, []).append((fields, response.status, received, data))
            if path in self.breaks:
                self.breaks.remove(path)
                return 502, [], b""
        return response.status, received, data


class Proxy(unittest.TestCase):
    def setUp(self):
        self.hub = Hub().__enter__()
        self.addCleanup(self.hub.__exit__, None, None, None)
        self.door, self.nursery = self.hub.add_camera("Door"), self.hub.add_camera("Nursery")
        self.anna = self.hub.add_viewer("Anna", self.door)
        self.ben = self.hub.add_viewer("Ben", self.nursery)
        self.hub.cam(self.door, "--mark", "door")
        self.hub.cam(self.nursery, "--mark", "nursery")
        self.hub.live(self.door, self.nursery)

    def proxy(self, heeds_vary=False):
        proxy = CachingProxy(self.hub, heeds_vary)
        self.addCleanup(proxy.close)
        return proxy

    def view(self, proxy, viewer, camera, *args):
        return self.hub.program("view", [self.hub.bin / "latchkey-view", "--whep", f"{proxy.url}/whep/{camera['id']}",
                                         "--json", *args], {"LATCHKEY_TOKEN": viewer["token"]})

    def watching(self, camera):
        return [w for w in self.hub.ctl("watching")["watching"] if w["camera"] == camera["id"] and w["packets"] > 0]

    def sees_nothing(self, program):
        self.assertNotEqual(program.wait(), 0, program.text())
        report = program.json()
        self.assertEqual((report["frames"], report["marks_ok"], report["marks_foreign"]), (0, 0, 0), report)

    def undisturbed(self, program):
        self.assertEqual(self.hub.disturbance(program), {}, program.text())

    def test_a_kept_answer_shows_nobody_the_picture_of_another(self):
        proxy = self.proxy()
        first = self.view(proxy, self.anna, self.door, "--expect-mark", "door", "--duration", 8)
        eventually("Anna watches", lambda: self.watching(self.door))
        # Ben may not see the door; the proxy hands him what it kept of Anna.
        self.sees_nothing(self.view(proxy, self.ben, self.door, "--duration", 3))
        self.assertEqual(proxy.handed, [f"/whep/{self.door['id']}"])
        self.assertEqual(len(self.watching(self.door)), 1)
        self.undisturbed(first)
        own = self.view(proxy, self.ben, self.nursery, "--expect-mark", "nursery", "--duration", 3)
        self.undisturbed(own)

    def test_a_kept_answer_of_a_viewer_who_never_got_it_shows_nobody_a_picture(self):
        # Nobody has connected with it yet: only the certificate stands between Ben and the door.
        proxy = self.proxy()
        proxy.breaks.append(f"/whep/{self.door['id']}")
        self.sees_nothing(self.view(proxy, self.anna, self.door, "--duration", 3))
        self.assertEqual((proxy.handed, len(proxy.kept)), ([], 1))
        self.sees_nothing(self.view(proxy, self.ben, self.door, "--duration", 3))
        self.assertEqual(proxy.handed, [f"/whep/{self.door['id']}"])
        self.assertEqual(self.watching(self.door), [])

    def test_a_kept_answer_of_one_viewer_is_nothing_to_another_of_the_same_camera(self):
        cleo = self.hub.add_viewer("Cleo", self.door)
        proxy = self.proxy()
        first = self.view(proxy, self.anna, self.door, "--expect-mark", "door", "--duration", 8)
        eventually("Anna watches", lambda: self.watching(self.door))
        self.sees_nothing(self.view(proxy, cleo, self.door, "--duration", 3))
        self.assertEqual(len(proxy.handed), 1)
        self.undisturbed(first)

    def test_a_kept_session_url_is_of_no_use_with_another_token(self):
        proxy = self.proxy()
        first = self.view(proxy, self.anna, self.door, "--expect-mark", "door", "--duration", 6)
        eventually("Anna watches", lambda: self.watching(self.door))
        (_, status, headers, _), = proxy.kept[f"/whep/{self.door['id']}"]
        self.assertEqual(status, 201)
        session = dict(headers)["Location"].split("/session/")[1]
        for method, body in (("DELETE", None), ("PATCH", "a=ice-ufrag:abcd\r\n")):
            reply = self.hub.request(method, f"/session/{session}", body, self.ben["token"],
                                     {"If-Match": "*", "Content-Type": "application/trickle-ice-sdpfrag"})
            self.assertEqual(reply.status, 404, method)
        self.undisturbed(first)

    def ask(self, proxy, path, viewer=None):
        connection = http.client.HTTPConnection("127.0.0.1", proxy.server.server_port, timeout=PATIENCE)
        connection.request("GET", path, headers={"Authorization": f"Bearer {viewer['token']}"} if viewer else {})
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        return response.status, body

    def test_a_proxy_that_heeds_vary_hands_nobody_the_list_of_another(self):
        proxy = self.proxy(heeds_vary=True)
        for viewer, own, other in ((self.anna, self.door, self.nursery), (self.ben, self.nursery, self.door)):
            status, body = self.ask(proxy, "/api/v1/cameras", viewer)
            self.assertEqual(status, 200)
            self.assertIn(own["id"], body)
            self.assertNotIn(other["id"], body)
        self.assertEqual(self.ask(proxy, "/api/v1/cameras")[0], 401)
        self.assertEqual(proxy.handed, [])

    def test_every_answer_forbids_being_kept_and_says_on_what_it_depends(self):
        proxy = self.proxy()
        for path in ("/", "/app.js", "/api/v1/cameras", "/openapi.json", "/healthz", "/metrics", "/whep/x", "/nothing"):
            self.ask(proxy, path, self.anna)
        view = self.view(proxy, self.anna, self.door, "--duration", 2)
        self.assertEqual(view.wait(), 0, view.errors())
        self.assertGreaterEqual(len(proxy.passed), 9)
        for headers in proxy.passed:
            self.assertEqual(headers["cache-control"], "no-store", headers)
            self.assertIn("Authorization", headers["vary"], headers)


if __name__ == "__main__":
    unittest.main()
