// SPDX-License-Identifier: GPL-2.0-only
/* The fuzz target with seeded random inputs, for a run without libFuzzer (fuzz_options.c). */
#include "pure.h"

#include "fuzz_options.c"

#define INPUTS	200000
#define LONGEST	64

/* Kinds and lengths that exist are likelier than chance makes them. */
static u8 octet(struct pure_rng *rng)
{
	static const u8 likely[] = { 0, 1, 2, 3, 4, 5, 8, 10, 18, 28, 34 };

	if (pure_rng_below(rng, 2))
		return likely[pure_rng_below(rng, ARRAY_SIZE(likely))];
	return (u8)pure_rng_next(rng);
}

TEST(any_options)
{
	struct pure_rng rng = { .state = pure_seed() };
	u8 data[LONGEST];
	u32 i, k, len;

	TH_LOG("seed %llu", (unsigned long long)rng.state);
	for (i = 0; i < INPUTS; i++) {
		len = pure_rng_below(&rng, LONGEST + 1);
		for (k = 0; k < len; k++)
			data[k] = octet(&rng);
		ASSERT_EQ(0, fuzz_options(data, len));
	}
}

TEST_HARNESS_MAIN
