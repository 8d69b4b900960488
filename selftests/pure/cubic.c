// SPDX-License-Identifier: GPL-2.0-only
/* CUBIC against the formulas of RFC 9438 in floating point. */
#include "path.h"

#define C 0.4
#define BETA 0.7
#define SHORT 0.004	/* seconds: on shorter paths alpha is one (congestion.rst) */

/* RFC 9438 section 4, with the RFC's names and units: segments and seconds. */
struct model {
	double cwnd;
	double w_max;
	double k;
	double epoch;
	double w_est;
	double cwnd_prior;
	bool in_epoch;
};

static double model_w_cubic(const struct model *m, double t)
{
	return C * pow(t - m->k, 3) + m->w_max;
}

static void model_loss(struct model *m)
{
	m->w_max = m->cwnd < m->w_max ? m->cwnd * (1 + BETA) / 2 : m->cwnd;
	m->cwnd_prior = m->cwnd;
	m->cwnd = floor(m->cwnd * BETA);
	m->in_epoch = false;
}

static void model_ack(struct model *m, double now, double rtt, double acked)
{
	double alpha, t, target;

	if (!m->in_epoch) {
		m->in_epoch = true;
		m->epoch = now;
		m->w_est = m->cwnd;
		if (m->w_max <= m->cwnd)
			m->w_max = m->cwnd;
		m->k = cbrt((m->w_max - m->cwnd) / C);
	}
	t = now - m->epoch;
	alpha = m->w_est < m->cwnd_prior && rtt >= SHORT ? 3 * (1 - BETA) / (1 + BETA) : 1;
	m->w_est += alpha * acked / m->cwnd;
	if (model_w_cubic(m, t) < m->w_est) {
		m->cwnd = fmax(m->cwnd, m->w_est);
		return;
	}
	target = fmax(m->cwnd, fmin(model_w_cubic(m, t + rtt), 1.5 * m->cwnd));
	m->cwnd += (target - m->cwnd) / m->cwnd * acked;
}

/* After a loss at @cwnd segments, both models over @seconds. */
static void compare(struct __test_metadata *_metadata, u32 cwnd, u32 rtt_us, double seconds)
{
	struct model m = { .cwnd = cwnd };
	struct path p;
	u64 end_us;

	path_init(&p, "cubic", rtt_us);
	p.cc.cwnd = cwnd;
	path_lose(&p);
	model_loss(&m);
	end_us = p.now_us + (u64)(seconds * 1e6);
	ASSERT_EQ((u32)m.cwnd, p.cc.cwnd);
	while (p.now_us < end_us) {
		u32 acked;

		p.stretch = 1 + p.cc.cwnd / 40;
		acked = p.stretch < p.cc.cwnd ? p.stretch : p.cc.cwnd;
		path_ack(&p);
		model_ack(&m, p.now_us / 1e6, rtt_us / 1e6, acked);
		ASSERT_LT(fabs(m.cwnd - p.cc.cwnd), 2.0 + m.cwnd / 100)
			TH_LOG("loss at %u, rtt %u us: cwnd %u, formula %f, %f s on", cwnd, rtt_us,
			       p.cc.cwnd, m.cwnd, p.now_us / 1e6 - m.epoch);
	}
}

TEST(RFC9438_4_against_the_formulas)
{
	static const u32 windows[] = { 3, 10, 50, 100, 500, 1000, 5000, 20000 };
	static const u32 rtts_us[] = { 500, 1000, 5000, 20000, 50000, 100000, 300000 };
	u32 i, k;

	for (i = 0; i < ARRAY_SIZE(windows); i++)
		for (k = 0; k < ARRAY_SIZE(rtts_us); k++) {
			double plateau = cbrt(windows[i] * (1 - BETA) / C);
			double limit = rtts_us[k] * 2e3 / 1e6;

			compare(_metadata, windows[i], rtts_us[k], fmin(2.2 * plateau, limit));
		}
}

