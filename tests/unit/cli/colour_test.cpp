// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Colour for people's eyes only: on a terminal that knows it, never where NO_COLOR (https://no-color.org) says no, and
// never in what a program reads.
#include <gmock/gmock.h>

#include "cli_process.hpp"

namespace banger::cli::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Streams = CliProcess::Streams;

constexpr const char* red_error = "\x1b[1;31merror:\x1b[0m";

struct Colour {
    const char* name;
    std::map<std::string, std::string> environment;
    Streams streams;
    bool wanted;
};

class ColourTest : public CliTest, public ::testing::WithParamInterface<Colour> {
protected:
    void SetUp() override
    {
        for (const auto& [name, value] : GetParam().environment)
            environment_[name] = value;
    }
    // Both streams: which of them is the terminal is the parameter's.
    std::string shown(const std::vector<std::string>& words)
    {
        CliProcess process(words, environment_, GetParam().streams);
        const auto ended = process.wait();
        return ended.out + ended.err;
    }
};

TEST_P(ColourTest, OfErrors)
{
    const auto text = shown({"vm", "crate"});
    EXPECT_THAT(text, HasSubstr("there is no command"));
    if (GetParam().wanted)
        EXPECT_THAT(text, HasSubstr(red_error));
    else
        EXPECT_THAT(text, Not(HasSubstr("\x1b[")));
}

INSTANTIATE_TEST_SUITE_P(Streams, ColourTest,
                         ::testing::Values(Colour{"terminal", {}, Streams::all_terminal, true},
                                           Colour{"only_errors", {}, Streams::error_terminal, true},
                                           Colour{"empty_is_unset", {{"NO_COLOR", ""}}, Streams::all_terminal, true},
                                           Colour{"no_color", {{"NO_COLOR", "1"}}, Streams::all_terminal, false},
                                           Colour{"dumb", {{"TERM", "dumb"}}, Streams::all_terminal, false},
                                           Colour{"errors_in_a_pipe", {}, Streams::terminal, false},
                                           Colour{"pipes", {}, Streams::pipes, false}),
                         [](const ::testing::TestParamInfo<Colour>& one) { return one.param.name; });

class ColourOfResults : public CliTest {
protected:
    std::string doctor(Streams streams)
    {
        CliProcess process({"doctor"}, environment_, streams);
        return process.wait().out;
    }
};

TEST_F(ColourOfResults, FollowsStandardOutputAndNoColor)
{
    EXPECT_THAT(doctor(Streams::all_terminal), HasSubstr("\x1b[32mok\x1b[0m"));
    const auto piped = doctor(Streams::error_terminal);
    EXPECT_THAT(piped, HasSubstr("ok"));
    EXPECT_THAT(piped, Not(HasSubstr("\x1b")));
    environment_["NO_COLOR"] = "1";
    EXPECT_THAT(doctor(Streams::all_terminal), Not(HasSubstr("\x1b[32m")));
}

}  // namespace
}  // namespace banger::cli::testing
