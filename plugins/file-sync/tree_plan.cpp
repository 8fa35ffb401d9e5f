// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tree_plan.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>

#include "home.hpp"

namespace banger::file_sync {
namespace {

using sdk::os::UniqueFd;
using Type = sdk::GuestEntry::Type;

constexpr std::uint32_t permission_bits = 0777;
constexpr std::uint32_t default_file_mode = 0600;

std::string joined(const std::string& directory, const std::string& name)
{
    if (directory.empty() || name.empty())
        return directory + name;
    return directory.back() == '/' ? directory + name : directory + "/" + name;
}

std::string parent_of(const std::string& path)
{
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "" : slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path)
{
    return path.substr(path.rfind('/') + 1);
}

// openat2(2): nothing on the way, nor the last part, may be a link or leave the directory.
UniqueFd open_below(int directory, const std::string& path, int flags)
{
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const char* name = path.empty() ? "." : path.c_str();
    return UniqueFd(static_cast<int>(::syscall(SYS_openat2, directory, name, &how, sizeof how)));
}

sdk::Result<UniqueFd> open_top(const std::string& top)
{
    UniqueFd fd(::open(top.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd)
        return sdk::os_error("read " + top);
    return fd;
}

sdk::Result<std::vector<std::string>> names_in(UniqueFd directory, const std::string& shown)
{
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(directory.get()), &::closedir);
    if (!stream)
        return sdk::os_error("read directory " + shown);
    (void)directory.release();  // the stream's now
    std::vector<std::string> names;
    for (;;) {
        errno = 0;  // the end and an error look alike (readdir(3))
        const dirent* entry = ::readdir(stream.get());
        if (entry == nullptr && errno != 0)
            return sdk::os_error("read directory " + shown);
        if (entry == nullptr)
            break;
        if (const std::string name = entry->d_name; name != "." && name != "..")
            names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

const char* word_for(mode_t mode)
{
    return S_ISSOCK(mode) ? "a socket" : S_ISFIFO(mode) ? "a named pipe" : "a device";
}

// Whether a relative link text, followed from a directory below the top by names alone, ever climbs above the top.
bool climbs_out(const std::string& directory, const std::string& text)
{
    const auto parts = [](const std::filesystem::path& path) { return std::vector(path.begin(), path.end()); };
    auto depth = static_cast<long>(directory.empty() ? 0 : parts(directory).size());
    for (const auto& part : parts(text)) {
        if (part == "..")
            --depth;
        else if (!part.empty() && part != ".")
            ++depth;
        if (depth < 0)
            return true;
    }
    return false;
}

// The text that leads to the same place in the guest; nothing if it leads out of the directory.
std::optional<std::string> text_in_guest(const std::string& top, const std::string& link, const std::string& text)
{
    namespace fs = std::filesystem;
    const std::string directory = parent_of(link);
    const fs::path start = joined(top, directory);
    std::error_code problem;
    fs::path real = fs::weakly_canonical(start / text, problem);
    if (problem)  // a ring of links leads nowhere; its text still says a place
        real = (start / text).lexically_normal();
    const fs::path inside = real.lexically_relative(top);
    if (inside.empty() || *inside.begin() == "..")
        return std::nullopt;
    if (text.front() != '/' && !climbs_out(directory, text))
        return text;
    return real.lexically_relative(start).string();
}

// Makes the plan of one directory.
class Walk {
public:
    Walk(const Entry& entry, Plan& plan, const sdk::Call& call) : entry_(entry), plan_(plan), call_(call) {}

    sdk::Result<void> run()
    {
        auto top = open_top(plan_.top);
        if (!top)
            return std::move(top).error();
        struct stat status {};
        if (::fstat(top->get(), &status) != 0)
            return sdk::os_error("read " + plan_.top);
        add(Type::directory, "", status);
        for (pending_.emplace_back(); !pending_.empty(); pending_.pop_front()) {
            if (call_.cancelled())
                return sdk::make_error(sdk::Code::cancelled, "cancelled");
            if (auto read = read_directory(top->get(), pending_.front()); !read)
                return read;
        }
        return {};
    }

private:
    sdk::Result<void> read_directory(int top, const std::string& path)
    {
        const std::string shown = joined(plan_.top, path);
        UniqueFd directory = open_below(top, path, O_DIRECTORY);
        if (!directory && errno == ENOENT)
            return {};  // removed meanwhile
        if (!directory)
            return sdk::os_error("read directory " + shown);
        const UniqueFd here(::fcntl(directory.get(), F_DUPFD_CLOEXEC, 0));
        if (!here)
            return sdk::os_error("read directory " + shown);
        auto names = names_in(std::move(directory), shown);
        if (!names)
            return std::move(names).error();
        for (const auto& name : *names)
            if (auto taken = take(here.get(), name, joined(path, name)); !taken)
                return taken;
        return {};
    }

    sdk::Result<void> take(int directory, const std::string& name, const std::string& path)
    {
        struct stat status {};
        if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
            return errno == ENOENT ? sdk::Result<void>() : sdk::os_error("read " + joined(plan_.top, path));
        if (S_ISDIR(status.st_mode)) {
            add(Type::directory, path, status);
            pending_.push_back(path);
        } else if (S_ISREG(status.st_mode)) {
            add(Type::file, path, status);
        } else if (S_ISLNK(status.st_mode)) {
            return take_link(directory, name, path);
        } else {
            leave_out(path, std::string("it is ") + word_for(status.st_mode));
        }
        return {};
    }

    sdk::Result<void> take_link(int directory, const std::string& name, const std::string& path)
    {
        std::string text(PATH_MAX, '\0');
        const ssize_t length = ::readlinkat(directory, name.c_str(), text.data(), text.size());
        if (length <= 0)
            return errno == ENOENT ? sdk::Result<void>() : sdk::os_error("read " + joined(plan_.top, path));
        text.resize(static_cast<std::size_t>(length));
        auto target = text_in_guest(plan_.top, path, text);
        if (!target) {
            leave_out(path, "it is a link that leads out of '" + plan_.top + "', to '" + text + "'");
            return {};
        }
        plan_.items.push_back({Type::link, path, joined(entry_.guest, path), 0, std::move(*target), 0});
        return {};
    }

    void add(Type type, const std::string& path, const struct stat& status)
    {
        const bool is_file = type == Type::file;
        const std::uint32_t own = status.st_mode & permission_bits;
        plan_.items.push_back({type, path, joined(entry_.guest, path), is_file ? entry_.mode.value_or(own) : own, {},
                               is_file ? static_cast<std::uint64_t>(status.st_size) : 0});
    }

    void leave_out(const std::string& path, const std::string& why)
    {
        plan_.warnings.push_back("'" + joined(plan_.top, path) + "' is left out: " + why);
    }

    const Entry& entry_;
    Plan& plan_;
    const sdk::Call& call_;
    std::deque<std::string> pending_;  // directories still to be read; paths, for descriptors are few
};

}  // namespace

sdk::Result<Plan> plan(const Entry& entry, const std::string& home, const sdk::Call& call)
{
    const std::string path = expanded(entry.host, home);
    Plan plan;
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), &std::free);
    struct stat status {};
    if (real == nullptr || ::stat(real.get(), &status) != 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return sdk::os_error("read " + path);
        plan.warnings.push_back("'" + entry.host + "' is not there: nothing goes to '" + entry.guest + "'");
        return plan;
    }
    if (S_ISDIR(status.st_mode)) {
        plan.top = real.get();
        if (auto walked = Walk(entry, plan, call).run(); !walked)
            return std::move(walked).error();
        return plan;
    }
    if (!S_ISREG(status.st_mode))
        return sdk::make_error(sdk::Code::invalid, path + " is neither a file nor a directory, but " +
                                                       word_for(status.st_mode));
    plan.top = parent_of(real.get());
    plan.items.push_back({Type::file, name_of(real.get()), entry.guest, entry.mode.value_or(default_file_mode), {},
                          static_cast<std::uint64_t>(status.st_size)});
    return plan;
}

sdk::Result<UniqueFd> open_source(const Plan& plan, const Item& item)
{
    auto top = open_top(plan.top);
    if (!top)
        return std::move(top).error();
    const std::string shown = joined(plan.top, item.source);
    UniqueFd file = open_below(top->get(), item.source, 0);
    if (!file)
        return sdk::os_error("read " + shown);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0)
        return sdk::os_error("read " + shown);
    if (!S_ISREG(status.st_mode))
        return sdk::make_error(sdk::Code::invalid, shown + " is no file any more");
    return file;
}

}  // namespace banger::file_sync
