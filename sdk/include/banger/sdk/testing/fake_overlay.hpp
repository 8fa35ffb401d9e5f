// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/storage.hpp"

namespace banger::sdk::testing {

/// An image of format "fake": lines that say what it stands on, how long it is, and what was written to it, in order.
///     over raw /images/root
///     length 4194304
///     fill 17 0 65536          a value, from where, how many bytes of it
class FakeOverlay {
public:
    static Result<void> make(const std::string& path, std::uint64_t bytes, const Layer& below)
    {
        return os::write_file_atomic(path, "over " + below.format + " " + below.path + "\nlength " +
                                               std::to_string(bytes) + "\n");
    }

    static Result<FakeOverlay> open(const std::string& path)
    {
        auto text = os::read_file(path);
        if (!text)
            return std::move(text).error();
        FakeOverlay overlay;
        std::istringstream lines(*text);
        std::string word;
        while (lines >> word) {
            Fill fill;
            if (word == "over" && lines >> overlay.below_.format)
                std::getline(lines >> std::ws, overlay.below_.path);
            else if (word == "length")
                lines >> overlay.bytes_;
            else if (word == "fill" && lines >> fill.value >> fill.offset >> fill.length)
                overlay.fills_.push_back(fill);
        }
        if (overlay.bytes_ == 0 || overlay.below_.path.empty())
            return make_error(Code::corrupt, path + " is no image of a fake");
        return overlay;
    }

    /// What it stands on, without its length.
    [[nodiscard]] const Layer& below() const { return below_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    /// How many bytes were written to it.
    [[nodiscard]] std::uint64_t own_bytes() const
    {
        std::uint64_t sum = 0;
        for (const auto& fill : fills_)
            sum += fill.length;
        return sum;
    }

    static Result<void> grow(const std::string& path, std::uint64_t bytes)
    {
        return append(path, "length " + std::to_string(bytes) + "\n");
    }
    static Result<void> fill(const std::string& path, int value, std::uint64_t offset, std::uint64_t length)
    {
        return append(path, "fill " + std::to_string(value) + " " + std::to_string(offset) + " " +
                                std::to_string(length) + "\n");
    }

    static Result<std::string> read(const std::string& path, std::uint64_t offset, std::uint64_t length)
    {
        auto overlay = open(path);
        if (!overlay)
            return std::move(overlay).error();
        auto bytes = overlay->below_.format == "fake" ? read(overlay->below_.path, offset, length)
                                                      : read_raw(overlay->below_.path, offset, length);
        if (!bytes)
            return bytes;
        for (const auto& fill : overlay->fills_) {
            const auto from = std::max(fill.offset, offset);
            const auto to = std::min(fill.offset + fill.length, offset + length);
            if (from < to)
                std::fill_n(bytes->begin() + static_cast<std::ptrdiff_t>(from - offset), to - from,
                            static_cast<char>(fill.value));
        }
        return bytes;
    }

private:
    struct Fill {
        int value = 0;
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
    };

    static Result<void> append(const std::string& path, const std::string& line)
    {
        auto fd = os::open_file(path, O_WRONLY | O_APPEND);
        return fd ? os::write_all(fd->get(), line) : Result<void>(std::move(fd).error());
    }

    // Zeros beyond the end.
    static Result<std::string> read_raw(const std::string& path, std::uint64_t offset, std::uint64_t length)
    {
        auto fd = os::open_file(path, O_RDONLY);
        if (!fd)
            return std::move(fd).error();
        std::string bytes(length, '\0');
        if (::pread(fd->get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)) < 0)
            return os_error("read " + path);
        return bytes;
    }

    Layer below_;
    std::uint64_t bytes_ = 0;
    std::vector<Fill> fills_;
};

}  // namespace banger::sdk::testing
