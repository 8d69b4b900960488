// SPDX-License-Identifier: GPL-2.0-only
/*
 * The LD_PRELOAD library behind scripts/xtcp-run: the TCP sockets of an
 * unmodified dynamic program become XTCP sockets.
 *
 * A socket is changed where it is made, in socket(). Nothing is remembered about
 * it afterwards: whether a descriptor is ours is asked of the kernel
 * (SO_PROTOCOL), so threads, fork(), exec(), dup() and descriptors that come
 * from elsewhere need no care. What the environment says is read once, before
 * main(): the program may change it at any time, in another thread.
 *
 * Environment:
 *   XTCP_RUN_FAMILY=N     make sockets of family N, which AF_XTCP is, instead of the
 *                         program's own family with protocol IPPROTO_XTCP
 *   XTCP_RUN_ONLY=RULES   only these become XTCP: "connect", "listen",
 *                         "connect:80,443", "listen:8080"; several with ';'
 *   XTCP_RUN_FALLBACK=1   the kernel's TCP where XTCP can't be had
 *   XTCP_RUN_LOG=1        say on standard error what is changed
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define IPPROTO_XTCP	253

typedef int (*socket_fn)(int, int, int);
typedef int (*bind_fn)(int, const struct sockaddr *, socklen_t);
typedef int (*listen_fn)(int, int);
typedef int (*getsockopt_fn)(int, int, int, void *, socklen_t *);

/* The C library's own calls, and what the environment asks for: not changed once it is there. */
struct xtcp_run {
	socket_fn socket;
	bind_fn bind;
	bind_fn connect;
	listen_fn listen;
	getsockopt_fn getsockopt;
	int family;		/* of AF_XTCP; 0: the program's own */
	bool fallback;
	bool log;
	dev_t err_dev;		/* what standard error was */
	ino_t err_ino;
	char only[];		/* rules; empty: all sockets */
};

static const struct xtcp_run *xtcp_run_found;

static void *xtcp_run_next(const char *name)
{
	void *fn = dlsym(RTLD_NEXT, name);

	if (!fn)
		abort();
	return fn;
}

static bool xtcp_run_flag(const char *name)
{
	const char *val = getenv(name);

	return val && *val && strcmp(val, "0");
}

static void xtcp_run_fill(struct xtcp_run *run, const char *only)
{
	const char *family = getenv("XTCP_RUN_FAMILY");
	struct stat st;

	run->socket = (socket_fn)xtcp_run_next("socket");
	run->bind = (bind_fn)xtcp_run_next("bind");
	run->connect = (bind_fn)xtcp_run_next("connect");
	run->listen = (listen_fn)xtcp_run_next("listen");
	run->getsockopt = (getsockopt_fn)xtcp_run_next("getsockopt");
	run->family = family ? atoi(family) : 0;
	run->fallback = xtcp_run_flag("XTCP_RUN_FALLBACK");
	run->log = xtcp_run_flag("XTCP_RUN_LOG") && !fstat(STDERR_FILENO, &st);
	if (run->log) {
		run->err_dev = st.st_dev;
		run->err_ino = st.st_ino;
	}
	/* a copy: programs write their titles over their environment */
	strcpy(run->only, only);
}

/*
 * From the constructor; earlier only if another library's constructor makes sockets. Whoever comes
 * first is right, and there is nothing to wait for: no lock, nor malloc(), which may be
 * another library's that makes a socket.
 */
