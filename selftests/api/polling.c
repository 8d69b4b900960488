// SPDX-License-Identifier: GPL-2.0-only
/* poll(), select() and epoll: Linux's event bits in every state. */
#define API_WITH_CROSS
#include "fixture.h"

#define P_OUT	(POLLOUT | POLLWRNORM)
#define P_IN	(POLLIN | POLLRDNORM)

TEST_F(api, poll_fresh)
{
	struct addr a = addr_make(self->s, W_LO, 0);
	int fd = srv_socket(self->s, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(P_OUT | POLLHUP, poll_now(fd));
	EXPECT_EQ(0, do_bind(fd, &a));
	EXPECT_EQ(P_OUT | POLLHUP, poll_now(fd));
}

TEST_F(api, poll_listening)
{
	struct addr a;
	int l = make_listener(self->s, 2, &a), c = cli_socket(self->s, 0), d;

	ASSERT_LE(0, l);
	EXPECT_EQ(0, poll_now(l));
	EXPECT_EQ(0, do_connect(c, &a));
	EXPECT_TRUE(wait_poll(l, P_IN));
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	EXPECT_EQ(0, poll_now(l));
	EXPECT_EQ(0, shutdown(l, SHUT_RD));
	EXPECT_EQ(P_OUT | POLLHUP, poll_now(l));
}

TEST_F(api, poll_connecting)
{
	int mute = ns_mute_device(), c;

	ASSERT_LE(0, mute);
	c = make_stuck(self->s);
	ASSERT_LE(0, c);
	EXPECT_EQ(0, poll_now(c));
}

TEST_F(api, poll_established)
{
	char b[4];
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(P_OUT, poll_now(c));
	EXPECT_EQ(P_OUT, poll_now(d));
	EXPECT_EQ(2, send(c, "ab", 2, 0));
	EXPECT_TRUE(wait_poll(d, P_IN | P_OUT));
	EXPECT_EQ(1, recv(d, b, 1, 0));
	EXPECT_EQ(P_IN | P_OUT, poll_now(d));
	EXPECT_EQ(1, recv(d, b, 1, 0));
	EXPECT_EQ(P_OUT, poll_now(d));
}

TEST_F(api, poll_peer_half_closed)
{
	char b[4];
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	EXPECT_TRUE(wait_poll(d, P_IN | P_OUT | POLLRDHUP));
	/* the end of the stream stays readable */
	EXPECT_EQ(0, recv(d, b, 1, 0));
	EXPECT_EQ(P_IN | P_OUT | POLLRDHUP, poll_now(d));
	/* the side that closed may still hear, and "may write" learns of EPIPE at once */
	EXPECT_TRUE(wait_state(c, ST_FIN_WAIT2));
	EXPECT_EQ(P_OUT, poll_now(c));
	EXPECT_EQ(1, send(d, "x", 1, 0));
	EXPECT_TRUE(wait_poll(c, P_IN | P_OUT));
}

TEST_F(api, poll_own_shutdown_read)
{
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, shutdown(c, SHUT_RD));
	EXPECT_EQ(P_IN | P_OUT | POLLRDHUP, poll_now(c));
	EXPECT_EQ(P_OUT, poll_now(d));
}

TEST_F(api, poll_closed_both_ways)
{
	short all = P_IN | P_OUT | POLLRDHUP | POLLHUP;
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	EXPECT_EQ(0, shutdown(d, SHUT_WR));
	EXPECT_TRUE(wait_poll(c, all));
	EXPECT_TRUE(wait_poll(d, all));
}

TEST_F(api, poll_shut_both_alone)
{
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, shutdown(c, SHUT_RDWR));
	EXPECT_EQ(P_IN | P_OUT | POLLRDHUP | POLLHUP, poll_now(c));
}

TEST_F(api, poll_reset)
{
	short all = P_IN | P_OUT | POLLRDHUP | POLLHUP;
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, reset_peer(c));
	EXPECT_TRUE(wait_poll(d, all | POLLERR));
	EXPECT_EQ(ECONNRESET, so_error(d));
	EXPECT_EQ(all, poll_now(d));
}

TEST_F(api, poll_send_queue_full)
{
	static __u8 buf[65536];
	int c, d;
	ssize_t total;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	total = fill_up(c);
	ASSERT_LT(0, total);
	EXPECT_EQ(0, poll_now(c));
	while (total > 0) {
		ssize_t n = recv(d, buf, sizeof(buf), 0);

		ASSERT_LT(0, n);
		total -= n;
	}
	EXPECT_TRUE(wait_poll(c, P_OUT));
}

TEST_F(api, poll_timeout)
{
	struct pollfd p = { .events = POLLIN };
	__u64 start = now_us();
	int c;

	ASSERT_EQ(0, make_pair(self->s, &c, &p.fd));
	EXPECT_EQ(0, poll(&p, 1, 50));
	EXPECT_LE(50000ULL, now_us() - start);
}

