// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/lab/proofs/firecracker_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <csignal>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/vmm_process.hpp"

namespace banger::proofs {
namespace {

namespace http = boost::beast::http;
using Clock = std::chrono::steady_clock;
using Unix = boost::asio::local::stream_protocol;

constexpr std::chrono::seconds patience_for_api{30};

/// Firecracker takes no socket of ours, it makes the file itself: wait for that. The file is there a moment before
/// anybody listens on it, and nothing tells of that, hence the short waits once it is.
sdk::Result<sdk::os::UniqueFd> wait_for_api(const std::string& path, int inotify, int pidfd)
{
    constexpr std::chrono::milliseconds until_it_listens{2};
    const auto deadline = Clock::now() + patience_for_api;
    for (;;) {
        auto connected = sdk::os::connect_unix(path);
        if (connected)
            return connected;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0)
            return sdk::make_error(sdk::Code::timed_out, "firecracker does not listen on its API socket");
        std::array<pollfd, 2> waiting{{{pidfd, POLLIN, 0}, {inotify, POLLIN, 0}}};
        poll(waiting.data(), waiting.size(),
             static_cast<int>((sdk::os::exists(path) ? until_it_listens : left).count()));
        if (waiting[0].revents != 0)
            return sdk::make_error(sdk::Code::unavailable, "firecracker ended before it served its API");
        std::array<char, 4096> ignored;
        while (read(inotify, ignored.data(), ignored.size()) > 0) {
        }
    }
}

}  // namespace

Firecracker::Firecracker(std::string directory, sdk::os::Child child)
    : directory_(std::move(directory)), child_(std::move(child)), loop_(std::make_unique<boost::asio::io_context>())
{
}

sdk::Result<Firecracker> Firecracker::start(const std::string& directory, const std::string& id)
{
    const std::string api = directory + "/" + sdk::api_socket_name;
    const sdk::os::UniqueFd inotify(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!inotify || inotify_add_watch(inotify.get(), directory.c_str(), IN_CREATE) < 0)
        return sdk::os_error("watch " + directory);
    auto console = sdk::os::open_file(directory + "/console.log", O_WRONLY | O_CREAT | O_APPEND);
    if (!console)
        return std::move(console).error();
    sdk::os::Command command;
    // Bytes of a guest's serial port come out of standard output, between the log's lines.
    command.argv = {"firecracker", "--id", id, "--api-sock", sdk::api_socket_name, "--level", "Error"};
    command.directory = directory;
    command.out = command.err = console->get();
    auto child = sdk::os::spawn(command);
    if (!child)
        return std::move(child).error();
    Firecracker vmm(directory, std::move(*child));
    auto connected = wait_for_api(api, inotify.get(), vmm.child_->pidfd());
    if (!connected)
        return std::move(connected).error();
    vmm.api_ = std::make_unique<Unix::socket>(*vmm.loop_, Unix(), connected->release());
    return vmm;
}

Firecracker::~Firecracker()
{
    if (!child_ || !loop_)
        return;
    child_->kill_group(SIGKILL);
    [[maybe_unused]] const auto status = child_->wait();
}

sdk::Result<std::string> Firecracker::request(const char* verb, const std::string& resource, const std::string& json)
{
    http::request<http::string_body> request(http::string_to_verb(verb), "/" + resource, 11);
    request.set(http::field::host, "localhost");
    request.set(http::field::accept, "application/json");
    request.body() = json;
    request.prepare_payload();
    boost::system::error_code error;
    http::write(*api_, request, error);
    boost::beast::flat_buffer buffer;
    http::response<http::string_body> response;
    if (!error)
        http::read(*api_, buffer, response, error);
    if (error)
        return sdk::make_error(sdk::Code::unavailable,
                               "firecracker does not answer " + resource + ": " + error.message());
    if (response.result_int() / 100 != 2)
        return sdk::make_error(sdk::Code::invalid, "firecracker answers " + std::to_string(response.result_int()) +
                                                       " to " + resource + ": " + response.body());
    return response.body();
}

sdk::Result<std::string> Firecracker::put(const std::string& resource, const std::string& json)
{
    return request("PUT", resource, json);
}

sdk::Result<std::string> Firecracker::patch(const std::string& resource, const std::string& json)
{
    return request("PATCH", resource, json);
}

sdk::Result<std::string> Firecracker::get(const std::string& resource)
{
    return request("GET", resource, {});
}

sdk::Result<sdk::os::UniqueFd> Firecracker::dial(unsigned port, Clock::time_point deadline) const
{
    auto channel = sdk::os::connect_unix(directory_ + "/" + sdk::agent_socket_name);
    if (!channel)
        return channel;
    if (auto sent = sdk::os::write_all(channel->get(), "CONNECT " + std::to_string(port) + "\n"); !sent)
        return std::move(sent).error();
    // Byte by byte: what follows the line belongs to the session.
    std::string answer;
    while (!answer.ends_with('\n')) {
        if (auto ready = sdk::os::wait_readable(channel->get(), -1, deadline); !ready)
            return std::move(ready).error();
        char byte = 0;
        if (read(channel->get(), &byte, 1) != 1)
            return sdk::make_error(sdk::Code::unavailable,
                                   "nobody in the guest listens on vsock port " + std::to_string(port));
        answer += byte;
    }
    if (!answer.starts_with("OK "))
        return sdk::make_error(sdk::Code::unavailable, "firecracker answers '" + answer + "' to CONNECT");
    return channel;
}

sdk::Result<int> Firecracker::wait_for_end(std::chrono::seconds timeout)
{
    if (auto ended = sdk::os::wait_readable(child_->pidfd(), -1, Clock::now() + timeout); !ended)
        return std::move(ended).error();
    auto status = child_->wait();
    child_.reset();
    return status;
}

}  // namespace banger::proofs
