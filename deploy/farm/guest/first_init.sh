#!/bin/sh
# First program of a guest, in its initrd: finds the card and goes on from it. `modules` names what that takes.
export PATH=/bin:/sbin
for kind in proc:/proc sysfs:/sys devtmpfs:/dev; do busybox mount -t "${kind%:*}" none "${kind#*:}"; done
while read -r module; do busybox modprobe "$module"; done </modules
for _ in $(busybox seq 240); do
    [ -b /dev/mmcblk0 ] && break
    busybox sleep 0.25
done
busybox mount -t ext4 -o noatime /dev/mmcblk0 /new || busybox poweroff -f
for place in dev proc sys; do busybox mount -o move "/$place" "/new/$place"; done
exec busybox switch_root /new /sbin/farm-init
