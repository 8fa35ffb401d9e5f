// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/lab/proofs/dm_stack.hpp"

#include <fcntl.h>
#include <libdevmapper.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>

#include "banger/sdk/os/file.hpp"

namespace banger::proofs {
namespace {

using sdk::Code;
using sdk::make_error;
namespace os = sdk::os;

constexpr std::uint64_t sector_bytes = 512;
constexpr const char* chunk = "P 8";  // persistent, 8 sectors

struct Target {
    std::uint64_t start = 0;
    std::uint64_t sectors = 0;
    std::string type;
    std::string parameters;
};

struct State {
    bool exists = false;
    bool suspended = false;
    bool live = false;
    bool inactive = false;
    std::string number;  ///< "253:7"
    std::string type;    ///< of the live table's first target
};

// One ioctl on one device. udev is told to leave the devices alone: what is on them is a guest's, and nothing of the
// host should look for file systems there.
class DmTask {
public:
    DmTask(int type, const std::string& name) : name_(name), type_(type), task_(dm_task_create(type), dm_task_destroy)
    {
        // Where no udev runs, nobody would ever end the wait for it.
        dm_udev_set_sync_support(os::exists("/run/udev/control") ? 1 : 0);
        ready_ = task_ && dm_task_set_name(task_.get(), name.c_str()) != 0;
    }

    dm_task* get() { return task_.get(); }

