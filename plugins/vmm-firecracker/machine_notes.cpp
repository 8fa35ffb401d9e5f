// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "machine_notes.hpp"

#include <fcntl.h>

#include <cstdio>

#include "banger/sdk/os/file.hpp"

namespace banger::firecracker {
namespace {

using sdk::Result;
namespace os = sdk::os;

constexpr std::size_t longest_note = 65536;
constexpr const char* since_key = "written since";
constexpr const char* limits_key = "disks are limited";

// Whole or not at all for whoever reads it, and without waiting for a disk: a machine may stand still meanwhile.
Result<void> replace(const std::string& path, const std::string& text)
{
    const std::string next = path + ".new";
    auto file = os::open_file(next, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
    if (!file)
        return std::move(file).error();
    if (auto written = os::write_all(file->get(), text); !written)
        return written;
    if (::rename(next.c_str(), path.c_str()) != 0)
        return sdk::os_error("write " + path);
    return {};
}

Result<void> write_machine(const std::string& path, const Noted& noted)
{
    auto facts = noted.shape;
    if (noted.since)
        facts.emplace_back(since_key, *noted.since);
    if (noted.limits_disks)
        facts.emplace_back(limits_key, "yes");
    return replace(path, sdk::to_text(facts));
}

}  // namespace

Result<void> MachineNotes::begin(const Noted& noted) const
{
    auto forgotten = forget_save();
    return forgotten ? write_machine(machine_path(), noted) : forgotten;
}

Result<Noted> MachineNotes::machine() const
{
    auto text = os::read_file(machine_path(), longest_note);
    if (!text)
        return std::move(text).error();
    auto facts = sdk::shape_from_text(*text);
    if (!facts)
        return std::move(facts).error();
    Noted noted;
    for (auto& [what, value] : *facts) {
        if (what == since_key)
            noted.since = std::move(value);
        else if (what == limits_key)
            noted.limits_disks = true;
        else
            noted.shape.emplace_back(std::move(what), std::move(value));
    }
    return noted;
}

Result<void> MachineNotes::note_since(const std::string& since) const
{
    auto noted = machine();
    if (!noted)
        return std::move(noted).error();
    noted->since = since;
    return write_machine(machine_path(), *noted);
}

Result<std::optional<SaveNote>> MachineNotes::save() const
{
    auto text = os::read_file(save_path(), longest_note);
    if (!text && text.error().code == sdk::Code::not_found)
        return std::optional<SaveNote>();
    if (!text)
        return std::move(text).error();
    return std::optional(SaveNote{std::move(*text)});
}

Result<void> MachineNotes::note_save(const SaveNote& save) const
{
    return replace(save_path(), save.directory);
}

Result<void> MachineNotes::forget_save() const
{
    return os::remove_file(save_path());
}

Result<void> MachineNotes::remove() const
{
    auto save_gone = forget_save();
    auto machine_gone = os::remove_file(machine_path());
    return save_gone ? machine_gone : save_gone;
}

}  // namespace banger::firecracker
