#!/usr/bin/env bash
# The first story, told on the twin: a bare host becomes one with two vGPUs, is killed on its way, and goes back.
#
# Needs gpucarve on PATH and nothing else: the world it changes is simulated, in a folder that goes when it ends.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
fleet=$folder/fleet.yaml
export GPUCARVE_WORLD=$folder/world.sock GPUCARVE_JOURNAL=$folder/journal.sqlite

world=
finish() {
    [ -z "$world" ] || kill "$world" 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\033[1m' plain=$'\033[0m'; fi
say() { printf '\n%s# %s%s\n' "$bold" "$*" "$plain"; }
show() {
    printf '$ %s\n' "$*"
    "$@"
}

cp "$here/examples/first-vgpu/twin.yaml" "$fleet"
cd "$folder"

say "A simulated host with two A100 cards; its IOMMU is off, and it has no virtual functions."
gpucarve twin serve --socket "$GPUCARVE_WORLD" --speed 40 >"$folder/twin" 2>&1 &
world=$!
until [ -S "$GPUCARVE_WORLD" ]; do
    kill -0 "$world" 2>/dev/null || { cat "$folder/twin" >&2; echo "the twin did not start; what it said stands above" >&2; exit 1; }
    sleep 0.05
done
show gpucarve status -f fleet.yaml

say "One document says what it is to become."
show grep -v '^ *#' fleet.yaml

say "The plan: what changes, in which order, what is only predicted, and the way back."
show gpucarve plan -f fleet.yaml

say "Apply it. While the host reboots, this controller is killed (kill -9)."
printf '$ gpucarve apply -f fleet.yaml --yes\n'
: >"$folder/progress"
gpucarve apply -f fleet.yaml --yes >"$folder/plan" 2>"$folder/progress" &
engine=$!
until grep -q 'reboot …' "$folder/progress"; do
    kill -0 "$engine" 2>/dev/null || { cat "$folder/progress" >&2; echo "apply ended before it could be killed" >&2; exit 1; }
    sleep 0.02
done
kill -KILL "$engine"
wait "$engine" 2>/dev/null || true
cat "$folder/progress"
printf 'killed\n'

say "The same command again goes on where it was; nothing that was done is done twice."
show gpucarve apply -f fleet.yaml --yes

say "What stands now, and that applying again writes nothing."
show gpucarve status -f fleet.yaml
show gpucarve plan -f fleet.yaml

say "Everything back to what it was before, through another reboot."
show gpucarve rollback -f fleet.yaml --yes
show gpucarve status -f fleet.yaml

say "By hand this is: edit GRUB's defaults without losing what others put there, update-grub, reboot, run"
printf '%s\n' "  sriov-manage and look whether it did what it says, find the type's number for this driver, derive a UUID," \
    "  mdevctl define and start, twice; and the way back from whichever half of it a crash has left."
