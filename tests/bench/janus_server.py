"""Janus (Debian's package `janus`, its videoroom) as a server under test: one room, one publisher, one subscriber.
Its own settings are the defaults; only what its place here needs is said.

Janus offers no candidate on loopback. So that it is reached by nobody else, it runs where tests/bench/quality starts
it: in a network namespace without a way out, with one interface of its own.
"""
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from support.hub import PATIENCE, Program, eventually

PLUGINS = next((p for p in Path("/usr/lib").glob("*/janus/plugins/libjanus_videoroom.so")), None)
NO_SUCH_FEED = 428  # JANUS_VIDEOROOM_ERROR_NO_SUCH_FEED
OTHER_TRANSPORTS = ("mqtt", "nanomsg", "pfunix", "rabbitmq", "websockets")
INTERFACE, ADDRESS = "bench0", "10.77.0.1"
CONFIG = {
    "janus.jcfg": """general: {{ configs_folder = "{folder}" plugins_folder = "{plugins}" transports_folder = "{transports}"
  debug_level = 3 session_timeout = 0 }}
nat: {{ ice_lite = true ice_enforce_list = "{interface}" }}
plugins: {{ disable = "{no_plugins}" }}
transports: {{ disable = "{no_transports}" }}
""",
    "janus.transport.http.jcfg": """general: {{ http = true ip = "127.0.0.1" port = {port} base_path = "/janus" }}
""",
    "janus.plugin.videoroom.jcfg": """room-1: {{ description = "bench" publishers = 1 videocodec = "h264" }}
""",
}


def why_no_janus():
    """Why there is no column for it, or None."""
    if shutil.which("janus") is None or PLUGINS is None:
        return "Janus is not installed (apt-get install janus)"
    if os.environ.get("LATCHKEY_BENCH_NAMESPACE") != "1":
        return "Janus needs a network namespace, which could not be made here"
    return None


def make_interface():
    """Once, in the namespace that is ours alone."""
    for args in (("link", "add", INTERFACE, "type", "veth", "peer", "name", "bench1"),
                 ("addr", "add", ADDRESS + "/24", "dev", INTERFACE), ("link", "set", INTERFACE, "up"), ("link", "set", "bench1", "up")):
        subprocess.run(["ip", *args], check=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Handle:
    """A session with one handle of the videoroom; requests of it one after the other."""

    def __init__(self, port):
        self.port = port
        self.path = "/janus"
        self.path += f"/{self.ask({'janus': 'create'})['data']['id']}"
        self.events = self.path
        self.path += f"/{self.ask({'janus': 'attach', 'plugin': 'janus.plugin.videoroom'})['data']['id']}"

    def http(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request(method, path, body=body and json.dumps(body))
        reply = json.loads(connection.getresponse().read())
        connection.close()
        if reply.get("janus") == "error":
            raise AssertionError(f"janus: {reply['error']}")
        return reply

    def ask(self, request):
        return self.http("POST", self.path, {**request, "transaction": "t"})

    def message(self, body, jsep=None):
        """Sends a request of the videoroom and returns the event that answers it."""
        self.ask({"janus": "message", "body": body, **({"jsep": jsep} if jsep else {})})

        def answer():
            event = self.http("GET", self.events + "?maxev=1")
            return event if event.get("janus") == "event" else None

        event = eventually(f"janus answers {body['request']}", answer)
        data = event["plugindata"]["data"]
        if data.get("error_code") == NO_SUCH_FEED:
            raise NoSuchFeed
        if "error" in data:
            raise AssertionError(f"janus: {data['error']}")
        return event


class NoSuchFeed(Exception):
    pass


class JanusServer:
    name = "janus"
    address = ADDRESS

    @staticmethod
    def version():
        said = subprocess.run(["janus", "-V"], capture_output=True, text=True).stdout
        return next(iter(re.findall(r"\d+\.\d+\.\d+", said)), "unknown")

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="latchkey-janus."))
        self.port = free_port()
        root = PLUGINS.parents[1]
        others = [p.name for p in PLUGINS.parent.glob("libjanus_*.so") if p.name != PLUGINS.name]
        values = {"folder": self.folder, "port": self.port, "interface": INTERFACE, "plugins": PLUGINS.parent, "transports": root / "transports",
                  "no_plugins": ",".join(others), "no_transports": ",".join(f"libjanus_{t}.so" for t in OTHER_TRANSPORTS)}
        for name, text in CONFIG.items():
            (self.folder / name).write_text(text.format(**values))
        self.janus = Program(self.folder, "janus", ["janus", "-F", self.folder])
        try:
            eventually("janus listens", self.listens)
            self.camera, self.viewer = Handle(self.port), Handle(self.port)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind, value, trace):
        self.janus.stop()
        if kind is not None:
            print(f"janus said:\n{self.janus.text()[-2000:]}{self.janus.errors()[-1000:]}")
        shutil.rmtree(self.folder, ignore_errors=True)
        return False

    def listens(self):
        if self.janus.process.poll() is not None:
            raise AssertionError(f"janus ended: {self.janus.text()[-2000:]}{self.janus.errors()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def pid(self):
        return self.janus.pid

    def publish(self, offer):
        event = self.camera.message({"request": "joinandconfigure", "ptype": "publisher", "room": 1, "id": 1},
                                    {"type": "offer", "trickle": False, "sdp": offer})
        return {"sdp": event["jsep"]["sdp"]}

    def view(self, offer):
        """Janus offers here, in its own payload types: the client's offer is turned into the answer."""
        join = {"request": "join", "ptype": "subscriber", "room": 1, "streams": [{"feed": 1}]}

        def joined_the_room():
            # A feed is there when its transport is up, which takes longer than the answer to its offer.
            try:
                return self.viewer.message(join)
            except NoSuchFeed:
                return None

        event = eventually("janus has the camera", joined_the_room)
        theirs = event["jsep"]["sdp"]
        ours = answer_to(theirs, offer)
        self.viewer.message({"request": "start"}, {"type": "answer", "trickle": False, "sdp": ours})
        return {"sdp": as_answer(theirs), "ours": ours}


def sections(sdp):
    """The session part and each media section, as lists of lines."""
    parts = [[]]
    for line in sdp.replace("\r\n", "\n").rstrip("\n").split("\n"):
        if line.startswith("m="):
            parts.append([])
        parts[-1].append(line)
    return parts


def joined(*parts):
    return "\r\n".join(line for part in parts for line in part) + "\r\n"


def those(lines, *names):
    return [line for line in lines if line.startswith(tuple(f"a={name}" for name in names))]


def answer_to(theirs, ours):
    """It receives all that they offer (one video section), under the credentials and SSRC of `ours`."""
    head, video = sections(ours)[:2]
    _, offered = sections(theirs)
    kept = [offered[0], "c=IN IP4 0.0.0.0", *those(offered, "mid:", "rtcp-mux", "rtpmap:", "fmtp:", "rtcp-fb:")]
    own = those(video, "ice-ufrag:", "ice-pwd:", "fingerprint:", "ssrc:", "candidate:", "end-of-candidates")
    return joined([line for line in head if not line.startswith("a=")], ["a=group:BUNDLE 0"], kept,
                  ["a=recvonly", "a=setup:active"], own)


def as_answer(theirs):
    """Their offer read as if it answered `ours`: they are the DTLS server, and their SSRCs are learnt from packets."""
    head, video = sections(theirs)
    lines = [line for line in video if not line.startswith(("a=setup:", "a=ssrc", "a=msid", "a=extmap"))]
    return joined(head, lines, ["a=setup:passive"])
