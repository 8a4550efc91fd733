#!/usr/bin/env bash
# Installs the Debian packages of requirements/debian.txt that are missing, and says so before it does.
# Without root or apt it installs nothing and says what the tests will leave out for it.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t wanted < <(sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' requirements/debian.txt)

if ! command -v apt-get >/dev/null; then
    echo "No apt-get here, so nothing is installed. For every test to run, have these by other means: ${wanted[*]}"
    exit 0
fi

missing=()
for package in "${wanted[@]}"; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "Every Debian package that the tests run for real is installed."
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "Not root, so nothing is installed. For every test to run: sudo apt-get install --no-install-recommends ${missing[*]}"
    exit 0
fi

echo "About to run apt-get update, then apt-get install, as root, for: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq </dev/null
apt-get install -qq --yes --no-install-recommends "${missing[@]}" </dev/null >/dev/null
echo "Installed."
