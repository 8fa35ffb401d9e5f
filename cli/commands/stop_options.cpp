// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/stop_options.hpp"

#include "core/base/durations.hpp"

namespace banger::cli {

Option stop_timeout_option()
{
    return {"timeout", 't', "TIME", "how long to wait, such as 10s or 2m; 30s if left out", {}, false};
}

sdk::Result<std::uint64_t> parse_stop_timeout(const Arguments& arguments)
{
    const auto text = arguments.value("timeout");
    if (!text)
        return default_stop_timeout_s;
    auto timeout = base::parse_duration("--timeout", *text);
    if (!timeout)
        return std::move(timeout).error();
    return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(*timeout).count());
}

}  // namespace banger::cli
