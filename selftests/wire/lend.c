// SPDX-License-Identifier: GPL-2.0-only
/*
 * RFC 9293 3.8.1, 3.8.6: pages that are sent without being copied. They are kept until
 * they are acknowledged; what is sent again is what they have then. Over protocol 253
 * they are copied, since nobody but the sender can make its checksum.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/sock_diag.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "wire.h"

#define TOPIC "lend"
#define LEN 3000

static bool copied(void)
{
	return w.proto != IPPROTO_TCP;
}

static uint8_t *pages(int *file)
{
	uint8_t *p;

	*file = sys(memfd_create("stream", 0));
	sys(ftruncate(*file, LEN));
	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, *file, 0);
	check(p != MAP_FAILED, "mmap");
	pattern_fill(p, 0, LEN);
	return p;
}

/* The first call whose pages are still lent; as many as were reported. */
static uint32_t notices(struct conn *c, int *code)
{
	char ctl[256];
	uint32_t next = 0;
	struct msghdr m = { .msg_control = ctl, .msg_controllen = sizeof(ctl) };
	struct sock_extended_err *e;

	while (recvmsg(c->fd, &m, MSG_ERRQUEUE) >= 0) {
		e = (void *)CMSG_DATA(CMSG_FIRSTHDR(&m));
		check_eq(e->ee_origin, SO_EE_ORIGIN_ZEROCOPY);
		check_eq(e->ee_info, next);
		next = e->ee_data + 1;
		*code |= e->ee_code;
		m.msg_controllen = sizeof(ctl);
	}
	return next;
}

static struct conn *lender(void)
{
	struct conn *c = in_established();
	int one = 1;

