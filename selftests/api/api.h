/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every program of selftests/api shares: the stacks under test, addresses,
 * sockets, and waiting for a condition with a bound.
 *
 * One test body runs over each stack with the same expectations. The stacks
 * named tcp* are the kernel's TCP: what they do is the definition of right, so
 * an expectation that holds there and fails elsewhere is a fault of XTCP.
 */
#ifndef XTCP_SELFTESTS_API_H
#define XTCP_SELFTESTS_API_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "xtcp.h"

/* The states of tcpi_state; <netinet/tcp.h> can't be had beside <linux/tcp.h>. */
enum {
	ST_ESTABLISHED = 1, ST_SYN_SENT, ST_SYN_RECV, ST_FIN_WAIT1, ST_FIN_WAIT2,
	ST_TIME_WAIT, ST_CLOSE, ST_CLOSE_WAIT, ST_LAST_ACK, ST_LISTEN, ST_CLOSING,
};

/**
 * struct api_stack - one way to make the two ends of a connection
 * @name: what XTCP_API_STACKS and the test's name call it
 * @group: "tcp", "xtcp" or "cross" (one end each)
 * @srv_domain: socket()'s domain of the listening end
 * @srv_proto: socket()'s protocol of the listening end
 * @cli_domain: the same for the connecting end
 * @cli_proto: the same for the connecting end
 * @af: family of the addresses handed to the calls
 * @mapped: @af is AF_INET6 and the addresses are IPv4-mapped
 */
struct api_stack {
	const char *name;
	const char *group;
	int srv_domain;
	int srv_proto;
	int cli_domain;
	int cli_proto;
	int af;
	bool mapped;
};

/* Where an address points to, seen from a test's own namespace. */
enum where {
	W_ANY,		/* the wildcard */
	W_LO,		/* 127.0.0.1, ::1 */
	W_OTHER,	/* a second local address: 127.0.0.2, fd00::2 */
	W_FOREIGN,	/* nobody's, and no route leads there: 192.0.2.77 */
	W_MUTE,		/* behind the mute device: SYNs vanish: 198.51.100.1 */
};

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_storage ss;
	};
	socklen_t len;
};

/* A system call's result with errno folded in, so that one EXPECT compares both. */
static inline long sys(long ret)
{
	return ret < 0 ? -errno : ret;
}

__u64 now_us(void);
__u64 tick_us(void);

/* Bound of every wait; only a test that is about to fail ever uses it up. */
#define WAIT_BOUND_US	(20 * 1000000ULL)

/* Waits until @cond holds; its value is whether it ever did. */
#define WAIT(cond) ({						\
	__u64 end_ = now_us() + WAIT_BOUND_US;		\
	bool ok_;						\
	while (!(ok_ = (cond)) && now_us() < end_)		\
		usleep(500);					\
	ok_;							\
})

/* netns.c: the namespace of a test */
bool has_ipv6(void);
int ns_enter(void);
int ns_mute_device(void);
int ns_route(const char *fmt, ...);
int sysctl_write(const char *path, const char *value);
int sysctl_stack(const struct api_stack *s, const char *tcp, const char *xtcp,
		 const char *value);

/* sock.c: addresses and sockets */
struct addr addr_make(const struct api_stack *s, enum where w, unsigned int port);
struct addr addr_unspec(void);
unsigned int addr_port(const struct addr *a);
bool addr_same(const struct addr *a, const struct addr *b);
struct addr name_of(int fd);
struct addr peer_of(int fd);
bool stack_is_xtcp(const struct api_stack *s);
int srv_socket(const struct api_stack *s, int flags);
int cli_socket(const struct api_stack *s, int flags);
int host_socket(const struct api_stack *s, int flags);
int on_device(int fd, const char *dev);
long host_may(const struct api_stack *s, const char *dev, const struct addr *a);
int bind_both(const struct api_stack *s, int option, const struct addr *a, int *fd);
long do_bind(int fd, const struct addr *a);
long do_connect(int fd, const struct addr *a);
int make_listener(const struct api_stack *s, int backlog, struct addr *a);
int make_pair(const struct api_stack *s, int *cli, int *srv);
int make_pair_bufs(const struct api_stack *s, int *cli, int *srv, int sndbuf, int rcvbuf);
int make_stuck(const struct api_stack *s);
int tcp_state(int fd);
struct tcp_info info_of(int fd);
int so_error(int fd);
int get_int(int fd, int level, int name);
int set_int(int fd, int level, int name, int val);
int inq(int fd);
int outq(int fd);
short poll_now(int fd);
short poll_for(int fd, short events);
bool wait_state(int fd, int state);
bool wait_inq(int fd, int bytes);
bool wait_poll(int fd, short exact);
bool sleeps_in(pid_t tid, long nr);
bool set_nonblock(int fd, bool on);
int set_linger(int fd, int on, int secs);
int set_timeo(int fd, int name, int ms);
ssize_t send_all(int fd, const void *buf, size_t len);
ssize_t recv_all(int fd, void *buf, size_t len);
ssize_t fill_up(int fd);
int reset_peer(int fd);

/* A byte of the endless test stream, so that a reader knows what belongs where. */
static inline __u8 pattern(size_t pos)
{
	return (__u8)(pos * 7 + (pos >> 8) * 13 + (pos >> 16) * 31);
}

void pattern_fill(__u8 *buf, size_t pos, size_t len);
/* A file that has the first @len bytes of the pattern. Return: fd or -1. */
int pattern_file(size_t len);
bool pattern_ok(const __u8 *buf, size_t pos, size_t len);

#endif /* XTCP_SELFTESTS_API_H */
