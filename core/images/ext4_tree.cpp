// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/ext4_tree.hpp"

#include <algorithm>
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

Ext4Tree::Ext4Tree(Metadata root) : default_time_(root.mtime_seconds)
{
    Inode inode;
    inode.kind = FileKind::directory;
    inode.links = 1;
    inode.metadata = std::move(root);
    inode.children = std::make_unique<Children>();
    inodes_.push_back(std::move(inode));
}

InodeIndex Ext4Tree::add(Inode inode, InodeIndex parent, std::string_view name)
{
    const auto index = size();
    inode.links = 1;
    if (inode.kind == FileKind::directory) {
        inode.children = std::make_unique<Children>();
        inode.parent = parent;
    }
    inodes_.push_back(std::move(inode));
    inodes_[parent].children->emplace(name, index);
    return index;
}

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
        const auto& children = *inodes_[here].children;
        if (const auto there = children.find(name); there == children.end()) {
            Inode made;
            made.kind = FileKind::directory;
            made.metadata.mode = 0755;
            made.metadata.mtime_seconds = default_time_;
            here = add(std::move(made), here, name);
        } else if (const auto kind = inodes_[there->second].kind; kind != FileKind::directory) {
            return invalid_path(path, "'" + std::string(path.substr(0, end)) + "' is " + std::string(describe(kind)) +
                                          " and nothing can be below it");
        } else {
            here = there->second;
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

std::optional<InodeIndex> Ext4Tree::find(std::string_view path) const
{
    InodeIndex here = root();
    for (std::size_t start = 0; !path.empty() && start <= path.size();) {
        const auto end = std::min(path.find('/', start), path.size());
        const auto* children = inodes_[here].children.get();
        if (children == nullptr)
            return std::nullopt;
        const auto there = children->find(path.substr(start, end - start));
        if (there == children->end())
            return std::nullopt;
        here = there->second;
        start = end + 1;
    }
    return here;
}

sdk::Result<void> Ext4Tree::unlink(InodeIndex parent, Children::iterator there)
{
    auto& inode = inodes_[there->second];
    inodes_[parent].children->erase(there);
    if (inode.kind == FileKind::directory) {
        last_parent_path_.clear();
        last_parent_ = root();
    }
    if (--inode.links > 0)
        return {};
    const auto extents = std::exchange(inode.extents, {});
    inode.children.reset();
    inode.metadata.xattrs = {};
    inode.target = {};
    if (released_ && !extents.empty())
        return released_(extents);
    return {};
}

sdk::Result<void> Ext4Tree::make_room(std::string_view path, Children::iterator there, FileKind by)
{
    const auto& old = inodes_[there->second];
    if (old.kind == FileKind::directory && !old.children->empty())
        return invalid_path(path, "it would replace a directory that is not empty by " + std::string(describe(by)));
    return {};
}

sdk::Result<InodeIndex> Ext4Tree::put(std::string_view path, Inode inode)
{
    if (path.empty()) {
        if (inode.kind != FileKind::directory)
            return sdk::make_error(sdk::Code::invalid,
                                   "the root of a file system cannot be " + std::string(describe(inode.kind)));
        inodes_[root()].metadata = std::move(inode.metadata);
        return root();
    }
    auto where = place(path);
    if (!where)
        return std::move(where.error());
    auto& children = *inodes_[where->parent].children;
    if (const auto there = children.find(where->name); there != children.end()) {
        auto& old = inodes_[there->second];
        if (old.kind == FileKind::directory && inode.kind == FileKind::directory) {
            old.metadata = std::move(inode.metadata);
            return there->second;
        }
        if (auto room = make_room(path, there, inode.kind); !room)
            return std::move(room.error());
        if (auto gone = unlink(where->parent, there); !gone)
            return std::move(gone.error());
    }
    return add(std::move(inode), where->parent, where->name);
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
    if (inodes_[*target].kind == FileKind::directory)
        return fail(sdk::Code::invalid, "that is a directory");
    auto where = place(path);
    if (!where)
        return std::move(where.error());
    auto& children = *inodes_[where->parent].children;
    if (const auto there = children.find(where->name); there != children.end()) {
        if (there->second == *target)
            return {};
        if (auto room = make_room(path, there, inodes_[*target].kind); !room)
            return room;
        if (auto gone = unlink(where->parent, there); !gone)
            return gone;
    }
    if (inodes_[*target].links >= max_links)
        return fail(sdk::Code::invalid, "ext4 allows a file no more than 65000 names");
    children.emplace(where->name, *target);
    ++inodes_[*target].links;
    return {};
}

sdk::Result<void> Ext4Tree::remove(std::string_view path)
{
    const auto slash = path.rfind('/');
    const auto parent = find(slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash));
    const auto name = slash == std::string_view::npos ? path : path.substr(slash + 1);
    if (const auto* fault = fault_of_name(name))
        return invalid_path(path, fault);
    if (!parent || !inodes_[*parent].children)
        return {};
    const auto there = inodes_[*parent].children->find(name);
    if (there == inodes_[*parent].children->end())
        return {};
    // Depth first with a list of its own: a hostile archive can nest deeper than a stack allows.
    std::vector<InodeIndex> open;
    if (inodes_[there->second].kind == FileKind::directory)
        open.push_back(there->second);
    while (!open.empty()) {
        const auto directory = open.back();
        auto& children = *inodes_[directory].children;
        if (children.empty()) {
            open.pop_back();
        } else if (const auto child = children.begin();
                   inodes_[child->second].kind == FileKind::directory && !inodes_[child->second].children->empty()) {
            open.push_back(child->second);
        } else if (auto gone = unlink(directory, child); !gone) {
            return gone;
        }
    }
    return unlink(*parent, there);
}

}  // namespace banger::images
