# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Transfers with the kernel's TCP both ways round and between two XTCPs (topology: common.sh).

TESTS+=" interop_sizes interop_long offloads_off offloads_mixed small_mtu gro_list"

interop_sizes() {
	local pair len
	net_pair
	for pair in $PAIRS; do
		for len in 1 1448 65536 300001; do
			transfer "${pair%:*}" "${pair#*:}" $B4 $len
		done
		for len in 0 1429 65535 300001; do
			transfer "${pair%:*}" "${pair#*:}" $B6 $len
		done
	done
}

# 64 MiB each way on a clean link: sequence numbers, windows and buffers get to work
interop_long() {
	net_pair
	transfer xtcp tcp $B4 $((64 << 20))
	transfer tcp xtcp $B6 $((64 << 20))
	transfer xtcp xtcp $B4 $((32 << 20))
}

offloads() { # FEATURES...: set on both ends
	need ethtool
	a ethtool -K va "$@" >/dev/null && b ethtool -K vb "$@" >/dev/null || fail "ethtool $*"
}

offloads_off() {
	local pair
	net_pair
	offloads tx off rx off tso off gso off gro off sg off
	for pair in $PAIRS; do
		transfer "${pair%:*}" "${pair#*:}" $B4 2000003
		transfer "${pair%:*}" "${pair#*:}" $B6 2000003
	done
}

# Big segments that have to be cut in software, and segments merged by GRO on the way in
offloads_mixed() {
	local pair
	net_pair
	offloads tso off gso on tx on gro on
	for pair in $PAIRS; do
		transfer "${pair%:*}" "${pair#*:}" $B4 2000003
	done
	offloads tso on gso on tx on gro on
	for pair in $PAIRS; do
		transfer "${pair%:*}" "${pair#*:}" $B6 2000003
	done
}

small_mtu() {
	local pair
	net_pair
	a ip link set va mtu 1280
	b ip link set vb mtu 1280
	for pair in $PAIRS; do
		transfer "${pair%:*}" "${pair#*:}" $B4 300001
		transfer "${pair%:*}" "${pair#*:}" $B6 300001
	done
}

# GRO by lists of whole segments: each has a TCP header of its own (since 6.12)
gro_list() {
	net_pair
	offloads gro on tso off
	if b ethtool -k vb | grep -q 'rx-gro-list: off \[fixed\]'; then
		echo "no rx-gro-list in this kernel: ordinary GRO instead"
	else
		b ethtool -K vb rx-gro-list on || fail "rx-gro-list"
		a ethtool -K va rx-gro-list on || fail "rx-gro-list"
	fi
	transfer tcp xtcp $B4 3000001
	transfer xtcp tcp $B4 3000001
	transfer xtcp xtcp $B6 3000001
}
