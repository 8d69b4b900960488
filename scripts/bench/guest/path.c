// SPDX-License-Identifier: GPL-2.0-only
/* Over a link: how long a transfer takes, and how two flows share. Times are the guest's. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define PORT 7003

/* What the processes of one measurement tell each other */
struct shared {
	double begin;		/* when the client called connect() */
	double end;		/* when the last byte was read */
	uint64_t bytes[STACKS];	/* read in the measured time */
};

static struct shared *shared;
static char chunk[CHUNK];

static void share_memory(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	check(shared != MAP_FAILED, "mmap");
}

/* A process in namespace @ns that listens, says so, and takes one connection */
static pid_t server(const struct options *o, enum stack s, void (*serve)(const struct options *o,
									 enum stack s, int fd))
{
	int up[2];
	pid_t pid;
	char b;

	check(!pipe(up), "pipe");
	pid = child();
	if (!pid) {
		int lis;

		enter_ns(o, s, o->server_ns);
		lis = listen_on(s, o->addr, PORT + s, 1);
		check(write(up[1], "", 1) == 1, "pipe");
		serve(o, s, accept_one(lis));
		_exit(0);
	}
	close(up[1]);
	check(read(up[0], &b, 1) == 1, "the server");
	close(up[0]);
	return pid;
}

static void read_until_end(const struct options *o, enum stack s, int fd)
{
	long left = o->count * 1024;

	(void)s;
	while (left) {
		ssize_t n = recv(fd, chunk, CHUNK, 0);

		check(n > 0, "recv");
		left -= n;
	}
	shared->end = now_s();
	check(recv(fd, chunk, 1, 0) == 0, "end of the stream");
	close(fd);
}

/* A child that notes the course of the transfer until it is told to stop */
static pid_t sampler(const struct options *o, enum stack s, int fd)
{
	struct timespec ts = { .tv_nsec = o->sample_us * 1000 };
	pid_t pid = child();

	if (pid)
		return pid;
	for (;;) {
		struct tcp_info ti;
		socklen_t len = sizeof(ti);

		memset(&ti, 0, sizeof(ti));
		if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &ti, &len))
			_exit(0);
		printf("S %s %s %.3f %u %u %llu\n", o->figure, stack_name[s],
		       1000 * (now_s() - shared->begin), ti.tcpi_snd_cwnd,
		       ti.tcpi_snd_ssthresh, (unsigned long long)ti.tcpi_bytes_acked);
		fflush(stdout);
		nanosleep(&ts, NULL);
	}
}

static void send_it(const struct options *o, enum stack s)
{
	long left = o->count * 1024;
	pid_t pid = 0;
	int fd;

	enter_ns(o, s, o->client_ns);
	shared->begin = now_s();
	fd = connect_to(s, o->addr, PORT + s);
	if (o->sample_us)
		pid = sampler(o, s, fd);
	while (left) {
		size_t n = left < CHUNK ? left : CHUNK;

		send_all(fd, chunk, n);
		left -= n;
	}
	check(!shutdown(fd, SHUT_WR), "shutdown");
	/* until the peer has all of it */
	check(recv(fd, chunk, 1, 0) == 0, "end of the stream");
	if (pid)
		kill(pid, SIGKILL);
	close(fd);
}

/* Goodput of @count KiB, Mbit/s, from connect() to the last byte read */
void bench_transfer(const struct options *o)
{
	int rep, i;

	share_memory();
	for (rep = o->first_rep; rep < o->first_rep + o->reps; rep++)
		for (i = 0; i < STACKS; i++) {
			enum stack s = (i + rep) % STACKS;
			pid_t srv, cli;

			if (!o->stack[s])
				continue;
			srv = server(o, s, read_until_end);
			cli = child();
			if (!cli) {
				send_it(o, s);
				_exit(0);
			}
			reap(cli);
			reap(srv);
			result(o, "", s, rep,
			       o->count * 1024 * 8 / 1e6 / (shared->end - shared->begin));
			pause_s(2);
		}
}

