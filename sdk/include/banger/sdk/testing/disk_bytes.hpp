// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/os/process.hpp"
#include "banger/sdk/storage.hpp"
#include "banger/sdk/testing/fake_overlay.hpp"

namespace banger::sdk::testing {

/// Bytes of a disk as a VMM sees them: a raw file or device directly, a qcow2 image through qemu-io, or a FakeOverlay.
class DiskBytes {
public:
    explicit DiskBytes(Disk disk) : disk_(std::move(disk)) {}

    /// Whether disks of this format can be looked into at all.
    [[nodiscard]] static bool knows(const std::string& format)
    {
        return format == "raw" || format == "qcow2" || format == "fake";
    }

    /// Why this machine cannot look into the disk, if it cannot.
    [[nodiscard]] std::optional<std::string> unreadable() const
    {
        if (disk_.format != "qcow2" || os::find_program("qemu-io"))
            return std::nullopt;
        return "qemu-io is needed to look into a " + disk_.format + " image: install qemu-utils";
    }

    struct Range {
        int value = 0;
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
    };

    /// Every byte of the range has this value.
    [[nodiscard]] ::testing::AssertionResult holds(int value, std::uint64_t offset, std::uint64_t length) const
    {
        return holds({{value, offset, length}});
    }
    /// Of all the ranges.
    [[nodiscard]] ::testing::AssertionResult holds(const std::vector<Range>& ranges) const
    {
        if (disk_.format == "qcow2")
            return qemu_io({"-r"}, "read", ranges);
        for (const auto& range : ranges)
            if (auto held = range_holds(range.value, range.offset, range.length); !held)
                return held;
        return ::testing::AssertionSuccess();
    }

    [[nodiscard]] ::testing::AssertionResult fill(int value, std::uint64_t offset, std::uint64_t length) const
    {
        if (disk_.format == "qcow2")
            return qemu_io({}, "write", {{value, offset, length}});
        if (disk_.format == "fake") {
            const auto wrote = FakeOverlay::fill(disk_.path, value, offset, length);
            return wrote ? ::testing::AssertionSuccess() : ::testing::AssertionFailure() << wrote.error().message;
        }
        const os::UniqueFd fd(::open(disk_.path.c_str(), O_WRONLY | O_CLOEXEC));
        const std::string bytes(length, static_cast<char>(value));
        if (::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)) != static_cast<ssize_t>(length))
            return ::testing::AssertionFailure() << "cannot write " << disk_.path;
        return ::testing::AssertionSuccess();
    }

private:
    [[nodiscard]] ::testing::AssertionResult range_holds(int value, std::uint64_t offset, std::uint64_t length) const
    {
        const auto bytes = disk_.format == "fake" ? FakeOverlay::read(disk_.path, offset, length) : raw(offset, length);
        if (!bytes)
            return ::testing::AssertionFailure() << bytes.error().message;
        const auto other = bytes->find_first_not_of(static_cast<char>(value));
        if (other != std::string::npos)
            return ::testing::AssertionFailure() << "byte " << offset + other << " is not " << value;
        return ::testing::AssertionSuccess();
    }

    [[nodiscard]] Result<std::string> raw(std::uint64_t offset, std::uint64_t length) const
    {
        const os::UniqueFd fd(::open(disk_.path.c_str(), O_RDONLY | O_CLOEXEC));
        std::string bytes(length, '\0');
        const ssize_t got = ::pread(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (got != static_cast<ssize_t>(length))
            return make_error(Code::corrupt, "read " + std::to_string(got) + " bytes of " + std::to_string(length) +
                                                 " at " + std::to_string(offset) + " of " + disk_.path);
        return bytes;
    }
    [[nodiscard]] ::testing::AssertionResult qemu_io(const std::vector<std::string>& options, const std::string& verb,
                                                     const std::vector<Range>& ranges) const
    {
        os::Command command;
        command.argv = {"qemu-io", "-f", disk_.format};
        command.argv.insert(command.argv.end(), options.begin(), options.end());
        for (const auto& range : ranges)
            command.argv.insert(command.argv.end(),
                                {"-c", verb + " -P " + std::to_string(range.value) + " " + std::to_string(range.offset) +
                                           " " + std::to_string(range.length)});
        command.argv.push_back(disk_.path);
        const auto output = os::run_checked(command);
        if (!output)
            return ::testing::AssertionFailure() << output.error().message;
        if (output->out.find("failed") != std::string::npos || !output->err.empty())
            return ::testing::AssertionFailure() << output->out << output->err;
        return ::testing::AssertionSuccess();
    }

    Disk disk_;
};

}  // namespace banger::sdk::testing
