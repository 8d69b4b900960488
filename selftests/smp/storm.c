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

#define STORM_ROUNDS	200
#define STORM_PORT	7000

static atomic_ulong storm_echoed, storm_reset;
static atomic_bool storm_over;

static void *storm_server(void *arg)
{
	int listener = *(int *)arg;

	while (!atomic_load(&storm_over)) {
		int fd = smp_accept(listener, 100);

		if (fd >= 0)
			smp_serve(fd);
		else if (errno != EAGAIN && errno != ECONNABORTED)
			smp_fail("accept");
	}
	return NULL;
}

static void *storm_client(void *arg)
{
	uint16_t port = (uint16_t)(STORM_PORT + (uintptr_t)arg);
	int i;

	for (i = 0; i < STORM_ROUNDS; i++) {
		int fd = smp_connect("127.0.0.1", port);

		if (fd < 0) {
			if (!smp_fair())
				smp_fail("connect");
			continue;
		}
		if (smp_random(8)) {
			bool broken;

			atomic_fetch_add(&storm_echoed, smp_ask(fd, &broken));
			atomic_fetch_add(&storm_reset, broken);
		}
		smp_end(fd);
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
