// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/saved_machine.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "banger/sdk/os/file.hpp"

namespace banger::sdk {
namespace {

constexpr std::size_t most_facts = 65536;
constexpr const char* facts = "facts";
constexpr const char* unsealed = "unsealed";

// With its line's end.
Result<std::string> boot_of_the_host()
{
    return os::read_file("/proc/sys/kernel/random/boot_id");
}

}  // namespace

Result<void> SavedMachine::describe(const MachineShape& shape) const
{
    auto boot = boot_of_the_host();
    auto file = os::open_file(path_of(unsealed), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
    if (!boot || !file)
        return std::move(boot ? file.error() : boot.error());
    auto written = os::write_all(file->get(), *boot + to_text(shape));
    if (!written)
        (void)os::remove_file(path_of(unsealed));  // half of it would pass for a finished save
    return written;
}

Result<void> SavedMachine::seal(const Call& call) const
{
    if (os::exists(path_of(facts)))
        return {};
    auto boot = boot_of_the_host();
    auto described = os::read_file(path_of(unsealed), most_facts);
    if (!boot || (!described && described.error().code != Code::not_found))
        return std::move(boot ? described.error() : boot.error());
    if (!described || !described->starts_with(*boot))
        return make_error(Code::not_found, "there is no finished save in " + directory_);
    // Whoever tried again after a loss would be told of none.
    const auto never_seal = [path = path_of(unsealed)] { (void)os::remove_file(path); };
    for (const auto& name : content_) {
        auto file = os::open_file(path_of(name), O_RDONLY);
        if (!file)
            return std::move(file).error();
        if (auto flushed = os::flush_file(std::move(*file), path_of(name), call.cancel_descriptor(), never_seal); !flushed)
            return flushed;
    }
    if (auto wrote = os::write_file_atomic(path_of(facts), described->substr(boot->size())); !wrote)
        return wrote;
    return os::remove_file(path_of(unsealed));
}

Result<MachineShape> SavedMachine::shape() const
{
    auto text = os::read_file(path_of(facts), most_facts);
    if (!text && text.error().code == Code::not_found)
        return make_error(Code::not_found, "there is no sealed save in " + directory_);
    if (!text)
        return std::move(text).error();
    return shape_from_text(*text);
}

Result<void> SavedMachine::remove() const
{
    Result<void> removed;
    for (const auto& name : content_)
        if (auto gone = os::remove_file(path_of(name)); !gone)
            removed = std::move(gone);
    return removed;
}

}  // namespace banger::sdk
