// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "firecracker_machines.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "banger/sdk/os/file.hpp"
#include "file_changes.hpp"

namespace banger::sdk::testing::on_firecracker {
namespace {

constexpr std::uint64_t disk_bytes = 1U << 20U;
constexpr std::chrono::minutes patience{1};  // as long as a busy host may take

std::string write(const std::string& path, const std::string& content)
{
    const auto wrote = os::write_file_atomic(path, content);
    EXPECT_TRUE(wrote) << wrote.error().message;
    return path;
}

std::string mailbox_of(const Owner& owner)
{
    return owner.directory + "/mailbox.raw";
}

mailbox::Answer answer_in(const std::string& path)
{
    mailbox::Answer answer{};
    const auto file = os::open_file(path, O_RDONLY);
    EXPECT_TRUE(file) << file.error().message;
    EXPECT_EQ(::pread(file->get(), &answer, sizeof answer, mailbox::sector_bytes), sizeof answer);
    return answer;
}

}  // namespace

bool ask(const Owner& owner, mailbox::Verb verb, char byte)
{
    static std::atomic<std::uint64_t> last = 0;
    const mailbox::Ask asked{++last, verb, static_cast<unsigned char>(byte)};
    const std::string path = mailbox_of(owner);
    {
        const auto file = os::open_file(path, O_WRONLY);
        EXPECT_TRUE(file) << file.error().message;
        EXPECT_EQ(::pwrite(file->get(), &asked, sizeof asked, 0), sizeof asked);
    }
    wait_for_change(path, patience, [&] { return answer_in(path).number == asked.number; });
    const auto answer = answer_in(path);
    EXPECT_EQ(answer.number, asked.number) << "the guest does not answer";
    return answer.number == asked.number && answer.done != 0;
}

bool wait_to_hear(const Owner& owner, std::chrono::milliseconds patience,
                  const std::function<bool(const mailbox::Answer&)>& what)
{
    const std::string path = mailbox_of(owner);
    wait_for_change(path, patience, [&] { return what(answer_in(path)); });
    return what(answer_in(path));
}

BootSpec counting_guest(const FakeHost& host)
{
    BootSpec spec;
    spec.owner = host.new_owner();
    spec.kernel = BANGER_FIRECRACKER_GUEST;
    spec.vcpus = 1;
    spec.memory_mib = 32;
    const std::string zeros(disk_bytes, '\0');
    spec.disks = {{"root", write(spec.owner.directory + "/root, first.raw", zeros), "raw", false, disk_bytes},
                  {"mailbox", write(mailbox_of(spec.owner), zeros), "raw", false, disk_bytes}};
    return spec;
}

std::uint64_t counted(const Owner& owner, std::uint64_t after, std::chrono::milliseconds patience)
{
    const std::string path = mailbox_of(owner);
    wait_for_change(path, patience, [&] { return answer_in(path).count > after; });
    const auto count = answer_in(path).count;
    return count > after ? count : 0;
}

// Firecracker's disks are whole files: one that stands over another begins as a copy.
Disk new_top(const BootSpec& spec, const Disk& disk)
{
    Disk top = disk;
    top.path = spec.owner.directory + "/" + FakeHost::random_hex(8) + ".raw";
    const auto content = os::read_file(disk.path);
    EXPECT_TRUE(content) << content.error().message;
    write(top.path, content.value_or(""));
    return top;
}

bool writes(const Handle& machine, const std::string& role, char byte)
{
    return role == "root" && ask(machine.owner, mailbox::Verb::fill, byte);
}

bool reads(const Handle& machine, const std::string& role, char byte)
{
    return role == "root" && ask(machine.owner, mailbox::Verb::look, byte);
}

bool holds(const Disk& disk, char byte)
{
    const auto content = os::read_file(disk.path);
    EXPECT_TRUE(content) << content.error().message;
    return content && content->substr(0, mailbox::block_bytes) == std::string(mailbox::block_bytes, byte);
}

}  // namespace banger::sdk::testing::on_firecracker
