// SPDX-License-Identifier: GPL-2.0-only
/* What all measurements need: clocks, namespaces, sockets of either stack. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../../module/uapi/xtcp.h"
#include "bench.h"

const char *const stack_name[STACKS] = { "tcp", "xtcp" };

void die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("bench: FAILED: ", stdout);
	va_start(ap, fmt);
	vfprintf(stdout, fmt, ap);
	va_end(ap);
	fputc('\n', stdout);
	fflush(stdout);
	_exit(1);
}

void check(bool ok, const char *what)
{
	if (!ok)
		die("%s: %s", what, strerror(errno));
}

/*
 * Where the emulator counts instructions the time stamp counter is that count. Time
 * spent idle moves it too: a measurement that waits for a timer says how long (task_time()).
 */
uint64_t instructions(const struct options *o)
{
	return __builtin_ia32_rdtsc() >> o->shift;
}

/*
 * How long tasks have run on the one CPU, ns of the guest's clock, from /proc/schedstat:
 * the seventh number of cpu0's line. It is brought up to date when a task leaves the CPU.
 */
uint64_t task_time(void)
{
	unsigned long long ns = 0;
	char line[512];
	FILE *f = fopen("/proc/schedstat", "r");

	check(f, "/proc/schedstat");
	sched_yield();
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "cpu0 %*u %*u %*u %*u %*u %*u %llu", &ns) == 1)
			break;
	fclose(f);
	return ns;
}

double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* With -p each stack has namespaces of its own, or the hook of one would be paid by the other. */
void enter_ns(const struct options *o, enum stack s, const char *name)
{
	char path[128];
	int fd;

	if (!name)
		return;
	snprintf(path, sizeof(path), "/run/netns/%s%s%s", o->apart ? stack_name[s] : "",
		 o->apart ? "-" : "", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	check(fd >= 0, path);
	check(!setns(fd, CLONE_NEWNET), "setns");
	close(fd);
}

void want_files(long n)
{
	struct rlimit r = { n, n };

	check(!setrlimit(RLIMIT_NOFILE, &r), "RLIMIT_NOFILE");
}

/* The guest's clock jumps over idle time: this is for TIME_WAIT and RCU, and costs little. */
void pause_s(int seconds)
{
	struct timespec ts = { .tv_sec = seconds };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &ts) == EINTR)
		;
}

void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	check(fd >= 0, path);
	check(write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	close(fd);
}

void result(const struct options *o, const char *suffix, enum stack s, int rep, double value)
{
	printf("R %s%s %s %d %.2f\n", o->figure, suffix, stack_name[s], rep, value);
	fflush(stdout);
}

socklen_t parse_address(union address *a, const char *text, int port)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, text, &a->in.sin_addr) == 1) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons(port);
		return sizeof(a->in);
	}
	if (inet_pton(AF_INET6, text, &a->in6.sin6_addr) != 1)
		die("no address: %s", text);
	a->in6.sin6_family = AF_INET6;
	a->in6.sin6_port = htons(port);
	return sizeof(a->in6);
}

int open_socket(enum stack s, int family)
{
	int fd = socket(s == XTCP ? AF_XTCP : family, SOCK_STREAM, 0);

	check(fd >= 0, "socket");
	return fd;
}

int listen_on(enum stack s, const char *addr, int port, int backlog)
{
	union address a;
	socklen_t len = parse_address(&a, addr, port);
	int fd = open_socket(s, a.any.sa_family), one = 1;

	check(!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), "SO_REUSEADDR");
	check(!bind(fd, &a.any, len), "bind");
	check(!listen(fd, backlog), "listen");
	return fd;
}

int connect_to(enum stack s, const char *addr, int port)
{
	union address a;
	socklen_t len = parse_address(&a, addr, port);
	int fd = open_socket(s, a.any.sa_family);

	check(!connect(fd, &a.any, len), "connect");
	return fd;
}

int accept_one(int lis)
{
	int fd = accept(lis, NULL, NULL);

	check(fd >= 0, "accept");
	return fd;
}

void send_all(int fd, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = send(fd, (const char *)buf + done, len - done, MSG_NOSIGNAL);

		check(n > 0, "send");
		done += n;
	}
}

void recv_all(int fd, void *buf, size_t len)
{
	check(recv(fd, buf, len, MSG_WAITALL) == (ssize_t)len, "recv");
}

/*
 * @n connections, both ends here, to one listener on all addresses. They go to 16
 * addresses in turn, since one pair of addresses has too few ephemeral ports.
 */
struct others open_others(enum stack s, int family, long n)
{
	struct others others = { .n = 2 * n };
	char addr[64];
	long i;

	others.fd = malloc((2 * n + 1) * sizeof(int));
	check(others.fd, "memory");
	others.lis = listen_on(s, family == AF_INET ? "0.0.0.0" : "::", 7001, 128);
	for (i = 0; i < n; i++) {
		snprintf(addr, sizeof(addr), family == AF_INET ? "127.1.0.%d" : "fd00:1::%x",
			 (int)(i % 16) + 1);
		others.fd[2 * i] = connect_to(s, addr, 7001);
		others.fd[2 * i + 1] = accept_one(others.lis);
	}
	return others;
}

void close_others(struct others *others)
{
	long i;

	for (i = 0; i < others->n; i++)
		close(others->fd[i]);
	close(others->lis);
	free(others->fd);
}

/* fork(), and the child ends with its parent */
pid_t child(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	check(pid >= 0, "fork");
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

void reap(pid_t pid)
{
	int status;

	check(waitpid(pid, &status, 0) == pid, "waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		die("a child failed (status %#x)", status);
}
