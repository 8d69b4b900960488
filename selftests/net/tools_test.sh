# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The commands in scripts/: what they show must be what happens (topology: common.sh).

TESTS+=" tool_ladder_live tool_ladder_capture tool_bpftrace_states tool_bpftrace_life tool_ss"
TESTS+=" tool_profile trace_events"

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

bpftrace_begin() { # SCRIPT
	need bpftrace
	bpftrace "$SCRIPTS/bpftrace/$1" >"$WORK/out" 2>&1 &
	TRACER=$!
	until grep -q PEER "$WORK/out"; do
		# it takes its time to start on an emulated machine
		kill -0 $TRACER 2>/dev/null || fail "bpftrace: $(head -n 20 "$WORK/out")"
		sleep 0.2
	done
}

# bpftrace_end COMMAND...: once COMMAND is content with the output, and still at the end
bpftrace_end() {
	wait_for "$@" "$WORK/out" || fail "$(cat "$WORK/out")"
	end_bpftrace $TRACER
	cat "$WORK/out"
	"$@" "$WORK/out" || fail "more came at the end"
}

tool_bpftrace_states() {
	net_pair
	only_tcp && return
	short_msl
	bpftrace_begin xtcp-states.bt
	transfer xtcp xtcp $B4 1000
	transfer xtcp tcp $B6 1000
	bpftrace_end grep -q 'TIME_WAIT.*-> CLOSE'
	for want in 'CLOSE *-> SYN_SENT' 'LISTEN *-> SYN_RECV' 'SYN_RECV *-> ESTABLISHED' \
		'ESTABLISHED *-> FIN_WAIT_1' 'FIN_WAIT_2 *-> TIME_WAIT' 'CLOSE_WAIT *-> LAST_ACK' \
		'10\.78\.0\.1' '2001:db8:78::1'; do
		grep -q -- "$want" "$WORK/out" || fail "missing: $want"
	done
}

tool_bpftrace_life() {
	local pid server
	net_pair
	only_tcp && return
	short_msl
	bpftrace_begin xtcp-life.bt
	serve xtcp $B4 9000 1
	server=$SERVER
	a tc qdisc add dev va root netem delay 300ms || fail "netem"
	ae ./xfer hold xtcp $B4 9000 >"$WORK/held" &
	pid=$!
	wait_for grep -q connected "$WORK/held" || fail "no connection"
	wait_for aged a && wait_for aged b || fail "not a second old"
	a tc qdisc del dev va root
	stop_server
	wait $pid
	# one end of this one is the host's
	transfer xtcp tcp $B6 1000
	bpftrace_end life_lines $pid "$server"
}

# The connection of that namespace is a second old: the last column
aged() { $1 awk '$5 == "ESTABLISHED" && $NF >= 1000 { n++ } END { exit !n }' /proc/net/xtcp/sockets; }

