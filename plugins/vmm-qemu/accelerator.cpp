// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "accelerator.hpp"

#include <rapidjson/document.h>

#include <chrono>
#include <regex>

#include "banger/sdk/json_text.hpp"
#include "banger/sdk/kvm_trial.hpp"
#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/vmm_program.hpp"

namespace banger::qemu {
namespace {

using sdk::Code;
using sdk::make_error;

constexpr std::chrono::seconds longest_probe{10};
constexpr int oldest_major = 7;  // -netdev stream came with 7.2
constexpr int oldest_minor = 2;
constexpr const char* install_hint = "install QEMU: apt install qemu-system-x86";

// The same file in the same boot of the host.
sdk::Result<std::string> identity_of(const std::string& program)
{
    auto identity = sdk::identity_of_program(program);
    auto boot = sdk::os::read_file("/proc/sys/kernel/random/boot_id");
    if (!identity || !boot)
        return std::move(identity ? boot.error() : identity.error());
    boot->resize(std::min(boot->find('\n'), boot->size()));
    return *identity + " " + *boot;
}

sdk::Result<std::string> version_of(const std::string& program, sdk::Call& call)
{
    sdk::os::Command command;
    command.argv = {program, "-display", "none", "--version"};
    sdk::os::RunLimits limits;
    limits.timeout = longest_probe;
    limits.cancel_descriptor = call.cancel_descriptor();
    auto output = sdk::os::run_checked(std::move(command), {}, limits);
    if (!output)
        return std::move(output).error().with_hint(install_hint);
    std::smatch match;
    if (!std::regex_search(output->out, match, std::regex(R"(version (\d+)\.(\d+)[0-9.]*)")))
        return make_error(Code::unsupported, program + " does not say which version of QEMU it is");
    const int major = std::stoi(match[1]);
    const int minor = std::stoi(match[2]);
    std::string version = match[0].str().substr(std::string_view("version ").size());
    if (major < oldest_major || (major == oldest_major && minor < oldest_minor))
        return make_error(Code::unsupported, program + " is version " + version + ", and banger needs 7.2 or newer");
    return version;
}

}  // namespace

sdk::Result<sdk::Trial> try_guest(const std::string& program, Accelerator accelerator, const std::string& directory,
                                  sdk::Call& call)
{
    const std::string kernel = directory + "/accelerator-probe.elf";
    if (auto wrote = sdk::os::write_file_atomic(kernel, sdk::trial_kernel()); !wrote)
        return std::move(wrote).error();
    const bool kvm = accelerator == Accelerator::kvm;
    sdk::os::Command command;
    // clang-format off
    command.argv = {
        program, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-machine", "q35,sata=off,usb=off,smbus=off,i8042=off",
        "-accel", kvm ? "kvm" : "tcg",
        "-cpu", kvm ? "host" : "max",
        "-m", "32",
        "-kernel", kernel,
        "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
    };
    // clang-format on
    constexpr int answered = (sdk::trial_answer << 1) | 1;  // by isa-debug-exit
    return sdk::run_trial(std::move(command), answered, "QEMU", call);
}

std::string AcceleratorProbe::cache_path() const
{
    return host_.cache_directory() + "/qemu.json";
}

AcceleratorProbe::Known AcceleratorProbe::load(const std::string& identity) const
{
    Known known{identity, {}, {}};
    const auto text = sdk::os::read_file(cache_path());
    rapidjson::Document document;
    if (!text || document.Parse(*text).HasParseError() || !document.IsObject())
        return known;
    const auto text_at = [&](const char* key) -> std::optional<std::string> {
        if (!document.HasMember(key) || !document[key].IsString())
            return std::nullopt;
        return document[key].GetString();
    };
    if (text_at("identity") != identity)
        return known;
    known.version = text_at("version").value_or("");
    known.guest = text_at("guest");
    return known;
}

void AcceleratorProbe::save(const Known& known)
{
    sdk::JsonObject text;
    text.text("identity", known.identity).text("version", known.version);
    if (known.guest)
        text.text("guest", *known.guest);
    if (auto saved = sdk::os::write_file_atomic(cache_path(), text.done()); !saved)
        host_.log(sdk::LogLevel::debug, "the result of the QEMU probe is not kept: " + saved.error().message);
}

sdk::Result<Installation> AcceleratorProbe::look(sdk::Call& call)
{
    const std::lock_guard lock(mutex_);
    auto program = sdk::vmm_program(config_.program, "plugin.vmm-qemu.program", install_hint);
    if (!program)
        return std::move(program).error();
    const auto identity = identity_of(*program);
    if (!identity)
        return identity.error();
    if (found_ && found_for_ == *identity)
        return *found_;

    Known known = load(*identity);
    const bool knew_version = !known.version.empty();
    const bool knew_guest = known.guest.has_value();
    if (!knew_version) {
        auto version = version_of(*program, call);
        if (!version)
            return std::move(version).error();
        known.version = *version;
    }
    Installation found{*program, known.version, Accelerator::tcg, "emulation, as configured"};
    if (config_.accelerator != AcceleratorChoice::tcg) {
        auto problem = sdk::kvm_problem(known.guest, [&] {
            return try_guest(*program, Accelerator::kvm, host_.cache_directory(), call);
        });
        if (!problem)
            return std::move(problem).error();
        if (problem->empty())
            found = {*program, known.version, Accelerator::kvm, "hardware virtualisation: a guest ran on /dev/kvm"};
        else if (config_.accelerator == AcceleratorChoice::kvm)
            return make_error(Code::unsupported,
                              "the configuration demands KVM, and it does not work here: " + *problem,
                              "set accelerator = \"auto\" under [plugin.vmm-qemu] to emulate, or give yourself access "
                              "to a working /dev/kvm");
        else
            found.reason = "emulation: " + *problem;
    }
    if (!knew_version || known.guest.has_value() != knew_guest)
        save(known);
    found_ = found;
    found_for_ = *identity;
    return found;
}

}  // namespace banger::qemu
