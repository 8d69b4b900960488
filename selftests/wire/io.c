// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments in and out of the device.  "Nothing is sent" is shown by a fence,
 * not by waiting: an ICMP echo request takes the same way into the stack, and
 * all that the stack had to say at once comes before the reply.
 */
#include <stdarg.h>

#include "wire.h"

#define QUEUE 1024
#define LOG 48

static struct seg *queue[QUEUE];
static int queued;
static char log_lines[LOG][200];
static unsigned int logged;
static uint16_t fence_id, fence_seen;
static uint64_t log_start;
struct icmp_msg last_icmp;

static struct conn *conn_of(uint16_t lport, uint16_t pport)
{
	int i;

	for (i = nconns - 1; i >= 0; i--)
		if (conns[i].lport == lport && conns[i].pport == pport)
			return &conns[i];
	return NULL;
}

static void log_add(const char *fmt, ...)
{
	char *line = log_lines[logged++ % LOG];
	uint64_t now = now_ns();
	va_list ap;
	int n;

	if (!log_start)
		log_start = now;
	n = snprintf(line, 40, "%10.3f ms ", (now - log_start) / 1e6);
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(log_lines[0]) - n, fmt, ap);
	va_end(ap);
	if (w.verbose)
		printf("# %s\n", line);
}

void log_dump(void)
{
	unsigned int i = logged > LOG ? logged - LOG : 0;

	for (; !w.verbose && i < logged; i++)
		printf("# %s\n", log_lines[i % LOG]);
}

static const char *flag_text(uint8_t f)
{
	static char t[2][40];
	static int k;
	char *p = t[k ^= 1];

	snprintf(t[k], 40, "%s%s%s%s%s%s%s%s", f & SYN ? "S" : "",
		 f & FIN ? "F" : "", f & RST ? "R" : "", f & PSH ? "P" : "",
		 f & ACK ? "." : "", f & URG ? "U" : "", f & ECE ? "E" : "",
		 f & CWR ? "W" : "");
	return *p ? p : "none";
}

static const char *urg_text(uint8_t flags, uint16_t urg)
{
	static char t[16];

	snprintf(t, sizeof(t), " urg %u", urg);
	return flags & URG ? t : "";
}

static void log_inj(const struct conn *c, const struct inj *i)
{
	char src[64] = "", dst[64] = "";

	if (i->src)
		inet_ntop(c->family, i->src, src, sizeof(src));
	if (i->dst)
		inet_ntop(c->family, i->dst, dst, sizeof(dst));
	log_add("peer %s -> %s %-3s seq %u ack %u win %d len %d%s%s%s%s", src, dst,
		flag_text(i->flags), i->seq, i->ack,
		i->win ? i->win : c->win, i->len,
		urg_text(i->flags, i->urg), i->opt ? " raw options" : "",
		i->bad_csum ? " bad checksum" : "",
		(i->tos & 3) == 3 ? " CE" : "");
}

static void log_seg(const struct seg *s)
{
	struct conn *c = conn_of(s->sport, s->dport);
	static const char *const field[] = { "", " ECT(1)", " ECT(0)", " CE" };
	char ts[48] = "", sack[48] = "";

	if (s->o.has_ts)
		snprintf(ts, sizeof(ts), " ts %u %u", s->o.tsval, s->o.tsecr);
	if (s->o.nsack)
		snprintf(sack, sizeof(sack), " sack %u-%u",
			 s->o.sack[0][0] - (c ? c->irs : 0),
			 s->o.sack[0][1] - (c ? c->irs : 0));
	log_add("stack -> %-3s seq %u ack %u win %u len %d%s%s%s%s",
		flag_text(s->flags), s->seq - (c ? c->iss : 0),
		s->flags & ACK ? s->ack - (c ? c->irs : 0) : s->ack, s->win,
		s->len, urg_text(s->flags, s->urg), ts, sack, field[s->tos & 3]);
}

static void take_icmp(const uint8_t *p, int len, const struct seg *s)
{
	bool v6 = s->family == AF_INET6;
	int ihl = v6 ? 40 : (p[0] & 15) * 4;
	const uint8_t *m = p + ihl;
	int n = len - ihl;

	if (n < 8)
		return;
	if (m[0] == (v6 ? 129 : 0)) {
		fence_seen = m[4] << 8 | m[5];
		return;
	}
	if (v6 && m[0] > 129)	/* neighbour discovery, MLD */
		return;
	last_icmp.seen = true;
	last_icmp.type = m[0];
	last_icmp.code = m[1];
	last_icmp.len = n - 8 > 256 ? 256 : n - 8;
	memcpy(last_icmp.body, m + 8, last_icmp.len);
	log_add("stack -> ICMP type %d code %d", m[0], m[1]);
}

