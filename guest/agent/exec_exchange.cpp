// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/exec_exchange.hpp"

#include <unistd.h>

#include <optional>

#include "guest/agent/tools.hpp"
#include "guest/protocol/json.hpp"

namespace banger::agent {

void ExecExchange::on_frame(FrameType type, std::string_view payload)
{
    if (command_.pid() == 0) {
        if (type != FrameType::spec)
            return fail(sdk::make_error(sdk::Code::invalid, "the first frame of an exec must be its spec"));
        return start(payload);
    }
    switch (type) {
        case FrameType::data: command_.write(payload); break;
        case FrameType::eof: command_.end_input(); break;
        case FrameType::resize:
            if (const auto size = window_size_of(payload))
                command_.resize(*size);
            break;
        case FrameType::signal:
            if (const auto number = signal_number(payload))
                command_.send_signal(*number);
            break;
        default: break;
    }
}

void ExecExchange::on_end(bool)
{
    // The client will say no more: for the command that is the end of its input.
    if (command_.pid() == 0)
        return fail(sdk::make_error(sdk::Code::invalid, "an exec must begin with its spec"));
    command_.end_input();
}

void ExecExchange::start(std::string_view text)
{
    auto spec = exec_spec_from_json(text);
    if (!spec)
        return fail(spec.error());
    auto launch = launch_of(*spec);
    if (!launch)
        return fail(launch.error());
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
            launch->work = [run = tool->run, ring = shared->ring] {
                SharedInput input(ring, STDIN_FILENO);
                return run(input);
            };
        } else {
            launch->work = [run = tool->run] {
                tree::DescriptorInput input(STDIN_FILENO);
                return run(input);
            };
        }
    }
    if (auto started = command_.start(std::move(*launch), std::move(shared)); !started)
        return fail(started.error());
    JsonText facts;
    facts.begin_object().member("pid", static_cast<int>(command_.pid())).end_object();
    queue(FrameType::started, facts.str());
}

FramedExchange::Pulled ExecExchange::pull(std::span<char> room)
{
    if (const auto output = command_.read(room); output.bytes > 0)
        return {output.type, output.bytes};
    if (command_.ended() && !finished()) {
        queue(FrameType::exit, to_json(*command_.exited()));
        finish();
    }
    return {};
}

}  // namespace banger::agent
