// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data held back, by a rate or by a full queue below, while their connection is used from other
 * CPUs and ends in one way or another.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smp.h"

#define PACED_PORT	7500
#define PACED_CLIENTS	4
#define PACED_WAITS	200	/* wanted of each kind */

static atomic_bool paced_over;

static void *paced_server(void *arg)
{
	int listener = *(int *)arg;
	char buf[16384];

	while (!atomic_load(&paced_over)) {
		int fd = smp_accept(listener, 100);
		int left = (int)smp_random(64);

		if (fd < 0)
			continue;
		while (left-- && recv(fd, buf, sizeof(buf), 0) > 0)
			;
		smp_end(fd);
	}
	return NULL;
}

/* Another rate at a time of its own, from a thread that does not wait for the sender. */
static void paced_rate(int fd)
{
	unsigned int rate = smp_random(8) ? 20000 + smp_random(5000000) : ~0U;

	setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate));
}

static void paced_write(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 1 };
	static const char much[65536];
	int i, writes = 1 + (int)smp_random(16);
	bool paced = smp_random(2);

	for (i = 0; i < writes; i++) {
		if (paced)
			paced_rate(fd);
		if (send(fd, much, 1 + smp_random(sizeof(much)), MSG_NOSIGNAL) < 0 && !smp_fair())
			smp_fail("send");
	}
	if (!smp_random(8))
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static void *paced_client(void *arg)
{
	(void)arg;
	while (!atomic_load(&paced_over)) {
		int fd = smp_connect("127.0.0.1", PACED_PORT);

		if (fd < 0) {
			if (!smp_fair())
				smp_fail("connect");
			continue;
		}
		paced_write(fd);
		smp_end(fd);
	}
	return NULL;
}

static void paced_command(const char *command)
{
	if (system(command))
		smp_fail("%s", command);
}

static void paced_qdisc(const char *what)
{
	char command[256];

	snprintf(command, sizeof(command), "tc qdisc replace dev lo root %s", what);
	paced_command(command);
}

static void paced_until(const char *counter, const char *qdisc)
{
	unsigned long from = smp_counter(counter);
	double end = smp_seconds() + SMP_BOUND_S;

	while (smp_counter(counter) - from < PACED_WAITS) {
		if (smp_seconds() > end)
			smp_fail("%s moved by %lu only, with %s", counter,
				 smp_counter(counter) - from, qdisc);
		usleep(20000);
	}
	printf("# %s: %s moved by %lu\n", qdisc, counter, smp_counter(counter) - from);
}

/*
 * Traffic through @qdisc until @counter has moved often enough. The qdisc goes while it holds what
 * orphans have sent, but not under programs: a RST that it swallows is sent once, and without it
 * the other end would read, or wait for its window, for ever.
 */
static void paced_phase(const char *counter, const char *qdisc)
{
	int listener = smp_listen("127.0.0.1", PACED_PORT), i;
	pthread_t server[PACED_CLIENTS], client[PACED_CLIENTS];

	paced_qdisc(qdisc);
	atomic_store(&paced_over, false);
	for (i = 0; i < PACED_CLIENTS; i++) {
		pthread_create(&server[i], NULL, paced_server, &listener);
		pthread_create(&client[i], NULL, paced_client, NULL);
	}
	paced_until(counter, qdisc);
	atomic_store(&paced_over, true);
	for (i = 0; i < PACED_CLIENTS; i++)
		pthread_join(server[i], NULL);
	/* what nobody accepts any more would hold its writer for ever */
	close(listener);
	for (i = 0; i < PACED_CLIENTS; i++)
		pthread_join(client[i], NULL);
}

void test_paced(void)
{
	/* what is slow, or refused, must not keep orphans for minutes */
	smp_sysctl("orphan_retries", "1");
	smp_sysctl("msl_ms", "1");
	/* and a RST may be lost: those of a full queue are */
	smp_sysctl("dead_peer_ms", "5000");
	/* segments as elsewhere, so that there are many */
	paced_command("ip link set lo mtu 1500");
	paced_phase("PaceWaits", "pfifo limit 1000");
	paced_phase("QueueWaits", "tbf rate 20mbit burst 16kb limit 4mb");
	paced_phase("PaceWaits", "fq");
	/* the qdisc goes with all that waits in it */
	paced_qdisc("pfifo limit 1000");
}
