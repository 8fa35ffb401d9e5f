// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/doctor/check.hpp"

namespace banger::doctor {

std::vector<Finding> check_database(lifecycle::Engine& engine, lifecycle::Operation&)
{
    auto records = engine.store.list();
    if (!records)
        return {{"database", Status::failed, records.error().message, records.error().hint}};
    return {{"database", Status::ok, engine.paths.database() + " holds " + std::to_string(records->size()) + " vms", {}}};
}

}  // namespace banger::doctor
