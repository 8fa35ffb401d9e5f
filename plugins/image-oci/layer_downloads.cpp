// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "layer_downloads.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace banger::oci {
namespace {

constexpr std::size_t at_once = 3;  // as Docker has it
constexpr std::chrono::milliseconds between_progress{200};

}  // namespace

/// The caller's, for one worker: it also ends when nobody wants the layers any more. Progress is told by who waits.
class LayerDownloads::Call : public sdk::Call {
public:
    explicit Call(LayerDownloads& downloads) : downloads_(downloads) {}

    [[nodiscard]] bool cancelled() const override
    {
        const std::lock_guard lock(downloads_.mutex_);
        return downloads_.given_up_ || downloads_.call_.cancelled();
    }
    [[nodiscard]] int cancel_descriptor() const override { return downloads_.call_.cancel_descriptor(); }
    void progress(const sdk::Progress& /*progress*/) override {}
    void warn(const std::string& message) override { downloads_.call_.warn(message); }

private:
    LayerDownloads& downloads_;
};

LayerDownloads::LayerDownloads(Registry& registry, std::vector<Descriptor> layers, sdk::Call& call)
    : registry_(registry), call_(call)
{
    for (auto& layer : layers)
        layers_.push_back({std::move(layer), 0, {}});
    for (std::size_t i = 0; i < std::min(at_once, layers_.size()); ++i)
        workers_.emplace_back([this] { work(); });
}

LayerDownloads::~LayerDownloads()
{
    const std::lock_guard lock(mutex_);
    given_up_ = true;
}

void LayerDownloads::work()
{
    Call call(*this);
    for (;;) {
        std::size_t mine = 0;
        {
            const std::lock_guard lock(mutex_);
            if (given_up_ || next_ == layers_.size())
                return;
            mine = next_++;
        }
        auto path = registry_.blob(layers_[mine].blob, call, [this, mine](std::uint64_t bytes) {
            const std::lock_guard lock(mutex_);
            layers_[mine].bytes = bytes;
        });
        const std::lock_guard lock(mutex_);
        layers_[mine].bytes = path ? layers_[mine].blob.size : layers_[mine].bytes;
        if (path)
            layers_[mine].path = std::move(*path);
        else if (!failure_)  // those of the others only follow from the first
            failure_ = std::move(path).error();
        given_up_ |= failure_.has_value();
        changed_.notify_all();
    }
}

// A layer's number and size say what is waited for; the bytes are those of all, so that a time can be told from them.
void LayerDownloads::tell(std::unique_lock<std::mutex>& lock, std::size_t layer)
{
    sdk::Progress progress{
        "download layer " + std::to_string(layer + 1) + " of " + std::to_string(layers_.size()), 0, 0, "bytes"};
    for (const auto& each : layers_) {
        progress.done += each.bytes;
        progress.total += each.blob.size;
    }
    lock.unlock();
    call_.progress(progress);
    lock.lock();
}

sdk::Result<std::string> LayerDownloads::wait(std::size_t layer)
{
    std::unique_lock lock(mutex_);
    while (!layers_[layer].path) {
        if (failure_)
            return *failure_;
        tell(lock, layer);
        changed_.wait_for(lock, between_progress);
    }
    return *layers_[layer].path;
}

}  // namespace banger::oci
