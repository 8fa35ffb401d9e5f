// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "banger/sdk/os/process.hpp"

namespace banger::oci::testing {

/// A server of somebody else's in a process of its own, which ends with this object.
class ChildServer {
public:
    /// Returns once the server has said a line with this in it on its standard output; throws std::runtime_error if it ends before.
    ChildServer(std::vector<std::string> argv, const std::string& directory, const std::string& ready);
    ~ChildServer();
    ChildServer(const ChildServer&) = delete;
    ChildServer& operator=(const ChildServer&) = delete;

    /// All that it said until then.
    [[nodiscard]] const std::string& said() const { return said_; }

private:
    sdk::os::UniqueFd output_;
    sdk::os::Child child_;
    std::string said_;
};

/// A TCP port of 127.0.0.1 that nobody had a moment ago.
int free_port();

/// openssl's server on 127.0.0.1: it answers with files of a directory, which hold whole responses (s_server(1), -HTTP).
class TlsServer {
public:
    /// Makes its key and its certificate, for that address, in the directory too.
    explicit TlsServer(const std::string& directory);

    void answer(const std::string& name, const std::string& response) const;
    [[nodiscard]] std::string address() const { return "127.0.0.1:" + port_; }
    [[nodiscard]] std::string authority() const;  ///< PEM text that vouches for it

private:
    std::string directory_;
    ChildServer server_;
    std::string port_;
};

}  // namespace banger::oci::testing
