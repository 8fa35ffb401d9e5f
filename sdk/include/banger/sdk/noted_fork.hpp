// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "banger/sdk/freeze_note.hpp"
#include "banger/sdk/storage_fork.hpp"

namespace banger::sdk {

/// One freeze of one disk: what NotedFork leaves to its provider, and calls in the order of these methods. Each may come
/// again, in another process, after a crash at any point of it.
class DiskFreeze {
public:
    virtual ~DiskFreeze() = default;

    /// Refuses what cannot be, then flushes the disk, so that the instant need not wait for that. Makes nothing.
    [[nodiscard]] virtual Result<void> check(const FreezeSpec& spec, const Call& call) = 0;
    /// Makes what the instant needs, by the layer's path. What an error leaves is undone.
    [[nodiscard]] virtual Result<Freeze> prepare() = 0;
    /// Whether the layer is there to stay, although no note says so yet. An error if that cannot be told.
    [[nodiscard]] virtual Result<bool> has_happened() = 0;
    /// The instant, unless the VMM was told of it; the layer is read-only then, and on its disk.
    [[nodiscard]] virtual Result<void> seal() = 0;
    /// What was sealed, with its length. Removes what was needed only until then.
    [[nodiscard]] virtual Result<Layer> layer() = 0;
    /// The disk goes on as if it had never been. Returns the names that the steps above gave to files and that are no
    /// file's last one: they are to be removed.
    [[nodiscard]] virtual Result<std::vector<std::string>> undo() = 0;
};

/// storage.fork/0 for providers that write a freeze under way into a note (freeze_note.hpp) in the VM's directory: ROLE and
/// an ending. It is there, "begun", before anything is made, says "frozen" once the layer is sealed, and goes last.
class NotedFork : public StorageFork {
public:
    [[nodiscard]] Result<std::vector<Handle>> plan(const FreezeSpec& spec) override;
    [[nodiscard]] Result<Attached<Freeze>> attach(const FreezeSpec& spec, Call& call) override;
    [[nodiscard]] Result<Layer> commit(const Handle& handle) override;
    [[nodiscard]] Result<void> release(const Handle& handle) override;
    [[nodiscard]] Result<Inspection> inspect(const Handle& handle) override;
    [[nodiscard]] Result<std::vector<Handle>> list() override;

protected:
    /// `provider` is the name in handles; `ending` such as ".freeze".
    NotedFork(Host& host, std::string provider, std::string ending)
        : host_(host), provider_(std::move(provider)), ending_(std::move(ending))
    {
    }

    /// `invalid` if the role is no plain word.
    [[nodiscard]] virtual Result<std::unique_ptr<DiskFreeze>> freeze_of(const Owner& owner, const std::string& role,
                                                                        const std::string& layer_path) = 0;

    /// `invalid` for what cannot be the path of a layer.
    [[nodiscard]] static Result<void> check_layer_path(const std::string& path);
    [[nodiscard]] Host& host() const { return host_; }

private:
    struct UnderWay {
        std::string note_path;
        FreezeNote note;
        std::unique_ptr<DiskFreeze> freeze;
    };
    [[nodiscard]] std::string path_of_note(const Owner& owner, const std::string& role) const;
    [[nodiscard]] Handle handle_of(const Owner& owner, const std::string& role, Fields bound) const;
    [[nodiscard]] Result<std::optional<UnderWay>> find(const Handle& handle);
    [[nodiscard]] static Result<Freeze> begin(UnderWay& under_way, const FreezeSpec& spec, const Call& call);
    [[nodiscard]] static Result<bool> is_frozen(UnderWay& under_way);
    [[nodiscard]] static Result<Layer> seal(UnderWay& under_way);
    [[nodiscard]] static Result<void> undo(UnderWay& under_way);

    Host& host_;
    std::string provider_;
    std::string ending_;
};

}  // namespace banger::sdk