	/* kernels before 6.5 let TCP and UDP alone have it */
	if (setsockopt(c->fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		set_int(c->fd, SOL_XTCP, XTCP_ZEROCOPY, 1);
	return c;
}

/* The notice comes with the ACK of the last byte, not before. */
static void acknowledged(void)
{
	int file, code = 0;
	uint8_t *p = pages(&file);
	struct conn *c = lender();

	check_eq(send(c->fd, p, LEN, MSG_ZEROCOPY), LEN);
	expect_stream(c, 1 + LEN);
	if (copied()) {
		check_eq(notices(c, &code), 1);
		check_eq(code, SO_EE_CODE_ZEROCOPY_COPIED);
		return;
	}
	check_eq(notices(c, &code), 0);
	inject(c, ACK, 1, 1 + LEN / 2);
	fence();
	check_eq(notices(c, &code), 0);
	inject(c, ACK, 1, 1 + LEN);
	fence();
	poll_is(c->fd, POLLOUT | POLLERR);
	check_eq(notices(c, &code), 1);
	poll_is(c->fd, POLLOUT);
	check_eq(so_error(c->fd), 0);
}

/* Lost, acknowledged in part, sent again in pieces: the bytes are right each time. */
static void sent_again(void)
{
	int file, code = 0;
	uint8_t *p = pages(&file);
	struct conn *c = lender();
	struct seg *s;

	check_eq(send(c->fd, p, LEN, MSG_ZEROCOPY), LEN);
	expect_stream(c, 1 + LEN);
	inject(c, ACK, 1, 1001);
	c->rcv = 1001;
	while ((s = next_seg(c, 5000))) {
		check(s->len && s->seq - c->iss - 1 + s->len <= LEN, "not this");
		check(!memcmp(s->data, p + (s->seq - c->iss - 1), s->len), "other bytes");
		if (s->seq - c->iss == 1001)
			break;
	}
	check(s, "nothing is sent again");
	inject(c, ACK, 1, 1 + LEN);
	fence();
	check_eq(notices(c, &code), 1);
}

/* Nobody acknowledges it: an end of the connection gives the pages back, too. */
static void reset(void)
{
	int file, code = 0;
	uint8_t *p = pages(&file);
	struct conn *c = lender();

	check_eq(send(c->fd, p, LEN, MSG_ZEROCOPY), LEN);
	expect_stream(c, 1 + LEN);
	inject(c, RST, 1, 0);
	fence();
	check_eq(notices(c, &code), 1);
	check_eq(so_error(c->fd), ECONNRESET);
}

/* A file that changes before it is acknowledged: the new bytes, with their checksum. */
static void file_changes(void)
{
	struct conn *c = in_established();
	uint8_t *p, want[2048];
	struct seg *s;
	off_t off = 0;
	int file;

	p = pages(&file);
	check_eq(sendfile(c->fd, file, &off, LEN), LEN);
	expect_stream(c, 1 + LEN);
	memset(p, 0xee, LEN);
	s = next_seg(c, 5000);
	check(s && s->len > 0, "nothing is sent again");
	if (copied())
		pattern_fill(want, s->seq - c->iss - 1, s->len);
	else
		memset(want, 0xee, s->len);
	check(!memcmp(s->data, want, s->len), "sent again: %s", copied() ?
	      "it is not what was sent" : "it is a copy");
}

/* A connection whose receive buffer is full: its window is shut. */
static struct conn *shut(void)
{
	struct conn *c = in_established(.rcvbuf = 2304);
	int i, win = 1;
	struct seg *s;

	for (i = 0; i < 300 && win; i++) {
		inject(c, ACK, c->snd, 1, .len = 200);
		s = next_seg(c, 1000);
		check(s, "data is not acknowledged");
		win = s->win;
		c->snd = s->ack - c->irs;
		c->ts_recent = s->o.tsval;
	}
	check(!win, "the window never closes");
	drop_pending();
	return c;
}

/* splice() takes data out, and the window opens as by recv(). MUST-39. */
static void splice_window(void)
{
	struct conn *c = shut();
	uint8_t b[8192];
	struct seg *s;
	int p[2], n, i;

	sys(pipe(p));
	for (i = 0; i < (int)c->snd - 1; i += n) {
		n = sys(splice(c->fd, NULL, p[1], NULL, sizeof(b), 0));
		check_eq(read(p[0], b + i, n), n);
	}
	for (i--; i >= 0; i--)
		check(b[i] == pattern(i), "byte %d is wrong", i);
	s = next_seg(c, 1000);
	check(s && s->flags == ACK && s->ack - c->irs == c->snd && s->win, "no window update");
}

/* What waits to be read, with all that it takes. */
static uint32_t receive_memory(struct conn *c)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t len = sizeof(info);

	sys(getsockopt(c->fd, SOL_SOCKET, SO_MEMINFO, info, &len));
	return info[SK_MEMINFO_RMEM_ALLOC];
}

/*
 * What overlaps the edge of a shut window holds nothing new: it is not kept, or splice() would take
 * it for the end of the stream.
 */
static void shut_overlap(void)
{
	struct conn *c = shut();
	int p[2], have = c->snd - 1;
	uint32_t before = receive_memory(c);
	uint8_t b[8192];

	inject(c, ACK, c->snd - 1, 1, .len = 2);
	check_eq(next_seg(c, 1000)->ack - c->irs, c->snd);
	check_eq(receive_memory(c), before);
	check_eq(recv(c->fd, b, have, MSG_WAITALL), have);
	sys(pipe(p));
	sys_err(splice(c->fd, NULL, p[1], NULL, sizeof(b), SPLICE_F_NONBLOCK), EAGAIN);
	drop_pending();
	inject(c, ACK, c->snd, 1, .len = 1);
	check_eq(sys(recv(c->fd, b, sizeof(b), 0)), 1);
	check(b[0] == pattern(have), "the next byte is wrong");
}

const struct row lend_rows[] = {
	ROW(ROW_CORE, "RFC 9293 3.8.1 MSG_ZEROCOPY: pages are free when acknowledged",
	    acknowledged),
	ROW(0, "RFC 9293 3.8.1 MSG_ZEROCOPY: sent again from the same pages", sent_again),
	ROW(0, "RFC 9293 3.10.7.4 MSG_ZEROCOPY: a reset gives pages back", reset),
	ROW(ROW_CORE, "RFC 9293 3.1 sendfile: the checksum is that of the bytes sent",
	    file_changes),
	ROW(0, "MUST-39 splice opens the window", splice_window),
	ROW(ROW_XTCP | ROW_CORE, "RFC 9293 3.10.7.4 old data at the edge of a shut window",
	    shut_overlap),
	{ NULL }
};