static int select_bits(int fd)
{
	struct timeval none = { 0 };
	fd_set r, w, x;

	FD_ZERO(&r);
	FD_SET(fd, &r);
	w = r;
	x = r;
	if (select(fd + 1, &r, &w, &x, &none) < 0)
		return -errno;
	return (FD_ISSET(fd, &r) ? 1 : 0) + (FD_ISSET(fd, &w) ? 2 : 0) + (FD_ISSET(fd, &x) ? 4 : 0);
}

TEST_F(api, select_states)
{
	struct addr a;
	int fd = srv_socket(self->s, 0), l = make_listener(self->s, 2, &a), c, d;

	ASSERT_LE(0, l);
	EXPECT_EQ(3, select_bits(fd));
	EXPECT_EQ(0, select_bits(l));
	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(2, select_bits(c));
	EXPECT_EQ(1, send(c, "x", 1, 0));
	EXPECT_TRUE(wait_inq(d, 1));
	EXPECT_EQ(3, select_bits(d));
	EXPECT_EQ(0, reset_peer(d));
	EXPECT_TRUE(wait_state(c, ST_CLOSE));
	EXPECT_EQ(3, select_bits(c));
}

static int ep_add(int ep, int fd, __u32 events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

/* The events of the one descriptor watched; 0 if none (at once, or at the bound). */
static __u32 ep_get(int ep, bool wait)
{
	struct epoll_event e = { 0 };

	return epoll_wait(ep, &e, 1, wait ? (int)(WAIT_BOUND_US / 1000) : 0) == 1 ? e.events : 0;
}

TEST_F(api, epoll_level)
{
	int ep = epoll_create1(0), c, d;
	char b[4];

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, ep_add(ep, d, EPOLLIN | EPOLLRDHUP));
	EXPECT_EQ(0U, ep_get(ep, false));
	EXPECT_EQ(2, send(c, "ab", 2, 0));
	EXPECT_EQ(EPOLLIN, ep_get(ep, true));
	EXPECT_EQ(EPOLLIN, ep_get(ep, false));
	EXPECT_EQ(1, recv(d, b, 1, 0));
	EXPECT_EQ(EPOLLIN, ep_get(ep, false));
	EXPECT_EQ(1, recv(d, b, 1, 0));
	EXPECT_EQ(0U, ep_get(ep, false));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP, ep_get(ep, true));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP, ep_get(ep, false));
}

TEST_F(api, epoll_edge_in)
{
	int ep = epoll_create1(0), c, d;
	char b[8];

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, ep_add(ep, d, EPOLLIN | EPOLLET));
	EXPECT_EQ(0U, ep_get(ep, false));
	EXPECT_EQ(2, send(c, "ab", 2, 0));
	EXPECT_EQ(EPOLLIN, ep_get(ep, true));
	EXPECT_EQ(0U, ep_get(ep, false));
	/* reading a part is no new edge, new data is */
	EXPECT_EQ(1, recv(d, b, 1, 0));
	EXPECT_EQ(0U, ep_get(ep, false));
	EXPECT_EQ(2, send(c, "cd", 2, 0));
	EXPECT_EQ(EPOLLIN, ep_get(ep, true));
	EXPECT_EQ(3, recv(d, b, 8, 0));
	EXPECT_EQ(0, memcmp(b, "bcd", 3));
	EXPECT_EQ(0U, ep_get(ep, false));
}

TEST_F(api, epoll_edge_out)
{
	static __u8 buf[65536];
	int ep = epoll_create1(0), c, d;
	ssize_t total;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, ep_add(ep, c, EPOLLOUT | EPOLLET));
	EXPECT_EQ(EPOLLOUT, ep_get(ep, true));
	EXPECT_EQ(0U, ep_get(ep, false));
	total = fill_up(c);
	ASSERT_LT(0, total);
	while (ep_get(ep, false))
		total += fill_up(c);
	while (total > 0) {
		ssize_t n = recv(d, buf, sizeof(buf), 0);

		ASSERT_LT(0, n);
		total -= n;
	}
	EXPECT_EQ(EPOLLOUT, ep_get(ep, true));
}

TEST_F(api, epoll_edge_end)
{
	int ep = epoll_create1(0), c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, ep_add(ep, d, EPOLLIN | EPOLLRDHUP | EPOLLET));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP, ep_get(ep, true));
	EXPECT_EQ(0U, ep_get(ep, false));
	EXPECT_EQ(0, shutdown(d, SHUT_WR));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP | EPOLLHUP, ep_get(ep, true));
}

TEST_F(api, epoll_edge_reset)
{
	int ep = epoll_create1(0), c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, ep_add(ep, d, EPOLLET));
	EXPECT_EQ(0U, ep_get(ep, false));
	EXPECT_EQ(0, reset_peer(c));
	EXPECT_EQ(EPOLLERR | EPOLLHUP, ep_get(ep, true));
}