static const struct xtcp_run *xtcp_run_start(void)
{
	const char *only = getenv("XTCP_RUN_ONLY") ?: "";
	size_t size = sizeof(struct xtcp_run) + strlen(only) + 1;
	const struct xtcp_run *first = NULL;
	struct xtcp_run *run;
	int saved = errno;

	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (run == MAP_FAILED)
		abort();
	xtcp_run_fill(run, only);
	if (!__atomic_compare_exchange_n(&xtcp_run_found, &first, run, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		munmap(run, size);
	else
		first = run;
	errno = saved;
	return first;
}

static const struct xtcp_run *xtcp_run(void)
{
	const struct xtcp_run *run = __atomic_load_n(&xtcp_run_found, __ATOMIC_ACQUIRE);

	return run ? run : xtcp_run_start();
}

/*
 * While one socket takes another's place there is a descriptor more, which a child of fork() would
 * keep and never close, so fork() waits for that. (exec() closes it.) Signals and cancellation wait
 * too: a handler may fork or connect, and a thread that is cancelled would leave it locked.
 */
static pthread_mutex_t xtcp_run_swap = PTHREAD_MUTEX_INITIALIZER;
/* this thread is in fork(), or in one of a handler's in that: it has the lock, or soon will */
static __thread volatile int xtcp_run_forking __attribute__((tls_model("initial-exec")));

struct xtcp_run_held {
	sigset_t signals;
	int cancel;
	int err;
	bool locked;
};

static void xtcp_run_hold(struct xtcp_run_held *held)
{
	sigset_t all;

	held->err = errno;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &held->cancel);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &held->signals);
	held->locked = !xtcp_run_forking;
	if (held->locked)
		pthread_mutex_lock(&xtcp_run_swap);
}

static void xtcp_run_release(const struct xtcp_run_held *held)
{
	if (held->locked)
		pthread_mutex_unlock(&xtcp_run_swap);
	pthread_sigmask(SIG_SETMASK, &held->signals, NULL);
	pthread_setcancelstate(held->cancel, NULL);
	errno = held->err;
}

static void xtcp_run_fork(void)
{
	if (++xtcp_run_forking == 1)
		pthread_mutex_lock(&xtcp_run_swap);
}

/* In the parent and in the child. */
static void xtcp_run_forked(void)
{
	if (xtcp_run_forking == 1)
		pthread_mutex_unlock(&xtcp_run_swap);
	--xtcp_run_forking;
}

/* No call needs dlsym() in a signal handler then. */
__attribute__((constructor)) static void xtcp_run_construct(void)
{
	xtcp_run();
	pthread_atfork(xtcp_run_fork, xtcp_run_forked, xtcp_run_forked);
}

/* Whether standard error is what it was: its number may be one of the program's sockets now. */
static bool xtcp_run_may_log(void)
{
	const struct xtcp_run *run = xtcp_run();
	struct stat st;

	return run->log && !fstat(STDERR_FILENO, &st) && st.st_dev == run->err_dev &&
	       st.st_ino == run->err_ino;
}

/* One write() of a line of its own; errno stays what it was. */
static void xtcp_run_log(const char *fmt, ...)
{
	int saved = errno, cancel, len;
	char line[160];
	va_list ap;

	if (xtcp_run_may_log()) {
		va_start(ap, fmt);
		len = vsnprintf(line, sizeof(line), fmt, ap);
		va_end(ap);
		if (len >= (int)sizeof(line))
			len = sizeof(line) - 1;
		/* cancelled in here, a thread would lose the descriptor it was to get */
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
		if (len > 0 && write(STDERR_FILENO, line, len) < 0)
			len = 0;
		pthread_setcancelstate(cancel, NULL);
	}
	errno = saved;
}

/* Whether @port is in the list "80,443" that ends at ';' or the end. */
static bool xtcp_run_port_listed(const char *list, unsigned int port)
{
	while (*list && *list != ';') {
		char *end;
		unsigned long p = strtoul(list, &end, 10);

		if (end == list)
			return false;
		if (p == port)
			return true;
		list = *end == ',' ? end + 1 : end;
	}
	return false;
}

/* Whether XTCP_RUN_ONLY lets @verb ("connect" or "listen") on @port be XTCP. */
static bool xtcp_run_wanted(const char *verb, unsigned int port)
{
	const char *rule = xtcp_run()->only;
	size_t len = strlen(verb);

	if (!*rule)
		return true;
	while (rule && *rule) {
		if (!strncmp(rule, verb, len)) {
			if (!rule[len] || rule[len] == ';')
				return true;
			if (rule[len] == ':' && xtcp_run_port_listed(rule + len + 1, port))
				return true;
		}
		rule = strchr(rule, ';');
		if (rule)
			rule++;
	}
	return false;
}

