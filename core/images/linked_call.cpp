// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/linked_call.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <utility>

namespace banger::images {

LinkedCall::LinkedCall(sdk::Call& outer, std::string subject)
    : outer_(outer),
      subject_(std::move(subject)),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      either_(::epoll_create1(EPOLL_CLOEXEC))
{
    for (const int watched : {outer.cancel_descriptor(), stop_.get()}) {
        epoll_event event{};
        event.events = EPOLLIN;
        if (watched >= 0)
            ::epoll_ctl(either_.get(), EPOLL_CTL_ADD, watched, &event);
    }
}

void LinkedCall::progress(const sdk::Progress& progress)
{
    sdk::Progress told = progress;
    if (!subject_.empty())
        told.stage = progress.stage.empty() ? subject_ : subject_ + ": " + progress.stage;
    outer_.progress(told);
}

void LinkedCall::cancel()
{
    stopped_ = true;
    ::eventfd_write(stop_.get(), 1);
}

}  // namespace banger::images
