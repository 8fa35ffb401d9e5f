// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "saved_machine.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"

namespace banger::qemu {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

constexpr std::size_t most_facts = 65536;

// With its line's end.
Result<std::string> boot_of_the_host()
{
    return os::read_file("/proc/sys/kernel/random/boot_id");
}

}  // namespace

Result<os::UniqueFd> SavedMachine::create() const
{
    return os::open_file(stream(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
}

Result<os::UniqueFd> SavedMachine::open() const
{
    return os::open_file(stream(), O_RDONLY);
}

Result<os::UniqueFd> SavedMachine::reopen() const
{
    return os::open_file(stream(), O_RDWR);
}

Result<bool> SavedMachine::is_written_by(pid_t pid) const
{
    return os::has_open(pid, stream());
}

Result<void> SavedMachine::describe(const MachineShape& shape) const
{
    auto boot = boot_of_the_host();
    auto file = os::open_file(unsealed(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
    if (!boot || !file)
        return std::move(boot ? file.error() : boot.error());
    auto written = os::write_all(file->get(), *boot + to_text(shape));
    if (!written)
        (void)os::remove_file(unsealed());  // half of it would pass for a finished save
    return written;
}

Result<void> SavedMachine::seal(const sdk::Call& call) const
{
    if (os::exists(facts()))
        return {};
    auto boot = boot_of_the_host();
    auto described = os::read_file(unsealed(), most_facts);
    if (!boot || (!described && described.error().code != Code::not_found))
        return std::move(boot ? described.error() : boot.error());
    if (!described || !described->starts_with(*boot))
        return make_error(Code::not_found, "there is no finished save in " + directory_);
    auto file = open();
    if (!file)
        return std::move(file).error();
    // Whoever tried again after a loss would be told of none.
    const auto never_seal = [path = unsealed()] { (void)os::remove_file(path); };
    if (auto flushed = os::flush_file(std::move(*file), stream(), call.cancel_descriptor(), never_seal); !flushed)
        return flushed;
    if (auto wrote = os::write_file_atomic(facts(), described->substr(boot->size())); !wrote)
        return wrote;
    return os::remove_file(unsealed());
}

Result<MachineShape> SavedMachine::shape() const
{
    auto text = os::read_file(facts(), most_facts);
    if (!text && text.error().code == Code::not_found)
        return make_error(Code::not_found, "there is no sealed save in " + directory_);
    if (!text)
        return std::move(text).error();
    return shape_from_text(*text);
}

Result<void> SavedMachine::remove() const
{
    return os::remove_file(stream());
}

}  // namespace banger::qemu