    /// udev is waited for at once, or by whoever gets the cookie: never while a device is suspended.
    sdk::Result<void> run(const std::string& doing, std::vector<std::uint32_t>* cookies = nullptr)
    {
        std::uint32_t cookie = 0;
        // Not for a device without a table: the kernel announces it without the cookie, and the wait would never end.
        const bool makes_event = type_ == DM_DEVICE_RESUME || type_ == DM_DEVICE_REMOVE;
        if (ready_ && makes_event) {
            const auto flags =
                static_cast<std::uint16_t>(DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG | DM_UDEV_DISABLE_DISK_RULES_FLAG |
                                           DM_UDEV_DISABLE_OTHER_RULES_FLAG);
            ready_ = dm_task_set_cookie(task_.get(), &cookie, flags) != 0;
        }
        const bool done = ready_ && dm_task_run(task_.get()) != 0;
        const int why = done ? 0 : dm_task_get_errno(task_.get());
        if (cookie != 0 && done && cookies != nullptr)
            cookies->push_back(cookie);
        else if (cookie != 0)
            dm_udev_wait(cookie);
        if (!done)
            return sdk::os_error(doing + " device " + name_, why);
        return {};
    }

private:
    std::string name_;
    int type_;
    std::unique_ptr<dm_task, void (*)(dm_task*)> task_;
    bool ready_ = false;
};

sdk::Result<void> simple(int type, const std::string& name, const std::string& doing,
                         std::vector<std::uint32_t>* cookies = nullptr)
{
    return DmTask(type, name).run(doing, cookies);
}

State state_of(const std::string& name)
{
    DmTask task(DM_DEVICE_TABLE, name);
    dm_info info{};
    // Asked for first: a missing device is an error of TABLE alone, and a message of the library.
    DmTask asked(DM_DEVICE_INFO, name);
    if (!asked.run("look at") || dm_task_get_info(asked.get(), &info) == 0 || info.exists == 0)
        return {};
    State state{true,
                info.suspended != 0,
                info.live_table != 0,
                info.inactive_table != 0,
                std::to_string(info.major) + ":" + std::to_string(info.minor),
                {}};
    std::uint64_t start = 0;
    std::uint64_t length = 0;
    char* type = nullptr;
    char* parameters = nullptr;
    if (state.live && task.run("ask for the table of"))
        dm_get_next_target(task.get(), nullptr, &start, &length, &type, &parameters);
    state.type = type != nullptr ? type : "";
    return state;
}

sdk::Result<void> load(const std::string& name, const std::vector<Target>& targets, bool read_only)
{
    DmTask task(DM_DEVICE_RELOAD, name);
    if (read_only)
        dm_task_set_ro(task.get());
    for (const auto& target : targets)
        dm_task_add_target(task.get(), target.start, target.sectors, target.type.c_str(), target.parameters.c_str());
    return task.run("load a table into");
}

sdk::Result<void> create(const std::string& name)
{
    if (state_of(name).exists)
        return {};
    return simple(DM_DEVICE_CREATE, name, "create");
}

sdk::Result<void> create_live(const std::string& name, const std::vector<Target>& targets, bool read_only)
{
    if (auto made = create(name); !made)
        return made;
    if (auto loaded = load(name, targets, read_only); !loaded)
        return loaded;
    return simple(DM_DEVICE_RESUME, name, "resume");
}

sdk::Result<void> remove(const std::string& name)
{
    if (!state_of(name).exists)
        return {};
    DmTask task(DM_DEVICE_REMOVE, name);
    dm_task_retry_remove(task.get());
    return task.run("remove");
}

sdk::Result<std::string> live_parameters(const std::string& name)
{
    DmTask task(DM_DEVICE_TABLE, name);
    if (auto asked = task.run("ask for the table of"); !asked)
        return std::move(asked).error();
    std::uint64_t start = 0;
    std::uint64_t length = 0;
    char* type = nullptr;
    char* parameters = nullptr;
    dm_get_next_target(task.get(), nullptr, &start, &length, &type, &parameters);
    return std::string(parameters != nullptr ? parameters : "");
}

std::string number_of(const std::string& device)
{
    struct stat status {};
    if (::stat(device.c_str(), &status) != 0 || !S_ISBLK(status.st_mode))
        return {};
    return std::to_string(major(status.st_rdev)) + ":" + std::to_string(minor(status.st_rdev));
}

// The file behind a loop device, by its number.
std::string backing_file(const std::string& number)
{
    auto text = os::read_file("/sys/dev/block/" + number + "/loop/backing_file");
    return text ? text->substr(0, text->find('\n')) : std::string();
}

std::optional<std::string> loop_of(const std::string& file)
{
    for (const auto& entry : std::filesystem::directory_iterator("/sys/block"))
        if (auto number = os::read_file(entry.path().string() + "/dev"); number) {
            const std::string trimmed = number->substr(0, number->find('\n'));
            if (backing_file(trimmed) == file)
                return trimmed;
        }
    return std::nullopt;
}

// Its loop device's number. The device detaches itself once neither `held` nor a table has it open.
sdk::Result<std::string> attach_loop(const std::string& file, bool read_only, std::vector<os::UniqueFd>& held)
{
    if (auto there = loop_of(file))
        return *there;
    auto backing = os::open_file(file, read_only ? O_RDONLY : O_RDWR);
    auto control = os::open_file("/dev/loop-control", O_RDWR);
    if (!backing || !control)
        return backing ? control.error() : backing.error();
    for (int tries = 0; tries < 16; ++tries) {
        const int number = ::ioctl(control->get(), LOOP_CTL_GET_FREE);
        if (number < 0)
            return sdk::os_error("find a free loop device");
        auto device = os::open_file("/dev/loop" + std::to_string(number), read_only ? O_RDONLY : O_RDWR);
        if (!device)
            return std::move(device).error();
        loop_config config{};
        config.fd = static_cast<std::uint32_t>(backing->get());
        config.info.lo_flags = LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : 0);
        if (::ioctl(device->get(), LOOP_CONFIGURE, &config) == 0) {
            held.push_back(std::move(*device));
            return number_of("/dev/loop" + std::to_string(number));
        }
        if (errno != EBUSY)
            return sdk::os_error("attach " + file + " to a loop device");
    }
    return make_error(Code::busy, "other programs take every loop device");
}

}  // namespace

std::string DmStack::top_path() const
{
    return "/dev/mapper/" + top();
}

std::string DmStack::layer_path(unsigned k) const
{
    return "/dev/mapper/" + layer(k);
}

std::string DmStack::cow_path(unsigned k) const
{
    return directory_ + "/" + id_ + ".cow-" + std::to_string(k);
}

unsigned DmStack::newest() const
{
    unsigned k = 0;
    while (os::exists(cow_path(k + 1)))
        ++k;
    return k;
}

