// SPDX-License-Identifier: GPL-2.0-only
/*
 * CUBIC (RFC 9438) with HyStart++ (RFC 9406) and HyStart's ACK train.
 *
 * In congestion avoidance the window follows a cubic function of the time since
 * the last reduction, flat around the size at which that loss happened:
 *
 *   W_cubic(t) = C * (t - K)^3 + W_max      K = cbrt((W_max - cwnd_epoch) / C)
 *
 * with C = 0.4 and beta = 0.7, and never slower than Reno would be (W_est).
 *
 * Units: windows with a fraction are in segments times 1024 (_q10), at most 2^31
 * since cwnd is at most 2^21; t and K are in milliseconds, cut to 200 s, where
 * the function is 3.2 million segments away from W_max, more than cwnd can be.
 */
#include "cc.h"

#define XTCP_CUBIC_Q		10		/* fraction bits of windows */
#define XTCP_CUBIC_T_MAX_MS	200000U
#define XTCP_CUBIC_BETA_NUM	7		/* beta = 0.7 */
#define XTCP_CUBIC_BETA_DEN	10
#define XTCP_CUBIC_ALPHA_NUM	9		/* 3 * (1 - beta) / (1 + beta) = 9 / 17 */
#define XTCP_CUBIC_ALPHA_DEN	17
#define XTCP_CUBIC_SHORT_US	4000U		/* a tick of the kernel's, HZ = 250 */
#define XTCP_CUBIC_C_DEN	5		/* C = 2 / 5 */
#define XTCP_MS_CUBED		1000000000ULL	/* ms^3 in a s^3 */

/* RFC 9406 section 4.3. */
#define XTCP_HYSTART_MIN_THRESH_US	4000
#define XTCP_HYSTART_MAX_THRESH_US	16000
#define XTCP_HYSTART_THRESH_DIVISOR	8
#define XTCP_HYSTART_SAMPLES		8
#define XTCP_HYSTART_CSS_DIVISOR	4
#define XTCP_HYSTART_CSS_ROUNDS		5
#define XTCP_HYSTART_NONE		0xffffffffU

/* Ha and Rhee, "Taming the elephants" (2011), 3: a gap ends a train, and few prove nothing. */
#define XTCP_HYSTART_GAP_US		2000
#define XTCP_HYSTART_GAP_DIVISOR	4
#define XTCP_HYSTART_TRAIN_CWND		16
#define XTCP_CUBIC_GUESS_DIVISOR	20

/**
 * struct xtcp_cubic - CUBIC's part of struct xtcp_cc
 * @epoch_us: when the last stage of congestion avoidance began
 * @last_us: time of the last ACK in it
 * @round_us: when this round of slow start began
 * @train_us: time of the last ACK of the train it began with, 0: the train has ended
 * @w_max_q10: W_max: where the last loss happened; 0: forget about it
 * @cwnd_prior: cwnd at the last reduction, segments
 * @undo_w_max_q10: @w_max_q10 before the last reduction
 * @undo_cwnd_prior: @cwnd_prior before the last reduction
 * @k_ms: K, milliseconds
 * @origin_q10: W_max of this stage: where the function is flat
 * @w_est: W_est: Reno's window, segments
 * @est_acc: fraction of a segment of @w_est, times 17 cwnd
 * @grow_acc: fraction of a segment by which cwnd lags W_cubic, times 1024 cwnd: below 2^31
 * @round_min_us: smallest RTT of this round, XTCP_HYSTART_NONE: no sample
 * @last_min_us: smallest RTT of the round before
 * @css_base_us: smallest RTT when conservative slow start began
 * @window_end: SND.NXT when this round began: its ACK ends the round
 * @css_cnt: segments acknowledged towards the next step of a quarter
 * @samples: RTT samples in this round, up to XTCP_HYSTART_SAMPLES
 * @css_rounds: rounds begun in conservative slow start, up to XTCP_HYSTART_CSS_ROUNDS + 1
 * @in_css: in conservative slow start
 * @in_round: @window_end is valid
 * @in_epoch: the last stage goes on
 * @guessed: a train of ACKs has ended slow start, no delay and no loss
 * @in_use: the window was filled, or nearly, when last it could grow
 * @undo_in_epoch: @in_epoch before the last reduction
 *
 * The first slow start, while ssthresh is infinite, has no stage of congestion avoidance,
 * and only it has HyStart++: the two share a place. A stage sets all of its part when it
 * begins; xtcp_hystart_reset() sets the other when ssthresh becomes infinite (again).
 */
