"""The figures of the live view, of the real processes on loopback: 720p25 H.264 at 2.5 Mbit/s, keyframes of 120
packets. Prints one JSON object: what was measured beside what is asked for. Nothing here fails on a time.

usage: tests/bench/run [--seconds N]
"""
import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.hub import Hub, bin_dir, cpu_ns, eventually, memory_kib  # noqa: E402


class Bench:
    def __init__(self, seconds):
        self.seconds = seconds
        self.bin = bin_dir()

    def load(self, hub, camera, viewer, *args):
        return hub.program("load", [self.bin / "latchkey-bench-load", "--whip", f"{hub.url}/whip/{camera['id']}",
                                    "--whep", f"{hub.url}/whep/{camera['id']}", *args],
                           {"LATCHKEY_CAMERA_TOKEN": camera["token"], "LATCHKEY_VIEWER_TOKEN": viewer["token"]})

    def fan_out(self, viewers):
        with Hub() as hub:
            camera = hub.add_camera("Bench")
            viewer = hub.add_viewer("Anna", camera)
            lane, = eventually("a lane", lambda: hub.children("latchkey-lane"))
            empty = memory_kib(lane)
            load = self.load(hub, camera, viewer, "--viewers", viewers, "--seconds", self.seconds)
            eventually("it measures", lambda: load.process.poll() is not None or "measuring" in load.text(), 120)
            began = cpu_ns(lane)
            assert load.wait(self.seconds + 120) == 0, load.errors()
            cpu = cpu_ns(lane) - began
            report = load.json()
            report["lane_cpu_us_per_packet"] = cpu / 1000 / max(1, report["packets_delivered"])
            report["lane_kib"] = {"before": empty, "with_viewers": memory_kib(lane)}
            return report

    def joins(self, gop, count):
        with Hub() as hub:
            camera = hub.add_camera("Bench")
            viewer = hub.add_viewer("Anna", camera)
            load = self.load(hub, camera, viewer, "--joins", count, "--gop", gop)
            assert load.wait(300) == 0, load.errors()
            return load.json()

    def memory(self):
        """Resident memory with a live camera: whole hub, a further lane, a further viewer."""
        with Hub() as hub:
            cameras = [hub.add_camera(f"Camera {i}") for i in range(2)]
            viewer = hub.add_viewer("Anna", *cameras)
            hub.cam(cameras[0])
            hub.live(cameras[0])
            eventually("the cache holds a group", lambda: hub.status(cameras[0])["fps"] > 20)
            pids = {"keeper": [hub.daemon.pid], "front": hub.children("latchkey-front")}
            # Both lanes in one sum: the second camera publishes later, and what the sum grows by is its lane.
            one = self.sum_kib(pids["keeper"] + pids["front"] + [self.busiest(hub)])
            before = self.sum_kib(self.everyone(hub))
            idle_lane = memory_kib([p for p in hub.children("latchkey-lane") if p != self.busiest(hub)][0])
            hub.cam(cameras[1])
            hub.live(cameras[1])
            eventually("the cache holds a group", lambda: hub.status(cameras[1])["fps"] > 20)
            after = self.sum_kib(self.everyone(hub))
            return {"keeper_kib": memory_kib(hub.daemon.pid), "front_kib": memory_kib(pids["front"][0]),
                    "keeper_front_one_lane_kib": one, "further_lane_kib": after - before + idle_lane,
                    "unit": "proportional set size"}

    @staticmethod
    def busiest(hub):
        return max(hub.children("latchkey-lane"), key=cpu_ns)

    @staticmethod
    def sum_kib(pids):
        return sum(memory_kib(p) for p in pids)

    @staticmethod
    def everyone(hub):
        return [hub.daemon.pid, *hub.children("latchkey-front"), *hub.children("latchkey-lane")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--joins", type=int, default=40)
    args = parser.parse_args()
    bench = Bench(args.seconds)
    floor = json.loads(subprocess.run([bench.bin / "latchkey-bench-floor"], check=True, capture_output=True, text=True).stdout)
    one, fifty = bench.fan_out(1), bench.fan_out(50)
    joins = {f"gop_{gop}s": bench.joins(gop, args.joins) for gop in (2, 10)}
    memory = bench.memory()
    per_viewer = (fifty["lane_kib"]["with_viewers"] - one["lane_kib"]["with_viewers"]) / 49
    figures = [
        ("frame delay p99, 1 viewer (ms)", 5, one["frame_delay_ms"]["p99"]),
        ("frame delay p99, 50 viewers (ms)", 20, fifty["frame_delay_ms"]["p99"]),
        ("first picture after POST, p95, keyframes every 2 s (ms)", 300, joins["gop_2s"]["post_to_picture_ms"]["p95"]),
        ("first picture after POST, p95, keyframes every 10 s (ms)", 300, joins["gop_10s"]["post_to_picture_ms"]["p95"]),
        ("lane CPU per delivered packet, 50 viewers (us)", 10, fifty["lane_cpu_us_per_packet"]),
        ("keeper + front + one lane (KiB)", 25 * 1024, memory["keeper_front_one_lane_kib"]),
        ("a further lane (KiB)", 6 * 1024, memory["further_lane_kib"]),
        ("a further viewer (kB)", 150, per_viewer * 1.024),
    ]
    report = {
        "date": time.strftime("%Y-%m-%d"), "cpus": os.cpu_count(),
        "figures": [{"what": w, "asked": a, "measured": round(m, 3), "reached": m <= a} for w, a, m in figures],
        "floor": floor, "viewers_1": one, "viewers_50": fifty, "joins": joins, "memory": memory,
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
