// SPDX-License-Identifier: GPL-2.0-only
/*
 * One port and four threads that want it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smp.h"

#define PORTS_PORT	7200
#define PORTS_THREADS	4
#define PORTS_ALL	0x1f		/* the members of the group: threads and keeper */
#define PORTS_WANT	25		/* for each thread, with each stack */

static atomic_int ports_holders, ports_waiting;
static atomic_bool ports_over;
static atomic_ulong ports_refused;

/* An address that is in the way of all the others: 127.0.0.1, 0.0.0.0, or :: for both families */
static int ports_bind(int fd, bool v6)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORTS_PORT) };
	union smp_sockaddr to;
	socklen_t len;

	if (v6)
		return bind(fd, (struct sockaddr *)&sin6, sizeof(sin6));
	len = smp_address(smp_random(2) ? "127.0.0.1" : "0.0.0.0", PORTS_PORT, &to);
	return bind(fd, &to.any, len);
}

/* A connection or two to the listener; closing it has something to throw away then. */
static void ports_use(int listener)
{
	int n = (int)smp_random(3), passive;

	while (n--) {
		int fd = smp_connect("127.0.0.1", PORTS_PORT);

		if (fd < 0)
			smp_fail("connect to a listener that is there");
		if (smp_random(2)) {
			passive = smp_accept(listener, 10000);
			if (passive < 0)
				smp_fail("accept");
			smp_abort(passive);
		}
		smp_abort(fd);
	}
}

/* Return: true if this thread had the port. */
static bool ports_try(bool xtcp)
{
	bool v6 = !smp_random(3);
	int fd = xtcp ? smp_socket() :
		 socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		smp_fail("socket");
	if (ports_bind(fd, v6)) {
		if (errno != EADDRINUSE)
			smp_fail("bind");
		atomic_fetch_add(&ports_refused, 1);
		close(fd);
		return false;
	}
	if (atomic_fetch_add(&ports_holders, 1))
		smp_fail("two have the port, neither with SO_REUSEADDR");
	if (smp_random(2)) {
		if (listen(fd, 8))
			smp_fail("listen by who has the port");
		fcntl(fd, F_SETFL, O_NONBLOCK);
		if (xtcp)
			ports_use(fd);
	}
	atomic_fetch_sub(&ports_holders, 1);
	close(fd);
	return true;
}

static void *ports_thread(void *cpu)
{
	unsigned long had[2] = { 0 };
	double end = smp_seconds() + SMP_BOUND_S;

	smp_pin((int)(intptr_t)cpu);
	/* whoever has had enough goes on until all have */
	while (atomic_load(&ports_waiting) && smp_seconds() < end) {
		bool xtcp = smp_random(2);

		if (!ports_try(xtcp)) {
			sched_yield();
			continue;
		}
		had[xtcp]++;
		if (had[xtcp] == PORTS_WANT && had[!xtcp] >= PORTS_WANT)
			atomic_fetch_sub(&ports_waiting, 1);
		/* let others have a go */
		sched_yield();
	}
	if (had[0] < PORTS_WANT || had[1] < PORTS_WANT)
		smp_fail("had the port %lu times with TCP and %lu with XTCP", had[0], had[1]);
	return NULL;
}

/* Bound by one at a time, whichever stack it belongs to. */
void test_ports(void)
{
	pthread_t t[PORTS_THREADS];
	intptr_t i;

	atomic_store(&ports_waiting, PORTS_THREADS);
	for (i = 0; i < PORTS_THREADS; i++)
		pthread_create(&t[i], NULL, ports_thread, (void *)i);
	for (i = 0; i < PORTS_THREADS; i++)
		pthread_join(t[i], NULL);
	printf("# refused %lu times\n", ports_refused);
	if (!ports_refused)
		smp_fail("the threads never met");
}

static int ports_group_listener(void)
{
	union smp_sockaddr to;
	socklen_t len;
	int fd = smp_socket(), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	len = smp_address("127.0.0.1", PORTS_PORT, &to);
	if (bind(fd, &to.any, len))
		smp_fail("bind with SO_REUSEPORT");
	if (listen(fd, 64))
		smp_fail("listen with SO_REUSEPORT");
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static atomic_uint ports_members;	/* bit for each that answered somebody */

static void ports_group_serve(int listener, intptr_t me, int most)
{
	while (most-- && !atomic_load(&ports_over)) {
		int fd = smp_accept(listener, 50);
		char byte;

		if (fd < 0)
			continue;
		if (recv(fd, &byte, 1, 0) == 1 && send(fd, &byte, 1, MSG_NOSIGNAL) == 1)
			atomic_fetch_or(&ports_members, 1u << me);
		close(fd);
	}
}

/* Comes and goes. */
static void *ports_member(void *arg)
{
	intptr_t me = (intptr_t)arg;

	smp_pin((int)me);
	while (!atomic_load(&ports_over)) {
		int listener = ports_group_listener();

		ports_group_serve(listener, me, 1 + (int)smp_random(4));
		close(listener);
	}
	return NULL;
}

static atomic_ulong ports_answered, ports_broken;
static atomic_bool ports_enough;
static atomic_int ports_clients = 3;

static void *ports_client(void *arg)
{
	smp_pin((int)(intptr_t)arg);
	while (!atomic_load(&ports_enough)) {
		int fd = smp_connect("127.0.0.1", PORTS_PORT);
		char byte = 1;

		/* a listener is always there: nobody may be told otherwise */
		if (fd < 0 && errno != ECONNRESET)
			smp_fail("connect to a group of listeners");
		if (fd < 0)
			continue;
		if (send(fd, &byte, 1, MSG_NOSIGNAL) == 1 && recv(fd, &byte, 1, 0) == 1)
			atomic_fetch_add(&ports_answered, 1);
		else if (smp_fair() || !errno)
			atomic_fetch_add(&ports_broken, 1);
		else
			smp_fail("connection to a group of listeners");
		smp_abort(fd);
	}
	atomic_fetch_sub(&ports_clients, 1);
	return NULL;
}

/* Listeners of one group join and leave while connections come. */
void test_reuseport(void)
{
	double end = smp_seconds() + SMP_BOUND_S;
	pthread_t t[PORTS_THREADS + 3];
	int keeper = ports_group_listener();
	intptr_t i;

	for (i = 0; i < PORTS_THREADS; i++)
		pthread_create(&t[i], NULL, ports_member, (void *)i);
	for (i = 0; i < 3; i++)
		pthread_create(&t[PORTS_THREADS + i], NULL, ports_client, (void *)(i + 1));
	/* the one that stays for all the time is this */
	while ((atomic_load(&ports_answered) < 400 || atomic_load(&ports_members) != PORTS_ALL ||
		!atomic_load(&ports_broken)) && smp_seconds() < end)
		ports_group_serve(keeper, PORTS_THREADS, 1);
	/* as long as there are clients there is a listener; they may wait in its queue */
	atomic_store(&ports_enough, true);
	while (atomic_load(&ports_clients) && smp_seconds() < end)
		ports_group_serve(keeper, PORTS_THREADS, 1);
	atomic_store(&ports_over, true);
	close(keeper);
	for (i = 0; i < PORTS_THREADS + 3; i++)
		pthread_join(t[i], NULL);
	printf("# %lu answered, %lu broken by a listener that left\n", ports_answered,
	       ports_broken);
	if (ports_answered < 400 || ports_members != PORTS_ALL || !ports_broken)
		smp_fail("too little happened: members %#x", ports_members);
}
