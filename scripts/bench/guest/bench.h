/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench: the same work over the kernel's TCP and over XTCP, in one boot.
 *
 * Results are lines on standard output:
 *	R FIGURE STACK NUMBER VALUE		one sample
 *	I FIGURE STACK NUMBER PERCENT		idle, which is not in its value
 *	S FIGURE STACK MS CWND SSTHRESH BYTES	one point of a transfer's course
 *	M FIGURE STACK CACHE OBJECTS BYTES	what a slab cache has grown by
 */
#ifndef BENCH_H
#define BENCH_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MIB (1024 * 1024)
#define CHUNK 65536

enum stack { TCP, XTCP, STACKS };

/**
 * struct options - the command line
 * @figure: name in the results
 * @addr: what the client connects to
 * @server_ns: namespace of the server, NULL: this one
 * @client_ns: namespace of the client
 * @apart: the namespaces are called STACK-NAME
 * @steady: bulk under SCHED_FIFO, conn under SCHED_BATCH
 * @stack: which stacks take part
 * @count: iterations, MiB or connections of one sample
 * @reps: samples of each stack
 * @others: idle connections open meanwhile
 * @shift: one instruction takes 2^shift ns of the guest's clock
 * @ms: duration, ms
 * @sample_us: interval between points of a transfer's course, us; 0: none
 * @first_rep: number of the first sample
 */
struct options {
	const char *figure;
	const char *addr;
	const char *server_ns;
	const char *client_ns;
	bool apart;
	bool steady;
	bool stack[STACKS];
	long count;
	int reps;
	long others;
	int shift;
	long ms;
	long sample_us;
	int first_rep;
};

extern const char *const stack_name[STACKS];

/* lib.c */
_Noreturn void die(const char *fmt, ...);
void check(bool ok, const char *what);
uint64_t instructions(const struct options *o);
uint64_t task_time(void);
double now_s(void);
void enter_ns(const struct options *o, enum stack s, const char *name);
void want_files(long n);
void pause_s(int seconds);
void write_file(const char *path, const char *text);
void result(const struct options *o, const char *suffix, enum stack s, int rep, double value);

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

socklen_t parse_address(union address *a, const char *text, int port);
int open_socket(enum stack s, int family);
int listen_on(enum stack s, const char *addr, int port, int backlog);
int connect_to(enum stack s, const char *addr, int port);
int accept_one(int lis);
void send_all(int fd, const void *buf, size_t len);
void recv_all(int fd, void *buf, size_t len);

struct others {
	int *fd;
	long n;
	int lis;
};

struct others open_others(enum stack s, int family, long n);
void close_others(struct others *others);

pid_t child(void);
void reap(pid_t pid);

/* speed.c, memory.c, path.c */
void bench_rr(const struct options *o);
void bench_rr_alone(const struct options *o);
void bench_bulk_alone(const struct options *o);
void bench_bulk(const struct options *o);
void bench_conn(const struct options *o);
void bench_others(const struct options *o);
void bench_copy(const struct options *o);
void bench_idle(const struct options *o);
void bench_synrecv(const struct options *o);
void bench_timewait(const struct options *o);
void bench_hold(const struct options *o);
void bench_transfer(const struct options *o);
void bench_share(const struct options *o);
void bench_sink(const struct options *o);
void bench_source(const struct options *o);

#endif
