// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/privd/arguments.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "banger/sdk/boot_check.hpp"
#include "banger/sdk/os/file.hpp"
#include "core/base/control_group.hpp"
#include "core/privd/user_path.hpp"

namespace banger::privd {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;

constexpr std::size_t instance_digits = 8;       // sdk::Owner::instance
constexpr std::size_t vm_digits = 12;            // sdk::Owner::vm
constexpr std::size_t longest_word = 32;         // of a role or a key; they become parts of device names
constexpr std::size_t longest_tag = 64;          // "disk:raw", "link:tap"
constexpr std::size_t most_jailed = 64;          // files of a jail, and words of its program's command
constexpr std::size_t longest_argument = 4096;   // of them
constexpr std::size_t most_processes = 16;       // of a VM: its VMM, and what carries its link and its logs
constexpr std::uint64_t most_bytes = 1ULL << 48U;  // 256 TiB: more than any file system here holds in a file

bool is_id(const std::string& text, std::size_t digits)
{
    return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// A word of the vocabulary that providers share: "disk:raw".
bool is_tag(const std::string& text)
{
    std::string word = text;
    std::replace(word.begin(), word.end(), ':', '-');
    return sdk::is_word(word, longest_tag);
}

Result<void> check_bytes(std::uint64_t bytes)
{
    if (bytes <= most_bytes)
        return {};
    return make_error(Code::invalid, "no disk can be " + std::to_string(bytes) + " bytes long");
}

Result<struct stat> look_at(const std::string& path)
{
    auto named = open_named(path);
    struct stat status {};
    if (!named)
        return std::move(named).error();
    if (::fstat(named->get(), &status) != 0)
        return sdk::os_error("look at " + path);
    return status;
}

// Where one lay in another, its place would be made in what is the user's, with root's rights.
Result<void> check_apart(const std::vector<sdk::JailedFile>& files)
{
    for (const auto& file : files)
        for (const auto& other : files)
            if (&file != &other && (other.inside + "/").starts_with(file.inside + "/"))
                return make_error(Code::invalid, "in a jail " + other.inside + " cannot lie in " + file.inside);
    return {};
}

// Real, effective, saved, and that for files (proc(5), status).
bool are_all_of(uid_t user, const std::string& status)
{
    constexpr std::string_view key = "\nUid:";
    const auto at = status.find(key);
    if (at == std::string::npos)
        return false;
    std::istringstream ids(status.substr(at + key.size(), status.find('\n', at + 1) - at - key.size()));
    int count = 0;
    for (uid_t id = 0; ids >> id; ++count)
        if (id != user)
            return false;
    return count == 4;
}

std::string parent_of(const std::string& path)
{
    return path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
}

}  // namespace

Result<void> Remit::check_directory(const std::string& path) const
{
    if (auto formed = check_form(path); !formed)
        return formed;
    auto status = look_at(path);
    if (!status)
        return std::move(status).error();
    if (S_ISDIR(status->st_mode) && status->st_uid == user_)
        return {};
    return make_error(Code::permission, path + " is not a directory of the user whom the helper serves");
}

Result<void> Remit::check_file(const std::string& path, Whose whose) const
{
    if (auto formed = check_form(path); !formed)
        return formed;
    auto status = look_at(path);
    if (!status && status.error().code == Code::not_found)
        return {};
    if (!status)
        return std::move(status).error();
    const bool his = status->st_uid == user_ || (whose == Whose::users_or_roots && status->st_uid == 0);
    if (S_ISREG(status->st_mode) && his)
        return {};
    return make_error(Code::permission, path + " is not a file of the user whom the helper serves");
}

Result<void> Remit::check(const Installation& installation) const
{
    if (!is_id(installation.instance, instance_digits))
        return make_error(Code::invalid, "that is no id of an installation of banger");
    return check_directory(installation.vms_directory);
}

Result<void> Remit::check(const Installation& installation, const sdk::Owner& owner) const
{
    if (owner.instance != installation.instance)
        return make_error(Code::permission, "a VM of another installation than the one that asks");
    if (!is_id(owner.vm, vm_digits))
        return make_error(Code::invalid, "that is no id of a VM");
    if (owner.directory != installation.vms_directory + "/" + owner.vm)
        return make_error(Code::permission, "VM " + owner.vm + " has another directory than it says");
    auto directory = check_directory(owner.directory);
    // It may be gone before what the VM had in the kernel is.
    if (!directory && directory.error().code == Code::not_found)
        return {};
    return directory;
}

Result<sdk::Handle> Remit::handle(const Installation& installation, const sdk::Handle& handle) const
{
    if (auto named = check_role(handle.key); !named)
        return std::move(named).error();
    if (auto owned = check(installation, handle.owner); !owned)
        return std::move(owned).error();
    return sdk::Handle{{}, {}, handle.key, handle.owner, {}};
}

Result<void> Remit::check(const Installation& installation, const sdk::DiskSpec& spec) const
{
    if (auto owned = check(installation, spec.owner); !owned)
        return owned;
    if (auto named = check_role(spec.role); !named)
        return named;
    if (!is_tag(spec.format) || !is_tag(spec.layer.format))
        return make_error(Code::invalid, "that is no format of a disk");
    for (const std::uint64_t bytes : {spec.bytes, spec.layer.bytes})
        if (auto bounded = check_bytes(bytes); !bounded)
            return bounded;
    return check_file(spec.layer.path, Whose::users_or_roots);
}

Result<void> Remit::check(const Installation& installation, const sdk::FreezeSpec& spec) const
{
    if (auto disk = check(installation, spec.disk); !disk)
        return disk;
    if (auto formed = check_form(spec.layer_path); !formed)
        return formed;
    if (auto directory = check_directory(parent_of(spec.layer_path)); !directory)
        return directory;
    return check_file(spec.layer_path, Whose::users);
}

Result<void> Remit::check(const Installation& installation, const sdk::LinkSpec& spec) const
{
    if (auto owned = check(installation, spec.owner); !owned)
        return owned;
    if (!is_tag(spec.attachment))
        return make_error(Code::invalid, "that is no kind of a link");
    return {};
}

Result<void> Remit::check(const Installation& installation, const sdk::JailSpec& spec) const
{
    if (auto owned = check(installation, spec.owner); !owned)
        return owned;
    if (spec.argv.empty() || spec.argv.size() > most_jailed || spec.files.size() > most_jailed)
        return make_error(Code::invalid, "a jailed program has 1 to " + std::to_string(most_jailed) +
                                             " words, and as many files at most");
    for (const auto& argument : spec.argv)
        if (argument.size() > longest_argument || argument.find('\0') != std::string::npos)
            return make_error(Code::invalid, "a jailed program is given a word that cannot be one");
    for (const auto& stream : {spec.output, spec.errors})
        if (auto named = check_role(stream); !named)
            return named;
    for (const auto& inside : {spec.argv.front(), spec.directory})
        if (auto formed = check_form(inside); !formed)
            return formed;
    for (const auto& file : spec.files)
        if (auto his = check_jailed(file); !his)
            return his;
    return check_apart(spec.files);
}

// What he could not open himself would not open in the jail either. It is refused here, where that can be said.
Result<void> Remit::check_jailed(const sdk::JailedFile& file)
{
    for (const auto& path : {file.inside, file.source})
        if (auto formed = check_form(path); !formed)
            return formed;
    auto named = open_named(file.source);
    if (!named)
        return std::move(named).error();
    struct stat status {};
    if (::fstat(named->get(), &status) != 0)
        return sdk::os_error("look at " + file.source);
    const int wanted = R_OK | (file.writable ? W_OK : 0);
    if (::syscall(SYS_faccessat2, named->get(), "", wanted, AT_EMPTY_PATH | AT_EACCESS) == 0)
        return {};
    // Of a device the kernel also asks the helper's own control group, which has few; and of the user's rights before.
    const bool device = S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode);
    if (device && errno == EPERM)
        return {};
    return sdk::os_error("use " + file.source + " as the user whom the helper serves");
}

