// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/same_content.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <vector>

#include "banger/sdk/os/file.hpp"

namespace banger::workspace {
namespace {

constexpr std::size_t piece_bytes = std::size_t{1} << 20U;

/// How much is in the piece now; nothing if it cannot be read. Less than a whole one is the end.
std::optional<std::size_t> read_piece(int file, std::vector<char>& piece)
{
    std::size_t filled = 0;
    while (filled < piece.size()) {
        const ssize_t got = ::read(file, piece.data() + filled, piece.size() - filled);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return std::nullopt;
        if (got == 0)
            break;
        filled += static_cast<std::size_t>(got);
    }
    return filled;
}

std::optional<bool> are_same_files(const std::string& here, const std::string& there)
{
    const auto ours = sdk::os::open_file(here, O_RDONLY | O_NOFOLLOW);
    const auto theirs = sdk::os::open_file(there, O_RDONLY | O_NOFOLLOW);
    if (!ours || !theirs)
        return std::nullopt;
    std::vector<char> our_piece(piece_bytes);
    std::vector<char> their_piece(piece_bytes);
    while (true) {
        const auto our_length = read_piece(ours->get(), our_piece);
        const auto their_length = read_piece(theirs->get(), their_piece);
        if (!our_length || !their_length)
            return std::nullopt;
        if (std::string_view(our_piece.data(), *our_length) != std::string_view(their_piece.data(), *their_length))
            return false;
        if (*our_length < piece_bytes)
            return true;
    }
}

std::optional<bool> are_same_links(const std::string& here, const std::string& there)
{
    std::error_code problem;
    const auto ours = std::filesystem::read_symlink(here, problem);
    if (problem)
        return std::nullopt;
    const auto theirs = std::filesystem::read_symlink(there, problem);
    return problem ? std::nullopt : std::optional(ours == theirs);
}

}  // namespace

std::optional<bool> have_same_content(const std::string& here, const std::string& there, const Sides& sides)
{
    struct stat ours {};
    struct stat theirs {};
    if (::lstat(here.c_str(), &ours) != 0 || ::lstat(there.c_str(), &theirs) != 0 ||
        S_ISLNK(ours.st_mode) != S_ISLNK(sides.here->mode) || S_ISLNK(theirs.st_mode) != S_ISLNK(sides.there->mode))
        return std::nullopt;
    if (S_ISLNK(ours.st_mode) != S_ISLNK(theirs.st_mode) || ours.st_size != theirs.st_size)
        return false;
    return S_ISLNK(ours.st_mode) ? are_same_links(here, there) : are_same_files(here, there);
}

}  // namespace banger::workspace
