// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/guest_tool.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <thread>

#include "banger/sdk/os/file.hpp"
#include "cli/guest_stream.hpp"
#include "cli/text.hpp"
#include "guest/protocol/json.hpp"

namespace banger::cli {
namespace {

using sdk::os::UniqueFd;

constexpr int pipe_bytes = 1 << 20;

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};

sdk::Result<Pipe> make_pipe()
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return sdk::os_error("make a pipe");
    ::fcntl(ends[0], F_SETPIPE_SZ, pipe_bytes);  // fewer and longer pieces; the kernel may refuse, which does no harm
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

sdk::Result<UniqueFd> make_buffer()
{
    UniqueFd buffer(::memfd_create("banger", MFD_CLOEXEC));
    if (!buffer)
        return sdk::os_error("make a buffer");
    return buffer;
}

sdk::Result<std::string> content_of(const UniqueFd& buffer)
{
    constexpr std::size_t longest = std::size_t{1} << 30U;  // bytes; a list of files is 100 of them a name or so
    return sdk::os::read_file("/proc/self/fd/" + std::to_string(buffer.get()), longest);
}

/// What somebody said on standard error: notes, which are shown, and the last other line.
std::string take_words(Context& context, const std::string& words)
{
    constexpr std::string_view note = "note: ";
    std::string last;
    for (std::size_t at = 0; at < words.size();) {
        const auto end = std::min(words.find('\n', at), words.size());
        const std::string line = words.substr(at, end - at);
        at = end + 1;
        if (line.starts_with(note))
            context.note("in the vm: " + printable(line.substr(note.size())));
        else if (!line.empty())
            last = line;
    }
    return last;
}

constexpr int not_found_status = 127;  ///< as shells have it

/// A tool says its error as JSON, a program in words.
sdk::Error error_of(const ToolCall& call, int status, const std::string& last)
{
    if (!call.tool.empty())
        return agent::error_from_json(last);
    const std::string program = call.arguments.front();
    if (status == not_found_status)
        return sdk::make_error(sdk::Code::not_found, "vm '" + printable(call.vm) + "' has no program '" +
                                                         printable(program) + "'",
                               "install it there, or use another image");
    return sdk::make_error(sdk::Code::precondition, last.empty() ? printable(program) + " in the vm ended with status " +
                                                                       std::to_string(status)
                                                                 : printable(last));
}

class Ended {
public:
    Ended(Session& session, const ToolCall& call, std::string last)
        : session_(session), call_(call), last_(std::move(last))
    {
    }
    sdk::Result<void> operator()(const GuestExit& exit) const
    {
        constexpr int by_signal = 128;
        if (exit.status == 0)
            return {};
        if (Signals::asks_to_stop(exit.status - by_signal))
            return (*this)(SignalExit{exit.status - by_signal});
        return error_of(call_, exit.status, last_);
    }
    sdk::Result<void> operator()(const SignalExit& exit) const
    {
        session_.note_interrupt(exit.signal);
        return sdk::make_error(sdk::Code::cancelled, "it was interrupted");
    }
    sdk::Result<void> operator()(const LeftStream& /*left*/) const
    {
        return sdk::make_error(sdk::Code::cancelled, "it was left");
    }
    sdk::Result<void> operator()(const sdk::Error& error) const { return error; }

private:
    Session& session_;
    const ToolCall& call_;
    std::string last_;
};

/// `work` on a thread of its own that no signal ends: what it does to a pipe nobody holds is an error there.
class Beside {
public:
    explicit Beside(std::function<sdk::Result<void>()> work)
        : thread_([this, work = std::move(work)] {
              sigset_t pipe;
              sigemptyset(&pipe);
              sigaddset(&pipe, SIGPIPE);
              pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
              result_ = work();
          })
    {
    }
    sdk::Result<void> wait()
    {
        thread_.join();
        return std::move(result_);
    }

private:
    sdk::Result<void> result_;
    std::thread thread_;
};

}  // namespace

sdk::Result<UniqueFd> buffer_of(std::string_view content)
{
    auto buffer = make_buffer();
    if (!buffer)
        return buffer;
    if (auto written = sdk::os::write_all(buffer->get(), content); !written)
        return std::move(written).error();
    if (::lseek(buffer->get(), 0, SEEK_SET) != 0)
        return sdk::os_error("rewind a buffer");
    return buffer;
}

