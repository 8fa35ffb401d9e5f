// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/proofs/layered_disks.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "banger/sdk/os/file.hpp"
#include "file_storage.hpp"
#include "reflink.hpp"

namespace banger::proofs {

namespace os = sdk::os;

std::string LayeredDisks::scratch(const Side& side, const std::string& path)
{
    run_here({"qemu-img", "convert", "-f", side.format, "-O", "raw", side.path, path});
    return path;
}

void LayeredDisks::remove_scratch(const std::string& path)
{
    EXPECT_TRUE(os::remove_file(path));
}

// fdatasync needs no descriptor of its own kind: any one to the file will do.
void LayeredDisks::flush_tops(const std::vector<std::size_t>& which)
{
    for (const std::size_t i : which) {
        const os::UniqueFd fd(::open(tops_[i].path.c_str(), O_RDONLY | O_CLOEXEC));
        EXPECT_TRUE(!flush_before_ || ::fdatasync(fd.get()) == 0);
    }
}

namespace {

/// Disks that are files of storage-file's own.
class FileDisks : public LayeredDisks {
public:
    explicit FileDisks(std::string format) : format_(std::move(format)) {}

    void create(const Seed& seed, sdk::testing::FakeHost& host, const sdk::Owner& owner) override
    {
        owner_ = owner;
        auto storage = file::make_storage(host);
        const std::array layers{seed.image.root, seed.image.work};
        for (std::size_t i = 0; i < roles.size(); ++i) {
            const sdk::DiskSpec spec{owner, roles[i], layers[i], disk_bytes, "disk:" + format_};
            auto made = storage->create(spec, call_);
            ASSERT_TRUE(made) << made.error().message;
            auto disk = storage->attach(spec, call_);
            ASSERT_TRUE(disk) << disk.error().message;
            tops_.push_back(disk->value);
        }
    }

protected:
    std::string format_;
    int generation_ = 0;
};

std::string json_file(const std::string& path)
{
    return R"("file":{"driver":"file","filename":")" + path + R"("})";
}

/// The top file itself becomes the layer, and the guest goes on in an empty overlay over it. Files are never renamed:
/// QEMU opens a layer by name again when it gives up writing to it.
class Qcow2Overlays : public FileDisks {
public:
    Qcow2Overlays() : FileDisks("qcow2") {}

    void prepare() override { prepared_ = next_tops(); }

    std::vector<Side> freeze(ProofGuest& guest, const std::vector<std::size_t>& which) override
    {
        const auto before = sides();
        const auto next = next_tops();
        std::string actions;
        for (const std::size_t i : which) {
            guest.qmp("blockdev-add", R"({"driver":"qcow2","discard":"unmap","backing":null,"node-name":")" +
                                          node_of(i, generation_) + R"(",)" + json_file(next[i]) + "}");
            actions += std::string(actions.empty() ? "" : ",") + R"({"type":"blockdev-snapshot","data":{"node":")" +
                       nodes_[i] + R"(","overlay":")" + node_of(i, generation_) + R"("}})";
        }
        flush_tops(which);
        const auto start = Clock::now();
        guest.qmp("transaction", R"({"actions":[)" + actions + "]}");
        tell(milliseconds_since(start), "one transaction of blockdev-snapshot");
        return moved(which, before, next);
    }

    std::vector<sdk::Disk> fork(const std::vector<Side>& layers, const sdk::Owner& owner) override
    {
        std::vector<sdk::Disk> disks;
        for (std::size_t i = 0; i < roles.size(); ++i) {
            const std::string path = owner.directory + "/" + roles[i] + ".qcow2";
            make_overlay(path, layers[i]);
            disks.push_back({roles[i], path, "qcow2", false, disk_bytes});
        }
        return disks;
    }

    void recover() override
    {
        for (std::size_t i = 0; i < roles.size(); ++i)
            tops_[i].path = prepared_[i];
    }

