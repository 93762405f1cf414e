"""The networks of the quality benchmark, and what is asked for on each."""

CAMERA, VIEWER = "camera", "viewer"


class Profile:
    """`media` impairs the direction of the pictures, `back` the other one; both of one leg, the other is clear."""

    def __init__(self, name, title, asked, media=None, back=None, leg=CAMERA, cut=None):
        self.name, self.title, self.asked = name, title, asked
        self.media, self.back, self.leg = media or {}, back or {}, leg
        self.cut = cut  # seconds that `media` lasts, 2 s after counting began; else it lasts throughout

    def network(self, seed):
        media, back = {**self.media, "seed": seed}, {**self.back, "seed": seed + 1}
        if self.leg == CAMERA:
            return {"to_server": media, "to_client": back}
        return {"to_server": back, "to_client": media}

    def describe(self):
        return {"leg": self.leg, "media_direction": self.media, "other_direction": self.back,
                **({"lasts_s": self.cut} if self.cut else {})}


def both(**network):
    """The same in both directions: of random profiles the loss takes NACKs and reports as it takes media."""
    return {"media": network, "back": network}


STREAM_KBIT = 2500
PROFILES = [
    Profile("clean", "clean", {"on_time_pct": 100, "delay_p50_ms": 1, "delay_p99_ms": 5}),
    Profile("random1", "1 % random, 10 ms jitter", {"on_time_pct": 99.99, "delay_p50_ms": 40, "delay_p99_ms": 120},
            **both(loss=0.01, jitter_ms=10)),
    Profile("random5", "5 % random, 30 ms jitter", {"on_time_pct": 99.5, "delay_p50_ms": 90, "delay_p99_ms": 250},
            **both(loss=0.05, jitter_ms=30)),
    Profile("burst10", "10 % in bursts of 5, 50 ms jitter", {"on_time_pct": 98, "delay_p99_ms": 400},
            media={"loss": 0.10, "burst": 5, "jitter_ms": 50}, back={"jitter_ms": 50}),
    Profile("random20", "20 % random, 100 ms RTT", {"on_time_pct": 90, "delay_p99_ms": 500},
            **both(loss=0.20, delay_ms=50)),
    # Janus keeps nothing to send again until it has measured a round trip other than 0 ms, which loopback is.
    Profile("viewer5", "5 % random, 4 ms RTT on the viewer leg", {"on_time_pct": 99.5, "delay_p99_ms": 250},
            **both(loss=0.05, delay_ms=2), leg=VIEWER),
    Profile("ratecut", "rate cut to half for 10 s", {"torn": 0, "live_after_s": 2},
            media={"rate_kbit": STREAM_KBIT // 2}, cut=10),
]
# On every profile.
ASKED_RETRANSMISSIONS_PER_LOST = 3


def chosen(names):
    by_name = {p.name: p for p in PROFILES}
    unknown = [n for n in names if n not in by_name]
    if unknown:
        raise SystemExit(f"no such profile: {', '.join(unknown)} (there are {', '.join(by_name)})")
    return [by_name[n] for n in names]
