// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "banger/sdk/testing/fake_host.hpp"
#include "cli/workspace/checkout.hpp"

namespace banger::workspace {

/// Real repositories in a directory of the test's own, sent through a pipe into another directory that stands for the
/// guest: everything but the machine between. The user's own git settings are out of sight.
class Repositories : public ::testing::Test {
protected:
    void SetUp() override;

    /// Runs a script in `directory`; its output. A status other than 0 fails the test.
    static std::string sh(const std::string& directory, const std::string& script,
                          const std::vector<std::string>& arguments = {});

    struct Sent {
        std::vector<std::string> changed;
        std::vector<std::string> skipped;
    };
    /// `path` (below the test's directory) into `guest`, which is made anew. EXPECTs that the host's repository is byte
    /// for byte the same afterwards, and of a checkout what must hold for each: fsck is content, and nothing is
    /// exported from it as long as nothing was done in it. `meanwhile` runs between staging and sending,
    /// or once the first bytes of a file went, or after each piece of one.
    enum class Moment { staged, going, always };
    sdk::Result<Sent> try_send(const CheckoutOptions& options, const std::string& path,
                               const std::function<void()>& meanwhile = {}, Moment moment = Moment::staged);
    Sent send(const CheckoutOptions& options = {}, const std::string& path = "host");
    /// Why it does not go.
    sdk::Error refused(const CheckoutOptions& options, const std::string& path = "host");

    /// A patch of what changed in `guest`, as `vm workspace export` takes it.
    std::string exported(const std::string& base = {});
    /// What the last of them said on standard error.
    const std::string& said() const { return said_; }
    /// EXPECTs that it applies in the host's repository, and that both trees are the same then.
    void expect_round_trip();

    /// Names, kinds, modes, targets and digests of everything below a directory but `.git`.
    static std::string tree_of(const std::string& directory);
    /// What differs from HEAD, and what is untracked, by name: what the two must agree on, as the guest's index begins
    /// as HEAD has it.
    static std::string changes_in(const std::string& directory);
    /// The ordinary repository of these tests, with two commits on the branch main.
    void make_repository(const std::string& git_init = "git init -q -b main .");

    sdk::testing::FakeHost place_;
    const std::string place = place_.directory();
    const std::string host = place + "/host";
    const std::string guest = place + "/guest";

private:
    std::string said_;
};

/// 0 if `test` is true in a process of its own.
template <typename Test>
int in_a_child(Test test)
{
    const pid_t child = ::fork();
    if (child == 0)
        ::_exit(test() ? 0 : 1);
    int status = 0;
    return ::waitpid(child, &status, 0) == child ? status : -1;
}

/// The same for another user, as root reads and writes everything.
template <typename Test>
int as_nobody(Test test)
{
    return in_a_child([&] {
        constexpr uid_t nobody = 65534;
        return ::setresgid(nobody, nobody, nobody) == 0 && ::setresuid(nobody, nobody, nobody) == 0 && test();
    });
}

/// A file system of that size, such as "1M", that only this process has, one of in_a_child: for root.
bool mount_small(const std::string& path, const std::string& size);

}  // namespace banger::workspace
