// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "firewall.hpp"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <nftables/libnftables.h>

#include <memory>
#include <mutex>
#include <sstream>

namespace banger::tap {
namespace {

struct FreeMessage {
    void operator()(nl_msg* message) const { nlmsg_free(message); }
};

int take_generation(nl_msg* message, void* into)
{
    nlattr* attributes[NFTA_GEN_MAX + 1] = {};
    if (nlmsg_parse(nlmsg_hdr(message), sizeof(nfgenmsg), attributes, NFTA_GEN_MAX, nullptr) == 0 &&
        attributes[NFTA_GEN_ID] != nullptr)
        *static_cast<std::optional<std::uint32_t>*>(into) = ntohl(nla_get_u32(attributes[NFTA_GEN_ID]));
    return NL_OK;
}

sdk::Error refused(const char* said)
{
    const std::string text(said == nullptr ? "" : said);
    const bool by_right = text.find("Operation not permitted") != std::string::npos;
    return sdk::make_error(by_right ? sdk::Code::permission : sdk::Code::unsupported,
                           "cannot change the firewall: " + text.substr(0, text.find('\n')),
                           by_right ? "the firewall is root's: run the daemon as root, or use network 'user'"
                                    : "the kernel needs nf_tables with the families inet and netdev");
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

void Generation::Close::operator()(nl_sock* socket) const
{
    nl_socket_free(socket);
}

std::optional<std::uint32_t> Generation::now()
{
    if (!socket_) {
        socket_.reset(nl_socket_alloc());
        if (!socket_)
            return std::nullopt;
        // One answer to each question, and nothing else.
        nl_socket_disable_auto_ack(socket_.get());
        nl_socket_disable_seq_check(socket_.get());
        if (nl_connect(socket_.get(), NETLINK_NETFILTER) != 0) {
            socket_.reset();
            return std::nullopt;
        }
    }
    std::optional<std::uint32_t> number;
    const std::unique_ptr<nl_msg, FreeMessage> message(
        nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_GETGEN, NLM_F_REQUEST));
    nfgenmsg header{};
    header.version = NFNETLINK_V0;
    if (!message || nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO) != 0 ||
        nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, &take_generation, &number) != 0 ||
        nl_send_auto(socket_.get(), message.get()) < 0 || nl_recvmsgs_default(socket_.get()) < 0)
        socket_.reset();
    return number;
}

sdk::Result<void> Firewall::run_from(std::optional<std::uint32_t> expected, const std::string& commands)
{
    good_.reset();
    auto done = nft_.run(commands);
    // One step, and ours; or none. Else somebody was between, and nobody knows of what there is now.
    if (const auto after = generation_.now(); after && expected && *after == *expected + (done ? 1 : 0))
        good_ = after;
    return done ? sdk::Result<void>() : std::move(done).error();
}

sdk::Result<void> Firewall::run(const std::string& commands)
{
    const std::lock_guard lock(mutex_);
    return run_from(good_, commands);
}

bool Firewall::needs(const std::string& wanted) const
{
    const std::lock_guard lock(mutex_);
    return !good_ || wanted != wanted_ || generation_.now() != good_;
}

sdk::Result<void> Firewall::restore(const std::string& wanted, const std::string& commands)
{
    const std::lock_guard lock(mutex_);
    auto done = run_from(generation_.now(), commands);
    wanted_ = done ? wanted : "";
    return done;
}

sdk::Result<void> Firewall::remove(const std::string& commands)
{
    const std::lock_guard lock(mutex_);
    wanted_.clear();
    return run_from(std::nullopt, commands);
}

std::optional<std::string> chain_that_drops(std::string_view chains)
{
    std::istringstream lines{std::string(chains)};
    std::string table;
    std::string chain;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string keyword;
        words >> keyword;
        std::string name;
        if (keyword == "table" && words >> name >> table)
            table.insert(0, name + " ");
        else if (keyword == "chain")
            words >> chain;
        else if (keyword == "type" && line.find(" hook forward ") != std::string::npos &&
                 line.find("policy drop") != std::string::npos)
            return table + " " + chain;
    }
    return std::nullopt;
}

}  // namespace banger::tap
