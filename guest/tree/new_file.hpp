// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::tree {

/// A file that nobody sees before it is complete: it has no name (open(2), O_TMPFILE), so that nothing of it stays
/// whatever ends us. Where the file system has none such it is called ".banger-" and a number until then, and a signal in
/// between leaves that. Threads: one.
class NewFile {
public:
    /// `directory` is where it gets its name, and outlives this. Mode 0600. Errors: those of open(2).
    static sdk::Result<NewFile> make(int directory);
    NewFile(NewFile&& other) noexcept;
    NewFile& operator=(NewFile&&) = delete;
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    ~NewFile();

    /// Open for writing.
    [[nodiscard]] int descriptor() const { return file_.get(); }

    /// Gives it its name in the directory, once. Errors: exists, after which another one may be tried.
    sdk::Result<void> publish(const std::string& name);

private:
    explicit NewFile(int directory) : directory_(directory) {}

    int directory_;
    sdk::os::UniqueFd file_;
    std::string temporary_;  ///< its name, if it has one
};

/// A name that nobody has, for what is renamed a moment later.
[[nodiscard]] std::string temporary_name();

/// While it lives, the signals that ask this thread to stop wait: a step of several calls to the system is made as a whole.
class HeldSignals {
public:
    HeldSignals();
    ~HeldSignals();
    HeldSignals(const HeldSignals&) = delete;
    HeldSignals& operator=(const HeldSignals&) = delete;

private:
    sigset_t before_;
};

}  // namespace banger::tree
