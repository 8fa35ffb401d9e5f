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
constexpr std::size_t told_digits = 12;  // of a digest, as Docker has it
constexpr std::size_t most_told = 128;   // as many layers as Docker makes; a hostile list of them is told as a sum

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
        layers_.push_back({std::move(layer), 0, false, {}});
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
        ended(mine, registry_.blob(layers_[mine].blob, call, [this, mine](std::uint64_t bytes) { arrived(mine, bytes); }));
    }
}

void LayerDownloads::arrived(std::size_t layer, std::uint64_t bytes)
{
    {
        const std::lock_guard lock(mutex_);
        layers_[layer].bytes = bytes;
        layers_[layer].moves = true;
        const auto now = std::chrono::steady_clock::now();
        if (now - told_ < between_progress)
            return;
        told_ = now;
    }
    tell();
}

void LayerDownloads::ended(std::size_t layer, sdk::Result<std::string> path)
{
    bool moved = false;
    {
        const std::lock_guard lock(mutex_);
        auto& mine = layers_[layer];
        if (path) {
            mine.bytes = mine.blob.size;
            mine.path = std::move(*path);
            // A layer that was here already is news only beside those that had to come.
            moved = std::any_of(layers_.begin(), layers_.end(), [](const Layer& each) { return each.moves; });
        } else if (!failure_) {  // those of the others only follow from the first
            failure_ = std::move(path).error();
        }
        if (failure_)
            give_up();
        changed_.notify_all();
    }
    if (moved)
        tell();
}

// With the mutex held.
sdk::Progress LayerDownloads::progress() const
{
    const auto count = layers_.size();
    sdk::Progress progress{"download " + std::to_string(count) + (count == 1 ? " layer" : " layers"), 0, 0, "bytes"};
    for (const auto& each : layers_) {
        const auto digits = each.blob.digest.substr(each.blob.digest.find(':') + 1);
        if (count <= most_told)
            progress.parts.push_back({digits.substr(0, told_digits), each.bytes, each.blob.size});
        progress.done += each.bytes;
        progress.total += each.blob.size;
    }
    return progress;
}

void LayerDownloads::tell()
{
    const std::lock_guard turn(telling_);
    std::unique_lock lock(mutex_);
    const auto now = progress();
    lock.unlock();
    call_.progress(now);
}

sdk::Result<std::string> LayerDownloads::wait(std::size_t layer)
{
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return layers_[layer].path || failure_; });
    if (!layers_[layer].path)
        return *failure_;
    return *layers_[layer].path;
}

}  // namespace banger::oci
