// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/arguments.hpp"
#include "cli/context.hpp"

/// The verbs about banger itself and its host: plugins, settings, the daemon, checks.
namespace banger::cli {

struct PluginList {
    static Syntax syntax();
    static sdk::Result<PluginList> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const PluginList& verb, Context& context);

struct PluginShow {
    std::string name;
    static Syntax syntax();
    static sdk::Result<PluginShow> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const PluginShow& verb, Context& context);

struct ConfigShow {
    static Syntax syntax();
    static sdk::Result<ConfigShow> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const ConfigShow& verb, Context& context);

struct ConfigGet {
    std::string key;  ///< as the file has it
    static Syntax syntax();
    static sdk::Result<ConfigGet> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const ConfigGet& verb, Context& context);

struct ConfigSet {
    std::string key;
    std::string value;
    static Syntax syntax();
    static sdk::Result<ConfigSet> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const ConfigSet& verb, Context& context);

struct ConfigValidate {
    std::string file;  ///< empty: the one in use
    static Syntax syntax();
    static sdk::Result<ConfigValidate> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const ConfigValidate& verb, Context& context);

struct ConfigPath {
    static Syntax syntax();
    static sdk::Result<ConfigPath> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const ConfigPath& verb, Context& context);

struct DaemonStart {
    static Syntax syntax();
    static sdk::Result<DaemonStart> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const DaemonStart& verb, Context& context);

struct DaemonStop {
    static Syntax syntax();
    static sdk::Result<DaemonStop> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const DaemonStop& verb, Context& context);

struct DaemonStatus {
    static Syntax syntax();
    static sdk::Result<DaemonStatus> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const DaemonStatus& verb, Context& context);

struct DaemonLogs {
    bool follow = false;
    static Syntax syntax();
    static sdk::Result<DaemonLogs> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const DaemonLogs& verb, Context& context);

struct Doctor {
    static Syntax syntax();
    static sdk::Result<Doctor> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const Doctor& verb, Context& context);

struct Audit {
    bool repair = false;
    static Syntax syntax();
    static sdk::Result<Audit> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const Audit& verb, Context& context);

struct Version {
    static Syntax syntax();
    static sdk::Result<Version> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const Version& verb, Context& context);

}  // namespace banger::cli
