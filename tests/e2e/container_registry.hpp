// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "banger/sdk/os/process.hpp"

namespace banger::e2e {

/// How a registry guards what it has.
struct RegistryAccess {
    bool password = false;  ///< user `tester`, password `secret`: basic authentication
    bool tls = false;       ///< with a certificate that only authority() vouches for
};

/// Debian's docker-registry on a loopback port of its own, and a layout in which images are made for it. Its files are
/// below `directory`, which the caller removes.
class ContainerRegistry {
public:
    explicit ContainerRegistry(const std::string& directory, const RegistryAccess& access = {});
    ~ContainerRegistry();
    ContainerRegistry(const ContainerRegistry&) = delete;
    ContainerRegistry& operator=(const ContainerRegistry&) = delete;

    /// host:port; empty, with a failure noted, if it did not start.
    [[nodiscard]] const std::string& address() const { return address_; }
    /// PEM file of the authority that signed its certificate.
    [[nodiscard]] std::string authority() const { return directory_ + "/tls/trusted/ca.crt"; }
    [[nodiscard]] std::string layout() const { return directory_ + "/layout"; }
    /// A directory with nothing but one file, auth.json of containers-auth.json(5), that has the password.
    [[nodiscard]] std::string auth_file() const { return directory_ + "/auth/auth.json"; }

    /// Makes an image by tests/e2e/oci-image, under its kind's name in the layout.
    void make(const std::string& kind, const std::string& tree = {}) const;
    /// Has skopeo copy the image of this kind into the registry; the reference that pulls it.
    [[nodiscard]] std::string push(const std::string& kind, const std::string& name) const;
    /// Lines of the registry's log that hold `text`.
    [[nodiscard]] int count_in_log(const std::string& text) const;

private:
    std::string directory_;
    RegistryAccess access_;
    std::optional<sdk::os::Child> server_;
    std::string address_;
};

/// Runs `script` by sh -e; its failure is the test's, with what it printed.
void run_script(const std::string& script);

}  // namespace banger::e2e
