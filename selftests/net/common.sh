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
# for those that load the module again
KO=$(leakcheck_ko)

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

# an emulated machine is slow to start a program, so the shell waits by itself: nothing ever comes here
exec {NEVER}<> <(:)
pause() { read -rt 0.05 -u "$NEVER" || :; }

# wait_for COMMAND...: until it succeeds, 30 s at most
wait_for() {
	local end=$((SECONDS + 30))
	until "$@"; do
		[ $SECONDS -lt $end ] || { echo "in vain: $*"; return 1; }
		pause
	done
}

# end_bpftrace PID: bpftrace ends when a signal interrupts its wait for events; one that comes
# between two waits is noted and then forgotten (poll_perf_events of 0.17), so it needs another
end_bpftrace() {
	local tries=0
	while kill -INT $1 2>/dev/null; do
		wait_for_end $1 && break
		tries=$((tries + 1))
		[ $tries -lt 10 ] || fail "bpftrace does not end"
	done
	wait $1
}

# wait_for_end PID: two seconds for it to be gone; a zombie is
wait_for_end() {
	local n
	for n in {1..40}; do
		grep -q '^State:[[:space:]]*[^Z]' /proc/$1/status 2>/dev/null || return 0
		pause
	done
	return 1
}

# a script that needs the standard library alone: without the search for more it starts in half the time
PYTHON="/usr/bin/python3 -S"

# stack NAME: what xfer gets for it
stack() {
	if [ "${XTCP_NET_STACKS:-}" = tcp ]; then echo tcp; else echo "$1"; fi
}

only_tcp() { [ "${XTCP_NET_STACKS:-}" = tcp ]; }

# What a test has to take back beside its namespaces, however it ends
NET_UNDO=:

net_gone() {
	local rc=$? ns p
	$NET_UNDO
	# whoever still runs in there is somebody this test started
	for p in /proc/[0-9]*; do
		[ "$p/ns/net" -ef /run/netns/$NSA ] || [ "$p/ns/net" -ef /run/netns/$NSB ] || continue
		kill -9 "${p#/proc/}" 2>/dev/null
	done
	printf 'netns del %s\n' $NSA $NSB | ip -force -batch - 2>/dev/null
	for ns in $NSA $NSB; do
		[ ! -e /run/netns/$ns ] || { echo "namespace $ns is left"; rc=1; }
	done
	[ -z "$WORK" ] || rm -rf "$WORK"
	exit $rc
}

net_settings() { # DEVICE
	echo "cd /proc/sys/net/ipv6/conf/$1 && echo 0 >accept_dad && echo 0 >dad_transmits"
}

net_addresses() { # DEVICE V4 V6
	printf '%s\n' "link set lo up" "addr add $2/24 dev $1" "addr add $3/64 dev $1 nodad" \
		"link set $1 up"
}

net_pair() {
	trap net_gone EXIT
	WORK=$(mktemp -d /tmp/xtcp-net.XXXXXX)
	echo "seed $XTCP_SEED"
	printf '%s\n' "netns add $NSA" "netns add $NSB" \
		"link add va netns $NSA type veth peer name vb netns $NSB" | ip -batch - ||
		fail "namespaces"
	net_addresses va $A4 $A6 | a sh -c "$(net_settings va) && exec ip -batch -" || fail "va"
	net_addresses vb $B4 $B6 | b sh -c "$(net_settings vb) && exec ip -batch -" || fail "vb"
	# the first packet's neighbour discovery is not what is tested here
	wait_for a sh -c "ping -c 1 -W 1 $B6 && exec ping -c 1 -W 1 $B4" >/dev/null ||
		fail "no way to $B6 or $B4"
}

# xtcp_count SIDE COUNTER
xtcp_count() {
	"$1" awk -v want="$2" '/^Xtcp:/ && !n { for (i = 2; i <= NF; i++) at[$i] = i; n = 1; next }
		/^Xtcp:/ { print $at[want] }' /proc/net/xtcp/snmp
}

# runner_stuck: a test does not end; how do the connections stand?
runner_stuck() {
	local side p
	for side in a b; do
		echo "$side:"
		$side cat /proc/net/xtcp/sockets
		$side ss -tanimoe
		$side sed -n '/^[XT]cp:/p' /proc/net/xtcp/snmp /proc/net/snmp
	done
	for p in $(pgrep xfer); do
		echo "$p: $(tr '\0' ' ' <"/proc/$p/cmdline")"
		cat "/proc/$p/stack"
	done
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

# The debug kernel is many times as slow: it watches every way to go, not every amount
on_debug() { [ "${XTCP_KERNEL:-}" = debug ]; }

# transfer CLIENT SERVER ADDRESS LENGTH [MS]: LENGTH bytes each way, checked (XFER_ALL=1: all of
# them, on the debug kernel too)
transfer() {
	local len=$4
	if on_debug && [ -z "${XFER_ALL:-}" ] && [ "$len" -gt 400000 ]; then
		len=$((200000 + len % 100000))
	fi
	serve "$2" "$3" 9000 1
	a ./xfer fetch "$(stack "$1")" "$3" 9000 "$len" "$XTCP_SEED" ${5:+"$5"} ||
		fail "$1 -> $2, $3, $len bytes"
	server_ok
}

# A last FIN or its ACK may have been lost: an orphan would outlive the peer's namespace, and ask
# for that ACK until its retries are over
closed() {
	local side
	for side in a b; do
		wait_for $side sh -c '! grep -vE "^ *sl |TIME_WAIT" /proc/net/xtcp/sockets 2>/dev/null' ||
			fail "$side: not closed: $($side cat /proc/net/xtcp/sockets)"
	done
}

# XTCP with the kernel's TCP both ways round, and with itself, by the alias and by AF_XTCP: the seed says
# which end is by which; two of them on the debug kernel
case $((XTCP_SEED % 2)) in
0) PAIRS="xtcp:tcp tcp:fam fam:xtcp" ;;
1) PAIRS="tcp:xtcp fam:tcp xtcp:fam" ;;
esac
! on_debug || PAIRS=${PAIRS#* }
