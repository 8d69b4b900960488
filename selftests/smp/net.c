// SPDX-License-Identifier: GPL-2.0-only
/*
 * The namespace, its counters, and sockets.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smp.h"

#define SMP_BLANK	"\n "

void smp_netns(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd;

	if (unshare(CLONE_NEWNET))
		smp_fail("unshare(CLONE_NEWNET)");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr))
		smp_fail("lo up");
	close(fd);
	/* nothing here is about TIME_WAIT, and the test ends by looking whether all is gone */
	smp_sysctl("msl_ms", "1");
}

void smp_sysctl(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/xtcp/%s", name);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		smp_fail("%s = %s", path, value);
	close(fd);
}

/* The value below a name in /proc/net/xtcp/snmp: two lines, names and values */
unsigned long smp_counter(const char *name)
{
	static __thread char names[8192], values[8192];
	char *n, *v, *save_n, *save_v;
	FILE *f = fopen("/proc/net/xtcp/snmp", "r");

	if (!f || !fgets(names, sizeof(names), f) || !fgets(values, sizeof(values), f))
		smp_fail("/proc/net/xtcp/snmp");
	fclose(f);
	n = strtok_r(names, SMP_BLANK, &save_n);
	v = strtok_r(values, SMP_BLANK, &save_v);
	while (n && v) {
		if (!strcmp(n, name))
			return strtoul(v, NULL, 10);
		n = strtok_r(NULL, SMP_BLANK, &save_n);
		v = strtok_r(NULL, SMP_BLANK, &save_v);
	}
	smp_fail("no counter %s", name);
}

int smp_socket(void)
{
	int fd = socket(AF_XTCP, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		smp_fail("socket(AF_XTCP)");
	return fd;
}

/* IPv4 or IPv6; returns its length */
socklen_t smp_address(const char *address, uint16_t port, union smp_sockaddr *to)
{
	memset(to, 0, sizeof(*to));
	if (strchr(address, ':')) {
		to->v6.sin6_family = AF_INET6;
		to->v6.sin6_port = htons(port);
		inet_pton(AF_INET6, address, &to->v6.sin6_addr);
		return sizeof(to->v6);
	}
	to->v4.sin_family = AF_INET;
	to->v4.sin_port = htons(port);
	inet_pton(AF_INET, address, &to->v4.sin_addr);
	return sizeof(to->v4);
}

int smp_listen(const char *address, uint16_t port)
{
	int fd = smp_socket(), one = 1;
	double end = smp_seconds() + 10;
	union smp_sockaddr to;
	socklen_t len = smp_address(address, port, &to);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	while (bind(fd, &to.any, len)) {
		/* an address of IPv6 takes a moment */
		if (errno != EADDRNOTAVAIL || smp_seconds() > end)
			smp_fail("bind %s:%u", address, port);
		usleep(10000);
	}
	if (listen(fd, 128))
		smp_fail("listen %s:%u", address, port);
	/* accept() never waits: whoever wants to does so in poll() */
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* Returns -1 with errno set. */
int smp_connect(const char *address, uint16_t port)
{
	union smp_sockaddr to;
	socklen_t len = smp_address(address, port, &to);
	int fd = smp_socket(), err;

	if (!connect(fd, &to.any, len))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

/* Returns -1 if nothing comes within the time. */
int smp_accept(int listener, int ms)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	if (poll(&p, 1, ms) < 0)
		smp_fail("poll");
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

/* An established connection, both ends of it */
void smp_pair(int listener, const char *address, uint16_t port, int *active, int *passive)
{
	*active = smp_connect(address, port);
	if (*active < 0)
		smp_fail("connect %s:%u", address, port);
	*passive = smp_accept(listener, 10000);
	if (*passive < 0)
		smp_fail("accept");
}

void smp_abort(int fd)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

/* Has the namespace no XTCP socket any more? Waits a bounded time for orphans. */
bool smp_alone(void)
{
	double end = smp_seconds() + SMP_BOUND_S;
	char line[512];
	int lines;

	do {
		FILE *f = fopen("/proc/net/xtcp/sockets", "r");

		if (!f)
			smp_fail("/proc/net/xtcp/sockets");
		for (lines = 0; fgets(line, sizeof(line), f); lines++)
			;
		fclose(f);
		if (lines <= 1)
			return true;
		usleep(20000);
	} while (smp_seconds() < end);
	printf("# for example: %s", line);
	return false;
}

static bool smp_equal(const char *made, const char *freed)
{
	double end = smp_seconds() + SMP_BOUND_S;

	while (smp_counter(made) != smp_counter(freed)) {
		if (smp_seconds() > end) {
			printf("# %s %lu, %s %lu\n", made, smp_counter(made), freed,
			       smp_counter(freed));
			return false;
		}
		usleep(20000);
	}
	return true;
}

/* Was all that was made freed? Waits a bounded time, for RCU and for what the last one holds. */
bool smp_balanced(void)
{
	return smp_equal("SocksMade", "SocksFreed") && smp_equal("ReqsMade", "ReqsFreed") &&
	       smp_equal("TwsMade", "TwsFreed") && smp_equal("Reservations", "ReservationsFreed");
}
