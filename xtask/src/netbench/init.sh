#!/bin/busybox sh
# The first program of the Linux guest that the image is compared with: its card's driver, its address, its services.
/bin/busybox mkdir -p /proc /sys /dev /tmp
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
for module in /modules/*; do insmod "$module"; done
ip link set lo up
ip addr add 10.77.0.2/24 dev eth0
ip link set eth0 up
ip route add default via 10.77.0.1
iperf3 -s -D >/dev/null 2>&1
midflight-peer
echo "linux-guest: ended with $?"
poweroff -f
