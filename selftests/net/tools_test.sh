# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The commands in scripts/: what they show must be what happens (topology: common.sh).

TESTS+=" tool_ladder_live tool_ladder_capture tool_bpftrace_states tool_bpftrace_life tool_ss"
TESTS+=" tool_profile"

SCRIPTS=${SCRIPTS:-$PWD/scripts}

short_msl() {
	local n
	for n in a b; do
		$n sh -c "echo 200 >/proc/sys/net/xtcp/msl_ms" || fail "msl_ms"
	done
}

# S21: the drawing of a whole connection has the textbook's numbers and all the states
tool_ladder_live() {
	local pid text
	net_pair
	only_tcp && return
	[ -d /sys/kernel/tracing/instances ] || mount -t tracefs none /sys/kernel/tracing
	short_msl
	"$SCRIPTS/xtcp-ladder" --port 9000 live --count 1 --timeout 60 --ready "$WORK/on" \
		--save "$WORK/events" >"$WORK/drawing" 2>&1 &
	pid=$!
	wait_for test -e "$WORK/on" || fail "$(cat "$WORK/drawing")"
	transfer xtcp xtcp $B4 100
	wait $pid || fail "the ladder ends with $?: $(cat "$WORK/drawing" "$WORK/events")"
	text=$(cat "$WORK/drawing")
	echo "$text"
	for want in 'SYN_SENT |-*[- ]*SYN seq=0 ' 'SYN|ACK seq=0 ack=1 ' ' ACK seq=1 ack=1 ' \
		'FIN_WAIT_1' 'FIN_WAIT_2' 'CLOSE_WAIT' 'LAST_ACK' \
		'FIN|ACK seq=117 ack=1\|FIN|PSH|ACK seq=17 ack=1 len=100' \
		'ACK seq=118 ack=102' 'TIME_WAIT over after'; do
		grep -q -- "$want" <<<"$text" || fail "the drawing lacks: $want"
	done
	! grep -q '(' <<<"$text" || fail "states were guessed although both ends are XTCP"
	"$SCRIPTS/xtcp-ladder" --svg "$WORK/d.svg" events "$WORK/events" || fail "svg"
	grep -q TIME_WAIT "$WORK/d.svg" || fail "svg"
	# nothing of the tracing instance is left
	! ls /sys/kernel/tracing/instances | grep -q xtcp-ladder || fail "tracing instance left"
}

tool_ladder_capture() {
	local pid
	net_pair
	need tcpdump
	be tcpdump -i vb -U -w "$WORK/cap" tcp port 9000 2>"$WORK/log" &
	pid=$!
	wait_for grep -q listening "$WORK/log" || fail "tcpdump"
	transfer xtcp tcp $B6 100
	wait_for sh -c "'$SCRIPTS/xtcp-ladder' capture '$WORK/cap' 2>/dev/null | grep -q LAST_ACK" ||
		fail "$("$SCRIPTS/xtcp-ladder" capture "$WORK/cap" 2>&1)"
	kill -INT $pid
	wait $pid
	"$SCRIPTS/xtcp-ladder" capture "$WORK/cap" >"$WORK/drawing" || fail "capture"
	cat "$WORK/drawing"
	for want in '(SYN_SENT)' 'SYN|ACK seq=0 ack=1 ' '(FIN_WAIT_1)' '(CLOSE_WAIT)' '(TIME_WAIT)'; do
		grep -q -- "$want" "$WORK/drawing" || fail "the drawing lacks: $want"
	done
}

# trace_with SCRIPT COMMAND...: runs it around two connections until COMMAND is content with
# its output
trace_with() {
	local pid
	need bpftrace
	bpftrace "$SCRIPTS/bpftrace/$1" >"$WORK/out" 2>&1 &
	pid=$!
	until grep -q PEER "$WORK/out"; do
		# it takes its time to start on an emulated machine
		kill -0 $pid 2>/dev/null || fail "bpftrace: $(head -n 20 "$WORK/out")"
		sleep 0.2
	done
	transfer xtcp xtcp $B4 1000
	transfer xtcp tcp $B6 1000
	wait_for "${@:2}" "$WORK/out" || fail "$(cat "$WORK/out")"
	kill -INT $pid
	wait $pid
	cat "$WORK/out"
}

tool_bpftrace_states() {
	net_pair
	only_tcp && return
	short_msl
	trace_with xtcp-states.bt grep -q 'TIME_WAIT.*-> CLOSE'
	for want in 'CLOSE *-> SYN_SENT' 'LISTEN *-> SYN_RECV' 'SYN_RECV *-> ESTABLISHED' \
		'ESTABLISHED *-> FIN_WAIT_1' 'FIN_WAIT_2 *-> TIME_WAIT' 'CLOSE_WAIT *-> LAST_ACK' \
		'10\.78\.0\.1' '2001:db8:78::1'; do
		grep -q -- "$want" "$WORK/out" || fail "missing: $want"
	done
}

tool_bpftrace_life() {
	net_pair
	only_tcp && return
	short_msl
	# the end that closed first was in TIME_WAIT for 2 x 200 ms: its line is the last to come
	trace_with xtcp-life.bt awk '$2 ~ /10.78.0.1:/ && $8 >= 400 && $8 < 1000 { t = 1 }
		$2 == "10.78.0.2:9000" { p = 1 } END { exit !(t && p) }'
}

tool_ss() {
	local pid out
	net_pair
	only_tcp && return
	serve xtcp $B4 9000 1
	ae ./xfer hold xtcp $B4 9000 >"$WORK/held" &
	pid=$!
	wait_for grep -q connected "$WORK/held" || fail "no connection"
	out=$(b "$SCRIPTS/xtcp-ss" -lH)
	[ "$(wc -l <<<"$out")" = 1 ] && grep -q "^LISTEN .* $B4:9000 " <<<"$out" || fail "-l: $out"
	out=$(a "$SCRIPTS/xtcp-ss" -Hp state established dport = :9000)
	[ "$(wc -l <<<"$out")" = 1 ] && grep -q "^ESTABLISHED .* $B4:9000.*xfer.*pid=" <<<"$out" ||
		fail "established: $out"
	out=$(a "$SCRIPTS/xtcp-ss" -H dport :9001)
	[ -z "$out" ] || fail "dport :9001: $out"
	stop_server
	wait $pid
	out=$(b "$SCRIPTS/xtcp-ss" -H -a state time-wait)
	grep -q "^TIME_WAIT .* $B4:9000 " <<<"$out" || fail "time-wait: $out"
	b "$SCRIPTS/xtcp-ss" -s | grep -q 'TIME_WAIT *1' || fail "-s: $(b "$SCRIPTS/xtcp-ss" -s)"
}

tool_profile() {
	local p
	net_pair
	only_tcp && return
	for p in rfc9293 linux default; do
		a "$SCRIPTS/profile" $p || fail "profile $p"
		[ -z "$(a "$SCRIPTS/profile" $p --show)" ] || fail "profile $p does not last"
	done
	a "$SCRIPTS/profile" linux
	[ "$(a cat /proc/sys/net/xtcp/keepalive_probes)" = 9 ] || fail "linux: probes"
	a "$SCRIPTS/profile" nosuch >/dev/null 2>&1 && fail "an unknown profile is taken"
	[ "$(b cat /proc/sys/net/xtcp/keepalive_probes)" = 10 ] || fail "it leaks to another namespace"
}
