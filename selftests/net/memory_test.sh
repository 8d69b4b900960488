# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Little memory, failing allocations, and a path that swallows what is large (topology: common.sh).

TESTS+=" black_hole memory_pressure memory_cgroup"
# other kernels cannot let allocations fail
! on_debug || TESTS+=" fault_memory"

MEM=/proc/sys/net/xtcp/mem
FAILSLAB=/sys/kernel/debug/failslab

# at_once LENGTH PAIR...: each pair over both families, all of them side by side
at_once() {
	local len=$1 pair addr i port=9000 pids=()
	shift
	for pair; do
		for addr in $B4 $B6; do
			port=$((port + 1))
			serve "${pair#*:}" $addr $port 1
			pids+=("$SERVER")
			ae ./xfer fetch "$(stack "${pair%:*}")" $addr $port "$len" "$XTCP_SEED" &
			pids+=($!)
		done
	done
	for i in "${pids[@]}"; do
		wait "$i" || fail "a transfer"
	done
}

# RFC 4821: both ends drop what is larger than 1200 bytes, and no ICMP tells of it
black_hole() {
	local side rule='table inet f { chain p { type filter hook prerouting priority 0;
		meta l4proto tcp meta length > 1200 counter drop; }; }'
	need nft ethtool
	net_pair
	for side in "a va" "b vb"; do
		# shellcheck disable=SC2086
		set -- $side
		$1 ethtool -K "$2" tso off gso off gro off >/dev/null || fail "offloads of $2"
		$1 nft -f - <<<"$rule" || fail "nft"
		$1 sh -c 'echo 1 >/proc/sys/net/ipv4/tcp_mtu_probing' || fail "tcp_mtu_probing"
	done
	# most of their time they wait for timeouts
	at_once 100000 xtcp:tcp tcp:xtcp xtcp:xtcp
	a nft list ruleset | grep -q 'packets [1-9]' || fail "nothing was dropped"
	only_tcp || [ "$(xtcp_count a MtuBlackHoles)" -ge 4 ] || fail "no black hole was found"
	only_tcp || [ "$(xtcp_count b MtuBlackHoles)" -ge 4 ] || fail "none on the other side"
}

# mem_restore: what net_gone does not know of
mem_restore() { echo "$MEM_BEFORE" >$MEM; }

# hog: forty connections whose readers do not read hold all the memory they get, until they are ended
hog() {
	exec nsenter --net=/run/netns/$NSA -- $PYTHON - "$WORK/full" <<-'PY'
		import signal, socket, sys
		def new():
		    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, 253)
		held, listener = [], new()
		listener.bind(("127.0.0.1", 9100))
		listener.listen(64)
		for i in range(40):
		    c = new()
		    c.connect(("127.0.0.1", 9100))
		    held += c, listener.accept()[0]
		    c.setblocking(False)
		    try:
		        while True:
		            c.send(bytes(65536))
		    except BlockingIOError:
		        pass
		open(sys.argv[1], "w").close()
		signal.pause()
	PY
}

under_pressure() { # yes|no
	[ "$(awk '$1 == "XTCP" || $1 == "XTCPv6" { print $5 }' /proc/net/protocols | sort -u)" = "$1" ]
}

# Memory is short all the time: the others are slow, and get there. The core's count is off by up to
# 256 pages for each CPU (SK_MEMORY_PCPU_RESERVE): the numbers and what is held leave room for that.
memory_pressure() {
	local hog before
	need /usr/bin/python3
	only_tcp && return 0
	net_pair
	netem delay 5ms
	MEM_BEFORE=$(cat $MEM)
	NET_UNDO=mem_restore
	echo "700 1100 16000" >$MEM || fail "mem"
	hog &
	hog=$!
	wait_for test -e "$WORK/full" || fail "the memory does not become full"
	under_pressure yes || fail "memory is not short: $(grep XTCP /proc/net/protocols)"
	at_once 400000 xtcp:xtcp fam:fam
	under_pressure yes || fail "memory is short no more"
	kill $hog
	wait $hog 2>/dev/null
	before=$(($(xtcp_count a MemoryPressures) + $(xtcp_count b MemoryPressures)))
	# it is over with the first that asks again
	transfer xtcp xtcp $B6 1000000
	echo "pressures: $before, for $(xtcp_count a MemoryPressureMs) and" \
		"$(xtcp_count b MemoryPressureMs) ms; windows shut: $(xtcp_count a ZeroWindowAdvs)" \
		"$(xtcp_count b ZeroWindowAdvs)"
	[ $before -gt 0 ] || fail "no pressure was counted"
	[ $(($(xtcp_count a MemoryPressures) + $(xtcp_count b MemoryPressures))) = $before ] ||
		fail "memory is still short"
	under_pressure no || fail "pressure is still on"
}

CGROUP=/sys/fs/cgroup/xtcp-net.$$
cgroup_gone() { rmdir "$CGROUP"; }
cgroup_sock() { awk '$1 == "sock" { print $2 }' "$CGROUP/memory.stat"; }

