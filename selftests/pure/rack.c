// SPDX-License-Identifier: GPL-2.0-only
/* RACK's arithmetic: RFC 8985 6.2. */
#include "pure.h"
#include "rack.h"

#define MS 1000ULL

static struct xtcp_rack begun(void)
{
	struct xtcp_rack r;

	xtcp_rack_init(&r, 1000);
	return r;
}

TEST(RFC8985_6_2_2_newest_delivered)
{
	struct xtcp_rack r = begun();

	xtcp_rack_delivered(&r, 50 * MS, 2000, 150 * MS);
	EXPECT_EQ(50 * MS, r.sent_us);
	EXPECT_EQ(2000, r.end_seq);
	EXPECT_EQ(100 * MS, r.rtt_us);
	/* An older one gives its RTT, and no more */
	xtcp_rack_delivered(&r, 40 * MS, 1500, 160 * MS);
	EXPECT_EQ(50 * MS, r.sent_us);
	EXPECT_EQ(120 * MS, r.rtt_us);
	/* Sent in the same microsecond: the higher number is the later one */
	xtcp_rack_delivered(&r, 50 * MS, 3000, 150 * MS);
	EXPECT_EQ(3000, r.end_seq);
	xtcp_rack_delivered(&r, 50 * MS, 2500, 150 * MS);
	EXPECT_EQ(3000, r.end_seq);
	/* A clock that stands still */
	xtcp_rack_delivered(&r, 200 * MS, 4000, 199 * MS);
	EXPECT_EQ(0, r.rtt_us);
}

TEST(RFC8985_6_2_2_order_of_transmission)
{
	EXPECT_TRUE(xtcp_rack_sent_after(2, 0, 1, 5));
	EXPECT_FALSE(xtcp_rack_sent_after(1, 9, 2, 0));
	EXPECT_TRUE(xtcp_rack_sent_after(1, 5, 1, 0xfffffff0));	/* numbers wrap */
	EXPECT_FALSE(xtcp_rack_sent_after(1, 5, 1, 5));
}

TEST(RFC8985_6_2_3_reordering)
{
	struct xtcp_rack r = begun();

	EXPECT_FALSE(xtcp_rack_advance(&r, 3000, false));
	EXPECT_EQ(3000, r.fack);
	EXPECT_FALSE(xtcp_rack_advance(&r, 3000, false));
	/* A hole that was filled by a retransmission was not overtaken */
	EXPECT_FALSE(xtcp_rack_advance(&r, 2000, true));
	EXPECT_FALSE(r.reordering);
	EXPECT_TRUE(xtcp_rack_advance(&r, 2000, false));
	EXPECT_TRUE(r.reordering);
	EXPECT_EQ(3000, r.fack);
}

TEST(RFC8985_6_2_3_numbers_wrap)
{
	struct xtcp_rack r;

	xtcp_rack_init(&r, 0xffffff00);
	EXPECT_FALSE(xtcp_rack_advance(&r, 0x100, false));
	EXPECT_TRUE(xtcp_rack_advance(&r, 0xfffffff0, false));
}

TEST(RFC8985_6_2_4_window)
{
	struct xtcp_rack_path p = { .min_rtt_us = 100 * MS, .srtt_us = 120 * MS };
	struct xtcp_rack r = begun();

	EXPECT_EQ(25 * MS, xtcp_rack_window_us(&r, &p));
	p.sacked = 2;
	EXPECT_EQ(25 * MS, xtcp_rack_window_us(&r, &p));
	p.sacked = 3;		/* as many as DupThresh */
	EXPECT_EQ(0, xtcp_rack_window_us(&r, &p));
	p.sacked = 0;
	p.recovering = true;
	EXPECT_EQ(0, xtcp_rack_window_us(&r, &p));
	/* Once reordering was seen neither counts */
	r.reordering = true;
	p.sacked = 100;
	EXPECT_EQ(25 * MS, xtcp_rack_window_us(&r, &p));
	r.mult = 255;
	EXPECT_EQ(120 * MS, xtcp_rack_window_us(&r, &p));
	p.srtt_us = 0;
	EXPECT_EQ(0, xtcp_rack_window_us(&r, &p));
	p.min_rtt_us = 0xffffffff;
	p.srtt_us = 0xffffffff;
	EXPECT_EQ(0xffffffff, xtcp_rack_window_us(&r, &p));
}

TEST(RFC8985_6_2_4_dsack_widens_once_a_round)
{
	struct xtcp_rack r = begun();

	xtcp_rack_needless(&r, 1000, 9000);
	EXPECT_EQ(2, r.mult);
	xtcp_rack_needless(&r, 8999, 12000);
	EXPECT_EQ(2, r.mult);
	xtcp_rack_needless(&r, 9000, 12000);
	EXPECT_EQ(3, r.mult);
	r.mult = 255;
	xtcp_rack_needless(&r, 12000, 20000);
	EXPECT_EQ(255, r.mult);
}

TEST(RFC8985_6_2_4_sixteen_recoveries)
{
	struct xtcp_rack r = begun();
	u32 i;

	xtcp_rack_recovered(&r);
	EXPECT_EQ(1, r.mult);
	xtcp_rack_needless(&r, 1000, 9000);
	for (i = 0; i < XTCP_RACK_PERSIST - 1; i++) {
		xtcp_rack_recovered(&r);
		ASSERT_EQ(2, r.mult);
	}
	xtcp_rack_recovered(&r);
	EXPECT_EQ(1, r.mult);
}

TEST(RFC8985_6_2_5_lost_by_time)
{
	struct xtcp_rack r = begun();
	u32 left = 0;

	xtcp_rack_delivered(&r, 50 * MS, 2000, 150 * MS);	/* RACK.rtt 100 ms */
	EXPECT_TRUE(xtcp_rack_judge(&r, 40 * MS, 10 * MS, 150 * MS, &left));
	EXPECT_EQ(0, left);
	EXPECT_FALSE(xtcp_rack_judge(&r, 45 * MS, 10 * MS, 150 * MS, &left));
	EXPECT_EQ(5 * MS, left);
	EXPECT_TRUE(xtcp_rack_judge(&r, 45 * MS, 10 * MS, 155 * MS, &left));
	EXPECT_FALSE(xtcp_rack_judge(&r, 45 * MS, 10 * MS, 155 * MS - 1, &left));
	EXPECT_EQ(1, left);
}

TEST_HARNESS_MAIN
