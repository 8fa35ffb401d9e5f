// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/handle.hpp"
#include "banger/sdk/result.hpp"

namespace banger::sdk {

class Jails;

enum class LogLevel { debug, info, warning, error };

/// What the host offers a plugin for its whole life. Implemented by the host only, so it may grow at its end.
/// Threads: every method may be called from any thread.
class Host {
public:
    virtual ~Host() = default;

    /// The plugin's own log line. Never log secrets or guest output.
    virtual void log(LogLevel level, std::string_view message) = 0;
    /// The id of this installation (see Owner::instance).
    [[nodiscard]] virtual std::string instance() const = 0;
    /// A private directory where the plugin may keep what can be made again. Exists.
    [[nodiscard]] virtual std::string cache_directory() const = 0;
    /// The directory that holds one directory per VM, named by VM id. `list` scans below it.
    [[nodiscard]] virtual std::string vms_directory() const = 0;
    /// Whose machines these are: VMMs run as this user, and must be able to open what a provider makes. Whoever runs this
    /// process, but in the root helper, where it is the one that the helper serves (see os/own_rights.hpp).
    [[nodiscard]] virtual uid_t user() const { return ::geteuid(); }
    /// What starts programs in jails (jail.hpp); nullptr where nobody could.
    [[nodiscard]] virtual Jails* jails() { return nullptr; }
};

/// One of several things that come at the same time.
struct ProgressPart {
    std::string name;         ///< short and without spaces, such as the beginning of a digest; tells it from the others
    std::uint64_t done = 0;   ///< in the unit of the whole
    std::uint64_t total = 0;  ///< as much as `done`: it is here
};

/// How far a long call has come. Sent to whoever waits for it. Each says all that there is to say: later ones replace it.
struct Progress {
    std::string stage;        ///< a few words in the present tense, such as "download packages"
    std::uint64_t done = 0;   ///< in `unit`; 0 if unknown
    std::uint64_t total = 0;  ///< 0 if unknown
    std::string unit;         ///< "bytes", "packages"; empty if nothing is counted
    std::vector<ProgressPart> parts = {};  ///< what the whole consists of, in its order; none if that is one thing
};

/// One call into a plugin: its cancellation and its listener. Implemented by the host only, so it may grow at its end.
/// Threads: may be used from any thread for as long as the call runs.
class Call {
public:
    virtual ~Call() = default;

    /// True once the caller went away, asked to stop, or the call's deadline passed.
    [[nodiscard]] virtual bool cancelled() const = 0;
    /// Becomes readable when `cancelled` becomes true; for poll(2). Never read from it.
    [[nodiscard]] virtual int cancel_descriptor() const = 0;
    virtual void progress(const Progress& progress) = 0;
    /// What whoever waits for the call should know although it goes on: one sentence, no final full stop.
    virtual void warn(const std::string& message) = 0;
};

/// Whether a provider can work on this host, and with what.
///
/// `offers` and `accepts` are words from one open vocabulary, most preferred first. Core joins what storage and network
/// offer with what the VMM accepts, and refuses a combination without a common word before anything is made:
///   disk:raw disk:qcow2                                   disk formats
///   link:stream-socket link:tap link:descriptor link:none link:user-restricted
///   reach:address                                         a network whose guests the host reaches at their own addresses
///   snapshot:full snapshot:live snapshot:difference       what vmm.snapshot/0 can save, and how
struct Probe {
    bool usable = false;
    std::string reason;                ///< one sentence: why not, or what will be used
    std::string hint;                  ///< what the person should do, if not usable
    std::vector<std::string> offers;
    std::vector<std::string> accepts;
    Fields facts;                      ///< such as accelerator=tcg, version=7.2.0; shown by `plugin show` and `doctor`
};

/// The root of every interface that a plugin implements. Such an interface never grows: a new power is a new kind.
///
/// Threads: methods may be called from several threads at once, for different VMs; never twice at once for one VM.
/// Exceptions: none cross; what escapes is reported as a defect of the plugin.
class Provider {
public:
    virtual ~Provider() = default;

    /// Can this provider work here? Bounded in time, changes nothing that outlives it except its own cache.
    [[nodiscard]] virtual Result<Probe> probe(Call& call) = 0;
};

}  // namespace banger::sdk
