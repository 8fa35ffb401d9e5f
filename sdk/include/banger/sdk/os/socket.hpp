// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::sdk::os {

/// An address as bind(2) and connect(2) take it.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    [[nodiscard]] int family() const { return storage.ss_family; }
    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// `address` is IPv4 or IPv6 text, this with an interface's number for its zone if it is of one link only, such as fe80::1%2
/// (RFC 4007, 11); `invalid` otherwise.
[[nodiscard]] Result<SocketAddress> tcp_address(const std::string& address, std::uint16_t port);
/// `invalid` if the path does not fit sockaddr_un (unix(7)), 107 bytes.
[[nodiscard]] Result<SocketAddress> unix_address(const std::string& path);

/// A listening TCP socket that does not block. Port 0: one that is free. Errors of bind(2): `busy` if the port is taken there,
/// `permission` if we may not have it.
[[nodiscard]] Result<UniqueFd> listen_tcp(const std::string& address, std::uint16_t port);
/// The file of a Unix socket that this process made. It goes with this, if it is still that in the directory that it was made
/// in, whatever the path leads to by then. The socket must outlive this, for then no other file has its inode number.
class SocketFile {
public:
    SocketFile() = default;
    /// What has this name in the directory now.
    SocketFile(UniqueFd directory, std::string name);
    SocketFile(SocketFile&& other) = default;
    SocketFile& operator=(SocketFile&&) = delete;
    SocketFile(const SocketFile&) = delete;
    SocketFile& operator=(const SocketFile&) = delete;
    ~SocketFile();

private:
    UniqueFd directory_;
    std::string name_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

struct UnixListener {
    UniqueFd socket;
    SocketFile file;
};

/// A listening Unix stream socket with mode 0600, created closed, that does not block. The path may be longer than the 108 bytes
/// of sockaddr_un (unix(7)); `exists` if there is anything at it, which stays.
[[nodiscard]] Result<UnixListener> listen_new_unix(const std::string& path);
/// The port of a TCP socket; 0 of any other.
[[nodiscard]] std::uint16_t port_of(int socket);

}  // namespace banger::sdk::os
