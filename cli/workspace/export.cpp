// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/export.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>

#include "banger/sdk/os/file.hpp"
#include "cli/guest_tool.hpp"
#include "cli/text.hpp"
#include "cli/workspace/export_script.hpp"
#include "cli/workspace/git.hpp"
#include "cli/workspace/kept_files.hpp"

namespace banger::workspace {
namespace {

using sdk::os::UniqueFd;

std::vector<std::string> script(const char* last, const GuestWorkspace& workspace)
{
    return {"sh", "-c", std::string(index_script) + last, "sh", workspace.path, workspace.base};
}

sdk::Result<void> run_script(cli::Context& context, const char* last, const GuestWorkspace& workspace, int out)
{
    const UniqueFd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    auto ran = cli::run_program(context, workspace.vm, script(last, workspace), nothing.get(), out);
    return ran ? ran
               : std::move(ran).error().while_doing("look at the workspace " + cli::quoted(workspace.path) + " of vm '" +
                                                    cli::printable(workspace.vm) + "'");
}

/// The names of all files that a patch makes, changes or removes.
sdk::Result<std::vector<std::string>> touched_by(const Git& git, const std::string& patch)
{
    auto listed = git.run({"apply", "--numstat", "-z", patch});
    if (!listed)
        return std::move(listed).error();
    std::vector<std::string> names;
    for (const auto& line : nul_terminated(*listed))  // two counts and the name, behind tabs
        names.push_back(line.substr(line.find('\t', line.find('\t') + 1) + 1));
    return names;
}

}  // namespace

std::vector<std::string> patch_command(const GuestWorkspace& workspace)
{
    return script(print_patch, workspace);
}

sdk::Result<Patch> Patch::take(cli::Context& context, const GuestWorkspace& workspace)
{
    auto place = TemporaryDirectory::make();
    if (!place)
        return std::move(place).error();
    Patch patch;
    patch.place_ = std::move(*place);
    patch.path_ = patch.place_.path() + "/patch";
    auto file = sdk::os::open_file(patch.path_, O_WRONLY | O_CREAT | O_EXCL);
    if (!file)
        return std::move(file).error();
    if (auto ran = run_script(context, print_patch, workspace, file->get()); !ran)
        return std::move(ran).error();
    struct stat status {};
    if (::fstat(file->get(), &status) != 0)
        return sdk::os_error("read the patch");
    patch.bytes_ = static_cast<std::uint64_t>(status.st_size);
    return patch;
}

sdk::Result<void> apply_patch(TemporaryDirectory& place, const std::string& patch, const std::string& directory,
                              int interrupt)
{
    const Git git(directory, interrupt);
    auto fits = git.run({"apply", "--check", "--whitespace=nowarn", patch});
    if (!fits)
        return std::move(fits).error().with_hint("the files here changed since the workspace was made: keep the patch "
                                                 "with --output, and see git-apply(1), --3way");
    // git looks at files alone before it begins, and removes all old ones before it writes the new ones.
    auto touched = touched_by(git, patch);
    if (!touched)
        return std::move(touched).error();
    const std::string copies = place.path() + "/before";
    auto before = KeptFiles::keep(directory, *touched, copies);
    if (!before)
        return std::move(before).error();
    auto applied = git.run({"apply", "--whitespace=nowarn", patch});
    if (applied)
        return {};
    const auto restored = before->restore();
    sdk::Error error = std::move(applied).error().while_doing("apply the patch to " + cli::quoted(directory));
    error = restored ? std::move(error).with_hint("nothing here was changed, and the patch is kept: " + patch)
                     : std::move(error).with_hint("not all could be put back (" + restored.error().message +
                                                  "): the files as they were are in " + copies + ", the patch is " + patch);
    if (restored)
        (void)sdk::os::remove_tree(copies);
    place.leave();
    return error;
}

sdk::Result<void> Patch::apply(const std::string& directory, int interrupt)
{
    return bytes_ == 0 ? sdk::Result<void>() : apply_patch(place_, path_, directory, interrupt);
}

sdk::Result<void> copy_patch(const std::string& patch, int out)
{
    auto file = sdk::os::open_file(patch, O_RDONLY);
    if (!file)
        return std::move(file).error();
    std::vector<char> piece(1 << 20);
    for (;;) {
        const ssize_t got = ::read(file->get(), piece.data(), piece.size());
        if (got < 0)
            return sdk::os_error("read the patch");
        if (got == 0)
            return {};
        if (auto written = sdk::os::write_all(out, {piece.data(), static_cast<std::size_t>(got)}); !written)
            return written;
    }
}

sdk::Result<void> write_patch(const std::string& patch, const std::string& file)
{
    const std::string doing = "write " + cli::printable(file);
    struct stat status {};
    const bool there = ::stat(file.c_str(), &status) == 0;
    if (there && !S_ISREG(status.st_mode)) {
        const UniqueFd out(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
        auto written = out ? copy_patch(patch, out.get()) : sdk::os_error(doing);
        return written ? written : std::move(written).error().while_doing(doing);
    }
    std::error_code ignored;
    const std::string target = there ? std::filesystem::canonical(file, ignored).string() : file;
    std::string beside = target + ".XXXXXX";
    const UniqueFd out(::mkostemp(beside.data(), O_CLOEXEC));
    if (!out)
        return sdk::os_error(doing);
    constexpr mode_t usual = 0666;
    const mode_t mask = ::umask(0);
    ::umask(mask);
    auto written = copy_patch(patch, out.get());
    if (written && (::fchmod(out.get(), there ? status.st_mode & 07777 : usual & ~mask) != 0 || ::fsync(out.get()) != 0 ||
                    ::rename(beside.c_str(), target.c_str()) != 0))
        written = sdk::os_error(doing);
    if (written)
        return {};
    ::unlink(beside.c_str());
    return std::move(written).error().while_doing(doing);
}

sdk::Result<Status> status_of(cli::Context& context, const GuestWorkspace& workspace)
{
    const UniqueFd buffer(::memfd_create("banger", MFD_CLOEXEC));
    if (!buffer)
        return sdk::os_error("make a buffer");
    if (auto ran = run_script(context, print_status, workspace, buffer.get()); !ran)
        return std::move(ran).error();
    auto text = sdk::os::read_file("/proc/self/fd/" + std::to_string(buffer.get()), 1UL << 30);
    if (!text)
        return std::move(text).error();
    const auto parts = nul_terminated(*text);
    constexpr std::size_t fixed = 4;
    if (parts.size() < fixed)
        return sdk::make_error(sdk::Code::corrupt, "the vm's git answered with something else than a status");
    Status status{parts[0], parts[1], parts[2], 0, {}};
    std::from_chars(parts[3].data(), parts[3].data() + parts[3].size(), status.commits);
    for (std::size_t at = fixed; at + 1 < parts.size(); at += 2)
        status.changes.push_back({parts[at].empty() ? '?' : parts[at].front(), parts[at + 1]});
    return status;
}

}  // namespace banger::workspace
