# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What XTCP must leave alone, and what must be gone afterwards (topology: common.sh).

TESTS+=" host_untouched namespaces_exit_with_traffic both_stacks_one_port"

# An exchange of the kernel's TCP as a canonical text: one line a packet, numbers relative.
# On one CPU and with fixed buffers: else the windows depend on who was quicker.
exchange() { # OUTPUT
	local pid
	(
		net_pair
		need tcpdump
		a ethtool -K va tso off gso off gro off >/dev/null
		b ethtool -K vb tso off gso off gro off >/dev/null
		for n in a b; do
			$n sh -c "echo 0 >/proc/sys/net/ipv4/tcp_moderate_rcvbuf"
		done
		be tcpdump -i vb -U -s 200 -w "$WORK/cap" tcp port 9100 2>"$WORK/log" &
		pid=$!
		wait_for grep -q listening "$WORK/log" || fail "tcpdump"
		be taskset -c 0 /usr/bin/python3 ./exchange.py serve $B4 9100 "$WORK/ready" &
		SERVER=$!
		wait_for test -e "$WORK/ready" || fail "exchange.py"
		a taskset -c 0 /usr/bin/python3 ./exchange.py run $B4 9100 $A4 40100 || fail "exchange.py"
		wait $SERVER
		wait_for sh -c "/usr/bin/python3 ./exchange.py show '$WORK/cap' | grep -q 'F.*F\|end'" ||
			fail "capture"
		kill -INT $pid
		wait $pid
		/usr/bin/python3 ./exchange.py show "$WORK/cap" >"$1"
	) || return 1
}

# When a delayed acknowledgement fires, or segments find the reader at work and are merged before TCP
# measures them, a run differs from its twin, without the module, too: so it is the more often the
# busier the machine. One pair of equal runs shows that the module changes nothing.
host_untouched() {
	local dir ko round n m
	dir=$(mktemp -d /tmp/xtcp-untouched.XXXXXX)
	# shellcheck disable=SC2064
	trap "rm -rf $dir" EXIT
	ko=${XTCP_KO:-${ROOM_DIR:-/nowhere}/xtcp.ko}
	only_tcp || [ -r "$ko" ] || fail "no xtcp.ko (XTCP_KO)"
	for round in 1 2 3 4; do
		for n in 1 2; do
			exchange "$dir/with.$round$n" || fail "exchange with the module"
		done
		only_tcp || wait_for rmmod xtcp || fail "rmmod"
		for n in 1 2; do
			exchange "$dir/without.$round$n" || fail "exchange without the module"
		done
		only_tcp || insmod "$ko" || fail "insmod"
		[ "$(wc -l <"$dir/with.11")" -gt 60 ] || fail "too short: $(cat "$dir/with.11")"
		for n in "$dir"/with.*; do
			for m in "$dir"/without.*; do
				cmp -s "$n" "$m" && return 0
			done
		done
	done
	fail "no run is equal: $(diff "$dir/with.11" "$dir/without.11")"
}

# Both ends killed in the middle of transfers and their namespaces removed at once
namespaces_exit_with_traffic() {
	local round i rounds=5
	! on_debug || rounds=3
	for round in $(seq $rounds); do
		(
			net_pair >/dev/null
			serve xtcp $B4 9000 1
			for i in 1 2 3; do
				rm -f "$WORK/ready$i"
				be ./xfer serve "$(stack xtcp)" $B6 900$i 1 "$WORK/ready$i" &
				wait_for test -e "$WORK/ready$i" || fail "server"
				ae ./xfer fetch "$(stack fam)" $B6 900$i 1000000000 1 >/dev/null 2>&1 &
			done
			ae ./xfer fetch "$(stack xtcp)" $B4 9000 1000000000 1 >/dev/null 2>&1 &
			wait_for flowing || fail "round $round: nothing flows"
		) || fail "round $round"
	done
	[ -d /sys/kernel/xtcp ] || return 0
	wait_for quiet || fail "left: $(grep -H . /sys/kernel/xtcp/states/*)"
}

flowing() { # more than a megabyte has come in at b
	[ "$(b awk '$1 == "vb:" { print $2 }' /proc/net/dev)" -gt 1000000 ]
}

quiet() {
	local f
	for f in /sys/kernel/xtcp/states/*; do
		case $f in */CLOSE) continue ;; esac
		[ "$(cat "$f")" = 0 ] || return 1
	done
}

# The same port number at either end, one connection by each stack, at the same time
both_stacks_one_port() {
	local pid
	net_pair
	serve tcp $B4 9000 1
	rm -f "$WORK/ready2"
	be ./xfer serve "$(stack xtcp)" $B6 9000 1 "$WORK/ready2" &
	pid=$!
	wait_for test -e "$WORK/ready2" || fail "both stacks on one port, other addresses"
	ae ./xfer fetch "$(stack xtcp)" $B6 9000 300000 3 &
	a ./xfer fetch tcp $B4 9000 300000 4 || fail "TCP"
	wait $! || fail "XTCP"
	server_ok
	wait $pid || fail "XTCP's server"
}
