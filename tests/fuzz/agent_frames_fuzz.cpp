// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Any bytes may come over a channel: cut into frames and searched for preambles in pieces of any size, they give the
// same frames and the same answer as in one piece; and any payload may come as a message.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "guest/protocol/configure_messages.hpp"
#include "guest/protocol/exec_messages.hpp"
#include "guest/protocol/frames.hpp"
#include "guest/protocol/json.hpp"
#include "guest/protocol/listener_messages.hpp"
#include "guest/protocol/preamble.hpp"
#include "guest/protocol/session_messages.hpp"

namespace {

using namespace banger::agent;

struct Read {
    std::vector<std::pair<FrameType, std::string>> frames;
    bool corrupt = false;
    bool operator==(const Read&) const = default;
};

Read read_frames(std::string_view bytes, std::size_t step)
{
    Read read;
    FrameReader reader;
    for (std::size_t at = 0; at < bytes.size() && !read.corrupt; at += step)
        read.corrupt = !reader.feed(bytes.substr(at, step), [&](FrameType type, std::string_view payload) {
            read.frames.emplace_back(type, payload);
            return true;
        });
    return read;
}

std::string last_nonce(std::string_view bytes, std::size_t step)
{
    PreambleScanner scanner(Token{});
    std::string nonce;
    for (std::size_t at = 0; at < bytes.size(); at += step)
        if (const auto hit = scanner.feed(bytes.substr(at, step))) {
            if (hit->end > bytes.substr(at, step).size() || hit->nonce.size() != nonce_size)
                std::abort();
            nonce = hit->nonce;
        }
    return nonce;
}

void parse_as_every_message(const std::string& payload)
{
    if (const auto spec = exec_spec_from_json(payload); spec && !exec_spec_from_json(to_json(*spec)))
        std::abort();
    if (const auto spec = file_spec_from_json(payload); spec && !file_spec_from_json(to_json(*spec)))
        std::abort();
    if (const auto spec = entry_spec_from_json(payload); spec && !entry_spec_from_json(to_json(*spec)))
        std::abort();
    if (const auto spec = configuration_from_json(payload); spec && !configuration_from_json(to_json(*spec)))
        std::abort();
    if (const auto status = exit_status_from_json(payload); status && !exit_status_from_json(to_json(*status)))
        std::abort();
    if (const auto spec = session_spec_from_json(payload); spec && !session_spec_from_json(to_json(*spec)))
        std::abort();
    if (const auto facts = session_facts_from_json(payload); facts && !session_facts_from_json(to_json(*facts)))
        std::abort();
    if (const auto spec = attach_spec_from_json(payload); spec && !attach_spec_from_json(to_json(*spec)))
        std::abort();
    (void)sessions_from_json(payload);
    (void)session_end_from_json(payload);
    (void)session_order_from_json(payload);
    (void)gap_of(payload);
    (void)connect_spec_from_json(payload);
    (void)listen_spec_from_json(payload);
    (void)listening_from_json(payload);
    (void)accepted_from_json(payload);
    (void)listeners_spec_from_json(payload);
    (void)listeners_change_from_json(payload);
    (void)guest_facts_from_json(payload);
    (void)signal_number(payload);
    (void)window_size_of(payload);
    if (error_from_json(payload).message.empty())
        std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string bytes(reinterpret_cast<const char*>(data), size);
    const auto whole = read_frames(bytes, bytes.size() + 1);
    const auto nonce = last_nonce(bytes, 1);
    for (const std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{64}})
        if (!(read_frames(bytes, step) == whole) || last_nonce(bytes, step) != nonce)
            std::abort();
    parse_as_every_message(bytes);
    for (const auto& [type, payload] : whole.frames)
        parse_as_every_message(payload);
    return 0;
}

#include "corpus_main.hpp"
