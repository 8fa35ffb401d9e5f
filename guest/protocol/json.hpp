// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::agent {

/// Parses a JSON object that came from outside. Strings keep bytes that are not UTF-8 as they are, because arguments
/// and file names may hold any. Errors: invalid; `subject` names the text ("the exec spec").
[[nodiscard]] sdk::Result<rapidjson::Document> parse_object(std::string_view text, std::string_view subject);

/// Reads members of an object; remembers the first one that has the wrong type.
class Fields {
public:
    explicit Fields(const rapidjson::Value& object, std::string subject) : object_(object), subject_(std::move(subject))
    {
    }

    std::string text(const char* key);
    std::int64_t number(const char* key, std::int64_t fallback = 0);
    bool flag(const char* key, bool fallback = false);
    std::vector<std::string> texts(const char* key);
    /// The member as an array or object; nothing when it is absent.
    const rapidjson::Value* array(const char* key);
    const rapidjson::Value* object(const char* key);

    /// Notes a complaint of the caller's own.
    void refuse(const char* key, std::string_view what);
    /// Errors: invalid, for the first member that was not as expected.
    [[nodiscard]] sdk::Result<void> verdict() const;

private:
    const rapidjson::Value* find(const char* key) const;

    const rapidjson::Value& object_;
    std::string subject_;
    std::optional<sdk::Error> error_;
};

/// Builds one JSON text. A thin cover over RapidJSON's writer that takes standard strings and any bytes.
class JsonText {
public:
    JsonText() : writer_(buffer_) {}

    JsonText& begin_object() { return writer_.StartObject(), *this; }
    JsonText& end_object() { return writer_.EndObject(), *this; }
    JsonText& begin_array() { return writer_.StartArray(), *this; }
    JsonText& end_array() { return writer_.EndArray(), *this; }
    JsonText& key(std::string_view name) { return writer_.Key(name.data(), length(name)), *this; }
    JsonText& value(std::string_view text) { return writer_.String(text.data(), length(text)), *this; }
    JsonText& value(const char* text) { return value(std::string_view(text)); }
    JsonText& value(bool flag) { return writer_.Bool(flag), *this; }
    JsonText& value(double number) { return writer_.Double(number), *this; }
    JsonText& value(int number) { return writer_.Int(number), *this; }
    JsonText& value(std::int64_t number) { return writer_.Int64(number), *this; }
    JsonText& value(std::uint64_t number) { return writer_.Uint64(number), *this; }
    template <typename T>
    JsonText& member(std::string_view name, const T& content)
    {
        key(name);
        return value(content);
    }
    JsonText& member(std::string_view name, const std::vector<std::string>& texts);

    [[nodiscard]] std::string str() const { return {buffer_.GetString(), buffer_.GetSize()}; }

private:
    static rapidjson::SizeType length(std::string_view text) { return static_cast<rapidjson::SizeType>(text.size()); }

    rapidjson::StringBuffer buffer_;
    rapidjson::Writer<rapidjson::StringBuffer> writer_;
};

/// {"code","message","hint","during"}: an error as it travels. Reading one back never fails: text that is not such an
/// object becomes an internal error that quotes it.
[[nodiscard]] std::string error_to_json(const sdk::Error& error);
[[nodiscard]] sdk::Error error_from_json(std::string_view text);

}  // namespace banger::agent
