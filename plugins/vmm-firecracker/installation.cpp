// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "installation.hpp"

#include <charconv>
#include <chrono>

#include "banger/sdk/kvm_trial.hpp"
#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/vmm_program.hpp"

namespace banger::firecracker {
namespace {

using sdk::Code;
using sdk::make_error;

constexpr std::chrono::seconds patience_for_version{10};
constexpr Version oldest{1, 8, 0};
constexpr Version oldest_that_restores{1, 12, 0};
constexpr Version deaf_after_restore{1, 16, 0};
constexpr Version last_deaf_once_resumed{1, 16, 1};
constexpr const char* install_hint =
    "put a firecracker from https://github.com/firecracker-microvm/firecracker/releases on PATH, or name it: "
    "`banger config set plugin.vmm-firecracker.firecracker_bin /path/to/firecracker`";

// "Firecracker v1.16.1", and after it whatever a build adds.
std::optional<Version> version_in(const std::string& said)
{
    constexpr std::string_view word = "Firecracker v";
    const auto at = said.find(word);
    return at == std::string::npos ? std::nullopt : Version::from(std::string_view(said).substr(at + word.size()));
}

sdk::Result<Version> version_of(const std::string& program, sdk::Call& call)
{
    sdk::os::Command command;
    command.argv = {program, "--version"};
    sdk::os::RunLimits limits;
    limits.timeout = patience_for_version;
    limits.cancel_descriptor = call.cancel_descriptor();
    auto output = sdk::os::run_checked(std::move(command), {}, limits);
    if (!output)
        return std::move(output).error().with_hint(install_hint);
    const auto version = version_in(output->out);
    if (!version)
        return make_error(Code::unsupported, program + " does not say which version of Firecracker it is", install_hint);
    if (*version < oldest)
        return make_error(Code::unsupported,
                          program + " is version " + to_string(*version) + ", and banger needs 1.8 or newer",
                          install_hint);
    return *version;
}

sdk::Result<sdk::Trial> try_guest(const std::string& program, const std::string& directory, sdk::Call& call)
{
    if (auto wrote = sdk::os::write_file_atomic(directory + "/trial.elf", sdk::trial_kernel()); !wrote)
        return std::move(wrote).error();
    // Named in the working directory, so that no path has to be written as JSON.
    if (auto wrote = sdk::os::write_file_atomic(
            directory + "/trial.json", R"({"boot-source":{"kernel_image_path":"trial.elf","boot_args":""},"drives":[],)"
                                       R"("machine-config":{"vcpu_count":1,"mem_size_mib":32}})");
        !wrote)
        return std::move(wrote).error();
    sdk::os::Command command;
    command.argv = {program, "--no-api", "--config-file", "trial.json", "--id", "banger-trial", "--level", "Error"};
    command.directory = directory;
    return sdk::run_trial(std::move(command), 0, "Firecracker", call);
}

}  // namespace

std::optional<Version> Version::from(std::string_view text)
{
    Version version;
    const char* at = text.data();
    const char* const end = at + text.size();
    for (unsigned* number : {&version.major, &version.minor, &version.patch}) {
        const auto [behind, error] = std::from_chars(at, end, *number);
        if (error != std::errc{})
            return number == &version.patch ? std::optional(version) : std::nullopt;
        if (behind == end || *behind != '.')
            return number == &version.major ? std::nullopt : std::optional(version);
        at = behind + 1;
    }
    return version;
}

std::string to_string(const Version& version)
{
    return std::to_string(version.major) + "." + std::to_string(version.minor) + "." + std::to_string(version.patch);
}

std::string snapshot_problem(const Version& version)
{
    if (version < oldest_that_restores)
        return "Firecracker " + to_string(version) + " cannot give a restored machine a network of its own; 1.12 and newer can";
    if (version == deaf_after_restore)
        return "with Firecracker 1.16.0 nobody reaches the agent of a restored machine; 1.16.1 has that mended";
    return {};
}

bool is_deaf_once_resumed(const Version& version)
{
    return version >= deaf_after_restore && version <= last_deaf_once_resumed;
}

sdk::Result<Installation> Search::look(sdk::Call& call)
{
    const std::lock_guard lock(mutex_);
    auto program = sdk::vmm_program(config_.program, "plugin.vmm-firecracker.firecracker_bin", install_hint);
    if (!program)
        return std::move(program).error();
    auto identity = sdk::identity_of_program(*program);
    if (!identity)
        return std::move(identity).error();
    if (found_ && found_for_ == *identity)
        return *found_;
    auto version = version_of(*program, call);
    if (!version)
        return std::move(version).error();
    found_ = Installation{*program, *version};
    found_for_ = *identity;
    tried_.reset();
    return *found_;
}

sdk::Result<std::string> Search::problem(const Installation& found, sdk::Call& call)
{
    const std::lock_guard lock(mutex_);
    return sdk::kvm_problem(tried_, [&] { return try_guest(found.program, host_.cache_directory(), call); });
}

}  // namespace banger::firecracker
