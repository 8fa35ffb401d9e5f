// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/log/log.hpp"

#include <boost/log/core.hpp>
#include <boost/log/expressions.hpp>
#include <boost/log/support/date_time.hpp>
#include <boost/log/trivial.hpp>
#include <boost/log/utility/setup/common_attributes.hpp>
#include <boost/log/utility/setup/console.hpp>
#include <iostream>

namespace banger::log {
namespace {

namespace trivial = boost::log::trivial;

trivial::severity_level severity_of(sdk::LogLevel level)
{
    switch (level) {
    case sdk::LogLevel::debug: return trivial::debug;
    case sdk::LogLevel::info: return trivial::info;
    case sdk::LogLevel::warning: return trivial::warning;
    case sdk::LogLevel::error: return trivial::error;
    }
    return trivial::error;
}

// Control characters would begin lines of their own in a journal, or talk to the terminal of whoever reads it.
std::string without_controls(std::string_view message)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const char character : message) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte >= ' ' && byte != 0x7f) {
            text += character;
            continue;
        }
        text += "\\x";
        text += digits[byte >> 4U];
        text += digits[byte & 15U];
    }
    return text;
}

}  // namespace

void start(sdk::LogLevel least)
{
    namespace expr = boost::log::expressions;
    boost::log::add_common_attributes();
    boost::log::add_console_log(
        std::clog, boost::log::keywords::auto_flush = true,
        boost::log::keywords::format =
            expr::stream << expr::format_date_time<boost::posix_time::ptime>("TimeStamp", "%Y-%m-%d %H:%M:%S.%f") << " "
                         << trivial::severity << " " << expr::smessage);
    boost::log::core::get()->set_filter(trivial::severity >= severity_of(least));
}

void write(sdk::LogLevel level, std::string_view message)
{
    BOOST_LOG_STREAM_WITH_PARAMS(trivial::logger::get(), (boost::log::keywords::severity = severity_of(level)))
        << without_controls(message);
}

}  // namespace banger::log
