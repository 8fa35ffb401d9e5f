// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "banger/sdk/os/fd.hpp"

namespace banger::cli::testing {

/// How a program ended, and what it wrote.
struct Ended {
    int status = -1;  ///< exit status; -1 if a signal killed it
    int signal = 0;
    std::string out;
    std::string err;
};

/// The real program, with pipes or a terminal of our own on its standard streams.
class CliProcess {
public:
    enum class Streams {
        pipes,           ///< three pipes
        terminal,        ///< input and output are a terminal, standard error is a pipe
        all_terminal,    ///< all three are a terminal
        error_terminal,  ///< only standard error is a terminal
    };

    CliProcess(const std::vector<std::string>& words, const std::map<std::string, std::string>& environment,
               Streams streams = Streams::pipes, unsigned short columns = 80);
    ~CliProcess();
    CliProcess(const CliProcess&) = delete;
    CliProcess& operator=(const CliProcess&) = delete;

    void write(const std::string& bytes);
    void close_input() { input_.reset(); }
    void close_output() { output_.reset(); }
    void kill(int signal) const;
    void resize(unsigned short columns, unsigned short rows) const;
    /// Reads output (or the terminal) until it holds `text`; fails the test if it does not come in time.
    void expect(const std::string& text);
    void expect_error(const std::string& text);
    /// Whether the terminal edits lines and echoes, as it does when nobody made it raw.
    [[nodiscard]] bool terminal_is_ordinary() const;
    /// Reads everything and waits.
    Ended wait();

    [[nodiscard]] const std::string& out() const { return out_; }
    [[nodiscard]] pid_t pid() const { return pid_; }

private:
    bool read_some(bool& out_open, bool& err_open);
    void expect_in(const std::string& text, const std::string& place);

    pid_t pid_ = -1;
    sdk::os::UniqueFd input_;
    sdk::os::UniqueFd output_;
    sdk::os::UniqueFd error_;
    sdk::os::UniqueFd terminal_;
    std::string out_;
    std::string err_;
    bool out_open_ = true;
    bool err_open_ = true;
};

/// A state directory of its own, and the fake daemon to start on first use.
class CliTest : public ::testing::Test {
protected:
    CliTest();
    ~CliTest() override;

    Ended banger(const std::vector<std::string>& words, const std::string& input = {});
    /// The methods that the daemon was called with, and their parameters, without daemon.status.
    [[nodiscard]] std::vector<std::string> calls() const;

    std::string home_;
    std::map<std::string, std::string> environment_;
};

}  // namespace banger::cli::testing
