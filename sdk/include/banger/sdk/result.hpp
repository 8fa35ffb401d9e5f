// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace banger::sdk {

/// The small vocabulary of failures, shared by plugins, RPC and exit codes. Nobody parses messages.
enum class Code {
    internal,        ///< a defect in banger or in a plugin
    invalid,         ///< the request or a setting is wrong; nothing was tried
    not_found,       ///< the named thing does not exist
    exists,          ///< the name is taken
    busy,            ///< somebody else holds the thing now; trying later can help
    precondition,    ///< the thing is in the wrong state for this request
    unsupported,     ///< this host or combination of providers cannot do it
    permission,      ///< the operating system refused
    no_space,        ///< a disk or a quota is full
    unavailable,     ///< something outside (mirror, daemon, tool) does not answer
    timed_out,       ///< a bounded wait ended
    cancelled,       ///< the caller went away or asked to stop
    corrupt,         ///< stored data cannot be trusted
    plugin,          ///< a plugin does not load, hangs or throws
};

[[nodiscard]] std::string_view to_string(Code code);
[[nodiscard]] std::optional<Code> code_from_string(std::string_view text);

/// A failure as a person will read it.
struct Error {
    Code code = Code::internal;
    std::string message;              ///< one sentence that names the subject; no final full stop
    std::string hint;                 ///< what to do about it; may be empty
    std::vector<std::string> during;  ///< what was being done, innermost first; added on the way up

    /// The same error with one more line of context.
    [[nodiscard]] Error while_doing(std::string what) &&
    {
        during.push_back(std::move(what));
        return std::move(*this);
    }
    [[nodiscard]] Error with_hint(std::string text) &&
    {
        if (hint.empty())
            hint = std::move(text);
        return std::move(*this);
    }
};

/// errno, turned into an error once, where the call was made. `what` reads like "open /dev/kvm".
[[nodiscard]] Error os_error(std::string_view what, int error_number = errno);

/// A value or an Error. Like std::expected, which not every compiler that lints this has.
template <typename T>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}           // NOLINT(google-explicit-constructor)
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}       // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const { return state_.index() == 0; }
    explicit operator bool() const { return has_value(); }

    T& operator*() & { return std::get<0>(state_); }
    const T& operator*() const& { return std::get<0>(state_); }
    T&& operator*() && { return std::get<0>(std::move(state_)); }
    T* operator->() { return &std::get<0>(state_); }
    const T* operator->() const { return &std::get<0>(state_); }

    [[nodiscard]] T value_or(T other) const& { return has_value() ? std::get<0>(state_) : std::move(other); }

    Error& error() & { return std::get<1>(state_); }
    const Error& error() const& { return std::get<1>(state_); }
    Error&& error() && { return std::get<1>(std::move(state_)); }

private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const { return !error_; }
    explicit operator bool() const { return has_value(); }

    Error& error() & { return *error_; }
    const Error& error() const& { return *error_; }
    Error&& error() && { return std::move(*error_); }

private:
    std::optional<Error> error_;
};

[[nodiscard]] inline Error make_error(Code code, std::string message, std::string hint = {})
{
    return Error{code, std::move(message), std::move(hint), {}};
}

}  // namespace banger::sdk
