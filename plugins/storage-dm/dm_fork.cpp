// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "dm_fork.hpp"

#include "banger/sdk/os/file.hpp"
#include "device.hpp"
#include "freeze.hpp"
#include "names.hpp"
#include "trial.hpp"

namespace banger::dm {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

class DmFork final : public sdk::NotedFork {
public:
    DmFork(sdk::Host& host, Config config) : NotedFork(host, "dm", std::string(freeze_ending)), config_(config) {}

    Result<sdk::Probe> probe(sdk::Call& /*call*/) override
    {
        return probe_by_trial(host(), "what a snapshot wrote becomes the layer");
    }

    Result<void> destroy(const sdk::Layer& layer) override
    {
        if (auto named = check_layer_path(layer.path); !named)
            return named;
        if (auto facts = facts_of(layer.path)) {
            auto device = device::state_of(layer_name(host().instance(), facts->id));
            if (!device || *device)
                return device ? make_error(Code::busy, "disks that are attached stand on " + layer.path)
                              : std::move(device).error();
        }
        for (const std::string& path : {layer.path, note_path(layer.path)})
            if (auto removed = os::remove_file(path); !removed)
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
        return make_freeze(host(), std::move(*files), owner, layer_path, config_.reserve_bytes);
    }

    Config config_;
};

}  // namespace

std::unique_ptr<sdk::StorageFork> make_storage_fork(sdk::Host& host, Config config)
{
    return std::make_unique<DmFork>(host, config);
}

}  // namespace banger::dm
