// SPDX-License-Identifier: GPL-2.0-only
/* S10, MUST-13, RFC 6191, RFC 1337: TIME_WAIT. */
#define _GNU_SOURCE
#include "wire.h"

#define TOPIC "timewait"

/* A debug kernel takes some ten milliseconds to close and to be asked, in virtual time too. */
static uint64_t slack(uint64_t ms)
{
	const char *kernel = getenv("XTCP_KERNEL");
	bool debug = kernel && !strcmp(kernel, "debug");

	return is_xtcp() ? ms / 400 + (debug ? 40 : 15) : ms / 8 + 1000;
}

/* S10, MUST-13: 2MSL, 60 s, and silence when it ends. */
static void sixty_seconds(void)
{
	struct conn *c = in_time_wait();

	near(wait_gone(c, 100000), 60000, slack(60000));
	quiet(c);
}

static void from_closing(void)
{
	struct conn *c = in_closing(.close = true);

	inject(c, ACK, 2, 2);
	quiet(c);
	state_is(c, TCP_TIME_WAIT);
	mark_last(c);
	near(wait_gone(c, 100000), 60000, slack(60000));
}

static void restarted(void)
{
	struct conn *c = in_time_wait();

	pass_quietly(c, 40000);
	inject(c, FIN | ACK, 1, 2);
	expect(c, ACK, 2, 2);
	mark_last(c);
	near(wait_gone(c, 100000), 60000, slack(60000));
}

/*
 * An ACK of the peer that changes nothing does not prolong it; the kernel's
 * TCP lets it, too.
 */
static void not_restarted(void)
{
	struct conn *c = in_time_wait();

	pass_quietly(c, 40000);
	inject(c, ACK, 2, 2);
	fence();
	drop_pending();
	near(wait_gone(c, 100000), 60000, slack(60000));
}

/* From FIN_WAIT_2: an entry is made, however short its life, and lives for two MSL. */
static void gone_after(struct conn *c, int msl)
{
	long made = xtcp_counter("TwsMade");

	inject(c, FIN | ACK, 1, 2);
	expect(c, ACK, 2, 2);
	mark_last(c);
	near(wait_gone(c, 4 * msl + 1000), 2 * msl, slack(2 * msl));
	check_eq(xtcp_counter("TwsMade"), made + 1);
}

/* msl_ms over its range, as the namespace's knob. */
static void msl_range(void)
{
	static const int msl[] = { 1, 5, 50, 250, 1000, 15000, 30000, 120000,
				   240000 };
	struct conn *c;
	unsigned int i;

	for (i = 0; i < sizeof(msl) / sizeof(msl[0]); i++) {
		knob("msl_ms", msl[i]);
		c = in_fin_wait_2(.close = true);
		gone_after(c, msl[i]);
	}
}

static int msl_option;

static void tune_msl(int fd)
{
	set_int(fd, SOL_XTCP, XTCP_MSL_MS, msl_option);
}

static void msl_by_socket(void)
{
	static const int msl[] = { 1, 20, 500, 7000, 240000 };
	struct conn *c;
	unsigned int i;

	for (i = 0; i < sizeof(msl) / sizeof(msl[0]); i++) {
		msl_option = msl[i];
		c = in_fin_wait_2(.close = true, .tune = tune_msl);
		gone_after(c, msl[i]);
	}
}

static void msl_short(void)
{
	struct conn *c;

	knob("msl_ms", 50);
	c = in_fin_wait_2(.close = true);
	inject(c, FIN | ACK, 1, 2);
	expect(c, ACK, 2, 2);
	mark_last(c);
	check(wait_gone(c, 5000) >= 90, "gone after %d ms", (int)since_ms(c));
}

static void msl_bounds(void)
{
	int fd = stack_socket(), v;

	set_int(fd, SOL_XTCP, XTCP_MSL_MS, 240000);
	check_eq(get_int(fd, SOL_XTCP, XTCP_MSL_MS), 240000);
	v = 240001;
	sys_err(setsockopt(fd, SOL_XTCP, XTCP_MSL_MS, &v, sizeof(v)), EINVAL);
	v = 0;
	sys_err(setsockopt(fd, SOL_XTCP, XTCP_MSL_MS, &v, sizeof(v)), EINVAL);
	check_eq(get_int(fd, SOL_XTCP, XTCP_MSL_MS), 240000);
}

