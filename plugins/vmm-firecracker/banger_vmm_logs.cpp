// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
//
// banger-vmm-logs NAME BYTES [NAME BYTES]...
//
// Keeps what a VMM says: what comes from descriptor 3 in the first file, from 4 in the second, and so on, each at most so
// many bytes long. It is there for as long as somebody has their other ends open. A guest can make its VMM say as much as
// it likes, and VMMs bound nothing of it; without this one, what they say is lost and nobody waits.
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "bounded_file.hpp"

namespace {

using banger::firecracker::BoundedFile;

constexpr int first_descriptor = 3;

// Whether more may come.
bool carry(int from, BoundedFile& to)
{
    std::array<char, 65536> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    const ssize_t got = ::read(from, bytes.data(), bytes.size());
    if (got < 0)
        return errno == EINTR || errno == EAGAIN;
    if (got > 0)
        (void)to.append({bytes.data(), static_cast<std::size_t>(got)});  // a full disk is no reason to end
    return got > 0;
}

}  // namespace

int main(int count, char** arguments)
{
    std::vector<BoundedFile> files;
    std::vector<pollfd> ends;
    for (int i = 1; i + 1 < count; i += 2) {
        auto file = BoundedFile::open(arguments[i], std::strtoull(arguments[i + 1], nullptr, 10));
        if (!file) {
            std::fprintf(stderr, "banger-vmm-logs: %s\n", file.error().message.c_str());
            return 1;
        }
        ends.push_back({first_descriptor + static_cast<int>(files.size()), POLLIN, 0});
        files.push_back(std::move(*file));
    }
    for (std::size_t left = ends.size(); left > 0;) {
        if (::poll(ends.data(), ends.size(), -1) < 0 && errno != EINTR)
            return 1;
        for (std::size_t i = 0; i < ends.size(); ++i)
            if (ends[i].fd >= 0 && ends[i].revents != 0 && !carry(ends[i].fd, files[i])) {
                ends[i].fd = -1;
                --left;
            }
    }
}
