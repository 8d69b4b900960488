// SPDX-License-Identifier: GPL-2.0-only
/*
 * What comes while a program has the socket locked: segments go to the backlog, timers are put off.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smp.h"

#define LOCKED_WANT	50
#define LOCKED_CHUNK	(256 * 1024)

static int locked_fd[2];		/* both ends of one connection */
static atomic_bool locked_stop;

/* The pattern's byte at a place in the stream */
static uint8_t locked_byte(uint32_t at)
{
	return (at * 2654435761u) >> 24;
}

static void *locked_sender(void *unused)
{
	uint8_t *buf = malloc(LOCKED_CHUNK);
	uint32_t at = 0;

	smp_pin(0);
	while (!atomic_load(&locked_stop)) {
		ssize_t n;
		int i;

		for (i = 0; i < LOCKED_CHUNK; i++)
			buf[i] = locked_byte(at + i);
		n = send(locked_fd[0], buf, LOCKED_CHUNK, MSG_NOSIGNAL);
		if (n < 0)
			smp_fail("send");
		at += n;
	}
	shutdown(locked_fd[0], SHUT_WR);
	free(buf);
	return NULL;
}

static void *locked_receiver(void *unused)
{
	uint8_t *buf = malloc(LOCKED_CHUNK);
	uint32_t at = 0;
	ssize_t n;

	smp_pin(1);
	while ((n = recv(locked_fd[1], buf, LOCKED_CHUNK, 0)) > 0) {
		ssize_t i;

		for (i = 0; i < n; i++) {
			if (buf[i] != locked_byte(at + i))
				smp_fail("byte %u of the stream is wrong", (uint32_t)(at + i));
		}
		at += n;
	}
	if (n < 0)
		smp_fail("recv");
	printf("# %u bytes, all right\n", at);
	free(buf);
	return NULL;
}

/* Takes and leaves both sockets' locks as fast as it can. */
static void *locked_asker(void *cpu)
{
	smp_pin((int)(intptr_t)cpu);
	while (!atomic_load(&locked_stop)) {
		struct tcp_info info;
		socklen_t len = sizeof(info);

		if (getsockopt(locked_fd[smp_random(2)], IPPROTO_TCP, TCP_INFO, &info, &len))
			smp_fail("TCP_INFO");
		if (!smp_random(64)) {
			int one = (int)smp_random(2), fd = locked_fd[smp_random(2)];

			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		}
	}
	return NULL;
}

static unsigned long locked_until(const char *counter, unsigned long want)
{
	double end = smp_seconds() + SMP_BOUND_S;
	unsigned long now;

	do {
		usleep(10000);
		now = smp_counter(counter);
	} while (now < want && smp_seconds() < end);
	return now;
}

static void locked_connect(void)
{
	int listener = smp_listen("127.0.0.1", 80);

	smp_pair(listener, "127.0.0.1", 80, &locked_fd[0], &locked_fd[1]);
	close(listener);
}

/* One connection over lo: its sender, its receiver and two that only ask, each on its own CPU */
void test_backlog(void)
{
	pthread_t t[4];
	unsigned long n;
	int i;

	locked_connect();
	pthread_create(&t[0], NULL, locked_sender, NULL);
	pthread_create(&t[1], NULL, locked_receiver, NULL);
	pthread_create(&t[2], NULL, locked_asker, (void *)2);
	pthread_create(&t[3], NULL, locked_asker, (void *)3);
	n = locked_until("BacklogQueued", LOCKED_WANT);
	atomic_store(&locked_stop, true);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	close(locked_fd[0]);
	close(locked_fd[1]);
	printf("# %lu segments went to the backlog\n", n);
	if (n < LOCKED_WANT)
		smp_fail("segments hardly ever found the socket locked");
}

/* One byte now and then: each makes the receiver start its delayed ACK timer. */
static void *locked_dripper(void *unused)
{
	smp_pin(0);
	while (!atomic_load(&locked_stop)) {
		char byte = 1;

		if (send(locked_fd[0], &byte, 1, MSG_NOSIGNAL) != 1)
			smp_fail("send");
		if (recv(locked_fd[1], &byte, 1, 0) != 1)
			smp_fail("recv");
		/* longer than delack_ms: the ACK is the timer's business */
		usleep(5000 + smp_random(3000));
	}
	return NULL;
}

/* Holds the lock for long stretches: peeks at a queue full of data. */
static void *locked_hog(void *cpu)
{
	static char dump[2][LOCKED_CHUNK];
	int me = (int)(intptr_t)cpu;

	smp_pin(me);
	while (!atomic_load(&locked_stop)) {
		struct tcp_info info;
		socklen_t len = sizeof(info);
		int i;

		recv(locked_fd[1], dump[me & 1], LOCKED_CHUNK, MSG_PEEK | MSG_DONTWAIT);
		for (i = 0; i < 20; i++)
			getsockopt(locked_fd[i & 1], IPPROTO_TCP, TCP_INFO, &info, &len);
	}
	return NULL;
}

/*
 * The receive queue holds data that only gets peeked at, which keeps the socket locked most of the
 * time; small segments in both directions keep the delayed ACK timer (4 ms) at work.
 */
void test_timer(void)
{
	static char fill[64 * 1024];
	pthread_t t[3];
	unsigned long n;
	int i;

	smp_sysctl("delack_ms", "4");
	locked_connect();
	if (send(locked_fd[0], fill, sizeof(fill), 0) != sizeof(fill))
		smp_fail("send");
	pthread_create(&t[0], NULL, locked_dripper, NULL);
	pthread_create(&t[1], NULL, locked_hog, (void *)2);
	pthread_create(&t[2], NULL, locked_hog, (void *)3);
	n = locked_until("TimersDeferred", LOCKED_WANT);
	atomic_store(&locked_stop, true);
	for (i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	close(locked_fd[0]);
	smp_abort(locked_fd[1]);
	printf("# %lu timers found the socket locked\n", n);
	if (n < LOCKED_WANT)
		smp_fail("timers hardly ever found the socket locked");
}
