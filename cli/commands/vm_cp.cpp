// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "banger/sdk/os/file.hpp"
#include "cli/commands/spec_options.hpp"
#include "cli/commands/vm.hpp"
#include "cli/guest_tool.hpp"
#include "cli/text.hpp"
#include "guest/tree/packer.hpp"
#include "guest/tree/target.hpp"
#include "guest/tree/unpacker.hpp"

namespace banger::cli {
namespace {

using sdk::os::UniqueFd;

constexpr std::string_view standard_stream = "-";

VmCp::Place place_in(const std::string& text)
{
    const auto colon = text.find(':');
    if (colon == std::string::npos || colon == 0 || text.find('/') < colon)
        return {"", text};
    const std::string path = text.substr(colon + 1);
    return {text.substr(0, colon), path.empty() ? "." : path};
}

/// The name a copy of it takes: the last one of its path. "." where the path ends in "." or "..": its content is meant.
std::string own_name(std::string path)
{
    while (path.size() > 1 && path.back() == '/')
        path.pop_back();
    const std::string name = path.substr(path.rfind('/') + 1);
    return name.empty() || name == "." || name == ".." ? "." : name;
}

std::uint64_t size_of(const std::string& path)
{
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
}

class Copy {
public:
    Copy(const VmCp& verb, Context& context)
        : verb_(verb),
          context_(context),
          call_{verb.from.vm.empty() ? verb.to.vm : verb.from.vm, "", {}, verb.user},
          meter_(context.progress(), "copying " + printable(verb.from.path),
                 verb.from.vm.empty() ? size_of(verb.from.path) : 0)
    {
    }

    sdk::Result<std::uint64_t> run()
    {
        auto done = verb_.to.vm.empty() ? out_of_guest() : into_guest();
        if (!done)
            return std::move(done).error();
        for (const auto& note : notes_)
            context_.note(note);
        return bytes_;
    }

private:
    sdk::Result<void> into_guest()
    {
        if (verb_.from.path == standard_stream) {
            call_.tool = "write";
            call_.arguments = {verb_.to.path};
            const UniqueFd nothing(::open("/dev/null", O_WRONLY | O_CLOEXEC));
            return run_tool(context_, call_, STDIN_FILENO, nothing.get(), counter(STDIN_FILENO));
        }
        struct stat status {};
        if (::stat(verb_.from.path.c_str(), &status) != 0)
            return sdk::os_error("read '" + printable(verb_.from.path) + "'");
        call_.tool = "unpack";
        call_.arguments = {verb_.to.path, own_name(verb_.from.path)};
        return feed_tool(context_, call_, [this](int out) { return pack(out); });
    }

    /// Counts, and shows it unless somebody types or reads on the same terminal.
    std::function<void(std::size_t)> counter(int stream)
    {
        return [this, shown = ::isatty(stream) == 0](std::size_t more) {
            bytes_ += more;
            if (shown)
                meter_.at(bytes_);
        };
    }

    sdk::Result<void> pack(int out)
    {
        tree::PackEvents events;
        events.on_skipped = [this](const std::string& path, std::string_view what) {
            notes_.push_back("left out " + std::string(what) + ": " + printable(path));
        };
        events.on_changed = [this](const std::string& name) {
            notes_.push_back("it changed while it was read: " + printable(name));
        };
        events.on_progress = [this](std::uint64_t bytes) { meter_.at(bytes_ = bytes); };
        tree::Packer packer(out, std::move(events));
        const UniqueFd directory(::open(verb_.from.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        auto packed = directory ? packer.add_tree(directory.get(), ".", ".") : packer.add_target(verb_.from.path, ".");
        return packed ? packer.finish() : packed;
    }

    sdk::Result<void> out_of_guest()
    {
        call_.arguments = {verb_.from.path};
        if (verb_.to.path == standard_stream) {
            call_.tool = "read";
            const UniqueFd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
            return run_tool(context_, call_, nothing.get(), STDOUT_FILENO, counter(STDOUT_FILENO));
        }
        auto target = tree::target_of(verb_.to.path, own_name(verb_.from.path));
        if (!target)
            return std::move(target).error();
        const UniqueFd directory(::open(target->directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!directory)
            return sdk::os_error("open the directory '" + printable(target->directory) + "'");
        call_.tool = "pack";
        return drain_tool(context_, call_, [&](int in) -> sdk::Result<void> {
            tree::UnpackOptions options;
            options.on_progress = [this](std::uint64_t bytes) { meter_.at(bytes_ = bytes); };
            tree::DescriptorInput stream(in);
            auto unpacked = tree::unpack(stream, directory.get(), target->leaf, options);
            return unpacked ? sdk::Result<void>() : std::move(unpacked).error();
        });
    }

    const VmCp& verb_;
    Context& context_;
    ToolCall call_;
    CopyMeter meter_;
    std::uint64_t bytes_ = 0;
    std::vector<std::string> notes_;
};

}  // namespace

Syntax VmCp::syntax()
{
    Syntax syntax;
    syntax.path = "vm cp";
    syntax.summary = "copy files and directories into a running machine or out of it";
    syntax.description =
        "One of the two is VM:PATH. A copy goes into a directory that is there, under its own name, else it takes the "
        "name it is given; a source that ends in `/.` means what is in the directory. Paths in the machine that do not "
        "begin with `/` begin at the user's home. `-` is standard input or output, for one file.\n\n"
        "Permissions, times, links and holes are kept; what is made belongs to who makes it. Files that are there are "
        "replaced. Sockets, devices and FIFOs are left out, and named.";
    syntax.operands = {{"SOURCE"}, {"DESTINATION"}};
    syntax.options = {{"user", 'u', "USER", "who reads or writes in the machine; root if left out", {}, false}};
    syntax.examples = {{"banger vm cp notes.txt web:", "a file, to /root"},
                       {"banger vm cp web:/var/log ./logs", "a directory, out of it"},
                       {"banger vm cp site/. web:/var/www/html", "what is in a directory"},
                       {"pg_dump shop | banger vm cp - web:/root/shop.sql", "standard input"}};
    return syntax;
}

sdk::Result<VmCp> VmCp::parse(const Arguments& arguments)
{
    VmCp verb{place_in(arguments.operand(0)), place_in(arguments.operand(1)), arguments.value("user").value_or("")};
    const auto wrong = [](const std::string& why, std::string hint) {
        return sdk::make_error(sdk::Code::invalid, why, std::move(hint));
    };
    if (verb.from.vm.empty() == verb.to.vm.empty())
        return verb.from.vm.empty()
                   ? wrong("neither of the two is in a machine", "write one of them as VM:PATH")
                   : wrong("both of them are in machines", "copy it here first, or use `-` and a pipe");
    for (const auto* place : {&verb.from, &verb.to})
        if (auto vm = parse_vm(place->vm); !vm)
            return std::move(vm).error();
        else if (!place->vm.empty() && place->path == standard_stream)
            return wrong("`-` is here, not in a machine", "write VM:./- for a file of that name");
    return verb;
}

sdk::Result<Exit> run(const VmCp& verb, Context& context)
{
    auto bytes = Copy(verb, context).run();
    if (!bytes)
        return std::move(bytes).error();
    // Standard output may be the copy itself.
    if (!context.json() || verb.to.path == standard_stream)
        return Exit(OwnExit::done);
    json::Object result;
    result.set("bytes", *bytes);
    return context.show(result.value(), [] { return std::string(); });
}

}  // namespace banger::cli
