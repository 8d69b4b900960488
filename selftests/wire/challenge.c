// SPDX-License-Identifier: GPL-2.0-only
/* RFC 5961: blind attacks are answered with challenge ACKs. */
#define _GNU_SOURCE
#include "wire.h"

#define TOPIC "challenge"

/*
 * 7: one socket answers such a segment every half second at most (the kernel's
 * TCP has a knob for it, which net_setup() turned off).
 */
static void cool_down(struct conn *c)
{
	if (is_xtcp())
		quiet_for(c, 510);
}

/* 3.2: RST within the window but not at its edge. */
static void rst_in_window(void)
{
	struct conn *c = in_established();

	inject(c, RST, 100, 0);
	expect(c, ACK, 1, 1, .any = NO_WAIT);
	state_is(c, TCP_ESTABLISHED);
	check_eq(so_error(c->fd), 0);
	inject(c, RST, 1, 0);
	quiet(c);
	gone(c);
}

static void rst_outside(void)
{
	struct conn *c = in_established();

	inject(c, RST, -1, 0);
	quiet(c);
	inject(c, RST, 100000000, 0);
	quiet(c);
	state_is(c, TCP_ESTABLISHED);
}

/* 4.2: a SYN is never believed, in the window or not. */
static void syn(void)
{
	struct conn *c = in_established();

	inject(c, SYN, 1, 0, .mss = 1460, .ts = true);
	c->snd = 1;
	expect(c, ACK, 1, 1, .any = NO_WAIT);
	cool_down(c);
	inject(c, SYN, 5000, 0, .mss = 1460, .ts = true);
	expect(c, ACK, 1, 1, .any = NO_WAIT);
	cool_down(c);
	inject(c, SYN, -5000, 0, .mss = 1460, .ts = true);
	expect(c, ACK, 1, 1, .any = NO_WAIT);
	cool_down(c);
	inject(c, SYN | ACK, 0, 1, .mss = 1460, .ts = true);
	expect(c, ACK, 1, 1, .any = NO_WAIT);
	state_is(c, TCP_ESTABLISHED);
	inject(c, ACK, 1, 1, .len = 10);
	expect(c, ACK, 1, 11);
}

/* 5.2: an ACK older than any window the peer ever had. */
static void old_ack(void)
{
	struct conn *c = in_established();

	inject(c, ACK, 1, -100000000, .len = 10);
	expect(c, ACK, 1, 1, .any = NO_WAIT);
	check(!wait_fd(c->fd, POLLIN, 0), "something to read");
}

/* 7: the answers are limited, and the limit is a knob. */
static void limited(void)
{
	struct conn *c;
	int i, n = 0;

	knob("challenge_ack_limit", 5);
	c = in_established();
	for (i = 0; i < 50; i++) {
		inject(c, SYN, 1000, 0, .mss = 1460, .ts = true);
		fence();
		while (next_pending(c))
			n++;
	}
	/* The kernel's TCP draws from half to one and a half of it. */
	check(n >= 1 && n <= 16, "%d challenge ACKs with a limit of 5", n);
	state_is(c, TCP_ESTABLISHED);
}

/* So many answers to a burst of SYNs. */
static int challenged(struct conn *c)
{
	int i, n = 0;

	for (i = 0; i < 8; i++) {
		inject(c, SYN, 1000, 0, .mss = 1460, .ts = true);
		fence();
		while (next_pending(c))
			n++;
	}
	return n;
}

/*
 * 7, CVE-2016-5696: the limit of a second is drawn by lot, from half of it to one and a
 * half, so that nobody can tell by it what others got.
 */
static void not_countable(void)
{
	unsigned int seen = 0;
	struct conn *c;
	int i, n;

	knob("challenge_ack_limit", 5);
	c = in_established();
	for (i = 0; i < 16; i++) {
		n = challenged(c);
		check(n >= 3 && n <= 8, "%d challenge ACKs with a limit of 5", n);
		seen |= 1U << n;
		quiet_for(c, 1000);
	}
	check(seen & (seen - 1), "always the same number: %#x", seen);
	/* Zero is none (the kernel's TCP takes it for no limit, or for none) */
	if (!is_xtcp())
		return;
	knob("challenge_ack_limit", 0);
	quiet_for(c, 1000);
	check_eq(challenged(c), 0);
}

/* In the states after ESTABLISHED alike. */
static void other_states(void)
{
	struct conn *c = in_close_wait();

	inject(c, RST, 100, 0);
	expect(c, ACK, 1, 2, .any = NO_WAIT);
	cool_down(c);
	inject(c, SYN, 100, 0, .ts = true);
	expect(c, ACK, 1, 2, .any = NO_WAIT);
	state_is(c, TCP_CLOSE_WAIT);
	c = in_fin_wait_2();
	inject(c, RST, 100, 0);
	expect(c, ACK, 2, 1, .any = NO_WAIT);
	cool_down(c);
	inject(c, SYN, 100, 0, .ts = true);
	expect(c, ACK, 2, 1, .any = NO_WAIT);
	state_is(c, TCP_FIN_WAIT2);
}

/* A SYN that comes again in SYN_RECV is no attack, an RST off the edge is. */
static void syn_recv(void)
{
	struct conn *c = in_syn_recv();

	inject(c, RST, 100, 0);
	fence();
	drop_pending();
	state_is(c, TCP_SYN_RECV);
	inject(c, ACK, 1, 1);
	do_accept(c);
}

const struct row challenge_rows[] = {
	ROW(ROW_CORE, "RFC 5961 3.2 RST in the window", rst_in_window),
	ROW(0, "RFC 5961 3.2 RST outside of the window", rst_outside),
	ROW(ROW_CORE, "RFC 5961 4.2 SYN", syn),
	ROW(ROW_CORE, "RFC 5961 5.2 an ACK that is too old", old_ack),
	ROW(0, "RFC 5961 7 challenge_ack_limit", limited),
	ROW(ROW_VT, "RFC 5961 7 challenge_ack_limit is not exact", not_countable),
	ROW(0, "RFC 5961 CLOSE_WAIT and FIN_WAIT_2", other_states),
	ROW(0, "RFC 5961 3.2 SYN_RECV", syn_recv),
	{ NULL }
};
