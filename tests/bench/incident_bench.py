"""How long the owner waits for an incident's answer, on a log of many records. Prints one JSON object.

The log is made by the daemon's own code; the daemon runs on it, and checks it from its beginning meanwhile, as
after each start. The floor is a question about a time in which nobody watched.
"""
import argparse
import datetime
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.hub import Hub, bin_dir  # noqa: E402


def moment(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=5)
    wanted = parser.parse_args()
    # No year is over before it has begun: nothing may be cut off as too old or too much.
    hub = Hub(config="[audit]\nkeep_days = 3660\nmax_mb = 100000\n")
    began = time.monotonic()
    made = json.loads(subprocess.run([bin_dir() / "latchkey-bench-audit", hub.state, str(wanted.records)],
                                     check=True, capture_output=True, text=True).stdout)
    made["made_in_s"] = round(time.monotonic() - began, 1)
    made["bytes"] = (hub.state / "audit.db").stat().st_size
    first, last = made["first"], made["last"]
    day, middle = 86400, (first + last) // 2
    questions = {
        "nobody watched (floor)": [first - 2 * day, first - day],
        "an hour": [middle, middle + 3600],
        "a day": [middle, middle + day],
        "a day, one model, loss above 20 %": [middle, middle + day, "--model", "M1", "--loss-above", "20"],
        "the newest day": [last - day, last],
        "the whole year, loss above 29 %": [first, last, "--loss-above", "29"],
    }
    answers = {}
    with hub:
        for name, (since, until, *more) in questions.items():
            times, views = [], 0
            for _ in range(wanted.runs):
                start = time.monotonic()
                done = subprocess.run([bin_dir() / "latchkeyctl", "--run", hub.run, "--json", "incident",
                                       "--from", moment(since), "--to", moment(until), *more],
                                      check=True, capture_output=True, text=True)
                times.append(time.monotonic() - start)
                views = json.loads(done.stdout)["views_in_all"]
            answers[name] = {"views": views, "median_s": round(statistics.median(times), 3), "most_s": round(max(times), 3)}
    print(json.dumps({"log": made, "asked_s": 2, "answers": answers}, indent=1))


if __name__ == "__main__":
    main()
