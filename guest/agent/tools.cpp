// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/tools.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "guest/agent/small_files.hpp"
#include "guest/protocol/json.hpp"
#include "guest/tree/beneath.hpp"
#include "guest/tree/file_writer.hpp"
#include "guest/tree/new_file.hpp"
#include "guest/tree/packer.hpp"
#include "guest/tree/stamp.hpp"
#include "guest/tree/target.hpp"
#include "guest/tree/unpacker.hpp"
#include "guest/tree/watcher.hpp"

namespace banger::agent {
namespace {

using Arguments = std::vector<std::string>;
using sdk::os::UniqueFd;

void say(const std::string& line)
{
    (void)sdk::os::write_all(STDERR_FILENO, line + "\n");
}

sdk::Result<UniqueFd> open_directory(const std::string& path)
{
    UniqueFd opened(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened)
        return sdk::os_error("open the directory '" + path + "'");
    return opened;
}

sdk::Result<void> unpack_into(const tree::Target& target, tree::Input& in, tree::UnpackOptions options)
{
    auto directory = open_directory(target.directory);
    if (!directory)
        return std::move(directory).error();
    options.caching = tree::Caching::below;
    auto unpacked = tree::unpack(in, directory->get(), target.leaf, options);
    return unpacked ? sdk::Result<void>() : std::move(unpacked).error();
}

sdk::Result<void> unpack(const Arguments& arguments, tree::Input& in)
{
    auto target = tree::target_of(arguments[0], arguments[1]);
    if (!target)
        return std::move(target).error();
    return unpack_into(*target, in, {});
}

sdk::Result<void> mirror(const Arguments& arguments, tree::Input& in)
{
    make_directories(arguments[0]);
    tree::UnpackOptions options;
    options.replace = true;
    return unpack_into({arguments[0], "."}, in, options);
}

bool is_empty_directory(const std::string& path)
{
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(path.c_str()), &closedir);
    while (const dirent* entry = listing ? readdir(listing.get()) : nullptr)
        if (const std::string_view name = entry->d_name; name != "." && name != "..")
            return false;
    return listing != nullptr;
}

/// In a directory as long as not all of what it is made for is there.
constexpr const char* unfinished_mark = ".banger-unfinished";

/// Nothing but what was there before: an empty directory or none.
void take_back(const std::string& path, bool was_there)
{
    (void)sdk::os::remove_tree(path);
    if (was_there)
        make_directories(path);
}

/// How a process that was to do something ended.
struct ChildEnd {
    sdk::Result<void> result;
    int signal = 0;  ///< one that ended it, or that was to end us
};

/// Does it in a process of its own, so that a signal to end leaves somebody who can clear up.
ChildEnd in_a_child(const std::function<sdk::Result<void>()>& work)
{
    sigset_t ends;
    sigset_t before;
    sigemptyset(&ends);
    for (const int one : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGCHLD})
        sigaddset(&ends, one);
    sigprocmask(SIG_BLOCK, &ends, &before);
    int words[2];
    if (pipe2(words, O_CLOEXEC) != 0)
        return {sdk::os_error("make a pipe")};
    const UniqueFd from(words[0]);
    UniqueFd to(words[1]);
    const pid_t child = fork();
    if (child < 0)
        return {sdk::os_error("start a process")};
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigprocmask(SIG_SETMASK, &before, nullptr);
        const auto done = work();
        if (!done)
            (void)sdk::os::write_all(to.get(), error_to_json(done.error()));
        _exit(done ? 0 : 1);
    }
    to.reset();
    int asked = 0;
    int status = 0;
    while (waitpid(child, &status, WNOHANG) != child)
        if (int signal = 0; sigwait(&ends, &signal) == 0 && signal != SIGCHLD) {
            asked = signal;
            kill(child, SIGKILL);
        }
    if (asked != 0)
        return {{}, asked};
    if (WIFSIGNALED(status))
        return {{}, WTERMSIG(status)};
    if (WEXITSTATUS(status) == 0)
        return {};
    std::string error;
    std::array<char, 4096> piece{};
    for (ssize_t got = 0; (got = ::read(from.get(), piece.data(), piece.size())) > 0;)
        error.append(piece.data(), static_cast<std::size_t>(got));
    return {error_from_json(error)};
}

