#!/usr/bin/env bash
# Resolves requirements/*.in and pyproject.toml to versions and hashes, good for Python 3.11 and newer on Linux.
# The resolver's own environment is thrown away; where it looked (an index, a mirror) leaves no trace in the files.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
PYTHON=${PYTHON:-python3} bash scripts/venv.sh "$scratch/venv"
"$scratch/venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/pins.txt

resolve() {
    local out=$1
    shift
    "$scratch/venv/bin/uv" pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
        --no-header --no-emit-index-url --no-emit-find-links --output-file "$out" "$@" >/dev/null
    echo "$out: $(grep -c '^[a-z]' "$out") packages"
}

resolve requirements/users.txt "$@" --extra ssh pyproject.toml
resolve requirements/extras.txt "$@" --all-extras --constraint requirements/users.txt pyproject.toml
resolve requirements/build.txt "$@" requirements/build.in
resolve requirements/dev.txt "$@" requirements/dev.in
resolve requirements/peers.txt "$@" requirements/peers.in
resolve requirements/pins.txt "$@" requirements/pins.in