static bool xtcp_run_is_tcp(int domain, int type, int protocol)
{
	return (domain == AF_INET || domain == AF_INET6) &&
	       (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM &&
	       (!protocol || protocol == IPPROTO_TCP);
}

int socket(int domain, int type, int protocol)
{
	const struct xtcp_run *run = xtcp_run();
	int fd;

	if (!xtcp_run_is_tcp(domain, type, protocol))
		return run->socket(domain, type, protocol);
	fd = run->socket(run->family ?: domain, type, IPPROTO_XTCP);
	if (fd < 0 && run->fallback)
		fd = run->socket(domain, type, protocol);
	xtcp_run_log("xtcp-run: socket(%s) = %d\n", domain == AF_INET ? "inet" : "inet6", fd);
	return fd;
}

static int xtcp_run_get(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int val;

	return xtcp_run()->getsockopt(fd, level, name, &val, &len) ? -1 : val;
}

static bool xtcp_run_is_ours(int fd)
{
	int saved = errno;
	bool ours = xtcp_run_get(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_XTCP;

	errno = saved;
	return ours;
}

/* A program that asks what it has is told what it asked for. */
int getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
	int ret = xtcp_run()->getsockopt(fd, level, name, val, len);
	int protocol;

	if (ret || level != SOL_SOCKET || name != SO_PROTOCOL || *len != sizeof(int))
		return ret;
	memcpy(&protocol, val, sizeof(int));
	if (protocol == IPPROTO_XTCP) {
		protocol = IPPROTO_TCP;
		memcpy(val, &protocol, sizeof(int));
	}
	return 0;
}

/*
 * What a program may have set on a socket before the rules turn it back into TCP. SO_PRIORITY is
 * changed by IP_TOS, so it comes after that.
 */
static const struct {
	int level;
	int name;
} xtcp_run_options[] = {
	{ SOL_IP, IP_TOS }, { SOL_IP, IP_TTL }, { SOL_IP, IP_MINTTL }, { SOL_IP, IP_OPTIONS },
	{ SOL_IP, IP_FREEBIND }, { SOL_IP, IP_TRANSPARENT }, { SOL_IP, IP_BIND_ADDRESS_NO_PORT },
	{ SOL_IP, IP_RECVERR }, { SOL_IP, IP_MTU_DISCOVER }, { SOL_IP, IP_UNICAST_IF },
	{ SOL_IPV6, IPV6_V6ONLY }, { SOL_IPV6, IPV6_TCLASS }, { SOL_IPV6, IPV6_UNICAST_HOPS },
	{ SOL_IPV6, IPV6_MINHOPCOUNT }, { SOL_IPV6, IPV6_FREEBIND },
	{ SOL_IPV6, IPV6_TRANSPARENT }, { SOL_IPV6, IPV6_RECVERR },
	{ SOL_IPV6, IPV6_MTU_DISCOVER }, { SOL_IPV6, IPV6_UNICAST_IF },
	{ SOL_IPV6, IPV6_AUTOFLOWLABEL }, { SOL_IPV6, IPV6_ADDR_PREFERENCES },
	{ SOL_SOCKET, SO_REUSEADDR }, { SOL_SOCKET, SO_REUSEPORT },
	{ SOL_SOCKET, SO_KEEPALIVE }, { SOL_SOCKET, SO_OOBINLINE },
	{ SOL_SOCKET, SO_PRIORITY }, { SOL_SOCKET, SO_MARK }, { SOL_SOCKET, SO_DONTROUTE },
	{ SOL_SOCKET, SO_RCVTIMEO }, { SOL_SOCKET, SO_SNDTIMEO },
	{ SOL_SOCKET, SO_LINGER }, { SOL_SOCKET, SO_BINDTODEVICE },
	{ SOL_SOCKET, SO_RCVLOWAT }, { SOL_SOCKET, SO_MAX_PACING_RATE },
	{ SOL_SOCKET, SO_ZEROCOPY }, { SOL_SOCKET, SO_BUSY_POLL },
	{ SOL_SOCKET, SO_INCOMING_CPU }, { SOL_SOCKET, SO_TIMESTAMP },
	{ SOL_SOCKET, SO_TIMESTAMPNS }, { SOL_SOCKET, SO_TIMESTAMPING },
	{ IPPROTO_TCP, TCP_NODELAY }, { IPPROTO_TCP, TCP_CORK }, { IPPROTO_TCP, TCP_MAXSEG },
	{ IPPROTO_TCP, TCP_KEEPIDLE }, { IPPROTO_TCP, TCP_KEEPINTVL },
	{ IPPROTO_TCP, TCP_KEEPCNT }, { IPPROTO_TCP, TCP_SYNCNT }, { IPPROTO_TCP, TCP_LINGER2 },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT }, { IPPROTO_TCP, TCP_DEFER_ACCEPT },
	{ IPPROTO_TCP, TCP_CONGESTION }, { IPPROTO_TCP, TCP_NOTSENT_LOWAT },
	{ IPPROTO_TCP, TCP_WINDOW_CLAMP }, { IPPROTO_TCP, TCP_SAVE_SYN },
	{ IPPROTO_TCP, TCP_QUICKACK },
};

