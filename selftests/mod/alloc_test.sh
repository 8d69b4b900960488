# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Every allocation of a namespace's birth fails once, and each $ALLOC_EVERY-th of loading, from one
# that the seed says (XTCP_ALLOC_EVERY=1: all): what was begun is taken back. Fault injection is in the
# debug kernel alone, and has to be there.

ALLOC_EVERY=${XTCP_ALLOC_EVERY:-32}
alloc_debug=/sys/kernel/debug

if [ -e $alloc_debug/failslab ] || ! leakcheck_without $alloc_debug/failslab >/dev/null; then
	TESTS="$TESTS alloc_load alloc_netns"
fi

# alloc_faults START END WAIT VERBOSE: only what has an address between these on its stack fails
alloc_faults() {
	for _d in $alloc_debug/failslab $alloc_debug/fail_page_alloc; do
		[ -d "$_d" ] || { leakcheck_without "$_d" || return 1; continue; }
		echo "$1" >"$_d/require-start" && echo "$2" >"$_d/require-end" &&
			echo "$3" >"$_d/ignore-gfp-wait" && echo "$4" >"$_d/verbose" &&
			echo 32 >"$_d/stacktrace-depth" || return 1
		[ ! -e "$_d/min-order" ] || echo 0 >"$_d/min-order"
	done
}

# The console, which is looked at afterwards, is told nothing
alloc_only() {
	read -r alloc_level _ </proc/sys/kernel/printk
	dmesg -n 1
	alloc_faults "$1" "$2" N 0 || { dmesg -n "$alloc_level"; return 1; }
}

alloc_end() {
	dmesg -n "$alloc_level"
	alloc_faults 0 0xffffffffffffffff Y 2
}

# The core traces, but does not warn, where a slab or a sysctl table could not be made: a Call
# Trace alone is no complaint here. What kmemleak found is looked at by leakcheck_forgive. The log is
# emptied of what has been looked at.
alloc_dmesg() {
	grep -v -e '^#' -e '^!' -e '^ *$' -e '^Call Trace' -e 'memory leaks' "$ROOM_DIR/lib/bad-dmesg" >"$live_tmp/bad"
	dmesg -c >"$live_tmp/said"
	# where the machine room begins to read
	echo "<6>xtcp-room: start" >/dev/kmsg
	! grep -E -f "$live_tmp/bad" "$live_tmp/said"
}

# alloc_each EVERY CHECK COMMAND...: failnth with N = first, first + EVERY, ... until nothing fails
alloc_each() {
	_every=$1
	_check=$2
	shift 2
	_nth=$((${XTCP_SEED:-1} % _every + 1))
	_failed=0 _survived=0
	while :; do
		_said=$(./failnth $_nth "$@") || { echo "$_nth: $_said"; return 1; }
		case $_said in
		passed) break ;;
		survived) _survived=$((_survived + 1)) ;;
		*) _failed=$((_failed + 1)) ;;
		esac
		"$_check" "$_said" || { echo "allocation $_nth: $_said"; return 1; }
		alloc_dmesg || { echo "allocation $_nth: the kernel said this"; return 1; }
		_nth=$((_nth + _every))
	done
	echo "# up to allocation $_nth: $_failed failed, $_survived survived" >/dev/kmsg
	# what few of many allocations are chance decides: three of four are of names that loading does without
	_counted=$_failed
	[ "$_every" = 1 ] || _counted=$((_failed + _survived))
	[ $_counted -ge 5 ] || { echo "only $_failed failed before $_nth, $_survived survived"; return 1; }
}

alloc_no_trace() {
	case $1 in
	survived) rmmod xtcp; return ;;
	"failed 12"|"failed 105") ;;		# ENOMEM, ENOBUFS
	*) echo "not for want of memory"; return 1 ;;
	esac
	! mod_loaded || { echo "xtcp is there"; return 1; }
	[ ! -e /proc/net/xtcp ] && [ ! -e /proc/sys/net/xtcp ] && [ ! -e /sys/kernel/xtcp ] ||
		{ echo "files are left"; return 1; }
	[ "$(mod_slabs)" = 0 ] || { echo "slabs are left"; return 1; }
}

alloc_load() {
	alloc_only 0xffffffffa0000000 0xffffffffff000000 || return 1
	alloc_each "$ALLOC_EVERY" alloc_no_trace load "$mod_ko"
	alloc_rc=$?
	alloc_end
	mod_unload || alloc_rc=1
	# the core forgets the name of a slab whose directory could not be made
	leakcheck_forgive sysfs_slab_add && alloc_dmesg && return $alloc_rc
}

alloc_alive() {
	case $1 in
	survived|"failed 12"|"failed 105") ;;
	*) echo "not for want of memory"; return 1 ;;
	esac
	hold_order h send 1000
}

# A namespace that can not be made leaves the others alone: one connection lives through it all
alloc_netns() {
	live_connect && echo drain >"$live_tmp/peer.in" || return 1
	read -r _size _at <<-MODULE
		$(awk '$1 == "xtcp" { print $2, $6 }' /proc/modules)
	MODULE
	alloc_only "$_at" "$(printf '0x%x' $((_at + _size)))" || return 1
	alloc_each 1 alloc_alive netns
	_rc=$?
	alloc_end
	hold_kill h
	[ $_rc = 0 ] && live_end
}
