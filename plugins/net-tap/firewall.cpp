// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "firewall.hpp"

#include <nftables/libnftables.h>

#include <memory>
#include <mutex>
#include <sstream>

namespace banger::tap {
namespace {

struct Free {
    void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};

}  // namespace

sdk::Result<std::string> run_nft(const std::string& commands)
{
    static std::mutex mutex;  // the library keeps state of its own
    const std::lock_guard lock(mutex);
    const std::unique_ptr<nft_ctx, Free> context(nft_ctx_new(NFT_CTX_DEFAULT));
    if (!context || nft_ctx_buffer_error(context.get()) != 0 || nft_ctx_buffer_output(context.get()) != 0)
        return sdk::make_error(sdk::Code::internal, "libnftables does not start");
    if (nft_run_cmd_from_buffer(context.get(), commands.c_str()) == 0) {
        const char* printed = nft_ctx_get_output_buffer(context.get());
        return std::string(printed == nullptr ? "" : printed);
    }
    const char* said = nft_ctx_get_error_buffer(context.get());
    const std::string text(said == nullptr ? "" : said);
    const bool refused = text.find("Operation not permitted") != std::string::npos;
    return sdk::make_error(refused ? sdk::Code::permission : sdk::Code::unsupported,
                           "cannot change the firewall: " + text.substr(0, text.find('\n')),
                           refused ? "the firewall is root's: run the daemon as root, or use network 'user'"
                                   : "the kernel needs nf_tables with the families inet and netdev");
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
