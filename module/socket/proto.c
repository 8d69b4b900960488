// SPDX-License-Identifier: GPL-2.0-only
/*
 * struct proto: what the core calls for an XTCP socket, and a socket's birth
 * and end. There are four of them: IPv4 and IPv6, and a copy of each without
 * an owner. The copies share the slab; conn/life.c makes them a socket's
 * sk_prot_creator once no program holds it any more, so that what is left of
 * closed connections does not keep the module loaded.
 */
#include "socket.h"

#include <linux/bpf.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <net/inet_common.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "../conn/acceptq.h"
#include "../conn/disorder.h"
#include "../conn/flows.h"
#include "../conn/life.h"
#include "../conn/mem.h"
#include "../conn/pacer.h"
#include "../conn/ports.h"
#include "../conn/rcvq.h"
#include "../conn/sndq.h"
#include "../conn/state.h"
#include "../conn/timers.h"
#include "../conn/tune.h"
#include "../entry/entry.h"
#include "../output/output.h"

long xtcp_sysctl_mem[3];

static atomic_long_t xtcp_proto_memory;
static DEFINE_PER_CPU(int, xtcp_proto_memory_reserve);
static struct percpu_counter xtcp_proto_sockets;

static struct lock_class_key xtcp_proto_slock_keys[2];
static struct lock_class_key xtcp_proto_lock_keys[2];

/* Is @group within [low, high] of the user namespace that owns the network? */
static bool xtcp_proto_group_in(struct net *net, kgid_t group)
{
	const struct xtcp_knobs *knobs = &xtcp_net(net)->knobs;
	gid_t low = READ_ONCE(knobs->create_group_range[0]);
	gid_t high = READ_ONCE(knobs->create_group_range[1]);
	gid_t gid = from_kgid(net->user_ns, group);

	/* One that means nothing there is in no range but that of all */
	if (!low && high == INT_MAX)
		return true;
	return gid != (gid_t)-1 && low <= gid && gid <= high;
}

/*
 * May this task open XTCP sockets? The effective group and the supplementary
 * ones count, as with ping_group_range. Filters written for IPPROTO_TCP do not see
 * XTCP; this is the switch that an administrator has instead.
 */
static int xtcp_proto_may_create(const struct sock *sk)
{
	struct net *net = sock_net(sk);
	const struct group_info *groups = current_cred()->group_info;
	int i;

	if (sk->sk_kern_sock)
		return 0;
	if (xtcp_proto_group_in(net, current_egid()))
		return 0;

	for (i = 0; i < groups->ngroups; i++) {
		if (xtcp_proto_group_in(net, groups->gid[i]))
			return 0;
	}
	return -EACCES;
}

/* Lockdep must not take our locks for those of the host's TCP sockets. */
static void xtcp_proto_lock_class(struct sock *sk)
{
	bool kern = sk->sk_kern_sock;

	if (kern)
		sock_lock_init_class_and_name(sk, "slock-AF_XTCP-KERN",
					      &xtcp_proto_slock_keys[1], "sk_lock-AF_XTCP-KERN",
					      &xtcp_proto_lock_keys[1]);
	else
		sock_lock_init_class_and_name(sk, "slock-AF_XTCP",
					      &xtcp_proto_slock_keys[0], "sk_lock-AF_XTCP",
					      &xtcp_proto_lock_keys[0]);

	/*
	 * With lockdep the above pins us until the sock is freed, for the sake of
	 * the keys. Orphans must not: unloading waits for them instead.
	 */
	sk_owner_put(sk);
	sk_owner_clear(sk);
}

/*
 * sk_destruct of every full socket, children included. A narrowed socket (see
 * family.c) keeps its IPv6 part until now: the flow labels in it can only be
 * released by IPv6's own destructor.
 */
static void xtcp_proto_destruct(struct sock *sk)
{
	struct net *net = sock_net(sk);

	xtcp_sndq_purge(sk);
	xtcp_rcvq_purge(sk);
	xtcp_disorder_free(sk);
	xtcp_acceptq_free(sk);
	xtcp_pacer_free(sk);
	xtcp_tune_free(sk);

	xtcp_state_dead(sk);
	XTCP_INC(net, SocksFreed);
	xtcp_life_count_add(-1);
	sk_sockets_allocated_dec(sk);

#if IS_ENABLED(CONFIG_IPV6)
	if (inet_sk(sk)->pinet6) {
		inet6_sock_destruct(sk);
		return;
	}
#endif
	inet_sock_destruct(sk);
}

