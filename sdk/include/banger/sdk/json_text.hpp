// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace banger::sdk {

/// The text as a JSON string (RFC 8259, section 7). Bytes from 0x80 on go through as they are.
[[nodiscard]] std::string json_string(std::string_view text);

/// A JSON object, its members in the order in which they are given: what VMMs are told.
class JsonObject {
public:
    JsonObject& text(std::string_view key, std::string_view value) { return json(key, json_string(value)); }
    JsonObject& flag(std::string_view key, bool value) { return json(key, value ? "true" : "false"); }
    JsonObject& number(std::string_view key, std::uint64_t value) { return json(key, std::to_string(value)); }
    /// A value that is JSON already.
    JsonObject& json(std::string_view key, std::string_view value);
    [[nodiscard]] std::string done() const { return "{" + members_ + "}"; }

private:
    std::string members_;
};

}  // namespace banger::sdk
