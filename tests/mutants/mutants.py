"""Breaks a copy of the tree by each entry of a list and runs the tests that have to notice. See run."""
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "build/mutants/tree"


def refresh():
    """The copy's files as git has them in this tree; unchanged ones keep their time, so little is built again."""
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    for name in names:
        source, target = ROOT / name, COPY / name
        if source.is_file() and not (target.is_file() and target.read_bytes() == source.read_bytes()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            target.chmod(source.stat().st_mode)


# What tests with real processes start.
PROGRAMS = ["latchkeyd", "latchkey-front", "latchkey-lane", "latchkeyctl", "latchkey-cam", "latchkey-view"]
# What an entry's `command` runs, optimised.
COMMAND_PRESET, COMMAND_TARGETS = "by-file", ["latchkey-sim"]


def build(targets, preset="dev"):
    command = f". tools/lib/packages.sh; build_preset {preset} " + " ".join(f"bin/{t}" for t in targets)
    return subprocess.run(["bash", "-c", command], cwd=COPY, capture_output=True, text=True)


def noticed_by(targets, only=None):
    """Names of the test cases that fail, or None when all pass. `only`: of those whose names begin so."""
    failed = []
    for target in targets:
        run = subprocess.run([COPY / "build/dev/bin" / target, *([only + "*"] if only else [])], cwd=COPY, capture_output=True, text=True, errors="replace",
                             timeout=300)
        if run.returncode != 0:
            # A heading stands over whatever a case says, a warning too: only what failed counts.
            parts = re.split(r"^-{79}\n(.+?)\n-{79}\n", run.stdout, flags=re.M | re.S)[1:]
            names = [" ".join(case.split()) for case, said in zip(parts[::2], parts[1::2]) if "FAILED" in said]
            failed += names or [f"{target} ended with {run.returncode}"]
    return failed or None


def command_noticed(command):
    """What a command says when it fails, or None."""
    run = subprocess.run(command, shell=True, cwd=COPY, capture_output=True, text=True, errors="replace", timeout=300,
                         env={**os.environ, "LATCHKEY_SIM_PRESET": COMMAND_PRESET})
    if run.returncode == 0:
        return None
    said = [line for line in run.stdout.splitlines() if line.startswith("seed ")]
    return said or [f"{command} ended with {run.returncode}"]


def system_noticed(test, entry):
    """Names of the cases that fail of a class of tests with real processes, or None: up to the first one, of those whose
    notice counts. Of the sound tree, which has no name, all are run, and it is told why."""
    which = ["-k", entry["noticed"]] if "noticed" in entry else ["-f"] if "name" in entry else []
    run = subprocess.run([sys.executable, "-B", "-m", "unittest", *which, test], cwd=COPY / "tests", capture_output=True, text=True,
                         errors="replace", timeout=600, env={**os.environ, "LATCHKEY_BIN": str(COPY / "build/dev/bin")})
    if run.returncode == 0:
        return None
    sys.stderr.write("" if which else run.stderr[-4000:])
    return re.findall(r"^(?:FAIL|ERROR): (\S+)", run.stderr, flags=re.M) or [f"{test} ended with {run.returncode}"]


def made_and_noticed(entry):
    """The build, and what noticed: an entry has test binaries, a class of tests with real processes (`system`), or a
    command over the optimised target."""
    if "system" in entry:
        made = build(PROGRAMS)
        return made, system_noticed(entry["system"], entry) if made.returncode == 0 else None
    if "command" in entry:
        made = build(COMMAND_TARGETS, COMMAND_PRESET)
        return made, command_noticed(entry["command"]) if made.returncode == 0 else None
    made = build(entry["tests"])
    return made, noticed_by(entry["tests"], entry.get("noticed")) if made.returncode == 0 else None


def judge(entry):
    path = COPY / entry["file"]
    good = path.read_text()
    if good.count(entry["old"]) != 1:
        return False, f"stands {good.count(entry['old'])} times in {entry['file']}, not once"
    path.write_text(good.replace(entry["old"], entry["new"]))
    try:
        made, names = made_and_noticed(entry)
        if made.returncode != 0:
            # A proof that must not compile is a test as well; anything else is a bad list.
            return False, "does not build:\n" + "\n".join(made.stdout.splitlines()[-15:])
    except subprocess.TimeoutExpired as hung:
        # Whoever waits for ever can't say what is wrong.
        return False, f"{hung.cmd} hangs instead of failing"
    finally:
        path.write_text(good)
    if names is None:
        return False, "SURVIVED"
    # `noticed`: whose notice counts.
    if not any(entry.get("noticed", "") in name for name in names):
        return False, f"not noticed by {entry['noticed']}, but by {', '.join(names[:3])}"
    return True, names[0] + (f" (+{len(names) - 1})" if len(names) > 1 else "")


def main():
    arguments = sys.argv[1:]
    listed = arguments.pop(0) if arguments and arguments[0].endswith(".toml") else str(ROOT / "tests/mutants/invariants.toml")
    entries = tomllib.loads(Path(listed).read_text())["mutant"]
    entries = [e for e in entries if not arguments or e["name"] in arguments]
    refresh()
    targets = sorted({t for e in entries for t in e.get("tests", [])})
    sound = [{"tests": targets}] if targets else []
    sound += [{"system": c} for c in sorted({e["system"] for e in entries if "system" in e})]
    sound += [{"command": c} for c in sorted({e["command"] for e in entries if "command" in e})]
    for whole in sound:
        made, names = made_and_noticed(whole)
        if made.returncode != 0 or names is not None:
            print("the tree itself does not build or does not pass:\n" + made.stdout[-2000:], *(names or []), sep="\n")
            print("0 passed, 1 failed")
            return 1
    failed = 0
    for entry in entries:
        good, words = judge(entry)
        failed += not good
        print(f"{'ok  ' if good else 'FAIL'} {entry['invariant']:>4}  {entry['name']}: {words}", flush=True)
    print(f"{len(entries) - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
