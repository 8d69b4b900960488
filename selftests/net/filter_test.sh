# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# nftables and conntrack treat XTCP's segments as TCP's (topology: common.sh).

TESTS+=" nft_input_drop nft_output_drop nft_reject_reset nft_reject_icmp nft_counters"
TESTS+=" nft_queue nft_header_length nft_last_of_all nft_queue_last_of_all synproxy_local"
TESTS+=" conntrack_states conntrack_invalid nat_redirect"

rules() { # SIDE TEXT: the ruleset of a or b
	need nft
	"$1" nft -f - <<<"$2" || fail "nft"
}

# connect_ends ERRNO CLIENT SERVER ADDRESS: a connect that has to fail with this errno
connect_ends() {
	local got
	rm -f "$WORK/ready"
	be ./xfer serve "$(stack "$3")" "$4" 9000 1 "$WORK/ready" &
	SERVER=$!
	wait_for test -e "$WORK/ready" || fail "the server does not start"
	got=$(a ./xfer fetch "$(stack "$2")" "$4" 9000 10 1 1500)
	[ $? = 3 ] || fail "$2 -> $3, $4: there is a connection"
	[ "$got" = "$1" ] || fail "$2 -> $3, $4: $got instead of $1"
	stop_server
}

nft_input_drop() {
	net_pair
	rules b 'table inet f { chain i { type filter hook input priority 0;
		tcp dport 9000 counter drop; }; }'
	connect_ends ETIMEDOUT tcp xtcp $B4
	connect_ends ETIMEDOUT xtcp tcp $B6
	connect_ends ETIMEDOUT xtcp xtcp $B4
	b nft list ruleset | grep -q 'packets [1-9]' || fail "the rule counted nothing"
}

nft_output_drop() {
	net_pair
	rules a 'table inet f { chain o { type filter hook output priority 0;
		tcp dport 9000 counter drop; }; }'
	connect_ends ETIMEDOUT xtcp tcp $B4
	connect_ends ETIMEDOUT xtcp xtcp $B6
	a nft list ruleset | grep -q 'packets [1-9]' || fail "the rule counted nothing"
}

nft_reject_reset() {
	net_pair
	rules b 'table inet f { chain i { type filter hook input priority 0;
		tcp dport 9000 reject with tcp reset; }; }'
	connect_ends ECONNREFUSED xtcp xtcp $B4
	connect_ends ECONNREFUSED xtcp tcp $B6
	connect_ends ECONNREFUSED tcp xtcp $B4
}

nft_reject_icmp() {
	net_pair
	rules b 'table inet f { chain i { type filter hook input priority 0;
		tcp dport 9000 reject with icmpx port-unreachable; }; }'
	connect_ends ECONNREFUSED xtcp xtcp $B4
	connect_ends ECONNREFUSED xtcp tcp $B6
	connect_ends ECONNREFUSED tcp xtcp $B6
}

# queue_over SIDE PID LEAST: the rules go before the program that answers for them: what is
# still to be said at the end of a connection passes
queue_over() {
	"$1" nft flush ruleset || fail "nft flush"
	kill "$2"
	wait "$2" || fail "the queue's program failed"
	[ "$(cat "$WORK/asked")" -gt "$3" ] || fail "asked $(cat "$WORK/asked") times"
}

# NFQUEUE: the hooks go on in the process that gives the verdict. In OUTPUT and POSTROUTING
# retransmissions are queued as well, INPUT gives what the wire brings
nft_queue() {
	local pid
	net_pair
	modprobe -qa nft_queue nfnetlink_queue
	rules a 'table inet f {
		chain o { type filter hook output priority 0; tcp dport 9000 queue num 7; }
		chain p { type filter hook postrouting priority 0; tcp dport 9000 queue num 7; }
		chain i { type filter hook input priority 0; tcp sport 9000 queue num 7; }
	}'
	ae ./nfq 7 "$WORK/queue" >"$WORK/asked" &
	pid=$!
	wait_for test -e "$WORK/queue" || fail "no queue"
	a tc qdisc add dev va root netem loss 3% || fail "netem"
	transfer xtcp tcp $B4 300000
	transfer xtcp xtcp $B6 300000
	closed
	queue_over a $pid 100
}

