#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# One part of the benchmark, in a machine of its own: run.sh PART quick|full SHIFT SEED SAMPLES
#
#   SEED is netem's, and goes on by one with each transfer; SAMPLES, if not 0, is how many transfers
#   of each stack a path gets, and how often the share is measured.
#
#   speed: STACK-a ---- STACK-b, a veth pair with its offloads; loopback is that of STACK-a. Each
#   stack has its own two: once XTCP has a socket in a namespace, all segments pass its hook.
#   path: s ---- m ---- r, the bottleneck on m's side towards r, the delay on the way back.

B=$PWD/bench
PART=$1
HOW=$2
SHIFT=${3:-0}
SEED=${4:-1}
SAMPLES=${5:-0}
K="-k $SHIFT"

fail() { echo "bench: FAILED: $*"; exit 1; }
pick() { if [ "$HOW" = full ]; then echo "$2"; else echo "$1"; fi; }
bench() { # ARGUMENTS...
	# shellcheck disable=SC2086
	"$B" $K "$@" || fail "bench $*"
}

# What the start of a machine leaves to be done in the background would be counted
settle() { sleep "${1:-30}"; }

many_addresses() { # NS
	local i
	for i in $(seq 1 16); do
		ip -n "$1" addr add "$(printf 'fd00:1::%x/128' "$i")" dev lo nodad || fail "address $i"
	done
}

veth_pair() { # NS1 DEV1 ADDRESS1 NS2 DEV2 ADDRESS2
	ip link add "$2" netns "$1" type veth peer name "$5" netns "$4" || fail "veth"
	ip -n "$1" addr add "$3" dev "$2"
	ip -n "$4" addr add "$6" dev "$5"
	ip -n "$1" link set "$2" up
	ip -n "$4" link set "$5" up
}

namespaces() { # NAMES
	local n
	for n in "$@"; do
		ip netns add "$n" || fail "namespace $n"
		ip -n "$n" link set lo up
		ip netns exec "$n" sysctl -q -w net.ipv4.tcp_no_metrics_save=1
	done
}

speed_up() {
	local s
	for s in tcp xtcp; do
		namespaces $s-a $s-b
		veth_pair $s-a va 10.1.0.1/24 $s-b vb 10.1.0.2/24
	done
	settle
}

# scripts/bench/profile: what to run is in the place of quick or full
profile() {
	speed_up
	# shellcheck disable=SC2086
	bench -r 2 -p -C a $HOW
}

speed() {
	local r what ns
	r=$(pick 5 11)
	speed_up
	bench -r 9 copy
	bench -r "$r" -p -C a -S a -f rr-6 -a ::1 rr
	for what in rr rr-alone bulk bulk-alone conn; do
		bench -r "$r" -p -C a -S a -x $what
		bench -r "$r" -p -C a -S b -x -f $what-veth -a 10.1.0.2 $what
	done
	# what it costs that no device cuts the lab's protocol, and that XTCP makes its checksum
	for what in a b; do
		ip netns exec xtcp-$what sysctl -q -w net.xtcp.wire_protocol=253
	done
	bench -r "$r" -p -C a -S b -x -f bulk-lab-veth -a 10.1.0.2 bulk
	for what in a b; do
		ip netns exec xtcp-$what sysctl -q -w net.xtcp.wire_protocol=6
	done
	# and what GSO and GRO callbacks for it could bring: what they bring for TCP's
	for what in cut merged; do
		for ns in tcp xtcp; do
			ip netns exec $ns-a ethtool -K va tso off || fail "tso"
			ip netns exec $ns-b ethtool -K vb gro "$([ $what = merged ] && echo on || echo off)" ||
				fail "gro"
		done
		bench -r "$r" -p -C a -S b -x -f bulk-$what-veth -a 10.1.0.2 bulk
	done
	for ns in tcp xtcp; do
		ip netns exec $ns-a ethtool -K va tso on
		ip netns exec $ns-b ethtool -K vb gro off
	done
	for what in bulk conn; do
		bench -r "$r" -p -C a -S a -f $what-fair $what
		bench -r "$r" -p -C a -S b -f $what-fair-veth -a 10.1.0.2 $what
	done
}

others() {
	local n
	namespaces tcp-a xtcp-a
	settle
	for n in 10 1000 20000; do
		bench -r "$(pick 3 5)" -p -C a -S a -o $n others
	done
}

memory() {
	namespaces tcp-a xtcp-a
	many_addresses tcp-a
	many_addresses xtcp-a
	modprobe tun
	sysctl -q -w net.ipv4.tcp_max_syn_backlog=8192 net.core.somaxconn=8192
	sysctl -q -w net.xtcp.max_syn_backlog=8192 net.xtcp.somaxconn=8192
	settle
	bench -r "$(pick 1 3)" -p -C a idle
	bench -r "$(pick 1 3)" -p -C a -f idle-6 -a ::1 idle
	bench -r 3 -n 4000 timewait
	bench -r 3 -n 4000 synrecv
}

