// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// One of two files that include toml++, which is 15,000 lines of header (the other is setting_edit.cpp).
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_WINDOWS_COMPAT 0
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <sstream>
#include <vector>

#include "core/base/loopback_range.hpp"
#include "core/base/durations.hpp"
#include "core/base/nearest.hpp"
#include "core/base/sizes.hpp"
#include "core/config/config.hpp"
#include "core/config/file_sync.hpp"
#include "core/config/limits.hpp"

namespace banger::config {
namespace {

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

std::string line_of(const std::string& file, const toml::source_region& source)
{
    return file + ":" + std::to_string(source.begin.line);
}

std::string_view type_name(toml::node_type type)
{
    switch (type) {
        case toml::node_type::table: return "a table";
        case toml::node_type::array: return "an array";
        case toml::node_type::string: return "a string";
        case toml::node_type::integer: return "a whole number";
        case toml::node_type::floating_point: return "a decimal number";
        case toml::node_type::boolean: return "true or false";
        default: return "a date or time";
    }
}

// One value of the file, with what an error about it has to say.
struct FileSetting {
    const toml::node& node;
    std::string where;  // file:line
    std::string name;   // "vcpu in [vm_defaults]"
    bool& mistyped;     // set with the error that says so

    [[nodiscard]] sdk::Error bad(const std::string& why, std::string hint = {}) const
    {
        return sdk::make_error(sdk::Code::invalid, where + ": " + name + " " + why, std::move(hint));
    }
    [[nodiscard]] sdk::Error wrong_type(const std::string& wanted) const
    {
        mistyped = true;
        return bad("must be " + wanted + ", not " + std::string(type_name(node.type())));
    }
    // An error that already names the setting.
    [[nodiscard]] sdk::Error placed(sdk::Error error) const
    {
        error.message = where + ": " + error.message;
        return error;
    }
    template <typename T>
    void store(Value<T>& into, T value) const
    {
        into = Value<T>{std::move(value), Origin::file, where};
    }
};

using Read = std::function<sdk::Result<void>(const FileSetting&)>;

struct Key {
    std::string name;
    Read read;
};

Read text(Value<std::string>& into)
{
    return [&into](const FileSetting& setting) -> sdk::Result<void> {
        const auto value = setting.node.value_exact<std::string>();
        if (!value)
            return setting.wrong_type("a string");
        if (value->find('\0') != std::string::npos)
            return setting.bad("has a zero byte in it");
        setting.store(into, *value);
        return {};
    };
}

Read flag(Value<bool>& into)
{
    return [&into](const FileSetting& setting) -> sdk::Result<void> {
        const auto value = setting.node.value_exact<bool>();
        if (!value)
            return setting.wrong_type("true or false");
        setting.store(into, *value);
        return {};
    };
}

Read sha256(Value<std::string>& into)
{
    return [&into](const FileSetting& setting) -> sdk::Result<void> {
        const auto value = setting.node.value_exact<std::string>();
        if (!value)
            return setting.wrong_type("a string");
        constexpr std::size_t digits = 64;
        if (!value->empty() && (value->size() != digits || value->find_first_not_of("0123456789abcdef") != std::string::npos))
            return setting.bad("must be 64 hex digits in small letters", "sha256sum prints them");
        setting.store(into, *value);
        return {};
    };
}

Read one_of(Value<std::string>& into, std::vector<std::string> words)
{
    return [&into, words = std::move(words)](const FileSetting& setting) -> sdk::Result<void> {
        const auto value = setting.node.value_exact<std::string>();
        if (!value)
            return setting.wrong_type("a string");
        if (std::find(words.begin(), words.end(), *value) == words.end()) {
            std::string all;
            for (const auto& word : words)
                all += (all.empty() ? "" : ", ") + word;
            return setting.bad("cannot be '" + *value + "': it is one of " + all, base::suggestion(*value, words));
        }
        setting.store(into, *value);
        return {};
    };
}

Read provider(Value<std::string>& into)
{
    return [&into](const FileSetting& setting) -> sdk::Result<void> {
        const auto value = setting.node.value_exact<std::string>();
        if (!value)
            return setting.wrong_type("a string");
        if (value->empty())
            return setting.bad("cannot be empty", "write \"auto\" or a provider's name");
        setting.store(into, *value);
        return {};
    };
}

Read vcpus(Value<std::uint64_t>& into, const HostFacts& host)
{
    return [&into, host](const FileSetting& setting) -> sdk::Result<void> {
        const auto value = setting.node.value_exact<std::int64_t>();
        if (!value)
            return setting.wrong_type("a whole number");
        if (auto allowed = check_vcpus(setting.name, *value, host); !allowed)
            return setting.placed(std::move(allowed).error());
        setting.store(into, static_cast<std::uint64_t>(*value));
        return {};
    };
}

// A number in the given unit, or a string with a unit of its own; in bytes.
sdk::Result<std::int64_t> read_bytes(const FileSetting& setting, base::PlainUnit plain)
{
    const auto text = setting.node.value_exact<std::string>();
    if (!text)
        return setting.wrong_type("a size such as \"8G\"");
    auto bytes = base::parse_size(setting.name, *text, plain);
    if (!bytes)
        return setting.placed(std::move(bytes).error());
    return static_cast<std::int64_t>(*bytes);
}

Read memory(Value<std::uint64_t>& into, const HostFacts& host)
{
    return [&into, host](const FileSetting& setting) -> sdk::Result<void> {
        auto mib = setting.node.value_exact<std::int64_t>();
        if (!mib) {
            if (!setting.node.is_string())
                return setting.wrong_type("a whole number of MiB or a size such as \"2G\"");
            auto bytes = read_bytes(setting, base::PlainUnit::mebibytes);
            if (!bytes)
                return std::move(bytes).error();
            if (*bytes % (1 << 20) != 0)
                return setting.bad("must be whole MiB");
            mib = *bytes >> 20;
        }
        if (auto allowed = check_memory(setting.name, *mib, host); !allowed)
            return setting.placed(std::move(allowed).error());
        setting.store(into, static_cast<std::uint64_t>(*mib));
        return {};
    };
}

Read size(Value<std::uint64_t>& into, std::int64_t least, std::int64_t most = std::numeric_limits<std::int64_t>::max())
{
    return [&into, least, most](const FileSetting& setting) -> sdk::Result<void> {
        auto bytes = read_bytes(setting, base::PlainUnit::bytes);
        if (!bytes)
            return std::move(bytes).error();
        if (*bytes < least)
            return setting.bad("must be at least " + std::to_string(least) + " bytes");
        if (*bytes > most)
            return setting.bad("must be at most " + std::to_string(most) + " bytes");
        setting.store(into, static_cast<std::uint64_t>(*bytes));
        return {};
    };
}

Read disk(Value<std::uint64_t>& into)
{
    return [&into](const FileSetting& setting) -> sdk::Result<void> {
        auto bytes = read_bytes(setting, base::PlainUnit::bytes);
        if (!bytes)
            return std::move(bytes).error();
        if (auto allowed = check_disk(setting.name, *bytes); !allowed)
            return setting.placed(std::move(allowed).error());
        setting.store(into, static_cast<std::uint64_t>(*bytes));
        return {};
    };
}

Read count(Value<std::uint64_t>& into, std::int64_t least, std::int64_t most)
{
    return [&into, least, most](const FileSetting& setting) -> sdk::Result<void> {
        const auto value = setting.node.value_exact<std::int64_t>();
        if (!value)
            return setting.wrong_type("a whole number");
        if (*value < least || *value > most)
            return setting.bad("cannot be " + std::to_string(*value) + ": it must be " + std::to_string(least) +
                               " to " + std::to_string(most));
        setting.store(into, static_cast<std::uint64_t>(*value));
        return {};
    };
}

// With `zero_is_off` 0 is a value as well, whatever the least other one is.
Read duration(Value<std::chrono::milliseconds>& into, std::chrono::milliseconds least, bool zero_is_off = false)
{
    return [&into, least, zero_is_off](const FileSetting& setting) -> sdk::Result<void> {
        std::string written;
        if (const auto seconds = setting.node.value_exact<std::int64_t>())
            written = std::to_string(*seconds);
        else if (const auto string = setting.node.value_exact<std::string>())
            written = *string;
        else
            return setting.wrong_type("a time such as \"2m\"");
        auto value = base::parse_duration(setting.name, written);
        if (!value)
            return setting.placed(std::move(value).error());
        if (*value < least && !(zero_is_off && value->count() == 0))
            return setting.bad("cannot be '" + written + "': it must be at least " + base::format_duration(least),
                               zero_is_off ? "0 switches it off" : "");
        setting.store(into, *value);
        return {};
    };
}

Read loopback_range(Value<std::string>& into)
{
    return [&into](const FileSetting& setting) -> sdk::Result<void> {
        const auto written = setting.node.value_exact<std::string>();
        if (!written)
            return setting.wrong_type("a range of addresses such as \"127.86.0.0/16\"");
        auto range = base::LoopbackRange::parse(*written);
        if (!range)
            return setting.placed(std::move(range).error());
        setting.store(into, *written);
        return {};
    };
}

// A path that `check` takes and gives back as it is meant.
Read path(Value<std::string>& into, sdk::Result<std::string> (*check)(const std::string&))
{
    return [&into, check](const FileSetting& setting) -> sdk::Result<void> {
        const auto value = setting.node.value_exact<std::string>();
        if (!value)
            return setting.wrong_type("a string");
        auto meant = check(*value);
        if (!meant)
            return setting.bad("cannot be '" + *value + "': " + meant.error().message, meant.error().hint);
        setting.store(into, std::move(*meant));
        return {};
    };
}

// Of a file of the user's, where empty means that it is not his.
sdk::Result<std::string> own_or_users(const std::string& written)
{
    return written.empty() ? sdk::Result<std::string>(written) : sync_host_of(written);
}

// Octal, in quotes or as TOML writes it. A plain number would be decimal, which nobody means.
Read file_mode(Value<std::string>& into)
{
    return [&into](const FileSetting& setting) -> sdk::Result<void> {
        std::string written;
        const auto* number = setting.node.as_integer();
        if (number != nullptr && number->flags() == toml::value_flags::format_as_octal && number->get() >= 0) {
            std::ostringstream octal;
            octal << std::oct << number->get();
            written = octal.str();
        } else if (const auto string = setting.node.value_exact<std::string>()) {
            written = *string;
        } else {
            return setting.bad("must be a mode such as \"0600\"", "write it in quotes, or as 0o600");
        }
        auto mode = file_mode_of(written);
        if (!mode)
            return setting.bad("cannot be '" + written + "': " + mode.error().message, mode.error().hint);
        setting.store(into, std::move(*mode));
        return {};
    };
}

// Reads every key of a table by its name; anything else in it is a problem. Goes on behind each.
class Reader {
public:
    Reader(std::string file, Config& config, const HostFacts& host) : file_(std::move(file)), config_(config)
    {
        auto& vm = config_.vm_defaults;
        auto& use = config_.backends;
        tables_ = {
            {"vm_defaults",
             {{"vcpu", vcpus(vm.vcpu, host)},
              {"memory", memory(vm.memory_mib, host)},
              {"disk", disk(vm.disk_bytes)},
              {"image", text(vm.image)},
              {"kernel", text(vm.kernel)},
              {"egress", one_of(vm.egress, {"none", "internet", "all"})},
              {"ready", one_of(vm.ready, {"auto", "agent", "system"})},
              {"init", one_of(vm.init, {"auto", "image", "banger"})},
              {"publish", one_of(vm.publish, {"auto", "none"})},
              {"git_identity", flag(vm.git_identity)}}},
            {"backends",
             {{"vmm", provider(use.vmm)}, {"storage", provider(use.storage)}, {"network", provider(use.network)}}},
            {"daemon",
             {{"workers", count(config_.daemon.workers, 1, 256)},
              {"plugin_deadline", duration(config_.daemon.plugin_deadline, std::chrono::seconds(1))},
              {"boot_timeout", duration(config_.daemon.boot_timeout, std::chrono::seconds(1))},
              {"auto_stop_stale_after",
               duration(config_.daemon.auto_stop_stale_after, std::chrono::seconds(1), true)},
              {"ssh_key_path", path(config_.daemon.ssh_key_path, own_or_users)},
              {"pause_below", size(config_.daemon.pause_below, 0)}}},
            {"workspace",
             {{"depth", count(config_.workspace.depth, 0, 1'000'000)},
              {"tracked_only", flag(config_.workspace.tracked_only)}}},
            {"images",
             {{"most_entries", count(config_.images.most_entries, 1, largest_image_entries)},
              {"most_bytes", size(config_.images.most_bytes, 1, largest_image_bytes)}}},
            {"ports", {{"addresses", loopback_range(config_.ports.addresses)}}},
            {"tooling",
             {{"mise_url", text(config_.tooling.mise_url)}, {"mise_sha256", sha256(config_.tooling.mise_sha256)}}},
        };
    }

