// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace banger::agent {

/// Takes bytes for somebody else without ever blocking, and keeps what cannot go yet.
class Writer {
public:
    Writer() = default;
    virtual ~Writer() = default;
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    /// A reader that is gone swallows the bytes, as for anybody who ignores SIGPIPE.
    virtual void write(std::string_view bytes) = 0;
    /// The reader's end comes behind the last byte.
    virtual void end() = 0;
    [[nodiscard]] virtual std::size_t backlog() const = 0;
};

}  // namespace banger::agent
