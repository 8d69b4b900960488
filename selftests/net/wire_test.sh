# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What is on the wire: protocol 253, captures, tunnels, extension headers (topology: common.sh).

TESTS+=" lab_protocol tshark_clean gre_checksum gre_fragments vxlan_checksum zerocopy_sender ah_transport"
TESTS+=" ipv6_extensions icmp_redirects raw_socket_view"

packets_of() { # PROTOCOL, as nft shows it
	b nft list chain inet f i | sed -nE "s/.*l4proto ($1) counter packets ([0-9]+) .*/\2/p" | head -n 1
}

# wire_protocol 253: not one packet of protocol 6, and the transfers are whole
lab_protocol() {
	local text='table inet f { chain i { type filter hook input priority 0;
		meta l4proto 253 counter; meta l4proto 6 counter; }; }' n
	net_pair
	need nft
	only_tcp || {
		b nft -f - <<<"$text" || fail "nft"
	}
	transfer lab lab $B4 300001
	transfer lab lab $B6 300001
	only_tcp && return
	n=$(packets_of 253)
	[ "$n" -gt 10 ] || fail "packets of protocol 253: $n"
	n=$(packets_of '6|tcp')
	[ "$n" = 0 ] || fail "packets of protocol 6: $n"
	# a namespace can make it the default
	a sh -c 'echo 253 >/proc/sys/net/xtcp/wire_protocol' || fail "sysctl"
	b sh -c 'echo 253 >/proc/sys/net/xtcp/wire_protocol' || fail "sysctl"
	transfer xtcp fam $B4 1000
	n=$(packets_of '6|tcp')
	[ "$n" = 0 ] || fail "packets of protocol 6 with the sysctl: $n"
}

# tshark reads a capture of clean traffic without one warning, checksums checked
tshark_clean() {
	local pair warnings again stream n pid fins=0 most
	net_pair
	need tshark tcpdump taskset
	# veth keeps the order of packets on one CPU only, whoever sends them
	taskset -cp 0 $BASHPID >/dev/null || fail "taskset"
	a ethtool -K va tso off gso off tx off gro off >/dev/null
	b ethtool -K vb tso off gso off tx off gro off >/dev/null
	be tcpdump -i vb -U -B 8192 -w "$WORK/cap" tcp port 9000 2>"$WORK/log" &
	pid=$!
	wait_for grep -q listening "$WORK/log" || fail "tcpdump: $(cat "$WORK/log")"
	for pair in $PAIRS; do
		# less than a window: a full one is worth a warning to tshark
		for n in 1 2 3 4 5; do
			transfer "${pair%:*}" "${pair#*:}" $B4 40000
			transfer "${pair%:*}" "${pair#*:}" $B6 40000
			fins=$((fins + 4))
		done
	done
	wait_for sh -c "! tshark -r $WORK/cap -Y 'tcp.flags.fin==1' 2>/dev/null | sed -n ${fins}q1" ||
		fail "FINs: $(tshark -r "$WORK/cap" -Y 'tcp.flags.fin==1' 2>&1 | wc -l) $(cat "$WORK/log")"
	kill -INT $pid
	wait $pid
	n=$(tshark -r "$WORK/cap" 2>/dev/null | wc -l)
	[ "$n" -gt $((25 * fins)) ] || fail "only $n packets captured"
	# a checksum of 0xffff where the sum is 0 is what Linux writes for every protocol
	warnings=$(tshark -r "$WORK/cap" -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE \
		-Y '_ws.expert.severity >= 6291456 && !tcp.checksum.ffff' -T fields -e tcp.stream \
		-e frame.number -e _ws.col.Info -e _ws.expert.message 2>/dev/null)
	# A machine that stands still for two round trips makes a tail loss probe of a last FIN: a
	# fifth of the connections may have sent something twice, but in virtual time none. Of theirs,
	# only what tshark says of the copy and of its answer is not what is asked here.
	again=$(tshark -r "$WORK/cap" -Y tcp.analysis.retransmission -T fields -e tcp.stream 2>/dev/null |
		sort -nu)
	echo "sent twice in connections:" $again
	most=$((fins / 10))
	[ "${XTCP_VIRTUAL:-0}" = 0 ] || most=0
	[ "$(wc -w <<<"$again")" -le $most ] || fail "sent twice in connections $again"
	for stream in $again; do
		warnings=$(grep -vE "^${stream}[[:space:]].*(D-SACK Sequence|\(suspected\) out-of-order)" \
			<<<"$warnings")
	done
	[ -z "$warnings" ] || fail "of $n packets: $(head -n 20 <<<"$warnings")"
}

