/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System calls.
 */
#ifndef _XTCP_SOCKET_H
#define _XTCP_SOCKET_H

#include <linux/net.h>
#include <linux/poll.h>

#include "../xtcp.h"

extern struct proto xtcp_prot;		/* IPv4 */
extern struct proto xtcpv6_prot;	/* IPv6, dual stack */
extern const struct proto_ops xtcp_stream_ops;
extern const struct proto_ops xtcp6_stream_ops;

/* Number the family has: module parameter family= */
extern int xtcp_family;
/* Memory of all XTCP sockets together, pages: min, pressure, max; sysctl mem */
extern long xtcp_sysctl_mem[3];

/* family.c: the family, the aliases under AF_INET and AF_INET6. */
int xtcp_family_init(void);
void xtcp_family_exit(void);
/* Stop making new sockets; part one of unloading. */
void xtcp_family_close_door(void);

/* proto.c: struct proto, birth and end of a socket as the core sees them */
int xtcp_proto_init(void);
void xtcp_proto_exit(void);
void xtcp_destroy_sock(struct sock *sk);	/* proto.destroy */

/* connect.c */
int xtcp_pre_connect(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len);
int xtcp_connect(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len);
int xtcp6_pre_connect(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len);
int xtcp6_connect(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len);
/* Forget the peer, and what connect() or the first bind(0) chose by itself. */
void xtcp_connect_forget(struct sock *sk);

/* accept.c */
int xtcp_listen(struct socket *sock, int backlog);
struct sock *xtcp_accept(struct sock *sk, struct proto_accept_arg *arg);

/* send.c, recv.c, oob.c, splice.c, poll.c */
int xtcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t len);
int xtcp_send_pages(struct sock *sk, struct msghdr *msg, size_t len);
bool xtcp_stream_memory_free(const struct sock *sk, int wake);
int xtcp_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags);
/* recv(MSG_OOB). Socket lock. */
int xtcp_oob_recv(struct sock *sk, struct msghdr *msg, size_t len, int flags);
/* The program has read @copied bytes: is an ACK due? Socket lock. */
void xtcp_recv_cleanup(struct sock *sk, int copied, bool more);
ssize_t xtcp_splice_read(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe,
			 size_t len, unsigned int flags);
int xtcp_set_rcvlowat(struct sock *sk, int val);
__poll_t xtcp_poll(struct file *file, struct socket *sock, poll_table *wait);
int xtcp_ioctl(struct sock *sk, int cmd, int *karg);

/* close.c */
void xtcp_close(struct sock *sk, long timeout);
void xtcp_shutdown(struct sock *sk, int how);
int xtcp_disconnect(struct sock *sk, int flags);
/* Namespace (NULL: all) or module exit: RST and free all sockets without a program. */
void xtcp_close_orphans(struct net *net, enum xtcp_reason reason);
void xtcp_close_listener_again(struct sock *sk);

/* sockopt.c */
int xtcp_setsockopt(struct sock *sk, int level, int name, sockptr_t val, unsigned int len);
int xtcp_getsockopt(struct sock *sk, int level, int name, char __user *val, int __user *len);
void xtcp_keepalive(struct sock *sk, int on);

/* info.c */
void xtcp_info_tcp(struct sock *sk, struct tcp_info *info);
void xtcp_info_own(struct sock *sk, struct xtcp_info *info);

#endif /* _XTCP_SOCKET_H */