/* RFC 6191: a new SYN with a later timestamp opens anew. */
static void again(struct conn *c)
{
	c->iss = 0;
	c->rcv = 0;
	expect(c, SYN | ACK, 0, 1);
	state_is(c, TCP_SYN_RECV);
	inject(c, ACK, 1, 1);
	do_accept(c);
	state_is(c, TCP_ESTABLISHED);
}

static void syn_later_timestamp(void)
{
	struct conn *c = in_time_wait();

	c->irs -= 1000000;	/* the number alone would not do */
	inject(c, SYN, 0, 0, .mss = 1460, .set_ts = true,
	       .tsval = c->ts_base + (uint32_t)(now_ns() / MSEC) + 3000);
	c->ts_base += 3000;
	again(c);
}

static void syn_later_number(void)
{
	struct conn *c = in_time_wait(.no_ts = true);

	c->irs += 1000000;
	inject(c, SYN, 0, 0, .mss = 1460);
	again(c);
}

/* The number the stack starts with is above all it ever sent. */
static void syn_own_number(void)
{
	struct conn *c = in_time_wait(.no_ts = true);
	uint32_t old = c->iss + 2;

	c->irs += 1000000;
	inject(c, SYN, 0, 0, .mss = 1460);
	again(c);
	check((int32_t)(c->iss - old) > 0, "the new number is not above");
}

static void syn_old(void)
{
	struct conn *c = in_time_wait(.no_ts = true);

	inject(c, SYN, -5000, 0, .mss = 1460);
	expect(c, ACK, 2, 2);
	state_is(c, TCP_TIME_WAIT);
	c = in_time_wait();
	inject(c, SYN, -5000, 0, .mss = 1460, .ts = true, .set_ts = true,
	       .tsval = c->ts_base + (uint32_t)(now_ns() / MSEC) - 100000);
	expect(c, ACK, 2, 2);
	state_is(c, TCP_TIME_WAIT);
}

/* Nobody listens any more: RFC 9293 3.10.7.4 has only an ACK for it. */
static void syn_no_listener(void)
{
	struct conn *c = in_time_wait(.no_ts = true);

	close(c->lfd);
	inject(c, SYN, 1000000, 0, .mss = 1460);
	expect(c, ACK, 2, 2);
	state_is(c, TCP_TIME_WAIT);
}

/* RFC 1337: RST must not end TIME_WAIT. */
static void assassination(void)
{
	struct conn *c;

	knob("rfc1337", 1);
	c = in_time_wait();
	inject(c, RST, 2, 0);
	quiet(c);
	state_is(c, TCP_TIME_WAIT);
	knob("rfc1337", 0);
	c = in_time_wait();
	inject(c, RST, 2, 0);
	quiet(c);
	gone(c);
}

/* Old data is answered with an ACK, which is what RFC 1337 is about. */
static void old_data(void)
{
	struct conn *c = in_time_wait();

	inject(c, ACK, 1, 2, .len = 100);
	c->snd = 2;
	expect(c, ACK, 2, 2);
	state_is(c, TCP_TIME_WAIT);
}

static void bare_ack(void)
{
	struct conn *c = in_time_wait();

	inject(c, ACK, 2, 2);
	quiet(c);
	state_is(c, TCP_TIME_WAIT);
}

/* RFC 7323 5: PAWS holds here too. */
static void paws(void)
{
	struct conn *c = in_time_wait();

	inject(c, FIN | ACK, 1, 2, .set_ts = true,
	       .tsval = c->ts_base + (uint32_t)(now_ns() / MSEC) - 100000,
	       .tsecr = c->ts_recent);
	expect(c, ACK, 2, 2);
	state_is(c, TCP_TIME_WAIT);
}

static void tune_reuse(int fd)
{
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
}

/* The own port in TIME_WAIT: bind() needs SO_REUSEADDR, a listener does. */
static void bind_again(void)
{
	struct conn *c = in_time_wait(.active = true, .lport = 1999,
				      .tune = tune_reuse);
	struct sockaddr_storage ss;
	int fd = stack_socket(), len;

	len = addr_fill(&ss, NULL, c->lport);
	sys_err(bind(fd, (void *)&ss, len), EADDRINUSE);
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	sys(bind(fd, (void *)&ss, len));
	close(fd);
}

