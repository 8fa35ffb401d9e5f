// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/guest_tree.hpp"

#include <algorithm>

#include "banger/sdk/os/file.hpp"
#include "cli/text.hpp"
#include "cli/workspace/checkout.hpp"
#include "cli/workspace/git.hpp"
#include "guest/tree/packer.hpp"

namespace banger::workspace {
namespace {

void append(std::string& list, const std::vector<std::string>& names, const char* ending = "")
{
    for (const auto& name : names)
        list.append(name).append(ending).push_back('\0');
}

/// As the agent's tools take it (guest/agent/tools.hpp).
std::string expectation(const tree::Stamps& stamps)
{
    const std::string text = tree::to_text(stamps);
    return std::to_string(text.size()) + "\n" + text;
}

}  // namespace

sdk::Error GuestTree::failed(sdk::Error error, const std::string& what) const
{
    return std::move(error).while_doing(what + " vm '" + cli::printable(vm_) + "'");
}

sdk::Result<tree::Stamps> GuestTree::read_record()
{
    const std::string git = path_ + "/.git/";
    if (auto record = cli::ask_tool(context_, {vm_, "read", {git + sync_record}, ""}); record) {
        keeps_record_ = true;
        tree::Stamps stamps = tree::stamps_from_text(*record).value_or({});  // damaged: everything goes again
        // The guest can write there what it likes; what is in a git directory is none of ours.
        for (auto at = stamps.begin(); at != stamps.end();)
            at = tree::is_in_git_directory(at->first) ? stamps.erase(at) : std::next(at);
        return stamps;
    } else if (record.error().code != sdk::Code::not_found) {
        return std::move(record).error();
    }
    keeps_record_ = cli::ask_tool(context_, {vm_, "read", {git + "HEAD"}, ""}).has_value();
    if (!keeps_record_)
        if (auto there = cli::ask_tool(context_, tool("unlink")); !there)
            return std::move(there).error().with_hint("make the workspace first: banger vm workspace prepare " +
                                                      cli::shell_quoted(vm_));
    return tree::Stamps();
}

sdk::Result<tree::Stamps> GuestTree::read_conflicts()
{
    auto text = cli::ask_tool(context_, {vm_, "read", {path_ + "/.git/" + conflict_record}, ""});
    if (!text && text.error().code != sdk::Code::not_found)
        return std::move(text).error();
    return tree::stamps_from_text(text.value_or("")).value_or({});
}

sdk::Result<void> GuestTree::unlink(const std::vector<std::string>& files, const std::vector<std::string>& directories)
{
    if (files.empty() && directories.empty())
        return {};
    std::string list;
    append(list, files);
    append(list, directories, "/");
    auto done = cli::ask_tool(context_, tool("unlink"), list);
    return done ? sdk::Result<void>() : failed(std::move(done).error(), "remove files in");
}

sdk::Result<std::set<std::string>> GuestTree::unlink_unchanged(const tree::Stamps& expected,
                                                               const std::vector<std::string>& directories)
{
    std::set<std::string> stayed;
    if (expected.empty() && directories.empty())
        return stayed;
    std::string list = expectation(expected);
    append(list, directories, "/");
    auto done = cli::ask_tool(context_, tool("retire"), list);
    if (!done)
        return failed(std::move(done).error(), "remove files in");
    for (auto& name : nul_terminated(*done))
        stayed.insert(std::move(name));
    return stayed;
}

sdk::Result<std::vector<std::string>> GuestTree::send(const Delivery& delivery)
{
    const bool with_record = delivery.record && keeps_record_;
    std::vector<std::string> sent;
    if (delivery.names.empty() && !with_record)
        return sent;
    std::vector<std::string> unreadable;
    std::string printed;
    {
        cli::CopyMeter meter(context_.progress(), "copying to " + cli::printable(vm_), 0);
        tree::PackEvents events;
        events.on_changed = delivery.on_changed;
        events.on_progress = [&](std::uint64_t bytes) { meter.at(bytes); };
        const auto call = delivery.expected ? tool("renew") : cli::ToolCall{vm_, "unpack", {path_, "."}, ""};
        const auto pack = [&](int out) -> sdk::Result<void> {
            if (delivery.expected)
                if (auto written = sdk::os::write_all(out, expectation(*delivery.expected)); !written)
                    return written;
            tree::Packer packer(out, events);
            for (const auto& name : delivery.names) {
                const auto stamp = delivery.from.stamp(name);
                if (!stamp)
                    continue;  // gone again, which is another round's
                delivery.on_file(name, stamp);
                auto added = packer.add(delivery.from.directory(), name, name);
                if (added) {
                    sent.push_back(name);
                    continue;
                }
                delivery.on_file(name, std::nullopt);
                if (added.error().code == sdk::Code::permission)
                    unreadable.push_back(added.error().message);
                else if (added.error().code != sdk::Code::not_found)
                    return added;
            }
            if (with_record) {
                const std::string record = tree::to_text(delivery.record());
                if (auto added = packer.add_content(std::string(".git/") + sync_record, record, 0644); !added)
                    return added;
                if (delivery.conflicts)
                    if (auto added = packer.add_content(std::string(".git/") + conflict_record,
                                                        tree::to_text(*delivery.conflicts), 0644);
                        !added)
                        return added;
            }
            return packer.finish();
        };
        if (auto fed = cli::feed_tool(context_, call, pack, &printed); !fed)
            return failed(std::move(fed).error(), "bring files to");
    }
    for (const auto& name : nul_terminated(printed))
        if (const auto found = std::find(sent.begin(), sent.end(), name); found != sent.end()) {
            sent.erase(found);
            delivery.on_stayed(name);
        }
    for (const auto& message : unreadable)
        context_.note("workspace: left out: " + message);
    return sent;
}

sdk::Result<tree::Stamps> GuestTree::scan(const std::vector<std::string>& names)
{
    std::string list;
    append(list, names);
    return look_at(list);
}

sdk::Result<tree::Stamps> GuestTree::list(const std::vector<std::string>& directories)
{
    std::string list;
    append(list, directories, "/");
    return look_at(list);
}

sdk::Result<tree::Stamps> GuestTree::look_at(const std::string& list)
{
    auto text = cli::ask_tool(context_, tool("scan"), list);
    if (!text)
        return failed(std::move(text).error(), "look at the files in");
    return tree::stamps_from_text(*text);
}

sdk::Result<void> GuestTree::fetch(const std::vector<std::string>& names,
                                   const std::function<sdk::Result<void>(int in)>& consume)
{
    std::string list;
    append(list, names);
    auto fetched = cli::drain_tool(context_, tool("gather"), consume, list);
    return fetched ? fetched : failed(std::move(fetched).error(), "take files from");
}

}  // namespace banger::workspace
