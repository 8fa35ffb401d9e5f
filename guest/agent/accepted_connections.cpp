// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/accepted_connections.hpp"

namespace banger::agent {

std::int64_t AcceptedConnections::add(sdk::os::UniqueFd connection, std::function<void()> claimed)
{
    waiting_.emplace(++last_, Waiting{std::move(connection), std::move(claimed)});
    return last_;
}

sdk::os::UniqueFd AcceptedConnections::claim(std::int64_t number)
{
    const auto found = waiting_.find(number);
    if (found == waiting_.end())
        return {};
    auto taken = std::move(found->second);
    waiting_.erase(found);
    taken.claimed();
    return std::move(taken.connection);
}

}  // namespace banger::agent
