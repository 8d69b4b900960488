// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of tests; each runs in a process and network namespace of its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/membarrier.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kselftest.h"
#include "smp.h"

static const struct {
	const char *name;
	void (*run)(void);
} smp_tests[] = {
	{ "backlog: segments that find the socket locked", test_backlog },
	{ "timers that find the socket locked", test_timer },
	{ "double promotion: two ACKs for one request", test_double_promotion },
	{ "double promotion: two ACKs for one request, IPv6", test_double_promotion6 },
	{ "accept against close: a child of a closing listener", test_accept_close },
	{ "accept against close: a child of a closing listener, IPv6", test_accept_close6 },
	{ "storm: connections made, used and broken on all CPUs", test_storm },
	{ "kill: processes killed at random points", test_kill },
	{ "ports: bind, listen and close of one port", test_ports },
	{ "reuseport: listeners of a group come and go", test_reuseport },
	{ "shared: sockets used and closed by several threads", test_shared },
	{ "paced: data held back on all CPUs, and their ends", test_paced },
	{ "netns: namespaces come and go with traffic", test_netns },
};

#define SMP_TESTS (sizeof(smp_tests) / sizeof(smp_tests[0]))

static uint64_t smp_seed;

void smp_fail(const char *what, ...)
{
	va_list args;

	printf("# ");
	va_start(args, what);
	vprintf(what, args);
	va_end(args);
	printf(" (errno %d %s)\n", errno, strerror(errno));
	fflush(stdout);
	_exit(1);
}

static __thread uint64_t smp_random_state;

/* This thread draws another sequence from now on (splitmix64). */
void smp_reseed(unsigned int stream)
{
	smp_random_state = (smp_seed + 1) * 0x2545f4914f6cdd1dull + stream;
}

/* Every thread has its own sequence, given out in the order in which they first ask. */
uint32_t smp_random(uint32_t below)
{
	static atomic_uint streams;
	uint64_t z;

	if (!smp_random_state)
		smp_reseed(atomic_fetch_add(&streams, 1));
	z = (smp_random_state += 0x9e3779b97f4a7c15ull);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (uint32_t)((z ^ (z >> 31)) % below);
}

double smp_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

void smp_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		smp_fail("CPU %d", cpu);
}

/* A connection of the kernel's TCP to itself. */
static void smp_warm_up_tcp(int family)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} a = { .any.sa_family = (sa_family_t)family };
	int listener = socket(family, SOCK_STREAM, 0), fd = socket(family, SOCK_STREAM, 0);
	socklen_t len = sizeof(a);

	if (bind(listener, &a.any, sizeof(a)) || listen(listener, 1) ||
	    getsockname(listener, &a.any, &len) || connect(fd, &a.any, len))
		smp_fail("warming up");
	close(accept(listener, NULL, NULL));
	close(fd);
	close(listener);
}

/*
 * What the kernel does once, at the first TCP connection, ends by patching its own text. Some
 * emulators with a thread for each CPU go on executing what stood there for a
 * moment (an int3), if another CPU comes by then. So it is done before there is a race.
 */
static void smp_warm_up(void)
{
	int i;

	smp_warm_up_tcp(AF_INET);
	smp_warm_up_tcp(AF_INET6);
	/* A work item does it: grace periods are time enough on a machine that is idle */
	for (i = 0; i < 10; i++)
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

static bool smp_run(void (*run)(void))
{
	double start = smp_seconds();
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		smp_netns();
		run();
		if (!smp_alone())
			smp_fail("sockets are left in /proc/net/xtcp/sockets");
		if (!smp_balanced())
			smp_fail("more was made than was freed");
		printf("# %.1f s\n", smp_seconds() - start);
		fflush(stdout);
		_exit(0);
	}
	return pid > 0 && smp_bound(pid);
}

int main(int argc, char **argv)
{
	const char *seed = getenv("XTCP_SEED");
	unsigned int i;

	signal(SIGPIPE, SIG_IGN);
	smp_seed = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	ksft_print_header();
	ksft_print_msg("seed %llu\n", (unsigned long long)smp_seed);
	if (!smp_run(smp_warm_up))
		ksft_exit_fail_msg("the kernel's TCP does not work\n");
	ksft_set_plan(SMP_TESTS);
	for (i = 0; i < SMP_TESTS; i++) {
		if (sysconf(_SC_NPROCESSORS_ONLN) < 4) {
			ksft_test_result_fail("%s: needs four CPUs\n", smp_tests[i].name);
			continue;
		}
		if (argc > 1 && !strstr(smp_tests[i].name, argv[1])) {
			ksft_test_result_skip("%s: not asked for\n", smp_tests[i].name);
			continue;
		}
		ksft_test_result(smp_run(smp_tests[i].run), "%s\n", smp_tests[i].name);
	}
	ksft_finished();
}
