# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Transfers with the kernel's TCP both ways round and between two XTCPs (topology: common.sh).

TESTS+=" vrf scoped tiny_advmss interop_sizes interop_long offloads_off offloads_mixed small_mtu gro_list"

interop_sizes() {
	local pair len
	net_pair
	for pair in $PAIRS; do
		for len in 1 1448 65536 300001; do
			transfer "${pair%:*}" "${pair#*:}" $B4 $len
		done
		for len in 0 1429 65535 300001; do
			transfer "${pair%:*}" "${pair#*:}" $B6 $len
		done
	done
}

# 64 MiB each way on a clean link: sequence numbers, windows and buffers get to work
interop_long() {
	net_pair
	transfer xtcp tcp $B4 $((64 << 20))
	transfer tcp xtcp $B6 $((64 << 20))
	transfer xtcp xtcp $B4 $((32 << 20))
}

offloads() { # FEATURES...: set on both ends
	need ethtool
	a ethtool -K va "$@" >/dev/null && b ethtool -K vb "$@" >/dev/null || fail "ethtool $*"
}

offloads_off() {
	local pair
	net_pair
	offloads tx off rx off tso off gso off gro off sg off
	for pair in $PAIRS; do
		transfer "${pair%:*}" "${pair#*:}" $B4 2000003
		transfer "${pair%:*}" "${pair#*:}" $B6 2000003
	done
}

# Big segments that have to be cut in software, and segments merged by GRO on the way in
offloads_mixed() {
	local pair
	net_pair
	offloads tso off gso on tx on gro on
	for pair in $PAIRS; do
		transfer "${pair%:*}" "${pair#*:}" $B4 2000003
	done
	offloads tso on gso on tx on gro on
	for pair in $PAIRS; do
		transfer "${pair%:*}" "${pair#*:}" $B6 2000003
	done
}

small_mtu() {
	local pair
	net_pair
	a ip link set va mtu 1280
	b ip link set vb mtu 1280
	for pair in $PAIRS; do
		transfer "${pair%:*}" "${pair#*:}" $B4 300001
		transfer "${pair%:*}" "${pair#*:}" $B6 300001
	done
}

# vrf_fetch ANY CLIENT SERVER ADDRESS: prints what a listener bound to ANY, no device, answers
vrf_fetch() {
	rm -f "$WORK/ready"
	be ./xfer serve "$(stack "$3")" "$1" 9000 1 "$WORK/ready" &
	SERVER=$!
	wait_for test -e "$WORK/ready" || fail "the server does not start"
	a ./xfer fetch "$(stack "$2")" "$4" 9000 3001 1 10000 >"$WORK/said" && echo ok >"$WORK/said"
	stop_server
	cat "$WORK/said"
}

# vrf_ports: may one port be had with and without the VRF, as the kernel's TCP allows it?
vrf_ports() {
	b $PYTHON - "$(stack xtcp)" <<-'PY'
		import errno, socket, sys
		def allowed(family, protocol):
		    held = []
		    for device in b"", b"vrf0", b"vb":
		        s = socket.socket(family, socket.SOCK_STREAM, protocol)
		        held.append(s)
		        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
		        try:
		            s.bind(("", 9001))
		            s.listen()
		        except OSError as e:
		            return device, errno.errorcode[e.errno]
		    return "ok"
		for family in socket.AF_INET, socket.AF_INET6:
		    want, got = allowed(family, 0), allowed(family, 253 if sys.argv[1] == "xtcp" else 0)
		    if got != want:
		        sys.exit("%s: %s, not %s" % (family, got, want))
	PY
}

# vrf_same_tuple STACK: a connection on b's loopback, and one of the very same addresses and ports
# through the VRF
vrf_same_tuple() {
	local proto=253 port=9003 pid
	[ "$(stack "$1")" = xtcp ] || proto=0
	[ "$1" = xtcp ] || port=9002		# what the other stack has left waits
	rm -f "$WORK/ready"
	be $PYTHON - $proto $port $A4 $B4 "$WORK/ready" <<-'PY' &
		import socket, sys
		proto, port, peer, mine, ready = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
		def new(device=b""):
		    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, proto)
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
		    return s
		inner, outer, c = new(), new(b"vrf0"), new()
		inner.bind((mine, port))
		inner.listen()
		c.bind((peer, port + 100))
		c.connect((mine, port))
		d = inner.accept()[0]
		outer.bind(("", port))
		outer.listen()
		open(ready, "w").close()
		e = outer.accept()[0]
		sys.exit(e.recv(9) != b"outer" or c.send(b"inner") != 5 or d.recv(9) != b"inner")
	PY
	pid=$!
	wait_for test -e "$WORK/ready" || fail "the server does not start"
	a timeout 20 $PYTHON - $proto $port $A4 $B4 <<-'PY' || fail "$1: no connection through the VRF"
		import socket, sys
		c = socket.socket(socket.AF_INET, socket.SOCK_STREAM, int(sys.argv[1]))
		c.bind((sys.argv[3], int(sys.argv[2]) + 100))
		c.connect((sys.argv[4], int(sys.argv[2])))
		c.send(b"outer")
		c.recv(9)
	PY
	wait $pid || fail "$1: wrong data"
}

