// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/command.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "guest/agent/descriptor_writer.hpp"
#include "guest/agent/small_files.hpp"
#include "guest/agent/terminal.hpp"

namespace banger::agent {
namespace {

/// How long output may still come from those who inherited a command's stdout when the command itself has ended.
constexpr std::chrono::milliseconds linger{200};
constexpr std::string_view default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool is_directory(const std::string& path)
{
    struct stat facts {};
    return stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

void set_variable(std::vector<std::string>& env, const std::string& name, const std::string& value)
{
    const auto found =
        std::find_if(env.begin(), env.end(), [&](const auto& entry) { return entry.starts_with(name + "="); });
    if (found != env.end())
        *found = name + "=" + value;
    else
        env.push_back(name + "=" + value);
}

}  // namespace

Launch launch_of(const ExecSpec& spec, const Account& account)
{
    Launch launch;
    launch.account = account;
    launch.tty = spec.tty;
    launch.size = {spec.columns, spec.rows};
    launch.argv = spec.argv;
    if (launch.argv.empty()) {
        launch.argv = {account.shell};
        launch.name = "-" + account.shell.substr(account.shell.rfind('/') + 1);
    }
    set_variable(launch.env, "PATH", std::string(default_path));
    set_variable(launch.env, "HOME", account.home);
    const std::string name = account.name.empty() ? std::to_string(account.uid) : account.name;
    set_variable(launch.env, "USER", name);
    set_variable(launch.env, "LOGNAME", name);
    set_variable(launch.env, "SHELL", account.shell);
    set_variable(launch.env, "LANG", "C.UTF-8");
    if (!spec.term.empty() || spec.tty)
        set_variable(launch.env, "TERM", spec.term.empty() ? "xterm-256color" : spec.term);
    for (const auto& [variable, value] : spec.env)
        set_variable(launch.env, variable, value);
    // A home that does not exist must not keep a command from running; a directory asked for by name must.
    launch.cwd = !spec.cwd.empty() ? spec.cwd : is_directory(account.home) ? account.home : "/";
    return launch;
}

sdk::Result<Launch> launch_of(const ExecSpec& spec)
{
    auto account = find_account(spec.user, small_file("/etc/passwd"), small_file("/etc/group"));
    if (!account)
        return std::move(account.error());
    return launch_of(spec, *account);
}

Command::~Command()
{
    if (pid_ != 0 && !exited_)
        processes_.forget(pid_);
}

sdk::Result<void> Command::start(Launch launch, std::optional<SharedStream> shared)
{
    if (shared)
        launch.in = shared->to_writer.get();
    auto started = processes_.spawn(launch, [this](const ExitStatus& status) { on_exit(status); });
    if (!started)
        return std::move(started.error());
    pid_ = started->pid;
    tty_ = launch.tty;
    const auto drained = [this] { input_drained_(); };
    if (shared)
        input_ = std::make_unique<SharedWriter>(loop_, shared->ring, std::move(shared->to_reader), drained);
    else
        input_ = std::make_unique<DescriptorWriter>(loop_, std::move(started->pipes.in), drained);
    outputs_[0].emplace(loop_, std::move(started->pipes.out), [this] { output_or_end_(); });
    if (started->pipes.err)
        outputs_[1].emplace(loop_, std::move(started->pipes.err), [this] { output_or_end_(); });
    return {};
}

Command::Output Command::read(std::span<char> room)
{
    for (std::size_t turn = 0; turn < outputs_.size(); ++turn) {
        const std::size_t at = next_output_;
        next_output_ = (next_output_ + 1) % outputs_.size();
        if (!outputs_[at])
            continue;
        if (const auto count = outputs_[at]->read(room); count > 0)
            return {at == 0 ? FrameType::out : FrameType::err, count};
    }
    return {};
}

void Command::write(std::string_view bytes)
{
    if (input_)
        input_->write(bytes);
}

void Command::end_input()
{
    if (!input_)
        return;
    if (!tty_)
        return input_->end();
    // A terminal has no end; its line discipline has a character for it.
    if (const char end = outputs_[0]->open() ? end_of_file_character(outputs_[0]->fd()) : 0; end != 0)
        input_->write({&end, 1});
}

void Command::resize(WindowSize size)
{
    if (tty_ && outputs_[0]->open())
        set_window_size(outputs_[0]->fd(), size);
}

pid_t Command::foreground() const
{
    return tty_ && outputs_[0] && outputs_[0]->open() ? tcgetpgrp(outputs_[0]->fd()) : -1;
}

/// A child that has only just been forked has no group of its own yet.
void Command::signal_group(int number) const
{
    if (kill(-pid_, number) != 0 && errno == ESRCH)
        kill(pid_, number);
}

void Command::send_signal(int number)
{
    if (pid_ == 0 || exited_)
        return;
    if (const pid_t front = foreground(); front > 0)
        kill(-front, number);
    else
        signal_group(number);
}

void Command::send_signal_to_all(int number)
{
    if (pid_ == 0 || exited_)
        return;
    if (const pid_t front = foreground(); front > 0 && front != pid_)
        kill(-front, number);
    signal_group(number);
}

void Command::kill_after(std::chrono::milliseconds delay)
{
    const auto at = EventLoop::Clock::now() + delay;
    if (pid_ == 0 || exited_ || (killed_at_ && *killed_at_ <= at))
        return;
    killed_at_ = at;
    // Before the group, with whose leader the terminal goes.
    kill_foreground_ = loop_.after(delay, [this] {
        if (const pid_t front = foreground(); front > 0)
            kill(-front, SIGKILL);
    });
    processes_.kill_group_after(pid_, delay);
}

void Command::abandon()
{
    if (pid_ != 0 && !exited_)
        processes_.abandon(pid_);
}

void Command::on_exit(const ExitStatus& status)
{
    exited_ = status;
    linger_ = loop_.after(linger, [this] {
        for (auto& output : outputs_)
            if (output)
                output->stop_after_present();
        output_is_complete_ = true;
        output_or_end_();
    });
    output_or_end_();
}

bool Command::ended() const
{
    const auto is_open = [](const auto& output) { return output && output->open(); };
    return exited_ && std::none_of(outputs_.begin(), outputs_.end(), is_open);
}

}  // namespace banger::agent
