// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "banger/sdk/result.hpp"
#include "core/images/entry_filter.hpp"
#include "core/images/ext4_writer.hpp"
#include "core/images/image_facts.hpp"

namespace banger::images {

struct ImportProgress {
    std::uint64_t entries = 0;
    std::uint64_t content_bytes = 0;
};

/// What an archive may at most bring, replaced and removed entries too: of some kilobytes can come any size.
struct ImportLimits {
    std::uint64_t entries = UINT64_MAX;
    std::uint64_t content_bytes = UINT64_MAX;  ///< as long as the files are, holes included
};

/// Where the entries of an archive go.
struct ImportPlan {
    Ext4Writer& root;
    /// Gets what is below /root, with /root's own metadata as its root directory; `root` keeps an empty /root to
    /// mount it on. If /root is a link to a directory that is empty so far, or not there yet, all this is so of that directory. None:
    /// everything goes to `root`.
    Ext4Writer* work = nullptr;
    EntryFilter filter = {};                 ///< none: every entry is kept
    /// Gets the content of files that the filter drops, for as long as the import takes: a hard link to one keeps it under its own
    /// name. None: such a link is invalid.
    Ext4Writer* dropped = nullptr;
    std::vector<std::string> captures = {};  ///< regular files to hand back, as relative paths
    std::size_t capture_limit = 64U << 10;   ///< bytes of each; what is longer is cut
    ImportLimits limits = {};
    std::vector<std::string> probes = {};    ///< paths to look for, following no link
    std::function<void(const ImportProgress&)> progress =
        {};                                ///< at least every 4 MiB and 1,000 entries, and at the end
    std::function<bool()> cancelled = {};  ///< asked for every piece of the archive
};

/// One layer of a stream, as far as its entries tell.
struct ImportedLayer {
    std::string name;        ///< as the stream calls it
    std::string last_entry;  ///< its path, cut for messages
    std::uint64_t bytes = 0; ///< of its archive up to the end of that entry's content
};

struct ImportOutcome {
    ImportProgress total;
    std::map<std::string, std::string> captured;
    std::set<std::string> present;  ///< those of `probes` that are there
    ImageFacts facts;
    std::vector<ImportedLayer> layers;  ///< that the stream said it has; none: it was one plain archive
};

/// Reads a tar archive from a descriptor (file, pipe or socket; stays the caller's) to its end and puts its entries
/// into the writers, which the caller finishes. No symbolic link is ever followed.
///
/// A stream of layers is told by its first entry (layer_marks.hpp). In it later layers replace what earlier ones left,
/// directories by files and back, whiteouts take away what lower layers brought, wherever they stand in their own, and
/// an error says in `during` which entry of which layer it was. A layer that names a file twice is invalid.
///
/// Errors: invalid for an archive that is beyond its limits (the hint names the setting), that would leave its root (absolute
/// names, "..", hard links to such), whose hard links lead nowhere, or that puts a file below a non-directory; unsupported for a /root that is neither a directory nor
/// a link to one, while there is a work disk; corrupt for a damaged archive; no_space; cancelled. After an error the writers are of no
/// use; the caller removes their files.
/// A read that blocks is not interrupted by `cancelled`: the caller ends whoever writes, then this returns. An archive
/// that ends between two entries looks complete: the caller checks how the process that wrote it ended.
sdk::Result<ImportOutcome> import_tar(int fd, const ImportPlan& plan);

}  // namespace banger::images
