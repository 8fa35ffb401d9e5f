// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/spec_options.hpp"

#include <charconv>
#include <cstdlib>

#include "cli/text.hpp"
#include "core/base/ids.hpp"
#include "core/base/sizes.hpp"
#include "core/config/limits.hpp"

namespace banger::cli {
namespace {

sdk::Error bad(const std::string& option, const std::string& value, const std::string& why, std::string hint)
{
    return sdk::make_error(sdk::Code::invalid, "--" + option + " cannot be " + quoted(value) + ": " + why,
                           std::move(hint));
}

sdk::Result<void> set_vcpus(const Arguments& arguments, model::VmSpec& spec)
{
    const auto text = arguments.value("vcpu");
    if (!text)
        return {};
    std::int64_t vcpus = 0;
    const auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), vcpus);
    if (problem != std::errc() || end != text->data() + text->size())
        return bad("vcpu", *text, "it is a whole number", "such as --vcpu 2");
    if (auto checked = config::check_vcpus("--vcpu", vcpus, config::read_host_facts()); !checked)
        return checked;
    spec.vcpus = static_cast<std::uint64_t>(vcpus);
    return {};
}

sdk::Result<void> set_memory(const Arguments& arguments, model::VmSpec& spec)
{
    const auto text = arguments.value("memory");
    if (!text)
        return {};
    constexpr std::uint64_t mebibyte = 1U << 20U;
    auto bytes = base::parse_size("--memory", *text, base::PlainUnit::mebibytes);
    if (!bytes)
        return std::move(bytes).error();
    if (*bytes % mebibyte != 0)
        return bad("memory", *text, "it is a whole number of MiB", "such as --memory 2048 or --memory 2G");
    const auto mib = *bytes / mebibyte;
    if (auto checked = config::check_memory("--memory", static_cast<std::int64_t>(mib), config::read_host_facts());
        !checked)
        return checked;
    spec.memory_mib = mib;
    return {};
}

sdk::Result<void> set_disk(const Arguments& arguments, model::VmSpec& spec)
{
    const auto text = arguments.value("disk");
    if (!text)
        return {};
    auto bytes = base::parse_size("--disk", *text);
    if (!bytes)
        return std::move(bytes).error();
    if (auto checked = config::check_disk("--disk", static_cast<std::int64_t>(*bytes)); !checked)
        return checked;
    spec.disk_bytes = *bytes;
    return {};
}

// A name that was given must be a word; the daemon knows which words there are.
sdk::Result<void> set_word(const Arguments& arguments, const std::string& option, std::string& into)
{
    const auto text = arguments.value(option);
    if (!text)
        return {};
    if (text->empty() || printable(*text) != *text)
        return bad(option, *text, "that is no name", "leave --" + option + " out for the default");
    into = *text;
    return {};
}

}  // namespace

std::vector<Option> spec_options()
{
    return {
        {"name", 0, "NAME", "its name; one is made up if left out", {}, false},
        {"image", 0, "IMAGE", "the root file system: see `banger image list`", {}, false},
        {"kernel", 0, "KERNEL", "the kernel: see `banger kernel list`", {}, false},
        {"vcpu", 0, "COUNT", "how many CPUs", {}, false},
        {"memory", 0, "MIB", "memory in MiB, or a size such as 2G", {}, false},
        {"disk", 0, "SIZE", "length of its root file system, such as 20G", {}, false},
        environment_option(),
        {"egress",
         0,
         "WHERE",
         "what it may reach: none, internet (no private networks) or all; never the host's loopback",
         {"none", "internet", "all"},
         false},
        {"init",
         0,
         "INIT",
         "auto, image (the image's own) or banger (a minimal one)",
         {"auto", "image", "banger"},
         false},
        {"ready",
         0,
         "WHEN",
         "when it counts as ready: agent (it takes commands) or system (its init is done)",
         {"agent", "system"},
         false},
        {"publish",
         0,
         "WHICH",
         "whether the ports that it listens on appear on this host: auto (all of them) or none",
         {"auto", "none"},
         false},
        {"vmm", 0, "NAME", "what runs it: see `banger plugin list`", {}, false},
        {"storage", 0, "NAME", "what makes its disks", {}, false},
        {"network", 0, "NAME", "what makes its network", {}, false},
    };
}

sdk::Result<model::VmSpec> parse_spec(const Arguments& arguments)
{
    model::VmSpec spec;
    if (const auto name = arguments.value("name")) {
        if (auto checked = base::check_vm_name(*name); !checked)
            return std::move(checked).error();
        spec.name = *name;
    }
    for (const auto& [option, into] : {std::pair{"image", &spec.image},
                                       {"kernel", &spec.kernel},
                                       {"vmm", &spec.vmm},
                                       {"storage", &spec.storage},
                                       {"network", &spec.network}})
        if (auto set = set_word(arguments, option, *into); !set)
            return std::move(set).error();
    for (const auto& set : {set_vcpus(arguments, spec), set_memory(arguments, spec), set_disk(arguments, spec)})
        if (!set)
            return set.error();
    auto environment = parse_environment(arguments);
    if (!environment)
        return std::move(environment).error();
    spec.environment = std::move(*environment);
    if (const auto egress = arguments.value("egress"))
        spec.egress = sdk::egress_from_string(*egress);
    if (const auto init = arguments.value("init"))
        spec.init = model::init_from_string(*init);
    if (const auto ready = arguments.value("ready"))
        spec.ready = model::ready_from_string(*ready);
    if (const auto publish = arguments.value("publish"))
        spec.publish = model::publish_from_string(*publish);
    return spec;
}

Option environment_option()
{
    return {"env", 'e', "K=V", "a variable for commands in it; K alone takes yours; may be repeated", {}, true};
}

sdk::Result<std::map<std::string, std::string>> parse_environment(const Arguments& arguments)
{
    std::map<std::string, std::string> environment;
    for (const auto& text : arguments.values("env")) {
        const auto equals = text.find('=');
        const std::string name = text.substr(0, equals);
        if (name.empty())
            return bad("env", text, "the name before '=' is missing", "write --env NAME=VALUE");
        if (equals != std::string::npos) {
            environment[name] = text.substr(equals + 1);
            continue;
        }
        const char* own = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): the environment is never changed
        if (own == nullptr)
            return bad("env", text, "there is no such variable here to take",
                       "write --env " + printable(name) + "=VALUE");
        environment[name] = own;
    }
    return environment;
}

sdk::Result<std::string> parse_vm(const std::string& word)
{
    if (printable(word) != word)
        return sdk::make_error(sdk::Code::invalid, quoted(word) + " is not the name or id of a vm",
                               "see `banger vm list`");
    return word;
}

sdk::Result<std::vector<std::string>> parse_vms(const Arguments& arguments)
{
    for (const auto& word : arguments.operands())
        if (auto vm = parse_vm(word); !vm)
            return std::move(vm).error();
    return arguments.operands();
}

}  // namespace banger::cli
