// SPDX-License-Identifier: GPL-2.0-only
/* S1-S7, S12: how connections come to be, and how attempts fail. */
#include "loss.h"
#include "wire.h"

#define TOPIC "handshake"

/* S1: state by state, each constructor verifies one segment and one state. */
static void passive(void)
{
	struct conn *c = in_listen();

	peer_syn(c, HOW());
	expect(c, SYN | ACK, 0, 1);
	state_is(c, TCP_SYN_RECV);
	check(!wait_fd(c->lfd, POLLIN, 0), "half-open, yet to be accepted");
	inject(c, ACK, 1, 1);
	quiet(c);
	state_is(c, TCP_ESTABLISHED);
	do_accept(c);
	state_is(c, TCP_ESTABLISHED);
}

static void active(void)
{
	struct conn *c = in_syn_sent();

	check(!(poll_now(c->fd) & POLLOUT), "writable before the answer");
	peer_syn_ack(c, HOW());
	expect(c, ACK, 1, 1);
	state_is(c, TCP_ESTABLISHED);
	poll_is(c->fd, POLLOUT);
	check_eq(so_error(c->fd), 0);
}

/* S2: SYN and FIN take one number each, data one for each byte. */
static void numbers(void)
{
	struct conn *c = in_established();

	write_stream(c, 10);
	expect(c, ACK, 1, 1, .len = 10);
	inject(c, ACK, 1, 11, .len = 20);
	expect(c, ACK, 11, 21);
	read_stream(c, 20);
	inject(c, FIN | ACK, 21, 11);
	expect(c, ACK, 11, 22);
	sys(shutdown(c->fd, SHUT_WR));
	expect(c, FIN | ACK, 11, 22);
	inject(c, ACK, 22, 12);
	quiet(c);
	gone(c);
}

/* Numbers that pass 2^32 in the middle of the exchange. */
static void wraps(void)
{
	struct conn *c = in_listen();

	c->irs = 0xfffffffe;
	peer_syn(c, HOW());
	expect(c, SYN | ACK, 0, 1);
	inject(c, ACK, 1, 1, .len = 100);
	expect(c, ACK, 1, 101);
	do_accept(c);
	read_stream(c, 100);
	inject(c, FIN | ACK, 101, 1);
	expect(c, ACK, 1, 102);
	state_is(c, TCP_CLOSE_WAIT);
}

static void lost_syn_once(void)
{
	struct conn *c = in_syn_sent();

	expect(c, SYN, 0, 0, .at_ms = 1000);
	state_is(c, TCP_SYN_SENT);
	peer_syn_ack(c, HOW());
	expect(c, ACK, 1, 1);
	state_is(c, TCP_ESTABLISHED);
	check_eq(so_error(c->fd), 0);
}

static void lost_syn_all(void)
{
	static const int at[] = { 1, 3, 7, 15, 31, 63 };
	struct conn *c = in_syn_sent();
	unsigned int i;

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		expect(c, SYN, 0, 0, .at_ms = at[i] * 1000,
		       .slack_ms = lateness(at[i] * 1000),
		       .within_ms = 75000);
	check(wait_fd(c->fd, POLLOUT, 100000), "connect() never ends");
	near(since_ms(c), 127000, lateness(127000));
	check_eq(so_error(c->fd), ETIMEDOUT);
	quiet(c);
	gone(c);
}

static void syncnt(void)
{
	struct conn *c;

	knob("syn_retries", 1);
	c = in_syn_sent();
	expect(c, SYN, 0, 0, .at_ms = 1000);
	check(wait_fd(c->fd, POLLOUT, 10000), "connect() never ends");
	near(since_ms(c), 3000, lateness(3000));
	check_eq(so_error(c->fd), ETIMEDOUT);
}

static void tune_syncnt2(int fd)
{
	set_int(fd, IPPROTO_TCP, TCP_SYNCNT, 2);
}

static void syncnt_option(void)
{
	struct conn *c = in_syn_sent(.tune = tune_syncnt2);

	expect(c, SYN, 0, 0, .at_ms = 1000);
	expect(c, SYN, 0, 0, .at_ms = 3000);
	check(wait_fd(c->fd, POLLOUT, 10000), "connect() never ends");
	near(since_ms(c), 7000, lateness(7000));
	check_eq(so_error(c->fd), ETIMEDOUT);
}

