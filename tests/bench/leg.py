"""One client's leg through an impairment relay: the answer's candidate is replaced by the relay's address, so
that neither end knows of it."""
import json
import re

from bench.dialogue import Dialogue
from support.hub import bin_dir

CANDIDATE = re.compile(r"^a=candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host", re.I | re.M)


def server_port(sdp):
    """The port of the first UDP candidate on loopback."""
    for address, port in CANDIDATE.findall(sdp):
        if address == "127.0.0.1":
            return int(port)
    raise AssertionError(f"the server names no candidate on 127.0.0.1:\n{sdp}")


def with_candidate(sdp, port):
    """The same description, reached at that port of loopback alone."""
    lines, placed = [], False
    for line in sdp.replace("\r\n", "\n").rstrip("\n").split("\n"):
        if line.startswith(("a=candidate:", "a=end-of-candidates")):
            if line.startswith("a=candidate:") and not placed:
                lines += [f"a=candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host", "a=end-of-candidates"]
                placed = True
            continue
        lines.append(line)
    return "\r\n".join(lines) + "\r\n"


class Leg:
    def __init__(self, name, folder):
        self.relay = Dialogue(f"relay-{name}", [bin_dir() / "latchkey-bench-relay"], folder)
        self.port = self.relay.hear("port")["port"]

    def through(self, answer):
        """The server's answer as its client shall see it."""
        self.relay.ask(f"upstream {server_port(answer)}", "upstream")
        return with_candidate(answer, self.port)

    def impair(self, network):
        """From now on; see relay_direction.h. An empty one is a clear leg."""
        self.relay.ask("impair " + json.dumps(network), "impaired")

    def stats(self):
        return self.relay.ask("stats", "to_server")

    def stop(self):
        self.relay.stop()


def spent(before, after):
    """What happened between two stats(), and how late datagrams were in that time."""
    def difference(a, b):
        if isinstance(b, dict):
            return {k: b[k] if k == "late_us" else difference(a.get(k, {} if isinstance(b[k], dict) else 0), b[k]) for k in b}
        return b - a
    return difference(before, after)
