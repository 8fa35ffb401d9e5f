// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "apt.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "banger/sdk/os/file.hpp"

namespace banger::debian {
namespace {

namespace os = sdk::os;
using sdk::Code;
using sdk::Result;

constexpr const char* apt_helper = "/usr/lib/apt/apt-helper";  // of the package apt

std::string joined(const std::vector<std::string>& words)
{
    std::string text;
    for (const auto& word : words)
        text += (text.empty() ? "" : " ") + word;
    return text;
}

// The first line of the output that starts with `prefix`, without it.
std::string first_line(std::string_view output, std::string_view prefix)
{
    for (std::size_t at = 0; at < output.size();) {
        const auto end = std::min(output.find('\n', at), output.size());
        const auto line = output.substr(at, end - at);
        if (line.starts_with(prefix))
            return std::string(line.substr(prefix.size()));
        at = end + 1;
    }
    return {};
}

bool mentions(std::string_view output, std::initializer_list<std::string_view> phrases)
{
    return std::any_of(phrases.begin(), phrases.end(),
                       [&](std::string_view phrase) { return output.find(phrase) != std::string_view::npos; });
}

}  // namespace

std::string Source::line(const std::string& options) const
{
    return "deb " + (options.empty() ? "" : "[" + options + "] ") + mirror + " " + suite + " " + joined(components);
}

std::string Source::in_release() const
{
    return mirror + "/dists/" + suite + "/InRelease";
}

std::vector<Source> sources_of(const Archive& archive, const Config& config)
{
    std::vector<Source> sources{{config.mirror, archive.suite, archive.components}};
    for (const auto& pocket : archive.pockets)
        sources.push_back({pocket == "security" ? config.security_mirror : config.mirror, archive.suite + "-" + pocket,
                           archive.components});
    return sources;
}

std::vector<std::string> apt_options(const Config& config)
{
    std::vector<std::string> options{"APT::Sandbox::User \"root\";", "Acquire::Languages \"none\";",
                                     "Acquire::Retries \"1\";", "Acquire::http::Timeout \"15\";",
                                     "Acquire::https::Timeout \"15\";"};
    if (!config.proxy.empty()) {
        options.push_back("Acquire::http::Proxy \"" + config.proxy + "\";");
        options.push_back("Acquire::https::Proxy \"" + config.proxy + "\";");
    }
    return options;
}

Result<PrivateApt> PrivateApt::create(const std::string& directory, const std::vector<Source>& sources,
                                      const Config& config)
{
    if (directory.find_first_of("\"\n;") != std::string::npos)
        return sdk::make_error(Code::invalid, "apt cannot work in a directory named " + directory);
    for (const char* part : {"/etc/apt.conf.d", "/etc/sources.list.d", "/etc/preferences.d", "/state/lists/partial",
                             "/cache/archives/partial", "/log"})
        if (auto made = os::make_directories(directory + part); !made)
            return std::move(made).error();
    std::string text = "Dir \"" + directory +
                       "\";\nDir::Etc \"etc\";\nDir::Etc::parts \"apt.conf.d\";\nDir::State \"state\";\n"
                       "Dir::State::status \"" +
                       directory +
                       "/status\";\nDir::Cache \"cache\";\nDir::Log \"log\";\n"
                       "Dir::Bin::methods \"/usr/lib/apt/methods\";\nDir::Bin::solvers \"/nonexistent\";\n"
                       "APT::Install-Recommends \"false\";\nAPT::Color \"false\";\n";
    for (const auto& option : apt_options(config))
        text += option + "\n";
    std::string list;
    for (const auto& source : sources)
        list += source.line("signed-by=" + config.keyring) + "\n";
    for (const auto& [name, content] : {std::pair{"/apt.conf", &text}, {"/etc/sources.list", &list}})
        if (auto written = os::write_file_atomic(directory + name, *content, 0644); !written)
            return std::move(written).error();
    if (auto written = os::write_file_atomic(directory + "/status", "", 0644); !written)
        return std::move(written).error();
    return PrivateApt(directory);
}

Result<os::Output> PrivateApt::run(std::vector<std::string> argv, sdk::Call& call, std::chrono::minutes timeout) const
{
    const std::string doing = argv.size() > 1 ? "run " + argv[0] + " " + argv[1] : "run " + argv[0];
    os::Command command;
    command.argv = std::move(argv);
    command.directory = directory_;
    command.environment = {{"APT_CONFIG", directory_ + "/apt.conf"}, {"LC_ALL", "C.UTF-8"}, {"TMPDIR", directory_}};
    command.die_with_parent = true;
    os::RunLimits limits;
    limits.timeout = timeout;
    limits.cancel_descriptor = call.cancel_descriptor();
    auto output = os::run(std::move(command), {}, limits);
    if (!output)
        return std::move(output).error().while_doing(doing);
    if (output->status != 0)
        return tool_error(doing, output->err + output->out, output->status);
    return output;
}

Result<void> PrivateApt::fetch(const std::vector<Download>& downloads, sdk::Call& call,
                               std::chrono::minutes timeout) const
{
    std::vector<std::string> argv{apt_helper, "download-file"};
    for (const auto& download : downloads) {
        argv.insert(argv.end(), {download.address, download.path});
        if (!download.hash.empty())
            argv.push_back(download.hash);
    }
    auto output = run(std::move(argv), call, timeout);
    if (!output)
        return std::move(output).error();
    return {};
}

Result<std::chrono::sys_seconds> release_date(const std::string& index)
{
    constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::string text = first_line(index, "Date: ");
    std::array<char, 4> month{};
    unsigned day = 0;
    int year = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    // The day of the week is left out: it says nothing new.
    const auto comma = text.find(", ");
    const int found = comma == std::string::npos ? 0
                                                 : std::sscanf(text.c_str() + comma + 2, "%2u %3s %4d %2d:%2d:%2d UTC",
                                                               &day, month.data(), &year, &hour, &minute, &second);
    const auto name = std::find(months.begin(), months.end(), std::string_view(month.data()));
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(name - months.begin()) + 1),
                                           std::chrono::day(day)};
    if (found != 6 || name == months.end() || !date.ok())
        return sdk::make_error(Code::corrupt, "the mirror's index has no date");
    return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
           std::chrono::seconds(second);
}

