#!/bin/bash
# usage: tests/lab/bare_root.sh [TARGET...]          as root
# Runs `make TARGET...` (demo) from a clone of this checkout, in a Debian 12 root that holds no more than the README
# asks for. This machine's name servers, certificates and pip settings are lent to it. Takes about three minutes.
set -euo pipefail
project=$(cd "$(dirname "$0")/../.." && pwd)
packages=$(sed -n 's/^sudo apt install \([a-z0-9 -]*[a-z0-9]\).*/\1/p' "$project/README.md" | head -1)
mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' 'Component: main' |
    sed -n 's/ bookworm$//p' | head -1)
root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT

mmdebstrap --mode=root --variant=minbase --quiet --include="ca-certificates $packages" \
    bookworm "$root" "${mirror:?apt knows no mirror of Debian 12}"
git clone --quiet "$project" "$root/root/edgeseg"
for lent in /etc/resolv.conf /etc/hosts /etc/ssl/certs /etc/pip.conf /etc/xdg/pip ~/.config/pip; do
    [ -e "$lent" ] || continue
    rm -rf "${root:?}$lent"
    mkdir -p "$root$(dirname "$lent")"
    cp -aLT "$lent" "$root$lent"
done
# Mounts are private to the command and go with it.
unshare --mount --propagation private bash -euc '
    root=$1; shift
    mount -t proc none "$root/proc" && mount --rbind /dev "$root/dev"
    chroot "$root" env HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin make -C /root/edgeseg "$@"' sh "$root" "${@:-demo}"