# A rule in INPUT writes another header length: where the TCP header begins IP has seen before.
# (The newest kernels do not let it)
nft_header_length() {
	local first
	net_pair
	for first in 0x44 0x40 0x4f; do
		rules b "table ip f { chain i { type filter hook input priority 0;
			tcp dport 9000 counter @nh,0,8 set $first; }; }"
		transfer tcp xtcp $B4 30000
		transfer xtcp tcp $B4 30000
		b nft list chain ip f i | grep -q 'packets [1-9]' || fail "the rule counted nothing"
		b nft flush ruleset || fail "nft flush"
	done
}

# A chain with XTCP's own priority, made before there is any socket of XTCP's: it is asked, too
nft_last_of_all() {
	net_pair
	rules b 'table inet f { chain i { type filter hook input priority 2147483647;
		tcp dport 9000 counter drop; }; }'
	connect_ends ETIMEDOUT tcp xtcp $B4
	connect_ends ETIMEDOUT xtcp xtcp $B6
	b nft list ruleset | grep -q 'packets [1-9]' || fail "the rule counted nothing"
}

# The same with NFQUEUE: what comes back from it is for XTCP as before
nft_queue_last_of_all() {
	local pid
	net_pair
	modprobe -qa nft_queue nfnetlink_queue
	rules b 'table inet f { chain i { type filter hook input priority 2147483647;
		tcp dport 9000 queue num 7; }; }'
	be ./nfq 7 "$WORK/queue" >"$WORK/asked" &
	pid=$!
	wait_for test -e "$WORK/queue" || fail "no queue"
	transfer tcp xtcp $B4 100000
	transfer xtcp xtcp $B6 100000
	queue_over b $pid 20
}

# SYNPROXY on the server itself: conntrack, whose hook has XTCP's own priority, translates the
# acknowledgment numbers of whatever comes in
synproxy_local() {
	local addr
	net_pair
	modprobe -qa nft_synproxy
	rules b 'table inet f {
		chain p { type filter hook prerouting priority raw;
			tcp dport 9000 tcp flags syn notrack; }
		chain i { type filter hook input priority 0;
			tcp dport 9000 ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm;
			ct state invalid drop; }
	}'
	b sh -c 'echo 0 >/proc/sys/net/netfilter/nf_conntrack_tcp_loose' || fail "sysctl"
	for addr in $B4 $B6; do
		transfer tcp xtcp $addr 100000
		transfer xtcp xtcp $addr 100000
		transfer xtcp tcp $addr 100000
	done
}

# counted LISTING CHAIN sport|dport: packets by that rule
counted() {
	sed -n "/chain $2 /,/}/s/.*$3 9000 counter packets \([0-9]*\).*/\1/p" <<<"$1"
}

# INPUT and OUTPUT see every segment: as many go out of one end as come in at the other
nft_counters() {
	local text='table inet f {
		chain i { type filter hook input priority 0; tcp sport 9000 counter; tcp dport 9000 counter; }
		chain o { type filter hook output priority 0; tcp sport 9000 counter; tcp dport 9000 counter; }
	}' at_a at_b out in
	net_pair
	a ethtool -K va tso off gso off gro off >/dev/null
	b ethtool -K vb tso off gso off gro off >/dev/null
	rules a "$text"
	rules b "$text"
	transfer xtcp xtcp $B4 100000
	at_a=$(a nft list table inet f) at_b=$(b nft list table inet f)
	out=$(counted "$at_a" o dport) in=$(counted "$at_b" i dport)
	[ "$out" -gt 5 ] && [ "$in" -ge "$out" ] || fail "out $out, in $in"
	out=$(counted "$at_b" o sport) in=$(counted "$at_a" i sport)
	[ "$out" -gt 5 ] && [ "$in" -ge "$out" ] || fail "back: out $out, in $in"
}

