# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# ECN with the kernel's TCP both ways round: a bottleneck that marks and does not drop
# (topology: common.sh; a shaper and fq_codel on both ends of the veth).

TESTS+=" ecn_marks ecn_by_route"

# Whoever waits for longer than 2 ms is marked; CoDel's own judgement is too far away to come.
# The rate is one that a debug kernel on a slow emulated machine fills too: a sender slower than
# its bottleneck is never marked.
bottleneck() {
	local side dev
	need tc
	for side in a b; do
		dev=v$side
		$side tc qdisc replace dev $dev root handle 1: tbf rate 4mbit burst 8kb limit 4mb &&
			$side tc qdisc replace dev $dev parent 1: handle 2: fq_codel limit 10000 \
				target 5s interval 10s ce_threshold 2ms || fail "the bottleneck of $side"
	done
}

# ecn_on VALUE: for both stacks of both ends
ecn_on() {
	local side
	for side in a b; do
		$side sh -c "echo $1 >/proc/sys/net/ipv4/tcp_ecn" || fail "tcp_ecn"
		only_tcp || $side sh -c "echo $1 >/proc/sys/net/xtcp/ecn" || fail "ecn"
	done
}

# What is compared before and after, of one end, by one program: an emulated machine is slow to start it
ecn_state() { # SIDE STACK
	local files="/proc/net/snmp /proc/net/netstat"
	local names="Tcp:RetransSegs TcpExt:TCPLossProbes TcpExt:TCPDeliveredCE"
	if [ "$2" != tcp ]; then
		files=/proc/net/xtcp/snmp names="Xtcp:RetransSegs Xtcp:TlpProbes Xtcp:EcnReductions"
		names+=" Xtcp:EcnEchoes Xtcp:EcnCeSegs Xtcp:EcnConnections"
	fi
	# shellcheck disable=SC2086
	"$1" awk -v names="$names" 'FNR % 2 { split($0, name); next }
		{ for (i = 2; i <= NF; i++) at[$1 name[i]] = $i }
		END { n = split(names, want); for (i = 1; i <= n; i++) print at[want[i]] }' $files
}

# ecn_told SIDE STACK BEFORE...: marked data led to smaller windows, and nothing was lost
ecn_told() {
	local side=$1 stack=$2 now
	shift 2
	# shellcheck disable=SC2207
	now=($(ecn_state "$side" "$stack"))
	echo "$side $stack: $* -> ${now[*]}"
	# what was not lost may be sent again on suspicion: the emulated machine may be slow
	[ $((now[0] - $1)) -le 20 ] || fail "$side: $((now[0] - $1)) segments sent again"
	[ "${now[2]}" -gt "$3" ] || fail "$side ($stack): no mark came back to the sender"
	[ "$stack" != tcp ] || return 0
	[ "${now[3]}" -gt "$4" ] || fail "$side: no ECE"
	[ "${now[4]}" -gt "$5" ] || fail "$side: no CE on what it received"
	[ "${now[5]}" -gt "$6" ] || fail "$side: ECN was not agreed on"
}

ecn_transfer() { # CLIENT SERVER ADDRESS
	local client server before_a before_b
	client=$(stack "${1/fam/xtcp}") server=$(stack "${2/fam/xtcp}")
	before_a=$(ecn_state a "$client") before_b=$(ecn_state b "$server")
	XFER_ALL=1 transfer "$1" "$2" "$3" 200000
	# shellcheck disable=SC2086
	ecn_told a "$client" $before_a
	# shellcheck disable=SC2086
	ecn_told b "$server" $before_b
}

ecn_marks() {
	local before
	net_pair
	bottleneck
	ecn_on 1
	ecn_transfer xtcp tcp $B4
	ecn_transfer tcp xtcp $B6
	ecn_transfer fam fam $B4
	a tc -s qdisc show dev va | grep -q 'ce_mark [1-9]' || fail "nothing was marked"
	! { a tc -s qdisc show dev va; b tc -s qdisc show dev vb; } | grep 'dropped [1-9]' ||
		fail "something was dropped"
	# an unmarked path is none: whoever does not ask is not marked
	ecn_on 2
	only_tcp && return
	before=$(xtcp_count b EcnConnections)
	transfer xtcp xtcp $B4 100000
	[ "$before" = "$(xtcp_count b EcnConnections)" ] || fail "ECN unasked"
}

# ip route ... features ecn: asks, and answers, where the namespace would not
ecn_by_route() {
	local before
	only_tcp && return
	net_pair
	ecn_on 0
	before=$(xtcp_count b EcnConnections)
	transfer xtcp xtcp $B4 1000
	a ip route replace 10.78.0.0/24 dev va src $A4 features ecn || fail "route of a"
	transfer xtcp xtcp $B4 1000
	[ "$before" = "$(xtcp_count b EcnConnections)" ] || fail "b agreed without a word"
	b ip route replace 10.78.0.0/24 dev vb src $B4 features ecn || fail "route of b"
	transfer xtcp xtcp $B4 1000
	[ $((before + 1)) = "$(xtcp_count b EcnConnections)" ] || fail "the route has no effect"
	transfer xtcp xtcp $B6 1000
	[ $((before + 1)) = "$(xtcp_count b EcnConnections)" ] || fail "IPv6 by IPv4's route"
}
