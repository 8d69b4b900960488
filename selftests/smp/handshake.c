// SPDX-License-Identifier: GPL-2.0-only
/*
 * Races around the third segment of the handshake.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smp.h"

#define HS_PORT		80
#define HS_SYN		0x02
#define HS_RST		0x04
#define HS_ACK		0x10

struct hs {
	int listener;
	uint16_t port;		/* the peer's */
	uint32_t iss, irs;	/* the peer's and ours */
};

static void hs_ack_left(void *arg)
{
	struct hs *h = arg;

	smp_tun_send(0, h->port, HS_PORT, h->iss + 1, h->irs + 1, HS_ACK);
}

static void hs_ack_right(void *arg)
{
	struct hs *h = arg;

	smp_tun_send(1, h->port, HS_PORT, h->iss + 1, h->irs + 1, HS_ACK);
}

static void hs_close(void *arg)
{
	struct hs *h = arg;

	close(h->listener);
}

/* SYN and SYN-ACK from a new port: a request is there */
static void hs_request(struct hs *h)
{
	h->port = h->port >= 60000 || !h->port ? 1024 : h->port + 1;
	h->iss = smp_random(UINT32_MAX);
	smp_tun_drain();
	smp_tun_send(0, h->port, HS_PORT, h->iss, 0, HS_SYN);
	if (!smp_tun_synack(h->port, &h->irs))
		smp_fail("no SYN-ACK to port %u", h->port);
}

/* The peer forgets about it, so that neither side keeps anything */
static void hs_forget(struct hs *h)
{
	smp_tun_send(0, h->port, HS_PORT, h->iss + 1, h->irs + 1, HS_RST | HS_ACK);
}

/*
 * The same ACK on two CPUs: both find the request and make a child; the one that comes second finds
 * the request unhashed, throws its child away and uses the other's. One connection results.
 */
static void hs_double_promotion(const char *here)
{
	double end = smp_seconds() + SMP_BOUND_S;
	unsigned long rounds = 0, races;
	struct hs h = { 0 };

	smp_tun_open(here);
	h.listener = smp_listen(here, HS_PORT);
	smp_duel_begin();
	do {
		int fd, more;

		hs_request(&h);
		smp_duel(hs_ack_left, hs_ack_right, &h);
		fd = smp_accept(h.listener, 10000);
		if (fd < 0)
			smp_fail("round %lu: no connection", rounds);
		more = smp_accept(h.listener, 0);
		if (more >= 0)
			smp_fail("round %lu: one request, two connections", rounds);
		smp_abort(fd);
		races = smp_counter("DoublePromotions");
		rounds++;
	} while (races < 3 && smp_seconds() < end);
	smp_duel_end();
	close(h.listener);
	smp_tun_close();
	printf("# %lu double promotions in %lu rounds\n", races, rounds);
	if (races < 3)
		smp_fail("the race was not run");
}

void test_double_promotion(void) { hs_double_promotion(SMP_HERE); }
void test_double_promotion6(void) { hs_double_promotion(SMP_HERE6); }

/* A child is made while its listener closes: nobody will accept it, and it has to go. */
static void hs_accept_close(const char *here)
{
	double end = smp_seconds() + SMP_BOUND_S;
	unsigned long rounds = 0, races;
	struct hs h = { 0 };

	smp_tun_open(here);
	smp_duel_begin();
	do {
		h.listener = smp_listen(here, HS_PORT);
		hs_request(&h);
		smp_duel(hs_ack_left, hs_close, &h);
		hs_forget(&h);
		races = smp_counter("AcceptCloseRaces");
		rounds++;
	} while (races < 3 && smp_seconds() < end);
	smp_duel_end();
	smp_tun_close();
	printf("# %lu children of a closing listener in %lu rounds\n", races, rounds);
	if (races < 3)
		smp_fail("the race was not run");
}

void test_accept_close(void) { hs_accept_close(SMP_HERE); }
void test_accept_close6(void) { hs_accept_close(SMP_HERE6); }
