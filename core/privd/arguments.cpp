// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/privd/arguments.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "banger/sdk/boot_check.hpp"
#include "banger/sdk/os/fd.hpp"

namespace banger::privd {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;

constexpr std::size_t instance_digits = 8;       // sdk::Owner::instance
constexpr std::size_t vm_digits = 12;            // sdk::Owner::vm
constexpr std::size_t longest_word = 32;         // of a role or a key; they become parts of device names
constexpr std::size_t longest_tag = 64;          // "disk:raw", "link:tap"
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

// Absolute, and written in one way only: no empty part, no "." and no "..".
Result<void> check_form(const std::string& path)
{
    const bool plain = path.starts_with('/') && path.size() > 1 && path.size() < PATH_MAX &&
                       std::none_of(path.begin(), path.end(), [](unsigned char c) { return c < ' ' || c == 127; });
    const std::string parts = path + "/";
    if (plain && parts.find("//") == std::string::npos && parts.find("/./") == std::string::npos &&
        parts.find("/../") == std::string::npos)
        return {};
    return make_error(Code::invalid, plain ? "the path " + path + " is not written out" : "that is no absolute path");
}

// openat2(2) has no wrapper in this libc. O_PATH opens nothing of the file, so a FIFO or a device does not mind.
Result<struct stat> look_at(const std::string& path)
{
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const sdk::os::UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
    if (!fd && errno == ELOOP)
        return make_error(Code::permission, path + " is reached by a symbolic link, which the helper follows for nobody",
                          "name it by the path that it really has");
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0)
        return sdk::os_error("look at " + path);
    return status;
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
