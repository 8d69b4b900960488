# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What must be true after a test: nothing left of it. Sourced by the runner in the guest and by
# tests in shell; ROOM_DIR/lib is where it and bad-dmesg are. Every function says what it found and returns 0 or 1.

leakcheck_bound=200	# x 0.1 s
# Not empty: xtcp was there, and has to be there at every check; "" for who unloads it on purpose
leakcheck_loaded=
[ ! -d /sys/kernel/xtcp ] || leakcheck_loaded=1

# leakcheck_until COMMAND...: wait for a condition, 20 s at most
leakcheck_until() {
	_n=0
	until "$@"; do
		_n=$((_n + 1))
		[ $_n -le $leakcheck_bound ] || return 1
		sleep 0.1
	done
}

# no module, no leak: so who was to have it checked is told that it has gone
leakcheck_there() {
	[ -n "$leakcheck_loaded" ] && [ ! -d /sys/kernel/xtcp ] || return 0
	echo "leakcheck: xtcp has gone"
	return 1
}

# kselftest: 4 is a skip; the machine room takes it for a failure
leakcheck_needs_xtcp() {
	[ ! -d /sys/kernel/xtcp ] || return 0
	echo "1..0 # SKIP xtcp is not loaded"
	exit 4
}

# The module's file: XTCP_KO, the machine room's, or the one that is installed; nothing if there is none
leakcheck_ko() {
	for _ko in "${XTCP_KO:-${ROOM_DIR:-/nowhere}/xtcp.ko}" "$(modinfo -n xtcp 2>/dev/null)"; do
		[ ! -f "$_ko" ] || { readlink -f "$_ko"; return; }
	done
}

# the sockets file has a header and nothing else, or only listeners that the test says it keeps
leakcheck__sockets_empty() {
	{ read -r _ && ! read -r _; } </proc/net/xtcp/sockets
}

leakcheck_sockets() {
	[ -d /sys/kernel/xtcp ] || return 0	# the module is not there
	if [ ! -r /proc/net/xtcp/sockets ]; then
		echo "leakcheck: no /proc/net/xtcp/sockets"
		return 1
	fi
	leakcheck_until leakcheck__sockets_empty && return 0
	echo "leakcheck: sockets left:"
	cat /proc/net/xtcp/sockets
	return 1
}

# All sockets of all namespaces are counted per state in /sys/kernel/xtcp/states
leakcheck__states_zero() {
	for _f in /sys/kernel/xtcp/states/*; do
		case $_f in */CLOSE|*/CLOSED) continue ;; esac
		# read is the shell's own: an emulated machine is slow to start a program
		read -r _v <"$_f" && [ "$_v" = 0 ] || return 1
	done
}

