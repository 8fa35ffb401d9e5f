// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rapidjson/document.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::plugin_json {

/// Reads the members of one JSON object, once each, and keeps the first thing that is wrong with any of them. So an
/// object is read straight down, and asked once at the end whether it was right.
class ObjectReader {
public:
    /// `subject` names the object in messages, such as "the recipe". The first error goes to `problem`.
    ObjectReader(const rapidjson::Value& object, std::string subject, std::optional<sdk::Error>& problem);

    using Check = std::function<bool(const std::string&)>;

    std::string text(const char* key, const Check& check, const std::string& otherwise = {});
    std::string required_text(const char* key, const Check& check);
    std::vector<std::string> texts(const char* key, const Check& check, std::vector<std::string> otherwise = {});
    bool flag(const char* key, bool otherwise);
    std::uint64_t number(const char* key, std::uint64_t least, std::uint64_t most, std::uint64_t otherwise);
    /// The member as an object; null if it is not there.
    const rapidjson::Value* object(const char* key);
    /// Calls `take` with every (name, value) of a member that is an object whose names satisfy `check`.
    void each(const char* key, const Check& check,
              const std::function<void(const std::string&, const rapidjson::Value&)>& take);

    /// Calls `take` with a reader of each object in a list; what it leaves unread is refused.
    void objects(const char* key, const std::function<void(ObjectReader&)>& take);

    /// To be called last: a member that nobody asked for is an error that suggests the nearest known one.
    void refuse_others();
    void complain(const std::string& what);  ///< "<subject> <what>"
    void complain(sdk::Error error);

private:
    const rapidjson::Value* find(const char* key);

    const rapidjson::Value& object_;
    std::string subject_;
    std::optional<sdk::Error>& problem_;
    std::set<std::string> known_;
};

std::string string_of(const rapidjson::Value& value);

/// The object in a JSON text; `invalid`, naming `subject`, if it is none.
sdk::Result<rapidjson::Document> parse_object(std::string_view text, const std::string& subject);

/// Reads a plugin's section of the configuration, which core has validated against its schema: `read` takes each key that
/// there is. `invalid`, naming the plugin, for text that is no object, for what `read` complains of, and for other keys.
sdk::Result<void> read_section(std::string_view text, const std::string& plugin,
                               const std::function<void(ObjectReader&)>& read);

// For ObjectReader::text.
bool is_not_empty(const std::string& text);
bool is_any(const std::string& text);

}  // namespace banger::plugin_json
