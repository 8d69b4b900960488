// SPDX-License-Identifier: GPL-2.0-only
/* MUST-30, 32, 33, 62, 66, RFC 6093: urgent data that the peer sends. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>

#include "urg.h"

#define TOPIC "urg"
#define IN (POLLIN | POLLOUT)

static struct conn *listening(void)
{
	struct conn *c = in_established();

	urg_listen(c);
	return c;
}

static int inq(const struct conn *c)
{
	int n;

	sys(ioctl(c->fd, SIOCINQ, &n));
	return n;
}

/* MUST-62: the byte in front of the one that is pointed to. */
static void pointer(void)
{
	struct conn *c = listening();

	inject(c, ACK | URG, 1, 1, .len = 10, .urg = 4);
	expect(c, ACK, 1, 11);
	check_eq(urg_signals, 1);
	poll_is(c->fd, IN | POLLPRI);
	check_eq(inq(c), 3);	/* MUST-33: so much in front of it */
	check(!at_mark(c), "at the mark before anything was read");
	read_is(c, 3);
	check(at_mark(c), "not at the mark");
	check_eq(inq(c), 0);
	oob_peek_is(c, 3);
	oob_is(c, 3);
	oob_none(c, EINVAL);
	check(at_mark(c), "MSG_OOB moves the mark");
	poll_is(c->fd, IN);
	c->readn++;
	read_is(c, 6);
	check(!at_mark(c), "still at the mark");
	poll_is(c->fd, POLLOUT);
	oob_none(c, EINVAL);
}

/* MUST-32: the program is told before the data are there. */
static void announced(void)
{
	struct conn *c = listening();

	inject(c, ACK | URG, 1, 1, .urg = 5);
	quiet(c);
	check_eq(urg_signals, 1);
	poll_is(c->fd, POLLOUT);
	oob_none(c, EAGAIN);
	inject(c, ACK, 1, 1, .len = 4);
	expect(c, ACK, 1, 5);
	poll_is(c->fd, IN);
	oob_none(c, EAGAIN);
	read_is(c, 4);
	check(at_mark(c), "not at the mark");
	inject(c, ACK, 5, 1, .len = 3);
	expect(c, ACK, 1, 8);
	poll_is(c->fd, IN | POLLPRI);
	check_eq(urg_signals, 1);
	oob_is(c, 4);
	c->readn++;
	read_is(c, 2);
}

/* A byte that was read past is gone. */
static void missed(void)
{
	struct conn *c = listening();

	inject(c, ACK | URG, 1, 1, .len = 3, .urg = 2);
	expect(c, ACK, 1, 4);
	read_is(c, 1);
	poll_is(c->fd, IN | POLLPRI);
	c->readn++;
	read_is(c, 1);
	oob_none(c, EINVAL);
	poll_is(c->fd, POLLOUT);
}

/* RFC 6093 5: in line, as programs should have it. */
static void in_line(void)
{
	struct conn *c = listening();

	set_int(c->fd, SOL_SOCKET, SO_OOBINLINE, 1);
	inject(c, ACK | URG, 1, 1, .len = 10, .urg = 4);
	expect(c, ACK, 1, 11);
	check_eq(urg_signals, 1);
	poll_is(c->fd, IN | POLLPRI);
	check_eq(inq(c), 10);
	oob_none(c, EINVAL);
	read_is(c, 3);
	check(at_mark(c), "not at the mark");
	poll_is(c->fd, IN | POLLPRI);
	read_is(c, 7);
	check(!at_mark(c), "still at the mark");
	poll_is(c->fd, POLLOUT);
}

/* The same pointer again, or one to what has come already. */
static void repeated(void)
{
	struct conn *c = listening();

	inject(c, ACK | URG, 1, 1, .urg = 3);
	inject(c, ACK | URG, 1, 1, .len = 2, .urg = 3);
	expect(c, ACK, 1, 3);
	inject(c, ACK | URG, 3, 1, .len = 2, .urg = 1);
	expect(c, ACK, 1, 5);
	check_eq(urg_signals, 1);
	inject(c, ACK | URG, 3, 1, .len = 2, .urg = 1);
	expect(c, ACK, 1, 5);
	inject(c, ACK | URG, 5, 1, .len = 2, .urg = 0);
	expect(c, ACK, 1, 7);
	/* A pointer of 0 is taken for its segment's first byte: a new one. */
	check_eq(urg_signals, 2);
	oob_is(c, 4);
	/* Behind what has been read, nobody asks any more. */
	read_is(c, 4);
	c->readn++;
	read_is(c, 1);
	inject(c, ACK | URG, 6, 1, .len = 3, .urg = 1);
	expect(c, ACK, 1, 9);
	check_eq(urg_signals, 2);
	poll_is(c->fd, IN);
	read_is(c, 2);
}

