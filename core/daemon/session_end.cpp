// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/session_end.hpp"

#include "core/lifecycle/verbs.hpp"

namespace banger::daemon {

void delete_for_session(Service& service, const std::string& vm, std::chrono::milliseconds patience)
{
    service.run_own("vm.delete", [&service, vm, patience](lifecycle::Operation& operation) -> sdk::Result<void> {
        auto& engine = service.engine();
        const auto found = engine.store.find_id(vm);
        if (!found)
            return found.error().code == sdk::Code::not_found ? sdk::Result<void>() : found.error();
        if (found->removal != model::Removal::with_session)
            return {};
        bool others_have_it = true;
        lifecycle::DeleteOptions options;
        options.patience = patience;
        options.on_locked = [&] { others_have_it = false; };
        auto deleted = lifecycle::delete_vm(engine, vm, options, operation);
        if (deleted || deleted.error().code == sdk::Code::not_found)
            return {};
        if (!others_have_it || deleted.error().code != sdk::Code::busy)
            return std::move(deleted).error();
        delete_for_session(service, vm, patience);
        return {};
    });
}

}  // namespace banger::daemon