/// Marks a directory of ours as not complete, if it is empty, or is what another one of us left that died. The mark is
/// locked as long as its descriptor is open.
sdk::Result<UniqueFd> mark_unfinished(const std::string& path)
{
    const std::string mark = path + "/" + unfinished_mark;
    UniqueFd left(open(mark.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    if (left && flock(left.get(), LOCK_EX | LOCK_NB) != 0)
        return sdk::make_error(sdk::Code::busy, "somebody else is making '" + path + "' in the vm");
    if (left)
        take_back(path, true);
    else if (access(path.c_str(), F_OK) == 0 && !is_empty_directory(path))
        return sdk::make_error(sdk::Code::exists, "'" + path + "' in the vm is not an empty directory",
                               "choose another place, or remove it there first");
    make_directories(path);
    UniqueFd made(open(mark.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!made || flock(made.get(), LOCK_EX | LOCK_NB) != 0)
        return sdk::os_error("write in '" + path + "'");
    return made;
}

sdk::Result<void> create(const Arguments& arguments, tree::Input& in)
{
    const std::string& path = arguments[0];
    const bool was_there = access(path.c_str(), F_OK) == 0;
    const auto mark = mark_unfinished(path);
    if (!mark)
        return mark.error();
    auto end = in_a_child([&] {
        auto unpacked = unpack_into({path, "."}, in, {});
        return unpacked && ::unlink((path + "/" + unfinished_mark).c_str()) != 0 ? sdk::os_error("write in '" + path + "'") : unpacked;
    });
    if (!end.result || end.signal != 0)
        take_back(path, was_there);
    if (end.signal != 0) {
        sigset_t own;
        sigemptyset(&own);
        sigaddset(&own, end.signal);
        ::signal(end.signal, SIG_DFL);
        sigprocmask(SIG_UNBLOCK, &own, nullptr);
        ::raise(end.signal);
    }
    return std::move(end.result);
}

/// A mount of the tree over itself that nobody writes through, root included (mount(2), MS_BIND and MS_REMOUNT).
sdk::Result<void> seal(const Arguments& arguments, tree::Input& /*in*/)
{
    const char* path = arguments[0].c_str();
    if (mount(path, path, nullptr, MS_BIND | MS_REC, nullptr) != 0 ||
        mount(nullptr, path, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0)
        return sdk::os_error("make '" + arguments[0] + "' read-only");
    return {};
}

sdk::Result<void> pack(const Arguments& arguments, tree::Input& /*in*/)
{
    tree::PackEvents events;
    events.on_skipped = [](const std::string& path, std::string_view what) {
        say("note: left out " + std::string(what) + ": " + path);
    };
    events.on_changed = [](const std::string& name) { say("note: it changed while it was read: " + name); };
    tree::Packer packer(STDOUT_FILENO, std::move(events));
    // A link that is named is meant for what it leads to, as cp(1) has it.
    const UniqueFd here(open(arguments[0].c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    auto packed = here ? packer.add_tree(here.get(), ".", ".") : packer.add_target(arguments[0], ".");
    return packed ? packer.finish() : packed;
}

/// Gives each piece of what is read to `take`, which returns a Result.
template <typename Take>
sdk::Result<void> read_pieces(tree::Input& from, const std::string& path, const Take& take)
{
    for (;;) {
        auto piece = from.next(tree::Input::most);
        if (piece && piece->empty())
            return {};
        auto taken = piece ? take(*piece) : std::move(piece).error();
        if (!taken)
            return std::move(taken).error().while_doing("copy '" + path + "'");
    }
}

sdk::Result<void> write_to(int file, tree::Input& in, const std::string& path)
{
    tree::FileWriter writer(file, tree::Caching::below);
    off_t at = 0;
    auto written = read_pieces(in, path, [&](std::string_view bytes) {
        return writer.write(bytes, std::exchange(at, at + static_cast<off_t>(bytes.size())));
    });
    return written ? writer.finish() : written;
}

sdk::Result<void> read_named(const Arguments& arguments, tree::Input& /*in*/)
{
    const UniqueFd file(open(arguments[0].c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    struct stat status {};
    if (!file || fstat(file.get(), &status) != 0)
        return sdk::os_error("read '" + arguments[0] + "'");
    if (!S_ISREG(status.st_mode))
        return sdk::make_error(sdk::Code::invalid, "'" + arguments[0] + "' is not a regular file");
    tree::DescriptorInput content(file.get());
    return read_pieces(content, arguments[0],
                       [](std::string_view bytes) { return sdk::os::write_all(STDOUT_FILENO, bytes); });
}

/// Gives it a name, whoever has that one so far.
sdk::Result<void> put_at(tree::NewFile& file, int directory, const std::string& name)
{
    const tree::HeldSignals held;
    auto put = file.publish(name);
    if (put || put.error().code != sdk::Code::exists)
        return put;
    const std::string beside = tree::temporary_name();
    put = file.publish(beside);
    if (put && renameat(directory, beside.c_str(), directory, name.c_str()) != 0) {
        put = sdk::os_error("replace '" + name + "'");
        unlinkat(directory, beside.c_str(), 0);
    }
    return put;
}

sdk::Result<void> write_named(const Arguments& arguments, tree::Input& in)
{
    const std::string& path = arguments[0];
    struct stat there {};
    const bool exists = stat(path.c_str(), &there) == 0;
    if (path.empty() || path.back() == '/' || (exists && !S_ISREG(there.st_mode)))
        return sdk::make_error(sdk::Code::invalid, "'" + path + "' is not the name of a file",
                               "standard input has no name of its own: say what the file is to be called");
    const auto slash = path.rfind('/');
    auto directory = open_directory(slash == std::string::npos ? "." : path.substr(0, slash + 1));
    if (!directory)
        return std::move(directory).error();
    auto file = tree::NewFile::make(directory->get());
    auto written = file ? write_to(file->descriptor(), in, path) : std::move(file).error().while_doing("write '" + path + "'");
    if (written && fchmod(file->descriptor(), exists ? there.st_mode & 07777U : 0644U) != 0)
        written = sdk::os_error("set the mode of '" + path + "'");
    return written ? put_at(*file, directory->get(), path.substr(slash + 1)) : written;
}

/// The list of what is expected, and not a byte of what is behind it.
sdk::Result<tree::Stamps> read_expected(tree::Input& in)
{
    const auto broken = [] { return sdk::make_error(sdk::Code::corrupt, "the list of expected files is damaged"); };
    constexpr std::size_t longest = 1UL << 30;
    std::size_t size = 0;
    for (;;) {
        const auto digit = in.next(1);
        if (!digit || digit->empty() || size > longest)
            return broken();
        if (*digit == "\n")
            break;
        if (digit->front() < '0' || digit->front() > '9')
            return broken();
        size = size * 10 + static_cast<std::size_t>(digit->front() - '0');
    }
    std::string text;
    while (text.size() < size) {
        const auto piece = in.next(std::min(size - text.size(), tree::Input::most));
        if (!piece || piece->empty())
            return broken();
        text.append(*piece);
    }
    return tree::stamps_from_text(text);
}

sdk::Result<void> say_names(const std::set<std::string>& names)
{
    std::string text;
    for (const auto& name : names)
        text.append(name).push_back('\0');
    return sdk::os::write_all(STDOUT_FILENO, text);
}

sdk::Result<void> renew(const Arguments& arguments, tree::Input& in)
{
    auto directory = open_directory(arguments[0]);
    auto expected = read_expected(in);
    if (!directory || !expected)
        return !directory ? std::move(directory).error() : std::move(expected).error();
    std::set<std::string> came;
    std::set<std::string> stayed;
    tree::UnpackOptions options;
    options.takes = [&](const std::string& name) {
        came.insert(name);
        return true;
    };
    options.may_replace = [&](const std::string& name) {
        const auto found = expected->find(name);
        const bool may = found == expected->end() || tree::is_as_expected(directory->get(), name, found->second);
        if (!may)
            stayed.insert(name);
        return may;
    };
    options.on_in_the_way = [&](const std::string& name) { stayed.insert(name); };
    if (auto unpacked = unpack_into({arguments[0], "."}, in, options); !unpacked)
        return unpacked;
    constexpr std::int64_t second_ns = 1'000'000'000;
    for (const auto& name : came) {
        const auto now = tree::stamp_of(directory->get(), name);
        // What came has a time in whole seconds: whoever wrote it since, or in the same moment, made that another one.
        if (expected->count(name) != 0 && (!now || now->modified_ns % second_ns != 0))
            stayed.insert(name);
    }
    return say_names(stayed);
}

/// What is there, NUL-terminated, to its end.
sdk::Result<std::vector<std::string>> read_names(tree::Input& in)
{
    std::string text;
    auto read = read_pieces(in, "the names", [&](std::string_view piece) {
        text.append(piece);
        return sdk::Result<void>();
    });
    if (!read)
        return std::move(read).error();
    std::vector<std::string> names;
    for (std::size_t at = 0; at < text.size(); at += names.back().size() + 1)
        names.emplace_back(text.c_str() + at);
    return names;
}

sdk::Result<void> for_each_name(const std::string& path, tree::Input& in,
                                sdk::Result<void> (*act)(int directory, const std::string& name))
{
    auto directory = open_directory(path);
    auto names = directory ? read_names(in) : directory.error();
    if (!names)
        return std::move(names).error();
    for (const auto& name : *names)
        if (auto acted = act(directory->get(), name); !acted)
            return acted;
    return {};
}

sdk::Result<void> remove_named(const Arguments& arguments, tree::Input& in)
{
    return for_each_name(arguments[0], in, tree::remove_beneath);
}

sdk::Result<void> unlink_named(const Arguments& arguments, tree::Input& in)
{
    return for_each_name(arguments[0], in, tree::unlink_beneath);
}

sdk::Result<void> retire(const Arguments& arguments, tree::Input& in)
{
    auto directory = open_directory(arguments[0]);
    auto expected = read_expected(in);
    if (!directory || !expected)
        return !directory ? std::move(directory).error() : std::move(expected).error();
    std::set<std::string> stayed;
    for (const auto& [name, stamp] : *expected)
        if (!tree::is_as_expected(directory->get(), name, stamp))
            stayed.insert(name);
        else if (auto removed = tree::unlink_beneath(directory->get(), name); !removed)
            return removed;
    auto names = read_names(in);
    if (!names)
        return std::move(names).error();
    for (const auto& name : *names)
        if (auto removed = tree::unlink_beneath(directory->get(), name); !removed)
            return removed;
    return say_names(stayed);
}

sdk::Result<void> scan(const Arguments& arguments, tree::Input& in)
{
    auto directory = open_directory(arguments[0]);
    auto names = directory ? read_names(in) : directory.error();
    if (!names)
        return std::move(names).error();
    tree::Stamps stamps;
    for (auto& name : *names)
        if (name.ends_with('/'))
            stamps.merge(tree::list(directory->get(), name.substr(0, name.size() - 1)));
        else if (const auto stamp = tree::stamp_of(directory->get(), name))
            stamps.emplace(std::move(name), *stamp);
        else if (const UniqueFd below(openat(directory->get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)); below)
            stamps.emplace(std::move(name), tree::Stamp{S_IFDIR, 0, 0, 0});
    return sdk::os::write_all(STDOUT_FILENO, tree::to_text(stamps));
}

sdk::Result<void> gather(const Arguments& arguments, tree::Input& in)
{
    auto directory = open_directory(arguments[0]);
    auto names = directory ? read_names(in) : directory.error();
    if (!names)
        return std::move(names).error();
    tree::Packer packer(STDOUT_FILENO);
    for (const auto& name : *names)
        if (auto added = packer.add(directory->get(), name, name); !added && added.error().code != sdk::Code::not_found)
            return added;
    return packer.finish();
}

/// Takes from standard input, at its end nothing.
sdk::Result<bool> take_directories(std::string& input, std::set<std::string>& wanted, tree::Watcher& watcher,
                                   tree::Happened& happened)
{
    std::array<char, 65536> piece{};
    const ssize_t got = ::read(STDIN_FILENO, piece.data(), piece.size());
    if (got <= 0)
        return false;
    input.append(piece.data(), static_cast<std::size_t>(got));
    for (std::size_t end = 0; (end = input.find('\0')) != std::string::npos; input.erase(0, end + 1)) {
        const std::string name = input.substr(0, end);
        if (wanted.insert(name).second)
            if (auto watched = watcher.watch(name, happened); !watched)
                return std::move(watched).error();
    }
    return true;
}

sdk::Result<void> watch(const Arguments& arguments, tree::Input& /*in*/)
{
    std::set<std::string> wanted;
    auto watcher = tree::Watcher::open(arguments[0], [&](const std::string& name) { return wanted.count(name) == 0; });
    if (!watcher)
        return std::move(watcher).error();
    tree::Happened happened;
    happened.everything = true;
    std::string input;
    for (;;) {
        std::string text = happened.everything ? std::string(".\0", 2) : std::string();
        for (const auto& name : happened.names)
            text.append(name).push_back('\0');
        if (auto written = sdk::os::write_all(STDOUT_FILENO, text); !written)
            return written;
        std::array<pollfd, 2> ready{{{watcher->descriptor(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
        if (poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR)
            return sdk::os_error("wait for changes");
        happened = {};
        if (ready[1].revents != 0) {
            auto more = take_directories(input, wanted, *watcher, happened);
            if (!more || !*more)
                return more ? sdk::Result<void>() : std::move(more).error();
        }
        if (auto taken = watcher->take(happened); !taken)
            return taken;
    }
}

sdk::Result<void> hold(const Arguments& /*arguments*/, tree::Input& /*in*/)
{
    std::array<char, 4096> ignored{};
    while (::read(STDIN_FILENO, ignored.data(), ignored.size()) > 0) {
    }
    return {};
}

struct Named {
    std::string_view name;
    std::size_t arguments;
    sdk::Result<void> (*run)(const Arguments&, tree::Input&);
    bool takes_much = false;
};
constexpr std::array<Named, 15> tools{{
    {"unpack", 2, unpack, true},
    {"create", 1, create, true},
    {"mirror", 1, mirror, true},
    {"seal", 1, seal},
    {"pack", 1, pack},
    {"write", 1, write_named, true},
    {"read", 1, read_named},
    {"remove", 1, remove_named},
    {"unlink", 1, unlink_named},
    {"renew", 1, renew, true},
    {"retire", 1, retire},
    {"scan", 1, scan},
    {"gather", 1, gather},
    {"watch", 1, watch},
    {"hold", 0, hold},
}};

}  // namespace

std::optional<Tool> tool_named(const std::string& name, const std::vector<std::string>& arguments)
{
    for (const auto& tool : tools)
        if (tool.name == name && tool.arguments == arguments.size())
            return Tool{[run = tool.run, arguments](tree::Input& in) {
                            const auto done = run(arguments, in);
                            if (!done)
                                say(error_to_json(done.error()));
                            return done ? 0 : 1;
                        },
                        tool.takes_much};
    return std::nullopt;
}

}  // namespace banger::agent