/* Takes one packet from the device, if there is one. */
static bool take_one(void)
{
	static uint8_t buf[65536];
	ssize_t n = read(w.tun, buf, sizeof(buf));
	struct seg *s;
	int proto;

	if (n < 0) {
		if (errno != EAGAIN)
			fail("reading the device: %s", strerror(errno));
		return false;
	}
	s = malloc(sizeof(*s));
	proto = pkt_parse(buf, n, s);
	s->t_ns = now_ns();
	if (proto == w.proto || proto == IPPROTO_TCP) {
		log_seg(s);
		check(queued < QUEUE, "more than %d segments wait", QUEUE);
		queue[queued++] = s;
		return true;
	}
	if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6)
		take_icmp(buf, n, s);
	free(s);
	return true;
}

bool wait_fd(int fd, short events, uint64_t timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int r;

	if (timeout_ms > 0x7fffffff)
		timeout_ms = 0x7fffffff;
	r = poll(&p, 1, timeout_ms);
	if (r < 0)
		fail("poll: %s", strerror(errno));
	return r > 0;
}

/* What a stack owes at once is there long before. */
#define LONG_WAIT (SEC / 2)

/* Takes what comes until the deadline, one packet at least. */
static bool take_until(uint64_t deadline_ns)
{
	uint64_t now;

	while (!take_one()) {
		now = now_ns();
		if (now >= deadline_ns)
			return false;
		if (deadline_ns - now > LONG_WAIT)
			row_waits();
		wait_fd(w.tun, POLLIN, (deadline_ns - now + MSEC - 1) / MSEC);
	}
	return true;
}

void raw_write(const void *p, int len)
{
	ssize_t n = write(w.tun, p, len);

	if (n != len)
		fail("writing to the device: %s", strerror(errno));
}

/* Reads what already waits, so that the log has things in their order. */
static void take_waiting(void)
{
	while (take_one())
		;
}

void inject_(struct conn *c, struct inj i)
{
	uint8_t buf[65536];
	int n;

	take_waiting();
	n = pkt_build(c, &i, buf);
	log_inj(c, &i);
	c->last_ns = now_ns();
	raw_write(buf, n);
	if (i.seq == c->snd && !i.bad_csum && !(i.flags & RST))
		c->snd += i.len + !!(i.flags & SYN) + !!(i.flags & FIN);
}

static uint32_t csum_pseudo6(const uint8_t *src, const uint8_t *dst, int len)
{
	uint32_t sum = csum_add(0, src, 16);

	return csum_add(sum, dst, 16) + len + IPPROTO_ICMPV6;
}

static void icmp_send(const struct conn *c, uint8_t *buf, int ihl, int len)
{
	struct inj none = { 0 };
	uint32_t sum = 0;
	uint16_t ck;

	if (c->family == AF_INET6)
		sum = csum_pseudo6(c->paddr, c->laddr, len);
	ck = csum_fold(csum_add(sum, buf + ihl, len));
	buf[ihl + 2] = ck >> 8;
	buf[ihl + 3] = ck;
	pkt_ip(buf, c, &none,
	       c->family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, len);
	raw_write(buf, ihl + len);
}

static bool echo(uint64_t deadline)
{
	struct conn c = { .family = w.family };
	int ihl = is_v6() ? 40 : 20;
	uint8_t buf[80] = { 0 };

	memcpy(c.laddr, addr_local(), is_v6() ? 16 : 4);
	memcpy(c.paddr, addr_peer(), is_v6() ? 16 : 4);
	fence_id++;
	buf[ihl] = is_v6() ? 128 : 8;
	buf[ihl + 4] = fence_id >> 8;
	buf[ihl + 5] = fence_id;
	icmp_send(&c, buf, ihl, 16);
	while (fence_seen != fence_id)
		if (!take_until(deadline))
			return false;
	return true;
}

void fence(void)
{
	if (!echo(now_ns() + 20 * SEC))
		fail("no answer to an echo request");
}

/* Addresses become usable by themselves, and not at once (IPv6). */
void wait_for_addresses(void)
{
	uint64_t deadline = now_ns() + 20 * SEC;

	while (!echo(now_ns() + 20 * MSEC))
		check(now_ns() < deadline, "the address is not usable");
	drop_pending();
}

/*
 * An ICMP error about the stack's segment with this relative number; "rest" is
 * the second word (the MTU for "too big").
 */