static void tune_budget(int fd)
{
	set_int(fd, SOL_XTCP, XTCP_SYN_BUDGET_MS, 5000);
}

static void syn_budget(void)
{
	struct conn *c = in_syn_sent(.tune = tune_budget);

	expect(c, SYN, 0, 0, .at_ms = 1000);
	expect(c, SYN, 0, 0, .at_ms = 3000);
	check(wait_fd(c->fd, POLLOUT, 20000), "connect() never ends");
	check(since_ms(c) >= 4990 && since_ms(c) <= 5100,
	      "given up after %d ms, not 5 s", (int)since_ms(c));
	check_eq(so_error(c->fd), ETIMEDOUT);
}

/* The client resets what an old duplicate had begun; its own attempt, by @number, succeeds. */
static void old_syn_reset(struct conn *c, uint32_t number)
{
	inject(c, RST, 1, 0);
	quiet(c);
	gone(c);
	check(!wait_fd(c->lfd, POLLIN, 0), "something to accept");
	c->irs += number;
	c->iss = 0;
	c->rcv = 0;
	peer_syn(c, HOW());
	expect(c, SYN | ACK, 0, 1);
	inject(c, ACK, 1, 1);
	do_accept(c);
	state_is(c, TCP_ESTABLISHED);
}

/* S4, server: an old duplicate is acknowledged, and that is reset. */
static void old_syn_server(void)
{
	old_syn_reset(in_syn_recv(), 100000);
}

/* The same, found out by the real SYN of the pair, which comes while the old one is half open. */
static void old_syn_beside(void)
{
	struct conn *c = in_syn_recv();

	inject(c, SYN, 1 << 30, 0, .mss = 1460);
	expect(c, ACK, 1, 1);
	old_syn_reset(c, 1 << 30);
}

/* S4, client: an ACK of what was not sent is reset, the attempt lives on. */
static void old_syn_client(void)
{
	struct conn *c = in_syn_sent();
	struct seg *s;

	inject(c, SYN | ACK, 0, 5000, .mss = 1460);
	c->snd = 0;
	s = expect(c, RST, 5000, 0, .any = ANY_ACK);
	check_eq(s->flags & ACK, 0);
	state_is(c, TCP_SYN_SENT);
	peer_syn_ack(c, HOW());
	expect(c, ACK, 1, 1);
	state_is(c, TCP_ESTABLISHED);
}

static void lost_synack_once(void)
{
	struct conn *c = in_syn_recv();

	mark_last(c);
	expect(c, SYN | ACK, 0, 1, .at_ms = 1000);
	inject(c, ACK, 1, 1);
	do_accept(c);
	state_is(c, TCP_ESTABLISHED);
}

static void dup_syn(void)
{
	struct conn *c = in_syn_recv();
	struct conn other;
	int i;

	for (i = 0; i < 3; i++) {
		peer_syn(c, HOW());
		expect(c, SYN | ACK, 0, 1);
		state_is(c, TCP_SYN_RECV);
	}
	inject(c, ACK, 1, 1);
	do_accept(c);
	other = *c;
	sys_err(accept(c->lfd, NULL, NULL), EAGAIN);
	state_is(&other, TCP_ESTABLISHED);
}

static void lost_synack_all(void)
{
	static const int at[] = { 1, 3, 7, 15, 31 };
	struct conn *c = in_syn_recv();
	unsigned int i;

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		expect(c, SYN | ACK, 0, 1, .at_ms = at[i] * 1000,
		       .slack_ms = lateness(at[i] * 1000),
		       .within_ms = 75000);
	state_is(c, TCP_SYN_RECV);
	pass_quietly(c, 63000 + lateness(63000));
	gone(c);
	inject(c, ACK, 1, 1, .len = 10);	/* S6: it comes too late */
	expect(c, RST, 1, 0);
	check(!wait_fd(c->lfd, POLLIN, 0), "something to accept");
}

static void lost_third_ack_data(void)
{
	struct conn *c = in_syn_recv();

	inject(c, ACK, 1, 1, .len = 100);
	expect(c, ACK, 1, 101);
	do_accept(c);
	read_stream(c, 100);
	state_is(c, TCP_ESTABLISHED);
}

static void lost_third_ack_fin(void)
{
	struct conn *c = in_syn_recv();

	inject(c, FIN | ACK, 1, 1);
	expect(c, ACK, 1, 2);
	do_accept(c);
	read_eof(c);
	state_is(c, TCP_CLOSE_WAIT);
}

