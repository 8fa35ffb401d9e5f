// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cli/cli_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <sstream>

#include "banger/sdk/os/file.hpp"
#include "core/rpc/client.hpp"

namespace banger::cli::testing {
namespace {

using sdk::os::UniqueFd;

constexpr int patience_ms = 30'000;

std::pair<UniqueFd, UniqueFd> make_pipe()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        std::abort();
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Reads what is there. False at the end; a terminal without its program answers EIO.
bool read_into(int descriptor, std::string& into)
{
    std::array<char, 65536> bytes;
    const ssize_t got = ::read(descriptor, bytes.data(), bytes.size());
    if (got > 0)
        into.append(bytes.data(), static_cast<std::size_t>(got));
    return got > 0;
}

}  // namespace

CliProcess::CliProcess(const std::vector<std::string>& words, const std::map<std::string, std::string>& environment,
                       Streams streams, unsigned short columns)
{
    ::signal(SIGPIPE, SIG_IGN);
    auto in = make_pipe();
    auto out = make_pipe();
    auto err = make_pipe();
    UniqueFd slave;
    if (streams != Streams::pipes) {
        int master = -1;
        int other = -1;
        winsize size{24, columns, 0, 0};
        if (::openpty(&master, &other, nullptr, nullptr, &size) != 0)
            std::abort();
        ::fcntl(master, F_SETFD, FD_CLOEXEC);
        terminal_.reset(master);
        slave.reset(other);
    }
    std::vector<std::string> variables;
    for (const auto& [name, value] : environment)
        variables.push_back(name + "=" + value);
    std::vector<char*> envp;
    for (auto& variable : variables)
        envp.push_back(variable.data());
    envp.push_back(nullptr);
    std::vector<std::string> all{BANGER_PROGRAM};
    all.insert(all.end(), words.begin(), words.end());
    std::vector<char*> argv;
    for (auto& word : all)
        argv.push_back(word.data());
    argv.push_back(nullptr);

    pid_ = ::fork();
    if (pid_ == 0) {
        const bool inout = streams == Streams::terminal || streams == Streams::all_terminal;
        const bool error = streams == Streams::error_terminal || streams == Streams::all_terminal;
        ::setsid();
        if (slave)
            ::ioctl(slave.get(), TIOCSCTTY, 0);
        ::dup2(inout ? slave.get() : in.first.get(), 0);
        ::dup2(inout ? slave.get() : out.second.get(), 1);
        ::dup2(error ? slave.get() : err.second.get(), 2);
        for (const int signal : {SIGPIPE, SIGINT, SIGQUIT, SIGHUP, SIGTERM})
            ::signal(signal, SIG_DFL);
        ::execve(BANGER_PROGRAM, argv.data(), envp.data());
        ::_exit(99);
    }
    const bool inout = streams == Streams::terminal || streams == Streams::all_terminal;
    input_ = inout ? UniqueFd(::fcntl(terminal_.get(), F_DUPFD_CLOEXEC, 0)) : std::move(in.second);
    output_ = inout ? UniqueFd(::fcntl(terminal_.get(), F_DUPFD_CLOEXEC, 0)) : std::move(out.first);
    error_ = streams == Streams::error_terminal ? UniqueFd(::fcntl(terminal_.get(), F_DUPFD_CLOEXEC, 0))
                                                : std::move(err.first);
}

CliProcess::~CliProcess()
{
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

void CliProcess::write(const std::string& bytes)
{
    (void)sdk::os::write_all(input_.get(), bytes);
}

void CliProcess::kill(int signal) const
{
    ::kill(pid_, signal);
}

void CliProcess::resize(unsigned short columns, unsigned short rows) const
{
    const winsize size{rows, columns, 0, 0};
    ::ioctl(terminal_.get(), TIOCSWINSZ, &size);
}

bool CliProcess::terminal_is_ordinary() const
{
    termios state{};
    return ::tcgetattr(terminal_.get(), &state) == 0 && (state.c_lflag & ICANON) != 0 && (state.c_lflag & ECHO) != 0;
}

bool CliProcess::read_some(bool& out_open, bool& err_open)
{
    std::array<pollfd, 2> watch{
        {{out_open && output_ ? output_.get() : -1, POLLIN, 0}, {err_open && error_ ? error_.get() : -1, POLLIN, 0}}};
    if (::poll(watch.data(), watch.size(), patience_ms) <= 0)
        return false;
    if (watch[0].revents != 0)
        out_open = read_into(output_.get(), out_);
    if (watch[1].revents != 0)
        err_open = read_into(error_.get(), err_);
    return true;
}

void CliProcess::expect(const std::string& text)
{
    expect_in(text, out_);
}

void CliProcess::expect_error(const std::string& text)
{
    expect_in(text, err_);
}

void CliProcess::expect_in(const std::string& text, const std::string& place)
{
    while (place.find(text) == std::string::npos && (out_open_ || err_open_))
        if (!read_some(out_open_, err_open_))
            break;
    EXPECT_NE(place.find(text), std::string::npos) << "missing: " << text << "\nout: " << out_ << "\nerr: " << err_;
}

Ended CliProcess::wait()
{
    while ((out_open_ && output_) || (err_open_ && error_)) {
        // A terminal stays open as long as we hold its other side: there the program's end is the end.
        if (!read_some(out_open_, err_open_)) {
            ADD_FAILURE() << "banger does not end\nout: " << out_ << "\nerr: " << err_;
            ::kill(pid_, SIGKILL);
            break;
        }
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    Ended ended;
    if (WIFEXITED(status))
        ended.status = WEXITSTATUS(status);
    else
        ended.signal = WTERMSIG(status);
    ended.out = out_;
    ended.err = err_;
    return ended;
}

CliTest::CliTest()
{
    std::string name = ::testing::TempDir() + "banger-cli-XXXXXX";
    home_ = ::mkdtemp(name.data());
    environment_ = {
        {"BANGER_HOME", home_}, {"BANGER_DAEMON", BANGER_FAKE_DAEMON}, {"PATH", "/usr/bin:/bin"}, {"TERM", "xterm"}};
}

CliTest::~CliTest()
{
    // Its stop is its connection's end.
    if (auto client = rpc::Client::connect(home_ + "/run/bangerd.sock"); client)
        (void)client->call("daemon.stop", json::Object());
    (void)sdk::os::remove_tree(home_);
}

Ended CliTest::banger(const std::vector<std::string>& words, const std::string& input)
{
    CliProcess process(words, environment_);
    if (!input.empty())
        process.write(input);
    process.close_input();
    return process.wait();
}

std::vector<std::string> CliTest::calls() const
{
    std::vector<std::string> lines;
    auto text = sdk::os::read_file(home_ + "/calls");
    if (!text)
        return lines;
    std::istringstream stream(*text);
    for (std::string line; std::getline(stream, line);)
        if (!line.starts_with("daemon.status"))
            lines.push_back(line);
    return lines;
}

}  // namespace banger::cli::testing
