// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/attach_exchange.hpp"

namespace banger::agent {

AttachExchange::~AttachExchange()
{
    if (session_)
        session_->detach(*this);
}

void AttachExchange::on_frame(FrameType type, std::string_view payload)
{
    if (wanted_)
        return write_frame(early_, type, payload);
    if (!session_)
        return type == FrameType::spec
                   ? wait_for_sessions(payload)
                   : fail(sdk::make_error(sdk::Code::invalid, "the first frame of an attach must be its spec"));
    if (type == FrameType::eof && spec_.how == AttachSpec::How::send)
        return end_sending();
    if (!writes() || sent_all_)
        return;
    if (type == FrameType::data) {
        session_->write(payload);
        check_taken();
    } else if (type == FrameType::resize) {
        if (const auto size = window_size_of(payload))
            session_->resize(*size);
    } else if (type == FrameType::signal) {
        if (const auto number = signal_number(payload))
            (void)session_->signal(*number);  // one that has ended says so itself
    }
}

void AttachExchange::on_end(bool)
{
    if (wanted_) {
        ended_early_ = true;
        return;
    }
    if (!session_)
        return fail(sdk::make_error(sdk::Code::invalid, "an attach must begin with its spec"));
    if (spec_.how == AttachSpec::How::send)
        end_sending();
}

void AttachExchange::wait_for_sessions(std::string_view text)
{
    auto spec = attach_spec_from_json(text);
    if (!spec)
        return fail(spec.error());
    wanted_ = std::move(*spec);
    sessions_.when_known([this, alive = std::weak_ptr(alive_)] {
        if (!alive.expired())
            go_on();
    });
}

void AttachExchange::go_on()
{
    spec_ = *std::exchange(wanted_, std::nullopt);
    begin();
    FrameReader reader;
    [[maybe_unused]] const auto whole =
        reader.feed(std::exchange(early_, {}), [this](FrameType type, std::string_view payload) {
            if (!finished())
                on_frame(type, payload);
            return true;
        });
    if (ended_early_ && !finished())
        on_end(true);
    backlog_drained();
}

void AttachExchange::begin()
{
    auto session = sessions_.find(spec_.name);
    if (!session)
        return fail(session.error());
    if (spec_.how == AttachSpec::How::send)
        if (auto takes = (*session)->check_takes_input(); !takes)
            return fail(takes.error());
    if (auto attached = (*session)->attach(*this, spec_.how, spec_.steal); !attached)
        return fail(attached.error());
    session_ = *session;
    reader_.emplace(session_->log(), [this] { stream_.wake(); });
    written_before_ = session_->log().written();
    queue(FrameType::started, to_json(session_->facts()));
    if (spec_.how == AttachSpec::How::control)
        session_->resize(spec_.size);
}

void AttachExchange::end_sending()
{
    if (std::exchange(sent_all_, true))
        return;
    if (spec_.end_input)
        session_->end_input();
    on_input_drained();
}

void AttachExchange::on_input_drained()
{
    backlog_drained();
    if (!sent_all_ || finished() || session_->input_backlog() > 0)
        return;
    check_taken();
    if (finished())
        return;
    queue(FrameType::done, "{}");
    finish();
}

void AttachExchange::on_input_stolen()
{
    fail(sdk::make_error(sdk::Code::busy, "somebody else has taken session '" + spec_.name + "' over",
                         "watch it with --view, or take it back with --steal"));
}

void AttachExchange::on_change()
{
    if (spec_.how != AttachSpec::How::send)
        return stream_.wake();
    // One that ended with all that came so far may be all that was meant: what comes next tells.
    if (!session_->running() && !finished() && session_->input_backlog() > 0)
        fail(sdk::make_error(sdk::Code::precondition,
                             "session '" + spec_.name + "' ended before it had taken its input"));
    check_taken();
}

/// A sender is told at once of what was not taken.
void AttachExchange::check_taken()
{
    if (spec_.how == AttachSpec::How::send && !finished())
        if (auto taken = session_->check_input_taken(); !taken)
            fail(taken.error());
}

FramedExchange::Pulled AttachExchange::pull(std::span<char> room)
{
    if (!session_ || spec_.how == AttachSpec::How::send || finished())
        return {};
    const bool read_all = spec_.how == AttachSpec::How::read && reader_->position() >= written_before_;
    const auto piece = read_all ? RingLog::Piece() : reader_->read(room);
    if (piece.bytes > 0 && piece.dropped == 0)
        return {piece.type, piece.bytes};
    if (piece.dropped > 0) {
        queue(FrameType::gap, std::to_string(piece.dropped));
        if (piece.bytes > 0)
            queue(piece.type, {room.data(), piece.bytes});
    } else if (!read_all && !reader_->at_end()) {
        return {};
    } else if (spec_.how == AttachSpec::How::read) {
        queue(FrameType::done, "{}");
        finish();
    } else if (!session_->running()) {
        say_how_it_ended();
    }
    return {};
}

void AttachExchange::say_how_it_ended()
{
    const auto facts = session_->facts();
    if (facts.state == SessionFacts::State::lost)
        return fail(sdk::make_error(sdk::Code::precondition,
                                    "the machine went off while session '" + spec_.name +
                                        "' ran: how it ended is not known"));
    queue(FrameType::exit, to_json(facts.end.exit));
    finish();
}

}  // namespace banger::agent
