/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * smp: each test drives one race until the counter that only this race moves has moved, or a bound
 * of time is over: then it has failed.
 */
#ifndef _SMP_H
#define _SMP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../module/uapi/xtcp.h"

#define SMP_BOUND_S	120	/* for one race */

/* main.c */
void smp_fail(const char *what, ...) __attribute__((format(printf, 1, 2), noreturn));
uint32_t smp_random(uint32_t below);
void smp_reseed(unsigned int stream);
double smp_seconds(void);
void smp_pin(int cpu);

/* bound.c */
bool smp_bound(pid_t pid);

/* net.c */
union smp_sockaddr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

void smp_netns(void);
unsigned long smp_counter(const char *name);
void smp_sysctl(const char *name, const char *value);
int smp_socket(void);
int smp_listen(const char *address, uint16_t port);
int smp_accept(int listener, int ms);
int smp_connect(const char *address, uint16_t port);
void smp_pair(int listener, const char *address, uint16_t port, int *active, int *passive);
void smp_abort(int fd);
bool smp_alone(void);
bool smp_balanced(void);
socklen_t smp_address(const char *address, uint16_t port, union smp_sockaddr *to);

/* echo.c */
bool smp_fair(void);
void smp_end(int fd);
void smp_serve(int fd);
unsigned int smp_ask(int fd, bool *broken);

/* duel.c: two functions at the same time, on CPUs of their own */
typedef void smp_side(void *arg);
void smp_duel_begin(void);
void smp_duel(smp_side *left, smp_side *right, void *arg);
void smp_duel_end(void);

/* tun.c: a peer that writes its segments itself; one queue for each CPU */
#define SMP_QUEUES	2
void smp_tun_open(const char *here);
void smp_tun_close(void);
void smp_tun_send(int queue, uint16_t sport, uint16_t dport, uint32_t seq, uint32_t ack,
		  uint8_t flags);
bool smp_tun_synack(uint16_t port, uint32_t *seq);
void smp_tun_drain(void);
#define SMP_HERE	"192.0.2.1"	/* the peer has the next address */
#define SMP_HERE6	"2001:db8::1"

/* the tests */
void test_backlog(void);
void test_timer(void);
void test_double_promotion(void);
void test_double_promotion6(void);
void test_accept_close(void);
void test_accept_close6(void);
void test_storm(void);
void test_kill(void);
void test_ports(void);
void test_reuseport(void);
void test_shared(void);
void test_paced(void);
void test_netns(void);

#endif
