// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <array>
#include <cstdlib>
#include <optional>

#include "tests/e2e/installation.hpp"

namespace banger::e2e {

/// A command on a pseudo-terminal, driven like a person would: type, and wait for what the screen shows.
class Screen {
public:
    Screen(const Installation& host, const std::vector<std::string>& arguments, unsigned short columns = 80)
    {
        master_.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
        EXPECT_EQ(::grantpt(master_.get()), 0);
        EXPECT_EQ(::unlockpt(master_.get()), 0);
        resize(columns, 24);
        std::array<char, 128> name{};
        EXPECT_EQ(::ptsname_r(master_.get(), name.data(), name.size()), 0);
        // setsid --ctty gives the command the terminal that is its standard input.
        auto command = host.command(arguments);
        command.argv.insert(command.argv.begin(), {"setsid", "--ctty", "--wait"});
        const sdk::os::UniqueFd slave(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
        command.in = command.out = command.err = slave.get();
        auto child = sdk::os::spawn(command);
        EXPECT_TRUE(child);
        if (child)
            child_.emplace(std::move(*child));
    }

    void resize(unsigned short columns, unsigned short rows) const
    {
        winsize size{};
        size.ws_col = columns;
        size.ws_row = rows;
        EXPECT_EQ(::ioctl(master_.get(), TIOCSWINSZ, &size), 0);
    }
    void type(const std::string& keys) const { EXPECT_EQ(::write(master_.get(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size())); }

    /// Reads until `text` has been shown since the last call. False after a minute, or at the end.
    bool shows(const std::string& text)
    {
        for (;;) {
            if (const auto at = seen_.find(text); at != std::string::npos) {
                seen_.erase(0, at + text.size());
                return true;
            }
            if (!read_some())
                return false;
        }
    }
    int wait()
    {
        while (read_some()) {
        }
        auto status = child_->wait();
        return status ? *status : -1;
    }
    [[nodiscard]] const std::string& seen() const { return seen_; }

private:
    bool read_some()
    {
        pollfd ready{master_.get(), POLLIN, 0};
        if (::poll(&ready, 1, 120'000) <= 0)
            return false;
        std::array<char, 4096> bytes{};
        const ssize_t got = ::read(master_.get(), bytes.data(), bytes.size());
        if (got <= 0)
            return false;
        seen_.append(bytes.data(), static_cast<std::size_t>(got));
        return true;
    }

    sdk::os::UniqueFd master_;
    std::optional<sdk::os::Child> child_;
    std::string seen_;
};

}  // namespace banger::e2e
