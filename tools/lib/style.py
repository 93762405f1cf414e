#!/usr/bin/env python3
"""The house style as a test: layers, sizes, forbidden words. Prints each breach as FILE:LINE and a summary.

The arrows between folders are those of daemon/ARCHITECTURE.md: a folder may include what it names here,
itself, and nothing else of the house.
"""
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

BASE = {"base"}
WIRE = BASE | {"ports", "wire"}
STATION = WIRE
MEDIA = WIRE | {"peer", "gate", "frames", "cache", "access"}
ALLOWED = {
    "base": BASE,
    "ports": BASE | {"ports"},
    "wire": BASE | {"wire"},
    "peer": WIRE,
    "gate": WIRE,
    "frames": WIRE | {"gate"},
    "cache": WIRE | {"frames", "access"},
    "access": WIRE,
    "ingress": MEDIA,
    "egress": MEDIA,
    "lane": MEDIA | {"ingress", "egress"},
    "audit": BASE | {"ports"},
    "keeper": WIRE | {"access", "audit"},
    "front": WIRE | {"access"},
}
# Programs: the only places that see core and platform together.
PROGRAM_MAINS = re.compile(r"^daemon/(lane|keeper|front)/(main|program)[a-z_]*\.(cpp|h)$")

MAX_LINES = 400
FORBIDDEN = [
    (re.compile(r"\breinterpret_cast\b"), lambda p: not p.startswith(("platform/", "tools/")), "reinterpret_cast outside platform/"),
    (re.compile(r"\bshared_ptr\b"), lambda p: p.startswith(("daemon/", "platform/")), "shared_ptr"),
    (re.compile(r"\bsleep_for\b|\busleep\("), lambda p: True, "sleeping"),
    (re.compile(r"(steady|system|high_resolution)_clock::now"), lambda p: p.startswith("daemon/"), "reading a clock in the core"),
    (re.compile(r"\b(rand|srand)\(|random_device"), lambda p: p.startswith("daemon/"), "randomness of its own in the core"),
    (re.compile(r"\b(TODO|FIXME|XXX)\b"), lambda p: True, "unfinished business"),
    (re.compile(r"\bthrow\b"), lambda p: p.startswith("daemon/") and not p.startswith(("daemon/keeper/", "daemon/front/")), "an exception in the core"),
    (re.compile(r"std::(format|expected|ranges::views|views)\b"), lambda p: True, "a library part that clang 14 lacks"),
    (re.compile(r"\b(REQUIRE|CHECK)\(true\)"), lambda p: True, "a check that can't fail"),
]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def tracked():
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True)
    return [p for p in out.stdout.splitlines() if (ROOT / p).is_file()]


def layer_breach(path, include):
    """Why `path` may not include `include`, or None."""
    parts = path.split("/")
    target = include.split("/")
    if parts[0] == "daemon" and len(parts) > 2:
        if PROGRAM_MAINS.match(path):
            return None
        if target[0] == "platform":
            return "the core does not know platform/"
        if target[0] == "daemon" and target[1] not in ALLOWED[parts[1]] | {parts[1]}:
            return f"{parts[1]} may not include {target[1]}"
        if target[0] not in ("daemon",):
            return "include paths begin at the root"
    if parts[0] == "platform" and target[0] == "daemon" and target[1] not in ("base", "ports"):
        return f"platform may include base and ports, not {target[1]}"
    return None


def check_file(path):
    text = (ROOT / path).read_text(encoding="utf-8", errors="replace")
    lines = text.splitlines()
    code = path.endswith((".cpp", ".h"))
    if path.endswith((".cpp", ".h", ".js", ".mjs", ".py", ".css")) and len(lines) > MAX_LINES:
        yield 1, f"{len(lines)} lines (at most {MAX_LINES}): two things live here"
    if path.endswith(".h") and "#pragma once" not in text:
        yield 1, "no #pragma once"
    for number, line in enumerate(lines, 1):
        if len(line) > 120 and code:
            yield number, "line over 120 columns"
        if code:
            match = INCLUDE.match(line)
            if match and (breach := layer_breach(path, match.group(1))):
                yield number, breach
        if code or path.endswith((".js", ".mjs")):
            stripped = line.split("//", 1)[0]
            for pattern, applies, why in FORBIDDEN:
                where = line if why == "unfinished business" else stripped
                if applies(path) and pattern.search(where):
                    yield number, why


def self_test():
    """The rules themselves can fail: each must refuse what it is for."""
    assert layer_breach("daemon/wire/x.cpp", "daemon/cache/y.h")
    assert layer_breach("daemon/keeper/keeper.cpp", "daemon/cache/y.h")
    assert layer_breach("daemon/lane/lane.cpp", "platform/net/udp_socket.h")
    assert layer_breach("platform/net/x.cpp", "daemon/wire/rtp.h")
    assert not layer_breach("daemon/lane/main.cpp", "platform/net/udp_socket.h")
    assert not layer_breach("daemon/egress/x.cpp", "daemon/cache/y.h")


def format_breaches(files):
    if shutil.which("clang-format-14") is None:
        print("format: skipped (clang-format 14 is not here)")
        return []
    sources = [f for f in files if f.endswith((".cpp", ".h"))]
    run = subprocess.run(["clang-format-14", "--dry-run", *sources], cwd=ROOT, capture_output=True, text=True)
    return sorted({line.split(":")[0] for line in run.stderr.splitlines() if "code should be clang-formatted" in line})


def main():
    self_test()
    files = tracked()
    checked = failed = 0
    for path in files:
        breaches = list(check_file(path)) if path.split("/")[0] in ("daemon", "platform", "tools", "tests") else []
        checked += 1
        if path == "tools/lib/style.py":
            continue
        failed += bool(breaches)
        for number, why in breaches:
            print(f"{path}:{number}: {why}")
    for path in format_breaches(files):
        print(f"{path}:1: not formatted (clang-format -i {path})")
        failed += 1
    print(f"{checked - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
