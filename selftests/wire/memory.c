// SPDX-License-Identifier: GPL-2.0-only
/* A receive buffer that a peer fills with overhead, a send buffer that grows, and orphans. */
#define _GNU_SOURCE
#include <linux/sock_diag.h>
#include <sys/ioctl.h>

#include "wire.h"

#define TOPIC "memory"

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

#define BUFFER	60000
#define LEN	1000

static uint32_t memory(const struct conn *c, int what)
{
	uint32_t v[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(v);

	sys(getsockopt(c->fd, SOL_SOCKET, SO_MEMINFO, v, &len));
	return v[what];
}

/* The limit, and the one skb that finds it not yet exceeded. */
static void within_buffer(const struct conn *c)
{
	uint32_t used = memory(c, SK_MEMINFO_RMEM_ALLOC);
	uint32_t limit = memory(c, SK_MEMINFO_RCVBUF);

	check(used <= limit + 8192, "%u bytes in a buffer of %u", used, limit);
}

/* What the answers so far say: the newest of them, and that the right edge only moves on. */
struct heard {
	uint32_t ack, edge;
	struct seg last;
};

static void hear(struct conn *c, struct heard *h)
{
	struct seg *s;

	fence();
	while ((s = next_pending(c))) {
		uint32_t ack = s->ack - c->irs;
		uint32_t edge = ack + ((uint32_t)s->win << c->ws);

		check(!(s->flags & RST), "reset");
		check(ack >= h->ack, "acknowledged %u, then %u", h->ack, ack);
		/* a window is told in units of the scale */
		check(edge + (1U << c->ws) > h->edge, "the right edge went from %u to %u",
		      h->edge, edge);
		h->ack = ack;
		h->edge = edge > h->edge ? edge : h->edge;
		h->last = *s;
		if (s->o.has_ts)
			c->ts_recent = s->o.tsval;
	}
	within_buffer(c);
}

/* All up to @want is acknowledged, if need be by the timer of delayed ACKs. */
static void hear_of(struct conn *c, struct heard *h, uint32_t want)
{
	uint64_t end = now_ns() + SEC;

	hear(c, h);
	while (h->ack < want && now_ns() < end && wait_fd(w.tun, POLLIN, 100))
		hear(c, h);
	check(h->ack >= want, "%u is acknowledged, not %u", h->ack, want);
}

static void one_byte(struct conn *c, uint32_t at, struct heard *h)
{
	static int n;

	inject(c, ACK, at, 1, .len = 1);
	if (++n % 32 == 0)
		hear(c, h);
}

static struct conn *small(void)
{
	return in_established(.rcvbuf = BUFFER / 2);
}

/* A megabyte of overhead for a few kilobytes that nobody reads. */
static void crumbs(void)
{
	struct conn *c = small();
	struct heard h = { 0 };
	uint32_t at;

	for (at = 1; at <= 2000; at++)
		one_byte(c, at, &h);
	hear_of(c, &h, 2001);
	read_stream(c, 2000);
	inject(c, ACK, 2001, 1, .len = LEN);
	hear_of(c, &h, 2001 + LEN);
	read_stream(c, LEN);
}

/* The same from behind, so that each comes too early. */
static void crumbs_backwards(void)
{
	struct conn *c = small();
	struct heard h = { 0 };
	uint32_t at;

	for (at = 1500; at > 1; at--)
		one_byte(c, at, &h);
	hear_of(c, &h, 1);
	check(h.last.o.nsack, "no SACK block");
	/* RFC 2018 8: what was let go of has to come again */
	for (at = 1; at <= 1500; at++)
		one_byte(c, at, &h);
	hear_of(c, &h, 1501);
	read_stream(c, 1500);
}

/* Memory that copying together saves needs nothing dropped. */
static void collapsed(void)
{
	struct conn *c = small();
	struct heard h = { 0 };
	uint32_t at;

	for (at = 1500; at > 1; at--)
		one_byte(c, at, &h);
	inject(c, ACK, 1, 1, .len = 1);
	hear_of(c, &h, 1501);
	check(xtcp_counter("RcvCollapsed") > 500, "%ld copied together",
	      xtcp_counter("RcvCollapsed"));
	check_eq(xtcp_counter("OfoPruned"), 0);
	read_stream(c, 1500);
}

/* Nothing but holes: there is nothing to copy together, so the far end goes. */
static void holes(void)
{
	struct conn *c = small();
	struct heard h = { 0 };
	uint32_t at;

	for (at = 2; at < 4000; at += 2)
		one_byte(c, at, &h);
	hear_of(c, &h, 1);
	for (at = 1; at < 4000; at++)
		one_byte(c, at, &h);
	hear_of(c, &h, 4000);
	read_stream(c, 3999);
}

/* The block that was dropped is not spoken of any more, and can come again. */
static void far_end(void)
{
	struct conn *c = small();
	struct heard h = { 0 };
	uint32_t at, far = 12001;
	int i;

	inject(c, ACK, far, 1, .len = LEN);
	hear(c, &h);
	check_eq(h.last.o.nsack, 1);
	for (at = 2002; at < 6000; at += 2)
		one_byte(c, at, &h);
	hear(c, &h);
	for (at = 1; at < far; at += LEN)
		inject(c, ACK, at, 1, .len = LEN);
	hear_of(c, &h, far);
	check(h.ack == far || h.ack == far + LEN, "acknowledged %u", h.ack);
	for (i = 0; i < h.last.o.nsack; i++)
		check(h.ack > far || h.last.o.sack[i][0] - c->irs < far,
		      "a block of what was dropped");
	if (is_xtcp()) {
		check_eq(h.ack, far);
		check(xtcp_counter("OfoPruned"), "nothing was dropped");
	}
	inject(c, ACK, far, 1, .len = LEN);
	hear_of(c, &h, far + LEN);
	read_stream(c, far + LEN - 1);
}

/* Peeking at many small segments is no square of their number: it ends. */
static void peek(void)
{
	struct conn *c = in_established(.rcvbuf = 4000000);
	struct heard h = { 0 };
	static uint8_t buf[16000];
	uint32_t at;
	int i;

	/* overlapping by one, so that they cannot be joined as they come */
	for (at = 1; at < 4000; at++) {
		inject(c, ACK, at, 1, .len = 2);
		if (at % 64 == 0)
			hear(c, &h);
	}
	hear_of(c, &h, 4001);
	check_eq(recv(c->fd, buf, sizeof(buf), MSG_PEEK | MSG_DONTWAIT), 4000);
	for (i = 0; i < 4000; i++)
		check(buf[i] == pattern(i), "byte %d is wrong", i);
	read_stream(c, 4000);
}

static int send_buffer(const struct conn *c)
{
	return get_int(c->fd, SOL_SOCKET, SO_SNDBUF);
}

/* Fill the buffer, let the peer take what comes, and so on for some round trips. */
static void rounds_of_sending(struct conn *c, int rounds)
{
	static uint8_t buf[65536];
	uint32_t end = 1;
	struct seg *s;
	int i;

	c->win = 30000;
	inject(c, ACK, 1, 1);
	for (i = 0; i < rounds; i++) {
		while (send(c->fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
			;
		while ((s = next_seg(c, 20))) {
			uint32_t e = s->seq - c->iss + s->len;

			end = e > end ? e : end;
			if (s->o.has_ts)
				c->ts_recent = s->o.tsval;
		}
		inject(c, ACK, 1, end);
		fence();
	}
}

/* Twice the congestion window has room, as it grows. */
static void grows(void)
{
	struct conn *c = in_established();
	int first = send_buffer(c);

	rounds_of_sending(c, 6);
	check(send_buffer(c) >= 3 * first, "the buffer went from %d to %d", first,
	      send_buffer(c));
}

/* SO_SNDBUF is the program's word. */
static void locked(void)
{
	struct conn *c = in_established(.sndbuf = 50000);
	int first = send_buffer(c);

	rounds_of_sending(c, 6);
	check_eq(send_buffer(c), first);
}

/* And wmem the administrator's. */
static void most(void)
{
	struct conn *c;

	put_file(is_xtcp() ? "/proc/sys/net/xtcp/wmem" : "/proc/sys/net/ipv4/tcp_wmem",
		 "4608 16384 100000");
	c = in_established();
	rounds_of_sending(c, 6);
	check(send_buffer(c) <= 100000, "a buffer of %d", send_buffer(c));
}

/* A writer is woken when a third of what is queued has room, not for each segment. */
static void third(void)
{
	struct conn *c = in_established(.sndbuf = 60000, .win = 30000);
	static uint8_t buf[65536];
	uint32_t acked = 0, queued, whole;
	int out;

	while (send(c->fd, buf, 4096, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	sys(ioctl(c->fd, TIOCOUTQ, &out));
	whole = out;
	poll_is(c->fd, 0);
	while (!(poll_now(c->fd) & POLLOUT)) {
		struct seg *s = next_seg(c, 2000);

		check(s, "never writable; %u of %u acknowledged", acked, whole);
		if (s->seq - c->iss + s->len <= acked + 1)
			continue;
		acked = s->seq - c->iss + s->len - 1;
		c->ts_recent = s->o.tsval;
		inject(c, ACK, 1, acked + 1);
		fence();
	}
	queued = whole - acked;
	check(acked >= whole / 6, "writable with %u of %u bytes queued", queued, whole);
	check(acked <= whole / 2 + 10000, "writable with only %u of %u bytes queued", queued,
	      whole);
}

/* S18: no orphan is allowed: the peer is told instead. */
static void no_orphans(void)
{
	struct conn *c = in_established();

	knob("max_orphans", 0);
	write_stream(c, 100);
	expect(c, ACK, 1, 1, .len = 100);
	close(c->fd);
	c->fd = -1;
	expect(c, RST, 0, 0, .any = ANY_SEQ | ANY_ACK | ANY_FLAGS);
	check_eq(xtcp_counter("AbortOnMemory"), 1);
	gone(c);
}

/* The limit comes down while they are there: each goes when its timer runs out. */
static void fewer_orphans(void)
{
	struct conn *c = in_established();
	struct seg *s;

	write_stream(c, 100);
	expect(c, ACK, 1, 1, .len = 100);
	close(c->fd);
	c->fd = -1;
	knob("max_orphans", 0);
	do
		s = next_seg(c, 5000);
	while (s && !(s->flags & RST));
	check(s, "no RST");
	gone(c);
}

const struct row memory_rows[] = {
	ROW(ROW_CORE, "RFC 9293 3.8.6 crumbs in order: the buffer holds what was promised", crumbs),
	ROW(0, "RFC 2018 8 crumbs out of order", crumbs_backwards),
	ROW(ROW_XTCP, "memory: crumbs are copied together before anything is dropped", collapsed),
	ROW(ROW_CORE, "RFC 2018 8 holes only: the buffer is a limit", holes),
	ROW(0, "RFC 2018 8 the far end is dropped, and SACK tells the truth", far_end),
	ROW(0, "memory: MSG_PEEK over thousands of segments", peek),
	ROW(0, "autotuning: the send buffer follows the congestion window", grows),
	ROW(0, "autotuning: SO_SNDBUF stays", locked),
	ROW(0, "autotuning: wmem is the limit", most),
	ROW(0, "memory: a writer is woken when a third is free", third),
	ROW(ROW_XTCP, "S18 max_orphans 0: RST instead of an orphan", no_orphans),
	ROW(ROW_XTCP, "S18 too many orphans: RST at the next timeout", fewer_orphans),
	{}
};
