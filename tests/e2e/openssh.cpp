// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/e2e/openssh.hpp"

#include <gtest/gtest.h>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/host_program.hpp"

namespace banger::e2e {
namespace {

template <typename Holds>
bool wait_until(Holds holds)
{
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(90);
    while (!holds())
        if (std::chrono::steady_clock::now() > deadline)
            return false;
    return true;
}

constexpr const char* rsync_there = "--rsync-path=LD_LIBRARY_PATH=/opt/rsync /opt/rsync/rsync";

std::string shell_words(const std::vector<std::string>& words)
{
    std::string text;
    for (const auto& word : words)
        text += (text.empty() ? "'" : " '") + word + "'";
    return text;
}

}  // namespace

Openssh::Openssh(const Installation& installation, std::string vm, Way way)
    : installation_(installation), vm_(std::move(vm)), way_(std::move(way))
{
    if (sample_every() == 1)
        bring_program(installation, vm_, "rsync", "rsync");
}

bool Openssh::wait() const
{
    return wait_until([&] { return ssh({"true"}).status == 0; });
}

bool gets_in_by_ssh(const Installation& installation, const std::string& vm)
{
    return wait_until([&] { return installation.banger({"vm", "ssh", vm, "--", "hostname"}).out == vm + "\n"; });
}

sdk::os::Output Openssh::ssh(const std::vector<std::string>& words) const
{
    auto command = with_options({"ssh"});
    command.push_back(way_.host);
    command.insert(command.end(), words.begin(), words.end());
    return run(std::move(command));
}

void Openssh::expect_all_to_work() const
{
    const std::string letter = installation_.home() + "/letter";
    const std::string batch = letter + ".batch";
    const std::string clone = installation_.home() + "/clone";
    EXPECT_TRUE(sdk::os::write_file_atomic(letter, "dear guest\n"));
    EXPECT_TRUE(sdk::os::write_file_atomic(batch, "put " + letter + " by-sftp\nget by-sftp " + letter + ".back\n"));

    EXPECT_EQ(ssh({"cat", "/etc/hostname"}).out, vm_ + "\n");
    auto scp = with_options({"scp", "-q"});
    scp.insert(scp.end(), {letter, way_.host + ":by-scp"});
    expect_done(scp);
    EXPECT_EQ(installation_.banger({"vm", "exec", vm_, "--", "cat", "/root/by-scp"}).out, "dear guest\n");
    if (sample_every() > 1)
        return;
    auto sftp = with_options({"sftp", "-q", "-b", batch});
    sftp.push_back(way_.host);
    expect_done(sftp);
    EXPECT_EQ(sdk::os::read_file(letter + ".back").value_or(""), "dear guest\n");
    expect_done({"rsync", "-e", shell_words(with_options({"ssh"})), rsync_there, letter, way_.host + ":by-rsync"});
    EXPECT_EQ(installation_.banger({"vm", "exec", vm_, "--", "sh", "-c", "cd /root && cat by-sftp by-rsync"}).out,
              "dear guest\ndear guest\n");

    const auto made = installation_.banger({"vm", "exec", vm_, "--", "sh", "-c",
                                            "cd /root && rm -rf repo && git init -q repo && cd repo && "
                                            "git -c user.name=a -c user.email=a@b commit -q --allow-empty -m first"});
    EXPECT_EQ(made.status, 0) << made.err;
    EXPECT_TRUE(sdk::os::remove_tree(clone));
    expect_done({"env", "GIT_SSH_COMMAND=" + shell_words(with_options({"ssh"})), "git", "clone", "-q", way_.host + ":repo", clone});
    EXPECT_EQ(run({"git", "-C", clone, "log", "-1", "--format=%s"}).out, "first\n");
}

std::vector<std::string> Openssh::with_options(std::vector<std::string> words) const
{
    words.insert(words.end(), {"-o", "BatchMode=yes"});
    words.insert(words.end(), way_.options.begin(), way_.options.end());
    return words;
}

sdk::os::Output Openssh::run(std::vector<std::string> words) const
{
    words.insert(words.begin(), way_.prefix.begin(), way_.prefix.end());
    sdk::os::Command command;
    command.argv = std::move(words);
    command.environment = {{"BANGER_HOME", installation_.home()}};
    auto output = sdk::os::run(command);
    EXPECT_TRUE(output) << output.error().message;
    return output ? std::move(*output) : sdk::os::Output();
}

void Openssh::expect_done(const std::vector<std::string>& words) const
{
    const auto output = run(words);
    EXPECT_EQ(output.status, 0) << shell_words(words) << ": " << output.err;
}

}  // namespace banger::e2e
