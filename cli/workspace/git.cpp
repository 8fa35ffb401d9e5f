// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/git.hpp"

#include "banger/sdk/os/process.hpp"
#include "cli/text.hpp"

namespace banger::workspace {
namespace {

constexpr std::size_t most_output = 1UL << 30;              ///< a list of millions of files
constexpr std::chrono::minutes patience_for_git{30};  ///< a history of gigabytes

sdk::Result<sdk::os::Output> run_git(std::vector<std::string> argv, const std::string& directory, int interrupt,
                                     std::vector<std::pair<std::string, std::string>> environment,
                                     const std::string& input)
{
    sdk::os::Command command;
    command.argv = std::move(argv);
    command.environment = std::move(environment);
    command.directory = directory;
    sdk::os::RunLimits limits;
    limits.timeout = patience_for_git;
    limits.cancel_descriptor = interrupt;
    limits.most_output = most_output;
    auto output = sdk::os::run(std::move(command), input, limits);
    if (!output && output.error().code == sdk::Code::not_found)
        return sdk::make_error(sdk::Code::not_found, "there is no git here, which reads repositories",
                               "install it, such as with `apt install git`");
    return output;
}

std::string last_line(const std::string& text)
{
    const auto end = text.find_last_not_of('\n');
    if (end == std::string::npos)
        return {};
    const auto begin = text.rfind('\n', end);
    return text.substr(begin == std::string::npos ? 0 : begin + 1, end - (begin == std::string::npos ? -1 : begin));
}

/// What git said went wrong: its "fatal:" or "error:" line, else the last one.
std::string reason_in(const std::string& err)
{
    for (const std::string_view mark : {"fatal: ", "error: "})
        if (const auto at = err.find(mark); at != std::string::npos)
            return err.substr(at + mark.size(), err.find('\n', at) - at - mark.size());
    return last_line(err);
}

/// What git was to do: "fetch" of "-c a=b fetch".
std::string verb_in(const std::vector<std::string>& arguments)
{
    for (std::size_t at = 0; at < arguments.size(); ++at)
        if (arguments[at] == "-c")
            ++at;
        else
            return arguments[at];
    return {};
}

/// What it printed, if its status is at most `most`.
sdk::Result<std::string> finished(const std::vector<std::string>& arguments, sdk::Result<sdk::os::Output> output,
                                  int most)
{
    if (!output)
        return std::move(output).error();
    constexpr int no_program = 127;
    if (output->status == no_program)
        return sdk::make_error(sdk::Code::not_found, "there is no git here, which reads repositories",
                               "install it, such as with `apt install git`");
    if (output->status > most)
        return sdk::make_error(sdk::Code::precondition,
                               "git " + verb_in(arguments) + ": " + cli::printable(reason_in(output->err)));
    return std::move(output->out);
}

/// The directory that git could not open and left out, which it only mentions; empty if there is none. One that vanished
/// meanwhile is none.
std::string closed_directory_in(const std::string& err)
{
    constexpr std::string_view begin = "warning: could not open directory '";
    constexpr std::string_view end = "/': Permission denied\n";
    const auto at = err.find(begin);
    const auto to = at == std::string::npos ? at : err.find(end, at);
    return to == std::string::npos ? std::string() : err.substr(at + begin.size(), to - at - begin.size());
}

}  // namespace

Git& Git::with(std::string name, std::string value)
{
    environment_.emplace_back(std::move(name), std::move(value));
    return *this;
}

Git& Git::configure(const std::vector<std::string>& settings)
{
    settings_.insert(settings_.end(), settings.begin(), settings.end());
    return *this;
}

std::vector<std::string> Git::command(const std::vector<std::string>& arguments) const
{
    std::vector<std::string> argv{"env"};
    for (const char* variable : {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY",
                                 "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX",
                                 "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"})
        argv.insert(argv.end(), {"-u", variable});
    argv.insert(argv.end(), {"LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_PAGER=cat",
                             "GIT_LFS_SKIP_SMUDGE=1"});
    for (const auto& [name, value] : environment_)
        argv.push_back(name + "=" + value);
    argv.emplace_back("git");
    // No hook and no daemon of the host's has a part in this; and what git writes for us is in the guest a moment later, or
    // thrown away, so that it need not be on this disk, behind all else that is on its way there.
    for (const char* setting : {"core.fsmonitor=false", "core.hooksPath=/dev/null", "gc.auto=0", "maintenance.auto=false",
                                "core.fsync=none"})
        argv.insert(argv.end(), {"-c", setting});
    for (const auto& setting : settings_)
        argv.insert(argv.end(), {"-c", setting});
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return argv;
}

sdk::Result<std::string> Git::run(const std::vector<std::string>& arguments, const std::string& input) const
{
    return finished(arguments, run_git(command(arguments), directory_, interrupt_, {}, input), 0);
}

sdk::Result<std::string> Git::list(const std::vector<std::string>& arguments) const
{
    auto output = run_git(command(arguments), directory_, interrupt_, {}, {});
    const std::string closed = output ? closed_directory_in(output->err) : std::string();
    if (!closed.empty())
        return sdk::make_error(sdk::Code::permission, "cannot read " + cli::quoted(closed) + " in " + cli::quoted(directory_),
                               "make it readable for you, or have git ignore it");
    return finished(arguments, std::move(output), 0);
}

sdk::Result<std::string> Git::filter(const std::vector<std::string>& arguments, const std::string& input) const
{
    return finished(arguments, run_git(command(arguments), directory_, interrupt_, {}, input), 1);
}

sdk::Result<std::string> Git::line(const std::vector<std::string>& arguments) const
{
    auto text = run(arguments);
    if (text && text->ends_with('\n'))
        text->pop_back();
    return text;
}

sdk::Result<bool> Git::agrees(const std::vector<std::string>& arguments) const
{
    auto output = run_git(command(arguments), directory_, interrupt_, {}, {});
    if (!output)
        return std::move(output).error();
    return output->status == 0;
}

std::string Git::setting(const std::string& key) const
{
    return line({"config", "--get", key}).value_or("");
}

std::vector<std::string> nul_terminated(const std::string& text)
{
    std::vector<std::string> parts;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\0', at), text.size());
        parts.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

}  // namespace banger::workspace
