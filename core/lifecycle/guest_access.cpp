// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/guest_access.hpp"

#include "core/guest/put_entries.hpp"

namespace banger::lifecycle {
namespace {

// As long as a provisioner has for all it does (plugins::Deadlines::apply).
constexpr std::chrono::minutes patience_for_call{10};
constexpr std::size_t most_output = 1U << 20U;

}  // namespace

guest::Patience AgentAccess::patience() const
{
    return guest::Patience::of(patience_for_call, operation_.token());
}

sdk::Result<sdk::GuestOutput> AgentAccess::run(const sdk::GuestCommand& command)
{
    used_ = true;
    agent::ExecSpec spec;
    spec.argv = command.argv;
    spec.env.assign(command.environment.begin(), command.environment.end());
    spec.cwd = command.directory;
    spec.user = command.user;
    auto result = agent_->run(spec, command.input, patience(), most_output);
    if (!result)
        return std::move(result).error();
    return sdk::GuestOutput{result->exit.shell_code(), std::move(result->out), std::move(result->err)};
}

sdk::Result<void> AgentAccess::write(const sdk::GuestFile& file)
{
    return put({{sdk::GuestEntry::Type::file, file.path, file.mode, {}, -1, file.content}});
}

sdk::Result<void> AgentAccess::put(const std::vector<sdk::GuestEntry>& entries)
{
    used_ = true;
    return guest::put_entries(*agent_, entries, patience());
}

sdk::Result<std::string> AgentAccess::read(const std::string& path, std::size_t most)
{
    return agent_->read_file(path, most, patience());
}

}  // namespace banger::lifecycle