# What a hook sees must be what a test is about: seen_begin CONDITION, on $s, the skb
# shellcheck disable=SC2016
SUMMED='$s->ip_summed == 2'	# CHECKSUM_COMPLETE
# shellcheck disable=SC2016
LISTED='((struct skb_shared_info *)((uint64)$s->head + $s->end))->frag_list != 0'
# the next header: the seventh byte of IPv6's
# shellcheck disable=SC2016
EXTENDED='*(uint8 *)((uint64)$s->head + $s->network_header + 6) != 6'
seen_begin() {
	only_tcp && return
	on_debug && return
	need bpftrace
	bpftrace -e 'BEGIN { printf("on\n"); }
		kprobe:xtcp_hook_in4, kprobe:xtcp_hook_in6
		{ $s = (struct sk_buff *)arg1; if ('"$1"') { @[probe] = count(); } }' \
		>"$WORK/seen" 2>&1 &
	SEEING=$!
	# the first of a machine compiles for more than half a minute if the host is busy
	wait_for grep -q '^on$' "$WORK/seen" || wait_for grep -q '^on$' "$WORK/seen" ||
		fail "bpftrace: $(cat "$WORK/seen")"
}

seen_end() { # WHAT HOOK...
	local hook what=$1
	shift
	only_tcp && return
	on_debug && return
	end_bpftrace $SEEING
	for hook; do
		grep -q "@\[kprobe:xtcp_hook_$hook\]: [1-9]" "$WORK/seen" ||
			fail "no $what at $hook: $(cat "$WORK/seen")"
	done
}

# A tunnel that verifies its own checksum hands the inner packet on with CHECKSUM_COMPLETE;
# offloads are off so that nobody has marked it as good before.
tunnel() { # DEVICE [CONDITION]: give it addresses on both ends and transfer through it
	local pair
	a ip addr add 10.79.0.1/24 dev "$1"
	b ip addr add 10.79.0.2/24 dev "$1"
	a ip addr add 2001:db8:79::1/64 dev "$1" nodad
	b ip addr add 2001:db8:79::2/64 dev "$1" nodad
	a ip link set "$1" up
	b ip link set "$1" up
	wait_for a ping -c 1 -W 1 10.79.0.2 >/dev/null || fail "no way through $1"
	wait_for a ping -c 1 -W 1 2001:db8:79::2 >/dev/null || fail "no way through $1"
	seen_begin "$SUMMED${2:+ && $2}"
	for pair in $PAIRS; do
		transfer "${pair%:*}" "${pair#*:}" 10.79.0.2 500001
		transfer "${pair%:*}" "${pair#*:}" 2001:db8:79::2 500001
	done
	seen_end "CHECKSUM_COMPLETE${2:+ and $2}" in4 in6
	! dmesg | grep -i 'hw csum failure' || fail "checksum complaint"
}

no_offloads() {
	a ethtool -K va tx off rx off gro off tso off gso off >/dev/null || fail "ethtool"
	b ethtool -K vb tx off rx off gro off tso off gso off >/dev/null || fail "ethtool"
}

gre_checksum() {
	net_pair
	no_offloads
	a ip link add g0 type gre local $A4 remote $B4 ttl 64 csum || fail "gre"
	b ip link add g0 type gre local $B4 remote $A4 ttl 64 csum || fail "gre"
	a ethtool -K g0 gro off >/dev/null 2>&1
	b ethtool -K g0 gro off >/dev/null 2>&1
	tunnel g0
}