struct xtcp_cubic {
	union {
		struct {
			u64 epoch_us;
			u64 last_us;
		};
		struct {
			u64 round_us;
			u64 train_us;
		};
	};
	u32 w_max_q10;
	u32 cwnd_prior;
	u32 undo_w_max_q10;
	u32 undo_cwnd_prior;
	union {
		struct {
			u32 k_ms;
			u32 origin_q10;
			u32 w_est;
			u32 est_acc;
			u32 grow_acc;
		};
		struct {
			u32 round_min_us;
			u32 last_min_us;
			u32 css_base_us;
			u32 window_end;
			u32 css_cnt;
		};
	};
	u8 samples;
	u8 css_rounds;
	u8 in_css:1;
	u8 in_round:1;
	u8 in_epoch:1;
	u8 undo_in_epoch:1;
	u8 guessed:1;
	u8 in_use:1;
};

static_assert(sizeof(struct xtcp_cubic) <= sizeof(((struct xtcp_cc *)0)->priv),
	      "struct xtcp_cubic must fit into xtcp_cc.priv");

static struct xtcp_cubic *xtcp_cubic_priv(struct xtcp_cc *cc)
{
	return (struct xtcp_cubic *)cc->priv;
}

/* Largest r with r^3 <= x, one bit at a time: no division, 22 rounds. */
static u32 xtcp_cubic_root(u64 x)
{
	u64 r = 0;
	int shift;

	for (shift = 63; shift >= 0; shift -= 3) {
		u64 step;

		r <<= 1;
		step = 3 * r * (r + 1) + 1;
		if (x >> shift >= step) {
			x -= step << shift;
			r++;
		}
	}
	return (u32)r;
}

/* K in milliseconds for a distance of @gap_q10 below W_max. */
static u32 xtcp_cubic_k_ms(u32 gap_q10)
{
	u64 cube = gap_q10 * (XTCP_MS_CUBED * XTCP_CUBIC_C_DEN / 2) >> XTCP_CUBIC_Q;

	return xtcp_cubic_root(cube);
}

/* W_cubic(t), never negative. */
static u32 xtcp_cubic_window_q10(const struct xtcp_cubic *ca, u64 t_ms)
{
	bool below = t_ms < ca->k_ms;
	u64 dt = below ? ca->k_ms - t_ms : t_ms - ca->k_ms;
	u64 delta_q10;

	dt = xtcp_min_u64(dt, XTCP_CUBIC_T_MAX_MS);
	delta_q10 = xtcp_div64((dt * dt * dt) << (XTCP_CUBIC_Q + 1),
			       XTCP_CUBIC_C_DEN * XTCP_MS_CUBED);
	if (below)
		return delta_q10 < ca->origin_q10 ? ca->origin_q10 - (u32)delta_q10 : 0;
	return (u32)xtcp_min_u64(ca->origin_q10 + delta_q10, ~0U);
}

/* RFC 9438 4.2 and 4.8: without a W_max above us the function starts flat. */
static void xtcp_cubic_epoch_start(struct xtcp_cc *cc, u64 now_us)
{
	struct xtcp_cubic *ca = xtcp_cubic_priv(cc);
	u32 cwnd_q10 = cc->cwnd << XTCP_CUBIC_Q;

	ca->in_epoch = 1;
	ca->epoch_us = now_us;
	ca->last_us = now_us;
	ca->grow_acc = 0;
	ca->est_acc = 0;
	ca->w_est = cc->cwnd;
	if (ca->w_max_q10 > cwnd_q10) {
		ca->k_ms = xtcp_cubic_k_ms(ca->w_max_q10 - cwnd_q10);
		ca->origin_q10 = ca->w_max_q10;
	} else {
		ca->k_ms = 0;
		ca->origin_q10 = cwnd_q10;
	}
}

