// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/operation.hpp"

#include <utility>

namespace banger::lifecycle {
namespace {

/// Stages are named by plugins, which may name each of a thousand files.
constexpr std::size_t most_spans = 200;

using std::chrono::duration_cast;
using std::chrono::microseconds;

std::int64_t between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to)
{
    return duration_cast<microseconds>(to - from).count();
}

}  // namespace

Operation::Operation(std::string verb, base::ProgressListener listener, base::WarningListener on_warning)
    : verb_(std::move(verb)),
      call_(stop_.get_token(), std::move(listener)),
      start_(std::chrono::steady_clock::now()),
      started_us_(duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch()).count())
{
    call_.on_warning(std::move(on_warning));
}

bool Operation::cancel()
{
    return cancel_for(std::nullopt);
}

bool Operation::call_off(sdk::Error why)
{
    return cancel_for(std::move(why));
}

bool Operation::cancel_for(std::optional<sdk::Error> why)
{
    const std::lock_guard lock(mutex_);
    if (committed_)
        return false;
    if (cancelled_meanwhile_ || stop_.stop_requested())  // whoever came first is why
        return !why;
    called_off_ = std::move(why);
    if (shielded_)
        cancelled_meanwhile_ = true;
    else
        stop_.request_stop();
    return true;
}

std::optional<sdk::Error> Operation::called_off() const
{
    const std::lock_guard lock(mutex_);
    return called_off_;
}

void Operation::shield(bool up)
{
    const std::lock_guard lock(mutex_);
    shielded_ = up;
    if (!up && std::exchange(cancelled_meanwhile_, false) && !committed_)
        stop_.request_stop();
}

void Operation::commit()
{
    const std::lock_guard lock(mutex_);
    committed_ = true;
}

sdk::Result<void> Operation::check() const
{
    if (cancelled())
        return sdk::make_error(sdk::Code::cancelled, "cancelled");
    return {};
}

Operation::Span::Span(Operation& operation, std::string name)
    : operation_(operation), name_(std::move(name)), start_(std::chrono::steady_clock::now())
{
}

Operation::Span::~Span()
{
    operation_.add_span({std::move(name_), between(operation_.start_, start_),
                         between(start_, std::chrono::steady_clock::now())});
}

void Operation::add_span(store::Span span)
{
    const std::lock_guard lock(mutex_);
    spans_.push_back(std::move(span));
}

void Operation::progress(const sdk::Progress& progress)
{
    {
        const std::lock_guard lock(mutex_);
        if (!stage_ || stage_->name != progress.stage) {
            end_stage();
            stage_ = store::Span{progress.stage, elapsed_us(), 0};
        }
    }
    call_.progress(progress);
}

void Operation::end_stage()
{
    if (!stage_)
        return;
    stage_->duration_us = elapsed_us() - stage_->start_us;
    if (spans_.size() < most_spans)
        spans_.push_back(std::move(*stage_));
    stage_.reset();
}

std::int64_t Operation::elapsed_us() const
{
    return between(start_, std::chrono::steady_clock::now());
}

store::OperationLog Operation::log(const std::string& outcome) const
{
    const std::lock_guard lock(mutex_);
    auto spans = spans_;
    if (stage_)
        spans.push_back({stage_->name, stage_->start_us, elapsed_us() - stage_->start_us});
    if (spans.empty())  // nothing was told apart: it is one step
        spans.push_back({verb_, 0, elapsed_us()});
    return {verb_, vm_, started_us_, elapsed_us(), outcome, std::move(spans)};
}

}  // namespace banger::lifecycle
