# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Loading and unloading; sourced by run.sh.

mod_ko=$(leakcheck_ko)

# what insmod, unlike modprobe, does not load by itself
mod_needs() {
	for _m in nf_defrag_ipv4 nf_defrag_ipv6 nf_conntrack inet_diag; do
		modprobe -q "$_m" 2>/dev/null
	done
	return 0
}

mod_loaded() { [ -d /sys/module/xtcp ]; }

mod_load() {
	insmod "$mod_ko" "$@" || { echo "insmod xtcp.ko $* failed"; return 1; }
	mod_loaded || { echo "insmod says yes, but there is no /sys/module/xtcp"; return 1; }
}

mod_unload() {
	mod_loaded || return 0
	leakcheck_unload || return 1
	! mod_loaded || { echo "rmmod says yes, but /sys/module/xtcp is still there"; return 1; }
}

# mod_refuses WORD... : these parameters must not load, and must leave nothing behind
mod_refuses() {
	if insmod "$mod_ko" "$@" 2>/dev/null; then
		rmmod xtcp
		echo "insmod xtcp.ko $* should have failed"
		return 1
	fi
	if mod_loaded; then
		echo "insmod xtcp.ko $* failed, but xtcp is there"
		return 1
	fi
}

mod_param() { cat "/sys/module/xtcp/parameters/$1"; }

# slab caches whose name begins with XTCP or xtcp
mod_slabs() { grep -ci '^xtcp' /proc/slabinfo; }
