#!/bin/sh
# Installs what the tests need beyond Python wheels, on Debian 12: as root, or with sudo. Running it again does no harm.
set -eu
packages="python3-venv make git gcc libc6-dev
    gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good
    qemu-system-x86 qemu-system-arm qemu-user-static mmdebstrap e2fsprogs cpio kmod acpica-tools systemd-container
    iproute2 openssh-client openssh-server chromium mosquitto nginx-light"

absent=
for package in $packages; do
    dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || absent="$absent $package"
done
[ -n "$absent" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=sudo
else
    echo "tests/lab/setup.sh installs Debian packages:$absent; run it as root, or as a user whose sudo asks no password." >&2
    exit 8
fi
# Tests start servers of their own; nobody asked for some that let people in.
is_here() { dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^ii'; }
unasked=
for server in openssh-server:ssh mosquitto:mosquitto nginx-light:nginx; do
    is_here "${server%:*}" || unasked="$unasked ${server#*:}.service"
done
$as_root apt-get update -qq
# shellcheck disable=SC2086  # the words are package names
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends $absent >/dev/null
if [ -n "$unasked" ] && command -v systemctl >/dev/null; then
    # shellcheck disable=SC2086
    $as_root systemctl disable --now --quiet $unasked 2>/dev/null || true
fi