Result<std::chrono::sys_seconds> newest_release(const PrivateApt& apt, const std::vector<Source>& sources,
                                                const std::string& directory, sdk::Call& call)
{
    std::vector<PrivateApt::Download> downloads;
    for (const auto& source : sources)
        downloads.push_back({source.in_release(), directory + "/InRelease." + source.suite, {}});
    if (auto fetched = apt.fetch(downloads, call, std::chrono::minutes(1)); !fetched) {
        auto error = std::move(fetched).error();
        if (error.code == Code::timed_out)
            error = sdk::make_error(Code::unavailable, "the mirror " + sources.front().mirror + " does not answer");
        if (error.code == Code::unavailable)
            error.hint = "check the network, or set `mirror` (and `proxy`) of the plugin image-debian in config.toml";
        return error;
    }
    std::chrono::sys_seconds newest{};
    for (const auto& download : downloads) {
        auto index = os::read_file(download.path);
        if (!index)
            return std::move(index).error();
        auto date = release_date(*index);
        if (!date)
            return std::move(date).error().while_doing("read " + download.address);
        newest = std::max(newest, *date);
    }
    return newest;
}

sdk::Error tool_error(const std::string& doing, std::string_view output, int status)
{
    std::string reason = first_line(output, "E: ");
    if (reason.empty())
        reason = "it ended with status " + std::to_string(status);
    if (mentions(output, {"No space left on device"}))
        return sdk::make_error(Code::no_space, "cannot " + doing + ": the disk is full");  // whose, core knows and says
    if (mentions(output, {"Unable to locate package", "has no installation candidate", "Couldn't find any package"}))
        return sdk::make_error(Code::invalid, "cannot " + doing + ": " + reason);
    if (mentions(output, {"Hash Sum mismatch", "NO_PUBKEY", "is not signed", "BADSIG", "expected hash"}))
        return sdk::make_error(Code::corrupt, "cannot " + doing + ": " + reason,
                               "the mirror or a proxy changed what it delivers, or the keyring is too old");
    if (mentions(output, {"404  Not Found"}))
        return sdk::make_error(Code::unavailable, "cannot " + doing + ": " + reason,
                               "the mirror is being updated or lacks this suite; try again, or set another mirror");
    if (mentions(output, {"Failed to fetch", "Could not connect", "Could not resolve", "Temporary failure resolving",
                          "Unable to connect", "Connection failed", "Connection timed out"}))
        return sdk::make_error(Code::unavailable, "cannot " + doing + ": " + reason,
                               "check the network, or set `mirror` (and `proxy`) of the plugin image-debian");
    return sdk::make_error(Code::internal, "cannot " + doing + ": " + reason);
}

std::string control_field(std::string_view paragraph, std::string_view field)
{
    const auto end = paragraph.find("\n\n");  // several versions come as several paragraphs
    return first_line(paragraph.substr(0, end), std::string(field) + ": ");
}

sdk::Probe probe_tools(const std::vector<std::pair<std::string, std::string>>& programs_and_packages,
                       const Config& config)
{
    sdk::Probe probe;
    for (const auto& [program, package] : programs_and_packages)
        if (auto found = os::find_program(program); !found) {
            probe.reason = "there is no program '" + program + "' on this machine";
            probe.hint = "apt install " + package;
            return probe;
        }
    if (::access(apt_helper, X_OK) != 0) {
        probe.reason = "this machine has no apt";
        probe.hint = "Debian images are made on Debian and its relatives only";
        return probe;
    }
    if (::access(config.keyring.c_str(), R_OK) != 0) {
        probe.reason = "Debian's archive keys are not at " + config.keyring;
        probe.hint = "apt install debian-archive-keyring";
        return probe;
    }
    probe.usable = true;
    probe.facts = {{"mirror", config.mirror}, {"keyring", config.keyring}};
    return probe;
}

}  // namespace banger::debian