# life_lines CLIENT SERVER FILE: a line for each end of ours and no more. A handshake of 300 ms, a
# second and more together, and 2 x 200 ms of TIME_WAIT for who has closed first.
life_lines() {
	awk -v client="$1" -v server="$2" -v local="$A4:" -v peer="$B4:9000" -v six="$A6:" '
		$1 ~ /^[0-9]+$/ { n++ }
		$1 ~ /^[0-9]+$/ && $4 != $5 + $6 + $7 + $8 { bad = 1 }
		{ lasted = $5 >= 300 && $5 < 1000 && $6 >= 1000 && $6 < 10000 && $7 < 300
		  waited = $8 >= 400 && $8 < 1000 }
		$1 == client && index($2, local) == 1 && $3 == peer && lasted && $8 == 0 { c++ }
		$1 == server && $2 == peer && index($3, local) == 1 && lasted && waited { s++ }
		index($2, six) == 1 && $5 < 300 && $6 < 1000 && waited { v++ }
		END { exit !(n == 3 && !bad && c == 1 && s == 1 && v == 1) }' "$3"
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
	# settings that a profile's values, one by one and in its order, do not go with
	for p in rfc9293 linux default; do
		a sh -c 'cd /proc/sys/net/xtcp && echo 1 >retries1 && echo 2 >retries2 &&
			echo 600000 >rto_max_ms && echo 300000 >rto_initial_ms' || fail "settings"
		a "$SCRIPTS/profile" $p || fail "profile $p from other settings"
		[ -z "$(a "$SCRIPTS/profile" $p --show)" ] || fail "profile $p does not last"
	done
	# MUST-23, RFC 6298 2.4, RFC 9293 3.4.2
	a "$SCRIPTS/profile" rfc9293
	[ "$(a sh -c 'cd /proc/sys/net/xtcp; cat syn_retries rto_min_ms msl_ms' | tr '\n' ' ')" = \
		"7 1000 120000 " ] || fail "rfc9293"
	a "$SCRIPTS/profile" linux
	[ "$(a cat /proc/sys/net/xtcp/keepalive_probes)" = 9 ] || fail "linux: probes"
	a "$SCRIPTS/profile" nosuch >/dev/null 2>&1 && fail "an unknown profile is taken"
	[ "$(b cat /proc/sys/net/xtcp/keepalive_probes)" = 10 ] || fail "it leaks to another namespace"
}

# ---- the tracepoints that no tool above uses ----

