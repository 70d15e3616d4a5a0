#!/usr/bin/env bash
# The README's walk, step by step, with a check after each: three controllers on this machine, a
# simulated fleet of 200, this machine in no-apply mode, a leader killed in mid-wave, a halt that
# survives a restart of everything, a bad patch set that stops by itself, a controller exchanged for
# another, and a cluster that comes back from its backup.
#
#   examples/quickstart/walk.sh [FOLDER WITH THE PROGRAMS]     default: target/release
#
# Takes about three minutes. Works in a folder of its own, ends what it started, and fails at the first
# step that is not as the README says.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
programs=$(cd "${1:-$root/target/release}" && pwd)
work=$(mktemp -d)
log() { printf '\n== %s\n' "$*"; }
fail() {
  printf 'walk: %s\n' "$*" >&2
  tail -n 5 ./*.log >&2 || true
  exit 1
}
end() {
  for file in "$work"/*.pid; do
    [ -e "$file" ] && kill "$(cat "$file")" 2>/dev/null || true
  done
  wait || true
  rm -rf "$work"
}
trap end EXIT

# Waits until a command succeeds: at most SECONDS, looking ten times a second.
until_true() {
  local seconds=$1 tries
  shift
  for ((tries = seconds * 10; tries > 0; tries--)); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  fail "not within ${seconds} s: $*"
}
# Ends processes by the files that name them, and waits until they are gone.
gone() {
  local file
  for file in "$@"; do wait "$(cat "$file")" 2>/dev/null || true; done
}
# expect CODE COMMAND…: the command ends with this exit code.
expect() {
  local wanted=$1 code=0
  shift
  "$@" || code=$?
  [ "$code" = "$wanted" ] || fail "exit code $code, not $wanted: $*"
}
# has TEXT COMMAND…: what the command prints has the text in it, whatever its exit code.
has() {
  local text=$1 said
  shift
  said=$("$@" 2>/dev/null) || true
  grep -q -- "$text" <<<"$said"
}

cp -r "$root"/examples/{three-nodes,fourth-node,restored,patchsets} "$work"
cd "$work"
export PATH="$programs:$PATH" TIDEGATE_OPERATOR=you

log "three controllers"
export TIDEGATE_ENDPOINTS=127.0.0.1:7441,127.0.0.1:7442,127.0.0.1:7443
for n in 1 2 3; do
  tidegate serve --config three-nodes/controller-$n.toml 2>controller-$n.log &
  echo $! >controller-$n.pid
done
until_true 20 has '^tier\|canary' tidegate tier list
tidegate cluster status

log "tokens"
tidegate token create --id canary --tier canary --max-hosts 20 --secret-file canary.token --yes
tidegate token create --id free --tier free --max-hosts 200 --secret-file free.token --yes
tidegate token create --id paid --tier paid --max-hosts 200 --secret-file paid.token --yes

log "a simulated fleet of 200"
tidegate-agent run --driver simulated --count 200 --controller "$TIDEGATE_ENDPOINTS" \
  --token-file canary.token:5% --token-file free.token:60% --token-file paid.token:35% 2>fleet.log >fleet.txt &
echo $! >fleet.pid
enrolled() { [ "$(tidegate host list -o name --limit 1000 2>/dev/null | wc -l)" -ge "$1" ]; }
until_true 30 enrolled 200

log "this machine, in no-apply mode"
if [ -s /etc/machine-id ]; then
  tidegate-agent enable --controller "$TIDEGATE_ENDPOINTS" --token-file free.token --mode no-apply --state-dir ./agent-state
else
  echo walk-example >machine-id
  tidegate-agent enable --controller "$TIDEGATE_ENDPOINTS" --token-file free.token --mode no-apply --state-dir ./agent-state \
    --machine-id-file machine-id
fi
tidegate-agent run --state-dir ./agent-state 2>agent.log &
echo $! >agent.pid
until_true 20 has 'server check-in: checked' tidegate-agent status --state-dir ./agent-state
tidegate-agent status --state-dir ./agent-state
tidegate token list

log "a patch set, and its rollout"
tidegate patchset publish -f patchsets/113.1/manifest.toml
until_true 20 has 'READY' tidegate patchset get 113.1
tidegate patchset get 113.1
tidegate rollout start 113.1 --policy compressed
until_true 60 has 'RUNNING, free wave [23]' tidegate rollout status 113.1
tidegate rollout get 113.1

log "the leader dies in mid-wave"
leader=$(tidegate cluster status -o json | sed -n 's/.*"leaderId": *\([0-9]*\).*/\1/p')
kill -KILL $(cat controller-$leader.pid)
gone controller-$leader.pid
changed() { has "\"leaderId\": *[1-9]" tidegate cluster status -o json && ! has "\"leaderId\": *$leader[^0-9]" tidegate cluster status -o json; }
until_true 10 changed
tidegate cluster status
until_true 60 has 'RUNNING, paid wave' tidegate rollout status 113.1
tidegate rollout status 113.1

log "halt, and restart everything"
tidegate halt 113.1 --reason "trying the brake"
expect 3 tidegate rollout status 113.1
for n in 1 2 3; do kill $(cat controller-$n.pid) 2>/dev/null || true; done
gone controller-1.pid controller-2.pid controller-3.pid
expect 8 tidegate rollout status 113.1 --timeout 1s
for n in 1 2 3; do
  tidegate serve --config three-nodes/controller-$n.toml 2>>controller-$n.log &
  echo $! >controller-$n.pid
done
until_true 20 has 'HALTED' tidegate rollout status 113.1
expect 3 tidegate rollout status 113.1
tidegate rollout explain 113.1
has 'trying the brake' tidegate rollout explain 113.1 || fail "the explanation does not name the reason"

log "go on, to the end"
tidegate rollout resume 113.1 --reason "the brake works" --yes
tidegate rollout status 113.1 --wait --timeout 2m
has 'COMPLETED' tidegate rollout status 113.1 || fail "not completed"

log "a bad patch set stops by itself"
tidegate patchset publish -f patchsets/114.1-bad/manifest.toml
until_true 20 has 'READY' tidegate patchset get 114.1
tidegate patchset get 114.1
expect 3 tidegate rollout start 114.1 --policy compressed --wait
tidegate rollout explain 114.1
tidegate rollout hosts 114.1
has 'halted by judge' tidegate rollout explain 114.1 || fail "not halted by the judge"

log "one controller more, one less"
tidegate cluster add 4 127.0.0.1:7444
tidegate serve --config fourth-node/controller-4.toml 2>controller-4.log &
echo $! >controller-4.pid
# The leader alone knows how far a learner is.
caught_up() {
  local port
  for port in 7441 7442 7443; do
    has '^4 .*learner *[1-9]' tidegate cluster status --endpoint 127.0.0.1:$port && return 0
  done
  return 1
}
until_true 30 caught_up
tidegate cluster promote 4
votes() { [ "$(tidegate cluster status -o json | grep -c '"voter": true')" = "$1" ]; }
until_true 10 votes 4
tidegate cluster transfer 4
tidegate cluster remove 1 --yes
gone controller-1.pid
until_true 10 votes 3
tidegate cluster check
tidegate cluster status

log "a backup, and the end of every controller"
tidegate cluster backup fleet.backup
expect 2 tidegate cluster backup fleet.backup
for n in 2 3 4; do kill -KILL $(cat controller-$n.pid); done
gone controller-2.pid controller-3.pid controller-4.pid
expect 2 tidegate cluster restore fleet.backup --data-dir restored/data --node-id 5 --address 127.0.0.1:7442 --yes --no-input
tidegate cluster restore fleet.backup --data-dir restored/data --node-id 5 --address 127.0.0.1:7442 --confirm three-nodes
tidegate serve --config restored/controller-5.toml 2>controller-5.log &
echo $! >controller-5.pid
until_true 20 tidegate rollout list
tidegate rollout list
until_true 20 has 'PAUSED' tidegate rollout status 113.1
has 'restored from a backup' tidegate rollout explain 113.1 || fail "the pause does not say why"
expect 3 tidegate rollout status 114.1
tidegate rollout resume 113.1 --reason "the backup is recent enough" --yes

log "the end"
kill $(cat fleet.pid agent.pid controller-5.pid)
gone fleet.pid agent.pid controller-5.pid
cat fleet.txt
grep -q '^patched ' fleet.txt || fail "the fleet did not sum up"
log "every step was as the README says"
