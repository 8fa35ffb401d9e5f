// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "table_changes.hpp"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sys/socket.h>

namespace banger::tap {
namespace {

using sdk::Result;

// The first attribute of whatever is in a table is the table's name.
constexpr int table_name = NFTA_TABLE_NAME;
static_assert(int{NFTA_CHAIN_TABLE} == table_name && int{NFTA_RULE_TABLE} == table_name && int{NFTA_SET_TABLE} == table_name &&
              int{NFTA_SET_ELEM_LIST_TABLE} == table_name);

struct Reading {
    const std::string* table;
    bool is_touched;
    TableChanges::Seen seen;
};

// A transaction is what it changed, one message each, and a last one.
int take(nl_msg* message, void* into)
{
    auto& reading = *static_cast<Reading*>(into);
    nlmsghdr* header = nlmsg_hdr(message);
    if (header->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_NEWGEN)) {
        ++(reading.is_touched ? reading.seen.of_table : reading.seen.of_others);
        reading.is_touched = false;
    } else if (nlattr* name = nlmsg_find_attr(header, sizeof(nfgenmsg), table_name);
               name != nullptr && nla_strcmp(name, reading.table->c_str()) == 0) {
        reading.is_touched = true;
    }
    return NL_OK;
}

// What is told of one transaction waits until it is read, all of it: some ten kilobytes for each guest when all rules are said
// again. It is a bound, and no memory. The right to change the firewall is what going beyond the system's own bound takes.
void make_room(nl_sock* socket)
{
    constexpr int most = 64 << 20;
    const int fd = nl_socket_get_fd(socket);
    if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &most, sizeof most) != 0)
        (void)::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &most, sizeof most);
}

sdk::Error refused(int status)
{
    return sdk::make_error(status == -NLE_PERM ? sdk::Code::permission : sdk::Code::unsupported,
                           std::string("cannot watch the firewall: ") + nl_geterror(status));
}

}  // namespace

void TableChanges::Close::operator()(nl_sock* socket) const
{
    nl_socket_free(socket);
}

Result<TableChanges> TableChanges::open(std::string table)
{
    Socket socket(nl_socket_alloc());
    if (!socket)
        return sdk::os_error("make a netlink socket", ENOMEM);
    nl_socket_disable_seq_check(socket.get());
    for (const auto& step : {nl_connect(socket.get(), NETLINK_NETFILTER), nl_socket_set_nonblocking(socket.get()),
                             nl_socket_add_membership(socket.get(), NFNLGRP_NFTABLES)})
        if (step < 0)
            return refused(step);
    make_room(socket.get());
    return TableChanges(std::move(table), std::move(socket));
}

int TableChanges::descriptor() const
{
    return nl_socket_get_fd(socket_.get());
}

TableChanges::Seen TableChanges::read()
{
    Reading reading{&table_, is_touched_, {}};
    nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, &take, &reading);
    int read = 0;
    while ((read = nl_recvmsgs_default(socket_.get())) >= 0) {
    }
    is_touched_ = reading.is_touched;
    reading.seen.is_all = read == -NLE_AGAIN;  // else the kernel had more to say than there was room for
    return reading.seen;
}

}  // namespace banger::tap