/* Not in order: it is known and can be read all the same. */
static void out_of_order(void)
{
	struct conn *c = listening();

	inject(c, ACK | URG, 101, 1, .len = 100, .urg = 50);
	expect(c, ACK, 1, 1);
	check_eq(urg_signals, 1);
	poll_is(c->fd, POLLOUT | POLLPRI);
	oob_is(c, 149);
	inject(c, ACK | URG, 1, 1, .len = 100, .urg = 150);
	expect(c, ACK, 1, 201);
	check_eq(urg_signals, 1);
	read_is(c, 149);
	check(at_mark(c), "not at the mark");
	c->readn++;
	read_is(c, 50);
}

/* The segment with the byte comes before the one that tells of it. */
static void told_late(void)
{
	struct conn *c = listening();

	inject(c, ACK | URG, 11, 1, .urg = 6);
	quiet(c);
	check_eq(urg_signals, 1);
	oob_none(c, EAGAIN);
	inject(c, ACK, 11, 1, .len = 10);
	expect(c, ACK, 1, 1);
	oob_is(c, 15);
	inject(c, ACK, 1, 1, .len = 10);
	expect(c, ACK, 1, 21);
	read_is(c, 15);
	c->readn++;
	read_is(c, 4);
}

/* A newer one: the older byte stays in the stream, where it was. */
static void newer(void)
{
	struct conn *c = listening();

	inject(c, ACK | URG, 1, 1, .len = 5, .urg = 3);
	expect(c, ACK, 1, 6);
	inject(c, ACK | URG, 6, 1, .len = 5, .urg = 5);
	expect(c, ACK, 1, 11);
	check_eq(urg_signals, 2);
	oob_is(c, 9);
	read_is(c, 9);
	check(at_mark(c), "not at the mark");
	c->readn++;
	sys_err(recv(c->fd, &(char){ 0 }, 1, MSG_DONTWAIT), EAGAIN);
	check(!at_mark(c), "still at the mark");
}

/* But not if the program stands in front of it: it would be read as data. */
static void newer_at_mark(void)
{
	struct conn *c = listening();

	inject(c, ACK | URG, 1, 1, .len = 5, .urg = 5);
	expect(c, ACK, 1, 6);
	read_is(c, 4);
	check(at_mark(c), "not at the mark");
	inject(c, ACK | URG, 6, 1, .len = 5, .urg = 5);
	expect(c, ACK, 1, 11);
	check_eq(urg_signals, 2);
	check(!at_mark(c), "the mark has not moved");
	c->readn++;
	read_is(c, 4);
	oob_is(c, 9);
}

/* In many segments that lie in the queue as one; a peek does not go beyond it. */
static void within(void)
{
	struct conn *c = listening();
	uint8_t b[4000];
	int i;

	inject(c, ACK | URG, 1, 1, .urg = 1501);
	for (i = 0; i < 3; i++) {
		inject(c, ACK, c->snd, 1, .len = 1000);
		expect(c, ACK, 1, c->snd);
	}
	oob_peek_is(c, 1500);
	check_eq(inq(c), 1500);
	check_eq(sys(recv(c->fd, b, sizeof(b), MSG_PEEK)), 1500);
	check_eq(sys(recv(c->fd, b, sizeof(b), MSG_PEEK)), 1500);
	read_is(c, 1500);
	check_eq(sys(recv(c->fd, b, sizeof(b), MSG_PEEK)), 1499);
	check(b[0] == pattern(1501), "a peek at the mark begins with the urgent byte");
	check(at_mark(c), "a peek moves the mark");
	oob_is(c, 1500);
	c->readn++;
	read_is(c, 1499);
}