#define FLOOD 64

static int syn_flood(struct conn *l, struct conn **peers)
{
	int i, answers = 0;
	struct seg *s;

	for (i = 0; i < FLOOD; i++) {
		peers[i] = listener_peer(l);
		peers[i]->pport = 20000 + i;
		peer_syn(peers[i], HOW());
		fence();
		s = next_pending(peers[i]);
		if (!s)
			continue;
		check_eq(s->flags, SYN | ACK);
		check_eq(s->ack - peers[i]->irs, 1);
		peers[i]->iss = s->seq;
		peers[i]->ts_recent = s->o.tsval;
		peers[i]->rcv = 1;
		answers++;
	}
	return answers;
}

static struct conn *small_listener(int backlog)
{
	struct conn *c = in_listen();

	sys(listen(c->lfd, backlog));
	return c;
}

static void backlog_bound(void)
{
	struct conn *peers[FLOOD], *l;
	int n;

	knob("syncookies", 0);
	knob("max_syn_backlog", 16);
	l = small_listener(16);
	n = syn_flood(l, peers);
	check(n >= 8 && n <= 17, "%d half-open entries, bound is 16", n);
	inject(peers[0], ACK, 1, 1);
	do_accept(peers[0]);
	state_is(peers[0], TCP_ESTABLISHED);
}

static void backlog_cookies(void)
{
	struct conn *peers[FLOOD], *l, *c;
	struct tcp_info ti;

	knob("syncookies", 1);
	knob("max_syn_backlog", 16);
	l = small_listener(16);
	check_eq(syn_flood(l, peers), FLOOD);
	c = peers[FLOOD - 1];
	gone(c);	/* a cookie costs nothing */
	inject(c, ACK, 1, 1, .len = 5);
	expect(c, ACK, 1, 6);
	do_accept(c);
	read_stream(c, 5);
	state_is(c, TCP_ESTABLISHED);
	/* What the SYN's options said came back in the cookie. */
	ti = tcpi(c);
	check_eq(ti.tcpi_options & 7, TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK |
		 TCPI_OPT_WSCALE);
	check((int)ti.tcpi_snd_mss >= mss_wire() - 20 - 12, "MSS %u",
	      ti.tcpi_snd_mss);
	/* A guess is no cookie. */
	c = peers[FLOOD - 2];
	inject(c, ACK, 1, 100001);
	expect(c, RST, 100001, 0);
}

/* S12, MUST-10: both SYNs cross. */
static void simultaneous(void)
{
	struct conn *c = in_syn_recv(.active = true);

	inject(c, SYN | ACK, 0, 1, .mss = 1460);
	fence();
	state_is(c, TCP_ESTABLISHED);
	check(poll_now(c->fd) & POLLOUT, "not writable");
	check_eq(so_error(c->fd), 0);
	drop_pending();
	inject(c, ACK, 1, 1, .len = 10);
	expect(c, ACK, 1, 11);
	read_stream(c, 10);
}

/* RFC 7323 2.2: the window of its SYN-ACK is not scaled, either. */
static void simultaneous_window(void)
{
	struct conn *c = in_syn_recv(.active = true, .ws = 7, .mss = 1012);

	inject(c, SYN | ACK, 0, 1, .mss = 1012, .win = 1000);
	fence();
	state_is(c, TCP_ESTABLISHED);
	drop_pending();
	write_stream(c, 3000);
	expect(c, ACK, 1, 1, .len = 1000);
	quiet(c);
	inject(c, ACK, 1, 1001, .win = 100);	/* 12800 */
	expect_stream(c, 3001);
}

/* RFC 9293 3.5.1: the RST ends the old connection, and the next SYN does not wait for a second. */
static void half_open(void)
{
	struct conn *c = in_syn_sent();

	inject(c, ACK, 5000, 7000, .no_ts = true);
	expect(c, RST, 7000, 0);
	expect(c, SYN, 0, 0);
	check(since_ms(c) < 200, "only after %d ms", (int)since_ms(c));
	/* but not as often as that comes */
	inject(c, ACK, 5000, 7000, .no_ts = true);
	expect(c, RST, 7000, 0);
	quiet_for(c, 1500);
	peer_syn_ack(c, HOW());
	expect(c, ACK, 1, 1);
	state_is(c, TCP_ESTABLISHED);
}

