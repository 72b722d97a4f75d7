set -x
mount | head -3; ls /dev/vhci; uname -r
mkdir -p /run/dbus; dbus-daemon --system --fork
RADIO --captures /run/out 3 & sleep 1.5
bluetoothd -n -d >/run/out/bluetoothd.log 2>&1 &
sleep 4
hciconfig -a
btmgmt info </dev/null | head -30
python3 -c "
import socket,sys
s=socket.socket(socket.AF_UNIX);s.connect('/run/radio.sock');s.sendall(b'usage\n');print(s.recv(65536).decode())"
dmesg | tail -30
