// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rapidjson/document.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::debian {

/// Reads the members of one JSON object, once each, and keeps the first thing that is wrong with any of them. So a
/// recipe is read straight down, and asked once at the end whether it was right.
class ObjectReader {
public:
    /// `subject` names the object in messages, such as "the recipe". The first error goes to `problem`.
    ObjectReader(const rapidjson::Value& object, std::string subject, std::optional<sdk::Error>& problem);

    using Check = std::function<bool(const std::string&)>;

    std::string text(const char* key, const Check& check, const std::string& otherwise = {});
    std::string required_text(const char* key, const Check& check);
    std::vector<std::string> texts(const char* key, const Check& check, std::vector<std::string> otherwise = {});
    std::uint64_t number(const char* key, std::uint64_t least, std::uint64_t most, std::uint64_t otherwise);
    /// The member as an object; null if it is not there.
    const rapidjson::Value* object(const char* key);
    /// Calls `take` with every (name, value) of a member that is an object whose names satisfy `check`.
    void each(const char* key, const Check& check,
              const std::function<void(const std::string&, const rapidjson::Value&)>& take);

    /// To be called last: a member that nobody asked for is an error that suggests the nearest known one.
    void refuse_others();
    void complain(const std::string& what);  ///< "<subject> <what>"

private:
    const rapidjson::Value* find(const char* key);

    const rapidjson::Value& object_;
    std::string subject_;
    std::optional<sdk::Error>& problem_;
    std::set<std::string> known_;
};

std::string string_of(const rapidjson::Value& value);

/// The object in a JSON text; `invalid`, naming `subject`, if it is none.
sdk::Result<rapidjson::Document> parse_object(const std::string& text, const std::string& subject);

// What words may look like. All of them are also harmless in a command line, a file of apt and a path.
bool is_package_name(const std::string& text);   ///< Debian policy, section 5.6.1
bool is_suite_name(const std::string& text);     ///< also of a component: letters, digits, '-', '.', '_'
bool is_unit_name(const std::string& text);      ///< systemd.unit(5), DESCRIPTION
bool is_absolute_path(const std::string& text);  ///< no "." or ".." or empty part, no control character, not "/"

}  // namespace banger::debian