/*
 * RFC 9438 4.3: W_est grows by alpha segments a window, by one a window once it
 * has caught up with the window before the reduction. On a path shorter than its tick the
 * kernel's CUBIC grows by more, and alpha is one throughout, or there would be less for us.
 */
static void xtcp_cubic_reno_window(struct xtcp_cc *cc, const struct xtcp_cc_ack *ack, u32 acked)
{
	struct xtcp_cubic *ca = xtcp_cubic_priv(cc);
	u32 step = cc->cwnd * XTCP_CUBIC_ALPHA_DEN;
	bool one = ca->w_est >= ca->cwnd_prior ||
		   (ack->rtt_us && ack->rtt_us < XTCP_CUBIC_SHORT_US);
	u32 more;

	acked = xtcp_min_u32(acked, cc->cwnd);
	ca->est_acc += acked * (one ? XTCP_CUBIC_ALPHA_DEN : XTCP_CUBIC_ALPHA_NUM);
	if (ca->est_acc < step)
		return;
	more = ca->est_acc / step;
	ca->est_acc -= more * step;
	ca->w_est = xtcp_min_u32(ca->w_est + more, XTCP_CC_CWND_MAX);
}

/*
 * RFC 9438 4.4 and 4.5: one RTT from now the window shall be W_cubic(t + RTT),
 * but not more than half as large again as it is.
 */
static void xtcp_cubic_grow(struct xtcp_cc *cc, u32 target_q10, u32 acked)
{
	struct xtcp_cubic *ca = xtcp_cubic_priv(cc);
	u32 cwnd_q10 = cc->cwnd << XTCP_CUBIC_Q;
	u32 more;
	u64 acc;

	target_q10 = xtcp_min_u32(target_q10, cwnd_q10 + cwnd_q10 / 2);
	if (target_q10 <= cwnd_q10)
		return;
	acc = ca->grow_acc + (u64)(target_q10 - cwnd_q10) * xtcp_min_u32(acked, cc->cwnd);
	more = acc < cwnd_q10 ? 0 : (u32)xtcp_div64(acc, cwnd_q10);
	ca->grow_acc = (u32)(acc - (u64)more * cwnd_q10);
	if (!more)
		return;
	cc->cwnd = xtcp_min_u32(cc->cwnd + more, cc->cwnd_clamp);
}

/*
 * As long as the size at which losses begin is only guessed, the window grows by a twentieth in a
 * round trip: W_cubic has no W_max to go by, and would stay where the guess was for seconds.
 */
static bool xtcp_cubic_guessed(const struct xtcp_cubic *ca)
{
	return ca->guessed && !ca->cwnd_prior;
}