#define XTCP_RUN_OPTIONS	(sizeof(xtcp_run_options) / sizeof(xtcp_run_options[0]))

struct xtcp_run_value {
	socklen_t len;
	char val[64];
};

static bool xtcp_run_read(int fd, unsigned int i, struct xtcp_run_value *v)
{
	v->len = sizeof(v->val);
	return !xtcp_run()->getsockopt(fd, xtcp_run_options[i].level, xtcp_run_options[i].name,
				       v->val, &v->len);
}

static bool xtcp_run_differ(int fd, int other, unsigned int i)
{
	struct xtcp_run_value a, b;

	if (!xtcp_run_read(fd, i, &a))
		return false;
	return !xtcp_run_read(other, i, &b) || a.len != b.len || memcmp(a.val, b.val, a.len);
}

/*
 * Which options has the program set? Those that a new socket has otherwise. XTCP's defaults are
 * not TCP's, and what was not asked for stays with those of the stack.
 */
static void xtcp_run_find_set(int fd, bool *set)
{
	const struct xtcp_run *run = xtcp_run();
	int domain = run->family ?: xtcp_run_get(fd, SOL_SOCKET, SO_DOMAIN);
	int fresh = run->socket(domain, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_XTCP);
	unsigned int i;

	/* without it, what TCP has otherwise is set */
	for (i = 0; i < XTCP_RUN_OPTIONS; i++)
		set[i] = fresh < 0 || xtcp_run_differ(fd, fresh, i);
	if (fresh >= 0)
		close(fresh);
}

static void xtcp_run_copy_options(int from, int to, const bool *set)
{
	struct xtcp_run_value v;
	unsigned int i;

	for (i = 0; i < XTCP_RUN_OPTIONS; i++)
		if (set[i] && xtcp_run_differ(from, to, i) && xtcp_run_read(from, i, &v))
			setsockopt(to, xtcp_run_options[i].level, xtcp_run_options[i].name, v.val,
				   v.len);
}

/* The kernel tells twice of what it was told. */
static void xtcp_run_copy_buffer(int from, int to, int name, int force)
{
	int size = xtcp_run_get(from, SOL_SOCKET, name), half = size / 2;

	setsockopt(to, SOL_SOCKET, name, &half, sizeof(half));
	/* beyond the system's limit it was by privilege */
	if (xtcp_run_get(to, SOL_SOCKET, name) < size)
		setsockopt(to, SOL_SOCKET, force, &half, sizeof(half));
}

