// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/machine_scopes.hpp"

#include <unistd.h>

#include "core/base/control_group.hpp"
#include "core/log/log.hpp"
#include "core/privd/proxy.hpp"
#include "core/rpc/helper.hpp"
#include "core/units/managed_scopes.hpp"

namespace banger::daemon {
namespace {

sdk::Error nobody()
{
    return sdk::make_error(sdk::Code::unavailable, "no service manager is theirs to ask");
}

}  // namespace

ScopeMaker scope_maker_of(uid_t user, std::string_view group)
{
    if (user == 0 || base::is_of_users_manager(group, user))
        return ScopeMaker::manager;
    return base::is_of_users_session(group, user) ? ScopeMaker::helper : ScopeMaker::nobody;
}

std::unique_ptr<units::Scopes> MachineScopes::maker_of(const std::string& instance, const std::string& vms_directory)
{
    switch (scope_maker_of(::geteuid(), base::group_of(::getpid()).value_or(""))) {
    case ScopeMaker::manager: return std::make_unique<units::ManagedScopes>();
    case ScopeMaker::helper: return privd::scopes(rpc::helper::socket, {instance, vms_directory});
    case ScopeMaker::nobody: break;
    }
    return nullptr;
}

sdk::Result<std::string> MachineScopes::probe(sdk::Call& call)
{
    return maker_ ? maker_->probe(call) : nobody();
}

sdk::Result<std::string> MachineScopes::start(const units::ScopeSpec& spec, sdk::Call& call)
{
    auto name = maker_ ? maker_->start(spec, call) : nobody();
    if (!name && name.error().code != sdk::Code::cancelled)
        say_once(name.error());
    return name;
}

void MachineScopes::say_once(const sdk::Error& error)
{
    const std::lock_guard lock(mutex_);
    log::write(said_.insert(error.code).second ? sdk::LogLevel::info : sdk::LogLevel::debug,
               "machines stay in the daemon's control group: " + error.message);
}

}  // namespace banger::daemon
