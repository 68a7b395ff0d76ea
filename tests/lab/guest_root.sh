#!/bin/sh
# usage: guest_root.sh ROOT MIRROR [,PACKAGE...]
# A lean Debian 12 root for the guest in ROOT: Debian's kernel (with vivid), v4l2loopback built for it, v4l-utils and
# Python, and an initrd that finds a virtio disk. Packages only; Python wheels and the disk image are guest.py's.
set -eu
root=$1 mirror=$2 more=${3:-}
inside=$(mktemp)
trap 'rm -f "$inside"' EXIT

# What runs inside the root once its packages are there.
cat >"$inside" <<'INSIDE'
set -eu
kernel=$(ls /lib/modules)
make --silent -C "/lib/modules/$kernel/build" M="$(echo /usr/src/v4l2loopback-*)" modules
install -D -m 644 -t "/lib/modules/$kernel/extra" /usr/src/v4l2loopback-*/v4l2loopback.ko
apt-get purge --yes -qq --auto-remove 'linux-headers-*' 'linux-kbuild-*' make >/dev/null
rm -rf /usr/src/* /lib/modules/"$kernel"/kernel/drivers/gpu /lib/modules/"$kernel"/kernel/drivers/net \
    /lib/modules/"$kernel"/kernel/drivers/infiniband /lib/modules/"$kernel"/kernel/sound
depmod "$kernel"
printf '%s\n' virtio_pci virtio_blk ext4 >>/etc/initramfs-tools/modules
update-initramfs -u -k "$kernel"
INSIDE

# v4l2loopback-dkms is unpacked, not installed: its scripts would build for the host's kernel.
mmdebstrap --mode=root --variant=apt --quiet \
    --include=linux-image-amd64,linux-headers-amd64,make,kmod,mount,python3,v4l-utils"$more" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d" && echo MODULES=list >"$1/etc/initramfs-tools/conf.d/lean"' \
    --customize-hook='cd "$1/tmp" && chroot "$1" sh -c "cd /tmp && apt-get download -qq v4l2loopback-dkms"' \
    --customize-hook='chroot "$1" sh -c "dpkg -x /tmp/v4l2loopback-dkms_*.deb / && rm /tmp/v4l2loopback-dkms_*.deb"' \
    --customize-hook="chroot \"\$1\" sh <'$inside'" \
    bookworm "$root" "$mirror"
