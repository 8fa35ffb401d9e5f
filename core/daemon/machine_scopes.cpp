// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/machine_scopes.hpp"

#include <unistd.h>

#include <functional>
#include <optional>

#include "core/base/control_group.hpp"
#include "core/log/log.hpp"
#include "core/privd/proxy.hpp"
#include "core/rpc/helper.hpp"
#include "core/units/managed_scopes.hpp"

namespace banger::daemon {
namespace {

using sdk::Result;
using Makers = std::vector<std::unique_ptr<units::Scopes>>;

// The best that one of them answers: a success, or else the first one's error.
Result<std::string> first_of(const Makers& makers, const std::function<Result<std::string>(units::Scopes&)>& ask)
{
    std::optional<sdk::Error> error;
    for (const auto& maker : makers) {
        auto answer = ask(*maker);
        if (answer)
            return answer;
        if (!error)
            error = std::move(answer).error();
    }
    return error ? std::move(*error) : sdk::make_error(sdk::Code::unavailable, "no service manager is theirs to ask");
}

}  // namespace

Makers MachineScopes::makers_of(const std::string& instance, const std::string& vms_directory)
{
    Makers makers;
    const uid_t user = ::geteuid();
    const auto group = base::group_of(::getpid()).value_or("");
    if (user == 0 || base::is_of_users_manager(group, user))
        makers.push_back(std::make_unique<units::ManagedScopes>());
    else if (base::is_of_users_session(group, user))
        makers.push_back(privd::scopes(rpc::helper::socket, {instance, vms_directory}));
    return makers;
}

Result<std::string> MachineScopes::probe(sdk::Call& call)
{
    return first_of(makers_, [&](units::Scopes& maker) { return maker.probe(call); });
}

Result<std::string> MachineScopes::start(const units::ScopeSpec& spec, sdk::Call& call)
{
    auto name = first_of(makers_, [&](units::Scopes& maker) { return maker.start(spec, call); });
    if (!name && name.error().code != sdk::Code::cancelled)
        say_once(name.error().message);
    return name;
}

void MachineScopes::say_once(const std::string& reason)
{
    const std::lock_guard lock(mutex_);
    log::write(reason == said_ ? sdk::LogLevel::debug : sdk::LogLevel::info,
               "machines stay in the daemon's control group: " + reason);
    said_ = reason;
}

}  // namespace banger::daemon
