# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of selftests/net share. Every test runs in a subshell of its own and
# makes its own namespaces:
#
#	namespace $NSA                           namespace $NSB
#	  va 10.78.0.1/24        ---- veth ----    vb 10.78.0.2/24
#	     2001:db8:78::1/64                        2001:db8:78::2/64
#
# net_pair makes them; leaving the subshell takes them down again and checks that
# nothing is left.
#
# XTCP_NET_STACKS=tcp runs everything with the kernel's TCP in XTCP's place: that
# tests the tests.

NSA=xt-a-$$
NSB=xt-b-$$
A4=10.78.0.1 B4=10.78.0.2 A6=2001:db8:78::1 B6=2001:db8:78::2
export XTCP_SEED=${XTCP_SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
WORK=

a() { nsenter --net=/run/netns/$NSA -- "$@"; }
b() { nsenter --net=/run/netns/$NSB -- "$@"; }
# for the background: $! is then the command itself
ae() { exec nsenter --net=/run/netns/$NSA -- "$@"; }
be() { exec nsenter --net=/run/netns/$NSB -- "$@"; }

fail() {
	echo "FAILED: $*"
	exit 1
}

# need COMMAND...: a tool that is missing is a failure, not a skip
need() {
	local tool
	for tool; do
		command -v "$tool" >/dev/null || fail "$tool is missing"
	done
}

# wait_for COMMAND...: until it succeeds, 30 s at most
wait_for() {
	local end=$((SECONDS + 30))
	until "$@"; do
		[ $SECONDS -lt $end ] || { echo "in vain: $*"; return 1; }
		sleep 0.05
	done
}

# stack NAME: what xfer gets for it
stack() {
	if [ "${XTCP_NET_STACKS:-}" = tcp ]; then echo tcp; else echo "$1"; fi
}

only_tcp() { [ "${XTCP_NET_STACKS:-}" = tcp ]; }

net_gone() {
	local rc=$? ns
	for ns in $NSA $NSB; do
		# whoever still runs in there is somebody this test started
		ip netns pids $ns 2>/dev/null | xargs -r kill -9 2>/dev/null
		ip netns del $ns 2>/dev/null
	done
	for ns in $NSA $NSB; do
		! ip netns list | grep -qw "$ns" || { echo "namespace $ns is left"; rc=1; }
	done
	[ -z "$WORK" ] || rm -rf "$WORK"
	exit $rc
}

net_pair() {
	trap net_gone EXIT
	WORK=$(mktemp -d /tmp/xtcp-net.XXXXXX)
	echo "seed $XTCP_SEED"
	ip netns add $NSA && ip netns add $NSB || fail "namespaces"
	ip link add va netns $NSA type veth peer name vb netns $NSB || fail "veth"
	for n in a b; do
		$n ip link set lo up
		$n sh -c "echo 0 >/proc/sys/net/ipv6/conf/v$n/accept_dad"
		$n sh -c "echo 0 >/proc/sys/net/ipv6/conf/v$n/dad_transmits"
	done
	a ip addr add $A4/24 dev va && a ip addr add $A6/64 dev va nodad || fail "addresses"
	b ip addr add $B4/24 dev vb && b ip addr add $B6/64 dev vb nodad || fail "addresses"
	a ip link set va up
	b ip link set vb up
	# the first packet's neighbour discovery is not what is tested here
	wait_for a ping -c 1 -W 1 $B6 >/dev/null || fail "no way to $B6"
	wait_for a ping -c 1 -W 1 $B4 >/dev/null || fail "no way to $B4"
}

# serve STACK ADDRESS PORT COUNT: a server in $NSB; server_ok waits for its end
serve() {
	rm -f "$WORK/ready"
	be ./xfer serve "$(stack "$1")" "$2" "$3" "$4" "$WORK/ready" &
	SERVER=$!
	wait_for test -e "$WORK/ready" || fail "the server does not start"
}

# stop_server: one that still waits for connections
stop_server() {
	kill "$SERVER"
	wait "$SERVER" 2>/dev/null
	return 0
}

server_ok() { wait "$SERVER" || fail "the server found a fault"; }

# transfer CLIENT SERVER ADDRESS LENGTH [MS]: LENGTH bytes each way, checked
transfer() {
	serve "$2" "$3" 9000 1
	a ./xfer fetch "$(stack "$1")" "$3" 9000 "$4" "$XTCP_SEED" ${5:+"$5"} ||
		fail "$1 -> $2, $3, $4 bytes"
	server_ok
}

# XTCP with the kernel's TCP both ways round, and with itself
PAIRS="xtcp:tcp tcp:xtcp xtcp:xtcp fam:fam"
