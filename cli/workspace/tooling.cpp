// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/tooling.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "cli/guest_tool.hpp"
#include "cli/text.hpp"
#include "cli/workspace/portable_program.hpp"
#include "guest/tree/packer.hpp"

namespace banger::workspace {
namespace {

using cli::printable;

constexpr const char* place_of_mise = "/usr/local/bin/mise";
constexpr std::chrono::minutes longest_fetch{10};

/// Runs in the guest, with the workspace and the log as arguments, for half an hour at most: a server that never answers
/// must not keep a command from running. mise asks nobody whether the files are trusted: who
/// runs this has put them there.
constexpr const char* install_script = R"sh(mkdir -p "${2%/*}" && cd "$1" || exit 1
export MISE_YES=1 MISE_TRUSTED_CONFIG_PATHS="$1"
limit=
command -v timeout >/dev/null && limit='timeout 1800'
{ echo "$(command -v mise) install, in $1"; $limit mise install; } >"$2" 2>&1 </dev/null
)sh";

/// Which of the files goes; empty if none.
std::string file_in(const Checkout& checkout)
{
    const auto names = checkout.names();
    for (const char* file : {".mise.toml", "mise.toml", ".tool-versions"})
        if (std::find(names.begin(), names.end(), std::string("./") + file) != names.end())
            return file;
    return {};
}

/// The last part of a path, in letters that need no quoting anywhere.
std::string plain_name(const std::string& path)
{
    std::string name = path.substr(path.rfind('/') + 1);
    for (char& letter : name)
        if (std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._").find(letter) ==
            std::string_view::npos)
            letter = '_';
    return name.empty() ? "repo" : name;
}

sdk::Result<std::string> run_here(std::vector<std::string> argv, int interrupt)
{
    sdk::os::Command command;
    command.argv = std::move(argv);
    sdk::os::RunLimits limits;
    limits.timeout = longest_fetch;
    limits.cancel_descriptor = interrupt;
    auto output = sdk::os::run_checked(command, {}, limits);
    if (!output)
        return std::move(output).error();
    return std::move(output->out);
}

}  // namespace

std::optional<Tooling> Tooling::plan(cli::Context& context, const Preparation& preparation, Options options)
{
    const std::string file = file_in(preparation.checkout());
    if (file.empty())
        return std::nullopt;
    if (!options.has_network) {
        context.note("tooling: " + file + " is left alone: with --egress none there is nowhere to install from");
        return std::nullopt;
    }
    Tooling tooling(context, std::move(options));
    tooling.file_ = file;
    tooling.guest_path_ = preparation.guest_path();
    tooling.log_ =
        "/root/.cache/banger/vm-run-tooling-" + plain_name(preparation.checkout().repository().root) + ".log";
    const auto found = sdk::os::find_program("mise");
    if (found && is_portable(*found))
        tooling.host_mise_ = *found;
    else if (tooling.options_.settings.mise_url.value.empty())
        context.note("tooling: " + file + " needs a mise in the image: " +
                     (found ? printable(*found) + " needs libraries of this host" : "there is none on this host") +
                     ", and config.toml names none ([tooling] mise_url and mise_sha256)");
    return tooling;
}

sdk::Result<void> Tooling::install(const std::string& vm, const std::string& name) const
{
    auto installed = bring_mise(vm);
    const bool has_mise = installed.has_value();
    if (has_mise) {
        context_->note("tooling: mise install, by " + file_);
        auto nothing = sdk::os::open_file("/dev/null", O_RDWR);
        if (!nothing)
            return {};
        const std::vector<std::string> install{"sh", "-c", install_script, "sh", guest_path_, log_};
        installed = cli::run_program(*context_, vm, install, nothing->get(), nothing->get());
    }
    if (installed)
        return {};
    if (installed.error().code == sdk::Code::cancelled)
        return interrupted(*context_, std::move(installed).error());
    context_->note(has_mise ? "tooling: mise install failed: `banger vm exec " + cli::shell_quoted(name) + " -- cat " +
                                 log_ + "` says why"
                           : "tooling: nothing installed: " + installed.error().message);
    return {};
}

/// To where a program of the guest's is found, unless its image has one.
sdk::Result<void> Tooling::bring_mise(const std::string& vm) const
{
    auto there = cli::ask_tool(*context_, {vm, "", {"sh", "-c", "command -v mise || echo none"}, ""});
    if (!there)
        return std::move(there).error();
    if (*there != "none\n")
        return {};
    std::string program = host_mise_;
    if (program.empty() && options_.settings.mise_url.value.empty())
        return sdk::make_error(sdk::Code::not_found, "the image has no mise");
    if (program.empty()) {
        auto fetched = fetch();
        if (!fetched)
            return std::move(fetched).error();
        program = std::move(*fetched);
    }
    return cli::feed_tool(*context_, {vm, "unpack", {place_of_mise, "mise"}, ""}, [&](int out) {
        tree::Packer packer(out);
        auto packed = packer.add_target(program, ".");
        return packed ? packer.finish() : packed;
    });
}

/// The program that config.toml names, in the cache under its digest: what is there is what was asked for.
sdk::Result<std::string> Tooling::fetch() const
{
    const std::string& url = options_.settings.mise_url.value;
    const std::string& digest = options_.settings.mise_sha256.value;
    const std::string file = options_.cache + "/mise-" + digest;
    if (sdk::os::exists(file))
        return file;
    auto interrupt = interrupt_of(*context_);
    if (!interrupt)
        return std::move(interrupt).error();
    if (auto made = sdk::os::make_directories(options_.cache, 0700); !made)
        return std::move(made).error();
    const std::string partial = file + "." + std::to_string(::getpid());
    const auto failed = [&](sdk::Error error) {
        (void)sdk::os::remove_file(partial);
        return error;
    };
    context_->note("tooling: fetching mise from " + printable(url));
    auto fetched = run_here({"curl", "-fsSL", "--proto", "=https,http,file", "-o", partial, "--", url}, *interrupt);
    if (!fetched)
        return failed(fetched.error().code == sdk::Code::cancelled
                          ? fetched.error()
                          : sdk::make_error(fetched.error().code, "cannot fetch " + printable(url) + ": " +
                                                                      printable(fetched.error().message)));
    auto sum = run_here({"sha256sum", "--", partial}, *interrupt);
    if (!sum)
        return failed(std::move(sum).error());
    if (!sum->starts_with(digest + " "))
        return failed(sdk::make_error(sdk::Code::corrupt, printable(url) + " has the digest " +
                                                              sum->substr(0, digest.size()) +
                                                              ", and config.toml says " + digest));
    if (::chmod(partial.c_str(), 0755) != 0 || ::rename(partial.c_str(), file.c_str()) != 0)
        return failed(sdk::os_error("keep " + file));
    return file;
}

}  // namespace banger::workspace