/* MSG_TRUNC throws away, up to the mark; SO_RCVLOWAT counts what can be read. */
static void thrown_away(void)
{
	struct conn *c = listening();

	set_int(c->fd, SOL_SOCKET, SO_RCVLOWAT, 6);
	inject(c, ACK | URG, 1, 1, .len = 5, .urg = 4);
	expect(c, ACK, 1, 6);
	poll_is(c->fd, POLLOUT | POLLPRI);
	inject(c, ACK, 6, 1, .len = 5);
	expect(c, ACK, 1, 11);
	poll_is(c->fd, IN | POLLPRI);
	check_eq(sys(recv(c->fd, NULL, 100, MSG_TRUNC | MSG_DONTWAIT)), 3);
	check(at_mark(c), "not at the mark");
	/* Seven are there, and one of them will be skipped: six. */
	poll_is(c->fd, IN | POLLPRI);
	check_eq(sys(recv(c->fd, NULL, 100, MSG_TRUNC | MSG_OOB)), 1);
	poll_is(c->fd, IN);
	c->readn = 4;
	read_is(c, 6);
}

/* The one byte that waits is the urgent one: nothing to read but it. */
static void alone(void)
{
	struct conn *c = listening();

	inject(c, ACK | URG, 1, 1, .len = 1, .urg = 1);
	expect(c, ACK, 1, 2);
	check(at_mark(c), "not at the mark");
	poll_is(c->fd, POLLOUT | POLLPRI);
	oob_is(c, 0);
	poll_is(c->fd, POLLOUT);
	sys_err(recv(c->fd, &(char){ 0 }, 1, MSG_DONTWAIT), EAGAIN);
	check(!at_mark(c), "still at the mark");
}

static void with_fin(void)
{
	struct conn *c = listening();

	inject(c, FIN | ACK | URG, 1, 1, .len = 5, .urg = 5);
	expect(c, ACK, 1, 7);
	check_eq(urg_signals, 1);
	state_is(c, TCP_CLOSE_WAIT);
	poll_is(c->fd, IN | POLLPRI | POLLRDHUP);
	read_is(c, 4);
	oob_is(c, 4);
	read_eof(c);
	oob_none(c, EINVAL);
}

/* It was announced, and the stream ended before it: no error, and nothing. */
static void never_came(void)
{
	struct conn *c = listening();

	inject(c, ACK | URG, 1, 1, .len = 5, .urg = 100);
	expect(c, ACK, 1, 6);
	oob_none(c, EAGAIN);
	inject(c, FIN | ACK, 6, 1);
	expect(c, ACK, 1, 7);
	check_eq(sys(recv(c->fd, &(char){ 0 }, 1, MSG_OOB)), 0);
	read_is(c, 5);
	read_eof(c);
}

static void after_reset(void)
{
	struct conn *c = listening();

	inject(c, ACK | URG, 1, 1, .len = 5, .urg = 5);
	expect(c, ACK, 1, 6);
	inject(c, RST, 6, 0);
	fence();
	oob_none(c, ENOTCONN);
	check_eq(so_error(c->fd), ECONNRESET);
}

/* The stack has sent its FIN and still hears. */
static void half_closed(void)
{
	struct conn *c = in_fin_wait_2();

	urg_listen(c);
	inject(c, ACK | URG, 1, 2, .len = 5, .urg = 5);
	expect(c, ACK, 2, 6);
	check_eq(urg_signals, 1);
	oob_is(c, 4);
	read_is(c, 4);
}

/* RFC 9293 3.10.7.4: after the peer's FIN "ignore the URG". */
static void after_fin(void)
{
	struct conn *c = in_close_wait();

	urg_listen(c);
	inject(c, ACK | URG, 2, 1, .urg = 100);
	quiet(c);
	check_eq(urg_signals, 0);
	oob_none(c, EINVAL);
}

/* RFC 9293 3.10.7.2: what a SYN says of it is not kept; RFC 9293 3.10.7.3: a SYN+ACK's is. */
static void on_syn(void)
{
	struct conn *c = in_listen();

	inject(c, SYN | URG, 0, 0, .mss = 1460, .urg = 5);
	expect(c, SYN | ACK, 0, 1);
	inject(c, ACK, 1, 1);
	do_accept(c);
	urg_listen(c);
	inject(c, ACK, 1, 1, .len = 10);
	expect(c, ACK, 1, 11);
	check_eq(urg_signals, 0);
	poll_is(c->fd, IN);
	oob_none(c, EINVAL);
	read_is(c, 10);
}

