// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/ext4_tree.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace banger::images {
namespace {

constexpr std::size_t max_name_bytes = 255;
constexpr std::uint32_t max_links = 65000;  // EXT4_LINK_MAX

sdk::Error invalid_path(std::string_view path, std::string_view why)
{
    return sdk::make_error(sdk::Code::invalid, "cannot place '" + std::string(path) + "': " + std::string(why));
}

std::string_view describe(FileKind kind)
{
    switch (kind) {
        case FileKind::regular: return "a file";
        case FileKind::directory: return "a directory";
        case FileKind::symlink: return "a symbolic link";
        case FileKind::character_device:
        case FileKind::block_device: return "a device";
        case FileKind::fifo: return "a named pipe";
        case FileKind::socket: return "a socket";
    }
    return "something else";
}

const char* fault_of_name(std::string_view name)
{
    if (name.empty())
        return "it has an empty name in it";
    if (name == "." || name == "..")
        return "'.' and '..' are not names";
    if (name.size() > max_name_bytes)
        return "a name in it is longer than 255 bytes";
    if (name.find('\0') != std::string_view::npos)
        return "a name in it holds a zero byte";
    return nullptr;
}

}  // namespace

Ext4Tree::Ext4Tree(PageCache& cache, const std::array<std::uint8_t, 16>& hash_seed, Metadata root)
    : inodes_(cache), names_(cache, hash_seed), default_time_(root.mtime_seconds)
{
    Inode inode;
    inode.kind = FileKind::directory;
    inode.metadata = std::move(root);
    inodes_.add(inode);
}

void Ext4Tree::add(InodeIndex inode, InodeIndex parent, std::string_view name)
{
    auto directory = inodes_.directory(parent);
    names_.add(directory.names, name, inode, layer_);
    inodes_.set_directory(parent, directory);
    if (inodes_.kind(inode) != FileKind::directory)
        return;
    auto made = inodes_.directory(inode);
    made.parent = parent;
    inodes_.set_directory(inode, made);
}

std::optional<Ext4Tree::Found> Ext4Tree::look_up(InodeIndex parent, std::string_view name) const
{
    const auto list = inodes_.directory(parent).names;
    const auto place = names_.find(list, name);
    if (!place)
        return std::nullopt;
    return Found{parent, list, *place, names_.at(list, *place)};
}

std::optional<Ext4Tree::Found> Ext4Tree::look_up(std::string_view path) const
{
    const auto slash = path.rfind('/');
    const auto parent = directory_at(slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash));
    if (!parent)
        return std::nullopt;
    return look_up(*parent, slash == std::string_view::npos ? path : path.substr(slash + 1));
}

void Ext4Tree::stamp(const Found& there)
{
    if (there.name.layer != layer_)
        names_.set_layer(there.list, there.place, layer_);
}

void Ext4Tree::forget_last_parent()
{
    last_parent_path_.clear();
    last_parent_ = root();
}

// Whoever puts something below a directory counts as bringing the directory.
sdk::Result<InodeIndex> Ext4Tree::parent_of(std::string_view path)
{
    if (path == last_parent_path_)
        return last_parent_;
    InodeIndex here = root();
    for (std::size_t start = 0; !path.empty() && start <= path.size();) {
        const auto end = std::min(path.find('/', start), path.size());
        const auto name = path.substr(start, end - start);
        if (const auto* fault = fault_of_name(name))
            return invalid_path(path, fault);
        const auto there = look_up(here, name);
        if (!there) {
            Inode made;
            made.kind = FileKind::directory;
            made.metadata.mode = 0755;
            made.metadata.mtime_seconds = default_time_;
            const auto index = inodes_.add(made);
            add(index, here, name);
            here = index;
        } else if (const auto kind = inodes_.kind(there->name.inode); kind != FileKind::directory) {
            return invalid_path(path, "'" + std::string(path.substr(0, end)) + "' is " + std::string(describe(kind)) +
                                          " and nothing can be below it");
        } else {
            stamp(*there);
            here = there->name.inode;
        }
        start = end + 1;
    }
    last_parent_path_ = path;
    last_parent_ = here;
    return here;
}

sdk::Result<Ext4Tree::Place> Ext4Tree::place(std::string_view path)
{
    const auto slash = path.rfind('/');
    const auto name = slash == std::string_view::npos ? path : path.substr(slash + 1);
    if (const auto* fault = fault_of_name(name))
        return invalid_path(path, fault);
    if (slash == 0)
        return invalid_path(path, "it is not relative");
    auto parent = parent_of(slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash));
    if (!parent)
        return std::move(parent.error());
    return Place{*parent, name};
}

std::optional<InodeIndex> Ext4Tree::directory_at(std::string_view path) const
{
    if (path == last_parent_path_)
        return last_parent_;
    InodeIndex here = root();
    for (std::size_t start = 0; !path.empty() && start <= path.size();) {
        const auto end = std::min(path.find('/', start), path.size());
        const auto there = look_up(here, path.substr(start, end - start));
        if (!there || inodes_.kind(there->name.inode) != FileKind::directory)
            return std::nullopt;
        here = there->name.inode;
        start = end + 1;
    }
    return here;
}

std::optional<InodeIndex> Ext4Tree::find(std::string_view path) const
{
    if (path.empty())
        return root();
    const auto there = look_up(path);
    if (!there)
        return std::nullopt;
    return there->name.inode;
}

