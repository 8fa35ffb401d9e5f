// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "cli/commands/each_vm.hpp"
#include "cli/commands/spec_options.hpp"
#include "cli/commands/vm.hpp"
#include "cli/render/stats.hpp"
#include "cli/terminal.hpp"
#include "core/base/durations.hpp"

namespace banger::cli {
namespace {

constexpr std::chrono::milliseconds least_interval{100};

/// Looks at the machines again and again. Two looks make a sample: what a CPU does is a difference.
class Sampler {
public:
    Sampler(const VmStats& verb, Context& context, Session& session)
        : verb_(verb), context_(context), session_(session)
    {
    }

    /// Takes the first look, from which the first sample is counted.
    sdk::Result<void> begin() { return look(); }

    /// What there is now, and what happened since the look before.
    sdk::Result<json::Document> take()
    {
        const auto before = std::move(looks_);
        if (auto looked = look(); !looked)
            return std::move(looked).error();
        json::Array vms;
        for (const auto& vm : order_)
            vms.add(with_percent(vm, before));
        json::Object sample;
        sample.set("vms", vms);
        return std::move(sample).take();
    }

    /// Whether one of those that were named could not be looked at.
    [[nodiscard]] bool failed() const { return !reported_.empty(); }

private:
    using Looks = std::map<std::string, json::Document>;

    sdk::Result<std::vector<std::string>> names()
    {
        if (!verb_.vms.empty())
            return verb_.vms;
        auto list = session_.call("vm.list", json::Object());
        if (!list)
            return std::move(list).error();
        std::vector<std::string> running;
        if (const json::Value* vms = json::find(list->result, "vms"); vms != nullptr && vms->IsArray())
            for (const auto& vm : vms->GetArray())
                if (json::string_or(vm, "state") == "running")
                    running.push_back(json::string_or(vm, "id"));
        return running;
    }

    sdk::Result<void> look()
    {
        auto vms = names();
        if (!vms)
            return std::move(vms).error();
        std::vector<rpc::Request> requests(vms->size());
        for (std::size_t i = 0; i < vms->size(); ++i) {
            requests[i].method = "vm.stats";
            requests[i].params.set("vm", (*vms)[i]);
        }
        std::vector<std::optional<sdk::Result<rpc::Reply>>> replies(vms->size());
        session_.call_all(requests, most_vms_at_a_time, [&](std::size_t which, sdk::Result<rpc::Reply> reply) {
            replies[which].emplace(std::move(reply));
        });
        looks_.clear();
        order_.clear();
        for (std::size_t i = 0; i < vms->size(); ++i) {
            const std::string& vm = (*vms)[i];
            auto& reply = *replies[i];
            if (!reply) {
                if (reply.error().code == sdk::Code::cancelled || vms->size() == 1)
                    return std::move(reply).error();
                note_failure(vm, reply.error());
                continue;
            }
            if (looks_.emplace(vm, std::move(reply->result)).second)
                order_.push_back(vm);
        }
        return {};
    }

    // Once, however often it is looked for; one that only ran a moment ago is no failure.
    void note_failure(const std::string& vm, const sdk::Error& error)
    {
        if (!verb_.vms.empty() && reported_.insert(vm).second)
            context_.report(error);
    }

    [[nodiscard]] json::Object with_percent(const std::string& name, const Looks& before) const
    {
        const json::Value& now = looks_.at(name);
        json::Object vm;
        vm.set_all(now);
        static const json::Value nothing;
        const auto found = before.find(name);
        const json::Value& old = found == before.end() ? nothing : found->second;
        const auto elapsed = difference(&now, &old, "sampled_ms");
        const auto worked = difference(json::find(now, "host"), json::find(old, "host"), "cpu_ms");
        // Less than before: its VMM is another one.
        if (elapsed && worked && *elapsed > 0 && *worked >= 0) {
            const double percent = 100.0 * static_cast<double>(*worked) / static_cast<double>(*elapsed);
            vm.set("interval_ms", *elapsed).set("cpu_percent", std::round(percent * 10) / 10);
        } else {
            vm.set_null("interval_ms").set_null("cpu_percent");
        }
        return vm;
    }

