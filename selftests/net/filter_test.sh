# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# nftables and conntrack treat XTCP's segments as TCP's (topology: common.sh).

TESTS+=" nft_input_drop nft_output_drop nft_reject_reset nft_reject_icmp nft_counters"
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

# INPUT and OUTPUT see every segment: as many go out of one end as come in at the other
nft_counters() {
	local text='table inet f {
		chain i { type filter hook input priority 0; tcp sport 9000 counter; tcp dport 9000 counter; }
		chain o { type filter hook output priority 0; tcp sport 9000 counter; tcp dport 9000 counter; }
	}' out in
	net_pair
	a ethtool -K va tso off gso off gro off >/dev/null
	b ethtool -K vb tso off gso off gro off >/dev/null
	rules a "$text"
	rules b "$text"
	transfer xtcp xtcp $B4 100000
	out=$(a nft list chain inet f o | sed -n 's/.*dport 9000 counter packets \([0-9]*\).*/\1/p')
	in=$(b nft list chain inet f i | sed -n 's/.*dport 9000 counter packets \([0-9]*\).*/\1/p')
	[ "$out" -gt 5 ] && [ "$in" -ge "$out" ] || fail "out $out, in $in"
	out=$(b nft list chain inet f o | sed -n 's/.*sport 9000 counter packets \([0-9]*\).*/\1/p')
	in=$(a nft list chain inet f i | sed -n 's/.*sport 9000 counter packets \([0-9]*\).*/\1/p')
	[ "$out" -gt 5 ] && [ "$in" -ge "$out" ] || fail "back: out $out, in $in"
}

state_rules='table inet f { chain i { type filter hook input priority 0; policy drop;
	ct state invalid counter drop
	meta l4proto { icmp, ipv6-icmp } accept
	ct state established counter accept
	tcp dport 9000 ct state new counter accept
	}; }'

count_of() { # SIDE STATE: packets that the rule for this state has seen
	"$1" nft list chain inet f i | sed -n "s/.*ct state $2 counter packets \([0-9]*\).*/\1/p"
}

# a stateful firewall on both ends: one new connection, the rest established, none invalid
conntrack_states() {
	local pair addr
	net_pair
	need conntrack
	for pair in $PAIRS; do
		for addr in $B4 $B6; do
			rules a "$state_rules"
			rules b "$state_rules"
			transfer "${pair%:*}" "${pair#*:}" $addr 300000
			[ "$(count_of b new)" = 1 ] || fail "$pair: new $(count_of b new)"
			[ "$(count_of b established)" -gt 3 ] || fail "$pair: established $(count_of b established)"
			[ "$(count_of a established)" -gt 3 ] || fail "$pair: established $(count_of a established)"
			[ "$(count_of a invalid)$(count_of b invalid)" = 00 ] || fail "$pair: invalid"
			a nft flush ruleset
			b nft flush ruleset
		done
	done
}

ct_line() { # SIDE STATE
	"$1" conntrack -L -p tcp --dport 9000 2>/dev/null | grep "$2"
}

# conntrack follows the states, and the entry is confirmed (listed) from the first SYN on
conntrack_invalid() {
	local pid
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