vxlan_checksum() {
	net_pair
	no_offloads
	a ip link add x0 type vxlan id 1 local $A4 remote $B4 dstport 4789 udpcsum || fail "vxlan"
	b ip link add x0 type vxlan id 1 local $B4 remote $A4 dstport 4789 udpcsum || fail "vxlan"
	tunnel x0
	# and with extension headers, which have to be taken out of the sum; minutes on the debug
	# kernel, where no probe shows it
	on_debug && return
	seen_begin "$SUMMED && $EXTENDED"
	extension_headers x0 2001:db8:79::99 2001:db8:79::2
	seen_end "CHECKSUM_COMPLETE behind extension headers" in6
	! dmesg | grep -i 'hw csum failure' || fail "checksum complaint"
}

# The tunnel's packets are fragmented: what comes out of it hangs on frag_list
gre_fragments() {
	net_pair
	no_offloads
	a ip link add g0 mtu 4000 type gre local $A4 remote $B4 nopmtudisc ignore-df csum || fail "gre"
	b ip link add g0 mtu 4000 type gre local $B4 remote $A4 nopmtudisc ignore-df csum || fail "gre"
	tunnel g0 "$LISTED"
}

# The pages of a MSG_ZEROCOPY sender must not be queued by a receiver over loopback
zerocopy_sender() {
	net_pair
	a ./xfer zerocopy "$(stack xtcp)" 127.0.0.1 || fail "IPv4"
	a ./xfer zerocopy "$(stack xtcp)" ::1 || fail "IPv6"
	a ./xfer zerocopy "$(stack fam)" 127.0.0.1 || fail "IPv4, family"
	a ./xfer zerocopy tcp 127.0.0.1 "$(stack xtcp)" || fail "IPv4, XTCP sends"
	a ./xfer zerocopy tcp ::1 "$(stack xtcp)" || fail "IPv6, XTCP sends"
	a ./xfer zerocopy "$(stack fam)" ::1 "$(stack xtcp)" || fail "IPv6, both XTCP"
}

# ah_side SIDE: states both ways, and policies that ask for AH in and out
ah_side() {
	local key=0x0102030405060708090a0b0c0d0e0f1011121314 s1 s2
	for s in "$A4 $B4" "$A6 $B6"; do
		read -r s1 s2 <<<"$s"
		$1 ip xfrm state add src $s1 dst $s2 proto ah spi 0x11 mode transport \
			auth-trunc 'hmac(sha1)' $key 96 || fail "xfrm state"
		$1 ip xfrm state add src $s2 dst $s1 proto ah spi 0x22 mode transport \
			auth-trunc 'hmac(sha1)' $key 96 || fail "xfrm state"
		[ "$1" = a ] || read -r s2 s1 <<<"$s"
		$1 ip xfrm policy add src $s1 dst $s2 dir out tmpl src $s1 dst $s2 proto ah \
			mode transport || fail "xfrm policy"
		$1 ip xfrm policy add src $s2 dst $s1 dir in tmpl src $s2 dst $s1 proto ah \
			mode transport || fail "xfrm policy"
	done
}

ah_transport() {
	local pair
	net_pair
	ah_side a
	ah_side b
	for pair in $PAIRS; do
		transfer "${pair%:*}" "${pair#*:}" $B4 100001
		transfer "${pair%:*}" "${pair#*:}" $B6 100001
	done
	# "use -": never
	[ "$(b ip -s xfrm state | grep -c 'use 2')" = 4 ] ||
		fail "states that were not used: $(b ip -s xfrm state)"
	# a segment without AH is against the policy: nobody answers it
	a ip xfrm policy flush
	connect_ends ETIMEDOUT xtcp xtcp $B6
	connect_ends ETIMEDOUT xtcp xtcp $B4
}

mac_of() { "$1" ip -br link show dev "$2" | awk '{ print $3 }'; }

