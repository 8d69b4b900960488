// SPDX-License-Identifier: GPL-2.0-only
/* MUST-54-56, RFC 1191, RFC 8201, RFC 5927: ICMP errors. */
#define _GNU_SOURCE
#include "loss.h"

#define TOPIC "icmp"

struct error {
	int type, code;
};

static struct error port_unreachable(void)
{
	return is_v6() ? (struct error){ 1, 4 } : (struct error){ 3, 3 };
}

static struct error net_unreachable(void)
{
	return is_v6() ? (struct error){ 1, 0 } : (struct error){ 3, 0 };
}

static void send_error(struct conn *c, struct error e, uint32_t seq)
{
	inject_icmp(c, e.type, e.code, 0, seq, false);
	fence();
}

/* MUST-54: a hard error ends an attempt to open. */
static void hard_syn_sent(void)
{
	struct conn *c = in_syn_sent();

	send_error(c, port_unreachable(), 0);
	check_eq(so_error(c->fd), ECONNREFUSED);
	gone(c);
}

static void soft_syn_sent(void)
{
	struct conn *c = in_syn_sent();

	send_error(c, net_unreachable(), 0);
	/* RFC 5461: the kernel's TCP gives up here, too. */
	check_eq(so_error(c->fd), ENETUNREACH);
	gone(c);
}

/* MUST-54: the quoted number has to be one that is under way. */
static void stale_quote(void)
{
	struct conn *c = in_syn_sent();

	send_error(c, port_unreachable(), 5000);
	send_error(c, port_unreachable(), -1);
	state_is(c, TCP_SYN_SENT);
	check_eq(so_error(c->fd), 0);
	peer_syn_ack(c, HOW());
	expect(c, ACK, 1, 1);
}

/* MUST-56: in a connection that stands, unreachability is a rumour. */
static void soft_established(void)
{
	static const struct error v4[] = {
		{ 3, 0 }, { 3, 1 }, { 3, 5 }, { 11, 0 }, { 11, 1 }, { 12, 0 },
	};
	static const struct error v6[] = {
		{ 1, 0 }, { 1, 3 }, { 3, 0 }, { 3, 1 },
	};
	struct conn *c = in_established();
	unsigned int i, n = is_v6() ? 4 : 6;

	write_stream(c, 100);
	expect(c, ACK, 1, 1, .len = 100);
	for (i = 0; i < n; i++)
		send_error(c, is_v6() ? v6[i] : v4[i], 1);
	state_is(c, TCP_ESTABLISHED);
	check(!(poll_now(c->fd) & POLLERR), "an error is pending");
	inject(c, ACK, 1, 101, .len = 10);
	while (next_seg(c, 300))
		;
	read_stream(c, 10);
	state_is(c, TCP_ESTABLISHED);
}

static void hard_established(void)
{
	struct conn *c = in_established();

	write_stream(c, 100);
	expect(c, ACK, 1, 1, .len = 100);
	send_error(c, port_unreachable(), 1);
	state_is(c, TCP_ESTABLISHED);	/* RFC 5927: treated as soft */
	inject(c, ACK, 1, 101);
	fence();
	state_is(c, TCP_ESTABLISHED);
}

/* MUST-55. */
static void source_quench(void)
{
	struct conn *c = in_established();

	write_stream(c, 100);
	expect(c, ACK, 1, 1, .len = 100);
	send_error(c, (struct error){ 4, 0 }, 1);
	check_eq(so_error(c->fd), 0);
	state_is(c, TCP_ESTABLISHED);
	inject(c, ACK, 1, 101);
	write_stream(c, 3000);
	expect_stream(c, 3101);	/* nor is the window smaller */
}

static int ip_overhead(void)
{
	return (is_v6() ? 40 : 20) + 20 + 12;
}

static void too_big(struct conn *c, uint32_t mtu, uint32_t seq)
{
	inject_icmp(c, is_v6() ? 2 : 3, is_v6() ? 0 : 4, mtu, seq, false);
	fence();
}

/* RFC 1191, RFC 8201: what did not fit is sent again in smaller pieces. */
static void path_mtu(void)
{
	struct conn *c = in_established();
	int want = 1300 - ip_overhead();
	struct seg *s;

	write_stream(c, 5000);
	expect_stream(c, 5001);
	too_big(c, 1300, 1);
	s = next_seg(c, 5000);
	check(s, "nothing is sent again");
	check_eq(s->seq - c->iss, 1);
	check(s->len <= want, "a segment of %d, %d would fit", s->len, want);
	check(s->df, "DF is not set");
	drop_pending();
	inject(c, ACK, 1, 5001);
	fence();
	drop_pending();
	write_stream(c, 5000);
	while (c->rcv < 10001) {
		s = next_seg(c, 5000);
		check(s && s->len <= want, "a segment that does not fit");
		c->rcv = s->seq - c->iss + s->len;
		inject(c, ACK, 1, c->rcv);
	}
}

