// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/workspace_options.hpp"

#include <charconv>

#include "cli/commands/spec_options.hpp"
#include "cli/text.hpp"
#include "core/config/config.hpp"
#include "core/config/paths.hpp"

namespace banger::cli {
namespace {

sdk::Result<config::Config> settings(const config::Paths& paths)
{
    return config::load(paths.config_file, config::read_host_facts());
}

sdk::Result<config::Workspace> workspace_settings()
{
    auto paths = config::Paths::find();
    if (!paths)
        return std::move(paths).error();
    auto config = settings(*paths);
    if (!config)
        return std::move(config).error();
    return config->workspace;
}

sdk::Result<std::uint64_t> parse_depth(const std::string& text)
{
    std::uint64_t depth = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), depth);
    if (problem != std::errc() || end != text.data() + text.size() || depth > 1'000'000)
        return sdk::make_error(sdk::Code::invalid, "--depth cannot be " + quoted(text) + ": it is a number of commits",
                               "such as --depth 100, or 0 for all of them");
    return depth;
}

}  // namespace

std::vector<Option> workspace_options()
{
    return {
        {"guest-path", 0, "PATH", "where it goes in the machine; /root/repo if left out", {}, false},
        {"branch", 0, "NAME", "a new branch for the checkout in the machine", {}, false},
        {"from", 0, "REVISION", "what that branch begins at, without uncommitted changes", {}, false},
        {"depth", 0, "COMMITS", "how much history goes; 0 for all; by config.toml if left out", {}, false},
        {"tracked-only", 0, "", "leave out what git does not track", {}, false},
        {"mode", 0, "MODE", "git: a checkout; copy: the same files without a repository", {"git", "copy"}, false},
        {"readonly", 0, "", "nobody can change it in the machine, until that stops", {}, false},
        {"dry-run", 0, "", "list the files that would go, and do nothing", {}, false},
    };
}

sdk::Result<workspace::PrepareOptions> parse_workspace(const Arguments& arguments, std::string path)
{
    workspace::PrepareOptions options;
    options.path = std::move(path);
    options.read_only = arguments.has("readonly");
    options.checkout.files_only = arguments.value("mode") == "copy";
    options.checkout.branch = arguments.value("branch").value_or("");
    options.checkout.from = arguments.value("from").value_or("");
    if (arguments.has("branch") && options.checkout.branch.empty())
        return sdk::make_error(sdk::Code::invalid, "--branch needs a name", "write --branch NAME");
    if (arguments.has("from") && !arguments.has("branch"))
        return sdk::make_error(sdk::Code::invalid, "--from says where a branch begins, and there is no --branch",
                               "add --branch NAME");
    if (const auto guest_path = arguments.value("guest-path")) {
        if (!guest_path->starts_with('/') || *guest_path == "/")
            return sdk::make_error(sdk::Code::invalid,
                                   "--guest-path cannot be " + quoted(*guest_path) + ": it is an absolute path",
                                   "such as --guest-path /srv/app");
        options.guest_path = *guest_path;
    }
    const auto defaults = workspace_settings();
    if (!defaults)
        options.problem = defaults.error();  // no fault of the command line's
    options.checkout.tracked_only = arguments.has("tracked-only") || (defaults && defaults->tracked_only.value);
    options.checkout.depth = defaults ? defaults->depth.value : 0;
    if (const auto depth = arguments.value("depth")) {
        auto commits = parse_depth(*depth);
        if (!commits)
            return std::move(commits).error();
        options.checkout.depth = *commits;
    }
    return options;
}

sdk::Result<VmWorkspace> parse_vm_workspace(const Arguments& arguments)
{
    auto vm = parse_vm(arguments.operand(0));
    if (!vm)
        return std::move(vm).error();
    auto options = parse_workspace(arguments, arguments.operands().size() > 1 ? arguments.operand(1) : ".");
    if (!options)
        return std::move(options).error();
    return VmWorkspace{std::move(*vm), std::move(*options)};
}

sdk::Result<workspace::Tooling::Options> tooling_settings()
{
    auto paths = config::Paths::find();
    if (!paths)
        return std::move(paths).error();
    auto config = settings(*paths);
    if (!config)
        return std::move(config).error();
    return workspace::Tooling::Options{config->tooling, paths->cache + "/tooling",
                                       config->vm_defaults.egress.value != "none"};
}

sdk::Result<void> refuse_workspace_options(const Arguments& arguments)
{
    for (const auto& option : workspace_options())
        if (arguments.has(option.name))
            return sdk::make_error(sdk::Code::invalid, "--" + option.name + " is about a directory, and none is named",
                                   "name one, such as `.`");
    return {};
}

sdk::Result<Exit> print_plan(Context& context, const workspace::Preparation& preparation)
{
    const auto names = preparation.checkout().names();
    json::Object plan = preparation.facts();
    plan.set("names", names);
    return context.show(plan.value(), [&] {
        std::string lines;
        for (const auto& name : names)
            lines += printable(name.substr(2)) + "\n";
        return lines;
    });
}

}  // namespace banger::cli
