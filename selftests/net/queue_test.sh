# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Queues below: what a connection leaves in them, and that it goes on when they drain
# (topology: common.sh; the qdisc is that of va, where the sender is).

TESTS+=" queue_small queue_small_rate queue_fq queue_none queue_slow queue_close queue_netdown"

# bytes that wait in the qdisc of va
backlog() {
	a tc -s qdisc show dev va | sed -n 's/^ backlog \([0-9]*\)\([KM]*\)b .*/\1 \2/p' |
		awk '{ n += $1 * ($2 == "K" ? 1024 : $2 == "M" ? 1048576 : 1) } END { print n + 0 }'
}

# counter NAME: of $NSA
counter() { xtcp_count a "$1"; }

# send_watched STACK ADDRESS BYTES: $most: the most that waited in the meantime
send_watched() {
	local now pid
	serve "$1" "$2" 9000 1
	ae ./xfer fetch "$(stack "$1")" "$2" 9000 "$3" "$XTCP_SEED" &
	pid=$!
	most=0
	while kill -0 $pid 2>/dev/null; do
		now=$(backlog)
		[ "$now" -le $most ] || most=$now
	done
	wait $pid || fail "$1, $2, $3 bytes"
	server_ok
}

# Seconds that a command takes, in hundredths
took() {
	local begin=${EPOCHREALTIME/./} end
	"$@"
	end=${EPOCHREALTIME/./}
	hundredths=$(((end - begin) / 10000))
}

slow_va() { # RATE LIMIT
	need tc
	a tc qdisc replace dev va root tbf rate "$1" burst 3028 limit "$2" || fail "tbf"
}

# A rate that a machine surely exceeds that is slow itself
crawl() {
	if on_debug; then echo 500kbit; else echo 2mbit; fi
}

# veth keeps the order of packets on one CPU only, whichever the qdisc's timer goes off on
in_order() {
	local side
	for side in $NSA:va $NSB:vb; do
		ip netns exec "${side%:*}" \
			sh -c "echo 1 >/sys/class/net/${side#*:}/queues/rx-0/rps_cpus" || fail "RPS"
	done
}

# In a slow qdisc, a buffer at the start and a few segments after; no stall, nothing lost.
queue_small() {
	local most hundredths stack addr sent probes timeouts rate=10mbit bytes=2000000
	net_pair
	on_debug || in_order
	# a rate that the machine itself surely exceeds
	! on_debug || { rate=500kbit bytes=125000; }
	slow_va $rate 10000000
	for stack in xtcp fam; do
		for addr in $B4 $B6; do
			took send_watched $stack "$addr" $bytes
			echo "$stack $addr: $most bytes at most, $hundredths/100 s"
			[ $most -gt 0 ] || fail "nothing ever waited"
			[ $most -le 150000 ] || fail "$most bytes wait"
			[ $hundredths -ge 160 ] || fail "faster than the qdisc: $hundredths/100 s"
		done
	done
	only_tcp && return
	[ "$(counter QueueWaits)" -gt 0 ] || fail "it was never held back"
	! a tc -s qdisc show dev va | grep 'dropped [1-9]' || fail "something was dropped"
	on_debug && return		# slow enough for timers to go off by themselves
	# nothing was lost: what is sent again are probes for the tail, and a machine that slept
	sent=$(counter RetransSegs) probes=$(counter TlpProbes) timeouts=$(counter Timeouts)
	[ "$sent" -le $((probes + timeouts)) ] || fail "$sent segments sent again, $probes probes," \
		"$timeouts timeouts: $(a sed -n '/^Xtcp:/p' /proc/net/xtcp/snmp)"
}

# limit_output_bytes bounds it further, down to one segment beside what is just being sent
queue_small_rate() {
	local most bound=150000 _
	need ethtool
	net_pair
	a ethtool -K va tso off gso off || fail "ethtool"
	slow_va 1mbit 10000000
	only_tcp || { a sysctl -qw net.xtcp.limit_output_bytes=1 && bound=4500; } || fail "limit_output_bytes"
	send_watched xtcp $B4 60000
	echo "$most bytes at most"
	[ $most -le $bound ] || fail "$most bytes wait"
	only_tcp && return
	on_debug && return		# too slow for a queue to build
	[ "$(counter QueueWaits)" -gt 0 ] || fail "it was never held back"
	# without it more waits, but after a slow first round trip: that is for a low rate
	a sysctl -qw net.xtcp.limit_output_bytes=4194304 || fail "limit_output_bytes"
	for _ in {1..10}; do
		send_watched xtcp $B4 60000
		echo "$most bytes at most"
		[ $most -le 6000 ] || return 0
	done
	fail "as little waits without it"
}

# fq tells the socket, is given departure times and keeps them: nothing else is needed
queue_fq() {
	need tc
	net_pair
	a tc qdisc replace dev va root fq || fail "fq"
	# a round trip long enough for a slow machine to send more in it than is due at once
	b tc qdisc replace dev vb root netem delay 20ms limit 10000 || fail "netem"
	XFER_ALL=1 transfer xtcp xtcp $B4 3000000
	XFER_ALL=1 transfer xtcp tcp $B6 3000000
	a tc -s qdisc show dev va
	a tc -s qdisc show dev va | grep -Eq 'throttled [1-9]' || fail "fq delayed nothing"
}

# The timer is only for those who ask: without fq and without a rate nothing waits for its time.
queue_none() {
	net_pair
	transfer xtcp xtcp $B4 3000000
	only_tcp || [ "$(counter PaceWaits)" = 0 ] || fail "paced without being asked"
}

# queue_slow: longer than a timeout in the sender's own queue, and nothing is sent twice. (The first
# piece has two segments, which take three quarters of a second to leave.)
queue_slow() {
	local addr sent held
	net_pair
	need tc
	a tc qdisc replace dev va root netem rate 32kbit limit 1000 || fail "netem"
	for addr in $B4 $B6; do
		transfer xtcp xtcp "$addr" 15000
	done
	only_tcp && return
	on_debug && return		# slow enough for timers to go off by themselves
	sent=$(counter RetransSegs) held=$(counter RetransHeld)
	[ "$sent" = 0 ] || fail "$sent segments sent again: $(a sed -n '/^Xtcp:/p' /proc/net/xtcp/snmp)"
	[ "$held" -gt 0 ] || fail "no timeout: nothing waited for long enough"
}

# kill_sender: the program dies with much in its buffer; what waits below is all the same sent
queue_close() {
	local pid
	net_pair
	slow_va "$(crawl)" 10000000
	serve xtcp $B4 9000 1
	ae ./xfer fetch "$(stack xtcp)" $B4 9000 50000000 "$XTCP_SEED" &
	pid=$!
	wait_for eval '[ "$(backlog)" -gt 0 ]' || fail "nothing waits"
	kill -9 $pid
	wait $pid 2>/dev/null
	stop_server
	wait_for eval '[ "$(backlog)" = 0 ]' || fail "the qdisc does not drain"
}

# The qdisc goes with all that waits in it: what it held is sent again, not waited for.
queue_netdown() {
	local pid
	net_pair
	slow_va "$(crawl)" 10000000
	serve xtcp $B4 9000 1
	ae ./xfer fetch "$(stack xtcp)" $B4 9000 1000000 "$XTCP_SEED" &
	pid=$!
	wait_for eval '[ "$(backlog)" -gt 0 ]' || fail "nothing waits"
	a tc qdisc del dev va root || fail "tc qdisc del"
	wait $pid || fail "the transfer"
	server_ok
}
