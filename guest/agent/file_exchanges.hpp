// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/os/fd.hpp"
#include "guest/agent/exchange.hpp"
#include "guest/agent/process.hpp"
#include "guest/protocol/exec_messages.hpp"

namespace banger::agent {

/// POST /v0/write: a file into the guest. The bytes go to a temporary file beside the target, which takes its place
/// when the client said eof; a client that goes away before leaves nothing behind.
class WriteExchange final : public FramedExchange {
public:
    WriteExchange(Stream& stream, ProcessTable& processes) : FramedExchange(stream), processes_(processes) {}
    ~WriteExchange() override;

private:
    void on_frame(FrameType type, std::string_view payload) override;
    void on_end(bool clean) override;
    Pulled pull(std::span<char>) override { return {}; }

    void start(std::string_view spec);
    void append(std::string_view bytes);
    void commit();
    void committed(const ExitStatus& status);

    ProcessTable& processes_;
    FileSpec spec_;
    std::string temporary_;  ///< not empty: this file is ours to remove
    sdk::os::UniqueFd file_;
    std::uint64_t size_ = 0;
    pid_t syncing_ = 0;
};

/// POST /v0/read: a regular file out of the guest. `started` carries size, mode, uid and gid; eof is the last frame.
class ReadExchange final : public FramedExchange {
public:
    explicit ReadExchange(Stream& stream) : FramedExchange(stream) {}

private:
    void on_frame(FrameType type, std::string_view payload) override;
    void on_end(bool clean) override;
    Pulled pull(std::span<char> room) override;

    std::string path_;
    sdk::os::UniqueFd file_;
};

}  // namespace banger::agent
