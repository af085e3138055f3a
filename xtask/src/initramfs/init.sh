#!/bin/busybox sh
# How the first program of each Linux guest begins: the tools of busybox, the kernel's file systems, the drivers. What the guest is for follows.
/bin/busybox mkdir -p /proc /sys /dev /tmp /etc
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
for module in /modules/*; do insmod "$module"; done