/* A long fat path, where the cubic function rules: back at W_max after K, then on. */
TEST(RFC9438_4_2_plateau_and_symmetry)
{
	double k = cbrt(10000 * (1 - BETA) / C);	/* 19.57 s */
	struct path p;
	u64 start_us;

	path_init(&p, "cubic", 50000);
	p.cc.cwnd = 10000;
	path_lose(&p);
	EXPECT_EQ(7000, p.cc.ssthresh);
	EXPECT_EQ(7000, p.cc.cwnd);
	p.stretch = 100;
	start_us = p.now_us;
	path_run_until(&p, start_us + (u64)(k / 2 * 1e6));
	EXPECT_LT(fabs(p.cc.cwnd - (10000 - 3000 / 8.0)), 30);
	path_run_until(&p, start_us + (u64)(k * 1e6));
	EXPECT_LT(fabs(p.cc.cwnd - 10000.0), 10);
	path_run_until(&p, start_us + (u64)(1.5 * k * 1e6));
	EXPECT_LT(fabs(p.cc.cwnd - (10000 + 3000 / 8.0)), 30);
	path_run_until(&p, start_us + (u64)(2 * k * 1e6));
	EXPECT_LT(fabs(p.cc.cwnd - 13000.0), 60);
}

/* Small windows, short RTT: 9/17 of a segment a round until W_max, then a whole one. */
TEST(RFC9438_4_3_reno_friendly_region)
{
	struct path p;
	u32 round = 0;

	path_init(&p, "cubic", 5000);
	p.cc.cwnd = 100;
	path_lose(&p);
	while (p.cc.cwnd < 100 && round < 1000) {
		path_round(&p);
		round++;
	}
	EXPECT_LT(fabs(round - 30 * 17 / 9.0), 4);
	for (round = 0; round < 100; round++)
		path_round(&p);
	EXPECT_GE(p.cc.cwnd, 196);
	EXPECT_LE(p.cc.cwnd, 202);
}

/* On a path shorter than the kernel's tick a whole one throughout (congestion.rst). */
TEST(RFC9438_4_3_shorter_than_a_tick)
{
	/* 0: no sample, which says nothing of the path */
	static const u32 rtts_us[] = { 0, 100, 1000, 3999, 4000 };
	struct path p;
	u32 i, round;

	for (i = 0; i < ARRAY_SIZE(rtts_us); i++) {
		bool is_short = rtts_us[i] && rtts_us[i] < 4000;

		path_init(&p, "cubic", rtts_us[i]);
		p.pace_us = rtts_us[i] ? rtts_us[i] : 1000;
		p.cc.cwnd = 100;
		path_lose(&p);
		for (round = 0; p.cc.cwnd < 100 && round < 1000; round++)
			path_round(&p);
		EXPECT_LT(fabs(round - (is_short ? 30 : 30 * 17 / 9.0)), 4)
			TH_LOG("%u rounds of %u us", round, rtts_us[i]);
	}
}

/* What was short at first is not taken for short later: each ACK's sample says. */
TEST(RFC9438_4_3_no_longer_short)
{
	struct path p;
	u32 round;

	path_init(&p, "cubic", 1000);
	p.cc.cwnd = 200;
	path_lose(&p);
	for (round = 0; round < 20; round++)
		path_round(&p);
	EXPECT_LT(fabs(p.cc.cwnd - 160.0), 3);
	p.rtt_us = 5000;
	for (round = 0; round < 34; round++)
		path_round(&p);
	EXPECT_LT(fabs(p.cc.cwnd - (160 + 34 * 9 / 17.0)), 4);
}

TEST(RFC9438_4_6_multiplicative_decrease)
{
	struct path p;
	u32 w;

	for (w = 1; w < 5000; w++) {
		path_init(&p, "cubic", 50000);
		p.cc.cwnd = w;
		xtcp_cc_on_loss(&p.cc, w);
		ASSERT_EQ(w * 7 / 10 > 2 ? w * 7 / 10 : 2, p.cc.ssthresh);
	}
}

/* The same for ECE; but the window, not the threshold, goes down to one, and no undo. */
TEST(RFC9438_4_6_RFC3168_6_1_2_ecn_echo)
{
	struct path p;
	u32 w;

	for (w = 1; w < 5000; w++) {
		path_init(&p, "cubic", 50000);
		p.cc.cwnd = w;
		ASSERT_EQ(w > 2, xtcp_cc_on_ecn(&p.cc, w));
		ASSERT_EQ(w * 7 / 10 > 2 ? w * 7 / 10 : 2, p.cc.ssthresh);
		ASSERT_EQ(w > 2 ? w : 1, p.cc.cwnd);	/* recovery's way down, or one */
		xtcp_cc_on_undo(&p.cc, XTCP_CC_CWND_MAX);
		ASSERT_NE(XTCP_CC_INFINITE, p.cc.ssthresh);
	}
	/* A loss that could be undone, then a mark: it cannot any more */
	path_init(&p, "cubic", 50000);
	p.cc.cwnd = 100;
	path_lose(&p);
	xtcp_cc_on_ecn(&p.cc, p.cc.cwnd);
	xtcp_cc_on_undo(&p.cc, XTCP_CC_CWND_MAX);
	EXPECT_EQ(70, p.cc.cwnd);
	EXPECT_EQ(49, p.cc.ssthresh);
}

