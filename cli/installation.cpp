// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/installation.hpp"

#include <charconv>

#include "banger/sdk/os/file.hpp"
#include "core/config/paths.hpp"

namespace banger::cli {

sdk::Result<Installation> find_installation(Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    auto daemon = (*session)->call("daemon.status", json::Object());
    if (!daemon)
        return std::move(daemon).error();
    auto names = (*session)->call("dns.status", json::Object());
    if (!names)
        return std::move(names).error();
    Installation found;
    found.instance = json::string_or(daemon->result, "instance");
    found.state = json::string_or(daemon->result, "home");
    found.names.address = json::string_or(names->result, "address");
    found.names.zone = json::string_or(names->result, "zone");
    const std::string port = json::string_or(names->result, "port");
    std::from_chars(port.data(), port.data() + port.size(), found.names.port);
    return found;
}

sdk::Result<std::optional<Installation>> installation_on_disk()
{
    constexpr std::size_t longest_id = 64;
    auto paths = config::Paths::find();
    if (!paths)
        return std::move(paths).error();
    auto id = sdk::os::read_file(paths->instance_file(), longest_id);
    if (!id && id.error().code == sdk::Code::not_found)
        return std::optional<Installation>();
    if (!id)
        return std::move(id).error();
    return std::optional(Installation{id->substr(0, id->find('\n')), paths->state, {}});
}

}  // namespace banger::cli
