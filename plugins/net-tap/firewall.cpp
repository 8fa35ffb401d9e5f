// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "firewall.hpp"

#include <nftables/libnftables.h>

#include <memory>
#include <mutex>

#include "firewall_refusal.hpp"
#include "forwarding_chains.hpp"

namespace banger::tap {
namespace {

sdk::Error refused(const char* said)
{
    const std::string text(said == nullptr ? "" : said);
    return firewall_refused("change the firewall", text.substr(0, text.find('\n')),
                            text.find("Operation not permitted") != std::string::npos);
}

}  // namespace

void Nft::Free::operator()(nft_ctx* context) const
{
    nft_ctx_free(context);
}

sdk::Result<std::string> Nft::run(const std::string& commands)
{
    static std::mutex mutex;  // the library keeps state of its own
    const std::lock_guard lock(mutex);
    if (!context_) {
        context_.reset(nft_ctx_new(NFT_CTX_DEFAULT));
        if (!context_ || nft_ctx_buffer_error(context_.get()) != 0 || nft_ctx_buffer_output(context_.get()) != 0) {
            context_.reset();
            return sdk::make_error(sdk::Code::internal, "libnftables does not start");
        }
        // Of what is listed, neither counters nor what is in sets.
        nft_ctx_output_set_flags(context_.get(), NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_TERSE);
    }
    const bool done = nft_run_cmd_from_buffer(context_.get(), commands.c_str()) == 0;
    const char* printed = nft_ctx_get_output_buffer(context_.get());
    const char* said = nft_ctx_get_error_buffer(context_.get());
    if (done)
        return std::string(printed == nullptr ? "" : printed);
    auto error = refused(said);
    context_.reset();  // whatever is wrong with it
    return error;
}

sdk::Result<std::string> run_nft(const std::string& commands)
{
    return Nft().run(commands);
}

/// What happened since this was asked before, of which so much was ours. Where nobody can know, anything.
void Firewall::read(unsigned own_transactions)
{
    if (!changes_) {
        is_as_left_ = false;
        if (auto opened = TableChanges::open(table_))
            changes_ = std::move(*opened);
        return;
    }
    const auto seen = changes_->read();
    if (!seen.is_all || seen.of_table > own_transactions)
        is_as_left_ = false;
    if (!seen.is_all || seen.of_others > 0 || seen.of_table > own_transactions)
        chain_that_drops_.reset();
}

sdk::Result<void> Firewall::run(const std::string& commands)
{
    const std::lock_guard lock(mutex_);
    read(0);
    const auto done = nft_.run(commands);
    read(done ? 1 : 0);
    return done ? sdk::Result<void>() : done.error();
}

sdk::Result<void> Firewall::run(const std::vector<SetChange>& changes)
{
    const std::lock_guard lock(mutex_);
    read(0);
    auto done = sets_.run(changes);
    read(done ? 1 : 0);
    return done;
}

bool Firewall::needs(const std::string& wanted)
{
    return !is_as_left() || wanted != wanted_;
}

bool Firewall::is_as_left()
{
    const std::lock_guard lock(mutex_);
    read(0);
    return is_as_left_;
}

sdk::Result<void> Firewall::restore(const std::string& wanted, const std::string& commands)
{
    const std::lock_guard lock(mutex_);
    read(0);
    if (changes_)
        changes_->expect_all_rules(true);
    const auto done = nft_.run(commands);
    is_as_left_ = done && changes_;
    wanted_ = done ? wanted : "";
    read(done ? 1 : 0);
    if (changes_)
        changes_->expect_all_rules(false);
    return done ? sdk::Result<void>() : done.error();
}

sdk::Result<void> Firewall::remove(const std::string& commands)
{
    const std::lock_guard lock(mutex_);
    is_as_left_ = false;
    const auto done = nft_.run(commands);
    return done ? sdk::Result<void>() : done.error();
}

sdk::Result<std::optional<std::string>> Firewall::chain_that_drops()
{
    const std::lock_guard lock(mutex_);
    read(0);
    if (!chain_that_drops_ || !changes_) {
        auto rules = nft_.run("list ruleset");
        if (!rules)
            return std::move(rules).error();
        chain_that_drops_ = tap::chain_that_drops(*rules);
    }
    return *chain_that_drops_;
}

}  // namespace banger::tap