/*
 * After a second loss, half way to where the function is flat: seven eighths of
 * the gap must be closed by then (at the end itself K = 0 would look the same).
 */
static double half_way_after(u32 second, double *want)
{
	double k, gap, w_max = second < 10000 ? second * (1 + BETA) / 2 : second;
	struct path p;

	path_init(&p, "cubic", 50000);
	p.stretch = 50;
	p.cc.cwnd = 10000;
	path_lose(&p);
	path_ack(&p);
	p.cc.cwnd = second;
	path_lose(&p);
	gap = w_max - floor(second * BETA);
	k = cbrt(gap / C);
	path_run_until(&p, p.now_us + (u64)(k / 2 * 1e6));
	*want = w_max - gap / 8;
	return p.cc.cwnd;
}

TEST(RFC9438_4_7_fast_convergence)
{
	double want, got;

	got = half_way_after(8000, &want);
	EXPECT_LT(fabs(want - (6800 - 1200 / 8)), 0.1);
	EXPECT_LT(fabs(got - want), 20);
	got = half_way_after(12000, &want);
	EXPECT_LT(fabs(want - (12000 - 3600 / 8)), 0.1);
	EXPECT_LT(fabs(got - want), 20);
}

/* After a timeout: slow start to beta of the flight, then from there with K = 0. */
TEST(RFC9438_4_8_timeout)
{
	struct path p;
	u64 start_us;

	path_init(&p, "cubic", 50000);
	p.cc.cwnd = 10000;
	path_lose(&p);
	path_round(&p);
	p.cc.cwnd = 10000;
	xtcp_cc_on_rto(&p.cc, 10000, true);
	EXPECT_EQ(1, p.cc.cwnd);
	EXPECT_EQ(7000, p.cc.ssthresh);
	xtcp_cc_on_rto(&p.cc, 1, false);
	EXPECT_EQ(7000, p.cc.ssthresh);
	while (xtcp_cc_in_slow_start(&p.cc))
		path_ack(&p);
	start_us = p.now_us;
	p.stretch = 70;
	path_run_until(&p, start_us + 10000000);
	EXPECT_LT(fabs(p.cc.cwnd - (7000 + C * 1000)), 20);
	path_run_until(&p, start_us + 20000000);
	EXPECT_LT(fabs(p.cc.cwnd - (7000 + C * 8000)), 60);
}

/*
 * A loss that was none leaves no trace: same window a while later as without it.
 * It comes after the plateau (19.6 s), where a new stage would start flat.
 */
TEST(RFC9438_4_9_undo)
{
	u32 with, cwnd[2] = { 0, 0 };
	struct path p;

	for (with = 0; with < 2; with++) {
		u64 start_us;

		path_init(&p, "cubic", 50000);
		p.stretch = 100;
		p.cc.cwnd = 10000;
		path_lose(&p);
		start_us = p.now_us;
		path_run_until(&p, start_us + 25000000);
		if (with) {
			u32 before = p.cc.cwnd, ssthresh = p.cc.ssthresh;

			path_lose(&p);
			xtcp_cc_on_undo(&p.cc, XTCP_CC_CWND_MAX);
			ASSERT_EQ(before, p.cc.cwnd);
			ASSERT_EQ(ssthresh, p.cc.ssthresh);
			xtcp_cc_on_undo(&p.cc, XTCP_CC_CWND_MAX);		/* once is enough */
		}
		path_run_until(&p, start_us + 35000000);
		cwnd[with] = p.cc.cwnd;
	}
	EXPECT_LT(fabs((double)cwnd[0] - cwnd[1]), 10);
	EXPECT_GT(cwnd[0], 11000);
}

