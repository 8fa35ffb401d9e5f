// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "device.hpp"

#include <fcntl.h>
#include <libdevmapper.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/own_rights.hpp"
#include "device_node.hpp"
#include "library.hpp"
#include "names.hpp"
#include "udev.hpp"

namespace banger::dm::device {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

constexpr const char* control = "/dev/mapper/control";

std::string who_uses(const std::string& name, const std::string& node)
{
    return "`dmsetup info " + name + "` and `fuser -v " + node + "` say who uses it";
}

// One request to the kernel, alone with the library.
class Request {
public:
    Request(int type, const std::string& name)
        : lock_(lock_library()), name_(name), task_(dm_task_create(type), dm_task_destroy),
          ready_(task_ && (name.empty() || dm_task_set_name(task_.get(), name.c_str()) != 0))
    {
    }

    dm_task* task() { return task_.get(); }

    Request& require(bool done)
    {
        ready_ = ready_ && done;
        return *this;
    }

    // `doing` reads like "create device".
    Result<void> run(const std::string& doing)
    {
        if (!ready_)
            return refused(doing, ENOMEM);
        if (dm_task_run(task_.get()) == 0)
            return refused(doing, dm_task_get_errno(task_.get()));
        return {};
    }

private:
    [[nodiscard]] sdk::Error refused(const std::string& doing, int why) const
    {
        auto error = sdk::os_error(doing + " " + name_, why);
        if (why == ENXIO)
            error.code = Code::not_found;
        if (error.code == Code::permission)
            error.hint = "device-mapper is root's: run the daemon as root, or use storage 'file'";
        if (error.code == Code::busy)
            error.hint = who_uses(name_, node_of(name_));
        return error;
    }

    os::OwnRights rights_;  // over the control node
    std::unique_lock<std::mutex> lock_;
    std::string name_;
    std::unique_ptr<dm_task, void (*)(dm_task*)> task_;
    bool ready_;
};

std::string number_text(std::uint32_t major, std::uint32_t minor)
{
    return std::to_string(major) + ":" + std::to_string(minor);
}

Table targets_of(dm_task* task)
{
    Table table;
    void* next = nullptr;
    do {
        std::uint64_t start = 0;
        std::uint64_t sectors = 0;
        char* type = nullptr;
        char* parameters = nullptr;
        next = dm_get_next_target(task, next, &start, &sectors, &type, &parameters);
        if (type != nullptr)
            table.push_back({start, sectors, type, parameters == nullptr ? "" : parameters});
    } while (next != nullptr);
    return table;
}

// The types of targets that the kernel has now; empty if it does not say.
std::vector<std::string> known_types()
{
    Request request(DM_DEVICE_LIST_VERSIONS, "");
    if (auto asked = request.run("list targets"); !asked)
        return {};
    std::vector<std::string> types;
    const dm_versions* entry = dm_task_get_versions(request.task());
    while (entry != nullptr) {
        types.emplace_back(entry->name);
        entry = entry->next == 0 ? nullptr
                                 : reinterpret_cast<const dm_versions*>(reinterpret_cast<const char*>(entry) + entry->next);
    }
    return types;
}

// EINVAL: the kernel's log alone says more, but for a target that it does not have and could not bring.
sdk::Error explain_invalid(sdk::Error error, const Table& table)
{
    const auto known = known_types();
    const auto missing = known.empty() ? std::nullopt : missing_type(table, known);
    if (missing)
        return make_error(Code::unsupported, "this kernel has no dm-" + *missing + ", which disks of storage 'dm' need",
                          "`modprobe dm-" + *missing + "` brings it where the kernel was built with it");
    error.hint = "`dmesg` says what the kernel has against it";
    return error;
}

Result<void> request_load(const std::string& name, const Table& table, Access access)
{
    Request request(DM_DEVICE_RELOAD, name);
    if (access == Access::read_only)
        request.require(dm_task_set_ro(request.task()) != 0);
    for (const auto& target : table)
        request.require(dm_task_add_target(request.task(), target.start, target.sectors, target.type.c_str(),
                                           target.parameters.c_str()) != 0);
    return request.run("load a table into device");
}

Result<void> load_unseen(const std::string& name, const Table& table, Access access)
{
    auto loaded = request_load(name, table, access);
    if (!loaded && loaded.error().code == Code::invalid)
        return explain_invalid(std::move(loaded).error(), table);
    return loaded;
}

// The kernel takes a snapshot's chunks from the header of its cow, whose owner may have changed that since it was looked at. What
// it took it says, and reads no second time.
Result<void> check_waiting_chunks(const std::string& name)
{
    Request request(DM_DEVICE_TABLE, name);
    request.require(dm_task_query_inactive_table(request.task()) != 0);
    if (auto asked = request.run("ask for the waiting table of device"); !asked)
        return asked;
    const auto parts = parse_snapshot(targets_of(request.task()));
    // None yet: it takes the cow over from a device that lives, whose chunks were looked at.
    if (parts && (parts->chunk_sectors == chunk_sectors || parts->chunk_sectors == 0))
        return {};
    return make_error(Code::corrupt, "what device " + name + " would write to is no longer what storage 'dm' made");
}

// Whoever closes the device is heard of, if its node can be watched: the kernel does not tell more.
class ClosingWatch {
public:
    explicit ClosingWatch(const std::string& path) : watch_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK))
    {
        (void)::inotify_add_watch(watch_.get(), path.c_str(), IN_CLOSE);
    }

    // Also returns after a moment in which nobody closed it: it may be a table that was using it, or the close that was
    // heard of is not through yet.
    void wait(std::chrono::milliseconds most) const
    {
        constexpr std::chrono::milliseconds moment{20};
        pollfd closed{watch_.get(), POLLIN, 0};
        (void)::poll(&closed, 1, static_cast<int>(std::min(most, moment).count()));
        std::array<char, 1024> told{};
        while (::read(watch_.get(), told.data(), told.size()) > 0) {
        }
    }

