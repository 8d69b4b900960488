// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket options with an int for value: two functions an option, one table a
 * level. Units, bounds and errors at level SOL_TCP are those of the kernel's TCP.
 */
#include "sockopt.h"

#include <net/tcp.h>

#include "../conn/timers.h"
#include "../conn/tune.h"
#include "../output/output.h"

#define XTCP_SOCKOPT_MSL_MAX_MS		240000		/* two of the RFC's */
#define XTCP_SOCKOPT_RTO_MAX_MS		600000		/* as the sysctl */
#define XTCP_SOCKOPT_RETRIES_MAX	255

static const struct xtcp_knobs *xtcp_sockopt_knobs(const struct sock *sk)
{
	return &xtcp_net(sock_net(sk))->knobs;
}

static bool xtcp_sockopt_between(int val, int low, int high)
{
	return val >= low && val <= high;
}

/* Programs without rights may go no lower than the namespace lets them. */
static int xtcp_sockopt_floor(const struct sock *sk, int val, int floor)
{
	if (val >= floor || ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN))
		return 0;
	return -EPERM;
}

/*
 * Note a wish; those of listeners are read without the lock. 0, or -ENOMEM if it is the
 * first of its socket and there is no room for a copy of its own.
 */
#define XTCP_SOCKOPT_WISH(sk, field, val)				\
({									\
	struct xtcp_tunables *own_ = xtcp_tune_own(sk);			\
									\
	if (own_)							\
		WRITE_ONCE((*own_).field, val);				\
	own_ ? 0 : -ENOMEM;						\
})

/* ---- SOL_TCP: sending ---- */

static int xtcp_sockopt_set_nodelay(struct sock *sk, int val)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	xt->nodelay = !!val;
	/* What Nagle held back goes now (MUST-17), and this once what a cork does as well */
	if (val && xtcp_state_in(sk, XTCP_STATES_SYNCHRONIZED))
		xtcp_data_push(sk, true);
	return 0;
}

static int xtcp_sockopt_get_nodelay(struct sock *sk)
{
	return xtcp_sk(sk)->nodelay;
}

static int xtcp_sockopt_set_cork(struct sock *sk, int val)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	bool was = xt->cork;

	xt->cork = !!val;
	/* Without the cork it is Nagle who decides */
	if (was && !val && xtcp_state_in(sk, XTCP_STATES_SYNCHRONIZED))
		xtcp_data_push(sk, false);
	return 0;
}

static int xtcp_sockopt_get_cork(struct sock *sk)
{
	return xtcp_sk(sk)->cork;
}

static int xtcp_sockopt_set_maxseg(struct sock *sk, int val)
{
	if (val && !xtcp_sockopt_between(val, TCP_MIN_MSS, MAX_TCP_WINDOW))
		return -EINVAL;
	return XTCP_SOCKOPT_WISH(sk, user_mss, val);
}

static int xtcp_sockopt_get_maxseg(struct sock *sk)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);

	u16 user_mss = xtcp_tune(sk)->user_mss;

	if (user_mss && xtcp_state_in(sk, TCPF_CLOSE | TCPF_LISTEN))
		return user_mss;
	return xt->mss_cache;
}

static int xtcp_sockopt_set_lowat(struct sock *sk, int val)
{
	int err = XTCP_SOCKOPT_WISH(sk, notsent_lowat, val);

	if (!err)
		sk->sk_write_space(sk);
	return err;
}

static int xtcp_sockopt_get_lowat(struct sock *sk)
{
	return xtcp_tune(sk)->notsent_lowat;
}

/* ---- SOL_TCP: receiving ---- */

