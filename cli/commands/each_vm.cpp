// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/each_vm.hpp"

namespace banger::cli {

sdk::Result<Exit> for_each_vm(Context& context, const std::vector<std::string>& vms, const std::string& method,
                              const std::function<void(json::Object&)>& add_params, const std::string& done)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    OwnExit exit = OwnExit::done;
    for (const auto& vm : vms) {
        json::Object params;
        params.set("vm", vm);
        if (add_params)
            add_params(params);
        auto reply = (*session)->call(method, params);
        if (!reply) {
            if (vms.size() == 1 || (*session)->interrupted_by())
                return std::move(reply).error();
            context.report(reply.error());
            exit = OwnExit::failed;
            continue;
        }
        const std::string line = json::string_or(reply->result, "name") + " " + done + "\n";
        if (auto printed = context.print(context.json() ? json::to_pretty(reply->result) : line); !printed)
            return std::move(printed).error();
    }
    return Exit(exit);
}

}  // namespace banger::cli
