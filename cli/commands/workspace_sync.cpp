// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/workspace.hpp"
#include "cli/commands/workspace_options.hpp"
#include "cli/text.hpp"
#include "cli/workspace/two_way.hpp"

namespace banger::cli {
namespace {

json::Object facts_of(const workspace::Synced& synced)
{
    json::Array files;
    const auto add = [&](const char* how, const std::vector<std::string>& names) {
        for (const auto& name : names) {
            json::Object file;
            file.set("how", how).set("name", name);
            files.add(file);
        }
    };
    add("sent", synced.sent);
    add("removed", synced.removed);
    add("received", synced.received);
    add("removed-here", synced.removed_here);
    add("conflict", synced.conflicts);
    json::Object facts;
    facts.set("sent", synced.sent.size()).set("removed", synced.removed.size());
    facts.set("received", synced.received.size()).set("removed_here", synced.removed_here.size());
    facts.set("conflicts", synced.conflicts.size()).set("files", files);
    return facts;
}

/// "sent 3: a, b and c; removed 1: d"
std::string line_of(const workspace::Synced& synced)
{
    constexpr std::size_t most_named = 3;
    std::string line;
    const auto add = [&](const char* verb, const std::vector<std::string>& names) {
        if (names.empty())
            return;
        std::vector<std::string> words;
        for (const auto& name : names)
            if (words.size() < most_named)
                words.push_back(printable(name));
        if (names.size() > most_named)
            words.push_back(std::to_string(names.size() - most_named) + " more");
        line += (line.empty() ? "" : "; ") + std::string(verb) + " " + std::to_string(names.size()) + ": " +
                listed(words, "and");
    };
    add("sent", synced.sent);
    add("removed", synced.removed);
    add("received", synced.received);
    add("removed here", synced.removed_here);
    add("in conflict", synced.conflicts);
    return (line.empty() ? "nothing changed" : line) + "\n";
}

/// A conflict stays until somebody does something about it: how is said each time.
void report(Context& context, const workspace::Synced& synced)
{
    for (const auto& name : synced.conflicts)
        context.note("workspace: " + quoted(name) + " changed on both sides: the machine's is " +
                     quoted(name + workspace::conflict_ending) + " now; remove that once " + quoted(name) +
                     " is as it should be");
}

template <typename Kind>
sdk::Result<Exit> run_as(Kind&& sync, bool watch, Context& context)
{
    if (auto begun = sync.begin(); !begun)
        return std::move(begun).error();
    if (!watch) {
        auto synced = sync.all();
        if (!synced)
            return std::move(synced).error();
        report(context, *synced);
        return context.show(facts_of(*synced).value(), [&] { return line_of(*synced); });
    }
    workspace::SyncListener listener;
    listener.on_ready = [&] { context.note("workspace: watching, until Ctrl-C"); };
    listener.on_round = [&](const workspace::Synced& synced) {
        report(context, synced);
        // A reader that went away ends us by SIGPIPE, as it should.
        (void)context.print(context.json() ? facts_of(synced).text() + "\n" : line_of(synced));
    };
    auto signal = sync.go_on(listener);
    if (!signal)
        return std::move(signal).error();
    return Exit(SignalExit{*signal});
}

}  // namespace

Syntax WorkspaceSync::syntax()
{
    Syntax syntax;
    syntax.path = "vm workspace sync";
    syntax.summary = "bring what changed here since into a machine's workspace";
    syntax.description =
        "Changed, new and deleted files of the repository, those that git tracks and those that it does not ignore. What "
        "only the machine changed, or only the machine has, stays; a file that changed on both sides becomes the one "
        "from here.\n\n"
        "With --watch it goes on until Ctrl-C, and each change arrives when it is made. In the machine a file is "
        "replaced by rename, which programs that watch it there see.\n\n"
        "With --two-way the machine's changes come back as well. A file that changed on both sides is a conflict: the "
        "one here stays, the machine's is put beside it as NAME.guest-conflict, and neither goes to the other side until "
        "that file is removed; then the one here goes. So is a file where the other side has a directory. A deletion gives way to a change on the other side.";
    syntax.operands = {{"VM"}, {"PATH", Operand::Count::optional}};
    syntax.options = {
        {"guest-path", 0, "PATH", "where the workspace is in the machine; /root/repo if left out", {}, false},
        {"watch", 'w', "", "go on with what changes, until Ctrl-C", {}, false},
        {"two-way", 0, "", "bring the machine's changes back too", {}, false},
        {"tracked-only", 0, "", "leave out what git does not track", {}, false}};
    syntax.examples = {{"banger vm workspace sync web", "the repository we are in, once"},
                       {"banger vm workspace sync --watch web ~/src/shop", "while you edit"},
                       {"banger vm workspace sync --watch --two-way web", "while somebody edits there too"}};
    return syntax;
}

sdk::Result<WorkspaceSync> WorkspaceSync::parse(const Arguments& arguments)
{
    auto parsed = parse_vm_workspace(arguments);
    if (!parsed)
        return std::move(parsed).error();
    const auto& options = parsed->options;
    return WorkspaceSync{{std::move(parsed->vm), options.path, options.guest_path, options.checkout.tracked_only,
                          options.problem},
                         arguments.has("watch"), arguments.has("two-way")};
}

sdk::Result<Exit> run(const WorkspaceSync& verb, Context& context)
{
    if (verb.options.problem)
        return *verb.options.problem;
    if (verb.two_way)
        return run_as(workspace::TwoWaySync(context, verb.options), verb.watch, context);
    return run_as(workspace::Sync(context, verb.options), verb.watch, context);
}

}  // namespace banger::cli
