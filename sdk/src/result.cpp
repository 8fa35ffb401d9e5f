// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/result.hpp"

#include <array>

namespace banger::sdk {
namespace {

constexpr std::array<std::pair<Code, std::string_view>, 14> names{{
    {Code::internal, "internal"},
    {Code::invalid, "invalid"},
    {Code::not_found, "not-found"},
    {Code::exists, "exists"},
    {Code::busy, "busy"},
    {Code::precondition, "precondition"},
    {Code::unsupported, "unsupported"},
    {Code::permission, "permission"},
    {Code::no_space, "no-space"},
    {Code::unavailable, "unavailable"},
    {Code::timed_out, "timed-out"},
    {Code::cancelled, "cancelled"},
    {Code::corrupt, "corrupt"},
    {Code::plugin, "plugin"},
}};

Code code_of(int error_number)
{
    switch (error_number) {
    case EACCES:
    case EPERM:
    case EROFS: return Code::permission;
    case ENOENT:
    case ENOTDIR:
    case ESRCH: return Code::not_found;
    case EEXIST: return Code::exists;
    case EBUSY:
    case EADDRINUSE:
    case EAGAIN: return Code::busy;
    case ENOSPC:
    case EDQUOT: return Code::no_space;
    case ETIMEDOUT: return Code::timed_out;
    case ECONNREFUSED:
    case ENETUNREACH:
    case EHOSTUNREACH: return Code::unavailable;
    case EOPNOTSUPP:
    case ENOSYS: return Code::unsupported;
    case EINVAL:
    case ENAMETOOLONG: return Code::invalid;
    default: return Code::internal;
    }
}

}  // namespace

std::string_view to_string(Code code)
{
    for (const auto& [value, name] : names)
        if (value == code)
            return name;
    return "internal";
}

std::optional<Code> code_from_string(std::string_view text)
{
    for (const auto& [value, name] : names)
        if (name == text)
            return value;
    return std::nullopt;
}

Error os_error(std::string_view what, int error_number)
{
    std::array<char, 128> buffer{};
    const char* reason = strerror_r(error_number, buffer.data(), buffer.size());
    return make_error(code_of(error_number), "cannot " + std::string(what) + ": " + reason);
}

}  // namespace banger::sdk
