"""The quality benchmark at its smallest: relay, daemon and both ends of the stream. What it measures is not judged."""
import json
import subprocess
import sys
import unittest

from bench.leg import server_address, spent, with_candidate
from support.hub import PATIENCE, ROOT

COLUMN = {"frames", "on_time_pct", "decodable_pct", "whole_pct", "delay_ms", "freezes", "freeze_ms", "torn", "lost_packets",
          "retransmissions", "retransmissions_per_lost", "cpu_us_per_packet", "cpu_pct_of_a_core", "camera", "viewer", "relay_late_us"}


class Quality(unittest.TestCase):
    def run_bench(self, *args):
        run = subprocess.run([sys.executable, str(ROOT / "tests/bench/quality.py"), "--no-peer", *args],
                             capture_output=True, text=True, timeout=3 * PATIENCE)
        self.assertEqual(run.returncode, 0, run.stdout[-2000:] + run.stderr[-2000:])
        return json.loads(run.stdout)

    def test_a_clear_and_a_bad_network_are_told_apart(self):
        report = self.run_bench("--profiles", "clean,random5", "--seconds", "2", "--seed", "3")
        clean, bad = (row["latchkey"] for row in report["profiles"])
        for column in (clean, bad):
            self.assertLessEqual(COLUMN, column.keys())
            # 25 a second; a machine that is busy may be a little off.
            self.assertGreater(column["frames"], 25, column)
            self.assertLess(column["frames"], 75, column)
            self.assertGreater(column["camera"]["packets"], 100, column)
            self.assertEqual(column["torn"], 0, column)
        self.assertEqual(clean["lost_packets"], 0, clean)
        self.assertGreater(clean["whole_pct"], 0, clean)
        self.assertGreater(clean["viewer"]["packets"], 100, clean)
        self.assertGreater(bad["lost_packets"], 5, bad)
        self.assertLess(bad["lost_packets"], bad["camera"]["packets"] / 2, bad)
        asked = {(f["network"], f["what"]) for f in report["figures"]}
        self.assertIn(("clean", "decodable and on time (%)"), asked)
        self.assertIn(("5 % random, 30 ms jitter", "retransmissions per lost packet"), asked)
        self.assertEqual(report["janus_absent"], "--no-peer")
        self.assertIn("freezes", report["definitions"])

    def test_repetitions_behind_a_frame_do_not_make_it_torn(self):
        # A frame is in the account when its own last packet has left. Hundreds of repetitions wait behind it here.
        report = self.run_bench("--profiles", "ratecut", "--seconds", "12")
        self.assertEqual(report["profiles"][0]["latchkey"]["torn"], 0, report)

    def test_an_unknown_profile_is_refused_by_name(self):
        run = subprocess.run([sys.executable, str(ROOT / "tests/bench/quality.py"), "--profiles", "clean,moon"],
                             capture_output=True, text=True, timeout=PATIENCE)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("moon", run.stderr)


class ThroughARelay(unittest.TestCase):
    SDP = ("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=candidate:1 1 udp 1 127.0.0.1 47001 typ host\r\n"
           "a=candidate:2 1 udp 1 192.0.2.7 47002 typ host\r\na=end-of-candidates\r\nm=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\n")

    def test_the_only_candidate_left_is_the_relays(self):
        self.assertEqual(server_address(self.SDP), ("127.0.0.1", "47001"))
        changed = with_candidate(self.SDP, "127.0.0.1", 5000)
        self.assertEqual(server_address(changed), ("127.0.0.1", "5000"))
        self.assertEqual(changed.count("a=candidate:"), 1)
        self.assertLess(changed.index("a=candidate:"), changed.index("m=audio"))

    def test_a_description_without_candidates_gets_one(self):
        bare = with_candidate("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n", "10.0.0.1", 7)
        self.assertEqual(server_address(bare), ("10.0.0.1", "7"))
        with self.assertRaises(AssertionError):
            server_address("v=0\r\n")

    def test_what_was_spent_is_a_difference_but_lateness_is_as_told(self):
        before = {"to_server": {"rtp": 5, "rtp_by_type": {"96": 5}, "late_us": {"p50": 1}}}
        after = {"to_server": {"rtp": 9, "rtp_by_type": {"96": 7, "97": 2}, "late_us": {"p50": 3}}}
        self.assertEqual(spent(before, after),
                         {"to_server": {"rtp": 4, "rtp_by_type": {"96": 2, "97": 2}, "late_us": {"p50": 3}}})


if __name__ == "__main__":
    unittest.main()
