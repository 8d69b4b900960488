// SPDX-License-Identifier: GPL-2.0-only
/*
 * All at once on four CPUs: connections are opened, used and ended in every way there is.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smp.h"

#define STORM_ROUNDS	400
#define STORM_PORT	7000

static atomic_ulong storm_echoed, storm_reset;
static atomic_bool storm_over;

/* What went wrong is something that a broken connection may say. */
static bool storm_fair(void)
{
	return errno == ECONNRESET || errno == EPIPE || errno == ECONNREFUSED ||
	       errno == ETIMEDOUT || errno == ECONNABORTED || errno == ENOTCONN;
}

static void storm_end(int fd)
{
	switch (smp_random(4)) {
	case 0:
		shutdown(fd, SHUT_RDWR);
		close(fd);
		break;
	case 1:
		smp_abort(fd);
		break;
	default:
		close(fd);
	}
}

/* Sends back what comes; sometimes loses patience. */
static void storm_serve(int fd)
{
	int rounds = (int)smp_random(20);
	char buf[4096];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		if (send(fd, buf, n, MSG_NOSIGNAL) < 0)
			break;
		if (!--rounds)
			break;
	}
	if (n < 0 && !storm_fair())
		smp_fail("serving: recv");
	storm_end(fd);
}

static void *storm_server(void *arg)
{
	int listener = *(int *)arg;

	while (!atomic_load(&storm_over)) {
		int fd = smp_accept(listener, 100);

		if (fd >= 0)
			storm_serve(fd);
		else if (errno != EAGAIN && errno != ECONNABORTED)
			smp_fail("accept");
	}
	return NULL;
}

static void storm_ask(int fd)
{
	char out[4096], in[4096];
	int i, rounds = 1 + (int)smp_random(10);

	for (i = 0; i < rounds; i++) {
		size_t len = 1 + smp_random(sizeof(out)), got = 0;

		memset(out, (int)smp_random(256), len);
		if (send(fd, out, len, MSG_NOSIGNAL) != (ssize_t)len)
			goto broken;
		while (got < len) {
			ssize_t n = recv(fd, in + got, len - got, 0);

			if (n <= 0)
				goto broken;
			got += n;
		}
		if (memcmp(in, out, len))
			smp_fail("the echo differs");
		atomic_fetch_add(&storm_echoed, 1);
	}
	return;
broken:
	if (errno && !storm_fair())
		smp_fail("asking");
	atomic_fetch_add(&storm_reset, 1);
}

static void *storm_client(void *arg)
{
	uint16_t port = (uint16_t)(STORM_PORT + (uintptr_t)arg);
	int i;

	for (i = 0; i < STORM_ROUNDS; i++) {
		int fd = smp_connect("127.0.0.1", port);

		if (fd < 0) {
			if (!storm_fair())
				smp_fail("connect");
			continue;
		}
		errno = 0;
		if (smp_random(8))
			storm_ask(fd);
		storm_end(fd);
	}
	return NULL;
}

void test_storm(void)
{
	static int listener[2];
	pthread_t server[4], client[4];
	unsigned long i;

	for (i = 0; i < 2; i++)
		listener[i] = smp_listen("127.0.0.1", (uint16_t)(STORM_PORT + i));
	for (i = 0; i < 4; i++)
		pthread_create(&server[i], NULL, storm_server, &listener[i / 2]);
	for (i = 0; i < 4; i++)
		pthread_create(&client[i], NULL, storm_client, (void *)(i / 2));
	for (i = 0; i < 4; i++)
		pthread_join(client[i], NULL);
	atomic_store(&storm_over, true);
	for (i = 0; i < 4; i++)
		pthread_join(server[i], NULL);
	for (i = 0; i < 2; i++)
		close(listener[i]);
	printf("# %lu echoes, %lu broken connections\n", storm_echoed, storm_reset);
	if (!storm_echoed || !storm_reset)
		smp_fail("too little happened");
}
