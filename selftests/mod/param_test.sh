# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Module parameters: good, bad, changed later; every step of loading failing.

TESTS="$TESTS parameters bad_parameters family_taken other_family parameters_later inherit fail_init"

parameters() {
	mod_load syn_retries=3 synack_retries=2 msl_ms=500 netns_inherit=init || return 1
	for p in syn_retries:3 synack_retries:2 msl_ms:500 netns_inherit:init; do
		[ "$(mod_param "${p%:*}")" = "${p#*:}" ] || { echo "$p, but it is $(mod_param "${p%:*}")"; return 1; }
		[ "${p%:*}" = netns_inherit ] && continue
		[ "$(cat "/proc/sys/net/xtcp/${p%:*}")" = "${p#*:}" ] ||
			{ echo "$p did not reach the initial namespace"; return 1; }
	done
	mod_unload
}

bad_parameters() {
	for p in syn_retries=-1 syn_retries=128 syn_retries=many synack_retries=-1 synack_retries=256 \
		msl_ms=0 msl_ms=-1 msl_ms=240001 msl_ms= netns_inherit=nobody family=x; do
		mod_refuses "$p" || return 1
	done
	# and after all that it loads
	mod_load && mod_unload
}

# A number that has an owner, and numbers that no family can have
family_taken() {
	for f in 2 10 1 16 46 -1 1000; do
		mod_refuses "family=$f" || return 1
	done
	dmesg | tail -n 40 | grep -q 'xtcp: .*family' || { echo "nothing about the family in the log"; return 1; }
	mod_load && mod_unload
}

other_family() {
	mod_load family=18 || return 1
	[ "$(cat /sys/kernel/xtcp/family)" = 18 ] || { echo "family is $(cat /sys/kernel/xtcp/family)"; return 1; }
	mod_unload
}

parameters_later() {
	_f=/sys/module/xtcp/parameters/msl_ms
	mod_load netns_inherit=default || return 1
	echo 700 >$_f || return 1
	[ "$(cat /proc/sys/net/xtcp/msl_ms)" = 700 ] || { echo "not in the initial namespace"; return 1; }
	for v in 0 -5 240001 soon; do
		if (echo $v >$_f) 2>/dev/null; then
			echo "msl_ms took $v"
			return 1
		fi
		[ "$(cat $_f)" = 700 ] || { echo "a refused $v changed msl_ms to $(cat $_f)"; return 1; }
	done
	ip netns add mod-later
	_there=$(ip netns exec mod-later cat /proc/sys/net/xtcp/msl_ms)
	ip netns del mod-later
	[ "$_there" = 700 ] || { echo "a new namespace has msl_ms $_there"; return 1; }
	mod_unload
}

# Whose msl_ms a namespace starts with that is made in mod-a
inherit_case() {
	mod_load msl_ms=444 netns_inherit="$1" || return 1
	ip netns add mod-a || return 1
	echo 666 >/proc/sys/net/xtcp/msl_ms
	ip netns exec mod-a sh -c 'echo 555 >/proc/sys/net/xtcp/msl_ms'
	_there=$(ip netns exec mod-a unshare -n cat /proc/sys/net/xtcp/msl_ms)
	_here=$(ip netns exec mod-a cat /proc/sys/net/xtcp/msl_ms)
	ip netns del mod-a
	[ "$_here" = 555 ] || { echo "msl_ms of mod-a is $_here"; return 1; }
	[ "$_there" = "$2" ] || { echo "netns_inherit=$1: msl_ms is $_there, not $2"; return 1; }
	mod_unload
}

inherit() {
	inherit_case creator 555 && inherit_case init 666 && inherit_case default 444
}

# Loading fails at step 1, at step 2, ... until there is no such step any more
fail_init() {
	_step=0
	while :; do
		_step=$((_step + 1))
		[ $_step -le 64 ] || { echo "fail_init=$_step still fails"; return 1; }
		insmod "$mod_ko" fail_init=$_step 2>/dev/null && break
		! mod_loaded || { echo "step $_step failed, but xtcp is there"; return 1; }
		[ ! -e /proc/net/xtcp ] && [ ! -e /proc/sys/net/xtcp ] && [ ! -e /sys/kernel/xtcp ] ||
			{ echo "step $_step failed and left files behind"; return 1; }
		[ "$(mod_slabs)" = 0 ] || { echo "step $_step failed and left slabs behind"; return 1; }
	done
	echo "$((_step - 1)) steps"
	[ $_step -gt 4 ] || { echo "only $((_step - 1)) steps can fail"; return 1; }
	mod_unload
}