    void read(const toml::table& root)
    {
        for (const auto& [key, node] : root) {
            const std::string name(key.str());
            if (name == "plugin") {
                note(read_plugins(node), node.source());
                continue;
            }
            if (name == "file_sync") {
                note(read_file_sync(node), node.source());
                continue;
            }
            const auto table =
                std::find_if(tables_.begin(), tables_.end(), [&](const Table& t) { return t.name == name; });
            if (table == tables_.end())
                note(unknown_table(name, key.source()), key.source());
            else if (!node.is_table())
                note(setting(node, "[" + name + "]").wrong_type("a table"), node.source());
            else
                read_table(*table, *node.as_table());
        }
        if (auto checked = check_tooling(); !checked)
            problems_.push_back({line_in(checked.error().message, file_), std::move(checked).error(), false});
    }

    /// Ordered by line.
    std::vector<Problem> take_problems()
    {
        std::stable_sort(problems_.begin(), problems_.end(),
                         [](const Problem& a, const Problem& b) { return a.line < b.line; });
        return std::move(problems_);
    }

    [[nodiscard]] std::vector<std::string> keys() const
    {
        std::vector<std::string> all;
        for (const auto& table : tables_)
            for (const auto& key : table.keys)
                all.push_back(table.name + "." + key.name);
        return all;
    }

private:
    struct Table {
        std::string name;
        std::vector<Key> keys;
    };

