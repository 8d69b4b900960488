// SPDX-License-Identifier: GPL-2.0-only
/*
 * xtcp-run's library under ThreadSanitizer, linked to a program with threads
 * (selftests/net/threads.c) instead of preloaded.
 *
 * There is no XTCP here: the kernel's TCP stands in for it, with a mark of SO_MAX_PACING_RATE. The
 * library finds these in the place of the C library's calls, and may ask for the environment only
 * until main() begins.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <sys/wait.h>

void *preload_dlsym(void *handle, const char *name);
char *preload_getenv(const char *name);
int threads_main(int argc, char **argv);

#define dlsym preload_dlsym
#define getenv preload_getenv
#include "../../scripts/preload/xtcp-run.c"
#undef dlsym
#undef getenv

#define MARK	253253

static bool preload_began;

static int preload_socket(int domain, int type, int protocol)
{
	socket_fn next = (socket_fn)dlsym(RTLD_NEXT, "socket");
	int fd = next(domain, type, protocol == IPPROTO_XTCP ? 0 : protocol);
	unsigned int mark = MARK;

	if (fd >= 0 && protocol == IPPROTO_XTCP)
		setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &mark, sizeof(mark));
	return fd;
}

static int preload_getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
	getsockopt_fn next = (getsockopt_fn)dlsym(RTLD_NEXT, "getsockopt");
	socklen_t mlen = sizeof(unsigned int);
	unsigned int mark = 0;
	bool ours;

	/* asked for only while one socket takes the place of another: time for a fork() */
	if (level == SOL_SOCKET && name == SO_OOBINLINE)
		usleep(1000);
	ours = !next(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &mark, &mlen) && mark == MARK;
	if (!ours || !(level == IPPROTO_XTCP || (level == SOL_SOCKET && name == SO_PROTOCOL)))
		return next(fd, level, name, val, len);
	*(int *)val = level == SOL_SOCKET ? IPPROTO_XTCP : IPPROTO_TCP;
	return 0;
}

void *preload_dlsym(void *handle, const char *name)
{
	if (!strcmp(name, "socket"))
		return preload_socket;
	if (!strcmp(name, "getsockopt"))
		return preload_getsockopt;
	return dlsym(handle, name);
}

char *preload_getenv(const char *name)
{
	if (preload_began) {
		fprintf(stderr, "the library asks for %s while threads change it\n", name);
		abort();
	}
	return getenv(name);
}

/* Again, in an environment with rules, and at an address of its own. Returns the exit status. */
static int preload_run(const char *rules, const char *mode)
{
	char address[32], self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	pid_t pid;
	int status;

	if (len < 0)
		return -1;
	self[len] = '\0';
	snprintf(address, sizeof(address), "127.%d.%d.1", 1 + getpid() / 250 % 250, getpid() % 250);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		setenv("XTCP_RUN_ONLY", rules, 1);
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execl(self, self, address, "4", "60", mode, NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

int main(int argc, char **argv)
{
	bool all, mixed;

	preload_began = true;
	if (argc > 1)
		return threads_main(argc, argv);
	all = !preload_run("", NULL);
	mixed = !preload_run("listen:9000;connect:9000", "mixed");
	printf("KTAP version 1\n1..2\n");
	printf("%sok 1 threads, all of XTCP\n", all ? "" : "not ");
	printf("%sok 2 threads, some given back to the kernel's TCP\n", mixed ? "" : "not ");
	return !(all && mixed);
}
