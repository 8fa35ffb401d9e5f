// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "layer_stream.hpp"

#include <archive.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "blobs/digest.hpp"

namespace banger::oci {
namespace {

using sdk::Code;
using sdk::Result;

constexpr std::size_t input_bytes = 256U << 10;
constexpr std::size_t output_bytes = 1U << 20;
constexpr std::size_t block = 512;  // tar(5)
constexpr std::string_view marker = ".wh..wh..layer";
constexpr std::string_view gzip_magic = "\x1f\x8b";  // RFC 1952, section 2.3.1

std::string marker_entry(const std::string& name)
{
    std::string header(block, '\0');
    const auto put = [&](std::size_t at, std::string_view field) { header.replace(at, field.size(), field); };
    std::array<char, 13> octal{};
    put(0, marker);
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    std::snprintf(octal.data(), octal.size(), "%011zo", name.size());
    put(124, octal.data());
    put(136, "00000000000");
    put(148, "        ");
    put(156, "0");
    put(257, std::string_view("ustar\00000", 8));
    unsigned sum = 0;
    for (const char byte : header)
        sum += static_cast<unsigned char>(byte);
    std::snprintf(octal.data(), octal.size(), "%06o", sum);
    put(148, std::string_view(octal.data(), 7));
    std::string text = header + name;
    text.resize((text.size() + block - 1) / block * block, '\0');
    return text;
}

/// Reads the blob and adds it up on the way.
class Input {
public:
    Input(const LayerBlob& blob, sdk::Call& call) : blob_(blob), call_(call), buffer_(input_bytes) {}

    Result<std::string_view> next()
    {
        if (call_.cancelled())
            return sdk::make_error(Code::cancelled, "cancelled");
        for (;;) {
            const auto got = ::pread(blob_.file.get(), buffer_.data(), buffer_.size(), static_cast<off_t>(read_));
            if (got < 0 && errno == EINTR)
                continue;
            if (got < 0)
                return sdk::os_error("read layer " + blob_.name);
            const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(got));
            if (blob_.uncompressed.empty())
                sum_.add(bytes);
            read_ += bytes.size();
            return bytes;
        }
    }
    [[nodiscard]] std::uint64_t read() const { return read_; }
    std::string digest() { return sum_.digest(); }

private:
    const LayerBlob& blob_;
    sdk::Call& call_;
    std::vector<char> buffer_;
    blobs::Sha256 sum_;
    std::uint64_t read_ = 0;
};

class LayerStream {
public:
    LayerStream(const LayerBlob& blob, int output, sdk::Call& call)
        : blob_(blob), output_(output), input_(blob, call), room_(output_bytes)
    {
    }

    Result<std::uint64_t> go()
    {
        if (auto written = sdk::os::write_all(output_, marker_entry(blob_.name)); !written)
            return std::move(written).error();
        auto first = input_.next();
        if (!first)
            return std::move(first).error();
        auto done = first->starts_with(gzip_magic) ? gzip(*first) : others(*first);
        if (!done)
            return std::move(done).error();
        if (auto checked = check(); !checked)
            return std::move(checked).error();
        return written_;
    }

private:
    sdk::Error corrupt(const std::string& why) const
    {
        return sdk::make_error(Code::corrupt, "layer " + blob_.name + " " + why);
    }

    Result<void> give(std::string_view bytes)
    {
        written_ += bytes.size();
        if (!blob_.uncompressed.empty())
            sum_.add(bytes);
        return sdk::os::write_all(output_, bytes);
    }

