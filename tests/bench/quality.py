"""Quality on a bad network: the same stream through the real daemon, and through Janus where it is installed, over
the same impairment relay. Prints one JSON object: what was measured beside what is asked for; a table goes to
stderr. Nothing here fails on a time.

usage: tests/bench/quality [--profiles a,b] [--seconds N] [--seed S] [--no-peer] [--no-keyframe-requests]
"""
import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench.hub_server import HubServer  # noqa: E402
from bench.janus_server import JanusServer, make_interface, why_no_janus  # noqa: E402
from bench.quality_profiles import ASKED_RETRANSMISSIONS_PER_LOST, PROFILES, STREAM_KBIT, chosen  # noqa: E402
from bench.quality_run import WARM_UP_S, Run  # noqa: E402

DEFINITIONS = {
    "stream": f"synthetic H.264, 25 frames a second, {STREAM_KBIT} kbit/s, a keyframe of 120 packets every 2 s and when one "
              "is asked for (at most every 300 ms); the camera keeps 2048 packets, answers NACK (RTX where agreed, else "
              "plainly), sends each frame at 10 packets a ms (a 100 Mbit/s link) and does not adapt its rate",
    "viewer": "puts packets in order, asks for missing ones after the reordering that it has seen and then every 1.5 round "
              "trips (12 times at most), gives a gap up after 400 ms, asks for a keyframe when it can't decode (at most "
              "every 500 ms)",
    "decodable": "the frame and every frame back to its keyframe are whole",
    "on_time_pct": "share of the frames sent that are decodable within 500 ms of their sending",
    "delay_ms": "of decodable frames, late ones too: from just before the last packet of the first transmission is handed "
                "to the kernel at the camera, to the kernel's stamp on the last packet that makes the frame decodable at the "
                "viewer; the network's own delay and both relays are within",
    "whole_delay_ms": "the same to the frame's own last packet, whatever became of those before it",
    "freezes": "intervals over 200 ms between the instants at which neighbouring on-time frames become decodable; freeze_ms "
               "is their sum, each whole",
    "torn": "handed over as whole, but with other bytes than were sent",
    "backwards": "frames that came after a later one",
    "retransmissions": "on the impaired leg in the direction of the pictures, counted by the relay: sequence numbers that "
                       "went twice, and RTX packets; lost_packets are the RTP packets, retransmissions too, that it lost "
                       "there by chance or by a full queue",
    "live_after_s": "from the end of the cut to the first on-time frame after which a second of frames are all on time",
    "cpu_us_per_packet": "of the process that carries media (lane; Janus as a whole) for each packet that the viewer got; "
                         "null where it got less than a tenth of what was sent",
    "relay_late_us": "how long after its time the relay let a datagram go (the worst of four directions)",
}
NETWORK = {
    "where": "a process between client and server on each leg; every datagram of the leg goes through it; set-up and the "
             f"first picture are on a clear network, then the network is bad for {WARM_UP_S:g} s before counting begins",
    "loss": "each datagram independently; with a burst: Gilbert-Elliott, a perfect and a deaf state, mean length of a burst "
            "as said. Media, retransmissions, RTCP and STUN alike",
    "delay_ms": "fixed, each way",
    "jitter_ms": "each datagram is delayed by a uniform 0 to N more, independently of all others: it reorders",
    "rate_kbit": "a link with a queue of 300 ms; what would wait longer is dropped",
    "both directions": "random profiles lose in the other direction too; jitter and delay are the same both ways; the "
                       "bursts and the cut are of the media direction alone",
}
ASKED = {
    "on_time_pct": ("decodable and on time (%)", lambda c: c["on_time_pct"], lambda m, a: m >= a),
    "delay_p50_ms": ("delay p50 (ms)", lambda c: (c["delay_ms"] or {}).get("p50"), lambda m, a: m <= a),
    "delay_p99_ms": ("delay p99 (ms)", lambda c: (c["delay_ms"] or {}).get("p99"), lambda m, a: m <= a),
    "torn": ("torn pictures", lambda c: c["torn"], lambda m, a: m <= a),
    "live_after_s": ("live after the cut (s)", lambda c: c["live_after_s"], lambda m, a: m <= a),
    "retransmissions_per_lost": ("retransmissions per lost packet", lambda c: c["retransmissions_per_lost"],
                                 lambda m, a: m < a),
}


def column(server_type, profile, args):
    with server_type() as server, Run(server, not args.no_keyframe_requests) as run:
        return run.measure(profile, args.seconds, args.seed)


def figures(row, columns):
    asked = dict(row["asked"])
    if row["latchkey"]["lost_packets"]:
        asked["retransmissions_per_lost"] = ASKED_RETRANSMISSIONS_PER_LOST
    for key, wanted in asked.items():
        what, read, reaches = ASKED[key]
        figure = {"network": row["network"], "what": what, "asked": wanted}
        for name in columns:
            measured = read(row[name])
            figure["measured" if name == "latchkey" else name] = measured
            if name == "latchkey":
                figure["reached"] = measured is not None and reaches(measured, wanted)
        yield figure


def show(row, columns):
    print(f"\n{row['network']}", file=sys.stderr)
    for name in columns:
        c = row[name]
        delay = c["delay_ms"] or {"p50": float("nan"), "p99": float("nan")}
        print(f"  {name:9} on time {c['on_time_pct']:7.3f} %  whole {c['whole_pct']:7.3f} %  "
              f"delay {delay['p50']:6.1f} / {delay['p99']:6.1f} ms  freezes {c['freezes']:3} ({c['freeze_ms'] / 1000:5.2f} s)  "
              f"again {c['retransmissions']:5} for {c['lost_packets']:5} lost  "
              f"torn {c['torn']}  keyframes asked {c['camera']['keyframe_requests']:3}  cpu {c['cpu_us_per_packet'] or float('nan'):5.1f} us ({c['cpu_pct_of_a_core']:.1f} %)"
              + (f"  live after {c['live_after_s']} s" if "live_after_s" in c else ""), file=sys.stderr)
    sys.stderr.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--profiles", default=",".join(p.name for p in PROFILES))
    parser.add_argument("--seconds", type=float, default=20, help="counted on each profile but the cut")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-peer", action="store_true", help="Latchkey alone")
    parser.add_argument("--no-keyframe-requests", action="store_true", help="the viewer never sends PLI")
    args = parser.parse_args()
    servers = [HubServer]
    if os.environ.get("LATCHKEY_BENCH_NAMESPACE") == "1":
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    absent = "--no-peer" if args.no_peer else why_no_janus()
    if not absent:
        make_interface()
        servers.append(JanusServer)
    names = [s.name for s in servers]
    rows, asked = [], []
    for profile in chosen(args.profiles.split(",")):
        row = {"profile": profile.name, "network": profile.title, "impairments": profile.describe(),
               "asked": profile.asked, **{s.name: column(s, profile, args) for s in servers}}
        rows.append(row)
        asked += figures(row, names)
        show(row, names)
    print(json.dumps({
        "date": time.strftime("%Y-%m-%d"), "cpus": os.cpu_count(), "seconds": args.seconds, "seed": args.seed,
        "keyframe_requests_of_the_viewer": not args.no_keyframe_requests, "columns": names,
        **({"janus_absent": absent} if absent else {"janus_version": JanusServer.version()}),
        "figures": asked, "profiles": rows, "definitions": DEFINITIONS, "network_model": NETWORK,
    }, indent=2))


if __name__ == "__main__":
    main()
