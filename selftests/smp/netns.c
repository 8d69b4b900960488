// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network namespaces that come and go with traffic in them. Each has loopback connections of its
 * own and others through a veth pair to the test's namespace; its processes are killed at a random
 * point. The pair goes with the namespace: that is how it is seen that it went.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "smp.h"

#define NETNS_AT_ONCE	3
#define NETNS_ROUNDS	9
#define NETNS_PORT	7400

struct netns_shared {
	atomic_ulong inside, outside;	/* echoes, in all */
	atomic_ulong fresh[NETNS_AT_ONCE];	/* of the one that is there now */
};

static struct netns_shared *netns_shared;
static atomic_bool netns_over;

static void netns_command(const char *format, ...)
{
	char command[256];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command))
		smp_fail("%s", command);
}

/* Everything may break here, at any time: only what is wrong counts, not what is lost. */
static void netns_echo(int fd)
{
	struct timeval tv = { .tv_sec = 1 };
	char buf[2048];
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	while (!atomic_load(&netns_over) && (n = recv(fd, buf, sizeof(buf), 0)) > 0)
		if (send(fd, buf, n, MSG_NOSIGNAL) != n)
			break;
	close(fd);
}

static void *netns_server(void *unused)
{
	int listener = smp_listen("0.0.0.0", NETNS_PORT);

	while (!atomic_load(&netns_over)) {
		int fd = smp_accept(listener, 100);

		if (fd >= 0)
			netns_echo(fd);
	}
	close(listener);
	return NULL;
}

/* Return: how many echoes came back before it broke. */
static unsigned int netns_ask(const char *address)
{
	int fd = smp_connect(address, NETNS_PORT);
	struct timeval tv = { .tv_sec = 1 };
	char out[1500], in[1500];
	unsigned int i;

	if (fd < 0)
		return 0;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	for (i = 0; i < 5; i++) {
		size_t len = 1 + smp_random(sizeof(out));

		memset(out, (int)smp_random(256), len);
		if (send(fd, out, len, MSG_NOSIGNAL) != (ssize_t)len ||
		    recv(fd, in, len, MSG_WAITALL) != (ssize_t)len)
			break;
		if (memcmp(in, out, len))
			smp_fail("the echo differs");
	}
	smp_end(fd);
	return i;
}

static void *netns_inside(void *unused)
{
	for (;;)
		atomic_fetch_add(&netns_shared->inside, netns_ask("127.0.0.1"));
	return NULL;
}

/* Nobody is told when a namespace is gone: the other side finds out, soon. */
static void netns_impatient(void)
{
	smp_sysctl("orphan_retries", "2");
	smp_sysctl("dead_peer_ms", "3000");
	smp_sysctl("fin_wait2_ms", "2000");
}

/* The veth pair's other end goes to the new namespace, whose process this is. */
static void netns_enter(int which)
{
	int before = open("/proc/self/ns/net", O_RDONLY), after;

	netns_command("ip link add p%d type veth peer name v%d", which, which);
	netns_command("ip addr add 10.0.%d.1/24 dev p%d", which, which);
	netns_command("ip link set p%d up", which);
	smp_netns();
	after = open("/proc/self/ns/net", O_RDONLY);
	if (before < 0 || after < 0 || setns(before, CLONE_NEWNET))
		smp_fail("setns");
	netns_command("ip link set v%d netns /proc/%d/fd/%d", which, (int)getpid(), after);
	if (setns(after, CLONE_NEWNET))
		smp_fail("setns");
	netns_command("ip addr add 10.0.%d.2/24 dev v%d", which, which);
	netns_command("ip link set v%d up", which);
	close(before);
	close(after);
	/* TIME_WAIT entries go with the namespace, long before their time */
	smp_sysctl("msl_ms", "30000");
	netns_impatient();
}

static pid_t netns_start(int which, unsigned int round)
{
	char address[32];
	pthread_t t[3];
	pid_t pid;
	int i;

	fflush(stdout);
	atomic_store(&netns_shared->fresh[which], 0);
	pid = fork();
	if (pid < 0)
		smp_fail("fork");
	if (pid)
		return pid;
	smp_reseed(2000 + round);
	/* the test's own connections are not this one's to keep open */
	if (close_range(3, ~0u, 0))
		smp_fail("close_range");
	netns_enter(which);
	pthread_create(&t[0], NULL, netns_server, NULL);
	for (i = 1; i < 3; i++)
		pthread_create(&t[i], NULL, netns_inside, NULL);
	snprintf(address, sizeof(address), "10.0.%d.1", which);
	for (;;) {
		unsigned int n = netns_ask(address);

		atomic_fetch_add(&netns_shared->outside, n);
		atomic_fetch_add(&netns_shared->fresh[which], n);
	}
}

static bool netns_gone(int which)
{
	double end = smp_seconds() + SMP_BOUND_S;
	char name[IFNAMSIZ];

	snprintf(name, sizeof(name), "p%d", which);
	while (if_nametoindex(name)) {
		if (smp_seconds() > end)
			return false;
		usleep(10000);
	}
	return true;
}

/* Traffic has come from it; a moment later it is killed. */
static void netns_end(int which, pid_t pid)
{
	double end = smp_seconds() + SMP_BOUND_S;
	int status;

	while (!atomic_load(&netns_shared->fresh[which])) {
		if (smp_seconds() > end || waitpid(pid, &status, WNOHANG))
			smp_fail("no traffic from namespace %d", which);
		usleep(5000);
	}
	usleep(smp_random(50000));
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
		smp_fail("namespace %d: its process ended by itself", which);
}

void test_netns(void)
{
	pid_t pid[NETNS_AT_ONCE];
	unsigned int round;
	pthread_t t[2];
	int i;

	netns_shared = mmap(NULL, sizeof(*netns_shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (netns_shared == MAP_FAILED)
		smp_fail("mmap");
	netns_impatient();
	for (i = 0; i < NETNS_AT_ONCE; i++)
		pid[i] = netns_start(i, i);
	pthread_create(&t[0], NULL, netns_server, NULL);
	for (round = NETNS_AT_ONCE; round < NETNS_ROUNDS; round++) {
		i = (int)(round % NETNS_AT_ONCE);
		netns_end(i, pid[i]);
		if (!netns_gone(i))
			smp_fail("namespace %d does not go", i);
		pid[i] = netns_start(i, round);
	}
	for (i = 0; i < NETNS_AT_ONCE; i++)
		netns_end(i, pid[i]);
	for (i = 0; i < NETNS_AT_ONCE; i++)
		if (!netns_gone(i))
			smp_fail("namespace %d does not go", i);
	atomic_store(&netns_over, true);
	pthread_join(t[0], NULL);
	printf("# %u namespaces, %lu echoes inside, %lu through veth\n", round,
	       netns_shared->inside, netns_shared->outside);
	if (!netns_shared->inside)
		smp_fail("too little happened");
}
