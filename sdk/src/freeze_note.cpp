// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/freeze_note.hpp"

#include <string_view>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/plain_file.hpp"

namespace banger::sdk {
namespace {

constexpr std::string_view begun = "begun\n";
constexpr std::string_view frozen = "frozen\n";
constexpr std::size_t longest_note = 8192;

// None in what is no directory, or is gone.
Result<std::vector<std::string>> names_in(const std::string& directory)
{
    auto names = os::list_directory(directory);
    if (!names && names.error().code == Code::not_found)
        return std::vector<std::string>();
    return names;
}

}  // namespace

Result<std::optional<FreezeNote>> read_freeze_note(const std::string& path)
{
    auto text = os::read_plain_file(path, longest_note);
    if (!text && text.error().code == Code::not_found)
        return std::optional<FreezeNote>();
    if (!text)
        return std::move(text).error();
    for (const auto& [line, is_frozen] : {std::pair(begun, false), std::pair(frozen, true)})
        if (text->starts_with(line) && text->size() > line.size())
            return std::optional(FreezeNote{text->substr(line.size()), is_frozen});
    return make_error(Code::corrupt, path + " does not say which freeze is under way");
}

Result<void> write_freeze_note(const std::string& path, const FreezeNote& note)
{
    return os::write_file_atomic(path, std::string(note.frozen ? frozen : begun) + note.layer_path);
}

Result<void> remove_freeze_note(const std::string& path)
{
    if (auto removed = os::remove_file(path); !removed)
        return removed;
    return os::sync_directory(path.substr(0, path.rfind('/')));
}

Result<std::vector<FoundFreeze>> find_freeze_notes(const std::string& vms_directory, std::string_view ending)
{
    const auto vms = names_in(vms_directory);
    if (!vms)
        return vms.error();
    std::vector<FoundFreeze> found;
    for (const auto& vm : *vms) {
        const auto names = names_in(vms_directory + "/" + vm);
        if (!names)
            return names.error();
        for (const auto& name : *names)
            if (name.ends_with(ending))
                found.push_back({vm, name.substr(0, name.size() - ending.size())});
    }
    return found;
}

}  // namespace banger::sdk