/* proto.init: both socket(AF_XTCP) and socket(AF_INET, ..., IPPROTO_XTCP) come here. */
static int xtcp_proto_init_sock(struct sock *sk)
{
	const struct xtcp_knobs *knobs = &xtcp_net(sock_net(sk))->knobs;

	xtcp_life_init(sk);
	if (sk->sk_socket)
		xtcp_custom_sockopt(sk->sk_socket);
	sk->sk_destruct = xtcp_proto_destruct;
	sk->sk_write_space = xtcp_data_write_space;
	sk_sockets_allocated_inc(sk);
	xtcp_proto_lock_class(sk);

	WRITE_ONCE(sk->sk_sndbuf, READ_ONCE(knobs->wmem[1]));
	WRITE_ONCE(sk->sk_rcvbuf, READ_ONCE(knobs->rmem[1]));
	if (sk->sk_kern_sock)
		xtcp_sk(sk)->creator_pid = 0;

	return xtcp_proto_may_create(sk);
}

/**
 * xtcp_destroy_sock - proto.destroy: nobody will use this socket again
 * @sk: in TCP_CLOSE, or one whose creation failed
 *
 * Gives back what must not wait for the last reference: timers, memory, the port.
 *
 * Context: Socket lock or sole owner; process or softirq.
 */
void xtcp_destroy_sock(struct sock *sk)
{
	xtcp_timers_stop(sk);
	xtcp_sndq_purge(sk);
	xtcp_rcvq_purge(sk);
	xtcp_port_release(sk);
}

/* proto.hash: flows are entered by connect() and listen(), with their own errors. */
static int xtcp_proto_hash(struct sock *sk)
{
	return 0;
}

static void xtcp_proto_unhash(struct sock *sk)
{
	/* Both do nothing for a socket that is not in their table */
	xtcp_flow_unlisten(sk);
	xtcp_flow_remove(&sk->__sk_common);
}

/* proto.rehash: SO_BINDTODEVICE on a bound socket, perhaps by a BPF program. */
static void xtcp_proto_rehash(struct sock *sk)
{
	xtcp_port_move(sk, !has_current_bpf_ctx());
}

/* proto.put_port: bind() takes a port back, a BPF program was against it. */
static void xtcp_proto_put_port(struct sock *sk)
{
	xtcp_port_release(sk);
	inet_sk(sk)->inet_num = 0;
}

XTCP_PROTO_ACCEPT_DEFINE(xtcp_accept)
XTCP_PROTO_IOCTL_DEFINE(xtcp_ioctl)
XTCP_PROTO_RECVMSG_DEFINE(xtcp_recvmsg)

/* What IPv4 and IPv6 have in common */
#define XTCP_PROTO_COMMON						\
	.owner			= THIS_MODULE,				\
	.close			= xtcp_close,				\
	.disconnect		= xtcp_disconnect,			\
	XTCP_PROTO_ACCEPT(xtcp_accept),					\
	XTCP_PROTO_IOCTL(xtcp_ioctl),					\
	.init			= xtcp_proto_init_sock,			\
	.destroy		= xtcp_destroy_sock,			\
	.shutdown		= xtcp_shutdown,			\
	.setsockopt		= xtcp_setsockopt,			\
	.getsockopt		= xtcp_getsockopt,			\
	.keepalive		= xtcp_keepalive,			\
	.sendmsg		= xtcp_sendmsg,				\
	XTCP_PROTO_RECVMSG(xtcp_recvmsg),				\
	.backlog_rcv		= xtcp_receive_backlog,			\
	.release_cb		= xtcp_timeouts_release,		\
	.hash			= xtcp_proto_hash,			\
	.unhash			= xtcp_proto_unhash,			\
	.rehash			= xtcp_proto_rehash,			\
	.get_port		= xtcp_port_get,			\
	.put_port		= xtcp_proto_put_port,			\
	.stream_memory_free	= xtcp_stream_memory_free,		\
	.enter_memory_pressure	= xtcp_mem_enter_pressure,		\
	.leave_memory_pressure	= xtcp_mem_leave_pressure,		\
	.memory_allocated	= &xtcp_proto_memory,			\
	.per_cpu_fw_alloc	= &xtcp_proto_memory_reserve,		\
	.sockets_allocated	= &xtcp_proto_sockets,			\
	.memory_pressure	= &xtcp_mem_pressure,			\
	.sysctl_mem		= xtcp_sysctl_mem,			\
	.sysctl_wmem		= &xtcp_mem_least_snd,			\
	.sysctl_rmem		= &xtcp_mem_least_rcv,			\
	.max_header		= MAX_TCP_HEADER,			\
	.no_autobind		= true,					\
	.slab_flags		= SLAB_TYPESAFE_BY_RCU

