// SPDX-License-Identifier: GPL-2.0-only
/* The state table against figure 5 of RFC 9293, written down a second time. */
#include <netinet/tcp.h>

#include "pure.h"
#include "header.h"
#include "states.h"

/* One arrow of the figure: from, to, and what is written beside it. */
struct arrow {
	const char *from;
	const char *to;
	const char *why;
};

static const struct arrow figure_5[] = {
	{ "CLOSE", "LISTEN", "passive OPEN, create TCB" },
	{ "CLOSE", "SYN_SENT", "active OPEN, create TCB, snd SYN" },
	{ "LISTEN", "CLOSE", "CLOSE, delete TCB" },
	{ "LISTEN", "SYN_RECV", "rcv SYN, snd SYN,ACK" },
	{ "LISTEN", "SYN_SENT", "SEND, snd SYN" },
	{ "SYN_SENT", "CLOSE", "CLOSE, delete TCB" },
	{ "SYN_SENT", "SYN_RECV", "rcv SYN, snd SYN,ACK" },
	{ "SYN_SENT", "ESTABLISHED", "rcv SYN,ACK, snd ACK" },
	{ "SYN_RECV", "ESTABLISHED", "rcv ACK of SYN" },
	{ "SYN_RECV", "FIN_WAIT_1", "CLOSE, snd FIN" },
	{ "SYN_RECV", "LISTEN", "rcv RST, came from LISTEN (note 1)" },
	{ "ESTABLISHED", "FIN_WAIT_1", "CLOSE, snd FIN" },
	{ "ESTABLISHED", "CLOSE_WAIT", "rcv FIN, snd ACK" },
	{ "FIN_WAIT_1", "FIN_WAIT_2", "rcv ACK of FIN" },
	{ "FIN_WAIT_1", "CLOSING", "rcv FIN, snd ACK" },
	{ "FIN_WAIT_1", "TIME_WAIT", "rcv FIN with ACK of FIN (note 2)" },
	{ "FIN_WAIT_2", "TIME_WAIT", "rcv FIN, snd ACK" },
	{ "CLOSING", "TIME_WAIT", "rcv ACK of FIN" },
	{ "CLOSE_WAIT", "LAST_ACK", "CLOSE, snd FIN" },
	{ "LAST_ACK", "CLOSE", "rcv ACK of FIN" },
	{ "TIME_WAIT", "CLOSE", "timeout 2MSL, delete TCB" },
};

/* What is not in the figure: RST, abort and timeout; then minisocks. */
static const struct arrow beside_the_figure[] = {
	{ "SYN_RECV", "CLOSE", "rcv RST, abort, timeout" },
	{ "ESTABLISHED", "CLOSE", "rcv RST, abort, timeout" },
	{ "FIN_WAIT_1", "CLOSE", "rcv RST, abort, timeout" },
	{ "FIN_WAIT_2", "CLOSE", "rcv RST, abort, timeout" },
	{ "CLOSING", "CLOSE", "rcv RST, abort, timeout" },
	{ "CLOSE_WAIT", "CLOSE", "rcv RST, abort, timeout" },
	{ "LISTEN", "NEW_SYN_RECV", "rcv SYN: the half-open entry is a request" },
	{ "NEW_SYN_RECV", "ESTABLISHED", "rcv ACK of SYN" },
	{ "NEW_SYN_RECV", "SYN_RECV", "its socket takes over" },
	{ "NEW_SYN_RECV", "CLOSE", "rcv RST, listener closed, timeout" },
	{ "CLOSE", "SYN_RECV", "a child is born" },
};

static u8 state_by_name(const char *name)
{
	u32 st;

	for (st = 1; st < XTCP_ST_COUNT; st++)
		if (!strcmp(name, xtcp_state_name((u8)st)))
			return (u8)st;
	return 0;
}

static bool listed(const struct arrow *arrows, u32 n, u32 from, u32 to)
{
	while (n--)
		if (state_by_name(arrows[n].from) == from && state_by_name(arrows[n].to) == to)
			return true;
	return false;
}

TEST(RFC9293_3_3_2_every_arrow_of_figure_5)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(figure_5); i++) {
		ASSERT_NE(0, state_by_name(figure_5[i].from)) TH_LOG("%s", figure_5[i].from);
		ASSERT_NE(0, state_by_name(figure_5[i].to)) TH_LOG("%s", figure_5[i].to);
		EXPECT_TRUE(xtcp_state_may(state_by_name(figure_5[i].from),
					   state_by_name(figure_5[i].to)))
			TH_LOG("%s -> %s: %s", figure_5[i].from, figure_5[i].to,
			       figure_5[i].why);
	}
}

/* All 256 x 256 pairs: permitted if and only if it is written down above. */
TEST(RFC9293_3_3_2_and_no_other)
{
	u32 from, to, n = 0;

	for (from = 0; from < 256; from++)
		for (to = 0; to < 256; to++) {
			bool want = listed(figure_5, ARRAY_SIZE(figure_5), from, to) ||
				    listed(beside_the_figure, ARRAY_SIZE(beside_the_figure),
					   from, to);

			if (from >= XTCP_ST_COUNT || to >= XTCP_ST_COUNT || !from || !to)
				want = false;
			ASSERT_EQ(want, xtcp_state_may((u8)from, (u8)to))
				TH_LOG("%s -> %s", xtcp_state_name((u8)from),
				       xtcp_state_name((u8)to));
			n += want;
		}
	EXPECT_EQ(ARRAY_SIZE(figure_5) + ARRAY_SIZE(beside_the_figure), n);
}

