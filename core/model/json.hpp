// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#define RAPIDJSON_HAS_STDSTRING 1
#include <rapidjson/document.h>

#include "banger/sdk/result.hpp"

/// A thin layer over RapidJSON: building without an allocator in every line, and reading with errors that name the key.
/// Strings are bytes: they pass through unchanged, also where they are not UTF-8 (arguments of a command may be).
namespace banger::json {

using Value = rapidjson::Value;
using Document = rapidjson::Document;

/// `corrupt` with line-free position if it is no JSON; `what` names the text.
sdk::Result<Document> parse(std::string_view text, const std::string& what);

/// Parses an object; anything else is `invalid`.
sdk::Result<Document> parse_object(std::string_view text, const std::string& what);

std::string to_text(const Value& value);    ///< one line
std::string to_pretty(const Value& value);  ///< two spaces of indentation, a newline at the end

class Array;

/// An object under construction.
class Object {
public:
    Object() { document_.SetObject(); }

    Object& set(std::string_view key, std::string_view value);
    Object& set(std::string_view key, const std::string& value) { return set(key, std::string_view(value)); }
    Object& set(std::string_view key, const char* value) { return set(key, std::string_view(value)); }
    Object& set(std::string_view key, bool value);
    Object& set(std::string_view key, std::int64_t value);
    Object& set(std::string_view key, std::uint64_t value);
    Object& set(std::string_view key, int value) { return set(key, static_cast<std::int64_t>(value)); }
    Object& set(std::string_view key, unsigned value) { return set(key, static_cast<std::uint64_t>(value)); }
    Object& set(std::string_view key, double value);
    Object& set(std::string_view key, const std::vector<std::string>& value);
    Object& set(std::string_view key, const std::map<std::string, std::string>& value);
    Object& set(std::string_view key, const Value& value);
    Object& set(std::string_view key, const Object& value) { return set(key, value.value()); }
    Object& set(std::string_view key, const Array& value);
    Object& set_null(std::string_view key);
    /// Every member of an object.
    Object& set_all(const Value& object);

    [[nodiscard]] const Value& value() const { return document_; }
    [[nodiscard]] std::string text() const { return to_text(document_); }
    Document take() && { return std::move(document_); }

private:
    void add(std::string_view key, Value value);
    Document document_;
};

/// An array under construction.
class Array {
public:
    Array() { document_.SetArray(); }
    Array& add(const Value& value);
    Array& add(const Object& object) { return add(object.value()); }
    Array& add(std::string_view text);
    [[nodiscard]] const Value& value() const { return document_; }
    [[nodiscard]] std::string text() const { return to_text(document_); }

private:
    Document document_;
};

/// The member, or nullptr. Also nullptr if `object` is no object.
const Value* find(const Value& object, std::string_view key);

/// The member as that type; nothing if it is missing or of another type.
std::optional<std::string> find_string(const Value& object, std::string_view key);
std::optional<std::int64_t> find_int(const Value& object, std::string_view key);
std::optional<std::uint64_t> find_uint(const Value& object, std::string_view key);
std::optional<bool> find_bool(const Value& object, std::string_view key);
std::vector<std::string> find_strings(const Value& object, std::string_view key);
std::map<std::string, std::string> find_fields(const Value& object, std::string_view key);

std::string string_or(const Value& object, std::string_view key, std::string_view otherwise = {});
std::uint64_t uint_or(const Value& object, std::string_view key, std::uint64_t otherwise = 0);
bool bool_or(const Value& object, std::string_view key, bool otherwise = false);

/// The member, or `invalid` naming the key and `what` it is missing from.
sdk::Result<std::string> require_string(const Value& object, std::string_view key, const std::string& what);
sdk::Result<std::uint64_t> require_uint(const Value& object, std::string_view key, const std::string& what);

/// Errors as JSON: {"code","message","hint","during"}.
Object from_error(const sdk::Error& error);
sdk::Error to_error(const Value& value);

}  // namespace banger::json
