# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Unloading while connections live, and namespaces that end under traffic.
#
#	mod-a (xtcp)  192.0.2.1 --- veth --- 192.0.2.2  mod-b (the kernel's TCP, and filters that lose segments)
#	          2001:db8::1                2001:db8::2

TESTS="$TESTS autoload rounds_with_traffic killed_anywhere"
LIVE_BOTH="held_fresh held_listen held_syn_sent held_syn_recv held_established held_close_wait
unload_fin_wait_1 unload_fin_wait_2 unload_closing unload_last_ack unload_time_wait unload_neighbour
unload_qdisc unload_small_queue unload_paced unload_paced_fq netns_exit netns_exit_orphan netns_exit_traffic"

LIVE_ROUNDS=${XTCP_MOD_ROUNDS:-100}
live_tmp=$(mktemp -d)

live_ipv4() { live_a=192.0.2.1 live_b=192.0.2.2 live_nobody=192.0.2.77 live_lo=127.0.0.1; }
live_ipv6() { live_a=2001:db8::1 live_b=2001:db8::2 live_nobody=2001:db8::77 live_lo=::1; }
# of the tests that go round: the one family, then the other
live_turn() { [ $(($1 % 2)) = 1 ] && live_ipv4 || live_ipv6; }

live_ipv4
_i=${XTCP_SEED:-0}
for _t in $LIVE_BOTH; do
	eval "${_t}_ipv6() { live_ipv6; $_t; }"
	_i=$((_i + 1))
	# the debug kernel is slow: each by one of them, the next seed by the other
	case ${XTCP_KERNEL:-}-$((_i % 2)) in
	debug-0) TESTS="$TESTS $_t" ;;
	debug-1) TESTS="$TESTS ${_t}_ipv6" ;;
	*) TESTS="$TESTS $_t ${_t}_ipv6" ;;
	esac
done

in_a() { ip netns exec mod-a "$@"; }
in_b() { ip netns exec mod-b "$@"; }

live_begin() {
	mod_load || return 1
	ip netns add mod-a && ip netns add mod-b || return 1
	ip link add veth0 netns mod-a type veth peer name veth0 netns mod-b || return 1
	for _s in a:1 b:2; do
		ip -n "mod-${_s%:*}" addr add "192.0.2.${_s#*:}/24" dev veth0
		ip -n "mod-${_s%:*}" addr add "2001:db8::${_s#*:}/64" dev veth0 nodad
		ip -n "mod-${_s%:*}" link set lo up
		ip -n "mod-${_s%:*}" link set veth0 up
	done
	in_b nft -f - <<-NFT
		table inet lose {
			chain arriving { type filter hook input priority -300; }
		}
	NFT
}

# Make mod-b lose every segment that arrives
live_lose() { in_b nft add rule inet lose arriving meta l4proto tcp counter drop; }

live_end() {
	live_kill
	for _ns in mod-a mod-b; do
		ip netns del $_ns 2>/dev/null
	done
	mod_unload
}

# hold_start NAME NAMESPACE ARGUMENTS...: in the background, with orders by a FIFO
hold_start() {
	_h=$live_tmp/$1
	_ns=$2
	shift 2
	rm -f "$_h".*
	mkfifo "$_h.in"
	ip netns exec "$_ns" ./hold "$@" <"$_h.in" >"$_h.out" 2>&1 &
	echo $! >"$_h.pid"
	# keep the FIFO open without waiting for its reader
	sleep 1000 >"$_h.in" &
	echo $! >"$_h.keep"
}

hold_said() { grep -q "$2" "$live_tmp/$1.out" 2>/dev/null; }

hold_wait() {
	leakcheck_until hold_said "$1" "$2" && return 0
	echo "$1 never said $2:"
	cat "$live_tmp/$1.out"
	return 1
}

hold_order() {
	_h=$live_tmp/$1
	_before=$(grep -c done "$_h.out")
	shift
	echo "$*" >"$_h.in"
	leakcheck_until hold__done || { echo "${_h##*/} did not $*:"; cat "$_h.out"; return 1; }
}