static int xtcp_sockopt_set_clamp(struct sock *sk, int val)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 old = xt->window_clamp;

	if (!val) {
		if (sk->sk_state != TCP_CLOSE)
			return -EINVAL;
		xt->window_clamp = 0;
		xt->clamp_set = 0;
		return 0;
	}
	xt->clamp_set = 1;
	xt->window_clamp = max_t(int, val, SOCK_MIN_RCVBUF / 2);
	if (xt->window_clamp < old)
		xt->rcv_ssthresh = min(xt->rcv_ssthresh, xt->window_clamp);
	else
		xt->rcv_ssthresh = max(xt->rcv_ssthresh, min(xt->rcv_wnd, xt->window_clamp));
	return 0;
}

/* What the program set, else what scale and buffer allow together. */
static int xtcp_sockopt_get_clamp(struct sock *sk)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);

	if (xt->clamp_set || xtcp_state_in(sk, TCPF_CLOSE | TCPF_LISTEN))
		return xt->window_clamp;
	return min_t(u32, xt->window_clamp, READ_ONCE(sk->sk_rcvbuf) / 2);
}

/* As the kernel's: an even number other than 0 acknowledges once and goes back. */
static int xtcp_sockopt_set_quickack(struct sock *sk, int val)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	xt->quickack = !!val;
	xt->pingpong = !val;
	if (!val)
		return 0;
	if (xtcp_state_in(sk, XTCP_STATES_MAY_SEND) && (xt->ack_pending & XTCP_ACK_SCHED)) {
		xtcp_control_ack(sk);
		if (!(val & 1)) {
			xt->quickack = 0;
			xt->pingpong = 1;
		}
	}
	return 0;
}

static int xtcp_sockopt_get_quickack(struct sock *sk)
{
	return xtcp_sk(sk)->quickack || !xtcp_sk(sk)->pingpong;
}

/* ---- SOL_TCP: opening and closing ---- */

static int xtcp_sockopt_set_syncnt(struct sock *sk, int val)
{
	if (!xtcp_sockopt_between(val, 1, MAX_TCP_SYNCNT))
		return -EINVAL;
	return XTCP_SOCKOPT_WISH(sk, syn_retries, val);
}

static int xtcp_sockopt_get_syncnt(struct sock *sk)
{
	return xtcp_knob_syn_retries(sk);
}

static int xtcp_sockopt_set_linger2(struct sock *sk, int val)
{
	const int max_s = TCP_FIN_TIMEOUT_MAX / HZ;

	val = val < 0 ? -1 : min(val, max_s) * (int)MSEC_PER_SEC;
	return XTCP_SOCKOPT_WISH(sk, linger2_ms, val);
}

static int xtcp_sockopt_get_linger2(struct sock *sk)
{
	int ms = xtcp_tune(sk)->linger2_ms;

	if (ms < 0)
		return -1;
	if (!ms)
		ms = READ_ONCE(xtcp_sockopt_knobs(sk)->fin_wait2_ms);
	return ms / (int)MSEC_PER_SEC;
}

/* Seconds after which so many SYN-ACKs have gone out, with doubling intervals. */
static int xtcp_sockopt_synack_seconds(int count)
{
	int interval = TCP_TIMEOUT_INIT / HZ;
	int seconds = 0;

	while (count-- > 0) {
		seconds += interval;
		interval = min_t(int, interval * 2, TCP_RTO_MAX / HZ);
	}
	return seconds;
}

static int xtcp_sockopt_set_defer(struct sock *sk, int val)
{
	int count = 0;

	while (count < U8_MAX && xtcp_sockopt_synack_seconds(count) < val)
		count++;
	return XTCP_SOCKOPT_WISH(sk, defer_accept, count);
}

static int xtcp_sockopt_get_defer(struct sock *sk)
{
	return xtcp_sockopt_synack_seconds(xtcp_tune(sk)->defer_accept);
}

static int xtcp_sockopt_set_save_syn(struct sock *sk, int val)
{
	if (!xtcp_sockopt_between(val, 0, 2))
		return -EINVAL;
	return XTCP_SOCKOPT_WISH(sk, save_syn, val);
}

