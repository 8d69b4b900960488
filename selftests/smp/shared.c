// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets that four threads use at once, each in its own way, closing them under the others' hands.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/sockios.h>
#include <unistd.h>

#include "smp.h"

#define SHARED_SLOTS	6
#define SHARED_THREADS	4
#define SHARED_ROUNDS	2500		/* of each thread */
#define SHARED_PORT	7300

static atomic_int shared_slot[SHARED_SLOTS];
static atomic_ulong shared_done[16];
static int shared_listener;

/* Only who takes a descriptor out of its slot closes it, so each is closed once. */
static void shared_put(int fd)
{
	int old = atomic_exchange(&shared_slot[smp_random(SHARED_SLOTS)], fd);

	if (old >= 0)
		close(old);
}

static void shared_fresh(int unused)
{
	int active = smp_connect("127.0.0.1", SHARED_PORT), passive;

	/*
	 * Another thread may still use this number for the socket that had it before, and
	 * connect, shut down or listen where this one is at work: any error is right then.
	 */
	if (active < 0)
		return;
	fcntl(active, F_SETFL, O_NONBLOCK);
	shared_put(active);
	/* other threads' ones, perhaps: all the same */
	while ((passive = smp_accept(shared_listener, 0)) >= 0) {
		fcntl(passive, F_SETFL, O_NONBLOCK);
		shared_put(passive);
	}
}

static void shared_setsockopt(int fd)
{
	static const struct {
		int level, name, below;
	} option[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 2 },	{ IPPROTO_TCP, TCP_CORK, 2 },
		{ IPPROTO_TCP, TCP_QUICKACK, 2 },	{ IPPROTO_TCP, TCP_KEEPIDLE, 3 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 500 },	{ IPPROTO_TCP, TCP_WINDOW_CLAMP, 90000 },
		{ IPPROTO_TCP, TCP_MAXSEG, 1400 },	{ IPPROTO_TCP, TCP_LINGER2, 3 },
		{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, 70000 },
		{ SOL_SOCKET, SO_KEEPALIVE, 2 },	{ SOL_SOCKET, SO_RCVBUF, 200000 },
		{ SOL_SOCKET, SO_SNDBUF, 200000 },	{ SOL_SOCKET, SO_REUSEADDR, 2 },
		{ SOL_SOCKET, SO_OOBINLINE, 2 },	{ SOL_SOCKET, SO_RCVLOWAT, 3000 },
		{ IPPROTO_IP, IP_TOS, 256 },		{ IPPROTO_IP, IP_TTL, 256 },
		{ SOL_XTCP, XTCP_MSL_MS, 50 },		{ SOL_XTCP, XTCP_DEAD_PEER_MS, 3000 },
		{ SOL_XTCP, XTCP_RTO_MAX_MS, 3000 },
	};
	unsigned int i = smp_random(sizeof(option) / sizeof(option[0]));
	int value = (int)smp_random(option[i].below);

	/* which values are allowed is for other tests */
	setsockopt(fd, option[i].level, option[i].name, &value, sizeof(value));
}

static void shared_getsockopt(int fd)
{
	struct sockaddr_storage ss;
	struct xtcp_info xi;
	struct tcp_info ti;
	socklen_t len = sizeof(ti);
	int n;

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &ti, &len);
	len = sizeof(xi);
	getsockopt(fd, SOL_XTCP, XTCP_INFO, &xi, &len);
	len = sizeof(ss);
	getpeername(fd, (struct sockaddr *)&ss, &len);
	ioctl(fd, SIOCINQ, &n);
	ioctl(fd, SIOCOUTQ, &n);
}

static void shared_send(int fd)
{
	static const char data[32 * 1024];

	send(fd, data, 1 + smp_random(sizeof(data)), MSG_NOSIGNAL | MSG_DONTWAIT |
	     (smp_random(8) ? 0 : MSG_OOB) | (smp_random(4) ? 0 : MSG_MORE));
}

static void shared_recv(int fd)
{
	char data[16 * 1024];

	recv(fd, data, 1 + smp_random(sizeof(data)), MSG_DONTWAIT | (smp_random(4) ? 0 : MSG_PEEK) |
	     (smp_random(8) ? 0 : MSG_OOB));
}

static void shared_poll(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };

	/* sometimes asleep when the others come */
	poll(&p, 1, (int)smp_random(3));
}

static void shared_shutdown(int fd)
{
	if (!smp_random(3))
		shutdown(fd, (int)smp_random(3));
}

static void shared_close(int unused)
{
	int fd = atomic_exchange(&shared_slot[smp_random(SHARED_SLOTS)], -1);

	if (fd < 0)
		return;
	if (smp_random(4))
		close(fd);
	else
		smp_abort(fd);
}

/* connect(AF_UNSPEC), and on with the same socket */
static void shared_disconnect(int fd)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	union smp_sockaddr to;
	socklen_t len;

	if (smp_random(3))
		return;
	connect(fd, &none, sizeof(none));
	len = smp_address("127.0.0.1", SHARED_PORT, &to);
	connect(fd, &to.any, len);
}

/* Works on one that was disconnected or is fresh; its port is its own choice. */
static void shared_listen(int fd)
{
	if (!smp_random(3))
		listen(fd, 4);
}

static void (*const shared_do[])(int fd) = {
	shared_fresh, shared_fresh, shared_close, shared_shutdown, shared_disconnect,
	shared_listen, shared_setsockopt, shared_setsockopt, shared_getsockopt, shared_send,
	shared_send, shared_recv, shared_recv, shared_poll,
};

#define SHARED_WAYS	(sizeof(shared_do) / sizeof(shared_do[0]))

static void *shared_thread(void *cpu)
{
	double end = smp_seconds() + SMP_BOUND_S;
	unsigned int i, way;

	smp_pin((int)(intptr_t)cpu);
	for (i = 0; i < SHARED_ROUNDS && smp_seconds() < end; i++) {
		int fd = atomic_load(&shared_slot[smp_random(SHARED_SLOTS)]);

		way = smp_random(SHARED_WAYS);
		shared_do[way](fd);
		atomic_fetch_add(&shared_done[way], 1);
	}
	return NULL;
}

void test_shared(void)
{
	pthread_t t[SHARED_THREADS];
	unsigned long all = 0;
	intptr_t i;

	/* a connection whose other end has gone without a word ends soon */
	smp_sysctl("orphan_retries", "2");
	smp_sysctl("dead_peer_ms", "5000");
	smp_sysctl("fin_wait2_ms", "1000");
	for (i = 0; i < SHARED_SLOTS; i++)
		atomic_store(&shared_slot[i], -1);
	shared_listener = smp_listen("127.0.0.1", SHARED_PORT);
	for (i = 0; i < SHARED_THREADS; i++)
		pthread_create(&t[i], NULL, shared_thread, (void *)i);
	for (i = 0; i < SHARED_THREADS; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i < SHARED_SLOTS; i++) {
		int fd = atomic_exchange(&shared_slot[i], -1);

		if (fd >= 0)
			close(fd);
	}
	close(shared_listener);
	for (i = 0; i < (intptr_t)SHARED_WAYS; i++) {
		all += shared_done[i];
		if (!shared_done[i])
			smp_fail("way %d was never gone", (int)i);
	}
	printf("# %lu calls, %lu connections, %lu ended by close\n", all,
	       smp_counter("PassiveOpens"), shared_done[2]);
	if (all < SHARED_THREADS * SHARED_ROUNDS || smp_counter("PassiveOpens") < 100)
		smp_fail("too little happened");
}
