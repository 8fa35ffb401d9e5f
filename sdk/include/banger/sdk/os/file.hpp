// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::sdk::os {

/// The whole file. `not_found` if it is not there; `invalid` above `most` bytes.
Result<std::string> read_file(const std::string& path, std::size_t most = 64U << 20U);

/// Replaces a file so that a crash leaves the old content or the new: write, fsync, rename, fsync the directory.
Result<void> write_file_atomic(const std::string& path, std::string_view content, mode_t mode = 0600);

/// Writes all of it to a descriptor, through short writes and EINTR.
Result<void> write_all(int fd, std::string_view content);

/// Makes the directory and its parents, mode 0700, owned by us. `permission` if it is somebody else's or a symlink.
Result<void> make_private_directory(const std::string& path);

/// Makes the directory and its parents with the given mode. There already is success.
Result<void> make_directories(const std::string& path, mode_t mode = 0755);

/// Removes a file or a whole tree without following symlinks. Gone already is success.
Result<void> remove_tree(const std::string& path);

/// Removes one file. Gone already is success.
Result<void> remove_file(const std::string& path);

/// Names in a directory, sorted, without "." and "..". `not_found` if there is no such directory.
Result<std::vector<std::string>> list_directory(const std::string& path);

bool exists(const std::string& path);  ///< without following a final symlink

/// fsync of a directory, so that a rename or create in it is durable.
Result<void> sync_directory(const std::string& path);

/// Waits until the file's content is on its disk (fdatasync(2)). Nothing interrupts that, and a slow disk takes minutes, so
/// a thread of its own does it, which goes on when the wait ends: `cancelled` once `cancel_descriptor` is readable (see
/// Call::cancel_descriptor; -1: none). The kernel says only once that content was lost: `on_loss` is then told, on that
/// thread, also when nobody waits any more.
Result<void> flush_file(UniqueFd file, const std::string& path, int cancel_descriptor,
                        std::function<void()> on_loss = {});

Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode = 0600);  ///< adds O_CLOEXEC

Result<std::uint64_t> free_bytes(const std::string& path);  ///< available to us on its file system

/// Whether anybody has this file open for writing, whoever that is: the kernel gives no read lease on such a file
/// (fcntl(2), F_SETLEASE). A file that is not there is written by nobody. The file must be ours. `unsupported` on file
/// systems that cannot tell, such as those of a network.
Result<bool> is_written(const std::string& path);

/// Whether is_written can tell, of files in this directory: tried, on one without a name.
bool tells_writers(const std::string& directory);

/// A connected Unix stream socket. The path may be longer than the 108 bytes of sockaddr_un (unix(7)): it is reached
/// through its directory's descriptor.
Result<UniqueFd> connect_unix(const std::string& path);

/// The same, but never waits for a listener that does not accept: `busy` if its queue is full.
Result<UniqueFd> try_connect_unix(const std::string& path);

/// A listening Unix stream socket with mode 0600, created closed. An existing socket file is replaced.
Result<UniqueFd> listen_unix(const std::string& path);

/// Who is at the other end: SO_PEERCRED (unix(7)).
struct Peer {
    pid_t pid = 0;
    uid_t uid = 0;
};
Result<Peer> peer_of(int socket);

/// Waits until the descriptor can be read, or has come to its end. `cancelled` once `cancel_descriptor` is readable (see
/// Call::cancel_descriptor; -1: none), `timed_out` at the deadline.
Result<void> wait_readable(int fd, int cancel_descriptor, std::chrono::steady_clock::time_point deadline);

}  // namespace banger::sdk::os
