// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "banger/sdk/result.hpp"
#include "set_changes.hpp"
#include "table_changes.hpp"

struct nft_ctx;

namespace banger::tap {

/// Commands of nft(8) in the network namespace in which the first of them was run (libnftables).
///
/// It stays open: to close a socket of nf_tables is to wait until whatever was changed last is safely away, which takes the
/// kernel tens of milliseconds (nft_rcv_nl_event() of net/netfilter/nf_tables_api.c).
/// Threads: one.
class Nft {
public:
    /// Carries out all or none of them; what they print.
    sdk::Result<std::string> run(const std::string& commands);

private:
    struct Free {
        void operator()(nft_ctx* context) const;
    };
    std::unique_ptr<nft_ctx, Free> context_;
};

/// The same, of this thread's network namespace, and closed behind it. Threads: any.
sdk::Result<std::string> run_nft(const std::string& commands);

/// The rules of this network namespace, and whether anybody but us has changed tables of ours since they were restored: the
/// kernel tells of that (TableChanges), and to look costs next to nothing.
///
/// Threads: any.
class Firewall {
public:
    explicit Firewall(std::string table) : table_(std::move(table)) {}

    /// As run_nft: one transaction.
    sdk::Result<void> run(const std::string& commands);
    sdk::Result<void> run(const std::vector<SetChange>& changes);
    /// Whether the rules may be others than those that `wanted` describes: restore() is needed.
    [[nodiscard]] bool needs(const std::string& wanted);
    /// Whether they are what restore() and run() have made, whatever that was.
    [[nodiscard]] bool is_as_left();
    /// Makes them so: `commands` do that whatever is there, in one transaction.
    sdk::Result<void> restore(const std::string& wanted, const std::string& commands);
    /// As run, of commands behind which they are gone.
    sdk::Result<void> remove(const std::string& commands);
    /// As chain_that_drops() of the rules as they are.
    sdk::Result<std::optional<std::string>> chain_that_drops();

private:
    void read(unsigned own_transactions);

    std::mutex mutex_;
    std::string table_;
    Nft nft_;
    SetSocket sets_;
    std::optional<TableChanges> changes_;
    bool is_as_left_ = false;
    std::string wanted_;  ///< what that has
    std::optional<std::optional<std::string>> chain_that_drops_;  ///< none: not known
};

}  // namespace banger::tap
