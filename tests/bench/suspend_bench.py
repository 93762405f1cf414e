"""From a suspension's order to the last media byte at any viewer, of the real processes on loopback: 8 cameras (720p25
H.264 at 2.5 Mbit/s) with 4 viewers each, who lose packets and ask again, while strangers send junk and the disk is
told how far four senders with enrolled keys have come. Prints one JSON object: what was measured beside what is asked
for. Nothing here fails on a time.

With --disk-ms each write to the disk that the daemon waits for takes so much longer (by strace), as on a memory card.

usage: tests/bench/suspend [--orders N] [--cameras N] [--viewers N] [--enrolled N] [--noise PER_SECOND] [--loss PCT] [--disk-ms N] [--seed N]
"""
import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.enrolled import ffmpeg  # noqa: E402
from support.hub import Hub, bin_dir, cpu_ns  # noqa: E402

ASKED_MS = 100


def load_average():
    return [float(x) for x in Path("/proc/loadavg").read_text().split()[:3]]


def steal():
    """Time that the machine was not given, and all time, in ticks."""
    fields = [int(x) for x in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return fields[7], sum(fields[:8])


@contextlib.contextmanager
def slow_disk(pid, milliseconds):
    calls = "fsync,fdatasync"
    args = ["strace", "-f", "-p", str(pid), "-o", "/dev/null", "-e", f"trace={calls}",
            "-e", f"inject={calls}:delay_enter={milliseconds * 1000}"]
    with subprocess.Popen(args, stderr=subprocess.PIPE, text=True) as strace:
        assert "attached" in strace.stderr.readline()
        try:
            yield
        finally:
            strace.terminate()


class Suspensions:
    """A hub with its cameras, their viewers, and the program that plays all of them and the owner."""

    def __init__(self, hub, cameras, viewers, orders, *, noise=0, loss=0.0, seed=1, hold_ms=300, bitrate_kbit=2500):
        self.hub = hub
        enrolled = [hub.ctl("camera", "add", f"Camera {i}", "--model", f"Model {i // 2}") for i in range(cameras)]
        plan = {"url": hub.url, "control": str(hub.run / "control.sock"), "orders": orders, "seed": seed, "hold_ms": hold_ms,
                "noise_per_second": noise, "loss": loss, "bitrate_kbit": bitrate_kbit,
                "cameras": [{"id": c["id"], "token": c["token"], "model": f"Model {i // 2}"} for i, c in enumerate(enrolled)],
                "viewers": []}
        for i in range(cameras * viewers):
            viewer = hub.ctl("viewer", "add", f"Viewer {i}")
            grant = hub.ctl("grant", "add", "--viewer", viewer["id"], "--camera", enrolled[i % cameras]["id"])
            plan["viewers"].append({**viewer, "grant": grant["id"], "camera": i % cameras})
        self.plan = hub.folder / "plan.json"
        self.plan.write_text(json.dumps(plan))

    def run(self, patience):
        began, ticks = time.monotonic(), steal()
        busy = {pid: cpu_ns(pid) for pid in (self.hub.daemon.pid, *self.hub.children("latchkey-front"))}
        load = self.hub.program("suspend", [bin_dir() / "latchkey-bench-suspend", "--plan", self.plan])
        assert load.wait(patience) == 0, load.errors()
        report = load.json()
        seconds = time.monotonic() - began
        stolen, all_ticks = (after - before for before, after in zip(ticks, steal()))
        report["seconds"] = round(seconds, 1)
        report["keeper_and_front_cpu_share"] = round(sum(cpu_ns(p) - b for p, b in busy.items()) / seconds / 1e9, 3)
        report["stolen_share"] = round(stolen / max(1, all_ticks), 4)
        return report


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, default=250)
    parser.add_argument("--cameras", type=int, default=8)
    parser.add_argument("--viewers", type=int, default=4, help="of each camera")
    parser.add_argument("--enrolled", type=int, default=4, help="cameras more, sent by FFmpeg, which nobody watches")
    parser.add_argument("--noise", type=int, default=8000, help="junk datagrams a second, over all lanes")
    parser.add_argument("--loss", type=float, default=2, help="percent of the media packets, at the viewers")
    parser.add_argument("--disk-ms", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    before = load_average()
    with Hub() as hub:
        bench = Suspensions(hub, args.cameras, args.viewers, args.orders, noise=args.noise, loss=args.loss / 100, seed=args.seed)
        for i in range(args.enrolled):
            camera = hub.ctl("camera", "add", f"Enrolled {i}", "--sdes")
            ffmpeg(hub, camera, camera["sdes_port"])
            hub.live(camera)
        with slow_disk(hub.daemon.pid, args.disk_ms) if args.disk_ms else contextlib.nullcontext():
            measured = bench.run(120 + 20 * args.orders)
    suspend, revoke = (measured["order_to_last_media_ms"][what] for what in ("suspend", "revoke"))
    figures = [("order to suspend -> last media packet at any viewer, p99.9 (ms)", suspend["p99.9"]),
               ("order to revoke a grant -> last media packet, max (ms)", revoke.get("max", -1))]
    quiet = ("media_after_answer", "datagrams_later_than_100_ms", "others_disturbed", "wrong_answers")
    print(json.dumps({
        "date": time.strftime("%Y-%m-%d"), "cpus": os.cpu_count(), "seed": args.seed, "disk_ms": args.disk_ms,
        "enrolled_senders": args.enrolled,
        "load_average": {"before": before, "after": load_average()},
        "figures": [{"what": what, "asked": ASKED_MS, "measured": round(ms, 2), "reached": 0 <= ms <= ASKED_MS}
                    for what, ms in figures] + [{"what": what.replace("_", " "), "asked": 0, "measured": measured[what],
                                                 "reached": measured[what] == 0} for what in quiet],
        "measured": measured}, indent=2))


if __name__ == "__main__":
    main()