    static std::optional<std::int64_t> difference(const json::Value* now, const json::Value* before, const char* key)
    {
        const auto new_value = now == nullptr ? std::nullopt : json::find_int(*now, key);
        const auto old_value = before == nullptr ? std::nullopt : json::find_int(*before, key);
        return new_value && old_value ? std::optional(*new_value - *old_value) : std::nullopt;
    }

    const VmStats& verb_;
    Context& context_;
    Session& session_;
    Looks looks_;  ///< by what each was asked for as
    std::vector<std::string> order_;
    std::set<std::string> reported_;
};

// On a terminal each sample takes the place of the one before.
std::string page_of(const VmStats& verb, const json::Value& sample, const Context& context)
{
    if (context.json())
        return json::to_pretty(sample);
    const json::Value* vms = json::find(sample, "vms");
    const bool one = verb.vms.size() == 1 && vms->Size() == 1;
    const std::string page = one ? stats_page((*vms)[0], context.columns()) : stats_table(sample, context.columns());
    if (verb.watch && is_terminal(STDOUT_FILENO))
        return "\x1b[H\x1b[2J" + page;
    return page;
}

}  // namespace

Syntax VmStats::syntax()
{
    Syntax syntax;
    syntax.path = "vm stats";
    syntax.summary = "what machines take of the host, and what they have left inside";
    syntax.description =
        "Of the machines that run, or of those named. CPU is the host's time for a machine and its helpers, 100% for "
        "one whole processor; memory is theirs in the host's RAM. Disks are what they take of the host's, of which the "
        "guest's file systems use a part. Network counts from the host, and from the guest where the host does not "
        "know. One machine alone gets a page with everything.";
    syntax.operands = {{"VM", Operand::Count::any}};
    syntax.options = {{"watch", 'w', "", "go on until Ctrl-C", {}, false},
                      {"interval", 'i', "TIME", "how long a sample takes: 1s if left out, 2s with --watch", {}, false}};
    syntax.examples = {{"banger vm stats", "a line for each"},
                       {"banger vm stats --watch web", "everything about one, again and again"},
                       {"banger vm stats -o json | jq '.vms[] | {name, cpu_percent}'", "for a script"}};
    return syntax;
}

sdk::Result<VmStats> VmStats::parse(const Arguments& arguments)
{
    auto vms = parse_vms(arguments);
    if (!vms)
        return std::move(vms).error();
    VmStats verb;
    verb.vms = std::move(*vms);
    verb.watch = arguments.has("watch");
    verb.interval = std::chrono::seconds(verb.watch ? 2 : 1);
    const auto text = arguments.value("interval");
    if (!text)
        return verb;
    auto interval = base::parse_duration("--interval", *text);
    if (!interval)
        return std::move(interval).error();
    if (*interval < least_interval || *interval > std::chrono::hours(1))
        return sdk::make_error(sdk::Code::invalid, "--interval cannot be that: it is 100ms to 1h",
                               "write a time such as 500ms or 5s");
    verb.interval = *interval;
    return verb;
}

sdk::Result<Exit> run(const VmStats& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    Sampler sampler(verb, context, **session);
    if (auto begun = sampler.begin(); !begun)
        return std::move(begun).error();
    do {
        if (const auto signal = (*session)->pause(verb.interval))
            return Exit(SignalExit{*signal});
        auto sample = sampler.take();
        if (!sample)
            return std::move(sample).error();
        if (auto printed = context.print(page_of(verb, *sample, context)); !printed)
            return std::move(printed).error();
    } while (verb.watch);
    return Exit(sampler.failed() ? OwnExit::failed : OwnExit::done);
}

}  // namespace banger::cli