/* W_max as well: the next loss, below it, must still find it (4.7). */
TEST(RFC9438_4_9_undo_restores_w_max)
{
	double w_max = 9000 * (1 + BETA) / 2, gap = w_max - 6300;
	struct path p;

	path_init(&p, "cubic", 50000);
	p.stretch = 50;
	p.cc.cwnd = 10000;
	path_lose(&p);
	path_ack(&p);
	p.cc.cwnd = 9000;
	path_lose(&p);
	xtcp_cc_on_undo(&p.cc, XTCP_CC_CWND_MAX);
	EXPECT_EQ(9000, p.cc.cwnd);
	path_lose(&p);
	EXPECT_EQ(6300, p.cc.cwnd);
	path_run_until(&p, p.now_us + (u64)(cbrt(gap / C) / 2 * 1e6));
	EXPECT_LT(fabs(p.cc.cwnd - (w_max - gap / 8)), 20);
}

/* And the window up to which Reno's share is 9/17 of a segment a round (4.3). */
TEST(RFC9438_4_9_undo_restores_cwnd_prior)
{
	struct path p;
	u32 round;

	path_init(&p, "cubic", 5000);
	p.cc.cwnd = 100;
	path_lose(&p);
	while (p.cc.cwnd < 80)
		path_round(&p);
	path_lose(&p);
	xtcp_cc_on_undo(&p.cc, XTCP_CC_CWND_MAX);
	EXPECT_EQ(80, p.cc.cwnd);
	for (round = 0; p.cc.cwnd < 100 && round < 1000; round++)
		path_round(&p);
	EXPECT_LT(fabs(round - 20 * 17 / 9.0), 4);
}

/* A timeout begins a new stage also if the threshold is held. */
TEST(RFC9438_4_8_second_timeout)
{
	struct path p;
	u64 start_us;

	path_init(&p, "cubic", 50000);
	p.stretch = 70;
	p.cc.cwnd = 10000;
	xtcp_cc_on_rto(&p.cc, 10000, true);
	p.cc.cwnd = 7000;
	path_run_until(&p, p.now_us + 20000000);
	xtcp_cc_on_rto(&p.cc, 1, false);
	EXPECT_EQ(7000, p.cc.ssthresh);
	p.cc.cwnd = 7000;
	start_us = p.now_us;
	path_run_until(&p, start_us + 5000000);
	EXPECT_LT(fabs(p.cc.cwnd - (7000 + C * 125)), 20);
}

/* A window in use is what is reduced, however little is in flight by now; else FlightSize is. */
TEST(RFC9438_4_6_window_or_flight)
{
	struct path p;

	path_init(&p, "cubic", 50000);
	path_round(&p);
	p.cc.cwnd = 1000;
	xtcp_cc_on_loss(&p.cc, 10);
	EXPECT_EQ(700, p.cc.ssthresh);
	p.cc.cwnd = p.cc.ssthresh;
	xtcp_cc_on_loss(&p.cc, 7);
	EXPECT_EQ(490, p.cc.ssthresh);
	p.cc.cwnd = p.cc.ssthresh;
	p.unused = 60;		/* an eighth is nothing: pieces, pacing */
	path_ack(&p);
	xtcp_cc_on_loss(&p.cc, 100);
	EXPECT_EQ(343, p.cc.ssthresh);
	p.cc.cwnd = 490;
	p.unused = 62;
	path_ack(&p);
	xtcp_cc_on_loss(&p.cc, 100);
	EXPECT_EQ(70, p.cc.ssthresh);
	/* full at the loss is as good, and remembered for the next */
	p.cc.cwnd = 200;
	xtcp_cc_on_loss(&p.cc, 180);
	EXPECT_EQ(140, p.cc.ssthresh);
	p.cc.cwnd = 140;
	xtcp_cc_on_loss(&p.cc, 3);
	EXPECT_EQ(98, p.cc.ssthresh);
}

/* Without a loss before it (HyStart++ found the end) the first stage has K = 0. */
TEST(RFC9438_4_10_stage_after_slow_start)
{
	struct path p;
	u32 i, cwnd;

	path_init(&p, "cubic", 1000000);
	p.burst = true;
	for (i = 0; i < 7; i++)
		path_round(&p);
	p.rtt_us = 1100000;
	while (xtcp_cc_in_slow_start(&p.cc) && i++ < 40)
		path_round(&p);
	ASSERT_FALSE(xtcp_cc_in_slow_start(&p.cc));
	cwnd = p.cc.cwnd;
	p.burst = false;
	path_run_until(&p, p.now_us + 10000000);
	/* 0.4 * 10^3, one round trip ahead */
	EXPECT_GT(p.cc.cwnd, cwnd + 340);
	EXPECT_LT(p.cc.cwnd, cwnd + 550);
}

