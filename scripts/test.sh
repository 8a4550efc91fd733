#!/usr/bin/env bash
# Runs the tests with the pytest command line given as arguments; PY is the environment's Python.
# Where QEMU can be had, the bench's image is built first (or found in its cache). What is left out is said, with the
# reason. The last line is pytest's.
set -euo pipefail
cd "$(dirname "$0")/.."

lacking=()
for program in qemu-system-x86_64 qemu-img mmdebstrap; do
    command -v "$program" >/dev/null || lacking+=("$program")
done

if [ ${#lacking[@]} -eq 0 ]; then
    echo "The bench: building its guest image, unless it is in the cache."
    "$PY" -m tests.kernel.image build </dev/null
    exec "$@" </dev/null
fi

if [ "${CI:-}" = true ]; then
    echo "CI must judge with the real kernel, but there is no ${lacking[*]} here." >&2
    exit 1
fi
echo "Leaving out every test marked 'kernel' (the bench's real kernel): there is no ${lacking[*]} here (make parts)."
exec "$@" -m "not kernel" </dev/null
