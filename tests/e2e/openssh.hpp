// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tests/e2e/installation.hpp"

namespace banger::e2e {

/// OpenSSH and what stands on it, used with a machine as a person does.
class Openssh {
public:
    struct Way {
        std::string host;                  ///< what the machine is called
        std::vector<std::string> options;  ///< of ssh, scp and sftp, to come there
        std::vector<std::string> prefix;   ///< in front of every command
    };
    /// The machine's guest gets this host's rsync, if its image has none.
    Openssh(const Installation& installation, std::string vm, Way way);

    /// Until its server, which may still be coming up, lets us in. False if it does not.
    [[nodiscard]] bool wait() const;
    [[nodiscard]] sdk::os::Output ssh(const std::vector<std::string>& words) const;
    /// A command, files by scp, sftp and rsync, and a clone; of a sample (sample_every) only the first two.
    void expect_all_to_work() const;

private:
    [[nodiscard]] std::vector<std::string> with_options(std::vector<std::string> words) const;
    [[nodiscard]] sdk::os::Output run(std::vector<std::string> words) const;
    void expect_done(const std::vector<std::string>& words) const;

    const Installation& installation_;
    std::string vm_;
    Way way_;
};

/// Whether `vm ssh` gets in, once the machine's server, which may still be coming up, is there.
[[nodiscard]] bool gets_in_by_ssh(const Installation& installation, const std::string& vm);

}  // namespace banger::e2e