static int xtcp_sockopt_get_save_syn(struct sock *sk)
{
	return xtcp_tune(sk)->save_syn;
}

/* ---- SOL_TCP: a silent peer ---- */

static int xtcp_sockopt_set_user_timeout(struct sock *sk, int val)
{
	if (val < 0)
		return -EINVAL;
	return XTCP_SOCKOPT_WISH(sk, user_timeout_ms, val);
}

static int xtcp_sockopt_get_user_timeout(struct sock *sk)
{
	return xtcp_tune(sk)->user_timeout_ms;
}

/* How long nothing has come from the peer, ms; 0: it has never been heard of. */
static u32 xtcp_sockopt_idle_ms(const struct sock *sk)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 now = xtcp_clock_ms();

	if (!xtcp_state_in(sk, XTCP_STATES_SYNCHRONIZED))
		return 0;
	return min(now - xt->last_rcv_ms, now - xt->last_ack_ms);
}

/* Arm @which for @total_ms after the peer's last sign of life. */
static void xtcp_sockopt_arm_idle(struct sock *sk, enum xtcp_timer which, u32 total_ms)
{
	u32 idle_ms = xtcp_sockopt_idle_ms(sk);

	xtcp_timer_arm_ms(sk, which, total_ms > idle_ms ? total_ms - idle_ms : 0);
}

static bool xtcp_sockopt_keepalive_on(const struct sock *sk)
{
	return sock_flag(sk, SOCK_KEEPOPEN) ||
	       READ_ONCE(xtcp_sockopt_knobs(sk)->keepalive_force);
}

/**
 * xtcp_keepalive - proto.keepalive: SO_KEEPALIVE is being set
 * @sk: the socket; SOCK_KEEPOPEN still has the old value
 * @on: the new one
 *
 * MUST-24, MUST-25: off until the program asks, or keepalive_force.
 *
 * Context: Process, socket lock.
 */
void xtcp_keepalive(struct sock *sk, int on)
{
	if (xtcp_state_in(sk, TCPF_CLOSE | TCPF_LISTEN))
		return;
	if (on && !sock_flag(sk, SOCK_KEEPOPEN))
		xtcp_timer_arm_ms(sk, XTCP_TIMER_KEEPALIVE,
				  xtcp_knob_keepalive_time_s(sk) * MSEC_PER_SEC);
	else if (!on && !READ_ONCE(xtcp_sockopt_knobs(sk)->keepalive_force))
		xtcp_timer_cancel(sk, XTCP_TIMER_KEEPALIVE);
}

static int xtcp_sockopt_set_keepidle(struct sock *sk, int val)
{
	int err;

	if (!xtcp_sockopt_between(val, 1, MAX_TCP_KEEPIDLE))
		return -EINVAL;
	err = xtcp_sockopt_floor(sk, val, READ_ONCE(xtcp_sockopt_knobs(sk)->keepalive_min));
	if (err)
		return err;
	err = XTCP_SOCKOPT_WISH(sk, keepalive_time_s, val);
	if (err)
		return err;
	if (xtcp_sockopt_keepalive_on(sk) && !xtcp_state_in(sk, TCPF_CLOSE | TCPF_LISTEN))
		xtcp_sockopt_arm_idle(sk, XTCP_TIMER_KEEPALIVE, val * MSEC_PER_SEC);
	return 0;
}

static int xtcp_sockopt_get_keepidle(struct sock *sk)
{
	return xtcp_knob_keepalive_time_s(sk);
}

static int xtcp_sockopt_set_keepintvl(struct sock *sk, int val)
{
	int err;

	if (!xtcp_sockopt_between(val, 1, MAX_TCP_KEEPINTVL))
		return -EINVAL;
	err = xtcp_sockopt_floor(sk, val, READ_ONCE(xtcp_sockopt_knobs(sk)->keepalive_min));
	if (err)
		return err;
	return XTCP_SOCKOPT_WISH(sk, keepalive_intvl_s, val);
}

