/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of the pure layer share: seeded random numbers, and buffers
 * that end exactly where they say, so that ASan sees the first octet read or
 * written behind them.
 */
#ifndef XTCP_SELFTESTS_PURE_H
#define XTCP_SELFTESTS_PURE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "port.h"

/**
 * struct pure_rng - random numbers that can be had again
 * @state: splitmix64's counter
 */
struct pure_rng {
	u64 state;
};

static inline u64 pure_rng_next(struct pure_rng *rng)
{
	u64 z = rng->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static inline u32 pure_rng_u32(struct pure_rng *rng)
{
	return (u32)(pure_rng_next(rng) >> 32);
}

/* A number in 0 .. n - 1. */
static inline u32 pure_rng_below(struct pure_rng *rng, u32 n)
{
	return (u32)(((pure_rng_next(rng) >> 32) * n) >> 32);
}

static inline void pure_rng_bytes(struct pure_rng *rng, u8 *p, u32 len)
{
	while (len--)
		*p++ = (u8)pure_rng_next(rng);
}

static inline u64 pure_seed(void)
{
	const char *given = getenv("XTCP_SEED");
	struct timespec now;

	if (given && *given)
		return strtoull(given, NULL, 0);
	clock_gettime(CLOCK_REALTIME, &now);
	return ((u64)now.tv_sec << 20) ^ (u64)now.tv_nsec ^ ((u64)getpid() << 40);
}

/* A generator for one test, which says how to get the same numbers again. */
static inline struct pure_rng pure_rng_start(struct __test_metadata *_metadata)
{
	struct pure_rng rng = { pure_seed() };

	TH_LOG("XTCP_SEED=%llu", (unsigned long long)rng.state);
	return rng;
}

/**
 * struct pure_buf - a heap buffer with nothing behind its last octet
 * @base: what malloc() gave
 * @p: the first octet in use, at the offset asked for
 */
struct pure_buf {
	u8 *base;
	u8 *p;
};

static inline struct pure_buf pure_buf_new(const void *data, u32 len, u32 offset)
{
	struct pure_buf buf;

	buf.base = malloc(offset + len);
	if (!buf.base && offset + len)
		abort();
	buf.p = buf.base + offset;
	if (data && len)
		memcpy(buf.p, data, len);
	return buf;
}

static inline void pure_buf_free(struct pure_buf *buf)
{
	free(buf->base);
}

#endif