TEST_F(api, epoll_edge_accept)
{
	struct addr a;
	int ep = epoll_create1(0), l = make_listener(self->s, 4, &a), c = cli_socket(self->s, 0);

	ASSERT_LE(0, l);
	EXPECT_EQ(0, ep_add(ep, l, EPOLLIN | EPOLLET));
	EXPECT_EQ(0U, ep_get(ep, false));
	EXPECT_EQ(0, do_connect(c, &a));
	EXPECT_EQ(EPOLLIN, ep_get(ep, true));
	EXPECT_EQ(0U, ep_get(ep, false));
	c = cli_socket(self->s, 0);
	EXPECT_EQ(0, do_connect(c, &a));
	EXPECT_EQ(EPOLLIN, ep_get(ep, true));
	EXPECT_LE(0, accept(l, NULL, NULL));
	EXPECT_LE(0, accept(l, NULL, NULL));
	EXPECT_EQ(0U, ep_get(ep, false));
}

TEST_F(api, epoll_connect)
{
	struct addr a;
	int ep = epoll_create1(0), l = make_listener(self->s, 4, &a);
	int c = cli_socket(self->s, SOCK_NONBLOCK);

	ASSERT_LE(0, l);
	EXPECT_EQ(0, ep_add(ep, c, EPOLLOUT | EPOLLIN | EPOLLRDHUP | EPOLLET));
	EXPECT_EQ(EPOLLOUT | EPOLLHUP, ep_get(ep, false));
	EXPECT_EQ(-EINPROGRESS, do_connect(c, &a));
	EXPECT_EQ(EPOLLOUT, ep_get(ep, true));
	EXPECT_EQ(0, so_error(c));
	EXPECT_EQ(0U, ep_get(ep, false));
}

TEST_F(api, epoll_oneshot_and_close)
{
	int ep = epoll_create1(0), c, d;
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, ep_add(ep, d, EPOLLIN | EPOLLONESHOT));
	EXPECT_EQ(1, send(c, "x", 1, 0));
	EXPECT_EQ(EPOLLIN, ep_get(ep, true));
	EXPECT_EQ(1, send(c, "y", 1, 0));
	EXPECT_TRUE(wait_inq(d, 2));
	EXPECT_EQ(0U, ep_get(ep, false));
	EXPECT_EQ(0, epoll_ctl(ep, EPOLL_CTL_MOD, d, &e));
	EXPECT_EQ(EPOLLIN, ep_get(ep, false));
	EXPECT_EQ(0, close(d));
	EXPECT_EQ(-EBADF, sys(epoll_ctl(ep, EPOLL_CTL_DEL, d, &e)));
	EXPECT_EQ(0U, ep_get(ep, false));
}

struct waiter {
	int fd;
	short events;
	short got;
};

static void *wait_thread(void *arg)
{
	struct waiter *w = arg;

	w->got = poll_for(w->fd, w->events);
	return NULL;
}

/* A thread that sleeps in poll() is woken by each kind of news. */
TEST_F(api, poll_wakes)
{
	struct waiter w = { 0 };
	static __u8 buf[65536];
	ssize_t total;
	pthread_t t;
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	w = (struct waiter){ .fd = d, .events = POLLIN };
	ASSERT_EQ(0, pthread_create(&t, NULL, wait_thread, &w));
	EXPECT_EQ(1, send(c, "x", 1, 0));
	pthread_join(t, NULL);
	EXPECT_EQ(POLLIN, w.got);
	EXPECT_EQ(1, recv(d, buf, 1, 0));

	total = fill_up(c);
	w = (struct waiter){ .fd = c, .events = POLLOUT };
	ASSERT_EQ(0, pthread_create(&t, NULL, wait_thread, &w));
	while (total > 0) {
		ssize_t n = recv(d, buf, sizeof(buf), 0);

		ASSERT_LT(0, n);
		total -= n;
	}
	pthread_join(t, NULL);
	EXPECT_EQ(POLLOUT, w.got);

	w = (struct waiter){ .fd = d, .events = POLLRDHUP };
	ASSERT_EQ(0, pthread_create(&t, NULL, wait_thread, &w));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	pthread_join(t, NULL);
	EXPECT_EQ(POLLRDHUP, w.got);

	w = (struct waiter){ .fd = c, .events = 0 };
	ASSERT_EQ(0, pthread_create(&t, NULL, wait_thread, &w));
	EXPECT_EQ(0, reset_peer(d));
	pthread_join(t, NULL);
	/* The kernel's TCP tells the error a moment before the end, without a lock */
	EXPECT_TRUE(w.got & POLLERR);
	EXPECT_EQ(0, w.got & ~(POLLERR | POLLHUP));
	if (!strcmp(self->s->group, "xtcp"))
		EXPECT_EQ(POLLERR | POLLHUP, w.got);
	EXPECT_TRUE(WAIT(poll_for(c, 0) == (POLLERR | POLLHUP)));
}
