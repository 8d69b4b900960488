# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Transfers over a bad link (topology: common.sh, netem on both ends of the veth).

TESTS+=" loss_1 loss_5 reorder duplicate everything netem_long"

netem() {
	need tc
	a tc qdisc replace dev va root netem limit 10000 "$@" || fail "netem $*"
	b tc qdisc replace dev vb root netem limit 10000 "$@" || fail "netem $*"
}

over_netem() { # LENGTHS -- NETEM ARGUMENTS
	local pair len lengths=
	while [ "$1" != -- ]; do
		lengths+=" $1"
		shift
	done
	shift
	net_pair
	netem "$@"
	for pair in $PAIRS; do
		for len in $lengths; do
			transfer "${pair%:*}" "${pair#*:}" $B4 "$len"
			transfer "${pair%:*}" "${pair#*:}" $B6 "$len"
		done
	done
	closed
}

loss_1() { over_netem 1 1000 1000000 -- delay 2ms loss 1%; }
loss_5() { over_netem 1 1000 100000 -- delay 2ms loss 5%; }
reorder() { over_netem 1000 500000 -- delay 4ms reorder 25% 50%; }
duplicate() { over_netem 1000 500000 -- delay 1ms duplicate 10%; }
everything() { over_netem 1 100000 -- delay 5ms 2ms loss 2% duplicate 2% reorder 10%; }

# 64 MiB each way
netem_long() {
	net_pair
	netem delay 1ms loss 1% duplicate 1% reorder 5%
	transfer xtcp tcp $B4 $((64 << 20))
	transfer tcp xtcp $B6 $((64 << 20))
	closed
}
