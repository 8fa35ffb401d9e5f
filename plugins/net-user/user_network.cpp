// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "user_network.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/own_program.hpp"
#include "filter_descriptors.hpp"
#include "guest_network.hpp"
#include "link_process.hpp"
#include "passt.hpp"
#include "plugins/json/object_reader.hpp"
#include "traffic.hpp"

namespace banger::user {
namespace {

using sdk::Code;
using sdk::make_error;
namespace os = sdk::os;

constexpr std::string_view stream_word = "link:stream-socket";
constexpr std::string_view restricted_word = "link:user-restricted";
constexpr std::string_view none_word = "link:none";
constexpr std::chrono::seconds longest_filter_start{30};
constexpr std::chrono::milliseconds longest_filter_answer{500};  // of a filter that lives

/// The plugin's section of the configuration; the schema in net-user.plugin.json describes each key.
struct Config {
    std::string passt = "passt";
    std::string filter;
};

sdk::Result<Config> read_config(std::string_view text)
{
    Config config;
    auto read = plugin_json::read_section(text, "net-user", [&](plugin_json::ObjectReader& section) {
        config.passt = section.text("passt", plugin_json::is_not_empty, config.passt);
        config.filter = section.text("filter", plugin_json::is_any);
    });
    if (!read)
        return std::move(read).error();
    return config;
}

sdk::Result<std::string> find_filter_program(const std::string& configured)
{
    return sdk::find_own_program({"banger-net-filter", "net-user", "filter", BANGER_NET_FILTER_FROM_PLUGIN}, configured,
                                 reinterpret_cast<const void*>(&find_filter_program));
}

std::string socket_of(const sdk::Owner& owner)
{
    return owner.directory + "/net.sock";
}

std::string counters_of(const sdk::Owner& owner)
{
    return owner.directory + "/net-count.sock";
}

// What the filter says has passed. No facts from one that does not answer, or is of an earlier banger.
sdk::Fields ask_traffic(const sdk::Owner& owner)
{
    const auto filter = os::try_connect_unix(counters_of(owner));
    if (!filter)
        return {};
    std::string said;
    const auto deadline = std::chrono::steady_clock::now() + longest_filter_answer;
    while (said.size() < 4096 && os::wait_readable(filter->get(), -1, deadline)) {
        std::array<char, 512> bytes{};
        const ssize_t got = ::read(filter->get(), bytes.data(), bytes.size());
        if (got <= 0)
            break;
        said.append(bytes.data(), static_cast<std::size_t>(got));
    }
    return traffic_facts(said);
}

sdk::Link link_without_outside(const sdk::LinkSpec& spec)
{
    sdk::Link link;
    link.mac = sdk::mac_of(spec.owner);
    link.attachment.kind = "none";
    if (spec.attachment == restricted_word) {
        link.attachment.kind = "user-restricted";
        link.address = std::string(guest_network::address) + "/" + guest_network::prefix_bits;
    }
    return link;
}

sdk::Link link_through(const sdk::LinkSpec& spec)
{
    sdk::Link link;
    link.attachment = {"stream-socket", {{"path", socket_of(spec.owner)}}};
    link.mac = sdk::mac_of(spec.owner);
    link.address = std::string(guest_network::address) + "/" + guest_network::prefix_bits;
    link.gateway = guest_network::gateway;
    link.dns = {guest_network::dns};
    return link;
}

// The filter says over a pipe that it serves, or why it cannot.
sdk::Result<void> wait_until_ready(const os::UniqueFd& ready, sdk::Call& call)
{
    const auto deadline = std::chrono::steady_clock::now() + longest_filter_start;
    if (auto waited = os::wait_readable(ready.get(), call.cancel_descriptor(), deadline); !waited)
        return std::move(waited).error().while_doing("wait for banger-net-filter");
    std::array<char, 512> said{};
    const ssize_t got = ::read(ready.get(), said.data(), said.size());
    if (got == 1 && said[0] == '+')
        return {};
    const std::string reason(said.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return make_error(Code::unavailable, "banger-net-filter does not start" + (reason.empty() ? "" : ": " + reason));
}

sdk::Result<os::ProcessId> start_filter(const std::string& program, const sdk::LinkSpec& spec,
                                        const os::UniqueFd& listener, const os::UniqueFd& passt, sdk::Call& call)
{
    auto counters = os::listen_unix(counters_of(spec.owner));
    if (!counters)
        return std::move(counters).error();
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return sdk::os_error("make a pipe");
    const os::UniqueFd ready(ends[0]);
    os::UniqueFd said(ends[1]);
    os::Command command;
    command.argv = {program, "--name", link_name(spec.owner), "--egress", std::string(sdk::to_string(spec.egress))};
    command.directory = spec.owner.directory;
    command.descriptors = {{listener.get(), filter_descriptor::listener},
                           {passt.get(), filter_descriptor::passt},
                           {said.get(), filter_descriptor::ready},
                           {counters->get(), filter_descriptor::counters}};
    auto id = os::spawn_detached(command);
    if (!id)
        return id;
    said.reset();
    if (auto waited = wait_until_ready(ready, call); !waited)
        return std::move(waited).error();
    return id;
}

class UserNetwork final : public sdk::Network {
public:
    UserNetwork(sdk::Host& host, Config config) : host_(host), config_(std::move(config)) {}

    sdk::Result<sdk::Probe> probe(sdk::Call& call) override
    {
        sdk::Probe probe;
        probe.usable = true;  // a VM without a network needs nothing
        probe.offers = {std::string(restricted_word), std::string(none_word)};
        auto filter = find_filter_program(config_.filter);
        auto tried = filter ? try_passt(call) : sdk::Result<void>(filter.error());
        if (!tried && tried.error().code == Code::cancelled)
            return std::move(tried).error();
        if (!tried) {
            probe.reason = "only --egress none works: " + tried.error().message;
            probe.hint = tried.error().hint;
            return probe;
        }
        probe.offers.insert(probe.offers.begin(), std::string(stream_word));
        probe.reason = "guests reach the outside through passt, and never this host's loopback";
        probe.facts = {{"program", config_.passt}, {"filter", *filter}, {"families", "ipv4"}};
        return probe;
    }

    sdk::Result<std::vector<sdk::Handle>> plan(const sdk::LinkSpec& spec) override
    {
        if (auto checked = check(spec); !checked)
            return std::move(checked).error();
        if (spec.egress == sdk::Egress::none)
            return std::vector<sdk::Handle>{};
        return std::vector{link_handle(spec.owner)};
    }

    sdk::Result<sdk::Attached<sdk::Link>> attach(const sdk::LinkSpec& spec, sdk::Call& call) override
    {
        if (auto checked = check(spec); !checked)
            return std::move(checked).error();
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        const auto handle = link_handle(spec.owner);
        if (spec.egress == sdk::Egress::none)
            return sdk::Attached<sdk::Link>{link_without_outside(spec), handle};
        auto living = find_filter(handle);
        if (!living)
            return std::move(living).error();
        if (*living)
            return make_error(Code::exists, "VM " + spec.owner.vm + " has its network already");
        auto filter = start(spec, call);
        if (!filter) {
            (void)release(handle);
            return std::move(filter).error();
        }
        return sdk::Attached<sdk::Link>{link_through(spec), link_handle(spec.owner, *filter)};
    }

    /// passt carries frames from the beginning.
    sdk::Result<void> connect(const sdk::Handle& /*handle*/, sdk::Call& /*call*/) override { return {}; }

    sdk::Result<void> release(const sdk::Handle& handle) override
    {
        auto ended = end_processes(handle.owner);
        auto removed = os::remove_file(socket_of(handle.owner));
        auto no_counters = os::remove_file(counters_of(handle.owner));
        return !ended ? ended : !removed ? removed : no_counters;
    }

    sdk::Result<sdk::Inspection> inspect(const sdk::Handle& handle) override
    {
        auto filter = find_filter(handle);
        if (!filter)
            return std::move(filter).error();
        if (!*filter)
            return sdk::Inspection{};
        sdk::Inspection inspection{true, link_handle(handle.owner, **filter).bound};
        inspection.facts["pids"] = pids_of(handle.owner);
        inspection.facts.merge(ask_traffic(handle.owner));
        return inspection;
    }

    sdk::Result<std::vector<sdk::Handle>> list() override { return list_links(host_); }

private:
    static sdk::Result<void> check(const sdk::LinkSpec& spec)
    {
        const std::string& word = spec.attachment;
        if (word != stream_word && word != restricted_word && word != none_word)
            return make_error(Code::unsupported, "network 'user' makes no link of kind '" + word + "'");
        if (spec.egress != sdk::Egress::none && word != stream_word)
            return make_error(Code::unsupported,
                              "a guest reaches nothing over '" + word + "', but --egress " +
                                  std::string(sdk::to_string(spec.egress)) + " was asked for",
                              "install passt (apt install passt), or ask for --egress none");
        return {};
    }

    // A passt of its own that ends with this call, whatever happens.
    sdk::Result<void> try_passt(sdk::Call& call) const
    {
        auto passt = start_passt(config_.passt, "banger-net-probe", call);
        if (!passt)
            return std::move(passt).error();
        return ask_for_gateway(*passt, call);
    }

    sdk::Result<os::ProcessId> start(const sdk::LinkSpec& spec, sdk::Call& call) const
    {
        auto program = find_filter_program(config_.filter);
        if (!program)
            return std::move(program).error();
        auto listener = os::listen_unix(socket_of(spec.owner));
        if (!listener)
            return std::move(listener).error();
        auto passt = start_passt(config_.passt, link_name(spec.owner), call);
        if (!passt)
            return std::move(passt).error();
        return start_filter(*program, spec, *listener, *passt, call);
    }

    sdk::Host& host_;
    Config config_;
};

}  // namespace

sdk::Result<std::unique_ptr<sdk::Network>> make_network(sdk::Host& host, const char* config)
{
    auto read = read_config(config);
    if (!read)
        return std::move(read).error();
    return std::unique_ptr<sdk::Network>(std::make_unique<UserNetwork>(host, std::move(*read)));
}

}  // namespace banger::user
