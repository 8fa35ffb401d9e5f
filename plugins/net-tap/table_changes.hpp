// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "banger/sdk/result.hpp"

struct nl_sock;

namespace banger::tap {

/// Who changes the firewall of this network namespace, from now on, as the kernel tells of it (NFNLGRP_NFTABLES of
/// linux/netfilter/nfnetlink.h): whether that were tables of one name, or anything in them, or others.
///
/// Threads: one.
class TableChanges {
public:
    /// `permission` for whoever may not change the firewall.
    static sdk::Result<TableChanges> open(std::string table);

    /// Readable when there is something to read; for poll(2).
    [[nodiscard]] int descriptor() const;

    /// Transactions.
    struct Seen {
        unsigned of_table = 0;   ///< what changed the table, and others perhaps
        unsigned of_others = 0;  ///< what did not
        bool is_all = true;      ///< false: there was more than the kernel could tell of
    };
    /// While it is true there is room for what is told when all rules are said again. Else for less: what nobody reads is
    /// the kernel's memory.
    void expect_all_rules(bool expected);
    /// Those since this was asked before; what this process has done itself is among them once that returned. Does not wait.
    Seen read();

private:
    struct Close {
        void operator()(nl_sock* socket) const;
    };
    using Socket = std::unique_ptr<nl_sock, Close>;

    TableChanges(std::string table, Socket socket) : table_(std::move(table)), socket_(std::move(socket)) {}

    std::string table_;
    Socket socket_;
    bool is_touched_ = false;  ///< by a transaction of which the end has not come yet
};

}  // namespace banger::tap
