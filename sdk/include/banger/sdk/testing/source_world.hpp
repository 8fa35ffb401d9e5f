// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include <unistd.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::sdk::testing {

/// A call that is cancelled by its own `n`-th report of progress, so in the middle of the work, wherever that is.
class CallCancelledAt : public FakeCall {
public:
    explicit CallCancelledAt(std::size_t n) : left_(n) {}

    void progress(const Progress& progress) override
    {
        FakeCall::progress(progress);
        if (left_ > 0 && --left_ == 0)
            cancel();
    }

private:
    std::size_t left_;
};

/// The processes, other than this one, that have to do with a directory: they work in it, or it is in their arguments
/// or environment.
inline std::vector<os::ProcessId> processes_about(const std::string& directory)
{
    std::vector<os::ProcessId> found;
    for (const auto& id : os::find_processes([](const auto&) { return true; }).value_or({})) {
        const std::string process = "/proc/" + std::to_string(id.pid);
        std::array<char, 4096> link{};
        const auto length = ::readlink((process + "/cwd").c_str(), link.data(), link.size());
        std::string known(link.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
        for (const char* file : {"/cmdline", "/environ"})
            known += os::read_file(process + file).value_or({});
        if (id.pid != ::getpid() && known.find(directory) != std::string::npos)
            found.push_back(id);
    }
    return found;
}

/// Nothing of a source is left that concerns the directory: no process, no mount; and it can be removed.
inline void expect_nothing_left(const std::string& directory)
{
    for (const auto& id : processes_about(directory))
        ADD_FAILURE() << "process " << id.pid << " is left: " << ::testing::PrintToString(os::arguments_of(id.pid).value_or({}));
    const auto mounts = os::read_file("/proc/self/mounts");
    ASSERT_TRUE(mounts) << mounts.error().message;
    EXPECT_EQ(mounts->find(directory), std::string::npos) << *mounts;
    const auto removed = os::remove_tree(directory);
    EXPECT_TRUE(removed) << removed.error().message;
}

}  // namespace banger::sdk::testing
