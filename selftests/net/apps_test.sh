# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Unmodified programs: by xtcp-run, and Python's asyncio by itself (topology: common.sh).

TESTS+=" asyncio_streams run_curl_nginx run_http_server run_redis run_ssh run_rules run_tells_tcp"
TESTS+=" run_family run_other_family run_log run_fallback run_threads"
NEED_KO+=" run_other_family"

SCRIPTS=${SCRIPTS:-$PWD/scripts}

# run STACK: the command prefix that makes a program use it
run() {
	if [ "$1" = xtcp ] && ! only_tcp; then echo "$SCRIPTS/xtcp-run"; fi
}

asyncio_streams() {
	local proto=253
	net_pair
	only_tcp && proto=6
	a /usr/bin/python3 ./asyncio_peer.py 127.0.0.1 $proto || fail "IPv4"
	a /usr/bin/python3 ./asyncio_peer.py ::1 $proto || fail "IPv6"
}

# used SIDE COUNTER: XTCP's counter is not 0: the program really used it
used() {
	only_tcp && return
	[ "$(xtcp_count "$1" "$2")" -gt 0 ] || fail "$2 of $1 is 0: that was not XTCP"
}

# shellcheck disable=SC2046
run_curl_nginx() {
	local i c s
	net_pair
	need nginx curl
	mkdir "$WORK/www"
	for i in $(seq 50); do
		head -c $((RANDOM * 3 + 1)) /dev/urandom >"$WORK/www/$i"
	done
	(cd "$WORK/www" && sha256sum -- * >"$WORK/sums")
	cat >"$WORK/nginx.conf" <<-END
	user root; daemon off; worker_processes 2; pid $WORK/nginx.pid; error_log $WORK/error.log;
	events { worker_connections 256; }
	http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 20;
	client_body_temp_path $WORK/t; proxy_temp_path $WORK/t; fastcgi_temp_path $WORK/t;
	uwsgi_temp_path $WORK/t; scgi_temp_path $WORK/t;
	server { listen 8080 deferred; listen [::]:8080; root $WORK/www; } }
	END
	for s in xtcp tcp; do
		be $(run $s) nginx -c "$WORK/nginx.conf" &
		SERVER=$!
		for c in xtcp tcp; do
			rm -rf "$WORK/got"
			mkdir "$WORK/got"
			wait_for a $(run $c) curl -sf -o "$WORK/got/1" "http://$B4:8080/1" ||
				fail "$c -> $s: $(cat "$WORK/error.log")"
			(cd "$WORK/got" && a $(run $c) curl -sf --remote-name-all \
				"http://$B4:8080/[2-25]" "http://[$B6]:8080/[26-50]") ||
				fail "$c -> $s"
			(cd "$WORK/got" && sha256sum --quiet -c "$WORK/sums") || fail "$c -> $s: sums"
		done
		kill -QUIT "$(cat "$WORK/nginx.pid")"
		wait $SERVER || fail "nginx ends with $?"
	done
	used a ActiveOpens
	used b PassiveOpens
}

# shellcheck disable=SC2046
run_http_server() {
	local pid
	net_pair
	head -c 3000000 /dev/urandom >"$WORK/file"
	be $(run xtcp) /usr/bin/python3 -m http.server 8000 -d "$WORK" >"$WORK/log" 2>&1 &
	pid=$!
	wait_for a $(run xtcp) curl -sf -o "$WORK/got" "http://$B4:8000/file" ||
		fail "$(cat "$WORK/log")"
	cmp "$WORK/got" "$WORK/file" || fail "contents"
	kill $pid
	wait $pid
	used a ActiveOpens
	used b PassiveOpens
}

pong() { a "$@" 2>/dev/null | grep -q PONG; }

# shellcheck disable=SC2046
run_redis() {
	local pid n
	net_pair
	need redis-server redis-cli
	be $(run xtcp) redis-server --port 6379 --bind $B4 --save "" --dir "$WORK" \
		--protected-mode no >"$WORK/log" 2>&1 &
	pid=$!
	wait_for pong $(run xtcp) redis-cli -h $B4 ping || fail "$(cat "$WORK/log")"
	for n in $(seq 500); do
		echo "INCR counter"
	done | a $(run xtcp) redis-cli -h $B4 >/dev/null || fail "redis-cli"
	[ "$(a $(run tcp) redis-cli -h $B4 get counter)" = 500 ] || fail "the counter is wrong"
	a $(run xtcp) redis-cli -h $B4 shutdown nosave
	wait $pid
	used a ActiveOpens
	used b PassiveOpens
}

