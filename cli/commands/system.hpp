// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/arguments.hpp"
#include "cli/context.hpp"

/// The verbs about the root helper: docs/system.md.
namespace banger::cli {

struct SystemInstall {
    std::string owner;  ///< name of the user whom it is to serve
    static Syntax syntax();
    static sdk::Result<SystemInstall> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const SystemInstall& verb, Context& context);

struct SystemStatus {
    static Syntax syntax();
    static sdk::Result<SystemStatus> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const SystemStatus& verb, Context& context);

struct SystemRestart {
    static Syntax syntax();
    static sdk::Result<SystemRestart> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const SystemRestart& verb, Context& context);

struct SystemUninstall {
    bool purge = false;
    bool force = false;
    static Syntax syntax();
    static sdk::Result<SystemUninstall> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const SystemUninstall& verb, Context& context);

}  // namespace banger::cli
