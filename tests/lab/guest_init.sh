#!/bin/sh
# The guest's init. The second disk is a tar: the project and drill.py, whose standard output goes to the second serial
# port, then its exit code as {"exit": n}. Everything else is on the console, which is the first.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
for kind in proc:/proc sysfs:/sys tmpfs:/tmp tmpfs:/run; do
    mountpoint -q "${kind#*:}" || mount -t "${kind%:*}" none "${kind#*:}"
done
exec </dev/null >/dev/ttyS0 2>&1
mkdir /tmp/drill && cd /tmp/drill && tar -xf /dev/vdb --no-same-owner
PYTHONPATH=/tmp/drill:/opt/site PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 python3 drill.py >/dev/ttyS1
printf '{"exit": %d}\n' $? >/dev/ttyS1
sync
echo o >/proc/sysrq-trigger
sleep 60
