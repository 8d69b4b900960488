// SPDX-License-Identifier: GPL-2.0-only
/*
 * recv(MSG_OOB): the urgent byte out of line. RFC 6093 3.1: what programs know of urgent
 * data is one byte.
 */
#include "socket.h"

#include "../conn/urg.h"

/**
 * xtcp_oob_recv - the urgent byte, if it has come
 * @sk: the connection
 * @msg: where to; MSG_OOB is set in its flags, and MSG_TRUNC if there is no room
 * @len: room, bytes
 * @flags: MSG_PEEK: it can be read again; MSG_TRUNC: throw it away
 *
 * Never blocks. The byte comes once; the mark stays until the stream is read past it.
 *
 * Context: Process, socket lock.
 * Return: 1; 0 without room, or if the byte will not come any more; -EINVAL without
 * urgent data, after it was read, or if it is in the stream (SO_OOBINLINE); -EAGAIN: it was
 * announced, and is still to come; -ENOTCONN after the connection was reset; -EFAULT.
 */
int xtcp_oob_recv(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u8 byte = xt->urg_data & XTCP_URG_BYTE;

	if (sock_flag(sk, SOCK_URGINLINE) || !xt->urg_data || xt->urg_data == XTCP_URG_READ)
		return -EINVAL;
	if (sk->sk_state == TCP_CLOSE && !sock_flag(sk, SOCK_DONE))
		return -ENOTCONN;
	if (!(xt->urg_data & XTCP_URG_VALID))
		return sk->sk_state == TCP_CLOSE || (sk->sk_shutdown & RCV_SHUTDOWN) ?
		       0 : -EAGAIN;

	if (!(flags & MSG_PEEK))
		WRITE_ONCE(xt->urg_data, XTCP_URG_READ);
	msg->msg_flags |= MSG_OOB;
	if (!len) {
		msg->msg_flags |= MSG_TRUNC;
		return 0;
	}
	if (!(flags & MSG_TRUNC) && memcpy_to_msg(msg, &byte, 1))
		return -EFAULT;
	return 1;
}
