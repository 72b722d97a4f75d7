# Runs in the guest, as its first process. It boots once; then it is told what to do, a line each, over the second serial
# port. Where it waits for the next line its state is saved (machine.py). What the tests say goes out by the third port.
# Serial ports take no time off the guest's clock; folders that are shared with the host do, and any (userland.py), so
# they are there before and after the tests only.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/libexec/bluetooth:/usr/lib/busybox HOME=/tmp LC_ALL=C.UTF-8

mount_from_host() { mount -t 9p -o "trans=virtio,version=9p2000.L,msize=524288,cache=none,$2" "$1" "/$1"; }

# Puts files of the host at the same paths here.
load() {
  mount_from_host out ro || exit
  mount_from_host host ro || exit
  cd /host || exit
  tr '\n' '\000' </out/wanted | xargs -0 cp -a --parents -t / || exit
  cd /run/out || exit
  umount /host
  umount /out
}

# The results go to the folder that both share.
finish() {
  read -r up idle </proc/uptime
  kill "$alive"
  dmesg >dmesg
  mount_from_host out rw && cp -r . /out/ && umount /out
  echo "ended $1 $up $idle" >&3
  echo o >/proc/sysrq-trigger
  sleep 60
}

/bin/busybox mkdir -p /usr/lib/busybox
/bin/busybox --install -s /usr/lib/busybox
ifconfig lo up
exec 3<>/dev/ttyS1
stty raw -echo <&3
stty -opost </dev/ttyS2
cd /run/out || exit
echo ready >&3
while read -r word now <&3 && [ "$word" != go ]; do
  "$word"
  echo ready >&3
done
date -s "@$now" >/dev/null
while IFS= read -r line <&3 && [ "$line" != end ]; do printf '%s\n' "$line"; done >/run/command.sh

read -r up idle </proc/uptime
echo "begun $up $idle" >&3
(while sleep 5; do echo alive >&3; done) &
alive=$!
# Some of BlueZ's tools wait for ever on a console that is none.
sh /run/command.sh </dev/null >/dev/ttyS2 2>&1
finish $?
