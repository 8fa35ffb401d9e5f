// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "file_fork.hpp"

#include "banger/sdk/os/file.hpp"
#include "freeze.hpp"
#include "reflink.hpp"

namespace banger::file {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

class FileFork final : public sdk::StorageFork {
public:
    explicit FileFork(sdk::Host& host) : host_(host) {}

    Result<sdk::Probe> probe(sdk::Call& /*call*/) override
    {
        const std::string directory = host_.vms_directory();
        const bool overlays = os::tells_writers(directory);
        const bool clones = can_clone(directory, directory);
        sdk::Probe probe;
        probe.usable = overlays || clones;
        probe.reason = overlays && clones ? "an overlay becomes the layer, a raw disk is cloned"
                       : overlays         ? "an overlay becomes the layer"
                       : clones           ? "a raw disk is cloned"
                                          : directory + " neither tells who writes a file nor lets files share blocks";
        if (!probe.usable)
            probe.hint = "keep banger's state on a local file system";
        return probe;
    }

    Result<std::vector<sdk::Handle>> plan(const sdk::FreezeSpec& spec) override
    {
        if (auto files = DiskFiles::of(spec.disk.owner, spec.disk.role); !files)
            return std::move(files).error();
        return std::vector{handle_of(spec.disk.owner, spec.disk.role, {})};
    }

    Result<sdk::Attached<sdk::Freeze>> attach(const sdk::FreezeSpec& spec, sdk::Call& call) override
    {
        auto files = DiskFiles::of(spec.disk.owner, spec.disk.role);
        if (!files)
            return std::move(files).error();
        if (auto named = check_path(spec.layer_path); !named)
            return std::move(named).error();
        auto other = FreezeUnderWay::find(*files);
        if (!other)
            return std::move(other).error();
        if (*other)
            return make_error(Code::busy, "disk '" + spec.disk.role + "' is being frozen already");
        if (os::exists(spec.layer_path))
            return make_error(Code::exists, "there is a layer already: " + spec.layer_path);
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        auto begun = FreezeUnderWay::begin(*files, spec, call);
        if (!begun)
            return std::move(begun).error().while_doing("freeze disk '" + spec.disk.role + "'");
        return sdk::Attached<sdk::Freeze>{std::move(*begun),
                                          handle_of(spec.disk.owner, spec.disk.role, {{"layer", spec.layer_path}})};
    }

    Result<sdk::Layer> commit(const sdk::Handle& handle) override
    {
        auto freeze = find(handle);
        if (!freeze)
            return std::move(freeze).error();
        if (!*freeze)
            return make_error(Code::not_found, "disk '" + handle.key + "' is not being frozen");
        return (*freeze)->commit();
    }

    Result<void> release(const sdk::Handle& handle) override
    {
        auto freeze = find(handle);
        if (!freeze)
            return std::move(freeze).error();
        return *freeze ? (*freeze)->release() : Result<void>();
    }

    Result<sdk::Inspection> inspect(const sdk::Handle& handle) override
    {
        auto freeze = find(handle);
        if (!freeze)
            return std::move(freeze).error();
        if (!*freeze)
            return sdk::Inspection{};
        auto frozen = (*freeze)->is_frozen();
        if (!frozen)
            return std::move(frozen).error();
        return sdk::Inspection{true, {{"layer", (*freeze)->layer_path()}, {"frozen", *frozen ? "yes" : "no"}}};
    }

    Result<std::vector<sdk::Handle>> list() override
    {
        std::vector<sdk::Handle> handles;
        constexpr std::string_view note = ".freeze";
        const auto vms = names_in(host_.vms_directory());
        if (!vms)
            return vms.error();
        for (const auto& vm : *vms) {
            const sdk::Owner owner{host_.instance(), vm, host_.vms_directory() + "/" + vm};
            const auto names = names_in(owner.directory);
            if (!names)
                return names.error();
            for (const auto& name : *names)
                if (name.ends_with(note))
                    handles.push_back(handle_of(owner, name.substr(0, name.size() - note.size()), {}));
        }
        return handles;
    }

    Result<void> destroy(const sdk::Layer& layer) override
    {
        if (auto named = check_path(layer.path); !named)
            return named;
        auto written = os::is_written(layer.path);
        if (written ? *written : written.error().code != Code::unsupported)
            return written ? make_error(Code::busy, "somebody writes to " + layer.path) : std::move(written).error();
        if (auto removed = os::remove_file(layer.path); !removed)
            return removed;
        return {};
    }

private:
    static Result<void> check_path(const std::string& path)
    {
        if (!path.starts_with('/') || path.ends_with(".new"))
            return make_error(Code::invalid, "'" + path + "' cannot be the path of a layer",
                              "it must be absolute, and not end as half-made files do");
        return {};
    }

    // None in what is no directory, or is gone. One that cannot be read may hold any.
    static Result<std::vector<std::string>> names_in(const std::string& directory)
    {
        auto names = os::list_directory(directory);
        if (!names && names.error().code == Code::not_found)
            return std::vector<std::string>();
        return names;
    }

    static Result<std::optional<FreezeUnderWay>> find(const sdk::Handle& handle)
    {
        auto files = DiskFiles::of(handle.owner, handle.key);
        if (!files)
            return std::move(files).error();
        return FreezeUnderWay::find(*files);
    }

    static sdk::Handle handle_of(const sdk::Owner& owner, const std::string& role, sdk::Fields bound)
    {
        return {"storage.fork/0", "file", role, owner, std::move(bound)};
    }

    sdk::Host& host_;
};

}  // namespace

std::unique_ptr<sdk::StorageFork> make_storage_fork(sdk::Host& host)
{
    return std::make_unique<FileFork>(host);
}

}  // namespace banger::file