# A listener bound to no device hears a VRF only if tcp_l3mdev_accept says so; only then are its
# ports the VRF's as well
vrf() {
	local accept args want=ECONNREFUSED
	need /usr/bin/python3
	net_pair
	b ip link add vrf0 type vrf table 78 || fail "vrf"
	b sh -c 'ip link set vrf0 up && ip link set vb master vrf0' || fail "vrf"
	b ip addr replace $B6/64 dev vb nodad
	wait_for a ping -c 1 -W 1 $B6 >/dev/null || fail "no way to $B6"
	for accept in 0 1; do
		b sh -c "echo $accept >/proc/sys/net/ipv4/tcp_l3mdev_accept" || fail "sysctl"
		for args in "0.0.0.0 tcp xtcp $B4" ":: xtcp tcp $B6" ":: xtcp xtcp $B6"; do
			# shellcheck disable=SC2086
			vrf_fetch $args
			[ "$(cat "$WORK/said")" = $want ] || fail "$args, accept $accept"
		done
		vrf_ports || fail "ports, accept $accept"
		want=ok
	done
	b sh -c 'echo 0 >/proc/sys/net/ipv4/tcp_l3mdev_accept' || fail "sysctl"
	b sh -c "ip addr add $A4/32 dev lo && ip addr add $B4/32 dev lo" || fail "addresses of lo"
	# the VRF's addresses come first, then those of the others
	b sh -c 'ip rule add pref 32765 table local && ip rule del pref 0' || fail "rules"
	vrf_same_tuple tcp
	vrf_same_tuple xtcp
}

# One link-local address on two links: the scope alone says which
scoped() {
	local pair
	need /usr/bin/python3
	net_pair
	ip link add wa netns $NSA type veth peer name wb netns $NSB || fail "veth"
	a sh -c "$(net_settings wa)" && b sh -c "$(net_settings wb)" || fail "settings"
	a ip link set wa up && b ip link set wb up || fail "links"
	b sh -c "ip addr add fe80::78/64 dev vb nodad && ip addr add fe80::78/64 dev wb nodad" ||
		fail "addresses"
	wait_for a ping -c 1 -W 1 fe80::78%va >/dev/null || fail "no way by va"
	wait_for a ping -c 1 -W 1 fe80::78%wa >/dev/null || fail "no way by wa"
	for pair in $PAIRS; do
		rm -f "$WORK/ready"
		be $PYTHON scoped.py serve "$(stack "${pair#*:}")" "$WORK/ready" vb wb &
		wait_for test -e "$WORK/ready" || fail "$pair: no server"
		a $PYTHON scoped.py fetch "$(stack "${pair%:*}")" va wa || fail "$pair"
		wait $! || fail "$pair: the server"
	done
	closed
}

# A route whose advmss leaves no room for options
tiny_advmss() {
	net_pair
	only_tcp && return
	a ip route replace 10.78.0.0/24 dev va src $A4 advmss 12 || fail "route"
	b ip route replace 10.78.0.0/24 dev vb src $B4 advmss 12 || fail "route"
	transfer xtcp xtcp $B4 3001
}

# GRO by lists of whole segments: each has a TCP header of its own (since 6.12). A probe counts
# the lists that arrive: none, and the test would show ordinary GRO.
gro_list() {
	local fixed tracing=/sys/kernel/tracing probe=xtcp_test/list n
	net_pair
	offloads gro on tso off
	if [[ $(uname -r) == 6.1.* ]]; then
		echo "no rx-gro-list for TCP in this kernel (since 6.10): ordinary GRO instead"
		fixed=1
	else
		b ethtool -K vb rx-gro-list on || fail "rx-gro-list"
		a ethtool -K va rx-gro-list on || fail "rx-gro-list"
	fi
	# without probes the debug kernel shows what it finds wrong, not that it took this way
	! on_debug || fixed=1
	if [ -z "$fixed" ] && ! only_tcp; then
		[ -e $tracing/kprobe_events ] || mount -t tracefs none $tracing
		NET_UNDO=gro_list_undo
		echo "p:$probe xtcp:xtcp_arrival_split" >$tracing/kprobe_events || fail "probe"
		echo 1 >$tracing/events/$probe/enable || fail "probe"
		n=$(gro_lists)
		[ "$n" = 0 ] || fail "$n lists before"
	fi
	transfer tcp xtcp $B4 3000001
	[ -n "$fixed" ] || only_tcp || [ "$(gro_lists)" -gt 0 ] || fail "IPv4: no list arrived"
	transfer xtcp tcp $B4 3000001
	n=$([ -n "$fixed" ] || only_tcp || gro_lists)
	transfer xtcp xtcp $B6 3000001
	[ -n "$fixed" ] || only_tcp || [ "$(gro_lists)" -gt "$n" ] || fail "IPv6: no list arrived"
}

gro_lists() {
	awk '$1 == "list" { n = $2 } END { print n + 0 }' /sys/kernel/tracing/kprobe_profile
}

gro_list_undo() {
	echo 0 >/sys/kernel/tracing/events/xtcp_test/list/enable
	echo -:xtcp_test/list >>/sys/kernel/tracing/kprobe_events
}