/* The same for a route that rules choose by TCP's number: whatever the socket's own is. */
static void path_mtu_rule(void)
{
	check_eq(system("ip rule add ipproto 6 lookup 77"), 0);
	check_eq(system("ip route add 192.0.2.0/24 dev w0 table 77"), 0);
	path_mtu();
}

/*
 * RFC 1191 6.4: all that was too large goes out again, one segment first and then as ACKs come in;
 * the window is what it was.
 */
static void path_mtu_flight(bool no_sack)
{
	struct conn *c = far_away(HOW(.sndbuf = 400000, .win = 60000, .mss = 1448,
				      .no_sack = no_sack), RTT);
	int want = 1300 - ip_overhead();
	uint32_t nxt = 1, end;
	struct seg *s;
	int n, most = 1;

	write_stream(c, 10 * 1400);
	expect_stream(c, 1 + 10 * 1400);
	end = c->rcv;
	too_big(c, 1300, 1);
	do {
		n = 0;
		while (nxt != end && (s = next_pending(c))) {
			check_eq(s->seq - c->iss, nxt);
			check(s->len <= want, "a segment of %d", s->len);
			nxt += s->len;
			c->ts_recent = s->o.tsval;
			n++;
		}
		check(n >= 1 && n <= most, "%d at once, not %d", n, most);
		most = 2 * n;
		none(c);
		pass(c, RTT);
		inject(c, ACK, 1, nxt);
		fence();
	} while (nxt != end);
	check_eq(ssthresh(c), NO_SSTHRESH);
	check(cwnd(c) >= 10, "cwnd %d", cwnd(c));
	write_stream(c, 10 * 1000);
	expect_stream(c, end + 10 * 1000);
}

static void path_mtu_sack(void)
{
	path_mtu_flight(false);
}

static void path_mtu_newreno(void)
{
	path_mtu_flight(true);
}

/* A number that is not under way: somebody guesses. RFC 5927 7. */
static void path_mtu_stale(void)
{
	struct conn *c = in_established();
	struct seg *s;

	write_stream(c, 1000);
	expect(c, ACK, 1, 1, .len = 1000);
	inject(c, ACK, 1, 1001);
	too_big(c, 1280, 500000);
	too_big(c, 1280, -500000);
	write_stream(c, 1400);
	s = expect(c, ACK, 1001, 1, .len = 1400);
	check(s->len == 1400, "the guess was believed");
}

/* snd_una to snd_nxt is under way, the numbers next to these are not. */
static void path_mtu_borders(void)
{
	struct conn *c = in_established();
	int want = 1300 - ip_overhead();
	struct seg *s;

	write_stream(c, 1000);
	expect(c, ACK, 1, 1, .len = 1000);
	inject(c, ACK, 1, 1001);
	write_stream(c, 1400);
	expect(c, ACK, 1001, 1, .len = 1400);
	too_big(c, 1290, 1000);
	too_big(c, 1290, 2402);
	check(!next_pending(c), "a guess was believed");
	inject(c, ACK, 1, 2401);
	write_stream(c, 1400);
	expect(c, ACK, 2401, 1, .len = 1400);
	too_big(c, 1300, 2401);
	s = next_seg(c, 5000);
	check(s && s->seq - c->iss == 2401 && s->len == want, "what lies at the border was not");
}

/* An MTU that no path has must not shrink segments to nothing. */
static void path_mtu_tiny(void)
{
	struct conn *c = in_established();
	struct seg *s;

	write_stream(c, 3000);
	expect_stream(c, 3001);
	too_big(c, 68, 1);
	do
		s = next_seg(c, 5000);
	while (s && s->seq - c->iss != 1);
	check(s, "nothing is sent again");
	check(s->len >= 400, "segments of %d bytes", s->len);
}

/*
 * RFC 1191 5: a router from before it tells no MTU. Segments are of the least that a path has
 * (min_pmtu, 552), and may be cut on their way from then on.
 */
