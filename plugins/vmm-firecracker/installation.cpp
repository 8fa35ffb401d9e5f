// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "installation.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <chrono>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/os/processor.hpp"
#include "kvm_trial.hpp"

namespace banger::firecracker {
namespace {

using sdk::Code;
using sdk::make_error;

constexpr std::chrono::seconds longest_answer{10};
constexpr unsigned oldest_minor = 8;  // of major 1
constexpr const char* install_hint =
    "put a firecracker from https://github.com/firecracker-microvm/firecracker/releases on PATH, or name it: "
    "`banger config set plugin.vmm-firecracker.firecracker_bin /path/to/firecracker`";

sdk::Result<std::string> program_path(const std::string& program)
{
    if (program.find('/') == std::string::npos) {
        auto found = sdk::os::find_program(program);
        return found ? std::move(found) : std::move(found).error().with_hint(install_hint);
    }
    if (::access(program.c_str(), X_OK) == 0)
        return program;
    return sdk::os_error("run " + program)
        .with_hint("check plugin.vmm-firecracker.firecracker_bin in the configuration");
}

sdk::Result<std::string> identity_of(const std::string& program)
{
    struct stat status {};
    if (::stat(program.c_str(), &status) != 0)
        return sdk::os_error("look at " + program);
    return program + " " + std::to_string(status.st_ino) + " " + std::to_string(status.st_size) + " " +
           std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec);
}

// "Firecracker v1.16.1", and after it whatever a build adds.
std::optional<std::string> version_in(const std::string& said)
{
    constexpr std::string_view word = "Firecracker v";
    const auto at = said.find(word);
    if (at == std::string::npos)
        return std::nullopt;
    const auto start = at + word.size();
    return said.substr(start, said.find_first_not_of("0123456789.", start) - start);
}

bool is_new_enough(const std::string& version)
{
    unsigned major = 0;
    unsigned minor = 0;
    const char* end = version.data() + version.size();
    const auto point = std::from_chars(version.data(), end, major);
    if (point.ec != std::errc{} || point.ptr == end)
        return false;
    return std::from_chars(point.ptr + 1, end, minor).ec == std::errc{} &&
           (major > 1 || (major == 1 && minor >= oldest_minor));
}

sdk::Result<std::string> version_of(const std::string& program, sdk::Call& call)
{
    sdk::os::Command command;
    command.argv = {program, "--version"};
    sdk::os::RunLimits limits;
    limits.timeout = longest_answer;
    limits.cancel_descriptor = call.cancel_descriptor();
    auto output = sdk::os::run_checked(std::move(command), {}, limits);
    if (!output)
        return std::move(output).error().with_hint(install_hint);
    auto version = version_in(output->out);
    if (!version)
        return make_error(Code::unsupported, program + " does not say which version of Firecracker it is", install_hint);
    if (!is_new_enough(*version))
        return make_error(Code::unsupported, program + " is version " + *version + ", and banger needs 1.8 or newer",
                          install_hint);
    return *version;
}

}  // namespace

sdk::Result<Installation> Search::look(sdk::Call& call)
{
    const std::lock_guard lock(mutex_);
    auto program = program_path(config_.program);
    if (!program)
        return std::move(program).error();
    auto identity = identity_of(*program);
    if (!identity)
        return std::move(identity).error();
    if (found_ && found_for_ == *identity)
        return *found_;
    auto version = version_of(*program, call);
    if (!version)
        return std::move(version).error();
    found_ = {*program, *version};
    found_for_ = *identity;
    tried_.reset();
    return *found_;
}

sdk::Result<std::string> Search::problem(const Installation& found, sdk::Call& call)
{
    const std::lock_guard lock(mutex_);
    if (!sdk::os::processor_has_virtualisation())
        return std::string("the processor has no hardware virtualisation that this host may use (no vmx or svm flag)");
    if (const sdk::os::UniqueFd device(::open("/dev/kvm", O_RDWR | O_CLOEXEC)); !device)
        return sdk::os_error("open /dev/kvm").message;
    if (!tried_) {
        auto trial = try_guest(found.program, host_.cache_directory(), call);
        if (!trial)
            return std::move(trial).error();
        const std::string problem = trial->problem.empty() ? "" : "on /dev/kvm, " + trial->problem;
        if (!trial->in_time)
            return problem;  // a busy host may do better the next time
        tried_ = problem;
    }
    return *tried_;
}

}  // namespace banger::firecracker