Result<void> Remit::check(const Installation& installation, const units::ScopeSpec& spec) const
{
    if (auto owned = check(installation, spec.owner); !owned)
        return owned;
    if (spec.processes.empty() || spec.processes.size() > most_processes)
        return make_error(Code::invalid, "1 to " + std::to_string(most_processes) + " processes may have a scope");
    for (const auto& process : spec.processes)
        if (auto his = check_process(process); !his)
            return his;
    return {};
}

Result<void> Remit::check_process(const sdk::os::ProcessId& process) const
{
    if (process.pid <= 0)
        return make_error(Code::invalid, "no process has the pid " + std::to_string(process.pid));
    const std::string subject = "process " + std::to_string(process.pid);
    const auto status = sdk::os::read_file("/proc/" + std::to_string(process.pid) + "/status", 65536);
    const auto group = base::group_of(process.pid);
    // Asked last whether it is the one meant: what was read before it was its own then.
    if (auto now = sdk::os::identify(process.pid); !now)
        return std::move(now).error();
    else if (*now != process)
        return make_error(Code::not_found, subject + " has ended, and another one has its pid");
    if (!status || !group)
        return status ? group.error() : status.error();
    if (!are_all_of(user_, *status))
        return make_error(Code::permission, subject + " is not the user's whom the helper serves");
    if (!is_of_session_(*group, user_))
        return make_error(Code::permission, subject + " is in " + *group + ", and what is in no session of the user's stays there");
    return {};
}

Result<void> Remit::check(const sdk::NameServer& server)
{
    if (auto formed = sdk::check(server); !formed)
        return formed;
    if (server.address == "::1" || server.address.starts_with("127."))
        return {};
    return make_error(Code::permission, server.address + " is no address of this host's loopback");
}

Result<void> Remit::check_role(const std::string& role)
{
    if (sdk::is_word(role, longest_word))
        return {};
    return make_error(Code::invalid, "a disk or link has a name that is no plain word");
}

Result<void> Remit::check_own(const sdk::Layer& layer) const
{
    if (!is_tag(layer.format))
        return make_error(Code::invalid, "that is no format of a layer");
    if (auto bounded = check_bytes(layer.bytes); !bounded)
        return bounded;
    return check_file(layer.path, Whose::users);
}

}  // namespace banger::privd