trace_begin() { # EVENT FILTER...: an instance of its own with these events
	TRACED=/sys/kernel/tracing/instances/xtcp-test-$$
	[ -d /sys/kernel/tracing/instances ] || mount -t tracefs none /sys/kernel/tracing
	mkdir $TRACED || fail "tracing instance"
	NET_UNDO=trace_end
	while [ $# -gt 1 ]; do
		# what a field is called, and that it holds what it should, is the filter's to show
		echo "$2" >"$TRACED/events/xtcp/$1/filter" || fail "filter of $1: $2"
		echo 1 >"$TRACED/events/xtcp/$1/enable" || fail "$1"
		shift 2
	done
}

trace_end() { rmdir $TRACED; }

# traced EVENT TEXT: lines of it
traced() { grep -- " $1: $2" $TRACED/trace; }

# field NAME of the line on standard input
field() { sed -n "s/.* $1=\([^ ]*\).*/\1/p" | head -n 1; }

# traced_cwnd COOKIE: what it was before the loss, and what the timeout made of it
traced_cwnd() {
	traced xtcp_cwnd "cookie=$1 " | tr '=' ' ' | awk '
		{ for (i = 1; i < NF; i++) v[$i] = $(i + 1) }
		v["cwnd"] >= 10 && v["ssthresh"] == 2147483647 && v["srtt_us"] > 0 { free = 1 }
		free && v["cwnd"] < 10 && v["ssthresh"] < 64 && v["srtt_us"] > 0 &&
			v["inflight"] > 0 && v["inflight"] <= 32 { reduced = 1 }
		END { exit !(free && reduced) }'
}

# traced_timer COOKIE: it fired no earlier than it was armed for (a tick or so is the clock's)
traced_timer() {
	traced xtcp_timer "cookie=$1 which=rexmit " | sed 's/\[[0-9]*\]/ /; s/: xtcp_timer:.*action=/ /' | awk '
		{ for (i = 1; i <= NF; i++) if ($i ~ /^[0-9]+\.[0-9]+$/) at = $i }
		/ armed / { armed = at; split($NF, ms, "="); for_s = ms[2] / 1000 }
		/ fired / { fired = 1; if ($NF != "ms=0" || for_s < 0.2 || at - armed < for_s - 0.02) bad = 1 }
		END { exit !(fired && !bad) }'
}

# A sender whose segments are thrown away until its timer has fired, and a segment with a wrong
# checksum on the same connection
trace_lossy() { # FROM TO FAMILY, with brackets FROM TO
	local pid line cookie port isn seq
	echo >$TRACED/trace
	serve xtcp "$2" 9000 1
	b nft -f - <<<'table inet f { chain i { type filter hook prerouting priority -300;
		tcp dport 9000 meta length > 300 drop; }; }' || fail "nft"
	ae ./xfer fetch xtcp "$2" 9000 20000 1 &
	pid=$!
	wait_for traced xtcp_timer 'cookie=[0-9]* which=rexmit action=fired ms=0$' >/dev/null ||
		fail "xtcp_timer: $(cat $TRACED/trace)"
	line=$(traced xtcp_segment_out ".* flags=SYN win")
	grep -q "family=$3 src=$4:[0-9]* dst=$5:9000 .* len=0 state=SYN_SENT$" <<<"$line" ||
		fail "xtcp_segment_out: $line"
	cookie=$(field cookie <<<"$line")
	port=$(field src <<<"$line")
	port=${port##*:}
	isn=$(field seq <<<"$line")
	traced xtcp_segment_in "cookie=$cookie .* flags=SYN|ACK .* len=0 state=SYN_SENT$" >/dev/null ||
		fail "xtcp_segment_in: $(traced xtcp_segment_in)"
	traced xtcp_state "cookie=$cookie .* old=SYN_SENT new=ESTABLISHED reason=segment ms=" >/dev/null ||
		fail "xtcp_state: $(traced xtcp_state)"
	wait_for traced xtcp_retransmit "cookie=$cookie " >/dev/null || fail "xtcp_retransmit"
	a $PYTHON ./rawseg.py "$1" "$port" "$2" 9000 16 1 1 bad || fail "rawseg.py"
	wait_for traced xtcp_drop "family=$3 src=$5:9000 dst=$4:$port reason=TCP_CSUM$" >/dev/null ||
		fail "xtcp_drop: $(traced xtcp_drop)"
	b nft delete table inet f
	wait $pid || fail "fetch"
	server_ok
	while read -r line; do
		grep -q "family=$3 src=$4:$port dst=$5:9000 .* state=FIN_WAIT_1$" <<<"$line" ||
			fail "xtcp_retransmit: $line"
		# behind the SYN: the data, and the 16 bytes before them that say how many
		seq=$((($(field seq <<<"$line") - isn - 1) & 0xffffffff))
		[ $seq -lt 20016 ] && [ "$(field len <<<"$line")" -ge 1 ] &&
			[ $((seq + $(field len <<<"$line"))) -le 20016 ] || fail "isn $isn: $line"
	done <<<"$(traced xtcp_retransmit)"
	traced_timer "$cookie" || fail "xtcp_timer: $(traced xtcp_timer "cookie=$cookie ")"
	traced_cwnd "$cookie" || fail "xtcp_cwnd: $(traced xtcp_cwnd "cookie=$cookie ")"
}

netns_number() { $1 readlink /proc/self/ns/net | tr -dc 0-9; }

# The events of a loss tell of the right connection, in the right state, and what happened
trace_events() {
	local na nb
	net_pair
	only_tcp && return
	na=$(netns_number a)
	nb=$(netns_number b)
	# all is written at once, then shut down: FIN_WAIT_1
	trace_begin xtcp_segment_out "netns == $na" xtcp_segment_in "netns == $na" \
		xtcp_state "netns == $na" xtcp_timer "state == 1 || state == 4" \
		xtcp_retransmit "netns == $na && dport == 9000 && state == 4" \
		xtcp_drop "netns == $nb && sport == 9000" xtcp_cwnd "netns == $na"
	# the debug kernel: one family, by a bit of the seed that neither run.sh nor PAIRS goes by
	on_debug && [ $((XTCP_SEED / 4 % 2)) = 0 ] || trace_lossy $A4 $B4 2 $A4 $B4
	on_debug && [ $((XTCP_SEED / 4 % 2)) = 1 ] || trace_lossy $A6 $B6 10 "\[$A6\]" "\[$B6\]"
}
