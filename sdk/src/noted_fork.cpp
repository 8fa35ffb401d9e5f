// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/noted_fork.hpp"

#include <utility>

#include "banger/sdk/os/file.hpp"

namespace banger::sdk {

Result<void> NotedFork::check_layer_path(const std::string& path)
{
    if (!path.starts_with('/') || path.ends_with(".new"))
        return make_error(Code::invalid, "'" + path + "' cannot be the path of a layer",
                          "it must be absolute, and not end as half-made files do");
    return {};
}

std::string NotedFork::path_of_note(const Owner& owner, const std::string& role) const
{
    return owner.directory + "/" + role + ending_;
}

Handle NotedFork::handle_of(const Owner& owner, const std::string& role, Fields bound) const
{
    return {"storage.fork/0", provider_, role, owner, std::move(bound)};
}

Result<std::optional<NotedFork::UnderWay>> NotedFork::find(const Handle& handle)
{
    const std::string path = path_of_note(handle.owner, handle.key);
    auto note = read_freeze_note(path);
    if (!note)
        return std::move(note).error();
    auto freeze = freeze_of(handle.owner, handle.key, *note ? (*note)->layer_path : std::string());
    if (!freeze)
        return std::move(freeze).error();
    if (!*note)
        return std::optional<UnderWay>();
    return std::optional(UnderWay{path, std::move(**note), std::move(*freeze)});
}

Result<std::vector<Handle>> NotedFork::plan(const FreezeSpec& spec)
{
    if (auto freeze = freeze_of(spec.disk.owner, spec.disk.role, spec.layer_path); !freeze)
        return std::move(freeze).error();
    return std::vector{handle_of(spec.disk.owner, spec.disk.role, {})};
}

Result<Attached<Freeze>> NotedFork::attach(const FreezeSpec& spec, Call& call)
{
    const Owner& owner = spec.disk.owner;
    const std::string& role = spec.disk.role;
    auto freeze = freeze_of(owner, role, spec.layer_path);
    if (!freeze)
        return std::move(freeze).error();
    if (auto named = check_layer_path(spec.layer_path); !named)
        return std::move(named).error();
    auto other = read_freeze_note(path_of_note(owner, role));
    if (!other)
        return std::move(other).error();
    if (*other)
        return make_error(Code::busy, "disk '" + role + "' is being frozen already");
    if (os::exists(spec.layer_path))
        return make_error(Code::exists, "there is a layer already: " + spec.layer_path);
    if (call.cancelled())
        return make_error(Code::cancelled, "cancelled");
    UnderWay under_way{path_of_note(owner, role), {spec.layer_path, false}, std::move(*freeze)};
    auto begun = begin(under_way, spec, call);
    if (!begun)
        return std::move(begun).error().while_doing("freeze disk '" + role + "'");
    return Attached<Freeze>{std::move(*begun), handle_of(owner, role, {{"layer", spec.layer_path}})};
}

Result<Freeze> NotedFork::begin(UnderWay& under_way, const FreezeSpec& spec, const Call& call)
{
    if (auto possible = under_way.freeze->check(spec, call); !possible)
        return std::move(possible).error();
    if (auto noted = write_freeze_note(under_way.note_path, under_way.note); !noted)
        return std::move(noted).error();
    auto ready = under_way.freeze->prepare();
    if (!ready)
        (void)undo(under_way);
    return ready;
}

Result<Layer> NotedFork::commit(const Handle& handle)
{
    auto under_way = find(handle);
    if (!under_way)
        return std::move(under_way).error();
    if (!*under_way)
        return make_error(Code::not_found, "disk '" + handle.key + "' is not being frozen");
    return seal(**under_way);
}

Result<Layer> NotedFork::seal(UnderWay& under_way)
{
    if (!under_way.note.frozen) {
        if (auto sealed = under_way.freeze->seal(); !sealed)
            return std::move(sealed).error();
        under_way.note.frozen = true;
        if (auto noted = write_freeze_note(under_way.note_path, under_way.note); !noted)
            return std::move(noted).error();
    }
    return under_way.freeze->layer();
}

Result<bool> NotedFork::is_frozen(UnderWay& under_way)
{
    return under_way.note.frozen ? Result<bool>(true) : under_way.freeze->has_happened();
}

Result<void> NotedFork::release(const Handle& handle)
{
    auto under_way = find(handle);
    if (!under_way)
        return std::move(under_way).error();
    if (!*under_way)
        return {};
    auto frozen = is_frozen(**under_way);
    if (!frozen)
        return std::move(frozen).error();
    if (!*frozen)
        return undo(**under_way);
    if (auto layer = seal(**under_way); !layer)
        return std::move(layer).error();
    return remove_freeze_note((*under_way)->note_path);
}

Result<void> NotedFork::undo(UnderWay& under_way)
{
    const auto names = under_way.freeze->undo();
    if (!names)
        return names.error();
    for (const std::string& name : *names)
        if (auto removed = os::remove_file(name); !removed)
            return removed;
    // Before the note goes: a name that came back with the host's next boot would be nobody's, and pass for a layer.
    const std::string& layer = under_way.note.layer_path;
    auto synced = os::sync_directory(layer.substr(0, layer.rfind('/')));
    if (!synced && synced.error().code != Code::not_found)
        return synced;
    return remove_freeze_note(under_way.note_path);
}

Result<Inspection> NotedFork::inspect(const Handle& handle)
{
    auto under_way = find(handle);
    if (!under_way)
        return std::move(under_way).error();
    if (!*under_way)
        return Inspection{};
    auto frozen = is_frozen(**under_way);
    if (!frozen)
        return std::move(frozen).error();
    return Inspection{true, {{"layer", (*under_way)->note.layer_path}, {"frozen", *frozen ? "yes" : "no"}}};
}

Result<std::vector<Handle>> NotedFork::list()
{
    const auto notes = find_freeze_notes(host_.vms_directory(), ending_);
    if (!notes)
        return notes.error();
    std::vector<Handle> handles;
    for (const auto& [vm, role] : *notes)
        handles.push_back(handle_of({host_.instance(), vm, host_.vms_directory() + "/" + vm}, role, {}));
    return handles;
}

}  // namespace banger::sdk
