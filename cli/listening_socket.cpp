// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/listening_socket.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/socket.hpp"

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

std::uint64_t inode_of(const std::string& path)
{
    struct stat status {};
    return !path.empty() && ::lstat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

}  // namespace

sdk::Result<ListeningSocket> ListeningSocket::open(const ForwardEnd& where)
{
    ForwardEnd place = where;
    if (place.path.empty())
        place.host = address_of(place.host);
    auto socket = place.path.empty() ? sdk::os::listen_tcp(place.host, place.port)
                                     : sdk::os::listen_new_unix(place.path);
    if (!socket) {
        const auto code = socket.error().code;
        return std::move(socket).error().with_hint(hint_for(place, code));
    }
    if (place.path.empty())
        place.port = sdk::os::port_of(socket->get());
    return ListeningSocket(std::move(*socket), std::move(place));
}

ListeningSocket::ListeningSocket(sdk::os::UniqueFd socket, ForwardEnd where)
    : socket_(std::move(socket)), where_(std::move(where)), inode_(inode_of(where_.path))
{
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : socket_(std::move(other.socket_)), where_(std::move(other.where_)), inode_(std::exchange(other.inode_, 0))
{
}

ListeningSocket::~ListeningSocket()
{
    if (inode_ != 0 && inode_of(where_.path) == inode_)
        ::unlink(where_.path.c_str());
}

sdk::Result<sdk::os::UniqueFd> ListeningSocket::copy() const
{
    sdk::os::UniqueFd copy(::fcntl(socket_.get(), F_DUPFD_CLOEXEC, 3));
    if (!copy)
        return sdk::os_error("copy a descriptor");
    return copy;
}

}  // namespace banger::cli
