// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/ext4_writer.hpp"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "core/images/ext4_content.hpp"
#include "core/images/ext4_inode.hpp"
#include "core/images/ext4_state.hpp"
#include "core/images/ext4_xattr.hpp"

namespace banger::images {
namespace {

constexpr std::uint64_t min_journal_bytes = 1024 * std::uint64_t{block_bytes};  // JBD2_MIN_JOURNAL_BLOCKS
constexpr std::uint64_t max_journal_bytes = 1ULL << 30;
constexpr std::size_t max_label_bytes = 16;
constexpr std::size_t max_target_bytes = block_bytes - 1;
constexpr std::size_t copy_bytes = 256U << 10;

sdk::Error invalid(std::string message)
{
    return sdk::make_error(sdk::Code::invalid, std::move(message));
}

sdk::Result<void> check(const std::string& path, const Ext4Options& options)
{
    if (options.label.size() > max_label_bytes)
        return invalid("the label '" + options.label + "' is longer than 16 bytes");
    if (options.journal_bytes != 0 &&
        (options.journal_bytes < min_journal_bytes || options.journal_bytes > max_journal_bytes))
        return invalid("a journal has from 4 MiB to 1 GiB, not " + std::to_string(options.journal_bytes) + " bytes");
    if (options.max_bytes > options.grow_to_bytes)
        return invalid("'" + path + "' may get longer than what it is prepared to grow to");
    return {};
}

Metadata root_metadata(std::int64_t time)
{
    Metadata metadata;
    metadata.mode = 0755;
    metadata.mtime_seconds = time;
    return metadata;
}

std::string directory_of(const std::string& path)
{
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

sdk::Result<void> drop_value(sdk::Result<InodeIndex> result)
{
    if (!result)
        return std::move(result.error());
    return {};
}

}  // namespace

Ext4Writer::State::State(Ext4Options given, const Geometry& shape, sdk::os::UniqueFd fd, const std::string& path)
    : options(std::move(given)),
      geometry(shape),
      file(std::move(fd), path),
      cursor(geometry, options.max_bytes / block_bytes),
      pages(directory_of(path), options.memory_bytes),
      tree(pages, options.hash_seed, root_metadata(options.time))
{
}

sdk::Result<void> Ext4Writer::State::check_cancelled() const
{
    if (options.cancelled && options.cancelled())
        return sdk::make_error(sdk::Code::cancelled, "making '" + file.path() + "' was cancelled");
    return {};
}

Ext4Writer::Ext4Writer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Ext4Writer::Ext4Writer(Ext4Writer&&) noexcept = default;
Ext4Writer& Ext4Writer::operator=(Ext4Writer&&) noexcept = default;
Ext4Writer::~Ext4Writer() = default;

sdk::Result<Ext4Writer> Ext4Writer::create(const std::string& path, Ext4Options options)
{
    options.time = options.time == 0 ? 1 : options.time;  // libext2fs takes 0 for "now"
    if (auto checked = check(path, options); !checked)
        return std::move(checked.error());
    auto geometry = Geometry::make(options.grow_to_bytes, options.bytes_per_inode);
    if (!geometry)
        return std::move(geometry.error());
    sdk::os::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd)
        return sdk::os_error("create " + path);
    auto state = std::make_unique<State>(std::move(options), *geometry, std::move(fd), path);
    auto journal = allocate(state->cursor, blocks_for(state->options.journal_bytes), path);
    if (!journal)
        return std::move(journal.error());
    state->journal = std::move(*journal);
    auto& file = state->file;
    state->tree.on_release([&file](const std::vector<Extent>& extents) { return file.discard(extents); });
    return Ext4Writer(std::move(state));
}

// Every entry passes here: cancellation, and what would only fail in finish() without naming its path.
static sdk::Result<InodeIndex> put(Ext4Writer::State& state, std::string_view path, Inode inode)
{
    if (auto going = state.check_cancelled(); !going)
        return std::move(going.error());
    if (!inode.metadata.xattrs.empty())
        if (auto fits = lay_out_xattrs(inode.metadata.xattrs, xattr_room); !fits)
            return std::move(fits.error()).while_doing("write '" + std::string(path) + "'");
    // Files without content take no blocks: without this an archive of them would end in the host's memory.
    if (state.tree.inodes().size() >= state.geometry.most_inodes(state.options.max_bytes / block_bytes))
        return disk_full(state.file.path());
    auto index = state.tree.put(path, std::move(inode));
    if (auto whole = state.pages.failure(); !whole)
        return std::move(whole.error());
    return index;
}

static Inode inode_of(FileKind kind, const Metadata& metadata)
{
    Inode inode;
    inode.kind = kind;
    inode.metadata = metadata;
    return inode;
}

sdk::Result<void> Ext4Writer::directory(std::string_view path, const Metadata& metadata)
{
    return drop_value(put(*state_, path, inode_of(FileKind::directory, metadata)));
}

sdk::Result<void> Ext4Writer::fifo(std::string_view path, const Metadata& metadata)
{
    return drop_value(put(*state_, path, inode_of(FileKind::fifo, metadata)));
}

sdk::Result<void> Ext4Writer::socket(std::string_view path, const Metadata& metadata)
{
    return drop_value(put(*state_, path, inode_of(FileKind::socket, metadata)));
}

sdk::Result<void> Ext4Writer::device(std::string_view path, const Metadata& metadata, FileKind kind,
                                     std::uint32_t major, std::uint32_t minor)
{
    if (kind != FileKind::character_device && kind != FileKind::block_device)
        return invalid("'" + std::string(path) + "' is no device");
    if (major >= 1U << 12U || minor >= 1U << 20U)
        return invalid("'" + std::string(path) + "' has device numbers that Linux does not have");
    auto inode = inode_of(kind, metadata);
    inode.major = major;
    inode.minor = minor;
    return drop_value(put(*state_, path, std::move(inode)));
}

sdk::Result<void> Ext4Writer::symlink(std::string_view path, const Metadata& metadata, std::string_view target)
{
    if (target.empty() || target.size() > max_target_bytes || target.find('\0') != std::string_view::npos)
        return invalid("the symbolic link '" + std::string(path) + "' has an empty target or one over 4095 bytes");
    auto inode = inode_of(FileKind::symlink, metadata);
    inode.size = target.size();
    const bool in_inode = target.size() < inline_target_bytes;
    if (in_inode)
        inode.target = target;
    auto index = put(*state_, path, std::move(inode));
    if (!index)
        return std::move(index.error());
    if (in_inode)
        return {};
    std::vector<Extent> extents;
    ContentWriter content(state_->file, state_->cursor, extents);
    if (auto written = content.put({0, target}); !written)
        return written;
    state_->tree.inodes().set_extents(*index, extents);
    return content.finish();
}

static sdk::Result<void> write_content(Ext4Writer::State& state, std::string_view path, std::uint64_t size,
                                       const PullData& pull, std::vector<Extent>& extents)
{
    ContentWriter content(state.file, state.cursor, extents);
    const auto context = [&](sdk::Error error) {
        return std::move(error).while_doing("write '" + std::string(path) + "'");
    };
    for (std::uint64_t end = 0;;) {
        auto run = pull();
        if (!run)
            return context(std::move(run.error()));
        if (!*run)
            break;
        if ((*run)->offset < end || (*run)->offset > size || (*run)->bytes.size() > size - (*run)->offset)
            return invalid("the content of '" + std::string(path) + "' is out of order or longer than its size");
        if (auto written = content.put(**run); !written)
            return context(std::move(written.error()));
        end = (*run)->offset + (*run)->bytes.size();
        if (auto going = state.check_cancelled(); !going)
            return going;
    }
    if (auto ended = content.finish(); !ended)
        return context(std::move(ended.error()));
    return {};
}

sdk::Result<void> Ext4Writer::file(std::string_view path, const Metadata& metadata, std::uint64_t size,
                                   const PullData& pull)
{
    if (blocks_for(size) > max_file_blocks)
        return invalid("'" + std::string(path) + "' is longer than ext4 allows");
    auto inode = inode_of(FileKind::regular, metadata);
    inode.size = size;
    auto index = put(*state_, path, std::move(inode));
    if (!index)
        return std::move(index.error());
    std::vector<Extent> extents;
    auto written = write_content(*state_, path, size, pull, extents);
    state_->tree.inodes().set_extents(*index, extents);
    return written;
}

sdk::Result<void> Ext4Writer::hard_link(std::string_view path, std::string_view existing)
{
    if (auto going = state_->check_cancelled(); !going)
        return going;
    auto linked = state_->tree.link(path, existing);
    if (auto whole = state_->pages.failure(); !whole)
        return whole;
    return linked;
}

sdk::Result<void> Ext4Writer::remove(std::string_view path)
{
    return state_->tree.remove(path);
}

sdk::Result<void> Ext4Writer::begin_layer()
{
    return state_->tree.begin_layer();
}

bool Ext4Writer::touched(std::string_view path) const
{
    return state_->tree.touched(path);
}

void Ext4Writer::touch(std::string_view path)
{
    state_->tree.touch(path);
}

sdk::Result<void> Ext4Writer::remove_lower(std::string_view path, bool only_below)
{
    return state_->tree.remove_lower(path, only_below);
}

std::vector<std::string> Ext4Writer::names_in(std::string_view path) const
{
    std::vector<std::string> found;
    const auto index = state_->tree.find(path);
    if (!index || state_->tree.inodes().kind(*index) != FileKind::directory)
        return found;
    const auto& names = state_->tree.names();
    const auto list = state_->tree.inodes().directory(*index).names;
    for (auto place = names.next(list, 0); place < list.places(); place = names.next(list, place + 1))
        found.push_back(names.text(names.at(list, place)));
    std::sort(found.begin(), found.end());
    return found;
}

bool Ext4Writer::is_empty(std::string_view path) const
{
    const auto index = state_->tree.find(path);
    if (!index || state_->tree.inodes().kind(*index) != FileKind::directory)
        return true;
    const auto list = state_->tree.inodes().directory(*index).names;
    return state_->tree.names().next(list, 0) >= list.places();
}

std::optional<FileKind> Ext4Writer::kind_of(std::string_view path) const
{
    const auto index = state_->tree.find(path);
    if (!index)
        return std::nullopt;
    return state_->tree.inodes().kind(*index);
}

// Gives a file's content back extent by extent.
static PullData content_of(Ext4Writer::State& from, const Inode& inode)
{
    struct Position {
        std::vector<Extent> extents;
        std::uint64_t size = 0;
        std::size_t extent = 0;
        std::uint64_t within = 0;
        std::string buffer;
    };
    auto at = std::make_shared<Position>(Position{inode.extents, inode.size, 0, 0, {}});
    return [&from, at]() -> sdk::Result<std::optional<DataRun>> {
        if (at->extent == at->extents.size())
            return std::optional<DataRun>{};
        const auto& extent = at->extents[at->extent];
        const auto offset = std::uint64_t{extent.logical} * block_bytes + at->within;
        const auto left = std::uint64_t{extent.length} * block_bytes - at->within;
        at->buffer.resize(static_cast<std::size_t>(std::min({left, std::uint64_t{copy_bytes}, at->size - offset})));
        if (auto read =
                from.file.read(extent.physical * block_bytes + at->within, at->buffer.data(), at->buffer.size());
            !read)
            return std::move(read.error());
        at->within += at->buffer.size();
        if (at->within == std::uint64_t{extent.length} * block_bytes || offset + at->buffer.size() == at->size) {
            ++at->extent;
            at->within = 0;
        }
        return std::optional(DataRun{offset, at->buffer});
    };
}

sdk::Result<std::optional<std::string>> Ext4Writer::read_file(std::string_view path, std::size_t limit)
{
    const auto index = state_->tree.find(path);
    if (!index || state_->tree.inodes().kind(*index) != FileKind::regular)
        return std::optional<std::string>{};
    const auto inode = state_->tree.inodes().at(*index);
    std::string content(static_cast<std::size_t>(std::min<std::uint64_t>(inode.size, limit)), '\0');
    const auto pull = content_of(*state_, inode);
    for (;;) {
        auto run = pull();
        if (!run)
            return std::move(run.error());
        if (!*run || (*run)->offset >= content.size())
            return std::optional(std::move(content));
        const auto part = (*run)->bytes.substr(0, content.size() - static_cast<std::size_t>((*run)->offset));
        std::copy(part.begin(), part.end(), content.begin() + static_cast<std::ptrdiff_t>((*run)->offset));
    }
}

sdk::Result<void> Ext4Writer::copy(std::string_view path, Ext4Writer& from, std::string_view existing)
{
    const auto index = from.state_->tree.find(existing);
    if (!index || from.state_->tree.inodes().kind(*index) == FileKind::directory)
        return invalid("cannot copy '" + std::string(existing) + "' to '" + std::string(path) +
                       "': there is no such file");
    const auto inode = from.state_->tree.inodes().at(*index);
    switch (inode.kind) {
        case FileKind::regular: return file(path, inode.metadata, inode.size, content_of(*from.state_, inode));
        case FileKind::symlink: {
            std::string target = inode.target;
            if (target.empty()) {
                target.resize(inode.size);
                if (auto read = from.state_->file.read(inode.extents.front().physical * block_bytes, target.data(),
                                                       target.size());
                    !read)
                    return read;
            }
            return symlink(path, inode.metadata, target);
        }
        case FileKind::fifo: return fifo(path, inode.metadata);
        case FileKind::socket: return socket(path, inode.metadata);
        default: return device(path, inode.metadata, inode.kind, inode.major, inode.minor);
    }
}

sdk::Result<Ext4Summary> Ext4Writer::finish()
{
    if (state_->finished)
        return sdk::make_error(sdk::Code::precondition, "'" + state_->file.path() + "' is finished already");
    state_->finished = true;
    return finish_ext4(*state_);
}

}  // namespace banger::images
