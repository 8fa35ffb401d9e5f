// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/listening_socket.hpp"

#include <fcntl.h>

#include <utility>


namespace banger::cli {
namespace {

constexpr std::uint16_t first_unprivileged = 1024;  // as hosts have it unless told otherwise (ip(7))

std::string address_of(const std::string& host)
{
    if (host == "*")
        return "0.0.0.0";
    return host.empty() || host == "localhost" ? "127.0.0.1" : host;
}

std::string hint_for(const ForwardEnd& where, sdk::Code code)
{
    if (code == sdk::Code::busy)
        return "choose another port, or 0 for one that is free; `ss -ltnp` shows who listens";
    if (code == sdk::Code::exists)
        return "remove it if nobody listens there any more, or choose another path";
    if (code == sdk::Code::permission && where.path.empty() && where.port < first_unprivileged)
        return "ports below 1024 are root's: choose a higher one";
    return {};
}

sdk::Result<sdk::os::UnixListener> listen_at(const ForwardEnd& place)
{
    if (!place.path.empty())
        return sdk::os::listen_new_unix(place.path);
    auto socket = sdk::os::listen_tcp(place.host, place.port);
    if (!socket)
        return std::move(socket).error();
    return sdk::os::UnixListener{std::move(*socket), {}};
}

}  // namespace

sdk::Result<ListeningSocket> ListeningSocket::open(const ForwardEnd& where)
{
    ForwardEnd place = where;
    if (place.path.empty())
        place.host = address_of(place.host);
    auto listener = listen_at(place);
    if (!listener) {
        const auto code = listener.error().code;
        return std::move(listener).error().with_hint(hint_for(place, code));
    }
    if (place.path.empty())
        place.port = sdk::os::port_of(listener->socket.get());
    return ListeningSocket(std::move(*listener), std::move(place));
}

sdk::Result<sdk::os::UniqueFd> ListeningSocket::copy() const
{
    sdk::os::UniqueFd copy(::fcntl(listener_.socket.get(), F_DUPFD_CLOEXEC, 3));
    if (!copy)
        return sdk::os_error("copy a descriptor");
    return copy;
}

}  // namespace banger::cli
