# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What XTCP must leave alone, and what must be gone afterwards (topology: common.sh).

TESTS+=" host_untouched namespaces_exit_with_traffic both_stacks_one_port"
TESTS+=" host_keeps_its_tuple"
NEED_KO+=" host_untouched"

# What puts XTCP to work in both namespaces without a word on the wire: its hooks, IPv6's
# defragmentation, reservations, a listener and a connection over each IP, on other ports; and a
# listener on the very port of the exchange, but at another address, so that the port alone does
# not tell a segment to be the host's.
idle_xtcp() {
	local to port=9000
	for to in $B4 $B6; do
		port=$((port + 1))
		serve xtcp $to $port 2
		ae ./xfer hold xtcp $to $port >"$WORK/held$port" &
		wait_for grep -q connected "$WORK/held$port" || fail "no connection to $to"
	done
	serve xtcp 127.0.0.1 9100 1
	rm "$WORK/ready"
	for to in a b; do
		wait_for idle_in $to || fail "$to: $($to cat /proc/net/xtcp/sockets)"
	done
}

idle_in() { # SIDE: two connections that wait for nothing
	$1 awk '$5 == "ESTABLISHED" && $6 == 0 && $7 == 0 { n++ } END { exit n != 2 }' \
		/proc/net/xtcp/sockets
}

# One exchange, the kernel's TCP at both ends
exchange_over() { # FROM TO
	rm -f "$WORK/ready"
	be taskset -c 0 $PYTHON ./exchange.py serve "$2" 9100 "$WORK/ready" &
	SERVER=$!
	wait_for test -e "$WORK/ready" || fail "exchange.py"
	a taskset -c 0 $PYTHON ./exchange.py run "$2" 9100 "$1" 40100 || fail "exchange.py"
	wait $SERVER
}

# Exchanges of the kernel's TCP as canonical texts, OUTPUT.4 and OUTPUT.6: one line a packet,
# numbers relative (exchange.py says which and why). On one CPU and with fixed buffers: else the
# windows depend on who was quicker. Without offloads: the checksums are captured as they are sent.
exchange() { # OUTPUT with|without
	local pid
	(
		net_pair
		need tcpdump
		a ethtool -K va tx off tso off gso off gro off >/dev/null
		b ethtool -K vb tx off tso off gso off gro off >/dev/null
		for n in a b; do
			$n sh -c "echo 0 >/proc/sys/net/ipv4/tcp_moderate_rcvbuf"
		done
		[ "$2" = without ] || only_tcp || idle_xtcp
		be tcpdump -i vb -U -w "$WORK/cap" tcp 2>"$WORK/log" &
		pid=$!
		wait_for grep -q listening "$WORK/log" || fail "tcpdump"
		exchange_over $A4 $B4
		exchange_over $A6 $B6
		wait_for sh -c "$PYTHON ./exchange.py show '$WORK/cap' | grep -q '^end'" ||
			fail "capture: $($PYTHON ./exchange.py show "$WORK/cap" | tail -n 4)"
		kill -INT $pid
		wait $pid
		$PYTHON ./exchange.py show "$WORK/cap" >"$WORK/text"
		! grep ' sum bad' "$WORK/text" || fail "a wrong checksum"
		grep '^4' "$WORK/text" >"$1.4" && grep '^6' "$WORK/text" >"$1.6" || fail "capture"
	) || return 1
}

# untouched_equal DIR IP: exchanges with XTCP at work are the same as those without the module: all of
# them in virtual time, else one
untouched_equal() {
	local n m pairs=0 equal=0 differ
	for n in "$1"/with.*."$2"; do
		[ "$(wc -l <"$n")" -gt 60 ] || fail "too short: $(cat "$n")"
		for m in "$1"/without.*."$2"; do
			pairs=$((pairs + 1))
			if cmp -s "$n" "$m"; then equal=$((equal + 1)); else differ="$n $m"; fi
		done
	done
	echo "IPv$2: $equal of $pairs pairs are equal"
	[ $equal -gt 0 ] && { [ $equal = $pairs ] || [ "${XTCP_VIRTUAL:-0}" != 1 ]; } && return 0
	# shellcheck disable=SC2086
	diff $differ
	return 1
}

# When a delayed acknowledgement fires, or segments find the reader at work and are merged before TCP
# measures them, a run differs from its twin, without the module, too: so it is the more often the
# busier the machine. Virtual time knows no busy machine, and real-time priority leaves nothing to the
# scheduler (exchange.py). Without virtual time one pair of equal runs over each IP is asked for: what
# the module did to every exchange would show in all.
host_untouched() {
	local dir round n
	dir=$(mktemp -d /tmp/xtcp-untouched.XXXXXX)
	# shellcheck disable=SC2064
	trap "rm -rf $dir" EXIT
	only_tcp || [ -n "$KO" ] || fail "no xtcp.ko (XTCP_KO)"
	# its programs come from the disk: it is slower
	exchange "$dir/first" with
	for round in 1 2 3 4; do
		for n in 1 2; do
			exchange "$dir/with.$round$n" with || fail "exchange with the module"
		done
		only_tcp || wait_for rmmod xtcp || fail "rmmod"
		for n in 1 2; do
			exchange "$dir/without.$round$n" without || fail "exchange without the module"
		done
		only_tcp || insmod "$KO" || fail "insmod"
		untouched_equal "$dir" 4 && untouched_equal "$dir" 6 && return 0
		[ "${XTCP_VIRTUAL:-0}" != 1 ] || break
	done
	fail "exchanges with and without the module differ"
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

# A SYN for a listener of XTCP's of a tuple that the host's TCP has a connection of, is the host's
host_keeps_its_tuple() {
	net_pair
	only_tcp && return
	# the SYN+ACKs of a half-open connection must not be refused
	a nft -f - <<<'table inet f { chain i { type filter hook input priority 0;
		tcp sport 9001 drop; }; }' || fail "nft"
	$PYTHON ./hostflow.py $NSA $NSB $A4 $B4 || fail "IPv4"
	$PYTHON ./hostflow.py $NSA $NSB $A6 $B6 || fail "IPv6"
}
