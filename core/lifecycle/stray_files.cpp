// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/stray_files.hpp"

#include <algorithm>
#include <string_view>

#include "banger/sdk/os/file.hpp"
#include "core/base/ids.hpp"
#include "core/images/shelf.hpp"

namespace banger::lifecycle {
namespace {

constexpr std::size_t source_id_length = 16;

bool is_hex(std::string_view text, std::size_t length)
{
    return text.size() == length && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool starts_with_any(std::string_view name, std::initializer_list<std::string_view> known)
{
    return std::any_of(known.begin(), known.end(), [&](std::string_view one) { return name.starts_with(one); });
}

// The database has companions (-wal, -shm, https://www.sqlite.org/tempfiles.html) and copies that were moved aside.
bool belongs_in_state(const std::string& name)
{
    return name.starts_with("banger.db") || name == "vms" || name == "images" || name == "kernels" ||
           name == "instance" || name == "plugin-crashes" || name == "bangerd.lock" || name == "ssh" || name == "run";
}

bool belongs_in_runtime(const std::string& name)
{
    return starts_with_any(name, {"bangerd.sock", "bangerd.log", "plugins-in-flight", "start.lock"});
}

bool belongs_in_cache(const std::string& name)
{
    return name == "plugins" || name == "initramfs";
}

bool is_initramfs(const std::string& name)
{
    return name.ends_with(".cpio");
}

// `.new` is what sdk::os::write_file_atomic and all others that publish by rename call what they have not finished.
constexpr std::string_view unfinished_suffix = ".new";

class Search {
public:
    explicit Search(Engine& engine) : engine_(engine) {}

    template <typename Belongs>
    void look_into(const std::string& directory, Belongs belongs)
    {
        auto names = sdk::os::list_directory(directory);
        if (!names)
            return;  // not made yet
        std::sort(names->begin(), names->end());
        for (const auto& name : *names) {
            if (name.ends_with(unfinished_suffix))
                found_.unfinished.push_back(directory + "/" + name);
            else if (!belongs(name))
                found_.unknown.push_back(directory + "/" + name);
        }
    }

    void look_at_shelf(const std::string& directory)
    {
        for (auto& path : images::Shelf(directory).abandoned())
            found_.unfinished.push_back(std::move(path));
        look_into(directory, [](const std::string& name) {
            return is_hex(name, source_id_length) || starts_with_any(name, {".new-", ".old-"});
        });
    }

    void look_at_vms()
    {
        look_into(engine_.paths.vms(), base::is_vm_id);
        auto ids = sdk::os::list_directory(engine_.paths.vms());
        if (!ids)
            return;
        for (const auto& id : *ids)
            if (base::is_vm_id(id) && !engine_.vm_locks.holder(id))
                look_into(engine_.paths.vms() + "/" + id, [](const std::string&) { return true; });
    }

    StrayFiles found() { return std::move(found_); }

private:
    Engine& engine_;
    StrayFiles found_;
};

}  // namespace

StrayFiles stray_files(Engine& engine)
{
    Search search(engine);
    search.look_at_vms();
    search.look_at_shelf(engine.paths.images());
    search.look_at_shelf(engine.paths.kernels());
    search.look_into(engine.paths.state, belongs_in_state);
    search.look_into(engine.paths.cache, belongs_in_cache);
    search.look_into(engine.paths.cache + "/initramfs", is_initramfs);
    search.look_into(engine.paths.runtime, belongs_in_runtime);
    auto found = search.found();
    std::erase_if(found.unfinished, [&](const std::string& path) {
        return engine.builds.waiting(path.substr(0, path.size() - unfinished_suffix.size())) > 0;
    });
    return found;
}

void sweep_unfinished(Engine& engine)
{
    // Half a disk is not among these: it belongs to a VM, whose rollback removes it.
    for (const auto& path : stray_files(engine).unfinished)
        if (path.ends_with(".json.new") || path.starts_with(engine.paths.cache))
            (void)sdk::os::remove_file(path);  // what does not go is found by the audit
}

}  // namespace banger::lifecycle
