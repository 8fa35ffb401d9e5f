// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "disk_files.hpp"

#include <cstdio>

#include "banger/sdk/os/file.hpp"
#include "cow_file.hpp"

namespace banger::dm {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

}  // namespace

Result<DiskFiles> DiskFiles::of(const sdk::Owner& owner, const std::string& role)
{
    auto tops = sdk::DiskTops::of(owner.directory, role, ".cow");
    if (!tops)
        return std::move(tops).error();
    auto notes = sdk::DiskTops::of(owner.directory, role, note_path(".cow"));
    if (!notes)
        return std::move(notes).error();
    return DiskFiles(owner.directory, role, std::move(*tops), std::move(*notes));
}

Result<DiskFiles::Top> DiskFiles::open() const
{
    const auto all = tops_.list();
    if (!all && all.error().code != Code::not_found)
        return all.error();
    if (!all || all->empty())
        return make_error(Code::not_found, "disk '" + role_ + "' was never made, or its data is gone: there is no " +
                                               tops_.first());
    const std::string& cow = all->back().path;
    if (auto valid = cow::validity_of(cow); !valid)
        return std::move(valid).error();
    auto note = read_note(cow);
    if (!note && note.error().code == Code::not_found)
        return make_error(Code::corrupt, "nothing says what disk '" + role_ + "' stands on: there is no " + note_path(cow));
    if (!note)
        return std::move(note).error();
    return Top{cow, std::move(*note)};
}

Result<void> DiskFiles::make(const std::string& cow, std::uint64_t bytes, const sdk::Layer& layer) const
{
    auto id = draw_id();
    if (!id)
        return std::move(id).error();
    auto mark = mark_of(layer);
    if (!mark)
        return std::move(mark).error();
    if (auto made = cow::make(unfinished(), bytes); !made)
        return made;
    if (auto noted = write_note(cow, {std::move(*id), bytes, std::move(*mark), layer}); !noted)
        return noted;
    if (::rename(unfinished().c_str(), cow.c_str()) != 0)
        return sdk::os_error("make " + cow);
    return os::sync_directory(directory_);
}

Result<void> DiskFiles::grow(Top& top, std::uint64_t bytes)
{
    if (auto grown = cow::grow(top.cow, bytes); !grown)
        return grown;
    top.note.bytes = bytes;
    return write_note(top.cow, top.note);
}

Result<std::vector<std::string>> DiskFiles::existing() const
{
    std::vector<std::string> paths{unfinished(), freeze(), freeze() + ".new"};
    std::erase_if(paths, [](const std::string& path) { return !os::exists(path); });
    for (const auto* kind : {&tops_, &notes_}) {
        const auto all = kind->list();
        if (!all && all.error().code == Code::not_found)
            return paths;
        if (!all)
            return all.error();
        for (const auto& one : *all)
            paths.push_back(one.path);
    }
    return paths;
}

Result<void> DiskFiles::remove() const
{
    const auto paths = existing();
    if (!paths)
        return paths.error();
    for (const std::string& path : *paths)
        if (auto removed = os::remove_file(path); !removed)
            return removed;
    return {};
}

}  // namespace banger::dm