sdk::Result<UniqueFd> begin_tool(Session& session, const ToolCall& call)
{
    json::Object params;
    params.set("vm", call.vm).set("tool", call.tool).set("argv", call.arguments).set("user", call.user);
    auto reply = session.call("vm.exec", params);
    if (!reply)
        return std::move(reply).error();
    if (reply->descriptors.empty())
        return sdk::make_error(sdk::Code::internal, "the daemon sent no stream for the command");
    return std::move(reply->descriptors.front());
}

sdk::Result<void> run_tool(Context& context, const ToolCall& call, int in, int out,
                           const std::function<void(std::size_t)>& on_bytes)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    auto words = make_buffer();
    if (!words)
        return std::move(words).error();
    auto stream = begin_tool(**session, call);
    if (!stream)
        return std::move(stream).error();
    const auto end = run_stream(std::move(*stream), {in, out, words->get(), on_bytes}, false, (*session)->signals());
    return std::visit(Ended(**session, call, take_words(context, content_of(*words).value_or(""))), end);
}

sdk::Result<void> run_program(Context& context, const std::string& vm, const std::vector<std::string>& argv, int in,
                              int out)
{
    return run_tool(context, {vm, "", argv, ""}, in, out);
}

sdk::Result<void> feed_tool(Context& context, const ToolCall& call,
                            const std::function<sdk::Result<void>(int out)>& produce, std::string* printed)
{
    auto pipe = make_pipe();
    auto output = make_buffer();
    if (!pipe || !output)
        return !pipe ? std::move(pipe).error() : std::move(output).error();
    Beside producer([&produce, out = std::make_shared<UniqueFd>(std::move(pipe->write))] {
        auto produced = produce(out->get());
        out->reset();
        return produced;
    });
    auto ran = run_tool(context, call, pipe->read.get(), output->get());
    pipe->read.reset();
    auto produced = producer.wait();
    if (!produced && produced.error().code != sdk::Code::cancelled)
        return produced;
    if (!ran || !produced || printed == nullptr)
        return ran ? produced : ran;
    auto text = content_of(*output);
    if (!text)
        return std::move(text).error();
    *printed = std::move(*text);
    return {};
}

sdk::Result<void> drain_tool(Context& context, const ToolCall& call,
                             const std::function<sdk::Result<void>(int in)>& consume, std::string_view input)
{
    auto pipe = make_pipe();
    auto words = buffer_of(input);
    if (!pipe || !words)
        return !pipe ? std::move(pipe).error() : std::move(words).error();
    Beside consumer([&consume, in = std::make_shared<UniqueFd>(std::move(pipe->read))] {
        auto consumed = consume(in->get());
        in->reset();
        return consumed;
    });
    auto ran = run_tool(context, call, words->get(), pipe->write.get());
    const bool reader_left =
        !ran && context.session() != nullptr && context.session()->interrupted_by() == SIGPIPE;
    pipe->write.reset();
    auto consumed = consumer.wait();
    // What failed first explains the other: an input that was cut off, or a reader that went away.
    return ran || reader_left ? consumed : ran;
}

sdk::Result<std::string> ask_tool(Context& context, const ToolCall& call, std::string_view input)
{
    auto in = buffer_of(input);
    auto out = make_buffer();
    if (!in || !out)
        return !in ? std::move(in).error() : std::move(out).error();
    if (auto ran = run_tool(context, call, in->get(), out->get()); !ran)
        return std::move(ran).error();
    return content_of(*out);
}

CopyMeter::~CopyMeter()
{
    progress_.clear();
}

void CopyMeter::at(std::uint64_t bytes)
{
    constexpr std::chrono::milliseconds often{100};
    const auto now = Progress::Clock::now();
    if (!progress_.live() || now - shown_ < often)
        return;
    shown_ = now;
    json::Object params;
    params.set("stage", stage_).set("done", bytes).set("total", total_).set("unit", "bytes");
    progress_.take("progress", params.value());
}

}  // namespace banger::cli
