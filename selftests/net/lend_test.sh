# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Data that are sent without being copied, and large buffers (topology: common.sh).

TESTS+=" sendfile_netem zerocopy_netem sendfile_no_offloads sendfile_lab big_tcp"

# each of PAIRS both ways, both families
both_families() { # LENGTH
	local pair
	for pair in $PAIRS; do
		transfer "${pair%:*}" "${pair#*:}" $B4 "$1"
		transfer "${pair%:*}" "${pair#*:}" $B6 "$1"
	done
}

# Retransmissions read the file again
sendfile_netem() {
	export XFER_HOW=file
	over_netem 1 4097 1000001 -- delay 2ms loss 2%
}

# A piece that was given back is overwritten at once: nothing may want to send it any more
zerocopy_netem() {
	export XFER_HOW=lend
	over_netem 1 1000001 -- delay 2ms loss 2% reorder 5%
}

# Checksums and cutting in software, of pages that are not ours
sendfile_no_offloads() {
	net_pair
	no_offloads
	XFER_HOW=file both_families 700001
	XFER_HOW=lend both_families 700001
	# nor can the device gather
	a ethtool -K va sg off >/dev/null || fail "ethtool"
	b ethtool -K vb sg off >/dev/null || fail "ethtool"
	XFER_HOW=file both_families 300001
	XFER_HOW=lend both_families 300001
}

# Protocol 253 copies: its checksum is made before the packet leaves
sendfile_lab() {
	local how
	net_pair
	for how in file lend; do
		XFER_HOW=$how transfer lab lab $B4 500001
		XFER_HOW=$how transfer lab lab $B6 500001
	done
}

# A buffer is also what leaves within a millisecond: a slow machine needs a larger window first, and the
# debug kernel's is too slow for any
until_big() { # 4|6 ADDRESS
	local len lengths="8000001 16000001 32000001"
	! on_debug || lengths=4000001
	for len in $lengths; do
		XFER_ALL=1 XFER_HOW=whole transfer xtcp tcp "$2" $len
		[ ! -e "$WORK/big.$1" ] || break
	done
}

# More than 64 KiB at a time, where devices ask for it: IPv6 since 5.19, IPv4 since 6.3
big_tcp() {
	local v4 v6 pid
	net_pair
	need /usr/bin/python3
	a $PYTHON ./gsosize.py va 185000 || fail "gso_max_size of va"
	b $PYTHON ./gsosize.py vb 185000 || fail "gso_max_size of vb"
	# a buffer is at most half the peer's window: not to depend on how its autotuning goes
	b sysctl -qw net.ipv4.tcp_rmem="4096 4000000 6291456" || fail "tcp_rmem"
	ae $PYTHON ./biggest.py va "$WORK/big" >"$WORK/sizes" &
	pid=$!
	wait_for test -e "$WORK/big.ready" || fail "biggest.py"
	case $(uname -r) in
	6.1.*) XFER_HOW=whole transfer xtcp tcp $B4 8000001 ;;
	*) until_big 4 $B4 ;;
	esac
	until_big 6 $B6
	touch "$WORK/big.stop"
	wait $pid || fail "biggest.py"
	read -r v4 v6 <"$WORK/sizes"
	echo "largest packets: IPv4 $v4, IPv6 $v6"
	on_debug || [ "$v6" -gt 70000 ] || fail "no IPv6 packet above 64 KiB: $v6"
	case $(uname -r) in
	6.1.*) ;;
	*) on_debug || [ "$v4" -gt 70000 ] || fail "no IPv4 packet above 64 KiB: $v4" ;;
	esac
	XFER_HOW=whole both_families 4000001
	# cut by software on a device that has shrunk
	a $PYTHON ./gsosize.py va 65536 || fail "gso_max_size of va"
	a ethtool -K va tso off >/dev/null || fail "ethtool"
	XFER_HOW=whole both_families 1000001
}
