// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "git_identity.hpp"

#include <algorithm>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "git_config.hpp"
#include "home.hpp"

namespace banger::file_sync {
namespace {

constexpr const char* guest_home = "/root";
constexpr const char* guest_config = "/root/.gitconfig";
constexpr const char* guest_xdg_config = "/root/.config/git/config";  // read by git before the other
constexpr std::size_t most_config = 1U << 20U;

// "user.name\nAda\0user.email\n...\0", as --null prints it; the last of a name wins, as for git.
sdk::Fields parsed(const std::string& output)
{
    sdk::Fields identity;
    for (std::size_t at = 0; at < output.size();) {
        const auto end = std::min(output.find('\0', at), output.size());
        const std::string pair = output.substr(at, end - at);
        at = end + 1;
        const auto line_end = pair.find('\n');
        if (line_end == std::string::npos)
            continue;  // a name without a value
        const std::string key = pair.substr(0, line_end);
        for (const char* known : {"name", "email"})
            if (key == std::string("user.") + known)
                identity[known] = pair.substr(line_end + 1);
    }
    std::erase_if(identity, [](const auto& field) { return field.second.empty(); });
    return identity;
}

class GitIdentity final : public sdk::Provisioner {
public:
    GitIdentity(Config config, std::string home, IdentityReader read_identity)
        : config_(std::move(config)), home_(std::move(home)), read_identity_(std::move(read_identity))
    {
    }

    sdk::Result<sdk::Probe> probe(sdk::Call& /*call*/) override
    {
        sdk::Probe probe;
        probe.usable = true;
        probe.reason = !config_.git_identity ? "git_identity is off in the configuration"
                       : brings_a_config()   ? "file_sync brings a .gitconfig of its own"
                                             : "brings user.name and user.email of this host's git";
        return probe;
    }

    sdk::Result<sdk::Fields> gather(const sdk::ProvisionRequest& /*request*/, sdk::Call& call) override
    {
        if (call.cancelled())
            return sdk::make_error(sdk::Code::cancelled, "cancelled");
        if (!config_.git_identity || brings_a_config())
            return sdk::Fields{};
        auto identity = read_identity_(call);
        if (!identity && identity.error().code == sdk::Code::cancelled)
            return std::move(identity).error();
        if (!identity)
            call.warn("the git identity of this host is left out: " + identity.error().message);
        return identity.value_or({});
    }

    sdk::Result<void> apply(const sdk::ProvisionRequest& request, sdk::GuestAccess& guest, sdk::Call& call) override
    {
        if (call.cancelled())
            return sdk::make_error(sdk::Code::cancelled, "cancelled");
        return request.gathered.empty() ? sdk::Result<void>() : give(request.gathered, guest);
    }

private:
    [[nodiscard]] bool brings_a_config() const
    {
        return std::any_of(config_.files.begin(), config_.files.end(), [&](const Entry& entry) {
            const std::string host = expanded(entry.host, home_);
            return (entry.guest == guest_config && sdk::os::exists(host)) ||
                   (entry.guest == guest_home && sdk::os::exists(host + "/.gitconfig"));
        });
    }

    static sdk::Result<void> give(const sdk::Fields& identity, sdk::GuestAccess& guest)
    {
        std::string present;
        std::string all;
        for (const char* path : {guest_xdg_config, guest_config}) {
            auto text = guest.read(path, most_config);
            if (!text && text.error().code != sdk::Code::not_found)
                return std::move(text).error();
            present = text.value_or("");
            all += present + "\n";
        }
        std::string lines;
        for (const char* key : {"name", "email"})
            if (const auto said = identity.find(key); said != identity.end() && !sets_user(all, key))
                lines += "\t" + std::string(key) + " = " + quoted_value(said->second) + "\n";
        if (lines.empty())
            return {};
        if (!present.empty() && present.back() != '\n')
            present += '\n';
        if (present.ends_with("\\\n"))
            present += '\n';  // or the line before would go on in ours
        return guest.write({guest_config, present + "[user]\n" + lines, 0600});
    }

    const Config config_;
    const std::string home_;
    const IdentityReader read_identity_;
};

}  // namespace

IdentityReader git_of(std::string home)
{
    return [home = std::move(home)](sdk::Call& call) -> sdk::Result<sdk::Fields> {
        constexpr int nothing_found = 1;  // git-config(1)
        sdk::os::Command git;
        // With --global, git leaves out what the file includes, where many keep their name.
        git.argv = {"git", "config", "--global", "--includes", "--null", "--get-regexp", "^user\\.(name|email)$"};
        git.environment = {{"HOME", home}};
        git.directory = "/";
        sdk::os::RunLimits limits;
        limits.timeout = std::chrono::seconds(10);
        limits.cancel_descriptor = call.cancel_descriptor();
        auto output = sdk::os::run(git, {}, limits);
        if (!output && output.error().code == sdk::Code::not_found)
            return sdk::Fields{};
        if (!output)
            return std::move(output).error();
        if (output->status == 0 || output->status == nothing_found)
            return parsed(output->out);
        std::string said = output->err.substr(0, output->err.find('\n'));
        return sdk::make_error(sdk::Code::unavailable, "git config ended with status " +
                                                           std::to_string(output->status) + ": " + said);
    };
}

std::unique_ptr<sdk::Provisioner> make_git_identity_from(Config config, std::string home, IdentityReader read_identity)
{
    return std::make_unique<GitIdentity>(std::move(config), std::move(home), std::move(read_identity));
}

std::unique_ptr<sdk::Provisioner> make_git_identity(Config config, std::string home)
{
    auto reader = git_of(home);
    return make_git_identity_from(std::move(config), std::move(home), std::move(reader));
}

}  // namespace banger::file_sync