# extension_headers DEVICE FROM TO: scapy's address, FROM, is nobody's, but its frames come to a's device
extension_headers() {
	local far=${1/#va/vb} host
	need /usr/bin/python3
	b ip -6 neigh add "$2" lladdr "$(mac_of a "$1")" dev "$far" || fail "neighbour"
	serve tcp :: 9001 1
	host=$SERVER
	serve xtcp :: 9000 1
	a /usr/bin/python3 ./ipv6ext.py "$1" "$(mac_of b "$far")" "$2" "$3" 9000 9001 ||
		fail "extension headers"
	b sh -c "for d in all $far; do echo 1 >/proc/sys/net/ipv6/conf/\$d/seg6_enabled; done"
	a /usr/bin/python3 ./ipv6ext.py "$1" "$(mac_of b "$far")" "$2" "$3" 9000 9001 seg6 ||
		fail "segment routing"
	stop_server
	SERVER=$host stop_server
}

ipv6_extensions() {
	net_pair
	extension_headers va 2001:db8:78::99 $B6
}

# b knows a better way to a host behind it, and says so: the next segment goes that way. Nobody
# is there; a's SYNs tell.
icmp_redirects() {
	local far4=10.99.0.1 far6=2001:db8:99::1 there=02:00:00:00:00:03 far near via pid dog ip
	net_pair
	need tcpdump
	b sh -c 'cd /proc/sys/net && echo 1 >ipv4/ip_forward && echo 1 >ipv6/conf/all/forwarding &&
		echo 1 >ipv4/conf/all/send_redirects && echo 1 >ipv4/conf/vb/send_redirects' ||
		fail "forwarding"
	a sh -c 'cd /proc/sys/net && echo 1 >ipv4/conf/all/accept_redirects &&
		echo 1 >ipv4/conf/va/accept_redirects && echo 1 >ipv6/conf/va/accept_redirects' ||
		fail "accept_redirects"
	for ip in 10.78.0.3 fe80::3; do
		a ip neigh add $ip lladdr $there dev va && b ip neigh add $ip lladdr $there dev vb ||
			fail "neighbour"
	done
	near=$(b ip -6 -br addr show dev vb scope link | awk '{ print $3 }')
	a ip route add 10.99.0.0/24 via $B4 && b ip route add 10.99.0.0/24 via 10.78.0.3 &&
		a ip -6 route add 2001:db8:99::/64 via "${near%/*}" dev va &&
		b ip -6 route add 2001:db8:99::/64 via fe80::3 dev vb || fail "routes"
	be tcpdump -i vb -U -l -n -e "ether dst $there and ether src $(mac_of a va) and tcp" \
		>"$WORK/direct" 2>"$WORK/log" &
	dog=$!
	wait_for grep -q listening "$WORK/log" || fail "tcpdump"
	for far in $far4 $far6; do
		via=10.78.0.3
		[ $far = $far4 ] || via=fe80::3
		a ip route get $far | grep -qF "via $via " && fail "$far: $via was known before"
		ae ./xfer fetch "$(stack xtcp)" $far 9000 1 1 30000 2>/dev/null &
		pid=$!
		wait_for grep -q "$far.9000: Flags \[S\]" "$WORK/direct" ||
			fail "$far: $(cat "$WORK/direct"; a ip route get $far; a nstat -asz '*Redirect*')"
		a ip route get $far | grep -qF "via $via " || fail "route: $(a ip route get $far)"
		kill $pid
		wait $pid
	done
	kill -INT $dog
	wait $dog
}

# A raw socket of protocol 6 sees what the host's own TCP gets. XTCP's segments are taken
# in LOCAL_IN, before raw sockets look: it does not see them. Captures (packet sockets) do.
raw_socket_view() {
	net_pair
	raw_socket_of 4 $B4
	raw_socket_of 6 $B6
}

raw_socket_of() { # 4|6 ADDRESS
	local seen raw=$WORK/raw$1
	seen=$(be $PYTHON ./rawview.py "$1" 9000 "$raw" &
		wait_for test -e "$raw.ready" || fail "rawview"
		transfer tcp xtcp "$2" 10000 >/dev/null || exit 1
		serve tcp "$2" 9001 1 >/dev/null
		a ./xfer fetch tcp "$2" 9001 10000 1 || exit 1
		server_ok
		touch "$raw.stop"
		wait) || fail "transfer"
	echo "$seen"
	only_tcp && return
	grep -qx 'port 9000: 0' <<<"$seen" || fail "a raw socket saw XTCP's segments: $seen"
	grep -q 'port 9001: [1-9]' <<<"$seen" || fail "the raw socket saw nothing at all: $seen"
}
