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
          inodes_(state.tree.inodes()),
          seed_(checksum_seed(state.options.uuid)),
          encoder_(state.file, state.cursor, seed_, state.options.time, own_blocks_)
    {
    }

    sdk::Result<Ext4Summary> run()
    {
        auto written = write_content();
        // A lost page is the reason for whatever else went wrong.
        if (auto whole = state_.pages.failure(); !whole)
            return std::move(whole.error());
        if (!written)
            return std::move(written.error());
        return frame();
    }

private:
    sdk::Result<void> write_content();
    sdk::Result<void> add_lost_and_found();
    void number_inodes();
    sdk::Result<void> write_directories();
    sdk::Result<void> write_directory(InodeIndex index);
    sdk::Result<std::uint32_t> write_entries(const NameList& list, DirectoryWriter& writer);
    sdk::Result<void> write_inode_tables();
    sdk::Result<void> encode(std::uint32_t number, char* into);
    sdk::Result<void> encode_entry(InodeIndex index, std::uint32_t number, char* into);
    void use(const std::vector<Extent>& extents);
    [[nodiscard]] Inode journal() const;
    sdk::Result<Ext4Summary> frame();

    Ext4Writer::State& state_;
    InodeTable& inodes_;
    std::uint32_t seed_;
    std::vector<Extent> own_blocks_;  // extent tree and attribute blocks
    InodeEncoder encoder_;
    InodeIndex lost_and_found_ = 0;
    std::uint32_t count_ = 0;         // of inodes from first_free_inode on
    InodeIndex next_ = 1;             // the next one to encode
    std::vector<bool> used_;          // as in Ext4Usage
    std::vector<bool> directories_;   // as in Ext4Usage
};

sdk::Result<void> Finisher::write_content()
{
    if (auto added = add_lost_and_found(); !added)
        return added;
    number_inodes();
    if (auto written = write_directories(); !written)
        return written;
    if (auto written = write_inode_tables(); !written)
        return written;
    return state_.file.flush();
}

sdk::Result<void> Finisher::add_lost_and_found()
{
    const auto there = state_.tree.find(lost_and_found);
    if (there && inodes_.kind(*there) != FileKind::directory)
        return sdk::make_error(sdk::Code::invalid, "'lost+found' must be a directory in an ext4 file system");
    if (there) {
        lost_and_found_ = *there;
        return {};
    }
    Inode inode;
    inode.kind = FileKind::directory;
    inode.metadata.mode = 0700;
    inode.metadata.mtime_seconds = state_.options.time;
    auto put = state_.tree.put(lost_and_found, std::move(inode));
    if (!put)
        return std::move(put.error());
    lost_and_found_ = *put;
    return {};
}

// In the order in which they came; only lost+found is before all others, as mke2fs has it.
void Finisher::number_inodes()
{
    inodes_.set_number(Ext4Tree::root(), root_inode);
    inodes_.set_number(lost_and_found_, first_free_inode);
    count_ = 1;
    for (InodeIndex index = 1; index < inodes_.size(); ++index)
        if (index != lost_and_found_ && inodes_.links(index) > 0)
            inodes_.set_number(index, first_free_inode + count_++);
}

// How many directories are among them.
sdk::Result<std::uint32_t> Finisher::write_entries(const NameList& list, DirectoryWriter& writer)
{
    const auto& names = state_.tree.names();
    for (auto place = names.next(list, 0); place < list.places(); place = names.next(list, place + 1)) {
        const auto name = names.at(list, place);
        writer.plan(name.hash, name.length);
    }
    if (auto begun = writer.begin(); !begun)
        return std::move(begun.error());
    std::uint32_t below = 0;
    for (auto place = names.next(list, 0); place < list.places(); place = names.next(list, place + 1)) {
        const auto name = names.at(list, place);
        const auto kind = inodes_.kind(name.inode);
        below += kind == FileKind::directory ? 1 : 0;
        if (auto added = writer.add({names.text(name), inodes_.number(name.inode), directory_entry_type(kind)}); !added)
            return std::move(added.error());
    }
    if (auto finished = writer.finish(); !finished)
        return std::move(finished.error());
    return below;
}

