# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Module parameters: good, bad, changed later; every step of loading failing.

TESTS="$TESTS parameters bad_parameters family_taken other_family parameters_later ranges_overlap inherit
fail_init"

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
	for f in 'address family 2 is taken' 'address family 10 is taken' 'no address family 1000'; do
		dmesg | sed -n "/$leakcheck_last/,\$p" | grep -q "xtcp: .*$f" || { echo "not in the log: $f"; return 1; }
	done
	mod_load && mod_unload
}

other_family() {
	mod_load family=18 || return 1
	[ "$(cat /sys/kernel/xtcp/family)" = 18 ] || { echo "family is $(cat /sys/kernel/xtcp/family)"; return 1; }
	mod_unload
}

# later_number NAME GOOD BAD...: written to later, in the initial namespace at once, and in new ones
later_number() {
	_f=/sys/module/xtcp/parameters/$1 _name=$1 _good=$2
	shift 2
	echo "$_good" >"$_f" || { echo "$_name refuses $_good"; return 1; }
	[ "$(cat "/proc/sys/net/xtcp/$_name")" = "$_good" ] ||
		{ echo "$_name: not in the initial namespace"; return 1; }
	for v; do
		if (echo "$v" >"$_f") 2>/dev/null; then
			echo "$_name took $v"
			return 1
		fi
		[ "$(cat "$_f")" = "$_good" ] ||
			{ echo "a refused $v changed $_name to $(cat "$_f")"; return 1; }
	done
	_there=$(unshare -n cat "/proc/sys/net/xtcp/$_name")
	[ "$_there" = "$_good" ] || { echo "a new namespace has $_name $_there"; return 1; }
}

# later_inherit POLICY WANT: what a namespace that mod-a makes starts with
later_inherit() {
	_f=/sys/module/xtcp/parameters/netns_inherit
	echo "$1" >$_f || { echo "netns_inherit refuses $1"; return 1; }
	if (echo nobody >$_f) 2>/dev/null; then
		echo "netns_inherit took nobody"
		return 1
	fi
	[ "$(cat $_f)" = "$1" ] || { echo "netns_inherit is $(cat $_f), not $1"; return 1; }
	_there=$(ip netns exec mod-a unshare -n cat /proc/sys/net/xtcp/msl_ms)
	[ "$_there" = "$2" ] || { echo "netns_inherit=$1, later: msl_ms is $_there, not $2"; return 1; }
}

# All that may be written to while the module is there, and what may not
parameters_later() {
	mod_load netns_inherit=default || return 1
	later_number msl_ms 700 0 -5 240001 soon &&
		later_number syn_retries 9 -1 128 many &&
		later_number synack_retries 200 -1 256 many || return 1
	for p in family fail_init; do
		if (echo 1 >/sys/module/xtcp/parameters/$p) 2>/dev/null; then
			echo "$p can be written to"
			return 1
		fi
	done
	ip netns add mod-a || return 1
	echo 666 >/proc/sys/net/xtcp/msl_ms
	ip netns exec mod-a sh -c 'echo 555 >/proc/sys/net/xtcp/msl_ms'
	later_inherit creator 555 && later_inherit init 666 && later_inherit default 700 || return 1
	ip netns del mod-a
	mod_unload
}

# warned_of NUMBER NAMESPACE: so many warnings of it since the test began
warned_of() {
	_n=$(dmesg | sed -n "/${leakcheck_last:?}/,\$p" |
		grep -c "xtcp: netns $2: net.xtcp.ip_local_port_range overlaps net.ipv4.ip_local_port_range")
	[ "$_n" = "$1" ] || { echo "netns $2: $_n warnings, not $1"; return 1; }
}

ns_number() { "$@" readlink /proc/self/ns/net | tr -dc 0-9; }

# The ports of both stacks' connect() should be apart: a warning at the write, for a new namespace that
# inherits its range, and when the module comes; none while they are apart
ranges_overlap() {
	_v4=/proc/sys/net/ipv4/ip_local_port_range _own=/proc/sys/net/xtcp/ip_local_port_range
	_init=$(ns_number env) _bad=
	mod_load && ip netns add mod-a || return 1
	_a=$(ns_number ip netns exec mod-a)
	warned_of 0 "$_init" && warned_of 0 "$_a" || return 1
	ip netns exec mod-a sh -c "echo 60999 61999 >$_own"
	warned_of 1 "$_a" || return 1
	ip netns exec mod-a sh -c "echo 32768 60998 >$_v4 && echo 60999 61999 >$_own"
	warned_of 1 "$_a" || return 1
	# the host's range is the default there
	_new=$(ns_number ip netns exec mod-a unshare -n)
	warned_of 1 "$_new" && ip netns del mod-a && mod_unload || return 1
	_old=$(cat $_v4)
	echo 32768 61000 >$_v4
	mod_load || _bad=1
	echo "$_old" >$_v4
	[ -z "$_bad" ] && warned_of 1 "$_init" && mod_unload
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
