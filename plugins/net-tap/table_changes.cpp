// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "table_changes.hpp"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sys/socket.h>

#include "firewall_refusal.hpp"

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

// How much of what is told may wait to be read, of which little is read at once and all is kept in the kernel. More than the
// system's own bound takes a right that root has, and root in a user namespace has not.
void bound(nl_sock* socket, int bytes)
{
    const int fd = nl_socket_get_fd(socket);
    if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
        (void)::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

constexpr int room_for_others = 256 << 10;  // nobody may read this for long
constexpr int room_for_all_rules = 64 << 20;  // some ten kilobytes for each guest

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
            return firewall_refused("watch the firewall", step);
    bound(socket.get(), room_for_others);
    return TableChanges(std::move(table), std::move(socket));
}

int TableChanges::descriptor() const
{
    return nl_socket_get_fd(socket_.get());
}

void TableChanges::expect_all_rules(bool expected)
{
    bound(socket_.get(), expected ? room_for_all_rules : room_for_others);
}

TableChanges::Seen TableChanges::read()
{
    Reading reading{&table_, is_touched_, {}};
    nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, &take, &reading);
    int read = 0;
    // What the kernel had no room for is lost, and what it had room for comes all the same.
    while ((read = nl_recvmsgs_default(socket_.get())) >= 0 || read == -NLE_NOMEM)
        reading.seen.is_all = reading.seen.is_all && read >= 0;
    reading.seen.is_all = reading.seen.is_all && read == -NLE_AGAIN;
    is_touched_ = reading.seen.is_all && reading.is_touched;
    return reading.seen;
}

}  // namespace banger::tap