static void xtcp_cubic_avoid(struct xtcp_cc *cc, const struct xtcp_cc_ack *ack, u32 acked)
{
	struct xtcp_cubic *ca = xtcp_cubic_priv(cc);
	u32 w_est_q10, target_q10;
	u64 t_us;

	if (!ca->in_epoch)
		xtcp_cubic_epoch_start(cc, ack->now_us);
	/* A pause may have moved the beginning of the stage past this ACK. */
	t_us = ack->now_us > ca->epoch_us ? ack->now_us - ca->epoch_us : 0;
	ca->last_us = ack->now_us;
	xtcp_cubic_reno_window(cc, ack, acked);
	w_est_q10 = ca->w_est << XTCP_CUBIC_Q;
	if (xtcp_cubic_guessed(ca)) {
		target_q10 = cc->cwnd << XTCP_CUBIC_Q;
		target_q10 += target_q10 / XTCP_CUBIC_GUESS_DIVISOR;
		t_us += ack->rtt_us;
		target_q10 = xtcp_max_u32(target_q10,
					  xtcp_cubic_window_q10(ca, xtcp_div64(t_us, 1000)));
		xtcp_cubic_grow(cc, xtcp_max_u32(target_q10, w_est_q10), acked);
	} else if (xtcp_cubic_window_q10(ca, xtcp_div64(t_us, 1000)) >= w_est_q10) {
		t_us += ack->rtt_us;
		xtcp_cubic_grow(cc, xtcp_cubic_window_q10(ca, xtcp_div64(t_us, 1000)), acked);
	} else if (cc->cwnd < ca->w_est) {
		cc->cwnd = xtcp_min_u32(ca->w_est, cc->cwnd_clamp);
		ca->grow_acc = 0;
	}
}

/*
 * A round ends with the ACK of window_end (RFC 9406 4.2), and the next begins with the ACK that
 * follows: SND.NXT has what the last one let out by then, and the first segment of a flight is the
 * first of a round. The last round of conservative slow start ends it.
 */
static void xtcp_hystart_round(struct xtcp_cc *cc, struct xtcp_cubic *ca,
			       const struct xtcp_cc_ack *ack)
{
	if (ca->in_round && (s32)(ack->snd_una - ca->window_end) <= 0)
		return;
	if (ca->in_round && ca->in_css && ca->css_rounds++ >= XTCP_HYSTART_CSS_ROUNDS)
		cc->ssthresh = cc->cwnd;
	ca->window_end = ack->snd_nxt;
	ca->round_us = ack->now_us;
	ca->train_us = ack->now_us;
	ca->last_min_us = ca->round_min_us;
	ca->round_min_us = XTCP_HYSTART_NONE;
	ca->samples = 0;
	ca->in_round = 1;
}

/* Nothing is known of the path, and that matters, if this is the first slow start. */
static void xtcp_hystart_reset(struct xtcp_cc *cc)
{
	struct xtcp_cubic *ca = xtcp_cubic_priv(cc);

	if (cc->ssthresh < XTCP_CC_INFINITE)
		return;
	ca->round_min_us = XTCP_HYSTART_NONE;
	ca->last_min_us = XTCP_HYSTART_NONE;
	ca->in_css = 0;
	ca->in_round = 0;
}

/* RFC 9406 4.2: has this round's RTT risen noticeably over the last one's? */
static bool xtcp_hystart_delayed(const struct xtcp_cubic *ca)
{
	u32 thresh_us;

	if (ca->samples < XTCP_HYSTART_SAMPLES || ca->last_min_us == XTCP_HYSTART_NONE)
		return false;
	thresh_us = ca->last_min_us / XTCP_HYSTART_THRESH_DIVISOR;
	thresh_us = xtcp_max_u32(thresh_us, XTCP_HYSTART_MIN_THRESH_US);
	thresh_us = xtcp_min_u32(thresh_us, XTCP_HYSTART_MAX_THRESH_US);
	return ca->round_min_us >= ca->last_min_us + thresh_us;
}

static void xtcp_hystart_sample(struct xtcp_cubic *ca, u32 rtt_us)
{
	if (!rtt_us)
		return;
	ca->round_min_us = xtcp_min_u32(ca->round_min_us, rtt_us);
	if (ca->samples < XTCP_HYSTART_SAMPLES)
		ca->samples++;

	if (!ca->in_css && xtcp_hystart_delayed(ca)) {
		ca->in_css = 1;
		ca->css_base_us = ca->round_min_us;
		ca->css_rounds = 1;	/* a partial round counts */
		ca->css_cnt = 0;
	} else if (ca->in_css && ca->samples >= XTCP_HYSTART_SAMPLES &&
		   ca->round_min_us < ca->css_base_us) {
		ca->in_css = 0;	/* it was jitter: slow start goes on */
	}
}

