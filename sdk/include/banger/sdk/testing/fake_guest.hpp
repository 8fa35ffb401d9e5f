// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/provisioner.hpp"

namespace banger::sdk::testing {

/// A guest in memory: it keeps the files, directories and links that are put into it, and runs commands by a function
/// of the test's.
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
        return put({{GuestEntry::Type::file, file.path, file.mode, {}, -1, file.content}});
    }

    Result<void> put(const std::vector<GuestEntry>& entries) override
    {
        if (failure_)
            return *std::exchange(failure_, std::nullopt);
        for (const auto& entry : entries)
            if (auto done = put_one(entry); !done)
                return done;
        return {};
    }

    Result<std::string> read(const std::string& path, std::size_t most) override
    {
        if (failure_)
            return *std::exchange(failure_, std::nullopt);
        const auto file = files_.find(path);
        if (file == files_.end())
            return make_error(directories_.count(path) > 0 ? Code::invalid : Code::not_found,
                              "there is no file " + path + " in the guest");
        if (file->second.first.size() > most)
            return make_error(Code::invalid, path + " in the guest is longer than " + std::to_string(most) + " bytes");
        return file->second.first;
    }

    /// The next thing that is asked of the guest fails with this error.
    void fail_next(Error error) { failure_ = std::move(error); }

    using Files = std::map<std::string, std::pair<std::string, std::uint32_t>>;  ///< path to content and mode
    [[nodiscard]] const Files& files() const { return files_; }
    [[nodiscard]] const std::map<std::string, std::uint32_t>& directories() const { return directories_; }
    [[nodiscard]] const std::map<std::string, std::string>& links() const { return links_; }  ///< path to target
    [[nodiscard]] const std::vector<GuestCommand>& commands() const { return commands_; }

    std::function<Result<GuestOutput>(const GuestCommand&)> on_run;  ///< unset: every command does nothing, well

private:
    Result<void> put_one(const GuestEntry& entry)
    {
        if (!entry.path.starts_with('/'))
            return make_error(Code::invalid, "the path " + entry.path + " in the guest is not absolute");
        for (auto slash = entry.path.find('/', 1); slash != std::string::npos; slash = entry.path.find('/', slash + 1))
            if (auto made = make_directory(entry.path.substr(0, slash), 0755); !made)
                return made;
        if (entry.type == GuestEntry::Type::directory)
            return make_directory(entry.path, entry.mode);
        if (directories_.count(entry.path) > 0)
            return make_error(Code::invalid, entry.path + " is a directory in the guest");
        files_.erase(entry.path);
        links_.erase(entry.path);
        if (entry.type == GuestEntry::Type::link)
            links_[entry.path] = entry.target;
        else
            files_[entry.path] = {entry.source < 0 ? entry.content : content_of(entry.source), entry.mode};
        return {};
    }

    Result<void> make_directory(const std::string& path, std::uint32_t mode)
    {
        if (files_.count(path) + links_.count(path) > 0)
            return make_error(Code::exists, path + " is no directory in the guest");
        directories_.emplace(path, mode);  // one that exists stays as it is
        return {};
    }

    static std::string content_of(int source)
    {
        std::string content;
        std::array<char, 65536> piece;  // NOLINT(cppcoreguidelines-pro-type-member-init)
        ssize_t count = 0;
        while ((count = ::pread(source, piece.data(), piece.size(), static_cast<off_t>(content.size()))) > 0)
            content.append(piece.data(), static_cast<std::size_t>(count));
        return content;
    }

    Files files_;
    std::map<std::string, std::uint32_t> directories_{{"/root", 0700}};
    std::map<std::string, std::string> links_;
    std::vector<GuestCommand> commands_;
    std::optional<Error> failure_;
};

}  // namespace banger::sdk::testing
