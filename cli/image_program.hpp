// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "cli/guest_command.hpp"

namespace banger::cli {

/// What a container image says about running it: entrypoint and command, working directory and user (config.md of the OCI
/// image specification). Its environment is the machine's already.
struct ImageProgram {
    std::vector<std::string> entrypoint;
    std::vector<std::string> command;
    std::string directory;
    std::string user;

    /// What runs where nobody says otherwise; empty if the image names nothing.
    [[nodiscard]] std::vector<std::string> argv() const;
};

/// From the facts of an image that was made from a container image; nothing for other images, and in a machine that booted another
/// init than banger's own, which is running already. `guest_init` is what its agent says that it booted.
std::optional<ImageProgram> image_program_of(const json::Value& image, const std::string& guest_init);

/// The same, of a machine that runs and an image that is here, by name. Nothing if it cannot be told.
std::optional<ImageProgram> find_image_program(Context& context, const std::string& vm, const std::string& image);

}  // namespace banger::cli
