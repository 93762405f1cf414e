"""A keeper that says what a test tells it to, over the real front's channel (daemon/PROTOCOL.md).

usage: scripted_keeper.py FRONT-PROGRAM

Commands come as JSON lines on stdin:  {"do": "cameras", "cameras": [{id, name, state, reason, suspension,
age_ms, watched_by, watched_by_more}]} · {"do": "tokens", "tokens": [hex, ...]} · {"do": "refuse", "status", "title", "detail"} (posts; status 0
answers them) · {"do": "head", "head": text} · {"do": "push", "on": bool} · {"do": "kill"} · {"do": "restart"}
What happens goes out as JSON lines:   {"event": "ready", "port"} · {"event": "front", "kind", "camera", "head"}
"""
import hashlib
import json
import os
import selectors
import socket
import struct
import subprocess
import sys
import time

STATES = ["unavailable", "connecting", "live", "stale", "suspended"]
REASONS = ["none", "camera_offline", "no_media", "no_keyframe", "unsupported_media", "too_fast", "too_late", "lane_restarting", "suspended", "key_refused", "unrecorded"]
KINDS = {1: "ready", 2: "publish", 3: "view", 4: "proof", 5: "patch", 6: "delete", 7: "list", 8: "subscribe",
         9: "unsubscribe", 10: "cancel", 11: "metrics", 12: "guess"}
NO_PICTURE = 0xFFFFFFFF
PUSH_EVERY_S = 1.0


def text(value):
    data = value.encode()
    return struct.pack(">I", len(data)) + data


def camera_list(cameras):
    out = struct.pack(">I", len(cameras))
    for camera in cameras:
        age = camera.get("age_ms")
        out += bytes.fromhex(camera["id"]) + text(camera["name"])
        out += bytes([STATES.index(camera["state"]), REASONS.index(camera.get("reason", "none"))])
        out += text(camera.get("suspension", ""))
        out += struct.pack(">IIIIII", NO_PICTURE if age is None else age, 25000, 2480, 2, 900, 1)
        watched = camera.get("watched_by", [])
        out += struct.pack(">I", len(watched)) + b"".join(map(text, watched))
        out += struct.pack(">I", camera.get("watched_by_more", 0))
    return out


class Keeper:
    def __init__(self, program):
        self.program = program
        self.cameras, self.tokens, self.refusal, self.head = [], None, None, ""
        self.push, self.port, self.front, self.channel = True, 0, None, None
        self.subscribers, self.sessions, self.unfinished = [], 0, b""
        self.selector = selectors.DefaultSelector()
        self.selector.register(sys.stdin, selectors.EVENT_READ, self.on_command)

    def say(self, **event):
        print(json.dumps(event), flush=True)

    def start(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

        def hand_over():
            os.dup2(theirs.fileno(), 3, inheritable=True)

        self.front = subprocess.Popen([self.program], preexec_fn=hand_over, close_fds=False, stdin=subprocess.DEVNULL)
        theirs.close()
        self.channel, self.subscribers = ours, []
        self.selector.register(ours, selectors.EVENT_READ, self.on_record)
        names = [text(name) for name in ("127.0.0.1", "localhost", "::1")]
        self.send(32, struct.pack(">BHI", 1, self.port, len(names)) + b"".join(names) + text("") + text(""))

    def kill(self):
        self.front.kill()
        self.front.wait()
        self.selector.unregister(self.channel)
        self.channel.close()
        self.channel = None

    def send(self, kind, body):
        if self.channel is not None:
            self.channel.send(struct.pack(">BBHI", 1, kind, 0, len(body)) + body)

    def refuse(self, ticket, status, title, detail):
        self.send(34, ticket + struct.pack(">H", status) + text(title) + text(detail) + struct.pack(">H", 1))

    def push_lists(self):
        for ticket in self.subscribers:
            self.send_list(ticket)

    def send_list(self, ticket):
        self.send(37, ticket + camera_list(self.cameras) + text(self.head))

    def on_command(self):
        data = os.read(sys.stdin.fileno(), 65536)
        if not data:
            self.front.kill()
            sys.exit(0)
        *lines, self.unfinished = (self.unfinished + data).split(b"\n")
        for line in lines:
            self.obey(json.loads(line))

    def obey(self, command):
        what = command["do"]
        if what == "cameras":
            self.cameras = command["cameras"]
            self.push_lists()
        elif what == "head":
            self.head = command["head"]
            self.push_lists()
        elif what == "tokens":
            self.tokens = command["tokens"]
        elif what == "refuse":
            self.refusal = command if command["status"] else None
        elif what == "push":
            self.push = command["on"]
        elif what == "kill":
            self.kill()
        elif what == "restart":
            if self.channel is not None:
                self.kill()
            self.start()

    def on_record(self):
        record = self.channel.recv(96 * 1024)
        if not record:
            return
        kind, ticket, rest = KINDS[record[1]], record[8:40], record[40:]
        if kind == "ready":
            self.port = struct.unpack(">H", record[8:10])[0]
            self.say(event="ready", port=self.port)
            return
        camera = rest[:16].hex() if kind in ("publish", "view") else ""
        head = rest[36:].decode() if kind == "subscribe" else ""  # behind the token
        self.say(event="front", kind=kind, camera=camera, head=head)
        if kind in ("publish", "view", "list", "subscribe"):
            token = rest[16:48] if camera else rest[:32]
            assert hashlib.sha256(token).digest()[:16] == ticket[16:], "the principal is not the token's"
            if self.tokens is not None and token.hex() not in self.tokens:
                self.refuse(ticket, 401, "token not known", "Ask for a new token.")
                return
        getattr(self, "on_" + kind, lambda *_: None)(ticket, rest)

    def on_subscribe(self, ticket, _):
        self.subscribers.append(ticket)
        self.send_list(ticket)

    def on_unsubscribe(self, ticket, _):
        self.subscribers = [known for known in self.subscribers if known != ticket]

    def on_list(self, ticket, _):
        self.send_list(ticket)

    def on_view(self, ticket, _):
        if self.refusal:
            self.refuse(ticket, self.refusal["status"], self.refusal["title"], self.refusal["detail"])
            return
        self.sessions += 1
        session = hashlib.sha256(str(self.sessions).encode()).digest()[:16]
        self.send(35, ticket + session + bytes(16) + bytes(60))

    def on_proof(self, ticket, rest):
        self.send(33, ticket + rest[:16] + text("tag") + text("v=0\r\n"))

    def on_delete(self, ticket, _):
        self.send(36, ticket + struct.pack(">H", 200) + text(""))

    def run(self):
        self.start()
        pushed = time.monotonic()
        while True:
            for key, _ in self.selector.select(timeout=0.1):
                key.data()
            live = any(camera["state"] in ("live", "stale") for camera in self.cameras)
            if self.push and live and time.monotonic() - pushed > PUSH_EVERY_S:
                pushed = time.monotonic()
                self.push_lists()


Keeper(sys.argv[1]).run()
