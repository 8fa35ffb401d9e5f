// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/teardown.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/lifecycle/teardown.hpp"
#include "core/log/log.hpp"

namespace banger::daemon {
namespace {

constexpr int most_attempts = 5;  // with pauses of a quarter, a half, one and two seconds in between

}  // namespace

Teardown::Teardown(boost::asio::io_context& loop, Service& service, std::chrono::milliseconds first_pause)
    : loop_(loop), service_(service), first_pause_(first_pause)
{
}

void Teardown::begin(std::shared_ptr<lifecycle::LockedVm> vm)
{
    try_now(vm, 1);
}

void Teardown::try_now(const std::shared_ptr<lifecycle::LockedVm>& vm, int attempt)
{
    service_.run_own("teardown", [this, vm, attempt](lifecycle::Operation& operation) -> sdk::Result<void> {
        auto done = lifecycle::tear_down(service_.engine(), vm->record, operation);
        if (done || attempt == most_attempts) {
            end(*vm);
            return done;
        }
        log::warning("teardown " + vm->record.id + ", to be tried again: " + done.error().message);
        try_later(vm, attempt);
        return {};
    });
}

void Teardown::try_later(const std::shared_ptr<lifecycle::LockedVm>& vm, int attempt)
{
    boost::asio::post(loop_, [this, vm, attempt] {
        const auto timer = std::make_shared<boost::asio::steady_timer>(loop_, first_pause_ * (1 << (attempt - 1)));
        timer->async_wait([this, vm, attempt, timer](const boost::system::error_code& error) {
            if (!error)
                try_now(vm, attempt + 1);
        });
    });
}

// Whoever waits for the lock finds it as it is for everybody.
void Teardown::end(lifecycle::LockedVm& vm)
{
    auto& engine = service_.engine();
    engine.store.show(vm.record.id);
    engine.in_teardown.end(vm.record.id, vm.lock);
}

}  // namespace banger::daemon