/*
 * RFC 9438 5.8: 30 s in which the application sent little, or nothing, do not
 * count: afterwards the window is where it would have been without them.
 */
TEST(RFC9438_5_8_application_limited_and_idle)
{
	enum { BUSY, LIMITED, IDLE, CASES };
	u32 kind, cwnd[CASES];
	struct path p;

	for (kind = 0; kind < CASES; kind++) {
		u64 pause_us = kind == BUSY ? 0 : 30000000;
		u64 start_us;

		path_init(&p, "cubic", 50000);
		p.stretch = 100;
		p.cc.cwnd = 10000;
		path_lose(&p);
		start_us = p.now_us;
		path_run_until(&p, start_us + 8000000);
		if (kind == LIMITED) {
			u32 before = p.cc.cwnd;

			p.app_limited = true;
			path_run_until(&p, start_us + 8000000 + pause_us);
			p.app_limited = false;
			ASSERT_EQ(before, p.cc.cwnd);
		}
		if (kind == IDLE) {
			p.now_us += pause_us;
			p.cc.ops->on_pause(&p.cc, pause_us);
		}
		path_run_until(&p, start_us + 16000000 + pause_us);
		cwnd[kind] = p.cc.cwnd;
	}
	EXPECT_LT(cwnd[BUSY], 10000);
	EXPECT_LT(fabs((double)cwnd[BUSY] - cwnd[LIMITED]), 10);
	EXPECT_LT(fabs((double)cwnd[BUSY] - cwnd[IDLE]), 10);
}

/* Two million segments, hours without a loss: no overflow, no step back. */
TEST(RFC9438_4_extremes)
{
	static const u32 rtts_us[] = { 1, 1000, 1000000, 200000000 };
	struct path p;
	u32 i, k;

	for (i = 0; i < ARRAY_SIZE(rtts_us); i++) {
		path_init(&p, "cubic", rtts_us[i]);
		p.cc.cwnd = XTCP_CC_CWND_MAX;
		path_lose(&p);
		p.stretch = 1 << 15;
		for (k = 0; k < 20000; k++) {
			u32 before = p.cc.cwnd;

			path_ack(&p);
			ASSERT_GE(p.cc.cwnd, before);
			ASSERT_LE(p.cc.cwnd, XTCP_CC_CWND_MAX);
		}
	}
	EXPECT_EQ(XTCP_CC_CWND_MAX, p.cc.cwnd);
}

/* A cube that comes round at 2^64 would look like no time at all. */
TEST(RFC9438_4_long_silence_does_not_wrap)
{
	struct path p;
	u32 before;
	u64 start_us;

	path_init(&p, "cubic", 0);
	p.cc.cwnd = 10000;
	xtcp_cc_on_rto(&p.cc, 10000, true);
	p.cc.cwnd = p.cc.ssthresh;
	p.stretch = 70;
	path_ack(&p);
	start_us = p.now_us;
	p.now_us = start_us + (1000ULL << 18);
	before = p.cc.cwnd;
	path_ack(&p);	/* half as large again in a round trip is the most: 70 / 2 */
	EXPECT_EQ(before + 35, p.cc.cwnd);
	p.now_us = start_us + (1000ULL << 40);
	path_ack(&p);
	EXPECT_EQ(before + 70, p.cc.cwnd);
}

/* RFC 9438 4.4: however much one ACK acknowledges, half a window is the most. */
TEST(RFC9438_4_4_at_most_half_a_window)
{
	struct path p;
	struct xtcp_cc_ack ack = { .acked_segs = 100000, .rtt_us = 50000 };
	u32 i;

	path_init(&p, "cubic", 50000);
	p.cc.cwnd = 1000;
	path_lose(&p);
	path_ack(&p);
	for (i = 0; i < 20; i++) {
		u32 before = p.cc.cwnd;

		ack.now_us = p.now_us += 10000000;
		xtcp_cc_on_ack(&p.cc, &ack);
		EXPECT_LE(p.cc.cwnd, before + before / 2 + 1);
		EXPECT_GE(p.cc.cwnd, before);
	}
	EXPECT_GT(p.cc.cwnd, 100000);
}

TEST_HARNESS_MAIN