# shellcheck disable=SC2046
run_ssh() {
	local pid
	net_pair
	need ssh ssh-keygen
	[ -x /usr/sbin/sshd ] || fail "sshd is missing"
	mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/host" && ssh-keygen -q -t ed25519 -N '' -f "$WORK/me"
	cp "$WORK/me.pub" "$WORK/authorized"
	chmod 700 "$WORK"
	cat >"$WORK/sshd_config" <<-END
	Port 2222
	HostKey $WORK/host
	AuthorizedKeysFile $WORK/authorized
	StrictModes no
	UsePAM no
	PermitRootLogin yes
	PidFile none
	END
	be $(run xtcp) /usr/sbin/sshd -D -e -f "$WORK/sshd_config" 2>"$WORK/log" &
	pid=$!
	wait_for grep -q listening "$WORK/log" || fail "$(cat "$WORK/log")"
	head -c 500000 /dev/urandom >"$WORK/file"
	a $(run xtcp) ssh -q -i "$WORK/me" -p 2222 -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o BatchMode=yes root@$B4 cat <"$WORK/file" \
		>"$WORK/got" || fail "$(cat "$WORK/log")"
	cmp "$WORK/file" "$WORK/got" || fail "contents"
	kill $pid
	wait $pid
	used a ActiveOpens
	used b PassiveOpens
}

# --only: the connect goes by XTCP to one port and by the kernel's TCP to the other
run_rules() {
	local n
	net_pair
	only_tcp && return
	serve tcp $B4 9000 2
	a "$SCRIPTS/xtcp-run" --only connect:9999 ./xfer fetch tcp $B4 9000 1000 1 || fail "not 9000"
	n=$(xtcp_count a ActiveOpens)
	[ "$n" = 0 ] || fail "port 9000 should have been left to TCP"
	a "$SCRIPTS/xtcp-run" --only "listen;connect:9000" ./xfer fetch tcp $B4 9000 1000 1 ||
		fail "9000"
	n=$(xtcp_count a ActiveOpens)
	[ "$n" = 1 ] || fail "port 9000 should have been XTCP: $n"
	server_ok
	# options go along with the socket
	a "$SCRIPTS/xtcp-run" --only connect:1 /usr/bin/python3 -B ./runopts.py ||
		fail "options of a socket that went back"
}

# --family: a socket of family AF_XTCP talks both IPs until it has an address
run_family() {
	local pid
	net_pair
	only_tcp && return
	a "$SCRIPTS/xtcp-run" --family /usr/bin/python3 -c '
import socket
s = socket.socket()
assert s.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) == socket.AF_INET6, "not of AF_XTCP"
assert s.getsockopt(253, 1) == 6        # XTCP_WIRE_PROTOCOL: it is one of XTCP
s.bind(("127.0.0.1", 0))
assert s.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) == socket.AF_INET
' || fail "what the socket is"
	be "$SCRIPTS/xtcp-run" --family ./xfer serve tcp $B4 9000 2 "$WORK/ready" &
	pid=$!
	wait_for test -e "$WORK/ready" || fail "the server does not start"
	a "$SCRIPTS/xtcp-run" --family ./xfer fetch tcp $B4 9000 100000 1 || fail "both of AF_XTCP"
	a ./xfer fetch tcp $B4 9000 100000 1 || fail "the server of AF_XTCP"
	wait $pid || fail "the server"
	[ "$(xtcp_count a ActiveOpens)" = 1 ] || fail "ActiveOpens: $(xtcp_count a ActiveOpens)"
	[ "$(xtcp_count b PassiveOpens)" = 2 ] || fail "PassiveOpens: $(xtcp_count b PassiveOpens)"
}

# load_with PARAMETER...: the module, unloaded and loaded
load_with() {
	wait_for rmmod xtcp || fail "rmmod"
	insmod "$KO" "$@" || fail "insmod $*"
}

# What the machine began with
load_again() {
	[ ! -d /sys/kernel/xtcp ] || wait_for rmmod xtcp
	insmod "$KO"
}

family_is() { # NUMBER BEFORE
	[ "$(cat /sys/kernel/xtcp/family)" = "$1" ] || fail "the family is $(cat /sys/kernel/xtcp/family)"
	a env "XTCP_RUN_FAMILY=$2" "$SCRIPTS/xtcp-run" --family /usr/bin/python3 -c '
import os, socket, sys
s = socket.socket()
assert s.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) == socket.AF_INET6, "not of AF_XTCP"
assert s.getsockopt(253, 1) == 6        # XTCP_WIRE_PROTOCOL: it is one of XTCP
assert os.environ["XTCP_RUN_FAMILY"] == sys.argv[1]
' "$1" || fail "family $1"
}

# --family: whichever number the module was given; what another xtcp-run found before is of no account
run_other_family() {
	net_pair
	only_tcp && return
	[ -n "$KO" ] || fail "no xtcp.ko (XTCP_KO)"
	NET_UNDO=load_again
	load_with family=30
	family_is 30 22
	serve tcp $B4 9000 1
	a "$SCRIPTS/xtcp-run" --family ./xfer fetch tcp $B4 9000 100000 1 || fail "family 30"
	server_ok
	[ "$(xtcp_count a ActiveOpens)" = 1 ] || fail "ActiveOpens: $(xtcp_count a ActiveOpens)"
	load_with
	family_is 22 30
	# where it can't be read, that is said, and nothing is run
	unshare -m sh -c 'mount -t tmpfs none /sys/kernel/xtcp && exec "$@"' - \
		"$SCRIPTS/xtcp-run" --family echo ran >"$WORK/out" 2>"$WORK/log" &&
		fail "without the file"
	[ ! -s "$WORK/out" ] && grep -q "^xtcp-run: --family: can't read /sys/kernel/xtcp/family" \
		"$WORK/log" || fail "without the file: $(cat "$WORK/out" "$WORK/log")"
}

