// SPDX-License-Identifier: GPL-2.0-only
/* MUST-8, MUST-9, RFC 6528: initial sequence numbers. */
#include "wire.h"

#define TOPIC "isn"

/* One attempt from a fixed tuple, given up again; returns its number. */
static uint32_t one_isn(struct conn *c, uint64_t *t)
{
	c->iss = 0;
	c->rcv = 0;
	peer_syn(c, HOW());
	*t = expect(c, SYN | ACK, 0, 1)->t_ns;
	inject(c, RST, 1, 0);
	quiet(c);
	c->snd = 0;
	return c->iss;
}

/* A number, and between what times it was made. */
struct sample {
	uint32_t isn;
	uint64_t from, to;
};

static struct sample sample(struct conn *c)
{
	struct sample s = { .from = now_ns() };

	s.isn = one_isn(c, &s.to);
	return s;
}

/*
 * MUST-8: for one tuple the numbers run with a clock, 4 us a step or faster. The rate is
 * known as well as the times are: on a clock that skips idle time, very well.
 */
static void clock_driven(void)
{
	struct conn *c = in_listen();
	double least, most, d, first_least = 0, first_most = 0;
	struct sample a, b;
	int i;

	one_isn(c, &a.to);	/* the first takes longer */
	b = sample(c);
	for (i = 0; i < 3; i++) {
		a = b;
		/* Attempts without a pause; of those, one every 30 ms. */
		do
			b = sample(c);
		while (b.from < a.to + 30 * MSEC);
		d = (uint32_t)(b.isn - a.isn) * 1e9;
		least = d / (b.to - a.from);
		most = d / (b.from - a.to);
		check(most > 200e3 && least < 20e6, "%.0f to %.0f numbers a second", least, most);
		if (!i) {
			first_least = least;
			first_most = most;
		}
		check(most > first_least * 0.8 && least < first_most * 1.25,
		      "the rate is not steady: %.0f to %.0f, %.0f to %.0f", first_least,
		      first_most, least, most);
	}
}

#define TUPLES 64

static int spread(const uint32_t *isn)
{
	bool seen[256] = { false };
	int i, n = 0;

	for (i = 0; i < TUPLES; i++) {
		n += !seen[isn[i] >> 24];
		seen[isn[i] >> 24] = true;
	}
	return n;
}

/*
 * MUST-9: for neighbouring tuples they have nothing to do with each other.
 * 64 draws hit 57 of 256 bins on average, hardly ever less than 40; numbers
 * from one clock would hit one or two.
 */
static void unguessable(void)
{
	struct conn *l = in_listen(), *c;
	uint32_t isn[TUPLES];
	uint64_t t;
	int i;

	for (i = 0; i < TUPLES; i++) {
		c = listener_peer(l);
		c->pport = 20000 + i;
		c->irs = 1000;
		isn[i] = one_isn(c, &t);
	}
	check(spread(isn) >= 40, "%d of 256 bins are hit", spread(isn));
}

static void unguessable_active(void)
{
	uint32_t isn[TUPLES];
	struct conn *c;
	int i;

	for (i = 0; i < TUPLES; i++) {
		c = in_syn_sent();
		isn[i] = c->iss;
		close(c->fd);
	}
	check(spread(isn) >= 40, "%d of 256 bins are hit", spread(isn));
}

/*
 * A socket that connects again and again: what one peer has seen tells nothing of the number that
 * the next one gets. (The kernel's TCP goes on above the last one.)
 */