private:
    os::UniqueFd watch_;
};

}  // namespace

Result<void> check_available()
{
    const os::OwnRights rights;
    auto opened = os::open_file(control, O_RDWR);
    if (opened)
        return {};
    if (opened.error().code == Code::permission)
        return make_error(Code::permission, "device-mapper is root's, and this daemon is not",
                          "run the daemon as root, or use storage 'file'");
    return make_error(Code::unsupported, "there is no device-mapper: " + opened.error().message,
                      "`modprobe dm-snapshot` brings it where the kernel has it");
}

Result<std::optional<State>> state_of(const std::string& name)
{
    if (auto available = check_available(); !available && available.error().code == Code::unsupported)
        return std::optional<State>();
    Request request(DM_DEVICE_INFO, name);
    if (auto asked = request.run("look at device"); !asked)
        return std::move(asked).error();
    dm_info info{};
    if (dm_task_get_info(request.task(), &info) == 0 || info.exists == 0)
        return std::optional<State>();
    const char* uuid = dm_task_get_uuid(request.task());
    return std::optional(State{uuid == nullptr ? "" : uuid, number_text(info.major, info.minor), info.live_table != 0,
                               info.inactive_table != 0, info.suspended != 0, info.open_count});
}

Result<std::optional<State>> own_state_of(const std::string& name)
{
    auto state = state_of(name);
    if (state && *state && (*state)->uuid != uuid_of(name))
        return make_error(Code::exists, "there is a device " + name + " that is not banger's",
                          "rename or remove it: `dmsetup info " + name + "` tells of it");
    return state;
}

Result<void> create(const std::string& name)
{
    auto there = own_state_of(name);
    if (!there)
        return std::move(there).error();
    if (*there)
        return {};
    Request request(DM_DEVICE_CREATE, name);
    return request.require(dm_task_set_uuid(request.task(), uuid_of(name).c_str()) != 0).run("create device");
}

