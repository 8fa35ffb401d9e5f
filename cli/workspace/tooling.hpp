// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "cli/context.hpp"
#include "cli/workspace/prepare.hpp"
#include "core/config/config.hpp"

namespace banger::workspace {

/// The programs that a repository names in mise.toml, .mise.toml or .tool-versions (mise.jdx.dev), installed in its
/// guest with `mise install`. Best effort: what fails is said, with the log's name, and ends nothing.
///
/// mise is the image's, else this host's if it needs no library of the host's, else one that config.toml names by URL
/// and digest, which is fetched here, once, and kept in the cache.
class Tooling {
public:
    struct Options {
        config::Tooling settings;
        std::string cache;       ///< a directory for what was fetched
        bool has_network = true; ///< the guest
    };

    /// Whether there is something to install. What can be seen to be in vain is said here, before there is a guest.
    static std::optional<Tooling> plan(cli::Context& context, const Preparation& preparation, Options options);

    /// Installs, in a running guest whose workspace is in place. Errors: cancelled only.
    sdk::Result<void> install(const std::string& vm, const std::string& name) const;

private:
    Tooling(cli::Context& context, Options options) : context_(&context), options_(std::move(options)) {}

    sdk::Result<void> bring_mise(const std::string& vm) const;
    [[nodiscard]] sdk::Result<std::string> fetch() const;

    cli::Context* context_;
    Options options_;
    std::string file_;        ///< which of the names it is
    std::string guest_path_;
    std::string log_;         ///< in the guest
    std::string host_mise_;   ///< empty: none that could go
};

}  // namespace banger::workspace