state_rules='table inet f { chain i { type filter hook input priority 0; policy drop;
	ct state invalid counter drop
	meta l4proto { icmp, ipv6-icmp } accept
	ct state established counter accept
	tcp dport 9000 ct state new counter accept
	}; }'

# states_seen SIDE: sets new, established and invalid to the packets that state_rules have counted
states_seen() {
	local list state
	list=$("$1" nft list chain inet f i) || fail "nft list"
	for state in new established invalid; do
		[[ $list =~ "ct state $state counter packets "([0-9]+) ]] || fail "no rule for $state: $list"
		printf -v $state %s "${BASH_REMATCH[1]}"
	done
}

# a stateful firewall on both ends: one new connection, the rest established, none invalid
conntrack_states() {
	local pair addr new established invalid
	net_pair
	need conntrack
	for pair in $PAIRS; do
		for addr in $B4 $B6; do
			rules a "flush ruleset; $state_rules"
			rules b "flush ruleset; $state_rules"
			transfer "${pair%:*}" "${pair#*:}" $addr 300000
			states_seen b
			[ "$new" = 1 ] || fail "$pair: new $new"
			[ "$established" -gt 3 ] && [ "$invalid" = 0 ] ||
				fail "$pair: b: established $established, invalid $invalid"
			states_seen a
			[ "$established" -gt 3 ] && [ "$invalid" = 0 ] ||
				fail "$pair: a: established $established, invalid $invalid"
		done
	done
}

ct_line() { # SIDE STATE
	"$1" conntrack -L -p tcp --dport 9000 2>/dev/null | grep "$2"
}

# conntrack follows the states to the end, which a server that is killed makes; nothing is invalid
conntrack_invalid() {
	local pid new established invalid
	net_pair
	rules a "$state_rules"
	rules b "$state_rules"
	rm -f "$WORK/ready"
	be ./xfer serve "$(stack xtcp)" $B4 9000 1 "$WORK/ready" &
	SERVER=$!
	wait_for test -e "$WORK/ready" || fail "server"
	ae ./xfer hold "$(stack xtcp)" $B4 9000 >"$WORK/held" &
	pid=$!
	wait_for grep -q connected "$WORK/held" || fail "no connection"
	wait_for ct_line a 'ESTABLISHED.*ASSURED' >/dev/null || fail "client: $(ct_line a .)"
	wait_for ct_line b 'ESTABLISHED.*ASSURED' >/dev/null || fail "server: $(ct_line b .)"
	stop_server
	wait_for ct_line b 'TIME_WAIT\|CLOSE' >/dev/null || fail "server: $(ct_line b .)"
	wait $pid || fail "the end of the connection was not seen"
	states_seen a
	[ "$invalid" = 0 ] || fail "a: invalid $invalid"
	states_seen b
	[ "$invalid" = 0 ] || fail "b: invalid $invalid"
}

# destination NAT in front of a listener: the segments reach XTCP as they reach TCP
nat_redirect() {
	net_pair
	rules b 'table ip n { chain p { type nat hook prerouting priority -100;
		tcp dport 9001 redirect to :9000; }; }'
	serve xtcp 0.0.0.0 9000 1
	a ./xfer fetch "$(stack xtcp)" $B4 9001 100000 1 || fail "through the redirect"
	server_ok
	rules a 'table ip n { chain o { type nat hook output priority -100;
		tcp dport 9002 dnat to 10.78.0.2:9000; }; }'
	serve tcp $B4 9000 1
	a ./xfer fetch "$(stack xtcp)" 10.78.0.77 9002 100000 1 || fail "by NAT on the way out"
	server_ok
}
