// SPDX-License-Identifier: GPL-2.0-only
/* The worked example of Documentation/congestion.rst is as good as it says. */
#include "path.h"

/* cc_scalable.c: of Documentation/, or of module/pure/ where it has been put there */
extern const struct xtcp_cc_ops xtcp_cc_scalable;

static void scalable_path(struct path *p, u32 cwnd)
{
	path_init(p, "reno", 10000);
	xtcp_cc_init(&p->cc, &xtcp_cc_scalable, PATH_MSS);
	p->cc.cwnd = cwnd;
	p->cc.ssthresh = cwnd;
}

TEST(example_slow_start_is_as_ever)
{
	struct path p;

	path_init(&p, "reno", 10000);
	xtcp_cc_init(&p.cc, &xtcp_cc_scalable, PATH_MSS);
	EXPECT_EQ(10, p.cc.cwnd);
	path_round(&p);
	EXPECT_EQ(20, p.cc.cwnd);
}

TEST(example_grows_by_a_hundredth_in_a_round_trip)
{
	struct path p;

	scalable_path(&p, 1000);
	path_round(&p);
	EXPECT_EQ(1010, p.cc.cwnd);
	scalable_path(&p, 10000);
	path_round(&p);
	EXPECT_EQ(10100, p.cc.cwnd);
	/* and as Reno while that is less than a segment */
	scalable_path(&p, 50);
	path_round(&p);
	EXPECT_EQ(51, p.cc.cwnd);
}

TEST(example_a_loss_costs_an_eighth)
{
	struct path p;

	scalable_path(&p, 800);
	path_lose(&p);
	EXPECT_EQ(700, p.cc.cwnd);
	xtcp_cc_on_undo(&p.cc, XTCP_CC_CWND_MAX);
	EXPECT_EQ(800, p.cc.cwnd);
	scalable_path(&p, 2);
	path_lose(&p);
	EXPECT_EQ(2, p.cc.cwnd);
}

TEST(example_an_idle_program_proves_nothing)
{
	struct path p;

	scalable_path(&p, 1000);
	p.app_limited = true;
	path_round(&p);
	EXPECT_EQ(1000, p.cc.cwnd);
}

TEST_HARNESS_MAIN