/*
 * ACKs without a gap for longer than half the path's RTT come as fast as its narrowest link lets
 * data pass, and by what they let out the window fills it: slow start has found it. The delay says
 * so only a round later, if the queue was empty between two rounds, with the window twice as large.
 * What is paced is stretched by us, over half a round trip.
 */
static bool xtcp_hystart_train(const struct xtcp_cc *cc, struct xtcp_cubic *ca,
			       const struct xtcp_cc_ack *ack)
{
	u32 path_us = xtcp_min_u32(ca->last_min_us, ca->round_min_us);
	u32 gap_us = xtcp_min_u32(path_us / XTCP_HYSTART_GAP_DIVISOR, XTCP_HYSTART_GAP_US);

	if (!ca->train_us || ack->now_us > ca->train_us + gap_us || ack->app_limited ||
	    !ca->in_use) {
		ca->train_us = 0;
		return false;
	}
	ca->train_us = ack->now_us;
	return path_us != XTCP_HYSTART_NONE && cc->cwnd >= XTCP_HYSTART_TRAIN_CWND &&
	       ack->now_us - ca->round_us > (ack->paced ? path_us : path_us / 2);
}

/* Conservative slow start grows by a quarter of what slow start would. */
static u32 xtcp_hystart_growth(struct xtcp_cc *cc, u32 acked)
{
	struct xtcp_cubic *ca = xtcp_cubic_priv(cc);
	u32 grow;

	if (!ca->in_css)
		return acked;
	ca->css_cnt += acked;
	grow = ca->css_cnt / XTCP_HYSTART_CSS_DIVISOR;
	ca->css_cnt %= XTCP_HYSTART_CSS_DIVISOR;
	return grow;
}

/*
 * RFC 9406 is for the first slow start only, when nothing is known of the path;
 * later ones have a threshold.
 */
static u32 xtcp_cubic_slow_start(struct xtcp_cc *cc, const struct xtcp_cc_ack *ack)
{
	struct xtcp_cubic *ca = xtcp_cubic_priv(cc);

	if (cc->ssthresh < XTCP_CC_INFINITE)
		return xtcp_cc_slow_start(cc, ack->acked_segs);

	xtcp_hystart_round(cc, ca, ack);
	if (!xtcp_cc_in_slow_start(cc))
		return ack->acked_segs;
	xtcp_hystart_sample(ca, ack->rtt_us);
	if (!ack->app_limited)
		xtcp_cc_slow_start(cc, xtcp_hystart_growth(cc, ack->acked_segs));
	/* Once the delay has risen, RFC 9406 has the word */
	if (!ca->in_css && xtcp_hystart_train(cc, ca, ack)) {
		cc->ssthresh = cc->cwnd;
		ca->guessed = 1;
	}
	return 0;
}

/* Pieces, Nagle and pacing leave a little of a window unused that is full. */
static bool xtcp_cubic_full(const struct xtcp_cc *cc, u32 inflight)
{
	return inflight >= cc->cwnd - cc->cwnd / 8;
}

static void xtcp_cubic_init(struct xtcp_cc *cc)
{
	xtcp_hystart_reset(cc);
}

static void xtcp_cubic_on_ack(struct xtcp_cc *cc, const struct xtcp_cc_ack *ack)
{
	struct xtcp_cubic *ca = xtcp_cubic_priv(cc);
	bool full = cc->cwnd <= ack->inflight_segs;
	u32 acked = ack->acked_segs;

	ca->in_use = xtcp_cubic_full(cc, ack->inflight_segs);
	if (xtcp_cc_in_slow_start(cc)) {
		if (ack->app_limited && cc->ssthresh < XTCP_CC_INFINITE)
			return;
		acked = xtcp_cubic_slow_start(cc, ack);
		/* Half a window is enough for slow start, not for avoidance */
		if (!acked || !full)
			return;
	}
	/* RFC 9438 5.8: time during which the window was not used does not count. */
	if (ack->app_limited) {
		if (ca->in_epoch && ack->now_us > ca->last_us) {
			ca->epoch_us += ack->now_us - ca->last_us;
			ca->last_us = ack->now_us;
		}
		return;
	}
	xtcp_cubic_avoid(cc, ack, acked);
}