static void path_mtu_none(void)
{
	struct conn *c = in_established();
	int want = 552 - ip_overhead();
	struct seg *s;

	write_stream(c, 2000);
	expect_stream(c, 2001);
	too_big(c, 0, 1);
	s = next_seg(c, 5000);
	check(s && s->seq - c->iss == 1, "the oldest is not sent again");
	check_eq(s->len, want);
	check(!s->df, "DF is set");
	if (is_xtcp())
		none(c);
	drop_pending();
	inject(c, ACK, 1, 2001);
	fence();
	drop_pending();
	write_stream(c, 3 * want);
	while (c->rcv < 2001 + 3 * want) {
		s = expect(c, ACK, c->rcv, 1, .len = want);
		check(!s->df, "DF is set");
	}
	quiet(c);
}

static void nobody(void)
{
	struct conn *c = in_listen();

	c->iss = rnd();
	send_error(c, port_unreachable(), 1);
	quiet(c);
	check_eq(so_error(c->lfd), 0);
	c->iss = 0;
	peer_syn(c, HOW());
	expect(c, SYN | ACK, 0, 1);
	inject_icmp(c, port_unreachable().type, port_unreachable().code, 0, 0,
		    false);
	fence();
	check_eq(so_error(c->lfd), 0);
}

static void time_wait(void)
{
	struct conn *c = in_time_wait();

	send_error(c, port_unreachable(), 1);
	quiet(c);
	state_is(c, TCP_TIME_WAIT);
}

/* IP_RECVERR: who asks for it gets even the rumours at once. */
static void recverr(void)
{
	struct conn *c = in_established();

	if (is_v6())
		set_int(c->fd, IPPROTO_IPV6, 25 /* IPV6_RECVERR */, 1);
	else
		set_int(c->fd, IPPROTO_IP, 11 /* IP_RECVERR */, 1);
	write_stream(c, 100);
	expect(c, ACK, 1, 1, .len = 100);
	send_error(c, (is_v6() ? (struct error){ 1, 3 } :
		       (struct error){ 3, 1 }), 1);
	check_eq(so_error(c->fd), EHOSTUNREACH);
	state_is(c, TCP_ESTABLISHED);
}

/* What was said of the path before something worked is not why it fails later */
static void soft_forgotten(void)
{
	struct conn *c;

	knob("retries2", 3);
	c = in_established();
	write_stream(c, 100);
	expect(c, ACK, 1, 1, .len = 100);
	send_error(c, net_unreachable(), 1);
	inject(c, ACK, 1, 101);
	fence();
	write_stream(c, 100);
	while (!wait_fd(c->fd, POLLERR, 0))
		next_seg(c, 1000);
	check_eq(so_error(c->fd), ETIMEDOUT);
	drop_pending();
}

const struct row icmp_rows[] = {
	ROW(ROW_CORE, "MUST-54 a hard error ends SYN_SENT", hard_syn_sent),
	ROW(0, "MUST-54 an unreachable net in SYN_SENT", soft_syn_sent),
	ROW(0, "MUST-54 the quoted number is checked", stale_quote),
	ROW(ROW_CORE | ROW_V4, "MUST-55 source quench is dropped",
	    source_quench),
	ROW(ROW_CORE, "MUST-56 soft errors do not abort", soft_established),
	ROW(ROW_VT, "MUST-56 a soft error is forgotten once something works", soft_forgotten),
	ROW(0, "RFC 5927 hard errors in ESTABLISHED are soft",
	    hard_established),
	ROW(ROW_CORE, "RFC 1191 RFC 8201 path MTU", path_mtu),
	ROW(ROW_V4, "RFC 1191 path MTU of a route for TCP", path_mtu_rule),
	ROW(ROW_XTCP, "RFC 1191 6.4 path MTU: all again, and no congestion", path_mtu_sack),
	ROW(ROW_XTCP, "RFC 1191 6.4 path MTU: all again, without SACK", path_mtu_newreno),
	ROW(0, "RFC 5927 path MTU with a stale quote", path_mtu_stale),
	ROW(0, "RFC 5927 path MTU, the numbers next to what is under way", path_mtu_borders),
	ROW(0, "RFC 5927 path MTU of 68", path_mtu_tiny),
	ROW(ROW_V4, "RFC 1191 5 path MTU of a router that tells none", path_mtu_none),
	ROW(0, "MUST-54 errors for LISTEN and SYN_RECV", nobody),
	ROW(0, "MUST-54 errors for TIME_WAIT", time_wait),
	ROW(0, "MUST-47 IP_RECVERR", recverr),
	{ NULL }
};
