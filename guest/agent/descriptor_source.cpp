// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/descriptor_source.hpp"

#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace banger::agent {

DescriptorSource::DescriptorSource(EventLoop& loop, sdk::os::UniqueFd fd, std::function<void()> readable)
    : fd_(std::move(fd)), readable_(std::move(readable))
{
    watch_ = loop.watch(fd_.get(), EPOLLIN, [this](std::uint32_t) {
        if (!std::exchange(may_read_, true))
            readable_();
    });
}

void DescriptorSource::close()
{
    watch_.reset();
    fd_.reset();
}

std::size_t DescriptorSource::read(std::span<char> room)
{
    while (fd_ && may_read_) {
        if (left_ && *left_ == 0) {
            close();
            return 0;
        }
        const auto count = ::read(fd_.get(), room.data(), left_ ? std::min(room.size(), *left_) : room.size());
        if (count > 0) {
            if (left_)
                *left_ -= static_cast<std::size_t>(count);
            return static_cast<std::size_t>(count);
        }
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN && !left_) {
            may_read_ = false;
            return 0;
        }
        failure_ = count < 0 ? errno : 0;
        close();  // its end, EIO from a terminal without users, or less there than promised
    }
    return 0;
}

void DescriptorSource::stop_after_present()
{
    int present = 0;
    if (!fd_ || ioctl(fd_.get(), FIONREAD, &present) != 0)
        return close();
    left_ = static_cast<std::size_t>(present);
    may_read_ = true;
}

}  // namespace banger::agent
