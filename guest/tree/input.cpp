// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/tree/input.hpp"

#include <unistd.h>

#include <cerrno>

namespace banger::tree {

sdk::Result<std::string_view> DescriptorInput::next(std::size_t size)
{
    if (!buffer_)
        return sdk::make_error(sdk::Code::no_space, "there is no memory to read a stream with");
    char* const begin = buffer_.get() + at_;
    std::size_t filled = 0;
    while (filled < size) {
        const ssize_t got = ::read(descriptor_, begin + filled, size - filled);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && filled == 0)
            return sdk::os_error("read the stream");
        if (got <= 0)
            break;
        filled += static_cast<std::size_t>(got);
    }
    at_ = (at_ + filled) % page;
    return std::string_view(begin, filled);
}

}  // namespace banger::tree
