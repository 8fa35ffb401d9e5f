// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "banger/sdk/host.hpp"
#include "banger/sdk/kvm_trial.hpp"
#include "command_line.hpp"
#include "config.hpp"

namespace banger::qemu {

/// The QEMU of this host, and what it can run guests on.
struct Installation {
    std::string program;  ///< absolute path
    std::string version;  ///< "7.2.22"
    Accelerator accelerator = Accelerator::tcg;
    std::string reason;  ///< one sentence: why this accelerator
};

/// Has QEMU run the SDK's trial kernel. `directory` receives its image.
sdk::Result<sdk::Trial> try_guest(const std::string& program, Accelerator accelerator, const std::string& directory,
                                  sdk::Call& call);

/// Finds QEMU and picks the accelerator.
///
/// KVM is used only if the processor has the extension, the device opens, and a tiny guest of our own has run on it to its
/// end within a bounded time (sdk/kvm_trial.hpp). That result is kept in the host's cache directory for as long as the host
/// does not reboot and QEMU stays the same file; a guest that was only too slow is tried again by the next daemon.
/// Threads: any number; one looks, the others wait for it.
class AcceleratorProbe {
public:
    AcceleratorProbe(sdk::Host& host, Config config) : host_(host), config_(std::move(config)) {}

    /// `not_found` if there is no QEMU, `unsupported` if it is too old, or KVM is demanded and cannot be used.
    sdk::Result<Installation> look(sdk::Call& call);

private:
    /// What is worth keeping between daemons.
    struct Known {
        std::string identity;  ///< of the QEMU and the host's boot that it was measured with
        std::string version;
        std::optional<std::string> guest;  ///< how the guest on KVM fared: empty text: it ran; else what went wrong
    };

    [[nodiscard]] std::string cache_path() const;
    [[nodiscard]] Known load(const std::string& identity) const;
    void save(const Known& known);

    sdk::Host& host_;
    Config config_;
    std::mutex mutex_;
    std::optional<Installation> found_;
    std::string found_for_;  // the identity that found_ was made with
};

}  // namespace banger::qemu