    // A file may hold several members, one behind the other (RFC 1952, section 2.2).
    Result<void> gzip(std::string_view bytes)
    {
        auto state = std::make_unique<inflate_state>();
        isal_inflate_init(state.get());
        state->crc_flag = ISAL_GZIP;
        bool between = false;
        while (!bytes.empty()) {
            state->next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(bytes.data()));
            state->avail_in = static_cast<std::uint32_t>(bytes.size());
            do {
                if (between && *state->next_in == 0)  // padding behind the last member
                    break;
                if (between) {
                    isal_inflate_reset(state.get());
                    state->crc_flag = ISAL_GZIP;
                    between = false;
                }
                state->next_out = reinterpret_cast<std::uint8_t*>(room_.data());
                state->avail_out = static_cast<std::uint32_t>(room_.size());
                if (const int status = isal_inflate(state.get()); status != ISAL_DECOMP_OK)
                    return corrupt("is damaged: its gzip data does not inflate (" + std::to_string(status) + ")");
                if (auto given = give({room_.data(), room_.size() - state->avail_out}); !given)
                    return given;
                between = state->block_state == ISAL_BLOCK_FINISH;
            } while (state->avail_in > 0 || (!between && state->avail_out == 0));
            auto next = input_.next();
            if (!next)
                return std::move(next).error();
            bytes = *next;
        }
        if (!between)
            return corrupt("ends in the middle");
        return {};
    }

    static la_ssize_t more(archive*, void* self, const void** bytes)
    {
        auto& stream = *static_cast<LayerStream*>(self);
        if (stream.first_.data() == nullptr) {
            auto next = stream.input_.next();
            if (!next) {
                stream.failure_ = std::move(next).error();
                return ARCHIVE_FATAL;
            }
            *bytes = next->data();
            return static_cast<la_ssize_t>(next->size());
        }
        *bytes = stream.first_.data();
        const auto size = stream.first_.size();
        stream.first_ = {};
        return static_cast<la_ssize_t>(size);
    }

    // zstd, xz and plain archives, through libarchive's filters alone.
    Result<void> others(std::string_view first)
    {
        struct Free {
            void operator()(archive* open) const { (void)archive_read_free(open); }
        };
        const std::unique_ptr<archive, Free> reader(archive_read_new());
        first_ = first;
        archive_read_support_filter_zstd(reader.get());
        archive_read_support_filter_xz(reader.get());
        archive_read_support_format_raw(reader.get());
        archive_read_support_format_empty(reader.get());
        archive_entry* entry = nullptr;
        const auto failed = [&] {
            const auto* why = archive_error_string(reader.get());
            return failure_ ? *failure_ : corrupt("is damaged: " + std::string(why == nullptr ? "no reason" : why));
        };
        if (archive_read_open(reader.get(), this, nullptr, &LayerStream::more, nullptr) != ARCHIVE_OK)
            return failed();
        if (const int status = archive_read_next_header(reader.get(), &entry); status == ARCHIVE_EOF)
            return {};
        else if (status != ARCHIVE_OK)
            return failed();
        for (;;) {
            const auto got = archive_read_data(reader.get(), room_.data(), room_.size());
            if (got < 0)
                return failed();
            if (got == 0)
                return {};
            if (auto given = give({room_.data(), static_cast<std::size_t>(got)}); !given)
                return given;
        }
    }

    Result<void> check()
    {
        for (;;) {  // what follows the compressed data counts for the digest too
            auto rest = input_.next();
            if (!rest)
                return std::move(rest).error();
            if (rest->empty())
                break;
        }
        if (blob_.size != 0 && input_.read() != blob_.size)
            return corrupt("has " + std::to_string(input_.read()) + " bytes where its manifest says " +
                           std::to_string(blob_.size));
        const auto& wanted = blob_.uncompressed.empty() ? blob_.digest : blob_.uncompressed;
        const auto found = blob_.uncompressed.empty() ? input_.digest() : sum_.digest();
        if (found != wanted)
            return corrupt("is not what its digest says: it has " + found);
        // Some tools (umoci insert) leave an archive without the padding behind its last file.
        return sdk::os::write_all(output_, std::string((block - written_ % block) % block, '\0'));
    }

    const LayerBlob& blob_;
    int output_;
    Input input_;
    std::vector<char> room_;
    std::string_view first_;
    std::optional<sdk::Error> failure_;
    blobs::Sha256 sum_;
    std::uint64_t written_ = 0;
};

}  // namespace

Result<std::uint64_t> stream_layer(const LayerBlob& blob, int output, sdk::Call& call)
{
    return LayerStream(blob, output, call).go();
}

Result<void> end_stream(int output)
{
    return sdk::os::write_all(output, std::string(2 * block, '\0'));
}

}  // namespace banger::oci
