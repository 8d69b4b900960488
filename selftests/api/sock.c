// SPDX-License-Identifier: GPL-2.0-only
/* Addresses, sockets and waiting, for whichever stack a test runs over. */
#include "api.h"

static const char *const where4[] = {
	[W_ANY] = "0.0.0.0", [W_LO] = "127.0.0.1", [W_OTHER] = "127.0.0.2",
	[W_FOREIGN] = "192.0.2.77", [W_MUTE] = "198.51.100.1",
};

static const char *const where6[] = {
	[W_ANY] = "::", [W_LO] = "::1", [W_OTHER] = "fd00::2",
	[W_FOREIGN] = "2001:db8::77", [W_MUTE] = "2001:db8:100::1",
};

struct addr addr_make(const struct api_stack *s, enum where w, unsigned int port)
{
	struct addr a = { .len = 0 };
	char text[64];

	if (s->af == AF_INET) {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons(port);
		inet_pton(AF_INET, where4[w], &a.in.sin_addr);
		a.len = sizeof(a.in);
		return a;
	}
	a.in6.sin6_family = AF_INET6;
	a.in6.sin6_port = htons(port);
	if (s->mapped && w != W_ANY)
		snprintf(text, sizeof(text), "::ffff:%s", where4[w]);
	else
		snprintf(text, sizeof(text), "%s", where6[w]);
	inet_pton(AF_INET6, text, &a.in6.sin6_addr);
	a.len = sizeof(a.in6);
	return a;
}

struct addr addr_unspec(void)
{
	struct addr a = { .len = sizeof(a.in) };

	a.sa.sa_family = AF_UNSPEC;
	return a;
}

unsigned int addr_port(const struct addr *a)
{
	/* sin_port and sin6_port lie at the same place */
	return ntohs(a->in.sin_port);
}

bool addr_same(const struct addr *a, const struct addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family || addr_port(a) != addr_port(b))
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return !memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 16);
}

struct addr name_of(int fd)
{
	struct addr a = { .len = sizeof(a.ss) };

	if (getsockname(fd, &a.sa, &a.len))
		a.len = 0;
	return a;
}

struct addr peer_of(int fd)
{
	struct addr a = { .len = sizeof(a.ss) };

	if (getpeername(fd, &a.sa, &a.len))
		a.len = 0;
	return a;
}

int srv_socket(const struct api_stack *s, int flags)
{
	return socket(s->srv_domain, SOCK_STREAM | SOCK_CLOEXEC | flags, s->srv_proto);
}

int cli_socket(const struct api_stack *s, int flags)
{
	return socket(s->cli_domain, SOCK_STREAM | SOCK_CLOEXEC | flags, s->cli_proto);
}

/* A socket of the kernel's TCP that takes the same addresses. */
int host_socket(const struct api_stack *s, int flags)
{
	return socket(s->af, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
}

long do_bind(int fd, const struct addr *a)
{
	return sys(bind(fd, &a->sa, a->len));
}

long do_connect(int fd, const struct addr *a)
{
	return sys(connect(fd, &a->sa, a->len));
}

/* A listener at W_LO on a port of its own; its address goes to @a. */
int make_listener(const struct api_stack *s, int backlog, struct addr *a)
{
	static unsigned int used;
	int fd = srv_socket(s, 0);
	struct addr lo;
	int err;

	if (fd < 0)
		return -errno;
	/* None that connect() may choose for itself: once nobody listens it would meet itself */
	do {
		lo = addr_make(s, W_LO, 20000 + used++);
		err = bind(fd, &lo.sa, lo.len) ? -errno : 0;
	} while (err == -EADDRINUSE && used < 1000);
	if (!err && listen(fd, backlog))
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	if (a)
		*a = name_of(fd);
	return fd;
}

int make_pair_bufs(const struct api_stack *s, int *cli, int *srv, int sndbuf, int rcvbuf)
{
	struct addr a;
	int lis = make_listener(s, 1, &a);
	int err = 0;

	if (lis < 0)
		return lis;
	*srv = -1;
	*cli = cli_socket(s, 0);
	if (*cli < 0)
		err = -errno;
	if (!err && rcvbuf)
		err = set_int(lis, SOL_SOCKET, SO_RCVBUF, rcvbuf);
	if (!err && rcvbuf)
		err = set_int(*cli, SOL_SOCKET, SO_RCVBUF, rcvbuf);
	if (!err && sndbuf)
		err = set_int(lis, SOL_SOCKET, SO_SNDBUF, sndbuf);
	if (!err && sndbuf)
		err = set_int(*cli, SOL_SOCKET, SO_SNDBUF, sndbuf);
	if (!err)
		err = do_connect(*cli, &a);
	if (!err) {
		*srv = accept4(lis, NULL, NULL, SOCK_CLOEXEC);
		if (*srv < 0)
			err = -errno;
	}
	close(lis);
	return err;
}

/* A connection over loopback; @cli connected, @srv was accepted. */
int make_pair(const struct api_stack *s, int *cli, int *srv)
{
	return make_pair_bufs(s, cli, srv, 0, 0);
}

/* A non-blocking client that stays in SYN_SENT; needs ns_mute_device(). */
int make_stuck(const struct api_stack *s)
{
	struct addr a = addr_make(s, W_MUTE, 4711);
	int fd = cli_socket(s, SOCK_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (do_connect(fd, &a) != -EINPROGRESS) {
		close(fd);
		return -EIO;
	}
	return fd;
}

int tcp_state(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return -errno;
	return info.tcpi_state;
}

/* All zero if it cannot be had. Of a listener: the accept queue, as ss reads it. */
struct tcp_info info_of(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	return info;
}

int get_int(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int val = 0;

	if (getsockopt(fd, level, name, &val, &len))
		return -errno;
	return val;
}

int set_int(int fd, int level, int name, int val)
{
	return sys(setsockopt(fd, level, name, &val, sizeof(val)));
}

int so_error(int fd)
{
	return get_int(fd, SOL_SOCKET, SO_ERROR);
}

int inq(int fd)
{
	int n = 0;

	return ioctl(fd, SIOCINQ, &n) ? -errno : n;
}

int outq(int fd)
{
	int n = 0;

	return ioctl(fd, SIOCOUTQ, &n) ? -errno : n;
}

/* Every bit that Linux's TCP ever sets; POLLRDBAND and friends come with urgent data. */
#define POLL_ALL (POLLIN | POLLPRI | POLLOUT | POLLRDHUP | POLLRDNORM | POLLWRNORM | \
		  POLLRDBAND | POLLWRBAND)

short poll_now(int fd)
{
	struct pollfd p = { .fd = fd, .events = (short)POLL_ALL };

	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

/* Sleeps until one of @events (or an error) is there; what came, 0 at the bound. */
short poll_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, WAIT_BOUND_US / 1000) < 0 ? -1 : p.revents;
}

