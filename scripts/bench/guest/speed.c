// SPDX-License-Identifier: GPL-2.0-only
/* Instructions: request and answer, connect and close, bulk. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define PORT 7000

static char chunk[CHUNK];

typedef void (*server_fn)(const struct options *o, int lis);
typedef double (*client_fn)(const struct options *o, enum stack s);

/* One sample: the server in a process and namespace of its own, the client in another. */
static void sample(const struct options *o, enum stack s, int rep, server_fn server,
		   client_fn client)
{
	int up[2];
	char b;
	pid_t srv, cli;

	check(!pipe(up), "pipe");
	srv = child();
	if (!srv) {
		int lis;

		enter_ns(o, s, o->server_ns);
		lis = listen_on(s, o->addr, PORT, 128);
		check(write(up[1], "", 1) == 1, "pipe");
		server(o, lis);
		_exit(0);
	}
	close(up[1]);
	check(read(up[0], &b, 1) == 1, "the server");
	cli = child();
	if (!cli) {
		enter_ns(o, s, o->client_ns);
		result(o, "", s, rep, client(o, s));
		_exit(0);
	}
	reap(cli);
	reap(srv);
	close(up[0]);
}

/* Stacks take turns, and so do the places in the turn. @settle: seconds after each sample */
static void samples(const struct options *o, server_fn server, client_fn client, int settle)
{
	int rep, i;

	for (rep = o->first_rep; rep < o->first_rep + o->reps; rep++)
		for (i = 0; i < STACKS; i++) {
			enum stack s = (i + rep) % STACKS;

			if (!o->stack[s])
				continue;
			sample(o, s, rep, server, client);
			if (settle)
				pause_s(settle);
		}
}

static void rr_server(const struct options *o, int lis)
{
	int fd = accept_one(lis);
	char b;

	(void)o;
	while (recv(fd, &b, 1, 0) == 1)
		send_all(fd, &b, 1);
}

static double rr_client(const struct options *o, enum stack s)
{
	int fd = connect_to(s, o->addr, PORT);
	uint64_t start = 0;
	long i, warm = 200;
	char b = 'x';

	for (i = -warm; i < o->count; i++) {
		if (!i)
			start = instructions(o);
		send_all(fd, &b, 1);
		recv_all(fd, &b, 1);
	}
	return (double)(instructions(o) - start) / o->count;
}

void bench_rr(const struct options *o)
{
	samples(o, rr_server, rr_client, 0);
}

/*
 * Both ends in one thread: no process is switched to, which leaves the stack. Loopback and
 * veth deliver before send() returns, so that recv() never waits.
 */
static void alone(const struct options *o, double (*work)(const struct options *o, int c, int d))
{
	int rep, i;

	for (rep = o->first_rep; rep < o->first_rep + o->reps; rep++)
		for (i = 0; i < STACKS; i++) {
			enum stack s = (i + rep) % STACKS;
			int lis, c, d;

			if (!o->stack[s])
				continue;
			enter_ns(o, s, o->server_ns);
			lis = listen_on(s, o->addr, PORT, 128);
			enter_ns(o, s, o->client_ns);
			c = connect_to(s, o->addr, PORT);
			d = accept_one(lis);
			result(o, "", s, rep, work(o, c, d));
			close(c);
			close(d);
			close(lis);
		}
}

static double rr_alone(const struct options *o, int c, int d)
{
	uint64_t start = 0;
	long i, warm = 200;
	char b = 'x';

	for (i = -warm; i < o->count; i++) {
		if (!i)
			start = instructions(o);
		send_all(c, &b, 1);
		recv_all(d, &b, 1);
		send_all(d, &b, 1);
		recv_all(c, &b, 1);
	}
	return (double)(instructions(o) - start) / o->count;
}

/* What one write puts on the way is read before the next */
static double bulk_alone(const struct options *o, int c, int d)
{
	long part[2] = { 16, o->count }, i, n;
	uint64_t start = 0;

	for (i = 0; i < 2; i++) {
		if (i)
			start = instructions(o);
		for (n = 0; n < part[i] * MIB / CHUNK; n++) {
			send_all(c, chunk, CHUNK);
			recv_all(d, chunk, CHUNK);
		}
	}
	return (double)(instructions(o) - start) / o->count;
}

void bench_bulk_alone(const struct options *o)
{
	alone(o, bulk_alone);
}

void bench_rr_alone(const struct options *o)
{
	alone(o, rr_alone);
}

/*
 * On one CPU it is the scheduler that says how often both ends sleep, and how much is queued
 * between them. The default policy changes its mind from run to run, and with it whether a page is
 * used again at once. With SCHED_FIFO each end runs until it has to wait, and then the other. So it
 * is with SCHED_BATCH, where who is woken does not take the CPU, but what frees memory after a
 * while has its turn, too.
 */
static void scheduler(const struct options *o, int policy)
{
	struct sched_param p = { .sched_priority = policy == SCHED_FIFO ? 10 : 0 };

	if (o->steady)
		check(!sched_setscheduler(0, policy, &p), "scheduler");
}

static void conn_server(const struct options *o, int lis)
{
	long i;
	char b;

	scheduler(o, SCHED_BATCH);
	for (i = 0; i < o->count + 20; i++) {
		int fd = accept_one(lis);

		recv_all(fd, &b, 1);
		send_all(fd, &b, 1);
		check(recv(fd, &b, 1, 0) == 0, "end of the stream");
		close(fd);
	}
}

static double conn_client(const struct options *o, enum stack s)
{
	uint64_t start = 0;
	long i, warm = 20;
	char b = 'x';

	scheduler(o, SCHED_BATCH);
	for (i = -warm; i < o->count; i++) {
		int fd;

		if (!i)
			start = instructions(o);
		fd = connect_to(s, o->addr, PORT);
		send_all(fd, &b, 1);
		recv_all(fd, &b, 1);
		close(fd);
	}
	return (double)(instructions(o) - start) / o->count;
}