sdk::Result<unsigned> DmStack::live() const
{
    auto parameters = live_parameters(top());
    if (!parameters)
        return std::move(parameters).error();
    std::istringstream words(*parameters);  // "<origin> <cow> P 8"
    std::string origin;
    std::string cow;
    words >> origin >> cow;
    const std::string file = backing_file(cow);
    for (unsigned k = 0; k <= newest(); ++k)
        if (file == cow_path(k))
            return k;
    return make_error(Code::corrupt, "device " + top() + " writes to a file that is not its own: " + file);
}

sdk::Result<void> DmStack::make_cow_file(unsigned k) const
{
    const std::string path = cow_path(k);
    auto fd = os::open_file(path + ".new", O_RDWR | O_CREAT | O_TRUNC);
    if (!fd)
        return std::move(fd).error();
    // Room for every chunk and its entry in the exception tables (16 bytes each), and their first, zeroed header.
    const std::uint64_t bytes = bytes_ + bytes_ / 128 + (1U << 20U);
    if (::ftruncate(fd->get(), static_cast<off_t>(bytes)) != 0 || ::fsync(fd->get()) != 0 ||
        ::rename((path + ".new").c_str(), path.c_str()) != 0)
        return sdk::os_error("make " + path);
    return os::sync_directory(directory_);
}

sdk::Result<void> DmStack::start_base(const std::string& path)
{
    std::string origin = number_of(path);
    const std::uint64_t sectors = bytes_ / sector_bytes;
    std::uint64_t image = sectors;
    if (origin.empty()) {
        std::error_code failed;
        image = std::filesystem::file_size(path, failed) / sector_bytes;
        auto loop = attach_loop(path, true, loops_);
        if (!loop)
            return std::move(loop).error();
        origin = *loop;
    }
    std::vector<Target> targets{{0, image, "linear", origin + " 0"}};
    if (image < sectors)
        targets.push_back({image, sectors - image, "zero", ""});
    return create_live(base(), targets, true);
}

sdk::Result<std::string> DmStack::cow_device(unsigned k)
{
    return attach_loop(cow_path(k), false, loops_);
}

sdk::Result<std::string> DmStack::snapshot_of(const std::string& origin, unsigned cow)
{
    auto device = cow_device(cow);
    if (!device)
        return device;
    return state_of(origin).number + " " + *device + " " + chunk;
}

sdk::Result<void> DmStack::start(const std::string& base_path)
{
    if (auto made = start_base(base_path); !made)
        return made;
    if (!os::exists(cow_path(0)))
        if (auto made = make_cow_file(0); !made)
            return made;
    const std::uint64_t sectors = bytes_ / sector_bytes;
    const unsigned last = newest();
    for (unsigned k = 0; k <= last; ++k) {
        auto parameters = snapshot_of(below(k), k);
        if (!parameters)
            return std::move(parameters).error();
        const bool is_top = k == last;
        if (auto made = create_live(is_top ? top() : layer(k), {{0, sectors, "snapshot", *parameters}}, !is_top); !made)
            return made;
    }
    loops_.clear();  // the tables hold them now
    return {};
}

sdk::Result<void> DmStack::stop()
{
    loops_.clear();
    if (auto removed = remove(top()); !removed)
        return removed;
    for (unsigned k = newest() + 1; k-- > 0;)
        if (auto removed = remove(layer(k)); !removed)
            return removed;
    return remove(base());
}

sdk::Result<void> DmStack::make_cow()
{
    return make_cow_file(newest() + 1);
}

// The kernel (drivers/md/dm-snap.c) sees that the top's live table has the same cow: it reads nothing, and refuses to
// resume either of the two but this one, and this one only while the top is suspended. Until then the layer fails every
// access, at its full length, so that the top's next table can be made over it.
sdk::Result<void> DmStack::load_layer()
{
    const unsigned k = newest() - 1;
    const std::uint64_t sectors = bytes_ / sector_bytes;
    auto parameters = snapshot_of(below(k), k);
    if (!parameters)
        return std::move(parameters).error();
    if (!state_of(layer(k)).live)
        if (auto made = create_live(layer(k), {{0, sectors, "error", ""}}, true); !made)
            return made;
    return load(layer(k), {{0, sectors, "snapshot", *parameters}}, true);
}

