// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "banger/sdk/os/process.hpp"
#include "tests/e2e/installation.hpp"

namespace banger::e2e {

/// Kinds, modes, targets and digests of everything but the repository itself.
inline constexpr const char* listing = R"(find . -name .git -prune -o ! -type d -printf '%p %y %m %l\n' | LC_ALL=C sort
find . -name .git -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum)";

/// A person with a repository, and no ssh that works: whatever goes to a machine goes without one.
class WorkspaceBase : public ::testing::Test {
protected:
    /// `config` as for an Installation.
    explicit WorkspaceBase(const std::string& config = {}) : host(config)
    {
        for (const auto& directory : {repository, temporary, programs})
            std::filesystem::create_directories(directory);
        std::ofstream(programs + "/ssh") << "#!/bin/sh\necho \"$@\" >>" << home << "/ssh-was-run\nexit 255\n";
        std::filesystem::permissions(programs + "/ssh", std::filesystem::perms(0755));
        sh(home, R"(git config --global user.name 'A. Developer'; git config --global user.email dev@example.org
git config --global protocol.file.allow always)");
        sh(repository, R"(git init -q -b main .; mkdir src; echo one >file; echo two >src/file; echo '*.o' >.gitignore
printf '\000\001\377' >binary; printf '#!/bin/sh\necho "$PWD"\n' >program; chmod +x program
git add -A; git commit -qm first; git remote add origin https://example.org/shop.git)");
    }

    ~WorkspaceBase() override { EXPECT_FALSE(std::filesystem::exists(home + "/ssh-was-run")); }

    [[nodiscard]] std::map<std::string, std::string> environment() const
    {
        return {{"HOME", home},
                {"TMPDIR", temporary},
                {"GIT_CONFIG_NOSYSTEM", "1"},
                {"PATH", programs + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}};
    }
    [[nodiscard]] Called banger(const std::vector<std::string>& arguments) const
    {
        CallOptions options;
        options.environment = environment();
        options.timeout = std::chrono::seconds(250);
        return host.banger(arguments, options);
    }
    [[nodiscard]] std::string sh(const std::string& directory, const std::string& script,
                                 const std::string& argument) const
    {
        sdk::os::Command command;
        command.argv = {"sh", "-ec", script, "sh", argument};
        command.directory = directory;
        for (const auto& [name, value] : environment())
            command.environment.emplace_back(name, value);
        auto output = sdk::os::run(command);
        EXPECT_TRUE(output) << output.error().message;
        if (!output)
            return {};
        EXPECT_EQ(output->status, 0) << script << '\n' << output->out << output->err;
        return output->out;
    }
    std::string sh(const std::string& directory, const std::string& script) const { return sh(directory, script, ""); }

    const Installation host;
    const std::string home = host.home() + "/person";
    const std::string repository = home + "/repo";
    const std::string temporary = home + "/tmp";
    const std::string programs = home + "/bin";
};

/// The same with a machine "a".
class Workspace : public WorkspaceBase {
protected:
    using WorkspaceBase::WorkspaceBase;
    void SetUp() override
    {
        auto created = banger({"vm", "create", "--name", "a", "--ready", "agent"});
        ASSERT_EQ(created.status, 0) << created.err;
    }
    void TearDown() override
    {
        EXPECT_TRUE(std::filesystem::is_empty(temporary));
        expect_clean(host);
    }
    std::string in_guest(const std::string& script) const
    {
        auto called = banger({"vm", "exec", "a", "--", "sh", "-ec", script});
        EXPECT_EQ(called.status, 0) << called.out << called.err;
        return called.out;
    }
    void prepare(const std::vector<std::string>& more = {}) const
    {
        auto prepared = try_prepare(repository, more);
        ASSERT_EQ(prepared.status, 0) << prepared.err;
    }
    Called try_prepare(const std::string& path, const std::vector<std::string>& more) const
    {
        std::vector<std::string> call{"vm", "workspace", "prepare", "a", path};
        call.insert(call.end(), more.begin(), more.end());
        return banger(call);
    }
    [[nodiscard]] Called export_it(std::vector<std::string> more = {}) const
    {
        more.insert(more.begin(), {"vm", "workspace", "export", "a"});
        return banger(more);
    }
};

}  // namespace banger::e2e
