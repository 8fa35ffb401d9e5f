// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cli/local_tool.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "guest/protocol/exec_messages.hpp"
#include "guest/protocol/frames.hpp"

namespace banger::cli::testing {
namespace {

using agent::FrameType;
using sdk::os::UniqueFd;

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};

Pipe make_pipe()
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        std::abort();
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// Who writes frames does so one at a time.
class Frames {
public:
    explicit Frames(int stream) : stream_(stream) {}
    void send(FrameType type, std::string_view payload)
    {
        std::string bytes;
        agent::write_frame(bytes, type, payload);
        const std::lock_guard lock(mutex_);
        (void)sdk::os::write_all(stream_, bytes);
    }
    void carry(int from, FrameType type)
    {
        std::array<char, 65536> piece{};
        for (ssize_t got = 0; (got = ::read(from, piece.data(), piece.size())) > 0;)
            send(type, {piece.data(), static_cast<std::size_t>(got)});
    }

private:
    int stream_;
    std::mutex mutex_;
};

/// What comes from the caller, until that goes.
void take_frames(int stream, UniqueFd in, const sdk::os::Child& child)
{
    agent::FrameReader reader;
    std::array<char, 65536> bytes{};
    const auto sink = [&](FrameType type, std::string_view payload) {
        if (type == FrameType::data)
            (void)sdk::os::write_all(in.get(), payload);
        else if (type == FrameType::eof)
            in.reset();
        else if (type == FrameType::signal)
            child.kill_group(agent::signal_number(payload).value_or(SIGTERM));
        return true;
    };
    for (ssize_t got = 0; (got = ::recv(stream, bytes.data(), bytes.size(), 0)) > 0;)
        if (!reader.feed({bytes.data(), static_cast<std::size_t>(got)}, sink))
            break;
}

}  // namespace

void run_local_tool(UniqueFd stream, const std::string& tool, const std::vector<std::string>& arguments)
{
    auto in = make_pipe();
    auto out = make_pipe();
    auto err = make_pipe();
    sdk::os::Command command;
    command.argv = {BANGER_LOCAL_TOOL, tool};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    command.in = in.read.get();
    command.out = out.write.get();
    command.err = err.write.get();
    auto child = sdk::os::spawn(command);
    if (!child)
        return;
    for (auto* end : {&in.read, &out.write, &err.write})
        end->reset();
    Frames frames(stream.get());
    std::thread words([&] { frames.carry(err.read.get(), FrameType::err); });
    std::thread input([&] { take_frames(stream.get(), std::move(in.write), *child); });
    frames.carry(out.read.get(), FrameType::out);
    words.join();
    const int status = child->wait().value_or(1);
    frames.send(FrameType::exit, agent::to_json(agent::ExitStatus{status, 0}));
    ::shutdown(stream.get(), SHUT_RDWR);
    input.join();
}

}  // namespace banger::cli::testing