void inject_icmp(struct conn *c, int type, int code, uint32_t rest,
		 uint32_t seq, bool quote_ack)
{
	int ihl = c->family == AF_INET6 ? 40 : 20;
	struct conn q = *c;
	struct inj i = { .flags = ACK, .no_ts = true };
	uint8_t buf[256] = { 0 }, quote[128];
	int n;

	(void)quote_ack;
	memcpy(q.laddr, c->paddr, 16);
	memcpy(q.paddr, c->laddr, 16);
	i.sport = c->lport;
	i.dport = c->pport;
	i.seq = c->iss + seq - c->irs;
	n = pkt_build(&q, &i, quote);
	buf[ihl] = type;
	buf[ihl + 1] = code;
	rest = htonl(rest);
	memcpy(buf + ihl + 4, &rest, 4);
	memcpy(buf + ihl + 8, quote, n);
	take_waiting();
	log_add("peer -> ICMP type %d code %d rest %u about seq %u", type,
		code, ntohl(rest), seq);
	icmp_send(c, buf, ihl, 8 + n);
}

static bool is_of(const struct conn *c, const struct seg *s)
{
	return s->sport == c->lport && s->dport == c->pport &&
	       s->family == c->family;
}

static struct seg *unqueue(int i)
{
	static struct seg out[8];
	static int k;
	struct seg *s = &out[k = (k + 1) % 8];

	*s = *queue[i];
	free(queue[i]);
	memmove(queue + i, queue + i + 1, (--queued - i) * sizeof(queue[0]));
	return s;
}

struct seg *next_pending(struct conn *c)
{
	int i;

	for (i = 0; i < queued; i++)
		if (!c || is_of(c, queue[i]))
			return unqueue(i);
	return NULL;
}

struct seg *next_seg(struct conn *c, uint64_t timeout_ms)
{
	uint64_t deadline = now_ns() + timeout_ms * MSEC;
	struct seg *s;

	for (;;) {
		s = next_pending(c);
		if (s)
			return s;
		if (!take_until(deadline))
			return NULL;
	}
}

void drop_pending(void)
{
	while (next_pending(NULL))
		;
}

/*
 * Data that was seen before. A stack may send the tail again when it likes
 * (RFC 8985 7), and soon where round trips take a millisecond.
 */
static bool is_repeat(const struct conn *c, const struct seg *s)
{
	uint32_t end = s->seq - c->iss + s->len;

	return s->len && !(s->flags & (SYN | FIN | RST)) &&
	       (int32_t)(end - c->rcv) <= 0;
}

void quiet_at(struct conn *c, const char *file, int line)
{
	struct seg *s;

	fence();
	do
		s = next_pending(c);
	while (s && c && is_repeat(c, s));
	if (s)
		fail_at(file, line, "the stack sent %s, expected nothing",
			flag_text(s->flags));
}

void quiet_for_at(struct conn *c, uint64_t ms, const char *file, int line)
{
	struct seg *s = next_seg(c, ms);

	if (s)
		fail_at(file, line,
			"the stack sent %s within %llu ms, expected nothing",
			flag_text(s->flags), (unsigned long long)ms);
}

/* How long until nothing of the connection is left, in ms since mark(). */
uint64_t wait_gone(struct conn *c, uint64_t bound_ms)
{
	uint64_t step = bound_ms / 2000 + 1;

	while (state_of(c) != TCP_CLOSE) {
		check(since_ms(c) < bound_ms, "still %s after %llu ms",
		      state_name(state_of(c)), (unsigned long long)bound_ms);
		/* What is over soon is measured by itself: setting up a row takes its 10 ms */
		if (since_ms(c) * MSEC > 10 * LONG_WAIT)
			row_waits();
		poll(NULL, 0, step);
	}
	return since_ms(c);
}

/*
 * How much too early something may seem. Segments are stamped when they are
 * read; without virtual time that is late by what a busy machine makes of it.
 */
static uint64_t early(uint64_t ms)
{
	/* 4 ms: one tick of a 250 Hz kernel, which may have half passed. */
	return w.vt ? 4 + ms / 10000 : 4 + ms / 10;
}

/* Not before its time, and not later than this. */
void near_at(uint64_t t, uint64_t want, uint64_t slack, const char *file,
	     int line)
{
	if (t + early(want) < want || t > want + slack)
		fail_at(file, line, "after %llu ms, expected %llu+%llu",
			(unsigned long long)t, (unsigned long long)want,
			(unsigned long long)slack);
}

/* Lets time go by while the stack must keep silent: virtual time only. */
void pass_quietly(struct conn *c, uint64_t until_ms)
{
	uint64_t t = since_ms(c);

	if (t < until_ms)
		quiet_for(c, until_ms - t);
}

void mark(struct conn *c)
{
	c->mark_ns = now_ns();
}

/* The time of the last segment, to or from the stack. */
void mark_last(struct conn *c)
{
	c->mark_ns = c->last_ns;
}

uint64_t since_ms(const struct conn *c)
{
	return (now_ns() - c->mark_ns) / MSEC;
}

