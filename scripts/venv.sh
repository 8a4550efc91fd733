#!/usr/bin/env bash
# Makes the virtual environment named by $1 with $PYTHON, or says what is missing and how to get it.
set -euo pipefail

venv=$1
python=${PYTHON:-python3}

if ! command -v "$python" >/dev/null; then
    echo "gpucarve needs Python 3.11 or newer, and there is no '$python' here. Install it, or name one: make PYTHON=python3.12" >&2
    exit 69
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "gpucarve needs Python 3.11 or newer; '$python' is $("$python" -V 2>&1). Name a newer one: make PYTHON=python3.12" >&2
    exit 69
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "'$python' cannot make virtual environments. On Debian: apt-get install python3-venv" >&2
    exit 69
fi
echo "Making a virtual environment in $venv with $("$python" -V)"
"$python" -m venv "$venv"
