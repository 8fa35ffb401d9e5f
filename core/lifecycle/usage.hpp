// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "core/base/synchronized.hpp"

namespace banger::lifecycle {

/// When each VM was last used: by an operation, or by a stream into it, which uses it for as long as it is open.
///
/// Kept in the VM's directory as well, in a file of which the time counts (`last-use`), so that the next daemon goes on
/// counting; it says "open" while streams are, and whoever finds that after a crash counts from then on. It is not
/// synced: nothing runs any more after what would lose it.
/// Threads: any.
class Usage {
public:
    /// Time on the host's clock that does not jump, for how long ago something was.
    using Clock = std::chrono::steady_clock;

    explicit Usage(std::string vms_directory, std::function<Clock::time_point()> now = Clock::now)
        : vms_directory_(std::move(vms_directory)), now_(std::move(now))
    {
    }

    /// It is used at this moment.
    void used(const std::string& vm);
    /// A stream into it was opened, or ended.
    void opened(const std::string& vm);
    void closed(const std::string& vm);
    /// It is gone.
    void forget(const std::string& vm);

    /// How long nobody has used it; nothing while a stream is open.
    [[nodiscard]] std::optional<std::chrono::milliseconds> idle(const std::string& vm);
    /// Unix seconds; 0 if it never was.
    [[nodiscard]] std::int64_t last_used(const std::string& vm);

    /// Told, on whatever thread, when the last stream into a VM has ended. Set before anybody uses this.
    std::function<void(const std::string& vm)> on_quiet;

private:
    struct Use {
        Clock::time_point last;
        std::int64_t last_unix = 0;
        std::size_t streams = 0;
    };
    using Uses = std::map<std::string, Use>;

    Use& known(Uses& uses, const std::string& vm) const;
    void note(const std::string& vm, bool open) const;
    [[nodiscard]] std::string path_of(const std::string& vm) const { return vms_directory_ + "/" + vm + "/last-use"; }

    std::string vms_directory_;
    std::function<Clock::time_point()> now_;
    base::Synchronized<Uses> uses_;
};

}  // namespace banger::lifecycle
