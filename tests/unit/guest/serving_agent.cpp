// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "serving_agent.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace banger::guest {
namespace {

// Orphans of an agent are this process's children (PR_SET_CHILD_SUBREAPER), which has no others by then.
void end_orphans()
{
    do {
        for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
            std::ifstream children(task.path() / "children");
            for (pid_t child = 0; children >> child;)
                kill(child, SIGKILL);
        }
    } while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR);
}

}  // namespace

ServingAgent::ServingAgent() : work_(boost::asio::make_work_guard(loop_))
{
    token_.fill('t');
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    start_agent();
    thread_ = std::thread([this] { loop_.run(); });
}

void ServingAgent::start_agent()
{
    std::filesystem::remove(path("agent.sock"));
    std::array<int, 2> pipe_ends{};
    if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0)
        std::abort();
    const sdk::os::UniqueFd said(pipe_ends[0]);
    sdk::os::UniqueFd says(pipe_ends[1]);
    std::string hex;
    for (std::size_t i = 0; i < token_.size(); ++i)
        hex += "74";
    sdk::os::Command start;
    start.argv = {BANGER_AGENT_PROGRAM, "--serve-socket", path("agent.sock"), "--token", hex};
    start.out = says.get();
    start.err = STDERR_FILENO;
    start.die_with_parent = true;
    auto child = sdk::os::spawn(start);
    if (!child)
        std::abort();
    agent_.emplace(std::move(*child));
    says.reset();
    char first = 0;
    if (read(said.get(), &first, 1) != 1)
        std::abort();
}

ServingAgent::~ServingAgent()
{
    work_.reset();
    loop_.stop();
    thread_.join();
    kill_agent();
}

void ServingAgent::kill_agent(int number)
{
    if (!agent_)
        return;
    agent_->kill_group(number);
    EXPECT_TRUE(agent_->wait());
    agent_.reset();
    end_orphans();
}

sdk::os::UniqueFd ServingAgent::dial()
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path("agent.sock").copy(address.sun_path, sizeof address.sun_path - 1);
    sdk::os::UniqueFd channel(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(channel.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        std::abort();
    return channel;
}

std::shared_ptr<AgentClient> ServingAgent::open(sdk::os::UniqueFd channel)
{
    return AgentClient::open(loop_, std::move(channel), token_);
}

agent::ExecSpec ServingAgent::command(std::vector<std::string> argv)
{
    agent::ExecSpec spec;
    spec.argv = std::move(argv);
    spec.user = std::to_string(getuid()) + ":" + std::to_string(getgid());
    spec.cwd = "/";
    return spec;
}

RunResult ServingAgent::shell(const std::string& script, std::string input)
{
    auto result = connect()->run(command({"/bin/sh", "-c", script}), std::move(input), patience());
    EXPECT_TRUE(result) << result.error().message;
    return result ? *result : RunResult{{-1, 0}, {}, {}, false};
}

SerialPort::SerialPort(sdk::os::UniqueFd agent) : agent_(std::move(agent)), to_clients_([this] { carry_to_clients(); })
{
}

SerialPort::~SerialPort()
{
    shutdown(agent_.get(), SHUT_RDWR);
    for (const auto& end : ends_)
        shutdown(end.get(), SHUT_RDWR);
    if (to_agent_.joinable())
        to_agent_.join();
    to_clients_.join();
}

sdk::os::UniqueFd SerialPort::plug_in()
{
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        std::abort();
    // One after the other, as a port has it: the bytes of the client before are all under way first.
    if (to_agent_.joinable())
        to_agent_.join();
    ends_.emplace_back(ends[1]);
    client_ = ends[1];
    to_agent_ = std::thread([this, end = ends[1]] { carry_to_agent(end); });
    return sdk::os::UniqueFd(ends[0]);
}

void SerialPort::carry_to_agent(int client)
{
    std::array<char, 4096> piece;
    for (;;) {
        const auto count = recv(client, piece.data(), piece.size(), 0);
        if (count <= 0 || !send_all(agent_.get(), {piece.data(), static_cast<std::size_t>(count)}))
            return;
    }
}

void SerialPort::carry_to_clients()
{
    std::array<char, 4096> piece;
    for (;;) {
        const auto count = recv(agent_.get(), piece.data(), piece.size(), 0);
        if (count <= 0)
            return;
        // Bytes for a client that is gone are lost or reach the next one, as on a real port.
        const std::string_view bytes(piece.data(), static_cast<std::size_t>(count));
        for (int to = client_; to >= 0 && !send_all(to, bytes) && client_ != to; to = client_) {
        }
    }
}

}  // namespace banger::guest