sdk::Result<void> Finisher::write_directory(InodeIndex index)
{
    auto directory = inodes_.directory(index);
    std::vector<Extent> extents;
    ContentWriter content(state_.file, state_.cursor, extents);
    std::uint64_t size = 0;
    DirectoryWriter writer(seed_, inodes_.number(index), inodes_.number(directory.parent),
                           [&](std::string_view block) -> sdk::Result<void> {
                               auto put = content.put({size, block});
                               size += block.size();
                               return put;
                           });
    auto below = write_entries(directory.names, writer);
    if (!below)
        return std::move(below.error());
    directory.links = *below + 2 >= max_directory_links ? 1 : *below + 2;
    directory.indexed = writer.indexed() ? 1 : 0;
    inodes_.set_directory(index, directory);
    inodes_.set_extents(index, extents);
    inodes_.set_size(index, size);
    return {};
}

sdk::Result<void> Finisher::write_directories()
{
    for (InodeIndex index = 0; index < inodes_.size(); ++index) {
        if (inodes_.links(index) == 0 || inodes_.kind(index) != FileKind::directory)
            continue;
        if (auto going = state_.check_cancelled(); !going)
            return going;
        if (auto written = write_directory(index); !written)
            return written;
    }
    return {};
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

void Finisher::use(const std::vector<Extent>& extents)
{
    for (const auto& extent : extents) {
        const auto end = extent.physical + extent.length;
        if (used_.size() < end)
            used_.resize(end);
        std::fill(used_.begin() + static_cast<std::ptrdiff_t>(extent.physical),
                  used_.begin() + static_cast<std::ptrdiff_t>(end), true);
    }
}

sdk::Result<void> Finisher::encode_entry(InodeIndex index, std::uint32_t number, char* into)
{
    const auto inode = inodes_.at(index);
    use(inode.extents);
    InodeEncoder::Extra extra{inodes_.links(index), false};
    if (inode.kind == FileKind::directory) {
        const auto directory = inodes_.directory(index);
        extra = {directory.links, directory.indexed != 0};
    }
    if (number != root_inode)
        directories_.push_back(inode.kind == FileKind::directory);
    return encoder_.encode(inode, number, extra, into);
}

sdk::Result<void> Finisher::encode(std::uint32_t number, char* into)
{
    if (number == journal_inode && !state_.journal.empty())
        return encoder_.encode(journal(), number, {}, into);
    if (number == root_inode)
        return encode_entry(Ext4Tree::root(), number, into);
    if (number < first_free_inode)
        return {};
    if (number == first_free_inode)
        return encode_entry(lost_and_found_, number, into);
    while (next_ < inodes_.size() && (next_ == lost_and_found_ || inodes_.links(next_) == 0))
        ++next_;
    if (next_ == inodes_.size())
        return sdk::make_error(sdk::Code::internal, "inodes of '" + state_.file.path() + "' are lost");
    return encode_entry(next_++, number, into);
}

sdk::Result<void> Finisher::write_inode_tables()
{
    const auto per_group = state_.geometry.inodes_per_group();
    const auto end = first_free_inode + count_;
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
    use(own_blocks_);
    use(state_.journal);
    return {};
}

sdk::Result<Ext4Summary> Finisher::frame()
{
    const auto size = state_.geometry.smallest(state_.cursor.end(), first_free_inode - 1 + count_);
    if (size.blocks > state_.options.max_bytes / block_bytes)
        return disk_full(state_.file.path());
    if (::ftruncate(state_.file.fd(), static_cast<off_t>(size.blocks * block_bytes)) != 0)
        return sdk::os_error("set the length of " + state_.file.path());
    auto summary = write_file_system_frame(state_, {std::move(used_), std::move(directories_), size});
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
