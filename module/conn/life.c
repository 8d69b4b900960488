// SPDX-License-Identifier: GPL-2.0-only
/*
 * Birth and death of full sockets. Who holds a reference when is told in
 * Documentation/lifetime.rst.
 */
#include "life.h"

#include <net/xfrm.h>

#include "flows.h"
#include "ports.h"
#include "rcvq.h"
#include "sndq.h"
#include "state.h"
#include "timers.h"
#include "tune.h"

static atomic_t xtcp_life_socks = ATOMIC_INIT(0);

/* Twins of the protos without an owner: same slab, no module reference. */
static struct proto *xtcp_life_unpinned_v4 __read_mostly;
static struct proto *xtcp_life_unpinned_v6 __read_mostly;
static size_t xtcp_life_v6_size __read_mostly;

/**
 * xtcp_life_set_unpinned - name the protos of sockets without a program
 * @v4: copy of xtcp_prot with owner NULL
 * @v6: copy of xtcpv6_prot with owner NULL
 *
 * Context: Module init.
 */
void xtcp_life_set_unpinned(struct proto *v4, struct proto *v6)
{
	xtcp_life_unpinned_v4 = v4;
	xtcp_life_unpinned_v6 = v6;
	xtcp_life_v6_size = v6->obj_size;
}

/**
 * xtcp_life_count - full sockets of all namespaces that are not freed yet
 *
 * Return: Their number; unloading waits for 0.
 */
int xtcp_life_count(void)
{
	return atomic_read(&xtcp_life_socks);
}

/**
 * xtcp_life_count_add - a full socket was made (1) or freed (-1)
 * @n: how many
 *
 * Context: Any.
 */
void xtcp_life_count_add(int n)
{
	atomic_add(n, &xtcp_life_socks);
}

static void xtcp_life_init_lists(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	xt->disorder = NULL;
	xt->pacer = NULL;
	sk->tcp_rtx_queue = RB_ROOT;
	sk->sk_frag.page = NULL;
	sk->sk_frag.offset = 0;
	xtcp_board_init(sk);
	sk->sk_tsq_flags = 0;
	xtcp_timers_setup(sk);
}

/**
 * xtcp_life_init - start values of a socket from socket()
 * @sk: zeroed by the core, sock_init_data() done; in TCP_CLOSE
 *
 * Context: Process, @sk is private.
 */
void xtcp_life_init(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net(sock_net(sk));
	struct xtcp_knobs *knobs = &xn->knobs;
	struct xtcp_sock *xt = xtcp_sk(sk);

	xt->xn = xn;
	xtcp_life_init_lists(sk);
	xt->wire_protocol = READ_ONCE(knobs->wire_protocol);
	xt->mss_cache = XTCP_MSS_DEFAULT_V4;
	xt->mss_clamp = XTCP_MSS_DEFAULT_V4;
	xt->rcv_mss = XTCP_MSS_DEFAULT_V4;
	xt->tune = &xtcp_tune_none;
	xt->creator_pid = task_tgid_nr(current);
	xtcp_rtt_init(&xt->rtt, READ_ONCE(knobs->rto_initial_ms) * USEC_PER_MSEC);
	xtcp_cc_init(&xt->cc, xtcp_cc_find(knobs->congestion_control) ?: &xtcp_cc_reno,
		     xt->mss_cache);
	xtcp_state_born(sk, TCP_CLOSE);
	xtcp_life_count_add(1);
	XTCP_SK_ADD(sk, SocksMade, 1);
}

/**
 * xtcp_life_reset_clone - undo what sk_clone() copied and must not be shared
 * @child: fresh from sk_clone_lock(), private to the caller
 *
 * Owned pointers of the listener (IP options, IPv6 options and lists, queues,
 * timers, reservation, accept queue, saved SYN) are forgotten, never freed
 * here. The child is born into SYN_RECV.
 *
 * Context: Softirq.
 */
void xtcp_life_reset_clone(struct sock *child)
{
	struct xtcp_sock *xt = xtcp_sk(child);
	struct inet_sock *inet = inet_sk(child);

	/* From here on the destructor may run */
	xtcp_life_init_lists(child);
	xt->acceptq = NULL;
	xt->port = NULL;
	xt->port_listens = false;
	xt->port_owner = 0;
	xt->undelivered = 0;
	xt->tune = &xtcp_tune_none;
	xt->hashed = 0;
	xt->dead_ref = 0;
	xt->close_reason = XTCP_REASON_NONE;
	RCU_INIT_POINTER(inet->inet_opt, NULL);
	inet->mc_list = NULL;
	inet->pinet6 = NULL;
	rcu_assign_sk_user_data(child, NULL);
	RCU_INIT_POINTER(child->sk_reuseport_cb, NULL);
	sock_reset_flag(child, SOCK_RCU_FREE);
	child->sk_ack_backlog = 0;
	child->sk_max_ack_backlog = 0;
	atomic64_set(&child->sk_cookie, 0);
	/* Nobody owns it until it is in the accept queue */
	sock_set_flag(child, SOCK_DEAD);
	atomic_inc(&xtcp_net(sock_net(child))->orphans);
	xtcp_state_born(child, TCP_SYN_RECV);
	xtcp_life_count_add(1);
	XTCP_INC(sock_net(child), SocksMade);
}

