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

/* What a program sets goes with the socket when it is given back, what it does not set does not. */
static const struct {
	int level;
	int name;
	int set;
	int want;
} preload_options[] = {
	{ SOL_SOCKET, SO_SNDBUF, 30000, 60000 }, { SOL_SOCKET, SO_BUF_LOCK, 0, SOCK_SNDBUF_LOCK },
	{ SOL_SOCKET, SO_REUSEADDR, 1, 1 }, { SOL_IP, IP_RECVERR, 1, 1 },
	{ IPPROTO_TCP, TCP_MAXSEG, 600, 600 }, { IPPROTO_TCP, TCP_NOTSENT_LOWAT, 7777, 7777 },
	{ IPPROTO_TCP, TCP_WINDOW_CLAMP, 50000, 50000 }, { IPPROTO_TCP, TCP_LINGER2, 9, 9 },
	{ IPPROTO_TCP, TCP_SAVE_SYN, 1, 1 }, { IPPROTO_TCP, TCP_KEEPCNT, 3, 3 },
};

static int preload_read(int fd, int level, int name)
{
	getsockopt_fn next = (getsockopt_fn)dlsym(RTLD_NEXT, "getsockopt");
	socklen_t len = sizeof(int);
	int val;

	return next(fd, level, name, &val, &len) ? -1 : val;
}

static bool preload_has_options(int fd)
{
	struct f_owner_ex owner;
	bool good = true;
	unsigned int i;

	if (preload_read(fd, SOL_SOCKET, SO_MAX_PACING_RATE) == MARK) {
		fprintf(stderr, "the socket did not go back\n");
		good = false;
	}
	for (i = 0; i < sizeof(preload_options) / sizeof(preload_options[0]); i++) {
		int got = preload_read(fd, preload_options[i].level, preload_options[i].name);

		if (got == preload_options[i].want)
			continue;
		fprintf(stderr, "level %d option %d is %d\n", preload_options[i].level,
			preload_options[i].name, got);
		good = false;
	}
	if (fcntl(fd, F_GETOWN_EX, &owner) || owner.type != F_OWNER_PID ||
	    owner.pid != getpid() || fcntl(fd, F_GETSIG) != SIGUSR2) {
		fprintf(stderr, "the owner or its signal is not there\n");
		good = false;
	}
	return good;
}

/* In a child whose rules leave port 9 to the kernel's TCP. Returns the exit status. */
static int preload_options_main(void)
{
	struct f_owner_ex owner = { F_OWNER_PID, getpid() };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	unsigned int i;

	for (i = 0; i < sizeof(preload_options) / sizeof(preload_options[0]); i++)
		if (preload_options[i].set)
			setsockopt(fd, preload_options[i].level, preload_options[i].name,
				   &preload_options[i].set, sizeof(int));
	fcntl(fd, F_SETOWN_EX, &owner);
	fcntl(fd, F_SETSIG, SIGUSR2);
	/* fails at once: TCP has no broadcast; that it was tried is what counts */
	in.sin_addr.s_addr = htonl(INADDR_BROADCAST);
	if (!connect(fd, (struct sockaddr *)&in, sizeof(in)))
		return 1;
	return !preload_has_options(fd);
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
	bool all, mixed, options;

	preload_began = true;
	if (argc > 4 && !strcmp(argv[4], "options"))
		return preload_options_main();
	if (argc > 1)
		return threads_main(argc, argv);
	all = !preload_run("", NULL);
	mixed = !preload_run("listen:9000;connect:9000", "mixed");
	options = !preload_run("connect:1", "options");
	printf("KTAP version 1\n1..3\n");
	printf("%sok 1 threads, all of XTCP\n", all ? "" : "not ");
	printf("%sok 2 threads, some given back to the kernel's TCP\n", mixed ? "" : "not ");
	printf("%sok 3 options go along\n", options ? "" : "not ");
	return !(all && mixed && options);
}
