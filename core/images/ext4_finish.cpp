// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/images/ext4_checksum.hpp"
#include "core/images/ext4_content.hpp"
#include "core/images/ext4_directory.hpp"
#include "core/images/ext4_inode.hpp"
#include "core/images/ext4_state.hpp"

namespace banger::images {
namespace {

constexpr std::string_view lost_and_found = "lost+found";  // e2fsck wants it
constexpr std::uint32_t max_directory_links = 65000;       // beyond it a directory has 1 (dir_nlink)

class Finisher {
public:
    explicit Finisher(Ext4Writer::State& state)
        : state_(state),
          seed_(checksum_seed(state.options.uuid)),
          directories_(seed_, state.options.hash_seed),
          encoder_(state.file, state.cursor, seed_, state.options.time, own_blocks_)
    {
    }

    sdk::Result<Ext4Summary> run()
    {
        if (auto added = add_lost_and_found(); !added)
            return std::move(added.error());
        number_inodes();
        if (auto written = write_directories(); !written)
            return std::move(written.error());
        if (auto written = write_inode_tables(); !written)
            return std::move(written.error());
        if (auto flushed = state_.file.flush(); !flushed)
            return std::move(flushed.error());
        return frame();
    }

private:
    sdk::Result<void> add_lost_and_found();
    void number_inodes();
    sdk::Result<void> write_directories();
    sdk::Result<void> write_directory(InodeIndex index);
    sdk::Result<void> write_inode_tables();
    sdk::Result<void> encode(std::uint32_t number, char* into);
    [[nodiscard]] Inode journal() const;
    [[nodiscard]] std::uint32_t links_of(InodeIndex index) const;
    sdk::Result<Ext4Summary> frame();

