// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "banger/sdk/result.hpp"
#include "core/config/host_facts.hpp"

namespace banger::config {

/// Who said so. In this order each overrides those before it.
enum class Origin { built_in, host, file, flag };

[[nodiscard]] std::string_view to_string(Origin origin);  ///< "built-in", "host", "config", "flag"

/// A setting and where it comes from.
template <typename T>
struct Value {
    T value{};
    Origin origin = Origin::built_in;
    std::string where;  ///< "/home/a/.config/banger/config.toml:3", "--vcpu", "2 CPUs"; empty for built-in

    /// A flag that was given overrides anything.
    void set_by_flag(T given, std::string flag)
    {
        value = std::move(given);
        origin = Origin::flag;
        where = std::move(flag);
    }
};

/// [vm_defaults]: what a VM gets where its command says nothing.
struct VmDefaults {
    Value<std::uint64_t> vcpu;
    Value<std::uint64_t> memory_mib;  ///< key `memory`: MiB, or a size such as "2G"
    Value<std::uint64_t> disk_bytes;  ///< key `disk`: a size such as "8G"
    Value<std::string> image;
    Value<std::string> kernel;  ///< empty: the image's own
    Value<std::string> egress;  ///< none, internet, all
    Value<std::string> ready;   ///< auto (system where the image has an init), agent, system
    Value<std::string> init;    ///< auto, image, banger
    Value<std::string> publish; ///< auto, none: whether guests' ports appear on this host
    Value<bool> git_identity;   ///< the user's name and address, as git knows them, go into new VMs
};

/// [[file_sync]]: what of the user's goes into every new VM.
struct FileSync {
    Value<std::string> host;   ///< a file or directory: absolute, or below the user's home as "~/..."
    Value<std::string> guest;  ///< where it goes: "/root" or a path below it, with no ".", ".." or empty part
    Value<std::string> mode;   ///< of the file, or of the directory's files: "0600"; empty: the default
};

/// [backends]: "auto" or a provider's name; whether there is such a provider is the plugin host's to say.
struct Backends {
    Value<std::string> vmm;
    Value<std::string> storage;
    Value<std::string> network;
};

/// [daemon]
struct Daemon {
    Value<std::uint64_t> workers;                      ///< finite operations at a time, 1 to 256
    Value<std::chrono::milliseconds> plugin_deadline;  ///< of a call that changes something; a time such as "2m"
    Value<std::chrono::milliseconds> boot_timeout;           ///< how long a guest may take until its agent answers
    Value<std::chrono::milliseconds> auto_stop_stale_after;  ///< a running VM unused for so long is stopped; 0: never
    Value<std::string> ssh_key_path;   ///< of the private key that guests let in: absolute or "~/..."; empty: banger's own
    Value<std::uint64_t> pause_below;  ///< room on the host's disk; with less no VM runs; 0: whatever there is; such as "1G"
};

/// [workspace]: how directories of the host go into guests
struct Workspace {
    Value<std::uint64_t> depth;  ///< commits of history, at most; 0: all
    Value<bool> tracked_only;    ///< leave out what git does not track
};

/// [images]: what an image may at most be, since an archive of some kilobytes can unpack to any size
struct Images {
    Value<std::uint64_t> most_entries;  ///< in all its layers; each takes about 120 bytes beside the image while it is made
    Value<std::uint64_t> most_bytes;    ///< of content in all its layers; a size such as "64G"
};

/// [ports]: where guests' ports appear on this host
struct Ports {
    Value<std::string> addresses;  ///< a range of loopback addresses, such as 127.86.0.0/16
};

/// [tooling]: where the mise comes from that installs a repository's programs in guests; both or neither
struct Tooling {
    Value<std::string> mise_url;     ///< of a program that needs no libraries: https, http or file
    Value<std::string> mise_sha256;  ///< 64 hex digits, small letters
};

/// [plugin.<id>]: passed to the plugin host as it is.
struct PluginSection {
    std::string json;                          ///< an object
    std::map<std::string, std::string> where;  ///< file and line by JSON pointer (RFC 6901); "" is the section itself
};

struct Config {
    VmDefaults vm_defaults;
    Backends backends;
    Daemon daemon;
    Workspace workspace;
    Images images;
    Ports ports;
    std::vector<FileSync> file_sync;
    Tooling tooling;
    std::map<std::string, PluginSection> plugins;
    std::string file;  ///< as asked for, whether or not it exists
    bool file_read = false;
    std::string stamp;  ///< of the file as it was read (`stamp_of`); empty where it came from text
};

/// What holds without any file.
[[nodiscard]] Config defaults(const HostFacts& host);

/// The defaults with the file's settings over them; no file is no settings. `invalid` for a file that is not TOML, an
/// unknown key, a wrong type or a value out of range: the message begins with file and line, the hint has the nearest
/// known key. `permission` and the like if the file cannot be read.
[[nodiscard]] sdk::Result<Config> load(const std::string& file, const HostFacts& host);

/// Changes whenever the file is written or replaced, by inode, size and time of change; "none" where it is not there or
/// cannot be looked at.
[[nodiscard]] std::string stamp_of(const std::string& file);

/// The same from text, for which `file` is only a name.
[[nodiscard]] sdk::Result<Config> parse(std::string_view text, const std::string& file, const HostFacts& host);

/// One thing that is wrong with a configuration file.
struct Problem {
    std::uint64_t line = 0;
    sdk::Error error;         ///< `invalid`; its message begins with file and line
    bool wrong_type = false;  ///< the value is of a type that its setting does not take
};

/// Everything that `parse` would refuse, by line; only the first thing where the text is no TOML.
[[nodiscard]] std::vector<Problem> find_problems(std::string_view text, const std::string& file, const HostFacts& host);

/// The line that a message beginning with this file and a line names; 0 if it does not.
[[nodiscard]] std::uint64_t line_in(std::string_view message, std::string_view file);

/// The settings there are, as "table.key", without those of plugins.
[[nodiscard]] const std::vector<std::string>& known_keys();

/// The effective configuration, for `config show`: tables, keys and values as config.toml has them, so that what is shown
/// can be written there.
///     {"file": "...", "file_read": true,
///      "vm_defaults": {"vcpu": {"value": 2, "origin": "host", "where": "8 CPUs"}, "disk": {"value": "8G", ...}, ...},
///      "backends": {...}, "daemon": {...}, "workspace": {...}, "tooling": {...},
///      "file_sync": {"0": {"host": {...}, "guest": {...}, "mode": {...}}, ...}, "plugin": {"<id>": {"<key>": {"value": ..., "origin": "config", ...}}}}
[[nodiscard]] std::string to_json(const Config& config);

}  // namespace banger::config
