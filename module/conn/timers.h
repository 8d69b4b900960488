/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Logical timers: deadlines in the socket, one timer_list armed for the
 * earliest. conn/timers.c has the list of who arms what.
 */
#ifndef _XTCP_CONN_TIMERS_H
#define _XTCP_CONN_TIMERS_H

#include "../xtcp.h"

const char *xtcp_timer_name(enum xtcp_timer which);

/**
 * struct xtcp_timer_handlers - the trampolines, registered once by entry/timeouts.c
 * @sock: sk_timer of full sockets
 * @request: rsk_timer
 * @timewait: xtcp_timewait.timer
 * @hr: xtcp_pacer.timer, xtcp_disorder.sack_timer
 */
struct xtcp_timer_handlers {
	void (*sock)(struct timer_list *t);
	void (*request)(struct timer_list *t);
	void (*timewait)(struct timer_list *t);
	enum hrtimer_restart (*hr[XTCP_HRTIMER_MAX])(struct hrtimer *t);
};

void xtcp_timers_register(const struct xtcp_timer_handlers *handlers);

/* Prepare sk_timer: at birth of a socket, and of a child. */
void xtcp_timers_setup(struct sock *sk);

/* Arm (again) for @delay_us from now. Context: socket lock. */
void xtcp_timer_arm(struct sock *sk, enum xtcp_timer which, u64 delay_us);
/* The same with a delay in ms. */
void xtcp_timer_arm_ms(struct sock *sk, enum xtcp_timer which, u32 delay_ms);
/* Arm a slot that has just expired, from its last deadline on. */
void xtcp_timer_arm_again(struct sock *sk, enum xtcp_timer which, u32 delay_ms);
/* Arm only if it is not pending, or pending for later. */
void xtcp_timer_arm_earlier(struct sock *sk, enum xtcp_timer which, u64 delay_us);
static inline bool xtcp_timer_pending(const struct sock *sk, enum xtcp_timer which)
{
	return xtcp_sk(sk)->timers_pending & BIT(which);
}

/*
 * A slot is not wanted any more; fine if it is not pending. The timer_list is left to run
 * into nothing: deleting it on every ACK would cost more than that. Context: socket lock.
 */
static inline void xtcp_timer_cancel(struct sock *sk, enum xtcp_timer which)
{
	if (xtcp_timer_pending(sk, which))
		WRITE_ONCE(xtcp_sk(sk)->timers_pending,
			   xtcp_sk(sk)->timers_pending & ~BIT(which));
}

/* ms left, 0 if due, -1 if not pending. Context: any (racy read). */
s32 xtcp_timer_left_ms(const struct sock *sk, enum xtcp_timer which);
/* The earliest pending one, or XTCP_TIMER_MAX. Context: any. */
enum xtcp_timer xtcp_timer_next(const struct sock *sk, s32 *left_ms);

/*
 * Expiry, for entry/timeouts.c: take the slots that are due (cleared from
 * timers_pending) and arm the timer_list for the rest. Context: socket lock.
 */
u16 xtcp_timers_due(struct sock *sk);

/* All slots off and the timer_list deleted. Context: socket lock. */
void xtcp_timers_stop(struct sock *sk);

/* Where a tick is too coarse. Each is in a structure that not every connection has. */
void xtcp_timer_setup_hr(struct hrtimer *t, enum xtcp_hrtimer which);
void xtcp_timer_arm_hr(struct sock *sk, struct hrtimer *t, enum xtcp_hrtimer which, u64 at_ns,
		       u64 slack_ns);
void xtcp_timer_hr_due(const struct sock *sk, enum xtcp_hrtimer which);
void xtcp_timer_stop_hr(struct sock *sk, struct hrtimer *t);

/* Minisocks: one timer each, ms; a pending timer holds a reference. */
void xtcp_timer_setup_request(struct xtcp_request *req);
void xtcp_timer_setup_timewait(struct xtcp_timewait *tw);
bool xtcp_timer_request_due(struct xtcp_request *req);
bool xtcp_timer_timewait_due(struct xtcp_timewait *tw);
s32 xtcp_timer_left_timewait_ms(const struct xtcp_timewait *tw);
void xtcp_timer_arm_request(struct xtcp_request *req, u32 delay_ms);
void xtcp_timer_cancel_request(struct xtcp_request *req);
void xtcp_timer_arm_timewait(struct xtcp_timewait *tw, u32 delay_ms);
void xtcp_timer_cancel_timewait(struct xtcp_timewait *tw);
s32 xtcp_timer_left_request_ms(const struct xtcp_request *req);

#endif /* _XTCP_CONN_TIMERS_H */
