# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# For the two machines of scripts/room/pair.

pair_up() { # DRIVER NUMBER
	modprobe -q virtio_pci		# built in, with some kernels
	modprobe "$1" || return 1
	_n=0
	until ip link show eth0 >/dev/null 2>&1; do
		_n=$((_n + 1))
		[ $_n -le 100 ] || { echo "no eth0 with $1"; return 1; }
		sleep 0.1
	done
	sysctl -q -w net.ipv6.conf.eth0.accept_dad=0
	ip addr add "192.0.2.$2/24" dev eth0
	ip addr add "2001:db8::$2/64" dev eth0 nodad
	ip link set eth0 up
	# the wire works once the other side answers
	_n=0
	until ping -q -c 1 -W 1 "$PEER" >/dev/null 2>&1; do
		_n=$((_n + 1))
		[ $_n -le 120 ] || { echo "$PEER does not answer"; return 1; }
	done
}

# a tells b that all is done, over the kernel's own TCP
pair_done() {
	_n=0
	until (echo done >"/dev/tcp/$PEER/9") 2>/dev/null; do
		_n=$((_n + 1))
		[ $_n -le 300 ] || return 1
		sleep 0.1
	done
}

pair_wait() {
	busybox nc -l -p 9 >/dev/null
}
