// SPDX-License-Identifier: GPL-2.0-only
/* What rows about loss share. */
#define _GNU_SOURCE
#include "loss.h"

/* Whatever the machine's TCP uses by itself. */
static void cubic(int fd)
{
	sys(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5));
}

struct conn *far_away(struct how h, int rtt)
{
	struct conn *c;

	if (!h.tune)
		h.tune = cubic;
	if (!h.mss)
		h.mss = LEN + (h.no_ts ? 0 : 12);
	c = in_syn_recv_(h);
	quiet_for(c, rtt);
	inject(c, ACK, 1, 1);
	do_accept(c);
	quiet(c);
	return c;
}

struct conn *far_(struct how h)
{
	return far_away(h, RTT);
}

void pass(struct conn *c, int ms)
{
	quiet_for(c, ms);
}

static void take(struct conn *c, const struct seg *s)
{
	uint32_t end = s->seq - c->iss + s->len;

	if ((int32_t)(end - c->rcv) > 0)
		c->rcv = end;
	if (s->o.has_ts)
		c->ts_recent = s->o.tsval;
}

struct seg *data_at(struct conn *c, uint32_t seq, int ms, const char *file, int line)
{
	struct seg *s;

	if (!ms)
		fence();
	s = ms ? next_seg(c, ms) : next_pending(c);
	if (!s)
		fail_at(file, line, "nothing came, expected segment %u", seq);
	if (s->seq - c->iss != seq || s->len != LEN)
		fail_at(file, line, "seq %u len %d, not %u", s->seq - c->iss,
			s->len, seq);
	take(c, s);
	return s;
}

void none_at(struct conn *c, const char *file, int line)
{
	struct seg *s;

	fence();
	s = next_pending(c);
	if (s)
		fail_at(file, line, "seq %u len %d, expected nothing",
			s->seq - c->iss, s->len);
}

int sent(struct conn *c)
{
	struct seg *s;
	int n = 0;

	fence();
	while ((s = next_pending(c))) {
		take(c, s);
		n += (s->len + LEN - 1) / LEN;
	}
	return n;
}

void flight(struct conn *c, int from, int to)
{
	write_stream(c, (to - from) * LEN);
	expect_stream(c, AT(to));
	none(c);
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	*p++ = v >> 24;
	*p++ = v >> 16;
	*p++ = v >> 8;
	*p++ = v;
	return p;
}

void sack_(struct conn *c, uint32_t ack, uint32_t echo, const block *b, int n)
{
	uint8_t opt[40], *p = opt;
	int i;

	if (c->ts) {
		memcpy(p, (uint8_t []){ 1, 1, 8, 10 }, 4);
		p = put32(p + 4, c->ts_base + (uint32_t)(now_ns() / MSEC));
		p = put32(p, echo ? echo : c->ts_recent);
	}
	if (n) {
		memcpy(p, (uint8_t []){ 1, 1, 5, 2 + 8 * n }, 4);
		p += 4;
	}
	for (i = 0; i < n; i++) {
		p = put32(p, c->iss + b[i][0]);
		p = put32(p, c->iss + b[i][1]);
	}
	inject(c, ACK, c->snd, ack, .opt = opt, .optlen = p - opt);
}

void twenty(struct conn *c)
{
	flight(c, 0, 10);
	pass(c, RTT);
	inject(c, ACK, 1, AT(10));
	none(c);
}

void forty(struct conn *c)
{
	twenty(c);
	flight(c, 10, 30);
	pass(c, RTT);
	inject(c, ACK, 1, AT(30));
	none(c);
	check_eq(cwnd(c), 40);
}

void probe_repairs(struct conn *c, int more)
{
	flight(c, 0, 4);
	data_within(c, AT(3), 400);
	pass(c, RTT);
	inject(c, ACK, 1, AT(4));
	none(c);
	flight(c, 4, 4 + more);
	pass(c, RTT);
	inject(c, ACK, 1, AT(5));
	none(c);
	check(ssthresh(c) < 10, "ssthresh %d: the loss has no answer", ssthresh(c));
}

struct tcp_info tcpi(const struct conn *c)
{
	struct tcp_info ti = { 0 };
	socklen_t len = sizeof(ti);

	sys(getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &ti, &len));
	return ti;
}

int cwnd(const struct conn *c)
{
	return tcpi(c).tcpi_snd_cwnd;
}

int ssthresh(const struct conn *c)
{
	return tcpi(c).tcpi_snd_ssthresh;
}

int sacked(const struct conn *c)
{
	return tcpi(c).tcpi_sacked;
}

int resent(const struct conn *c)
{
	return tcpi(c).tcpi_total_retrans;
}