    Ext4Writer::State& state_;
    std::uint32_t seed_;
    DirectoryBuilder directories_;
    std::vector<Extent> own_blocks_;  // extent tree and attribute blocks
    InodeEncoder encoder_;
    std::vector<std::uint32_t> numbers_;  // by index; 0: gone
    std::vector<InodeIndex> order_;       // from first_free_inode on
    std::vector<bool> indexed_;           // by index
};

sdk::Result<void> Finisher::add_lost_and_found()
{
    const auto there = state_.tree.find(lost_and_found);
    if (there && state_.tree.at(*there).kind == FileKind::directory)
        return {};
    if (there)
        return sdk::make_error(sdk::Code::invalid, "'lost+found' must be a directory in an ext4 file system");
    Inode inode;
    inode.kind = FileKind::directory;
    inode.metadata.mode = 0700;
    inode.metadata.mtime_seconds = state_.options.time;
    auto put = state_.tree.put(lost_and_found, std::move(inode));
    if (!put)
        return std::move(put.error());
    return {};
}

void Finisher::number_inodes()
{
    const auto& tree = state_.tree;
    numbers_.assign(tree.size(), 0);
    indexed_.assign(tree.size(), false);
    numbers_[Ext4Tree::root()] = root_inode;
    order_.push_back(*tree.find(lost_and_found));
    for (InodeIndex index = 1; index < tree.size(); ++index)
        if (tree.at(index).links > 0 && index != order_.front())
            order_.push_back(index);
    for (std::size_t at = 0; at < order_.size(); ++at)
        numbers_[order_[at]] = first_free_inode + static_cast<std::uint32_t>(at);
}

sdk::Result<void> Finisher::write_directory(InodeIndex index)
{
    auto& inode = state_.tree.at(index);
    std::vector<DirectoryEntry> entries;
    entries.reserve(inode.children->size());
    for (const auto& [name, child] : *inode.children)
        entries.push_back({name, numbers_[child], directory_entry_type(state_.tree.at(child).kind)});
    auto blocks = directories_.build(numbers_[index], numbers_[inode.parent], entries);
    if (!blocks)
        return std::move(blocks.error());
    auto extents = allocate(state_.cursor, blocks->bytes.size() / block_bytes, state_.file.path());
    if (!extents)
        return std::move(extents.error());
    inode.extents = std::move(*extents);
    inode.size = blocks->bytes.size();
    indexed_[index] = blocks->indexed;
    return write_blocks(state_.file, inode.extents, blocks->bytes);
}

sdk::Result<void> Finisher::write_directories()
{
    for (InodeIndex index = 0; index < state_.tree.size(); ++index) {
        if (numbers_[index] == 0 || state_.tree.at(index).kind != FileKind::directory)
            continue;
        if (auto going = state_.check_cancelled(); !going)
            return going;
        if (auto written = write_directory(index); !written)
            return written;
    }
    return {};
}

std::uint32_t Finisher::links_of(InodeIndex index) const
{
    const auto& inode = state_.tree.at(index);
    if (inode.kind != FileKind::directory)
        return inode.links;
    const auto below = std::count_if(inode.children->begin(), inode.children->end(), [&](const auto& child) {
        return state_.tree.at(child.second).kind == FileKind::directory;
    });
    return below + 2 >= max_directory_links ? 1 : static_cast<std::uint32_t>(below) + 2;
}

Inode Finisher::journal() const
{
    Inode inode;
    inode.metadata.mode = 0600;
    inode.metadata.mtime_seconds = state_.options.time;
    inode.size = blocks_for(state_.options.journal_bytes) * block_bytes;
    inode.extents = state_.journal;
    return inode;
}

sdk::Result<void> Finisher::encode(std::uint32_t number, char* into)
{
    if (number == journal_inode && !state_.journal.empty())
        return encoder_.encode(journal(), number, {}, into);
    if (number != root_inode && number < first_free_inode)
        return {};
    const auto index = number == root_inode ? Ext4Tree::root() : order_[number - first_free_inode];
    return encoder_.encode(state_.tree.at(index), number, {links_of(index), indexed_[index]}, into);
}

sdk::Result<void> Finisher::write_inode_tables()
{
    const auto per_group = state_.geometry.inodes_per_group();
    const auto end = first_free_inode + static_cast<std::uint32_t>(order_.size());
    std::string table;
    for (std::uint32_t first = 1; first < end; first += per_group) {
        if (auto going = state_.check_cancelled(); !going)
            return going;
        const auto count = std::min(per_group, end - first);
        table.assign(blocks_for(std::uint64_t{count} * inode_bytes) * block_bytes, '\0');
        for (std::uint32_t at = 0; at < count; ++at)
            if (auto done = encode(first + at, table.data() + std::size_t{at} * inode_bytes); !done)
                return done;
        const auto offset = state_.geometry.inode_table((first - 1) / per_group) * block_bytes;
        if (auto written = state_.file.write(offset, table); !written)
            return written;
    }
    return {};
}

sdk::Result<Ext4Summary> Finisher::frame()
{
    const auto inodes = first_free_inode - 1 + order_.size();
    Ext4Usage usage{own_blocks_, {}, state_.geometry.smallest(state_.cursor.end(), inodes), state_.journal};
    if (usage.size.blocks > state_.options.max_bytes / block_bytes)
        return disk_full(state_.file.path());
    const auto& root = state_.tree.at(Ext4Tree::root()).extents;
    usage.blocks.insert(usage.blocks.end(), root.begin(), root.end());
    for (const auto index : order_) {
        const auto& inode = state_.tree.at(index);
        usage.blocks.insert(usage.blocks.end(), inode.extents.begin(), inode.extents.end());
        usage.directories.push_back(inode.kind == FileKind::directory);
    }
    if (::ftruncate(state_.file.fd(), static_cast<off_t>(usage.size.blocks * block_bytes)) != 0)
        return sdk::os_error("set the length of " + state_.file.path());
    auto summary = write_file_system_frame(state_, usage);
    if (summary && state_.options.sync && ::fsync(state_.file.fd()) != 0)
        return sdk::os_error("sync " + state_.file.path());
    return summary;
}

}  // namespace

sdk::Result<Ext4Summary> finish_ext4(Ext4Writer::State& state)
{
    return Finisher(state).run();
}

}  // namespace banger::images