/**
 * xtcp_life_leave_parent - a child that was never delivered ends
 * @sk: a child in SYN_RECV, or any other socket
 *
 * Context: Socket lock.
 */
void xtcp_life_leave_parent(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (!xt->undelivered)
		return;
	xt->undelivered = 0;
	sock_put(xt->parent);
}

/**
 * xtcp_life_unpin - a socket without a program does not pin the module
 * @sk: has lost its struct socket, or is a child that has none
 *
 * The core gives the module reference back through sk_prot_creator when the
 * sock is freed; we do it now and switch to the twin without an owner.
 * Unloading waits for xtcp_life_count() instead.
 *
 * Context: Socket lock or private; the caller's own code is pinned otherwise.
 */
void xtcp_life_unpin(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct proto *creator = sk->sk_prot_creator;

	if (xt->dead_ref)
		return;
	xt->dead_ref = 1;
	sk->sk_prot_creator = creator->obj_size == xtcp_life_v6_size ?
		xtcp_life_unpinned_v6 : xtcp_life_unpinned_v4;
	module_put(creator->owner);
}

/**
 * xtcp_life_finish - what every end of a connection has in common
 * @sk: in TCP_CLOSE, out of the flow table
 *
 * What was received stays for the program to read.
 *
 * Context: Socket lock, BHs off; the caller holds a reference of its own.
 */
void xtcp_life_finish(struct sock *sk)
{
	xtcp_timers_stop(sk);
	if (!(sk->sk_userlocks & SOCK_BINDPORT_LOCK))
		xtcp_port_release(sk);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_state_change(sk);
	else
		xtcp_life_destroy(sk);
}

/**
 * xtcp_life_done - the connection is over
 * @sk: the connection
 * @reason: why; kept as close reason if it is the first
 *
 * Context: Socket lock, BHs off. The caller holds a reference beyond the
 * protocol's: an orphan loses that here.
 */
void xtcp_life_done(struct sock *sk, enum xtcp_reason reason)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (xtcp_state_in(sk, TCPF_SYN_SENT | TCPF_SYN_RECV))
		XTCP_SK_ADD(sk, AttemptFails, 1);
	/* A child that was never delivered: its listener hears nothing of it */
	xtcp_life_leave_parent(sk);

	xtcp_flow_remove((struct sock_common *)sk);
	if (!xt->close_reason)
		xt->close_reason = reason;
	xtcp_state_set(sk, TCP_CLOSE, reason);
	xtcp_life_finish(sk);
}

/**
 * xtcp_life_abort - the connection is over and the program must know
 * @sk: the connection
 * @err: positive errno for the next call
 * @reason: why
 *
 * What was not sent is thrown away (RFC 9293 3.10.7.4, RST processing).
 *
 * Context: Socket lock, BHs off.
 */
void xtcp_life_abort(struct sock *sk, int err, enum xtcp_reason reason)
{
	bool orphan = sock_flag(sk, SOCK_DEAD);

	WRITE_ONCE(sk->sk_err, err);
	/* poll() must not see the new state without the error */
	smp_wmb();
	xtcp_sndq_purge(sk);
	xtcp_life_done(sk, reason);
	if (!orphan)
		sk_error_report(sk);
}

/**
 * xtcp_life_destroy - an orphan gives up its last possessions
 * @sk: in TCP_CLOSE, SOCK_DEAD, out of all tables
 *
 * Drops the reference the program once held.
 *
 * Context: Socket lock, BHs off.
 */
void xtcp_life_destroy(struct sock *sk)
{
	WARN_ON(sk->sk_state != TCP_CLOSE);
	WARN_ON(!sock_flag(sk, SOCK_DEAD));

	sk->sk_prot->destroy(sk);
	xtcp_port_release(sk);
	sk_stream_kill_queues(sk);
	xfrm_sk_free_policy(sk);
	atomic_dec(&xtcp_net(sock_net(sk))->orphans);
	sock_put(sk);
}

/**
 * xtcp_life_too_many_orphans - should an orphan be reset rather than kept?
 * @sk: the orphan
 *
 * Context: Any.
 * Return: true if there are too many, or protocol memory is exhausted and this
 * one holds a good share of it.
 */
bool xtcp_life_too_many_orphans(const struct sock *sk)
{
	const struct xtcp_net *xn = xtcp_net(sock_net(sk));

	if (atomic_read(&xn->orphans) > READ_ONCE(xn->knobs.max_orphans))
		return true;
	return sk->sk_wmem_queued > SOCK_MIN_SNDBUF &&
	       sk_memory_allocated(sk) > sk_prot_mem_limits(sk, 2);
}
