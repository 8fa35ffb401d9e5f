// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::oci {

/// An image in a registry, as Docker users write it: alpine, alpine:3.20, host:5000/a/b@sha256:...
/// Source: github.com/distribution/reference, grammar in reference.go.
struct Reference {
    std::string registry;    ///< host with port; docker.io for none
    std::string repository;  ///< library/alpine
    std::string tag;         ///< "latest" unless told; empty beside a digest without tag
    std::string digest;      ///< sha256:..., or empty

    /// What names the manifest in the registry's interface.
    [[nodiscard]] const std::string& manifest() const { return digest.empty() ? tag : digest; }
    /// Where the registry answers: Docker Hub's name is another host's.
    [[nodiscard]] std::string host() const;
    /// Whether that host is this machine, so that plain HTTP is spoken to it.
    [[nodiscard]] bool loopback() const;
};

/// Errors: invalid, with what is wrong about it.
sdk::Result<Reference> parse_reference(const std::string& text);

}  // namespace banger::oci
