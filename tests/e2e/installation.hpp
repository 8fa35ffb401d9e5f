// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "banger/sdk/os/process.hpp"
#include "core/model/json.hpp"

namespace banger::e2e {

/// What one call of the command line gave.
struct Called {
    int status = 0;
    std::string out;
    std::string err;
    std::chrono::milliseconds took{0};
};

struct CallOptions {
    std::string input;
    std::map<std::string, std::string> environment;
    std::chrono::seconds timeout{180};
};

/// A banger of its own: one BANGER_HOME with the shared images linked in, removed with everything it started.
///
/// From the environment: BANGER_TEST_BIN, where banger is; BANGER_TEST_SEED, a BANGER_HOME whose images and kernels were
/// pulled once for all tests; BANGER_TEST_DIR, where homes are made; BANGER_TEST_VMM, BANGER_TEST_STORAGE and
/// BANGER_TEST_NETWORK, the providers that config.toml names: none, "file" and "user" unless set.
class Installation {
public:
    /// `config` goes into config.toml behind the tests' own defaults.
    explicit Installation(const std::string& config = {});
    ~Installation();
    Installation(const Installation&) = delete;
    Installation& operator=(const Installation&) = delete;

    Called banger(const std::vector<std::string>& arguments, const CallOptions& options = {}) const;
    /// The same, given as a command of its own to start or wrap.
    [[nodiscard]] sdk::os::Command command(const std::vector<std::string>& arguments) const;

    /// Results of -o json.
    json::Document json(const std::vector<std::string>& arguments) const;

    [[nodiscard]] const std::string& home() const { return home_; }
    [[nodiscard]] std::string vms() const { return home_ + "/state/vms"; }
    /// The daemon's pid; 0 if none runs. Does not start one.
    [[nodiscard]] pid_t daemon_pid() const;
    /// SIGKILL, and waits until it is gone.
    void kill_daemon() const;
    void stop_daemon() const;
    /// All processes whose arguments carry this installation's id or home.
    [[nodiscard]] std::vector<std::string> processes() const;
    [[nodiscard]] std::string instance() const;

private:
    std::string home_;
};

/// The value of one key of a VM, as `vm show -o json` has it; empty if there is no such VM.
std::string shown(const Installation& host, const std::string& vm, const std::string& key);
std::uint64_t pid_of(const Installation& host, const std::string& vm);

/// The VMM that these tests run on: BANGER_TEST_VMM, or QEMU, which a machine gets where nothing else is made ready.
std::string usual_vmm();

/// How much of a long test is done: all (1), or every n-th part of it. From BANGER_TEST_SAMPLE, which run-as sets for the
/// second account that the tests run as.
int sample_every();

/// EXPECTs that audit finds nothing.
void expect_clean(const Installation& host);

/// Waits, by inotify, until a file holds `text` behind its first `from` bytes. False after the time.
bool wait_for_text(const std::string& file, const std::string& text, std::chrono::seconds timeout, std::size_t from = 0);

}  // namespace banger::e2e