    [[nodiscard]] sdk::Result<void> check_tooling() const
    {
        const auto& [url, digest] = config_.tooling;
        if (url.value.empty() == digest.value.empty())
            return {};
        const std::string why = url.value.empty()
                                    ? digest.where + ": mise_sha256 in [tooling] says nothing without mise_url"
                                    : url.where + ": mise_url in [tooling] needs mise_sha256 beside it";
        return sdk::make_error(sdk::Code::invalid, why, "sha256sum prints the digest of a file");
    }

    void note(sdk::Result<void> done, const toml::source_region& source)
    {
        if (!done)
            problems_.push_back({source.begin.line, std::move(done).error(), std::exchange(mistyped_, false)});
    }

    [[nodiscard]] FileSetting setting(const toml::node& node, std::string name)
    {
        return FileSetting{node, line_of(file_, node.source()), std::move(name), mistyped_};
    }

    [[nodiscard]] sdk::Error unknown(const std::string& what, const toml::source_region& source,
                                     const std::string& hint) const
    {
        return sdk::make_error(sdk::Code::invalid, line_of(file_, source) + ": there is no setting " + what, hint);
    }

    // A key without its table is the likeliest mistake at the top, so the tables' keys are looked at too.
    [[nodiscard]] sdk::Error unknown_table(const std::string& name, const toml::source_region& source) const
    {
        std::vector<std::string> names{"plugin", "file_sync"};
        for (const auto& table : tables_) {
            names.push_back(table.name);
            for (const auto& key : table.keys)
                if (key.name == name)
                    return unknown("'" + name + "' at the top", source, "it belongs under [" + table.name + "]");
        }
        const auto near = base::nearest(name, names);
        if (!near)
            return unknown("[" + name + "]", source,
                           "known: [vm_defaults], [backends], [daemon], [workspace], [tooling], [[file_sync]], [plugin.ID]");
        const std::string meant = *near == "file_sync" ? "[[file_sync]]" : "[" + *near + "]";
        return unknown("[" + name + "]", source, "did you mean " + meant + "?");
    }

