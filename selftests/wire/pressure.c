// SPDX-License-Identifier: GPL-2.0-only
/*
 * Little memory, or none: mem is set below what one connection holds. Documentation/memory.rst
 * says what the others are promised. mem is everybody's, so it is put back whatever happens.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "wire.h"

#define TOPIC "pressure"

#define MEM	"/proc/sys/net/xtcp/mem"
#define LEN	1400
#define BUFFER	200000
#define HELD	3000000		/* bytes; the core counts in steps of a megabyte */

/* The namespace that has mem. Return: the one before. */
static int enter(int ns)
{
	int old = sys(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));

	sys(setns(ns, CLONE_NEWNET));
	return old;
}

static int first_ns(void)
{
	return sys(open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC));
}

static void mem(const char *text)
{
	int first = first_ns(), old = enter(first);

	put_file(MEM, text);
	sys(setns(old, CLONE_NEWNET));
	close(first);
	close(old);
}

static void mem_now(char *text, int size)
{
	int first = first_ns(), old = enter(first), fd, n;

	fd = sys(open(MEM, O_RDONLY | O_CLOEXEC));
	n = sys(read(fd, text, size - 1));
	text[n] = 0;
	close(fd);
	sys(setns(old, CLONE_NEWNET));
	close(first);
	close(old);
}

/* What is in the child stops only the child. */
static void apart(void (*fn)(void))
{
	char before[80];
	int status;
	pid_t pid;

	mem_now(before, sizeof(before));
	fflush(stdout);
	pid = sys(fork());
	if (!pid) {
		alarm(120);
		fn();
		fflush(stdout);
		_exit(0);
	}
	sys(waitpid(pid, &status, 0));
	mem(before);
	if (WIFSIGNALED(status))
		fail("ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status))
		_exit(WEXITSTATUS(status));
}

static void tune_hog(int fd)
{
	struct linger l = { .l_onoff = 1 };

	set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, 2 * HELD);
	sys(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
}

/* Somebody whose peer takes nothing has it all. */
static void hog(void)
{
	struct conn *h = in_established(.tune = tune_hog, .win = 1000);

	write_stream(h, HELD);
}

static void tune_acks(int fd)
{
	set_int(fd, SOL_SOCKET, SO_RCVBUF, BUFFER / 2);
	set_int(fd, IPPROTO_TCP, TCP_QUICKACK, 1);
}

/* The last ACK that has come, at once. */
static struct seg *answer(struct conn *c)
{
	struct seg *s, *last = NULL;

	fence();
	while ((s = next_pending(c))) {
		check(s->flags == ACK && !s->len, "that is no ACK");
		if (s->o.has_ts)
			c->ts_recent = s->o.tsval;
		last = s;
	}
	return last;
}

static int window(const struct conn *c, const struct seg *s)
{
	return s->win << c->ws;
}

/* A receive buffer that is full; a quarter of it is read. Return: the window that is told then. */
static int reopened(void (*before)(void))
{
	struct conn *c = in_established(.tune = tune_acks);
	int win = c->syn.win, n = 0;
	struct seg *s;

	while (win >= LEN) {
		inject(c, ACK, c->snd, 1, .len = LEN);
		s = answer(c);
		check(s && ++n < 500, "no ACK, or no end, after %d segments", n);
		check_eq(s->ack - c->irs, c->snd);
		win = window(c, s);
	}
	if (before)
		before();
	read_stream(c, n / 4 * LEN);
	s = answer(c);
	check(s, "no window update");
	return window(c, s);
}

/* The first that wants more notices that it is short. */
static void shorten(void)
{
	struct conn *c;

	hog();
	mem("100 200 100000");
	c = in_established();
	write_stream(c, 10000);
	check(xtcp_counter("MemoryPressures") > 0, "memory is not short");
}

static void four_segments_(void)
{
	int much = reopened(NULL), little = reopened(shorten);

	check(much >= 8 * LEN, "the window opens to %d only", much);
	check(little >= LEN && little <= 4 * mss_wire() + 128, "it opens to %d, not to four segments",
	      little);
}

static void four_segments(void)
{
	apart(four_segments_);
}

/* Who has nothing to read takes a segment, and no more until that is read. */
static void on_credit_(void)
{
	struct conn *c = in_established(.tune = tune_acks);
	int round, n;
	struct seg *s;

	hog();
	mem("1 2 3");
	for (round = 0; round < 5; round++) {
		for (n = 0; n < 8; n++) {
			inject(c, ACK, c->snd, 1, .len = LEN);
			s = answer(c);
			check(s, "no ACK");
			if (s->ack - c->irs != c->snd)
				break;
			check(s->win, "a window of zero, and all was taken");
		}
		/* what is left of a page may hold one more */
		check(n >= 1 && n <= 3, "%d segments were taken without memory", n);
		check_eq(s->ack - c->irs, c->snd - LEN);
		check_eq(s->win, 0);
		c->snd -= LEN;
		/* the program reads, and the window opens */
		read_stream(c, n * LEN);
		s = answer(c);
		check(s && s->win && s->ack - c->irs == c->snd, "no window update");
	}
	check(xtcp_counter("ZeroWindowAdvs") >= 5, "%ld windows of zero",
	      xtcp_counter("ZeroWindowAdvs"));
}

static void on_credit(void)
{
	apart(on_credit_);
}

/* Who has nothing to send sends one piece, and the next when that is acknowledged. */
static void piece_by_piece_(void)
{
	struct conn *c = in_established();
	static uint8_t buf[65536];
	int round, n, got;
	uint32_t end;
	struct seg *s;

	hog();
	mem("1 2 3");
	for (round = 0; round < 5; round++) {
		pattern_fill(buf, c->written, sizeof(buf));
		n = sys(send(c->fd, buf, sizeof(buf), MSG_NOSIGNAL));
		check(n > 0 && n <= 16384, "%d bytes without memory", n);
		sys_err(send(c->fd, buf, 1000, MSG_NOSIGNAL), EAGAIN);
		check(!(poll_now(c->fd) & POLLOUT), "writable");
		c->written += n;
		end = 1 + c->written;
		for (got = 0; got < n; got += s->len) {
			s = next_seg(c, 2000);
			check(s && s->seq - c->iss == end - n + got, "%d of %d bytes", got, n);
			c->ts_recent = s->o.tsval;
		}
		inject(c, ACK, 1, end);
		fence();
		check(poll_now(c->fd) & POLLOUT, "not writable");
	}
}

static void piece_by_piece(void)
{
	apart(piece_by_piece_);
}

const struct row pressure_rows[] = {
	ROW(ROW_XTCP, "mem: a full buffer opens by four segments while memory is short",
	    four_segments),
	ROW(ROW_XTCP, "mem: nothing left: a segment on credit, then a window of zero", on_credit),
	ROW(ROW_XTCP, "mem: nothing left: one piece is sent at a time", piece_by_piece),
	{ NULL }
};
