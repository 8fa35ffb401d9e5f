// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "firewall.hpp"

#include <nftables/libnftables.h>

#include <memory>
#include <mutex>

namespace banger::tap {
namespace {

struct Free {
    void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};

}  // namespace

sdk::Result<void> run_nft(const std::string& commands)
{
    static std::mutex mutex;  // the library keeps state of its own
    const std::lock_guard lock(mutex);
    const std::unique_ptr<nft_ctx, Free> context(nft_ctx_new(NFT_CTX_DEFAULT));
    if (!context || nft_ctx_buffer_error(context.get()) != 0 || nft_ctx_buffer_output(context.get()) != 0)
        return sdk::make_error(sdk::Code::internal, "libnftables does not start");
    if (nft_run_cmd_from_buffer(context.get(), commands.c_str()) == 0)
        return {};
    const char* said = nft_ctx_get_error_buffer(context.get());
    const std::string text(said == nullptr ? "" : said);
    const bool refused = text.find("Operation not permitted") != std::string::npos;
    return sdk::make_error(refused ? sdk::Code::permission : sdk::Code::unsupported,
                           "cannot change the firewall: " + text.substr(0, text.find('\n')),
                           refused ? "the firewall is root's: run the daemon as root, or use network 'user'"
                                   : "the kernel needs nf_tables with the families inet and netdev");
}

}  // namespace banger::tap