    void read_table(const Table& table, const toml::table& values)
    {
        for (const auto& [key, node] : values) {
            const std::string name(key.str());
            const auto known =
                std::find_if(table.keys.begin(), table.keys.end(), [&](const Key& k) { return k.name == name; });
            if (known != table.keys.end()) {
                note(known->read(setting(node, name + " in [" + table.name + "]")), node.source());
                continue;
            }
            std::vector<std::string> names;
            for (const auto& other : table.keys)
                names.push_back(other.name);
            note(unknown("'" + name + "' in [" + table.name + "]", key.source(), base::suggestion(name, names)),
                 key.source());
        }
    }

    sdk::Result<void> read_file_sync(const toml::node& node)
    {
        const std::string name = "[[file_sync]]";
        if (!node.is_array())
            return setting(node, "file_sync").wrong_type("tables of its own, " + name);
        for (const auto& element : *node.as_array()) {
            if (!element.is_table())
                return setting(element, "file_sync").wrong_type("tables of its own, " + name);
            FileSync entry;
            const Table table{"[file_sync]",
                              {{"host", path(entry.host, sync_host_of)},
                               {"guest", path(entry.guest, sync_guest_of)},
                               {"mode", file_mode(entry.mode)}}};
            const auto before = problems_.size();
            read_table(table, *element.as_table());
            if (problems_.size() != before)
                continue;
            for (const auto& [key, value] : {std::pair{"host", &entry.host}, std::pair{"guest", &entry.guest}})
                if (value->value.empty())
                    return setting(element, name).bad("has no '" + std::string(key) + "'",
                                                      "it says what to take, as host, and where it goes, as guest");
            for (const auto& other : config_.file_sync)
                if (other.guest.value == entry.guest.value)
                    return sdk::make_error(sdk::Code::invalid,
                                           entry.guest.where + ": guest in " + name + " cannot be '" +
                                               entry.guest.value + "' again: it is at " + other.guest.where + " too");
            config_.file_sync.push_back(std::move(entry));
        }
        return {};
    }

