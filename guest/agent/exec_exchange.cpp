// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/exec_exchange.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "guest/agent/descriptor_writer.hpp"
#include "guest/agent/shared_stream.hpp"
#include "guest/agent/small_files.hpp"
#include "guest/agent/terminal.hpp"
#include "guest/agent/tools.hpp"
#include "guest/protocol/json.hpp"

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

ExecExchange::~ExecExchange()
{
    if (pid_ != 0 && !exited_)
        processes_.abandon(pid_);
}

void ExecExchange::on_frame(FrameType type, std::string_view payload)
{
    if (pid_ == 0) {
        if (type != FrameType::spec)
            return fail(sdk::make_error(sdk::Code::invalid, "the first frame of an exec must be its spec"));
        return start(payload);
    }
    switch (type) {
        case FrameType::data:
            if (input_)
                input_->write(payload);
            break;
        case FrameType::eof: end_input(); break;
        case FrameType::resize:
            if (const auto size = window_size_of(payload); size && tty_ && outputs_[0]->open())
                set_window_size(outputs_[0]->fd(), *size);
            break;
        case FrameType::signal: send_signal(payload); break;
        default: break;
    }
}

void ExecExchange::on_end(bool)
{
    // The client will say no more: for the command that is the end of its input.
    if (pid_ == 0)
        return fail(sdk::make_error(sdk::Code::invalid, "an exec must begin with its spec"));
    end_input();
}

void ExecExchange::start(std::string_view text)
{
    auto spec = exec_spec_from_json(text);
    if (!spec)
        return fail(spec.error());
    auto account = find_account(spec->user, small_file("/etc/passwd"), small_file("/etc/group"));
    if (!account)
        return fail(account.error());
    auto launch = launch_of(*spec, *account);
    std::optional<SharedStream> shared;
    if (!spec->tool.empty()) {
        auto tool = tool_named(spec->tool, spec->argv);
        if (!tool)
            return fail(sdk::make_error(sdk::Code::unsupported, "this agent has no tool '" + spec->tool + "'",
                                        "stop and start the VM: it then gets the agent of this version"));
        if (spec->tty)
            return fail(sdk::make_error(sdk::Code::invalid, "a tool of the agent has no use for a terminal"));
        if (tool->takes_much) {
            auto made = SharedStream::make();
            if (!made)
                return fail(made.error());
            shared = std::move(*made);
            launch.in = shared->to_writer.get();
            launch.work = [run = tool->run, ring = shared->ring] {
                SharedInput input(ring, STDIN_FILENO);
                return run(input);
            };
        } else {
            launch.work = [run = tool->run] {
                tree::DescriptorInput input(STDIN_FILENO);
                return run(input);
            };
        }
    }
    auto started = processes_.spawn(launch, [this](const ExitStatus& status) { on_exit(status); });
    if (!started)
        return fail(started.error());

    pid_ = started->pid;
    tty_ = spec->tty;
    const auto drained = [this] { backlog_drained(); };
    if (shared)
        input_ = std::make_unique<SharedWriter>(loop_, shared->ring, std::move(shared->to_reader), drained);
    else
        input_ = std::make_unique<DescriptorWriter>(loop_, std::move(started->pipes.in), drained);
    outputs_[0].emplace(loop_, std::move(started->pipes.out), [this] { stream_.wake(); });
    if (started->pipes.err)
        outputs_[1].emplace(loop_, std::move(started->pipes.err), [this] { stream_.wake(); });
    JsonText facts;
    facts.begin_object().member("pid", static_cast<int>(pid_)).end_object();
    queue(FrameType::started, facts.str());
}

void ExecExchange::end_input()
{
    if (!input_)
        return;
    if (!tty_)
        return input_->end();
    // A terminal has no end; its line discipline has a character for it.
    if (const char end = outputs_[0]->open() ? end_of_file_character(outputs_[0]->fd()) : 0; end != 0)
        input_->write({&end, 1});
}

void ExecExchange::send_signal(std::string_view name)
{
    const auto number = signal_number(name);
    if (!number || exited_)
        return;
    // With a terminal, those in the foreground; else the command and what it started.
    const pid_t foreground = tty_ && outputs_[0]->open() ? tcgetpgrp(outputs_[0]->fd()) : -1;
    kill(-(foreground > 0 ? foreground : pid_), *number);
}

void ExecExchange::on_exit(const ExitStatus& status)
{
    exited_ = status;
    linger_ = loop_.after(linger, [this] {
        for (auto& output : outputs_)
            if (output)
                output->stop_after_present();
        stream_.wake();
    });
    stream_.wake();
}

FramedExchange::Pulled ExecExchange::pull(std::span<char> room)
{
    for (std::size_t turn = 0; turn < outputs_.size(); ++turn) {
        const std::size_t at = next_output_;
        next_output_ = (next_output_ + 1) % outputs_.size();
        if (!outputs_[at])
            continue;
        if (const auto count = outputs_[at]->read(room); count > 0)
            return {at == 0 ? FrameType::out : FrameType::err, count};
    }
    finish_if_done();
    return {};
}

void ExecExchange::finish_if_done()
{
    const auto is_open = [](const auto& output) { return output && output->open(); };
    if (!exited_ || std::any_of(outputs_.begin(), outputs_.end(), is_open))
        return;
    queue(FrameType::exit, to_json(*exited_));
    finish();
}

}  // namespace banger::agent
