// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/prepare.hpp"

#include <sys/signalfd.h>

#include <csignal>

#include "cli/guest_tool.hpp"
#include "cli/text.hpp"

namespace banger::workspace {
namespace {

using cli::printable;

std::string all_of(const std::vector<std::string>& names)
{
    std::vector<std::string> words;
    for (const auto& name : names)
        words.push_back(printable(name));
    return cli::listed(words, "and");
}

constexpr std::size_t most_named = 5;

/// "a, b and 3 more"
std::string some_of(const std::vector<std::string>& names)
{
    if (names.size() <= most_named)
        return all_of(names);
    std::vector<std::string> words(names.begin(), names.begin() + most_named);
    for (auto& word : words)
        word = printable(word);
    words.push_back(std::to_string(names.size() - most_named) + " more");
    return cli::listed(words, "and");
}

std::string counted(std::size_t count, const std::string& what)
{
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

int stop_descriptor()
{
    sigset_t wanted;
    sigemptyset(&wanted);
    for (int signal = 1; signal < SIGRTMIN; ++signal)
        if (cli::Signals::asks_to_stop(signal))
            sigaddset(&wanted, signal);
    return ::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

void say_what_goes(cli::Context& context, const PrepareOptions& options, const Checkout& checkout)
{
    const auto& repository = checkout.repository();
    const auto files = checkout.all_files();
    std::string line = "workspace: " + printable(repository.root) + " to " + printable(options.guest_path);
    if (!options.checkout.from.empty()) {
        line += ", branch " + printable(checkout.branch()) + " from " + printable(options.checkout.from) +
                ": uncommitted changes stay here";
        if (!files.hollow.empty())
            line += ", and what is in the submodule" + std::string(files.hollow.size() == 1 ? " " : "s ") + some_of(files.hollow);
        return context.note(line);
    }
    if (!repository.is_git) {
        line += ", which is no repository: all of it goes";
    } else {
        line += ", " + (checkout.branch().empty() ? "at " + repository.head.substr(0, 12) : "branch " + printable(checkout.branch()));
        line += ": " + counted(files.tracked.size(), "tracked file");
        if (!options.checkout.tracked_only)
            line += ", " + std::to_string(files.untracked.size()) + " untracked";
    }
    if (const auto secrets = files.secrets(); !secrets.empty()) {
        line += ", and " + all_of(secrets) + (secrets.size() == 1 ? " looks like a secret" : " look like secrets");
        line += repository.is_git ? " (--tracked-only leaves untracked files out)" : "";
    }
    context.note(line);
    if (!files.nested.empty())
        context.note("workspace: " + some_of(files.nested) +
                     (files.nested.size() == 1 ? " is a repository" : " are repositories") +
                     " inside this one and no submodule: left out");
}

}  // namespace

sdk::Result<int> interrupt_of(cli::Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    // Not the session's descriptor: that one tells of a terminal's new size and of a continued job as well, which are no
    // reason to stop. Who reads that one takes what this one shows.
    static const sdk::os::UniqueFd stops(stop_descriptor());
    if (!stops)
        return sdk::os_error("watch for signals");
    return stops.get();
}

sdk::Error interrupted(cli::Context& context, sdk::Error error)
{
    if (error.code == sdk::Code::cancelled && context.session() != nullptr)
        for (const int signal : context.session()->signals().read())
            if (cli::Signals::asks_to_stop(signal))
                context.session()->note_interrupt(signal);
    return error;
}

sdk::Result<Preparation> Preparation::begin(cli::Context& context, const PrepareOptions& options)
{
    auto interrupt = interrupt_of(context);
    if (!interrupt)
        return std::move(interrupt).error();
    if (options.problem)
        return *options.problem;
    auto checkout = Checkout::plan(options.path, options.checkout, *interrupt);
    if (!checkout)
        return interrupted(context, std::move(checkout).error());
    say_what_goes(context, options, *checkout);
    return Preparation(context, options, std::move(*checkout));
}

sdk::Result<void> Preparation::stage()
{
    if (auto staged = checkout_.stage(); !staged)
        return interrupted(context_, std::move(staged).error());
    return {};
}

sdk::Result<void> Preparation::send(const std::string& vm)
{
    if (auto renewed = checkout_.renew(); !renewed)
        return interrupted(context_, std::move(renewed).error());
    std::vector<std::string> changed;
    std::vector<std::string> skipped;
    {
        cli::CopyMeter meter(context_.progress(), "copying " + printable(checkout_.repository().root), 0);
        tree::PackEvents events;
        events.on_changed = [&](const std::string& name) { changed.push_back(name); };
        events.on_skipped = [&](const std::string& path, std::string_view what) {
            skipped.push_back(std::string(what) + ", " + printable(path));
        };
        events.on_progress = [&](std::uint64_t bytes) { meter.at(bytes); };
        auto sent = cli::feed_tool(context_, {vm, "create", {options_.guest_path}, ""}, [&](int out) {
            tree::Packer packer(out, events);
            auto packed = checkout_.pack(packer, changed);
            return packed ? packer.finish() : packed;
        });
        if (!sent)
            return std::move(sent).error().while_doing("copy the workspace to vm '" + printable(vm) + "'");
    }
    for (const auto& one : skipped)
        context_.note("workspace: left out " + one);
    for (const auto& name : changed)
        context_.note("workspace: it kept changing while it was copied: " + printable(name));
    if (!options_.read_only)
        return {};
    auto sealed = cli::ask_tool(context_, {vm, "seal", {options_.guest_path}, ""});
    return sealed ? sdk::Result<void>() : std::move(sealed).error();
}

json::Object Preparation::facts() const
{
    const auto files = checkout_.all_files();
    json::Object facts;
    facts.set("host_path", checkout_.repository().root).set("guest_path", options_.guest_path);
    facts.set("head", checkout_.repository().head).set("branch", checkout_.branch()).set("base", checkout_.base());
    facts.set("files", checkout_.names().size());
    facts.set("untracked", checkout_.repository().is_git ? files.untracked.size() : 0);
    return facts;
}

}  // namespace banger::workspace