hold__done() { [ "$(grep -c done "$_h.out")" -gt "$_before" ]; }

hold_kill() {
	_h=$live_tmp/$1
	[ -e "$_h.pid" ] || return 0
	for _p in "$_h.pid" "$_h.keep"; do
		kill -9 "$(cat "$_p")" 2>/dev/null
		wait "$(cat "$_p")" 2>/dev/null
	done
	rm -f "$_h".*
}

live_kill() {
	for _p in "$live_tmp"/*.pid; do
		[ -e "$_p" ] || continue
		_p=${_p##*/}
		hold_kill "${_p%.pid}"
	done
}

# how many of mod-a's sockets are in a state
live_count() { in_a awk -v s="$1" 'NR > 1 && $5 == s { n++ } END { print n + 0 }' /proc/net/xtcp/sockets; }
live__is() { [ "$(live_count "$1")" -ge 1 ]; }

live_state() {
	leakcheck_until live__is "$1" && return 0
	echo "no socket in $1:"
	in_a cat /proc/net/xtcp/sockets
	return 1
}

# a program holds a socket: rmmod says no, at once, and nothing changes
live_in_use() {
	if rmmod xtcp 2>"$live_tmp/rmmod"; then
		echo "rmmod succeeded while a program holds a socket"
		return 1
	fi
	grep -q -i -e 'in use' -e 'temporarily' -e 'busy' "$live_tmp/rmmod" || { cat "$live_tmp/rmmod"; return 1; }
	mod_loaded || { echo "rmmod failed, but xtcp has gone"; return 1; }
}

# no program: one rmmod resets and purges what there is, and waits for what it has to
live_unload() {
	rmmod xtcp 2>"$live_tmp/rmmod" && return 0
	echo "rmmod: $(cat "$live_tmp/rmmod"), refcnt $(cat /sys/module/xtcp/refcnt)"
	return 1
}

# ---- tests ----

# the first socket loads the module, of the family and of protocol 253 under the internet families
autoload() {
	_dir=/lib/modules/$(uname -r)/extra _bad=
	mkdir -p "$_dir" && cp "$mod_ko" "$_dir/xtcp.ko" && depmod -a 2>/dev/null
	for _how in -x -x4 -x6; do
		./hold $_how socket </dev/null >"$live_tmp/auto" 2>&1 ||
			{ echo "hold $_how: $(cat "$live_tmp/auto")"; _bad=1; }
		mod_loaded || { echo "hold $_how: its socket() did not load the module"; _bad=1; }
		mod_unload || _bad=1
	done
	rm -f "$_dir/xtcp.ko"
	depmod -a 2>/dev/null
	[ -z "$_bad" ]
}

held() { # STATE: mod-a has it, and program h holds it
	live_state "$1" && live_in_use && live_state "$1" || return 1
	hold_kill h
	live_kill
	live_end
}

held_fresh() {
	live_begin || return 1
	hold_start h mod-a -x socket && hold_wait h ready || return 1
	live_in_use || return 1
	live_end
}

held_listen() {
	live_begin || return 1
	hold_start h mod-a -x listen "$live_a" 80 && hold_wait h listening && held LISTEN
}

held_syn_sent() {
	live_begin && live_lose || return 1
	hold_start h mod-a -x connect "$live_b" 80 && held SYN_SENT
}

held_syn_recv() {
	live_begin && live_lose || return 1
	hold_start h mod-a -x listen "$live_a" 80 && hold_wait h listening || return 1
	hold_start peer mod-b connect "$live_a" 80
	held SYN_RECV
}

# h in mod-a connected to peer in mod-b
live_connect() {
	live_begin || return 1
	hold_start peer mod-b listen "$live_b" 80 && hold_wait peer listening || return 1
	hold_start h mod-a -x connect "$live_b" 80 && hold_wait h connected && hold_wait peer accepted &&
		live_state ESTABLISHED
}

