// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "registry.hpp"

namespace banger::oci {

/// The layers of an image on their way into the cache: a few at a time, lowest first, while whoever wants them reads
/// those that are here. Destroying it gives up the rest; what has come of them is resumed another time.
class LayerDownloads {
public:
    LayerDownloads(Registry& registry, std::vector<Descriptor> layers, sdk::Call& call);
    ~LayerDownloads();
    LayerDownloads(const LayerDownloads&) = delete;
    LayerDownloads& operator=(const LayerDownloads&) = delete;

    /// Waits for a layer; its path in the cache. The call is told how far all of them are for as long as any moves, also
    /// between two waits.
    sdk::Result<std::string> wait(std::size_t layer);

private:
    class Call;
    struct Layer {
        Descriptor blob;
        std::uint64_t bytes = 0;  // that are here
        bool moves = false;       // and was not here before
        std::optional<std::string> path;
    };
    void work();
    void give_up();
    void arrived(std::size_t layer, std::uint64_t bytes);
    void ended(std::size_t layer, sdk::Result<std::string> path);
    void tell();
    [[nodiscard]] sdk::Progress progress() const;

    Registry& registry_;
    sdk::Call& call_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Layer> layers_;
    std::size_t next_ = 0;
    std::optional<sdk::Error> failure_;
    bool given_up_ = false;
    std::mutex telling_;  // before mutex_: what is told later is newer
    std::chrono::steady_clock::time_point told_;
    sdk::os::UniqueFd gave_up_;
    sdk::os::UniqueFd ended_;  // an epoll(7) descriptor: readable once we gave up, or the call is cancelled
    std::vector<std::jthread> workers_;  // last: use the others
};

}  // namespace banger::oci