sdk::Result<void> DmStack::load_top()
{
    const unsigned k = newest();
    auto parameters = snapshot_of(layer(k - 1), k);
    if (!parameters)
        return std::move(parameters).error();
    return load(top(), {{0, bytes_ / sector_bytes, "snapshot", *parameters}}, false);
}

sdk::Result<void> DmStack::suspend()
{
    DmTask task(DM_DEVICE_SUSPEND, top());
    // A VMM has the device open, and not a file system of this host.
    dm_task_skip_lockfs(task.get());
    return task.run("suspend");
}

sdk::Result<void> DmStack::hand_over()
{
    return simple(DM_DEVICE_RESUME, layer(newest() - 1), "resume", &cookies_);
}

sdk::Result<void> DmStack::resume()
{
    auto resumed = simple(DM_DEVICE_RESUME, top(), "resume", &cookies_);
    loops_.clear();
    return resumed;
}

void DmStack::wait_for_udev()
{
    for (const auto cookie : std::exchange(cookies_, {}))
        dm_udev_wait(cookie);
}

const std::vector<DmStack::StepOf>& DmStack::steps()
{
    static const std::vector<StepOf> all{&DmStack::make_cow, &DmStack::load_layer, &DmStack::load_top,
                                         &DmStack::suspend,  &DmStack::hand_over,  &DmStack::resume};
    return all;
}

bool DmStack::has_handed_over() const
{
    const State below_top = state_of(layer(newest() - 1));
    return below_top.type == "snapshot" && !below_top.suspended;
}

// A table that waits is the right one: its device is named after the layer. A second one with the same cow would be
// refused.
sdk::Result<void> DmStack::come_to_rest()
{
    auto now = live();
    if (!now)
        return std::move(now).error();
    if (*now == newest())
        return {};
    if (const State below_top = state_of(layer(newest() - 1)); below_top.type != "snapshot" && !below_top.inactive)
        if (auto loaded = load_layer(); !loaded)
            return loaded;
    if (!state_of(top()).inactive)
        if (auto loaded = load_top(); !loaded)
            return loaded;
    return state_of(top()).suspended ? sdk::Result<void>() : suspend();
}

// Before the top is resumed, or it would stand on a layer that fails.
sdk::Result<void> DmStack::swap_at_rest()
{
    auto now = live();
    if (!now)
        return std::move(now).error();
    return *now == newest() || has_handed_over() ? sdk::Result<void>() : hand_over();
}

sdk::Result<void> DmStack::resume_if_suspended()
{
    return state_of(top()).suspended ? resume() : sdk::Result<void>();
}

sdk::Result<void> DmStack::roll_forward(std::vector<DmStack>& stacks)
{
    for (const auto step : {&DmStack::come_to_rest, &DmStack::swap_at_rest, &DmStack::resume_if_suspended})
        for (auto& stack : stacks)
            if (auto done = (stack.*step)(); !done)
                return done;
    for (auto& stack : stacks)
        stack.wait_for_udev();
    return {};
}

sdk::Result<std::string> DmStack::scratch(const std::string& origin_path, const std::string& cow)
{
    auto fd = os::open_file(cow, O_RDWR | O_CREAT | O_TRUNC);
    if (!fd || ::ftruncate(fd->get(), 1 << 30) != 0)
        return sdk::os_error("make " + cow);
    auto device = attach_loop(cow, false, loops_);
    if (!device)
        return device;
    const std::string name = id_ + "-scratch";
    auto made = create_live(
        name, {{0, bytes_ / sector_bytes, "snapshot", number_of(origin_path) + " " + *device + " " + chunk}}, false);
    loops_.clear();
    if (!made)
        return std::move(made).error();
    return "/dev/mapper/" + name;
}

sdk::Result<void> DmStack::remove_scratch()
{
    return remove(id_ + "-scratch");
}

}  // namespace banger::proofs