struct proto xtcp_prot = {
	.name			= "XTCP",
	XTCP_PROTO_COMMON,
	.pre_connect		= xtcp_pre_connect,
	.connect		= xtcp_connect,
	.obj_size		= sizeof(struct xtcp_sock),
};

struct proto xtcpv6_prot = {
	.name			= "XTCPv6",
	XTCP_PROTO_COMMON,
	.pre_connect		= xtcp6_pre_connect,
	.connect		= xtcp6_connect,
	XTCP_PROTO_IPV6_PINFO(offsetof(struct xtcp6_sock, inet6))
	.obj_size		= sizeof(struct xtcp6_sock),
};

static struct proto xtcp_proto_unpinned;
static struct proto xtcpv6_proto_unpinned;

/* As the kernel's TCP: a sixteenth of memory, less in small machines. */
static void xtcp_proto_size_memory(void)
{
	unsigned long limit = max(nr_free_buffer_pages() / 16, 128UL);

	xtcp_sysctl_mem[0] = limit / 4 * 3;
	xtcp_sysctl_mem[1] = limit;
	xtcp_sysctl_mem[2] = xtcp_sysctl_mem[0] * 2;
}

/*
 * The core would give the object whole cache lines. An IPv6 socket is just beyond one, so
 * half a line is what it gets: one object more in each slab of 32 KiB.
 */
#define XTCP_PROTO_V6_ALIGN	32

static int xtcp_proto_register_v6(void)
{
	int err;

	BUILD_BUG_ON(__alignof__(struct xtcp6_sock) > XTCP_PROTO_V6_ALIGN);
	xtcpv6_prot.slab = kmem_cache_create(xtcpv6_prot.name, xtcpv6_prot.obj_size,
					     XTCP_PROTO_V6_ALIGN,
					     SLAB_ACCOUNT | xtcpv6_prot.slab_flags, NULL);
	if (!xtcpv6_prot.slab)
		return -ENOBUFS;
	err = proto_register(&xtcpv6_prot, 0);
	if (err) {
		kmem_cache_destroy(xtcpv6_prot.slab);
		xtcpv6_prot.slab = NULL;
	}
	return err;
}

/**
 * xtcp_proto_init - register the protocols with the core
 *
 * Context: Module init.
 * Return: 0 or -ENOMEM, -ENOBUFS.
 */
int xtcp_proto_init(void)
{
	int err;

	xtcp_proto_size_memory();
	err = percpu_counter_init(&xtcp_proto_sockets, 0, GFP_KERNEL);
	if (err)
		return err;
	err = proto_register(&xtcp_prot, 1);
	if (err)
		goto out_counter;
	err = xtcp_proto_register_v6();
	if (err)
		goto out_v4;

	xtcp_proto_unpinned = xtcp_prot;
	xtcp_proto_unpinned.owner = NULL;
	xtcpv6_proto_unpinned = xtcpv6_prot;
	xtcpv6_proto_unpinned.owner = NULL;
	xtcp_life_set_unpinned(&xtcp_proto_unpinned, &xtcpv6_proto_unpinned);
	return 0;

out_v4:
	proto_unregister(&xtcp_prot);
out_counter:
	percpu_counter_destroy(&xtcp_proto_sockets);
	return err;
}

/**
 * xtcp_proto_exit - no socket is left
 *
 * Context: Module exit, after rcu_barrier().
 */
void xtcp_proto_exit(void)
{
	proto_unregister(&xtcpv6_prot);
	proto_unregister(&xtcp_prot);
	percpu_counter_destroy(&xtcp_proto_sockets);
}
