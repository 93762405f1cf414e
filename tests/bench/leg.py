"""One client's leg through an impairment relay: the candidates in offer and answer are replaced by the relay's
addresses, so that neither end knows of it."""
import json
import re

from bench.dialogue import Dialogue
from support.hub import bin_dir

CANDIDATE = re.compile(r"^a=candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host", re.I | re.M)


def server_address(sdp):
    """Address and port of the first UDP candidate that has IPv4."""
    found = CANDIDATE.search(sdp)
    if not found:
        raise AssertionError(f"the server names no UDP candidate:\n{sdp}")
    return found.groups()


def with_candidate(sdp, address, port):
    """The same description with one candidate alone, in the first media section (the others are bundled with it)."""
    lines = [line for line in sdp.replace("\r\n", "\n").rstrip("\n").split("\n")
             if not line.startswith(("a=candidate:", "a=end-of-candidates"))]
    media = [at for at, line in enumerate(lines) if line.startswith("m=")] + [len(lines)]
    lines[media[1]:media[1]] = [f"a=candidate:1 1 udp 2130706431 {address} {port} typ host", "a=end-of-candidates"]
    return "\r\n".join(lines) + "\r\n"


class Leg:
    def __init__(self, name, folder):
        self.relay = Dialogue(f"relay-{name}", [bin_dir() / "latchkey-bench-relay"], folder)
        self.port = self.relay.hear("port")["port"]

    def to_server(self, offer, address):
        """The client's offer as the server shall see it; `address` is where the server has its sockets."""
        return with_candidate(offer, address, self.relay.ask(f"reserve {address}", "reserved")["reserved"])

    def to_client(self, answer):
        """The server's answer as its client shall see it."""
        self.relay.ask("upstream {} {}".format(*server_address(answer)), "upstream")
        return with_candidate(answer, "127.0.0.1", self.port)

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
