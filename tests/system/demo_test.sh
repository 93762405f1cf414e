#!/usr/bin/env bash
# ./tools/demo as a person uses it: the page's address, a line per camera, and nothing left behind.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
log=$(mktemp)
TMPDIR=$(mktemp -d)
export TMPDIR
trap 'rm -rf "$log" "$TMPDIR"' EXIT
passed=0
failed=0

check() {
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    echo "ok   $what"
  else
    failed=$((failed + 1))
    echo "FAIL $what"
    tail -n 30 "$log"
  fi
}
says() { grep -Eq "$1" "$log"; }
# Nothing that names the folder, and nothing of the demo's session.
nothing_runs() { ! pgrep -f "$TMPDIR" >/dev/null && { [ -z "${demo:-}" ] || ! pgrep -s "$demo" >/dev/null; }; }
nothing_left() { [ -z "$(ls -A "$TMPDIR")" ]; }
# Until all have ended that a signal reached, or patience is over.
until_nothing_runs() {
  for _ in $(seq 300); do
    nothing_runs && return 0
    read -r -t 0.2 <> <(:) || true
  done
  return 1
}
# Until the demo has said something, or has ended, or patience is over.
until_says() {
  for _ in $(seq 600); do
    says "$1" && return 0
    kill -0 "$demo" 2>/dev/null || return 1
    read -r -t 0.2 <> <(:) || true
  done
  return 1
}

./tools/demo --port 0 --duration 8 >"$log" 2>&1
check "the demo ends by itself with 0" [ $? -eq 0 ]
check "it prints the page with the viewer's token in the fragment" says 'http://127\.0\.0\.1:[0-9]+/#token=lk_[0-9a-f]{64}'
check "the first camera is live" says 'Front door.*live'
check "the second camera is live" says 'Nursery.*live'
check "no process is left" nothing_runs
check "no file is left" nothing_left

setsid ./tools/demo --port 0 >"$log" 2>&1 &
demo=$!
check "without a duration it runs on" until_says 'Nursery.*live'
kill -TERM "$demo" 2>/dev/null
wait "$demo"
check "a signal to it alone ends it with 0" [ $? -eq 0 ]
check "and leaves no process" nothing_runs

# On a terminal: the table is drawn again and again, and the address above it stays.
script -qec './tools/demo --port 0 --duration 4' /dev/null </dev/null >"$log"
check "on a terminal it prints the address" says '#token=lk_'
wiped() { grep -q $'\033\\[2J\|\033\\[H' "$log"; }
check "and does not wipe it again" eval '! wiped'

setsid ./tools/demo --port 0 >"$log" 2>&1 &
demo=$!
check "without a duration it runs on" until_says 'Nursery.*live'
kill -INT -- "-$demo" 2>/dev/null
wait "$demo"
check "Ctrl-C ends it with 0" [ $? -eq 0 ]
check "Ctrl-C leaves no process" nothing_runs
check "Ctrl-C leaves no file" nothing_left

setsid ./tools/demo --port 0 >"$log" 2>&1 &
demo=$!
check "without a duration it runs on" until_says 'Nursery.*live'
kill -KILL "$demo"
wait "$demo" 2>/dev/null
check "kill -9 leaves no process" until_nothing_runs
rm -rf "${TMPDIR:?}"/latchkey-demo.*

for port in '' -1 65536 99999999999999999999 80a; do
  ./tools/demo --port "$port" >"$log" 2>&1
  check "--port \"$port\" is refused at once" [ $? -eq 2 ]
  check "with what it takes" says "^demo: --port takes a whole number from 0 to 65535, not \"$port\"\$"
done

# Somebody else's port: of a demo that runs.
setsid ./tools/demo --port 0 >"$log" 2>&1 &
demo=$!
check "without a duration it runs on" until_says 'Nursery.*live'
port=$(sed -n 's/.*127\.0\.0\.1:\([0-9]*\)\/#token=.*/\1/p' "$log" | tail -n 1)
second=$(./tools/demo --port "$port" 2>&1)
check "a port that is taken ends it with 1" [ $? -eq 1 ]
check "which is told in one line" [ "$(grep -c . <<<"$second")" -eq 1 ]
check "that names the port and what to do" grep -q "port $port .*taken.*--port N" <<<"$second"
kill -TERM "$demo" 2>/dev/null
wait "$demo"
check "nothing runs after that" nothing_runs

./tools/demo --camera /no/such/film.mp4 >"$log" 2>&1
check "a film that is not there is refused at once" [ $? -eq 2 ]
check "and named" says '/no/such/film.mp4'
./tools/demo --port 0 --camera README.md >"$log" 2>&1
check "a file that is no film ends it with 1" [ $? -eq 1 ]
check "and the reason is told" says 'README.md'
check "and no process is left" nothing_runs

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