sdk::Result<void> Ext4Tree::unlink(Found& there)
{
    auto directory = inodes_.directory(there.parent);
    names_.erase(directory.names, there.place);
    inodes_.set_directory(there.parent, directory);
    there.list = directory.names;
    return drop(there.name.inode);
}

// Takes a name from an inode that has no place any more, and so from all below it. Not by calling itself: a hostile
// archive can nest deeper than a stack allows.
sdk::Result<void> Ext4Tree::drop(InodeIndex gone)
{
    std::vector<InodeIndex> open{gone};
    while (!open.empty()) {
        const auto index = open.back();
        open.pop_back();
        const auto links = inodes_.links(index) - 1;
        inodes_.set_links(index, links);
        if (links > 0)
            continue;
        if (inodes_.kind(index) == FileKind::directory) {
            forget_last_parent();
            const auto list = inodes_.directory(index).names;
            for (auto place = names_.next(list, 0); place < list.places(); place = names_.next(list, place + 1))
                open.push_back(names_.at(list, place).inode);
            continue;
        }
        const auto extents = inodes_.extents(index);
        inodes_.set_extents(index, {});
        if (!released_ || extents.empty())
            continue;
        if (auto released = released_(extents); !released)
            return released;
    }
    return {};
}

sdk::Result<void> Ext4Tree::make_room(std::string_view path, const Found& there, FileKind by) const
{
    if (inodes_.kind(there.name.inode) == FileKind::directory && inodes_.directory(there.name.inode).names.count > 0)
        return invalid_path(path, "it would replace a directory that is not empty by " + std::string(describe(by)));
    return {};
}

sdk::Result<InodeIndex> Ext4Tree::put(std::string_view path, Inode inode)
{
    if (path.empty()) {
        if (inode.kind != FileKind::directory)
            return sdk::make_error(sdk::Code::invalid,
                                   "the root of a file system cannot be " + std::string(describe(inode.kind)));
        inodes_.set_metadata(root(), inode.metadata);
        return root();
    }
    auto where = place(path);
    if (!where)
        return std::move(where.error());
    if (auto there = look_up(where->parent, where->name)) {
        if (inode.kind == FileKind::directory && inodes_.kind(there->name.inode) == FileKind::directory) {
            stamp(*there);
            inodes_.set_metadata(there->name.inode, inode.metadata);
            return there->name.inode;
        }
        if (auto room = make_room(path, *there, inode.kind); !room)
            return std::move(room.error());
        if (auto gone = unlink(*there); !gone)
            return std::move(gone.error());
    }
    const auto index = inodes_.add(inode);
    add(index, where->parent, where->name);
    return index;
}

sdk::Result<void> Ext4Tree::link(std::string_view path, std::string_view existing)
{
    const auto target = find(existing);
    const auto fail = [&](sdk::Code code, std::string_view why) {
        return sdk::make_error(code, "cannot make '" + std::string(path) + "' a hard link to '" +
                                         std::string(existing) + "': " + std::string(why));
    };
    if (!target)
        return fail(sdk::Code::invalid, "there is no such file");
    const auto kind = inodes_.kind(*target);
    if (kind == FileKind::directory)
        return fail(sdk::Code::invalid, "that is a directory");
    auto where = place(path);
    if (!where)
        return std::move(where.error());
    if (auto there = look_up(where->parent, where->name)) {
        if (there->name.inode == *target) {
            stamp(*there);
            return {};
        }
        if (auto room = make_room(path, *there, kind); !room)
            return room;
        if (auto gone = unlink(*there); !gone)
            return gone;
    }
    const auto links = inodes_.links(*target);
    if (links >= max_links)
        return fail(sdk::Code::invalid, "ext4 allows a file no more than 65000 names");
    add(*target, where->parent, where->name);
    inodes_.set_links(*target, links + 1);
    return {};
}

sdk::Result<void> Ext4Tree::remove(std::string_view path)
{
    const auto name = path.substr(path.rfind('/') + 1);
    if (const auto* fault = fault_of_name(name))
        return invalid_path(path, fault);
    if (auto there = look_up(path))
        return unlink(*there);
    return {};
}

sdk::Result<void> Ext4Tree::begin_layer()
{
    if (layer_ == std::numeric_limits<std::uint16_t>::max())
        return sdk::make_error(sdk::Code::invalid, "an image has at most " + std::to_string(layer_) + " layers");
    ++layer_;
    forget_last_parent();
    return {};
}

bool Ext4Tree::touched(std::string_view path) const
{
    const auto there = path.empty() ? std::nullopt : look_up(path);
    return there && layer_ > 0 && there->name.layer == layer_;
}

void Ext4Tree::touch(std::string_view path)
{
    if (const auto there = look_up(path))
        stamp(*there);
}

sdk::Result<void> Ext4Tree::remove_lower(std::string_view path, bool only_below)
{
    const auto top = find(path);
    if (!top)
        return {};
    if (!only_below && !touched(path))
        return remove(path);
    std::vector<InodeIndex> open{*top};
    while (!open.empty()) {
        const auto index = open.back();
        open.pop_back();
        if (inodes_.kind(index) != FileKind::directory)
            continue;
        auto list = inodes_.directory(index).names;
        for (auto place = names_.next(list, 0); place < list.places(); place = names_.next(list, place)) {
            Found there{index, list, place, names_.at(list, place)};
            if (there.name.layer == layer_) {
                open.push_back(there.name.inode);
                ++place;
                continue;
            }
            if (auto gone = unlink(there); !gone)
                return gone;
            list = there.list;
        }
    }
    return {};
}

}  // namespace banger::images
