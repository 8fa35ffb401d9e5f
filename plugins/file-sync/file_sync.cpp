// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "file_sync.hpp"

#include <algorithm>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "home.hpp"
#include "tree_plan.hpp"

namespace banger::file_sync {
namespace {

constexpr const char* authorized_keys = "/root/.ssh/authorized_keys";
constexpr std::size_t most_keys = 1U << 20U;

std::string entries(std::size_t count)
{
    return std::to_string(count) + (count == 1 ? " table" : " tables");
}

// The lines of `first`, then those of `second` that are not among them.
std::string united_lines(std::string first, const std::string& second)
{
    if (!first.empty() && first.back() != '\n')
        first += '\n';
    for (std::size_t at = 0; at < second.size();) {
        const auto end = std::min(second.find('\n', at), second.size());
        const std::string line = second.substr(at, end - at) + "\n";
        at = end + 1;
        if (line.size() > 1 && ("\n" + first).find("\n" + line) == std::string::npos)
            first += line;
    }
    return first;
}

// Carries items into the guest, many to a request: as many as files may well be open at once, and no more than is soon
// there, so that a cancelled call ends soon.
class Sender {
public:
    Sender(sdk::GuestAccess& guest, sdk::Call& call, std::uint64_t total) : guest_(guest), call_(call), total_(total) {}

    sdk::Result<void> add(const Plan& plan, const Item& item)
    {
        sdk::GuestEntry entry{item.type, item.guest, item.mode, item.target, -1, {}};
        if (item.type == sdk::GuestEntry::Type::file) {
            auto source = open_source(plan, item);
            if (!source && source.error().code == sdk::Code::not_found) {
                call_.warn("'" + plan.top + "/" + item.source + "' is left out: it was removed meanwhile");
                return {};
            }
            if (!source)
                return std::move(source).error();
            if (item.guest == authorized_keys) {
                auto keys = with_keys_in_guest(source->get());
                if (!keys)
                    return std::move(keys).error();
                entry.content = std::move(*keys);
            } else {
                entry.source = source->get();
                open_.push_back(std::move(*source));
            }
        }
        entries_.push_back(std::move(entry));
        waiting_ += item.size;
        constexpr std::size_t most_entries = 512;
        constexpr std::size_t most_open = 64;
        constexpr std::uint64_t most_bytes = 64U << 20U;
        if (entries_.size() < most_entries && open_.size() < most_open && waiting_ < most_bytes)
            return {};
        return send();
    }

    sdk::Result<void> send()
    {
        if (call_.cancelled())
            return sdk::make_error(sdk::Code::cancelled, "cancelled");
        if (entries_.empty())
            return {};
        if (auto put = guest_.put(entries_); !put)
            return put;
        entries_.clear();
        open_.clear();
        done_ += std::exchange(waiting_, 0);
        call_.progress({"provision: file-sync", done_, total_, "bytes"});
        return {};
    }

private:
    sdk::Result<std::string> with_keys_in_guest(int source)
    {
        auto ours = sdk::os::read_file("/proc/self/fd/" + std::to_string(source), most_keys);
        if (!ours)
            return std::move(ours).error();
        auto theirs = guest_.read(authorized_keys, most_keys);
        if (!theirs && theirs.error().code != sdk::Code::not_found)
            return std::move(theirs).error();
        return united_lines(std::move(*ours), theirs.value_or(""));
    }

    sdk::GuestAccess& guest_;
    sdk::Call& call_;
    const std::uint64_t total_;
    std::uint64_t done_ = 0;
    std::uint64_t waiting_ = 0;
    std::vector<sdk::GuestEntry> entries_;
    std::vector<sdk::os::UniqueFd> open_;  // the sources of the entries
};

class FileSync final : public sdk::Provisioner {
public:
    FileSync(Config config, std::string home) : config_(std::move(config)), home_(std::move(home)) {}

    sdk::Result<sdk::Probe> probe(sdk::Call& /*call*/) override
    {
        sdk::Probe probe;
        probe.usable = true;
        probe.reason = config_.files.empty() ? "no [[file_sync]] in the configuration"
                                             : "brings " + entries(config_.files.size()) + " of [[file_sync]]";
        std::string missing;
        for (const auto& entry : config_.files)
            if (!sdk::os::exists(expanded(entry.host, home_)))
                missing += (missing.empty() ? "" : ", ") + entry.host;
        if (!missing.empty()) {
            probe.reason += "; not there: " + missing;
            probe.hint = "make what is missing, or take it out of the configuration";
        }
        return probe;
    }

    sdk::Result<void> apply(const sdk::ProvisionRequest& /*request*/, sdk::GuestAccess& guest, sdk::Call& call) override
    {
        if (call.cancelled())
            return sdk::make_error(sdk::Code::cancelled, "cancelled");
        std::vector<Plan> plans;
        std::uint64_t total = 0;
        for (const auto& entry : config_.files) {
            auto looked = plan(entry, home_, call);
            if (!looked)
                return std::move(looked).error().while_doing("bring '" + entry.host + "' to '" + entry.guest + "'");
            for (const auto& warning : looked->warnings)
                call.warn(warning);
            for (const auto& item : looked->items)
                total += item.size;
            plans.push_back(std::move(*looked));
        }
        Sender sender(guest, call, total);
        for (const auto& plan : plans)
            for (const auto& item : plan.items)
                if (auto added = sender.add(plan, item); !added)
                    return added;
        return sender.send();
    }

private:
    const Config config_;
    const std::string home_;
};

}  // namespace

std::unique_ptr<sdk::Provisioner> make_file_sync(Config config, std::string home)
{
    return std::make_unique<FileSync>(std::move(config), std::move(home));
}

}  // namespace banger::file_sync
