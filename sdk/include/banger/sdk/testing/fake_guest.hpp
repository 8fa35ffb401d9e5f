// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/provisioner.hpp"

namespace banger::sdk::testing {

/// A guest in memory: it keeps the files that are written, and runs commands by a function of the test's.
class FakeGuest : public GuestAccess {
public:
    Result<GuestOutput> run(const GuestCommand& command) override
    {
        if (failure_)
            return *std::exchange(failure_, std::nullopt);
        commands_.push_back(command);
        return on_run ? on_run(command) : Result<GuestOutput>(GuestOutput{});
    }

    Result<void> write(const GuestFile& file) override
    {
        if (failure_)
            return *std::exchange(failure_, std::nullopt);
        if (!file.path.starts_with('/'))
            return make_error(Code::invalid, "the path " + file.path + " in the guest is not absolute");
        files_[file.path] = {file.content, file.mode};
        return {};
    }

    /// The next thing that is asked of the guest fails with this error.
    void fail_next(Error error) { failure_ = std::move(error); }

    using Files = std::map<std::string, std::pair<std::string, std::uint32_t>>;  ///< path to content and mode
    [[nodiscard]] const Files& files() const { return files_; }
    [[nodiscard]] const std::vector<GuestCommand>& commands() const { return commands_; }

    std::function<Result<GuestOutput>(const GuestCommand&)> on_run;  ///< unset: every command does nothing, well

private:
    Files files_;
    std::vector<GuestCommand> commands_;
    std::optional<Error> failure_;
};

}  // namespace banger::sdk::testing