held_established() {
	live_connect && hold_order h send 100000 && held ESTABLISHED
}

held_close_wait() {
	live_connect && hold_order peer close && held CLOSE_WAIT
}

# h has closed: nobody holds what is left, and unloading ends it
unload_in() { # STATE
	live_state "$1" || return 1
	hold_kill h
	live_unload || return 1
	live_end
}

unload_fin_wait_1() {
	live_connect && live_lose && hold_order h close && unload_in FIN_WAIT_1
}

# the peer hears of it
unload_fin_wait_2() {
	live_connect && hold_order h close && live_state FIN_WAIT_2 || return 1
	in_b nft add rule inet lose arriving 'tcp flags & rst == rst' counter || return 1
	hold_kill h
	live_unload || return 1
	in_b nft list chain inet lose arriving | grep -q 'counter packets [1-9]' || {
		echo "no RST:"
		in_b nft list chain inet lose arriving
		return 1
	}
	live_end
}

unload_closing() {
	live_connect && live_lose && hold_order h close && live_state FIN_WAIT_1 &&
		hold_order peer close && unload_in CLOSING
}

unload_last_ack() {
	live_connect && hold_order peer close && live_state CLOSE_WAIT && live_lose &&
		hold_order h close && unload_in LAST_ACK
}

unload_time_wait() {
	live_connect && hold_order h close && live_state FIN_WAIT_2 && hold_order peer close &&
		unload_in TIME_WAIT
}

# a SYN that waits for an address nobody has
unload_neighbour() {
	live_begin || return 1
	# asked for eight times, not three: a slow machine has to get to the unloading while it waits
	in_a sh -c 'for _v in 4 6; do echo 8 >/proc/sys/net/ipv$_v/neigh/veth0/mcast_solicit; done' || return 1
	hold_start h mod-a -x connect "$live_nobody" 80 && live_state SYN_SENT || return 1
	hold_kill h
	live_waits_for_neighbour || { in_a ip neigh; return 1; }
	live_unload || return 1
	live_end
}

# The program has gone; its SYN waits, and holds the socket
live_waits_for_neighbour() {
	in_a ip neigh show "$live_nobody" | grep -q INCOMPLETE && live_sockets_held
}

live_sockets_held() { ! leakcheck__balanced SocksMade SocksFreed; }

# segments that netem holds for three seconds
unload_qdisc() {
	live_connect || return 1
	in_a tc qdisc add dev veth0 root netem delay 3s || return 1
	hold_order h send 30000 && hold_order h close || return 1
	hold_kill h
	leakcheck_until live_queued || { in_a tc -s qdisc show dev veth0; return 1; }
	live_unload || return 1
	live_end
}

# The program has gone, too. On a slow machine the three seconds are over at once; what is sent again
# waits as well
live_queued() { in_a tc -s qdisc show dev veth0 | grep -q 'backlog [1-9]' && live_sockets_held; }

# a sender that waits for a slow qdisc to drain, cut off in the middle
unload_small_queue() {
	live_connect || return 1
	in_a tc qdisc add dev veth0 root tbf rate 1mbit burst 3028 limit 10000000 || return 1
	echo drain >"$live_tmp/peer.in" && echo pump >"$live_tmp/h.in" || return 1
	leakcheck_until live_counted QueueWaits || { echo "never held back"; return 1; }
	hold_kill h
	live_unload || return 1
	live_end
}

live_counted() { [ "$(cat "/sys/kernel/xtcp/counters/$1")" -gt 0 ]; }

# a sender whose data wait for their time, here or in fq
live_paced() {
	echo drain >"$live_tmp/peer.in" && hold_order h rate 20000 || return 1
	echo pump >"$live_tmp/h.in"
	leakcheck_until live_counted PaceWaits || { echo "never held back"; return 1; }
	hold_kill h
	live_unload || return 1
	live_end
}

unload_paced() { live_connect && live_paced; }

