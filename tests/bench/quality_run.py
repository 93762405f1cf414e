"""One profile on one server: brings camera and viewer up on clear legs, impairs, counts, and says what was."""
import contextlib
import threading

from bench.dialogue import Dialogue
from bench.leg import Leg, spent
from bench.quality_profiles import CAMERA, VIEWER
from support.hub import bin_dir, cpu_ns

# The network is bad for so long before counting begins: what is measured is a hub that has met it.
WARM_UP_S = 3.0
# A cut begins so long after counting did, and counting goes on for so long after it ended.
BEFORE_CUT_S = 2.0
AFTER_CUT_S = 8.0


def wait(seconds):
    threading.Event().wait(seconds)


class Run:
    def __init__(self, server, keyframe_requests=True):
        self.server = server
        self.keyframe_requests = keyframe_requests
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with self.stack:
            folder = self.server.folder
            self.legs = {}
            for name in (CAMERA, VIEWER):
                self.legs[name] = Leg(name, folder)
                self.stack.callback(self.legs[name].stop)
            args = [bin_dir() / "latchkey-bench-quality"]
            self.client = Dialogue("quality", args + ([] if self.keyframe_requests else ["--no-keyframe-requests"]), folder)
            self.stack.callback(self.client.stop)
            self.connect()
            self.kept = self.stack.pop_all()
        return self

    def __exit__(self, *exc):
        self.kept.close()

    def connect(self):
        for who, signal in ((CAMERA, self.server.publish), (VIEWER, self.server.view)):
            if who == VIEWER:
                self.client.say({"do": "view"})
            leg = self.legs[who]
            offer = leg.to_server(self.client.hear("offer", who)["sdp"], self.server.address)
            answer = signal(offer)
            self.client.say({**answer, "do": "answer", "who": who, "sdp": leg.to_client(answer["sdp"])})
            self.client.hear("connected", who)
        self.client.hear("picture")

    def measure(self, profile, seconds, seed):
        leg = self.legs[profile.leg]
        if not profile.cut:
            leg.impair(profile.network(seed))
        wait(min(WARM_UP_S, seconds))
        length = BEFORE_CUT_S + profile.cut + AFTER_CUT_S if profile.cut else seconds
        self.client.ask({"do": "measure", "seconds": length}, "began")
        before, cpu = {n: l.stats() for n, l in self.legs.items()}, cpu_ns(self.server.pid)
        if profile.cut:
            wait(BEFORE_CUT_S)
            leg.impair(profile.network(seed))
            wait(profile.cut)
            leg.impair({})
            self.client.say({"do": "mark"})
        self.client.hear("ended", patience=length + 30)
        cpu = cpu_ns(self.server.pid) - cpu
        legs = {n: spent(before[n], l.stats()) for n, l in self.legs.items()}
        report = self.client.hear("report")["report"]
        return summarise(profile, report, legs, cpu)


def retransmissions(direction, rtx_type):
    """Sequence numbers that went twice, and packets of the payload type of RFC 4588."""
    return direction["rtp_repeats"] + direction["rtp_by_type"].get(str(rtx_type), 0)


def percent(part, whole):
    return round(100 * part / whole, 3) if whole else None


def per_packet(cpu, report):
    """None where so little came through that it would only say how little."""
    if report["viewer"]["packets"] < report["camera"]["packets"] / 10:
        return None
    return round(cpu / 1000 / report["viewer"]["packets"], 1)


def summarise(profile, report, legs, cpu):
    frames = report["frames"]
    # The direction of the pictures on the impaired leg.
    media = legs[CAMERA]["to_server"] if profile.leg == CAMERA else legs[VIEWER]["to_client"]
    again = retransmissions(media, report["rtx_payload_type"][profile.leg])
    lost = media["rtp_lost"]
    late = [l[d]["late_us"] for l in legs.values() for d in ("to_server", "to_client")]
    return {
        "frames": frames["sent"],
        "on_time_pct": percent(frames["on_time"], frames["sent"]),
        "decodable_pct": percent(frames["decodable"], frames["sent"]),
        "whole_pct": percent(frames["whole"], frames["sent"]),
        "delay_ms": frames["delay_ms"],
        "whole_delay_ms": frames["whole_delay_ms"],
        "freezes": frames["freezes"],
        "freeze_ms": frames["freeze_ms"],
        "torn": frames["torn"],
        "backwards": frames["backwards"],
        "lost_packets": lost,
        "retransmissions": again,
        "retransmissions_per_lost": round(again / lost, 2) if lost else None,
        **({"live_after_s": report["live_after_mark_s"] and round(report["live_after_mark_s"], 3)} if profile.cut else {}),
        "cpu_us_per_packet": per_packet(cpu, report),
        "cpu_pct_of_a_core": round(cpu / report["seconds"] / 1e7, 2),
        "camera": report["camera"],
        "viewer": report["viewer"],
        "relay_late_us": {q: max(x[q] for x in late) for q in ("p50", "p99", "max")},
    }
