// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "stream_output.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <cerrno>
#include <utility>

#include "banger/sdk/os/file.hpp"

namespace banger::oci {
namespace {

constexpr std::size_t buffers = StreamOutput::kept + 1;
constexpr std::size_t memory_bytes = buffers * StreamOutput::buffer_bytes;

}  // namespace

// Mapped and not from the heap: pages that are unmapped while a pipe has them stay as they are, and are nobody else's.
sdk::Result<StreamOutput> StreamOutput::open(int descriptor)
{
    struct stat status {};
    StreamOutput output(descriptor, ::fstat(descriptor, &status) == 0 && S_ISFIFO(status.st_mode));
    void* memory = ::mmap(nullptr, memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return sdk::os_error("get memory for a stream");
    output.memory_ = static_cast<char*>(memory);
    return output;
}

StreamOutput::StreamOutput(StreamOutput&& other) noexcept
    : descriptor_(other.descriptor_),
      pipe_(other.pipe_),
      memory_(std::exchange(other.memory_, nullptr)),
      turn_(other.turn_),
      spliced_(other.spliced_),
      after_(other.after_)
{
}

StreamOutput::~StreamOutput()
{
    if (memory_ != nullptr)
        ::munmap(memory_, memory_bytes);
}

// A pipe has a place for each page, and is read in order: as many as there are places behind them, and they are gone.
bool StreamOutput::may_be_in_pipe() const
{
    if (!after_[turn_])
        return false;
    const int places = ::fcntl(descriptor_, F_GETPIPE_SZ);  // in bytes; its reader may change it
    return places < 0 || spliced_ - *after_[turn_] < static_cast<std::uint64_t>(places);
}

// Other memory in its place. The pipe keeps the pages that it has.
sdk::Result<void> StreamOutput::renew()
{
    if (::mmap(buffer(), buffer_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        return sdk::os_error("get memory for a stream");
    after_[turn_].reset();
    return {};
}

sdk::Result<void> StreamOutput::splice(std::string_view bytes)
{
    while (!bytes.empty()) {
        const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
        const auto gone = ::vmsplice(descriptor_, &piece, 1, 0);
        if (gone < 0 && errno == EINTR)
            continue;
        if (gone < 0 && (errno == ENOSYS || errno == EPERM)) {  // a sandbox around us does not let it through
            pipe_ = false;
            return write(bytes);
        }
        if (gone < 0)
            return sdk::os_error("write to a pipe");
        bytes.remove_prefix(static_cast<std::size_t>(gone));
        spliced_ += static_cast<std::uint64_t>(gone);
    }
    after_[turn_] = spliced_;
    return {};
}

sdk::Result<void> StreamOutput::give(std::size_t count)
{
    // A cut buffer would leave a page that is not full, and so the count of pages wrong.
    const std::string_view bytes(buffer(), count);
    if (auto gone = pipe_ && count == buffer_bytes ? splice(bytes) : write(bytes); !gone)
        return gone;
    turn_ = (turn_ + 1) % buffers;
    return may_be_in_pipe() ? renew() : sdk::Result<void>{};
}

sdk::Result<void> StreamOutput::write(std::string_view bytes) const
{
    return sdk::os::write_all(descriptor_, bytes);
}

}  // namespace banger::oci