/* TIME_WAIT entries of one sample are gone before the next begins. */
void bench_conn(const struct options *o)
{
	samples(o, conn_server, conn_client, 65);
}

/*
 * rr and conn with idle connections of the same stack around; the stacks can't take turns.
 */
/*
 * The other connections belong to a process of their own: whoever is measured would inherit their
 * descriptors and close them all at its end. Returns what ends it when closed.
 */
static int keep_others(enum stack s, long n, pid_t *keeper)
{
	int ready[2], end[2];
	char c;

	check(!pipe(ready) && !pipe(end), "pipe");
	*keeper = child();
	if (!*keeper) {
		struct others others = open_others(s, AF_INET, n);

		close(end[1]);
		check(write(ready[1], "", 1) == 1, "ready");
		check(read(end[0], &c, 1) == 0, "end");
		close_others(&others);
		_exit(0);
	}
	close(end[0]);
	close(ready[1]);
	check(read(ready[0], &c, 1) == 1, "others");
	close(ready[0]);
	return end[1];
}

void bench_others(const struct options *o)
{
	struct options rr = *o, conn = *o;
	char name[2][64];
	enum stack s;

	snprintf(name[0], sizeof(name[0]), "rr-%ld", o->others);
	snprintf(name[1], sizeof(name[1]), "conn-%ld", o->others);
	rr.figure = name[0];
	conn.figure = name[1];
	rr.count = 2000;
	want_files(2 * o->others + 64);
	for (s = 0; s < STACKS; s++) {
		pid_t keeper;
		int end;

		if (!o->stack[s])
			continue;
		enter_ns(o, s, o->client_ns);
		end = keep_others(s, o->others, &keeper);
		rr.stack[TCP] = s == TCP;
		rr.stack[XTCP] = s == XTCP;
		memcpy(conn.stack, rr.stack, sizeof(conn.stack));
		pause_s(1);
		samples(&rr, rr_server, rr_client, 0);
		samples(&conn, conn_server, conn_client, 65);
		close(end);
		reap(keeper);
		pause_s(65);
	}
}

/* Says so once the bytes to warm up are read, and again at the end. */
static void bulk_server(const struct options *o, int lis)
{
	long part[2] = { 16, o->count }, i;
	int fd = accept_one(lis);

	scheduler(o, SCHED_FIFO);
	for (i = 0; i < 2; i++) {
		long left = part[i] * MIB;

		while (left) {
			ssize_t n = recv(fd, chunk, left < CHUNK ? left : CHUNK, 0);

			check(n > 0, "recv");
			left -= n;
		}
		send_all(fd, "", 1);
	}
}

/* Of all instructions, what was not idle. Up to 2 % is what task_time() is late by. */
static uint64_t without_idle(const struct options *o, enum stack s, uint64_t all, uint64_t busy)
{
	if (busy > all - all / 50)
		return all;
	printf("I %s %s 0 %.1f\n", o->figure, stack_name[s], 100 - 100.0 * busy / all);
	return busy;
}

static double bulk_client(const struct options *o, enum stack s)
{
	long part[2] = { 16, o->count }, i, n;
	int fd = connect_to(s, o->addr, PORT);
	uint64_t start = 0, all, busy = 0;
	char b;

	scheduler(o, SCHED_FIFO);
	for (i = 0; i < 2; i++) {
		if (i) {
			busy = task_time();
			start = instructions(o);
		}
		for (n = 0; n < part[i] * MIB / CHUNK; n++)
			send_all(fd, chunk, CHUNK);
		recv_all(fd, &b, 1);
	}
	all = instructions(o) - start;
	return (double)without_idle(o, s, all, (task_time() - busy) >> o->shift) / o->count;
}

void bench_bulk(const struct options *o)
{
	samples(o, bulk_server, bulk_client, 0);
}

/*
 * What copying one MiB from user and one to user costs by itself: the slope between
 * short and long reads and writes inside one page of memory, which go through the same
 * copy routines as a socket's.
 */
void bench_copy(const struct options *o)
{
	enum { SHORT = 2048, LONG = 4096, N = 4000 };
	int fd = memfd_create("copy", 0), rep, i, k;
	double cost[4];

	check(fd >= 0, "memfd");
	check(pwrite(fd, chunk, LONG, 0) == LONG, "pwrite");
	/* the first turn finds cold caches and is not told */
	for (rep = -1; rep < o->reps; rep++) {
		for (k = 0; k < 4; k++) {
			int len = k & 1 ? LONG : SHORT;
			uint64_t start = instructions(o);

			for (i = 0; i < N; i++)
				check((k & 2 ? pread(fd, chunk, len, 0) :
					       pwrite(fd, chunk, len, 0)) == len, "copy");
			cost[k] = instructions(o) - start;
		}
		if (rep >= 0)
			printf("R %s both %d %.2f\n", o->figure, rep,
			       (cost[1] - cost[0] + cost[3] - cost[2]) / N / (LONG - SHORT) * MIB);
	}
	fflush(stdout);
}

/* Keep connections open until standard input ends; says "held". */
void bench_hold(const struct options *o)
{
	union address a;
	enum stack s;
	char b;

	parse_address(&a, o->addr, 0);
	want_files(4 * o->others + 64);
	for (s = 0; s < STACKS; s++)
		if (o->stack[s])
			open_others(s, a.any.sa_family, o->others);
	printf("held\n");
	fflush(stdout);
	while (read(0, &b, 1) > 0)
		;
}