unload_paced_fq() { live_connect && in_a tc qdisc add dev veth0 root fq && live_paced; }

# XTCP on both ends of lo, in and out, module in and out
rounds_with_traffic() {
	_i=0
	ip netns add mod-a && ip -n mod-a link set lo up || return 1
	while [ $_i -lt "$LIVE_ROUNDS" ]; do
		_i=$((_i + 1))
		live_turn $_i
		mod_load || return 1
		hold_start l mod-a -x listen "$live_lo" 7 && hold_wait l listening || return 1
		hold_start h mod-a -x connect "$live_lo" 7 && hold_wait h connected || return 1
		echo echo >"$live_tmp/l.in"
		hold_order h send 20000 && hold_order h recv 20000 || { echo "round $_i"; return 1; }
		hold_kill h
		hold_kill l
		live_unload || { echo "round $_i"; return 1; }
	done
	ip netns del mod-a
}

# the namespace goes while a TIME_WAIT entry and its port's reservation are in it
netns_exit() {
	live_connect && hold_order h close && live_state FIN_WAIT_2 && hold_order peer close &&
		live_state TIME_WAIT || return 1
	hold_start l mod-a -x listen "$live_a" 81 && hold_wait l listening || return 1
	live_kill
	ip netns del mod-a
	leakcheck_states && live_end
}

# the program is killed and its namespace deleted with most of what it wrote still to be sent: all
# of it arrives, and so does the FIN
netns_exit_orphan() {
	live_connect || return 1
	in_a tc qdisc add dev veth0 root tbf rate 32kbit burst 3028 limit 6000000 || return 1
	hold_order h send 60000 || return 1
	hold_kill h
	live_state FIN_WAIT_1 || return 1
	ip netns del mod-a
	hold_order peer recv 60000 && hold_order peer eof || return 1
	live_end
}

netns_exit_traffic() {
	_i=0
	while [ $_i -lt 5 ]; do
		_i=$((_i + 1))
		live_connect && echo drain >"$live_tmp/peer.in" && echo pump >"$live_tmp/h.in" || return 1
		leakcheck_until live_flows || { echo "nothing flows"; return 1; }
		# first the cable, then the program, then the namespace: what is in flight finds nobody
		ip netns del mod-b
		hold_kill h
		in_a sh -c 'echo 1 >/proc/sys/net/xtcp/orphan_retries' || return 1
		ip netns del mod-a
		live_end || return 1
	done
}

live_flows() { [ "$(in_a awk '/^Xtcp: [0-9]/ { print $7 }' /proc/net/xtcp/snmp)" -gt 20 ]; }

# the program dies at any point of its life: nothing stays
killed_anywhere() {
	mod_load || return 1
	ip netns add mod-a && ip -n mod-a link set lo up || return 1
	in_a sh -c 'echo 1 >/proc/sys/net/xtcp/msl_ms'
	_i=0 _kills=24
	# each order of dying in each family
	[ "${XTCP_KERNEL:-}" != debug ] || _kills=6
	while [ $_i -lt $_kills ]; do
		_i=$((_i + 1))
		live_turn $_i
		hold_start l mod-a -x listen "$live_lo" 7 && hold_wait l listening || return 1
		hold_start h mod-a -x connect "$live_lo" 7 && hold_wait h connected || return 1
		echo drain >"$live_tmp/l.in"
		echo pump >"$live_tmp/h.in"
		case $((_i % 3)) in
		0) hold_kill h; hold_kill l ;;
		1) hold_kill l; hold_kill h ;;
		2) kill -9 "$(cat "$live_tmp/h.pid")" "$(cat "$live_tmp/l.pid")"; live_kill ;;
		esac
	done
	leakcheck_until live_empty || { echo "left:"; in_a cat /proc/net/xtcp/sockets; return 1; }
	ip netns del mod-a
	mod_unload
}

live_empty() { [ "$(in_a cat /proc/net/xtcp/sockets | wc -l)" -le 1 ]; }
