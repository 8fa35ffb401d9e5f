// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cow_note.hpp"

#include <unistd.h>

#include <array>
#include <charconv>
#include <optional>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/plain_file.hpp"
#include "file_id.hpp"
#include "table.hpp"

namespace banger::dm {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

constexpr std::string_view first_line = "banger-dm 1\n";
constexpr std::size_t longest_note = 8192;
constexpr std::uint64_t most_bytes = 1ULL << 48U;  // 256 TiB: what is reckoned from it does not overflow

// The value of the line that begins with this word, which is taken from the text.
std::optional<std::string> take(std::string_view& text, std::string_view word)
{
    if (!text.starts_with(word) || text.size() <= word.size() || text[word.size()] != ' ')
        return std::nullopt;
    const auto end = text.find('\n');
    if (end == std::string_view::npos)
        return std::nullopt;
    std::string value(text.substr(word.size() + 1, end - word.size() - 1));
    text.remove_prefix(end + 1);
    return value;
}

std::optional<std::uint64_t> number_in(const std::optional<std::string>& text)
{
    std::uint64_t number = 0;
    if (!text)
        return std::nullopt;
    const auto read = std::from_chars(text->data(), text->data() + text->size(), number);
    if (read.ec != std::errc() || read.ptr != text->data() + text->size())
        return std::nullopt;
    return number;
}

}  // namespace

bool CowNote::operator==(const CowNote& other) const
{
    return note_text(*this) == note_text(other);
}

std::string note_path(const std::string& cow)
{
    return cow + ".note";
}

std::string note_text(const CowNote& note)
{
    return std::string(first_line) + "id " + note.id + "\nbytes " + std::to_string(note.bytes) + "\nlayer-mark " +
           note.layer_mark + "\nlayer-bytes " + std::to_string(note.layer.bytes) + "\nlayer-format " +
           note.layer.format + "\nlayer " + note.layer.path;
}

Result<CowNote> parse_note(std::string_view text)
{
    const auto wrong = make_error(Code::corrupt, "it is no note of a disk of storage 'dm'");
    if (!text.starts_with(first_line))
        return wrong;
    text.remove_prefix(first_line.size());
    const auto id = take(text, "id");
    const auto bytes = number_in(take(text, "bytes"));
    const auto mark = take(text, "layer-mark");
    const auto layer_bytes = number_in(take(text, "layer-bytes"));
    const auto format = take(text, "layer-format");
    constexpr std::string_view path = "layer /";
    if (!id || id->empty() || !bytes || !mark || !layer_bytes || !format || !text.starts_with(path))
        return wrong;
    if (*bytes > most_bytes || *layer_bytes > most_bytes || *bytes % sector_bytes != 0)
        return make_error(Code::corrupt, "no disk of storage 'dm' can be that long");
    return CowNote{*id, *bytes, *mark, {std::string(text.substr(path.size() - 1)), *layer_bytes, *format}};
}

Result<CowNote> read_note(const std::string& cow)
{
    const auto text = os::read_plain_file(note_path(cow), longest_note);
    if (!text)
        return text.error();
    auto note = parse_note(*text);
    if (!note)
        return std::move(note).error().while_doing("read " + note_path(cow));
    return note;
}

Result<void> write_note(const std::string& cow, const CowNote& note)
{
    return os::write_file_atomic(note_path(cow), note_text(note));
}

Result<std::string> mark_of(const sdk::Layer& layer)
{
    if (layer.format == cow_format) {
        auto note = read_note(layer.path);
        if (!note)
            return std::move(note).error();
        return note->id;
    }
    auto facts = facts_of(layer.path);
    if (!facts)
        return std::move(facts).error();
    return std::to_string(facts->modified);
}

Result<std::string> draw_id()
{
    std::array<unsigned char, 16> bytes{};
    if (::getentropy(bytes.data(), bytes.size()) != 0)
        return sdk::os_error("draw a random name");
    std::string text;
    for (const unsigned char byte : bytes) {
        text += "0123456789abcdef"[byte >> 4U];
        text += "0123456789abcdef"[byte & 15U];
    }
    return text;
}

}  // namespace banger::dm
