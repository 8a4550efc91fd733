#!/usr/bin/env bash
# Runs the tests with the pytest command line given as arguments; PY is the environment's Python.
# First the bench's image is built or found in its cache. Where that cannot be, its tests are left out, and it is said
# why, except in CI, which must judge with the real kernel. The last line is pytest's.
set -euo pipefail
cd "$(dirname "$0")/.."

CANNOT_BUILD_HERE=77

echo "The bench: its guest image is built, unless it is in the cache."
status=0
"$PY" -m tests.kernel.image.build </dev/null || status=$?
if [ "$status" -eq 0 ]; then
    exec "$@" </dev/null
fi
if [ "$status" -ne "$CANNOT_BUILD_HERE" ] || [ "${CI:-}" = true ]; then
    echo "The bench could not be built (status $status, reasons above), so no test was run. Without it: make test-fast" >&2
    exit 1
fi
echo "Leaving out every test marked 'kernel' (the bench's real kernel), for the reasons above."
exec "$@" -m "not kernel" </dev/null
