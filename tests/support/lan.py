"""A small LAN in network namespaces: one host for the hub, one for the devices, IPv4 and IPv6 between them.

Needs root (or CAP_SYS_ADMIN and CAP_NET_ADMIN). Both namespaces go with the `with` block.
"""
import os
import re
import subprocess
import urllib.parse

from support.hub import Hub, Program, eventually

HUB4, DEVICE4 = "10.77.0.1", "10.77.0.2"
HUB6, DEVICE6 = "fd77::1", "fd77::2"


def available():
    """Whether this machine lets us make namespaces and work in them."""
    name = f"lktry{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode != 0:
        return False
    usable = subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], capture_output=True).returncode == 0
    subprocess.run(["ip", "netns", "del", name], check=True)
    return usable


class Lan:
    def __enter__(self):
        self.hub_ns, self.device_ns = f"lkhub{os.getpid()}", f"lkdev{os.getpid()}"

        def ip(*args):
            subprocess.run(["ip", *args], check=True, capture_output=True)

        self._ip = ip
        for ns in (self.hub_ns, self.device_ns):
            ip("netns", "add", ns)
        try:
            ip("-n", self.hub_ns, "link", "add", "lan0", "type", "veth", "peer", "name", "lan0", "netns", self.device_ns)
            for ns, four, six, gateway in ((self.hub_ns, HUB4, HUB6, DEVICE4), (self.device_ns, DEVICE4, DEVICE6, HUB4)):
                ip("-n", ns, "addr", "add", f"{four}/24", "dev", "lan0")
                ip("-n", ns, "addr", "add", f"{six}/64", "dev", "lan0", "nodad")
                ip("-n", ns, "link", "set", "lo", "up")
                ip("-n", ns, "link", "set", "lan0", "up")
                ip("-n", ns, "route", "add", "default", "via", gateway)
            # An address under duplicate detection can't be bound to: GStreamer's ICE would wait for it for ever.
            for ns in (self.hub_ns, self.device_ns):
                eventually("its addresses are usable", lambda ns=ns: not subprocess.run(
                    ["ip", "-n", ns, "-6", "addr", "show", "tentative"], check=True, capture_output=True).stdout)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for ns in (self.hub_ns, self.device_ns):
            subprocess.run(["ip", "netns", "del", ns], capture_output=True)

    def link(self, up):
        """The cable between hub and devices."""
        self._ip("-n", self.hub_ns, "link", "set", "lan0", "up" if up else "down")

    def on_device(self, *args):
        return ["ip", "netns", "exec", self.device_ns, *args]

    def on_hub(self, *args):
        return ["ip", "netns", "exec", self.hub_ns, *args]


class LanHub(Hub):
    """The daemon as a home runs it: HTTPS on the LAN, all addresses."""

    def __init__(self, lan, config=""):
        super().__init__(config)
        self.lan = lan

    def daemon_args(self, port=0):
        return self.lan.on_hub(self.bin / "latchkeyd", "--state", self.state, "--run", self.run, "--config", self.config)

    def start(self, port=0):
        self.starts += 1
        self.daemon = Program(self.folder, f"latchkeyd{self.starts}", self.daemon_args(port))

        def ready():
            if self.daemon.process.poll() is not None:
                raise AssertionError(f"latchkeyd ended: {self.daemon.errors()}")
            found = re.search(r"^latchkeyd: ready (https\S+)", self.daemon.text(), re.M)
            return found and found.group(1)

        printed = eventually("latchkeyd is ready", ready)
        self.port = urllib.parse.urlsplit(printed).port or 443
        self.host = HUB4
        self.url = f"https://{HUB4}:{self.port}"
        self.url6 = f"https://[{HUB6}]:{self.port}"
