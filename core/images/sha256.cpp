// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/sha256.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

#include "banger/sdk/os/file.hpp"

namespace banger::images {
namespace {

constexpr std::size_t summed_at_once = 1U << 20;

// OpenSSL fails here only without memory or without the algorithm; both would be a broken one.
void check(int succeeded)
{
    if (succeeded != 1)
        std::abort();
}

}  // namespace

void Sha256::Free::operator()(evp_md_ctx_st* context) const
{
    EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_(EVP_MD_CTX_new())
{
    check(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
}

void Sha256::add(std::string_view bytes)
{
    check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
}

Sha256::Digest Sha256::finish()
{
    Digest digest{};
    unsigned length = 0;
    check(EVP_DigestFinal_ex(context_.get(), digest.data(), &length));
    return digest;
}

Sha256::Digest sha256(std::string_view text)
{
    Sha256 sum;
    sum.add(text);
    return sum.finish();
}

std::string hex(const Sha256::Digest& digest)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const std::uint8_t byte : digest) {
        text += digits[byte >> 4U];
        text += digits[byte & 15U];
    }
    return text;
}

sdk::Result<std::string> sha256_of_file(const std::string& path, const sdk::Call& call)
{
    const auto file = sdk::os::open_file(path, O_RDONLY);
    if (!file)
        return file.error();
    Sha256 sum;
    std::vector<char> buffer(summed_at_once);
    for (;;) {
        if (call.cancelled())
            return sdk::make_error(sdk::Code::cancelled, "cancelled");
        const auto count = ::read(file->get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return sdk::os_error("read " + path);
        if (count == 0)
            return hex(sum.finish());
        sum.add({buffer.data(), static_cast<std::size_t>(count)});
    }
}

}  // namespace banger::images
