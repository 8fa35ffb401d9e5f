// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/system/report.hpp"

#include "cli/render/host.hpp"
#include "cli/system/setup.hpp"
#include "core/rpc/build.hpp"
#include "core/rpc/helper.hpp"

namespace banger::cli {
namespace {

json::Object look()
{
    const std::string unit = rpc::helper::unit;
    const auto owner = setup::installed_for();
    json::Object helper;
    helper.set("installed", owner.has_value()).set("owner", owner.value_or(""));
    if (!owner)
        return helper;
    helper.set("socket", rpc::helper::socket).set("enabled", setup::systemd_says("is-enabled", unit + ".socket"));
    helper.set("running", setup::systemd_says("is-active", unit + ".service"));
    auto status = setup::ask_status();
    helper.set("problem", status ? "" : status.error().message);
    if (status) {
        helper.set_all(*status);
        helper.set("same_build", json::string_or(*status, "build") == rpc::build_id());
    }
    return helper;
}

}  // namespace

sdk::Result<Exit> show_helper(Context& context)
{
    const auto helper = look();
    return context.show(helper.value(), [&] { return helper_page(helper.value(), context.columns()); });
}

}  // namespace banger::cli