# keep_unread SIDE STACK ADDRESS: one accepts in a cgroup and does not read, until it is ended; the
# other, in none, sends all that is taken
keep_unread() {
	exec nsenter --net=/run/netns/$NSA -- $PYTHON - "$1" "$2" "$CGROUP" "$WORK/full" <<-'PY'
		import os, signal, socket, sys
		stack, addr, cgroup, ready = sys.argv[1:]
		family = socket.AF_INET6 if ":" in addr else socket.AF_INET
		def new():
		    return socket.socket(family, socket.SOCK_STREAM, 0 if stack == "tcp" else 253)
		c = new()
		def enter(path):
		    with open(path + "/cgroup.procs", "w") as f:
		        f.write(str(os.getpid()))
		enter(cgroup)
		listener = new()
		listener.bind((addr, 9200))
		listener.listen(4)
		c.connect((addr, 9200))
		child = listener.accept()[0]
		enter("/sys/fs/cgroup")
		c.settimeout(1)
		try:
		    while True:
		        c.send(bytes(65536))
		except TimeoutError:
		    pass
		open(ready, "w").close()
		signal.pause()
	PY
}

# What an accepted connection holds unread is charged to its listener's cgroup, and given back
memory_cgroup() {
	local stack addr keeper
	need /usr/bin/python3
	grep -qw memory /sys/fs/cgroup/cgroup.controllers || fail "no memory controller"
	net_pair
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control && mkdir "$CGROUP" || fail "cgroup"
	NET_UNDO=cgroup_gone
	for stack in tcp "$(stack xtcp)"; do
		for addr in $A4 $A6; do
			rm -f "$WORK/full"
			keep_unread "$stack" $addr &
			keeper=$!
			wait_for test -e "$WORK/full" || fail "$stack, $addr: no connection"
			# the statistics of a cgroup are brought up to date every two seconds
			wait_for eval '[ "$(cgroup_sock)" -ge 60000 ]' || fail "$stack, $addr: not charged"
			echo "$stack, $addr: $(cgroup_sock) bytes"
			kill $keeper
			wait $keeper 2>/dev/null
			wait_for eval '[ "$(cgroup_sock)" = 0 ]' || fail "$stack, $addr: $(cgroup_sock) left"
		done
	done
}

# Only what has the module on its stack fails. The kernel's TCP never sends a FIN for which there was
# no memory (tcp_send_fin() of 6.12 returns): such a peer would wait for ever.
fault_ours() {
	local at size
	read -r size at <<<"$(awk '$1 == "xtcp" { print $2, $6 }' /proc/modules)"
	[ -n "$at" ] || fail "/proc/modules"
	echo 32 >$FAILSLAB/stacktrace-depth &&
		echo "$at" >$FAILSLAB/require-start &&
		printf '0x%x\n' $((at + size)) >$FAILSLAB/require-end || fail "failslab"
}

# fault_some WHAT: at least ten allocations have failed since the last time
FAULTS=1000000
fault_some() {
	local left
	left=$(cat $FAILSLAB/times)
	[ $((FAULTS - left)) -ge 10 ] || fail "$1: $((FAULTS - left)) allocations failed"
	FAULTS=$left
}

fault_end() {
	echo 0 >$FAILSLAB/probability
	echo 0 >$FAILSLAB/require-start
	echo 0xffffffffffffffff >$FAILSLAB/require-end
}

# fault_transfer PERCENT CLIENT SERVER ADDRESS LENGTH: the connection meets failing allocations; that
# the server gets its port is left out (a bind that finds no memory says EADDRINUSE, as TCP's does),
# and a connect that says there is no memory for a SYN is called again
fault_transfer() {
	local rc=3 times=0
	echo 0 >$FAILSLAB/probability
	serve "$3" "$4" 9000 1
	echo "$1" >$FAILSLAB/probability || fail "failslab"
	while [ $rc = 3 ] && [ $((times += 1)) -le 10 ]; do
		rc=0
		a ./xfer fetch "$(stack "$2")" "$4" 9000 "$5" "$XTCP_SEED" >"$WORK/said" || rc=$?
		cat "$WORK/said"
		[ $rc != 3 ] || grep -qx -e ENOBUFS -e EADDRNOTAVAIL "$WORK/said" || break
	done
	[ $rc = 0 ] || fail "$2 -> $3, $4, $5 bytes"
	server_ok
}

# Each atomic allocation of the machine fails with 5 %: slow, and no byte is wrong
fault_memory() {
	net_pair
	[ -d $FAILSLAB ] || mount -t debugfs none /sys/kernel/debug || fail "debugfs"
	NET_UNDO=fault_end
	echo Y >$FAILSLAB/ignore-gfp-wait
	echo 0 >$FAILSLAB/verbose
	echo $FAULTS >$FAILSLAB/times
	fault_transfer 5 xtcp xtcp $B4 300000
	fault_some "all of them"
	fault_ours
	fault_transfer 10 xtcp tcp $B6 100000
	fault_transfer 10 tcp xtcp $B4 100000
	fault_some "ours"
	fault_end
	transfer xtcp xtcp $B6 100000
}