static int xtcp_sockopt_get_keepintvl(struct sock *sk)
{
	return xtcp_knob_keepalive_intvl_s(sk);
}

static int xtcp_sockopt_set_keepcnt(struct sock *sk, int val)
{
	if (!xtcp_sockopt_between(val, 1, MAX_TCP_KEEPCNT))
		return -EINVAL;
	return XTCP_SOCKOPT_WISH(sk, keepalive_probes, val);
}

static int xtcp_sockopt_get_keepcnt(struct sock *sk)
{
	return xtcp_knob_keepalive_probes(sk);
}

/* ---- SOL_XTCP ---- */

static int xtcp_sockopt_set_wire(struct sock *sk, int val)
{
	if (val != IPPROTO_TCP && val != IPPROTO_XTCP)
		return -EINVAL;
	/* Ports of the two are apart: too late once there is one */
	if (sk->sk_state != TCP_CLOSE || inet_sk(sk)->inet_num)
		return -EINVAL;
	xtcp_sk(sk)->wire_protocol = val;
	return 0;
}

static int xtcp_sockopt_get_wire(struct sock *sk)
{
	return xtcp_sk(sk)->wire_protocol;
}

static int xtcp_sockopt_set_msl(struct sock *sk, int val)
{
	int err;

	if (!xtcp_sockopt_between(val, 1, XTCP_SOCKOPT_MSL_MAX_MS))
		return -EINVAL;
	err = xtcp_sockopt_floor(sk, val, READ_ONCE(xtcp_sockopt_knobs(sk)->msl_min_ms));
	if (err)
		return err;
	return XTCP_SOCKOPT_WISH(sk, msl_ms, val);
}

static int xtcp_sockopt_get_msl(struct sock *sk)
{
	return xtcp_knob_msl_ms(sk);
}

static int xtcp_sockopt_set_budget(struct sock *sk, int val)
{
	if (val < 0)
		return -EINVAL;
	return XTCP_SOCKOPT_WISH(sk, syn_budget_ms, val);
}

static int xtcp_sockopt_get_budget(struct sock *sk)
{
	return xtcp_tune(sk)->syn_budget_ms;
}

static int xtcp_sockopt_get_rto_min(struct sock *sk)
{
	return xtcp_knob_u(sk, rto_min_ms, rto_min_ms);
}

static int xtcp_sockopt_get_rto_max(struct sock *sk)
{
	return xtcp_knob_u(sk, rto_max_ms, rto_max_ms);
}

static int xtcp_sockopt_set_rto_min(struct sock *sk, int val)
{
	int err;

	if (!xtcp_sockopt_between(val, 1, xtcp_sockopt_get_rto_max(sk)))
		return -EINVAL;
	err = xtcp_sockopt_floor(sk, val, READ_ONCE(xtcp_sockopt_knobs(sk)->rto_min_floor_ms));
	if (err)
		return err;
	return XTCP_SOCKOPT_WISH(sk, rto_min_ms, val);
}

static int xtcp_sockopt_set_rto_max(struct sock *sk, int val)
{
	if (!xtcp_sockopt_between(val, xtcp_sockopt_get_rto_min(sk), XTCP_SOCKOPT_RTO_MAX_MS))
		return -EINVAL;
	return XTCP_SOCKOPT_WISH(sk, rto_max_ms, val);
}

static int xtcp_sockopt_set_dead_peer(struct sock *sk, int val)
{
	int err;

	if (val < 0)
		return -EINVAL;
	/* 0 is "off here", whatever the namespace says */
	err = XTCP_SOCKOPT_WISH(sk, dead_peer_ms, val ? val : -1);
	if (err)
		return err;
	if (!val)
		xtcp_timer_cancel(sk, XTCP_TIMER_DEADPEER);
	else if (xtcp_state_in(sk, XTCP_STATES_SYNCHRONIZED))
		/* Half way the first probe goes out; see entry/timeouts.c */
		xtcp_sockopt_arm_idle(sk, XTCP_TIMER_DEADPEER, val / 2);
	return 0;
}

