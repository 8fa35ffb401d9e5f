// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "digest.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "banger/sdk/os/file.hpp"

namespace banger::blobs {
namespace {

constexpr std::string_view prefix = "sha256:";
constexpr std::size_t hex_digits = 64;
constexpr std::size_t read_bytes = 256U << 10;

}  // namespace

bool is_digest(std::string_view text)
{
    return text.size() == prefix.size() + hex_digits && text.starts_with(prefix) &&
           text.find_first_not_of("0123456789abcdef", prefix.size()) == std::string_view::npos;
}

void Sha256::Free::operator()(evp_md_ctx_st* context) const
{
    EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_(EVP_MD_CTX_new())
{
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
}

void Sha256::add(std::string_view bytes)
{
    EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
}

std::string Sha256::digest()
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
    unsigned length = 0;
    EVP_DigestFinal_ex(context_.get(), raw.data(), &length);
    std::string text(prefix);
    for (unsigned i = 0; i < length; ++i) {
        text += "0123456789abcdef"[raw[i] >> 4U];
        text += "0123456789abcdef"[raw[i] & 15U];
    }
    return text;
}

std::string digest_of(std::string_view bytes)
{
    Sha256 sum;
    sum.add(bytes);
    return sum.digest();
}

sdk::Result<std::string> digest_of_file(const std::string& path, sdk::Call& call)
{
    auto file = sdk::os::open_file(path, O_RDONLY);
    if (!file)
        return std::move(file).error();
    std::vector<char> buffer(read_bytes);
    Sha256 sum;
    for (;;) {
        if (call.cancelled())
            return sdk::make_error(sdk::Code::cancelled, "cancelled");
        const auto got = ::read(file->get(), buffer.data(), buffer.size());
        if (got < 0)
            return sdk::os_error("read " + path);
        if (got == 0)
            return sum.digest();
        sum.add({buffer.data(), static_cast<std::size_t>(got)});
    }
}

}  // namespace banger::blobs
