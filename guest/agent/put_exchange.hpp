// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "guest/agent/exchange.hpp"
#include "guest/protocol/exec_messages.hpp"

namespace banger::agent {

/// POST /v0/put: many entries into the guest, in their order. Each is a `spec` frame with an EntrySpec; behind that of
/// a file come its `data` frames and an `eof`. An `eof` where an entry could begin ends the request; `done` is its
/// answer.
///
/// A file takes its place as a whole (temporary name, rename). A directory that exists stays as it is. At the first
/// error the request ends; the entries before it are in place.
class PutExchange final : public FramedExchange {
public:
    explicit PutExchange(Stream& stream) : FramedExchange(stream) {}
    ~PutExchange() override;

private:
    void on_frame(FrameType type, std::string_view payload) override;
    void on_end(bool clean) override;
    Pulled pull(std::span<char>) override { return {}; }

    void begin(std::string_view spec);
    void make_directory();
    void make_link();
    void begin_file();
    void append(std::string_view bytes);
    void end_file();
    void placed();
    void fail_with_errno();
    [[nodiscard]] bool is_directory() const;

    EntrySpec entry_;
    std::string parent_;      ///< of the entry before: there already
    std::string temporary_;   ///< not empty: this name is ours to remove
    sdk::os::UniqueFd file_;  ///< open between the spec of a file and its eof
    std::int64_t entries_ = 0;
};

}  // namespace banger::agent