/*
 * RFC 9438 4.6 and, for flows that lose at a smaller window than before, 4.7. A window that was
 * in use counts, not FlightSize: when a second loss shows while the first is being repaired,
 * all that the send buffer holds may be delivered but for a few, and little is in flight.
 */
static u32 xtcp_cubic_ssthresh(struct xtcp_cc *cc, u32 inflight)
{
	struct xtcp_cubic *ca = xtcp_cubic_priv(cc);
	u32 cwnd_q10 = cc->cwnd << XTCP_CUBIC_Q;

	ca->undo_in_epoch = ca->in_epoch;
	ca->undo_w_max_q10 = ca->w_max_q10;
	ca->undo_cwnd_prior = ca->cwnd_prior;

	if (cwnd_q10 < ca->w_max_q10)
		ca->w_max_q10 = (u32)xtcp_div64((u64)cwnd_q10 *
						(XTCP_CUBIC_BETA_DEN + XTCP_CUBIC_BETA_NUM),
						2 * XTCP_CUBIC_BETA_DEN);
	else
		ca->w_max_q10 = cwnd_q10;
	ca->cwnd_prior = cc->cwnd;
	ca->in_epoch = 0;
	if (xtcp_cubic_full(cc, inflight))
		ca->in_use = 1;
	if (ca->in_use)
		inflight = cc->cwnd;
	inflight = xtcp_min_u32(inflight, XTCP_CC_CWND_MAX);
	return xtcp_max_u32(inflight * XTCP_CUBIC_BETA_NUM / XTCP_CUBIC_BETA_DEN,
			    XTCP_CC_SSTHRESH_MIN);
}

/* RFC 9438 4.8: after a timeout the function starts flat, at ssthresh. */
static void xtcp_cubic_on_rto(struct xtcp_cc *cc)
{
	struct xtcp_cubic *ca = xtcp_cubic_priv(cc);

	ca->w_max_q10 = 0;
	ca->in_epoch = 0;
}

/*
 * RFC 9438 4.9. If no stage has begun since, the old one goes on with its K and
 * W_max; the time of the episode counts for t, as if it had never happened.
 */
static void xtcp_cubic_on_undo(struct xtcp_cc *cc)
{
	struct xtcp_cubic *ca = xtcp_cubic_priv(cc);

	ca->w_max_q10 = ca->undo_w_max_q10;
	ca->cwnd_prior = ca->undo_cwnd_prior;
	ca->in_epoch = !ca->in_epoch && ca->undo_in_epoch;
	xtcp_hystart_reset(cc);
}

/* RFC 9438 5.8: while nothing is sent, t stands still. */
static void xtcp_cubic_on_pause(struct xtcp_cc *cc, u64 pause_us)
{
	struct xtcp_cubic *ca = xtcp_cubic_priv(cc);

	if (!ca->in_epoch)
		return;
	ca->epoch_us += pause_us;
	ca->last_us += pause_us;
}

static void xtcp_cubic_on_idle(struct xtcp_cc *cc, u64 idle_us)
{
	xtcp_hystart_reset(cc);
	xtcp_cubic_priv(cc)->in_use = 0;
}

const struct xtcp_cc_ops xtcp_cc_cubic = {
	.name = "cubic",
	.init = xtcp_cubic_init,
	.on_ack = xtcp_cubic_on_ack,
	.ssthresh = xtcp_cubic_ssthresh,
	.on_rto = xtcp_cubic_on_rto,
	.on_undo = xtcp_cubic_on_undo,
	.on_pause = xtcp_cubic_on_pause,
	.on_idle = xtcp_cubic_on_idle,
};
