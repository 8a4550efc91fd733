#!/usr/bin/env bash
# Installs the Debian packages of those programs of requirements/debian.txt that are missing, and says so before it
# does. Without root or apt it installs nothing and says what to install: the tests leave out what they cannot run.
set -euo pipefail
cd "$(dirname "$0")/.."

export PATH=$PATH:/usr/sbin:/sbin # where a user who is not root does not look, and sshd is
programs=() packages=()
while read -r program package _; do
    case $program in
        '' | '#'*) continue ;;
        /*) [ -e "$program" ] && continue ;; # no program, but a file that the package brings
    esac
    command -v "$program" >/dev/null && continue
    programs+=("$program")
    case " ${packages[*]-} " in *" $package "*) ;; *) packages+=("$package") ;; esac
done <requirements/debian.txt

if [ ${#programs[@]} -eq 0 ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "Missing, and no apt-get here to install it: ${programs[*]}. Tests that need one of these are left out."
    exit 0
fi
note=
case " ${packages[*]} " in
    *" openssh-server "*) note=" (Debian starts the SSH server that openssh-server brings.)" ;;
esac
if [ "$(id -u)" -ne 0 ]; then
    echo "Missing: ${programs[*]}. Tests that need one of these are left out. To have them:" \
        "sudo apt-get install --no-install-recommends ${packages[*]}$note"
    exit 0
fi

echo "Missing: ${programs[*]}. About to run apt-get update and apt-get install, as root, for: ${packages[*]}.$note"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq </dev/null
apt-get install -qq --yes --no-install-recommends "${packages[@]}" </dev/null >/dev/null
