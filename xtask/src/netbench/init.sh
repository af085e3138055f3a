# The Linux guest that the image is compared with: its address, its services.
ip link set lo up
ip addr add 10.77.0.2/24 dev eth0
ip link set eth0 up
ip route add default via 10.77.0.1
iperf3 -s -D >/dev/null 2>&1
midflight-peer
echo "linux-guest: ended with $?"
poweroff -f
