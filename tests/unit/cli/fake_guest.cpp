// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cli/fake_guest.hpp"

#include <sys/socket.h>

#include <array>

#include "banger/sdk/os/file.hpp"
#include "core/model/json.hpp"
#include "guest/protocol/exec_messages.hpp"
#include "guest/protocol/frames.hpp"
#include "tests/unit/cli/local_tool.hpp"

namespace banger::cli::testing {
namespace {

using agent::FrameType;

// What git says in a guest whose workspace changed.
constexpr char workspace_status[] = "5b1f0b1c4f7a4f0e8c2e5a0c5d1f2e3a4b5c6d7e\0"
                                    "9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b\0main\0"
                                    "2\0M\0src/shop.c\0A\0new\nline\0D\0old\0";
constexpr const char* workspace_patch = "diff --git a/file b/file\n--- a/file\n+++ b/file\n@@ -1 +1 @@\n-one\n+two\n";

class FakeGuest {
public:
    FakeGuest(sdk::os::UniqueFd stream, std::string params) : stream_(std::move(stream)), params_(std::move(params)) {}

    void run()
    {
        const auto document = json::parse_object(params_, "parameters");
        const auto argv = json::find_strings(*document, "argv");
        const std::string what = argv.empty() ? "shell" : argv[0];
        const std::string number = argv.size() > 1 ? argv[1] : "0";
        if (what == "params")
            return say(params_ + "\n"), end(0);
        if (what == "exit")
            return end(std::stoi(number));
        if (what == "kill")
            return send(FrameType::exit, agent::to_json(agent::ExitStatus{0, std::stoi(number)}));
        if (what == "both")
            return say("to out\n"), send(FrameType::err, "to err\n"), end(0);
        if (what == "fail")
            return send(
                FrameType::error,
                R"({"code":"not-found","message":"there is no user 'bob' in the guest","hint":"","during":[]})");
        if (what == "flood")
            while (alive_)
                say(std::string(agent::max_frame_payload, 'x'));
        const std::string tool = json::string_or(*document, "tool");
        if (tool == "create" || tool == "unpack" || tool == "unlink")
            return take_input("count");
        if (tool == "read")
            return send(FrameType::err, R"({"code":"not-found","message":"there is no such file","hint":"","during":[]})"),
                   end(1);
        if (what == "sh" && argv.size() > 2 && argv[2].find("--name-status") != std::string::npos)
            return say(std::string(workspace_status, sizeof workspace_status - 1)), end(0);
        if (what == "sh")
            return say(workspace_patch), end(0);
        if (what == "cat" || what == "count" || what == "shell")
            return take_input(what);
        if (what == "signals")
            return take_signals(std::stoi(number));
        if (what == "sizes")
            return take_sizes(*document);
    }

    void be_session()
    {
        const auto document = json::parse_object(params_, "parameters");
        const std::string name = json::string_or(*document, "name");
        const std::string how = json::string_or(*document, "how");
        send(FrameType::started, "{}");
        if (name == "gone")
            return send(FrameType::error, R"({"code":"precondition","message":"session 'gone' has ended"})");
        if (how == "send")
            return swallow(), send(FrameType::done, "{}");
        say("so far\n");
        send(FrameType::gap, "1536");
        say("and now\n");
        send(FrameType::err, "to err\n");
        if (how == "read")
            return send(FrameType::done, "{}");
        if (name == "stolen")
            return send(FrameType::error,
                        R"({"code":"busy","message":"somebody else has taken session 'stolen' over"})");
        if (name != "lasting")
            return end(0);
        while (auto frame = next())
            if (frame->type == FrameType::data)
                say("<" + frame->payload + ">");
    }

    void echo()
    {
        send(FrameType::started, "{}");
        while (auto frame = next()) {
            if (frame->type != FrameType::data && frame->type != FrameType::eof)
                continue;
            send(frame->type, frame->payload);
            if (frame->type == FrameType::eof)
                return;
        }
    }

private:
    struct Frame {
        FrameType type;
        std::string payload;
    };

    std::optional<Frame> next()
    {
        std::optional<Frame> frame;
        const auto sink = [&frame](FrameType type, std::string_view payload) {
            frame = Frame{type, std::string(payload)};
            return false;
        };
        std::array<char, agent::frame_header_size + agent::max_frame_payload> bytes{};
        while (!frame) {
            // Exactly one frame is read at a time: the header says how long it is.
            if (::recv(stream_.get(), bytes.data(), agent::frame_header_size, MSG_WAITALL) != 5)
                return std::nullopt;
            std::size_t length = 0;
            for (std::size_t i = 1; i < agent::frame_header_size; ++i)
                length = length << 8U | static_cast<unsigned char>(bytes[i]);
            if (length > 0 &&
                ::recv(stream_.get(), bytes.data() + 5, length, MSG_WAITALL) != static_cast<ssize_t>(length))
                return std::nullopt;
            if (!reader_.feed({bytes.data(), 5 + length}, sink))
                return std::nullopt;
        }
        return frame;
    }

    void send(FrameType type, std::string_view payload)
    {
        std::string bytes;
        agent::write_frame(bytes, type, payload);
        alive_ = alive_ && sdk::os::write_all(stream_.get(), bytes).has_value();
    }

    void say(std::string_view text) { send(FrameType::out, text); }
    void end(int code) { send(FrameType::exit, agent::to_json(agent::ExitStatus{code, 0})); }

    void take_input(const std::string& what)
    {
        std::size_t count = 0;
        while (auto frame = next()) {
            if (frame->type == FrameType::eof)
                break;
            if (frame->type != FrameType::data)
                continue;
            count += frame->payload.size();
            if (what != "count")
                say(frame->payload);
        }
        if (what == "count")
            say(std::to_string(count) + "\n");
        end(what == "shell" ? 3 : 0);
    }

    void swallow()
    {
        while (auto frame = next())
            if (frame->type == FrameType::eof)
                return;
    }

    void take_signals(int count)
    {
        say("ready\n");
        while (count > 0) {
            auto frame = next();
            if (!frame)
                return;
            if (frame->type != FrameType::signal)
                continue;
            say(frame->payload + "\n");
            --count;
        }
        end(0);
    }

    void take_sizes(const json::Value& params)
    {
        say(std::to_string(json::uint_or(params, "cols")) + "x" + std::to_string(json::uint_or(params, "rows")) + "\n");
        while (auto frame = next()) {
            if (frame->type == FrameType::resize) {
                const auto size = agent::window_size_of(frame->payload);
                say(std::to_string(size->columns) + "x" + std::to_string(size->rows) + "\n");
            } else if (frame->type == FrameType::data) {
                say("got " + std::to_string(static_cast<int>(frame->payload[0])) + "\n");
                return end(7);
            }
        }
    }

    sdk::os::UniqueFd stream_;
    std::string params_;
    agent::FrameReader reader_;
    bool alive_ = true;
};

}  // namespace

void run_fake_guest(sdk::os::UniqueFd stream, const std::string& params)
{
    const auto document = json::parse_object(params, "parameters");
    const std::string tool = json::string_or(*document, "tool");
    if (json::string_or(*document, "vm") == "here" && !tool.empty())
        return run_local_tool(std::move(stream), tool, json::find_strings(*document, "argv"));
    FakeGuest(std::move(stream), params).run();
}

void run_fake_session(sdk::os::UniqueFd stream, const std::string& params)
{
    FakeGuest(std::move(stream), params).be_session();
}

void run_fake_port(sdk::os::UniqueFd stream)
{
    FakeGuest(std::move(stream), {}).echo();
}

}  // namespace banger::cli::testing