leakcheck_states() {
	[ -d /sys/kernel/xtcp ] || return 0
	if [ ! -d /sys/kernel/xtcp/states ]; then
		echo "leakcheck: no /sys/kernel/xtcp/states"
		return 1
	fi
	leakcheck_until leakcheck__states_zero && return 0
	echo "leakcheck: sockets left in a state:"
	grep -H . /sys/kernel/xtcp/states/*
	return 1
}

# What was opened was closed: pairs of counters that must be equal once all is quiet
leakcheck__counter() { cat "/sys/kernel/xtcp/counters/$1" 2>/dev/null; }

leakcheck__balanced() {
	read -r _x <"/sys/kernel/xtcp/counters/$1" && read -r _y <"/sys/kernel/xtcp/counters/$2" &&
		[ "$_x" = "$_y" ]
}

leakcheck_counters() {
	[ -d /sys/kernel/xtcp ] || return 0
	_rc=0
	for _pair in SocksMade:SocksFreed ReqsMade:ReqsFreed \
		TwsMade:TwsFreed Reservations:ReservationsFreed; do
		_a=${_pair%:*} _b=${_pair#*:}
		leakcheck_until leakcheck__balanced "$_a" "$_b" && continue
		echo "leakcheck: $_a $(leakcheck__counter "$_a"), but $_b $(leakcheck__counter "$_b")"
		_rc=1
	done
	return $_rc
}

# leakcheck_without WHAT: what other kernels may lack, the debug kernel was made for
leakcheck_without() {
	[ "${XTCP_KERNEL:-${KERNEL:-}}" = debug ] || return 0
	echo "leakcheck: the debug kernel is without $1"
	return 1
}

# kmemleak believes in nothing that is younger than five seconds, so these have to pass first; a
# second scan takes back what the first saw while it was being moved
leakcheck__scan() {
	sleep 6
	# refused: it has switched itself off, for want of memory or because it was confused
	if ! (echo scan >$_k && echo scan >$_k) 2>/dev/null; then
		echo "leakcheck: kmemleak does not scan: $(dmesg | grep kmemleak: | tail -n 3)"
		return 1
	fi
}

leakcheck_kmemleak() {
	_k=/sys/kernel/debug/kmemleak
	[ -w $_k ] || { leakcheck_without $_k; return; }
	leakcheck__scan || return 1
	[ -n "$(head -c 1 $_k)" ] || return 0
	echo "leakcheck: kmemleak:"
	head -n 60 $_k
	return 1
}

# leakcheck_forgive FUNCTION: what kmemleak finds now is the core's own if FUNCTION is in the
# backtrace, and forgotten; anything else is a leak
leakcheck_forgive() {
	_k=/sys/kernel/debug/kmemleak
	[ -w $_k ] || { leakcheck_without $_k; return; }
	leakcheck__scan || return 1
	awk -v core="$1" '
		/^unreferenced object/ { if (n && !known) print text; text = ""; known = 0; n++ }
		{ text = text $0 "\n" }
		index($0, core) { known = 1 }
		END { if (n && !known) print text }' $_k >"/tmp/leaks.$$"
	echo clear >$_k
	head -n 60 "/tmp/leaks.$$"
	_rc=0
	[ ! -s "/tmp/leaks.$$" ] || _rc=1
	rm -f "/tmp/leaks.$$"
	return $_rc
}

# rmmod, within a bound: packets of ours may still wait in a neighbour queue for some seconds
leakcheck__rmmod() { rmmod xtcp 2>/dev/null || [ ! -d /sys/module/xtcp ]; }

leakcheck_unload() {
	_rc=0
	leakcheck_sockets || _rc=1
	leakcheck_states || _rc=1
	leakcheck_counters || _rc=1
	if ! leakcheck_until leakcheck__rmmod; then
		echo "leakcheck: xtcp does not unload: $(rmmod xtcp 2>&1), refcnt $(cat /sys/module/xtcp/refcnt)"
		[ ! -r /proc/net/xtcp/sockets ] || cat /proc/net/xtcp/sockets
		return 1
	fi
	return $_rc
}

# leakcheck_mark NAME, of letters, digits, _ and -: leakcheck_dmesg looks at what comes after it
leakcheck_mark() {
	_mark="xtcp-leakcheck: $$ $1"
	echo "<6>$_mark" >/dev/kmsg
	leakcheck_last=$_mark
}

leakcheck_dmesg() {
	_pat=${ROOM_DIR:-.}/lib/bad-dmesg
	if [ ! -r "$_pat" ]; then
		echo "leakcheck: no list of bad kernel messages"
		return 1
	fi
	_said=$(dmesg | sed -n "/${leakcheck_last:-.}/,\$p")
	case $_said in
	# the mark is lost if more came after it than the log holds
	"") dmesg >"/tmp/said.$$" ;;
	*"
"*) printf "%s\n" "$_said" >"/tmp/said.$$" ;;
	# the mark alone: mostly so, and an emulated machine is slow to start a program
	*) return 0 ;;
	esac
	grep -v -e '^#' -e '^!' -e '^ *$' "$_pat" >"/tmp/bad.$$"
	grep '^!' "$_pat" | cut -c2- >"/tmp/good.$$"
	grep -E -f "/tmp/bad.$$" "/tmp/said.$$" | grep -v -E -f "/tmp/good.$$" >"/tmp/found.$$"
	_rc=0
	if [ -s "/tmp/found.$$" ]; then
		echo "leakcheck: the kernel said:"
		cat "/tmp/found.$$"
		_rc=1
	fi
	rm -f "/tmp/said.$$" "/tmp/bad.$$" "/tmp/good.$$" "/tmp/found.$$"
	return $_rc
}

# leakcheck_around NAME COMMAND...: run it, then look what it left
leakcheck_around() {
	leakcheck_mark "$1"
	shift
	"$@"
	_status=$?
	leakcheck && return $_status
	[ $_status != 0 ] || _status=1
	return $_status
}

# A lockdep that has switched itself off finds nothing more
leakcheck_lockdep() {
	[ -r /proc/lockdep_stats ] || { leakcheck_without lockdep; return; }
	grep -q 'debug_locks: *1$' /proc/lockdep_stats && return 0
	echo "leakcheck: lockdep is off"
	return 1
}

# All but the unloading, for use after every single test
leakcheck() {
	_all=0
	leakcheck_there || _all=1
	leakcheck_sockets || _all=1
	leakcheck_states || _all=1
	leakcheck_counters || _all=1
	leakcheck_lockdep || _all=1
	leakcheck_dmesg || _all=1
	return $_all
}