/* The size of a buffer that was set is the program's, any other is tuned by the stack. */
static void xtcp_run_copy_buffers(int from, int to)
{
	int locked = xtcp_run_get(from, SOL_SOCKET, SO_BUF_LOCK);

	if (locked <= 0)
		return;
	if (locked & SOCK_SNDBUF_LOCK)
		xtcp_run_copy_buffer(from, to, SO_SNDBUF, SO_SNDBUFFORCE);
	if (locked & SOCK_RCVBUF_LOCK)
		xtcp_run_copy_buffer(from, to, SO_RCVBUF, SO_RCVBUFFORCE);
}

/* Whom O_ASYNC tells, and by which signal */
static void xtcp_run_copy_owner(int from, int to)
{
	struct f_owner_ex owner;
	int sig = fcntl(from, F_GETSIG);

	if (!fcntl(from, F_GETOWN_EX, &owner) && owner.pid)
		fcntl(to, F_SETOWN_EX, &owner);
	if (sig > 0)
		fcntl(to, F_SETSIG, sig);
}

static bool xtcp_run_exchange(int fd, int tcp, const bool *set)
{
	int flags = fcntl(fd, F_GETFL), fdflags = fcntl(fd, F_GETFD);

	if (flags < 0)
		return false;
	xtcp_run_copy_buffers(fd, tcp);
	xtcp_run_copy_options(fd, tcp, set);
	xtcp_run_copy_owner(fd, tcp);
	fcntl(tcp, F_SETFL, flags & (O_NONBLOCK | O_ASYNC));
	return dup3(tcp, fd, fdflags & FD_CLOEXEC ? O_CLOEXEC : 0) >= 0;
}

/* Puts a socket of the kernel's TCP in the place of @fd, which is still fresh. */
static void xtcp_run_back_to_tcp(int fd, int domain)
{
	bool set[XTCP_RUN_OPTIONS], done = false;
	struct xtcp_run_held held;
	int tcp;

	xtcp_run_hold(&held);
	xtcp_run_find_set(fd, set);
	tcp = xtcp_run()->socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (tcp >= 0) {
		done = xtcp_run_exchange(fd, tcp, set);
		close(tcp);
	}
	xtcp_run_release(&held);
	xtcp_run_log(done ? "xtcp-run: %d stays with the kernel's TCP\n" :
			    "xtcp-run: %d should stay with the kernel's TCP, but can't\n", fd);
}

/* Applies XTCP_RUN_ONLY at the first call that tells what the socket is for. */
static void xtcp_run_decide(int fd, const char *verb, const struct sockaddr *sa, socklen_t len)
{
	unsigned int port;

	if (!*xtcp_run()->only || !sa || len < sizeof(struct sockaddr_in))
		return;
	if (sa->sa_family != AF_INET && sa->sa_family != AF_INET6)
		return;
	/* the port lies at the same place in both */
	port = ntohs(((const struct sockaddr_in *)sa)->sin_port);
	if (*verb == 'l' && !port)
		return;
	if (!xtcp_run_wanted(verb, port) && xtcp_run_is_ours(fd))
		xtcp_run_back_to_tcp(fd, sa->sa_family);
}

/* Whether @fd has a local port already: then it can't be exchanged any more. */
static bool xtcp_run_is_bound(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	return getsockname(fd, (struct sockaddr *)&ss, &len) ||
	       ((struct sockaddr_in *)&ss)->sin_port;
}

int bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	xtcp_run_decide(fd, "listen", sa, len);
	return xtcp_run()->bind(fd, sa, len);
}

int connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	if (*xtcp_run()->only && !xtcp_run_is_bound(fd))
		xtcp_run_decide(fd, "connect", sa, len);
	return xtcp_run()->connect(fd, sa, len);
}

int listen(int fd, int backlog)
{
	if (*xtcp_run()->only && xtcp_run_is_ours(fd) && !xtcp_run_is_bound(fd) &&
	    !xtcp_run_wanted("listen", 0))
		xtcp_run_back_to_tcp(fd, xtcp_run_get(fd, SOL_SOCKET, SO_DOMAIN));
	return xtcp_run()->listen(fd, backlog);
}