    sdk::Result<void> read_plugins(const toml::node& node)
    {
        if (!node.is_table())
            return setting(node, "[plugin]").wrong_type("a table of tables, such as [plugin.vmm-qemu]");
        for (const auto& [key, section] : *node.as_table()) {
            const std::string id(key.str());
            if (id == file_sync_plugin) {
                note(unknown("[plugin." + id + "]", key.source(),
                             "write [[file_sync]] tables, and git_identity in [vm_defaults]"),
                     key.source());
                continue;
            }
            if (!section.is_table()) {
                note(setting(section, "plugin." + id).wrong_type("a table, [plugin." + id + "]"), section.source());
                continue;
            }
            PluginSection plugin;
            rapidjson::StringBuffer buffer;
            JsonWriter json(buffer);
            if (auto done = write(json, section, "[plugin." + id + "]", "", plugin); !done) {
                note(std::move(done), section.source());
                continue;
            }
            // toml++ gives a table that only exists through its children no place of its own.
            plugin.where[""] = line_of(file_, key.source());
            plugin.json = buffer.GetString();
            config_.plugins[id] = std::move(plugin);
        }
        return {};
    }

    sdk::Result<void> write(JsonWriter& json, const toml::node& node, const std::string& name,
                            const std::string& pointer, PluginSection& plugin)
    {
        plugin.where[pointer] = line_of(file_, node.source());
        switch (node.type()) {
            case toml::node_type::table: return write_table(json, *node.as_table(), name, pointer, plugin);
            case toml::node_type::array: return write_array(json, *node.as_array(), name, pointer, plugin);
            case toml::node_type::string: write_text(json, node.as_string()->get()); return {};
            case toml::node_type::integer: json.Int64(node.as_integer()->get()); return {};
            case toml::node_type::boolean: json.Bool(node.as_boolean()->get()); return {};
            case toml::node_type::floating_point:
                if (!json.Double(node.as_floating_point()->get()))
                    return setting(node, name).bad("must be a finite number");
                return {};
            default: return setting(node, name).bad("cannot be a date or time", "write it as a string");
        }
    }

