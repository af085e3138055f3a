# The Linux guest in which uhyve runs. By QEMU's fw_cfg come the MTU of the TAP and then the words of the command to be run, one a line; its output
# and its end go to the serial port.
{
    IFS= read -r mtu
    set --
    while IFS= read -r word; do set -- "$@" "$word"; done
} </sys/firmware/qemu_fw_cfg/by_name/opt/midflight/command/raw

ifconfig lo up
tunctl -t tap0 >/dev/null
# The address that QEMU gives to a card by itself; the one of this guest has another.
ifconfig tap0 hw ether 52:54:00:12:34:56
ifconfig tap0 mtu "$mtu" up
brctl addbr br0
brctl addif br0 eth0
ifconfig eth0 up
ifconfig br0 up
echo "midflight-nested: starting $1"

# uhyve's guest has the address of its TAP device. A bridge takes frames to the address of one of its devices for itself, so the TAP gets another one before it
# joins. That the image is ready is not passed on before it can be reached.
join() {
    ifconfig tap0 hw ether 02:00:00:00:00:02
    brctl addif br0 tap0
}
{
    "$@" 2>&1
    echo "midflight-nested: ended with $?"
} | while IFS= read -r line; do
    case "$line" in
        "midflight: ready "*)
            join
            # Of all that run here the monitor is the largest.
            echo "midflight-nested: $(grep -h VmHWM /proc/[0-9]*/status | sort -k2n | tail -n1)"
            ;;
    esac
    echo "$line"
done
poweroff -f
