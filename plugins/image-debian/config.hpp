// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::debian {

enum class Scratch { automatic, memory, disk };

/// The plugin's section of the configuration; image-debian.plugin.json describes each value.
struct Config {
    std::string mirror = "http://deb.debian.org/debian";
    std::string security_mirror = "http://deb.debian.org/debian-security";
    std::string keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
    std::string proxy;
    Scratch scratch = Scratch::automatic;
};

/// From the plugin's validated JSON text.
sdk::Result<Config> read_config(const std::string& text);

}  // namespace banger::debian
