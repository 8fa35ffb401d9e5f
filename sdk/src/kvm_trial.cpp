// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/kvm_trial.hpp"

#include <fcntl.h>

#include <chrono>

#include "banger/sdk/os/processor.hpp"

namespace banger::sdk {
namespace {

constexpr std::chrono::seconds longest_trial{10};

}  // namespace

Result<Trial> run_trial(os::Command vmm, int status, const std::string& name, Call& call)
{
    vmm.die_with_parent = true;
    os::RunLimits limits;
    limits.timeout = longest_trial;
    limits.cancel_descriptor = call.cancel_descriptor();
    const auto output = os::run(std::move(vmm), {}, limits);
    if (!output && output.error().code == Code::timed_out)
        return Trial{"a guest never ran to its end", false};
    if (!output)
        return output.error();
    if (output->status == status)
        return Trial{};
    const std::string& said = output->err.empty() ? output->out : output->err;
    const std::string first = said.substr(0, said.find('\n'));
    return Trial{"a guest ended " + name + " with status " + std::to_string(output->status) +
                 (first.empty() ? "" : ": ") + first};
}

Result<std::string> kvm_problem(std::optional<std::string>& verdict, const std::function<Result<Trial>()>& trial)
{
    if (!os::processor_has_virtualisation())
        return std::string("the processor has no hardware virtualisation that this host may use (no vmx or svm flag)");
    if (const os::UniqueFd device(::open("/dev/kvm", O_RDWR | O_CLOEXEC)); !device)
        return os_error("open /dev/kvm").message;
    if (!verdict) {
        auto tried = trial();
        if (!tried)
            return std::move(tried).error();
        const std::string problem = tried->problem.empty() ? "" : "on /dev/kvm, " + tried->problem;
        if (!tried->in_time)
            return problem;  // a busy host may do better the next time
        verdict = problem;
    }
    return *verdict;
}

}  // namespace banger::sdk
