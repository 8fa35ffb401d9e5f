// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "kept_answers.hpp"

namespace banger::dns {
namespace {

constexpr std::size_t id_bytes = 2;
constexpr std::size_t most_kept = 4096;
constexpr std::size_t longest_kept = 512;  // of a question: at most 4 MiB of them and their answers

}  // namespace

std::string_view KeptAnswers::answer(std::string_view packet, Transport transport)
{
    // Read before the zone is: an answer that a change overtakes is dropped with the next question.
    if (const auto serial = zone_.serial(); serial != serial_) {
        for (auto& kept : kept_)
            kept.clear();
        serial_ = serial;
    }
    if (packet.size() <= id_bytes || packet.size() > longest_kept)
        return last_ = dns::answer(zone_, packet, transport);
    auto& kept = kept_[transport == Transport::tcp ? 1 : 0];
    const auto question = packet.substr(id_bytes);
    if (const auto known = kept.find(question); known != kept.end())
        return known->second.replace(0, id_bytes, packet.substr(0, id_bytes));
    auto reply = dns::answer(zone_, packet, transport);
    if (kept.size() >= most_kept)
        kept.clear();
    if (reply.empty())
        return last_ = std::move(reply);
    return kept.emplace(question, std::move(reply)).first->second;
}

}  // namespace banger::dns