static void simultaneous_ack(void)
{
	struct conn *c = in_syn_recv(.active = true);

	inject(c, ACK, 1, 1);
	quiet(c);
	state_is(c, TCP_ESTABLISHED);
	write_stream(c, 10);
	expect(c, ACK, 1, 1, .len = 10);
}

/* MUST-11: SYN_RECV from an active open is reset into an error, ... */
static void reset_active(void)
{
	struct conn *c = in_syn_recv(.active = true);

	inject(c, RST, 1, 0);
	quiet(c);
	/* RFC 9293 3.10.7.4 says refused; the kernel's TCP says reset. */
	check_eq(so_error(c->fd), is_xtcp() ? ECONNREFUSED : ECONNRESET);
	gone(c);
}

/* ... from a passive one it is forgotten, and LISTEN is as it was. */
static void reset_passive(void)
{
	struct conn *c = in_syn_recv(), *d;

	inject(c, RST, 1, 0);
	quiet(c);
	gone(c);
	check_eq(so_error(c->lfd), 0);
	d = listener_peer(c);
	peer_syn(d, HOW());
	expect(d, SYN | ACK, 0, 1);
}

/* Rules that look for SYNs do not see it */
static void syn_fin(void)
{
	struct conn *c = in_listen();

	inject(c, SYN | FIN, 0, 0, .mss = 1460, .sackok = true, .ts = true, .ws = 1);
	fence();
	quiet(c);
}

const struct row handshake_rows[] = {
	ROW(ROW_CORE, "S1 three-way handshake, passive", passive),
	ROW(ROW_CORE, "S1 three-way handshake, active", active),
	ROW(0, "S1 a SYN with FIN opens nothing", syn_fin),
	ROW(ROW_CORE, "S2 SYN, FIN and each byte take one number", numbers),
	ROW(0, "S2 the numbers pass 2^32", wraps),
	ROW(ROW_CORE, "S3 a lost SYN is repeated after 1 s", lost_syn_once),
	ROW(ROW_CORE | ROW_LONG, "S3 SYN retries, ETIMEDOUT at 127 s",
	    lost_syn_all),
	ROW(ROW_VT, "S3 syn_retries 1 ends at 3 s", syncnt),
	ROW(ROW_VT, "S3 TCP_SYNCNT 2 ends at 7 s", syncnt_option),
	ROW(ROW_VT | ROW_XTCP, "S3 XTCP_SYN_BUDGET_MS 5000 ends at 5 s",
	    syn_budget),
	ROW(ROW_CORE, "S4 an old duplicate SYN, seen by the server",
	    old_syn_server),
	ROW(ROW_CORE, "S4 the real SYN beside the old one, server", old_syn_beside),
	ROW(0, "S4 an old duplicate SYN, seen by the client", old_syn_client),
	ROW(ROW_CORE, "S5 a lost SYN+ACK is repeated after 1 s",
	    lost_synack_once),
	ROW(0, "S5 duplicates of one SYN make one connection", dup_syn),
	ROW(ROW_CORE | ROW_VT,
	    "S6 SYN+ACK retries, entry gone at 63 s, late data is reset",
	    lost_synack_all),
	ROW(ROW_CORE, "S6 data completes a handshake without third ACK",
	    lost_third_ack_data),
	ROW(0, "S6 FIN completes a handshake without third ACK",
	    lost_third_ack_fin),
	ROW(ROW_CORE, "S7 half-open entries are bounded by max_syn_backlog",
	    backlog_bound),
	ROW(0, "S7 beyond max_syn_backlog cookies, RFC 4987", backlog_cookies),
	ROW(ROW_CORE, "S12 MUST-10 simultaneous open, SYN+ACK",
	    simultaneous),
	ROW(0, "S12 MUST-10 simultaneous open, ACK", simultaneous_ack),
	ROW(ROW_XTCP, "RFC 7323 2.2 simultaneous open, the window of the SYN+ACK",
	    simultaneous_window),
	ROW(0, "S15 SYN to a half-open connection: reset, and again at once", half_open),
	ROW(ROW_CORE, "MUST-11 RST in SYN_RECV after an active open",
	    reset_active),
	ROW(0, "MUST-11 RST in SYN_RECV after a passive open",
	    reset_passive),
	{ NULL }
};