    sdk::Result<void> write_table(JsonWriter& json, const toml::table& table, const std::string& name,
                                  const std::string& pointer, PluginSection& plugin)
    {
        json.StartObject();
        for (const auto& [key, node] : table) {
            const std::string member(key.str());
            write_text(json, member);
            if (auto done = write(json, node, member + " in " + name, pointer + "/" + escaped(member), plugin); !done)
                return done;
        }
        json.EndObject();
        return {};
    }

    sdk::Result<void> write_array(JsonWriter& json, const toml::array& array, const std::string& name,
                                  const std::string& pointer, PluginSection& plugin)
    {
        json.StartArray();
        for (std::size_t i = 0; i < array.size(); ++i)
            if (auto done = write(json, array[i], name, pointer + "/" + std::to_string(i), plugin); !done)
                return done;
        json.EndArray();
        return {};
    }

    static void write_text(JsonWriter& json, const std::string& text)
    {
        json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
    }

    // RFC 6901 section 3
    static std::string escaped(const std::string& key)
    {
        std::string text;
        for (const char c : key)
            text += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
        return text;
    }

    std::string file_;
    Config& config_;
    std::vector<Table> tables_;
    std::vector<Problem> problems_;
    bool mistyped_ = false;  // by the setting that was read last
};

struct ReadFile {
    Config config;
    std::vector<Problem> problems;
};

ReadFile read_all(std::string_view text, const std::string& file, const HostFacts& host)
{
    ReadFile all{defaults(host), {}};
    all.config.file = file;
    const auto parsed = toml::parse(text, file);
    if (!parsed) {
        const auto& problem = parsed.error();
        all.problems.push_back(
            {problem.source().begin.line,
             sdk::make_error(sdk::Code::invalid,
                             line_of(file, problem.source()) + ": " + std::string(problem.description()),
                             "the file is TOML: texts stand in quotes, and each key and table only once"),
             false});
        return all;
    }
    all.config.file_read = true;
    Reader reader(file, all.config, host);
    reader.read(parsed.table());
    all.problems = reader.take_problems();
    return all;
}

}  // namespace

sdk::Result<Config> parse(std::string_view text, const std::string& file, const HostFacts& host)
{
    auto all = read_all(text, file, host);
    if (!all.problems.empty())
        return std::move(all.problems.front().error);
    return std::move(all.config);
}

std::vector<Problem> find_problems(std::string_view text, const std::string& file, const HostFacts& host)
{
    return read_all(text, file, host).problems;
}

const std::vector<std::string>& known_keys()
{
    static const std::vector<std::string> keys = [] {
        Config none;
        return Reader({}, none, {}).keys();
    }();
    return keys;
}

}  // namespace banger::config
