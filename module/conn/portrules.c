// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may share a port with whom: TCP's rules for SO_REUSEADDR and SO_REUSEPORT.
 */
#include "ports.h"
#include "reserve.h"

/**
 * struct xtcp_port_wish - what the other side of a conflict had set
 * @reuse: SO_REUSEADDR
 * @reuseport: SO_REUSEPORT
 * @listens: it listens
 * @uid: whose it is
 */
struct xtcp_port_wish {
	bool reuse;
	bool reuseport;
	bool listens;
	kuid_t uid;
};

/*
 * TCP's rules: SO_REUSEADDR on both sides is enough unless the one that is there
 * listens; SO_REUSEPORT on both sides is enough for one user. A port that is to
 * be chosen freely (@relax false) is shared with nobody.
 */
static bool xtcp_portrules_clash(const struct sock *sk, const struct xtcp_port_wish *other,
				 bool relax)
{
	if (!relax)
		return true;
	if (sk->sk_reuse && other->reuse && !other->listens)
		return false;
	return !sk->sk_reuseport || !other->reuseport || !uid_eq(sk_uid(sk), other->uid);
}

/**
 * xtcp_port_clash() - is a binding in the way of a socket?
 * @sk: wants one that overlaps; it may be an owner of @port itself
 * @port: binding
 * @relax: false: @sk takes any port, and shares with nobody
 *
 * Context: any but hard IRQ.
 * Return: true if @sk may not have it.
 */
bool xtcp_port_clash(const struct sock *sk, struct xtcp_port *port, bool relax)
{
	struct xtcp_port_wish wish;
	struct xtcp_sock *other;
	bool clash = false;

	spin_lock_bh(&port->lock);
	hlist_for_each_entry(other, &port->owners, port_node) {
		const struct sock *sk2 = (const struct sock *)other;

		if (sk2 == sk)
			continue;
		wish.reuse = sk2->sk_reuse;
		wish.reuseport = sk2->sk_reuseport;
		wish.listens = READ_ONCE(other->port_listens);
		wish.uid = sk_uid(sk2);
		clash = xtcp_portrules_clash(sk, &wish, relax);
		if (clash)
			break;
	}
	/* @sk's own children were never in the way of @sk */
	if (!clash && refcount_read(&port->refs) > port->owner_count &&
	    xtcp_sk(sk)->port != port) {
		wish.reuse = port->share_reuse;
		wish.reuseport = port->share_reuseport;
		wish.listens = false;
		wish.uid = port->share_uid;
		clash = xtcp_portrules_clash(sk, &wish, relax);
	}
	spin_unlock_bh(&port->lock);
	return clash;
}
