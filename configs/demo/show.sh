#!/bin/sh
# The demo: show.sh BIN [SECONDS]. Runs BIN/btbroker on a copy of configs/demo.yaml and BIN/btsub beside it, and edits
# the copy of the CSV file every few seconds as an office program would: a whole new file, moved over the old one.
# Ends with 0 on Ctrl-C or after SECONDS, and leaves nothing behind.
set -eu
bin=$(cd "$1" && pwd)
seconds=${2:-}
here=$(cd "$(dirname "$0")" && pwd)

work=$(mktemp -d "${TMPDIR:-/tmp}/btbroker-demo.XXXXXX")
csv=$work/demo/medication.csv
endpoint=unix:$work/broker.sock
broker=
subscriber=

alive() { kill -0 "$1" 2>/dev/null; }

# stop PID: asks it to end; insists after five seconds.
stop() {
  kill "$1" 2>/dev/null || return 0
  tries=0
  while alive "$1" && [ $tries -lt 50 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
  kill -9 "$1" 2>/dev/null || true
}

clean_up() {
  trap '' INT TERM HUP
  [ -z "$subscriber" ] || stop "$subscriber"
  [ -z "$broker" ] || stop "$broker"
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 0' INT TERM HUP

say() { printf '# %s\n' "$*"; }
die() {
  say "$1" >&2
  [ ! -s "$work/broker.log" ] || { say "the broker said:" && tail -n 20 "$work/broker.log"; } >&2
  exit 1
}

start() {
  mkdir "$work/demo"
  cp "$here/../demo.yaml" "$work/"
  cp "$here/medication.csv" "$work/demo/"
  say "btbroker reads medication.csv, the plan of two wards, and publishes its rows under ward/.../medication."
  "$bin/btbroker" "$work/demo.yaml" >"$work/broker.log" 2>&1 &
  broker=$!
  tries=0
  until [ -S "$work/broker.sock" ] && grep -q 'live: ' "$work/broker.log"; do
    alive $broker || die "btbroker did not start"
    [ $tries -lt 100 ] || die "btbroker did not read the file"
    sleep 0.1
    tries=$((tries + 1))
  done
  say "btsub 'ward/#' comes late: first it gets every row as it is now (the snapshot), then only what changes."
  "$bin/btsub" -b "$endpoint" 'ward/#' &
  subscriber=$!
}

# rewrite AWK-PROGRAM: the new file replaces the old one in a single step.
rewrite() {
  awk -F, -v OFS=, "$1" "$csv" >"$csv.new"
  mv "$csv.new" "$csv"
}

# One edit; $1 counts them.
edit() {
  dose=$((75 - $1 % 2 * 25))
  case $(($1 % 3)) in
    0)
      say "the doctor changes the dose of metoprolol in bed 3 of ward 3A to $dose mg:"
      rewrite '$1 == "3A" && $4 == "metoprolol" { $5 = '$dose' } { print }'
      ;;
    1)
      say "amoxicillin in bed 2 of ward 3A is finished, its row is deleted:"
      rewrite '!($1 == "3A" && $4 == "amoxicillin")'
      ;;
    2)
      say "and is prescribed once more, a new row at the end:"
      rewrite '{ print } END { print "3A,2,M. Lindqvist,amoxicillin,500,8,23:30,with water" }'
      ;;
  esac
}

start
second=0
edits=0
while [ -z "$seconds" ] || [ $second -lt "$seconds" ]; do
  sleep 1
  second=$((second + 1))
  alive $broker || die "btbroker ended"
  alive $subscriber || die "btsub ended"
  if [ $((second % 4)) = 3 ]; then
    edit $edits
    edits=$((edits + 1))
  fi
done
say "the end."