protected:
    static void make_overlay(const std::string& path, const Side& over)
    {
        // Unchecked: the running VM has the file below open for writing, and qemu-img would refuse to look at it.
        run_here({"qemu-img", "create", "-q", "-u", "-f", "qcow2", "-F", over.format, "-b", over.path, path,
                  std::to_string(disk_bytes)});
        auto fd = os::open_file(path, O_RDONLY);
        EXPECT_TRUE(fd && ::fsync(fd->get()) == 0);
    }

    static std::string node_of(std::size_t i, int generation) { return roles[i] + "-" + std::to_string(generation); }

    std::vector<std::string> next_tops()
    {
        ++generation_;
        std::vector<std::string> paths;
        for (std::size_t i = 0; i < roles.size(); ++i) {
            paths.push_back(owner_.directory + "/" + node_of(i, generation_) + ".qcow2");
            make_overlay(paths.back(), {tops_[i].path, "qcow2", {}});
        }
        EXPECT_TRUE(os::sync_directory(owner_.directory));
        return paths;
    }

    std::vector<Side> moved(const std::vector<std::size_t>& which, const std::vector<Side>& before,
                            const std::vector<std::string>& next)
    {
        std::vector<Side> layers;
        for (const std::size_t i : which) {
            layers.push_back(before[i]);
            nodes_[i] = node_of(i, generation_);
            tops_[i].path = next[i];
        }
        return layers;
    }

    std::vector<std::string> nodes_ = roles;
    std::vector<std::string> prepared_;
};

/// The same with the older command, which takes an overlay that is there (mode "existing").
class Qcow2SnapshotSync final : public Qcow2Overlays {
public:
    std::vector<Side> freeze(ProofGuest& guest, const std::vector<std::size_t>& which) override
    {
        const auto before = sides();
        const auto next = next_tops();
        std::string actions;
        for (const std::size_t i : which)
            actions += std::string(actions.empty() ? "" : ",") +
                       R"({"type":"blockdev-snapshot-sync","data":{"mode":"existing","format":"qcow2","node-name":")" +
                       nodes_[i] + R"(","snapshot-file":")" + next[i] + R"(","snapshot-node-name":")" +
                       node_of(i, generation_) + R"("}})";
        flush_tops(which);
        const auto start = Clock::now();
        guest.qmp("transaction", R"({"actions":[)" + actions + "]}");
        tell(milliseconds_since(start), "one transaction of blockdev-snapshot-sync");
        return moved(which, before, next);
    }
};

/// The guest keeps its file; the layer is a clone of it, made while the machine stands still.
class RawClones final : public FileDisks {
public:
    RawClones() : FileDisks("raw") {}

    void prepare() override {}
    void recover() override {}

    std::vector<Side> freeze(ProofGuest& guest, const std::vector<std::size_t>& which) override
    {
        ++generation_;
        std::vector<Side> layers;
        std::vector<os::UniqueFd> from;
        std::vector<os::UniqueFd> to;
        for (const std::size_t i : which) {
            layers.push_back(
                {owner_.directory + "/" + roles[i] + "-" + std::to_string(generation_) + ".raw", "raw", {}});
            layers.back().stored = layers.back().path;
            from.emplace_back(::open(tops_[i].path.c_str(), O_RDONLY | O_CLOEXEC));
            to.emplace_back(::open(layers.back().path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        }
        flush_tops(which);
        const auto start = Clock::now();
        guest.qmp("stop");
        const double stopped = milliseconds_since(start);
        for (std::size_t k = 0; k < which.size(); ++k) {
            auto cloned = file::clone_blocks(from[k].get(), to[k].get());
            EXPECT_TRUE(cloned) << cloned.error().message;
        }
        const double cloned = milliseconds_since(start);
        guest.qmp("cont");
        std::array<char, 160> how{};
        std::snprintf(how.data(), how.size(), "stop %.1f ms, clones %.1f ms, cont %.1f ms", stopped, cloned - stopped,
                      milliseconds_since(start) - cloned);
        tell(milliseconds_since(start), how.data());
        for (const auto& fd : to)
            EXPECT_EQ(::fsync(fd.get()), 0);
        return layers;
    }

    std::vector<sdk::Disk> fork(const std::vector<Side>& layers, const sdk::Owner& owner) override
    {
        std::vector<sdk::Disk> disks;
        for (std::size_t i = 0; i < roles.size(); ++i) {
            const std::string path = owner.directory + "/" + roles[i] + ".raw";
            run_here({"cp", "--reflink=always", layers[i].path, path});
            disks.push_back({roles[i], path, "raw", false, disk_bytes});
        }
        return disks;
    }
};

}  // namespace

std::unique_ptr<LayeredDisks> make_qcow2_overlays()
{
    return std::make_unique<Qcow2Overlays>();
}

std::unique_ptr<LayeredDisks> make_qcow2_snapshot_sync()
{
    return std::make_unique<Qcow2SnapshotSync>();
}

std::unique_ptr<LayeredDisks> make_raw_clones()
{
    return std::make_unique<RawClones>();
}

}  // namespace banger::proofs
