// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/unit/workspace/repositories.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <thread>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "cli/workspace/export.hpp"
#include "guest/tree/unpacker.hpp"

namespace banger::workspace {
namespace {

namespace fs = std::filesystem;
using sdk::os::UniqueFd;

// Everything that could change, times of the index included. What git itself marks as used when anything reads it
// counts by name and content, not by its time: the shared part of a split index, trees that a sparse index stands on.
constexpr const char* snapshot = R"(find . -type f \( -path './.git/objects/*' -o -name 'sharedindex.*' \) \
    -printf '%p %y %m %s\n' -o -printf '%p %y %m %s %i %T@ %C@ %l\n' | LC_ALL=C sort
find . -type f -exec sha256sum {} + | LC_ALL=C sort)";

}  // namespace

void Repositories::SetUp()
{
    fs::create_directories(host);
    fs::create_directories(place + "/home");
    ::setenv("HOME", (place + "/home").c_str(), 1);
    ::setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    ::unsetenv("XDG_CONFIG_HOME");
    sh(place, R"(git config --global user.name 'A. Developer'
git config --global user.email dev@example.org
git config --global protocol.file.allow always
git config --global advice.detachedHead false)");
}

std::string Repositories::sh(const std::string& directory, const std::string& script,
                             const std::vector<std::string>& arguments)
{
    sdk::os::Command command;
    command.argv = {"sh", "-ec", script, "sh"};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    command.directory = directory;
    auto output = sdk::os::run(command);
    EXPECT_TRUE(output) << output.error().message;
    if (!output)
        return {};
    EXPECT_EQ(output->status, 0) << script << '\n' << output->out << output->err;
    return output->out;
}

sdk::Result<Repositories::Sent> Repositories::try_send(const CheckoutOptions& options, const std::string& path,
                                                       const std::function<void()>& meanwhile, Moment moment)
{
    fs::remove_all(guest);
    fs::create_directory(guest);
    auto before = sh(host, snapshot);
    auto checkout = Checkout::plan(place + "/" + path, options, -1);
    if (!checkout)
        return std::move(checkout).error();
    if (auto staged = checkout->stage(); !staged)
        return std::move(staged).error();
    const auto interfere = [&] {
        EXPECT_EQ(sh(host, snapshot), before);
        meanwhile();
        before = sh(host, snapshot);
    };
    if (meanwhile && moment == Moment::staged)
        interfere();
    if (auto renewed = checkout->renew(); !renewed)
        return std::move(renewed).error();
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd from(ends[0]);
    sdk::Result<tree::Unpacked> unpacked = tree::Unpacked{};
    std::thread other([&] {
        const UniqueFd to(::open(guest.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        tree::DescriptorInput stream(from.get());
        unpacked = tree::unpack(stream, to.get(), ".");
    });
    Sent sent;
    tree::PackEvents events;
    events.on_changed = [&](const std::string& name) { sent.changed.push_back(name); };
    bool is_due = moment != Moment::staged;
    events.on_progress = [&](std::uint64_t /*bytes*/) {
        if (std::exchange(is_due, is_due && moment == Moment::always))
            interfere();
    };
    events.on_skipped = [&](const std::string& name, std::string_view what) {
        sent.skipped.push_back(name + ": " + std::string(what));
    };
    sdk::Result<void> packed;
    {
        const UniqueFd to(ends[1]);
        tree::Packer packer(to.get(), events);
        packed = checkout->pack(packer, sent.changed);
        if (packed)
            packed = packer.finish();
    }
    other.join();
    EXPECT_EQ(sh(host, snapshot), before) << "the host's repository was written to";
    if (!packed)
        return std::move(packed).error();
    if (!unpacked)
        return std::move(unpacked).error();
    if (checkout->repository().is_git && !options.files_only && sent.changed.empty()) {
        EXPECT_EQ(sh(guest, "git fsck --no-dangling --no-progress 2>&1 | grep -v '^notice: ' || :"), "");
        EXPECT_EQ(sh(guest, "git rev-parse refs/banger/base"), checkout->base() + "\n");
        EXPECT_EQ(exported(), "") << "nothing was done there yet";
        EXPECT_EQ(said(), "");
    }
    return sent;
}

Repositories::Sent Repositories::send(const CheckoutOptions& options, const std::string& path)
{
    auto sent = try_send(options, path);
    EXPECT_TRUE(sent) << sent.error().message;
    return sent ? *sent : Sent{};
}

sdk::Error Repositories::refused(const CheckoutOptions& options, const std::string& path)
{
    auto sent = try_send(options, path);
    EXPECT_FALSE(sent);
    return sent ? sdk::make_error(sdk::Code::internal, "it went") : std::move(sent).error();
}

std::string Repositories::exported(const std::string& base)
{
    sdk::os::Command command;
    command.argv = patch_command({"", guest, base});
    auto output = sdk::os::run(command);
    EXPECT_TRUE(output) << output.error().message;
    if (!output)
        return {};
    EXPECT_EQ(output->status, 0) << output->err;
    said_ = output->err;
    return output->out;
}

void Repositories::expect_round_trip()
{
    const std::string index = sh(guest, "sha256sum .git/index; stat -c %y .git/index");
    const std::string file = place + "/patch";
    ASSERT_TRUE(sdk::os::write_file_atomic(file, exported()));
    EXPECT_EQ(sh(guest, "sha256sum .git/index; stat -c %y .git/index"), index);
    EXPECT_EQ(sh(guest, "find . -name 'banger-export*'"), "");
    sh(host, "git apply --whitespace=nowarn \"$1\" 2>&1", {file});
    EXPECT_EQ(tree_of(host), tree_of(guest));
}

std::string Repositories::tree_of(const std::string& directory)
{
    return sh(directory, R"(find . -name .git -prune -o ! -type d -printf '%p %y %m %l\n' | LC_ALL=C sort
find . -name .git -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum)");
}

std::string Repositories::changes_in(const std::string& directory)
{
    return sh(directory, R"(export GIT_OPTIONAL_LOCKS=0
git rev-parse -q --verify HEAD >/dev/null && git diff --no-renames --name-status HEAD
git ls-files -t -o --exclude-standard)");
}

void Repositories::make_repository(const std::string& git_init)
{
    sh(host, git_init + R"(
mkdir -p src/deep
echo one >file; echo two >src/deep/file; printf '#!/bin/sh\necho ran\n' >program; chmod +x program
ln -s src/deep/file link; ln -s /nowhere dangling; printf '\000\001\377' >binary
printf '*.o\n' >.gitignore
git add -A && git commit -qm first
echo more >>file; git commit -qam second
git remote add origin https://example.org/shop.git
touch -d '2 hours ago' file src/deep/file program binary .gitignore && git status >/dev/null)");
}

bool mount_small(const std::string& path, const std::string& size)
{
    return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           ::mount("none", path.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
}

}  // namespace banger::workspace
