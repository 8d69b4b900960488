// SPDX-License-Identifier: GPL-2.0-only
/* Proportional Rate Reduction: RFC 6937. */
#include "pure.h"
#include "prr.h"

/* A flight of @fs, of which @lost are lost; each ACK delivers one. Segments sent. */
static u32 run(u32 fs, u32 lost, u32 ssthresh, u32 *most, u32 *last_pipe)
{
	struct xtcp_prr prr;
	u32 pipe = fs - lost, i, total = 0;

	xtcp_prr_start(&prr, fs);
	*most = 0;
	for (i = 0; i < fs - lost; i++) {
		u32 count;

		pipe--;
		count = xtcp_prr_ack(&prr, 1, pipe, ssthresh, XTCP_PRR_NONE);
		prr.out += count;
		pipe += count;
		total += count;
		*most = count > *most ? count : *most;
	}
	*last_pipe = pipe;
	return total;
}

/* RFC 6937 4, its first example: one loss in twenty, half of the window. */
TEST(RFC6937_4_one_loss)
{
	u32 most, pipe, total = run(20, 1, 10, &most, &pipe);

	EXPECT_EQ(10, total);
	EXPECT_EQ(1, most);
	EXPECT_EQ(10, pipe);
}

/* Its second: fifteen of twenty are lost; no more goes out than comes in. */
TEST(RFC6937_4_burst_loss)
{
	u32 most, pipe, total = run(20, 15, 10, &most, &pipe);

	EXPECT_EQ(5, total);
	EXPECT_EQ(1, most);
	EXPECT_EQ(5, pipe);
}

TEST(RFC6937_3_slow_start_part)
{
	struct xtcp_prr prr;

	xtcp_prr_start(&prr, 20);
	EXPECT_EQ(1, xtcp_prr_ack(&prr, 1, 4, 10, XTCP_PRR_NONE));
	prr.out = 1;
	/* An ACK that shows no further loss may make up for one */
	EXPECT_EQ(2, xtcp_prr_ack(&prr, 1, 4, 10, XTCP_PRR_SAFE));
	/* but never beyond ssthresh */
	EXPECT_EQ(1, xtcp_prr_ack(&prr, 5, 9, 10, XTCP_PRR_SAFE));
	EXPECT_EQ(0, xtcp_prr_ack(&prr, 5, 10, 10, XTCP_PRR_SAFE));
}

/* RFC 9937: what was banked is an upper bound; it does not go out as one burst. */
TEST(RFC9937_no_burst_of_what_was_banked)
{
	struct xtcp_prr prr;

	xtcp_prr_start(&prr, 76);
	prr.delivered = 30;
	prr.out = 20;
	/* As long as losses go on, one for one */
	EXPECT_EQ(5, xtcp_prr_ack(&prr, 5, 40, 51, XTCP_PRR_LOSS));
	prr.out += 5;
	EXPECT_EQ(6, xtcp_prr_ack(&prr, 3, 33, 51, XTCP_PRR_NONE));
	prr.out += 6;
	EXPECT_EQ(2, xtcp_prr_ack(&prr, 1, 33, 51, XTCP_PRR_SAFE));
	EXPECT_EQ(0, xtcp_prr_ack(&prr, 0, 33, 51, XTCP_PRR_NONE));
}

TEST(RFC6937_3_first_is_never_held_back)
{
	struct xtcp_prr prr;

	xtcp_prr_start(&prr, 100);
	EXPECT_EQ(1, xtcp_prr_ack(&prr, 0, 97, 50, XTCP_PRR_NONE));
	prr.out = 1;
	EXPECT_EQ(0, xtcp_prr_ack(&prr, 0, 97, 50, XTCP_PRR_NONE));
	xtcp_prr_start(&prr, 0);
	EXPECT_EQ(1, prr.recover_fs);
}

/* Whatever is lost: never more than ssthresh in flight at the end, never a burst. */
TEST(RFC6937_any_loss)
{
	u32 fs, lost, most, pipe, total;

	for (fs = 4; fs < 300; fs += 7) {
		for (lost = 1; lost < fs; lost++) {
			u32 ssthresh = fs * 7 / 10 > 2 ? fs * 7 / 10 : 2;

			total = run(fs, lost, ssthresh, &most, &pipe);
			ASSERT_LE(most, 2);
			ASSERT_LE(total, fs - lost);
			ASSERT_LE(pipe, ssthresh > fs - lost ? ssthresh : fs - lost);
			if (fs - lost > ssthresh)
				ASSERT_LE(pipe, ssthresh + 1);
		}
	}
}

TEST(RFC6937_no_overflow)
{
	struct xtcp_prr prr;

	xtcp_prr_start(&prr, 1 << 21);
	EXPECT_EQ(1 << 20, xtcp_prr_ack(&prr, 1 << 21, 1 << 21, 1 << 20, XTCP_PRR_NONE));
}

TEST_HARNESS_MAIN
