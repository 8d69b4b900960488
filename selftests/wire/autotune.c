// SPDX-License-Identifier: GPL-2.0-only
/* The receive buffer follows what the program reads in a round trip. */
#define _GNU_SOURCE
#include "wire.h"

#define TOPIC "autotune"

#define RTT_MS	40
#define ROUNDS	10
#define ALL	(UINT32_MAX / 2)

/* Octets by which the path makes the peer's segments shorter than the handshake says. */
static uint32_t path_takes;

/* Everything the window allows, in full segments, unless @most is less. */
static uint32_t fill_window(struct conn *c, uint32_t at, uint32_t edge, uint32_t most)
{
	uint32_t len = mss_wire() - (c->ts ? 12 : 0) - path_takes;
	uint32_t end = at + most < edge ? at + most : edge;

	while (at + len <= end) {
		inject(c, ACK, at, 1, .len = len);
		at += len;
		/* the device's queue is not endless */
		if ((at / len) % 64 == 0)
			fence();
	}
	fence();
	return at;
}

/* The right edge by the last ACK that has come. */
static uint32_t new_edge(struct conn *c, uint32_t edge)
{
	struct seg *s;

	fence();
	while ((s = next_pending(c))) {
		check(!s->len, "data of %d bytes", s->len);
		edge = s->ack - c->irs + ((uint32_t)s->win << c->ws);
		if (s->o.has_ts)
			c->ts_recent = s->o.tsval;
	}
	return edge;
}

/* Where the peer may send up to, after rounds_of(). */
static uint32_t right_edge;

/*
 * @rounds round trips, in each of which @most bytes at most are sent, and @read bytes at most are
 * read. Return: the window at the end.
 */
static uint32_t rounds_of(struct conn *c, int rounds, uint32_t most, uint32_t read)
{
	uint32_t at = c->snd, edge = at == 1 ? 1 + (uint32_t)c->syn.win : right_edge;
	struct seg *s;

	while (rounds--) {
		uint32_t unread;

		at = fill_window(c, at, edge, most);
		edge = new_edge(c, edge);
		unread = at - 1 - c->readn;
		read_stream(c, unread < read ? unread : read);
		edge = new_edge(c, edge);
		/* the peer hears of it half an RTT later, we of its answer, too */
		s = next_seg(c, RTT_MS);
		while (s) {
			edge = s->ack - c->irs + ((uint32_t)s->win << c->ws);
			s = next_seg(c, RTT_MS);
		}
	}
	right_edge = edge;
	return edge - at;
}

/* A program that keeps up gets a window that does not hold the peer back. */
static void window_grows(struct conn *c)
{
	uint32_t first = c->syn.win, last = rounds_of(c, ROUNDS, ALL, ALL);

	check(last >= 8 * first, "the window went from %u to %u only", first, last);
}

static void grows(void)
{
	window_grows(in_established());
}

/* The same by the time that a window takes to come. */
static void grows_no_ts(void)
{
	window_grows(in_established(.no_ts = true));
}

/* A peer behind a tunnel never sends what would be full segments here. */
static void grows_short(void)
{
	path_takes = 200;
	window_grows(in_established());
	path_takes = 0;
}

static int buffer_of(struct conn *c)
{
	return get_int(c->fd, SOL_SOCKET, SO_RCVBUF);
}

/* The third number of rmem is the most there is. */
static void bounded(void)
{
	struct conn *c;
	uint32_t last;
	int buffer;

	put_file(is_xtcp() ? "/proc/sys/net/xtcp/rmem" : "/proc/sys/net/ipv4/tcp_rmem",
		 "4096 131072 400000");
	c = in_established();
	last = rounds_of(c, ROUNDS, ALL, ALL);
	buffer = buffer_of(c);
	check(buffer > 131072 && buffer <= 400000, "a buffer of %d", buffer);
	check(last > c->syn.win && last <= (uint32_t)buffer, "a window of %u", last);
}

/* What nobody sends needs no buffer. */
static void slow_peer(void)
{
	struct conn *c = in_established();
	int before = buffer_of(c);

	rounds_of(c, ROUNDS, 6000, ALL);
	check_eq(buffer_of(c), before);
}

/*
 * What is read slowly gets no more room, however much waits to be read; with a program that keeps
 * up the same connection does.
 */
static void slow_reader(void)
{
	struct conn *c = in_established();
	int before = buffer_of(c);

	rounds_of(c, ROUNDS, ALL, 3000);
	check_eq(c->readn, 3000 * ROUNDS);
	check(c->snd - 1 > 2 * c->readn, "the peer has sent no more than %u", c->snd - 1);
	check_eq(buffer_of(c), before);
	/* of the kernel's TCP window_grows() tells */
	if (!is_xtcp())
		return;
	rounds_of(c, ROUNDS, ALL, ALL);
	check(buffer_of(c) >= 4 * before, "from %d to %d only", before, buffer_of(c));
}

/* SO_RCVBUF is the program's word. */
static void locked(void)
{
	struct conn *c = in_established(.rcvbuf = 60000);
	int before = buffer_of(c);

	rounds_of(c, ROUNDS, ALL, ALL);
	check_eq(buffer_of(c), before);
}

const struct row autotune_rows[] = {
	ROW(0, "autotuning: the window grows with a program that reads", grows),
	ROW(0, "autotuning: the same without timestamps", grows_no_ts),
	ROW(0, "autotuning: a peer whose path makes its segments short", grows_short),
	ROW(0, "autotuning: the third number of rmem bounds it", bounded),
	ROW(0, "autotuning: a slow peer costs no buffer", slow_peer),
	ROW(0, "autotuning: a slow program gets no more", slow_reader),
	ROW(0, "autotuning: SO_RCVBUF stays", locked),
	{}
};