# The host's own TCP: without the module, beside it, and with 1,000 XTCP connections
host() {
	local rep m
	for m in nf_defrag_ipv4 nf_defrag_ipv6 nf_conntrack inet_diag; do
		modprobe -q "$m"
	done
	settle
	for rep in $(seq 0 "$(pick 4 8)"); do
		host_figures none "$rep"
		insmod "$PWD/xtcp.ko" || fail insmod
		host_figures idle "$rep"
		mkfifo /tmp/end
		exec 7<>/tmp/end
		"$B" -s xtcp -o 1000 hold </tmp/end >/tmp/held 7>&- &
		until grep -qs held /tmp/held; do sleep 0.1; done
		host_figures 1000 "$rep"
		kill -9 $!
		wait $! 2>/dev/null
		exec 7>&-
		rm -f /tmp/end /tmp/held
		sleep 1
		rmmod xtcp || fail rmmod
	done
}

host_figures() { # SITUATION NUMBER
	sleep 2
	bench -s tcp -R "$2" -f "host-rr-$1" rr
	bench -s tcp -R "$2" -x -f "host-bulk-$1" bulk
}

path_up() {
	namespaces s m r
	veth_pair s s0 10.2.1.1/24 m m0 10.2.1.2/24
	veth_pair m m1 10.2.2.2/24 r r0 10.2.2.1/24
	ip -n s route add default via 10.2.1.2
	ip -n r route add default via 10.2.2.2
	ip netns exec m sysctl -q -w net.ipv4.ip_forward=1
	modprobe -a sch_netem sch_tbf
	# Linux 6.1 knows no seed of netem's: its random numbers are the machine's there
	if ip netns exec m tc qdisc add dev lo root netem seed 1 2>/dev/null; then
		ip netns exec m tc qdisc del dev lo root
		SEEDED=1
	fi
}

# tbf's small burst makes it cut what comes as one large packet; its queue is netem's
path() { # MBIT RTT-MS BUFFER-PACKETS NETEM...
	local rate=$1 rtt=$2 buffer=$3
	shift 3
	ip netns exec m tc qdisc del dev m1 root 2>/dev/null
	ip netns exec m tc qdisc del dev m0 root 2>/dev/null
	ip netns exec m tc qdisc add dev m1 root handle 1: tbf rate "${rate}mbit" burst 3028 \
		limit 100000000 &&
	ip netns exec m tc qdisc add dev m1 parent 1:1 handle 10: netem limit "$buffer" "$@" &&
	ip netns exec m tc qdisc add dev m0 root netem limit 100000 delay "${rtt}ms" || fail "path $*"
}

# netem loses, puts in front and counts buffers as a whole: off: they are packets
packets() { # on|off
	ip netns exec s ethtool -K s0 tso "$1" || fail "ethtool"
}

# Each transfer has an empty queue, and netem another seed: the same one for both stacks
over_path() { # FIGURE KIB MBIT RTT-MS BUFFER-PACKETS NETEM...
	local figure=$1 kib=$2 n stack order
	shift 2
	for n in $(seq 0 $((${SAMPLES/#0/5} - 1))); do
		order="tcp xtcp"
		[ $((n % 2)) = 0 ] || order="xtcp tcp"
		for stack in $order; do
			# shellcheck disable=SC2046
			path "$@" $([ -z "${SEEDED:-}" ] || echo seed $((SEED + n)))
			bench -f "$figure" -n "$kib" -R "$n" -s $stack -C s -S r -a 10.2.2.1 transfer
		done
	done
}

bdp() { # MBIT RTT-MS: packets of 1500 bytes, 64 at least
	local n=$(($1 * $2 * 1000 / 8 / 1500))
	echo $((n < 64 ? 64 : n))
}

paths() {
	local rtts rates rate rtt loss kib
	rtts=$(pick "10" "1 10 100")
	rates=$(pick "10 100" "10 100 1000")
	path_up
	settle
	for rate in $rates; do
		for rtt in $rtts; do
			for loss in 0 0.1 1 3; do
				# so many that fifty are lost, or more, or chance decides: above
				# all how far slow start comes before the first
				case $rate-$loss in
				*-0.1) kib=65536 ;;
				*-1) kib=16384 ;;
				*-3) kib=8192 ;;
				1000-0) kib=32768 ;;
				100-0) kib=8192 ;;
				*) kib=4096 ;;
				esac
				# one packet at a time, 1 Gbit/s is more than the CPU does
				packets "$([ "$rate-$loss" = 1000-0 ] && echo on || echo off)"
				over_path "path-${rate}M-${rtt}ms-$loss%" "$kib" "$rate" "$rtt" \
					"$(bdp "$rate" "$rtt")" loss "$loss%"
			done
		done
	done
	packets off
	over_path path-reorder 8192 100 10 1000 delay 10ms reorder 99% 50%
	over_path path-shallow 8192 100 20 16
}

# The course of one lossy transfer of each stack
course() {
	path_up
	settle
	path 20 40 "$(bdp 20 40)" loss 0.3%
	bench -f course -n 8192 -i 10000 -C s -S r -a 10.2.2.1 transfer
}

share() {
	path_up
	settle
	path 20 40 "$(bdp 20 40)"
	# a minute has some ten losses of each flow
	bench -t 60000 -r "${SAMPLES/#0/$(pick 4 8)}" -C s -S r -a 10.2.2.1 share
}

$PART
sleep 130