static void on_syn_ack(void)
{
	struct conn *c = in_syn_sent();

	urg_listen(c);
	inject(c, SYN | ACK | URG, 0, 1, .mss = 1460, .urg = 6);
	expect(c, ACK, 1, 1);
	check_eq(urg_signals, 1);
	inject(c, ACK, 1, 1, .len = 10);
	expect(c, ACK, 1, 11);
	oob_is(c, 4);
	read_is(c, 4);
}

/* With the handshake's last segment, before anybody could accept(). */
static void with_third_ack(void)
{
	struct conn *c = in_syn_recv();

	inject(c, ACK | URG, 1, 1, .len = 5, .urg = 5);
	expect(c, ACK, 1, 6);
	do_accept(c);
	poll_is(c->fd, IN | POLLPRI);
	oob_is(c, 4);
	read_is(c, 4);
}

/* MUST-66: no data fit any more, and still the news comes in. */
static void zero_window_in(void)
{
	struct conn *c = own_zero_window();

	urg_listen(c);
	inject(c, ACK | URG, c->snd, 1, .urg = 10);
	quiet(c);
	check_eq(urg_signals, 1);
	oob_none(c, EAGAIN);
	check_eq(inq(c), c->snd - 1);
}

/* A segment that is not acceptable says nothing. */
static void not_acceptable(void)
{
	struct conn *c = listening();

	inject(c, ACK | URG, 0, 1, .urg = 5);
	expect(c, ACK, 1, 1, .any = NO_WAIT);
	inject(c, ACK | URG, 2000000, 1, .urg = 5);
	fence();
	drop_pending();
	check_eq(urg_signals, 0);
	oob_none(c, EINVAL);
}

/* A pointer that is not marked as one. */
static void no_flag(void)
{
	struct conn *c = listening();

	inject(c, ACK, 1, 1, .len = 10, .urg = 4);
	expect(c, ACK, 1, 11);
	check_eq(urg_signals, 0);
	poll_is(c->fd, IN);
	read_is(c, 10);
}

const struct row urgrecv_rows[] = {
	ROW(ROW_CORE, "MUST-62 MUST-33 the mark, and what is in front of it", pointer),
	ROW(ROW_CORE, "MUST-32 SIGURG before the data, POLLPRI with them", announced),
	ROW(0, "RFC 6093 3.1 one byte out of line; read past, it is gone", missed),
	ROW(ROW_CORE, "MUST-30 RFC 6093 5 SO_OOBINLINE", in_line),
	ROW(0, "RFC 6093 3.1 the same pointer again, or an old one", repeated),
	ROW(0, "RFC 9293 3.8.5 urgent data out of order", out_of_order),
	ROW(0, "RFC 9293 3.8.5 the pointer out of order", told_late),
	ROW(0, "RFC 9293 3.8.5 a newer mark: the older byte stays in the stream", newer),
	ROW(0, "RFC 9293 3.8.5 a newer mark while the older is next", newer_at_mark),
	ROW(0, "RFC 6093 3.1 reads and peeks end at the mark", within),
	ROW(0, "RFC 6093 3.1 MSG_TRUNC and SO_RCVLOWAT at the mark", thrown_away),
	ROW(0, "RFC 6093 3.1 nothing but the urgent byte", alone),
	ROW(0, "RFC 9293 3.8.5 URG and FIN in one segment from the peer", with_fin),
	ROW(0, "RFC 9293 3.8.5 a FIN before the urgent data", never_came),
	ROW(0, "RFC 9293 3.8.5 a reset after urgent data", after_reset),
	ROW(0, "RFC 9293 3.10.7.4 URG in FIN_WAIT_2", half_closed),
	/* The kernel's TCP raises SIGURG for data that can't come any more */
	ROW(ROW_XTCP, "RFC 9293 3.10.7.4 URG after the peer's FIN is ignored", after_fin),
	ROW(0, "RFC 9293 3.10.7.2 URG on a SYN is ignored", on_syn),
	ROW(0, "RFC 9293 3.10.7.3 URG on a SYN+ACK counts", on_syn_ack),
	ROW(0, "RFC 9293 3.10.7.4 URG with the handshake's last segment", with_third_ack),
	ROW(ROW_CORE, "MUST-66 URG at zero window", zero_window_in),
	ROW(0, "RFC 9293 3.10.7.4 URG of a segment that is not acceptable", not_acceptable),
	ROW(0, "RFC 9293 3.1 an urgent pointer without URG", no_flag),
	{ NULL }
};