static void learn(struct conn *c, const struct seg *s)
{
	uint32_t rel;

	c->last_ns = s->t_ns;
	if (s->flags & RST)
		return;
	if (s->flags & SYN) {
		c->iss = s->seq;
		c->syn = *s;
		c->ws = s->o.has_ws ? s->o.ws : 0;
	}
	rel = s->seq - c->iss + s->len + !!(s->flags & SYN) +
	      !!(s->flags & FIN);
	if ((int32_t)(rel - c->rcv) > 0)
		c->rcv = rel;
	if (s->o.has_ts)
		c->ts_recent = s->o.tsval;
}

static const char *mismatch(const struct conn *c, const struct expect *e,
			    const struct seg *s)
{
	uint8_t mask = e->any & WANT_PSH ? 0xff : 0xff & ~PSH;
	bool first = (e->flags & SYN) && !c->iss;

	int al = c->family == AF_INET6 ? 16 : 4;

	if (s->proto != w.proto)
		return "IP protocol";
	if (memcmp(s->saddr, c->laddr, al))
		return "source address";
	if (memcmp(s->daddr, c->paddr, al))
		return "destination address";
	if (!(e->any & ANY_FLAGS) && (s->flags & mask) != (e->flags & mask))
		return "flags";
	if (!(e->any & ANY_SEQ) && !first && s->seq - c->iss != e->seq)
		return "seq";
	if (!(e->any & ANY_ACK) && (s->flags & ACK) &&
	    s->ack - c->irs != e->ack)
		return "ack";
	if (!(e->any & ANY_ACK) && !(s->flags & ACK) && s->ack)
		return "ack field without ACK";
	if (!(e->any & ANY_LEN) && s->len != e->len)
		return "length";
	if (e->win && s->win != (e->win == ZERO_WIN ? 0 : e->win))
		return "window";
	return NULL;
}

static void check_payload(const struct conn *c, const struct seg *s,
			  const char *file, int line)
{
	uint32_t rel = s->seq - c->iss - 1;
	int i;

	for (i = 0; i < s->len && i < 2048; i++)
		if (s->data[i] != pattern(rel + i))
			fail_at(file, line, "byte %u of the stream is wrong",
				rel + i);
}

static void check_time(const struct conn *c, const struct expect *e,
		       const struct seg *s, const char *file, int line)
{
	uint64_t t = (s->t_ns - c->mark_ns) / MSEC;
	uint64_t slack = e->slack_ms ? e->slack_ms : e->at_ms / 8 + 150;

	if (!e->at_ms)
		return;
	if (t + early(e->at_ms) < e->at_ms || t > e->at_ms + slack)
		fail_at(file, line, "came after %llu ms, expected %llu+%llu",
			(unsigned long long)t, (unsigned long long)e->at_ms,
			(unsigned long long)slack);
}

struct seg *expect_(struct conn *c, struct expect e, const char *file, int line)
{
	uint64_t bound = e.within_ms ? e.within_ms : 5000 + e.at_ms * 2;
	struct seg *s;
	const char *bad;

	if (e.any & NO_WAIT)
		fence();
	do
		s = e.any & NO_WAIT ? next_pending(c) : next_seg(c, bound);
	while (s && is_repeat(c, s) && mismatch(c, &e, s));
	if (!s)
		fail_at(file, line, "nothing came, expected %s seq %u ack %u len %d",
			flag_text(e.flags), e.seq, e.ack, e.len);
	bad = mismatch(c, &e, s);
	if (bad)
		fail_at(file, line,
			"wrong %s: %s %u ack %u win %u len %d, not %s %u ack %u len %d",
			bad, flag_text(s->flags), s->seq - c->iss,
			s->ack - c->irs, s->win, s->len, flag_text(e.flags),
			e.seq, e.ack, e.len);
	check_time(c, &e, s, file, line);
	learn(c, s);
	check_payload(c, s, file, line);
	return s;
}

/*
 * Data up to this number, in however many segments: how a stack cuts what it
 * sends is its own business where a row does not say otherwise.
 */
void expect_stream_at(struct conn *c, uint32_t upto, const char *file, int line)
{
	struct seg *s;

	while (c->rcv < upto) {
		s = next_seg(c, 5000);
		if (!s)
			fail_at(file, line, "the stream stops at %u, not %u",
				c->rcv, upto);
		if (is_repeat(c, s))
			continue;
		if ((s->flags & ~(c->ecn ? PSH | CWR : PSH)) != ACK || s->seq - c->iss != c->rcv ||
		    !s->len)
			fail_at(file, line, "%s seq %u len %d, expected data from %u",
				flag_text(s->flags), s->seq - c->iss, s->len,
				c->rcv);
		learn(c, s);
		check_payload(c, s, file, line);
	}
	if (c->rcv != upto)
		fail_at(file, line, "the stream goes on to %u, not %u", c->rcv,
			upto);
}