/* One port to choose from, and it is in TIME_WAIT with this very peer. */
static int connect_again(const struct conn *old)
{
	struct sockaddr_storage ss;
	int fd = stack_socket();
	int len = addr_fill(&ss, addr_peer(), old->pport);

	if (!connect(fd, (void *)&ss, len) || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

static struct conn *only_port(void)
{
	struct conn *c;

	put_file(is_xtcp() ? "/proc/sys/net/xtcp/ip_local_port_range" :
		 "/proc/sys/net/ipv4/ip_local_port_range", "61000 61000");
	c = in_time_wait(.active = true);
	check_eq(c->lport, 61000);
	return c;
}

/* connect() over one's own TIME_WAIT with tw_reuse, after a second. */
static void reuse(void)
{
	struct conn *c;
	struct seg *s;
	uint32_t old;
	int fd;

	knob("tw_reuse", 1);
	c = only_port();
	old = c->ts_base + (uint32_t)(now_ns() / MSEC) - 1000;
	pass_quietly(c, 2500);
	fd = connect_again(c);
	check(fd >= 0, "connect(): %s", strerror(errno));
	c->fd = fd;
	c->irs += 100000;
	c->iss = 0;
	c->rcv = 0;
	c->snd = 0;
	s = expect(c, SYN, 0, 0);
	check(!is_xtcp() || !s->o.tsecr, "an echo without ACK");	/* RFC 7323 3.2 */
	/* The old connection's SYN, late: PAWS */
	inject(c, SYN, (uint32_t)-100000, 0, .mss = 1460, .ws = 1, .sackok = true, .ts = true,
	       .set_ts = true, .tsval = old);
	quiet(c);
	state_is(c, TCP_SYN_SENT);
	peer_syn_ack(c, HOW());
	expect(c, ACK, 1, 1);
	state_is(c, TCP_ESTABLISHED);
}

static void no_reuse(void)
{
	struct conn *c;

	knob("tw_reuse", 0);
	c = only_port();
	check(connect_again(c) < 0, "connect() took a port in TIME_WAIT");
	check_eq(errno, EADDRNOTAVAIL);
	quiet(c);
}

/* Not on a real network. */
static void no_reuse_abroad(void)
{
	struct conn *c;

	knob("tw_reuse", 2);
	c = only_port();
	pass_quietly(c, 2500);
	check(connect_again(c) < 0, "connect() took a port in TIME_WAIT");
	check_eq(errno, EADDRNOTAVAIL);
	quiet(c);
}

static int connect_to(const struct conn *c, const void *addr)
{
	struct sockaddr_storage ss;
	int fd = stack_socket();
	int len = addr_fill(&ss, addr, c->pport);

	if (connect(fd, (void *)&ss, len) && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	check(wait_fd(fd, POLLOUT, 5000), "connect() does not end");
	check_eq(so_error(fd), 0);
	return fd;
}

/* A connection over lo: the client closes first, and has the TIME_WAIT. */
static void loopback_round(struct conn *c, const void *addr)
{
	int fd = connect_to(c, addr), state;

	check(fd >= 0, "connect(): %s", strerror(errno));
	check(wait_fd(c->lfd, POLLIN, 5000), "nothing to accept");
	c->fd = sys(accept4(c->lfd, NULL, NULL, SOCK_CLOEXEC));
	sys(shutdown(fd, SHUT_WR));
	check(wait_fd(c->fd, POLLIN, 5000), "the end does not come");
	sys(close(c->fd));
	c->fd = -1;
	check(wait_fd(fd, POLLIN, 5000), "the other end does not come");
	sys(close(fd));
	mark(c);
	while (!proc_state(c, &state) || state != TCP_TIME_WAIT) {
		check(since_ms(c) < 5000, "no TIME_WAIT");
		poll(NULL, 0, 1);
	}
}

static void reuse_on_loopback(void)
{
	struct conn *c = conn_new();
	struct sockaddr_storage ss;
	uint8_t addr[16];
	int len;

	inet_pton(w.family, is_v6() ? "::1" : "127.0.0.1", addr);
	put_file(is_xtcp() ? "/proc/sys/net/xtcp/ip_local_port_range" :
		 "/proc/sys/net/ipv4/ip_local_port_range", "61000 61000");
	c->lport = 61000;
	c->pport = 7000;
	c->lfd = stack_socket();
	len = addr_fill(&ss, addr, c->pport);
	sys(bind(c->lfd, (void *)&ss, len));
	sys(listen(c->lfd, 10));
	loopback_round(c, addr);
	pass_quietly(c, 2500);
	knob("tw_reuse", 0);
	check(connect_to(c, addr) < 0, "connect() took a port in TIME_WAIT");
	check_eq(errno, EADDRNOTAVAIL);
	knob("tw_reuse", 2);
	loopback_round(c, addr);
}

/* Beyond max_tw_sockets a connection ends without TIME_WAIT. */
static void too_many(void)
{
	struct conn *a, *b;

	knob("max_tw_sockets", 1);
	a = in_time_wait();
	b = in_fin_wait_2();
	inject(b, FIN | ACK, 1, 2);
	expect(b, ACK, 2, 2);
	gone(b);
	sys(close(b->fd));
	b->fd = -1;
	check(!is_xtcp() || xtcp_counter("TimeWaitOverflow") == 1, "%ld counted",
	      xtcp_counter("TimeWaitOverflow"));
	inject(b, FIN | ACK, 1, 2);
	expect(b, RST, 2, 0);
	state_is(a, TCP_TIME_WAIT);
	knob("max_tw_sockets", 2);
	in_time_wait();
	state_is(a, TCP_TIME_WAIT);
}

static void transparent(int fd)
{
	set_int(fd, IPPROTO_IP, IP_TRANSPARENT, 1);
}

/* A listener that nftables' tproxy found for the connection is asked for the next one, too */
static void reopened_by_tproxy(void)
{
	struct conn *c = in_listen(.tune = transparent);
	char cmd[256];
	struct seg *s;

	snprintf(cmd, sizeof(cmd), "nft 'add table ip t; add chain ip t p { %s; }; %s:%d accept'",
		 "type filter hook prerouting priority mangle",
		 "add rule ip t p ip protocol tcp tproxy to ", c->lport);
	check_eq(system(cmd), 0);
	c->lport++;
	peer_syn(c, HOW());
	expect(c, SYN | ACK, 0, 1);
	inject(c, ACK, 1, 1);
	do_accept(c);
	sys(close(c->fd));
	c->fd = -1;
	expect(c, FIN | ACK, 1, 1);
	inject(c, ACK, 1, 2);
	inject(c, FIN | ACK, 1, 2);
	expect(c, ACK, 2, 2);
	inject(c, SYN, 100000, 0, .mss = 1460, .sackok = true, .ts = true, .ws = 1);
	s = next_seg(c, 2000);
	check(s, "no answer");
	check_eq(s->flags, SYN | ACK);
	check_eq(s->ack - c->irs, 100001);
}

const struct row timewait_rows[] = {
	ROW(ROW_CORE | ROW_LONG, "S10 MUST-13 60 s, then nothing",
	    sixty_seconds),
	ROW(ROW_LONG, "S10 the same from CLOSING", from_closing),
	ROW(ROW_CORE | ROW_LONG, "S10 a repeated FIN restarts it", restarted),
	ROW(ROW_LONG | ROW_XTCP, "S10 a bare ACK does not restart it", not_restarted),
	ROW(ROW_CORE | ROW_LONG | ROW_XTCP, "MUST-13 msl_ms from 1 to 240000",
	    msl_range),
	ROW(ROW_LONG | ROW_XTCP, "MUST-13 XTCP_MSL_MS from 1 to 240000",
	    msl_by_socket),
	ROW(ROW_XTCP, "MUST-13 msl_ms 50", msl_short),
	ROW(ROW_XTCP, "MUST-13 XTCP_MSL_MS is bounded", msl_bounds),
	ROW(ROW_CORE, "RFC 6191 a SYN with a later timestamp",
	    syn_later_timestamp),
	ROW(0, "RFC 6191 a SYN with a later number", syn_later_number),
	ROW(ROW_V4, "RFC 6191 a SYN for a listener of tproxy's", reopened_by_tproxy),
	ROW(0, "RFC 6191 the own initial number is above the last",
	    syn_own_number),
	ROW(0, "RFC 6191 an old SYN is acknowledged", syn_old),
	ROW(0, "RFC 6191 a new SYN for no listener", syn_no_listener),
	ROW(ROW_CORE, "RFC 1337 RST in TIME_WAIT, as rfc1337 says",
	    assassination),
	ROW(0, "RFC 1337 old data is answered", old_data),
	ROW(0, "S10 a bare ACK is not answered", bare_ack),
	ROW(0, "RFC 7323 PAWS in TIME_WAIT", paws),
	ROW(0, "S10 the port in TIME_WAIT and SO_REUSEADDR", bind_again),
	ROW(ROW_VT, "RFC 6191 connect() with tw_reuse 1", reuse),
	ROW(0, "RFC 6191 connect() with tw_reuse 0", no_reuse),
	ROW(ROW_VT, "RFC 6191 connect() with tw_reuse 2", no_reuse_abroad),
	ROW(ROW_VT, "RFC 6191 connect() with tw_reuse 2 on loopback", reuse_on_loopback),
	ROW(0, "S10 max_tw_sockets", too_many),
	{ NULL }
};