# A program's threads connect, change the environment, and make children, all at the same time
run_threads() {
	local said counts
	net_pair
	only_tcp && return
	# four workers' 60 connections and 60 of children
	said=$(a "$SCRIPTS/xtcp-run" ./threads 127.0.0.1 4 60) || fail "$said"
	[ "$said" = "300 0" ] || fail "connections of XTCP and of TCP: $said"
	counts="$(xtcp_count a ActiveOpens) $(xtcp_count a PassiveOpens)"
	[ "$counts" = "300 300" ] || fail "XTCP's counters: $counts"
	# every second one goes to a port that the rules leave to the kernel's TCP
	said=$(a "$SCRIPTS/xtcp-run" --only "listen:9000;connect:9000" ./threads ::1 4 60 mixed) ||
		fail "mixed: $said"
	[ "$said" = "150 150" ] || fail "mixed: connections of XTCP and of TCP: $said"
	counts="$(xtcp_count a ActiveOpens) $(xtcp_count a PassiveOpens)"
	[ "$counts" = "450 450" ] || fail "mixed: XTCP's counters: $counts"
}

# --log: a line on standard error for each socket, and for each that goes back; nothing without
run_log() {
	local said sockets='
import socket, sys
for f in (socket.AF_INET, socket.AF_INET6):
    print(socket.socket(f).fileno())
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind(("127.0.0.1", 0))
s = socket.socket()
s.bind(("127.0.0.1", 7777))
print(s.fileno())'
	net_pair
	only_tcp && return
	said=$(a "$SCRIPTS/xtcp-run" --only connect /usr/bin/python3 -c "$sockets" 2>&1 >"$WORK/out") ||
		fail "$said"
	[ -z "$said" ] || fail "without --log: $said"
	said=$(a "$SCRIPTS/xtcp-run" --log --only connect /usr/bin/python3 -c "$sockets" \
		2>&1 >"$WORK/out") || fail "$said"
	[ "$said" = "xtcp-run: socket(inet) = $(sed -n 1p "$WORK/out")
xtcp-run: socket(inet6) = $(sed -n 2p "$WORK/out")
xtcp-run: socket(inet) = $(sed -n 3p "$WORK/out")
xtcp-run: $(sed -n 3p "$WORK/out") stays with the kernel's TCP" ] || fail "--log: $said"
	# without a standard error its number is the program's first socket's, which gets no such line
	serve tcp $B4 9000 1
	a sh -c 'exec "$@" 2>&-' - "$SCRIPTS/xtcp-run" --log ./xfer fetch tcp $B4 9000 1000 1 ||
		fail "--log without standard error: $?"
	server_ok
}

tcp_opens() { a awk '/^Tcp:/ { n = $6 } END { print n }' /proc/net/snmp; }

# --fallback: where XTCP's sockets may not be had the kernel's TCP serves, else it is an error
run_fallback() {
	local before
	net_pair
	only_tcp && return
	serve tcp $B4 9000 2
	a sh -c 'echo 1 0 >/proc/sys/net/xtcp/create_group_range' || fail "create_group_range"
	before=$(tcp_opens)
	a "$SCRIPTS/xtcp-run" ./xfer fetch tcp $B4 9000 1000 1 2>"$WORK/log" &&
		fail "a socket that may not be had"
	grep -q 'Permission denied' "$WORK/log" || fail "the error: $(cat "$WORK/log")"
	[ "$(tcp_opens)" = "$before" ] || fail "the kernel's TCP without being asked"
	a "$SCRIPTS/xtcp-run" --fallback ./xfer fetch tcp $B4 9000 1000 1 || fail "--fallback"
	[ "$(tcp_opens)" = $((before + 1)) ] || fail "not by the kernel's TCP"
	# and it is only for that
	a sh -c 'echo 0 2147483647 >/proc/sys/net/xtcp/create_group_range' || fail "create_group_range"
	a "$SCRIPTS/xtcp-run" --fallback ./xfer fetch tcp $B4 9000 1000 1 || fail "--fallback"
	[ "$(tcp_opens)" = $((before + 1)) ] || fail "the kernel's TCP without need"
	[ "$(xtcp_count a ActiveOpens)" = 1 ] || fail "ActiveOpens: $(xtcp_count a ActiveOpens)"
	server_ok
}

run_tells_tcp() {
	net_pair
	only_tcp && return
	a "$SCRIPTS/xtcp-run" /usr/bin/python3 -c '
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
assert s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL) == socket.IPPROTO_TCP
assert s.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) == socket.AF_INET6
assert s.getsockopt(253, 1) == 6        # XTCP_WIRE_PROTOCOL: it is one of XTCP
' || fail "what the program is told"
	[ "$(a "$SCRIPTS/xtcp-run" sh -c 'exit 7'; echo $?)" = 7 ] || fail "exit status"
}
