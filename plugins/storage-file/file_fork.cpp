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

class FileFork final : public sdk::NotedFork {
public:
    explicit FileFork(sdk::Host& host) : NotedFork(host, "file", std::string(freeze_ending)) {}

    Result<sdk::Probe> probe(sdk::Call& /*call*/) override
    {
        const std::string directory = host().vms_directory();
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

    Result<void> destroy(const sdk::Layer& layer) override
    {
        if (auto named = check_layer_path(layer.path); !named)
            return named;
        auto written = os::is_written(layer.path);
        if (written ? *written : written.error().code != Code::unsupported)
            return written ? make_error(Code::busy, "somebody writes to " + layer.path) : std::move(written).error();
        if (auto removed = os::remove_file(layer.path); !removed)
            return removed;
        return {};
    }

private:
    Result<std::unique_ptr<sdk::DiskFreeze>> freeze_of(const sdk::Owner& owner, const std::string& role,
                                                       const std::string& layer_path) override
    {
        auto files = DiskFiles::of(owner, role);
        if (!files)
            return std::move(files).error();
        return make_freeze(std::move(*files), layer_path);
    }
};

}  // namespace

std::unique_ptr<sdk::StorageFork> make_storage_fork(sdk::Host& host)
{
    return std::make_unique<FileFork>(host);
}

}  // namespace banger::file