static void unguessable_again(void)
{
	struct sockaddr_storage ss, peer;
	uint32_t isn[TUPLES];
	int fd = stack_socket(), i;

	for (i = 0; i < TUPLES; i++) {
		struct conn *c = conn_new();
		socklen_t len = sizeof(ss);
		int n;

		c->fd = fd;
		c->pport = 20000 + i;
		n = addr_fill(&peer, addr_peer(), c->pport);
		sys_err(connect(fd, (void *)&peer, n), EINPROGRESS);
		sys(getsockname(fd, (void *)&ss, &len));
		c->lport = ntohs(((struct sockaddr_in *)&ss)->sin_port);
		expect(c, SYN, 0, 0);
		isn[i] = c->iss;
		inject(c, RST | ACK, 0, 1);
		check(wait_fd(fd, POLLOUT, 1000), "the RST has no effect");
		sys_err(connect(fd, (void *)&peer, n), ECONNREFUSED);
	}
	check(spread(isn) >= 40, "%d of 256 bins are hit", spread(isn));
}

/* RFC 7323 7.1: nor do the timestamps tell how long the host is up. */
static void timestamps(void)
{
	struct conn *l = in_listen(), *c;
	uint32_t val[TUPLES];
	uint64_t t;
	int i;

	for (i = 0; i < TUPLES; i++) {
		c = listener_peer(l);
		inet_pton(w.family, is_v6() ? "2001:db8::2:0" : "192.0.2.100",
			  c->paddr);
		c->paddr[is_v6() ? 15 : 3] += i;
		one_isn(c, &t);
		val[i] = c->syn.o.tsval;
	}
	check(spread(val) >= 40, "%d of 256 bins are hit", spread(val));
}

/* Ephemeral ports (RFC 6056) are no counter either. */
static void ports(void)
{
	int i, up = 0, last = 0;
	struct conn *c;

	for (i = 0; i < TUPLES; i++) {
		c = in_syn_sent();
		up += c->lport == last + 1 || c->lport == last + 2;
		last = c->lport;
		close(c->fd);
	}
	check(up < 16, "%d of 64 follow the one before", up);
}

/*
 * RFC 6056 3.3.4: to one peer ports do follow each other, but by steps of a random length,
 * so that a peer cannot count what others took (the kernel's TCP has steps of its own).
 */
static void port_steps(void)
{
	struct sockaddr_storage ss, peer;
	int len = addr_fill(&peer, addr_peer(), 7777);
	int fd[TUPLES], i, step, last = 0;
	unsigned int seen = 0, most = 0;
	socklen_t slen;

	for (i = 0; i < TUPLES; i++) {
		fd[i] = stack_socket();
		sys_err(connect(fd[i], (void *)&peer, len), EINPROGRESS);
		slen = sizeof(ss);
		sys(getsockname(fd[i], (void *)&ss, &slen));
		step = ntohs(((struct sockaddr_in *)&ss)->sin_port) - last;
		last += step;
		/* One of them may be the step from the end of the range to its beginning */
		if (i && step > 0 && step <= 32) {
			seen |= 1U << (step - 1);
			most++;
		}
		fence();
		drop_pending();
	}
	check(most >= TUPLES - 2, "%u of %d steps are short", most, TUPLES - 1);
	check(__builtin_popcount(seen) >= 4, "lengths of steps: %#x", seen);
	for (i = 0; i < TUPLES; i++)
		sys(close(fd[i]));
	fence();
	drop_pending();
}

const struct row isn_rows[] = {
	ROW(ROW_CORE, "MUST-8 initial numbers run with a clock",
	    clock_driven),
	ROW(ROW_CORE, "MUST-9 RFC 6528 other tuples, other numbers, passive",
	    unguessable),
	ROW(0, "MUST-9 RFC 6528 other tuples, other numbers, active",
	    unguessable_active),
	ROW(ROW_XTCP | ROW_CORE, "MUST-9 RFC 6528 other tuples, other numbers, one socket",
	    unguessable_again),
	ROW(0, "RFC 7323 7.1 timestamps differ between peers", timestamps),
	ROW(0, "RFC 6056 ephemeral ports are not a counter", ports),
	ROW(ROW_XTCP, "RFC 6056 3.3.4 steps of a random length to one peer", port_steps),
	{ NULL }
};
