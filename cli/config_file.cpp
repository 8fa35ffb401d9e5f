// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/config_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "banger/sdk/os/file.hpp"
#include "cli/daemon_process.hpp"
#include "core/config/host_facts.hpp"

namespace banger::cli {
namespace {

constexpr mode_t private_file = 0600;

bool has_plugin_sections(const std::string& text, const std::string& file)
{
    const auto config = config::parse(text, file, config::read_host_facts());
    return config && !config->plugins.empty();
}

}  // namespace

json::Object to_json(const config::Setting& setting)
{
    json::Object object;
    object.set("key", setting.key);
    if (auto value = json::parse(setting.json, setting.key))
        object.set("value", *value);
    else
        object.set("value", setting.text);
    object.set("origin", config::to_string(setting.origin)).set("where", setting.where);
    return object;
}

sdk::Result<std::vector<config::Problem>> find_problems(Context& context, const std::string& text,
                                                        const std::string& file)
{
    auto problems = config::find_problems(text, file, config::read_host_facts());
    if (!problems.empty() || !has_plugin_sections(text, file))
        return problems;
    auto session = context.daemon();
    if (!session)
        return std::move(session).error().while_doing("ask the plugins about their settings");
    json::Object params;
    params.set("text", text).set("file", file);
    auto reply = (*session)->call("config.validate", params);
    if (!reply)
        return std::move(reply).error();
    if (const json::Value* said = json::find(reply->result, "problems"); said != nullptr && said->IsArray())
        for (const auto& one : said->GetArray())
            problems.push_back({json::uint_or(one, "line"),
                                sdk::make_error(sdk::Code::invalid, json::string_or(one, "message"),
                                                json::string_or(one, "hint")),
                                false});
    return problems;
}

sdk::Result<std::string> read_config_file(const std::string& file)
{
    auto text = sdk::os::read_file(file, most_config_bytes);
    if (!text && text.error().code == sdk::Code::not_found)
        return std::string();
    return text;
}

sdk::Result<void> write_config_file(const std::string& file, const std::string& text)
{
    struct stat status {};
    const bool exists = ::stat(file.c_str(), &status) == 0;
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(file.c_str(), nullptr), &std::free);
    const std::string target = real != nullptr ? std::string(real.get()) : file;
    if (!exists)
        if (auto made = sdk::os::make_directories(target.substr(0, target.rfind('/')), 0700); !made)
            return made;
    return sdk::os::write_file_atomic(target, text, exists ? status.st_mode & 07777U : private_file);
}

sdk::Result<void> apply_config(Context& context)
{
    context.end_session();
    auto running = find_daemon();
    if (!running || !*running)
        return {};
    auto daemon = context.daemon();
    return daemon ? sdk::Result<void>() : std::move(daemon).error();
}

}  // namespace banger::cli
