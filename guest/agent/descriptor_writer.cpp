// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/descriptor_writer.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>

namespace banger::agent {

DescriptorWriter::DescriptorWriter(EventLoop& loop, sdk::os::UniqueFd fd, std::function<void()> drained)
    : fd_(std::move(fd)), drained_(std::move(drained))
{
    watch_ = loop.watch(fd_.get(), EPOLLOUT, [this](std::uint32_t) { on_writable(); });
}

void DescriptorWriter::close()
{
    watch_.reset();
    if (fd_ && closing_)
        closing_(fd_.get());
    fd_.reset();
    backlog_.clear();
    sent_ = 0;
}

/// Takes what was written off the front. False when the descriptor takes no more now.
bool DescriptorWriter::write_some(std::string_view& bytes)
{
    while (!bytes.empty()) {
        const ssize_t count = ::write(fd_.get(), bytes.data(), bytes.size());
        if (count >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(count));
        } else if (errno == EAGAIN) {
            return false;
        } else if (errno != EINTR) {
            failed_ = true;
            close();
            bytes = {};
        }
    }
    return true;
}

void DescriptorWriter::write(std::string_view bytes)
{
    if (!fd_ || ending_) {
        failed_ = true;
        return;
    }
    if (backlog() == 0)
        write_some(bytes);
    if (fd_)
        backlog_.append(bytes);
}

void DescriptorWriter::end(std::function<void(int)> closing)
{
    ending_ = true;
    closing_ = std::move(closing);
    if (backlog() == 0)
        close();
}

void DescriptorWriter::on_writable()
{
    std::string_view rest = std::string_view(backlog_).substr(sent_);
    if (rest.empty())
        return;
    const bool all = write_some(rest);
    if (all) {
        backlog_.clear();
        sent_ = 0;
        if (ending_)
            close();
    } else {
        sent_ = backlog_.size() - rest.size();
        if (sent_ > backlog_.size() / 2)
            backlog_.erase(0, std::exchange(sent_, 0));
    }
    drained_();
}

}  // namespace banger::agent