bool wait_state(int fd, int state)
{
	return WAIT(tcp_state(fd) == state);
}

bool wait_inq(int fd, int bytes)
{
	return WAIT(inq(fd) >= bytes);
}

bool wait_poll(int fd, short exact)
{
	return WAIT(poll_now(fd) == exact);
}

/* Whether thread @tid of this process sleeps in system call @nr at this moment. */
bool sleeps_in(pid_t tid, long nr)
{
	char path[64], text[32];
	FILE *f;
	bool in;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	f = fopen(path, "r");
	if (!f)
		return false;
	/* A number first; "running" of a thread that does not sleep */
	in = fgets(text, sizeof(text), f) && text[0] >= '0' && text[0] <= '9' &&
	     strtol(text, NULL, 10) == nr;
	fclose(f);
	return in;
}

bool set_nonblock(int fd, bool on)
{
	int fl = fcntl(fd, F_GETFL);

	return fl >= 0 && !fcntl(fd, F_SETFL, on ? fl | O_NONBLOCK : fl & ~O_NONBLOCK);
}

int set_linger(int fd, int on, int secs)
{
	struct linger l = { .l_onoff = on, .l_linger = secs };

	return sys(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
}

int set_timeo(int fd, int name, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	return sys(setsockopt(fd, SOL_SOCKET, name, &tv, sizeof(tv)));
}

ssize_t send_all(int fd, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = send(fd, (const char *)buf + done, len - done, MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		done += n;
	}
	return done;
}

/* Reads until @len bytes or the end of the stream. */
ssize_t recv_all(int fd, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = recv(fd, (char *)buf + done, len - done, 0);

		if (n < 0)
			return -errno;
		if (!n)
			break;
		done += n;
	}
	return done;
}

/* Nothing is on its way and yet something waits: the peer's window is shut. */
static bool window_shut(int fd)
{
	struct tcp_info info = info_of(fd);

	return !info.tcpi_unacked && info.tcpi_notsent_bytes;
}

/* Sends the pattern until the peer takes no more and nothing more fits; bytes taken. */
ssize_t fill_up(int fd)
{
	static __u8 buf[16384];
	bool shut = false;
	size_t done = 0;

	for (;;) {
		ssize_t n;

		pattern_fill(buf, done, sizeof(buf));
		n = send(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			done += n;
			shut = false;
			continue;
		}
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (shut)
			return done;
		if (!WAIT(window_shut(fd)))
			return -ETIME;
		shut = true;
	}
}

/* Closes with RST. */
int reset_peer(int fd)
{
	int err = set_linger(fd, 1, 0);

	return err ? err : (int)sys(close(fd));
}

void pattern_fill(__u8 *buf, size_t pos, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = pattern(pos + i);
}

int pattern_file(size_t len)
{
	int fd = memfd_create("pattern", 0);
	__u8 *p;

	if (fd < 0 || ftruncate(fd, len))
		return -1;
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -1;
	pattern_fill(p, 0, len);
	munmap(p, len);
	return fd;
}

bool pattern_ok(const __u8 *buf, size_t pos, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (buf[i] != pattern(pos + i))
			return false;
	return true;
}

int on_device(int fd, const char *dev)
{
	return sys(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, dev, strlen(dev)));
}

/* May a socket of the host's have the port on that device? */
long host_may(const struct api_stack *s, const char *dev, const struct addr *a)
{
	int fd = host_socket(s, 0);
	long err = on_device(fd, dev);

	if (!err)
		err = do_bind(fd, a);
	close(fd);
	return err;
}

/* Two sockets with a port that they share by SO_REUSEADDR or SO_REUSEPORT. */
int bind_both(const struct api_stack *s, int option, const struct addr *a, int *fd)
{
	long err = 0;
	int i;

	for (i = 0; i < 2 && !err; i++) {
		fd[i] = srv_socket(s, 0);
		err = set_int(fd[i], SOL_SOCKET, option, 1) ?: do_bind(fd[i], a);
	}
	return err;
}
