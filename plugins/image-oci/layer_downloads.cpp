// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "layer_downloads.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

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
    [[nodiscard]] int cancel_descriptor() const override { return downloads_.ended_.get(); }
    void progress(const sdk::Progress& /*progress*/) override {}
    void warn(const std::string& message) override { downloads_.call_.warn(message); }

private:
    LayerDownloads& downloads_;
};

LayerDownloads::LayerDownloads(Registry& registry, std::vector<Descriptor> layers, sdk::Call& call)
    : registry_(registry), call_(call), gave_up_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      ended_(::epoll_create1(EPOLL_CLOEXEC))
{
    for (const int watched : {call.cancel_descriptor(), gave_up_.get()}) {
        epoll_event event{};
        event.events = EPOLLIN;
        if (watched >= 0)
            ::epoll_ctl(ended_.get(), EPOLL_CTL_ADD, watched, &event);
    }
    for (auto& layer : layers)
        layers_.push_back({std::move(layer), 0, {}});
    for (std::size_t i = 0; i < std::min(at_once, layers_.size()); ++i)
        workers_.emplace_back([this] { work(); });
}

LayerDownloads::~LayerDownloads()
{
    const std::lock_guard lock(mutex_);
    give_up();
}

// With the mutex held.
void LayerDownloads::give_up()
{
    given_up_ = true;
    ::eventfd_write(gave_up_.get(), 1);
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
        if (failure_)
            give_up();
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
