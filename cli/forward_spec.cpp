// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/forward_spec.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "cli/text.hpp"
#include "guest/protocol/address.hpp"

namespace banger::cli {
namespace {

constexpr const char* hint = "see `banger vm forward --help`";

sdk::Error wrong(const std::string& text, const std::string& why)
{
    return sdk::make_error(sdk::Code::invalid, quoted(text) + " is no forward: " + why, hint);
}

/// At its colons, but those in brackets, which are left out.
std::vector<std::string> split(const std::string& text)
{
    std::vector<std::string> fields(1);
    bool in_brackets = false;
    for (const char c : text) {
        if (c == '[' || c == ']')
            in_brackets = c == '[';
        else if (c == ':' && !in_brackets)
            fields.emplace_back();
        else
            fields.back() += c;
    }
    return fields;
}

bool is_path(const std::string& field)
{
    return field.find('/') != std::string::npos;
}

bool is_number(const std::string& field)
{
    return !field.empty() && field.find_first_not_of("0123456789") == std::string::npos;
}

std::optional<std::uint16_t> port_of(const std::string& field)
{
    std::uint16_t port = 0;
    const auto read = std::from_chars(field.data(), field.data() + field.size(), port);
    if (read.ec != std::errc() || read.ptr != field.data() + field.size())
        return std::nullopt;
    return port;
}

/// How many of the fields say where it listens: a path or a port, or an address and a port.
std::size_t fields_of_listen(const std::vector<std::string>& fields)
{
    const bool bind_and_port = fields.size() == 4 || (fields.size() == 3 && !is_path(fields[0]) && !is_number(fields[0]));
    const bool bind_port_path = fields.size() == 3 && is_number(fields[1]) && is_path(fields[2]);
    return bind_and_port || bind_port_path ? 2 : 1;
}

/// One or two fields.
sdk::Result<ForwardEnd> end_of(const std::string& text, const std::vector<std::string>& fields)
{
    ForwardEnd end;
    if (fields.size() == 1 && is_path(fields[0])) {
        end.path = fields[0];
        return end;
    }
    const auto port = port_of(fields.back());
    if (!port)
        return wrong(text, quoted(fields.back()) + " is no port and no path");
    end.port = *port;
    if (fields.size() == 2)
        end.host = fields.front().empty() ? "*" : fields.front();
    return end;
}

bool is_known_place(const std::string& host)
{
    return host.empty() || host == "localhost" || agent::is_address(host);
}

}  // namespace

std::string ForwardEnd::text() const
{
    if (!path.empty())
        return path;
    const std::string number = std::to_string(port);
    if (host.empty())
        return number;
    return (host.find(':') != std::string::npos ? "[" + host + "]" : host) + ":" + number;
}

sdk::Result<ForwardSpec> parse_forward(ForwardSpec::To to, const std::string& text)
{
    const auto fields = split(text);
    if (fields.size() < 2 || fields.size() > 4)
        return wrong(text, "it says where it listens and where connections go, such as 8080:80");
    const auto middle = fields.begin() + static_cast<std::ptrdiff_t>(fields_of_listen(fields));
    if (fields.end() - middle > 2)
        return wrong(text, "it has too many parts");
    auto listen = end_of(text, {fields.begin(), middle});
    auto target = listen ? end_of(text, {middle, fields.end()}) : std::move(listen).error();
    if (!target)
        return std::move(target).error();
    ForwardSpec spec{to, std::move(*listen), std::move(*target)};
    const bool to_guest = to == ForwardSpec::To::guest;
    if (spec.target.path.empty() && (spec.target.port == 0 || spec.target.host == "*"))
        return wrong(text, "a connection goes to a port from 1 to 65535 of one host");
    if (spec.listen.path.empty() && spec.listen.host != "*" && !is_known_place(spec.listen.host))
        return wrong(text, quoted(spec.listen.host) + " is no IP address to listen on");
    if (to_guest && spec.target.path.empty() && !is_known_place(spec.target.host))
        return wrong(text, quoted(spec.target.host) + " is no IP address, and in the machine nobody is asked for names");
    const std::string& in_guest = to_guest ? spec.target.path : spec.listen.path;
    if (!in_guest.empty() && in_guest.front() != '/')
        return wrong(text, "a path in the machine begins with a slash");
    return spec;
}

}  // namespace banger::cli