static int xtcp_sockopt_get_dead_peer(struct sock *sk)
{
	return xtcp_knob_dead_peer_ms(sk);
}

static int xtcp_sockopt_set_synack(struct sock *sk, int val)
{
	if (!xtcp_sockopt_between(val, 0, XTCP_SOCKOPT_RETRIES_MAX))
		return -EINVAL;
	return XTCP_SOCKOPT_WISH(sk, synack_retries, val);
}

static int xtcp_sockopt_get_synack(struct sock *sk)
{
	return xtcp_knob_synack_retries(sk);
}

static int xtcp_sockopt_set_orphan(struct sock *sk, int val)
{
	if (!xtcp_sockopt_between(val, 0, XTCP_SOCKOPT_RETRIES_MAX))
		return -EINVAL;
	return XTCP_SOCKOPT_WISH(sk, orphan_retries, val);
}

static int xtcp_sockopt_get_orphan(struct sock *sk)
{
	return xtcp_knob_orphan_retries(sk);
}

/* SO_ZEROCOPY: MSG_ZEROCOPY may be asked for. Here for kernels that do not ask us for that. */
static int xtcp_sockopt_set_zerocopy(struct sock *sk, int val)
{
	if (!xtcp_sockopt_between(val, 0, 1))
		return -EINVAL;
	sock_valbool_flag(sk, SOCK_ZEROCOPY, val);
	return 0;
}

static int xtcp_sockopt_get_zerocopy(struct sock *sk)
{
	return sock_flag(sk, SOCK_ZEROCOPY);
}

#define XTCP_OPTION(opt, fn) \
	{ .name = opt, .set = xtcp_sockopt_set_##fn, .get = xtcp_sockopt_get_##fn }

const struct xtcp_option xtcp_sockopt_tcp[] = {
	XTCP_OPTION(TCP_NODELAY, nodelay),
	XTCP_OPTION(TCP_CORK, cork),
	XTCP_OPTION(TCP_MAXSEG, maxseg),
	XTCP_OPTION(TCP_NOTSENT_LOWAT, lowat),
	XTCP_OPTION(TCP_WINDOW_CLAMP, clamp),
	XTCP_OPTION(TCP_QUICKACK, quickack),
	XTCP_OPTION(TCP_SYNCNT, syncnt),
	XTCP_OPTION(TCP_LINGER2, linger2),
	XTCP_OPTION(TCP_DEFER_ACCEPT, defer),
	XTCP_OPTION(TCP_SAVE_SYN, save_syn),
	XTCP_OPTION(TCP_USER_TIMEOUT, user_timeout),
	XTCP_OPTION(TCP_KEEPIDLE, keepidle),
	XTCP_OPTION(TCP_KEEPINTVL, keepintvl),
	XTCP_OPTION(TCP_KEEPCNT, keepcnt),
	{ }
};

const struct xtcp_option xtcp_sockopt_xtcp[] = {
	XTCP_OPTION(XTCP_WIRE_PROTOCOL, wire),
	XTCP_OPTION(XTCP_MSL_MS, msl),
	XTCP_OPTION(XTCP_SYN_BUDGET_MS, budget),
	XTCP_OPTION(XTCP_RTO_MIN_MS, rto_min),
	XTCP_OPTION(XTCP_RTO_MAX_MS, rto_max),
	XTCP_OPTION(XTCP_DEAD_PEER_MS, dead_peer),
	XTCP_OPTION(XTCP_SYNACK_RETRIES, synack),
	XTCP_OPTION(XTCP_ORPHAN_RETRIES, orphan),
	XTCP_OPTION(XTCP_ZEROCOPY, zerocopy),
	{ }
};
