#!/usr/bin/env bash
# The story of one fleet document, told on the twin: two bare hosts are carved, the controller is killed on the way and
# goes on, one card is changed, and everything goes back.
#
# Needs gpucarve on PATH and nothing else: the hosts are simulated, in a folder that goes when it ends. DEMO_SPEED is
# how many of their seconds pass in one of ours.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
export GPUCARVE_WORLD=$folder/world.sock GPUCARVE_JOURNAL=$folder/journal.sqlite

world=
finish() {
    [ -z "$world" ] || kill "$world" 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\033[1m' plain=$'\033[0m'; fi
chapter=0
say() {
    chapter=$((chapter + 1))
    printf '\n%s%d. %s%s\n' "$bold" "$chapter" "$1" "$plain"
    shift
    [ $# -eq 0 ] || printf '   %s\n' "$@"
}
shown() { printf '\n%s$ %s%s\n' "$bold" "$*" "$plain"; }
# The words as a shell takes them: quoted where they need it.
quoted() {
    local word words=''
    for word; do
        case $word in *[!A-Za-z0-9_./:=,-]*) word="'$word'" ;; esac
        words="$words $word"
    done
    printf '%s' "${words# }"
}
show() {
    shown "$(quoted "$@")"
    "$@"
}
# A command that has to end with that exit status.
ends_with() {
    local status=0 wanted=$1
    shift
    shown "$(quoted "$@")"
    "$@" || status=$?
    [ "$status" -eq "$wanted" ] || { echo "it ended with $status, not with $wanted" >&2; exit 1; }
}

cp "$here/examples/demo/fleet.yaml" "$folder/fleet.yaml"
cd "$folder"

gpucarve twin serve --socket "$GPUCARVE_WORLD" --speed "${DEMO_SPEED:-60}" >"$folder/twin" 2>&1 &
world=$!
until [ -S "$GPUCARVE_WORLD" ]; do
    kill -0 "$world" 2>/dev/null || { cat "$folder/twin" >&2; echo "the twin did not start; what it said stands above" >&2; exit 1; }
    sleep 0.05
done

say "Two simulated hosts, four GPUs, none of them ready for virtual machines." \
    "On computegpu000 the IOMMU is off. On computegpu001 the GPUs belong to nouveau, which starts from the initramfs."
show gpucarve status -f fleet.yaml

say "One document says what they are to become:" \
    "slices of the first A100 with memory and compute of their own (MIG), halves of the second that take turns, and the" \
    "GPUs of the other host whole, each for one virtual machine."
show grep -v '^ *#' fleet.yaml

say "The plan: everything that would change, and why. Nothing is written yet." \
    "A question mark is a prediction: what it needs can only be seen after the reboot."
show gpucarve plan -f fleet.yaml --out plan.json

say "It is carried out, and while a host reboots, gpucarve is killed (kill -9)."
shown gpucarve apply -f fleet.yaml plan.json
: >"$folder/progress"
gpucarve apply -f fleet.yaml plan.json 2> >(tee "$folder/progress") &
engine=$!
until grep -q 'reboot …' "$folder/progress"; do
    kill -0 "$engine" 2>/dev/null || { echo "apply ended before it could be killed" >&2; exit 1; }
    sleep 0.02
done
kill -KILL "$engine"
wait "$engine" 2>/dev/null || true
printf 'Killed.\n'

say "The same command again goes on where it was, and repeats nothing."
show gpucarve apply -f fleet.yaml plan.json

say "What stands now. Each of these was read back from the host; an exit status proves nothing."
show gpucarve status -f fleet.yaml
show gpucarve verify -f fleet.yaml --limit computegpu001
show gpucarve plan -f fleet.yaml

say "The second A100 shall be one whole vGPU instead of two halves. A virtual machine uses one of the halves:" \
    "that is refused, and the machine is named."
show gpucarve twin guest start cci1/computegpu000 0000:65:00.0 vm-1
show sed -i.before 's/A100D-40C: 2/A100D-80C: 1/' fleet.yaml
ends_with 3 gpucarve apply -f fleet.yaml --yes

say "With the virtual machine shut down it is done. The other card is not touched."
show gpucarve twin guest stop cci1/computegpu000 vm-1
show gpucarve apply -f fleet.yaml --yes
show gpucarve status -f fleet.yaml

say "Back to the beginning: whatever gpucarve changed is put back as it was, through another reboot." \
    "The progress goes to a file this time."
shown "gpucarve rollback -f fleet.yaml --yes 2>rollback.log"
gpucarve rollback -f fleet.yaml --yes 2>rollback.log || { cat rollback.log >&2; exit 1; }
show gpucarve status -f fleet.yaml

say "By hand. This is what was done to the two hosts, there and back; \`gpucarve twin history HOST\` prints all of it:"
show gpucarve twin history cci1/computegpu000 --count
shown "gpucarve twin history cci1/computegpu001 | sed -n 1,14p"
gpucarve twin history cci1/computegpu001 | sed -n 1,14p
show gpucarve twin history cci1/computegpu001 --count
printf '%s\n' \
    "" \
    "   Each in the right order, with numbers that change with the driver and addresses that exist only after a reboot;" \
    "   each looked at afterwards, since tools say that they succeeded when they did not; and with the way back from" \
    "   whichever half of it a crash has left."
