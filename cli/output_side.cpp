// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/output_side.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <climits>
#include <limits>

namespace banger::cli {

OutputSide::OutputSide(int descriptor) : descriptor_(descriptor), most_at_once_(std::numeric_limits<std::size_t>::max())
{
    struct stat status {};
    if (::fstat(descriptor, &status) != 0 || S_ISREG(status.st_mode) || S_ISBLK(status.st_mode))
        return;
    socket_ = S_ISSOCK(status.st_mode);
    if (socket_)
        return;
    const std::string again = "/proc/self/fd/" + std::to_string(descriptor);
    own_.reset(::open(again.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    if (own_)
        descriptor_ = own_.get();
    else
        most_at_once_ = PIPE_BUF;  // poll(2) promises no more room than that
}

std::string_view OutputSide::write_some(std::string_view bytes)
{
    while (!bytes.empty()) {
        if (!own_ && !socket_ && most_at_once_ == PIPE_BUF) {
            pollfd room{descriptor_, POLLOUT, 0};
            if (::poll(&room, 1, 0) == 0)
                return bytes;
        }
        const std::size_t size = std::min(bytes.size(), most_at_once_);
        const ssize_t wrote = socket_ ? ::send(descriptor_, bytes.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL)
                                      : ::write(descriptor_, bytes.data(), size);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0 && errno == EAGAIN)
            return bytes;
        if (wrote < 0) {
            failure_ = errno;
            return {};
        }
        bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return bytes;
}

void OutputSide::write(std::string_view bytes)
{
    if (failure_ != 0)
        return;
    if (waiting() == 0)
        bytes = write_some(bytes);
    waiting_.append(bytes);
}

void OutputSide::flush()
{
    const std::string_view rest = write_some(std::string_view(waiting_).substr(sent_));
    sent_ = waiting_.size() - rest.size();
    if (rest.empty()) {
        waiting_.clear();
        sent_ = 0;
    }
}

}  // namespace banger::cli
