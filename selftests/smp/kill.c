// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that are killed at random points of whatever they are doing. The kernel closes their
 * sockets for them; nothing may be left of these.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "smp.h"

#define KILL_WORKERS	8
#define KILL_ROUNDS	120
#define KILL_ECHOES	100	/* wanted in all: the victims were busy */
#define KILL_PORT	7100
#define KILL_HELD	16

struct kill_shared {
	atomic_ulong echoed, held, stuffed;
};

static struct kill_shared *kill_shared;

/* Even workers serve: both ports have several servers at a time, or none. */
static int kill_listener(void)
{
	union smp_sockaddr to;
	socklen_t len;
	int fd = smp_socket(), one = 1;

	len = smp_address("127.0.0.1", (uint16_t)(KILL_PORT + smp_random(2)), &to);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	/* what the one before left, half closed, may not have gone yet */
	while (bind(fd, &to.any, len)) {
		if (errno != EADDRINUSE)
			smp_fail("bind");
		sched_yield();
	}
	if (listen(fd, 1 + (int)smp_random(16)))
		smp_fail("listen");
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void kill_serve(void)
{
	int held[KILL_HELD], n = 0, listener = kill_listener();

	for (;;) {
		int fd = smp_accept(listener, 1000);

		if (fd < 0)
			continue;
		if (smp_random(4)) {
			smp_serve(fd);
			continue;
		}
		/* this one is not answered and not read, only kept */
		if (n == KILL_HELD)
			smp_end(held[--n]);
		held[n++] = fd;
		atomic_fetch_add(&kill_shared->held, 1);
	}
}

/* Writes until it is killed, or a server loses patience. */
static void kill_stuff(int fd)
{
	static char much[64 * 1024];

	atomic_fetch_add(&kill_shared->stuffed, 1);
	while (send(fd, much, sizeof(much), MSG_NOSIGNAL) > 0)
		;
	close(fd);
}

static void kill_ask(void)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 1 };
	bool broken;

	for (;;) {
		int fd = smp_connect("127.0.0.1", (uint16_t)(KILL_PORT + smp_random(2)));

		if (fd < 0) {
			if (!smp_fair())
				smp_fail("connect");
			continue;
		}
		switch (smp_random(8)) {
		case 0:
			kill_stuff(fd);
			continue;
		case 1:
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
			break;
		case 2:
			shutdown(fd, SHUT_WR);
			break;
		default:
			atomic_fetch_add(&kill_shared->echoed, smp_ask(fd, &broken));
		}
		smp_end(fd);
	}
}

static pid_t kill_start(unsigned int worker, unsigned int round)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		smp_fail("fork");
	if (pid)
		return pid;
	smp_reseed(1000 + worker + round * KILL_WORKERS);
	smp_pin((int)(worker / 2 % 4));
	if (worker % 2)
		kill_ask();
	else
		kill_serve();
	_exit(1);
}

/* Ends one and waits for it. A worker that has ended by itself has found something wrong. */
static void kill_end(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		smp_fail("waitpid");
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		smp_fail("a worker ended by itself, status %#x", status);
}

void test_kill(void)
{
	double end = smp_seconds() + SMP_BOUND_S;
	pid_t pid[KILL_WORKERS];
	unsigned int i, round;

	kill_shared = mmap(NULL, sizeof(*kill_shared), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (kill_shared == MAP_FAILED)
		smp_fail("mmap");
	for (i = 0; i < KILL_WORKERS; i++)
		pid[i] = kill_start(i, 0);
	for (round = 1; smp_seconds() < end; round++) {
		if (round > KILL_ROUNDS && atomic_load(&kill_shared->echoed) >= KILL_ECHOES)
			break;
		i = smp_random(KILL_WORKERS);
		/* the random point */
		usleep(smp_random(20000));
		kill_end(pid[i]);
		pid[i] = kill_start(i, round);
	}
	for (i = 0; i < KILL_WORKERS; i++)
		kill_end(pid[i]);
	printf("# %u killed, %lu echoes, %lu left unread, %lu writers without an end\n",
	       round - 1 + KILL_WORKERS, kill_shared->echoed, kill_shared->held,
	       kill_shared->stuffed);
	if (kill_shared->echoed < KILL_ECHOES || !kill_shared->held || !kill_shared->stuffed)
		smp_fail("too little happened");
}
