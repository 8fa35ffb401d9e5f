// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "set_changes.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "firewall_refusal.hpp"

namespace banger::tap {
namespace {

using sdk::Result;
using Family = SetChange::Family;
using Verb = SetChange::Verb;

// A transaction as the kernel takes it: messages, one behind the other (linux/netfilter/nfnetlink.h).
class Batch {
public:
    explicit Batch(const std::vector<SetChange>& changes)
    {
        add(NFNL_MSG_BATCH_BEGIN, 0, {NFPROTO_UNSPEC, NFNETLINK_V0, htons(NFNL_SUBSYS_NFTABLES)});
        for (const auto& change : changes)
            add(change, &change == &changes.back() ? NLM_F_ACK : 0);
        add(NFNL_MSG_BATCH_END, 0, {NFPROTO_UNSPEC, NFNETLINK_V0, htons(NFNL_SUBSYS_NFTABLES)});
    }
    /// None if there was no memory.
    [[nodiscard]] const std::string& bytes() const { return bytes_; }

private:
    struct Free {
        void operator()(nl_msg* message) const { nlmsg_free(message); }
    };

    void add(int type, int flags, nfgenmsg header, const SetChange* change = nullptr)
    {
        const std::unique_ptr<nl_msg, Free> message(nlmsg_alloc_simple(type, NLM_F_REQUEST | flags));
        is_whole_ = is_whole_ && message && nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO) == 0 &&
                    (change == nullptr || put(message.get(), *change));
        if (!is_whole_)
            return bytes_.clear();
        const nlmsghdr* whole = nlmsg_hdr(message.get());
        bytes_.append(reinterpret_cast<const char*>(whole), NLMSG_ALIGN(whole->nlmsg_len));
    }
    void add(const SetChange& change, int flags)
    {
        const bool adds = change.verb == Verb::add;
        add(NFNL_SUBSYS_NFTABLES << 8 | (adds ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM), flags | (adds ? NLM_F_CREATE : 0),
            {static_cast<std::uint8_t>(change.family == Family::inet ? NFPROTO_INET : NFPROTO_NETDEV), NFNETLINK_V0, 0}, &change);
    }
    static bool put(nl_msg* message, const SetChange& change)
    {
        if (nla_put_string(message, NFTA_SET_ELEM_LIST_TABLE, change.table.c_str()) != 0 ||
            nla_put_string(message, NFTA_SET_ELEM_LIST_SET, change.set.c_str()) != 0)
            return false;
        if (change.verb == Verb::empty)  // which is to take away none in particular
            return true;
        std::vector<nlattr*> nests;
        for (const int type : {int{NFTA_SET_ELEM_LIST_ELEMENTS}, int{NFTA_LIST_ELEM}, int{NFTA_SET_ELEM_KEY}})
            if (nests.emplace_back(nla_nest_start(message, type)); nests.back() == nullptr)
                return false;
        if (nla_put(message, NFTA_DATA_VALUE, static_cast<int>(change.key.size()), change.key.data()) != 0)
            return false;
        for (; !nests.empty(); nests.pop_back())
            nla_nest_end(message, nests.back());
        return true;
    }

    std::string bytes_;
    bool is_whole_ = true;
};

}  // namespace

std::string text_of(const std::vector<SetChange>& changes)
{
    std::string text;
    for (const auto& change : changes) {
        text += change.verb == Verb::add ? "add element " : change.verb == Verb::take_away ? "delete element " : "flush set ";
        text += (change.family == Family::inet ? "inet " : "netdev ") + change.table + " " + change.set;
        text += change.verb == Verb::empty ? "\n" : " { " + change.element + " }\n";
    }
    return text;
}

void SetSocket::Close::operator()(nl_sock* socket) const
{
    nl_socket_free(socket);
}

Result<void> SetSocket::run(const std::vector<SetChange>& changes)
{
    if (changes.empty())  // of which the kernel would say nothing
        return {};
    const Batch batch(changes);
    int status = 0;
    if (!socket_) {
        socket_.reset(nl_socket_alloc());
        status = socket_ ? nl_connect(socket_.get(), NETLINK_NETFILTER) : -NLE_NOMEM;
        if (status >= 0)
            nl_socket_disable_seq_check(socket_.get());
    }
    if (batch.bytes().empty())
        status = -NLE_NOMEM;
    if (status >= 0)
        status = nl_sendto(socket_.get(), const_cast<char*>(batch.bytes().data()), batch.bytes().size());
    if (status >= 0)
        status = nl_wait_for_ack(socket_.get());
    if (status >= 0)
        return {};
    socket_.reset();  // more of what was wrong may be told there
    return firewall_refused("change the firewall", status);
}

}  // namespace banger::tap
