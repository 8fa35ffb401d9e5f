// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Any bytes may come over the socket: every line is a message or an error, the reader gets behind it, and what was read
// can be answered.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "banger/sdk/os/file.hpp"
#include "core/rpc/message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace banger;
    constexpr std::size_t most_that_a_socket_holds = 64U << 10U;
    const std::string bytes(reinterpret_cast<const char*>(data), std::min(size, most_that_a_socket_holds));
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        std::abort();
    const sdk::os::UniqueFd reading(ends[0]);
    sdk::os::UniqueFd writing(ends[1]);
    if (!sdk::os::write_all(writing.get(), bytes))
        std::abort();
    writing.reset();
    rpc::MessageReader reader;
    std::size_t lines = 0;
    for (auto status = reader.receive(reading.get()); status && *status == rpc::MessageReader::Status::got_some;
         status = reader.receive(reading.get())) {
        for (;;) {
            auto message = reader.next();
            if (message && !*message)
                break;
            ++lines;
            const json::Value* id = message ? json::find((*message)->body, "id") : nullptr;
            const auto answer = rpc::encode_error(id != nullptr ? json::to_text(*id) : "null",
                                                  message ? sdk::Error{} : message.error());
            if (answer.empty() || answer.find('\n') != answer.size() - 1)
                std::abort();
        }
    }
    if (lines != static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\n')))
        std::abort();
    return 0;
}

#include "corpus_main.hpp"