Result<void> load(const std::string& name, const Table& table, Access access)
{
    auto loaded = load_unseen(name, table, access);
    if (!loaded || !parse_snapshot(table))
        return loaded;
    auto checked = check_waiting_chunks(name);
    if (!checked)
        (void)forget_waiting(name);
    return checked;
}

Result<void> forget_waiting(const std::string& name)
{
    return Request(DM_DEVICE_CLEAR, name).run("take the waiting table from device");
}

Result<void> resume(const std::string& name)
{
    Request request(DM_DEVICE_RESUME, name);
    return request.require(keep_udev_off(request.task())).run("resume device");
}

Result<void> suspend(const std::string& name)
{
    Request request(DM_DEVICE_SUSPEND, name);
    return request.require(dm_task_skip_lockfs(request.task()) != 0).run("suspend device");
}

Result<void> create_live(const std::string& name, const Table& table, Access access)
{
    auto made = create(name);
    if (!made)
        return made;
    made = load(name, table, access);
    if (made)
        made = resume(name);
    if (!made)
        (void)remove(name);
    return made;
}

Result<void> remove(const std::string& name)
{
    auto state = own_state_of(name);
    if (!state)
        return std::move(state).error();
    if (*state) {
        Request request(DM_DEVICE_REMOVE, name);
        auto removed = request.require(keep_udev_off(request.task())).run("remove device");
        // What disks share has no node but the kernel's.
        if (!removed && removed.error().code == Code::busy && !os::exists(node_of(name)))
            removed.error().hint = who_uses(name, kernel_node_of((*state)->number));
        if (!removed && removed.error().code != Code::not_found)
            return removed;
    }
    return forget_node(name);
}

Result<void> until_not_busy(const std::function<Result<void>()>& attempt, const std::string& node,
                            std::chrono::milliseconds patience, const std::function<void()>& on_wait)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (std::optional<ClosingWatch> watch;;) {
        auto done = attempt();
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        if (done || done.error().code != Code::busy || left.count() <= 0)
            return done;
        if (watch) {
            watch->wait(left);
            continue;
        }
        if (on_wait)
            on_wait();
        watch.emplace(node);  // and it is tried at once: who has closed it since was not heard
    }
}

Result<void> remove_once_closed(const std::string& name, std::chrono::milliseconds patience,
                                const std::function<void()>& on_wait)
{
    return until_not_busy([&] { return remove(name); }, node_of(name), patience, on_wait);
}

Result<Table> table_of(const std::string& name)
{
    Request request(DM_DEVICE_TABLE, name);
    if (auto asked = request.run("ask for the table of device"); !asked)
        return std::move(asked).error();
    return targets_of(request.task());
}

Result<SnapshotHealth> health_of(const std::string& name)
{
    Request request(DM_DEVICE_STATUS, name);
    // A look, and no reason to write anything out.
    if (auto asked = request.require(dm_task_no_flush(request.task()) != 0).run("ask for the status of device"); !asked)
        return std::move(asked).error();
    const auto lines = targets_of(request.task());
    return lines.size() == 1 ? parse_health(lines.front().parameters) : SnapshotHealth::unknown;
}

Result<std::vector<std::string>> list(const std::string& prefix)
{
    if (auto available = check_available(); !available && available.error().code == Code::unsupported)
        return std::vector<std::string>();
    Request request(DM_DEVICE_LIST, "");
    if (auto asked = request.run("list devices"); !asked)
        return std::move(asked).error();
    std::vector<std::string> names;
    const dm_names* entry = dm_task_get_names(request.task());
    if (entry == nullptr || entry->dev == 0)
        return names;
    for (;;) {
        if (std::string_view(entry->name).starts_with(prefix))
            names.emplace_back(entry->name);
        if (entry->next == 0)
            return names;
        entry = reinterpret_cast<const dm_names*>(reinterpret_cast<const char*>(entry) + entry->next);
    }
}

std::string node_of(const std::string& name)
{
    return "/dev/mapper/" + name;
}

}  // namespace banger::dm::device