TEST(S20_numbers_are_the_kernels)
{
	static const u8 pairs[][2] = {
		{ TCP_ESTABLISHED, XTCP_ST_ESTABLISHED }, { TCP_SYN_SENT, XTCP_ST_SYN_SENT },
		{ TCP_SYN_RECV, XTCP_ST_SYN_RECV }, { TCP_FIN_WAIT1, XTCP_ST_FIN_WAIT1 },
		{ TCP_FIN_WAIT2, XTCP_ST_FIN_WAIT2 }, { TCP_TIME_WAIT, XTCP_ST_TIME_WAIT },
		{ TCP_CLOSE, XTCP_ST_CLOSE }, { TCP_CLOSE_WAIT, XTCP_ST_CLOSE_WAIT },
		{ TCP_LAST_ACK, XTCP_ST_LAST_ACK }, { TCP_LISTEN, XTCP_ST_LISTEN },
		{ TCP_CLOSING, XTCP_ST_CLOSING },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(pairs); i++)
		EXPECT_EQ(pairs[i][0], pairs[i][1]);
	EXPECT_EQ(12, XTCP_ST_NEW_SYN_RECV);
}

TEST(S20_names)
{
	u32 a, b;

	for (a = 1; a < XTCP_ST_COUNT; a++)
		for (b = 1; b < a; b++)
			ASSERT_STRNE(xtcp_state_name((u8)a), xtcp_state_name((u8)b));
	EXPECT_STREQ("?", xtcp_state_name(0));
	EXPECT_STREQ("?", xtcp_state_name(XTCP_ST_COUNT));
	EXPECT_STREQ("?", xtcp_state_name(255));
	EXPECT_STREQ("FIN_WAIT_1", xtcp_state_name(XTCP_ST_FIN_WAIT1));
}

/* Every state can be reached, and can be left: none is a trap. */
TEST(RFC9293_3_3_2_no_trap_and_no_island)
{
	u32 reach = XTCP_STF(XTCP_ST_CLOSE), leave = reach, st, round;

	for (round = 0; round < XTCP_ST_COUNT; round++)
		for (st = 1; st < XTCP_ST_COUNT; st++) {
			if (reach & XTCP_STF(st))
				reach |= xtcp_state_table[st].next;
			if (leave & xtcp_state_table[st].next)
				leave |= XTCP_STF(st);
		}
	EXPECT_EQ((1U << XTCP_ST_COUNT) - 2, reach);
	EXPECT_EQ((1U << XTCP_ST_COUNT) - 2, leave);
}

/* RFC 9293 3.10.4, CLOSE call, state by state. */
TEST(S8_S9_where_close_leads)
{
	static const struct { u8 from, to; bool fin; } rows[] = {
		{ XTCP_ST_CLOSE, XTCP_ST_CLOSE, false },
		{ XTCP_ST_LISTEN, XTCP_ST_CLOSE, false },
		{ XTCP_ST_SYN_SENT, XTCP_ST_CLOSE, false },
		{ XTCP_ST_NEW_SYN_RECV, XTCP_ST_CLOSE, false },
		{ XTCP_ST_SYN_RECV, XTCP_ST_FIN_WAIT1, true },
		{ XTCP_ST_ESTABLISHED, XTCP_ST_FIN_WAIT1, true },
		{ XTCP_ST_FIN_WAIT1, XTCP_ST_FIN_WAIT1, false },
		{ XTCP_ST_FIN_WAIT2, XTCP_ST_FIN_WAIT2, false },
		{ XTCP_ST_CLOSE_WAIT, XTCP_ST_LAST_ACK, true },
		{ XTCP_ST_CLOSING, XTCP_ST_CLOSING, false },
		{ XTCP_ST_LAST_ACK, XTCP_ST_LAST_ACK, false },
		{ XTCP_ST_TIME_WAIT, XTCP_ST_TIME_WAIT, false },
	};
	u32 i;

	ASSERT_EQ(XTCP_ST_COUNT - 1, ARRAY_SIZE(rows));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct xtcp_state_info *info = &xtcp_state_table[rows[i].from];

		EXPECT_EQ(rows[i].to, info->close_to);
		EXPECT_EQ(rows[i].fin, info->fin_owed);
		EXPECT_TRUE(rows[i].to == rows[i].from ||
			    xtcp_state_may(rows[i].from, rows[i].to));
	}
}

/* Once the handshake is over everything carries ACK (RFC 9293 3.1); SYN is over then. */
TEST(S21_flags_of_each_state)
{
	u32 before = XTCP_STF(XTCP_ST_SYN_SENT) | XTCP_STF(XTCP_ST_LISTEN);
	u32 syn = XTCP_STF(XTCP_ST_SYN_SENT) | XTCP_STF(XTCP_ST_SYN_RECV) |
		  XTCP_STF(XTCP_ST_NEW_SYN_RECV);
	u32 fin = XTCP_STF(XTCP_ST_FIN_WAIT1) | XTCP_STF(XTCP_ST_CLOSING) |
		  XTCP_STF(XTCP_ST_LAST_ACK);
	u32 st;

	for (st = 1; st < XTCP_ST_COUNT; st++) {
		u8 flags = xtcp_state_table[st].flags;

		EXPECT_EQ(!(before & XTCP_STF(st)), !!(flags & XTCP_FLAG_ACK));
		EXPECT_EQ(!!(syn & XTCP_STF(st)), !!(flags & XTCP_FLAG_SYN));
		EXPECT_EQ(!!(fin & XTCP_STF(st)), !!(flags & XTCP_FLAG_FIN));
		EXPECT_EQ(st == XTCP_ST_CLOSE, !!(flags & XTCP_FLAG_RST));
	}
}

TEST_HARNESS_MAIN
