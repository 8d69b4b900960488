// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two functions at the same moment: the left one here on CPU 0, the right one in a thread on CPU 1.
 * A few hundred idle steps, at random, before either let the two sweep past each other.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "smp.h"

#define DUEL_JITTER	3000

static pthread_t duel_thread;
static smp_side *duel_right;
static void *duel_arg;
static atomic_uint duel_go, duel_done;
static atomic_bool duel_stop;

static void duel_idle(void)
{
	uint32_t n = smp_random(2) ? smp_random(DUEL_JITTER) : 0;

	while (n--)
		__asm__ volatile("" ::: "memory");
}

/* Spins: sleeping would take longer than the race does. Yields in case a CPU is missing. */
static void duel_await(atomic_uint *what, unsigned int value)
{
	unsigned int n = 0;

	while (atomic_load(what) != value && !atomic_load(&duel_stop)) {
		if (++n % 100000 == 0)
			sched_yield();
	}
}

static void *duel_loop(void *unused)
{
	unsigned int round = 0;

	smp_pin(1);
	for (;;) {
		duel_await(&duel_go, ++round);
		if (atomic_load(&duel_stop))
			return NULL;
		duel_idle();
		duel_right(duel_arg);
		atomic_store(&duel_done, round);
	}
}

void smp_duel_begin(void)
{
	smp_pin(0);
	if (pthread_create(&duel_thread, NULL, duel_loop, NULL))
		smp_fail("pthread_create");
}

void smp_duel(smp_side *left, smp_side *right, void *arg)
{
	unsigned int round = atomic_load(&duel_go) + 1;

	duel_right = right;
	duel_arg = arg;
	atomic_store(&duel_go, round);
	duel_idle();
	left(arg);
	duel_await(&duel_done, round);
}

void smp_duel_end(void)
{
	atomic_store(&duel_stop, true);
	pthread_join(duel_thread, NULL);
}
