// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "banger/sdk/result.hpp"

namespace banger::config {

/// The value of an environment variable, if it is set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// Where one instance keeps things. All absolute; nothing is made until `make`.
struct Paths {
    std::string config_file;
    std::string state;    ///< what must survive: database, VMs, images, kernels
    std::string cache;    ///< what can be made again
    std::string runtime;  ///< sockets; gone after a reboot

    /// The XDG base directories (XDG Base Directory Specification 0.8), each with "banger" below it, or everything
    /// below BANGER_HOME: config.toml, state/, cache/, run/. An empty variable counts as unset and, as the
    /// specification has it, a relative XDG one too; a relative BANGER_HOME is taken from the working directory.
    ///
    /// The runtime directory without a usable XDG_RUNTIME_DIR (unset, or another user's, as after su) is the one that
    /// systemd gives the user (/run/user/UID), else /run/banger for root and run/ in the state directory for others.
    ///
    /// `precondition` if neither HOME nor BANGER_HOME says where to begin.
    [[nodiscard]] static sdk::Result<Paths> find(const Environment& environment);
    [[nodiscard]] static sdk::Result<Paths> find();  ///< with the process's own environment

    /// Whether the directory of config.toml may be trusted, where it exists: what stands in it is run. `permission` if every
    /// user can write there, `invalid` if it is no directory.
    [[nodiscard]] sdk::Result<void> check() const;

    /// Makes the state, cache and runtime directories and those below, private to us (0700).
    /// The errors of `check`; `permission` if one belongs to somebody else.
    [[nodiscard]] sdk::Result<void> make() const;

    [[nodiscard]] std::string database() const { return state + "/banger.db"; }
    [[nodiscard]] std::string vms() const { return state + "/vms"; }
    [[nodiscard]] std::string images() const { return state + "/images"; }
    [[nodiscard]] std::string kernels() const { return state + "/kernels"; }
    /// Where banger's own ssh key is, which guests let in: beside config.toml.
    [[nodiscard]] std::string ssh_key() const { return config_file.substr(0, config_file.rfind('/')) + "/ssh/id_ed25519"; }
    [[nodiscard]] std::string instance_file() const { return state + "/instance"; }
    [[nodiscard]] std::string plugin_crashes() const { return state + "/plugin-crashes"; }
    /// In the state directory and not beside the socket: two shells may disagree on the runtime directory, and still
    /// only one daemon may have the state.
    [[nodiscard]] std::string lock_file() const { return state + "/bangerd.lock"; }
    [[nodiscard]] std::string plugin_cache() const { return cache + "/plugins"; }
    [[nodiscard]] std::string socket() const { return runtime + "/bangerd.sock"; }
    [[nodiscard]] std::string log_file() const { return runtime + "/bangerd.log"; }
    [[nodiscard]] std::string plugins_in_flight() const { return runtime + "/plugins-in-flight"; }
};

}  // namespace banger::config
