// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "banger/sdk/jail.hpp"
#include "banger/sdk/network.hpp"
#include "banger/sdk/network_names.hpp"
#include "banger/sdk/storage.hpp"
#include "banger/sdk/storage_fork.hpp"
#include "core/units/scopes.hpp"

namespace banger::privd {

/// The installation of banger that asks.
struct Installation {
    std::string instance;       ///< sdk::Owner::instance
    std::string vms_directory;  ///< of its user's

    bool operator==(const Installation&) const = default;
};

/// Everything that a caller of the helper may name, and nothing else: the one place where arguments are looked at before
/// a provider sees them. Ids have their form, a VM's directory lies in its installation's, names are plain words,
/// lengths have a bound, and paths lead without symbolic links to what is the user's own, or is root's and his to read.
/// Processes are his by all of their ids, and in a session of his: what is in a service of root's stays in that, with the
/// limits that root set it, and what his own manager has started with that, which could not start again without it.
///
/// Runs with the user's rights over files, as all of the helper does. Who may change a path between this look at it and
/// its use is the user alone, and it is opened with his rights then, too.
///
/// Every error: `invalid` for what has a wrong form, `permission` for what is somebody else's, and those of openat2(2).
class Remit {
public:
    /// Whether what is in a group may be moved out of it: base::is_of_users_session.
    using IsOfSession = bool (*)(std::string_view group, uid_t user);

    Remit(uid_t user, IsOfSession is_of_session) : user_(user), is_of_session_(is_of_session) {}

    [[nodiscard]] sdk::Result<void> check(const Installation& installation) const;
    [[nodiscard]] sdk::Result<void> check(const Installation& installation, const sdk::Owner& owner) const;
    /// Its owner and its key alone count: what was bound is forgotten, since anybody can have written it.
    [[nodiscard]] sdk::Result<sdk::Handle> handle(const Installation& installation, const sdk::Handle& handle) const;
    [[nodiscard]] sdk::Result<void> check(const Installation& installation, const sdk::DiskSpec& spec) const;
    [[nodiscard]] sdk::Result<void> check(const Installation& installation, const sdk::FreezeSpec& spec) const;
    [[nodiscard]] sdk::Result<void> check(const Installation& installation, const sdk::LinkSpec& spec) const;
    [[nodiscard]] sdk::Result<void> check(const Installation& installation, const sdk::JailSpec& spec) const;
    /// `not_found` for a process that has ended, also if another one has its pid by now.
    [[nodiscard]] sdk::Result<void> check(const Installation& installation, const units::ScopeSpec& spec) const;
    /// A name server on this host's loopback: of programs that the user could run himself.
    [[nodiscard]] static sdk::Result<void> check(const sdk::NameServer& server);
    [[nodiscard]] static sdk::Result<void> check_role(const std::string& role);
    /// A layer that is to be deleted: the user's own.
    [[nodiscard]] sdk::Result<void> check_own(const sdk::Layer& layer) const;

private:
    enum class Whose { users, users_or_roots };
    [[nodiscard]] sdk::Result<void> check_directory(const std::string& path) const;
    /// Nothing there is nobody else's: the provider says what it misses.
    [[nodiscard]] sdk::Result<void> check_file(const std::string& path, Whose whose) const;

    [[nodiscard]] static sdk::Result<void> check_jailed(const sdk::JailedFile& file);
    [[nodiscard]] sdk::Result<void> check_process(const sdk::os::ProcessId& process) const;

    uid_t user_;
    IsOfSession is_of_session_;
};

}  // namespace banger::privd