/* Counts what comes between a quarter of the time and its end */
static void read_and_count(const struct options *o, enum stack s, int fd)
{
	double from = shared->begin + o->ms / 4000.0, to = shared->begin + o->ms / 1000.0;
	ssize_t n;

	while ((n = recv(fd, chunk, CHUNK, 0)) > 0) {
		double t = now_s();

		if (t >= from && t < to)
			shared->bytes[s] += n;
	}
	_exit(0);
}

static pid_t sender(const struct options *o, enum stack s)
{
	pid_t pid = child();
	int fd;

	if (pid)
		return pid;
	enter_ns(o, s, o->client_ns);
	fd = connect_to(s, o->addr, PORT + s);
	if (o->sample_us)
		sampler(o, s, fd);
	while (now_s() < shared->begin + o->ms / 1000.0 + 0.1)
		send_all(fd, chunk, 8192);
	_exit(0);
}

/* One flow of each stack at a time: which part of all bytes, in percent, each got */
void bench_share(const struct options *o)
{
	struct timespec late = { .tv_nsec = 100000000 };
	pid_t pid[2 * STACKS];
	int rep, i;

	share_memory();
	for (rep = o->first_rep; rep < o->first_rep + o->reps; rep++) {
		double all;

		memset(shared, 0, sizeof(*shared));
		shared->begin = now_s();
		for (i = 0; i < STACKS; i++)
			pid[i] = server(o, i, read_and_count);
		for (i = 0; i < STACKS; i++) {
			pid[STACKS + i] = sender(o, (i + rep) % STACKS);
			nanosleep(&late, NULL);
		}
		for (i = 0; i < STACKS; i++)
			reap(pid[STACKS + i]);
		for (i = 0; i < STACKS; i++) {
			kill(pid[i], SIGKILL);
			waitpid(pid[i], NULL, 0);
		}
		all = shared->bytes[TCP] + shared->bytes[XTCP];
		for (i = 0; i < STACKS; i++)
			result(o, "", i, rep, all ? 100 * shared->bytes[i] / all : 0);
		pause_s(20);
	}
}

static void sink_one(int lis)
{
	int fd = accept_one(lis);
	ssize_t n;

	while ((n = recv(fd, chunk, CHUNK, 0)) > 0)
		;
	check(!n, "recv");
	close(fd);
}

/* The far machine: reads @reps connections of each stack to their ends. */
void bench_sink(const struct options *o)
{
	struct pollfd p[STACKS];
	int left = STACKS * o->reps;
	enum stack s;

	for (s = 0; s < STACKS; s++) {
		p[s].fd = listen_on(s, o->addr, PORT + s, 8);
		p[s].events = POLLIN;
	}
	while (left) {
		check(poll(p, STACKS, -1) > 0, "poll");
		for (s = 0; s < STACKS; s++)
			if (p[s].revents & POLLIN) {
				sink_one(p[s].fd);
				left--;
			}
	}
}

/* The far machine may not listen yet: tries for 30 s */
static int connect_soon(enum stack s, const char *addr, int port)
{
	struct timespec ts = { .tv_nsec = 100000000 };
	int tries;

	for (tries = 0; tries < 300; tries++) {
		union address a;
		socklen_t len = parse_address(&a, addr, port);
		int fd = open_socket(s, a.any.sa_family);

		if (!connect(fd, &a.any, len))
			return fd;
		check(errno == ECONNREFUSED, "connect");
		close(fd);
		nanosleep(&ts, NULL);
	}
	die("nobody listens at %s:%d", addr, port);
}

/* The near machine: Mbit/s of @count KiB, by this machine's clock. */
void bench_source(const struct options *o)
{
	int rep, i;

	for (rep = o->first_rep; rep < o->first_rep + o->reps; rep++)
		for (i = 0; i < STACKS; i++) {
			enum stack s = (i + rep) % STACKS;
			int fd = connect_soon(s, o->addr, PORT + s);
			double begin = now_s();
			long n;

			for (n = 0; n < o->count * 1024 / CHUNK; n++)
				send_all(fd, chunk, CHUNK);
			check(!shutdown(fd, SHUT_WR), "shutdown");
			check(recv(fd, chunk, 1, 0) == 0, "end of the stream");
			result(o, "", s, rep,
			       o->count * 1024 * 8 / 1e6 / (now_s() - begin));
			close(fd);
		}
}
