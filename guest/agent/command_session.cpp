// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/command_session.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include "guest/agent/guest_state.hpp"
#include "guest/agent/small_files.hpp"

namespace banger::agent {
namespace {

constexpr std::uint64_t default_log_bytes = 4UL * 1024 * 1024;
constexpr std::chrono::milliseconds pause_between_hang_ups{500};
/// After so much others of the loop get their turn.
constexpr std::size_t most_per_turn = 256UL * 1024;
constexpr std::chrono::milliseconds pause_between_turns{1};
/// What is shown of an argument vector, which may be megabytes long: facts fit one frame.
constexpr std::size_t most_shown = 4096;

std::vector<std::string> shortened(const std::vector<std::string>& argv)
{
    std::vector<std::string> shown;
    std::size_t room = most_shown;
    for (const auto& word : argv) {
        if (room < word.size()) {
            shown.push_back(word.substr(0, room) + "...");
            break;
        }
        shown.push_back(word);
        room -= std::min(room, word.size() + 1);
    }
    return shown;
}

}  // namespace

CommandSession::CommandSession(Host host, SessionFacts facts, RingLog log)
    : host_(std::move(host)),
      facts_(std::move(facts)),
      log_(host_.files, [this] { take_output(); }, std::move(log)),
      command_(
          host_.loop, host_.processes, [this] { take_output(); },
          [this] {
              for (auto* viewer : std::set(viewers_))
                  viewer->on_input_drained();
          })
{
}

sdk::Result<std::shared_ptr<CommandSession>> CommandSession::start(const Host& host, const SessionSpec& spec,
                                                                   const Launch& launch,
                                                                   const std::function<void()>& make_room,
                                                                   std::function<void()> kept)
{
    SessionFacts facts;
    facts.name = spec.name;
    facts.argv = shortened(launch.argv);
    facts.user = spec.exec.user;
    facts.cwd = launch.cwd;
    facts.tty = launch.tty;
    facts.started_s = spec.now_s;
    auto session = std::make_shared<CommandSession>(host, std::move(facts), RingLog());
    session->started_ms_ = since_boot_ms();
    if (auto started = session->command_.start(launch); !started)
        return std::move(started.error());
    make_room();
    session->log_.make(
        [directory = host.directory, log = session->path(log_suffix), record = session->path(record_suffix),
         bytes = spec.log_bytes == 0 ? default_log_bytes : spec.log_bytes, text = to_json(session->facts_)] {
            make_directories(parent_of(directory));
            mkdir(directory.c_str(), 0700);
            // Without it nobody would know of the log once the machine was off.
            if (auto noted = replace_file(record, text, 0600); !noted)
                return RingLog::in_memory(noted.error().message);
            return RingLog::create(log, bytes);
        },
        std::move(kept));
    session->take_output();
    return session;
}

std::optional<CommandSession::Found> CommandSession::find(const std::string& directory, const std::string& name)
{
    const std::string path = directory + "/" + name;
    auto facts = session_facts_from_json(small_file(path + record_suffix));
    if (!facts || facts->name != name)
        return std::nullopt;
    facts->state = SessionFacts::State::lost;
    auto log = RingLog::open(path + log_suffix);
    if (!log)
        log = RingLog::in_memory(log.error().message);
    if (const auto note = log->note(); !note.empty())
        if (const auto end = session_end_from_json(note)) {
            facts->state = SessionFacts::State::ended;
            facts->end = *end;
        }
    return Found{std::move(*facts), std::move(*log)};
}

SessionFacts CommandSession::facts() const
{
    SessionFacts now = facts_;
    if (running()) {
        now.pid = command_.pid();
        now.ran_ms = static_cast<std::int64_t>(since_boot_ms() - started_ms_);
    } else if (facts_.state == SessionFacts::State::ended) {
        now.ran_ms = facts_.end.ran_ms;
    }
    now.attached = controller_ != nullptr;
    now.viewers = static_cast<std::int64_t>(watching_.size());
    auto log = log_.facts();
    now.written_bytes = log.written;
    now.dropped_bytes = log.dropped;
    now.log_bytes = log.capacity;
    now.log_problem = std::move(log.problem);
    return now;
}

sdk::Result<void> CommandSession::attach(Viewer& viewer, AttachSpec::How how, bool steal)
{
    const bool watches = how == AttachSpec::How::view || how == AttachSpec::How::read;
    if (watches && watching_.size() >= most_viewers)
        return sdk::make_error(sdk::Code::busy, "too many watch session '" + name() + "' already");
    if (how == AttachSpec::How::control && running()) {
        if (controller_ != nullptr && !steal)
            return sdk::make_error(sdk::Code::busy, "somebody is attached to session '" + name() + "' already",
                                   "watch it with --view, or take it from them with --steal");
        if (auto* before = std::exchange(controller_, &viewer))
            before->on_input_stolen();
    }
    viewers_.insert(&viewer);
    if (watches)
        watching_.insert(&viewer);
    return {};
}

void CommandSession::detach(Viewer& viewer)
{
    viewers_.erase(&viewer);
    watching_.erase(&viewer);
    if (controller_ == &viewer)
        controller_ = nullptr;
}

sdk::Result<void> CommandSession::check_takes_input() const
{
    if (!running() || command_.exited())
        return sdk::make_error(sdk::Code::precondition, "session '" + name() + "' has ended");
    if (input_ended_)
        return sdk::make_error(sdk::Code::precondition, "the input of session '" + name() + "' was ended");
    return check_input_taken();
}

sdk::Result<void> CommandSession::check_input_taken() const
{
    if (command_.input_failed())
        return sdk::make_error(sdk::Code::precondition,
                               "session '" + name() + "' has closed its input and did not take all that was sent");
    return {};
}

void CommandSession::end_input()
{
    input_ended_ = input_ended_ || !facts_.tty;
    command_.end_input();
}

void CommandSession::resize(WindowSize size)
{
    if (size.columns == 0 || size.rows == 0)
        return;
    command_.resize(size);
    if (facts_.tty)
        command_.send_signal(SIGWINCH);  // which the kernel leaves out where the size is what it was
}

sdk::Result<void> CommandSession::signal(int number)
{
    if (!running() || command_.exited())
        return sdk::make_error(sdk::Code::precondition, "session '" + name() + "' has ended");
    command_.send_signal_to_all(number);
    return {};
}

void CommandSession::ask_to_end(std::function<void()> ended)
{
    if (!running())
        return ended();
    when_ended_.push_back(std::move(ended));
    command_.send_signal_to_all(SIGTERM);
    if (facts_.tty)
        hang_up();
    command_.send_signal_to_all(SIGCONT);  // a stopped process would not see the others
}

void CommandSession::stop(std::chrono::milliseconds timeout, std::function<void()> ended)
{
    ask_to_end(std::move(ended));
    command_.kill_after(timeout);
}

void CommandSession::machine_stops()
{
    machine_stops_ = true;
    if (facts_.tty)
        hang_up();
}

/// Again and again: a shell that is just about to wait for its next line notices the signal behind that line.
void CommandSession::hang_up()
{
    if (!running())
        return;
    command_.send_signal_to_all(SIGHUP);
    hangs_up_ = host_.loop.after(pause_between_hang_ups, [this] { hang_up(); });
}

void CommandSession::forget() const
{
    host_.files.run([record = path(record_suffix), log = path(log_suffix)] {
        unlink(record.c_str());
        unlink(log.c_str());
    });
}

void CommandSession::take_output()
{
    static std::array<char, max_frame_payload> buffer;
    std::size_t taken = 0;
    // What is left of one that has exited is no more than its pipes hold.
    while (taken < most_per_turn && (log_.takes_more() || command_.output_is_complete())) {
        const auto output = command_.read(buffer);
        if (output.bytes == 0)
            break;
        log_.append(output.type, {buffer.data(), output.bytes});
        taken += output.bytes;
    }
    if (taken >= most_per_turn)
        again_ = host_.loop.after(pause_between_turns, [this] { take_output(); });
    else if (running() && command_.ended())
        end();
    if (taken > 0)
        for (auto* viewer : std::set(viewers_))
            viewer->on_change();
}

void CommandSession::end()
{
    if (untold_end_)
        return;
    facts_.end = {*command_.exited(), static_cast<std::int64_t>(since_boot_ms() - started_ms_), machine_stops_};
    log_.close(to_json(facts_.end), [this] { tell_of_end(); });
    untold_end_ = host_.loop.after(patience_for_disk, [this] { tell_of_end(); });
}

void CommandSession::tell_of_end()
{
    if (!running())
        return;
    facts_.state = SessionFacts::State::ended;
    untold_end_.reset();
    controller_ = nullptr;
    for (auto* viewer : std::set(viewers_))
        viewer->on_change();
    for (const auto& ended : std::exchange(when_ended_, {}))
        ended();
}

}  // namespace banger::agent
